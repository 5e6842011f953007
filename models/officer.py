"""Officers: the people who come to the door, and their photos, which two people put on a badge."""

from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, bindparam, or_, select
from sqlalchemy.orm import Mapped, Session, deferred, mapped_column

from models.clock import LONDON
from models.database import Base, by_value, new_id
from models.errors import BadgeRevoked, OfficerUnavailable, PhotoState, SecondPerson, Unknown, Unprocessable
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
    team: Mapped[str | None] = mapped_column(String(60))
    skills: Mapped[list[str]] = mapped_column(JSON, default=list)
    areas: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    active: Mapped[bool] = mapped_column(default=True)
    suspended_at: Mapped[datetime | None]
    suspended_reason: Mapped[str | None] = mapped_column(String(500))
    photo_id: Mapped[UUID | None]
    # As WorkingPattern.kept() writes it.
    working_pattern: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
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


class PhotoStatus(StrEnum):
    """A photo waits until somebody decides, once. One that a newer one overtook while it waited is replaced."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    REPLACED = "replaced"


class OfficerPhoto(Base):
    """A photo of an officer, re-encoded by us: nothing of the upload but its picture is kept.

    "A new photo waits for a second person's approval": residents are shown the one that `Officer.photo_id` names,
    which is an approved one. The picture of one that was refused or replaced is gone, and `jpeg` empty. Of an
    officer's first photo nobody decides: `decided_by_id` is empty.
    """

    __tablename__ = "officer_photos"
    __table_args__ = (
        CheckConstraint(
            "status <> 'approved' OR uploaded_by_id <> decided_by_id", name="two_people_approve_a_photo"
        ),
        CheckConstraint(
            "(status IN ('waiting', 'approved')) = (jpeg IS NOT NULL)", name="no_picture_of_no_use_is_kept"
        ),
        Index("ix_officer_photos_status", "status", "uploaded_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"), index=True)
    status: Mapped[PhotoStatus] = mapped_column(by_value(PhotoStatus))
    jpeg: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    uploaded_at: Mapped[datetime]
    uploaded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    refused_reason: Mapped[str | None] = mapped_column(String(500))

    def approve(self, session: Session, *, by: UUID, at: datetime) -> None:
        """From the commit on, residents see this photo.

        Raises SecondPerson for the one who sent it, PhotoState if it was decided before.
        """
        self._take(session)
        if by == self.uploaded_by_id:
            raise SecondPerson("You sent this photo. Ask another admin to approve it.")
        self._decide(PhotoStatus.APPROVED, by=by, at=at)
        session.get_one(Officer, self.officer_id, populate_existing=True).photo_id = self.id

    def refuse(self, session: Session, *, by: UUID, reason: str, at: datetime) -> None:
        """Say no, for good; the picture is deleted. Whoever sent it may withdraw it this way too.

        Raises PhotoState if it was decided before.
        """
        self._take(session)
        self._decide(PhotoStatus.REFUSED, by=by, at=at)
        self.refused_reason = reason

    def _take(self, session: Session) -> None:
        """Let nobody else decide until this transaction ends, and see that nobody has."""
        lock_diaries(session, self.officer_id)
        session.refresh(self)
        if self.status is not PhotoStatus.WAITING:
            raise PhotoState(f"This photo is {self.status.value} already.")

    def _decide(self, status: PhotoStatus, *, by: UUID, at: datetime) -> None:
        self.status, self.decided_at, self.decided_by_id = status, at, by
        if status is not PhotoStatus.APPROVED:
            self.jpeg = None


def send_photo(session: Session, officer: Officer, jpeg: bytes, *, by: UUID, at: datetime) -> OfficerPhoto:
    """Keep a new photo until a second person approves it. One that waits already is replaced, its picture gone.

    The first of all is shown at once: whoever enters an officer enters the face as well, and there is none that it
    could take the place of.
    """
    lock_diaries(session, officer.id)
    session.refresh(officer)
    earlier = waiting_photo(session, officer.id)
    if earlier is not None:
        earlier._decide(PhotoStatus.REPLACED, by=by, at=at)
    is_first = officer.photo_id is None
    photo = OfficerPhoto(
        id=uuid4(),
        officer_id=officer.id,
        status=PhotoStatus.APPROVED if is_first else PhotoStatus.WAITING,
        jpeg=jpeg,
        uploaded_at=at,
        uploaded_by_id=by,
        decided_at=at if is_first else None,
    )
    session.add(photo)
    if is_first:
        officer.photo_id = photo.id
    return photo


def waiting_photo(session: Session, officer_id: UUID) -> OfficerPhoto | None:
    """The officer's photo that nobody has decided about, if there is one: there are never two."""
    return session.scalar(
        select(OfficerPhoto).where(
            OfficerPhoto.officer_id == officer_id, OfficerPhoto.status == PhotoStatus.WAITING
        )
    )


def find_photo(session: Session, photo_id: UUID) -> OfficerPhoto:
    """The photo. Raises Unknown."""
    photo = session.get(OfficerPhoto, photo_id)
    if photo is None:
        raise Unknown("No photo has this id.")
    return photo


@dataclass(frozen=True, slots=True)
class DiaryOwner:
    """What booking an officer depends on, as it is while their diary is locked."""

    id: UUID
    active: bool
    suspended_at: datetime | None
    contract_ends_on: date | None
    skills: list[str]
    areas: list[str]
    working_pattern: dict[str, Any] | None

    def refuse_unless_available(self, starts_at: datetime) -> None:
        """Raises OfficerUnavailable if this officer may not visit at `starts_at`."""
        if not self.active or self.suspended_at is not None:
            raise OfficerUnavailable("This officer is not working now. Choose another officer.")
        if self.contract_ends_on and starts_at.astimezone(LONDON).date() > self.contract_ends_on:
            raise OfficerUnavailable(
                f"This officer's contract ends on {self.contract_ends_on:%d %B %Y}. "
                "Choose another officer or an earlier day."
            )


def lock_diaries(session: Session, *officer_ids: UUID | None) -> dict[UUID, DiaryOwner]:
    """Lock these officers' diaries until the transaction ends, in one order, so that none deadlock.

    All that a change touches are locked at once: whoever locks one and later another waits in a circle.

    Every writer of a diary takes the officer's row first (FOR NO KEY UPDATE); an exclusion constraint
    alone deadlocks under contention. SQLite has one writer at a time and needs no row locks.
    """
    wanted = set(officer_ids) - {None}
    if not wanted:
        return {}
    named = {f"officer_{place}": officer_id for place, officer_id in enumerate(wanted)}
    return {row.id: DiaryOwner(*row) for row in _lock(len(wanted)).all(session, **named)}


@cache
def _lock(count: int) -> Prepared:
    """The statement that locks so many diaries: by the key, which costs less than a list of any length."""
    return Prepared(
        select(*(getattr(Officer, each.name) for each in fields(DiaryOwner)))
        .where(or_(*(Officer.id == bindparam(f"officer_{place}") for place in range(count))))
        .order_by(Officer.id)
        .with_for_update(key_share=True)
    )
