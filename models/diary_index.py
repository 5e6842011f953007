"""Officers' days, kept ready for the search: read once, and again when the database notes a change.

Only those look here who give nothing away. Whoever gives an officer's time away reads it anew, with the diary
locked.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.change_feed import KEPT_FOR, Follower
from models.database import sees_newest
from models.day import Day, Rules, Stop
from models.diary_change import CHANGES_OF_DAYS
from models.many_gaps import ManyGaps, joined, many_gaps
from models.officer import Officer
from models.officer_days import OFFICERS_AT_ONCE, Asked, days_touched, plan, stops_of
from models.working_hours import WorkingHours, load_hours
from models.working_time import WorkingDay

MOST_DAYS = 8_000
"""Officer-days kept at a time: a full one takes about 7 kB."""

MOST_ASKED = 8
"""Of each officer, the stretches of days that are kept together."""

HOURS_KNOWN_FOR = timedelta(days=400)


class Known(NamedTuple):
    """What decides whether an officer may do a visit at all."""

    id: UUID
    skills: frozenset[str]
    areas: list[str]
    contract_ends_on: date | None


class Planned(NamedTuple):
    """One day of an officer's: what they work, and what they have to do in it from one time until a hold in it
    ends."""

    working: WorkingDay
    day: Day
    gaps: ManyGaps
    from_: datetime
    until: datetime | None

    def holds_at(self, at: datetime) -> bool:
        """Whether it is so at this time."""
        return self.from_ <= at and (self.until is None or at < self.until)


class Days(NamedTuple):
    """An officer's days, in order; the gaps of those under contract; and from when until when it is so."""

    known: Known
    planned: list[Planned]
    gaps: ManyGaps
    from_: datetime
    until: datetime | None

    def holds_at(self, at: datetime) -> bool:
        """Whether all of it is so at this time."""
        return self.from_ <= at and (self.until is None or at < self.until)


@dataclass(slots=True)
class _Kept:
    known: Known
    hours: WorkingHours
    first: date
    last: date
    days: dict[date, Planned] = field(default_factory=dict)
    asked: dict[tuple[date, date], Days] = field(default_factory=dict)
    """By the first and the last of them: what was asked for since one of the days changed."""

    def missing(self, days: Sequence[date], at: datetime) -> Iterator[list[date]]:
        """Those that are not kept as they are at `at`: what changed is not all that is between, so in runs."""
        together = self.asked.get((days[0], days[-1]))
        if together is not None and together.holds_at(at):
            return
        missing = [day for day in days if (there := self.days.get(day)) is None or not there.holds_at(at)]
        for _, run in groupby(enumerate(missing), lambda pair: pair[1].toordinal() - pair[0]):
            yield [day for _, day in run]

    def together(self, days: Sequence[date]) -> Days:
        """All of these, which are kept."""
        found = self.asked.get((days[0], days[-1]))
        if found is None:
            plans = [self.days[day] for day in days]
            last = self.known.contract_ends_on
            gaps = [each.gaps for each, day in zip(plans, days, strict=True) if last is None or day <= last]
            found = Days(
                known=self.known,
                planned=plans,
                gaps=joined(gaps),
                from_=max(each.from_ for each in plans),
                until=min((each.until for each in plans if each.until is not None), default=None),
            )
            if len(self.asked) >= MOST_ASKED:
                self.asked.clear()
            self.asked[days[0], days[-1]] = found
        return found


class DiaryIndex:
    """The days of all officers who work. One thread reads at a time; days that were given out never change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Keep nothing: all is read anew when it is next asked for."""
        self._kept: dict[UUID, _Kept] = {}
        self._rules: Rules | None = None
        self._follower: Follower | None = None
        self._followed_at: datetime | None = None
        self._database: Any = None

    def days_of(
        self, session: Session, days: Sequence[date], at: datetime, is_able: Callable[[Known], bool], rules: Rules
    ) -> list[Days]:
        """These days, which follow each other, as they are at `at`, of each officer who works and `is_able`, in
        the order of their ids. They are kept for one set of `rules` at a time."""
        with self._lock:
            try:
                if self._rules != rules:
                    self.forget()
                self._rules = rules
                self._follow(session, at, days)
                able = [kept for kept in self._kept.values() if is_able(kept.known)]
                self._read_missing(session, able, days, at, rules)
                found = [kept.together(days) for kept in able]
            except BaseException:
                # Half of it may be newer than the place that was noted.
                self.forget()
                raise
            self._make_room(days)
        return found

    def _follow(self, session: Session, at: datetime, days: Sequence[date]) -> None:
        """See what has changed since the last time, and drop that."""
        is_new = self._followed_at is not None and abs(at - self._followed_at) < KEPT_FOR / 2
        news = self._follower.news(session) if self._follower and is_new and self._is_of(session) else None
        if news is None or any(change.officer_id is None for change in news):
            self._kept = {}
            self._database, self._follower = session.get_bind(), Follower(session, CHANGES_OF_DAYS)
            self._read(session, None, days)
        else:
            changed = {officer_id for change in news if (officer_id := self._drop(change)) is not None}
            changed.update(
                officer_id
                for officer_id, kept in self._kept.items()
                if not kept.first <= days[0] <= days[-1] <= kept.last
            )
            if changed:
                self._read(session, changed, days)
        self._followed_at = at

    def _is_of(self, session: Session) -> bool:
        return self._database is session.get_bind()

    def _drop(self, change: Any) -> Any:
        """Keep the days no more that changed; gives the officer of whom nothing can be kept."""
        kept = self._kept.get(change.officer_id)
        if kept is None or change.begins_at is None:
            return change.officer_id
        kept.asked.clear()
        for day in days_touched(change.begins_at, change.ends_at):
            if (there := kept.days.get(day)) is not None:
                # The hours are still so.
                kept.days[day] = there._replace(until=there.from_)
        return None

    def _read(self, session: Session, officer_ids: set[UUID] | None, days: Sequence[date]) -> None:
        """Read these officers and their hours anew, or everybody's."""
        working = select(Officer.id, Officer.skills, Officer.areas, Officer.contract_ends_on).where(
            Officer.active, Officer.suspended_at.is_(None)
        )
        if officer_ids is not None:
            working = working.where(Officer.id.in_(officer_ids))
            for officer_id in officer_ids:
                self._kept.pop(officer_id, None)
        found = {row.id: row for row in session.execute(working)}
        first, last = days[0], max(days[-1], days[0] + HOURS_KNOWN_FOR)
        for officer_id, hours in load_hours(session, found, first, last).items():
            _, skills, areas, contract_ends_on = found[officer_id]
            known = Known(officer_id, frozenset(skills), areas, contract_ends_on)
            self._kept[officer_id] = _Kept(known, hours, first, last)
        self._kept = {officer_id: self._kept[officer_id] for officer_id in sorted(self._kept)}

    def _read_missing(
        self, session: Session, able: Iterable[_Kept], days: Sequence[date], at: datetime, rules: Rules
    ) -> None:
        """Read the days of these officers that are not kept as they are at `at`."""
        missing = [(kept, run) for kept in able for run in kept.missing(days, at)]
        for start in range(0, len(missing), OFFICERS_AT_ONCE):
            each = missing[start : start + OFFICERS_AT_ONCE]
            asked = [Asked(kept.known.id, run[0], run[-1]) for kept, run in each]
            for (kept, run), stops in zip(each, stops_of(session, asked, at), strict=True):
                for day in run:
                    known, until = stops.get(day, ((), None))
                    kept.days[day] = planned(kept.hours, day, known, rules, at, until, before=kept.days.get(day))
                kept.asked.clear()

    def _make_room(self, days: Sequence[date]) -> None:
        """Keep no more days than there is room for: those that were asked for last, or none."""
        if sum(len(kept.days) for kept in self._kept.values()) <= MOST_DAYS:
            return
        asked = set(days)
        is_room = len(asked) * len(self._kept) <= MOST_DAYS
        for kept in self._kept.values():
            kept.days = {day: there for day, there in kept.days.items() if is_room and day in asked}
            kept.asked.clear()


def planned(
    hours: WorkingHours,
    day: date,
    stops: Iterable[Stop],
    rules: Rules,
    from_: datetime,
    until: datetime | None,
    *,
    before: Planned | None = None,
) -> Planned:
    """A day of these hours with these stops. Hours that it had `before` are taken from there."""
    if before is None:
        working = hours.on(day)
        its = plan(working, stops)
    else:
        working, its = before.working, before.day.with_stops(stops)
    return Planned(working, its, many_gaps(its, rules), from_, until)


_of_this_process = DiaryIndex()


def index_for(session: Session) -> DiaryIndex:
    """This process's index for who sees what is committed. In a transaction, which sees its own changes and maybe
    not others', one that keeps nothing."""
    return _of_this_process if sees_newest(session) else DiaryIndex()


def forget() -> None:
    """Keep nothing in this process."""
    _of_this_process.forget()
