"""Texts to our own people, duty managers and officers: each goes once to each of them, and is never lost.

They are few, and no resident's, so they stand beside the outbox and not in it. The same care is taken: written
before anything is sent, claimed before the carrier is called, and looked up before any could go again.
"""

import logging
from datetime import datetime, timedelta
from threading import Event
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import clock
from models.database import reading, transaction
from models.staff_text import AlertStatus, StaffText
from notifications.senders.outcomes import (
    Accepted,
    Later,
    LookUpOutcome,
    Missing,
    Outgoing,
    Refused,
    Sender,
    SendOutcome,
    Sought,
    Unclear,
    Untraceable,
)

POLL_S = 2.0
LEASE = timedelta(seconds=60)
AGAIN = timedelta(seconds=60)
CLOCKS_DIFFER = timedelta(minutes=5)
MANY = 20

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=StaffText)


class StaffTexts(Generic[Row]):
    """Sends what is due of one table through the texts' carrier. Several may run at once, on several machines."""

    table: type[Row]

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def run(self, stop: Event) -> None:
        """Send what falls due until `stop` is set."""
        while not stop.is_set():
            try:
                self.send_due()
            except SQLAlchemyError as error:
                log.error("staff_texts_database_unavailable", extra={"error": type(error).__name__})
            except Exception as error:
                # A sender never raises; should one, what it had is looked up like any other, and the rest goes on.
                log.error("sender_broke", extra={"error": type(error).__name__})
            stop.wait(POLL_S)

    def send_due(self) -> int:
        """Send what is due now, and look up what may have gone. Returns how many the carrier took."""
        at = clock.now()
        with reading() as session:
            if self.is_idle(session, at):
                return 0
        with transaction() as session:
            self.write(session, at)
            self.give_up_old(session, at)
            for text in self._lock(session, AlertStatus.CLAIMED, at):
                # Its sender died with it, and it may have gone: look for it first.
                text.status = AlertStatus.UNCLEAR
            to_send = self._claim(session, AlertStatus.WAITING, at)
            to_look_up = self._claim(session, AlertStatus.UNCLEAR, at)
            told = {text.id: self.outgoing(session, text, at) for text in to_send}
        taken = 0
        for text in to_send:
            taken += self._record(text.id, self._sender.send(told[text.id]))
        for text in to_look_up:
            since = (text.claimed_at or at) - CLOCKS_DIFFER
            taken += self._record(text.id, self._sender.find(Sought(text.reference, text.to_number, since)))
        return taken

    def is_idle(self, session: Session, at: datetime) -> bool:
        """Whether there is nothing to do."""
        return session.scalar(select(self.table.id).where(self.is_due(at)).limit(1)) is None

    def write(self, session: Session, at: datetime) -> None:
        """Write the texts that have to go, where nobody has written them before."""

    def give_up_old(self, session: Session, at: datetime) -> None:
        """Give up what is no news any more."""
        raise NotImplementedError

    def outgoing(self, session: Session, text: Row, at: datetime) -> Outgoing:
        """One text as the carrier gets it."""
        raise NotImplementedError

    def is_due(self, at: datetime) -> ColumnElement[bool]:
        """Which texts have to be seen to."""
        unfinished = (AlertStatus.WAITING, AlertStatus.CLAIMED, AlertStatus.UNCLEAR)
        return self.table.status.in_(unfinished) & (self.table.next_try_at <= at)

    def _claim(self, session: Session, status: AlertStatus, at: datetime) -> list[Row]:
        """Take what is due into our hands, for as long as a lease."""
        mine = self._lock(session, status, at)
        for text in mine:
            text.next_try_at = at + LEASE
            if status is AlertStatus.WAITING:
                text.status, text.claimed_at = AlertStatus.CLAIMED, at
        session.flush()
        return mine

    def _lock(self, session: Session, status: AlertStatus, at: datetime) -> list[Row]:
        due = select(self.table).where(self.table.status == status, self.table.next_try_at <= at)
        due = due.order_by(self.table.next_try_at, self.table.id).limit(MANY)
        return list(session.scalars(due.with_for_update(skip_locked=True)))

    def _record(self, text_id: UUID, outcome: SendOutcome | LookUpOutcome) -> bool:
        """Write down what came of it; whether the carrier has it."""
        at = clock.now()
        with transaction() as session:
            text = session.get_one(self.table, text_id, with_for_update=True, populate_existing=True)
            _apply(text, outcome, at)
            log.info("staff_text", extra={"staff_text_id": str(text.id), "status": text.status})
            return text.status is AlertStatus.SENT


def _apply(text: StaffText, outcome: SendOutcome | LookUpOutcome, at: datetime) -> None:
    match outcome:
        case Accepted():
            text.status, text.sent_at = AlertStatus.SENT, outcome.accepted_at or at
            text.carrier_id = outcome.carrier_id
        case Refused():
            text.status, text.error_code = AlertStatus.FAILED, outcome.error_code
        case Untraceable():
            # It may have gone, and nobody will ever know: it must not go again.
            text.status, text.error_code = AlertStatus.FAILED, "untraceable"
        case Unclear():
            text.status, text.next_try_at = AlertStatus.UNCLEAR, at + AGAIN
        case Missing():
            text.status, text.next_try_at = AlertStatus.WAITING, at
        case _:
            # Not now. A look-up that was put off is as unclear as before.
            if text.status is AlertStatus.CLAIMED:
                text.status = AlertStatus.WAITING
            text.next_try_at = at + (outcome.wait if isinstance(outcome, Later) else AGAIN)
