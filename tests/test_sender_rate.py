"""A sender's rate: kept by one dispatcher at a time, from one claim to the next, also when messages are late."""

import threading
import time
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy.exc import OperationalError

from models.database import transaction
from models.message import Channel, MessageStatus
from models.sender_state import PACE, PACER_FOR
from notifications import dispatcher as dispatcher_module
from notifications.claims import AHEAD, claim_due
from notifications.dispatcher import Dispatcher
from notifications.line import LATEST
from notifications.senders.twilio import TwilioSender
from tests.carrier import Carrier
from tests.conftest import StoppedClock
from tests.sending import HARROW, MONDAY, book, status

pytestmark = pytest.mark.usefixtures("database")


def at_a_rate(sender: TwilioSender, name: str) -> Dispatcher:
    """A dispatcher of texts, a thousand parts a second."""
    return Dispatcher({Channel.TEXT: sender}, HARROW, in_flight=4, per_second={Channel.TEXT: 1000}, name=name)


def claim(by: str, at: datetime, limit: int) -> list[datetime]:
    """The turns of the messages that a dispatcher claims for a sender of two parts a second."""
    with transaction() as session:
        claimed = claim_due(session, by=by, channel=Channel.TEXT, council=HARROW, at=at, limit=limit, per_second=2)
    return [each.turn_at for each in claimed]


def test_a_senders_rate_is_kept_from_one_claim_to_the_next(database: str, stopped_clock: StoppedClock) -> None:
    for _ in range(12):
        book()
    turns = [claim("one", MONDAY, 2), claim("one", MONDAY, 9)]
    assert [len(each) for each in turns] == [2, 1]
    gaps = {after - before for before, after in pairwise([*turns[0], *turns[1]])}
    assert gaps == {timedelta(seconds=1 / (2 * PACE))}
    assert turns[1][-1] <= MONDAY + AHEAD


def test_one_dispatcher_at_a_time_keeps_to_a_rate(database: str, stopped_clock: StoppedClock) -> None:
    """Two that each keep to their own turns are together too fast as soon as one of them is late."""
    for _ in range(12):
        book()
    last = claim("one", MONDAY, 3)[-1]
    assert claim("another", MONDAY + PACER_FOR - timedelta(seconds=1), 3) == []
    # The one has died, or stands still: what it still has goes before that, or not at all.
    assert last + LATEST <= MONDAY + PACER_FOR
    assert claim("another", MONDAY + PACER_FOR, 3)[0] == MONDAY + PACER_FOR
    assert claim("one", MONDAY + PACER_FOR, 3) == []


def test_a_dispatcher_that_stops_leaves_the_rate_to_the_next_at_once(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    one, another = at_a_rate(sender, "one"), at_a_rate(sender, "another")
    book()
    assert one.send_due() == 1
    book()
    assert another.send_due() == 0
    one.close()
    assert another.send_due() == 1
    another.close()


def test_a_text_late_for_its_turn_is_handed_back_and_gets_another(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    dispatcher = at_a_rate(sender, "one")
    free = threading.Event()
    for _ in range(4):
        dispatcher._lines[0]._workers.submit(free.wait)
    assert dispatcher._turn(None) == 1
    stopped_clock.advance(LATEST.total_seconds() + 1)
    free.set()
    assert dispatcher.send_due() == 1
    assert (status(first), carrier.sends) == (MessageStatus.ACCEPTED, 1)
    dispatcher.close()


def test_texts_that_are_late_do_not_make_up_for_it_all_at_once(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    for _ in range(5):
        book()
    dispatcher = Dispatcher({Channel.TEXT: sender}, HARROW, in_flight=1, per_second={Channel.TEXT: 20})
    free = threading.Event()
    dispatcher._lines[0]._workers.submit(free.wait)
    dispatcher._turn(5)
    stopped_clock.advance(5)
    free.set()
    begun = time.monotonic()
    dispatcher.send_due()
    assert time.monotonic() - begun >= 4 / 20
    assert len(carrier.handsets) == 5
    dispatcher.close()


def test_a_dispatcher_whose_database_is_away_stops_all_the_same(
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It keeps the rate from the others for five seconds more, and no longer."""
    dispatcher = at_a_rate(sender, "one")
    book()
    dispatcher.send_due()

    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(dispatcher_module, "lock_state", away)
    dispatcher.close()
    assert caplog.messages.count("dispatcher_database_unavailable") == 1
    book()
    assert claim("another", MONDAY + PACER_FOR, 1)
