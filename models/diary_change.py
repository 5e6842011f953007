"""Changes of officers' days, noted by the database itself: so that what a process keeps of them is never old.

Triggers write a row in the same transaction as any change of an officer, their hours, visits and holds, and of
where a resident lives, by whatever route it comes. Rows are only added. So no writer ever waits for another here,
and nothing can deadlock, as it could with one row for each officer that all who cancel, move and book change.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Text, bindparam, cast, func, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base
from models.prepared import Prepared, connection_of

KEPT_FOR = timedelta(days=1)
"""Whoever has not looked for longer begins anew."""


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


_CHANGE = (DiaryChange.id, DiaryChange.officer_id, DiaryChange.begins_at, DiaryChange.ends_at)
_ONCE = select(literal(1).label("once")).subquery()


def _since(position: Any, newer: Any) -> Prepared:
    return Prepared(select(position.label("position"), *_CHANGE).select_from(_ONCE.outerjoin(DiaryChange, newer)))


_SINCE = {
    # Numbers are given in the order of commits.
    "sqlite": _since(
        select(func.coalesce(func.max(DiaryChange.id), 0)).scalar_subquery(),
        DiaryChange.id > bindparam("position", type_=BigInteger()),
    ),
    # Numbers are given before the commit: whatever began after the oldest transaction that goes on may be new.
    "postgresql": _since(
        cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger),
        DiaryChange.transaction_id >= bindparam("position", type_=BigInteger()),
    ),
}
_THE_END = 1 << 62


class Follower:
    """One reader's place among the changes."""

    def __init__(self, session: Session) -> None:
        """Begin here: what is read from now on has every change before."""
        self._position = _SINCE[connection_of(session).dialect.name].all(session, position=_THE_END)[0].position
        self._seen: set[int] = set()

    def news(self, session: Session) -> list[Any]:
        """The changes since the last time that are committed by now, in one statement."""
        dialect = connection_of(session).dialect.name
        rows = _SINCE[dialect].all(session, position=self._position)
        changes = [row for row in rows if row.id is not None]
        news = [row for row in changes if row.id not in self._seen]
        # SQLite's numbers are never given again. PostgreSQL shows what is newer than its oldest writer once more.
        self._position = max(rows[0].position, self._position)
        self._seen = {row.id for row in changes} if dialect == "postgresql" else set()
        return news
