"""Incidents: something is wrong at a door, and the duty managers are told."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import JSON

from models.database import Base, by_value, insert_into, new_id
from models.reference import new_incident_reference
from models.staff_text import StaffText

LONGEST_WORDS = 2000
WORDS_KEPT_FOR = timedelta(days=365)
"""So long after an incident is closed, a complaint or the police may need its words and telephone number."""


class IncidentKind(StrEnum):
    """What is wrong."""

    REVOKED_BADGE_SCANNED = "revoked_badge_scanned"
    SUSPENDED_BADGE_SCANNED = "suspended_badge_scanned"
    BADGE_IN_TWO_PLACES = "badge_in_two_places"
    BADGE_COPIED = "badge_copied"
    SCAN_FLOOD = "scan_flood"
    CONCERN = "concern"
    OFFICER_SILENT = "officer_silent"


class IncidentStatus(StrEnum):
    """`open` until a person has seen to it."""

    OPEN = "open"
    CLOSED = "closed"


class Incident(Base):
    """One thing that is wrong: `count` times since `opened_at`, the last time at `last_at`.

    `open_key` is what it is about while it is open: the database lets there be one of each. `words`, `phone` and
    `given` (a visit reference or a badge's code, as typed) are a resident's, of a concern. `alerted_at` is when
    the texts to the duty managers were written.
    """

    __tablename__ = "incidents"
    __table_args__ = (Index("ix_incidents_status", "status", "opened_at", "id"),)

    id: Mapped[UUID] = new_id()
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    kind: Mapped[IncidentKind] = mapped_column(by_value(IncidentKind))
    status: Mapped[IncidentStatus] = mapped_column(by_value(IncidentStatus))
    open_key: Mapped[str | None] = mapped_column(String(80), unique=True)
    badge_id: Mapped[UUID | None] = mapped_column(ForeignKey("badges.id"))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("officers.id"))
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visits.id"))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    words: Mapped[str | None] = mapped_column(String(LONGEST_WORDS))
    phone: Mapped[str | None] = mapped_column(String(40))
    given: Mapped[str | None] = mapped_column(String(40))
    count: Mapped[int]
    opened_at: Mapped[datetime]
    last_at: Mapped[datetime]
    alerted_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(1000))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    def close(self, *, by: UUID, at: datetime) -> None:
        """It has been seen to: the same thing happening again is a new incident. The first closing stays."""
        if self.status is IncidentStatus.CLOSED:
            return
        self.status, self.open_key = IncidentStatus.CLOSED, None
        self.closed_at, self.closed_by_id = at, by

    def reopen(self) -> None:
        """It has not been seen to after all. What happened since has an incident of its own, so its key stays
        with that one."""
        self.status = IncidentStatus.OPEN
        self.closed_at = self.closed_by_id = None


class IncidentAlert(StaffText, Base):
    """One text to one duty manager: who was told, and when."""

    __tablename__ = "incident_alerts"
    __table_args__ = (
        UniqueConstraint("incident_id", "to_number"),
        Index("ix_incident_alerts_status", "status", "next_try_at"),
    )

    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))


def open_incident(
    session: Session,
    kind: IncidentKind,
    *,
    at: datetime,
    badge_id: UUID | None = None,
    officer_id: UUID | None = None,
    visit_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> str:
    """Open an incident, or count one more if the same is open for this badge; returns its reference."""
    about = {"badge_id": badge_id, "officer_id": officer_id, "visit_id": visit_id, "details": details or {}}
    return _open(session, kind, f"{kind}:{badge_id or '-'}", at, about)


def report_silence(session: Session, *, visit_id: UUID, officer_id: UUID | None, at: datetime) -> str:
    """Open an incident for an officer who has not come out of a visit, and of whom nobody has said that they are
    well; returns its reference."""
    about: dict[str, Any] = {"badge_id": None, "officer_id": officer_id, "visit_id": visit_id, "details": {}}
    kind = IncidentKind.OFFICER_SILENT
    return _open(session, kind, f"{kind}:{visit_id}", at, about)


def report_concern(
    session: Session,
    words: str,
    *,
    form: UUID,
    phone: str | None,
    given: str | None,
    badge_id: UUID | None,
    officer_id: UUID | None,
    visit_id: UUID | None,
    at: datetime,
) -> str:
    """Open an incident for what somebody wrote; returns the reference to read out.

    Each concern is an incident of its own: two residents who worry about one badge say two things. The same form
    sent twice, by a second tap or a reload, is one.
    """
    about: dict[str, Any] = {"badge_id": badge_id, "officer_id": officer_id, "visit_id": visit_id, "details": {}}
    typed = {"words": words, "phone": phone, "given": given}
    return _open(session, IncidentKind.CONCERN, f"{IncidentKind.CONCERN}:{form}", at, about | typed)


def _open(session: Session, kind: IncidentKind, key: str, at: datetime, about: dict[str, Any]) -> str:
    row = {
        "id": uuid4(),
        "reference": new_incident_reference(),
        "kind": kind,
        "status": IncidentStatus.OPEN,
        "open_key": key,
        "count": 1,
        "opened_at": at,
        "last_at": at,
    }
    # In one statement, so that two checks at one moment open one incident.
    statement = insert_into(session.connection().dialect.name, Incident).values(row | about)
    again = {"count": Incident.count + 1, "last_at": at}
    statement = statement.on_conflict_do_update(index_elements=["open_key"], set_=again)
    reference: str = session.execute(statement.returning(Incident.reference)).scalar_one()
    return reference
