"""What a resident tells us on their visit's own page: what they need, and afterwards how it was."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, upsert

LONGEST_NEEDS, LONGEST_FEEDBACK = 300, 1000


class VisitAnswer(Base):
    """One visit's answers. All of it is the resident's own words: it never reaches a log."""

    __tablename__ = "visit_answers"
    __table_args__ = (CheckConstraint("rating BETWEEN 1 AND 5", name="rating_is_one_to_five"),)

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), primary_key=True)
    needs: Mapped[str | None] = mapped_column(String(LONGEST_NEEDS))
    needs_said_at: Mapped[datetime | None]
    rating: Mapped[int | None]
    feedback: Mapped[str | None] = mapped_column(String(LONGEST_FEEDBACK))
    rated_at: Mapped[datetime | None]


def say_needs(session: Session, visit_id: UUID, needs: str, at: datetime) -> None:
    """Keep what the resident needs at this visit, in place of what they said before."""
    upsert(session, VisitAnswer, {"visit_id": visit_id}, {"needs": needs, "needs_said_at": at})


def rate(session: Session, visit_id: UUID, rating: int, feedback: str | None, at: datetime) -> bool:
    """Keep how the visit was, from 1 (bad) to 5 (good). False if that was said before: the first word stands.

    Whoever asks holds the visit's row, so that of two at once one is the first.
    """
    said = session.get(VisitAnswer, visit_id)
    if said is not None and said.rated_at is not None:
        return False
    upsert(session, VisitAnswer, {"visit_id": visit_id}, {"rating": rating, "feedback": feedback, "rated_at": at})
    return True
