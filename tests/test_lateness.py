"""When a prediction is worth a text: each threshold at its edge, and what must hold of every answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.day import ARRIVAL_WINDOW_S
from models.lateness import (
    HORIZON_S,
    PAUSE_S,
    RECOVERY_S,
    Answer,
    Seen,
    Told,
    Window,
    judge,
    threshold,
    to_tell,
)
from models.prediction import Estimate

START = 100 * 3600.0
"""When the visit was told to start: a round hour."""

NOW = START - 3600


def told(**changes: Any) -> Told:
    return Told(**{"start": START, "booked": START} | changes)


def likely(probability: float, due: float = START, deviation: float = 600.0) -> Estimate:
    """An arrival that is late with just this probability, give or take a billionth."""
    low, high = due - 20 * deviation, due + 20 * deviation
    for _ in range(80):
        middle = (low + high) / 2
        if Estimate(middle, deviation**2).late(due) < probability:
            low = middle
        else:
            high = middle
    return Estimate(high, deviation**2)


def twice(arrival: Estimate, known: Told, now: float) -> Answer:
    """The answer of the second of two evaluations a minute apart."""
    first = judge(arrival, known, None, now - 60)
    assert first.answer is Answer.NOTHING
    return judge(arrival, known, first.seen, now).answer


@pytest.mark.parametrize(
    ("lead_minutes", "needed"),
    [(240, 0.75), (45.01, 0.75), (45, 0.60), (15, 0.60), (14.99, 0.55), (0, 0.55), (-30, 0.55)],
)
def test_the_nearer_the_visit_the_less_sure_we_wait_to_be(lead_minutes: float, needed: float) -> None:
    """ "0.75 / 0.60 / 0.55 for a lead over 45 / 15-45 / under 15 minutes." """
    assert threshold(lead_minutes * 60) == needed
    now = START - lead_minutes * 60
    arrival = likely(needed + 0.001)
    seen = Seen(START, now - 60)
    assert judge(arrival, told(), seen, now).answer is Answer.TELL
    assert judge(likely(needed - 0.001), told(), seen, now).answer is Answer.NOTHING


def test_once_is_not_enough_and_a_minute_later_is_twice() -> None:
    arrival = likely(0.9)
    first = judge(arrival, told(), None, NOW)
    assert (first.answer, first.seen) == (Answer.NOTHING, Seen(START, NOW))
    again = judge(arrival, told(), first.seen, NOW + 59.9)
    assert (again.answer, again.seen) == (Answer.NOTHING, first.seen)
    assert judge(arrival, told(), again.seen, NOW + 60).answer is Answer.TELL


def test_what_was_unlikely_in_between_begins_anew() -> None:
    first = judge(likely(0.9), told(), None, NOW)
    assert judge(likely(0.5), told(), first.seen, NOW + 60).seen is None


def test_what_was_likely_of_another_time_is_not_twice_of_this() -> None:
    earlier = Seen(START - 600, NOW - 600)
    assert judge(likely(0.9), told(), earlier, NOW).answer is Answer.NOTHING


def test_nearly_certain_is_told_at_once() -> None:
    assert judge(likely(0.951), told(), None, NOW).answer is Answer.TELL
    assert judge(likely(0.949), told(), None, NOW).answer is Answer.NOTHING


def test_nothing_known_is_nothing_told() -> None:
    verdict = judge(None, told(), Seen(START, NOW - 600), NOW)
    assert (verdict.answer, verdict.probability, verdict.seen) == (Answer.NOTHING, None, None)


def test_a_visit_over_four_hours_off_is_not_told() -> None:
    certain = Estimate(START + 7200, 60.0)
    assert judge(certain, told(), None, START - HORIZON_S).answer is Answer.TELL
    assert judge(certain, told(), None, START - HORIZON_S - 1).answer is Answer.NOTHING


WINDOW = Window(START + 1800, START + 2700)


def test_the_next_text_waits_twenty_minutes_and_for_an_arrival_after_the_window_told() -> None:
    known = told(window=WINDOW, at=NOW - PAUSE_S, texts=1)
    certain = Estimate(WINDOW.latest + 2 * ARRIVAL_WINDOW_S, 60.0)
    assert judge(certain, known, None, NOW).answer is Answer.TELL
    assert judge(certain, known._replace(at=NOW - PAUSE_S + 1), None, NOW).answer is Answer.NOTHING
    within = Estimate(WINDOW.latest + ARRIVAL_WINDOW_S - 60, 60.0)
    assert twice(within, known, NOW) is Answer.NOTHING


def test_what_has_not_gone_yet_is_replaced_at_once() -> None:
    certain = Estimate(WINDOW.latest + 2 * ARRIVAL_WINDOW_S, 60.0)
    assert judge(certain, told(window=WINDOW, at=None), None, NOW).answer is Answer.TELL


def test_after_the_third_text_a_person_is_asked() -> None:
    certain = Estimate(WINDOW.latest + 2 * ARRIVAL_WINDOW_S, 60.0)
    for texts, answer in ((2, Answer.TELL), (3, Answer.ASK), (4, Answer.ASK)):
        assert judge(certain, told(window=WINDOW, at=NOW - PAUSE_S, texts=texts), None, NOW).answer is answer


def test_a_recovery_is_told_from_more_than_ten_minutes() -> None:
    known = told(window=WINDOW, at=NOW - PAUSE_S, texts=1)
    enough = Estimate(WINDOW.earliest - RECOVERY_S - 1, 60.0)
    assert judge(enough, known, None, NOW).answer is Answer.RECOVERY
    assert judge(enough._replace(mean=enough.mean + 1), known, None, NOW).answer is Answer.NOTHING
    assert judge(enough, known._replace(at=NOW - 60), None, NOW).answer is Answer.NOTHING
    assert judge(enough, known._replace(texts=3), None, NOW).answer is Answer.ASK


def test_before_the_booked_time_is_no_recovery() -> None:
    """The officer waits: for whoever was told 10:10, an arrival at 09:30 is one at 10:00."""
    near = Window(START + 600, START + 900)
    early = Estimate(START - 3600, 60.0)
    assert judge(early, told(window=near, at=None), None, NOW).answer is Answer.NOTHING


def test_who_was_told_nothing_is_not_told_that_all_is_well() -> None:
    assert judge(Estimate(START - 3600, 60.0), told(), None, NOW).answer is Answer.NOTHING


def test_lateness_is_reckoned_from_the_officers_own_word() -> None:
    known = told(word=START + 1800)
    assert judge(Estimate(START + 1800 + 890, 1.0), known, None, NOW).answer is Answer.NOTHING
    assert judge(Estimate(START + 1800 + 910, 1.0), known, None, NOW).answer is Answer.TELL


moments = st.floats(-4 * 3600, 4 * 3600).map(lambda off: START + off)


@given(moments, st.floats(0, 3600**2), moments, st.floats(-900, 900))
def test_every_window_is_in_steps_has_a_length_and_is_not_before_the_booked_time_nor_in_the_past(
    mean: float, variance: float, now: float, moved: float
) -> None:
    booked = START + moved // 300 * 300
    window = to_tell(Estimate(mean, variance), booked, now)
    assert window.earliest % 300 == window.latest % 300 == 0
    assert window.latest - window.earliest >= 300
    assert window.earliest >= booked
    assert window.latest > now


@given(
    st.none() | st.builds(Estimate, moments, st.floats(0, 3600**2)),
    st.builds(
        Told,
        start=st.just(START),
        booked=st.just(START),
        window=st.none() | st.just(WINDOW),
        at=st.none() | moments,
        texts=st.integers(0, 5),
        word=st.none() | moments,
    ),
    st.none() | st.builds(Seen, moments, moments),
    moments,
)
def test_nobody_is_ever_sent_a_fourth_text_or_two_in_twenty_minutes(
    arrival: Estimate | None, known: Told, seen: Seen | None, now: float
) -> None:
    verdict = judge(arrival, known, seen, now)
    if verdict.answer in (Answer.TELL, Answer.RECOVERY):
        assert known.texts < 3
    if verdict.answer is not Answer.NOTHING:
        assert known.at is None or now - known.at >= 20 * 60
        assert verdict.window is not None
