"""Following what the database itself notes of its changes, so that what a process keeps of them is never old.

Triggers write a row in the same transaction as the change, by whatever route it comes. Rows are only added: so no
writer ever waits for another here, and nothing can deadlock.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, cast, func, literal, select
from sqlalchemy.orm import Session

from models.prepared import Prepared, connection_of

KEPT_FOR = timedelta(days=1)
"""Whoever has not looked for longer begins anew."""

_ONCE = select(literal(1).label("once")).subquery()
_THE_END = 1 << 62


class Feed:
    """The changes that are noted in one table: it has an `id`, a `transaction_id` and these columns."""

    def __init__(self, table: Any, columns: Sequence[Any]) -> None:
        noted = (table.id, *columns)

        def since(position: Any, newer: Any) -> Prepared:
            return Prepared(select(position.label("position"), *noted).select_from(_ONCE.outerjoin(table, newer)))

        position = bindparam("position", type_=BigInteger())
        self._since = {
            # Numbers are given in the order of commits.
            "sqlite": since(select(func.coalesce(func.max(table.id), 0)).scalar_subquery(), table.id > position),
            # Numbers are given before the commit: whatever began after the oldest transaction that goes on may be
            # new.
            "postgresql": since(
                cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger),
                table.transaction_id >= position,
            ),
        }

    def rows_since(self, session: Session, position: int) -> list[Any]:
        """The changes from there on, each with the position reached now; if there are none, one of nothing."""
        return self._since[connection_of(session).dialect.name].all(session, position=position)


class Follower:
    """One reader's place among the changes."""

    def __init__(self, session: Session, feed: Feed) -> None:
        """Begin here: what is read from now on has every change before."""
        self._feed = feed
        self._position = feed.rows_since(session, _THE_END)[0].position
        self._seen: set[int] = set()

    def news(self, session: Session) -> list[Any]:
        """The changes since the last time that are committed by now, in one statement."""
        rows = self._feed.rows_since(session, self._position)
        changes = [row for row in rows if row.id is not None]
        news = [row for row in changes if row.id not in self._seen]
        # SQLite's numbers are never given again. PostgreSQL shows what is newer than its oldest writer once more.
        is_postgresql = connection_of(session).dialect.name == "postgresql"
        self._position = max(rows[0].position, self._position)
        self._seen = {row.id for row in changes} if is_postgresql else set()
        return news
