"""Foreseen: visits of tomorrow that are likely to fail, while their residents can still be told a day ahead."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertKind, AlertState
from models.at_risk import Risk, risk_of
from models.day import Travel
from models.diary import day_bounds
from models.officer import Officer
from models.officer_days import plan
from models.prediction import Estimate, arrivals
from models.team import london_day, stop_of
from models.visit import Visit, VisitStatus
from models.visit_rows import booked_of
from models.working_hours import load_hours
from models.working_time import WorkingDay

LOOK_FROM, LOOK_UNTIL = timedelta(hours=26), timedelta(hours=30)
""" "A sweep 26-30 hours ahead proposes a move for visits likely to fail while full notice is still possible." """

LIKELY = 0.5
"""A visit that is more likely late than not, by over 15 minutes, if the day goes as it is planned."""


class Foreseen(NamedTuple):
    """A visit, with its resident, and why this officer is likely to fail it: they cannot come, or will be late."""

    visit: Visit
    officer_id: UUID
    risk: Risk | None
    late_probability: float | None


def foreseen(session: Session, travel: Travel, at: datetime) -> list[Foreseen]:
    """What is likely to fail of the visits that start 26 to 30 hours from now, and of those told of before that
    are still to come; each once."""
    wanted = _wanted(session, at)
    days = sorted({(officer_id, london_day(row.starts_at)) for row in wanted for officer_id in row.officer_ids})
    visit_ids = {row.id for row in wanted}
    found: dict[UUID, Foreseen] = {}
    for officer_id, day in days:
        for each in _of_day(session, officer_id, day, travel):
            if each.visit.id in visit_ids:
                found.setdefault(each.visit.id, each)
    return sorted(found.values(), key=lambda each: (each.visit.starts_at, each.visit.id))


class _Wanted(NamedTuple):
    id: UUID
    starts_at: datetime
    officer_ids: tuple[UUID, ...]


def _wanted(session: Session, at: datetime) -> list[_Wanted]:
    told = exists().where(
        Alert.visit_id == Visit.id, Alert.kind == AlertKind.AT_RISK, Alert.status != AlertState.ENDED
    )
    ahead: Select[UUID, datetime, UUID | None, UUID | None] = (
        select(Visit.id, Visit.starts_at, Visit.officer_id, Visit.second_officer_id)
        .where(
            Visit.status == VisitStatus.BOOKED,
            Visit.officer_id.is_not(None),
            Visit.starts_at <= at + LOOK_UNTIL,
            or_(Visit.starts_at >= at + LOOK_FROM, and_(Visit.starts_at > at, told)),
        )
        .order_by(Visit.starts_at, Visit.id)
    )
    return [
        _Wanted(visit_id, starts_at, tuple(filter(None, officers)))
        for visit_id, starts_at, *officers in session.execute(ahead)
    ]


def _of_day(session: Session, officer_id: UUID, day: date, travel: Travel) -> Iterator[Foreseen]:
    officer = session.get_one(Officer, officer_id)
    visits = list(booked_of(session, officer_id, *day_bounds(day)))
    hours = load_hours(session, [officer_id], day, day + timedelta(days=1))[officer_id]
    chances = late_chances(visits, hours.on(day), travel)
    for visit, late in zip(visits, chances, strict=True):
        risk = risk_of(officer, hours, visit)
        if risk is not None or late > LIKELY:
            yield Foreseen(visit, officer_id, risk, None if risk else late)


def late_chances(visits: Sequence[Visit], working: WorkingDay, travel: Travel) -> list[float]:
    """How likely each visit of a whole day, in order, is more than 15 minutes late if the day begins as planned.

    Who starts from nowhere in particular is at the first door in time. What was booked before the hours begin is
    somebody's wish, and so the day begins with it.
    """
    if not visits:
        return []
    stops = [stop_of(visit) for visit in visits]
    planned = plan(working, stops)
    begins = min([stops[0].starts, *(window.begins for window in planned.windows)])
    free, here = Estimate(begins, 0.0), planned.starts_from
    if here is None:
        free, here = free.after(stops[0].starts).served(stops[0]), stops[0].place
        rest = arrivals(free, here, stops[1:], travel, planned.lunch)
        return [0.0, *(arrival.late(stop.starts) for arrival, stop in zip(rest, stops[1:], strict=True))]
    found = arrivals(free, here, stops, travel, planned.lunch)
    return [arrival.late(stop.starts) for arrival, stop in zip(found, stops, strict=True)]
