"""`flask texts waiting`, `stuck` and `failed`: what keeps each message, and what followed it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from models import clock
from models.contact_task import ContactReason
from models.database import reading, transaction
from models.message import Channel, Message, MessageStatus
from models.visit import Visit
from notifications.dispatcher import Dispatcher
from notifications.senders.console import ConsoleSender
from notifications.senders.twilio import TwilioSender
from tests import factories
from tests.carrier import Carrier, Fault
from tests.conftest import StoppedClock
from tests.operating import Run, column, rows, texts_of
from tests.sending import (
    HARROW,
    MONDAY,
    THURSDAY,
    book,
    cancel,
    dispatch,
    message,
    move,
    receive,
    tasks,
)


@pytest.fixture
def texts(app: Flask) -> Run:
    return texts_of(app)


def reference_of(message_id: Any) -> str:
    with reading() as session:
        return session.get_one(Visit, message(message_id).visit_id).reference


# What waits


def test_a_held_text_is_listed_with_its_visit_and_when_it_goes_in_london(
    texts: Run, stopped_clock: StoppedClock
) -> None:
    stopped_clock.set(datetime(2026, 7, 6, 10, tzinfo=UTC))
    moved = move(book(starts_at=datetime(2026, 7, 8, 10, tzinfo=UTC)), datetime(2026, 7, 9, 10, tzinfo=UTC))
    table = texts("waiting")
    assert table.splitlines()[0].split() == [
        "MESSAGE",
        "KIND",
        "CHANNEL",
        "STATUS",
        "DUE",
        "ERROR",
        "VISIT",
        "WHY",
    ]
    due = "Mon 06 Jul 2026 11:02:00 BST"
    assert rows(table)[-1] == [str(moved), "moved", "text", "held", due, "-", reference_of(moved), "hold"]


def test_what_waits_is_in_the_order_it_goes(texts: Run, stopped_clock: StoppedClock) -> None:
    booked = [book(), book()]
    moved = move(booked[0], THURSDAY)
    stopped_clock.advance(60)
    cancelled = cancel(booked[1])
    later = book()
    assert column(texts("waiting"), "MESSAGE") == [str(each) for each in (cancelled, moved, later)]


def test_the_night_is_told_from_the_hold(texts: Run, stopped_clock: StoppedClock) -> None:
    stopped_clock.set(MONDAY.replace(hour=23))
    book()
    table = texts("waiting")
    assert (column(table, "DUE"), column(table, "WHY")) == (["Tue 24 Nov 2026 08:00:00 GMT"], ["night"])


def test_a_text_that_may_go_this_moment_is_due_and_the_next_of_its_visit_waits_for_it(
    texts: Run, stopped_clock: StoppedClock
) -> None:
    first = book()
    with transaction() as session:
        session.execute(
            update(Message).where(Message.id == first).values(status=MessageStatus.UNKNOWN, claimed_at=MONDAY)
        )
    second = move(first, THURSDAY)
    other = book()
    stopped_clock.advance(120)
    with transaction() as session:
        session.execute(update(Message).where(Message.id == first).values(claimed_at=clock.now()))
    table = texts("waiting")
    assert dict(zip(column(table, "MESSAGE"), column(table, "WHY"), strict=True)) == {
        str(second): "order",
        str(other): "due",
    }


def test_a_text_the_carrier_sent_back_is_tried_again(texts: Run, carrier: Carrier, sender: TwilioSender) -> None:
    book()
    carrier.fail(Fault(status=429, retry_after="30"))
    dispatch(sender)
    table = texts("waiting")
    assert column(table, "DUE") == ["Mon 23 Nov 2026 09:00:30 GMT"]
    assert column(table, "WHY") == ["retry, paused"]


def test_one_more_text_after_a_temporary_failure_is_tried_again_and_not_held(
    texts: Run, carrier: Carrier, sender: TwilioSender
) -> None:
    first = book()
    dispatch(sender)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30003")
    dispatch(sender)
    table = texts("waiting")
    assert (column(table, "DUE"), column(table, "WHY")) == (["Mon 23 Nov 2026 09:05:00 GMT"], ["retry"])


def test_a_call_that_waits_for_the_morning_waits_for_the_night_to_end(
    texts: Run, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    dispatch(sender)
    stopped_clock.set(MONDAY.replace(hour=21))
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30007")
    dispatcher = Dispatcher({Channel.TEXT: sender, Channel.CALL: ConsoleSender()}, HARROW)
    dispatcher.send_due()
    dispatcher.close()
    table = texts("waiting", "--channel", "call")
    assert (column(table, "DUE"), column(table, "WHY")) == (["Tue 24 Nov 2026 08:00:00 GMT"], ["night"])
    assert texts("waiting", "--channel", "text") == "None.\n"


def test_a_list_that_is_cut_says_so(texts: Run) -> None:
    for _ in range(3):
        book()
    assert texts("waiting", "--limit", "2").splitlines()[-1] == "There are more than these 2: see --limit."
    assert len(rows(texts("waiting", "--limit", "3"))) == 3


# What is stuck


def test_nothing_is_stuck_while_texts_go(texts: Run, sender: TwilioSender, stopped_clock: StoppedClock) -> None:
    book()
    stopped_clock.advance(119)
    assert texts("stuck") == "None.\n"
    dispatch(sender)
    assert texts("stuck") == "None.\n"


def test_a_text_nobody_sends_is_stuck_after_two_minutes(texts: Run, stopped_clock: StoppedClock) -> None:
    first = book()
    stopped_clock.advance(120)
    table = texts("stuck")
    assert (column(table, "MESSAGE"), column(table, "SINCE")) == ([str(first)], ["Mon 23 Nov 2026 09:00:00 GMT"])
    assert column(table, "WHERE") == ["due, and nobody sends it"]
    texts("pause", "text", "--reason", "Tariff runs out")
    assert column(texts("stuck"), "WHERE") == ["its sender is paused"]


def test_what_a_dead_dispatcher_had_is_stuck_once_its_lease_is_over(
    texts: Run, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    with transaction() as session:
        claimed = session.get_one(Message, first)
        claimed.status, claimed.claimed_at = MessageStatus.CLAIMED, MONDAY
        claimed.claim_expires_at = MONDAY + timedelta(seconds=60)
    stopped_clock.advance(59)
    assert texts("stuck") == "None.\n"
    stopped_clock.advance(1)
    assert column(texts("stuck"), "WHERE") == ["its dispatcher died, and nobody looks it up"]


def test_an_unclear_text_is_stuck_until_the_carrier_has_been_asked(
    texts: Run, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    book()
    carrier.fail(Fault(status=500, accepted=True))
    dispatch(sender)
    table = texts("stuck")
    assert (column(table, "STATUS"), column(table, "WHERE")) == (
        ["unknown"],
        ["may have gone: the carrier is asked"],
    )
    stopped_clock.advance(35)
    dispatch(sender)
    assert texts("stuck") == "None.\n"


def test_a_text_without_a_receipt_is_stuck_once_the_receipt_is_overdue(
    texts: Run, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    book()
    dispatch(sender)
    stopped_clock.advance(15 * 60)
    assert texts("stuck") == "None.\n"
    dispatch(sender)
    table = texts("stuck")
    assert (column(table, "SINCE"), column(table, "WHERE")) == (["Mon 23 Nov 2026 09:00:00 GMT"], ["no receipt"])


def test_a_next_way_that_nobody_tries_is_stuck(
    texts: Run, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    dispatch(sender)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30007")
    stopped_clock.advance(120)
    assert column(texts("stuck"), "WHERE") == ["nobody tries its next way"]
    dispatch(sender)
    assert texts("stuck") == "None.\n"


def test_texts_that_are_due_come_before_receipts_that_are_missing(
    texts: Run, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    silent = book()
    dispatch(sender)
    stopped_clock.advance(15 * 60)
    dispatch(sender)
    due = book()
    stopped_clock.advance(120)
    assert column(texts("stuck"), "MESSAGE") == [str(due), str(silent)]
    assert column(texts("stuck", "--limit", "1"), "MESSAGE") == [
        str(due),
        "There are more than these 1: see --limit.",
    ]


# What failed


def test_a_failed_text_is_listed_with_its_code_and_what_followed(
    texts: Run, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    refused = book(factories.resident(second_phone="+447700900124"))
    carrier.fail(Fault(status=400, code=21211))
    dispatch(sender)
    stopped_clock.advance(1)
    alone = book(factories.resident(phone="+447700900125"))
    carrier.fail(Fault(status=400, code=21610))
    dispatch(sender)
    table = texts("failed")
    assert column(table, "MESSAGE") == [str(alone), str(refused)]
    assert column(table, "STATUS") == ["blocked", "failed"]
    assert column(table, "ERROR") == ["21610", "21211"]
    assert column(table, "FAILED") == ["Mon 23 Nov 2026 09:00:01 GMT", "Mon 23 Nov 2026 09:00:00 GMT"]
    assert column(table, "FOLLOWED BY") == ["contact task open", "text accepted"]


def test_a_failed_text_whose_next_way_is_still_to_come_says_so(
    texts: Run, carrier: Carrier, sender: TwilioSender
) -> None:
    first = book()
    dispatch(sender)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30003")
    assert column(texts("failed"), "FOLLOWED BY") == ["next way due"]
    dispatch(sender)
    assert column(texts("failed"), "FOLLOWED BY") == ["text held"]


def test_one_contact_task_follows_all_the_texts_it_tells_of(
    texts: Run, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    late = book(starts_at=MONDAY + timedelta(hours=3))
    moved = move(late, MONDAY + timedelta(hours=6))
    assert moved is not None
    with transaction() as session:
        session.execute(update(Message).where(Message.id == late).values(status=MessageStatus.HELD))
    stopped_clock.advance(6 * 3600)
    dispatch(sender)
    assert len(tasks()) == 1 and tasks()[0].reason is ContactReason.TEXT_EXPIRED
    table = texts("failed")
    assert sorted(column(table, "MESSAGE")) == sorted([str(late), str(moved)])
    assert column(table, "STATUS") == ["expired", "expired"]
    assert column(table, "FOLLOWED BY") == ["contact task open", "contact task open"]


def test_what_failed_long_ago_is_left_out(
    texts: Run, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    book()
    carrier.fail(Fault(status=400, code=21211))
    dispatch(sender)
    stopped_clock.advance(8 * 86400)
    assert texts("failed") == "None.\n"
    assert len(rows(texts("failed", "--days", "8"))) == 1


def test_a_text_that_arrived_after_all_has_not_failed(texts: Run, carrier: Carrier, sender: TwilioSender) -> None:
    first = book()
    dispatch(sender)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30003")
    receive(first, "delivered", sid=carrier.handsets[0].sid)
    assert texts("failed") == "None.\n"
