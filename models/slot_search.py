"""The search for slots: who can be at this door, when, and will they be on time? Best first, or why nobody can."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, overload
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.day import Rules
from models.diary_index import Days, DiaryIndex, Known, index_for
from models.many_gaps import joined
from models.many_slots import ManySlots, many_slots
from models.many_ways import Real, Whole
from models.no_slot import NoSlot, Relaxation, why_not
from models.slots import Slot, Wanted, cost
from models.travel import Place, TravelModel
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


class Offers(Sequence[Offer]):
    """Offers, best first. They are made when they are looked at: of thousands that are ranked a page is shown."""

    def __init__(self, officers: Sequence[UUID], whose: Whole, costs: Real, slots: ManySlots) -> None:
        self._officers = officers
        ranked = np.lexsort((whose, slots.starts, costs))
        self._columns = [each[ranked] for each in (costs, whose, *slots[1:])]

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, place: int) -> Offer: ...

    @overload
    def __getitem__(self, place: slice) -> list[Offer]: ...

    def __getitem__(self, place: int | slice) -> Offer | list[Offer]:
        if isinstance(place, slice):
            return [
                self._offer(*each) for each in zip(*(each[place].tolist() for each in self._columns), strict=True)
            ]
        return self._offer(*(each[place].item() for each in self._columns))

    def __iter__(self) -> Iterator[Offer]:
        return iter(self[:])

    def _offer(
        self, cost: float, whose: int, starts: int, extra_s: int, on_time_probability: float, unusable_s: int
    ) -> Offer:
        return Offer(cost, starts, self._officers[whose], Slot(starts, extra_s, on_time_probability, unusable_s))


@dataclass(slots=True)
class Answer:
    """All offers, best first. Without any, `reasons` counts why, by officer and day, and `relaxation` is the least
    that would have to give: who, and what."""

    offers: Sequence[Offer]
    reasons: Counter[NoSlot]
    relaxation: tuple[UUID, Relaxation] | None = None


def search(
    session: Session, ask: Ask, model: TravelModel, at: datetime, *, index: DiaryIndex | None = None
) -> Answer:
    """Every slot there is, ranked "by extra travel, punctuality risk, unusable gaps and a familiar officer".

    The officers' days come from the `index` of this process, if no other is given.
    """
    days, reasons, rules = list(ask.days()), Counter[NoSlot](), Rules(model)
    index = index_for(session) if index is None else index

    def is_able(officer: Known) -> bool:
        why = why_unable(officer, ask.skills, ask.postcode)
        if why is not None:
            reasons[why] += len(days)
        return why is None

    found = index.days_of(session, days, at, is_able, rules)
    offers = _offers(found, known_to(session, ask.resident_id), ask.wanted, model)
    if offers:
        return Answer(offers, Counter())
    return Answer(offers, reasons, _explain(reasons, days, found, ask.wanted, rules))


def _offers(
    found: Sequence[Days], familiar: Collection[UUID | None], wanted: Wanted, model: TravelModel
) -> Offers:
    slots = many_slots(joined(each.gaps for each in found), wanted, model)
    numbers = np.arange(len(found))
    owners = (
        np.repeat(numbers, [each.gaps.times.shape[1] for each in found]),
        np.repeat(numbers, [len(each.gaps.others) for each in found]),
    )
    whose = np.concatenate(owners)[slots.gaps]
    is_familiar = np.array([each.known.id in familiar for each in found], dtype=bool)[whose]
    _, _, extra_s, on_time_probability, unusable_s = slots
    # Rounded, so that a page's cursor ranks exactly as the offers do.
    costs = np.round(cost(extra_s, on_time_probability, unusable_s, is_familiar), 4)
    return Offers([each.known.id for each in found], whose, costs, slots)


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
    return not areas or postcode is None or not _areas_of(postcode).isdisjoint(areas)


@lru_cache(maxsize=1024)
def _areas_of(postcode: str) -> frozenset[str]:
    district, _, rest = postcode.partition(" ")
    return frozenset((district, f"{district} {rest[:1]}"))


def known_to(session: Session, resident_id: UUID | None) -> set[UUID | None]:
    """The officers who have been at this resident's door."""
    if resident_id is None:
        return set()
    been = select(Visit.officer_id, Visit.second_officer_id).where(
        Visit.resident_id == resident_id, Visit.status.in_((VisitStatus.COMPLETED, VisitStatus.ARRIVED))
    )
    return {officer_id for both in session.execute(been) for officer_id in both}


def _explain(
    reasons: Counter[NoSlot], days: Sequence[date], found: Sequence[Days], wanted: Wanted, rules: Rules
) -> tuple[UUID, Relaxation] | None:
    """Count why no officer has a slot on any day, and find the least that would have to give."""
    least: tuple[int, int, UUID, Relaxation] | None = None
    each = ((its.known, day, there) for its in found for day, there in zip(days, its.planned, strict=True))
    for officer, day, (working, day_plan, *_) in each:
        if not works_for_us(officer, day):
            reasons[NoSlot.SHIFT] += 1
        elif working.closed is not None and not day_plan.windows:
            reasons[why_closed(NoSlot.SHIFT, working)] += 1
        else:
            reason, relaxation = why_not(day_plan, wanted, rules)
            reasons[why_closed(reason, working)] += 1
            if relaxation is not None:
                one = (relaxation.short_s, relaxation.starts, officer.id, relaxation)
                least = one if least is None else min(least, one, key=lambda each: each[:3])
    return None if least is None else (least[2], least[3])


def why_closed(reason: NoSlot, working: WorkingDay) -> NoSlot:
    """The same reason; where it is that the officer does not work then, why."""
    return _WHY_CLOSED[working.closed] if reason is NoSlot.SHIFT and working.closed is not None else reason


def _rounded_up(at: datetime) -> int:
    return -int(-at.timestamp() // 1)
