"""Holds: a time that is kept for some minutes, while somebody talks to the resident on the telephone."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Uuid, bindparam, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.booking_rules import Broken
from models.clock import LONDON
from models.database import Base, UtcDateTime, new_id
from models.errors import DiaryClash
from models.prepared import Prepared

LASTS = timedelta(minutes=10)
"""A hold ends by itself: a call that was cut off keeps nobody out for long."""

KEPT_FOR = timedelta(days=1)


class Hold(Base):
    """One time of one officer's, kept for whoever made the hold. `resident_id` says where, if that is known.

    It counts until `expires_at`, or until it was given back or booked (`ended_at`).
    """

    __tablename__ = "holds"
    __table_args__ = (Index("ix_holds_officer", "officer_id", "expires_at"),)

    id: Mapped[UUID] = new_id()
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"))
    resident_id: Mapped[UUID | None] = mapped_column(ForeignKey("residents.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    # What a visit then would break that refuses nothing, as it was when the hold was made: no column.
    warnings = tuple[Broken, ...]()

    def end(self, at: datetime) -> None:
        """Give the time back. One that is over stays as it was."""
        if self.ended_at is None and at < self.expires_at:
            self.ended_at = at


# The table of officers may not be known yet, so that its keys' type has to be said.
_KEPT = (
    Hold.officer_id == bindparam("officer", type_=Uuid()),
    Hold.expires_at > bindparam("at", type_=UtcDateTime()),
    Hold.ended_at.is_(None),
    Hold.starts_at < bindparam("ends", type_=UtcDateTime()),
    Hold.ends_at > bindparam("starts", type_=UtcDateTime()),
)
_HELD = Prepared(select(Hold.made_by_id, Hold.expires_at).where(*_KEPT))
_USE_UP = Prepared(update(Hold).where(*_KEPT).values(ended_at=bindparam("at", type_=UtcDateTime())))


def pass_holds(
    session: Session, officer_id: UUID, starts_at: datetime, ends_at: datetime, *, by: UUID | None, at: datetime
) -> None:
    """See that nobody else keeps this time of an officer whose diary is locked; what `by` keeps of it is used up.

    "A hold blocks every other writer": raises DiaryClash.
    """
    asked = {"officer": officer_id, "starts": starts_at, "ends": ends_at, "at": at}
    held = _HELD.all(session, **asked)
    for hold in held:
        if hold.made_by_id != by:
            until = f"{hold.expires_at.astimezone(LONDON):%H:%M}"
            raise DiaryClash(
                f"Somebody keeps this time for a resident, until {until} at the latest. Choose another time.",
                officer_id=str(officer_id),
            )
    if held:
        _USE_UP.run(session, **asked)
