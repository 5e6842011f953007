"""The backlog: what waits, what is stuck and what failed, for whoever runs the product.

Nothing here changes anything, and nothing a caller prints of it names a person: a `Listed` has the whole message,
but only its id, kind, channel, status and times are for showing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.contact_task import ContactTask
from models.message import GAVE_UP, ON_ITS_WAY, Channel, Message, MessageKind, MessageStatus
from models.message_event import MessageEvent, MessageEventKind
from models.sender_state import states
from models.visit import Visit
from notifications import policy
from notifications.claims import ONE_AT_A_TIME, older_goes_first
from notifications.ladder import ONE_MORE_TEXT_AFTER

STUCK_AFTER = timedelta(minutes=2)
"""A message that is due goes within seconds, unless nobody sends."""


class Why(StrEnum):
    """Why a held message has not gone.

    `hold`: the change may be changed again. `night`: its resident sleeps. `retry`: it is tried once more after a
    pause. `order`: an older message of its visit goes first. `paused`: its sender stands still. `due`: it may go
    this moment.
    """

    HOLD = "hold"
    NIGHT = "night"
    RETRY = "retry"
    ORDER = "order"
    PAUSED = "paused"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Load:
    """How many messages wait, and since when the oldest of those that are due is."""

    waiting: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of a list: `at` is when it goes, got stuck or failed, `remark` why it waits or what followed."""

    message: Message
    visit_reference: str
    at: datetime
    remark: str


def loads(session: Session, at: datetime) -> dict[tuple[Channel, MessageKind, MessageStatus], Load]:
    """What is on its way out. A message is due since its time came or, if it is unclear, since it was claimed."""
    due_at = case(
        (_is(MessageStatus.HELD), case((Message.next_try_at <= at, Message.next_try_at))),
        else_=Message.claimed_at,
    )
    key = (Message.channel, Message.kind, Message.status)
    rows = session.execute(
        select(*key, func.count(), func.min(due_at)).where(_is(*ON_ITS_WAY)).group_by(*key).order_by(*key)
    )
    return {(channel, kind, status): Load(count, oldest) for channel, kind, status, count, oldest in rows}


def oldest_due(loads: Iterable[Load], at: datetime) -> timedelta:
    """How long the oldest message that is due has not gone; nothing if none is due."""
    ages = [at - load.oldest_due_at for load in loads if load.oldest_due_at is not None]
    return max([timedelta(0), *ages])


def waiting(session: Session, *, channels: Collection[Channel], at: datetime, limit: int) -> list[Listed]:
    """What is held, in the order of rule 8's lanes and then by when it is due, and why it waits."""
    paused = _paused(session, at)
    rows = session.execute(
        _of(channels, Message.next_try_at)
        .add_columns(older_goes_first(at, at - ONE_AT_A_TIME))
        .where(_is(MessageStatus.HELD))
        .order_by(Message.lane, Message.next_try_at, Message.number, Message.id)
        .limit(limit)
    )
    return [
        Listed(message, reference, due_at, ", ".join(_why(message, older_first, paused, at)))
        for message, reference, due_at, older_first in rows
    ]


def _of(channels: Collection[Channel], when: InstrumentedAttribute[Any]) -> Select[Message, str, Any]:
    """Messages, each with its visit's reference and the time it is listed by."""
    query = select(Message, Visit.reference, when).join(Visit, Visit.id == Message.visit_id)
    return query.where(Message.channel.in_(channels))


def _paused(session: Session, at: datetime) -> set[Channel]:
    return {channel for channel, state in states(session).items() if state.is_paused(at)}


def _why(message: Message, older_first: bool, paused: Collection[Channel], at: datetime) -> list[Why]:
    whys = []
    if message.next_try_at > at:
        whys.append(_why_not_due(message))
    elif older_first:
        whys.append(Why.ORDER)
    if message.channel in paused:
        whys.append(Why.PAUSED)
    return whys or [Why.DUE]


def _why_not_due(message: Message) -> Why:
    if message.next_try_at > message.send_at:
        return Why.RETRY
    pause = message.send_at - message.decided_at
    if message.is_first:
        hold = policy.settle(message.kind, message.decided_at, message.reference_at)
        return Why.HOLD if pause <= hold else Why.NIGHT
    return Why.RETRY if pause <= ONE_MORE_TEXT_AFTER else Why.NIGHT


def stuck(session: Session, *, channels: Collection[Channel], at: datetime, limit: int) -> list[Listed]:
    """What should have moved on and has not: the worst place first, and in each the longest stuck first."""
    late, paused = at - STUCK_AFTER, _paused(session, at)
    found: dict[UUID, Listed] = {}
    for condition, since, remark in _stuck_in(late, at):
        rows = session.execute(_of(channels, since).where(condition).order_by(since, Message.id).limit(limit))
        for message, reference, since_at in rows:
            held_back = message.status is MessageStatus.HELD and message.channel in paused
            listed = Listed(message, reference, since_at, "its sender is paused" if held_back else remark)
            found.setdefault(message.id, listed)
    return list(found.values())[:limit]


def _stuck_in(late: datetime, at: datetime) -> list[tuple[ColumnElement[bool], InstrumentedAttribute[Any], str]]:
    """The places where a message can be stuck, each found by an index of its own; and since when it is there."""
    asked = or_(Message.lookups > 0, Message.look_up_at <= late)
    no_receipt = and_(Message.look_up_at.is_not(None), Message.status == MessageStatus.ACCEPTED, asked)
    return [
        (
            and_(_is(MessageStatus.HELD), Message.next_try_at <= late),
            Message.next_try_at,
            "due, and nobody sends it",
        ),
        (
            and_(_is(MessageStatus.CLAIMED), Message.claim_expires_at <= at),
            Message.claim_expires_at,
            "its dispatcher died, and nobody looks it up",
        ),
        (_is(MessageStatus.UNKNOWN), Message.unclear_at, "may have gone: the carrier is asked"),
        (Message.next_way_at <= late, Message.next_way_at, "nobody tries its next way"),
        (no_receipt, Message.accepted_at, "no receipt"),
    ]


def failed(session: Session, *, channels: Collection[Channel], since: datetime, limit: int) -> list[Listed]:
    """What told nobody anything, the newest first, and what followed it."""
    rows = session.execute(
        _of(channels, Message.failed_at)
        .where(Message.failed_at >= since, Message.status.in_(GAVE_UP))
        .order_by(Message.failed_at.desc(), Message.id)
        .limit(limit)
    ).all()
    followed = _what_followed(session, [message for message, *_ in rows])
    return [
        Listed(message, reference, failed_at, followed.get(message.id, "nothing"))
        for message, reference, failed_at in rows
    ]


def _what_followed(session: Session, messages: Sequence[Message]) -> dict[UUID, str]:
    """By message: the next message of the same news, or the task of the person who was asked to ring."""
    asked = _tasks_asked(session, messages)
    of_visits = session.scalars(
        select(Message)
        .where(Message.visit_id.in_({message.visit_id for message in messages}))
        .order_by(Message.visit_id, Message.number)
    ).all()
    followed = {message_id: f"contact task {task.status}" for message_id, task in asked.items()}
    for message in messages:
        later = (each for each in of_visits if each.news_id == message.news_id and each.number > message.number)
        if (following := next(later, None)) is not None:
            followed[message.id] = f"{following.channel} {following.status}"
        elif message.next_way_at is not None:
            followed[message.id] = "next way due"
    return followed


def _tasks_asked(session: Session, messages: Sequence[Message]) -> dict[UUID, ContactTask]:
    """The contact tasks that the messages' own stories tell of. A task may since tell of newer news, too."""
    events = session.scalars(
        select(MessageEvent)
        .where(
            MessageEvent.message_id.in_([message.id for message in messages]),
            MessageEvent.kind.in_([MessageEventKind.NEXT_WAY, MessageEventKind.EXPIRED]),
        )
        .order_by(MessageEvent.message_id, MessageEvent.at, MessageEvent.id)
    )
    asked = {
        event.message_id: UUID(event.details["contact_task_id"])
        for event in events
        if "contact_task_id" in event.details
    }
    tasks = session.scalars(
        select(ContactTask).where(ContactTask.id.in_(asked.values())).order_by(ContactTask.id)
    ).all()
    by_id = {task.id: task for task in tasks}
    return {message_id: by_id[task_id] for message_id, task_id in asked.items()}


def _is(*statuses: MessageStatus) -> ColumnElement[bool]:
    # Literals, so that the planner sees which part of the index it needs.
    return Message.status.in_([literal_column(f"'{status.value}'") for status in statuses])
