"""The rest of an officer's day after a delay, as a pure rule: the road, the gaps, and how a delay runs out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import travel
from models.cascade import Stop, predicted_arrivals
from models.clock import LONDON
from models.travel import Place, TravelModel
from tests.roads import travel_time

CIVIC_CENTRE, HARROW_ON_THE_HILL = (51.5887, -0.3340), (51.5793, -0.3366)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


def clock_time(text: str) -> datetime:
    """A time of the day of these tests, such as 10:15 or 10:15:30."""
    hours, minutes, *seconds = map(int, text.split(":"))
    return MIDNIGHT + timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))


def stop(text: str, place: Place | None = None) -> Stop:
    """`10:15/30`: a visit at 10:15 of half an hour."""
    start, _, minutes = text.partition("/")
    return Stop(clock_time(start), timedelta(minutes=int(minutes)), place)


# The rest of the day

places = st.tuples(st.floats(51.4, 51.7), st.floats(-0.6, -0.1))

DAY = "10:15/30 11:15/30 13:00/45 14:00/30 14:45/30"
"""After a visit of half an hour at 09:30, each ten minutes' journey from the last; lunch is at twelve."""


@pytest.mark.parametrize(
    ("expected", "arrivals"),
    [
        pytest.param("09:30", "10:15 11:15 13:00 14:00 14:45", id="on time: nobody waits"),
        pytest.param("09:35", "10:15 11:15 13:00 14:00 14:45", id="as late as the gap allows"),
        pytest.param("09:35:01", "10:15:01 11:15 13:00 14:00 14:45", id="a second later"),
        pytest.param("09:55", "10:35 11:15 13:00 14:00 14:45", id="T1: free at 10:25, the second 20 minutes late"),
        pytest.param("10:30", "11:10 11:50 13:00 14:00 14:45", id="lunch takes the delay up"),
        pytest.param("11:41", "12:21 13:01 13:41 14:36 15:16", id="not even lunch does"),
        pytest.param("08:00", "10:15 11:15 13:00 14:00 14:45", id="early: nobody is visited before their time"),
    ],
)
def test_a_delay_reaches_as_far_as_the_gaps_let_it(expected: str, arrivals: str) -> None:
    remaining = [stop(each) for each in DAY.split()]
    predicted = predicted_arrivals(clock_time(expected), stop("09:30/30"), remaining)
    assert predicted == [clock_time(each) for each in arrivals.split()]


def test_the_journey_is_from_the_place_before() -> None:
    here, near = stop("10:00/30", CIVIC_CENTRE), stop("10:35/30", HARROW_ON_THE_HILL)
    same, unknown = stop("11:10/10", HARROW_ON_THE_HILL), stop("11:20/10")
    assert predicted_arrivals(clock_time("10:00"), here, [near, same, unknown]) == [
        clock_time("10:36:11"),
        clock_time("11:10"),
        clock_time("11:30"),
    ]


def test_a_day_with_nothing_left_has_no_cascade() -> None:
    assert predicted_arrivals(clock_time("12:00"), stop("10:00/30"), []) == []


def test_a_delay_is_real_time_in_the_night_the_clocks_go_back() -> None:
    """01:30 in summer time and 01:30 in winter time are an hour apart, which is a gap as good as any."""
    first = Stop(datetime(2026, 10, 25, 0, 30, tzinfo=LONDON), timedelta(minutes=30), None)
    in_summer, in_winter = (
        Stop(datetime(2026, 10, 25, 1, 30, tzinfo=LONDON, fold=fold), timedelta(minutes=30), None)
        for fold in (0, 1)
    )
    late = first.starts_at + timedelta(minutes=40)
    assert predicted_arrivals(late, first, [in_summer, in_winter]) == [
        datetime(2026, 10, 25, 0, 50, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


somewhere = st.none() | places
minutes = st.integers(0, 180).map(lambda amount: timedelta(minutes=amount))
delays = st.floats(-3600, 6 * 3600).map(lambda seconds: timedelta(seconds=seconds))
whole_delays = st.integers(-3600, 6 * 3600).map(lambda seconds: timedelta(seconds=seconds))
"""Journeys are counted in whole seconds, and begin on one."""


@st.composite
def days(draw: st.DrawFn, *, feasible: bool) -> list[Stop]:
    """An officer's day of one to nine visits; `feasible`: each can be reached in time from the one before."""
    stops = [Stop(clock_time("09:00"), draw(minutes), draw(somewhere))]
    for _ in range(draw(st.integers(0, 8))):
        before, place = stops[-1], draw(somewhere)
        ready_at = before.starts_at + before.duration
        if feasible:
            ready_at += travel_time(before.place, place, ready_at)
        stops.append(Stop(ready_at + draw(minutes), draw(minutes), place))
    return stops


@contextmanager
def one_speed() -> Iterator[None]:
    """As fast at every hour as at the fastest: a day that can be kept can be kept so too."""
    usual = travel.in_use()
    travel.use(TravelModel(speeds=((time(0), 28.0),)))
    yield
    travel.use(usual)


def after(delay: timedelta, day: list[Stop]) -> list[datetime]:
    return predicted_arrivals(day[0].starts_at + delay, day[0], day[1:])


@given(day=days(feasible=False), delay=delays)
def test_nobody_is_visited_before_their_time_nor_before_the_officer_can_be_there(
    day: list[Stop], delay: timedelta
) -> None:
    arrivals = after(delay, day)
    assert len(arrivals) == len(day) - 1
    assert all(arrival >= stop.starts_at for arrival, stop in zip(arrivals, day[1:], strict=True))
    visits = zip([day[0].starts_at + delay, *arrivals], day, strict=True)
    for (arrived, here), (arrives, there) in pairwise(visits):
        leaves = arrived + here.duration
        assert arrives >= leaves + travel_time(here.place, there.place, leaves)


@given(day=days(feasible=False), delay=delays, more=minutes)
def test_more_delay_makes_nobody_earlier(day: list[Stop], delay: timedelta, more: timedelta) -> None:
    for less, arrival in zip(after(delay, day), after(delay + more, day), strict=True):
        assert less <= arrival


@given(day=days(feasible=False), delay=delays, more=minutes)
def test_where_every_hour_is_as_fast_nobody_is_later_by_more_than_the_delay(
    day: list[Stop], delay: timedelta, more: timedelta
) -> None:
    with one_speed():
        for less, arrival in zip(after(delay, day), after(delay + more, day), strict=True):
            assert less <= arrival <= less + more


def test_a_delay_into_the_slow_hours_grows() -> None:
    """20 km apart: on time the officer drives at 27 km/h, an hour later at 22."""
    here, there = stop("14:00/30", (51.5, -0.3)), stop("15:00/30", (51.5 + 20_000 / 111_195.08, -0.3))
    assert predicted_arrivals(clock_time("14:00"), here, [there]) == [clock_time("15:33")]
    assert predicted_arrivals(clock_time("15:30"), here, [there]) == [clock_time("17:16:39")]


@given(day=days(feasible=True), delay=whole_delays)
def test_in_a_day_that_can_be_kept_a_delay_only_shrinks_and_no_delay_moves_nobody(
    day: list[Stop], delay: timedelta
) -> None:
    """Where every hour is as fast: into the slow hours a delay grows."""
    starts = [stop.starts_at for stop in day[1:]]
    assert after(timedelta(0), day) == starts
    with one_speed():
        late = [arrival - start for arrival, start in zip(after(delay, day), starts, strict=True)]
    assert all(earlier >= later for earlier, later in pairwise([max(delay, timedelta(0)), *late]))


@given(day=days(feasible=False), delay=delays)
def test_whoever_is_visited_on_time_ends_the_cascade(day: list[Stop], delay: timedelta) -> None:
    arrivals = after(delay, day)
    for place, (arrival, stop) in enumerate(zip(arrivals, day[1:], strict=True), start=1):
        if arrival == stop.starts_at:
            assert arrivals[place:] == after(timedelta(0), day[place:])
