"""Delivery receipts: what became of a text after the carrier took it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from models.contact_task import ContactReason, ask_for_call, call_not_needed
from models.message import GONE, Message, MessageStatus
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
    apply_status(session, message, sid=sid, status=status, error_code=error_code, at=at)
    return True


def apply_status(
    session: Session, message: Message, *, sid: str, status: str, error_code: str | None, at: datetime
) -> None:
    """Bring a locked message up to what the carrier says of it, whoever asked.

    It says that the carrier has the text, so a text whose fate was unclear, or that was about to go again, is
    adopted under the carrier's id. Should the carrier know two, the resident has been told once either is
    delivered; what else becomes of the second is nobody's news.
    """
    rank = _RANKS.get(status, 0)
    if not rank or (message.carrier_id not in (None, sid) and rank < DELIVERED):
        return
    message.carrier_id = message.carrier_id or sid
    message.accepted_at = message.accepted_at or at
    if rank <= message.receipt_rank:
        return
    message.receipt_rank = rank
    if rank == DELIVERED:
        given_up = message.status not in (MessageStatus.HELD, *GONE)
        message.status = MessageStatus.DELIVERED
        message.delivered_at = at
        if given_up:
            call_not_needed(session, message.id)
    elif rank == FAILED:
        undelivered = status == "undelivered"
        message.status = MessageStatus.UNDELIVERED if undelivered else MessageStatus.FAILED
        message.failed_at = at
        message.error_code = error_code
        ask_for_call(
            session,
            visit_id=message.visit_id,
            resident_id=message.resident_id,
            message_id=message.id,
            reason=ContactReason.TEXT_UNDELIVERED,
            detail=message.kind.value,
            reference_at=message.reference_at,
            at=at,
        )
        mend_next(session, message)
    else:
        message.status = MessageStatus.ACCEPTED


def valid_twilio_signature(auth_token: str, url: str, params: Mapping[str, Any], signature: str | None) -> bool:
    """Whether Twilio signed this request. A missing signature is a bad one.

    `url` is the address Twilio called: PUBLIC_BASE_URL, the path and the raw query string, since behind a
    proxy the server sees another. `params` are the form's fields, as a mapping or as werkzeug's
    MultiDict.
    """
    if not auth_token or not signature:
        return False
    return bool(RequestValidator(auth_token).validate(url, params, signature))
