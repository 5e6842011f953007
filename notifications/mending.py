"""What a message that never reached the carrier leaves behind: the visit's other messages must stay true."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.dispute import was_right
from models.message import GONE, NO_NEWS, START_KINDS, Message, MessageKind, MessageStatus
from models.promise import told_by_person
from models.standards import must_tell, reference
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from notifications import policy

_TELLS_OF = {
    MessageKind.NO_ACCESS: VisitStatus.NO_ACCESS,
    MessageKind.MISSED: VisitStatus.MISSED,
    MessageKind.FEEDBACK: VisitStatus.COMPLETED,
}


def is_untrue(session: Session, message: Message, status: VisitStatus) -> bool:
    """Whether a message tells of an end that its visit, which stands so, does not have any more: it was corrected,
    or the resident was right to say that they were in."""
    if message.kind is MessageKind.NO_ACCESS and was_right(session, message.visit_id):
        return True
    if message.kind is MessageKind.CAME_AFTER_ALL:
        return status is VisitStatus.MISSED
    return status is not _TELLS_OF.get(message.kind, status)


def nothing_left_to_tell(session: Session, message: Message, status: VisitStatus) -> bool:
    """Whether a visit that stands so leaves nothing of this message to tell.

    That it is off always is news, or that somebody came after all; that nobody opened, or nobody came, only while
    it is true; the rest until the officer is at the door. What nobody has to hear never is.
    """
    if message.kind in NO_NEWS or is_untrue(session, message, status):
        return True
    return message.kind not in _NEWS_AT_ANY_TIME and status not in BEFORE_THE_DOOR


_NEWS_AT_ANY_TIME = (MessageKind.CANCELLED, MessageKind.CAME_AFTER_ALL, *_TELLS_OF)


def put_back(session: Session, message: Message, at: datetime, wait: timedelta = timedelta(0)) -> None:
    """Hold a message again that certainly did not go, for `wait`, unless the visit has changed meanwhile.

    While a dispatcher had it, a newer change took it for told. So newer news supersedes it; the time it
    gives is brought up to the visit's; and "if nothing has changed in the end, nobody is texted". Nor is
    anybody whom another message with the same news has reached by now.
    """
    message.status = MessageStatus.HELD
    message.next_try_at = at + wait
    message.claimed_by = message.claimed_at = message.claim_expires_at = message.look_up_at = None
    newer = newer_news(message, _later(session, message))
    if newer:
        message.supersede(at, newer[-1].id)
        for other in newer:
            _recall(session, other, at)
        return
    if _is_known(session, message):
        message.supersede(at)
        return
    visit = session.execute(select(Visit.status, Visit.starts_at).where(Visit.id == message.visit_id)).one()
    bring_up_to_date(session, message, visit.status, visit.starts_at, at)


def _is_known(session: Session, message: Message) -> bool:
    reached = select(Message.id).where(
        Message.visit_id == message.visit_id,
        Message.news_id == message.news_id,
        Message.status == MessageStatus.DELIVERED,
    )
    return session.scalar(reached.limit(1)) is not None


def newer_news(message: Message, later: Sequence[Message]) -> list[Message]:
    """Those of the visit's later messages that tell, or are about to tell, what makes `message` old.

    A delay is old news once another time is told; a promised time only once another one is promised. Who comes is
    news of its own: only who else comes, or that nobody does, makes it old.
    """
    first = {other.news_id: other.number for other in later if other.is_first}
    return [
        other
        for other in later
        if first.get(other.news_id, 0) > message.number
        and (other.status is MessageStatus.HELD or other.status in GONE)
        and _outdates(other.kind, message.kind)
    ]


def _outdates(newer: MessageKind, older: MessageKind) -> bool:
    if newer is MessageKind.ANOTHER_OFFICER or older is MessageKind.ANOTHER_OFFICER:
        return newer is older or newer is MessageKind.CANCELLED
    return newer is not MessageKind.DELAYED or older is MessageKind.DELAYED


def bring_up_to_date(
    session: Session, message: Message, status: VisitStatus, starts_at: datetime, at: datetime
) -> None:
    """Let a held message tell of the visit as it is now, or stop it if there is nothing to tell any more."""
    is_off = status is VisitStatus.CANCELLED and message.kind is not MessageKind.CANCELLED
    is_late_news = message.kind is MessageKind.DELAYED and status not in BEFORE_THE_DOOR
    if is_off or is_late_news or is_untrue(session, message, status):
        message.supersede(at)
    elif message.kind in (*START_KINDS, MessageKind.ANOTHER_OFFICER):
        message.starts_at = starts_at
    _recall(session, message, at)


def mend_next(session: Session, message: Message, at: datetime) -> None:
    """The resident never got `message`: the next news must not name, as the old time, one they never
    heard."""
    for other in _later(session, message):
        _recall(session, other, at)


def booking_is_owed(history: Sequence[Any]) -> bool:
    """Whether no message has told a start yet, and the booking was to be told."""
    starts = [row for row in history if row.kind in START_KINDS]
    untold = all(row.status not in GONE for row in starts)
    return untold and any(row.kind is MessageKind.BOOKED for row in starts)


def _later(session: Session, message: Message) -> Sequence[Message]:
    """The visit's messages after this one, locked."""
    return session.scalars(
        select(Message)
        .where(Message.visit_id == message.visit_id, Message.number > message.number)
        .order_by(Message.number)
        .with_for_update()
    ).all()


def _recall(session: Session, message: Message, at: datetime) -> None:
    """Let a message that is held name the time the resident has in mind, whatever became of those before it.

    R, and with it the expiry, is reckoned from that time too. A move that comes to nothing is stopped, or
    becomes the booking's message if that never went.
    """
    if message.status is not MessageStatus.HELD or message.kind not in (MessageKind.MOVED, MessageKind.CANCELLED):
        return
    before = _starts_before(session, message)
    told = _last_told(session, message.visit_id, before)
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
        message.supersede(at)


def _last_told(session: Session, visit_id: UUID, before: Sequence[Any]) -> datetime:
    last = next((row for row in reversed(before) if row.status in GONE), None)
    by_person = told_by_person(session, [visit_id]).get(visit_id)
    if by_person and (last is None or by_person[0] > last.decided_at):
        return by_person[1]
    if last is not None:
        told: datetime = last.starts_at
        return told
    return session.scalars(select(Visit.first_promised_at).where(Visit.id == visit_id)).one()


def _starts_before(session: Session, message: Message) -> Sequence[Any]:
    """What the visit's messages of earlier news said of its start, in order."""
    return session.execute(
        select(Message.kind, Message.status, Message.starts_at, Message.decided_at)
        .where(
            Message.visit_id == message.visit_id,
            Message.number < message.number,
            Message.news_id != message.news_id,
            Message.kind.in_(START_KINDS),
        )
        .order_by(Message.number)
    ).all()
