"""The crash test in small, `make crash-test` being the whole of it; and its witness, who must see every wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.carrier import Received
from tests.crash_dispatchers import AT_ANY_MOMENT, IN_MID_CALL
from tests.crash_witness import Verdict, judge
from tests.crashing import Findings, Run, crash_test

PHONE = "+12015550100"
TEN, ELEVEN, NOON = (datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (10, 11, 12))


def booked(start: str, reference: str = "B0000001") -> Received:
    return _text(f"we will visit you at home on Mon 30 Nov {start}. If you are out, call.", reference)


def moved(old: str, start: str, reference: str = "M0000001") -> Received:
    return _text(f"It was Mon 30 Nov {old}. It is now Mon 30 Nov {start}. If that is bad, call.", reference)


def cancelled(start: str, reference: str = "C0000001") -> Received:
    return _text(f"we have cancelled our visit to your home on Mon 30 Nov {start}. We will not come.", reference)


def _text(words: str, reference: str) -> Received:
    return Received(PHONE, f"Harrow Council: {words} Ref {reference}", reference, f"SM{reference}", TEN, {})


@pytest.mark.parametrize(
    ("texts", "decided"),
    [
        ([booked("10:00")], [TEN]),
        ([booked("10:00"), moved("10:00", "11:00")], [TEN, ELEVEN]),
        ([moved("10:00", "12:00")], [TEN, ELEVEN, NOON]),
        ([booked("10:00")], [TEN, ELEVEN, TEN]),
        ([booked("10:00"), moved("10:00", "11:00"), moved("11:00", "10:00", "M0000002")], [TEN, ELEVEN, TEN]),
        ([cancelled("10:00")], [TEN, None]),
        ([cancelled("10:00")], [TEN, ELEVEN, None]),
    ],
)
def test_the_witness_has_nothing_to_say_of_a_resident_who_was_told_the_truth_once(
    texts: list[Received], decided: list[datetime | None]
) -> None:
    assert judge(texts, {PHONE: decided}) == Verdict(texts=len(texts))


@pytest.mark.parametrize(
    ("texts", "decided", "verdict"),
    [
        ([], [TEN], Verdict(lost=[PHONE])),
        ([booked("10:00")], [TEN, ELEVEN], Verdict(lost=[PHONE])),
        ([booked("10:00")], [TEN, None], Verdict(lost=[PHONE])),
        ([booked("10:00"), moved("10:00", "11:00")], [TEN, ELEVEN, TEN], Verdict(lost=[PHONE])),
        ([booked("10:00"), booked("10:00")], [TEN], Verdict(doubled=[PHONE])),
        ([booked("10:00"), booked("10:00", "B0000002")], [TEN], Verdict(doubled=[PHONE])),
        ([booked("10:00")] * 3, [TEN], Verdict(doubled=[PHONE, PHONE])),
        (
            [booked("10:00"), moved("10:00", "11:00"), booked("10:00")],
            [TEN, ELEVEN],
            Verdict(doubled=[PHONE]),
        ),
        (
            [moved("10:00", "11:00"), booked("10:00"), moved("10:00", "12:00", "M0000002")],
            [TEN, ELEVEN, NOON],
            Verdict(out_of_order=[PHONE]),
        ),
        (
            [booked("12:00"), moved("10:00", "11:00")],
            [TEN, ELEVEN],
            Verdict(out_of_order=[PHONE]),
        ),
        ([booked("10:00"), cancelled("11:00")], [TEN, ELEVEN, None], Verdict(misled=[PHONE])),
    ],
)
def test_the_witness_sees_every_wrong(
    texts: list[Received], decided: list[datetime | None], verdict: Verdict
) -> None:
    verdict.texts = len(texts)
    assert judge(texts, {PHONE: decided}) == verdict


@pytest.fixture
def crash(database: str, tmp_path: Path) -> Callable[[Run], Findings]:
    """A crash test on each database."""
    return lambda run: crash_test(database, tmp_path, run)


def test_nothing_is_lost_or_doubled_though_the_carrier_fails_and_dispatchers_are_killed(
    crash: Callable[[Run], Findings],
) -> None:
    found = crash(Run(changes=200, kills=4, speed=25, rate=200, within_s=120, longest=2))
    assert found.passed, f"\n{found}"
    assert found.kills == {AT_ANY_MOMENT: 2, IN_MID_CALL: 2}
    assert found.faults.total() > 10


def test_without_the_look_up_it_fails(crash: Callable[[Run], Findings]) -> None:
    found = crash(Run(changes=120, kills=0, speed=100, rate=200, within_s=120, longest=2, look_up=False))
    assert found.passed, f"\n{found}"
    assert not found.verdict.clean


def test_a_run_that_does_not_come_to_its_end_has_failed(crash: Callable[[Run], Findings]) -> None:
    found = crash(Run(changes=20, kills=0, speed=10, rate=200, within_s=4))
    assert not found.passed
    assert found.failures
