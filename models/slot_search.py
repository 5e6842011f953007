"""The search for slots: who can be at this door, when, and will they be on time? Best first, or why nobody can."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.day import Rules
from models.diary_index import DiaryIndex, Known, Planned, index_for
from models.no_slot import NoSlot, Relaxation, why_not
from models.slots import Slot, Wanted, slots
from models.travel import Place
from models.visit import Visit, VisitStatus
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
    """A slot of one officer; offers are ranked by what they cost, then by their start in Unix seconds."""

    cost: float
    starts: int
    officer_id: UUID
    slot: Slot

    @property
    def starts_at(self) -> datetime:
        """The start as an instant: reckoned for what is shown, not for the thousands that are ranked."""
        return datetime.fromtimestamp(self.starts, UTC)


@dataclass(slots=True)
class Answer:
    """All offers, best first. Without any, `reasons` counts why, by officer and day, and `relaxation` is the least
    that would have to give: who, and what."""

    offers: list[Offer] = field(default_factory=list)
    reasons: Counter[NoSlot] = field(default_factory=Counter)
    relaxation: tuple[UUID, Relaxation] | None = None


def search(session: Session, ask: Ask, rules: Rules, at: datetime, *, index: DiaryIndex | None = None) -> Answer:
    """Every slot there is, ranked "by extra travel, punctuality risk, unusable gaps and a familiar officer".

    The officers' days come from the `index` of this process, if no other is given.
    """
    answer, days = Answer(), list(ask.days())
    index = index_for(session) if index is None else index

    def is_able(officer: Known) -> bool:
        why = why_unable(officer, ask.skills, ask.postcode)
        if why is not None:
            answer.reasons[why] += len(days)
        return why is None

    planned = index.days_of(session, days, at, is_able)
    familiar = known_to(session, ask.resident_id)
    wanted = ask.wanted
    for officer, of_officer in planned:
        is_familiar = officer.id in familiar
        for day, there in zip(days, of_officer, strict=True):
            if works_for_us(officer, day):
                for slot in slots(there.day, wanted, rules):
                    # Rounded, so that a page's cursor ranks exactly as the offers do.
                    cost = round(slot.cost(is_familiar), 4)
                    answer.offers.append(Offer(cost, slot.starts, officer.id, slot))
    if answer.offers:
        answer.offers.sort()
        answer.reasons.clear()
    else:
        _explain(answer, days, planned, wanted, rules)
    return answer


def works_for_us(officer: Known, day: date) -> bool:
    """Whether the contract goes on until this day."""
    return officer.contract_ends_on is None or day <= officer.contract_ends_on


def why_unable(officer: Known, skills: Collection[str], postcode: str | None) -> NoSlot | None:
    """Why this officer may not make a visit of these skills, to this postcode, on any day; None if they may."""
    if not officer.skills.issuperset(skills):
        return NoSlot.SKILL
    return None if covers(officer.areas, postcode) else NoSlot.AREA


def covers(areas: list[str], postcode: str | None) -> bool:
    """Whether an officer of these areas goes to this postcode: `HA1` is a district, `HA1 2` a sector of it.

    Who has no areas goes everywhere, and anybody goes to a place that nobody has said.
    """
    if not areas or postcode is None:
        return True
    district, _, rest = postcode.partition(" ")
    return any(area in (district, f"{district} {rest[:1]}") for area in areas)


def known_to(session: Session, resident_id: UUID | None) -> set[UUID | None]:
    """The officers who have been at this resident's door."""
    if resident_id is None:
        return set()
    been = select(Visit.officer_id, Visit.second_officer_id).where(
        Visit.resident_id == resident_id, Visit.status.in_((VisitStatus.COMPLETED, VisitStatus.ARRIVED))
    )
    return {officer_id for both in session.execute(been) for officer_id in both}


def _explain(
    answer: Answer,
    days: Sequence[date],
    planned: Sequence[tuple[Known, list[Planned]]],
    wanted: Wanted,
    rules: Rules,
) -> None:
    """Count why no officer has a slot on any day, and find the least that would have to give."""
    least: tuple[int, int, UUID, Relaxation] | None = None
    each = ((officer, day, there) for officer, its in planned for day, there in zip(days, its, strict=True))
    for officer, day, (working, day_plan, *_) in each:
        if not works_for_us(officer, day):
            answer.reasons[NoSlot.SHIFT] += 1
        elif working.closed is not None and not day_plan.windows:
            answer.reasons[why_closed(NoSlot.SHIFT, working)] += 1
        else:
            reason, relaxation = why_not(day_plan, wanted, rules)
            answer.reasons[why_closed(reason, working)] += 1
            if relaxation is not None:
                found = (relaxation.short_s, relaxation.starts, officer.id, relaxation)
                least = found if least is None else min(least, found, key=lambda one: one[:3])
    if least is not None:
        answer.relaxation = (least[2], least[3])


def why_closed(reason: NoSlot, working: WorkingDay) -> NoSlot:
    """The same reason; where it is that the officer does not work then, why."""
    return _WHY_CLOSED[working.closed] if reason is NoSlot.SHIFT and working.closed is not None else reason


def _rounded_up(at: datetime) -> int:
    return -int(-at.timestamp() // 1)
