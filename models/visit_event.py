"""What happened to a visit: a record of its own for each thing, with who, when and why. Never changed."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, new_id
from models.errors import VisitState


class EventKind(StrEnum):
    """What can happen to a visit."""

    BOOKED = "booked"
    MOVED = "moved"
    ASSIGNED = "assigned"
    CANCELLED = "cancelled"
    DEPARTED = "departed"
    DELAYED = "delayed"
    ARRIVED = "arrived"
    BADGE_SHOWN = "badge_shown"
    FINISHED = "finished"
    MISSED = "missed"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    DISPUTE_SETTLED = "dispute_settled"
    WORDS_SEEN = "words_seen"
    LETTER_MADE = "letter_made"
    CORRECTED = "corrected"


class RequestedBy(StrEnum):
    """Who wanted a change: a resident's own wish is not counted against the promise of notice."""

    COUNCIL = "council"
    RESIDENT = "resident"


class VisitEvent(Base):
    """One line of a visit's history.

    `occurred_at` is when it happened by the clock of whoever reports it or, where that was found to be wrong, by
    ours: then `details` has what the phone showed. `recorded_at` is when the server heard of it. `details` holds
    what was said and what was answered, so that a phone that sends the same `client_id` again gets the same
    answer.
    """

    __tablename__ = "visit_events"
    __table_args__ = (
        UniqueConstraint("visit_id", "client_id"),
        Index("ix_visit_events_visit", "visit_id", "recorded_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    kind: Mapped[EventKind] = mapped_column(by_value(EventKind))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None] = mapped_column(String(500))
    client_id: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


def already_sent(session: Session, visit_id: UUID, client_id: UUID | None, kind: EventKind) -> VisitEvent | None:
    """The event that a phone sent before under this `client_id`, if any: resending is harmless.

    Raises VisitState if the phone used the same `client_id` for something else.
    """
    if client_id is None:
        return None
    event = session.scalar(
        select(VisitEvent).where(VisitEvent.visit_id == visit_id, VisitEvent.client_id == client_id)
    )
    if event is not None and event.kind is not kind:
        raise VisitState("This client_id was used for another event. Make a new UUID for each event.")
    return event


def later_delay(session: Session, visit_id: UUID, said_at: datetime) -> bool:
    """Whether somebody has said something newer than this of the visit's delay. Nothing is newer than when we
    heard of it, whatever a phone says."""
    newer = exists().where(
        VisitEvent.visit_id == visit_id,
        VisitEvent.kind == EventKind.DELAYED,
        VisitEvent.by_id.is_not(None),
        VisitEvent.occurred_at > said_at,
        VisitEvent.recorded_at > said_at,
    )
    return bool(session.scalar(select(newer)))


def officers_words(session: Session, visit_ids: Collection[UUID]) -> set[UUID]:
    """Those of these visits of whose delay the last that is known is somebody's own word: not what follows from
    the delay of another visit, and no prediction."""
    if not visit_ids:
        return set()
    said = session.execute(
        select(VisitEvent.visit_id, VisitEvent.by_id, VisitEvent.details)
        .where(VisitEvent.visit_id.in_(visit_ids), VisitEvent.kind == EventKind.DELAYED)
        .order_by(VisitEvent.occurred_at, VisitEvent.recorded_at)
    )
    last = {row.visit_id: row.by_id is not None and "caused_by_visit_id" not in row.details for row in said}
    return {visit_id for visit_id, is_own in last.items() if is_own}
