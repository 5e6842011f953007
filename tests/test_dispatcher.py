"""Sent once, and never lost: the dispatcher and the real client against a carrier that fails in every way.

The handset log of the stand-in is the witness, not our own tables. Time stands still until it is moved.
"""

import contextlib
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from models import clock
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import engine, reading, transaction
from models.message import Message, MessageStatus
from models.resident import Resident
from models.visit import Visit
from notifications import claims, outbox
from notifications import dispatcher as dispatcher_module
from notifications.dispatcher import Dispatcher
from notifications.receipts import record_receipt
from notifications.senders.outcomes import Accepted, Outgoing, Sender, SendOutcome
from notifications.senders.twilio import TwilioSender
from notifications.texts import Council
from tests import factories
from tests.carrier import ACCOUNT, TOKEN, Carrier, Fault, references
from tests.conftest import StoppedClock

pytestmark = pytest.mark.usefixtures("database")

HARROW = Council("Harrow Council", "020 8863 5611")
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEDNESDAY, THURSDAY = datetime(2026, 11, 25, 10, tzinfo=UTC), datetime(2026, 11, 26, 10, tzinfo=UTC)


class Crash(BaseException):
    """The process dies: nothing of it is caught, and nothing more is recorded."""


@pytest.fixture
def carrier(stopped_clock: StoppedClock) -> Iterator[Carrier]:
    with Carrier(now=lambda: stopped_clock.now) as carrier:
        yield carrier


@pytest.fixture
def sender(carrier: Carrier) -> Iterator[TwilioSender]:
    sender = TwilioSender(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        from_number="+447700900999",
        public_base_url="https://visits.example",
        api_base=carrier.base,
    )
    yield sender
    sender.close()


@pytest.fixture
def dispatch(sender: TwilioSender) -> Callable[..., int]:
    """Send what is due, as a dispatcher that lives for just that."""

    def run(by: Sender = sender, **more: Any) -> int:
        dispatcher = Dispatcher(by, HARROW, in_flight=4)
        try:
            return dispatcher.send_due(**more)
        finally:
            dispatcher._workers.shutdown()

    return run


@pytest.fixture
def resident(database: str, stopped_clock: StoppedClock) -> Resident:
    return factories.resident()


def book(resident: Resident, starts_at: datetime = WEDNESDAY) -> UUID:
    """A visit whose booking text is due; the id is the message's."""
    visit = factories.visit(resident, None, starts_at)
    with transaction() as session:
        queued = outbox.queue_visit_booked(session, visit, resident, at=clock.now())
    assert queued.message_id is not None
    return queued.message_id


def move(message_id: UUID, to: datetime) -> UUID | None:
    """Move the visit of a message."""
    with transaction() as session:
        message = session.get_one(Message, message_id)
        visit = session.get_one(Visit, message.visit_id)
        visit.ends_at, visit.starts_at = to + visit.duration, to
        resident = session.get_one(Resident, visit.resident_id)
        return outbox.queue_visit_moved(session, visit, resident, at=clock.now()).message_id


def message(message_id: UUID) -> Message:
    with reading() as session:
        return session.get_one(Message, message_id)


def status(message_id: UUID) -> MessageStatus:
    return message(message_id).status


def tasks() -> list[ContactTask]:
    with reading() as session:
        return list(session.scalars(select(ContactTask).order_by(ContactTask.created_at)))


def receive(message_id: UUID, word: str, *, sid: str = "SM1", error_code: str | None = None) -> bool:
    with transaction() as session:
        return record_receipt(session, message_id, sid=sid, status=word, error_code=error_code, at=clock.now())


# The ordinary way


def test_a_due_text_is_sent_once_and_its_row_says_so(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int]
) -> None:
    message_id = book(resident)
    assert dispatch() == 1
    [text] = carrier.handsets
    row = message(message_id)
    assert (row.status, row.carrier, row.carrier_id) == (MessageStatus.ACCEPTED, "twilio", text.sid)
    assert (row.body, row.parts, row.accepted_at) == (text.body, 1, MONDAY)
    assert text.body.endswith(f"Ref {row.reference}")
    assert text.form["StatusCallback"].endswith(f"/callbacks/twilio/status?message={message_id}")
    assert text.form["ValidityPeriod"] == "36000"
    assert dispatch() == 0
    assert len(carrier.handsets) == 1


def test_a_text_in_its_hold_waits(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    moved = move(book(resident), THURSDAY)
    assert moved is not None
    stopped_clock.advance(119)
    dispatch()
    assert carrier.handsets == []
    stopped_clock.advance(1)
    dispatch()
    assert references(carrier.handsets) == [message(moved).reference]


def test_texts_go_in_their_lanes_and_moves_by_the_time_that_is_nearest(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    booked = [book(factories.resident(), WEDNESDAY + timedelta(hours=hour)) for hour in (2, 1, 0)]
    moved = [book(factories.resident(), WEDNESDAY + timedelta(hours=hour)) for hour in (2, 1)]
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
    dispatcher = Dispatcher(sender, HARROW, in_flight=1)
    dispatcher.send_due()
    dispatcher.close()
    # The delayed visit's own booking text is older and goes before it: one at a time per visit.
    expected = [cancelled.message_id, moves[1], moves[0], booked[2], booked[0], late.message_id]
    assert references(carrier.handsets) == [message(each).reference for each in expected if each]


def test_the_next_text_of_a_visit_waits_for_the_last(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    first = book(resident)
    carrier.fail(Fault(status=500))
    dispatch()
    assert status(first) is MessageStatus.UNKNOWN
    second = move(first, THURSDAY)
    assert second is not None
    stopped_clock.advance(89)
    dispatch()
    assert status(second) is MessageStatus.HELD


def test_no_database_connection_is_held_while_the_carrier_is_called(
    resident: Resident, dispatch: Callable[..., int]
) -> None:
    book(resident)
    held: list[int] = []

    class Watching:
        name = "watching"

        def send(self, text: Outgoing) -> SendOutcome:
            held.append(engine().pool.checkedout())  # type: ignore[attr-defined]
            return Accepted("SM1")

    dispatch(Watching())
    assert held == [0]


def test_texts_go_side_by_side(carrier: Carrier, dispatch: Callable[..., int], database: str) -> None:
    carrier.latency_s = 0.1
    for _ in range(12):
        book(factories.resident())
    assert dispatch() == 12
    assert carrier.most_in_flight == 4
    assert len(carrier.received()) == 12 and not carrier.doubled()


def test_only_so_many_are_sent_as_are_asked_for(carrier: Carrier, dispatch: Callable[..., int]) -> None:
    for _ in range(5):
        book(factories.resident())
    assert dispatch(limit=3) == 3
    assert len(carrier.handsets) == 3


# Unclear outcomes


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=503), Fault(reset=True), Fault()])
@pytest.mark.parametrize("accepted", [True, False])
def test_an_unclear_outcome_is_looked_up_twice_and_only_then_sent_again(
    resident: Resident,
    carrier: Carrier,
    dispatch: Callable[..., int],
    stopped_clock: StoppedClock,
    fault: Fault,
    accepted: bool,
) -> None:
    carrier.listed_after_s = 60
    message_id = book(resident)
    carrier.fail(Fault(status=fault.status, reset=fault.reset, accepted=accepted))
    dispatch()
    assert status(message_id) is MessageStatus.UNKNOWN
    stopped_clock.advance(34)
    dispatch()
    assert carrier.look_ups == 0
    stopped_clock.advance(1)
    dispatch()
    assert (carrier.look_ups, status(message_id)) == (1, MessageStatus.UNKNOWN)
    stopped_clock.advance(55)
    dispatch()
    assert (carrier.look_ups, status(message_id)) == (2, MessageStatus.ACCEPTED)
    assert list(carrier.received().values()) == [1]
    assert message(message_id).carrier_id == carrier.handsets[0].sid
    assert carrier.sends == (1 if accepted else 2)


def test_a_text_found_at_the_first_look_up_is_adopted_with_its_own_time(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    carrier.fail(Fault(status=500, accepted=True))
    dispatch()
    stopped_clock.advance(35)
    dispatch()
    row = message(message_id)
    assert (row.status, row.accepted_at) == (MessageStatus.ACCEPTED, MONDAY)


def test_a_look_up_that_cannot_be_made_is_never_taken_for_an_answer(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    carrier.fail(Fault(status=500, accepted=True))
    dispatch()
    for fault in (Fault(status=500), Fault(reset=True), Fault(status=429, retry_after="1")):
        carrier.list_faults.append(fault)
        stopped_clock.advance(100)
        dispatch()
        assert status(message_id) is MessageStatus.UNKNOWN
    stopped_clock.advance(100)
    dispatch()
    assert status(message_id) is MessageStatus.ACCEPTED
    assert carrier.sends == 1


def test_a_text_in_doubt_until_it_has_expired_is_a_call(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    carrier.fail(Fault(status=500))
    dispatch()
    stopped_clock.set(WEDNESDAY)
    carrier.list_faults.append(Fault(status=500))
    dispatch()
    assert status(message_id) is MessageStatus.EXPIRED
    assert [task.reason for task in tasks()] == [ContactReason.TEXT_EXPIRED]


# Certain outcomes


def test_too_many_requests_are_repeated_when_the_carrier_says(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    carrier.fail(Fault(status=429, retry_after="7"))
    dispatch()
    assert (status(message_id), message(message_id).send_at) == (MessageStatus.HELD, MONDAY)
    stopped_clock.advance(6)
    dispatch()
    assert carrier.sends == 1
    stopped_clock.advance(1)
    dispatch()
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
    carrier: Carrier, dispatch: Callable[..., int], code: int, state: MessageStatus, reason: ContactReason
) -> None:
    refused = book(factories.resident(), WEDNESDAY - timedelta(hours=1))
    other = book(factories.resident())
    carrier.plan = lambda _, form: (
        Fault(status=400, code=code) if message(refused).reference in form["Body"] else None
    )
    dispatch()
    assert (status(refused), message(refused).error_code) == (state, str(code))
    assert status(other) is MessageStatus.ACCEPTED
    [task] = tasks()
    assert (task.reason, task.message_id) == (reason, refused)
    assert dispatch() == 0


@pytest.mark.parametrize("code", [20003, 21408, 21606])
def test_a_fault_of_our_account_pauses_the_sender_and_fails_nothing(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    caplog: pytest.LogCaptureFixture,
    code: int,
) -> None:
    texts = [book(factories.resident()) for _ in range(6)]
    carrier.plan = lambda _number, _form: Fault(status=401 if code == 20003 else 400, code=code)
    dispatcher = Dispatcher(sender, HARROW, in_flight=1)
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
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    stopped_clock.set(WEDNESDAY)
    dispatch()
    assert status(message_id) is MessageStatus.EXPIRED
    assert carrier.sends == 0
    [task] = tasks()
    assert (task.reason, task.message_id, task.detail) == (ContactReason.TEXT_EXPIRED, message_id, "booked")


def test_expiry_is_checked_again_just_before_sending(
    resident: Resident, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    dispatcher = Dispatcher(sender, HARROW, in_flight=1, lease=timedelta(days=9))
    free = threading.Event()
    dispatcher._workers.submit(free.wait)
    dispatcher._turn(1)
    assert status(message_id) is MessageStatus.CLAIMED
    stopped_clock.set(WEDNESDAY)
    free.set()
    dispatcher.send_due()
    dispatcher.close()
    assert status(message_id) is MessageStatus.EXPIRED
    assert carrier.sends == 0


def test_a_text_that_cannot_be_put_into_words_stops_no_other(
    carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    broken = move(book(factories.resident()), THURSDAY)
    other = book(factories.resident())
    with transaction() as session:
        session.execute(update(Message).where(Message.id == broken).values(previous_starts_at=None))
    stopped_clock.advance(120)
    dispatch()
    assert broken is not None and status(broken) is MessageStatus.FAILED
    assert status(other) is MessageStatus.ACCEPTED
    assert [task.reason for task in tasks()] == [ContactReason.TEXT_REFUSED]


# Crashes


def test_a_crash_between_claim_and_send_loses_nothing(
    resident: Resident,
    carrier: Carrier,
    dispatch: Callable[..., int],
    sender: TwilioSender,
    stopped_clock: StoppedClock,
) -> None:
    message_id = book(resident)

    class DiesBefore(TwilioSender):
        name = "twilio"

        def __init__(self) -> None:
            pass

        def send(self, text: Outgoing) -> SendOutcome:
            raise Crash

    with pytest.raises(Crash):
        dispatch(DiesBefore())
    _recovers(message_id, carrier, dispatch, stopped_clock, sends=1)


def test_a_crash_between_send_and_record_sends_nothing_twice(
    resident: Resident,
    carrier: Carrier,
    dispatch: Callable[..., int],
    sender: TwilioSender,
    stopped_clock: StoppedClock,
) -> None:
    message_id = book(resident)

    class DiesAfter(TwilioSender):
        name = "twilio"

        def __init__(self) -> None:
            pass

        def send(self, text: Outgoing) -> SendOutcome:
            sender.send(text)
            raise Crash

    with pytest.raises(Crash):
        dispatch(DiesAfter())
    assert len(carrier.handsets) == 1
    _recovers(message_id, carrier, dispatch, stopped_clock, sends=1)


def test_a_crash_while_recording_sends_nothing_twice(
    resident: Resident,
    carrier: Carrier,
    dispatch: Callable[..., int],
    stopped_clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id = book(resident)

    def die(*_: Any, **__: Any) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(claims, "_adopt", die)
        with pytest.raises(Crash):
            dispatch()
    assert len(carrier.handsets) == 1
    _recovers(message_id, carrier, dispatch, stopped_clock, sends=1)


def test_a_crash_after_a_look_up_only_makes_it_again(
    resident: Resident,
    carrier: Carrier,
    dispatch: Callable[..., int],
    stopped_clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id = book(resident)
    carrier.fail(Fault(status=500))
    dispatch()
    stopped_clock.advance(90)

    def die(*_: Any, **__: Any) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(claims, "put_back", die)
        with pytest.raises(Crash):
            dispatch()
    assert carrier.sends == 1
    _recovers(message_id, carrier, dispatch, stopped_clock, sends=2)


def _recovers(
    message_id: UUID,
    carrier: Carrier,
    dispatch: Callable[..., int],
    stopped_clock: StoppedClock,
    *,
    sends: int,
) -> None:
    """Another dispatcher comes by every ten seconds: the text reaches the handset, and only once."""
    for _ in range(30):
        stopped_clock.advance(10)
        dispatch()
    assert status(message_id) is MessageStatus.ACCEPTED
    assert list(carrier.received().values()) == [1]
    assert carrier.sends == sends


def test_a_lease_in_force_keeps_other_dispatchers_away(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    with transaction() as session:
        claims.claim_due(session, by="another", council=HARROW, at=clock.now(), limit=5)
    stopped_clock.advance(59)
    dispatch()
    assert status(message_id) is MessageStatus.CLAIMED
    stopped_clock.advance(1)
    dispatch()
    assert status(message_id) is MessageStatus.UNKNOWN
    assert carrier.sends == 0


def test_a_dispatcher_whose_lease_is_running_out_does_not_call(
    resident: Resident, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    dispatcher = Dispatcher(sender, HARROW, in_flight=1)
    free = threading.Event()
    dispatcher._workers.submit(free.wait)
    dispatcher._turn(1)
    stopped_clock.advance(41)
    free.set()
    dispatcher.close()
    assert (status(message_id), carrier.sends) == (MessageStatus.HELD, 0)


def test_an_answer_that_comes_after_the_lease_still_counts(
    resident: Resident, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    with transaction() as session:
        [claim] = claims.claim_due(session, by="slow", council=HARROW, at=clock.now(), limit=1)
    stopped_clock.advance(61)
    with transaction() as session:
        claims.doubt_lapsed(session, at=clock.now(), limit=1)
    with transaction() as session:
        row = claims.lock(session, [message_id])[message_id]
        claims.record_sent(session, row, claim, Accepted("SM1"), by="slow", carrier="twilio", at=clock.now())
    assert status(message_id) is MessageStatus.ACCEPTED


def test_a_dispatcher_that_stops_ends_its_calls_and_hands_back_the_rest(
    database: str, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    carrier.latency_s = 0.2
    texts = [book(factories.resident()) for _ in range(6)]
    dispatcher = Dispatcher(sender, HARROW, in_flight=2)
    stop = threading.Event()
    running = threading.Thread(target=dispatcher.run, args=(stop,), kwargs={"poll_s": 0.01})
    running.start()
    while carrier.in_flight < 2:
        stop.wait(0.005)
    stop.set()
    running.join(10)
    states = [status(each) for each in texts]
    assert states.count(MessageStatus.ACCEPTED) == len(carrier.handsets) >= 2
    assert states.count(MessageStatus.HELD) == 6 - len(carrier.handsets)


def test_a_database_that_goes_away_for_a_while_loses_no_outcome(
    resident: Resident,
    carrier: Carrier,
    sender: TwilioSender,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    message_id = book(resident)
    monkeypatch.setattr(dispatcher_module, "DATABASE_RETRY_S", 0.01)
    failures = iter([OperationalError("", {}, Exception()) for _ in range(3)])

    def record(*given: Any, **more: Any) -> None:
        if error := next(failures, None):
            raise error
        claims.record_sent(*given, **more)

    monkeypatch.setattr(dispatcher_module, "record_sent", record)
    dispatcher, stop = Dispatcher(sender, HARROW, in_flight=2), threading.Event()
    running = threading.Thread(target=dispatcher.run, args=(stop,), kwargs={"poll_s": 0.01})
    running.start()
    for _ in range(500):
        if status(message_id) is MessageStatus.ACCEPTED:
            break
        stop.wait(0.01)
    stop.set()
    running.join(10)
    assert (status(message_id), carrier.sends) == (MessageStatus.ACCEPTED, 1)
    assert caplog.messages.count("dispatcher_database_unavailable") == 3


def test_several_dispatchers_share_the_work(
    database: str, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    carrier.latency_s = 0.01
    for _ in range(40):
        book(factories.resident())
    failed: list[BaseException] = []

    def work() -> None:
        try:
            dispatch()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert len(carrier.received()) == 40 and not carrier.doubled()


# A change while a text is in a dispatcher's hands


def test_a_text_put_back_gives_way_to_a_newer_one_that_then_tells_the_truth(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    """Told Wednesday; the move to Thursday is refused with 429 while the visit moves on to Friday."""
    booked = book(resident)
    dispatch()
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
    dispatch()
    stopped_clock.advance(121)
    dispatch()
    assert to_thursday is not None and moved_on[0] is not None
    assert status(to_thursday) is MessageStatus.SUPERSEDED
    assert len(carrier.handsets) == 2
    assert "It was Wed 25 Nov 10:00. It is now Fri 27 Nov 10:00" in carrier.handsets[1].body


def test_a_text_put_back_is_dropped_if_nothing_has_changed_in_the_end(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    booked = book(resident)
    dispatch()
    to_thursday = move(booked, THURSDAY)
    stopped_clock.advance(120)
    moved_back: list[UUID | None] = []

    def move_back(_: int, form: dict[str, str]) -> Fault | None:
        moved_back.append(move(booked, WEDNESDAY))
        return Fault(status=429, retry_after="1")

    carrier.plan = move_back
    dispatch()
    carrier.plan = None
    stopped_clock.advance(121)
    dispatch()
    assert to_thursday is not None and moved_back[0] is not None
    assert status(to_thursday) is status(moved_back[0]) is MessageStatus.SUPERSEDED
    assert len(carrier.handsets) == 1


# All of it at once


@pytest.mark.parametrize("seed", range(3))
def test_whatever_goes_wrong_every_text_is_received_once(
    database: str, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock, seed: int
) -> None:
    """Sixty texts, one call in three of which goes wrong, and a dispatcher that dies now and then."""
    chance = random.Random(seed)
    carrier.listed_after_s = 20
    texts = [book(factories.resident()) for _ in range(60)]
    faults = [
        Fault(status=429, retry_after="2"),
        *(Fault(status=500, accepted=accepted) for accepted in (True, False)),
        *(Fault(reset=True, accepted=accepted) for accepted in (True, False)),
        *(Fault(accepted=accepted) for accepted in (True, False)),
    ]
    carrier.plan = lambda _, form: chance.choice(faults) if chance.random() < 0.3 else None

    class Mortal:
        name = "twilio"
        find, close = sender.find, sender.close

        def send(self, text: Outgoing) -> SendOutcome:
            if chance.random() < 0.05:
                raise Crash
            outcome = sender.send(text)
            if chance.random() < 0.05:
                raise Crash
            return outcome

    for _ in range(120):
        dispatcher = Dispatcher(Mortal(), HARROW, in_flight=4)
        with contextlib.suppress(Crash):
            dispatcher.send_due()
        dispatcher._workers.shutdown(cancel_futures=True)
        stopped_clock.advance(10)
    assert {status(each) for each in texts} == {MessageStatus.ACCEPTED}
    assert carrier.received() == Counter(message(each).reference for each in texts)


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
    resident: Resident,
    carrier: Carrier,
    dispatch: Callable[..., int],
    words: list[str],
    state: MessageStatus,
) -> None:
    message_id = book(resident)
    dispatch()
    for word in words:
        for _ in range(3):
            assert receive(message_id, word, sid=carrier.handsets[0].sid, error_code="30005")
    assert status(message_id) is state
    assert (message(message_id).delivered_at is not None) == (state is MessageStatus.DELIVERED)
    open_tasks = [task for task in tasks() if task.status is ContactTaskStatus.OPEN]
    assert len(open_tasks) == (1 if state in (MessageStatus.UNDELIVERED, MessageStatus.FAILED) else 0)


def test_a_receipt_before_create_returns_is_not_undone_by_the_answer(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int]
) -> None:
    message_id = book(resident)
    carrier.plan = lambda _, form: Fault(status=500) if receive(message_id, "delivered") else None
    dispatch()
    row = message(message_id)
    assert (row.status, row.carrier_id) == (MessageStatus.DELIVERED, "SM1")


def test_a_receipt_settles_a_doubt_without_a_look_up(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    message_id = book(resident)
    carrier.fail(Fault(status=500, accepted=True))
    dispatch()
    receive(message_id, "sent", sid=carrier.handsets[0].sid)
    stopped_clock.advance(300)
    dispatch()
    assert (status(message_id), carrier.look_ups, carrier.sends) == (MessageStatus.ACCEPTED, 0, 1)


def test_a_receipt_for_a_text_we_do_not_know_is_told_apart(database: str, stopped_clock: StoppedClock) -> None:
    assert not receive(uuid4(), "delivered")


def test_an_undelivered_text_told_nobody_anything(
    resident: Resident, carrier: Carrier, dispatch: Callable[..., int], stopped_clock: StoppedClock
) -> None:
    """The move after it is told from the time the resident still has in mind."""
    booked = book(resident)
    dispatch()
    first = move(booked, THURSDAY)
    stopped_clock.advance(120)
    dispatch()
    second = move(booked, THURSDAY + timedelta(days=1))
    assert first is not None and second is not None
    assert message(second).previous_starts_at == THURSDAY
    receive(first, "undelivered", sid=carrier.handsets[1].sid, error_code="30003")
    assert message(second).previous_starts_at == WEDNESDAY


# Privacy


def test_the_logs_hold_ids_and_nothing_personal(
    resident: Resident,
    carrier: Carrier,
    dispatch: Callable[..., int],
    stopped_clock: StoppedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    message_id = book(resident)
    carrier.fail(Fault(status=500, accepted=True))
    dispatch()
    stopped_clock.advance(35)
    dispatch()
    for record in caplog.records:
        said = str(record.__dict__)
        assert "7700900123" not in said and "Adeyemi" not in said and "Harrow Council" not in said
    events = [record for record in caplog.records if record.name.startswith("notifications")]
    assert [record.message for record in events] == ["text_unclear", "text_accepted"]
    assert {record.__dict__["message_id"] for record in events} == {str(message_id)}
