"""The search for slots: who can be at this door, when, and will they be on time? Best first, or why nobody can."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.day import Day, Lunch, Piece, Rules, Stop
from models.diary import LONGEST_VISIT, day_bounds
from models.hold import Hold
from models.no_slot import NoSlot, Relaxation, why_not
from models.officer import Officer
from models.resident import Resident
from models.slots import Slot, Wanted, slots
from models.travel import Place
from models.visit import Visit, VisitStatus
from models.working_hours import load_hours
from models.working_time import Closed, WorkingDay

LONGEST_SEARCH = timedelta(days=28)

_WHY_CLOSED = {
    Closed.NO_SHIFT: NoSlot.SHIFT,
    Closed.EXCEPTION: NoSlot.SHIFT,
    Closed.BANK_HOLIDAY: NoSlot.HOLIDAY,
    Closed.LEAVE: NoSlot.LEAVE,
    Closed.SICKNESS: NoSlot.LEAVE,
    Closed.TRAINING: NoSlot.LEAVE,
    Closed.OTHER: NoSlot.LEAVE,
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What a scheduler asks for: a visit of this length, here, that begins from `earliest` and before `latest`."""

    earliest: datetime
    latest: datetime
    duration: timedelta
    place: Place | None
    postcode: str | None
    skills: frozenset[str] = frozenset()
    resident_id: UUID | None = None

    @property
    def wanted(self) -> Wanted:
        """The same in seconds, as a day's search takes it."""
        seconds = int(self.duration.total_seconds())
        return Wanted(seconds, self.place, _rounded_up(self.earliest), _rounded_up(self.latest))

    def days(self) -> Iterator[date]:
        """The London days in which it may begin."""
        day = self.earliest.astimezone(LONDON).date()
        last = (self.latest - timedelta(microseconds=1)).astimezone(LONDON).date()
        while day <= last:
            yield day
            day += timedelta(days=1)


class Offer(NamedTuple):
    """A slot of one officer; offers are ranked by what they cost, then by their start."""

    cost: float
    starts_at: datetime
    officer_id: UUID
    slot: Slot


@dataclass(slots=True)
class Answer:
    """All offers, best first. Without any, `reasons` counts why, by officer and day, and `relaxation` is the least
    that would have to give: who, and what."""

    offers: list[Offer] = field(default_factory=list)
    reasons: Counter[NoSlot] = field(default_factory=Counter)
    relaxation: tuple[UUID, Relaxation] | None = None


def search(session: Session, ask: Ask, rules: Rules, at: datetime) -> Answer:
    """Every slot there is, ranked "by extra travel, punctuality risk, unusable gaps and a familiar officer"."""
    answer, days = Answer(), list(ask.days())
    able = _able(session, ask, len(days), answer.reasons)
    planned = plans(session, list(able), days, at)
    familiar = _familiar(session, ask.resident_id)
    wanted = ask.wanted
    for (officer_id, day), (_, plan) in planned.items():
        if works_for_us(able[officer_id], day):
            for slot in slots(plan, wanted, rules):
                starts_at = datetime.fromtimestamp(slot.starts, UTC)
                # Rounded, so that a page's cursor ranks exactly as the offers do.
                cost = round(slot.cost(officer_id in familiar), 4)
                answer.offers.append(Offer(cost, starts_at, officer_id, slot))
    if answer.offers:
        answer.offers.sort()
        answer.reasons.clear()
    else:
        _explain(answer, planned, able, wanted, rules)
    return answer


def plans(
    session: Session, officer_ids: list[UUID], days: list[date], at: datetime
) -> dict[tuple[UUID, date], tuple[WorkingDay, Day]]:
    """What each of these officers works and has booked on each of these days, as it is at `at`."""
    stops = _stops(session, officer_ids, days, at)
    hours = load_hours(session, officer_ids, days[0], days[-1])
    found = {}
    for officer_id in officer_ids:
        for day in days:
            working = hours[officer_id].on(day)
            found[officer_id, day] = (working, plan(working, stops.get((officer_id, day), ())))
    return found


def plan(working: WorkingDay, stops: Iterable[Stop]) -> Day:
    """A working day and its visits, in seconds."""
    lunch = None
    if (off := working.lunch) is not None:
        lunch = Lunch(int(off.duration.total_seconds()), _second(off.earliest), _second(off.latest))
    return Day(
        windows=tuple(Piece(_second(window.starts_at), _second(window.ends_at)) for window in working.windows),
        stops=tuple(stops),
        lunch=lunch,
        starts_from=working.starts_from,
        ends_at=working.ends_at_place,
    )


def works_for_us(officer: Row[*tuple[Any, ...]], day: date) -> bool:
    """Whether the contract goes on until this day."""
    return officer.contract_ends_on is None or day <= officer.contract_ends_on


def _able(session: Session, ask: Ask, days: int, reasons: Counter[NoSlot]) -> dict[UUID, Any]:
    """The officers who may do it at all, by what they can and where they go; counts those who may not."""
    columns = (Officer.id, Officer.skills, Officer.areas, Officer.contract_ends_on)
    working = select(*columns).where(Officer.active, Officer.suspended_at.is_(None)).order_by(Officer.id)
    able = {}
    for officer in session.execute(working):
        if not ask.skills <= set(officer.skills):
            reasons[NoSlot.SKILL] += days
        elif not covers(officer.areas, ask.postcode):
            reasons[NoSlot.AREA] += days
        else:
            able[officer.id] = officer
    return able


def covers(areas: list[str], postcode: str | None) -> bool:
    """Whether an officer of these areas goes to this postcode: `HA1` is a district, `HA1 2` a sector of it.

    Who has no areas goes everywhere, and anybody goes to a place that nobody has said.
    """
    if not areas or postcode is None:
        return True
    district, _, rest = postcode.partition(" ")
    return any(area in (district, f"{district} {rest[:1]}") for area in areas)


def _stops(
    session: Session, officer_ids: list[UUID], days: list[date], at: datetime
) -> Mapping[tuple[UUID | None, date], list[Stop]]:
    """The visits of these officers, and what is kept of their time, by each London day they touch."""
    begins, ends = day_bounds(days[0])[0], day_bounds(days[-1])[1]
    # No visit is longer than LONGEST_VISIT, so that the index gives one night's visits more and not years of them.
    earliest = begins - LONGEST_VISIT
    booked = (
        select(Visit.officer_id, Visit.starts_at, Visit.ends_at, Resident.latitude, Resident.longitude)
        .join(Resident, Resident.id == Visit.resident_id)
        .where(
            Visit.officer_id.in_(officer_ids),
            Visit.starts_at >= earliest,
            Visit.starts_at < ends,
            Visit.ends_at > begins,
            Visit.status != VisitStatus.CANCELLED,
        )
        .order_by(Visit.officer_id, Visit.starts_at, Visit.id)
    )
    held = (
        select(Hold.officer_id, Hold.starts_at, Hold.ends_at, Resident.latitude, Resident.longitude)
        .outerjoin(Resident, Resident.id == Hold.resident_id)
        .where(
            Hold.officer_id.in_(officer_ids),
            Hold.expires_at > at,
            Hold.ended_at.is_(None),
            Hold.starts_at >= earliest,
            Hold.starts_at < ends,
            Hold.ends_at > begins,
        )
        .order_by(Hold.officer_id, Hold.starts_at, Hold.id)
    )
    stops: dict[tuple[UUID | None, date], list[Stop]] = defaultdict(list)
    for officer_id, starts_at, ends_at, latitude, longitude in (
        *session.execute(booked),
        *session.execute(held),
    ):
        place = None if latitude is None or longitude is None else (latitude, longitude)
        stop = Stop(_second(starts_at), _second(ends_at), place)
        last = ends_at - timedelta(microseconds=1)
        for day in {starts_at.astimezone(LONDON).date(), last.astimezone(LONDON).date()}:
            stops[officer_id, day].append(stop)
    for of_day in stops.values():
        of_day.sort(key=lambda stop: stop.starts)
    return stops


def _familiar(session: Session, resident_id: UUID | None) -> set[UUID | None]:
    """The officers who have been at this resident's door."""
    if resident_id is None:
        return set()
    been = select(Visit.officer_id).where(
        Visit.resident_id == resident_id, Visit.status.in_((VisitStatus.COMPLETED, VisitStatus.ARRIVED))
    )
    return set(session.scalars(been))


def _explain(
    answer: Answer,
    planned: Mapping[tuple[UUID, date], tuple[WorkingDay, Day]],
    able: Mapping[UUID, Any],
    wanted: Wanted,
    rules: Rules,
) -> None:
    """Count why no officer has a slot on any day, and find the least that would have to give."""
    least: tuple[int, int, UUID, Relaxation] | None = None
    for (officer_id, day), (working, day_plan) in planned.items():
        if not works_for_us(able[officer_id], day):
            answer.reasons[NoSlot.SHIFT] += 1
        elif working.closed is not None and not day_plan.windows:
            answer.reasons[_WHY_CLOSED[working.closed]] += 1
        else:
            reason, relaxation = why_not(day_plan, wanted, rules)
            if reason is NoSlot.SHIFT and working.closed is not None:
                reason = _WHY_CLOSED[working.closed]
            answer.reasons[reason] += 1
            if relaxation is not None:
                found = (relaxation.short_s, relaxation.starts, officer_id, relaxation)
                least = found if least is None else min(least, found, key=lambda each: each[:3])
    if least is not None:
        answer.relaxation = (least[2], least[3])


def _second(at: datetime) -> int:
    return int(at.timestamp())


def _rounded_up(at: datetime) -> int:
    return -int(-at.timestamp() // 1)
