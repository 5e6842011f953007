"""What came of a message once a dispatcher had it: written down, with its line in the message's story."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ask_for_call
from models.message import NO_NEWS, Channel, Message, MessageKind, MessageStatus
from models.message_event import MessageEventKind
from models.number import mark_unusable, stop_texts
from models.prepared import Prepared
from models.tally import Count
from models.visit import Visit
from notifications.ladder import UNUSABLE, receipt_wait
from notifications.mending import is_untrue, mend_next, put_back
from notifications.notes import note, note_counts, note_outcome
from notifications.receipts import QUEUED, apply_status, rank_of
from notifications.senders.outcomes import (
    Accepted,
    Later,
    LookUpOutcome,
    Missing,
    Paused,
    Refused,
    SendOutcome,
    Unclear,
    Untraceable,
)

FIRST_LOOK_UP = timedelta(seconds=35)
LAST_LOOK_UP = timedelta(seconds=90)
LOOK_UP_AGAIN = timedelta(seconds=30)
ASK_AGAIN = (timedelta(hours=1), timedelta(hours=11))
"""When a receipt that never came is asked for again, for the record, after the first time."""

PAUSE = timedelta(seconds=60)
PAUSE_OF_THE_MESSAGE = timedelta(minutes=5)
"""Longer than the sender's: should only this message meet the trouble, others go first once it resumes."""

LATENESS_S = (1, 5, 10, 30, 60, 300)
"""Buckets of how long after its time a message was handed over."""

log = logging.getLogger(__name__)


class NotCalled:
    """The dispatcher did not call the carrier after all: it stops, or the lease or the message was running out."""


STANDING = (
    Message.id,
    Message.visit_id,
    Message.channel,
    Message.kind,
    Message.status,
    Message.parts,
    Message.send_at,
    Message.expires_at,
    Message.attempts,
    Message.claimed_by,
    Message.carrier_id,
    Message.accepted_at,
    Message.receipt_rank,
)
"""What recording that a message was taken reads of it."""

_TAKEN = Prepared(
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.id == bindparam("key"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "status",
                "carrier",
                "carrier_id",
                "accepted_at",
                "receipt_rank",
                "lookups",
                "look_up_at",
                "next_way_at",
            )
        }
    )
)


def merely_taken(row: Any, outcome: SendOutcome | LookUpOutcome | NotCalled) -> bool:
    """Whether this is what becomes of most: a text was taken, to which nothing else has happened meanwhile.

    Then recording it changes its own row and no other.
    """
    return (
        isinstance(outcome, Accepted)
        and rank_of(outcome.status) == QUEUED
        and row.channel is Channel.TEXT
        and row.status is MessageStatus.CLAIMED
        and row.carrier_id is None
    )


def save_taken(session: Session, rows: Iterable[Any]) -> None:
    """Write what recording has changed of rows that were `merely_taken`."""
    _TAKEN.run_many(session, [vars(row) | {"key": row.id} for row in rows])


def record_sent(
    session: Session,
    message: Message,
    attempt: int,
    outcome: SendOutcome | NotCalled,
    *,
    by: str,
    carrier: str,
    at: datetime,
) -> None:
    """Record what came of a claim. An acceptance is always news; anything else only while the claim is
    ours: a receipt may have overtaken the answer, or another dispatcher the lease."""
    if isinstance(outcome, Accepted):
        adopt(session, message, outcome, carrier, at)
        return
    ours = message.status is MessageStatus.CLAIMED and message.claimed_by == by
    if not ours or message.attempts != attempt:
        return
    message.carrier = carrier
    match outcome:
        case Refused(error_code, stopped=True):
            stop_texts(session, message.to_address, at)
            block(session, message, error_code, at)
        case Refused(error_code):
            refuse(session, message, error_code, at)
        case Paused(error_code) if message.channel is not Channel.TEXT:
            # Calls and e-mails are ways round: when one is closed, the next is tried and nobody waits.
            refuse(session, message, error_code, at)
        case Paused(error_code):
            _postpone(session, message, PAUSE_OF_THE_MESSAGE, f"account-{error_code}", at)
        case Later() if message.channel is not Channel.TEXT and _has_waited(message, at):
            refuse(session, message, "busy", at)
        case Later(wait):
            _postpone(session, message, wait, "busy", at)
        case Unclear(why):
            doubt(session, message, at, why)
        case NotCalled():
            put_back(session, message, at)


def _has_waited(message: Message, at: datetime) -> bool:
    """Whether it could not go for as long as a receipt is waited for: a person can still tell them in time."""
    return at - message.send_at >= receipt_wait(message.send_at, message.expires_at)


def record_looked_up(
    session: Session, message: Message, asked_at: datetime, outcome: LookUpOutcome, *, carrier: str, at: datetime
) -> None:
    """Record what a look-up found: "adopt it if found, send again only if not".

    Only a look-up asked for 90 s after the doubt is believed when it finds nothing. One that cannot be
    made is made again; once the message has expired, a person rings.
    """
    if message.status is MessageStatus.ACCEPTED:
        _record_asked(session, message, outcome, carrier, at)
        return
    if isinstance(outcome, Accepted):
        adopt(session, message, outcome, carrier, at, found=True)
        return
    if message.status is not MessageStatus.UNKNOWN:
        return
    doubted_at = message.unclear_at or asked_at
    if isinstance(outcome, Untraceable):
        # It may have arrived: sent again it could arrive twice, so another way has to do.
        refuse(session, message, "untraceable", at)
    elif isinstance(outcome, Missing):
        message.lookups += 1
        note(session, message.id, MessageEventKind.LOOKED_UP, at, found=False)
        if asked_at >= doubted_at + LAST_LOOK_UP:
            put_back(session, message, at)
        else:
            message.look_up_at = doubted_at + LAST_LOOK_UP
    elif message.expires_at <= at:
        expire(session, message, at)
    else:
        wait = max(outcome.wait, LOOK_UP_AGAIN) if isinstance(outcome, Later) else LOOK_UP_AGAIN
        message.look_up_at = at + wait


def _record_asked(session: Session, message: Message, outcome: LookUpOutcome, carrier: str, at: datetime) -> None:
    """The carrier was asked for a receipt that never came."""
    message.lookups += 1
    asked = message.lookups
    if isinstance(outcome, Accepted):
        note(session, message.id, MessageEventKind.LOOKED_UP, at, found=True, status=outcome.status)
        adopt(session, message, outcome, carrier, at)
    if message.status is MessageStatus.ACCEPTED:
        message.look_up_at = at + ASK_AGAIN[asked - 1] if asked <= len(ASK_AGAIN) else None


def adopt(
    session: Session, message: Message, outcome: Accepted, carrier: str, at: datetime, *, found: bool = False
) -> None:
    """The carrier has it, whatever we had come to think: it will not go again."""
    news = message.accepted_at is None
    message.carrier = carrier
    sid, error_code = outcome.carrier_id, outcome.error_code
    apply_status(session, message, sid=sid, status=outcome.status, error_code=error_code, at=at)
    if message.accepted_at is None:
        # A word for its progress that we do not know is an acceptance all the same.
        apply_status(session, message, sid=sid, status="accepted", error_code=None, at=at)
    if message.accepted_at and outcome.accepted_at:
        message.accepted_at = min(message.accepted_at, outcome.accepted_at)
    if not news:
        return
    accepted_at = message.accepted_at or at
    note(
        session,
        message.id,
        MessageEventKind.ACCEPTED,
        at,
        carrier=carrier,
        attempt=message.attempts,
        found=found or None,
    )
    _note_accepted(session, message, accepted_at)
    _log("message_accepted", message, carrier_id=outcome.carrier_id)


def doubt(session: Session, message: Message, unclear_at: datetime, why: str) -> None:
    """It may have gone: look for it at the carrier before anything else."""
    message.status = MessageStatus.UNKNOWN
    message.unclear_at = unclear_at
    message.look_up_at = unclear_at + FIRST_LOOK_UP
    message.lookups = 0
    note(session, message.id, MessageEventKind.UNCLEAR, unclear_at, why=why)
    note_outcome(session, message, "unclear")
    _log("message_unclear", message, why=why)


def refuse(session: Session, message: Message, error_code: str, at: datetime) -> None:
    """It was not taken, and never will be: the next way is tried."""
    if error_code in UNUSABLE and message.channel is Channel.TEXT:
        mark_unusable(session, message.to_address, error_code, at)
    _give_up(session, message, MessageStatus.FAILED, error_code, at)
    note(session, message.id, MessageEventKind.REFUSED, at, error_code=error_code)
    note_outcome(session, message, "refused")
    _log("message_refused", message, error_code=error_code)


def block(session: Session, message: Message, error_code: str, at: datetime) -> None:
    """It must not go this way: "STOP means 'not by text', never 'not told'"."""
    _give_up(session, message, MessageStatus.BLOCKED, error_code, at)
    note(session, message.id, MessageEventKind.BLOCKED, at, error_code=error_code)
    note_outcome(session, message, "blocked")
    _log("message_blocked", message, error_code=error_code)


def _give_up(session: Session, message: Message, status: MessageStatus, error_code: str, at: datetime) -> None:
    message.status = status
    message.failed_at, message.error_code = at, error_code
    message.look_up_at, message.next_way_at = None, at
    mend_next(session, message, at)


def expire(session: Session, message: Message, at: datetime) -> None:
    """It is no longer worth sending: a person rings, if it had to be heard and is still true."""
    message.status = MessageStatus.EXPIRED
    message.failed_at = at
    message.look_up_at = message.next_way_at = None
    status = session.scalars(select(Visit.status).where(Visit.id == message.visit_id)).one()
    # Whoever was asked to ring about a new time says the apology as well.
    must_hear = message.kind not in (*NO_NEWS, MessageKind.MISSED) and not is_untrue(session, message, status)
    task_id = _ask_to_tell(session, message, at) if must_hear else None
    mend_next(session, message, at)
    note(session, message.id, MessageEventKind.EXPIRED, at, contact_task_id=task_id)
    note_outcome(session, message, "expired")
    _log("message_expired", message)


def _ask_to_tell(session: Session, message: Message, at: datetime) -> UUID:
    task = ask_for_call(
        session,
        visit_id=message.visit_id,
        resident_id=message.resident_id,
        message_id=message.news_id,
        reason=ContactReason.TEXT_EXPIRED,
        detail=message.kind.value,
        reference_at=message.reference_at,
        at=at,
    )
    return task.id


def _postpone(session: Session, message: Message, wait: timedelta, why: str, at: datetime) -> None:
    note(session, message.id, MessageEventKind.POSTPONED, at, why=why, seconds=wait.total_seconds())
    note_outcome(session, message, "postponed")
    put_back(session, message, at, wait)


def _note_accepted(session: Session, message: Message, accepted_at: datetime) -> None:
    """For the metrics: how many parts went, and how late."""
    channel, kind = message.channel.value, message.kind.value
    late_s = max(0.0, (accepted_at - message.send_at).total_seconds())
    bucket = next((f"{bound}" for bound in LATENESS_S if late_s <= bound), "+Inf")
    note_outcome(session, message, "accepted")
    # A count of whole milliseconds: a Counter of ints stays one.
    late = {Count("lateness", channel, kind, bucket): 1, Count("lateness_ms", channel, kind): round(late_s * 1000)}
    note_counts(session, late | ({Count("parts", channel, kind): message.parts} if message.parts else {}))


def _log(event: str, message: Message, **fields: Any) -> None:
    log.info(event, extra={"message_id": str(message.id), "visit_id": str(message.visit_id), **fields})
