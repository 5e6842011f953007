"""What becomes of a text after it was claimed: receipts in any order, and changes that overtake it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from models import clock
from models.contact_task import ContactTaskStatus
from models.database import transaction
from models.message import Channel, MessageStatus
from notifications import claims
from notifications.senders.twilio import TwilioSender
from tests.carrier import Carrier, Fault
from tests.conftest import StoppedClock
from tests.sending import (
    HARROW,
    THURSDAY,
    WEDNESDAY,
    book,
    cancel,
    dispatch,
    message,
    move,
    receive,
    status,
    tasks,
)

pytestmark = pytest.mark.usefixtures("database")


# Receipts


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (["queued", "sent", "delivered"], MessageStatus.DELIVERED),
        (["delivered", "sent", "queued", "delivered"], MessageStatus.DELIVERED),
        (["sent", "undelivered", "sent"], MessageStatus.UNDELIVERED),
        (["failed", "queued"], MessageStatus.FAILED),
        (["undelivered", "delivered"], MessageStatus.DELIVERED),
        (["delivered", "undelivered"], MessageStatus.DELIVERED),
        (["sent", "something new"], MessageStatus.ACCEPTED),
    ],
)
def test_receipts_come_in_any_order_and_more_than_once(
    carrier: Carrier,
    sender: TwilioSender,
    words: list[str],
    state: MessageStatus,
) -> None:
    message_id = book()
    dispatch(sender)
    for word in words:
        for _ in range(3):
            assert receive(message_id, word, sid=carrier.handsets[0].sid, error_code="30005")
    assert status(message_id) is state
    assert (message(message_id).delivered_at is not None) == (state is MessageStatus.DELIVERED)
    dispatch(sender)
    open_tasks = [task for task in tasks() if task.status is ContactTaskStatus.OPEN]
    assert len(open_tasks) == (1 if state in (MessageStatus.UNDELIVERED, MessageStatus.FAILED) else 0)


def test_a_receipt_before_create_returns_is_not_undone_by_the_answer(
    carrier: Carrier, sender: TwilioSender
) -> None:
    message_id = book()
    carrier.plan = lambda _, form: Fault(status=500) if receive(message_id, "delivered") else None
    dispatch(sender)
    row = message(message_id)
    assert (row.status, row.carrier_id) == (MessageStatus.DELIVERED, "SM1")


def test_a_receipt_settles_a_doubt_without_a_look_up(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    carrier.fail(Fault(status=500, accepted=True))
    dispatch(sender)
    receive(message_id, "sent", sid=carrier.handsets[0].sid)
    stopped_clock.advance(300)
    dispatch(sender)
    assert (status(message_id), carrier.look_ups, carrier.sends) == (MessageStatus.ACCEPTED, 0, 1)


def test_a_receipt_for_a_text_we_do_not_know_is_told_apart(database: str, stopped_clock: StoppedClock) -> None:
    assert not receive(uuid4(), "delivered")


def test_an_undelivered_text_told_nobody_anything(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    """The move after it is told from the time the resident still has in mind."""
    booked = book()
    dispatch(sender)
    first = move(booked, THURSDAY)
    stopped_clock.advance(120)
    dispatch(sender)
    second = move(booked, THURSDAY + timedelta(days=1))
    assert first is not None and second is not None
    assert message(second).previous_starts_at == THURSDAY
    receive(first, "undelivered", sid=carrier.handsets[1].sid, error_code="30003")
    assert message(second).previous_starts_at == WEDNESDAY
    assert message(second).expires_at == WEDNESDAY


def test_a_cancellation_after_an_undelivered_text_names_the_time_they_still_have_in_mind(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    booked = book()
    dispatch(sender)
    moved = move(booked, THURSDAY)
    stopped_clock.advance(120)
    dispatch(sender)
    moved_on = move(booked, THURSDAY + timedelta(days=1))
    cancelled = cancel(booked)
    assert moved is not None and moved_on is not None and cancelled is not None
    assert status(moved_on) is MessageStatus.SUPERSEDED
    receive(moved, "undelivered", sid=carrier.handsets[1].sid, error_code="30003")
    stopped_clock.advance(120)
    dispatch(sender)
    assert "cancelled our visit to your home on Wed 25 Nov 10:00" in carrier.handsets[2].body
    assert message(cancelled).expires_at == WEDNESDAY


# A change while a text is in a dispatcher's hands


def test_a_text_put_back_gives_way_to_a_newer_one_that_then_tells_the_truth(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    """Told Wednesday; the move to Thursday is refused with 429 while the visit moves on to Friday."""
    booked = book()
    dispatch(sender)
    to_thursday = move(booked, THURSDAY)
    stopped_clock.advance(120)
    friday = THURSDAY + timedelta(days=1)
    moved_on: list[UUID | None] = []

    def move_on(_: int, form: dict[str, str]) -> Fault | None:
        if moved_on:
            return None
        moved_on.append(move(booked, friday))
        return Fault(status=429, retry_after="1")

    carrier.plan = move_on
    dispatch(sender)
    stopped_clock.advance(121)
    dispatch(sender)
    assert to_thursday is not None and moved_on[0] is not None
    assert status(to_thursday) is MessageStatus.SUPERSEDED
    assert len(carrier.handsets) == 2
    assert "It was Wed 25 Nov 10:00. It is now Fri 27 Nov 10:00" in carrier.handsets[1].body


def test_a_text_put_back_gives_way_to_a_cancellation_of_the_time_they_know(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    """Told Wednesday; the move to Thursday is refused with 429 while the visit is cancelled."""
    booked = book()
    dispatch(sender)
    to_thursday = move(booked, THURSDAY)
    stopped_clock.advance(120)
    cancelled: list[UUID | None] = []

    def refuse(_: int, form: dict[str, str]) -> Fault | None:
        if cancelled:
            return None
        cancelled.append(cancel(booked))
        return Fault(status=429, retry_after="1")

    carrier.plan = refuse
    dispatch(sender)
    stopped_clock.advance(121)
    dispatch(sender)
    assert to_thursday is not None and cancelled[0] is not None
    assert status(to_thursday) is MessageStatus.SUPERSEDED
    assert len(carrier.handsets) == 2
    assert "cancelled our visit to your home on Wed 25 Nov 10:00" in carrier.handsets[1].body


def test_a_text_put_back_is_dropped_if_nothing_has_changed_in_the_end(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    booked = book()
    dispatch(sender)
    to_thursday = move(booked, THURSDAY)
    stopped_clock.advance(120)
    moved_back: list[UUID | None] = []

    def move_back(_: int, form: dict[str, str]) -> Fault | None:
        moved_back.append(move(booked, WEDNESDAY))
        return Fault(status=429, retry_after="1")

    carrier.plan = move_back
    dispatch(sender)
    carrier.plan = None
    stopped_clock.advance(121)
    dispatch(sender)
    assert to_thursday is not None and moved_back[0] is not None
    assert status(to_thursday) is status(moved_back[0]) is MessageStatus.SUPERSEDED
    assert len(carrier.handsets) == 1


def test_a_text_left_by_a_dead_dispatcher_is_settled_before_the_next_one_goes(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    """It had not gone: so the cancellation decided just after it was claimed must name the time before it."""
    booked = book()
    dispatch(sender)
    moved = move(booked, THURSDAY)
    stopped_clock.advance(120)
    with transaction() as session:
        claims.claim_due(session, by="another", channel=Channel.TEXT, council=HARROW, at=clock.now(), limit=5)
    cancel(booked)
    for _ in range(16):
        stopped_clock.advance(10)
        dispatch(sender)
    assert moved is not None
    assert status(moved) is MessageStatus.SUPERSEDED
    assert len(carrier.handsets) == 2
    assert "cancelled our visit to your home on Wed 25 Nov 10:00" in carrier.handsets[1].body


def test_two_texts_put_back_leave_the_newer_naming_the_time_they_know(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    """Told Wednesday; the moves to Thursday and to Friday are both in doubt, and neither had gone."""
    booked = book()
    dispatch(sender)
    to_thursday = move(booked, THURSDAY)
    carrier.fail(Fault(status=500))
    stopped_clock.advance(120)
    dispatch(sender)
    to_friday = move(booked, THURSDAY + timedelta(days=1))
    assert to_thursday is not None and to_friday is not None
    carrier.list_plan = lambda: Fault(status=500)
    carrier.fail(Fault(status=500))
    stopped_clock.advance(220)
    dispatch(sender)
    assert status(to_thursday) is status(to_friday) is MessageStatus.UNKNOWN
    carrier.list_plan = None
    for _ in range(3):
        stopped_clock.advance(90)
        dispatch(sender)
    assert len(carrier.handsets) == 2
    assert "It was Wed 25 Nov 10:00. It is now Fri 27 Nov 10:00" in carrier.handsets[1].body


def test_a_move_that_comes_to_nothing_becomes_the_text_of_a_booking_that_never_went(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    """Booked and at once moved to Thursday; back to Wednesday while that text, which never went, is in doubt."""
    booked = book()
    moved = move(booked, THURSDAY)
    carrier.fail(Fault(status=500))
    stopped_clock.advance(120)
    dispatch(sender)
    assert moved is not None
    assert (status(booked), status(moved)) == (MessageStatus.SUPERSEDED, MessageStatus.UNKNOWN)
    moved_back = move(booked, WEDNESDAY)
    stopped_clock.advance(90)
    dispatch(sender)
    stopped_clock.advance(30)
    dispatch(sender)
    assert moved_back is not None and status(moved_back) is MessageStatus.ACCEPTED
    assert len(carrier.handsets) == 1
    assert "we will visit you at home on Wed 25 Nov 10:00" in carrier.handsets[0].body
