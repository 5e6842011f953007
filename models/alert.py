"""Alerts: what a scheduler has to see to now, raised by the watch, once each, and ended by it when it is over."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, insert_missing, new_id


class AlertKind(StrEnum):
    """What is the matter: nobody has arrived at a visit, nobody has said that one is over, or one is likely to
    fail while its resident can still be told a day ahead."""

    NOBODY_ARRIVED = "nobody_arrived"
    NO_OUTCOME = "no_outcome"
    AT_RISK = "at_risk"


class AlertState(StrEnum):
    """`acknowledged`: somebody sees to it. `ended`: it is over, by itself or because somebody says so."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ENDED = "ended"


class Alert(Base):
    """One thing about one visit, as it was due at `about_at`. `escalated_at` is when the duty managers were told,
    because nobody had acknowledged it."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("visit_id", "kind", "about_at"),
        Index("ix_alerts_status", "status", "raised_at", "id"),
        Index("ix_alerts_raised_at", "raised_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    kind: Mapped[AlertKind] = mapped_column(by_value(AlertKind))
    status: Mapped[AlertState] = mapped_column(by_value(AlertState))
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("officers.id"))
    about_at: Mapped[datetime]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    raised_at: Mapped[datetime]
    escalated_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(1000))

    def set_state(self, state: AlertState, *, by: UUID, at: datetime) -> None:
        """Somebody sees to it, or says that it is over, or that it is not after all. Who saw to it first stays."""
        self.status = state
        if state is AlertState.OPEN:
            self.acknowledged_at = self.acknowledged_by_id = None
        elif self.acknowledged_at is None:
            self.acknowledged_at, self.acknowledged_by_id = at, by
        if state is not AlertState.ENDED:
            self.ended_at = None
        elif self.ended_at is None:
            self.ended_at = at


def raise_alert(
    session: Session,
    kind: AlertKind,
    *,
    visit_id: UUID,
    officer_id: UUID | None,
    about_at: datetime,
    at: datetime,
    details: dict[str, Any] | None = None,
) -> None:
    """Raise it, unless it was raised before."""
    row = {
        "id": uuid4(),
        "kind": kind,
        "status": AlertState.OPEN,
        "visit_id": visit_id,
        "officer_id": officer_id,
        "about_at": about_at,
        "details": details or {},
        "raised_at": at,
    }
    insert_missing(session, Alert, row)
