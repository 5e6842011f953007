"""Officers: the people who come to the door, and their photos."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, LargeBinary, String, bindparam, or_, select
from sqlalchemy.orm import Mapped, Session, deferred, mapped_column

from models.clock import LONDON
from models.database import Base, by_value, new_id
from models.errors import BadgeRevoked, OfficerUnavailable, Unprocessable
from models.prepared import Prepared


class Employment(StrEnum):
    """Who employs an officer: the resident is told."""

    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"


class Officer(Base):
    """Somebody who visits residents for the council."""

    __tablename__ = "officers"
    __table_args__ = (
        CheckConstraint(
            "(employment = 'contractor') = (company IS NOT NULL)"
            " AND (employment = 'contractor') = (contract_ends_on IS NOT NULL)",
            name="contractors_have_a_contract",
        ),
    )

    id: Mapped[UUID] = new_id()
    staff_number: Mapped[str] = mapped_column(String(40), unique=True)
    display_name: Mapped[str] = mapped_column(String(80))
    job_title: Mapped[str] = mapped_column(String(80))
    employment: Mapped[Employment] = mapped_column(by_value(Employment))
    company: Mapped[str | None] = mapped_column(String(80))
    contract_ends_on: Mapped[date | None]
    phone: Mapped[str | None] = mapped_column(String(16))
    skills: Mapped[list[str]] = mapped_column(JSON, default=list)
    active: Mapped[bool] = mapped_column(default=True)
    suspended_at: Mapped[datetime | None]
    suspended_reason: Mapped[str | None] = mapped_column(String(500))
    photo_id: Mapped[UUID | None]
    created_at: Mapped[datetime]

    def settle_contract(self) -> None:
        """An employee has no company; a contractor has one and the day the contract ends.

        Raises Unprocessable naming the field that is missing.
        """
        if self.employment is Employment.EMPLOYEE:
            self.company = self.contract_ends_on = None
        elif not self.company:
            raise Unprocessable("company", "A contractor needs the company they work for.")
        elif not self.contract_ends_on:
            raise Unprocessable("contract_ends_on", "A contractor needs the day the contract ends.")

    def works_for_us(self, at: datetime) -> bool:
        """Whether this officer may visit residents at all: not left, not suspended, the contract not over."""
        ended = self.contract_ends_on and at.astimezone(LONDON).date() > self.contract_ends_on
        return self.active and self.suspended_at is None and not ended

    @property
    def contract_ends_at(self) -> datetime | None:
        """The midnight in London that ends the contract's last day; None for an employee."""
        if self.contract_ends_on is None:
            return None
        return datetime.combine(self.contract_ends_on + timedelta(days=1), time(), LONDON)

    def refuse_badge_unless_working(self, at: datetime) -> None:
        """Raises BadgeRevoked if this officer may not show a badge at `at`."""
        if not self.works_for_us(at):
            raise BadgeRevoked("You are not working for the council now. Ask your manager; make no visits.")


class OfficerPhoto(Base):
    """A photo of an officer, re-encoded by us: nothing of the upload but its picture is kept."""

    __tablename__ = "officer_photos"

    id: Mapped[UUID] = new_id()
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"), index=True)
    jpeg: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    uploaded_at: Mapped[datetime]
    uploaded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


@dataclass(frozen=True, slots=True)
class DiaryOwner:
    """What booking an officer depends on, as it is while their diary is locked."""

    id: UUID
    active: bool
    suspended_at: datetime | None
    contract_ends_on: date | None

    def refuse_unless_available(self, starts_at: datetime) -> None:
        """Raises OfficerUnavailable if this officer may not visit at `starts_at`."""
        if not self.active or self.suspended_at is not None:
            raise OfficerUnavailable("This officer is not working now. Choose another officer.")
        if self.contract_ends_on and starts_at.astimezone(LONDON).date() > self.contract_ends_on:
            raise OfficerUnavailable(
                f"This officer's contract ends on {self.contract_ends_on:%d %B %Y}. "
                "Choose another officer or an earlier day."
            )


_LOCK = Prepared(
    select(Officer.id, Officer.active, Officer.suspended_at, Officer.contract_ends_on)
    .where(or_(Officer.id == bindparam("one"), Officer.id == bindparam("other")))
    .order_by(Officer.id)
    .with_for_update(key_share=True)
)


def lock_diaries(session: Session, one: UUID | None, other: UUID | None = None) -> dict[UUID, DiaryOwner]:
    """Lock these officers' diaries until the transaction ends, in one order, so that none deadlock.

    Every writer of a diary takes the officer's row first (FOR NO KEY UPDATE); an exclusion constraint
    alone deadlocks under contention. SQLite has one writer at a time and needs no row locks.
    """
    if one is None and other is None:
        return {}
    return {row.id: DiaryOwner(*row) for row in _LOCK.all(session, one=one or other, other=other or one)}
