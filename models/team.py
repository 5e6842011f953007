"""The team: all who visit for us, and their days, to find somebody for one visit after another."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.day import Day, Rules, Stop
from models.diary import day_bounds
from models.diary_index import Known
from models.no_slot import NoSlot, why_not_at
from models.officer import Officer
from models.officer_days import plans
from models.slot_search import known_to, why_closed, why_unable, works_for_us
from models.slots import Slot, Wanted, slot_at, slots
from models.visit import Visit
from models.working_time import WorkingDay


class Suggestion(NamedTuple):
    """An officer who can make a visit; suggestions are ranked by what they cost."""

    cost: float
    officer_id: UUID
    slot: Slot


@dataclass(slots=True)
class Suggestions:
    """Who can make a visit, best first. Without any, `reasons` counts why the officers cannot."""

    items: list[Suggestion] = field(default_factory=list)
    reasons: Counter[NoSlot] = field(default_factory=Counter)


class Team:
    """Everybody who visits for us, with their days as they were when each was first looked at.

    Visits that are `leaving_out` do not count, as when they are to be moved, nor does what `asked_by` keeps.
    """

    def __init__(
        self,
        session: Session,
        rules: Rules,
        at: datetime,
        *,
        leaving_out: Collection[UUID] = (),
        asked_by: UUID | None = None,
    ) -> None:
        self._session, self._rules, self._at = session, rules, at
        self._leaving_out, self._asked_by = leaving_out, asked_by
        self._officers = {each.id: each for each in _at_work(session)}
        self._days: dict[date, dict[UUID, tuple[WorkingDay, Day]]] = {}
        self._known_to: dict[UUID, set[UUID | None]] = {}

    def for_visit(self, visit: Visit, *, but: Collection[UUID] = ()) -> Suggestions:
        """Who can make this visit at exactly its time, by the rules of a search for slots; nobody of `but`."""
        found, stop = Suggestions(), stop_of(visit)
        for officer_id, working, plan in self._able(visit, london_day(visit.starts_at), found.reasons):
            slot = None if officer_id in but else slot_at(plan, stop, self._rules)
            if slot is None:
                found.reasons[why_closed(why_not_at(plan, stop, self._rules), working)] += 1
            else:
                found.items.append(self._suggestion(visit, officer_id, slot))
        if found.items:
            found.items.sort(key=lambda each: each[:2])
            found.reasons.clear()
        return found

    def on_day(self, visit: Visit, day: date) -> Iterator[Suggestion]:
        """Everybody's slots for this visit on a day, from now on, at other times than its own."""
        begins, ends = (int(bound.timestamp()) for bound in day_bounds(day))
        stop = stop_of(visit)
        now = int(-(-self._at.timestamp() // 1))
        wanted = Wanted(stop.ends - stop.starts, stop.place, max(begins, now), ends)
        for officer_id, _, plan in self._able(visit, day, Counter()):
            for slot in slots(plan, wanted, self._rules):
                if slot.starts != stop.starts:
                    yield self._suggestion(visit, officer_id, slot)

    def take(self, officer_id: UUID, stop: Stop) -> None:
        """From now on this time of theirs is not free. Who is not at work has none."""
        if officer_id not in self._officers:
            return
        for day in {london_day(instant(stop.starts)), london_day(instant(stop.ends - 1))}:
            working, plan = self._on(day)[officer_id]
            self._days[day][officer_id] = working, plan.with_stop(stop)

    def _able(self, visit: Visit, day: date, reasons: Counter[NoSlot]) -> Iterator[tuple[UUID, WorkingDay, Day]]:
        """The officers who may make this visit, if their day lets them; counts why the others may not."""
        for officer in self._officers.values():
            why = why_unable(officer, visit.skills, visit.resident.postcode)
            if why is None and not works_for_us(officer, day):
                why = NoSlot.SHIFT
            if why is None:
                yield officer.id, *self._on(day)[officer.id]
            else:
                reasons[why] += 1

    def _suggestion(self, visit: Visit, officer_id: UUID, slot: Slot) -> Suggestion:
        return Suggestion(slot.cost(officer_id in self._familiar(visit.resident_id)), officer_id, slot)

    def _on(self, day: date) -> dict[UUID, tuple[WorkingDay, Day]]:
        """Everybody's hours and visits of one day."""
        if day not in self._days:
            planned = plans(
                self._session,
                list(self._officers),
                [day],
                self._at,
                leaving_out=self._leaving_out,
                asked_by=self._asked_by,
            )
            self._days[day] = {officer_id: plan for (officer_id, _), plan in planned.items()}
        return self._days[day]

    def _familiar(self, resident_id: UUID) -> set[UUID | None]:
        if resident_id not in self._known_to:
            self._known_to[resident_id] = known_to(self._session, resident_id)
        return self._known_to[resident_id]


def _at_work(session: Session) -> list[Known]:
    """The officers who visit for us at all."""
    columns = (Officer.id, Officer.skills, Officer.areas, Officer.contract_ends_on)
    working = select(*columns).where(Officer.active, Officer.suspended_at.is_(None)).order_by(Officer.id)
    return [
        Known(each.id, frozenset(each.skills), each.areas, each.contract_ends_on)
        for each in session.execute(working)
    ]


def stop_of(visit: Visit) -> Stop:
    """The visit as a day sees it."""
    return Stop(int(visit.starts_at.timestamp()), int(visit.ends_at.timestamp()), visit.resident.place)


def london_day(at: datetime) -> date:
    """The date in London at this instant."""
    return at.astimezone(LONDON).date()


def instant(second: int) -> datetime:
    """A Unix second as the rest of the product writes times."""
    return datetime.fromtimestamp(second, UTC)
