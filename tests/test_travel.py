"""How long a journey takes, and when to leave for it: exact to the second, on every day of the year."""

import time as stopwatch
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.clock import LONDON
from models.many_ways import ManyWays, point
from models.speeds import Speeds, Traffic, read_speeds, write_speeds
from models.standards import distance_m
from models.travel import SPEEDS, Place, TravelModel
from tests.roads import travel_time

CIVIC_CENTRE, HARROW_ON_THE_HILL = (51.5887, -0.3340), (51.5793, -0.3366)
TWENTY_KM = (51.5, -0.3), (51.5 + 20_000 / 111_195.08, -0.3)
USUAL = TravelModel()


def london(text: str, *, fold: int = 0) -> int:
    """`2026-11-23 09:30` on London's clocks, in Unix seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold).timestamp())


def test_the_worked_row_of_a_journey_into_a_faster_hour():
    """ "Speed step 24 to 27 km/h at 09:30: leave 09:28 for 3,000 m, arrive 09:37.9": 800 m at 24 km/h are two
    minutes, the other 2,200 m of road at 27 take 4.9, and parking takes 3."""
    model = TravelModel(speeds=((time(7), 24.0), (time(9, 30), 27.0)))
    leaves = london("2026-11-23 09:28")
    arrives = leaves + model.seconds_by_road(3000, leaves)
    assert arrives == london("2026-11-23 09:37:54")
    assert round((arrives - london("2026-11-23 09:00")) / 60, 1) == 37.9


@pytest.mark.parametrize(
    ("origin", "destination", "seconds"),
    [
        (None, None, 600),
        (CIVIC_CENTRE, None, 600),
        (None, CIVIC_CENTRE, 600),
        (CIVIC_CENTRE, CIVIC_CENTRE, 180),
        # 1,061 m in a straight line are 1,432 m by road, which take 191 s; and 3 minutes to park.
        (CIVIC_CENTRE, HARROW_ON_THE_HILL, 371),
        (*TWENTY_KM, 3600 + 180),
    ],
)
def test_a_journey_is_the_straight_line_with_its_bends_and_the_time_to_park(
    origin: Place | None, destination: Place | None, seconds: int
) -> None:
    at_eleven = datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert travel_time(origin, destination, at_eleven) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("local", "speed"),
    [
        ("00:00", 28),
        ("06:59:59", 28),
        ("07:00", 23.5),
        ("09:59:59", 23.5),
        ("10:00", 27),
        ("15:59:59", 27),
        ("16:00", 22),
        ("18:59:59", 22),
        ("19:00", 28),
        ("23:59:59", 28),
    ],
)
@pytest.mark.parametrize("day", ["2026-01-15", "2026-07-15", "2026-03-29", "2026-10-25"])
def test_the_speed_is_that_of_the_hour_on_londons_clocks(day: str, local: str, speed: float) -> None:
    assert USUAL.speed_at(london(f"{day} {local}")) == speed


@pytest.mark.parametrize(
    ("leaves", "minutes"),
    # 27 km of road. At 15:30 the car makes 13.5 km in half an hour, and needs 36.8 minutes for the rest.
    [
        ("11:00", 60),
        ("15:30", 30 + 13.5 / 22 * 60),
        ("16:00", 27 / 22 * 60),
        ("09:50", 10 + (27 - 23.5 / 6) / 27 * 60),
    ],
)
def test_a_journey_into_other_hours_is_driven_at_each_hours_speed(leaves: str, minutes: float) -> None:
    leaving_at = london(f"2026-11-23 {leaves}")
    assert USUAL.seconds(*TWENTY_KM, leaving_at) == pytest.approx(minutes * 60 + 180, abs=1)


def test_a_place_that_cannot_be_meant_is_an_unknown_one() -> None:
    """Latitude and longitude the wrong way round would make everybody late by days."""
    noon = london("2026-11-23 12:00")
    assert USUAL.seconds((51.58, -0.33), (-0.33, 51.58), noon) == 600
    assert USUAL.leave_by((51.58, -0.33), (-0.33, 51.58), noon) == noon - 600


def test_the_hour_that_comes_twice_has_the_same_speed_twice() -> None:
    """25 October 2026: 01:30 in summer time and 01:30 in winter time; in between 60 real minutes are driven."""
    traffic = Traffic(((time(1), 10.0), (time(2), 20.0)))
    first, second = (london("2026-10-25 01:00", fold=fold) for fold in (0, 1))
    assert second - first == 3600
    assert traffic.at(first - 1) == traffic.at(second + 3600) == 20
    assert {traffic.at(moment) for moment in range(first, second + 3600, 900)} == {10}
    assert traffic.arrives(20_000 * 36, first) == second + 3600


def test_the_hour_that_is_left_out_is_not_driven() -> None:
    """29 March 2026: the clocks go from 01:00 to 02:00."""
    traffic = Traffic(((time(0), 20.0), (time(1), 10.0), (time(2), 30.0)))
    midnight = london("2026-03-29 00:00")
    assert {traffic.at(moment) for moment in range(midnight, midnight + 7200, 900)} == {20, 30}
    assert traffic.arrives(50_000 * 36, midnight) == midnight + 7200


@st.composite
def speeds(draw: st.DrawFn) -> Speeds:
    quarters = sorted(draw(st.sets(st.integers(0, 95), min_size=1, max_size=6)))
    tenths = st.integers(50, 1300)
    return tuple((time(each // 4, each % 4 * 15), draw(tenths) / 10) for each in quarters)


models = st.builds(TravelModel, roads_bend=st.floats(1, 2), speeds=speeds(), to_park_s=st.integers(0, 3600))
places = st.none() | st.tuples(st.floats(51.3, 51.9), st.floats(-0.7, 0.1))
clock_changes = st.sampled_from([london("2026-03-29 00:00"), london("2026-10-25 00:00")])
moments = st.integers(london("2026-01-01 00:00"), london("2027-01-01 00:00")) | st.builds(
    lambda day, seconds: day + seconds, clock_changes, st.integers(-86_400, 2 * 86_400)
)


@given(model=models, origin=places, destination=places, arriving_at=moments)
def test_leave_by_is_the_last_second_that_arrives_in_time(
    model: TravelModel, origin: Place | None, destination: Place | None, arriving_at: int
) -> None:
    leaves = model.leave_by(origin, destination, arriving_at)
    assert leaves + model.seconds(origin, destination, leaves) <= arriving_at
    assert leaves + 1 + model.seconds(origin, destination, leaves + 1) > arriving_at


@given(model=models, origin=places, destination=places, leaving_at=moments, later=st.integers(0, 7200))
def test_who_leaves_later_never_arrives_earlier(
    model: TravelModel, origin: Place | None, destination: Place | None, leaving_at: int, later: int
) -> None:
    arrives, then = (
        moment + model.seconds(origin, destination, moment) for moment in (leaving_at, leaving_at + later)
    )
    assert arrives <= then
    assert model.leave_by(origin, destination, arrives) >= leaving_at


@given(model=models, road_m=st.integers(0, 80_000), leaving_at=moments)
def test_a_journey_is_the_sum_of_its_quarters_of_an_hour(model: TravelModel, road_m: int, leaving_at: int) -> None:
    """Driven slowly, a quarter of an hour on London's clocks after the other."""
    left_m, moment = float(road_m), float(leaving_at)
    while True:
        speed = model.speed_at(moment) / 3.6
        to_next = 900 - moment % 900
        if left_m <= speed * to_next:
            break
        left_m, moment = left_m - speed * to_next, moment + to_next
    arrives = moment + left_m / speed + model.to_park_s
    assert leaving_at + model.seconds_by_road(road_m, leaving_at) == pytest.approx(arrives, abs=1.001)


@given(origin=places, destination=places, other=places, leaving_at=moments)
def test_the_way_back_is_as_long_and_further_takes_longer(
    origin: Place | None, destination: Place | None, other: Place | None, leaving_at: int
) -> None:
    there = USUAL.seconds(origin, destination, leaving_at)
    assert there == USUAL.seconds(destination, origin, leaving_at) >= 180
    if origin and destination and other and distance_m(origin, other) <= distance_m(origin, destination) < 60_000:
        assert USUAL.seconds(origin, other, leaving_at) <= there


@given(speeds())
def test_speeds_are_written_as_they_are_read(some: Speeds) -> None:
    assert read_speeds(write_speeds(some)) == some


@pytest.mark.parametrize("some", [(), ((time(7, 10), 27.0),), ((time(9), 27.0), (time(7), 27.0))])
def test_speeds_that_cannot_be_meant_are_refused(some: Speeds) -> None:
    with pytest.raises(ValueError, match="speed"):
        Traffic(some)


def test_a_journey_is_reckoned_in_microseconds() -> None:
    """No clock on a wall is asked once a day is known. The limit is loose: other work runs beside the tests."""
    at_nine = london("2026-11-23 09:00")
    assert write_speeds(SPEEDS) == "07:00=23.5 10:00=27 16:00=22 19:00=28"

    def measured(call: object) -> float:
        begun = stopwatch.perf_counter()
        for number in range(2000):
            call(CIVIC_CENTRE, HARROW_ON_THE_HILL, at_nine + number)  # type: ignore[operator]
        return (stopwatch.perf_counter() - begun) / 2000

    for call in (USUAL.seconds, USUAL.leave_by):
        assert min(measured(call) for _ in range(5)) < 20e-6


near_and_far = st.builds(TravelModel, farthest_m=st.integers(1_000, 60_000), unknown_s=st.integers(0, 3600))
a_long_day = st.integers(-86_400, 2 * 86_400)


@given(models | near_and_far, st.lists(st.tuples(st.none() | places, a_long_day), min_size=1), st.none() | places)
@example(USUAL, [(TWENTY_KM[0], 3600), (None, 0)], TWENTY_KM[1])
def test_many_ways_take_to_the_second_as_long_as_each(
    model: TravelModel, ways: list[tuple[Place | None, int]], door: Place | None
) -> None:
    begins = int(datetime(2026, 3, 29, tzinfo=UTC).timestamp())
    moments = [begins + second for _, second in ways]
    many = ManyWays(model, begins, begins + 86_400)
    lengths = many.lengths(np.array([point(place) for place, _ in ways]).T, np.array([point(door)]).T)
    each = [(place, door, moment) for (place, _), moment in zip(ways, moments, strict=True)]
    assert many.seconds(lengths, np.array(moments)).tolist() == [model.seconds(*way) for way in each]
    assert many.leave_by(lengths, np.array(moments)).tolist() == [model.leave_by(*way) for way in each]
