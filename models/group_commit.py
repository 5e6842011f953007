"""SQLite's one writer: changes take turns on one connection, and those that wait together share one commit.

SQLite lets one writer in at a time, and a durable commit costs a flush of the disk. Each change still stands or
falls alone, and none is answered before the commit it is in is on the disk. The first change of a batch is the
transaction itself; a later one is a savepoint, so that its failure leaves those before it as they are.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, NestedTransaction
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

LARGEST_BATCH = 64
"""Changes in one commit, so that the first is not kept waiting by a stream of others."""


class _Batch:
    """Changes that are committed together."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.changes = 0
        self.done = threading.Event()
        self.error: BaseException | None = None

    def is_lost(self) -> bool:
        """Whether SQLite gave up the whole transaction by itself, as when the disk is full."""
        return not self.connection.connection.dbapi_connection.in_transaction  # type: ignore[union-attr]

    def end(self) -> None:
        """Put every change on the disk, or remember why not, and tell those who wait."""
        if not self.changes:
            # The only change failed, and has been undone.
            self.connection.close()
            return
        try:
            if self.is_lost():
                raise OperationalError("COMMIT", None, sqlite3.OperationalError("the transaction was given up"))
            self.connection.commit()
        except BaseException as error:
            self.error = error
            self.connection.invalidate()
        finally:
            self.connection.close()
            self.done.set()


class GroupCommit:
    """The queue of writers of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._waiting = 0
        self._count = threading.Lock()
        self._batch: _Batch | None = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A change of its own. When the block has ended well, it is on the disk."""
        with self._change() as batch:
            session = Session(
                batch.connection,
                expire_on_commit=False,
                join_transaction_mode="create_savepoint" if batch.changes else "rollback_only",
            )
            with session, session.begin():
                yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """The same with no session around it."""
        with self._change() as batch:
            own = batch.connection.begin_nested() if batch.changes else batch.connection.get_transaction()
            assert own is not None  # noqa: S101 - a batch begins with its transaction
            try:
                yield batch.connection
            except BaseException:
                own.rollback()
                raise
            if isinstance(own, NestedTransaction):
                own.commit()

    @contextmanager
    def _change(self) -> Iterator[_Batch]:
        batch = self._take_turn()
        try:
            yield batch
            batch.changes += 1
        finally:
            self._end_turn(batch)
        batch.done.wait()
        if batch.error is not None:
            raise batch.error

    def _take_turn(self) -> _Batch:
        with self._count:
            self._waiting += 1
        self._turn.acquire()
        with self._count:
            self._waiting -= 1
        try:
            if self._batch is not None and self._batch.is_lost():
                self._batch.end()
                self._batch = None
            if self._batch is None:
                connection = self._engine.connect()
                connection.begin()
                self._batch = _Batch(connection)
            return self._batch
        except BaseException:
            self._turn.release()
            raise

    def _end_turn(self, batch: _Batch) -> None:
        """Leave the commit to the next writer, if one is waiting: it cannot take its turn without ending it."""
        try:
            if not self._waiting or batch.changes >= LARGEST_BATCH or batch.is_lost():
                self._batch = None
                batch.end()
        finally:
            self._turn.release()
