"""Sent once, and never lost: unclear outcomes, crashes and leases, against a carrier that fails in every way.

The handset log of the stand-in is the witness, not our own tables. Time stands still until it is moved.
"""

import contextlib
import random
import threading
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from models import clock
from models.contact_task import ContactReason
from models.database import transaction
from models.message import Channel, MessageStatus
from notifications import claims, recording
from notifications import dispatcher as dispatcher_module
from notifications.senders.outcomes import Accepted, Outgoing, SendOutcome
from notifications.senders.twilio import TwilioSender
from tests.carrier import Carrier, Fault
from tests.conftest import StoppedClock
from tests.sending import (
    HARROW,
    MONDAY,
    WEDNESDAY,
    CrashError,
    book,
    dispatch,
    message,
    status,
    stop_workers,
    tasks,
    texting,
)

pytestmark = pytest.mark.usefixtures("database")


# Unclear outcomes


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=503), Fault(reset=True), Fault()])
@pytest.mark.parametrize("accepted", [True, False])
def test_an_unclear_outcome_is_looked_up_twice_and_only_then_sent_again(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    fault: Fault,
    accepted: bool,
) -> None:
    carrier.listed_after_s = 60
    message_id = book()
    carrier.fail(Fault(status=fault.status, reset=fault.reset, accepted=accepted))
    dispatch(sender)
    assert status(message_id) is MessageStatus.UNKNOWN
    stopped_clock.advance(34)
    dispatch(sender)
    assert carrier.look_ups == 0
    stopped_clock.advance(1)
    dispatch(sender)
    assert (carrier.look_ups, status(message_id)) == (1, MessageStatus.UNKNOWN)
    stopped_clock.advance(55)
    dispatch(sender)
    assert (carrier.look_ups, status(message_id)) == (2, MessageStatus.ACCEPTED)
    assert list(carrier.received().values()) == [1]
    assert message(message_id).carrier_id == carrier.handsets[0].sid
    assert carrier.sends == (1 if accepted else 2)


def test_a_text_found_at_the_first_look_up_is_adopted_with_its_own_time(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    carrier.fail(Fault(status=500, accepted=True))
    dispatch(sender)
    stopped_clock.advance(35)
    dispatch(sender)
    row = message(message_id)
    assert (row.status, row.accepted_at) == (MessageStatus.ACCEPTED, MONDAY)


def test_a_look_up_that_cannot_be_made_is_never_taken_for_an_answer(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    carrier.fail(Fault(status=500, accepted=True))
    dispatch(sender)
    for fault in (Fault(status=500), Fault(reset=True), Fault(status=429, retry_after="1")):
        carrier.list_faults.append(fault)
        stopped_clock.advance(100)
        dispatch(sender)
        assert status(message_id) is MessageStatus.UNKNOWN
    stopped_clock.advance(100)
    dispatch(sender)
    assert status(message_id) is MessageStatus.ACCEPTED
    assert carrier.sends == 1


def test_a_text_in_doubt_until_it_has_expired_is_a_call(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    carrier.fail(Fault(status=500))
    dispatch(sender)
    stopped_clock.set(WEDNESDAY)
    carrier.list_faults.append(Fault(status=500))
    dispatch(sender)
    assert status(message_id) is MessageStatus.EXPIRED
    assert [task.reason for task in tasks()] == [ContactReason.TEXT_EXPIRED]


# Crashes


def test_a_crash_between_claim_and_send_loses_nothing(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
) -> None:
    message_id = book()

    class DiesBefore(TwilioSender):
        name = "twilio"

        def __init__(self) -> None:
            pass

        def send(self, text: Outgoing) -> SendOutcome:
            raise CrashError

    with pytest.raises(CrashError):
        dispatch(DiesBefore())
    _recovers(message_id, carrier, sender, stopped_clock, sends=1)


def test_a_crash_between_send_and_record_sends_nothing_twice(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
) -> None:
    message_id = book()

    class DiesAfter(TwilioSender):
        name = "twilio"

        def __init__(self) -> None:
            pass

        def send(self, text: Outgoing) -> SendOutcome:
            sender.send(text)
            raise CrashError

    with pytest.raises(CrashError):
        dispatch(DiesAfter())
    assert len(carrier.handsets) == 1
    _recovers(message_id, carrier, sender, stopped_clock, sends=1)


def test_a_crash_while_recording_sends_nothing_twice(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id = book()

    def die(*_: Any, **__: Any) -> None:
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(recording, "adopt", die)
        with pytest.raises(CrashError):
            dispatch(sender)
    assert len(carrier.handsets) == 1
    _recovers(message_id, carrier, sender, stopped_clock, sends=1)


def test_a_crash_after_a_look_up_only_makes_it_again(
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id = book()
    carrier.fail(Fault(status=500))
    dispatch(sender)
    stopped_clock.advance(90)

    def die(*_: Any, **__: Any) -> None:
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(recording, "put_back", die)
        with pytest.raises(CrashError):
            dispatch(sender)
    assert carrier.sends == 1
    _recovers(message_id, carrier, sender, stopped_clock, sends=2)


def _recovers(
    message_id: UUID,
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    *,
    sends: int,
) -> None:
    """Another dispatcher comes by every ten seconds: the text reaches the handset, and only once."""
    for _ in range(30):
        stopped_clock.advance(10)
        dispatch(sender)
    assert status(message_id) is MessageStatus.ACCEPTED
    assert list(carrier.received().values()) == [1]
    assert carrier.sends == sends


def test_a_lease_in_force_keeps_other_dispatchers_away(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    with transaction() as session:
        claims.claim_due(session, by="another", channel=Channel.TEXT, council=HARROW, at=clock.now(), limit=5)
    stopped_clock.advance(59)
    dispatch(sender)
    assert status(message_id) is MessageStatus.CLAIMED
    stopped_clock.advance(1)
    dispatch(sender)
    assert status(message_id) is MessageStatus.UNKNOWN
    assert carrier.sends == 0


def test_a_dispatcher_whose_lease_is_running_out_does_not_call(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    dispatcher = texting(sender, in_flight=1)
    free = threading.Event()
    dispatcher._lines[0]._workers.submit(free.wait)
    dispatcher._turn(1)
    stopped_clock.advance(41)
    free.set()
    dispatcher.close()
    assert (status(message_id), carrier.sends) == (MessageStatus.HELD, 0)


def test_an_answer_that_comes_after_the_lease_still_counts(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    message_id = book()
    with transaction() as session:
        [claim] = claims.claim_due(
            session, by="slow", channel=Channel.TEXT, council=HARROW, at=clock.now(), limit=1
        )
    stopped_clock.advance(61)
    with transaction() as session:
        claims.doubt_lapsed(session, at=clock.now(), limit=1)
    with transaction() as session:
        row = claims.lock(session, [message_id])[message_id]
        recording.record_sent(
            session, row, claim.attempt, Accepted("SM1"), by="slow", carrier="twilio", at=clock.now()
        )
    assert status(message_id) is MessageStatus.ACCEPTED


def test_a_dispatcher_that_stops_ends_its_calls_and_hands_back_the_rest(
    database: str, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    carrier.latency_s = 0.2
    texts = [book() for _ in range(6)]
    dispatcher = texting(sender, in_flight=2)
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
    carrier: Carrier,
    sender: TwilioSender,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    message_id = book()
    monkeypatch.setattr(dispatcher_module, "DATABASE_RETRY_S", 0.01)
    failures = iter([OperationalError("", {}, Exception()) for _ in range(3)])

    def record(*given: Any, **more: Any) -> None:
        if error := next(failures, None):
            raise error
        recording.record_sent(*given, **more)

    monkeypatch.setattr(dispatcher_module, "record_sent", record)
    dispatcher, stop = texting(sender, in_flight=2), threading.Event()
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
    database: str, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    carrier.latency_s = 0.01
    for _ in range(40):
        book()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            dispatch(sender)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert len(carrier.received()) == 40 and not carrier.doubled()


# All of it at once


@pytest.mark.parametrize("seed", range(3))
def test_whatever_goes_wrong_every_text_is_received_once(
    database: str, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock, seed: int
) -> None:
    """Sixty texts, one call in three of which goes wrong, and a dispatcher that dies now and then."""
    chance = random.Random(seed)
    carrier.listed_after_s = 20
    texts = [book() for _ in range(60)]
    faults = [
        Fault(status=429, retry_after="2"),
        *(Fault(status=500, accepted=accepted) for accepted in (True, False)),
        *(Fault(reset=True, accepted=accepted) for accepted in (True, False)),
        *(Fault(accepted=accepted) for accepted in (True, False)),
    ]
    carrier.plan = lambda _, form: chance.choice(faults) if chance.random() < 0.3 else None

    class Mortal:
        name = "twilio"
        find, ask, close = sender.find, sender.ask, sender.close

        def send(self, text: Outgoing) -> SendOutcome:
            if chance.random() < 0.05:
                raise CrashError
            outcome = sender.send(text)
            if chance.random() < 0.05:
                raise CrashError
            return outcome

    for _ in range(120):
        dispatcher = texting(Mortal())
        with contextlib.suppress(CrashError):
            dispatcher.send_due()
        stop_workers(dispatcher)
        stopped_clock.advance(10)
    assert {status(each) for each in texts} == {MessageStatus.ACCEPTED}
    assert carrier.received() == Counter(message(each).reference for each in texts)
