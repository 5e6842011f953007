"""Working time: when an officer works on a London day, and why not."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clock import LONDON
from models.errors import Unprocessable
from models.interval import Interval, covers, merged, overlaps
from models.wall_clock import MINUTES_OF_A_DAY, instant
from models.working_time import (
    STANDARD,
    AbsenceKind,
    Closed,
    Lunch,
    LunchBreak,
    TimeOff,
    Window,
    Windows,
    WorkingDay,
    WorkingPattern,
    refuse_impossible_windows,
    working_day,
)

WEDNESDAY, SATURDAY = date(2026, 11, 25), date(2026, 11, 28)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
NOON_BREAK = LunchBreak(30, 12 * 60, 13 * 60 + 30)
HARROW, WEALD = (51.5806, -0.342), (51.6039, -0.339)


def hours(*pairs: tuple[float, float]) -> Windows:
    return tuple(Window(round(start * 60), round(end * 60)) for start, end in pairs)


def every_day(*pairs: tuple[float, float], **more: Any) -> WorkingPattern:
    return WorkingPattern(days=(hours(*pairs),) * 7, **more)


def utc(hour: float, day: date = WEDNESDAY) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def between(start: float, end: float, day: date = WEDNESDAY) -> Interval:
    return Interval(utc(start, day), utc(end, day))


def off(start: float, end: float, kind: AbsenceKind = AbsenceKind.LEAVE) -> TimeOff:
    return TimeOff(between(start, end), kind)


def worked(pattern: WorkingPattern, *absences: TimeOff, day: date = WEDNESDAY, **how: Any) -> WorkingDay:
    how = {"exceptions": {}, "is_bank_holiday": False} | how
    return working_day(pattern, how["exceptions"], absences, day, is_bank_holiday=how["is_bank_holiday"])


class TestTheWeek:
    def test_an_officer_with_none_set_works_monday_to_friday_nine_to_five(self) -> None:
        monday = date(2026, 11, 23)
        for number in range(7):
            day = monday + timedelta(days=number)
            found = worked(WorkingPattern.read(None), day=day)
            if number < 5:
                assert found == WorkingDay((between(9, 17, day),), None, None, None, None)
            else:
                assert (found.windows, found.closed) == ((), Closed.NO_SHIFT)

    def test_weekly_nine_oclock_stays_nine_oclock_in_london(self) -> None:
        for day, nine in ((date(2026, 3, 27), 9), (date(2026, 3, 30), 8), (date(2026, 10, 26), 9)):
            assert worked(STANDARD, day=day).windows[0].starts_at == utc(nine, day)

    def test_windows_that_touch_are_one(self) -> None:
        assert worked(every_day((9, 12), (12, 17), (18, 20))).windows == (between(9, 17), between(18, 20))

    def test_a_day_may_begin_and_end_at_midnight(self) -> None:
        assert worked(every_day((0, 24))).windows == (between(0, 24),)

    def test_where_a_shift_starts_and_ends_is_said(self) -> None:
        found = worked(every_day((9, 17), starts_from=HARROW, ends_at=WEALD))
        assert (found.starts_from, found.ends_at_place) == (HARROW, WEALD)

    def test_a_pattern_is_kept_and_read_as_it_was(self) -> None:
        pattern = WorkingPattern(
            days=(hours((9, 12), (13, 17)), *((),) * 6), lunch=NOON_BREAK, starts_from=HARROW, ends_at=WEALD
        )
        assert WorkingPattern.read(pattern.kept()) == pattern
        assert WorkingPattern.read(STANDARD.kept()) == STANDARD


class TestWhyNot:
    def test_nobody_works_on_a_bank_holiday(self) -> None:
        found = worked(STANDARD, is_bank_holiday=True)
        assert (found.windows, found.closed) == ((), Closed.BANK_HOLIDAY)

    def test_unless_an_exception_for_that_date_says_so(self) -> None:
        exceptions = {WEDNESDAY: hours((10, 14))}
        found = worked(STANDARD, exceptions=exceptions, is_bank_holiday=True)
        assert (found.windows, found.closed) == ((between(10, 14),), None)

    def test_an_exception_decides_in_place_of_the_week_on_its_day_alone(self) -> None:
        exceptions = {SATURDAY: hours((10, 14)), WEDNESDAY: ()}
        assert worked(STANDARD, exceptions=exceptions, day=SATURDAY).windows == (between(10, 14, SATURDAY),)
        found = worked(STANDARD, exceptions=exceptions)
        assert (found.windows, found.closed) == ((), Closed.EXCEPTION)
        assert worked(STANDARD, exceptions=exceptions, day=date(2026, 11, 26)).closed is None

    @pytest.mark.parametrize("kind", list(AbsenceKind))
    def test_a_day_long_absence_leaves_nothing_and_says_which_it_is(self, kind: AbsenceKind) -> None:
        found = worked(STANDARD, off(0, 24, kind))
        assert (found.windows, found.closed) == ((), Closed(kind.value))
        assert not covers(found.windows, between(10, 11)), "a one-hour visit inside it is blocked"

    def test_half_a_day_of_leave_cuts_the_hours(self) -> None:
        found = worked(STANDARD, off(12, 24))
        assert (found.windows, found.closed) == ((between(9, 12),), Closed.LEAVE)
        assert covers(found.windows, between(11, 12)), "touching ends do not clash"
        assert not covers(found.windows, between(11, 12.25))

    def test_an_absence_that_only_touches_the_hours_is_none_of_this_day(self) -> None:
        found = worked(STANDARD, off(17, 24), off(-15, 9))
        assert (found.windows, found.closed) == ((between(9, 17),), None)

    def test_an_absence_on_a_day_off_is_not_why(self) -> None:
        absence = TimeOff(between(0, 24, SATURDAY), AbsenceKind.LEAVE)
        assert worked(STANDARD, absence, day=SATURDAY).closed is Closed.NO_SHIFT
        assert worked(STANDARD, off(0, 24), is_bank_holiday=True).closed is Closed.BANK_HOLIDAY

    def test_of_several_absences_the_one_that_began_first_is_named(self) -> None:
        found = worked(
            STANDARD, off(10, 11, AbsenceKind.SICKNESS), off(-48, 12), off(12, 13, AbsenceKind.TRAINING)
        )
        assert (found.windows, found.closed) == ((between(13, 17),), Closed.LEAVE)

    def test_leave_is_taken_out_of_an_exception_too(self) -> None:
        found = worked(STANDARD, off(0, 24), exceptions={WEDNESDAY: hours((10, 14))})
        assert (found.windows, found.closed) == ((), Closed.LEAVE)


class TestLunch:
    @pytest.mark.parametrize(
        ("pairs", "expected"),
        [
            ([(9, 17)], True),
            ([(9, 12.25), (12.5, 17)], True),
            ([(9, 13)], False),
            ([(9, 13.5)], False),
            ([(9, 14)], False),
            ([(9, 14.25)], True),
            ([(12, 17)], False),
            ([(11.75, 17)], True),
            ([(14, 17)], False),
        ],
    )
    def test_it_is_a_break_between_work(self, pairs: list[tuple[float, float]], expected: bool) -> None:
        lunch = worked(every_day(*pairs, lunch=NOON_BREAK)).lunch
        assert lunch == (Lunch(timedelta(minutes=30), utc(12), utc(13.5)) if expected else None)

    def test_half_a_day_of_leave_takes_the_lunch_along(self) -> None:
        pattern = every_day((9, 17), lunch=NOON_BREAK)
        assert worked(pattern, off(12, 24)).lunch is None
        assert worked(pattern, off(0, 24)).lunch is None
        assert worked(pattern, off(15, 24)).lunch is not None

    def test_it_is_taken_on_exceptional_days_too(self) -> None:
        pattern = WorkingPattern(days=STANDARD.days, lunch=NOON_BREAK)
        assert worked(pattern, exceptions={SATURDAY: hours((9, 17))}, day=SATURDAY).lunch is not None
        assert worked(pattern, exceptions={SATURDAY: hours((9, 13))}, day=SATURDAY).lunch is None

    def test_a_break_in_the_hour_that_is_missing_begins_when_it_is_over(self) -> None:
        pattern = every_day((0, 8), lunch=LunchBreak(30, 60, 120))
        assert worked(pattern, day=SPRING).lunch == Lunch(timedelta(minutes=30), utc(1, SPRING), utc(1, SPRING))
        assert worked(pattern, day=AUTUMN).lunch == Lunch(timedelta(minutes=30), utc(0, AUTUMN), utc(2, AUTUMN))


class TestClockChanges:
    def test_a_shift_that_begins_in_the_missing_hour_begins_when_the_clocks_go_forward(self) -> None:
        found = worked(every_day((0, 1.5), (1.5, 5)), day=SPRING)
        assert found.windows == (between(0, 4, SPRING),)
        assert worked(every_day((1.5, 5)), day=SPRING).windows == (between(1, 4, SPRING),)

    def test_a_shift_inside_the_missing_hour_is_none(self) -> None:
        found = worked(every_day((1, 1.75)), day=SPRING)
        assert (found.windows, found.closed) == ((), Closed.NO_SHIFT)

    def test_a_time_that_comes_twice_is_the_first(self) -> None:
        assert worked(every_day((1.5, 5)), day=AUTUMN).windows == (between(0.5, 5, AUTUMN),)
        assert worked(every_day((0, 1.5)), day=AUTUMN).windows == (between(-1, 0.5, AUTUMN),)

    @pytest.mark.parametrize("day", [SPRING, AUTUMN])
    @pytest.mark.parametrize("quarter", range(96))
    def test_a_shift_of_any_quarter_hour_is_as_long_as_its_minutes_but_for_the_hour_that_changes(
        self, day: date, quarter: int
    ) -> None:
        start = quarter * 15
        (window,) = worked(WorkingPattern(days=((Window(start, start + 15),),) * 7), day=day).windows or (None,)
        if window is None:
            assert day == SPRING and 60 <= start < 120
            return
        # The last quarter before the clocks go back ends at the second 02:00, for 02:00 comes once.
        lasts = timedelta(minutes=75 if (day, start) == (AUTUMN, 105) else 15)
        assert window.ends_at - window.starts_at == lasts
        assert window.starts_at.astimezone(LONDON).date() == day

    @pytest.mark.parametrize(("day", "lasts"), [(SPRING, 23), (AUTUMN, 25), (WEDNESDAY, 24)])
    def test_quarter_hours_make_up_the_whole_day(self, day: date, lasts: int) -> None:
        quarters = tuple(Window(minute, minute + 15) for minute in range(0, MINUTES_OF_A_DAY, 15))
        (window,) = worked(WorkingPattern(days=(quarters,) * 7), day=day).windows
        assert window.ends_at - window.starts_at == timedelta(hours=lasts)


class TestStrictness:
    @pytest.mark.parametrize(
        ("windows", "words"),
        [
            (hours((9, 9)), "09:00 to 09:00: the end must be later"),
            (hours((22, 6)), "22:00 to 06:00: the end must be later"),
            (hours((9, 12), (11.5, 17)), "09:00 to 12:00 and 11:30 to 17:00 overlap."),
            (hours((9, 17), (10, 11)), "09:00 to 17:00 and 10:00 to 11:00 overlap."),
        ],
    )
    def test_windows_that_overlap_or_end_before_they_start_are_refused(self, windows: Windows, words: str) -> None:
        days = ((), windows, *((),) * 5)
        with pytest.raises(Unprocessable, match=words) as refused:
            WorkingPattern(days=days).refuse_impossible()
        assert list(refused.value.extra["errors"]) == ["days.tuesday"]

    def test_windows_that_touch_are_not_refused(self) -> None:
        every_day((0, 9), (9, 24)).refuse_impossible()

    @pytest.mark.parametrize(
        ("lunch", "pairs", "words"),
        [
            (LunchBreak(30, 810, 720), [(9, 17)], "before the earliest"),
            (LunchBreak(30, 720, 810), [(9, 14)], "On no day"),
            (LunchBreak(30, 540, 600), [(9, 17)], "On no day"),
        ],
    )
    def test_a_lunch_that_cannot_fit_is_refused(
        self, lunch: LunchBreak, pairs: list[tuple[float, float]], words: str
    ) -> None:
        with pytest.raises(Unprocessable, match=words):
            every_day(*pairs, lunch=lunch).refuse_impossible()

    def test_a_lunch_that_just_fits_is_not(self) -> None:
        every_day((9, 14.25), lunch=NOON_BREAK).refuse_impossible()
        WorkingPattern(days=((),) * 7, lunch=NOON_BREAK).refuse_impossible()
        WorkingPattern(days=(hours((9, 13)), hours((9, 17)), *((),) * 5), lunch=NOON_BREAK).refuse_impossible()

    def test_an_odd_time_is_refused_on_its_day_and_not_in_a_week(self) -> None:
        odd = hours((1.5, 5))
        refuse_impossible_windows(odd, "windows")
        refuse_impossible_windows(odd, "windows", on=WEDNESDAY)
        with pytest.raises(Unprocessable, match="01:30 does not exist on 29 March 2026"):
            refuse_impossible_windows(odd, "windows", on=SPRING)
        with pytest.raises(Unprocessable, match="01:30 comes twice on 25 October 2026"):
            refuse_impossible_windows(hours((0, 1.5)), "windows", on=AUTUMN)


minutes = st.integers(0, MINUTES_OF_A_DAY // 15).map(lambda quarter: quarter * 15)


@st.composite
def some_windows(draw: st.DrawFn) -> Windows:
    """Windows as they pass the checks, of which many touch, or reach midnight."""
    ends = sorted(draw(st.lists(minutes, max_size=8, unique=True)))
    return tuple(Window(start, end) for start, end in pairwise(ends) if draw(st.booleans()))


days = st.sampled_from([WEDNESDAY, SATURDAY, SPRING, AUTUMN])


@st.composite
def absences_around(draw: st.DrawFn, day: date) -> list[TimeOff]:
    quarters = st.integers(-40, 140)
    found = []
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(quarters), draw(quarters)))
        interval = Interval(utc(start / 4, day), utc(end / 4 + 0.25, day))
        found.append(TimeOff(interval, draw(st.sampled_from(AbsenceKind))))
    return found


@given(st.data(), days, st.lists(some_windows(), min_size=7, max_size=7))
def test_on_any_day_the_windows_lie_in_the_day_apart_from_each_other_and_from_every_absence(
    data: st.DataObject, day: date, week: list[Windows]
) -> None:
    absences = data.draw(absences_around(day))
    exceptions = data.draw(st.dictionaries(st.just(day), some_windows()))
    is_bank_holiday = data.draw(st.booleans())
    pattern = WorkingPattern(days=tuple(week), lunch=data.draw(st.sampled_from([None, NOON_BREAK])))
    found = working_day(pattern, exceptions, absences, day, is_bank_holiday=is_bank_holiday)
    assert list(found.windows) == merged(found.windows)
    whole = Interval(instant(day, 0), instant(day, MINUTES_OF_A_DAY))
    assert all(covers([whole], each) for each in found.windows)
    assert not any(overlaps(each, gone.interval) for each in found.windows for gone in absences)
    if not found.windows:
        assert found.closed is not None and found.lunch is None
    full = working_day(pattern, exceptions, (), day, is_bank_holiday=is_bank_holiday)
    assert all(covers(full.windows, each) for each in found.windows)
    assert (found.closed is None) == (found.windows == full.windows and bool(full.windows))
    if found.lunch:
        assert found.windows[0].starts_at < found.lunch.earliest
        assert found.lunch.earliest <= found.lunch.latest
        assert found.lunch.latest + found.lunch.duration < found.windows[-1].ends_at
