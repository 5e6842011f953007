"""Delivery receipts: what became of a message after the carrier took it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from models.contact_task import call_not_needed
from models.message import Channel, Message, MessageStatus
from models.message_event import MessageEventKind, tell
from models.number import mark_unusable, stop_texts
from models.prepared import Prepared
from models.promise import settle
from models.tally import Count, count
from notifications.ladder import STOPPED, UNUSABLE, receipt_wait
from notifications.mending import mend_next

QUEUED, SENT, FAILED, DELIVERED = 1, 2, 3, 4

_RANKS = {
    "accepted": QUEUED,
    "scheduled": QUEUED,
    "queued": QUEUED,
    "sending": QUEUED,
    "sent": SENT,
    "undelivered": FAILED,
    "failed": FAILED,
    "canceled": FAILED,
    "delivered": DELIVERED,
    "read": DELIVERED,
}
"""The carrier's words, ranked: "delivered > undelivered/failed > sent > queued". A higher one is never
undone."""


def rank_of(status: str) -> int:
    """How far a message is by the carrier's word for it; 0 is a word we do not know."""
    return _RANKS.get(status, 0)


def record_receipt(
    session: Session, message_id: UUID, *, sid: str, status: str, error_code: str | None, at: datetime
) -> bool:
    """Record one status callback. False if no message has this id.

    "Receipts come in any order, more than once, even before create returns; state is derived by rank." A
    word we do not know changes nothing.
    """
    message = session.scalar(
        select(Message).where(Message.id == message_id).with_for_update().execution_options(populate_existing=True)
    )
    if message is None:
        return False
    if apply_status(session, message, sid=sid, status=status, error_code=error_code, at=at):
        session.flush()
        settle(session, [message.visit_id])
    return True


_STANDING = Prepared(
    select(Message.receipt_rank, Message.carrier_id, Message.accepted_at).where(Message.id == bindparam("message"))
)


def is_news(connection: Connection, message_id: UUID, *, sid: str, status: str) -> bool:
    """Whether a receipt could change anything: most come more than once, and are answered by this look alone."""
    row = _STANDING.first(connection, message=message_id)
    if row is None:
        return False
    return _changes(row, sid, rank_of(status))


def _changes(message: Any, sid: str, rank: int) -> bool:
    # Should the carrier know two messages, the second is news only if it is the one that arrived.
    known = message.carrier_id in (None, sid) or rank == DELIVERED
    return bool(rank) and known and (rank > message.receipt_rank or message.accepted_at is None)


def apply_status(
    session: Session, message: Message, *, sid: str, status: str, error_code: str | None, at: datetime
) -> bool:
    """Bring a locked message up to what the carrier says of it, whoever asked. False if that is nothing new.

    It says that the carrier has the message, so one whose fate was unclear, or that was about to go again, is
    adopted under the carrier's id. Should the carrier know two, the resident has been told once either is
    delivered; what else becomes of the second is nobody's news.
    """
    rank = rank_of(status)
    if not _changes(message, sid, rank):
        return False
    message.carrier_id = message.carrier_id or sid
    message.accepted_at = message.accepted_at or at
    if rank <= message.receipt_rank:
        return False
    message.receipt_rank = rank
    if rank >= SENT:
        tell(session, message.id, MessageEventKind.RECEIPT, at, status=status, error_code=error_code)
    if rank == DELIVERED:
        _delivered(session, message, at)
    elif rank == FAILED:
        _failed(session, message, status, error_code, at)
    else:
        _accepted(message)
    return True


def it_was_answered(session: Session, message_id: UUID, at: datetime) -> None:
    """Its resident wrote back, or pressed a key: it reached them, whatever receipt is missing."""
    message = session.get_one(Message, message_id, with_for_update=True, populate_existing=True)
    if message.status is MessageStatus.DELIVERED:
        return
    message.receipt_rank = DELIVERED
    message.accepted_at = message.accepted_at or at
    tell(session, message.id, MessageEventKind.REPLIED, at)
    _delivered(session, message, at)
    session.flush()
    settle(session, [message.visit_id])


def _accepted(message: Message) -> None:
    if message.status is MessageStatus.ACCEPTED:
        return
    message.status = MessageStatus.ACCEPTED
    accepted_at = message.accepted_at
    assert accepted_at is not None  # noqa: S101 - set by the caller
    due_at = accepted_at + receipt_wait(accepted_at, message.expires_at)
    message.lookups = 0
    message.look_up_at = message.next_way_at = due_at
    if message.channel is Channel.EMAIL:
        # A mail server gives no receipt, and cannot be asked for one. Who asked for e-mail, or can be told in no
        # other way, has been told as well as can be; for anybody else it was a way round, and a person makes sure.
        message.look_up_at, message.lookups = None, 1
        message.next_way_at = None if message.is_first else due_at


def _delivered(session: Session, message: Message, at: datetime) -> None:
    """The resident knows: nothing else of this news has to go, and nobody has to ring."""
    message.status = MessageStatus.DELIVERED
    message.delivered_at = at
    message.look_up_at = message.next_way_at = None
    following = session.scalars(
        select(Message)
        .where(
            Message.visit_id == message.visit_id,
            Message.number > message.number,
            Message.news_id == message.news_id,
            Message.status == MessageStatus.HELD,
        )
        .order_by(Message.number)
        .with_for_update()
    )
    for other in following:
        other.supersede(at)
    call_not_needed(session, message.news_id)
    _count(session, message, "delivered")


def _failed(session: Session, message: Message, status: str, error_code: str | None, at: datetime) -> None:
    """It told nobody: the next way is tried."""
    undelivered = status == "undelivered"
    message.status = MessageStatus.UNDELIVERED if undelivered else MessageStatus.FAILED
    message.failed_at = at
    message.error_code = error_code
    message.look_up_at, message.next_way_at = None, at
    if message.channel is Channel.TEXT and error_code in UNUSABLE:
        mark_unusable(session, message.to_address, error_code, at)
    if message.channel is Channel.TEXT and error_code == STOPPED:
        stop_texts(session, message.to_address, at)
    mend_next(session, message, at)
    _count(session, message, message.status.value)


def _count(session: Session, message: Message, outcome: str) -> None:
    count(session, {Count("outcomes", message.channel.value, message.kind.value, outcome): 1})


def valid_twilio_signature(auth_token: str, url: str, params: Mapping[str, Any], signature: str | None) -> bool:
    """Whether Twilio signed this request. A missing signature is a bad one.

    `url` is the address Twilio called: PUBLIC_BASE_URL, the path and the raw query string, since behind a
    proxy the server sees another. `params` are the form's fields, as a mapping or as werkzeug's
    MultiDict.
    """
    if not auth_token or not signature:
        return False
    return bool(RequestValidator(auth_token).validate(url, params, signature))
