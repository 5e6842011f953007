"""The next way: what follows a message that told nobody in time (rule 9, `ladder.py`).

This is a transaction of its own, because it adds a message to the visit: it locks the visit first and then its
messages, as a change of the visit does, and it leaves a visit alone that is being changed just now.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ask_for_call, has_been_asked
from models.message import GAVE_UP, ON_ITS_WAY, Channel, Message, MessageKind, MessageStatus
from models.message_event import MessageEventKind, tell
from models.resident import Resident
from models.visit import Visit
from notifications import ladder
from notifications.claims import LOOK_UP_LEASE, next_way_due
from notifications.ladder import STOPPED, Next, Way
from notifications.mending import bring_up_to_date, newer_news, nothing_left_to_tell
from notifications.notes import write_down
from notifications.recording import block

log = logging.getLogger(__name__)


def fall_back_due(session: Session, *, available: Collection[Channel], at: datetime, limit: int) -> int:
    """Try the next way of each message that told nobody in time. Returns how many visits were looked at.

    `available` are the channels that something here sends by.
    """
    waiting = session.scalars(
        select(Message.visit_id)
        .where(next_way_due(at, at - LOOK_UP_LEASE))
        .order_by(Message.next_way_at)
        .limit(limit)
    ).all()
    if not waiting:
        return 0
    visits = session.scalars(
        select(Visit)
        .where(Visit.id.in_(waiting))
        .order_by(Visit.id)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    residents = _by_id(session, {visit.resident_id for visit in visits})
    messages = session.scalars(
        select(Message)
        .where(Message.visit_id.in_([visit.id for visit in visits]))
        .order_by(Message.visit_id, Message.number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    told = {visit_id: list(of_visit) for visit_id, of_visit in groupby(messages, lambda each: each.visit_id)}
    for visit in visits:
        of_visit = told.get(visit.id, [])
        for message in list(of_visit):
            if message.next_way_at is not None and message.next_way_at <= at:
                message.next_way_at = None
                _fall_back(session, visit, residents[visit.resident_id], of_visit, message, available, at)
    return len(visits)


def stop_old_ways(session: Session, resident: Resident, at: datetime) -> None:
    """The resident is to be told by other numbers or ways from now: what has not gone by the old ones must not,
    and the next way is tried."""
    known = ladder.ways(resident)
    held = session.scalars(
        select(Message)
        .where(Message.resident_id == resident.id, Message.status == MessageStatus.HELD)
        .order_by(Message.visit_id, Message.number)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for message in held:
        if Way(message.channel, message.to_address) not in known:
            block(session, message, "no-longer-theirs", at)
    write_down(session)


def _by_id(session: Session, ids: Collection[UUID]) -> dict[UUID, Resident]:
    found = session.scalars(select(Resident).where(Resident.id.in_(ids)).order_by(Resident.id))
    return {resident.id: resident for resident in found}


def _fall_back(
    session: Session,
    visit: Visit,
    resident: Resident,
    of_visit: list[Message],
    message: Message,
    available: Collection[Channel],
    at: datetime,
) -> None:
    news = [
        other
        for other in of_visit
        if other.news_id == message.news_id and other.status is not MessageStatus.SUPERSEDED
    ]
    later = [other for other in of_visit if other.number > message.number]
    if _is_settled(session, visit, message, news, later) or has_been_asked(session, message.news_id):
        return
    follows = ladder.next_way(
        ladder.ways(resident),
        [Way(other.channel, other.to_address) for other in news],
        last_error=message.error_code,
        available=available,
        kind=message.kind,
        at=at,
        reference_at=message.expires_at,
    )
    if follows is None and message.kind is MessageKind.MISSED:
        # Whoever was asked to ring about a new time says this as well.
        return
    if follows is None:
        task = ask_for_call(
            session,
            visit_id=visit.id,
            resident_id=resident.id,
            message_id=message.news_id,
            reason=_why(news),
            detail=message.kind.value,
            reference_at=message.reference_at,
            at=at,
        )
        tell(session, message.id, MessageEventKind.NEXT_WAY, at, contact_task_id=task.id)
        log.info("next_way", extra={"message_id": str(message.id), "contact_task_id": str(task.id)})
        return
    following = add_to_news(message, follows, len(of_visit) + 1, resident.language, at)
    bring_up_to_date(session, following, visit.status, visit.starts_at, at)
    if following.status is MessageStatus.SUPERSEDED:
        return
    session.add(following)
    of_visit.append(following)
    tell(
        session,
        message.id,
        MessageEventKind.NEXT_WAY,
        at,
        channel=follows.way.channel,
        next_message_id=following.id,
    )
    log.info("next_way", extra={"message_id": str(message.id), "next_message_id": str(following.id)})


def _is_settled(
    session: Session, visit: Visit, message: Message, news: Sequence[Message], later: list[Message]
) -> bool:
    """Whether nobody has to be told of this any more, or another message is telling them already."""
    if nothing_left_to_tell(session, message, visit.status):
        return True
    if any(other.status is MessageStatus.DELIVERED for other in news):
        return True
    following = [other for other in news if other.number > message.number]
    if any(other.status in ON_ITS_WAY or other.status is MessageStatus.ACCEPTED for other in following):
        return True
    return bool(following and message.status not in GAVE_UP) or bool(newer_news(message, later))


def _why(news: Sequence[Message]) -> ContactReason:
    """Why a person must ring: what became of the first message of the news."""
    first = news[0]
    if first.channel is Channel.CALL:
        return ContactReason.NO_MOBILE_NUMBER
    if first.channel is Channel.EMAIL:
        return ContactReason.EMAIL_FAILED
    if first.error_code == STOPPED:
        return ContactReason.TEXT_STOPPED
    if first.status in GAVE_UP:
        return ContactReason.TEXT_UNDELIVERED if first.accepted_at else ContactReason.TEXT_REFUSED
    return ContactReason.NO_RECEIPT


def add_to_news(message: Message, follows: Next, number: int, language: str, at: datetime) -> Message:
    """Another message with the same news, by another way or once more by the same."""
    return Message(
        id=uuid4(),
        visit_id=message.visit_id,
        resident_id=message.resident_id,
        number=number,
        news_id=message.news_id,
        kind=message.kind,
        channel=follows.way.channel,
        to_address=follows.way.address,
        status=MessageStatus.HELD,
        language=language,
        lane=message.lane,
        previous_starts_at=message.previous_starts_at,
        starts_at=message.starts_at,
        expected_at=message.expected_at,
        previous_expected_at=message.previous_expected_at,
        window_from_at=message.window_from_at,
        window_to_at=message.window_to_at,
        decided_at=at,
        reference_at=message.reference_at,
        send_at=follows.at,
        next_try_at=follows.at,
        expires_at=message.expires_at,
    )
