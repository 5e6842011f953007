"""Alerts: what a scheduler has to see to now, raised by the watch, once each, and ended by it when it is over.

What is over by itself and happens again is raised again; what somebody has said is over is not.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    and_,
    or_,
    select,
    update,
)
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
    because nobody had acknowledged it. `ended_by_id` is who said that it is over, if it did not end by itself."""

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
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None] = mapped_column(String(1000))

    def set_state(self, state: AlertState, *, by: UUID, at: datetime) -> None:
        """Somebody sees to it, or says that it is over, or that it is not after all. Who saw to it first stays."""
        self.status = state
        if state is AlertState.OPEN:
            self.acknowledged_at = self.acknowledged_by_id = None
        elif self.acknowledged_at is None:
            self.acknowledged_at, self.acknowledged_by_id = at, by
        if state is not AlertState.ENDED:
            self.ended_at = self.ended_by_id = None
        else:
            self.ended_at, self.ended_by_id = self.ended_at or at, self.ended_by_id or by


def standing(kind: AlertKind, visit_ids: Collection[UUID], at: datetime) -> Select[UUID, datetime, UUID | None]:
    """Of which visit, time and officer alerts of a kind are not to be raised at `at`: they are open, or somebody
    has said that they are over. What ended after `at` was looked at later than then."""
    over = and_(Alert.status == AlertState.ENDED, Alert.ended_by_id.is_(None), Alert.ended_at <= at)
    return (
        select(Alert.visit_id, Alert.about_at, Alert.officer_id)
        .where(Alert.visit_id.in_(visit_ids), Alert.kind == kind, ~over)
        .order_by(Alert.id)
    )


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
    """Raise it, unless it is raised, or somebody has said that it is over for this officer. What ended by itself
    is open again."""
    key = {"kind": kind, "visit_id": visit_id, "about_at": about_at}
    now = {
        "status": AlertState.OPEN,
        "officer_id": officer_id,
        "details": details or {},
        "raised_at": at,
    }
    insert_missing(session, Alert, {"id": uuid4()} | key | now)
    never = dict.fromkeys(("escalated_at", "acknowledged_at", "acknowledged_by_id", "ended_at", "ended_by_id"))
    again = update(Alert).where(
        *(getattr(Alert, name) == value for name, value in key.items()),
        Alert.status == AlertState.ENDED,
        Alert.ended_at <= at,
        or_(Alert.ended_by_id.is_(None), Alert.officer_id.is_distinct_from(officer_id)),
    )
    session.execute(again.values(now | never).execution_options(synchronize_session=False))


def end_alerts(session: Session, alert_ids: Iterable[UUID], at: datetime) -> None:
    """These are over by themselves."""
    for alert_id in alert_ids:
        still_open = (Alert.id == alert_id) & (Alert.status != AlertState.ENDED)
        session.execute(update(Alert).where(still_open).values(status=AlertState.ENDED, ended_at=at))
