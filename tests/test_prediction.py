"""Lateness seen coming: worked days, and what must hold of every prediction."""

from collections.abc import Iterator
from random import Random
from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.day import Lunch, Stop
from models.prediction import Estimate, arrivals, free_at
from models.travel import Place


def second(text: str) -> int:
    """A time of day in seconds: `10:15`."""
    hours, minutes = map(int, text.split(":"))
    return hours * 3600 + minutes * 60


def minutes(seconds: float) -> float:
    """To a tenth of a minute."""
    return round(seconds / 60, 1)


def stop(text: str) -> Stop:
    """`10:15/30`: a visit at 10:15 of half an hour."""
    start, _, length = text.partition("/")
    return Stop(second(start), second(start) + int(length) * 60, None)


class TenMinutes:
    """Every way takes ten minutes."""

    def seconds(self, origin: Place | None, destination: Place | None, leaving_at: float) -> int:
        return 600

    def leave_by(self, origin: Place | None, destination: Place | None, arriving_at: float) -> float:
        return arriving_at - 600


LUNCH = Lunch(1800, second("12:00"), second("13:30"))
REST_OF_THE_DAY = [stop(each) for each in ["10:15/30", "11:15/30", "13:00/45", "14:00/30", "14:45/30"]]


def rest(free: Estimate, lunch: Lunch | None = LUNCH) -> Iterator[tuple[Stop, Estimate]]:
    """Each stop and when the officer is there."""
    yield from zip(REST_OF_THE_DAY, arrivals(free, None, REST_OF_THE_DAY, TenMinutes(), lunch), strict=True)


def test_a_first_visit_that_ended_late_makes_one_other_late() -> None:
    """T1: "first finished 10:25: second predicted 10:35 (20 late, P .952), third 11:15 (.093), then .000, .106,
    .118"."""
    found = list(rest(Estimate(second("10:25"), 0)))
    assert [minutes(arrival.mean) for _, arrival in found[:2]] == [10 * 60 + 35, 11 * 60 + 15]
    chances = [round(arrival.late(stop.starts), 3) for stop, arrival in found]
    assert chances == [0.952, 0.093, 0.000, 0.106, 0.118]


def test_a_visit_that_goes_on_and_on_is_expected_to_go_on() -> None:
    """T4: "arrived 09:32, now 10:20, no finish: free 10:28, second 10:38 (P20-P80 10:31-10:45), P .826"."""
    free = free_at(second("09:32"), 1800, second("10:20"))
    assert round(free.mean / 60) == 10 * 60 + 28
    there, arrival = next(rest(free))
    assert round(arrival.mean / 60) == 10 * 60 + 38
    earliest, latest = arrival.between()
    assert [round(earliest / 60), round(latest / 60)] == [10 * 60 + 31, 10 * 60 + 45]
    assert round(arrival.late(there.starts), 3) == 0.826


def test_a_text_tells_the_window_in_steps_of_five_minutes_outwards() -> None:
    _, arrival = next(rest(free_at(second("09:32"), 1800, second("10:20"))))
    assert arrival.window() == (second("10:30"), second("10:50"))


def test_without_time_for_it_nobody_eats_and_nobody_waits_for_that() -> None:
    late = Estimate(second("13:31"), 0)
    assert [each for _, each in rest(late)] == [each for _, each in rest(late, lunch=None)]


times = st.floats(0, 100_000)


@given(st.floats(0, 86_400), st.floats(0, 4_000_000), st.floats(0, 86_400))
def test_a_wait_never_makes_earlier_and_never_less_sure(mean: float, variance: float, moment: float) -> None:
    before = Estimate(mean, variance)
    after = before.after(moment)
    assert after.mean >= max(moment, mean) - 1e-6
    assert after.variance <= variance + 1e-3


@pytest.mark.parametrize("lead", [-900, -60, 0, 60, 900])
def test_a_wait_is_as_many_drawn_days_have_it(lead: int) -> None:
    draw = Random(1)
    waited = [max(0.0, draw.gauss(lead, 600)) for _ in range(200_000)]
    found = Estimate(lead, 600.0**2).after(0)
    assert found.mean == pytest.approx(fmean(waited), abs=5)
    assert found.deviation == pytest.approx(pvariance(waited) ** 0.5, rel=0.02, abs=3)


@given(st.integers(300, 14_400), st.integers(0, 14_400), st.integers(0, 3_600))
def test_who_is_still_there_later_is_free_later(seconds: int, gone: int, more: int) -> None:
    first, then = (free_at(0, seconds, now) for now in (gone, gone + more))
    assert first.mean >= gone
    assert then.mean >= first.mean - 1


@given(st.integers(0, 3_600))
def test_a_later_start_of_the_day_makes_nobody_earlier(later: int) -> None:
    for (_, early), (_, late) in zip(
        rest(Estimate(second("09:30"), 0), None), rest(Estimate(second("09:30") + later, 0), None), strict=True
    ):
        assert late.mean >= early.mean - 1e-6
