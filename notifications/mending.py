"""What a text that never reached the carrier leaves behind: the visit's other texts must stay true."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.message import GONE, START_KINDS, Message, MessageKind, MessageStatus
from models.standards import must_tell, reference
from models.visit import Visit, VisitStatus
from notifications import policy


def put_back(session: Session, message: Message, *, next_try_at: datetime) -> None:
    """Hold a text again that certainly did not go, unless the visit has changed meanwhile.

    While a dispatcher had it, a newer change took it for told. So a newer text supersedes it; the time it
    gives is brought up to the visit's; and "if nothing has changed in the end, nobody is texted".
    """
    message.status = MessageStatus.HELD
    message.next_try_at = next_try_at
    message.claimed_by = message.claimed_at = message.claim_expires_at = message.look_up_at = None
    newer = session.scalars(
        select(Message)
        .where(
            Message.visit_id == message.visit_id,
            Message.number > message.number,
            Message.status.in_([MessageStatus.HELD, *GONE]),
        )
        .order_by(Message.number)
        .with_for_update()
    ).all()
    if message.kind is not MessageKind.DELAYED:
        newer = [other for other in newer if other.kind is not MessageKind.DELAYED]
    if newer:
        message.supersede(newer[-1].id)
        for other in newer:
            _recall(session, other)
        return
    visit = session.execute(select(Visit.status, Visit.starts_at).where(Visit.id == message.visit_id)).one()
    if visit.status is VisitStatus.CANCELLED and message.kind is not MessageKind.CANCELLED:
        message.supersede()
    elif message.kind in START_KINDS:
        message.starts_at = visit.starts_at
    _recall(session, message)


def mend_next(session: Session, message: Message) -> None:
    """The resident never got `message`: the next text must not name, as the old time, one they never
    heard."""
    following = session.scalars(
        select(Message)
        .where(
            Message.visit_id == message.visit_id,
            Message.number > message.number,
            Message.status == MessageStatus.HELD,
        )
        .order_by(Message.number)
        .with_for_update()
    ).all()
    for other in following:
        _recall(session, other)


def booking_is_owed(history: Sequence[Any]) -> bool:
    """Whether the booking text was stopped on its way, and no text has told a start since."""
    starts = [row for row in history if row.kind in START_KINDS]
    stopped = (MessageStatus.HELD, MessageStatus.SUPERSEDED)
    held_back = all(row.status in stopped for row in starts)
    return held_back and any(row.kind is MessageKind.BOOKED for row in starts)


def _recall(session: Session, message: Message) -> None:
    """Let a text that is held name the time the resident has in mind, whatever became of the texts before it.

    R, and with it the expiry, is reckoned from that time too. A move that comes to nothing is stopped, or
    becomes the booking's text if that never went.
    """
    if message.status is not MessageStatus.HELD or message.kind not in (MessageKind.MOVED, MessageKind.CANCELLED):
        return
    before = _starts_before(session, message)
    told = next((row.starts_at for row in reversed(before) if row.status in GONE), None)
    if told is None:
        told = session.scalars(select(Visit.first_promised_at).where(Visit.id == message.visit_id)).one()
    if message.kind is MessageKind.CANCELLED:
        message.starts_at = message.reference_at = message.expires_at = told
        return
    message.previous_starts_at = told
    message.reference_at = message.expires_at = reference(told, message.starts_at)
    if must_tell(told, message.starts_at):
        return
    if booking_is_owed(before):
        message.kind, message.lane = MessageKind.BOOKED, policy.lane(MessageKind.BOOKED)
        message.previous_starts_at = None
    else:
        message.supersede()


def _starts_before(session: Session, message: Message) -> Sequence[Any]:
    """What the visit's texts before this one said of its start, in order."""
    return session.execute(
        select(Message.kind, Message.status, Message.starts_at)
        .where(
            Message.visit_id == message.visit_id,
            Message.number < message.number,
            Message.kind.in_(START_KINDS),
        )
        .order_by(Message.number)
    ).all()
