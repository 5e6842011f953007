"""The dispatcher's side of the outbox: rows claimed before the carrier is called.

Each function is one step of a transaction the dispatcher opens and closes around it; the carrier is
called in between, with no database connection held. A row is claimed under a lease: whoever dies with it
leaves it to be looked up at the carrier before it could go again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, false, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from models import number as numbers
from models.message import Channel, Message, MessageStatus
from models.sender_state import SenderState, lock_state
from notifications import recording
from notifications.ladder import STOPPED
from notifications.senders.outcomes import Sought
from notifications.texts import Council
from notifications.words import Words, render

LEASE = timedelta(seconds=60)
LOOK_UP_LEASE = timedelta(seconds=60)
ONE_AT_A_TIME = timedelta(seconds=90)
CLOCKS_DIFFER = timedelta(minutes=5)
AHEAD = timedelta(seconds=1.5)
"""How long before its turn a message is claimed: enough to keep a slow sender busy, and no more, since an urgent
one has to wait for those already claimed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A message in this dispatcher's hands until `lease_ends_at`, to be handed over at `turn_at`."""

    message_id: UUID
    attempt: int
    reference: str
    to: str
    words: Words
    language: str
    expires_at: datetime
    lease_ends_at: datetime
    turn_at: datetime


@dataclass(frozen=True, slots=True)
class LookUp:
    """A message whose fate the carrier is asked for, at `asked_at`: by its id there, or by searching."""

    message_id: UUID
    carrier_id: str | None
    sought: Sought
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to do: with the outbox itself, and with the next ways of messages that told nobody."""

    work: bool
    next_ways: bool


def _is(status: MessageStatus) -> ColumnElement[bool]:
    # A literal, so that the planner sees which part of the index it needs.
    return Message.status == literal_column(f"'{status.value}'")


def _due(at: datetime, channels: Collection[Channel]) -> ColumnElement[bool]:
    if not channels:
        return false()
    return and_(_is(MessageStatus.HELD), Message.channel.in_(channels), Message.next_try_at <= at)


def _overdue(at: datetime) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.HELD), Message.expires_at <= at)


def _lapsed(at: datetime) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.CLAIMED), Message.claim_expires_at <= at)


def _to_look_up(at: datetime, channels: Collection[Channel]) -> ColumnElement[bool]:
    return and_(Message.look_up_at <= at, Message.channel.in_(channels))


def next_way_due(at: datetime) -> ColumnElement[bool]:
    """The messages that told nobody in time.

    One that the carrier has is asked for first, since only its receipt may be missing; but not for longer than a
    minute, should the carrier not answer.
    """
    asked = or_(
        Message.status != MessageStatus.ACCEPTED,
        Message.lookups > 0,
        Message.next_way_at <= at - LOOK_UP_LEASE,
    )
    return and_(Message.next_way_at <= at, asked)


def what_is_due(
    session: Session, at: datetime, *, sending: Collection[Channel], closed: Collection[Channel]
) -> Due:
    """What a dispatcher has to do: asked before a transaction that would take the one write lock.

    `sending` are the channels it has room to send by now, `closed` those nothing goes by.
    """
    work = [_due(at, {*sending, *closed}), _overdue(at), _lapsed(at), _to_look_up(at, sending)]
    found = [exists().where(condition) for condition in (*work, next_way_due(at))]
    *due, next_ways = session.execute(select(*found)).one()
    return Due(any(due), next_ways)


def _take(session: Session, statement: Select[Any], limit: int) -> list[Message]:
    """Lock the rows nobody else has, so that several dispatchers share the work and none waits for
    another."""
    locking = statement.limit(limit).with_for_update(skip_locked=True, of=Message)
    return list(session.scalars(locking.execution_options(populate_existing=True)))


def claim_due(
    session: Session,
    *,
    by: str,
    channel: Channel,
    council: Council,
    at: datetime,
    limit: int,
    lease: timedelta = LEASE,
    per_second: float = 0,
) -> list[Claim]:
    """Claim the messages of one channel that are due, first things first, and put them into words.

    "Delays first, then cancellations, then moves by R, then the rest." One at a time per visit: a message
    waits while an older one is due or on its way, "at most 90 s": from when the older was claimed and it
    itself was due. A message whose dispatcher died is only settled 150 s after it was claimed. `per_second` is
    the sender's rate, in message parts for texts and calls for calls; 0 is no limit. All dispatchers share it.
    """
    state = None
    if per_second:
        limit = min(limit, 1 + ceil(per_second * AHEAD.total_seconds()))
        state = lock_state(session, channel)
    claims: list[Claim] = []
    due = _take(session, _in_order(at, channel), limit)
    heeded = numbers.known(session, {message.to_address for message in due}) if due else {}
    for message in due:
        if state is not None and state.free_at is not None and state.free_at > at + AHEAD:
            break
        heed = heeded.get(message.to_address)
        if channel is Channel.TEXT and heed is not None and (heed.stopped_at or heed.unusable_at):
            code = STOPPED if heed.stopped_at else heed.unusable_code or "unusable"
            recording.block(session, message, code, at)
            continue
        try:
            words = render(message, council)
        except ValueError:
            # One row that cannot be put into words must not stop all that come after it.
            recording.refuse(session, message, "not-rendered", at)
            continue
        claims.append(_claim(message, words, by, at, lease, _turn(state, words, per_second, at)))
    return claims


def _in_order(at: datetime, channel: Channel) -> Select[Any]:
    return (
        select(Message)
        .where(_due(at, [channel]), Message.expires_at > at, ~older_goes_first(at))
        .order_by(Message.lane, Message.reference_at, Message.number, Message.id)
    )


def older_goes_first(at: datetime) -> ColumnElement[bool]:
    """Whether a due message waits for an older one of its visit: "one at a time per visit"."""
    older = aliased(Message)
    return exists().where(
        older.visit_id == Message.visit_id,
        older.number < Message.number,
        or_(
            and_(older.status == MessageStatus.HELD, older.next_try_at <= at),
            and_(
                older.status.in_([MessageStatus.CLAIMED, MessageStatus.UNKNOWN]),
                or_(older.claimed_at > at - ONE_AT_A_TIME, Message.send_at > at - ONE_AT_A_TIME),
            ),
        ),
    )


def _turn(state: SenderState | None, words: Words, per_second: float, at: datetime) -> datetime:
    return at if state is None else state.take_turn(words.parts or 1, per_second, at)


def _claim(message: Message, words: Words, by: str, at: datetime, lease: timedelta, turn_at: datetime) -> Claim:
    message.body, message.parts = words.body, words.parts
    message.status = MessageStatus.CLAIMED
    message.claimed_by = by
    message.claimed_at = at
    message.claim_expires_at = at + lease
    message.attempts += 1
    return Claim(
        message.id,
        message.attempts,
        message.reference,
        message.to_address,
        words,
        message.language,
        message.expires_at,
        message.claim_expires_at,
        turn_at,
    )


def claim_look_ups(session: Session, *, channel: Channel, at: datetime, limit: int) -> list[LookUp]:
    """Take the messages whose fate is to be looked up; another dispatcher may take them again in a minute."""
    statement = select(Message).where(_to_look_up(at, [channel])).order_by(Message.look_up_at, Message.id)
    look_ups = []
    for message in _take(session, statement, limit):
        message.look_up_at = at + LOOK_UP_LEASE
        accepted = message.status is MessageStatus.ACCEPTED
        look_ups.append(
            LookUp(message.id, message.carrier_id if accepted else None, _sought(session, message), at)
        )
    return look_ups


def _sought(session: Session, message: Message) -> Sought:
    others: list[str | None] = []
    since = message.decided_at - CLOCKS_DIFFER
    if message.channel is Channel.CALL:
        # A call has no words to know it by: it is one that is nobody else's.
        query = select(Message.carrier_id).where(
            Message.channel == Channel.CALL,
            Message.to_address == message.to_address,
            Message.decided_at > since - timedelta(days=1),
            Message.id != message.id,
        )
        others = list(session.scalars(query.order_by(Message.carrier_id)))
        since = message.claimed_at - CLOCKS_DIFFER if message.claimed_at else since
    return Sought(message.reference, message.to_address, since, frozenset(filter(None, others)))


def expire_overdue(session: Session, *, at: datetime, limit: int) -> int:
    """Give up messages that are no longer worth sending. "Expired: a contact task, never silence." """
    statement = select(Message).where(_overdue(at)).order_by(Message.expires_at, Message.id)
    overdue = _take(session, statement, limit)
    for message in overdue:
        recording.expire(session, message, at)
    return len(overdue)


def doubt_lapsed(session: Session, *, at: datetime, limit: int) -> int:
    """A lease ran out: its dispatcher died, before or after the carrier took the message. "An unclear outcome is
    unknown." """
    statement = select(Message).where(_lapsed(at)).order_by(Message.claim_expires_at, Message.id)
    lapsed = _take(session, statement, limit)
    for message in lapsed:
        recording.doubt(session, message, message.claim_expires_at or at, "lease-lapsed")
    return len(lapsed)


def block_closed(session: Session, *, closed: Collection[Channel], at: datetime, limit: int) -> int:
    """Pass over the messages of channels that nothing goes by now, so that their next way is tried."""
    if not closed:
        return 0
    statement = select(Message).where(_due(at, closed), Message.expires_at > at).order_by(Message.id)
    blocked = _take(session, statement, limit)
    for message in blocked:
        recording.block(session, message, "no-sender", at)
    return len(blocked)


def lock(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, Message]:
    """The rows to record outcomes in, locked in the one order in which everybody locks messages."""
    rows = session.scalars(
        select(Message)
        .where(Message.id.in_(message_ids))
        .order_by(Message.visit_id, Message.number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {message.id: message for message in rows}
