"""On duty: "inside the officer's working hours, or a visit of theirs within two hours either side".

A check of a badge learns it in the statement that looks the badge up, which brings the officer's own hours along.
Within the usual hours that statement looks for no visit; only where the hours say no, another that does is asked.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Date, and_, bindparam, exists, or_

from models.absence import Absence
from models.database import UtcDateTime
from models.diary import LONGEST_VISIT
from models.interval import Interval, contains
from models.officer import Officer
from models.visit import Visit, VisitStatus
from models.working_hours import WorkingException, WorkingHours
from models.working_time import STANDARD, WorkingPattern, read_windows

AROUND_A_VISIT = timedelta(hours=2)
"""An officer is on duty for this long before and after a visit, at whatever hour it is."""

_at = bindparam("at", type_=UtcDateTime())

EXCEPTION_TODAY = and_(
    WorkingException.officer_id == Officer.id, WorkingException.day == bindparam("today", type_=Date())
)
"""What the statements join exceptions by."""

AWAY = exists().where(
    Absence.officer_id == Officer.id,
    Absence.ends_at > _at,
    Absence.starts_at <= _at,
    Absence.removed_at.is_(None),
)
"""Whether the officer is on leave, ill or otherwise away."""

_SOON_OR_LATELY = (
    Visit.status != VisitStatus.CANCELLED,
    # No visit is longer than LONGEST_VISIT, so that the index gives one day's visits and not years of them.
    Visit.starts_at.between(bindparam("earliest", type_=UtcDateTime()), bindparam("soon", type_=UtcDateTime())),
    Visit.ends_at >= bindparam("lately", type_=UtcDateTime()),
)
# One after the other, so that the second index is only asked where the first had nothing.
NEAR_A_VISIT = or_(
    exists().where(Visit.officer_id == Officer.id, *_SOON_OR_LATELY),
    exists().where(Visit.second_officer_id == Officer.id, *_SOON_OR_LATELY),
)
"""Whether a visit of theirs is within two hours."""


def around(at: datetime) -> dict[str, datetime]:
    """The values of NEAR_A_VISIT."""
    return {
        "earliest": at - AROUND_A_VISIT - LONGEST_VISIT,
        "lately": at - AROUND_A_VISIT,
        "soon": at + AROUND_A_VISIT,
    }


def hours_cover(
    at: datetime,
    today: date,
    pattern: dict[str, Any] | None = None,
    exception: Sequence[Sequence[int]] | None = None,
) -> bool:
    """Whether an officer with these columns works at `at`, on London's day `today`, unless they are away.

    Without them it is whether those work who have no hours of their own.
    """
    if pattern is None and exception is None:
        return contains(_usual_windows(today), at)
    exceptions = {} if exception is None else {today: read_windows(exception)}
    return contains(WorkingHours(WorkingPattern.read(pattern), exceptions).on(today).windows, at)


@lru_cache(maxsize=64)
def _usual_windows(day: date) -> tuple[Interval, ...]:
    return WorkingHours(STANDARD).on(day).windows
