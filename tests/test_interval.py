"""Intervals of time: half-open, so that a visit may begin the moment another ends."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.interval import Interval, covers, less, merged, overlaps

MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)


def at(minute: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minute)


def between(start: int, end: int) -> Interval:
    return Interval(at(start), at(end))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 10), (10, 20), False),
        ((0, 11), (10, 20), True),
        ((0, 60), (20, 30), True),
        ((0, 60), (0, 60), True),
        ((0, 60), (0, 1), True),
        ((0, 60), (59, 60), True),
        ((-10, 0), (0, 10), False),
        ((-10, 1), (0, 10), True),
        ((0, 10), (20, 30), False),
        ((5, 5), (0, 10), False),
        ((5, 5), (5, 5), False),
        ((9, 1), (0, 10), False),
    ],
)
def test_two_overlap_if_some_instant_is_in_both(
    one: tuple[int, int], other: tuple[int, int], expected: bool
) -> None:
    assert overlaps(between(*one), between(*other)) is expected
    assert overlaps(between(*other), between(*one)) is expected


def test_a_day_long_leave_blocks_a_one_hour_visit_inside_it() -> None:
    leave, visit = between(0, 24 * 60), between(600, 660)
    assert overlaps(leave, visit) and overlaps(visit, leave)
    assert covers([leave], visit) and not covers([visit], leave)


def test_across_midnight_there_is_nothing_special() -> None:
    night = between(-120, 120)
    assert overlaps(night, between(-1, 0)) and overlaps(night, between(0, 1))
    assert covers([between(-120, 0), between(0, 120)], night)
    assert merged([between(0, 120), between(-120, 0)]) == [night]


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([], []),
        ([(0, 10)], [(0, 10)]),
        ([(10, 20), (0, 10)], [(0, 20)]),
        ([(0, 60), (20, 30)], [(0, 60)]),
        ([(0, 10), (11, 20)], [(0, 10), (11, 20)]),
        ([(5, 5)], []),
        ([(9, 1), (20, 30)], [(20, 30)]),
    ],
)
def test_merging_joins_what_touches_and_drops_what_is_empty(
    intervals: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    assert merged(between(*pair) for pair in intervals) == [between(*pair) for pair in expected]


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], [(0, 60)]),
        ([(20, 30)], [(0, 20), (30, 60)]),
        ([(0, 60)], []),
        ([(-10, 70)], []),
        ([(-10, 0), (60, 70)], [(0, 60)]),
        ([(-10, 10), (50, 70)], [(10, 50)]),
        ([(20, 30), (25, 40), (40, 41)], [(0, 20), (41, 60)]),
    ],
)
def test_what_is_taken_out_leaves_what_is_around_it(
    taken: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    left = less([between(0, 60)], [between(*pair) for pair in taken])
    assert left == [between(*pair) for pair in expected]


minutes = st.integers(-15, 15)
"""Few different minutes, on either side of midnight: ends that touch, and one inside the other, are common."""
some = st.builds(between, minutes, minutes)
many = st.lists(some, max_size=6)


def instants(intervals: list[Interval]) -> set[int]:
    """The minutes of these intervals one by one: slow, and plainly right."""
    return {
        minute for minute in range(-16, 16) if any(one.starts_at <= at(minute) < one.ends_at for one in intervals)
    }


@given(some, some)
def test_overlapping_is_what_counting_instants_says(one: Interval, other: Interval) -> None:
    assert overlaps(one, other) == overlaps(other, one) == bool(instants([one]) & instants([other]))


@given(some, many)
def test_one_inside_another_overlaps_it_both_ways(outer: Interval, inner: list[Interval]) -> None:
    for one in inner:
        if one.starts_at < one.ends_at and covers([outer], one):
            assert overlaps(one, outer) and overlaps(outer, one)


@given(many)
def test_merging_keeps_every_instant_and_leaves_gaps(intervals: list[Interval]) -> None:
    found = merged(intervals)
    assert instants(found) == instants(intervals)
    assert all(one.starts_at < one.ends_at for one in found)
    assert all(earlier.ends_at < later.starts_at for earlier, later in pairwise(found))


@given(many, many)
def test_taking_out_is_what_counting_instants_says(intervals: list[Interval], taken: list[Interval]) -> None:
    left = less(intervals, taken)
    assert instants(left) == instants(intervals) - instants(taken)
    assert left == merged(left)
    assert not any(overlaps(one, gone) for one in left for gone in taken)


@given(many, some)
def test_covering_is_what_counting_instants_says(intervals: list[Interval], one: Interval) -> None:
    assert covers(intervals, one) == (instants([one]) <= instants(intervals))
