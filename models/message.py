"""The outbox: each text to a resident, from the change that caused it to what became of it."""

import secrets
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, column
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Base, by_value, new_id
from models.reference import ALPHABET


class MessageKind(StrEnum):
    """What a text is about."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    DELAYED = "delayed"


class MessageStatus(StrEnum):
    """Where a text stands.

    `held` is ours to stop; `claimed` is in a dispatcher's hands; `unknown` may have gone, and is looked
    up at the carrier before it could go again; `blocked` was refused because the resident has said STOP.
    """

    HELD = "held"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    BLOCKED = "blocked"


GONE = frozenset({MessageStatus.CLAIMED, MessageStatus.UNKNOWN, MessageStatus.ACCEPTED, MessageStatus.DELIVERED})
"""No longer ours to stop: what the resident knows, or may know in a moment."""

START_KINDS = (MessageKind.BOOKED, MessageKind.MOVED)
"""The texts that give a start to expect; a delay text never moves a promise."""

WAITING = column("status").in_(["held", "claimed", "unknown"])
"""The rows a dispatcher has work with. PostgreSQL's index holds only these; SQLite's planner cannot use
such an index for one status alone, so there it holds all."""


def new_message_reference() -> str:
    """`7K3QX2AB`: eight random Crockford characters (40 bits), printed in the text and looked for at the
    carrier."""
    return "".join(secrets.choice(ALPHABET) for _ in range(8))


class Message(Base):
    """One text. The row is written in the change's own transaction, and says all that rendering it needs.

    `number` counts the visit's texts: it gives them an order, and two changes made at once cannot both
    write the same one. `send_at` is when it was due and never changes; `next_try_at` is when the
    carrier's own delays let it go. `reference_at` is R, the first time the resident might be waiting for.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("visit_id", "number"),
        Index("ix_messages_resident", "resident_id", "decided_at"),
        Index(
            "ix_messages_waiting",
            "status",
            "lane",
            "reference_at",
            "number",
            postgresql_where=WAITING,
        ),
    )

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    number: Mapped[int]
    kind: Mapped[MessageKind] = mapped_column(by_value(MessageKind))
    status: Mapped[MessageStatus] = mapped_column(by_value(MessageStatus), default=MessageStatus.HELD)
    reference: Mapped[str] = mapped_column(String(12), unique=True, default=new_message_reference)
    to_number: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(35))
    lane: Mapped[int]

    previous_starts_at: Mapped[datetime | None]
    starts_at: Mapped[datetime]
    expected_at: Mapped[datetime | None]
    previous_expected_at: Mapped[datetime | None]

    decided_at: Mapped[datetime]
    reference_at: Mapped[datetime]
    send_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    body: Mapped[str | None] = mapped_column(String(1000))
    parts: Mapped[int | None]

    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    claim_expires_at: Mapped[datetime | None]
    unclear_at: Mapped[datetime | None]
    look_up_at: Mapped[datetime | None]
    lookups: Mapped[int] = mapped_column(default=0)

    carrier: Mapped[str | None] = mapped_column(String(24))
    carrier_id: Mapped[str | None] = mapped_column(String(64), index=True)
    accepted_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(40))
    receipt_rank: Mapped[int] = mapped_column(default=0)
    superseded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"))

    def supersede(self, by: UUID | None = None) -> None:
        """Stop it: the visit has changed since. `by` is the text that goes instead, if one does."""
        self.status = MessageStatus.SUPERSEDED
        self.superseded_by_id = by
