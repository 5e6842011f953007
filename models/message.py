"""The outbox: each message to a resident, from the change that caused it to what became of it."""

import secrets
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, column
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Base, by_value, new_id
from models.reference import ALPHABET


class Channel(StrEnum):
    """How a message reaches a resident."""

    TEXT = "text"
    CALL = "call"
    EMAIL = "email"


class MessageKind(StrEnum):
    """What a message is about: its news."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    DELAYED = "delayed"
    ANOTHER_OFFICER = "another_officer"
    MISSED = "missed"
    CAME_AFTER_ALL = "came_after_all"
    NO_ACCESS = "no_access"
    FEEDBACK = "feedback"
    WE_DID = "we_did"


class MessageStatus(StrEnum):
    """Where a message stands.

    `held` is ours to stop; `claimed` is in a dispatcher's hands; `unknown` may have gone, and is looked
    up at the carrier before it could go again; `blocked` was not sent because the resident has said STOP,
    or because nothing here sends messages of its channel. A call is `delivered` once a person has answered it.
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

ON_ITS_WAY = frozenset({MessageStatus.HELD, MessageStatus.CLAIMED, MessageStatus.UNKNOWN})
"""What may still tell the resident, and has not been seen to."""

GAVE_UP = frozenset(
    {MessageStatus.FAILED, MessageStatus.UNDELIVERED, MessageStatus.EXPIRED, MessageStatus.BLOCKED}
)
"""It told nobody anything."""

START_KINDS = (MessageKind.BOOKED, MessageKind.MOVED)
"""The messages that give a start to expect; a delay never moves a promise."""

NO_NEWS = (MessageKind.FEEDBACK, MessageKind.WE_DID)
"""The messages that nobody has to hear: no other way follows one that did not arrive, and nobody rings."""

AFTERWARDS = (MessageKind.MISSED, MessageKind.CAME_AFTER_ALL, MessageKind.NO_ACCESS, *NO_NEWS)
"""The messages that tell of a visit whose time is over: they wait for nothing but the end of the night."""

WAITING = column("status").in_(["held", "claimed", "unknown"])
"""The rows a dispatcher has work with. PostgreSQL's index holds only these; SQLite's planner cannot use
such an index for one status alone, so there it holds all."""


def _where_set(name: str, column_name: str) -> Index:
    """An index of the few rows in which this column is set."""
    is_set = column(column_name).is_not(None)
    return Index(name, column_name, postgresql_where=is_set, sqlite_where=is_set)


def new_message_reference() -> str:
    """`7K3QX2AB`: eight random Crockford characters (40 bits), printed in the text and looked for at the
    carrier."""
    return "".join(secrets.choice(ALPHABET) for _ in range(8))


class Message(Base):
    """One text, spoken call or e-mail. Its row says all that rendering it needs.

    The first message of a piece of news is written in the transaction of the change it tells of; should it fail,
    others follow by other ways (`notifications/ladder.py`). All of them carry the first one's id as `news_id`.

    `number` counts the visit's messages: it gives them an order, and two changes made at once cannot both
    write the same one. `send_at` is when it was due and never changes; `next_try_at` is when the
    carrier's own delays let it go. A delay that was foreseen tells a window, `window_from_at` to `window_to_at`,
    about `expected_at`. `reference_at` is R, the first time the resident might be waiting for.
    `said` is what a person wrote for it.
    `look_up_at` is when the carrier is asked what became of it, `next_way_at` when the next way is tried, and
    `failed_at` when it was given up, though a receipt may still say that it was delivered after all.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("visit_id", "number"),
        Index("ix_messages_resident", "resident_id", "decided_at"),
        Index(
            "ix_messages_waiting",
            "status",
            "channel",
            "lane",
            "reference_at",
            "number",
            postgresql_where=WAITING,
        ),
        _where_set("ix_messages_look_up_at", "look_up_at"),
        _where_set("ix_messages_next_way_at", "next_way_at"),
        _where_set("ix_messages_failed_at", "failed_at"),
    )

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    number: Mapped[int]
    news_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id"))
    kind: Mapped[MessageKind] = mapped_column(by_value(MessageKind))
    channel: Mapped[Channel] = mapped_column(by_value(Channel))
    status: Mapped[MessageStatus] = mapped_column(by_value(MessageStatus), default=MessageStatus.HELD)
    reference: Mapped[str] = mapped_column(String(12), unique=True, default=new_message_reference)
    to_address: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(35))
    lane: Mapped[int]

    previous_starts_at: Mapped[datetime | None]
    starts_at: Mapped[datetime]
    expected_at: Mapped[datetime | None]
    previous_expected_at: Mapped[datetime | None]
    said: Mapped[str | None] = mapped_column(String(160))
    window_from_at: Mapped[datetime | None]
    window_to_at: Mapped[datetime | None]

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
    next_way_at: Mapped[datetime | None]

    carrier: Mapped[str | None] = mapped_column(String(24))
    carrier_id: Mapped[str | None] = mapped_column(String(64), index=True)
    accepted_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(40))
    receipt_rank: Mapped[int] = mapped_column(default=0)
    superseded_at: Mapped[datetime | None]
    superseded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"))

    @property
    def is_first(self) -> bool:
        """Whether it is the first message of its news, and not one that follows a failure."""
        return self.news_id == self.id

    def supersede(self, at: datetime, by: UUID | None = None) -> None:
        """Stop it: the visit has changed since, or the resident knows. `by` is what goes instead, if anything
        does."""
        self.status = MessageStatus.SUPERSEDED
        self.superseded_at = at
        self.superseded_by_id = by
        self.look_up_at = self.next_way_at = None
