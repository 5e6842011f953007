"""Corrections of what an officer reported: "Corrections add a record with a reason; they overwrite nothing."

The report stays in the history as it was made. The figures count the corrected time against the latest fair
promise, and say how many visits were corrected; against the first promise they count what was reported, for ever.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from models import standards
from models.errors import Unprocessable, VisitState
from models.prepared import insert
from models.promise import fair_promise
from models.standards import ArrivalFlag
from models.visit import BEFORE_THE_DOOR, OVER, Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent
from models.visit_stage import expected_arrival

FARTHEST_FROM_START = timedelta(days=7)
"""An arrival further from the visit's time is one of another visit."""


class CorrectedTo(StrEnum):
    """How a visit really ended; `missed`: nobody came, whatever was reported."""

    COMPLETED = "completed"
    NO_ACCESS = "no_access"
    MISSED = "missed"


CORRECTED = ("status", "arrived_at", "arrival_promised_at", "finished_at")
"""What a correction may change of a visit."""


def correct(
    session: Session,
    visit: Visit,
    *,
    arrived_at: datetime | None = None,
    finished_at: datetime | None = None,
    outcome: CorrectedTo | None = None,
    reason: str,
    by: UUID,
    at: datetime,
) -> VisitEvent:
    """Say when the officer really came, when they were done or how it ended: what is given, the rest stays. Where
    nobody came, no time of it does.

    Raises VisitState if nothing can have happened at this visit, and Unprocessable for what cannot have been.
    """
    if visit.status is VisitStatus.CANCELLED or (visit.status in BEFORE_THE_DOOR and visit.starts_at > at):
        raise VisitState(f"This visit is {visit.status.value}: nothing happened that could be corrected.")
    before = _state_of(visit)
    if visit.reported_status is None:
        visit.reported_status, visit.reported_arrived_at = visit.status, visit.arrived_at
    given = {"arrived_at": arrived_at, "finished_at": finished_at}
    if outcome is CorrectedTo.MISSED:
        _correct_to_missed(visit, given, at)
    else:
        if arrived_at is not None:
            _correct_arrival(session, visit, arrived_at, at)
        if outcome is not None:
            visit.status = VisitStatus(outcome)
        visit.finished_at = finished_at or visit.finished_at
        _refuse_impossible(visit, given, at)
    after = _state_of(visit)
    if before == after:
        raise Unprocessable("reason", "The visit says so already. Say what is to be another.")
    visit.save(session)
    corrected = visit.new_event(
        EventKind.CORRECTED,
        occurred_at=at,
        by=by,
        at=at,
        reason=reason,
        details={"before": before, "after": after, "version": visit.version},
    )
    insert(session, corrected)
    return corrected


def _correct_arrival(session: Session, visit: Visit, arrived_at: datetime, at: datetime) -> None:
    if visit.arrived_at is None:
        visit.arrival_recorded_at = at
    if visit.status in (*BEFORE_THE_DOOR, VisitStatus.MISSED):
        visit.status = VisitStatus.ARRIVED
    visit.arrived_at = arrived_at
    visit.arrival_promised_at = fair_promise(session, visit.id, visit.first_promised_at, min(arrived_at, at))
    flags = dict.fromkeys([*(visit.arrival_flags or ()), ArrivalFlag.CORRECTED.value])
    visit.arrival_flags = list(flags)


def _correct_to_missed(visit: Visit, given: Mapping[str, datetime | None], at: datetime) -> None:
    """Somebody reported that they came, and nobody did. "No arrival 60 minutes after the promise: missed": until
    then somebody may still come, and of what nobody has reported the watch says so by itself."""
    if visit.status in BEFORE_THE_DOOR or not standards.missed(expected_arrival(visit), at):
        raise VisitState("A visit is missed when an hour has passed since its time. Somebody may still come.")
    for name, time in given.items():
        if time is not None:
            raise Unprocessable(name, "Nobody came, so there is no such time.")
    visit.status = VisitStatus.MISSED
    visit.arrived_at = visit.arrival_recorded_at = visit.arrival_promised_at = visit.finished_at = None
    visit.arrival_flags = None


def _refuse_impossible(visit: Visit, given: Mapping[str, datetime | None], at: datetime) -> None:
    for name, time in given.items():
        if time is None:
            continue
        if standards.elapsed(at, time) > timedelta(seconds=standards.FUTURE_S):
            raise Unprocessable(name, "This time is still to come.")
        if abs(standards.elapsed(visit.starts_at, time)) > FARTHEST_FROM_START:
            raise Unprocessable(name, "This is more than seven days from the visit's time. Is it this visit?")
    if (visit.status in OVER) != (visit.finished_at is not None):
        missing = "finished_at" if visit.status in OVER else "outcome"
        raise Unprocessable(missing, "Say how the visit ended and when: outcome and finished_at.")
    if visit.arrived_at and visit.finished_at and visit.finished_at < visit.arrived_at:
        raise Unprocessable("finished_at", "The visit cannot end before the officer arrived.")


def _state_of(visit: Visit) -> dict[str, Any]:
    return {name: getattr(visit, name) for name in CORRECTED}
