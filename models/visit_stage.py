"""What a resident is told of a visit at a moment, as pure rules: is somebody due, and who."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.standards import MISSED_AFTER, ON_TIME_S, eta
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_words import BEFORE

WINDOW = timedelta(seconds=ON_TIME_S)
"""Officers "aim to arrive within 15 minutes of any pre-arranged appointment": either side."""

LINK_LIVES_ON = timedelta(hours=24)


class Stage(StrEnum):
    """Where a visit stands for the resident who waits for it."""

    COMING = "coming"
    DUE = "due"
    LATE = "late"
    HERE = "here"
    FINISHED = "finished"
    MISSED = "missed"
    CANCELLED = "cancelled"


def expected_arrival(visit: Visit) -> datetime:
    """When the officer will be there by all we know, "rounded up to 5 min, never before the booked time"."""
    return eta(visit.expected_at, visit.starts_at) if visit.expected_at else visit.starts_at


def stage(visit: Visit, at: datetime) -> Stage:
    """Where the visit stands at `at`.

    Due is from 15 minutes before the booked time until 15 minutes after the arrival last expected. Then it is
    late, until "no arrival 60 minutes after the promise: missed", whether anybody has said so or not.
    """
    match visit.status:
        case VisitStatus.CANCELLED:
            return Stage.CANCELLED
        case VisitStatus.COMPLETED | VisitStatus.NO_ACCESS:
            return Stage.FINISHED
        case VisitStatus.MISSED:
            return Stage.MISSED
        case VisitStatus.ARRIVED:
            return Stage.HERE
    expected = expected_arrival(visit)
    if at < visit.starts_at - WINDOW:
        return Stage.COMING
    if at <= expected + WINDOW:
        return Stage.DUE
    return Stage.LATE if at < expected + MISSED_AFTER else Stage.MISSED


def shows_officer(visit: Visit, at: datetime) -> bool:
    """ "The officer's photo and name from two hours before", and no longer than somebody may still come."""
    return stage(visit, at) in _SOMEBODY_MAY_COME and at >= visit.starts_at - BEFORE


def link_lives(visit: Visit, at: datetime) -> bool:
    """Whether the visit's page is still shown: until 24 hours after its end."""
    # A phone may say that it ended at the end of all times, to which no day can be added.
    return at - LINK_LIVES_ON <= max(visit.ends_at, visit.finished_at or visit.ends_at)


_SOMEBODY_MAY_COME = (Stage.COMING, Stage.DUE, Stage.LATE, Stage.HERE)


def another_is_due(session: Session, visit: Visit, at: datetime) -> bool:
    """Whether the same home has another visit that is due now, or an officer there."""
    others = session.scalars(
        select(Visit)
        .where(
            Visit.resident_id == visit.resident_id,
            Visit.id != visit.id,
            Visit.status.in_((*BEFORE_THE_DOOR, VisitStatus.ARRIVED)),
            Visit.starts_at.between(at - timedelta(days=1), at + WINDOW),
        )
        .order_by(Visit.starts_at, Visit.id)
    )
    return any(stage(other, at) in (Stage.DUE, Stage.LATE, Stage.HERE) for other in others)
