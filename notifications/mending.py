"""What a message that never reached the carrier leaves behind: the visit's other messages must stay true."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.message import GONE, START_KINDS, Message, MessageKind, MessageStatus
from models.standards import must_tell
from models.visit import Visit, VisitStatus


def put_back(session: Session, message: Message, at: datetime, wait: timedelta = timedelta(0)) -> None:
    """Hold a message again that certainly did not go, for `wait`, unless the visit has changed meanwhile.

    While a dispatcher had it, a newer change took it for told. So newer news supersedes it; the time it
    gives is brought up to the visit's; and "if nothing has changed in the end, nobody is texted".
    """
    message.status = MessageStatus.HELD
    message.next_try_at = at + wait
    message.claimed_by = message.claimed_at = message.claim_expires_at = message.look_up_at = None
    newer = newer_news(message, _later(session, message))
    if newer:
        message.supersede(at, newer[-1].id)
        _mend(message, newer[0], at)
        return
    visit = session.execute(select(Visit.status, Visit.starts_at).where(Visit.id == message.visit_id)).one()
    bring_up_to_date(message, visit.status, visit.starts_at, at)


def newer_news(message: Message, later: list[Message]) -> list[Message]:
    """Those of the visit's later messages that tell, or are about to tell, what makes `message` old.

    A delay is old news once anything else is told; a promised time only once another time is.
    """
    first = {other.news_id: other.number for other in later if other.is_first}
    return [
        other
        for other in later
        if first.get(other.news_id, 0) > message.number
        and (other.status is MessageStatus.HELD or other.status in GONE)
        and (other.kind is not MessageKind.DELAYED or message.kind is MessageKind.DELAYED)
    ]


def bring_up_to_date(message: Message, status: VisitStatus, starts_at: datetime, at: datetime) -> None:
    """Let a held message tell of the visit as it is now, or stop it if there is nothing to tell any more."""
    if status is VisitStatus.CANCELLED and message.kind is not MessageKind.CANCELLED:
        message.supersede(at)
    elif message.kind in START_KINDS:
        message.starts_at = starts_at
        _drop_if_unchanged(message, at)


def mend_next(session: Session, message: Message, at: datetime) -> None:
    """The resident never got `message`: the next news must not name, as the old time, one they never
    heard."""
    later = [other for other in _later(session, message) if other.news_id != message.news_id]
    following = next((other for other in later if other.kind is not MessageKind.DELAYED), None)
    if following is not None:
        _mend(message, following, at)


def _later(session: Session, message: Message) -> list[Message]:
    """The visit's messages after this one, locked."""
    return list(
        session.scalars(
            select(Message)
            .where(Message.visit_id == message.visit_id, Message.number > message.number)
            .order_by(Message.number)
            .with_for_update()
        )
    )


def _mend(message: Message, following: Message, at: datetime) -> None:
    if (
        message.kind is MessageKind.MOVED
        and following.kind is MessageKind.MOVED
        and following.status is MessageStatus.HELD
        and following.previous_starts_at == message.starts_at
    ):
        following.previous_starts_at = message.previous_starts_at
        _drop_if_unchanged(following, at)


def _drop_if_unchanged(message: Message, at: datetime) -> None:
    before = message.previous_starts_at
    if message.kind is MessageKind.MOVED and before and not must_tell(before, message.starts_at):
        message.supersede(at)
