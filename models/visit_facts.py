"""What was true of each visit that the figures are parted by, and which days' figures have changed.

Both are noted by the database itself (triggers), whoever writes: a person's team, employer, ward or language may
change later, and what was published of a visit must not change with it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.change_feed import Feed
from models.database import Base, by_value
from models.officer import Employment


class VisitFacts(Base):
    """Whose visit it was, as they were when somebody came to the door.

    As long as nobody came: as they were when the visit was booked, or last given to another officer. Of two
    officers it is the first, whose visit it is. A correction, which may come years later, changes nothing here.
    """

    __tablename__ = "visit_facts"

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), primary_key=True)
    team: Mapped[str | None] = mapped_column(String(60))
    employment: Mapped[Employment | None] = mapped_column(by_value(Employment))
    ward: Mapped[str | None] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(String(35))


class FigureOf(StrEnum):
    """What a figure counts."""

    VISIT = "visit"
    CHANGE = "change"


class FigureChange(Base):
    """The figures of one moment are to be counted anew: `counted_at` is when a visit was first promised for, or
    when a change was decided."""

    __tablename__ = "figure_changes"
    # SQLite would give the numbers of rows that were purged away again.
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    figure_of: Mapped[FigureOf] = mapped_column(by_value(FigureOf))
    counted_at: Mapped[datetime]
    # PostgreSQL's number of the transaction. SQLite, which has one at a time, needs none.
    transaction_id: Mapped[int] = mapped_column(BigInteger, index=True)
    made_at: Mapped[datetime]


KEPT_FOR = timedelta(days=14)
"""Whoever has not counted for longer begins anew, which takes seconds for a year: a weekend must not be enough."""

CHANGES_OF_FIGURES = Feed(FigureChange, (FigureChange.figure_of, FigureChange.counted_at))
