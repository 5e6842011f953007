"""The dispatcher's side of the outbox: rows claimed before the carrier is called, and what came of it.

Each function is one step of a transaction the dispatcher opens and closes around it; the carrier is
called in between, with no database connection held. A row is claimed under a lease: whoever dies with it
leaves it to be looked up at the carrier before it could go again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from models.contact_task import ContactReason, ask_for_call
from models.message import Message, MessageStatus
from notifications.mending import mend_next, put_back
from notifications.parts import measure
from notifications.receipts import apply_status
from notifications.senders.outcomes import (
    Accepted,
    Later,
    LookUpOutcome,
    Missing,
    Paused,
    Refused,
    SendOutcome,
    Unclear,
)
from notifications.texts import Council, render

LEASE = timedelta(seconds=60)
FIRST_LOOK_UP = timedelta(seconds=35)
LAST_LOOK_UP = timedelta(seconds=90)
LOOK_UP_AGAIN = timedelta(seconds=30)
LOOK_UP_LEASE = timedelta(seconds=60)
ONE_AT_A_TIME = timedelta(seconds=90)
PAUSE = timedelta(seconds=60)
PAUSE_OF_THE_TEXT = timedelta(minutes=5)
"""Longer than the sender's: should only this text meet the trouble, others go first once it resumes."""
CLOCKS_DIFFER = timedelta(minutes=5)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A text in this dispatcher's hands, until `lease_ends_at`."""

    message_id: UUID
    attempt: int
    reference: str
    to: str
    body: str
    expires_at: datetime
    lease_ends_at: datetime


@dataclass(frozen=True, slots=True)
class LookUp:
    """A text to look for at the carrier, asked for at `asked_at`."""

    message_id: UUID
    reference: str
    to: str
    since: datetime
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class NotCalled:
    """The dispatcher did not call the carrier after all: it stops, or the lease or the text was running
    out."""


def _is(status: MessageStatus) -> ColumnElement[bool]:
    # A literal, so that the planner sees which part of the index it needs.
    return Message.status == literal_column(f"'{status.value}'")


def _due(at: datetime) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.HELD), Message.next_try_at <= at)


def _overdue(at: datetime) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.HELD), Message.expires_at <= at)


def _lapsed(at: datetime) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.CLAIMED), Message.claim_expires_at <= at)


def _to_look_up(at: datetime) -> ColumnElement[bool]:
    return and_(_is(MessageStatus.UNKNOWN), Message.look_up_at <= at)


def anything_due(session: Session, at: datetime) -> bool:
    """Whether a dispatcher has anything to do: asked before a transaction that would take the one write
    lock."""
    due = or_(_due(at), _overdue(at), _lapsed(at), _to_look_up(at))
    return session.scalar(select(Message.id).where(due).limit(1)) is not None


def _take(session: Session, statement: Select[Any], limit: int) -> list[Message]:
    """Lock the rows nobody else has, so that several dispatchers share the work and none waits for
    another."""
    locking = statement.limit(limit).with_for_update(skip_locked=True, of=Message)
    return list(session.scalars(locking.execution_options(populate_existing=True)))


def claim_due(
    session: Session, *, by: str, council: Council, at: datetime, limit: int, lease: timedelta = LEASE
) -> list[Claim]:
    """Claim the texts that are due, first things first, and render them.

    "Delays first, then cancellations, then moves by R, then the rest." One at a time per visit: a text
    waits while an older one is due or on its way, "at most 90 s": from when the older was claimed and it
    itself was due. A text whose dispatcher died is only settled 150 s after it was claimed.
    """
    older = aliased(Message)
    waits = exists().where(
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
    statement = (
        select(Message)
        .where(_due(at), Message.expires_at > at, ~waits)
        .order_by(Message.lane, Message.reference_at, Message.number, Message.id)
    )
    claims = []
    for message in _take(session, statement, limit):
        try:
            message.body = render(message, council)
        except ValueError:
            # One row that cannot be put into words must not stop all that come after it.
            _refuse(session, message, ContactReason.TEXT_REFUSED, "not-rendered", at)
            continue
        message.parts = measure(message.body).parts
        message.status = MessageStatus.CLAIMED
        message.claimed_by = by
        message.claimed_at = at
        message.claim_expires_at = at + lease
        message.attempts += 1
        claims.append(
            Claim(
                message.id,
                message.attempts,
                message.reference,
                message.to_number,
                message.body,
                message.expires_at,
                message.claim_expires_at,
            )
        )
    return claims


def claim_look_ups(session: Session, *, at: datetime, limit: int) -> list[LookUp]:
    """Take the texts whose fate is to be looked up; another dispatcher may take them again in a minute."""
    statement = select(Message).where(_to_look_up(at)).order_by(Message.look_up_at, Message.id)
    look_ups = []
    for message in _take(session, statement, limit):
        message.look_up_at = at + LOOK_UP_LEASE
        since = message.decided_at - CLOCKS_DIFFER
        look_ups.append(LookUp(message.id, message.reference, message.to_number, since, at))
    return look_ups


def expire_overdue(session: Session, *, at: datetime, limit: int) -> int:
    """Give up texts that are no longer worth sending. "Expired: a contact task, never silence." """
    statement = select(Message).where(_overdue(at)).order_by(Message.expires_at, Message.id)
    overdue = _take(session, statement, limit)
    for message in overdue:
        _expire(session, message, at)
    return len(overdue)


def doubt_lapsed(session: Session, *, at: datetime, limit: int) -> int:
    """A lease ran out: its dispatcher died, before or after the carrier took the text. "An unclear outcome is
    unknown." """
    statement = select(Message).where(_lapsed(at)).order_by(Message.claim_expires_at, Message.id)
    lapsed = _take(session, statement, limit)
    for message in lapsed:
        _doubt(message, message.claim_expires_at or at, "lease-lapsed")
    return len(lapsed)


def lock(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, Message]:
    """The rows to record outcomes in, locked in one order whoever locks them."""
    rows = session.scalars(
        select(Message)
        .where(Message.id.in_(message_ids))
        .order_by(Message.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {message.id: message for message in rows}


def record_sent(
    session: Session,
    message: Message,
    claim: Claim,
    outcome: SendOutcome | NotCalled,
    *,
    by: str,
    carrier: str,
    at: datetime,
) -> None:
    """Record what came of a claim. An acceptance is always news; anything else only while the claim is
    ours: a receipt may have overtaken the answer, or another dispatcher the lease."""
    if isinstance(outcome, Accepted):
        _adopt(session, message, outcome, carrier, at)
        return
    ours = message.status is MessageStatus.CLAIMED and message.claimed_by == by
    if not ours or message.attempts != claim.attempt:
        return
    match outcome:
        case Refused(error_code, stopped):
            message.carrier = carrier
            reason = ContactReason.TEXT_STOPPED if stopped else ContactReason.TEXT_REFUSED
            _refuse(session, message, reason, error_code, at)
        case Later(wait):
            put_back(session, message, next_try_at=at + wait)
        case Paused():
            put_back(session, message, next_try_at=at + PAUSE_OF_THE_TEXT)
        case NotCalled():
            put_back(session, message, next_try_at=at)
        case Unclear(why):
            _doubt(message, at, why)


def record_looked_up(
    session: Session,
    message: Message,
    look_up: LookUp,
    outcome: LookUpOutcome,
    *,
    carrier: str,
    at: datetime,
) -> None:
    """Record what a look-up found: "adopt it if found, send again only if not".

    Only a look-up asked for 90 s after the doubt is believed when it finds nothing. One that cannot be
    made is made again; once the text has expired, a person rings.
    """
    if isinstance(outcome, Accepted):
        _adopt(session, message, outcome, carrier, at)
        return
    if message.status is not MessageStatus.UNKNOWN:
        return
    doubted_at = message.unclear_at or look_up.asked_at
    if isinstance(outcome, Missing):
        message.lookups += 1
        if look_up.asked_at >= doubted_at + LAST_LOOK_UP:
            put_back(session, message, next_try_at=at)
        else:
            message.look_up_at = doubted_at + LAST_LOOK_UP
    elif message.expires_at <= at:
        _expire(session, message, at)
    else:
        wait = max(outcome.wait, LOOK_UP_AGAIN) if isinstance(outcome, Later) else LOOK_UP_AGAIN
        message.look_up_at = at + wait


def _adopt(session: Session, message: Message, outcome: Accepted, carrier: str, at: datetime) -> None:
    """The carrier has it, whatever we had come to think: it will not go again."""
    message.carrier = carrier
    apply_status(
        session,
        message,
        sid=outcome.carrier_id,
        status=outcome.status,
        error_code=outcome.error_code,
        at=at,
    )
    if message.accepted_at is None:
        # A word for its progress that we do not know is an acceptance all the same.
        apply_status(session, message, sid=outcome.carrier_id, status="accepted", error_code=None, at=at)
    if message.accepted_at and outcome.accepted_at:
        message.accepted_at = min(message.accepted_at, outcome.accepted_at)
    _log("text_accepted", message, carrier_id=outcome.carrier_id)


def _doubt(message: Message, unclear_at: datetime, why: str) -> None:
    message.status = MessageStatus.UNKNOWN
    message.unclear_at = unclear_at
    message.look_up_at = unclear_at + FIRST_LOOK_UP
    message.lookups = 0
    _log("text_unclear", message, why=why)


def _refuse(session: Session, message: Message, reason: ContactReason, error_code: str, at: datetime) -> None:
    stopped = reason is ContactReason.TEXT_STOPPED
    message.status = MessageStatus.BLOCKED if stopped else MessageStatus.FAILED
    message.failed_at, message.error_code = at, error_code
    _ask_for_call(session, message, reason, at)
    mend_next(session, message)
    _log("text_refused", message, error_code=error_code)


def _expire(session: Session, message: Message, at: datetime) -> None:
    message.status = MessageStatus.EXPIRED
    message.look_up_at = None
    _ask_for_call(session, message, ContactReason.TEXT_EXPIRED, at)
    mend_next(session, message)
    _log("text_expired", message)


def _ask_for_call(session: Session, message: Message, reason: ContactReason, at: datetime) -> None:
    ask_for_call(
        session,
        visit_id=message.visit_id,
        resident_id=message.resident_id,
        message_id=message.id,
        reason=reason,
        detail=message.kind.value,
        reference_at=message.reference_at,
        at=at,
    )


def _log(event: str, message: Message, **fields: str) -> None:
    log.info(event, extra={"message_id": str(message.id), "visit_id": str(message.visit_id), **fields})
