"""What became of each message, step by step, as the dispatchers and the carrier's receipts tell it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, Index, Insert, bindparam, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, new_id
from models.prepared import Prepared


class MessageEventKind(StrEnum):
    """What can happen to a message once it was due.

    `postponed`: it certainly did not go, and waits for its next try. `unclear`: it may have gone. `looked_up`:
    the carrier was asked. `receipt`: the carrier's own word. `next_way`: it told nobody in time, so another
    message or a person takes over. `resent`: somebody here sent it again by hand.
    """

    ACCEPTED = "accepted"
    POSTPONED = "postponed"
    UNCLEAR = "unclear"
    LOOKED_UP = "looked_up"
    REFUSED = "refused"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    RECEIPT = "receipt"
    REPLIED = "replied"
    NEXT_WAY = "next_way"
    RESENT = "resent"


class MessageEvent(Base):
    """One line of a message's story. Never changed."""

    __tablename__ = "message_events"
    __table_args__ = (Index("ix_message_events_message", "message_id", "at", "id"),)

    id: Mapped[UUID] = new_id()
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id"))
    at: Mapped[datetime]
    kind: Mapped[MessageEventKind] = mapped_column(by_value(MessageEventKind))
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


Line = dict[str, Any]
"""A line of a message's story that is still to be written, by its columns."""


def line(message_id: UUID, kind: MessageEventKind, at: datetime, **details: Any) -> Line:
    """A line of a message's story. Fields that are None are left out."""
    told = {name: value for name, value in details.items() if value is not None}
    return {"id": uuid4(), "message_id": message_id, "kind": kind, "at": at, "details": told}


def tell(session: Session, message_id: UUID, kind: MessageEventKind, at: datetime, **details: Any) -> None:
    """Add a line to a message's story. The message itself has to be written before."""
    tell_all(session, [line(message_id, kind, at, **details)])


def tell_all(session: Session, lines: Sequence[Line]) -> None:
    """Add lines to the stories of many messages at once."""
    _TELL.run_many(session, lines)


def telling(prefix: str = "") -> Insert:
    """The statement that adds a line: its values are named as a Line's are, after this prefix."""
    names = [column.name for column in MessageEvent.__table__.columns]
    return insert(MessageEvent.__table__).values({name: bindparam(prefix + name) for name in names})  # type: ignore[arg-type]


_TELL = Prepared(telling())
