"""What a text that never reached the carrier leaves behind: the visit's other texts must stay true."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.message import GONE, START_KINDS, Message, MessageKind, MessageStatus
from models.standards import must_tell
from models.visit import Visit, VisitStatus


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
        _mend(message, newer[0])
        return
    visit = session.execute(select(Visit.status, Visit.starts_at).where(Visit.id == message.visit_id)).one()
    if visit.status is VisitStatus.CANCELLED and message.kind is not MessageKind.CANCELLED:
        message.supersede()
    elif message.kind in START_KINDS:
        message.starts_at = visit.starts_at
        _drop_if_unchanged(message)


def mend_next(session: Session, message: Message) -> None:
    """The resident never got `message`: the next text must not name, as the old time, one they never
    heard."""
    following = session.scalars(
        select(Message)
        .where(
            Message.visit_id == message.visit_id,
            Message.number > message.number,
            Message.kind != MessageKind.DELAYED,
        )
        .order_by(Message.number)
        .limit(1)
        .with_for_update()
    ).first()
    if following is not None:
        _mend(message, following)


def _mend(message: Message, following: Message) -> None:
    if (
        message.kind is MessageKind.MOVED
        and following.kind is MessageKind.MOVED
        and following.status is MessageStatus.HELD
        and following.previous_starts_at == message.starts_at
    ):
        following.previous_starts_at = message.previous_starts_at
        _drop_if_unchanged(following)


def _drop_if_unchanged(message: Message) -> None:
    before = message.previous_starts_at
    if message.kind is MessageKind.MOVED and before and not must_tell(before, message.starts_at):
        message.supersede()
