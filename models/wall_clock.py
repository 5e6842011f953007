"""London's clocks: which instant a local time is, also on the two Sundays on which it is odd."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from models.clock import LONDON

MINUTES_OF_A_DAY = 24 * 60
CLOCKS_CHANGE_AT = time(1)
"""The Summer Time Act 1972: "one o'clock, Greenwich mean time"."""

_SKIPPED = "{shown} does not exist on {day.day} {day:%B %Y}: the clocks go forward from 01:00 to 02:00."
_TWICE = "{shown} comes twice on {day.day} {day:%B %Y}: the clocks go back from 02:00 to 01:00."


def shown(minute: int) -> str:
    """`09:05` for 545 minutes after midnight; the midnight that ends a day is `24:00`."""
    return f"{minute // 60:02}:{minute % 60:02}"


@lru_cache(maxsize=4096)  # a few times of day are everybody's, and zones are slow
def instant(day: date, minute: int) -> datetime:
    """The instant at which London's clocks show `minute` (0 to 1440) on `day`, in UTC.

    A time that the clocks skip is the moment at which they skip it, and of one that comes twice it is the first.
    So later on the clock is never earlier in truth, and hours that touch still touch. Raises OverflowError for a
    day too near the ends of the calendar.
    """
    wall = _wall(day, minute)
    if _change_of_offset(wall) > timedelta():
        return datetime.combine(day, CLOCKS_CHANGE_AT, UTC)
    return wall.astimezone(UTC)


def why_odd(day: date, minute: int) -> str | None:
    """Why this local time is not one instant: it does not exist, or it comes twice. None if it is one."""
    change = _change_of_offset(_wall(day, minute))
    if not change:
        return None
    return (_SKIPPED if change > timedelta() else _TWICE).format(shown=shown(minute), day=day)


def _wall(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(), LONDON) + timedelta(minutes=minute)


def _change_of_offset(wall: datetime) -> timedelta:
    """By how much the clocks go forward over this local time: an hour, back an hour, or not at all."""
    before, after = wall.utcoffset(), wall.replace(fold=1).utcoffset()
    assert before is not None and after is not None  # noqa: S101 - London has an offset at every time
    return after - before
