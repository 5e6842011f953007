"""The dispatcher's side of the outbox: rows claimed before the carrier is called.

Each function is one step of a transaction the dispatcher opens and closes around it; the carrier is
called in between, with no database connection held. A row is claimed under a lease: whoever dies with it
leaves it to be looked up at the carrier before it could go again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import compress
from math import ceil
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from models.message import Channel, Message, MessageStatus
from models.number import Number
from models.prepared import Prepared
from models.sender_state import lock_state
from models.visit import Visit
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


Moment = datetime | BindParameter[Any]
"""A time in a question: the time itself, or its place in a prepared statement."""


class Due(NamedTuple):
    """What there is to do: by which channels messages and look-ups are due, and whether anything else is."""

    to_send: frozenset[Channel]
    look_ups: frozenset[Channel]
    overdue: bool
    lapsed: bool
    next_ways: bool


def _is(status: MessageStatus) -> ColumnElement[bool]:
    # A literal, so that the planner sees which part of the index it needs.
    return Message.status == literal_column(f"'{status.value}'")


def _due(at: Moment, channel: Channel | BindParameter[Any]) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.HELD), Message.channel == channel, Message.next_try_at <= at)


def _overdue(at: Moment, unanswered_since: Moment) -> ColumnElement[bool]:
    """What is no longer worth sending; also what may have gone, if nobody has looked it up in time."""
    not_looked_up = and_(_is(MessageStatus.UNKNOWN), Message.look_up_at <= unanswered_since)
    return and_(or_(_is(MessageStatus.HELD), not_looked_up), Message.expires_at <= at)


def _lapsed(at: Moment) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.CLAIMED), Message.claim_expires_at <= at)


def _to_look_up(at: Moment, channel: Channel) -> ColumnElement[bool]:
    return and_(Message.look_up_at <= at, Message.channel == channel)


def next_way_due(at: Moment, unanswered_since: Moment) -> ColumnElement[bool]:
    """The messages that told nobody in time.

    One that the carrier has is asked for first, since only its receipt may be missing; but not for longer than a
    minute (`LOOK_UP_LEASE` before `at`), should the carrier not answer.
    """
    asked = or_(
        Message.status != MessageStatus.ACCEPTED,
        Message.lookups > 0,
        Message.next_way_at <= unanswered_since,
    )
    return and_(Message.next_way_at <= at, asked)


def what_is_due(
    session: Session, at: datetime, *, sending: Collection[Channel], closed: Collection[Channel]
) -> Due:
    """What a dispatcher has to do: asked before a transaction that would take the one write lock.

    `sending` are the channels it has room to send by now, `closed` those nothing goes by.
    """
    ways, asked = tuple(sorted({*sending, *closed})), tuple(sorted(sending))
    found = _look_for(ways, asked).all(session, at=at, unanswered_since=at - LOOK_UP_LEASE)
    overdue, lapsed, next_ways, *of_channels = found[0]
    to_send, look_ups = of_channels[: len(ways)], of_channels[len(ways) :]
    return Due(
        frozenset(compress(ways, to_send)), frozenset(compress(asked, look_ups)), overdue, lapsed, next_ways
    )


@cache
def _look_for(ways: tuple[Channel, ...], asked: tuple[Channel, ...]) -> Prepared:
    at: BindParameter[Any] = bindparam("at")
    since: BindParameter[Any] = bindparam("unanswered_since")
    conditions = [_overdue(at, since), _lapsed(at), next_way_due(at, since)]
    conditions += [_due(at, channel) for channel in ways] + [_to_look_up(at, channel) for channel in asked]
    return Prepared(select(*(exists().where(condition) for condition in conditions)))


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
    the sender's rate, in message parts for texts and calls for calls; 0 is no limit. One dispatcher at a time
    sends at a rate.
    """
    state = None
    if per_second:
        limit = min(limit, 1 + ceil(per_second * AHEAD.total_seconds()))
        state = lock_state(session, channel)
        if not state.pace(by, at):
            return []
    claims: list[Claim] = []
    # What this transaction has done already, such as expiring messages, has to be seen.
    session.flush()
    for row in _DUE_IN_ORDER.all(session, channel=channel, at=at, since=at - ONE_AT_A_TIME, limit=limit):
        if state is not None and state.free_at is not None and state.free_at > at + AHEAD:
            break
        if channel is Channel.TEXT and (row.stopped_at or row.unusable_at):
            code = STOPPED if row.stopped_at else row.unusable_code or "unusable"
            recording.block(session, session.get_one(Message, row.id, populate_existing=True), code, at)
            continue
        try:
            words = render(row, council, row.visit_reference)
        except ValueError:
            # One row that cannot be put into words must not stop all that come after it.
            recording.refuse(session, session.get_one(Message, row.id, populate_existing=True), "not-rendered", at)
            continue
        turn_at = at if state is None else state.take_turn(words.parts or 1, per_second, at)
        claims.append(_claim(row, words, at + lease, turn_at))
    if claims:
        _CLAIM.run_many(
            session,
            [
                {
                    "key": claim.message_id,
                    "by": by,
                    "at": at,
                    "until": claim.lease_ends_at,
                    "body": claim.words.kept,
                    "parts": claim.words.parts,
                }
                for claim in claims
            ],
        )
    return claims


_TO_SEND = (
    Message.id,
    Message.kind,
    Message.channel,
    Message.reference,
    Message.to_address,
    Message.language,
    Message.previous_starts_at,
    Message.starts_at,
    Message.expected_at,
    Message.previous_expected_at,
    Message.said,
    Message.window_from_at,
    Message.window_to_at,
    Message.expires_at,
    Message.attempts,
    select(Visit.reference).where(Visit.id == Message.visit_id).scalar_subquery().label("visit_reference"),
    Number.stopped_at,
    Number.unusable_at,
    Number.unusable_code,
)
"""What sending a message takes, and what is to be heeded about its number. Whole rows would cost several times
that, when thousands wait."""


def older_goes_first(at: Any, since: Any) -> ColumnElement[bool]:
    """Whether a due message waits for an older one of its visit: "one at a time per visit".

    `at` is now, `since` 90 s ago: times, or the names of a prepared statement's values.
    """
    older = aliased(Message)
    return exists().where(
        older.visit_id == Message.visit_id,
        older.number < Message.number,
        or_(
            and_(older.status == MessageStatus.HELD, older.next_try_at <= at),
            and_(
                or_(older.status == MessageStatus.CLAIMED, older.status == MessageStatus.UNKNOWN),
                or_(older.claimed_at > since, Message.send_at > since),
            ),
        ),
    )


_DUE_IN_ORDER = Prepared(
    select(*_TO_SEND)
    .outerjoin(Number, Number.number == Message.to_address)
    .where(
        _due(bindparam("at"), bindparam("channel")),
        Message.expires_at > bindparam("at"),
        ~older_goes_first(bindparam("at"), bindparam("since")),
    )
    .order_by(Message.lane, Message.reference_at, Message.number, Message.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, of=Message)
)

_CLAIM = Prepared(
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.id == bindparam("key"))
    .values(
        status=MessageStatus.CLAIMED,
        claimed_by=bindparam("by"),
        claimed_at=bindparam("at"),
        claim_expires_at=bindparam("until"),
        attempts=Message.attempts + 1,
        body=bindparam("body"),
        parts=bindparam("parts"),
    )
)


def _claim(row: Any, words: Words, lease_ends_at: datetime, turn_at: datetime) -> Claim:
    return Claim(
        row.id,
        row.attempts + 1,
        row.reference,
        row.to_address,
        words,
        row.language,
        row.expires_at,
        lease_ends_at,
        turn_at,
    )


def claim_look_ups(session: Session, *, channel: Channel, at: datetime, limit: int) -> list[LookUp]:
    """Take the messages whose fate is to be looked up; another dispatcher may take them again in a minute."""
    statement = select(Message).where(_to_look_up(at, channel)).order_by(Message.look_up_at, Message.id)
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
    statement = select(Message).where(_overdue(at, at - LOOK_UP_LEASE)).order_by(Message.expires_at, Message.id)
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
    due = or_(*(_due(at, channel) for channel in sorted(closed)))
    statement = select(Message).where(due, Message.expires_at > at).order_by(Message.id)
    blocked = _take(session, statement, limit)
    for message in blocked:
        recording.block(session, message, "no-sender", at)
    return len(blocked)


def standing(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, Any]:
    """How the messages stand whose outcomes are to be recorded, locked in the one order in which everybody locks
    messages.

    Just enough of each, apart from the session, for the outcome of most: it was taken (`recording.merely_taken`).
    """
    rows = session.execute(
        select(*recording.STANDING)
        .where(Message.id.in_(message_ids))
        .order_by(Message.visit_id, Message.number)
        .with_for_update()
    )
    return {row.id: SimpleNamespace(**row._asdict()) for row in rows}


def lock(session: Session, message_ids: Collection[UUID]) -> dict[UUID, Message]:
    """The whole rows of messages, locked in that order, for outcomes of which more may follow."""
    rows = session.scalars(
        select(Message)
        .where(Message.id.in_(message_ids))
        .order_by(Message.visit_id, Message.number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {message.id: message for message in rows}
