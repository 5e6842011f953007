"""Visits at risk: booked, and by now impossible for their officer, who is away, suspended or gone, or works other
hours than when they were booked."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from sqlalchemy.orm import Session

from models.interval import Interval, covers, overlaps
from models.officer import Officer
from models.team import london_day
from models.visit import Visit
from models.visit_rows import booked_of
from models.working_hours import WorkingHours, load_hours
from models.working_time import Closed


class Risk(StrEnum):
    """Why an officer cannot make a visit that they are booked for."""

    LEFT = "left"
    SUSPENDED = "suspended"
    CONTRACT = "contract"
    LEAVE = "leave"
    SICKNESS = "sickness"
    TRAINING = "training"
    OTHER = "other"
    BANK_HOLIDAY = "bank_holiday"
    HOURS = "hours"


class AtRisk(NamedTuple):
    """A visit, with its resident, and why its officer cannot make it."""

    visit: Visit
    risk: Risk


def at_risk(session: Session, officer: Officer, begins: datetime, ends: datetime) -> Iterator[AtRisk]:
    """Every booked visit of this officer that starts from `begins` until before `ends` and cannot be made as
    things are now, by start.

    A scheduler who booked out of hours knew it: that is no risk where nobody has set the officer's hours.
    """
    visits = booked_of(session, officer.id, begins, ends)
    for day, of_day in groupby(visits, lambda visit: london_day(visit.starts_at)):
        hours = load_hours(session, [officer.id], day, day + timedelta(days=1))[officer.id]
        for visit in of_day:
            risk = risk_of(officer, hours, visit)
            if risk is not None:
                yield AtRisk(visit, risk)


def risk_of(officer: Officer, hours: WorkingHours, visit: Visit) -> Risk | None:
    """Why this officer of these hours cannot make this visit; None if they can."""
    if not officer.active:
        return Risk.LEFT
    if officer.suspended_at is not None:
        return Risk.SUSPENDED
    day = london_day(visit.starts_at)
    if officer.contract_ends_on is not None and day > officer.contract_ends_on:
        return Risk.CONTRACT
    time = Interval(visit.starts_at, visit.ends_at)
    away = sorted(off for off in hours.absences if overlaps(off.interval, time))
    if away:
        return Risk(away[0].kind.value)
    days = {day, london_day(visit.ends_at - timedelta(microseconds=1))}
    if officer.working_pattern is None and not days & hours.exceptions.keys():
        return None
    works = [window for each in days for window in hours.on(each).windows]
    if covers(works, time):
        return None
    return Risk.BANK_HOLIDAY if hours.on(day).closed is Closed.BANK_HOLIDAY else Risk.HOURS
