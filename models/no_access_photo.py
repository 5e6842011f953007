"""The picture an officer takes of a door that nobody opened, or of the card they left."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base
from models.errors import PhotoState, Unknown, VisitState
from models.visit import Visit, VisitStatus

WIDTH = HEIGHT = 1280
"""Pixels: enough to read a house number, or the card."""

KEPT_FOR = timedelta(days=90)
"""After the visit; for as long as it is in dispute, longer."""


class NoAccessPhoto(Base):
    """One visit's picture, without its EXIF. It shows somebody's home: schedulers see it, and its officers do not
    again."""

    __tablename__ = "no_access_photos"

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), primary_key=True)
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_at: Mapped[datetime]
    uploaded_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


def keep_photo(session: Session, visit: Visit, jpeg: bytes, *, by: UUID, at: datetime) -> None:
    """Keep the picture; the same one sent again changes nothing.

    The first stands: it may have to prove something. Raises VisitState if the visit did not end with no access,
    and PhotoState for a second picture. The caller has the visit locked.
    """
    if visit.status is not VisitStatus.NO_ACCESS:
        raise VisitState(f"This visit is {visit.status.value}: send the outcome no_access first.")
    kept = session.get(NoAccessPhoto, visit.id)
    if kept is None:
        session.add(NoAccessPhoto(visit_id=visit.id, jpeg=jpeg, uploaded_at=at, uploaded_by_id=by))
    elif kept.jpeg != jpeg:
        raise PhotoState("This visit has its photo already, and the first one stands.")


def find_photo(session: Session, visit_id: UUID) -> bytes:
    """The picture of a visit, a JPEG. Raises Unknown."""
    kept = session.get(NoAccessPhoto, visit_id)
    if kept is None:
        raise Unknown("This visit has no photo of its door, or its time is over.")
    return kept.jpeg
