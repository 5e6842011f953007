"""Absences: when an officer is away, entered by whoever plans the visits, and never quite forgotten."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, new_id
from models.errors import Unknown, Unprocessable
from models.interval import Interval
from models.officer import lock_diaries
from models.working_time import AbsenceKind, TimeOff

LONGEST_ABSENCE = timedelta(days=730)
KEPT_FOR = timedelta(days=365)
"""Long enough to say why somebody did not come. After that nobody plans by it, and it may tell of an illness."""

FARTHEST_AWAY = timedelta(days=730)
"""Nobody plans, or enters afterwards, an absence that begins further from now."""


class Absence(Base):
    """From `starts_at` up to `ends_at` the officer is away. One that was removed counts no more."""

    __tablename__ = "absences"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_it_starts"),
        Index("ix_absences_officer", "officer_id", "starts_at", "id"),
        Index(
            "ix_absences_that_count",
            "officer_id",
            "ends_at",
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = new_id()
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    kind: Mapped[AbsenceKind] = mapped_column(by_value(AbsenceKind))
    reason: Mapped[str | None] = mapped_column(String(500))
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    removed_at: Mapped[datetime | None]
    removed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    @property
    def time_off(self) -> TimeOff:
        """The same as the rules see it."""
        return TimeOff(Interval(self.starts_at, self.ends_at), self.kind)

    def remove(self, session: Session, *, by: UUID, at: datetime) -> None:
        """From the commit on it counts no more. The first removal stays as it was."""
        lock_diaries(session, self.officer_id)
        session.refresh(self)
        if self.removed_at is None:
            self.removed_at, self.removed_by_id = at, by


def enter(
    session: Session,
    *,
    officer_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    kind: AbsenceKind,
    reason: str | None,
    by: UUID | None,
    at: datetime,
) -> Absence:
    """Enter an absence, which may be past, or overlap another: somebody on leave may fall ill.

    Raises Unprocessable if it ends before it starts, is longer than two years or begins farther than that from
    now, or is of some other kind and nobody says which. The caller has locked the officer's diary.
    """
    if ends_at <= starts_at:
        raise Unprocessable("ends_at", "An absence ends after it starts.")
    if ends_at - starts_at > LONGEST_ABSENCE:
        raise Unprocessable("ends_at", "An absence lasts two years at most. An officer who left is not active.")
    if not at - FARTHEST_AWAY <= starts_at <= at + FARTHEST_AWAY:
        raise Unprocessable("starts_at", "Give a time within two years from now.")
    if kind is AbsenceKind.OTHER and not reason:
        raise Unprocessable("reason", "Say what it is, in a word or two.")
    absence = Absence(
        id=uuid4(),
        officer_id=officer_id,
        starts_at=starts_at,
        ends_at=ends_at,
        kind=kind,
        reason=reason,
        entered_at=at,
        entered_by_id=by,
    )
    session.add(absence)
    return absence


def find_absence(session: Session, absence_id: UUID) -> Absence:
    """The absence. Raises Unknown."""
    absence = session.get(Absence, absence_id)
    if absence is None:
        raise Unknown("No absence has this id.")
    return absence
