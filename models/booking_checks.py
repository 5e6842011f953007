"""Booking checks: whether an officer can be there, asked anew by every route that gives their time to a visit.

The caller has locked the officer's diary, so what is read here stays true until the change is committed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Date, String, Uuid, bindparam, cast, null, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import booking_words as words
from models import travel
from models.absence import Absence
from models.booking_rules import (
    Broken,
    KnownWays,
    Rule,
    arrives,
    broken_by,
    in_hours,
    is_known,
    lunch_is_lost,
    short_s,
    ways_broken,
)
from models.clock import LONDON
from models.database import UtcDateTime
from models.day import Day, Fault, Found, Rules, Stop
from models.diary import LONGEST_VISIT, clash, day_bounds
from models.errors import BookingRules
from models.hold import Hold
from models.interval import Interval, covers, less, merged, overlaps
from models.officer import DiaryOwner
from models.officer_days import plan
from models.prepared import Prepared
from models.resident import Resident
from models.slot_search import covers as goes_to
from models.visit import Visit, VisitStatus
from models.working_hours import WorkingException, WorkingHours
from models.working_time import AbsenceKind, TimeOff, WorkingDay, WorkingPattern, read_windows

_ROOM = timedelta(hours=4)
"""Longer than any way. Whoever is booked out of hours goes there and back out of hours, too."""


class Asked(NamedTuple):
    """What is to be booked: when, where and for whom, as far as that is known."""

    starts_at: datetime
    ends_at: datetime
    place: travel.Place | None = None
    postcode: str | None = None
    skills: Sequence[str] = ()

    @property
    def interval(self) -> Interval:
        """When."""
        return Interval(self.starts_at, self.ends_at)

    @property
    def stop(self) -> Stop:
        """The same as a day sees it."""
        return Stop(int(self.starts_at.timestamp()), int(self.ends_at.timestamp()), self.place)


@dataclass(frozen=True, slots=True)
class Passed:
    """What a booking that may be made breaks all the same: rules that only warn, and those that somebody named,
    with their reasons."""

    warnings: tuple[Broken, ...] = ()
    overridden: Mapping[Rule, str] = field(default_factory=dict)

    @property
    def details(self) -> dict[str, list[dict[str, str]]]:
        """What the visit's history says of it."""
        if not self.overridden:
            return {}
        return {"overrides": [{"rule": rule, "reason": reason} for rule, reason in self.overridden.items()]}


def check(
    session: Session,
    officers: Sequence[DiaryOwner],
    asked: Asked,
    *,
    overrides: Mapping[Rule, str],
    by: UUID | None,
    at: datetime,
    leaving_out: UUID | None = None,
) -> Passed:
    """See that each of these officers, whose diaries are locked, can make this visit; what `by` keeps does not
    count, nor does the visit that is `leaving_out`, which is to be moved.

    Only what this visit breaks is looked at, never what was wrong before. Of one that is past only an overlap is,
    and the database refuses that. Raises DiaryClash, or BookingRules for what is broken and not in `overrides`.
    """
    if asked.starts_at < at:
        return Passed()
    rules = Rules(travel.in_use())
    broken = _missing_skills(officers, asked)
    warnings: list[Broken] = []
    overridden: dict[Rule, str] = {}
    for officer in officers:
        diary = _load(session, officer, asked, by=by, at=at, leaving_out=leaving_out)
        for each in _broken(diary, asked, rules):
            if each.may_be_overridden and each.rule in overrides:
                overridden[each.rule] = overrides[each.rule]
            elif each.only_warns:
                warnings.append(each)
            else:
                broken.append(each)
    if broken:
        raise BookingRules(words.advice(broken), broken=[each.said for each in broken])
    return Passed(tuple(warnings), overridden)


class _OneDay(NamedTuple):
    """The hours of a day, and the stops that touch it."""

    day: date
    working: WorkingDay
    stops: list[Stop]


@dataclass(slots=True)
class _Diary:
    """An officer's London days that a visit touches, as they are: one, or two if it goes on after midnight."""

    officer: DiaryOwner
    days: Sequence[date]
    hours: WorkingHours
    stops: list[Stop] = field(default_factory=list)

    def each_day(self) -> Iterator[_OneDay]:
        """Day by day."""
        for day in self.days:
            begins, ends = (int(bound.timestamp()) for bound in day_bounds(day))
            stops = [stop for stop in self.stops if stop.starts < ends and stop.ends > begins]
            yield _OneDay(day, self.hours.on(day), stops)


_OFFICER = bindparam("officer", type_=Uuid())
_EARLIEST = bindparam("earliest", type_=UtcDateTime())
_BEGINS, _ENDS = bindparam("begins", type_=UtcDateTime()), bindparam("ends", type_=UtcDateTime())
_NOT_IN_A_STOP = (
    cast(null(), String).label("kind"),
    cast(null(), Date).label("day"),
    cast(null(), JSON).label("windows"),
)


def _in_these_days(
    table: type[Visit] | type[Hold], its_officer: InstrumentedAttribute[Any]
) -> tuple[ColumnElement[bool], ...]:
    # No visit is longer than LONGEST_VISIT, so that the index gives one night's visits more and not years of them.
    return (
        its_officer == _OFFICER,
        table.starts_at >= _EARLIEST,
        table.starts_at < _ENDS,
        table.ends_at > _BEGINS,
    )


_IN_DIARY = Prepared(
    union_all(
        *(
            select(Visit.starts_at, Visit.ends_at, Resident.latitude, Resident.longitude, *_NOT_IN_A_STOP)
            .join(Resident, Resident.id == Visit.resident_id)
            .where(
                *_in_these_days(Visit, its_officer),
                Visit.status != VisitStatus.CANCELLED,
                Visit.id.is_distinct_from(bindparam("leaving_out", type_=Uuid())),
            )
            for its_officer in (Visit.officer_id, Visit.second_officer_id)
        ),
        select(Hold.starts_at, Hold.ends_at, Resident.latitude, Resident.longitude, *_NOT_IN_A_STOP)
        .outerjoin(Resident, Resident.id == Hold.resident_id)
        .where(
            *_in_these_days(Hold, Hold.officer_id),
            Hold.expires_at > bindparam("at", type_=UtcDateTime()),
            Hold.ended_at.is_(None),
            Hold.made_by_id.is_distinct_from(bindparam("by", type_=Uuid())),
        ),
        select(Absence.starts_at, Absence.ends_at, null(), null(), Absence.kind, null(), null()).where(
            Absence.officer_id == _OFFICER,
            Absence.removed_at.is_(None),
            Absence.ends_at > _BEGINS,
            Absence.starts_at < _ENDS,
        ),
        select(null(), null(), null(), null(), null(), WorkingException.day, WorkingException.windows).where(
            WorkingException.officer_id == _OFFICER,
            WorkingException.day.between(bindparam("first", type_=Date()), bindparam("last", type_=Date())),
        ),
    )
)
"""All of an officer's diary in some days, in one statement: the booking of a visit waits for it."""


def _load(
    session: Session, officer: DiaryOwner, asked: Asked, *, by: UUID | None, at: datetime, leaving_out: UUID | None
) -> _Diary:
    """Read anew, as the diary is now that it is locked. Raises DiaryClash for an overlap."""
    first = asked.starts_at.astimezone(LONDON).date()
    last = (asked.ends_at - timedelta(microseconds=1)).astimezone(LONDON).date()
    begins, ends = day_bounds(first)[0], day_bounds(last)[1]
    hours = WorkingHours(WorkingPattern.read(officer.working_pattern))
    diary = _Diary(officer, (first,) if first == last else (first, last), hours)
    for row in _IN_DIARY.all(
        session,
        officer=officer.id,
        earliest=begins - LONGEST_VISIT,
        begins=begins,
        ends=ends,
        first=first,
        last=last,
        leaving_out=leaving_out,
        by=by,
        at=at,
    ):
        if row.windows is not None:
            hours.exceptions[row.day] = read_windows(row.windows)
        elif row.kind is not None:
            hours.absences.append(TimeOff(Interval(row.starts_at, row.ends_at), AbsenceKind(row.kind)))
        elif overlaps(Interval(row.starts_at, row.ends_at), asked.interval):
            raise clash(officer.id)
        else:
            place = None if row.latitude is None or row.longitude is None else (row.latitude, row.longitude)
            diary.stops.append(Stop(int(row.starts_at.timestamp()), int(row.ends_at.timestamp()), place))
    diary.stops.sort(key=lambda stop: stop.starts)
    return diary


def _missing_skills(officers: Sequence[DiaryOwner], asked: Asked) -> list[Broken]:
    """What nobody who comes can do. Of two officers one is enough: the other comes along so that they are two."""
    missing = set(asked.skills).difference(*(officer.skills for officer in officers))
    if not missing or not officers:
        return []
    return [Broken(Rule.SKILL, words.no_skill(sorted(missing), len(officers)), officers[0].id)]


def _broken(diary: _Diary, asked: Asked, rules: Rules) -> Iterator[Broken]:
    """Each rule that the visit breaks."""
    officer, stop = diary.officer, asked.stop
    strictly: set[Found] = set()
    days = list(diary.each_day())
    for _, working, stops in days:
        day = plan(working, stops)
        strictly |= broken_by(day, day.with_stop(stop), stop, rules)
    if not goes_to(officer.areas, asked.postcode):
        yield Broken(Rule.AREA, words.not_in_areas(), officer.id)
    if strictly:
        # What the search for slots would offer is booked, whatever comes of the second look.
        yield from _for_good(diary, days, asked, rules, strictly)


def _for_good(
    diary: _Diary, days: Sequence[_OneDay], asked: Asked, rules: Rules, strictly: set[Found]
) -> Iterator[Broken]:
    """What is broken for good: a way counts only if it is known, and who is booked out of hours is on the road
    then, too, so that this is one rule broken and not four."""
    officer = diary.officer
    away = [off.interval for off in diary.hours.absences if overlaps(off.interval, asked.interval)]
    if away:
        yield Broken(Rule.LEAVE, words.away(away[0]), officer.id)
    windows = [window for _, working, _ in days for window in working.windows]
    known = Rules(KnownWays(rules.travel), rules.slack)
    for day, working, stops in days:
        assumed = officer.working_pattern is None and day not in diary.hours.exceptions
        begins, ends = day_bounds(day)
        of_this_day = Interval(max(asked.starts_at, begins), min(asked.ends_at, ends))
        if not covers([*working.windows, *away], of_this_day):
            detail = words.out_of_hours(working, assumed)
            yield Broken(Rule.HOURS, detail, officer.id, assumed=assumed)
        after = _on_the_road(diary, working, windows, [*stops, asked.stop])
        if (Fault.LUNCH, None) in strictly:
            before = _on_the_road(diary, working, windows, stops)
            if lunch_is_lost(before, after, known):
                yield Broken(Rule.LUNCH, words.no_lunch(working), officer.id, assumed=assumed)
        for fault, gap in ways_broken(after, asked.stop, known):
            if fault is Fault.TRAVEL and not is_known(gap.origin, gap.destination):
                continue
            rule = _RULES[fault]
            detail = words.of_the_way(rule, gap, arrives(gap, known), asked.stop)
            short = short_s(gap, replace(known, slack=fault is Fault.SLACK))
            yield Broken(rule, detail, officer.id, short / 60, assumed)


_RULES = {Fault.TRAVEL: Rule.TRAVEL, Fault.SLACK: Rule.SLACK, Fault.SHIFT_END: Rule.SHIFT_END}


def _on_the_road(diary: _Diary, working: WorkingDay, windows: Sequence[Interval], stops: Sequence[Stop]) -> Day:
    """The day with these stops, and with time for the ways to and from those that are out of hours."""
    day = plan(replace(working, windows=tuple(merged(windows))), sorted(stops, key=lambda each: each[:2]))
    rooms = [
        Interval(_instant(each.starts) - _ROOM, _instant(each.ends) + _ROOM)
        for each in stops
        if not in_hours(day, each)
    ]
    if not rooms:
        return day
    widened = less([*windows, *rooms], (off.interval for off in diary.hours.absences))
    return plan(replace(working, windows=tuple(widened)), day.stops)


def _instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
