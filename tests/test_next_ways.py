"""What follows a message that told nobody: the ladder in the database, through the real clients and a stand-in.

Time stands still until it is moved.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from models import clock
from models.contact_task import ContactReason, ContactTaskStatus
from models.database import reading, transaction
from models.message import Channel, Message, MessageStatus
from models.message_event import MessageEvent
from models.number import Number
from models.resident import ContactBy
from models.sender_state import PausedBy, SenderState, lock_state, states
from models.visit import Visit, VisitStatus
from notifications.dispatcher import Dispatcher
from notifications.outbox import queue_visit_delayed
from notifications.senders.smtp import MailFolder, SmtpSender
from notifications.senders.twilio_calls import TwilioCallSender
from tests import factories
from tests.carrier import ACCOUNT, TOKEN, Carrier, Fault
from tests.conftest import StoppedClock
from tests.sending import (
    HARROW,
    MONDAY,
    THURSDAY,
    WEDNESDAY,
    book,
    message,
    move,
    receive,
    sender_to,
    status,
    stop_workers,
    tasks,
)

pytestmark = pytest.mark.usefixtures("database")

MOBILE, CARER, LANDLINE, MAIL = "+447700900123", "+447700900456", "+442088635611", "ada@example.org"
TEXT, CALL, EMAIL = Channel.TEXT, Channel.CALL, Channel.EMAIL


@pytest.fixture
def senders(carrier: Carrier, tmp_path: Path) -> Iterator[dict[Channel, Any]]:
    """Texts and calls through the real clients, e-mails into a folder."""
    calls = TwilioCallSender(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        from_number="+442079460123",
        public_base_url="https://visits.example",
        api_base=carrier.base,
    )
    folder = MailFolder(tmp_path, from_address="visits@example.org")
    made = {TEXT: sender_to(carrier), CALL: calls, EMAIL: folder}
    yield made
    for sender in made.values():
        sender.close()


def run(senders: dict[Channel, Any], *without: Channel, **options: Any) -> None:
    """Send what is due, as a dispatcher that lives for just that."""
    dispatcher = Dispatcher({key: made for key, made in senders.items() if key not in without}, HARROW, **options)
    try:
        dispatcher.send_due()
    finally:
        stop_workers(dispatcher)


def news(message_id: UUID) -> list[tuple[Channel, str, MessageStatus]]:
    """The messages of one piece of news, in order."""
    with reading() as session:
        rows = session.scalars(select(Message).where(Message.news_id == message_id).order_by(Message.number))
        return [(row.channel, row.to_address, row.status) for row in rows]


def newest(message_id: UUID) -> Message:
    """The last message of this news."""
    with reading() as session:
        rows = select(Message).where(Message.news_id == message_id).order_by(Message.number.desc()).limit(1)
        return session.scalars(rows).one()


def person(**changes: Any) -> Any:
    return factories.resident(**{"second_phone": CARER, "email": MAIL} | changes)


def test_every_way_is_tried_in_turn_and_then_a_person_is_asked(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock, tmp_path: Path
) -> None:
    first = book(person())
    run(senders)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30005")
    run(senders)
    assert news(first)[1:] == [(TEXT, CARER, MessageStatus.ACCEPTED)]
    receive(newest(first).id, "failed", sid=carrier.handsets[1].sid, error_code="30008")
    run(senders)
    stopped_clock.advance(299)
    run(senders)
    assert len(carrier.handsets) == 2
    stopped_clock.advance(1)
    run(senders)
    assert [text.to for text in carrier.handsets] == [MOBILE, CARER, CARER]
    receive(newest(first).id, "undelivered", sid=carrier.handsets[2].sid, error_code="30008")
    run(senders)
    [call] = carrier.calls
    assert (call.to, call.form["MachineDetection"]) == (MOBILE, "Enable")
    receive(newest(first).id, "undelivered", sid=call.sid, error_code="no-answer")
    run(senders)
    assert [each.name for each in tmp_path.glob("*.eml")] == [f"{newest(first).reference}.eml"]
    assert tasks() == []
    # A mail server gives no receipt: a person makes sure.
    stopped_clock.advance(15 * 60)
    run(senders)
    [task] = tasks()
    assert (task.reason, task.message_id) == (ContactReason.TEXT_UNDELIVERED, first)
    assert task.due_at == stopped_clock.now + timedelta(minutes=30)
    assert [row[0] for row in news(first)] == [TEXT, TEXT, TEXT, CALL, EMAIL]
    run(senders)
    stopped_clock.advance(3600)
    run(senders)
    assert len(tasks()) == 1 and len(news(first)) == 5


def test_no_receipt_in_time_is_asked_for_and_then_the_next_way_is_tried(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person())
    run(senders)
    stopped_clock.advance(15 * 60 - 1)
    run(senders)
    assert carrier.look_ups == 0 and len(news(first)) == 1
    stopped_clock.advance(1)
    run(senders)
    assert carrier.look_ups == 1
    assert news(first) == [(TEXT, MOBILE, MessageStatus.ACCEPTED), (TEXT, CARER, MessageStatus.ACCEPTED)]


def test_a_receipt_that_never_came_is_fetched_and_nothing_else_goes(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person())
    run(senders)
    carrier.becomes(carrier.handsets[0].sid, "delivered")
    stopped_clock.advance(15 * 60)
    run(senders)
    assert news(first) == [(TEXT, MOBILE, MessageStatus.DELIVERED)]
    assert message(first).delivered_at == stopped_clock.now


def test_a_failure_that_nobody_reported_is_fetched_too(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person())
    run(senders)
    carrier.becomes(carrier.handsets[0].sid, "undelivered", error_code=30006)
    stopped_clock.advance(15 * 60)
    run(senders)
    assert message(first).error_code == "30006"
    assert news(first)[1] == (TEXT, CARER, MessageStatus.ACCEPTED)


def test_a_carrier_that_cannot_be_asked_does_not_hold_the_next_way_for_long(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person())
    run(senders)
    carrier.list_faults.append(Fault(status=500))
    stopped_clock.advance(15 * 60)
    run(senders)
    assert len(news(first)) == 2


def test_a_late_receipt_stops_the_way_that_has_not_gone(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person(second_phone=None))
    run(senders)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30003")
    run(senders)
    assert news(first)[1] == (TEXT, MOBILE, MessageStatus.HELD)
    receive(first, "delivered", sid=carrier.handsets[0].sid)
    assert news(first)[1] == (TEXT, MOBILE, MessageStatus.SUPERSEDED)
    stopped_clock.advance(3600)
    run(senders)
    assert len(carrier.handsets) == 1 and tasks() == []


def test_a_late_receipt_stops_the_way_that_was_in_doubt_and_had_not_gone(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person())
    run(senders)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30005")
    carrier.fail(Fault(status=500))
    run(senders)
    assert news(first)[1:] == [(TEXT, CARER, MessageStatus.UNKNOWN)]
    receive(first, "delivered", sid=carrier.handsets[0].sid)
    for _ in range(4):
        stopped_clock.advance(90)
        run(senders)
    assert news(first)[1:] == [(TEXT, CARER, MessageStatus.SUPERSEDED)]
    assert len(carrier.handsets) == 1


def test_a_late_text_in_doubt_does_not_go_once_the_officer_is_there(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    stopped_clock.set(WEDNESDAY)
    visit = factories.visit(person(), None, WEDNESDAY)
    with transaction() as session:
        late_at = WEDNESDAY + timedelta(minutes=45)
        queued = queue_visit_delayed(session, visit, person(), expected_at=late_at, at=clock.now())
    assert queued.message_id is not None
    carrier.fail(Fault(status=500))
    run(senders)
    with transaction() as session:
        session.execute(update(Visit).values(status=VisitStatus.ARRIVED))
    for _ in range(4):
        stopped_clock.advance(90)
        run(senders)
    assert (status(queued.message_id), carrier.handsets) == (MessageStatus.SUPERSEDED, [])


def test_a_late_receipt_closes_the_task_that_nobody_has_done_yet(
    carrier: Carrier, senders: dict[Channel, Any]
) -> None:
    first = book()
    run(senders, CALL, EMAIL)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30005")
    run(senders, CALL, EMAIL)
    assert [task.status for task in tasks()] == [ContactTaskStatus.OPEN]
    receive(first, "delivered", sid=carrier.handsets[0].sid)
    assert [task.status for task in tasks()] == [ContactTaskStatus.NOT_NEEDED]


def test_a_newer_change_takes_the_place_of_an_older_ladder(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    booked = book(person())
    run(senders)
    moved = move(booked, THURSDAY)
    stopped_clock.advance(120)
    run(senders)
    assert moved is not None
    again = move(booked, THURSDAY + timedelta(days=1))
    receive(moved, "undelivered", sid=carrier.handsets[1].sid, error_code="30005")
    run(senders)
    assert len(news(moved)) == 1, "the newer text tells it"
    assert again is not None and message(again).previous_starts_at == WEDNESDAY


def test_a_visit_moved_back_meanwhile_needs_no_second_try(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    booked = book(person())
    run(senders)
    receive(booked, "delivered", sid=carrier.handsets[0].sid)
    moved = move(booked, THURSDAY)
    stopped_clock.advance(120)
    run(senders)
    assert moved is not None
    receive(moved, "undelivered", sid=carrier.handsets[1].sid, error_code="30003")
    assert move(booked, WEDNESDAY) is None
    run(senders)
    stopped_clock.advance(3600)
    run(senders)
    assert len(carrier.handsets) == 2 and tasks() == []


@pytest.mark.parametrize("back", [False, True])
def test_a_change_that_needs_no_message_does_not_end_the_ladder_of_the_one_before(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock, back: bool
) -> None:
    """The text of the move had no receipt; the carer's waits for the morning while the visit changes a little."""
    stopped_clock.set(MONDAY.replace(hour=20, minute=40))
    booked = book(person())
    run(senders)
    moved = move(booked, THURSDAY)
    assert moved is not None
    stopped_clock.advance(120)
    run(senders)
    stopped_clock.advance(20 * 60)
    run(senders)
    run(senders)
    assert news(moved)[1:] == [(TEXT, CARER, MessageStatus.HELD)]
    if back:
        assert move(booked, THURSDAY + timedelta(days=1)) is not None
    assert move(booked, THURSDAY + timedelta(minutes=5)) is None
    run(senders)
    stopped_clock.set(MONDAY.replace(day=24, hour=8))
    run(senders)
    assert [text.to for text in carrier.handsets] == [MOBILE, MOBILE, CARER]
    assert "It is now Thu 26 Nov 10:05" in carrier.handsets[2].body


@pytest.mark.parametrize("state", [VisitStatus.ARRIVED, VisitStatus.COMPLETED, VisitStatus.CANCELLED])
def test_nobody_is_told_of_a_visit_that_is_over(
    carrier: Carrier, senders: dict[Channel, Any], state: VisitStatus
) -> None:
    first = book(person())
    run(senders)
    with transaction() as session:
        session.execute(update(Visit).values(status=state))
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30005")
    run(senders)
    assert len(news(first)) == 1 and tasks() == []


# Numbers


@pytest.mark.parametrize("code", ["30005", "30006"])
def test_a_number_no_text_can_reach_is_marked_and_passed_over_from_then_on(
    carrier: Carrier, senders: dict[Channel, Any], code: str
) -> None:
    first = book(person())
    run(senders)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code=code)
    second = book(person(email=None))
    run(senders)
    assert news(second)[0] == (TEXT, MOBILE, MessageStatus.BLOCKED)
    assert news(second)[1] == (TEXT, CARER, MessageStatus.ACCEPTED)
    assert message(second).error_code == code


def test_who_has_said_stop_is_never_texted_again_and_is_still_told(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    carrier.fail(Fault(status=400, code=21610))
    first = book(person(second_phone=None))
    run(senders)
    assert news(first) == [(TEXT, MOBILE, MessageStatus.BLOCKED), (CALL, MOBILE, MessageStatus.ACCEPTED)]
    sends = carrier.sends
    stopped_clock.advance(3600)
    second = book(person(second_phone=None))
    run(senders)
    assert news(second)[0] == (TEXT, MOBILE, MessageStatus.BLOCKED)
    assert carrier.handsets == [] and carrier.sends == sends + 1, "the call alone"
    with reading() as session:
        assert session.scalars(select(Number)).one().stopped_at == MONDAY, "when they said it"


# Calls


def test_a_call_says_its_words_twice_and_offers_them_again(carrier: Carrier, senders: dict[Channel, Any]) -> None:
    book(person(phone=LANDLINE, second_phone=None))
    run(senders)
    [call] = carrier.calls
    sentence = "We will visit you on Wednesday 25 November at 10 am."
    assert call.body.count(sentence) == 2
    assert "press 1" in call.body and 'numDigits="1"' in call.body
    assert "0 2 0, 8 8 6 3, 5 6 1 1" in call.body
    assert "Adeyemi" not in call.body and "/callbacks/twilio/call?message=" in call.body


@pytest.mark.parametrize(
    ("word", "answered_by", "told"),
    [
        ("completed", "human", True),
        ("completed", None, True),
        ("completed", "machine_start", False),
        ("completed", "fax", False),
        ("completed", "unknown", False),
        ("busy", None, False),
        ("no-answer", None, False),
        ("failed", None, False),
    ],
)
def test_an_answered_call_counts_as_told_and_voicemail_does_not(
    carrier: Carrier,
    senders: dict[Channel, Any],
    stopped_clock: StoppedClock,
    word: str,
    answered_by: str | None,
    told: bool,
) -> None:
    first = book(person(phone=LANDLINE, second_phone=None))
    run(senders)
    carrier.becomes(carrier.calls[0].sid, word, answered_by=answered_by)
    stopped_clock.advance(15 * 60)
    run(senders)
    assert (status(first) is MessageStatus.DELIVERED) == told
    assert len(news(first)) == (1 if told else 2)


def test_a_call_whose_answer_was_lost_is_found_and_not_made_twice(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person(phone=LANDLINE, second_phone=None))
    carrier.fail(Fault(status=500, accepted=True))
    run(senders)
    assert status(first) is MessageStatus.UNKNOWN
    stopped_clock.advance(35)
    run(senders)
    assert (status(first), len(carrier.calls)) == (MessageStatus.ACCEPTED, 1)
    assert message(first).carrier_id == carrier.calls[0].sid


def test_a_call_to_a_shared_number_is_not_taken_for_another_visits(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    """Two people in one care home: the second call never got through, and the first is no proof that it did."""
    first = book(person(phone=LANDLINE, second_phone=None))
    run(senders)
    second = book(person(phone=LANDLINE, second_phone=None))
    carrier.fail(Fault(status=500))
    run(senders)
    assert status(second) is MessageStatus.UNKNOWN
    for _ in range(2):
        stopped_clock.advance(90)
        run(senders)
    assert len(carrier.calls) == 2
    assert message(first).carrier_id != message(second).carrier_id


def test_a_voice_carrier_that_refuses_us_is_gone_round_and_holds_nobody_up(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    carrier.plan = lambda _number, _form: Fault(status=401, code=20003)
    people = [book(person(phone=LANDLINE, second_phone=None)) for _ in range(3)]
    run(senders)
    run(senders)
    for each in people:
        assert news(each)[-1][0] is EMAIL
    with reading() as session:
        assert states(session)[CALL].paused_by is PausedBy.ACCOUNT
    carrier.plan = None
    stopped_clock.advance(61)
    later = book(person(phone=LANDLINE, second_phone=None))
    run(senders)
    assert news(later) == [(CALL, LANDLINE, MessageStatus.ACCEPTED)]
    with reading() as session:
        assert states(session)[CALL].paused_by is None


# E-mail


def test_who_asked_for_e_mail_is_told_by_e_mail_and_that_is_enough(
    senders: dict[Channel, Any], stopped_clock: StoppedClock, tmp_path: Path
) -> None:
    first = book(person(contact_by=ContactBy.EMAIL))
    run(senders)
    assert news(first) == [(EMAIL, MAIL, MessageStatus.ACCEPTED)]
    [written] = tmp_path.glob("*.eml")
    said = written.read_text()
    assert "Subject: Harrow Council: our visit to your home" in said
    assert "Wed 25 Nov 10:00" in said and "Adeyemi" not in said
    stopped_clock.advance(24 * 3600)
    run(senders)
    assert len(news(first)) == 1 and tasks() == []


# Pauses shared by all dispatchers


def test_a_mail_server_that_cannot_be_reached_does_not_hold_the_next_way_until_it_is_too_late(
    senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    senders[EMAIL] = SmtpSender(url="smtp://127.0.0.1:1", from_address="visits@example.org")
    first = book(person(phone=None, second_phone=None))
    for _ in range(15):
        run(senders)
        assert tasks() == []
        stopped_clock.advance(61)
    run(senders)
    assert news(first) == [(EMAIL, MAIL, MessageStatus.FAILED)]
    assert [task.reason for task in tasks()] == [ContactReason.EMAIL_FAILED]


def test_an_operators_pause_keeps_every_row_until_it_is_resumed(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book()
    with transaction() as session:
        session.add(SenderState(channel=TEXT))
        session.flush()
        session.get_one(SenderState, TEXT).pause(PausedBy.OPERATOR, "Wrong wording", MONDAY)
    stopped_clock.advance(3600)
    run(senders)
    assert (status(first), carrier.sends) == (MessageStatus.HELD, 0)
    with transaction() as session:
        session.get_one(SenderState, TEXT).resume()
    run(senders)
    assert status(first) is MessageStatus.ACCEPTED


def test_a_doubt_that_cannot_be_looked_up_is_not_kept_in_silence(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    """The sender stands still past the time the text tells of, so nobody knows whether it went."""
    carrier.fail(Fault(status=500))
    first = book()
    run(senders)
    with transaction() as session:
        lock_state(session, TEXT).pause(PausedBy.OPERATOR, "new contract", stopped_clock.now)
    stopped_clock.set(WEDNESDAY)
    run(senders)
    assert (status(first), carrier.look_ups) == (MessageStatus.EXPIRED, 0)
    assert [task.reason for task in tasks()] == [ContactReason.TEXT_EXPIRED]


def test_every_dispatcher_waits_when_the_carrier_asks_one_of_them_to(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book()
    carrier.fail(Fault(status=429, retry_after="30"))
    run(senders)
    second = book()
    stopped_clock.advance(29)
    run(senders)
    assert (status(second), carrier.sends) == (MessageStatus.HELD, 1)
    stopped_clock.advance(1)
    run(senders)
    assert {status(first), status(second)} == {MessageStatus.ACCEPTED}


# The story


def test_a_message_tells_its_whole_story(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    first = book(person())
    carrier.fail(Fault(status=429, retry_after="5"), Fault(status=500, accepted=True))
    run(senders)
    for seconds in (5, 35):
        stopped_clock.advance(seconds)
        run(senders)
    receive(first, "undelivered", sid=carrier.handsets[0].sid, error_code="30005")
    run(senders)
    with reading() as session:
        rows = session.scalars(
            select(MessageEvent)
            .where(MessageEvent.message_id == first)
            .order_by(MessageEvent.at, MessageEvent.kind)
        ).all()
    assert [row.kind for row in rows] == ["postponed", "unclear", "accepted", "next_way", "receipt"]
    assert rows[3].details["channel"] == "text"


def test_a_sender_that_somebody_resumes_goes_on_at_once(
    carrier: Carrier, senders: dict[Channel, Any], stopped_clock: StoppedClock
) -> None:
    """Even for the dispatcher that met the trouble itself, and would have waited a minute."""
    first = book()
    carrier.fail(Fault(status=401, code=20003))
    dispatcher = Dispatcher({TEXT: senders[TEXT]}, HARROW)
    dispatcher.send_due()
    with transaction() as session:
        session.get_one(SenderState, TEXT).resume()
        session.execute(update(Message).where(Message.id == first).values(next_try_at=clock.now()))
    dispatcher.send_due()
    stop_workers(dispatcher)
    assert status(first) is MessageStatus.ACCEPTED
