"""The outlook for every officer's day at once: two statements read what it needs of the whole day.

Of what is over, models/outlook.py looks at an officer's last report and at the last home they were at; everything
else of the morning is left where it is.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.clock import LONDON
from models.database import UtcDateTime
from models.day import Travel
from models.diary import day_bounds
from models.lateness import LIKELY
from models.outlook import foreseen, lunches
from models.prediction import Estimate
from models.prepared import Prepared
from models.resident import Resident
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_event import officers_words

_WERE_THERE = (VisitStatus.ARRIVED, VisitStatus.COMPLETED, VisitStatus.NO_ACCESS)


_COLUMNS = (
    Visit.id,
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
)


def _today(statuses: Iterable[VisitStatus]) -> ColumnElement[bool]:
    """The condition that a visit is of the day and stands so."""
    return and_(
        Visit.starts_at >= bindparam("begins", type_=UtcDateTime()),
        Visit.starts_at < bindparam("ends", type_=UtcDateTime()),
        or_(*(Visit.status == status for status in statuses)),
    )


def _last_of_each(officer: InstrumentedAttribute[Any]) -> Select[*tuple[Any, ...]]:
    """Of each officer the visit that was reported of last, and the last one in the order of the day."""
    reported_at = func.coalesce(Visit.finished_at, Visit.arrived_at)
    last = (
        select(
            officer.label("officer"),
            func.max(reported_at).label("report"),
            func.max(Visit.starts_at).label("start"),
        )
        .where(_today(_WERE_THERE), officer.is_not(None))
        .group_by(officer)
        .subquery()
    )
    return (
        select(*_COLUMNS)
        .join(Resident, Resident.id == Visit.resident_id)
        .join(last, officer == last.c.officer)
        .where(
            _today(_WERE_THERE),
            officer.is_not(None),
            or_(reported_at == last.c.report, Visit.starts_at == last.c.start),
        )
    )


_LEFT = Prepared(select(*_COLUMNS).join(Resident, Resident.id == Visit.resident_id).where(_today(BEFORE_THE_DOOR)))
_LAST = Prepared(union(_last_of_each(Visit.officer_id), _last_of_each(Visit.second_officer_id)))


class Foreseen(NamedTuple):
    """A visit that is still to come today, and when the last of its officers will be there; None if unknown."""

    visit: Any
    arrival: Estimate | None


def outlooks(session: Session, travel: Travel, at: datetime) -> list[Foreseen]:
    """Every visit of this London day that is still to come and has somebody to make it, by start.

    What models/outlook.py says of each officer. Of a visit with two, the one who comes later decides; where
    nothing is known of one, nothing is known of the visit, unless the other is likely late.
    """
    begins, ends = day_bounds(at.astimezone(LONDON).date())
    left = [visit for visit in _LEFT.all(session, begins=begins, ends=ends) if visit.officer_id is not None]
    left.sort(key=_by_start)
    days: dict[UUID, list[Any]] = {officer_id: [] for visit in left for officer_id in _officers(visit)}
    for visit in (*_LAST.all(session, begins=begins, ends=ends), *left):
        for officer_id in _officers(visit):
            if (day := days.get(officer_id)) is not None:
                day.append(visit)
    known = {
        officer_id: sorted(day, key=_by_start) for officer_id, day in days.items() if any(map(_reported, day))
    }
    eats = lunches(session, known, travel, at) if known else {}
    delayed = {visit.id: visit.expected_at.timestamp() for visit in left if visit.expected_at is not None}
    own = officers_words(session, list(delayed)) if delayed else ()
    words = {visit_id: delayed[visit_id] for visit_id in own}
    arrivals: dict[UUID, list[Estimate | None]] = defaultdict(list)
    for officer_id, day in known.items():
        for each in foreseen(day, eats[officer_id], words, travel, at.timestamp()):
            arrivals[each.visit_id].append(each.arrival)
    return [
        Foreseen(visit, last_arrival(arrivals[visit.id], len(_officers(visit)), visit.starts_at.timestamp()))
        for visit in left
    ]


def _officers(visit: Any) -> tuple[UUID, ...]:
    """Whose visit it is, which has somebody: there is no second officer without a first."""
    first, second = visit.officer_id, visit.second_officer_id
    return (first,) if second is None else (first, second)


def _reported(visit: Any) -> bool:
    return bool(visit.departed_at or visit.arrived_at or visit.finished_at)


def _by_start(visit: Any) -> tuple[datetime, UUID]:
    return visit.starts_at, visit.id


def last_arrival(arrivals: Iterable[Estimate | None], officers: int, due: float) -> Estimate | None:
    """When the last of a visit's `officers` will be there, by what is known of each; None if unknown.

    The later of two decides. Of whom nothing is known may come at any time, and so nothing is known of the visit:
    "never on time". But they make it no sooner: where the other is rather late than not for `due`, in Unix
    seconds, the visit is at least as late as they.
    """
    known = [arrival for arrival in arrivals if arrival is not None]
    last = max(known, default=None)
    if last is None or len(known) == officers or last.late(due) >= LIKELY:
        return last
    return None
