"""What the figures count, kept ready by days: read once, and again when the database notes a change of that day.

A correction shows at once, whichever process made it: each report first asks what was noted since the last one.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from models.change_feed import Follower
from models.clock import LONDON
from models.database import connected_to, only_looks, snapshot
from models.figure_rows import READ, RECORD, Labels, Rows, microseconds
from models.visit_facts import CHANGES_OF_FIGURES, KEPT_FOR, FigureOf
from models.wall_clock import instant

MOST_DAYS = 800
"""Days kept at a time of visits, and of changes: a little more than the longest report."""

READ_AT_ONCE = 31
"""Days read by one statement: a report never holds a year of plain rows."""

_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""There is nothing before or after."""


class Found(NamedTuple):
    """Rows and the names of what they are numbered by."""

    rows: Rows
    labels: Labels


class FigureIndex:
    """The days of one database. One thread reads at a time; rows that were given out never change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Keep nothing: all is read anew when it is next asked for."""
        self._days: dict[FigureOf, dict[date, Rows]] = {of: {} for of in FigureOf}
        self._labels = Labels()
        self._follower: Follower | None = None
        self._followed_at: datetime | None = None
        self._database: str | None = None

    def days(self, of: FigureOf, wanted: Sequence[date], at: datetime) -> Found:
        """What is counted on these days, as it is committed by now; `at` is the time now.

        It looks by itself: whoever reads with an older view of the database would keep what is no longer true.
        """
        with self._lock, snapshot() as session:
            try:
                self._follow(session, at)
                found = self.read(session, of, wanted)
            except BaseException:
                # Half of it may be newer than the place that was noted.
                self.forget()
                raise
            self._make_room(of, wanted)
        return found

    def read(self, session: Session, of: FigureOf, wanted: Sequence[date]) -> Found:
        """The same as this session sees it; what is not kept yet is read."""
        self._read_missing(session, of, wanted)
        days = [self._days[of][day] for day in wanted]
        # By hand: numpy would compare the fields of every two days first.
        rows = np.empty(sum(map(len, days)), RECORD[of])
        begin = 0
        for day in days:
            rows[begin : begin + len(day)] = day
            begin += len(day)
        return Found(rows, self._labels)

    def _follow(self, session: Session, at: datetime) -> None:
        """See what has changed since the last time, and drop those days."""
        is_new = self._followed_at is not None and timedelta() <= at - self._followed_at < KEPT_FOR / 2
        if self._follower is None or not is_new or self._database != connected_to():
            self.forget()
            self._database, self._follower = connected_to(), Follower(session, CHANGES_OF_FIGURES)
        else:
            for change in self._follower.news(session):
                self._days[change.figure_of].pop(change.counted_at.astimezone(LONDON).date(), None)
        self._followed_at = at

    def _read_missing(self, session: Session, of: FigureOf, wanted: Sequence[date]) -> None:
        """Read the days of these that are not kept: those that follow each other together."""
        kept = self._days[of]
        missing = [day.toordinal() for day in wanted if day not in kept]
        for _, run in groupby(enumerate(missing), lambda pair: pair[1] - pair[0]):
            days = [date.fromordinal(ordinal) for _, ordinal in run]
            for start in range(0, len(days), READ_AT_ONCE):
                self._read_run(session, of, days[start : start + READ_AT_ONCE])

    def _read_run(self, session: Session, of: FigureOf, days: Sequence[date]) -> None:
        since, until = instant(days[0], 0), instant(days[-1] + timedelta(days=1), 0)
        found = np.array(list(READ[of](session, since, until, self._labels, _day_of)), RECORD[of])
        starts = np.searchsorted(found["day"], [day.toordinal() for day in days])
        for day, rows in zip(days, np.split(found, starts[1:]), strict=True):
            self._days[of][day] = rows

    def _make_room(self, of: FigureOf, wanted: Sequence[date]) -> None:
        """Keep no more days than there is room for: those that were asked for last."""
        if len(self._days[of]) > MOST_DAYS:
            asked = set(wanted)
            self._days[of] = {day: rows for day, rows in self._days[of].items() if day in asked}


def _day_of(at: datetime) -> date:
    return at.astimezone(LONDON).date()


def _days_between(since: datetime, until: datetime) -> list[date]:
    first, last = _day_of(since), _day_of(until - timedelta(microseconds=1))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


_of_this_process = FigureIndex()


def rows_between(session: Session, of: FigureOf, since: datetime, until: datetime, at: datetime) -> Found:
    """What is counted in [since, until). `at` is the time now.

    Who only looks is given what this process keeps. A transaction that may change something sees what others do
    not, and nothing of that is kept.
    """
    since, until = max(since, _EARLIEST), min(until, _LATEST)
    if since >= until:
        return Found(np.empty(0, RECORD[of]), Labels())
    wanted = _days_between(since, until)
    found = (
        _of_this_process.days(of, wanted, at) if only_looks(session) else FigureIndex().read(session, of, wanted)
    )
    first, last = np.searchsorted(found.rows["at"], (microseconds(since), microseconds(until)))
    return Found(found.rows[first:last], found.labels)


def forget() -> None:
    """Keep nothing in this process."""
    _of_this_process.forget()
