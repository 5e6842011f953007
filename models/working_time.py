"""Working time: when an officer works on a London day, and why not. Pure rules; tables are in working_hours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

from models.errors import Unprocessable
from models.interval import Interval, less, merged, overlaps
from models.travel import Place
from models.wall_clock import instant, shown, why_odd

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Window(NamedTuple):
    """Working hours by London's clocks, in minutes after midnight: 0 to 1440, which is the midnight that ends the
    day. A night's shift is a window to 1440 and one from 0 on the next day."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{shown(self.start)} to {shown(self.end)}"


Windows = tuple[Window, ...]


class LunchBreak(NamedTuple):
    """A break of so many minutes that begins within a time of day, in minutes after midnight."""

    duration_minutes: int
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class WorkingPattern:
    """An officer's week: the windows of each weekday (Monday first), the lunch break, and where a shift starts and
    ends (None: unknown)."""

    days: tuple[Windows, ...]
    lunch: LunchBreak | None = None
    starts_from: Place | None = None
    ends_at: Place | None = None

    @classmethod
    def read(cls, kept: dict[str, Any] | None) -> "WorkingPattern":
        """The pattern that `officers.working_pattern` holds; the standard one if it holds none."""
        if kept is None:
            return STANDARD
        lunch, starts_from, ends_at = kept["lunch"], kept["starts_from"], kept["ends_at"]
        return cls(
            days=tuple(read_windows(windows) for windows in kept["days"]),
            lunch=LunchBreak(*lunch) if lunch else None,
            starts_from=(starts_from[0], starts_from[1]) if starts_from else None,
            ends_at=(ends_at[0], ends_at[1]) if ends_at else None,
        )

    def kept(self) -> dict[str, Any]:
        """The same as `officers.working_pattern` holds it."""
        return {
            "days": [keep_windows(windows) for windows in self.days],
            "lunch": self.lunch and list(self.lunch),
            "starts_from": self.starts_from and list(self.starts_from),
            "ends_at": self.ends_at and list(self.ends_at),
        }

    def refuse_impossible(self) -> None:
        """Raises Unprocessable for hours that overlap or end before they start, and a lunch that cannot fit."""
        for weekday, windows in zip(WEEKDAYS, self.days, strict=True):
            refuse_impossible_windows(windows, f"days.{weekday}")
        if self.lunch is None:
            return
        if self.lunch.latest < self.lunch.earliest:
            raise Unprocessable("lunch", "The latest time to begin is before the earliest.")
        if any(self.days) and not any(_is_between_work(self.lunch, windows) for windows in self.days):
            raise Unprocessable(
                "lunch",
                "On no day does the officer work both before this lunch and after it.",
            )


def read_windows(kept: Iterable[Sequence[int]]) -> Windows:
    """The windows that a column holds."""
    return tuple(Window(*pair) for pair in kept)


def keep_windows(windows: Windows) -> list[list[int]]:
    """The same as a column holds them."""
    return [list(window) for window in windows]


def _is_between_work(lunch: LunchBreak, windows: Windows) -> bool:
    ends = lunch.latest + lunch.duration_minutes
    return bool(windows) and windows[0].start < lunch.earliest and ends < windows[-1].end


def refuse_impossible_windows(windows: Windows, field: str, *, on: date | None = None) -> None:
    """Raises Unprocessable for windows, in order, that overlap or end before they start.

    Hours of one day (`on`) may not begin or end at a time that does not exist then, or comes twice.
    """
    for window in windows:
        if window.end <= window.start:
            raise Unprocessable(field, f"{window}: the end must be later. A night's shift goes to 24:00 at most.")
        if on is not None and (reason := why_odd(on, window.start) or why_odd(on, window.end)):
            raise Unprocessable(field, reason)
    for earlier, later in pairwise(windows):
        if later.start < earlier.end:
            raise Unprocessable(field, f"{earlier} and {later} overlap.")


STANDARD = WorkingPattern(days=((Window(9 * 60, 17 * 60),),) * 5 + ((),) * 2)
""" "An officer with none set works Monday to Friday 09:00-17:00." """


class AbsenceKind(StrEnum):
    """Why an officer is away."""

    LEAVE = "leave"
    SICKNESS = "sickness"
    TRAINING = "training"
    OTHER = "other"


class Closed(StrEnum):
    """Why an officer does not work on a day, or not all of their hours."""

    NO_SHIFT = "no_shift"
    BANK_HOLIDAY = "bank_holiday"
    EXCEPTION = "exception"
    LEAVE = "leave"
    SICKNESS = "sickness"
    TRAINING = "training"
    OTHER = "other"


class TimeOff(NamedTuple):
    """An absence, as the rules see it."""

    interval: Interval
    kind: AbsenceKind


@dataclass(frozen=True, slots=True)
class Lunch:
    """A break of `duration` that begins between two instants of its day."""

    duration: timedelta
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class WorkingDay:
    """When an officer works on one London day: `windows` in order, apart from each other, absences taken out.

    `closed` says why there are none, or why they are cut.
    """

    windows: tuple[Interval, ...]
    lunch: Lunch | None
    starts_from: Place | None
    ends_at_place: Place | None
    closed: Closed | None


def working_day(
    pattern: WorkingPattern,
    exceptions: Mapping[date, Windows],
    absences: Iterable[TimeOff],
    day: date,
    *,
    is_bank_holiday: bool,
) -> WorkingDay:
    """When somebody of this pattern works on `day`.

    An exception for the day decides in place of the week, on bank holidays too; no windows mean no work. Absences
    are taken out of either, and of several the one that began first is named. Raises OverflowError for a day too
    near the ends of the calendar.
    """
    exception = exceptions.get(day)
    if exception is not None:
        hours, closed = exception, Closed.EXCEPTION
    elif is_bank_holiday:
        hours, closed = (), Closed.BANK_HOLIDAY
    else:
        hours, closed = pattern.days[day.weekday()], Closed.NO_SHIFT
    shift = merged(Interval(instant(day, window.start), instant(day, window.end)) for window in hours)
    away = sorted(off for off in absences if any(overlaps(off.interval, each) for each in shift))
    windows = less(shift, (off.interval for off in away))
    return WorkingDay(
        windows=tuple(windows),
        lunch=_lunch(pattern.lunch, windows, day),
        starts_from=pattern.starts_from,
        ends_at_place=pattern.ends_at,
        closed=Closed(away[0].kind.value) if away else None if shift else closed,
    )


def _lunch(lunch: LunchBreak | None, windows: Sequence[Interval], day: date) -> Lunch | None:
    """The lunch of a day on which the officer works both before and after it: half a day's work has none."""
    if lunch is None or not windows:
        return None
    earliest, latest = instant(day, lunch.earliest), instant(day, lunch.latest)
    duration = timedelta(minutes=lunch.duration_minutes)
    if windows[0].starts_at < earliest and latest + duration < windows[-1].ends_at:
        return Lunch(duration, earliest, latest)
    return None
