"""An officer's diary: its days, and the one rule that no officer is in two places at once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.errors import DiaryClash, Unprocessable
from models.hold import pass_holds
from models.officer import DiaryOwner, lock_diaries

LONGEST_VISIT = timedelta(hours=8)

NO_OVERLAP = "visits_no_overlap"
"""The exclusion constraint (PostgreSQL) and triggers (SQLite) of this name refuse an overlap, by whatever
route it comes. The visits of one officer, as first or as second, that are not cancelled never share an instant;
touching ends do not clash."""


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The instants between which it is this day in London, in UTC: 23, 24 or 25 hours.

    Raises OverflowError for a day too near the ends of the calendar.
    """
    begins = datetime.combine(day, time(), LONDON).astimezone(UTC)
    return begins, datetime.combine(day + timedelta(days=1), time(), LONDON).astimezone(UTC)


def is_clash(error: DBAPIError) -> bool:
    """Whether the database refused an overlap in an officer's diary."""
    return NO_OVERLAP in str(error.orig)


def take(
    session: Session,
    officer_ids: tuple[UUID | None, UUID | None],
    starts_at: datetime,
    ends_at: datetime,
    *,
    by: UUID | None,
    at: datetime,
    also: Iterable[UUID] = (),
) -> list[DiaryOwner]:
    """Lock the diaries a change of `by` touches, and see that the officers may be booked for this time: whom.

    Of two officers it is both or neither. `also` are the officers who are let go. Raises OfficerUnavailable,
    DiaryClash if somebody else keeps the time, or Unprocessable for an officer nobody knows.
    """
    first, second = officer_ids
    if second is not None and first in (None, second):
        raise Unprocessable("second_officer_id", "Name two different officers, the first as officer_id.")
    officers = lock_diaries(session, first, second, *also)
    wanted = []
    for field, officer_id in (("officer_id", first), ("second_officer_id", second)):
        if officer_id is None:
            continue
        if officer_id not in officers:
            raise Unprocessable(field, "No officer has this id.")
        officers[officer_id].refuse_unless_available(starts_at)
        pass_holds(session, officer_id, starts_at, ends_at, by=by, at=at)
        wanted.append(officers[officer_id])
    return wanted


@contextmanager
def refusing_overlaps(*officer_ids: UUID) -> Iterator[None]:
    """Write a visit's time inside this block. Raises DiaryClash if the database refuses an overlap."""
    try:
        yield
    except IntegrityError as error:
        if not is_clash(error):
            raise
        raise clash(*officer_ids) from error


def clash(*officer_ids: UUID) -> DiaryClash:
    """The refusal of a time in which this officer has a visit, or one of two has and nobody can say which."""
    who = "The officer has" if len(officer_ids) < 2 else "One of the two officers has"
    return DiaryClash(
        f"{who} another visit in this time. Choose another time or another officer.",
        officer_id=str(officer_ids[0]) if len(officer_ids) == 1 else None,
    )
