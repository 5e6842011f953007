"""Changes of officers' days, noted by the database itself: so that what a process keeps of them is never old.

Triggers note any change of an officer, their hours, visits and holds, and of where a resident lives. One row for
each officer, that all who cancel, move and book change, would make them wait for each other, and could deadlock.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.change_feed import Feed
from models.database import Base


class DiaryChange(Base):
    """Some time of one officer changed: from `begins_at` to `ends_at`, or all of it if there are none. Without an
    officer, everybody's days may have changed."""

    __tablename__ = "diary_changes"
    # SQLite would give the numbers of rows that were purged away again.
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    officer_id: Mapped[UUID | None]
    begins_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    # PostgreSQL's number of the transaction. SQLite, which has one at a time, needs none.
    transaction_id: Mapped[int] = mapped_column(BigInteger, index=True)
    made_at: Mapped[datetime]


CHANGES_OF_DAYS = Feed(DiaryChange, (DiaryChange.officer_id, DiaryChange.begins_at, DiaryChange.ends_at))
