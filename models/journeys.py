"""Journeys that officers made: from one home to the next, with when they set out and when they were there."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select, union_all
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
    cancelled half-way, because nobody knows where that was; nor one to a home where two officers met, because
    either may have said that they set out.
    """
    last_seen = func.coalesce(Visit.arrived_at, Visit.departed_at, Visit.finished_at)
    visits = (
        select(
            Visit.id.label("id"),
            last_seen.label("last_seen"),
            Visit.second_officer_id.is_not(None).label("of_two"),
            Visit.departed_at,
            Visit.arrived_at,
            Visit.finished_at,
            Visit.arrival_flags,
            Resident.latitude,
            Resident.longitude,
        )
        .join(Resident, Resident.id == Visit.resident_id)
        .where(or_(Visit.arrived_at >= since, Visit.departed_at >= since, Visit.finished_at >= since))
    )
    rows = session.execute(
        union_all(
            *(
                visits.add_columns(officer.label("officer_id")).where(officer.is_not(None))
                for officer in (Visit.officer_id, Visit.second_officer_id)
            )
        )
        .order_by("officer_id", "last_seen", "id")
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
    if (
        row.of_two
        or before.officer_id != row.officer_id
        or not (was_there_at and row.departed_at and row.arrived_at)
    ):
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
