"""Delivery receipts: what became of a message after the carrier took it."""

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from models.contact_task import ask_to_tell, call_not_needed
from models.database import changing, looking, transaction
from models.message import Channel, Message, MessageStatus
from models.message_event import MessageEventKind, line, telling
from models.number import mark_unusable, stop_texts
from models.prepared import Prepared, Source, Together
from models.promise import HEARD, ToldBy, settle
from models.tally import count
from notifications.ladder import STOPPED, UNUSABLE, receipt_wait
from notifications.mending import mend_next
from notifications.notes import note, note_outcome, outcome, write_down

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


def take_receipt(message_id: UUID, *, sid: str, status: str, error_code: str | None, at: datetime) -> None:
    """Record a receipt that has come, in no more of a transaction than it takes.

    Most come more than once, and are answered by one look; most others say the usual.
    """
    news = is_news(looking(), message_id, sid=sid, status=status)
    if news and rank_of(status) in (SENT, DELIVERED):
        with changing() as connection:
            news = not record_usual(connection, message_id, sid=sid, status=status, at=at)
    if news:
        with transaction() as session:
            record_receipt(session, message_id, sid=sid, status=status, error_code=error_code, at=at)


def record_receipt(
    session: Session, message_id: UUID, *, sid: str, status: str, error_code: str | None, at: datetime
) -> bool:
    """Record one status callback. False if no message has this id.

    "Receipts come in any order, more than once, even before create returns; state is derived by rank." A
    word we do not know changes nothing.
    """
    message = session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if message is None:
        return False
    if apply_status(session, message, sid=sid, status=status, error_code=error_code, at=at):
        session.flush()
        settle(session, [message.visit_id])
    write_down(session)
    return True


def record_usual(connection: Connection, message_id: UUID, *, sid: str, status: str, at: datetime) -> bool:
    """Record what most receipts say: a text that the carrier has was sent or delivered, and nothing else hangs on
    it. False, and nothing is done, if it is not so: then `record_receipt` has more to do.

    They come by the hundred a second, so this is a handful of prepared statements.
    """
    rank = rank_of(status)
    row = _LOCK.first(connection, message=message_id)
    if row is None or row.status is not MessageStatus.ACCEPTED or row.carrier_id != sid:
        return False
    if rank <= row.receipt_rank:
        return False
    message = SimpleNamespace(**row._asdict())
    message.receipt_rank = rank
    told = line(message_id, MessageEventKind.RECEIPT, at, status=status)
    values = {f"line_{name}": value for name, value in told.items()} | {"key": message_id}
    if rank == SENT:
        _SAVE_SENT.run(connection, **vars(message), **values)
        return True
    if _has_open_ends(connection, message):
        return False
    _mark_delivered(message, at)
    _SAVE_DELIVERED.run(connection, **vars(message), **values, told_by=ToldBy(message.channel))
    count(connection, outcome(message, "delivered"))
    return True


_READ = ("visit_id", "number", "news_id", "kind", "channel", "carrier_id", "accepted_at")
_WRITTEN = ("status", "receipt_rank", "delivered_at", "look_up_at", "next_way_at")
_ROW = Message.__table__.columns
_LOCK = Prepared(
    select(*(_ROW[name] for name in (*_READ, *_WRITTEN)))
    .where(Message.id == bindparam("message"))
    .with_for_update()
)
_SAVING = (
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.id == bindparam("key"))
    .values({name: bindparam(name) for name in _WRITTEN})
)
_SAVE_SENT = Together(_SAVING, telling("line_"))
_SAVE_DELIVERED = Together(HEARD, _SAVING, telling("line_"))
"""What the usual receipt reads of a message and writes to it."""

_STANDING = Prepared(
    select(Message.receipt_rank, Message.carrier_id, Message.accepted_at).where(Message.id == bindparam("message"))
)


def is_news(connection: Connection, message_id: UUID, *, sid: str, status: str) -> bool:
    """Whether a receipt could change anything."""
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
        note(session, message.id, MessageEventKind.RECEIPT, at, status=status, error_code=error_code)
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
    note(session, message.id, MessageEventKind.REPLIED, at)
    _delivered(session, message, at)
    session.flush()
    settle(session, [message.visit_id])
    write_down(session)


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
        message.next_way_at = None if message.id == message.news_id else due_at


def _delivered(session: Session, message: Message, at: datetime) -> None:
    """The resident knows: nothing else of this news has to go, and nobody has to ring."""
    _mark_delivered(message, at)
    session.flush()
    if _has_open_ends(session, message):
        _stop_following(session, message, at)
        call_not_needed(session, message.news_id)
    note_outcome(session, message, "delivered")


_FOLLOWING = (
    Message.visit_id == bindparam("visit", type_=Uuid()),
    Message.number > bindparam("number"),
    Message.news_id == bindparam("news", type_=Uuid()),
    Message.status == MessageStatus.HELD,
)
_OPEN_ENDS = Prepared(
    select(or_(exists().where(*_FOLLOWING), exists().where(ask_to_tell(bindparam("news", type_=Uuid())))))
)


def _has_open_ends(on: Source, message: Any) -> bool:
    """Whether anything or anybody else was to tell this news: seldom, so that one look replaces two changes."""
    found = _OPEN_ENDS.first(on, visit=message.visit_id, number=message.number, news=message.news_id)
    return bool(found and found[0])


def _mark_delivered(message: Any, at: datetime) -> None:
    """Say of a message, or of what was read of one, that it reached its resident."""
    message.status = MessageStatus.DELIVERED
    message.delivered_at = at
    message.look_up_at = message.next_way_at = None


def _stop_following(session: Session, message: Message, at: datetime) -> None:
    following = session.scalars(
        select(Message).where(*_FOLLOWING).order_by(Message.number).with_for_update(),
        {"visit": message.visit_id, "number": message.number, "news": message.news_id},
    )
    for other in following:
        other.supersede(at)


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
    note_outcome(session, message, message.status.value)


def valid_twilio_signature(auth_token: str, url: str, params: Mapping[str, Any], signature: str | None) -> bool:
    """Whether Twilio signed this request. A missing signature is a bad one.

    `url` is the address Twilio called: PUBLIC_BASE_URL, the path and the raw query string, since behind a
    proxy the server sees another. `params` are the form's fields, as a mapping or as werkzeug's
    MultiDict.
    """
    if not auth_token or not signature:
        return False
    return bool(RequestValidator(auth_token).validate(url, params, signature))
