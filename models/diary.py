"""An officer's diary: working hours, and the one rule that no officer is in two places at once."""

from datetime import datetime, time, timedelta

from sqlalchemy.exc import DBAPIError

from models.clock import LONDON

DAY_STARTS = time(9)
DAY_ENDS = time(17)
"""An officer with no hours set works Monday to Friday 09:00-17:00, London."""

LONGEST_VISIT = timedelta(hours=8)

NO_OVERLAP = "visits_no_overlap"
"""The exclusion constraint (PostgreSQL) and triggers (SQLite) of this name refuse an overlap, by whatever
route it comes. The visits of one officer that are not cancelled never share an instant; touching ends do
not clash."""


def working_hours_cover(at: datetime) -> bool:
    """Whether `at` is inside the working week of an officer with no hours set."""
    local = at.astimezone(LONDON)
    return local.weekday() < 5 and DAY_STARTS <= local.time() < DAY_ENDS


def is_clash(error: DBAPIError) -> bool:
    """Whether the database refused an overlap in an officer's diary."""
    return NO_OVERLAP in str(error.orig)
