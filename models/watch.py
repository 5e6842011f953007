"""Whose turn it is to look: what must be noticed though nobody reports it is looked for again and again.

One row for each watch, so that several dispatchers on several machines take turns. A turn saves work and no more:
what a watch does is safe when two do it at once.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, insert_missing
from models.visit import BEFORE_THE_DOOR, Visit

LATE_BY = timedelta(minutes=5)
"""A watch that has not looked for so long after its turn needs somebody to look at it."""

FIRST_NEEDED_AFTER = timedelta(minutes=10)
"""So long after a visit's start nobody has been nudged yet, whether the watch ever looked or not."""


class WatchTurn(Base):
    """When a watch's next turn is due, and when it last looked and came to its end: at first, when it began."""

    __tablename__ = "watch_turns"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    every_seconds: Mapped[int]
    next_at: Mapped[datetime]
    looked_at: Mapped[datetime]

    def is_late(self, at: datetime) -> bool:
        """Whether it should have looked by now."""
        return at - self.looked_at > timedelta(seconds=self.every_seconds) + LATE_BY


def take_turn(session: Session, name: str, every: timedelta, at: datetime) -> bool:
    """Whether it is ours to look now. Nobody else does for so long, whatever becomes of us."""
    seconds = int(every.total_seconds())
    insert_missing(session, WatchTurn, {"name": name, "every_seconds": seconds, "next_at": at, "looked_at": at})
    taken = update(WatchTurn).where(WatchTurn.name == name, WatchTurn.next_at <= at)
    taken = taken.values(next_at=at + every, every_seconds=seconds)
    return bool(session.execute(taken).rowcount)  # type: ignore[attr-defined]


def note_looked(session: Session, name: str, at: datetime) -> None:
    """This watch has looked, and all that it found has been seen to."""
    session.execute(update(WatchTurn).where(WatchTurn.name == name).values(looked_at=at))


def turns(session: Session) -> list[WatchTurn]:
    """Every watch that ever had a turn, to look at."""
    return list(session.scalars(select(WatchTurn).order_by(WatchTurn.name)))


def is_missed(session: Session, at: datetime) -> bool:
    """Whether a visit that was known in time began too long ago for a product in which nothing ever watched."""
    waiting = select(Visit.id).where(
        Visit.status.in_(BEFORE_THE_DOOR),
        Visit.starts_at.between(at - timedelta(days=1), at - FIRST_NEEDED_AFTER - LATE_BY),
        Visit.created_at < at - FIRST_NEEDED_AFTER - LATE_BY,
    )
    return session.scalar(waiting.limit(1)) is not None
