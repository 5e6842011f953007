"""The promises as rules: each at its edge, and either side of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clock import LONDON
from models.standards import (
    ArrivalFlag,
    DelayTold,
    LateAnswer,
    MovedPromise,
    NoticeResult,
    Punctuality,
    arrival_flags,
    attended,
    contact_due_at,
    counts_as_notice,
    deadline,
    distance_m,
    eta,
    fair_promise,
    judge_arrival,
    missed,
    must_tell,
    needs_replanning,
    notice,
    notice_result,
    possible,
    reference,
    worth_telling,
)


def london(day: int, hour: int, minute: int = 0, second: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=LONDON)


PROMISED = london(25, 10)
instants = st.floats(0, 700 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


# Arrival


@pytest.mark.parametrize(
    ("seconds", "word"),
    [
        (-901, Punctuality.EARLY),
        (-900.5, Punctuality.EARLY),
        (-900, Punctuality.ON_TIME),
        (0, Punctuality.ON_TIME),
        (900, Punctuality.ON_TIME),
        (900.5, Punctuality.LATE),
        (901, Punctuality.LATE),
    ],
)
def test_fifteen_minutes_exactly_is_on_time_and_a_second_more_is_not(seconds: float, word: Punctuality) -> None:
    assert judge_arrival(PROMISED, PROMISED + timedelta(seconds=seconds)) == (seconds, word)


def test_arrival_is_judged_by_real_time_on_the_night_the_clocks_go_back() -> None:
    promised = datetime(2026, 10, 25, 1, 50, tzinfo=LONDON)
    arrived = datetime(2026, 10, 25, 1, 0, tzinfo=LONDON, fold=1)
    assert judge_arrival(promised, arrived) == (600, Punctuality.ON_TIME)


@pytest.mark.parametrize(
    ("arrived", "recorded", "flags"),
    [
        (0, 300, []),
        (0, 301, [ArrivalFlag.RECORDED_LATER]),
        (120, 0, []),
        (121, 0, [ArrivalFlag.CLOCK_SUSPECT]),
        (-1801, -1700, [ArrivalFlag.CLOCK_SUSPECT]),
        (-1801, 0, [ArrivalFlag.RECORDED_LATER, ArrivalFlag.CLOCK_SUSPECT]),
        (-1800, -1800, []),
    ],
)
def test_odd_clocks_are_flagged(arrived: int, recorded: int, flags: list[ArrivalFlag]) -> None:
    """The officer set out half an hour before the promise."""
    assert (
        arrival_flags(
            arrived_at=PROMISED + timedelta(seconds=arrived),
            recorded_at=PROMISED + timedelta(seconds=recorded),
            departed_at=PROMISED - timedelta(minutes=30),
        )
        == flags
    )


@pytest.mark.parametrize(
    ("distance", "accuracy", "far"),
    [(150, None, False), (151, None, True), (190, 40, False), (190.1, 40, True), (None, 5, False)],
)
def test_far_is_further_than_the_accuracy_and_150_m(
    distance: float | None, accuracy: float | None, far: bool
) -> None:
    flags = arrival_flags(arrived_at=PROMISED, recorded_at=PROMISED, distance_m=distance, accuracy_m=accuracy)
    assert flags == ([ArrivalFlag.FAR_FROM_ADDRESS] if far else [])


def test_distances_over_the_ground() -> None:
    harrow_civic_centre, harrow_on_the_hill = (51.5887, -0.3340), (51.5793, -0.3366)
    assert distance_m(harrow_civic_centre, harrow_civic_centre) == 0
    assert distance_m(harrow_civic_centre, harrow_on_the_hill) == pytest.approx(1060, abs=10)
    assert distance_m((0, 0), (0, 180)) == pytest.approx(20_015_115, abs=1)


@pytest.mark.parametrize(("seconds", "is_missed"), [(3599, False), (3600, True)])
def test_a_visit_nobody_came_to_is_missed_after_an_hour(seconds: int, is_missed: bool) -> None:
    assert missed(PROMISED, PROMISED + timedelta(seconds=seconds)) is is_missed


def test_no_access_counts_as_attended_only_in_the_window() -> None:
    assert attended(Punctuality.LATE)
    assert not attended(None)
    assert attended(Punctuality.ON_TIME, no_access=True)
    assert not attended(Punctuality.LATE, no_access=True)
    assert not attended(Punctuality.EARLY, no_access=True)


def _moved(to: datetime, told_before: timedelta | None, *, by: str = "council") -> MovedPromise:
    return MovedPromise(to, by, PROMISED, None if told_before is None else PROMISED - told_before)


def test_only_a_fair_move_resets_the_fair_promise() -> None:
    thursday, friday = london(26, 10), london(27, 10)
    day, short = timedelta(hours=24), timedelta(hours=23, minutes=59, seconds=59)
    assert fair_promise(PROMISED, []) == PROMISED
    assert fair_promise(PROMISED, [_moved(thursday, day)]) == thursday
    assert fair_promise(PROMISED, [_moved(thursday, short)]) == PROMISED
    assert fair_promise(PROMISED, [_moved(thursday, None)]) == PROMISED
    assert fair_promise(PROMISED, [_moved(thursday, None, by="resident")]) == thursday
    assert fair_promise(PROMISED, [_moved(thursday, day), _moved(friday, short)]) == thursday


# Notice


def test_a_visit_brought_forward_gives_notice_of_its_earlier_time() -> None:
    tuesday, thursday = london(24, 11), london(26, 9)
    assert reference(PROMISED, tuesday) == tuesday
    assert reference(PROMISED, thursday) == PROMISED
    assert reference(PROMISED) == PROMISED


@pytest.mark.parametrize(("seconds", "is_possible"), [(-1, True), (0, True), (1, False)])
def test_notice_is_possible_up_to_24_hours_before(seconds: int, is_possible: bool) -> None:
    decided = PROMISED - timedelta(hours=24) + timedelta(seconds=seconds)
    assert possible(decided, PROMISED) is is_possible


@pytest.mark.parametrize(
    ("visit", "changed", "hours", "is_possible"),
    [
        (london(29, 10, month=3), london(28, 8, 50, month=3), 24 + 10 / 60, True),
        (london(29, 10, month=3), london(28, 9, 30, month=3), 23.5, False),
        (london(25, 10, month=10), london(24, 10, 30, month=10), 24.5, True),
    ],
)
def test_24_hours_are_real_hours_when_the_clocks_change(
    visit: datetime, changed: datetime, hours: float, is_possible: bool
) -> None:
    told = notice(told_start=visit, new_start=None, decided_at=changed)
    assert told.lead_seconds == pytest.approx(hours * 3600)
    assert told.possible is is_possible
    assert (visit.astimezone(UTC) - told.deadline).total_seconds() == 86_400


@pytest.mark.parametrize(
    ("minutes", "told"), [(10, False), (14, False), (15, True), (-15, True), (-14, False), (0, False)]
)
def test_a_move_is_told_from_15_minutes(minutes: int, told: bool) -> None:
    assert must_tell(PROMISED, PROMISED + timedelta(minutes=minutes)) is told


def test_a_move_to_another_date_is_told_however_short() -> None:
    before_midnight = london(25, 23, 55)
    assert must_tell(before_midnight, before_midnight + timedelta(minutes=10))
    # In summer London's midnight is 23:00 in UTC, and that is the one that counts.
    assert must_tell(london(25, 23, 55, month=6), london(26, 0, 5, month=6))
    assert not must_tell(london(26, 0, 55, month=6), london(26, 1, 5, month=6))


MONDAY = london(23, 9)
IN_TIME = deadline(PROMISED)
AFTER = PROMISED + timedelta(seconds=1)
TUESDAY_NOON = london(24, 12)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("decided", "due", "night", "accepted", "told", "gave_up", "at", "result"),
    [
        (MONDAY, MONDAY, False, MONDAY, IN_TIME, False, AFTER, NoticeResult.MET),
        (MONDAY, MONDAY, True, MONDAY, IN_TIME, False, AFTER, NoticeResult.MET),
        (MONDAY, MONDAY, False, MONDAY, IN_TIME + SECOND, False, AFTER, NoticeResult.SHORT),
        (MONDAY, MONDAY, False, MONDAY, AFTER, False, AFTER, NoticeResult.MISSED),
        (MONDAY, MONDAY, False, IN_TIME, None, False, MONDAY, NoticeResult.UNCONFIRMED),
        (MONDAY, MONDAY, False, IN_TIME + SECOND, None, False, AFTER, NoticeResult.SHORT),
        (MONDAY, MONDAY, False, None, IN_TIME, False, AFTER, NoticeResult.MET),
        (MONDAY, MONDAY, False, MONDAY, None, True, AFTER, NoticeResult.FAILED),
        (MONDAY, MONDAY, False, None, None, False, MONDAY, NoticeResult.PENDING),
        (MONDAY, MONDAY, False, None, None, False, PROMISED, NoticeResult.PENDING),
        (MONDAY, MONDAY, False, None, None, False, AFTER, NoticeResult.FAILED),
        (TUESDAY_NOON, TUESDAY_NOON, False, TUESDAY_NOON, None, False, AFTER, NoticeResult.PROMPT),
        (
            TUESDAY_NOON,
            TUESDAY_NOON,
            False,
            TUESDAY_NOON + 60 * SECOND,
            TUESDAY_NOON + 600 * SECOND,
            False,
            AFTER,
            NoticeResult.PROMPT,
        ),
        (
            TUESDAY_NOON,
            TUESDAY_NOON,
            False,
            TUESDAY_NOON + 61 * SECOND,
            TUESDAY_NOON + 61 * SECOND,
            False,
            AFTER,
            NoticeResult.SHORT,
        ),
        (TUESDAY_NOON, london(25, 7), True, london(25, 7), None, False, AFTER, NoticeResult.HELD),
        (TUESDAY_NOON, TUESDAY_NOON, False, TUESDAY_NOON, AFTER, False, AFTER, NoticeResult.MISSED),
        (TUESDAY_NOON, TUESDAY_NOON, False, TUESDAY_NOON, None, True, AFTER, NoticeResult.FAILED),
    ],
)
def test_each_notice_has_one_word(
    decided: datetime,
    due: datetime,
    night: bool,
    accepted: datetime | None,
    told: datetime | None,
    gave_up: bool,
    at: datetime,
    result: NoticeResult,
) -> None:
    assert (
        notice_result(
            decided_at=decided,
            reference_at=PROMISED,
            due_at=due,
            held_for_night=night,
            accepted_at=accepted,
            told_at=told,
            gave_up=gave_up,
            at=at,
        )
        is result
    )


def test_what_residents_ask_for_is_left_out_of_the_first_figure() -> None:
    assert counts_as_notice("council")
    assert not counts_as_notice("resident")


# Late


def _after(minutes: float) -> datetime:
    return PROMISED + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(32, 35), (35, 35), (35.01, 40), (0, 0), (-10, 0), (0.1, 5)],
)
def test_an_eta_is_rounded_up_and_never_before_the_booked_time(minutes: float, told: int) -> None:
    """ "ETA recovers to 09:50: 10:00, never earlier than booked." """
    assert eta(_after(minutes), PROMISED) == _after(told)


@given(expected=instants, booked=instants)
def test_an_eta_is_a_multiple_of_five_minutes_at_or_after_both(expected: datetime, booked: datetime) -> None:
    told = eta(expected, booked)
    assert told >= expected and told >= booked
    assert told == booked or (told.timestamp() % 300 == 0 and told - expected < timedelta(minutes=5))


NOW = PROMISED - timedelta(hours=1)


def _told(minutes: int, minutes_ago: float) -> DelayTold:
    return DelayTold(_after(minutes), NOW - timedelta(minutes=minutes_ago))


@pytest.mark.parametrize(
    ("expected", "told", "answer"),
    [
        (14, [], LateAnswer.NO_NEWS),
        (15, [], LateAnswer.NO_NEWS),
        (15.1, [], LateAnswer.TELL),
        (32, [], LateAnswer.TELL),
        (42, [_told(35, 20)], LateAnswer.NO_NEWS),
        (62, [_told(35, 20)], LateAnswer.TELL),
        (62, [_told(35, 10)], LateAnswer.TELL),
        (62, [_told(35, 9.9)], LateAnswer.NO_NEWS),
        (5, [_told(35, 20)], LateAnswer.TELL),
        (62, [_told(20, 60), _told(35, 20)], LateAnswer.TELL),
        (62, [_told(20, 60), _told(35, 40), _told(95, 20)], LateAnswer.ENOUGH_TEXTS),
        (90, [_told(20, 60), _told(35, 40), _told(95, 20)], LateAnswer.NO_NEWS),
    ],
)
def test_a_late_text_only_if_it_is_worth_telling(
    expected: float, told: list[DelayTold], answer: LateAnswer
) -> None:
    assert worth_telling(expected_at=_after(expected), told_start=PROMISED, told=told, at=NOW) is answer


@pytest.mark.parametrize(("hours", "answer"), [(4, LateAnswer.TELL), (4.01, LateAnswer.NO_NEWS)])
def test_a_predicted_delay_is_told_within_four_hours(hours: float, answer: LateAnswer) -> None:
    at = PROMISED - timedelta(hours=hours)
    assert worth_telling(expected_at=_after(40), told_start=PROMISED, told=[], at=at) is answer


def test_an_officer_who_insists_is_heard_however_small_and_early_the_delay() -> None:
    at = PROMISED - timedelta(hours=6)
    answer = worth_telling(expected_at=_after(5), told_start=PROMISED, told=[], at=at, insisted=True)
    assert answer is LateAnswer.TELL


def test_over_two_hours_late_is_to_be_planned_again() -> None:
    assert not needs_replanning(_after(120), PROMISED)
    assert needs_replanning(_after(120.1), PROMISED)


@pytest.mark.parametrize(("hours", "due_in_minutes"), [(24, 30), (1.5, 30), (1.25, 15), (0.5, -30)])
def test_a_call_is_due_in_half_an_hour_or_an_hour_before_the_visit(hours: float, due_in_minutes: int) -> None:
    at = PROMISED - timedelta(hours=hours)
    assert contact_due_at(PROMISED, at) == at + timedelta(minutes=due_in_minutes)
