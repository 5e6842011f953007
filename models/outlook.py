"""The outlook for an officer's day: from what they reported last, when they will be at each visit that is left."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.database import UtcDateTime
from models.day import TRAVEL_CV, Lunch, Stop, Travel
from models.diary import day_bounds
from models.officer_days import plan
from models.prediction import Estimate, arrivals, free_at
from models.prepared import Prepared
from models.resident import Resident
from models.travel import Place
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus, is_by
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


class Outlook(NamedTuple):
    """A visit that is still to come, and when its officer will be there; None if nothing is known of their day."""

    visit_id: UUID
    starts_at: datetime
    arrival: Estimate | None


def outlook(session: Session, officer_id: UUID, travel: Travel, at: datetime) -> list[Outlook]:
    """The officer's visits of this London day that are still to come, in the order in which they will be made."""
    today = at.astimezone(LONDON).date()
    begins, ends = day_bounds(today)
    visits = _DAY.all(session, officer=officer_id, begins=begins, ends=ends)
    day = plan(load_hours(session, [officer_id], today, today)[officer_id].on(today), ())
    return foreseen(visits, day.lunch, travel, at.timestamp())


def foreseen(visits: Sequence[Any], lunch: Lunch | None, travel: Travel, now: float) -> list[Outlook]:
    """The same of a day's `visits`, by start, as they stand.

    "No event is *unknown*, never on time": until something was reported today, nothing is predicted.
    """
    left = [visit for visit in visits if visit.status in BEFORE_THE_DOOR]
    standing = _standing(visits, travel, now)
    if standing is None:
        return [Outlook(visit.id, visit.starts_at, None) for visit in left]
    # Whom they are on the way to they visit next, whatever was booked before.
    left.sort(key=lambda visit: visit.id != standing.on_the_way_to)
    predicted = _predicted(standing, left, lunch, travel)
    return [Outlook(visit.id, visit.starts_at, arrival) for visit, arrival in zip(left, predicted, strict=True)]


class _Standing(NamedTuple):
    """When the officer is free of what they do now, and where; or when they are there, if they are on the way."""

    free: Estimate
    place: Place | None
    on_the_way_to: UUID | None = None


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
        return _Standing(there.after(now), _place(last), on_the_way_to=last.id)
    if last.finished_at:
        return _Standing(Estimate(max(now, last.finished_at.timestamp()), 0.0), _place(last))
    seconds = (last.ends_at - last.starts_at).total_seconds()
    return _Standing(free_at(last.arrived_at.timestamp(), seconds, now), _place(last))


def _reported_at(visit: Any) -> datetime | None:
    if visit.status is VisitStatus.CANCELLED:
        return None
    found: datetime | None = visit.finished_at or visit.arrived_at or visit.departed_at
    return found


def _predicted(
    standing: _Standing, left: Sequence[Any], lunch: Lunch | None, travel: Travel
) -> Iterator[Estimate]:
    free, place = standing.free, standing.place
    stops = [Stop(int(each.starts_at.timestamp()), int(each.ends_at.timestamp()), _place(each)) for each in left]
    if left and standing.on_the_way_to == left[0].id:
        first = left[0]
        # The officer's own word is worth more than any reckoning.
        there = free if first.expected_at is None else free._replace(mean=first.expected_at.timestamp())
        yield there
        free, stops = there.after(stops[0].starts).served(stops[0]), stops[1:]
    yield from arrivals(free, place, stops, travel, lunch)


def _place(visit: Any) -> Place | None:
    return None if visit.latitude is None or visit.longitude is None else (visit.latitude, visit.longitude)
