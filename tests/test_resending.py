"""A message sent again by hand: the same news by the same way, only if it still has to be told, and only once."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from models import clock
from models.contact_task import ContactTask, ContactTaskStatus
from models.database import engine, reading, transaction
from models.message import Channel, Message, MessageStatus
from models.message_event import MessageEvent, MessageEventKind
from models.number import start_texts, stop_texts
from models.resident import ContactBy, Resident
from models.visit import Visit, VisitStatus
from notifications.receipts import record_receipt
from notifications.resending import NotSentAgain, resend
from notifications.senders.twilio import TwilioSender
from tests import factories
from tests.carrier import Carrier, Fault
from tests.conftest import StoppedClock
from tests.sending import (
    MONDAY,
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

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""SQLite has one writer at a time."""


@pytest.fixture
def failed(carrier: Carrier, sender: TwilioSender) -> UUID:
    """A booking's text that the networks filtered, and after it a person was asked to ring."""
    first = book()
    dispatch(sender)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30007")
    dispatch(sender)
    assert [task.status for task in tasks()] == [ContactTaskStatus.OPEN]
    return first


def again(message_id: UUID, reason: str = "The filter was lifted") -> UUID:
    with transaction() as session:
        return resend(session, message_id, reason=reason, at=clock.now()).id


def refusal(message_id: UUID) -> str:
    with pytest.raises(NotSentAgain) as refused, transaction() as session:
        resend(session, message_id, reason="Try", at=clock.now())
    return str(refused.value)


def change(message_id: UUID, **values: object) -> None:
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**values))


def change_resident(message_id: UUID, **values: object) -> None:
    with transaction() as session:
        resident_id = session.get_one(Message, message_id).resident_id
        session.execute(update(Resident).where(Resident.id == resident_id).values(**values))


def change_visit(message_id: UUID, **values: object) -> None:
    with transaction() as session:
        visit_id = session.get_one(Message, message_id).visit_id
        session.execute(update(Visit).where(Visit.id == visit_id).values(**values))


# It goes


def test_the_same_news_goes_once_more_by_the_same_way(
    app: Flask, failed: UUID, carrier: Carrier, sender: TwilioSender
) -> None:
    result = app.test_cli_runner().invoke(
        args=["texts", "resend", str(failed), "--reason", "The filter was lifted"]
    )
    assert result.exit_code == 0
    told = re.fullmatch(r"Message (\S+) goes by text at Mon 23 Nov 2026 09:00:00 GMT\.\n", result.stdout)
    assert told
    first, second = message(failed), message(UUID(told[1]))
    assert (second.number, second.news_id, second.kind) == (2, first.news_id, first.kind)
    assert (second.channel, second.to_address, second.status) == (
        Channel.TEXT,
        first.to_address,
        MessageStatus.HELD,
    )
    dispatch(sender)
    assert [text.reference for text in carrier.handsets] == [first.reference, second.reference]
    assert status(failed) is MessageStatus.UNDELIVERED


def test_its_story_begins_with_the_reason(failed: UUID) -> None:
    second = again(failed, "The filter was lifted")
    with reading() as session:
        [told] = session.scalars(select(MessageEvent).where(MessageEvent.message_id == second))
    assert (told.kind, told.at) == (MessageEventKind.RESENT, MONDAY)
    assert told.details == {"reason": "The filter was lifted", "resends": str(failed)}


def test_once_it_has_arrived_nobody_has_to_ring(failed: UUID, carrier: Carrier, sender: TwilioSender) -> None:
    second = again(failed)
    dispatch(sender)
    assert receive(second, "delivered", sid=carrier.handsets[-1].sid)
    assert [task.status for task in tasks()] == [ContactTaskStatus.NOT_NEEDED]


def test_it_may_fail_in_its_turn_and_asks_no_second_person(
    failed: UUID, carrier: Carrier, sender: TwilioSender
) -> None:
    carrier.fail(Fault(status=400, code=30007))
    second = again(failed)
    dispatch(sender)
    assert status(second) is MessageStatus.FAILED
    assert [task.status for task in tasks()] == [ContactTaskStatus.OPEN]
    assert message(again(second)).number == 3


def test_it_tells_of_the_visit_as_it_is_now(failed: UUID, carrier: Carrier, sender: TwilioSender) -> None:
    change_visit(failed, starts_at=THURSDAY, ends_at=THURSDAY + timedelta(minutes=30))
    again(failed)
    dispatch(sender)
    assert "Thu 26 Nov 10:00" in carrier.handsets[-1].body


def test_at_night_it_waits_for_the_morning(failed: UUID, stopped_clock: StoppedClock) -> None:
    stopped_clock.set(MONDAY.replace(hour=23))
    assert message(again(failed)).send_at == MONDAY.replace(day=24, hour=8)


def test_it_goes_to_the_number_the_resident_has_now(failed: UUID, carrier: Carrier, sender: TwilioSender) -> None:
    change_resident(failed, phone="+447700900321")
    again(failed)
    dispatch(sender)
    assert carrier.handsets[-1].to == "+447700900321"


def test_a_text_the_carrier_lost_goes_again_once_its_receipt_is_overdue(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    dispatch(sender)
    assert "Wait for its receipt until Mon 23 Nov 2026 09:15:00 GMT" in refusal(first)
    stopped_clock.advance(15 * 60)
    dispatch(sender)
    assert status(first) is MessageStatus.ACCEPTED
    again(first)
    dispatch(sender)
    assert len(carrier.handsets) == 2


def test_a_cancellation_goes_again_though_the_visit_is_off(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    dispatch(sender)
    cancelled = cancel(first)
    assert cancelled is not None
    stopped_clock.advance(120)
    carrier.fail(Fault(status=400, code=30007))
    dispatch(sender)
    again(cancelled)
    dispatch(sender)
    assert "cancelled" in carrier.handsets[-1].body


def test_a_start_after_a_stop_lets_it_go(failed: UUID) -> None:
    number = message(failed).to_address
    with transaction() as session:
        stop_texts(session, number, MONDAY)
    assert "STOP" in refusal(failed)
    with transaction() as session:
        start_texts(session, number)
    assert status(again(failed)) is MessageStatus.HELD


# It does not go


def test_a_message_nobody_knows_is_not_sent_again() -> None:
    assert refusal(uuid4()) == "No message has this id."


@pytest.mark.parametrize("standing", [MessageStatus.HELD, MessageStatus.CLAIMED, MessageStatus.UNKNOWN])
def test_a_message_on_its_way_is_not_sent_again(failed: UUID, standing: MessageStatus) -> None:
    change(failed, status=standing)
    assert refusal(failed) == f"It is still on its way ({standing}). Wait for what becomes of it."


def test_a_message_is_not_sent_again_while_another_with_its_news_is_on_its_way(failed: UUID) -> None:
    second = again(failed)
    assert refusal(failed).startswith(f"Message {second} of the same news is still on its way (held)")


def test_what_was_delivered_is_not_sent_again(failed: UUID, carrier: Carrier) -> None:
    receive(failed, "delivered", sid=carrier.handsets[0].sid)
    assert refusal(failed) == "It was delivered: the resident knows already."


def test_what_another_message_delivered_is_not_sent_again(
    failed: UUID, carrier: Carrier, sender: TwilioSender
) -> None:
    second = again(failed)
    dispatch(sender)
    receive(second, "delivered", sid=carrier.handsets[-1].sid)
    assert refusal(failed) == f"Message {second} of the same news was delivered: the resident knows already."


def test_what_a_person_has_told_is_not_sent_again(failed: UUID) -> None:
    with transaction() as session:
        session.execute(update(ContactTask).values(status=ContactTaskStatus.DONE, done_at=MONDAY))
    assert refusal(failed) == "A person has told the resident already: see the contact tasks."


def test_a_superseded_message_is_not_sent_again(stopped_clock: StoppedClock) -> None:
    first = book()
    newer = move(first, THURSDAY)
    assert (
        refusal(first) == f"It was superseded by message {newer}: it is no longer what the resident should hear."
    )


def test_old_news_is_not_sent_again_once_newer_is_told_or_to_be_told(failed: UUID) -> None:
    newer = move(failed, THURSDAY)
    assert refusal(failed) == f"A newer change is told by message {newer}. Look at that one."


def test_an_expired_message_is_not_sent_again(sender: TwilioSender, stopped_clock: StoppedClock) -> None:
    first = book()
    stopped_clock.set(WEDNESDAY)
    dispatch(sender)
    assert status(first) is MessageStatus.EXPIRED
    assert refusal(first).startswith("It expired at Wed 25 Nov 2026 10:00:00 GMT")


def test_a_failed_message_is_not_sent_again_after_the_time_it_tells_of(
    failed: UUID, stopped_clock: StoppedClock
) -> None:
    stopped_clock.set(WEDNESDAY - timedelta(seconds=1))
    assert status(again(failed)) is MessageStatus.HELD
    change(failed, visit_id=message(book()).visit_id, number=9)
    stopped_clock.set(WEDNESDAY)
    assert refusal(failed).startswith("It expired at")


@pytest.mark.parametrize("over", [VisitStatus.CANCELLED, VisitStatus.COMPLETED, VisitStatus.ARRIVED])
def test_nothing_is_told_of_a_visit_that_is_over(failed: UUID, over: VisitStatus) -> None:
    change_visit(failed, status=over)
    assert refusal(failed) == f"The visit is {over}: there is nothing left to tell of it."


def test_a_move_that_came_to_nothing_is_not_sent_again(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    dispatch(sender)
    moved = move(first, THURSDAY)
    assert moved is not None
    stopped_clock.advance(120)
    carrier.fail(Fault(status=400, code=30007))
    dispatch(sender)
    change_visit(moved, starts_at=WEDNESDAY, ends_at=WEDNESDAY + timedelta(minutes=30))
    assert refusal(moved).startswith("There is nothing to tell any more")


def test_what_could_only_go_after_the_visit_is_not_sent_again(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    """The visit is sooner by now than the failed text knew, and its hour is in the morning."""
    first = book()
    dispatch(sender)
    moved = move(first, THURSDAY)
    assert moved is not None
    stopped_clock.advance(120)
    carrier.fail(Fault(status=400, code=30007))
    dispatch(sender)
    sooner = MONDAY.replace(day=24, hour=7, minute=30)
    change_visit(moved, starts_at=sooner, ends_at=sooner + timedelta(minutes=30))
    stopped_clock.set(MONDAY.replace(hour=23))
    assert refusal(moved).startswith("It could only go once the time it tells of has passed.")


def test_a_number_no_text_can_reach_is_not_tried_again(carrier: Carrier, sender: TwilioSender) -> None:
    first = book()
    carrier.fail(Fault(status=400, code=21614))
    dispatch(sender)
    assert "No text can reach the number (carrier's code 21614)" in refusal(first)


def test_who_wants_to_be_rung_is_not_texted_again(failed: UUID) -> None:
    change_resident(failed, contact_by=ContactBy.CALL)
    assert refusal(failed).startswith("The resident is not to be told by text any more.")


def test_a_call_whose_hour_comes_too_late_is_not_made(stopped_clock: StoppedClock) -> None:
    landline = factories.resident(phone="+442088635611")
    first = book(landline, MONDAY.replace(day=24, hour=8))
    change(first, status=MessageStatus.FAILED)
    stopped_clock.set(MONDAY.replace(hour=22))
    assert refusal(first).startswith("The hour for it comes too late.")


def test_a_refusal_changes_nothing_and_ends_the_command_with_its_reason(app: Flask, failed: UUID) -> None:
    change_visit(failed, status=VisitStatus.CANCELLED)
    result = app.test_cli_runner().invoke(args=["texts", "resend", str(failed), "--reason", "Try"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: Not sent again. The visit is cancelled" in result.stderr
    with reading() as session:
        assert len(session.scalars(select(Message)).all()) == 1


# Two at once


def test_two_operators_at_once_send_it_once(failed: UUID, carrier: Carrier, sender: TwilioSender) -> None:
    start, ends = threading.Barrier(4), []

    def operator() -> None:
        start.wait()
        try:
            ends.append(str(again(failed)))
        except NotSentAgain as refused:
            ends.append(str(refused))

    operators = [threading.Thread(target=operator) for _ in range(4)]
    for each in operators:
        each.start()
    for each in operators:
        each.join(30)
    assert len([end for end in ends if "is still on its way" in end]) == 3
    dispatch(sender)
    assert len(carrier.handsets) == 2


@pytest.fixture
def meanwhile() -> Iterator[Callable[[UUID], Future[UUID]]]:
    """Send a message again in another thread, until it waits for a lock of ours."""

    def somebody_waits() -> bool:
        with engine().connect() as connection:
            return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    with ThreadPoolExecutor(1) as pool:

        def begin(message_id: UUID) -> Future[UUID]:
            begun = pool.submit(again, message_id)
            until = time.monotonic() + 20
            while not somebody_waits():
                assert time.monotonic() < until and not begun.done(), "it does not wait"
                time.sleep(0.01)
            return begun

        yield begin


@on_postgresql
def test_it_holds_no_message_while_it_waits_for_the_visit(
    failed: UUID, meanwhile: Callable[[UUID], Future[UUID]]
) -> None:
    """A change of the visit has the visit before its messages: each would wait for what the other has."""
    with transaction() as session:
        session.execute(select(Visit.id).with_for_update())
        resent = meanwhile(failed)
        assert session.scalar(select(Message.id).with_for_update(nowait=True)) == failed
    assert status(resent.result(20)) is MessageStatus.HELD


@on_postgresql
def test_a_receipt_that_is_being_recorded_is_heeded(
    failed: UUID, carrier: Carrier, meanwhile: Callable[[UUID], Future[UUID]]
) -> None:
    with transaction() as session:
        sid = carrier.handsets[0].sid
        record_receipt(session, failed, sid=sid, status="delivered", error_code=None, at=clock.now())
        resent = meanwhile(failed)
    with pytest.raises(NotSentAgain, match="It was delivered"):
        resent.result(20)
