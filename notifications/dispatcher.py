"""The dispatcher: claims what is due, has the carriers called, and records what came of it.

One thread turns the wheel and is the only one to touch the database; the lines' workers only call the carriers. A
crash anywhere loses nothing: what was claimed is looked up before it could go again.
"""

import logging
import os
import secrets
import signal
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from datetime import datetime, timedelta
from threading import Event
from types import FrameType
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import clock
from models.database import reading, transaction
from models.message import Channel, Message
from models.promise import settle
from models.sender_state import lock_state, states
from notifications.claims import (
    LEASE,
    Claim,
    Due,
    LookUp,
    block_closed,
    claim_due,
    claim_look_ups,
    doubt_lapsed,
    expire_overdue,
    lock,
    standing,
    what_is_due,
)
from notifications.fallback import fall_back_due
from notifications.line import Done, Line, Sent
from notifications.notes import write_down
from notifications.recording import merely_taken, record_looked_up, record_sent, save_taken
from notifications.senders import Senders
from notifications.texts import Council

POLL_S = 0.5
GATHER_S = 0.05
MANY = 128
"""Messages in one transaction, so that nobody else who writes waits for long."""

DATABASE_RETRY_S = 1.0
IN_FLIGHT = {Channel.TEXT: 16, Channel.CALL: 4, Channel.EMAIL: 4}

log = logging.getLogger(__name__)


class Dispatcher:
    """Sends what is due through one sender a channel. Several may run at once, on several machines.

    `in_flight` is how many texts are on their way at once: N texts take N x latency / in_flight. `per_second` is
    each sender's rate (message parts, calls), kept by one dispatcher at a time while the others stand by; a
    channel not in it has no limit.
    """

    def __init__(
        self,
        senders: Senders,
        council: Council,
        *,
        in_flight: int = IN_FLIGHT[Channel.TEXT],
        per_second: Mapping[Channel, float] | None = None,
        lease: timedelta = LEASE,
        name: str | None = None,
    ) -> None:
        at_once = IN_FLIGHT | {Channel.TEXT: in_flight}
        rates = per_second or {}
        self._name = name or f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lines = [
            Line(channel, sender, in_flight=at_once[channel], per_second=rates.get(channel, 0), name=self._name)
            for channel, sender in senders.items()
        ]
        self._council = council
        self._lease = lease
        self._unrecorded: list[tuple[Line, Done]] = []
        self._something_happened = False

    def send_due(self, *, limit: int | None = None) -> int:
        """Send what is due now, at most `limit` messages, and return how many were claimed.

        Look-ups that are due are made too. It ends when nothing is due or on its way, or the senders are
        paused.
        """
        claimed = 0
        while True:
            self._something_happened = False
            begun = self._turn(None if limit is None else limit - claimed)
            claimed += begun
            busy = self._unrecorded or any(line.is_busy for line in self._lines)
            if not begun and not busy and not self._something_happened:
                return claimed
            self._await_calls(POLL_S, Event())

    def run(self, stop: Event, *, poll_s: float = POLL_S) -> None:
        """Send what falls due until `stop` is set; then end the calls on their way, and hand back the
        rest."""
        log.info("dispatcher_started", extra={"dispatcher": self._name})
        while not stop.is_set():
            try:
                self._turn(None)
            except SQLAlchemyError as error:
                # Nothing is lost: what is claimed stays claimed, and outcomes wait here to be recorded.
                log.error("dispatcher_database_unavailable", extra={"error": type(error).__name__})
                stop.wait(DATABASE_RETRY_S)
                continue
            self._await_calls(poll_s, stop)
        self.close()
        log.info("dispatcher_stopped", extra={"dispatcher": self._name})

    def close(self) -> None:
        """End the calls on their way, record them, and hand back what was claimed and not begun."""
        for line in self._lines:
            self._unrecorded += [(line, done) for done in line.close()]
        self._record()
        while self._unrecorded:
            self._record()
        self._leave_pacing()

    def _leave_pacing(self) -> None:
        paced = [line.channel for line in self._lines if line.per_second]
        if not paced:
            return
        try:
            with transaction() as session:
                for channel in paced:
                    lock_state(session, channel).leave_pacing(self._name)
        except SQLAlchemyError as error:
            # Then the others wait until it has run out, which is soon.
            log.error("dispatcher_database_unavailable", extra={"error": type(error).__name__})

    def _turn(self, limit: int | None) -> int:
        """Record what has come back, tidy up, and claim more. Returns how many messages and look-ups were
        begun."""
        for line in self._lines:
            self._unrecorded += [(line, done) for done in line.done()]
        self._record()
        at = clock.now()
        due = self._look(at)
        if due.next_ways:
            with transaction() as session:
                fall_back_due(session, available=self._open(at), at=at, limit=MANY)
            # What follows may be due at once, by any way.
            due = due._replace(to_send=frozenset(Channel))
        return self._claim(due, at, limit) if any(due) else 0

    def _look(self, at: datetime) -> Due:
        with reading() as session:
            shared = states(session)
            for line in self._lines:
                line.heed(shared.get(line.channel))
            sending = {line.channel for line in self._lines if line.room(at) > 0}
            return what_is_due(session, at, sending=sending, closed=set(Channel) - self._open(at))

    def _open(self, at: datetime) -> set[Channel]:
        """The channels by which messages go, or will once there is room."""
        return {line.channel for line in self._lines if not line.is_closed(at)}

    def _claim(self, due: Due, at: datetime, limit: int | None) -> int:
        begun = 0
        taken = []
        with transaction() as session:
            if due.lapsed:
                doubt_lapsed(session, at=at, limit=MANY)
            if due.overdue:
                expire_overdue(session, at=at, limit=MANY)
            if closed := due.to_send - self._open(at):
                block_closed(session, closed=closed, at=at, limit=MANY)
            for line in self._lines:
                room = line.room(at) if limit is None else min(line.room(at), limit - begun)
                look_ups, claims = self._claim_for(session, line, due, at, room) if room > 0 else ([], [])
                begun += len(look_ups) + len(claims)
                taken.append((line, claims, look_ups))
            # A message that was given up has a next way, which is due now.
            self._something_happened |= write_down(session)
        # Only what is committed as ours may be handed over.
        for line, claims, look_ups in taken:
            line.take(claims, look_ups)
        return begun

    def _claim_for(
        self, session: Session, line: Line, due: Due, at: datetime, room: int
    ) -> tuple[list[LookUp], list[Claim]]:
        look_ups, claims = [], []
        to_send = line.channel in due.to_send
        if line.channel in due.look_ups:
            # Thousands of receipts that never came must not keep an urgent text waiting.
            look_ups = claim_look_ups(session, channel=line.channel, at=at, limit=room // 4 if to_send else room)
        if to_send:
            claims = claim_due(
                session,
                by=self._name,
                channel=line.channel,
                council=self._council,
                at=at,
                limit=room - len(look_ups),
                lease=self._lease,
                per_second=line.per_second,
            )
        return look_ups, claims

    def _await_calls(self, seconds: float, stop: Event) -> None:
        """Wait for an answer, and a moment more for others that can be recorded with it."""
        if self._unrecorded:
            return
        calls = {call for line in self._lines for call in line.calls}
        if not calls:
            stop.wait(seconds)
            return
        wait(calls, timeout=seconds, return_when=FIRST_COMPLETED)
        wait(calls, timeout=GATHER_S)

    def _record(self) -> None:
        """Record what has come back, in one transaction; kept for the next turn if that fails, or beyond MANY."""
        told = [(line, line.news) for line in self._lines if line.news is not None]
        back = self._unrecorded[:MANY]
        if not back and not told:
            return
        at = clock.now()
        with transaction() as session:
            taken, others = _rows(session, [done for _, done in back])
            rows = taken | others
            for line, done in back:
                message, carrier = rows[done.message_id], line.sender.name
                if isinstance(done, Sent):
                    attempt = done.claim.attempt
                    record_sent(session, message, attempt, done.outcome, by=self._name, carrier=carrier, at=at)
                else:
                    asked_at = done.look_up.asked_at
                    record_looked_up(session, message, asked_at, done.outcome, carrier=carrier, at=at)
            session.flush()
            save_taken(session, taken.values())
            settle(session, {message.visit_id for message in rows.values()})
            for line, news in told:
                line.tell(lock_state(session, line.channel), news, at)
            self._something_happened |= write_down(session)
        del self._unrecorded[: len(back)]
        for line, news in told:
            line.forget(news)


def _rows(session: Session, back: Sequence[Done]) -> tuple[dict[UUID, Any], dict[UUID, Message]]:
    """The rows of what has come back, locked: those that were merely taken, and whole the others."""
    rows = standing(session, [done.message_id for done in back])
    unusual = {done.message_id for done in back if not merely_taken(rows[done.message_id], done.outcome)}
    taken = {message_id: row for message_id, row in rows.items() if message_id not in unusual}
    return taken, lock(session, unusual) if unusual else {}


def stop_on_signals() -> Event:
    """An event that SIGTERM or SIGINT sets: the dispatcher then stops gracefully. For the main thread."""
    stop = Event()

    def set_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, set_stop)
    signal.signal(signal.SIGINT, set_stop)
    return stop
