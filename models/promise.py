"""The ledger of promises: the times a resident was given, and the notice they had of each change."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Base, by_value, new_id
from models.visit_event import EventKind, RequestedBy


class Promise(Base):
    """A time a resident was given for a visit. Never overwritten: a move adds one and closes the last."""

    __tablename__ = "promises"
    __table_args__ = (UniqueConstraint("visit_id", "number"),)

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    number: Mapped[int]
    starts_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[EventKind | None] = mapped_column(by_value(EventKind))


class Notice(Base):
    """What a resident had to be told of a change, and by when; the message says whether they were.

    `told_starts_at` is the start they had been told before. `message_id` is empty where no text was due:
    a change of under 15 minutes, a resident without a number (then there is a contact task).
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_decided_at", "decided_at"),
        Index("ix_notices_visit", "visit_id", "decided_at"),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("visit_events.id"), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    change: Mapped[EventKind] = mapped_column(by_value(EventKind))
    decided_at: Mapped[datetime]
    requested_by: Mapped[RequestedBy] = mapped_column(by_value(RequestedBy))
    reason: Mapped[str] = mapped_column(String(500))
    told_starts_at: Mapped[datetime]
    from_starts_at: Mapped[datetime]
    to_starts_at: Mapped[datetime | None]
    reference_at: Mapped[datetime]
    possible: Mapped[bool]
    due: Mapped[bool]
    send_at: Mapped[datetime | None]
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"), index=True)
