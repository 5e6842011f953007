"""What the tests of sending share: a visit with a text, and a dispatcher that lives for just one look."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from models import clock
from models.contact_task import ContactTask
from models.database import reading, transaction
from models.message import Channel, Message, MessageStatus
from models.resident import Resident
from models.visit import Visit, VisitStatus
from notifications import outbox
from notifications.dispatcher import Dispatcher
from notifications.receipts import record_receipt
from notifications.senders.outcomes import Sender
from notifications.senders.twilio import TwilioSender
from notifications.texts import Council
from tests import factories
from tests.carrier import ACCOUNT, TOKEN, Carrier

HARROW = Council("Harrow Council", "020 8863 5611")
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEDNESDAY, THURSDAY = datetime(2026, 11, 25, 10, tzinfo=UTC), datetime(2026, 11, 26, 10, tzinfo=UTC)


class CrashError(BaseException):
    """The process dies: nothing of it is caught, and nothing more is recorded."""


def sender_to(carrier: Carrier) -> TwilioSender:
    """The real client, pointed at the stand-in."""
    return TwilioSender(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        from_number="+447700900999",
        public_base_url="https://visits.example",
        api_base=carrier.base,
    )


def dispatch(sender: Sender, *, limit: int | None = None) -> int:
    """Send what is due, as a dispatcher that lives for just that."""
    dispatcher = texting(sender)
    try:
        return dispatcher.send_due(limit=limit)
    finally:
        stop_workers(dispatcher)


def texting(sender: Sender, *, in_flight: int = 4) -> Dispatcher:
    """A dispatcher of texts alone."""
    return Dispatcher({Channel.TEXT: sender}, HARROW, in_flight=in_flight)


def stop_workers(dispatcher: Dispatcher) -> None:
    """Let a dispatcher go as a crash would: nothing is recorded or handed back."""
    for line in dispatcher._lines:
        line._workers.shutdown(cancel_futures=True)


def book(resident: Resident | None = None, starts_at: datetime = WEDNESDAY) -> UUID:
    """A visit whose booking text is due; the id is the message's."""
    resident = resident or factories.resident()
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


def cancel(message_id: UUID) -> UUID | None:
    """Cancel the visit of a message."""
    with transaction() as session:
        visit = session.get_one(Visit, session.get_one(Message, message_id).visit_id)
        visit.status = VisitStatus.CANCELLED
        resident = session.get_one(Resident, visit.resident_id)
        return outbox.queue_visit_cancelled(session, visit, resident, at=clock.now()).message_id


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
