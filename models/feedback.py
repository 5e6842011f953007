"""Feedback: what residents say of a visit in their own words, what was done about it, and what is published.

"Sentiment left to people": nothing here judges the words. What the public reads are a person's words for both, so
that nobody can be known by them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, insert_into, new_id
from models.dispute import Dispute, DisputeStatus
from models.errors import AlreadyTaken
from models.prepared import Prepared
from models.visit import Visit, VisitStatus

A_MONTH = timedelta(days=31)
""" "Not more than one a month"; nor is anybody asked who was let down in that time."""

LONGEST_WORDS, LONGEST_DONE, LONGEST_PUBLISHED = 1600, 160, 300


class FeedbackAsked(Base):
    """When a resident was asked last. Kept until they may be asked again."""

    __tablename__ = "feedback_asked"

    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"), primary_key=True)
    asked_at: Mapped[datetime]


class Feedback(Base):
    """What one resident said of one visit.

    `done` is what was done about it, as the resident is told by `message_id`. `you_said` and `we_did` are what the
    public may read, written by a person; both are there, or neither.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        Index("ix_feedback_said_at", "said_at", "id"),
        Index("ix_feedback_published_at", "published_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), unique=True)
    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    words: Mapped[str | None] = mapped_column(String(LONGEST_WORDS))
    said_at: Mapped[datetime]
    done: Mapped[str | None] = mapped_column(String(LONGEST_DONE))
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"))
    you_said: Mapped[str | None] = mapped_column(String(LONGEST_PUBLISHED))
    we_did: Mapped[str | None] = mapped_column(String(LONGEST_PUBLISHED))
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    def say_what_was_done(self, done: str, *, by: UUID, at: datetime) -> None:
        """Answer it, once: the resident is told once. Raises AlreadyTaken."""
        if self.done_at is not None:
            raise AlreadyTaken("Somebody has said what was done already.")
        self.done, self.done_at, self.done_by_id = done, at, by

    def publish(self, *, you_said: str, we_did: str, by: UUID, at: datetime) -> None:
        """Let the public read this, in place of what it read before."""
        self.you_said, self.we_did = you_said, we_did
        self.published_at, self.published_by_id = at, by

    def withdraw(self) -> None:
        """The public reads it no longer."""
        self.you_said = self.we_did = self.published_at = self.published_by_id = None


def may_be_asked(session: Session, resident_id: UUID, at: datetime) -> bool:
    """Whether a resident can be asked how it went: not one whom nobody came to within a month, by what we know or
    by what they say."""
    lately = at - A_MONTH
    missed = select(Visit.id).where(
        Visit.resident_id == resident_id, Visit.status == VisitStatus.MISSED, Visit.ends_at > lately
    )
    disputed = select(Dispute.id).where(
        Dispute.resident_id == resident_id,
        (Dispute.status == DisputeStatus.OPEN)
        | ((Dispute.status == DisputeStatus.UPHELD) & (Dispute.said_at > lately)),
    )
    return not session.scalar(select(missed.exists() | disputed.exists()))


def take_turn(session: Session, resident_id: UUID, at: datetime) -> bool:
    """Note that a resident is asked now; False if they were within a month. Of two visits at once, one asks."""
    asking = _ask(session.connection().dialect.name)
    return asking.run(session, resident=resident_id, at=at, lately=at - A_MONTH) == 1


@cache
def _ask(dialect: str) -> Prepared:
    first = insert_into(dialect, FeedbackAsked).values(resident_id=bindparam("resident"), asked_at=bindparam("at"))
    lately = bindparam("lately", type_=FeedbackAsked.asked_at.type)
    return Prepared(
        first.on_conflict_do_update(
            index_elements=["resident_id"],
            set_={"asked_at": first.excluded.asked_at},
            where=FeedbackAsked.asked_at <= lately,
        )
    )


def keep_words(session: Session, visit: Visit, words: str, at: datetime) -> bool:
    """Keep what the resident says of this visit, after what they said before; False if that was answered already,
    so that a person has to read it. The caller has the visit locked."""
    said = session.scalars(select(Feedback).where(Feedback.visit_id == visit.id)).one_or_none()
    if said is None:
        session.add(
            Feedback(id=uuid4(), visit_id=visit.id, resident_id=visit.resident_id, words=words, said_at=at)
        )
        session.flush()
        return True
    if said.done_at is not None:
        return False
    said.words = (f"{said.words}\n{words}" if said.words else words)[:LONGEST_WORDS]
    return True


def published(session: Session, most: int) -> Sequence[Feedback]:
    """What the public may read, the newest first: `you_said` and `we_did` alone."""
    newest = select(Feedback).where(Feedback.published_at.is_not(None))
    return session.scalars(newest.order_by(Feedback.published_at.desc(), Feedback.id).limit(most)).all()
