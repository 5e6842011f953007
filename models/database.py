"""The database: its engine, its transactions and the column types every table shares."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakSet

import orjson
from sqlalchemy import Connection, DateTime, Engine, Enum, MetaData, Uuid, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from models.group_commit import GroupCommit


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC. A time without a zone is refused: it could mean two instants."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time needs its zone")
        value = value.astimezone(UTC)
        # SQLite keeps no zone; every value there is UTC, so that text order is time order.
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def by_value(enum: type[StrEnum], *, name: str | None = None) -> Enum:
    """A column for a StrEnum that stores `booked`, not `BOOKED`, with a CHECK constraint.

    A second column of the same kind in one table needs a `name` of its own.
    """
    return Enum(
        enum,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=True,
        length=24,
        name=name or enum.__name__.lower(),
    )


class Base(DeclarativeBase):
    """Every table's parent. Relations are never loaded by surprise (`lazy="raise"`)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), UUID: Uuid()}


def new_id() -> Any:
    """A primary key: a random UUID, so that an identifier tells nothing and can be made anywhere."""
    return mapped_column(Uuid(), primary_key=True, default=uuid4)


_writing: Engine | None = None
_reading: Engine | None = None
_writers: GroupCommit | None = None
_of_this_thread = threading.local()
_looking: WeakSet[Connection] = WeakSet()
_joined: ContextVar[Session | None] = ContextVar("transaction", default=None)


def connect(url: str) -> Engine:
    """Use the database at `url` (sqlite:///file or postgresql://…) from here on, in this process."""
    global _writing, _reading, _writers
    for connection in list(_looking):
        connection.close()
    for engine_in_use in (_writing, _reading):
        if engine_in_use is not None:
            engine_in_use.dispose()
    target = make_url(url)
    common: dict[str, Any] = {
        # A statement's values are people's names and numbers, which never reach a log.
        "hide_parameters": True,
        "json_serializer": _to_json,
        "json_deserializer": orjson.loads,
        "pool_size": 8,
        "max_overflow": 16,
        "pool_timeout": 10,
    }
    if target.get_backend_name() == "sqlite":
        if target.database:
            Path(target.database).parent.mkdir(parents=True, exist_ok=True)
        common["connect_args"] = {"check_same_thread": False}
        _writing, _reading = create_engine(target, **common), create_engine(target, **common)
        for engine_in_use in (_writing, _reading):
            event.listen(engine_in_use, "connect", _prepare_sqlite)
        # Reading, each statement is its own transaction. A writer takes SQLite's one write lock at once:
        # upgrading from a read could fail half-way.
        event.listen(_writing, "begin", _begin_immediate)
        _name_savepoints_plainly(_writing.dialect)
        _writers = GroupCommit(_writing)
    else:
        common["connect_args"] = {"connect_timeout": 3, "tcp_user_timeout": 3000}
        _writing = create_engine(target, **common)
        _reading = create_engine(target, isolation_level="AUTOCOMMIT", **common)
        for engine_in_use in (_writing, _reading):
            event.listen(engine_in_use, "connect", _prepare_postgresql)
        _writers = None
    return _writing


def _to_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()


def engine() -> Engine:
    """The engine in use. Raises RuntimeError before `connect`."""
    if _writing is None:
        raise RuntimeError("models.database.connect(url) comes first")
    return _writing


def connected_to() -> str | None:
    """The address of the database in use, None before `connect`."""
    return _writing.url.render_as_string(hide_password=False) if _writing is not None else None


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # The driver's own transactions start too late; _begin_sqlite starts them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 30000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgresql(connection: Any, _: ConnectionPoolEntry) -> None:
    # A diary fits into memory, where a row by its key costs no more than its neighbour. Left to itself PostgreSQL
    # reckons with a disk that has to turn, and reads a hundred officers to find one.
    connection.autocommit, before = True, connection.autocommit
    connection.execute("SET random_page_cost = 1.1")
    connection.autocommit = before


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _name_savepoints_plainly(dialect: Any) -> None:
    """Make a savepoint by its statement alone: SQLAlchemy compiles one anew for each name, and every change that
    shares a commit (GroupCommit) has its own. The names are SQLAlchemy's, and need no quoting."""
    dialect.do_savepoint = lambda connection, name: connection.connection.execute(f"SAVEPOINT {name}")
    dialect.do_release_savepoint = lambda connection, name: connection.connection.execute(f"RELEASE {name}")
    dialect.do_rollback_to_savepoint = lambda connection, name: connection.connection.execute(
        f"ROLLBACK TO {name}"
    )


@contextmanager
def transaction() -> Iterator[Session]:
    """One change: all of it is committed when the block ends, or none of it if anything is raised.

    Inside another transaction of the same request it joins that one, so that an answer kept for an
    Idempotency-Key is committed with the change it answers.
    """
    outer = _joined.get()
    if outer is not None:
        yield outer
        outer.flush()
        return
    with _writers.session() if _writers else _own_session() as session:
        token = _joined.set(session)
        try:
            yield session
        finally:
            _joined.reset(token)


@contextmanager
def _own_session() -> Iterator[Session]:
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def changing() -> Iterator[Connection]:
    """The same as `transaction` for prepared statements alone, which need no session around them."""
    outer = _joined.get()
    if outer is not None:
        yield outer.connection()
        return
    with _writers.connection() if _writers else engine().begin() as connection:
        yield connection


def looking() -> Connection:
    """A connection to look with: the same as `reading` for prepared statements alone, which need no session.

    Each thread keeps its own, which is never given back: that would cost as much as a look-up by its key.
    """
    outer = _joined.get()
    if outer is not None:
        return outer.connection()
    if _reading is None:
        raise RuntimeError("models.database.connect(url) comes first")
    connection: Connection | None = getattr(_of_this_thread, "connection", None)
    if connection is None or connection.closed:
        connection = _of_this_thread.connection = _reading.connect()
        _looking.add(connection)
    return connection


@contextmanager
def reading() -> Iterator[Session]:
    """Look without changing. Each statement sees the newest commit; nothing is begun or rolled back."""
    outer = _joined.get()
    if outer is not None:
        yield outer
        return
    engine()
    with Session(_reading, expire_on_commit=False) as session:
        yield session


def sees_newest(session: Session) -> bool:
    """Whether this is a session of `reading`: each statement sees what is committed by then, and nothing else."""
    return session.get_bind() is _reading


def only_looks(session: Session) -> bool:
    """Whether this is a session of `reading` or of `snapshot`: it sees only what is committed."""
    bind = session.get_bind()
    return bind is _reading or bool(bind.engine.get_execution_options().get("postgresql_readonly"))


@contextmanager
def snapshot() -> Iterator[Session]:
    """Look at one moment of the database, for as long as it takes: a report counts what was true at one time.

    PostgreSQL hands rows out a part at a time (`yield_per`) only in a transaction, and `reading` has none.
    """
    if engine().dialect.name == "sqlite":
        with reading() as session:
            yield session
        return
    one_moment = engine().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with Session(one_moment, expire_on_commit=False) as session, session.begin():
        yield session


# Writing a row that may be there already: both databases do it in one statement, under one word.

_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def insert_into(dialect: str, table: type[Base]) -> Any:
    """An INSERT that can say what to do should the row be there already."""
    return _INSERT[dialect](table)


def insert_missing(on: Session | Connection, table: type[Base], row: dict[str, Any]) -> None:
    """Make this row, unless there is one with its key."""
    connection = on if isinstance(on, Connection) else on.connection()
    statement = insert_into(connection.dialect.name, table).values(row)
    on.execute(statement.on_conflict_do_nothing())


def upsert(session: Session, table: type[Base], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Write these values into the row of this primary key, which is made if there is none."""
    statement = insert_into(session.connection().dialect.name, table).values(key | values)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
