"""One channel's way out: its sender, the calls on their way, its pace and its pauses.

The workers only call the carrier, "with no database connection held"; whoever owns the line records what comes
back.
"""

import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from uuid import UUID

from models import clock
from models.message import Channel
from models.sender_state import CATCHING_UP, PACER_FOR, PausedBy, SenderState
from notifications.claims import AHEAD, Claim, LookUp
from notifications.recording import PAUSE, NotCalled
from notifications.senders.outcomes import (
    Accepted,
    Later,
    LookUpOutcome,
    Outgoing,
    Paused,
    Sender,
    SendOutcome,
    Unclear,
)

LONGEST_CALL = timedelta(seconds=20)
"""A call is only begun while the lease outlasts it: ten seconds to connect and ten for the answer."""

LATEST = PACER_FOR - AHEAD
"""A message that is later for its turn is handed back: another dispatcher may keep to the rate by now."""

MOST_AHEAD = 512
"""Messages claimed and not yet on their way, however fast the carrier."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a claim."""

    claim: Claim
    outcome: SendOutcome | NotCalled

    @property
    def message_id(self) -> UUID:
        """Which message it was."""
        return self.claim.message_id


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What came of a look-up."""

    look_up: LookUp
    outcome: LookUpOutcome

    @property
    def message_id(self) -> UUID:
        """Which message it was."""
        return self.look_up.message_id


Done = Sent | LookedUp


class Line:
    """The way out of one channel, for one dispatcher.

    `in_flight` is how many calls are on their way at once; `per_second` the sender's rate, 0 for no limit. `name`
    is the dispatcher's.
    """

    def __init__(self, channel: Channel, sender: Sender, *, in_flight: int, per_second: float, name: str) -> None:
        self.channel = channel
        self.sender = sender
        self.per_second = per_second
        self._name = name
        self._shared: SenderState | None = None
        self.calls: set[Future[Done]] = set()
        self._in_flight = in_flight
        self._ahead = in_flight * 3
        self._workers = ThreadPoolExecutor(in_flight, thread_name_prefix=channel.value)
        self._stopping = Event()
        self._pacing = Lock()
        self._free_at = datetime.min.replace(tzinfo=UTC)
        self._resume_at: datetime | None = None
        self._paused_by_operator = False
        self._in_trouble = False
        self.news: Paused | Later | Accepted | None = None

    # What it has room for

    def heed(self, state: SenderState | None) -> None:
        """Take over what another dispatcher or an operator has said of this sender."""
        if state is None:
            return
        self._paused_by_operator = state.paused_by is PausedBy.OPERATOR
        self._shared = state
        if state.paused_by is None and self.news is None:
            # Somebody resumed it, or another dispatcher found the trouble over.
            self._in_trouble, self._resume_at = False, None
        self._in_trouble = self._in_trouble or state.in_trouble
        if state.resume_at is not None:
            self._resume_at = max(self._resume_at or state.resume_at, state.resume_at)

    def is_paused(self, at: datetime) -> bool:
        """Whether nothing may go now."""
        return self._paused_by_operator or (self._resume_at is not None and at < self._resume_at)

    def is_closed(self, at: datetime) -> bool:
        """Whether messages should go round by another way: calls and e-mails while their carrier refuses us.

        Texts are the first way, and are kept until they can go: "the sender pauses, rows are kept".
        """
        refuses = self._in_trouble or self._paused_by_operator
        return self.channel is not Channel.TEXT and refuses and self.is_paused(at)

    def room(self, at: datetime) -> int:
        """How many more messages it could take.

        The workers have enough ahead of them: claim many at a time, not one by one. After a pause one message goes
        ahead, to see whether the trouble is over.
        """
        busy = len(self.calls)
        if self.is_paused(at) or self._stands_by(at) or busy > self._ahead - self._in_flight:
            return 0
        return (1 if self._in_trouble else self._ahead) - busy

    def _stands_by(self, at: datetime) -> bool:
        """Whether another dispatcher keeps to the rate."""
        state = self._shared
        return bool(self.per_second) and state is not None and state.is_paced_by_another(self._name, at)

    @property
    def is_busy(self) -> bool:
        """Whether anything is on its way, or waits for its turn."""
        return bool(self.calls)

    # What it does

    def take(self, claims: Iterable[Claim], look_ups: Iterable[LookUp]) -> None:
        """Hand look-ups and messages to the workers."""
        self.calls |= {self._workers.submit(self._look_up, each) for each in look_ups}
        self.calls |= {self._workers.submit(self._send, each) for each in claims}

    def done(self) -> list[Done]:
        """What has come back since it was last asked.

        As much will come back until the next time: enough is claimed ahead that a fast carrier never waits for us.
        A slow one is given little, so that an urgent message does not wait behind many, nor a lease run out.
        """
        back = {call for call in self.calls if call.done()}
        self.calls -= back
        self._ahead = max(self._in_flight * 3, min(len(back) * 4, MOST_AHEAD), self._ahead * 7 // 8)
        return [call.result() for call in back]

    def close(self) -> list[Done]:
        """End the calls on their way and hand back the rest; what came of all of them."""
        self._stopping.set()
        self._workers.shutdown(wait=True)
        ended = [call.result() for call in self.calls]
        self.calls.clear()
        self.sender.close()
        return ended

    # What all dispatchers should know

    def tell(self, state: SenderState, news: Paused | Later | Accepted, at: datetime) -> None:
        """Write into the sender's shared state what its carrier said of it."""
        match news:
            case Paused(error_code):
                state.pause(PausedBy.ACCOUNT, error_code, at, resume_at=at + PAUSE)
            case Later(wait):
                if not state.in_trouble:
                    state.pause(PausedBy.BUSY, "busy", at, resume_at=at + wait)
            case Accepted():
                if state.in_trouble:
                    state.resume()

    def forget(self, news: Paused | Later | Accepted) -> None:
        """It is told; what a worker has noted since is kept."""
        if self.news is news:
            self.news = None

    # In the workers

    def _send(self, claim: Claim) -> Done:
        if self.per_second:
            self._await_turn(claim)
        at = clock.now()
        too_late = at + LONGEST_CALL > claim.lease_ends_at or at >= claim.expires_at
        too_late |= bool(self.per_second) and at > claim.turn_at + LATEST
        if too_late or self._stopping.is_set() or self.is_paused(at):
            return Sent(claim, NotCalled())
        message = Outgoing(
            message_id=claim.message_id,
            reference=claim.reference,
            to=claim.to,
            body=claim.words.body,
            valid_for=claim.expires_at - at,
            subject=claim.words.subject,
            language=claim.language,
        )
        try:
            outcome = self.sender.send(message)
        except Exception as error:
            # A sender never raises; should one, the message may have gone, and is looked up like any other.
            log.error("sender_broke", extra={"error": type(error).__name__})
            outcome = Unclear(type(error).__name__)
        self._note(outcome)
        return Sent(claim, outcome)

    def _await_turn(self, claim: Claim) -> None:
        """Wait for a message's turn, and for as long as the one before it takes should that one have been late."""
        self._wait_until(claim.turn_at)
        seconds = (claim.words.parts or 1) / (self.per_second * CATCHING_UP)
        with self._pacing:
            self._wait_until(self._free_at)
            self._free_at = clock.now() + timedelta(seconds=seconds)

    def _wait_until(self, moment: datetime) -> None:
        self._stopping.wait(max(0.0, (moment - clock.now()).total_seconds()))

    def _look_up(self, look_up: LookUp) -> Done:
        if self._stopping.is_set():
            return LookedUp(look_up, Unclear("stopping"))
        try:
            if look_up.carrier_id is not None:
                return LookedUp(look_up, self.sender.ask(look_up.carrier_id))
            return LookedUp(look_up, self.sender.find(look_up.sought))
        except Exception as error:
            log.error("sender_broke", extra={"error": type(error).__name__})
            return LookedUp(look_up, Unclear(type(error).__name__))

    def _note(self, outcome: SendOutcome) -> None:
        """Slow down when the carrier asks for it, and pause while it refuses our account.

        Called by the workers, so that those still to begin do not: each write is of one name, and the
        last wins.
        """
        match outcome:
            case Paused(error_code):
                self._in_trouble, self._resume_at = True, clock.now() + PAUSE
                self.news = outcome
                log.error("sender_paused", extra={"error_code": error_code, "sender": self.sender.name})
            case Later(wait, alone) if not alone:
                resume_at = clock.now() + wait
                self._resume_at = max(self._resume_at or resume_at, resume_at)
                self.news = outcome
            case Accepted():
                if self._in_trouble:
                    self.news = outcome
                self._in_trouble = False
