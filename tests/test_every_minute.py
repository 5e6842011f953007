"""The sending rules over the sixty hours before visits of every quarter hour, both clock changes included.

Every minute for two visits of each day; for the others some minutes, different ones for each, and for all the
seconds about every edge. London's nights are written out here in UTC, from the calendar and not from our rules.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from operator import attrgetter
from typing import NamedTuple

import pytest

from models.clock import LONDON
from models.message import MessageKind
from models.standards import (
    DelayTold,
    LateAnswer,
    NoticeResult,
    contact_due_at,
    must_tell,
    notice,
    notice_result,
    worth_telling,
)
from notifications import policy

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE
SIXTY_HOURS = 60 * 60

DAYS = {
    "an ordinary day": date(2026, 11, 25),
    "the eve of summer time": date(2026, 3, 28),
    "the clocks go forward": date(2026, 3, 29),
    "the day after they went forward": date(2026, 3, 30),
    "the eve of winter time": date(2026, 10, 24),
    "the clocks go back": date(2026, 10, 25),
    "the day after they went back": date(2026, 10, 26),
}
EVERY_MINUTE_BEFORE = (time(8), time(10))
"""The visits of each day for which no minute is left out."""
STEP = 36
"""Of the minutes before any other visit, one in so many; which ones differs from visit to visit."""

every_day = pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)


def in_utc(day: date, hour: int) -> datetime:
    """This hour of London's clocks, which are an hour ahead from the morning of 29 March to the evening of
    24 October."""
    summer = date(2026, 3, 29) <= day <= date(2026, 10, 24)
    return datetime.combine(day, time(hour), UTC) - (HOUR if summer else timedelta(0))


class Night(NamedTuple):
    """21:00, 22:00, 07:00 and 08:00 in London: soft until `hard_from` and from `seven`, hard between."""

    soft_from: datetime
    hard_from: datetime
    seven: datetime
    eight: datetime


@cache
def nights_before(day: date) -> list[Night]:
    """The nights of the sixty hours before any time of this day, and of the day itself."""
    evenings = [day + timedelta(days=days) for days in range(-4, 1)]
    return [
        Night(in_utc(evening, 21), in_utc(evening, 22), in_utc(morning, 7), in_utc(morning, 8))
        for evening in evenings
        for morning in [evening + timedelta(days=1)]
    ]


def night_at(day: date, at: datetime) -> Night | None:
    """The night that `at` is in; None by day."""
    nights = nights_before(day)
    night = nights[bisect_right(nights, at, key=attrgetter("soft_from")) - 1]
    return night if night.soft_from <= at < night.eight else None


def starts_of(day: date) -> Iterator[datetime]:
    """Every quarter hour of a London day: 92, 96 or 100."""
    at = datetime.combine(day, time(), LONDON).astimezone(UTC)
    while at.astimezone(LONDON).date() == day:
        yield at
        at += QUARTER


def decisions(day: date, place: int, reference_at: datetime) -> Iterator[datetime]:
    """When the visit's change may be decided: by the minute, and by the second about every edge."""
    whole = reference_at.astimezone(LONDON).time() in EVERY_MINUTE_BEFORE
    for minutes in range(1 if whole else place % STEP + 1, SIXTY_HOURS + 1, 1 if whole else STEP):
        yield reference_at - minutes * MINUTE
    edges = [edge for night in nights_before(day) for edge in night]
    edges += [reference_at - lead for lead in (26 * HOUR, 24 * HOUR + QUARTER, 24 * HOUR, 2 * HOUR, HOUR / 2)]
    for edge in edges:
        for hold in (0, 30, 120):
            for off in (-1, 0, 1):
                decided_at = edge + (off - hold) * SECOND
                if reference_at - SIXTY_HOURS * MINUTE <= decided_at < reference_at:
                    yield decided_at


class Case(NamedTuple):
    """A change decided at `decided_at`: its hold ends at `ready_at`, in the `night` if any, and it goes at
    `sent_at`."""

    decided_at: datetime
    reference_at: datetime
    ready_at: datetime
    night: Night | None
    sent_at: datetime

    @property
    def deadline(self) -> datetime:
        return self.reference_at - 24 * HOUR


@cache
def cases(day: date) -> list[Case]:
    """Every change of a visit of this day that is tried: also of three a second short of a margin of the rules."""
    seven, eight = in_utc(day, 7), in_utc(day, 8)
    short = [margin - SECOND for margin in (seven + 2 * QUARTER, eight + QUARTER, eight + 2 * QUARTER)]
    made = []
    for place, reference_at in enumerate([*starts_of(day), *short]):
        for decided_at in decisions(day, place, reference_at):
            ready_at = decided_at + policy.settle(MessageKind.MOVED, decided_at, reference_at)
            sent_at = policy.send_at(MessageKind.MOVED, decided_at, reference_at)
            made.append(Case(decided_at, reference_at, ready_at, night_at(day, ready_at), sent_at))
    return made


@every_day
def test_every_minute_is_tried(day: date) -> None:
    tried = cases(day)
    before_ten = {case.decided_at for case in tried if case.reference_at == in_utc(day, 10)}
    assert {in_utc(day, 10) - minutes * MINUTE for minutes in range(1, SIXTY_HOURS + 1)} <= before_ten
    leads = {case.reference_at - case.decided_at for case in tried}
    assert {minutes * MINUTE for minutes in range(1, SIXTY_HOURS + 1)} <= leads


@every_day
def test_a_change_is_held_for_two_minutes_or_half_of_one_or_not_at_all(day: date) -> None:
    """Rule 2: "Hold 120 s if R is at least 26 h off, 30 s if at least 2 h, else 0." """
    for case in cases(day):
        lead = case.reference_at - case.decided_at
        hold = 120 if lead >= 26 * HOUR else 30 if lead >= 2 * HOUR else 0
        assert case.ready_at - case.decided_at == hold * SECOND, case


@every_day
def test_by_day_a_text_goes_when_its_hold_is_over_and_never_before(day: date) -> None:
    for case in cases(day):
        assert case.sent_at >= case.ready_at, case
        assert case.night or case.sent_at == case.ready_at, case


@every_day
def test_the_night_never_costs_the_24_hours(day: date) -> None:
    for case in cases(day):
        assert case.ready_at > case.deadline or case.sent_at <= case.deadline, case


@every_day
def test_a_text_waits_only_for_the_morning_and_only_if_that_leaves_time(day: date) -> None:
    """Rule 3: 08:00 "if that still leaves 15 min before R - 24 h", 07:00 "if that leaves 30 min before R"."""
    waited = 0
    for case in cases(day):
        if case.sent_at == case.ready_at:
            continue
        waited += 1
        assert case.night is not None, case
        if case.sent_at == case.night.eight:
            assert case.sent_at + QUARTER <= case.deadline, case
        else:
            assert case.sent_at == case.night.seven, case
            assert case.ready_at >= case.night.hard_from, case
            assert case.sent_at + 2 * QUARTER <= case.reference_at, case
    assert waited > 1000


@every_day
def test_nobody_is_texted_at_night_without_need(day: date) -> None:
    """In the soft hours only if 08:00 is too late for 24 hours' notice; in the hard hours only if 07:00 is too
    late as well, for the visit or for the 24 hours."""
    woken = 0
    for case in cases(day):
        night = case.night
        if night is None or case.sent_at != case.ready_at:
            continue
        assert night.eight + QUARTER > case.deadline, case
        if night.hard_from <= case.sent_at < night.seven:
            woken += 1
            too_close = night.seven + 2 * QUARTER > case.reference_at
            assert too_close or case.ready_at <= case.deadline < night.seven, case
    assert woken > 0


@every_day
def test_a_change_is_told_before_the_first_time_the_resident_might_wait_for(day: date) -> None:
    """Rule 7: "Moved and cancelled texts expire at R." None is queued for later than that."""
    for case in cases(day):
        assert case.sent_at < case.reference_at, case
    for kind in (MessageKind.MOVED, MessageKind.CANCELLED):
        assert policy.expires_at(kind, case.reference_at) == case.reference_at


@every_day
def test_a_cancellation_goes_when_a_move_would_and_both_know_that_they_wait_for_the_morning(day: date) -> None:
    for case in cases(day)[::4]:
        change = (case.decided_at, case.reference_at)
        assert policy.send_at(MessageKind.CANCELLED, *change) == case.sent_at, case
        for kind in (MessageKind.MOVED, MessageKind.CANCELLED):
            assert policy.held_for_night(kind, *change) is (case.sent_at > case.ready_at), case


@every_day
def test_a_booking_text_wakes_nobody_whose_visit_is_not_near(day: date) -> None:
    for case in cases(day)[::2]:
        night = night_at(day, case.decided_at)
        waits = night is not None and night.eight + 2 * QUARTER <= case.reference_at
        sent_at = policy.send_at(MessageKind.BOOKED, case.decided_at, case.reference_at)
        assert sent_at == (night.eight if night and waits else case.decided_at), case


@every_day
def test_a_text_delivered_when_it_is_due_earns_the_best_word_there_is(day: date) -> None:
    """`met` whenever 24 hours were possible, but for the hold itself in the last half minute of them."""
    seen = set()
    for case in cases(day):
        held = case.sent_at > case.ready_at
        word = notice_result(
            decided_at=case.decided_at,
            reference_at=case.reference_at,
            due_at=case.sent_at,
            held_for_night=held,
            accepted_at=case.sent_at,
            told_at=case.sent_at,
            gave_up=False,
            at=case.reference_at,
        )
        seen.add(word)
        if case.ready_at <= case.deadline:
            assert word is NoticeResult.MET, case
        elif case.decided_at <= case.deadline:
            assert word is NoticeResult.SHORT, case
            assert case.deadline - case.decided_at < 30 * SECOND, case
        else:
            assert word is (NoticeResult.HELD if held else NoticeResult.PROMPT), case
    assert seen == {NoticeResult.MET, NoticeResult.SHORT, NoticeResult.HELD, NoticeResult.PROMPT}


@every_day
def test_notice_is_possible_to_the_minute_and_a_call_is_due_in_time(day: date) -> None:
    starts_at = in_utc(day, 10)
    for minutes in range(SIXTY_HOURS):
        at = starts_at - minutes * MINUTE
        left = notice(told_start=starts_at, new_start=None, decided_at=at)
        assert (left.possible, left.lead_seconds) == (minutes >= 24 * 60, minutes * 60)
        brought_forward = notice(told_start=starts_at, new_start=starts_at - HOUR, decided_at=at)
        assert brought_forward.possible is (minutes >= 25 * 60)
        assert contact_due_at(starts_at, at) == starts_at - max(minutes - 30, 60) * MINUTE


@every_day
def test_a_delay_is_told_from_sixteen_minutes_and_four_hours_at_once_whatever_the_hour(day: date) -> None:
    """Rule 5 to the minute, and rule 3's "Delay texts ignore the night"."""
    for starts_at in (in_utc(day, 8), in_utc(day, 10)):
        for minutes in range(SIXTY_HOURS):
            at = starts_at - minutes * MINUTE
            near = minutes <= 4 * 60
            for late, worth in ((15, False), (16, near)):
                expected_at = starts_at + late * MINUTE
                answer = worth_telling(expected_at=expected_at, told_start=starts_at, told=[], at=at)
                assert (answer is LateAnswer.TELL) is worth, (minutes, late)
            assert policy.send_at(MessageKind.DELAYED, at, starts_at) == at


def test_a_second_late_text_needs_ten_minutes_and_fifteen_of_change() -> None:
    starts_at = in_utc(DAYS["an ordinary day"], 10)
    first = DelayTold(starts_at + 35 * MINUTE, starts_at - 30 * MINUTE)
    for since in range(30):
        for expected in range(-10, 90):
            answer = worth_telling(
                expected_at=starts_at + expected * MINUTE,
                told_start=starts_at,
                told=[first],
                at=first.told_at + since * MINUTE,
            )
            told = max(0, -(-expected // 5) * 5)
            worth = since >= 10 and abs(told - 35) >= 15
            assert (answer is LateAnswer.TELL) is worth, (since, expected)


@every_day
def test_a_move_is_told_from_fifteen_minutes_or_to_another_date(day: date) -> None:
    """Rule 1, for visits of every quarter hour and moves by every minute up to an hour either way."""
    begins = next(starts_of(day))
    ends = next(starts_of(day + timedelta(days=1)))
    for starts_at in starts_of(day):
        for minutes in range(-60, 61):
            new_start = starts_at + minutes * MINUTE
            other_date = not begins <= new_start < ends
            assert must_tell(starts_at, new_start) is (other_date or abs(minutes) >= 15), (starts_at, minutes)
