"""The ledger of promises: the times a resident was given, and the notice they had of each change."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import standards
from models.database import Base, by_value, new_id
from models.message import GONE, Message, MessageStatus
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


class ChangeNotice(Base):
    """What a resident had to be told of a change, and by when; the message says whether they were.

    `told_starts_at` is the start they had been told before. `due` says that they have to be told: not of a
    change of under 15 minutes, or of one that takes back another before its text went. Then either a text
    goes, or a person rings: `message_id` or `contact_task_id`.
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
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"), index=True)
    contact_task_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact_tasks.id"))


def fair_promise(session: Session, visit_id: UUID, first_promised_at: datetime, at: datetime) -> datetime:
    """The time an arrival is judged by: the latest promise that the resident had fair notice of.

    A text the carrier accepted counts from then, whether or not the handset's receipt came; one still on its
    way at `at` counts from the decision. One that failed, or that was never due, tells nobody anything.
    """
    moves = session.execute(
        select(
            ChangeNotice.to_starts_at,
            ChangeNotice.requested_by,
            ChangeNotice.reference_at,
            ChangeNotice.decided_at,
            Message.status,
            Message.accepted_at,
            Message.delivered_at,
        )
        .outerjoin(Message, Message.id == ChangeNotice.message_id)
        .where(ChangeNotice.visit_id == visit_id, ChangeNotice.change == EventKind.MOVED)
        .order_by(ChangeNotice.decided_at, ChangeNotice.event_id)
    )
    seen = []
    for move in moves:
        told_at = None
        if move.status is MessageStatus.HELD:
            told_at = move.decided_at
        elif move.status in GONE:
            told_at = move.delivered_at or move.accepted_at or move.decided_at
        seen.append(standards.MovedPromise(move.to_starts_at, move.requested_by, move.reference_at, told_at))
    return standards.fair_promise(first_promised_at, seen)
