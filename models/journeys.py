"""Journeys that officers made: from one home to the next, with when they set out and when they were there."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.calibration import Journey
from models.clock import LONDON
from models.resident import Resident
from models.standards import ArrivalFlag
from models.visit import Visit

LONGEST_S = 3 * 3600
"""Who is on the way for longer did something else too."""
_ROWS_AT_A_TIME = 500
_DOUBTFUL = {ArrivalFlag.CLOCK_SUSPECT.value, ArrivalFlag.FAR_FROM_ADDRESS.value}


def journeys(session: Session, since: datetime) -> Iterator[Journey]:
    """Every journey since then that can be believed, officer by officer.

    It begins at the home that the officer was at before, that London day, and both homes have a known place. An
    arrival by a suspect clock or far from the address says nothing; nor does a way from a visit that was
    cancelled half-way, because nobody knows where that was.
    """
    last_seen = func.coalesce(Visit.arrived_at, Visit.departed_at, Visit.finished_at)
    rows = session.execute(
        select(
            Visit.officer_id,
            Visit.departed_at,
            Visit.arrived_at,
            Visit.finished_at,
            Visit.arrival_flags,
            Resident.latitude,
            Resident.longitude,
        )
        .join(Resident, Resident.id == Visit.resident_id)
        .where(
            Visit.officer_id.is_not(None),
            or_(Visit.arrived_at >= since, Visit.departed_at >= since, Visit.finished_at >= since),
        )
        .order_by(Visit.officer_id, last_seen, Visit.id)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    before: Any = None
    for row in rows:
        journey = _journey(before, row) if before is not None else None
        if journey is not None:
            yield journey
        before = row


def _journey(before: Any, row: Any) -> Journey | None:
    was_there_at = before.arrived_at or before.finished_at
    if before.officer_id != row.officer_id or not (was_there_at and row.departed_at and row.arrived_at):
        return None
    same_day = _day(was_there_at) == _day(row.departed_at)
    if not same_day or was_there_at > row.departed_at or _DOUBTFUL & set(row.arrival_flags or ()):
        return None
    if None in (before.latitude, before.longitude, row.latitude, row.longitude):
        return None
    journey = Journey(
        (before.latitude, before.longitude),
        (row.latitude, row.longitude),
        row.departed_at.timestamp(),
        row.arrived_at.timestamp(),
    )
    return journey if 0 < journey.seconds <= LONGEST_S else None


def _day(at: datetime) -> date:
    return at.astimezone(LONDON).date()
