"""The dispatcher: what goes when, what each answer leads to, and that logs hold nothing personal.

Time stands still until it is moved.
"""

import logging
import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from models.contact_task import ContactReason
from models.database import engine, reading, transaction
from models.message import Channel, Message, MessageStatus
from models.message_event import MessageEvent
from models.resident import Resident
from models.visit import Visit
from notifications import claims, outbox, recording
from notifications.dispatcher import Dispatcher
from notifications.notes import write_down
from notifications.senders.console import ConsoleSender
from notifications.senders.outcomes import Accepted, Outgoing
from notifications.senders.twilio import TwilioSender
from tests.carrier import Carrier, Fault, references
from tests.conftest import StoppedClock
from tests.sending import (
    HARROW,
    MONDAY,
    THURSDAY,
    WEDNESDAY,
    book,
    dispatch,
    message,
    move,
    status,
    tasks,
    texting,
)

pytestmark = pytest.mark.usefixtures("database")


# The ordinary way


def test_a_due_text_is_sent_once_and_its_row_says_so(carrier: Carrier, sender: TwilioSender) -> None:
    message_id = book()
    assert dispatch(sender) == 1
    [text] = carrier.handsets
    row = message(message_id)
    assert (row.status, row.carrier, row.carrier_id) == (MessageStatus.ACCEPTED, "twilio", text.sid)
    assert (row.body, row.parts, row.accepted_at) == (text.body, 1, MONDAY)
    assert text.body.endswith(f"Ref {row.reference}")
    assert text.form["StatusCallback"].endswith(f"/callbacks/twilio/status?message={message_id}")
    assert text.form["ValidityPeriod"] == "36000"
    assert dispatch(sender) == 0
    assert len(carrier.handsets) == 1


def test_a_text_in_its_hold_waits(carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock) -> None:
    moved = move(book(), THURSDAY)
    assert moved is not None
    stopped_clock.advance(119)
    dispatch(sender)
    assert carrier.handsets == []
    stopped_clock.advance(1)
    dispatch(sender)
    assert references(carrier.handsets) == [message(moved).reference]


def test_texts_go_in_their_lanes_and_moves_by_the_time_that_is_nearest(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    booked = [book(starts_at=WEDNESDAY + timedelta(hours=hour)) for hour in (2, 1, 0)]
    moved = [book(starts_at=WEDNESDAY + timedelta(hours=hour)) for hour in (2, 1)]
    moves = [move(each, THURSDAY) for each in moved]
    with transaction() as session:
        visit = session.get_one(Visit, message(booked[0]).visit_id)
        of = session.get_one(Resident, visit.resident_id)
        late = outbox.queue_visit_delayed(
            session, visit, of, expected_at=visit.starts_at + timedelta(hours=1), at=MONDAY, insisted=True
        )
        cancelled_visit = session.get_one(Visit, message(booked[1]).visit_id)
        of = session.get_one(Resident, cancelled_visit.resident_id)
        cancelled = outbox.queue_visit_cancelled(session, cancelled_visit, of, at=MONDAY)
    stopped_clock.advance(120)
    dispatcher = texting(sender, in_flight=1)
    dispatcher.send_due()
    dispatcher.close()
    # The delayed visit's own booking text is older and goes before it: then it has to go at once, too.
    expected = [booked[0], cancelled.message_id, moves[1], late.message_id, moves[0], booked[2]]
    assert references(carrier.handsets) == [message(each).reference for each in expected if each]


def test_the_next_text_of_a_visit_waits_for_the_last(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    carrier.fail(Fault(status=500))
    dispatch(sender)
    assert status(first) is MessageStatus.UNKNOWN
    second = move(first, THURSDAY)
    assert second is not None
    stopped_clock.advance(89)
    dispatch(sender)
    assert status(second) is MessageStatus.HELD


def test_no_database_connection_is_held_while_the_carrier_is_called(sender: TwilioSender) -> None:
    book()
    held: list[int] = []

    class Watching(ConsoleSender):
        def send(self, text: Outgoing) -> Accepted:
            held.append(engine().pool.checkedout())  # type: ignore[attr-defined]
            return super().send(text)

    dispatch(Watching())
    assert held == [0]


def test_texts_go_side_by_side(carrier: Carrier, sender: TwilioSender, database: str) -> None:
    carrier.latency_s = 0.1
    for _ in range(12):
        book()
    assert dispatch(sender) == 12
    assert carrier.most_in_flight == 4
    assert len(carrier.received()) == 12 and not carrier.doubled()


def test_only_so_many_are_sent_as_are_asked_for(carrier: Carrier, sender: TwilioSender) -> None:
    for _ in range(5):
        book()
    assert dispatch(sender, limit=3) == 3
    assert len(carrier.handsets) == 3


def test_texts_recorded_together_are_on_record_as_one_recorded_by_itself(
    carrier: Carrier, sender: TwilioSender
) -> None:
    """The usual outcome is recorded by the batch, without whole rows; the rules and the record are the same."""
    texts = [book() for _ in range(3)]
    with transaction() as session:
        [claim] = claims.claim_due(session, by="one", channel=Channel.TEXT, council=HARROW, at=MONDAY, limit=1)
    alone = claim.message_id
    dispatch(sender)
    with transaction() as session:
        row = claims.lock(session, [alone])[alone]
        recording.record_sent(session, row, claim.attempt, Accepted("SM9"), by="one", carrier="twilio", at=MONDAY)
        write_down(session)
    assert len({on_record(each) for each in texts}) == 1
    assert {message(each).carrier_id for each in texts} == {"SM9", *(text.sid for text in carrier.handsets)}


def on_record(message_id: UUID) -> str:
    """A message's row and its story, but for what tells it from others."""
    row = message(message_id)
    own = {"id", "news_id", "visit_id", "resident_id", "reference", "body", "claimed_by", "carrier_id"}
    with reading() as session:
        query = select(MessageEvent.kind, MessageEvent.at, MessageEvent.details)
        story = session.execute(query.where(MessageEvent.message_id == message_id)).all()
    names = [column.name for column in Message.__table__.columns if column.name not in own]
    return f"{[(name, getattr(row, name)) for name in names]} {story}"


# Certain outcomes


def test_too_many_requests_are_repeated_when_the_carrier_says(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    carrier.fail(Fault(status=429, retry_after="7"))
    dispatch(sender)
    assert (status(message_id), message(message_id).send_at) == (MessageStatus.HELD, MONDAY)
    stopped_clock.advance(6)
    dispatch(sender)
    assert carrier.sends == 1
    stopped_clock.advance(1)
    dispatch(sender)
    assert status(message_id) is MessageStatus.ACCEPTED
    assert carrier.look_ups == 0


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        (21211, MessageStatus.FAILED, ContactReason.TEXT_REFUSED),
        (21614, MessageStatus.FAILED, ContactReason.TEXT_REFUSED),
        (21610, MessageStatus.BLOCKED, ContactReason.TEXT_STOPPED),
    ],
)
def test_a_refused_text_is_a_call_and_stops_no_other(
    carrier: Carrier, sender: TwilioSender, code: int, state: MessageStatus, reason: ContactReason
) -> None:
    refused = book(starts_at=WEDNESDAY - timedelta(hours=1))
    other = book()
    carrier.plan = lambda _, form: (
        Fault(status=400, code=code) if message(refused).reference in form["Body"] else None
    )
    dispatch(sender)
    assert (status(refused), message(refused).error_code) == (state, str(code))
    assert status(other) is MessageStatus.ACCEPTED
    [task] = tasks()
    assert (task.reason, task.message_id) == (reason, refused)
    assert dispatch(sender) == 0


@pytest.mark.parametrize("code", [20003, 21408, 21606])
def test_a_fault_of_our_account_pauses_the_sender_and_fails_nothing(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    caplog: pytest.LogCaptureFixture,
    code: int,
) -> None:
    texts = [book() for _ in range(6)]
    carrier.plan = lambda _number, _form: Fault(status=401 if code == 20003 else 400, code=code)
    dispatcher = texting(sender, in_flight=1)
    dispatcher.send_due()
    paused_after = carrier.sends
    assert {status(each) for each in texts} == {MessageStatus.HELD}
    assert "sender_paused" in caplog.messages
    stopped_clock.advance(59)
    dispatcher.send_due()
    assert carrier.sends == paused_after
    stopped_clock.advance(1)
    dispatcher.send_due()
    assert carrier.sends == paused_after + 1
    carrier.plan = None
    stopped_clock.advance(300)
    dispatcher.send_due()
    dispatcher.close()
    assert {status(each) for each in texts} == {MessageStatus.ACCEPTED}
    assert tasks() == []


# Expiry


def test_an_expired_text_is_a_call_and_never_silence(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    stopped_clock.set(WEDNESDAY)
    dispatch(sender)
    assert status(message_id) is MessageStatus.EXPIRED
    assert carrier.sends == 0
    [task] = tasks()
    assert (task.reason, task.message_id, task.detail) == (ContactReason.TEXT_EXPIRED, message_id, "booked")


def test_expiry_is_checked_again_just_before_sending(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    dispatcher = Dispatcher({Channel.TEXT: sender}, HARROW, in_flight=1, lease=timedelta(days=9))
    free = threading.Event()
    dispatcher._lines[0]._workers.submit(free.wait)
    dispatcher._turn(1)
    assert status(message_id) is MessageStatus.CLAIMED
    stopped_clock.set(WEDNESDAY)
    free.set()
    dispatcher.send_due()
    dispatcher.close()
    assert status(message_id) is MessageStatus.EXPIRED
    assert carrier.sends == 0


def test_a_text_that_cannot_be_put_into_words_stops_no_other(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    broken = move(book(), THURSDAY)
    other = book()
    with transaction() as session:
        session.execute(update(Message).where(Message.id == broken).values(previous_starts_at=None))
    stopped_clock.advance(120)
    dispatch(sender)
    assert broken is not None and status(broken) is MessageStatus.FAILED
    assert status(other) is MessageStatus.ACCEPTED
    assert [task.reason for task in tasks()] == [ContactReason.TEXT_REFUSED]


# Privacy


def test_the_logs_hold_ids_and_nothing_personal(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # An application made by an earlier test may have quietened our own packages.
    caplog.set_level(logging.DEBUG, "notifications")
    message_id = book()
    carrier.fail(Fault(status=500, accepted=True))
    dispatch(sender)
    stopped_clock.advance(35)
    dispatch(sender)
    for record in caplog.records:
        said = str(record.__dict__)
        assert "7700900123" not in said and "Adeyemi" not in said and "Harrow Council" not in said
    events = [record for record in caplog.records if record.name.startswith("notifications")]
    assert [record.message for record in events] == ["message_unclear", "message_accepted"]
    assert {record.__dict__["message_id"] for record in events} == {str(message_id)}
