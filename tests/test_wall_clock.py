"""London's clocks: every quarter of an hour of the two Sundays on which they change, and of a day between."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clock import LONDON
from models.wall_clock import MINUTES_OF_A_DAY, instant, shown, why_odd

SPRING, AUTUMN, BETWEEN = date(2026, 3, 29), date(2026, 10, 25), date(2026, 7, 6)
QUARTERS = range(0, MINUTES_OF_A_DAY + 1, 15)
SECOND_HOUR = range(60, 120)


def utc(day: date, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute)


@pytest.mark.parametrize("minute", QUARTERS)
def test_in_the_night_of_29_march_an_hour_is_missing(minute: int) -> None:
    if minute in SECOND_HOUR:
        assert instant(SPRING, minute) == utc(SPRING, 60)
        assert why_odd(SPRING, minute) == (
            f"{shown(minute)} does not exist on 29 March 2026: the clocks go forward from 01:00 to 02:00."
        )
    else:
        assert instant(SPRING, minute) == utc(SPRING, minute if minute < 60 else minute - 60)
        assert why_odd(SPRING, minute) is None


@pytest.mark.parametrize("minute", QUARTERS)
def test_in_the_night_of_25_october_an_hour_comes_twice(minute: int) -> None:
    # Until the second 01:00 it is summer time, an hour ahead.
    assert instant(AUTUMN, minute) == utc(AUTUMN, minute - 60 if minute < 120 else minute)
    if minute in SECOND_HOUR:
        assert why_odd(AUTUMN, minute) == (
            f"{shown(minute)} comes twice on 25 October 2026: the clocks go back from 02:00 to 01:00."
        )
    else:
        assert why_odd(AUTUMN, minute) is None


@pytest.mark.parametrize("minute", QUARTERS)
@pytest.mark.parametrize(("day", "ahead"), [(BETWEEN, 60), (date(2026, 11, 25), 0)])
def test_on_other_days_nothing_is_odd(day: date, ahead: int, minute: int) -> None:
    assert instant(day, minute) == utc(day, minute - ahead)
    assert why_odd(day, minute) is None


days = st.dates(date(2000, 1, 1), date(2100, 12, 31)) | st.sampled_from([SPRING, AUTUMN])
minutes = st.integers(0, MINUTES_OF_A_DAY)


@given(days, minutes)
def test_the_clocks_show_the_time_that_was_asked_for_unless_they_skip_it(day: date, minute: int) -> None:
    local = instant(day, minute).astimezone(LONDON)
    there = (local.date() - day).days * MINUTES_OF_A_DAY + local.hour * 60 + local.minute
    assert there == minute or "does not exist" in (why_odd(day, minute) or "")


@given(days, minutes, minutes)
def test_later_on_the_clock_is_never_earlier_in_truth(day: date, one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    assert instant(day, earlier) <= instant(day, later)


@given(days)
def test_the_midnight_that_ends_a_day_begins_the_next(day: date) -> None:
    assert instant(day, MINUTES_OF_A_DAY) == instant(day + timedelta(days=1), 0)


def test_a_time_is_shown_as_people_write_it() -> None:
    assert [shown(minute) for minute in (0, 65, 1020, 1440)] == ["00:00", "01:05", "17:00", "24:00"]
