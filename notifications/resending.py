"""A message sent again by hand: the same news by the same way, when an operator has a reason."""

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import number as numbers
from models.clock import in_london
from models.contact_task import ContactTask, ContactTaskStatus
from models.message import ON_ITS_WAY, Channel, Message, MessageStatus
from models.message_event import MessageEventKind, tell
from models.resident import Resident
from models.visit import Visit
from models.visit_rows import find_locked
from notifications import ladder
from notifications.fallback import add_to_news
from notifications.ladder import Next, Way
from notifications.mending import bring_up_to_date, newer_news, nothing_left_to_tell

log = logging.getLogger(__name__)


class NotSentAgain(Exception):
    """Why a message does not go again, and what could be done instead, in words for an operator."""


def resend(session: Session, message_id: UUID, *, reason: str, at: datetime) -> Message:
    """Add one more message with the same news by the same way; the dispatchers send it. Raises NotSentAgain.

    Every rule of an ordinary message holds: it waits for the end of the night, tells of the visit as it is now,
    and goes to nobody's number but the resident's of today. Locks the visit first and then its messages, as a
    change of the visit does.
    """
    visit_id = session.scalar(select(Message.visit_id).where(Message.id == message_id))
    if visit_id is None:
        raise NotSentAgain("No message has this id.")
    visit = find_locked(session, visit_id)
    of_visit = session.scalars(
        select(Message)
        .where(Message.visit_id == visit_id)
        .order_by(Message.number)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    message = next(each for each in of_visit if each.id == message_id)
    _refuse_if_told(session, message, of_visit, at)
    _refuse_if_too_late(session, message, visit, at)
    follows = _by_the_same_way(session, message, visit.resident, at)
    following = add_to_news(message, follows, len(of_visit) + 1, visit.resident.language, at)
    bring_up_to_date(session, following, visit.status, visit.starts_at, at)
    if following.status is MessageStatus.SUPERSEDED:
        raise NotSentAgain("There is nothing to tell any more: the resident knows the visit's time as it is now.")
    if following.send_at >= following.expires_at:
        raise NotSentAgain(f"It could only go once the time it tells of has passed. {_RING}")
    session.add(following)
    # Its story refers to it, and the session does not know which of the two has to be written first.
    session.flush()
    tell(session, following.id, MessageEventKind.RESENT, at, reason=reason, resends=message.id)
    log.info(
        "message_resent",
        extra={"message_id": str(following.id), "visit_id": str(visit_id), "resends": str(message.id)},
    )
    return following


_RING = "Ring the resident if they still have to know."


def _refuse_if_told(session: Session, message: Message, of_visit: Sequence[Message], at: datetime) -> None:
    if message.status is MessageStatus.SUPERSEDED:
        by = f" by message {message.superseded_by_id}" if message.superseded_by_id else ""
        raise NotSentAgain(f"It was superseded{by}: it is no longer what the resident should hear.")
    for other in of_visit:
        if other.news_id != message.news_id:
            continue
        which = "It" if other is message else f"Message {other.id} of the same news"
        if other.status in ON_ITS_WAY:
            raise NotSentAgain(f"{which} is still on its way ({other.status}). Wait for what becomes of it.")
        if other.status is MessageStatus.DELIVERED:
            raise NotSentAgain(f"{which} was delivered: the resident knows already.")
        if other.status is MessageStatus.ACCEPTED and other.next_way_at is not None and other.next_way_at > at:
            until = in_london(other.next_way_at)
            raise NotSentAgain(f"{which} is with the carrier. Wait for its receipt until {until}.")
    newer = newer_news(message, [other for other in of_visit if other.number > message.number])
    if newer:
        raise NotSentAgain(f"A newer change is told by message {newer[-1].id}. Look at that one.")
    rung = exists().where(ContactTask.message_id == message.news_id, ContactTask.status == ContactTaskStatus.DONE)
    if session.scalar(select(rung)):
        raise NotSentAgain("A person has told the resident already: see the contact tasks.")


def _refuse_if_too_late(session: Session, message: Message, visit: Visit, at: datetime) -> None:
    if nothing_left_to_tell(session, message, visit.status):
        raise NotSentAgain(f"The visit is {visit.status}: there is nothing left to tell of it.")
    if message.status is MessageStatus.EXPIRED or message.expires_at <= at:
        expired = in_london(message.expires_at)
        raise NotSentAgain(f"It expired at {expired}, the time it tells of. {_RING}")


def _by_the_same_way(session: Session, message: Message, resident: Resident, at: datetime) -> Next:
    """The number or address it went to, or the resident's new one, and when it may go there."""
    known = [way for way in ladder.ways(resident) if way.channel is message.channel]
    same = Way(message.channel, message.to_address)
    if not known:
        raise NotSentAgain(f"The resident is not to be told by {message.channel} any more. {_RING}")
    way = same if same in known else known[0]
    if way.channel is Channel.TEXT:
        _refuse_if_unreachable(numbers.known(session, [way.address]).get(way.address))
    follows = ladder.next_way(
        [way],
        [],
        last_error=None,
        available=tuple(Channel),
        kind=message.kind,
        at=at,
        reference_at=message.expires_at,
    )
    if follows is None:
        raise NotSentAgain(f"The hour for it comes too late. {_RING}")
    return follows


def _refuse_if_unreachable(heed: numbers.Number | None) -> None:
    if heed is None:
        return
    if heed.stopped_at is not None:
        raise NotSentAgain("The number's owner has said STOP: no text goes there until they text START.")
    if heed.unusable_at is not None:
        raise NotSentAgain(
            f"No text can reach the number (carrier's code {heed.unusable_code}) until a scheduler has entered it"
            f" anew, or another. {_RING}"
        )
