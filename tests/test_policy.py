"""When a text goes: the worked rows of the standards, each rule at its edges."""

from datetime import UTC, datetime, timedelta

import pytest

from models.clock import LONDON
from models.message import MessageKind
from models.standards import NoticeResult, notice_result
from notifications import policy

MOVED, CANCELLED = MessageKind.MOVED, MessageKind.CANCELLED
MET, PROMPT, HELD = NoticeResult.MET, NoticeResult.PROMPT, NoticeResult.HELD


def london(day: int, hour: int, minute: int = 0, second: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=LONDON)


WEDNESDAY = london(25, 10)


@pytest.mark.parametrize(
    ("decided", "reference", "sent", "held", "word"),
    [
        pytest.param(london(23, 9), WEDNESDAY, london(23, 9, 2), False, MET, id="moved to Thu, on Mon 09:00"),
        pytest.param(
            london(23, 9),
            london(24, 11),
            london(23, 9, 2),
            False,
            MET,
            id="moved earlier to Tue 11:00, on Mon 09:00",
        ),
        pytest.param(
            london(24, 9, 58, 30),
            WEDNESDAY,
            london(24, 9, 59),
            False,
            MET,
            id="changed at R - 24 h 01 m 30 s: the hold is 30 s",
        ),
        pytest.param(london(25, 0), WEDNESDAY, london(25, 7), True, HELD, id="changed at midnight, R - 10 h"),
        pytest.param(
            london(25, 9), london(25, 19), london(25, 9, 0, 30), False, PROMPT, id="changed at R - 10 h by day"
        ),
        pytest.param(
            london(24, 2), london(25, 8), london(24, 7), True, MET, id="visit 08:00, changed at R - 30 h = 02:00"
        ),
        pytest.param(
            london(24, 21, 30),
            WEDNESDAY,
            london(24, 21, 30, 30),
            False,
            PROMPT,
            id="changed 21:30, visit 10:00 tomorrow",
        ),
        pytest.param(london(25, 6, 45), london(25, 8), london(25, 7), True, HELD, id="changed 06:45 for 08:00"),
        pytest.param(
            london(25, 6, 20), london(25, 7, 15), london(25, 6, 20), False, PROMPT, id="changed 06:20 for 07:15"
        ),
        pytest.param(london(24, 6), WEDNESDAY, london(24, 8), True, MET, id="cancelled 06:00: 08:00"),
        pytest.param(
            london(28, 8, 50, month=3),
            london(29, 10, month=3),
            london(28, 8, 50, 30, month=3),
            False,
            MET,
            id="clocks go forward, changed Sat 08:50",
        ),
        pytest.param(
            london(28, 9, 30, month=3),
            london(29, 10, month=3),
            london(28, 9, 30, 30, month=3),
            False,
            PROMPT,
            id="clocks go forward, changed Sat 09:30",
        ),
        pytest.param(
            london(24, 10, 30, month=10),
            london(25, 10, month=10),
            london(24, 10, 30, 30, month=10),
            False,
            MET,
            id="clocks go back, changed Sat 10:30",
        ),
    ],
)
def test_the_worked_rows(
    decided: datetime, reference: datetime, sent: datetime, held: bool, word: NoticeResult
) -> None:
    """When the text goes, and the word for it if it is delivered then."""
    for kind in (MOVED, CANCELLED):
        assert policy.send_at(kind, decided, reference) == sent.astimezone(UTC)
        assert policy.held_for_night(kind, decided, reference) is held
    result = notice_result(
        decided_at=decided,
        reference_at=reference,
        due_at=sent,
        held_for_night=held,
        accepted_at=sent,
        told_at=sent,
        gave_up=False,
        at=reference,
    )
    assert result is word


@pytest.mark.parametrize(("hours", "seconds"), [(26, 120), (25.99, 30), (2, 30), (1.99, 0), (-1, 0)])
def test_a_change_settles_before_it_is_told(hours: float, seconds: int) -> None:
    decided = WEDNESDAY - timedelta(hours=hours)
    assert policy.settle(MOVED, decided, WEDNESDAY) == timedelta(seconds=seconds)
    assert policy.settle(MessageKind.DELAYED, decided, WEDNESDAY) == timedelta(0)
    assert policy.settle(MessageKind.BOOKED, decided, WEDNESDAY) == timedelta(0)


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        (london(23, 20, 57, 59), london(23, 20, 59, 59)),
        (london(23, 20, 58), london(24, 8)),
        (london(24, 7, 57, 59), london(24, 8)),
        (london(24, 7, 58), london(24, 8)),
        (london(24, 7, 58, 1), london(24, 8, 0, 1)),
    ],
)
def test_the_night_is_asked_once_the_hold_is_over(at: datetime, sent: datetime) -> None:
    """For a visit days off, the night ends at 08:00."""
    assert policy.send_at(MOVED, at, london(27, 10)) == sent.astimezone(UTC)


def test_late_texts_ignore_the_night() -> None:
    for hour in range(24):
        decided = london(24, hour, 17)
        assert policy.send_at(MessageKind.DELAYED, decided, decided + timedelta(minutes=40)) == decided


@pytest.mark.parametrize(
    ("decided", "starts", "sent"),
    [
        (london(23, 14), WEDNESDAY, london(23, 14)),
        (london(23, 21, 30), WEDNESDAY, london(24, 8)),
        (london(24, 2), WEDNESDAY, london(24, 8)),
        (london(25, 6), london(25, 8, 30), london(25, 8)),
        (london(25, 6), london(25, 8, 29), london(25, 6)),
    ],
)
def test_a_booking_text_goes_at_once_and_lets_people_sleep(
    decided: datetime, starts: datetime, sent: datetime
) -> None:
    assert policy.send_at(MessageKind.BOOKED, decided, starts) == sent.astimezone(UTC)


def test_texts_expire_when_they_are_no_longer_worth_sending() -> None:
    late = WEDNESDAY + timedelta(minutes=35)
    assert policy.expires_at(MOVED, WEDNESDAY) == WEDNESDAY
    assert policy.expires_at(CANCELLED, WEDNESDAY) == WEDNESDAY
    assert policy.expires_at(MessageKind.DELAYED, WEDNESDAY, late) == late
    assert policy.expires_at(MessageKind.BOOKED, WEDNESDAY) == WEDNESDAY


def test_delays_go_first_then_cancellations_then_moves_then_the_rest() -> None:
    moves = [MessageKind.MOVED, MessageKind.ANOTHER_OFFICER]
    rest = [MessageKind.BOOKED, MessageKind.MISSED, MessageKind.CAME_AFTER_ALL, MessageKind.NO_ACCESS]
    order = [MessageKind.DELAYED, MessageKind.CANCELLED, *moves, *rest, MessageKind.WE_DID, MessageKind.FEEDBACK]
    assert sorted(MessageKind, key=policy.lane) == order
