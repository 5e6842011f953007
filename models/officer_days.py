"""Officers' days as they are now: hours, visits and holds, brought together for the day's simulation."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, bindparam, cast, literal_column, null, select, union_all
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.database import UtcDateTime
from models.day import Day, Lunch, Piece, Stop
from models.diary import LONGEST_VISIT, day_bounds
from models.hold import Hold
from models.prepared import Prepared
from models.resident import Resident
from models.visit import Visit, VisitStatus
from models.working_hours import load_hours
from models.working_time import WorkingDay


def plans(
    session: Session,
    officer_ids: list[UUID],
    days: list[date],
    at: datetime,
    *,
    leaving_out: Collection[UUID] = (),
    asked_by: UUID | None = None,
) -> dict[tuple[UUID, date], tuple[WorkingDay, Day]]:
    """What each of these officers works and has booked on each of these days, as it is at `at`.

    Visits that are `leaving_out` do not count, as when they are to be moved, nor does what `asked_by` keeps.
    """
    stops = _stops(session, officer_ids, days, at, leaving_out, asked_by)
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


def _stops(
    session: Session,
    officer_ids: list[UUID],
    days: list[date],
    at: datetime,
    leaving_out: Collection[UUID],
    asked_by: UUID | None,
) -> Mapping[tuple[UUID | None, date], list[Stop]]:
    """The visits of these officers, and what is kept of their time, by each London day they touch."""
    begins, ends = day_bounds(days[0])[0], day_bounds(days[-1])[1]
    # No visit is longer than LONGEST_VISIT, so that the index gives one night's visits more and not years of them.
    earliest = begins - LONGEST_VISIT
    visits = (
        select(Visit.starts_at, Visit.ends_at, Resident.latitude, Resident.longitude)
        .join(Resident, Resident.id == Visit.resident_id)
        .where(
            Visit.starts_at >= earliest,
            Visit.starts_at < ends,
            Visit.ends_at > begins,
            Visit.status != VisitStatus.CANCELLED,
        )
    )
    if leaving_out:
        visits = visits.where(Visit.id.not_in(leaving_out))
    # A visit of two officers is in both of their days.
    booked = union_all(
        *(
            visits.add_columns(officer.label("officer_id")).where(officer.in_(officer_ids))
            for officer in (Visit.officer_id, Visit.second_officer_id)
        )
    ).order_by("officer_id", "starts_at")
    held = (
        select(Hold.starts_at, Hold.ends_at, Resident.latitude, Resident.longitude, Hold.officer_id)
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
    if asked_by is not None:
        held = held.where(Hold.made_by_id != asked_by)
    stops: dict[tuple[UUID | None, date], list[Stop]] = defaultdict(list)
    for starts_at, ends_at, latitude, longitude, officer_id in (
        *session.execute(booked),
        *session.execute(held),
    ):
        place = None if latitude is None or longitude is None else (latitude, longitude)
        stop = Stop(_second(starts_at), _second(ends_at), place)
        for day in days_touched(starts_at, ends_at):
            stops[officer_id, day].append(stop)
    for of_day in stops.values():
        of_day.sort(key=lambda stop: stop.starts)
    return stops


OFFICERS_AT_ONCE = 8


class Asked(NamedTuple):
    """Whose London days are asked for, from the first to the last."""

    officer_id: UUID
    first: date
    last: date


KeptStops = dict[date, tuple[list[Stop], datetime | None]]
"""By day, the stops, and when the first of the holds among them ends by itself."""


@cache
def _stops_of(count: int) -> Prepared:
    """Reads the stops of so many officers, each with days of their own."""
    return Prepared(union_all(*(part for nth in range(count) for part in _stops_at(nth))))


def _stops_at(nth: int) -> Iterator[Select[*tuple[Any, ...]]]:
    officer_id, at = bindparam(f"officer_{nth}", type_=Uuid()), bindparam("at", type_=UtcDateTime())
    begins, ends, earliest = (
        bindparam(f"{name}_{nth}", type_=UtcDateTime()) for name in ("begins", "ends", "earliest")
    )
    whose = literal_column(str(nth), Integer()).label("nth")
    for officer in (Visit.officer_id, Visit.second_officer_id):
        yield (
            select(whose, Visit.starts_at, Visit.ends_at, Resident.latitude, Resident.longitude)
            .add_columns(cast(null(), UtcDateTime()).label("expires_at"))
            .join(Resident, Resident.id == Visit.resident_id)
            .where(
                officer == officer_id,
                Visit.starts_at >= earliest,
                Visit.starts_at < ends,
                Visit.ends_at > begins,
                Visit.status != VisitStatus.CANCELLED,
            )
        )
    yield (
        select(whose, Hold.starts_at, Hold.ends_at, Resident.latitude, Resident.longitude, Hold.expires_at)
        .outerjoin(Resident, Resident.id == Hold.resident_id)
        .where(
            Hold.officer_id == officer_id,
            Hold.expires_at > at,
            Hold.ended_at.is_(None),
            Hold.starts_at < ends,
            Hold.ends_at > begins,
        )
    )


def stops_of(session: Session, asked: Sequence[Asked], at: datetime) -> list[KeptStops]:
    """The visits of each who is asked for, and what is kept of their time, on each of their days. The same as
    `plans` has, for an index: OFFICERS_AT_ONCE at the most, in one statement."""
    values: dict[str, Any] = {"at": at}
    for nth, (officer_id, first, last) in enumerate(asked):
        begins = day_bounds(first)[0]
        values |= {
            f"officer_{nth}": officer_id,
            f"begins_{nth}": begins,
            f"ends_{nth}": day_bounds(last)[1],
            f"earliest_{nth}": begins - LONGEST_VISIT,
        }
    found: list[KeptStops] = [{} for _ in asked]
    for whose, starts_at, ends_at, latitude, longitude, expires_at in _stops_of(len(asked)).all(session, **values):
        place = None if latitude is None or longitude is None else (latitude, longitude)
        stop = Stop(_second(starts_at), _second(ends_at), place)
        for day in days_touched(starts_at, ends_at):
            stops, until = found[whose].get(day, ([], None))
            stops.append(stop)
            found[whose][day] = (stops, min(filter(None, (until, expires_at)), default=None))
    for of_one in found:
        for stops, _ in of_one.values():
            stops.sort(key=lambda stop: stop.starts)
    return found


def days_touched(starts_at: datetime, ends_at: datetime) -> set[date]:
    """The London days that a visit has a part of: one, or two with a midnight in it."""
    last = ends_at - timedelta(microseconds=1)
    return {starts_at.astimezone(LONDON).date(), last.astimezone(LONDON).date()}


def _second(at: datetime) -> int:
    return int(at.timestamp())
