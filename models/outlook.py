"""The outlook for an officer's day: from what they reported last, when they will be at each visit that is left."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.database import UtcDateTime, sees_newest
from models.day import TRAVEL_CV, Lunch, Rules, Stop, Travel
from models.diary import day_bounds
from models.diary_index import index_for
from models.officer_days import plan
from models.prediction import Estimate, arrivals, free_at
from models.prepared import Prepared
from models.resident import Resident
from models.travel import Place
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus, is_by
from models.visit_event import officers_words
from models.working_hours import load_hours

_DAY = Prepared(
    select(
        Visit.id,
        Visit.status,
        Visit.starts_at,
        Visit.ends_at,
        Visit.expected_at,
        Visit.departed_at,
        Visit.arrived_at,
        Visit.finished_at,
        Resident.latitude,
        Resident.longitude,
    )
    .join(Resident, Resident.id == Visit.resident_id)
    .where(
        is_by(bindparam("officer", type_=Uuid())),
        Visit.starts_at >= bindparam("begins", type_=UtcDateTime()),
        Visit.starts_at < bindparam("ends", type_=UtcDateTime()),
    )
    .order_by(Visit.starts_at, Visit.id)
)


Words = Mapping[UUID, float]
"""What officers have said of their visits themselves: when they will be there, in Unix seconds."""


_TODAY = Prepared(
    select(
        Visit.officer_id,
        Visit.second_officer_id,
        and_(
            or_(*(Visit.status == status for status in BEFORE_THE_DOOR)),
            Visit.starts_at <= bindparam("until", type_=UtcDateTime()),
        ).label("is_near"),
        and_(
            Visit.status != VisitStatus.CANCELLED,
            or_(Visit.departed_at.is_not(None), Visit.arrived_at.is_not(None), Visit.finished_at.is_not(None)),
        ).label("is_reported"),
    ).where(
        Visit.starts_at >= bindparam("begins", type_=UtcDateTime()),
        Visit.starts_at < bindparam("ends", type_=UtcDateTime()),
    )
)


def who_might_be_late(session: Session, at: datetime, within: timedelta) -> list[UUID]:
    """The officers of whom something was reported on this London day, and who have a visit to make that starts
    `within` this time, or should have: in one statement over the day's visits."""
    begins, ends = day_bounds(at.astimezone(LONDON).date())
    near, known = set(), set()
    for row in _TODAY.all(session, begins=begins, ends=ends, until=at + within):
        officers = {row.officer_id, row.second_officer_id}
        if row.is_near:
            near |= officers
        if row.is_reported:
            known |= officers
    return sorted(near & known - {None})


class Outlook(NamedTuple):
    """A visit that is still to come, and when its officer will be there; None if nothing is known of that.

    `word` is what its officer said themselves, if they did.
    """

    visit_id: UUID
    starts_at: datetime
    arrival: Estimate | None
    word: float | None = None


def outlook(session: Session, officer_id: UUID, travel: Travel, at: datetime) -> list[Outlook]:
    """The officer's visits of this London day that are still to come, in the order in which they will be made."""
    today = at.astimezone(LONDON).date()
    begins, ends = day_bounds(today)
    visits = _DAY.all(session, officer=officer_id, begins=begins, ends=ends)
    delayed = [visit for visit in visits if visit.status in BEFORE_THE_DOOR and visit.expected_at is not None]
    own = officers_words(session, [visit.id for visit in delayed])
    words = {visit.id: visit.expected_at.timestamp() for visit in delayed if visit.id in own}
    lunch = lunches(session, [officer_id], travel, at)[officer_id]
    return foreseen(visits, lunch, words, travel, at.timestamp())


def lunches(
    session: Session, officer_ids: Collection[UUID], travel: Travel, at: datetime
) -> dict[UUID, Lunch | None]:
    """The lunch that each of these officers has on this London day: as their days are kept ready, for whoever sees
    what is committed."""
    today, found = at.astimezone(LONDON).date(), {}
    if sees_newest(session):
        days = index_for(session).days_of(session, [today], at, lambda who: who.id in officer_ids, Rules(travel))
        found = {each.known.id: each.planned[0].day.lunch for each in days}
    # Nor is anybody kept who does not work for us any more, and may still have a visit.
    others = [officer_id for officer_id in officer_ids if officer_id not in found]
    hours = load_hours(session, others, today, today) if others else {}
    return found | {officer_id: plan(hours[officer_id].on(today), ()).lunch for officer_id in others}


def foreseen(
    visits: Sequence[Any], lunch: Lunch | None, words: Words, travel: Travel, now: float
) -> list[Outlook]:
    """The same of a day's `visits`, by start, as they stand.

    "No event is *unknown*, never on time": until something was reported today, nothing is predicted. Nor is it of
    a visit that its officer has passed over, for a later one or the way to it: they may have forgotten to report
    it.
    """
    left = [visit for visit in visits if visit.status in BEFORE_THE_DOOR]
    standing = _standing(visits, travel, now)
    passed, coming = left, []
    if standing is not None:
        passed = [visit for visit in left if visit.starts_at < standing.last.starts_at]
        coming = left[len(passed) :]
    predicted = _predicted(standing, coming, lunch, words, travel, now) if standing else ()
    return [Outlook(visit.id, visit.starts_at, None, words.get(visit.id)) for visit in passed] + [
        Outlook(visit.id, visit.starts_at, arrival, words.get(visit.id))
        for visit, arrival in zip(coming, predicted, strict=True)
    ]


class _Standing(NamedTuple):
    """When the officer is free of what they do now, and where; or when they are there, if they are on the way."""

    free: Estimate
    place: Place | None
    last: Any
    """The visit of which something was reported last."""


def _standing(visits: Sequence[Any], travel: Travel, now: float) -> _Standing | None:
    """By the last thing that was reported of this day; None if nothing was."""
    reported = [(_reported_at(visit), number) for number, visit in enumerate(visits) if _reported_at(visit)]
    if not reported:
        return None
    last = visits[max(reported)[1]]
    if last.status in BEFORE_THE_DOOR:
        done = [visit for visit in visits if visit.finished_at or visit.arrived_at]
        journey = travel.seconds(_place(done[-1]) if done else None, _place(last), last.departed_at.timestamp())
        there = Estimate(last.departed_at.timestamp() + journey, (TRAVEL_CV * journey) ** 2)
        return _Standing(there.after(now), _place(last), last)
    if last.finished_at:
        return _Standing(Estimate(max(now, last.finished_at.timestamp()), 0.0), _place(last), last)
    # Who was early has waited.
    begun = max(last.arrived_at, last.starts_at).timestamp()
    seconds = (last.ends_at - last.starts_at).total_seconds()
    return _Standing(free_at(begun, seconds, now), _place(last), last)


def _reported_at(visit: Any) -> datetime | None:
    if visit.status in (VisitStatus.CANCELLED, VisitStatus.MISSED):
        # Who set out for a visit that was then missed may be anywhere.
        return None
    found: datetime | None = visit.finished_at or visit.arrived_at or visit.departed_at
    return found


def _predicted(
    standing: _Standing, coming: Sequence[Any], lunch: Lunch | None, words: Words, travel: Travel, now: float
) -> Iterator[Estimate]:
    free, place = standing.free, standing.place
    stops = [Stop(int(each.starts_at.timestamp()), int(each.ends_at.timestamp()), _place(each)) for each in coming]
    said = [words.get(each.id) for each in coming]
    if coming and standing.last.id == coming[0].id:
        # The officer's own word is worth more than any reckoning, while it can still come true.
        there = free if said[0] is None else free._replace(mean=said[0]).after(now)
        yield there
        free, stops, said = there.after(stops[0].starts).served(stops[0]), stops[1:], said[1:]
    yield from arrivals(free, place, stops, travel, lunch, said)


def _place(visit: Any) -> Place | None:
    return None if visit.latitude is None or visit.longitude is None else (visit.latitude, visit.longitude)
