"""A message of news that is not a change of its visit: written beside what caused it, as all are, but it gives no
notice and is in no ledger."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.contact_task import ContactTask, ContactTaskStatus
from models.message import Message, MessageKind, MessageStatus
from models.resident import Resident
from models.visit import Visit
from notifications import policy
from notifications.ladder import Next


def write(
    session: Session,
    visit: Visit,
    resident: Resident,
    kind: MessageKind,
    first: Next,
    *,
    until: datetime,
    at: datetime,
    said: str | None = None,
) -> UUID:
    """Write the message, to go by its first way and until `until`; its id. The caller has the visit locked."""
    newest = session.scalar(select(func.max(Message.number)).where(Message.visit_id == visit.id)) or 0
    message_id = uuid4()
    message = Message(
        id=message_id,
        news_id=message_id,
        visit_id=visit.id,
        resident_id=resident.id,
        number=newest + 1,
        kind=kind,
        channel=first.way.channel,
        to_address=first.way.address,
        language=resident.language,
        lane=policy.lane(kind),
        starts_at=visit.starts_at,
        said=said,
        decided_at=at,
        reference_at=until,
        send_at=first.at,
        next_try_at=first.at,
        expires_at=until,
    )
    session.add(message)
    session.flush()
    return message_id


def stop_afterwards(session: Session, visit: Visit, *, at: datetime) -> None:
    """The outcome was put right, or nobody had come: what was to be said of it and has not gone is not true any
    more, by a text or by a person.

    Those that a dispatcher has are locked as well, so that it cannot hold one again that it has just failed to
    send: once it may, it sees that the visit is another.
    """
    said = session.scalars(
        select(Message)
        .where(
            Message.visit_id == visit.id,
            Message.kind.in_((MessageKind.NO_ACCESS, MessageKind.FEEDBACK)),
        )
        .order_by(Message.number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for message in said:
        if message.status is MessageStatus.HELD:
            message.supersede(at)
    session.execute(
        update(ContactTask)
        .where(
            ContactTask.visit_id == visit.id,
            ContactTask.detail == MessageKind.NO_ACCESS.value,
            ContactTask.status == ContactTaskStatus.OPEN,
        )
        .values(status=ContactTaskStatus.NOT_NEEDED)
    )
