"""The dispatcher: claims what is due, calls the carrier from many threads, and records what came of it.

One thread turns the wheel and is the only one to touch the database; the workers only call the carrier,
"with no database connection held". A crash anywhere loses nothing: what was claimed is looked up before
it could go again.
"""

import logging
import os
import secrets
import signal
import socket
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from types import FrameType
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from models import clock
from models.database import reading, transaction
from notifications.claims import (
    LEASE,
    PAUSE,
    Claim,
    LookUp,
    NotCalled,
    anything_due,
    claim_due,
    claim_look_ups,
    doubt_lapsed,
    expire_overdue,
    lock,
    record_looked_up,
    record_sent,
)
from notifications.senders.outcomes import (
    Later,
    LookUpOutcome,
    Outgoing,
    Paused,
    Sender,
    SendOutcome,
    Unclear,
)
from notifications.texts import Council

POLL_S = 0.5
GATHER_S = 0.02
MANY = 200
DATABASE_RETRY_S = 1.0
LONGEST_CALL = timedelta(seconds=20)
"""A call is only begun while the lease outlasts it: ten seconds to connect and ten for the answer."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sent:
    claim: Claim
    outcome: SendOutcome | NotCalled

    @property
    def message_id(self) -> UUID:
        return self.claim.message_id


@dataclass(frozen=True, slots=True)
class _LookedUp:
    look_up: LookUp
    outcome: LookUpOutcome

    @property
    def message_id(self) -> UUID:
        return self.look_up.message_id


_Done = _Sent | _LookedUp


class Dispatcher:
    """Sends what is due through one sender. Several may run at once, on several machines.

    `in_flight` is how many calls are on their way at once: N texts take N x latency / in_flight.
    """

    def __init__(
        self,
        sender: Sender,
        council: Council,
        *,
        in_flight: int = 16,
        lease: timedelta = LEASE,
        name: str | None = None,
    ) -> None:
        self._sender = sender
        self._council = council
        self._in_flight = in_flight
        self._most = in_flight * 4
        self._lease = lease
        self._name = name or f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._workers = ThreadPoolExecutor(in_flight, thread_name_prefix="texts")
        self._calls: set[Future[_Done]] = set()
        self._unrecorded: list[_Done] = []
        self._stopping = Event()
        self._resume_at: datetime | None = None
        self._in_trouble = False

    def send_due(self, *, limit: int | None = None) -> int:
        """Send what is due now, at most `limit` texts, and return how many were claimed.

        Look-ups that are due are made too. It ends when nothing is due or on its way, or the sender is
        paused.
        """
        claimed = 0
        while True:
            begun = self._turn(self._most if limit is None else limit - claimed)
            claimed += begun
            if not begun and not self._calls and not self._unrecorded:
                return claimed
            self._await_calls(POLL_S)

    def run(self, stop: Event, *, poll_s: float = POLL_S) -> None:
        """Send what falls due until `stop` is set; then end the calls on their way, and hand back the
        rest."""
        log.info("dispatcher_started", extra={"dispatcher": self._name})
        while not stop.is_set():
            try:
                self._turn(self._most)
            except SQLAlchemyError as error:
                # Nothing is lost: what is claimed stays claimed, and outcomes wait here to be recorded.
                log.error("dispatcher_database_unavailable", extra={"error": type(error).__name__})
                stop.wait(DATABASE_RETRY_S)
                continue
            if self._calls:
                self._await_calls(poll_s)
            else:
                stop.wait(poll_s)
        self.close()
        log.info("dispatcher_stopped", extra={"dispatcher": self._name})

    def close(self) -> None:
        """End the calls on their way, record them, and hand back what was claimed and not begun."""
        self._stopping.set()
        self._workers.shutdown(wait=True)
        self._unrecorded += [call.result() for call in self._calls]
        self._calls.clear()
        self._record()
        self._sender.close()

    def _turn(self, room: int) -> int:
        """Record what has come back, tidy up, and claim more. Returns how many texts and look-ups were
        begun."""
        done = {call for call in self._calls if call.done()}
        self._calls -= done
        self._unrecorded += [call.result() for call in done]
        self._record()
        if len(self._calls) > self._most - self._in_flight:
            # The workers have enough ahead of them: claim many at a time, not one by one.
            return 0
        at = clock.now()
        with reading() as session:
            if not anything_due(session, at):
                return 0
        # After a pause one text goes ahead, to see whether the trouble is over.
        room = min(room, (1 if self._in_trouble else self._most) - len(self._calls))
        claims: list[Claim] = []
        look_ups: list[LookUp] = []
        with transaction() as session:
            doubt_lapsed(session, at=at, limit=MANY)
            expire_overdue(session, at=at, limit=MANY)
            if room > 0 and not self._pausing(at):
                look_ups = claim_look_ups(session, at=at, limit=room)
                claims = claim_due(
                    session,
                    by=self._name,
                    council=self._council,
                    at=at,
                    limit=room - len(look_ups),
                    lease=self._lease,
                )
        self._calls |= {self._workers.submit(self._look_up, each) for each in look_ups}
        self._calls |= {self._workers.submit(self._send, each) for each in claims}
        return len(look_ups) + len(claims)

    def _await_calls(self, seconds: float) -> None:
        """Wait for an answer, and a moment more for others that can be recorded with it."""
        wait(self._calls, timeout=seconds, return_when=FIRST_COMPLETED)
        wait(self._calls, timeout=GATHER_S)

    def _pausing(self, at: datetime) -> bool:
        return self._resume_at is not None and at < self._resume_at

    def _send(self, claim: Claim) -> _Done:
        at = clock.now()
        too_late = at + LONGEST_CALL > claim.lease_ends_at or at >= claim.expires_at
        if too_late or self._stopping.is_set() or self._pausing(at):
            return _Sent(claim, NotCalled())
        text = Outgoing(claim.message_id, claim.reference, claim.to, claim.body, claim.expires_at - at)
        try:
            outcome = self._sender.send(text)
        except Exception as error:
            # A sender never raises; should one, the text may have gone, and is looked up like any other.
            log.error("sender_broke", extra={"error": type(error).__name__})
            outcome = Unclear(type(error).__name__)
        self._heed(outcome)
        return _Sent(claim, outcome)

    def _look_up(self, look_up: LookUp) -> _Done:
        if self._stopping.is_set():
            return _LookedUp(look_up, Unclear("stopping"))
        try:
            found = self._sender.find(look_up.reference, look_up.to, look_up.since)
            return _LookedUp(look_up, found)
        except Exception as error:
            log.error("sender_broke", extra={"error": type(error).__name__})
            return _LookedUp(look_up, Unclear(type(error).__name__))

    def _record(self) -> None:
        """Record all that has come back, in one transaction; kept for the next turn if that fails."""
        if not self._unrecorded:
            return
        at = clock.now()
        carrier = self._sender.name
        with transaction() as session:
            rows = lock(session, [done.message_id for done in self._unrecorded])
            for done in self._unrecorded:
                if isinstance(done, _Sent):
                    message, by = rows[done.claim.message_id], self._name
                    record_sent(session, message, done.claim, done.outcome, by=by, carrier=carrier, at=at)
                else:
                    message = rows[done.look_up.message_id]
                    record_looked_up(session, message, done.look_up, done.outcome, carrier=carrier, at=at)
        self._unrecorded = []

    def _heed(self, outcome: SendOutcome) -> None:
        """Slow down when the carrier asks for it, and pause while it refuses our account.

        Called by the workers, so that those still to begin do not: each write is of one name, and the
        last wins.
        """
        match outcome:
            case Paused(error_code):
                self._in_trouble, self._resume_at = True, clock.now() + PAUSE
                log.error("sender_paused", extra={"error_code": error_code, "sender": self._sender.name})
            case Later(wait):
                resume_at = clock.now() + wait
                self._resume_at = max(self._resume_at or resume_at, resume_at)
            case _:
                self._in_trouble = False


def stop_on_signals() -> Event:
    """An event that SIGTERM or SIGINT sets: the dispatcher then stops gracefully. For the main thread."""
    stop = Event()

    def set_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, set_stop)
    signal.signal(signal.SIGINT, set_stop)
    return stop
