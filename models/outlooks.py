"""The outlook for every officer's day at once: what is read of the whole day in one statement."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.database import UtcDateTime
from models.day import Travel
from models.diary import day_bounds
from models.officer_days import plan
from models.outlook import foreseen
from models.prediction import Estimate
from models.prepared import Prepared
from models.resident import Resident
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.working_hours import load_hours

_TODAY = Prepared(
    select(
        Visit.id,
        Visit.reference,
        Visit.officer_id,
        Visit.second_officer_id,
        Visit.status,
        Visit.starts_at,
        Visit.ends_at,
        Visit.expected_at,
        Visit.departed_at,
        Visit.arrived_at,
        Visit.finished_at,
        Resident.latitude,
        Resident.longitude,
        Resident.postcode,
    )
    .join(Resident, Resident.id == Visit.resident_id)
    .where(
        Visit.starts_at >= bindparam("begins", type_=UtcDateTime()),
        Visit.starts_at < bindparam("ends", type_=UtcDateTime()),
        Visit.status != VisitStatus.CANCELLED,
    )
    .order_by(Visit.starts_at, Visit.id)
)


class Foreseen(NamedTuple):
    """A visit that is still to come today, and when the last of its officers will be there; None if unknown."""

    visit: Any
    arrival: Estimate | None


def outlooks(session: Session, travel: Travel, at: datetime) -> list[Foreseen]:
    """Every visit of this London day that is still to come and has somebody to make it, by start.

    What models/outlook.py says of each officer. Of a visit with two, the one who comes later decides; where
    nothing is known of one, nothing is known of the visit.
    """
    today = at.astimezone(LONDON).date()
    begins, ends = day_bounds(today)
    days: dict[UUID, list[Any]] = defaultdict(list)
    to_come: dict[UUID, Any] = {}
    for visit in _TODAY.all(session, begins=begins, ends=ends):
        for officer_id in (visit.officer_id, visit.second_officer_id):
            if officer_id is not None:
                days[officer_id].append(visit)
                if visit.status in BEFORE_THE_DOOR:
                    to_come[visit.id] = visit
    known = {officer_id: day for officer_id, day in days.items() if _is_worth_foreseeing(day)}
    hours = load_hours(session, list(known), today, today) if known else {}
    arrivals: dict[UUID, list[Estimate | None]] = defaultdict(list)
    for officer_id, day in known.items():
        lunch = plan(hours[officer_id].on(today), ()).lunch
        for each in foreseen(day, lunch, travel, at.timestamp()):
            arrivals[each.visit_id].append(each.arrival)
    return [Foreseen(visit, _last_of(visit, arrivals[visit_id])) for visit_id, visit in to_come.items()]


def _is_worth_foreseeing(day: Sequence[Any]) -> bool:
    """Whether anything was reported of a day on which somebody still has to come."""
    return any(visit.status in BEFORE_THE_DOOR for visit in day) and any(
        visit.departed_at or visit.arrived_at or visit.finished_at for visit in day
    )


def _last_of(visit: Any, arrivals: Sequence[Estimate | None]) -> Estimate | None:
    known = [arrival for arrival in arrivals if arrival is not None]
    officers = 1 if visit.second_officer_id is None else 2
    return max(known) if len(known) == officers else None
