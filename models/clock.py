"""The one place that reads the time."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
"""Wall-clock time in Harrow: for texts, pages, the night and working hours, never for arithmetic."""


def _system_time() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system_time


def now() -> datetime:
    """The present instant, aware, in UTC. The edge of a request reads it once and passes `at=`."""
    return _source()


def in_london(at: datetime) -> str:
    """`Mon 23 Nov 2026 09:00:05 GMT`: an instant for whoever runs the product."""
    return f"{at.astimezone(LONDON):%a %d %b %Y %H:%M:%S %Z}"


def read_from(source: Callable[[], datetime] | None) -> None:
    """Take the time from `source` (a test's clock); None goes back to the system's."""
    global _source
    _source = source or _system_time
