"""The database: its engine, its transactions and the column types every table shares."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import DateTime, Engine, Enum, MetaData, Uuid, create_engine, event, make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator


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


def by_value(enum: type[StrEnum]) -> Enum:
    """A column for a StrEnum that stores `booked`, not `BOOKED`, with a CHECK constraint."""
    return Enum(
        enum,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=True,
        length=24,
        name=enum.__name__.lower(),
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


_engine: Engine | None = None
_writing: Engine | None = None
_reading: Engine | None = None
_turn: AbstractContextManager[Any] = nullcontext()
_joined: ContextVar[Session | None] = ContextVar("transaction", default=None)


def connect(url: str) -> Engine:
    """Use the database at `url` (sqlite:///file or postgresql://…) from here on, in this process."""
    global _engine, _writing, _reading, _turn
    if _engine is not None:
        _engine.dispose()
    target = make_url(url)
    # hide_parameters: a statement's values are people's names and numbers, which never reach a log.
    if target.get_backend_name() == "sqlite":
        if target.database:
            Path(target.database).parent.mkdir(parents=True, exist_ok=True)
        _engine = create_engine(
            target,
            hide_parameters=True,
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
            pool_size=20,
            max_overflow=20,
            connect_args={"timeout": 30, "check_same_thread": False},
        )
        event.listen(_engine, "connect", _prepare_sqlite)
        event.listen(_engine, "begin", _begin_sqlite)
        # One writer at a time queues here, in order, and not in SQLite's polling busy handler.
        _turn = threading.Lock()
    else:
        _engine = create_engine(
            target,
            hide_parameters=True,
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
            pool_size=16,
            max_overflow=16,
            pool_timeout=10,
            connect_args={"connect_timeout": 3, "tcp_user_timeout": 3000},
        )
        _turn = nullcontext()
    _writing = _engine.execution_options(writes=True)
    _reading = _engine.execution_options(isolation_level="AUTOCOMMIT")
    return _engine


def _to_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()


def engine() -> Engine:
    """The engine in use. Raises RuntimeError before `connect`."""
    if _engine is None:
        raise RuntimeError("models.database.connect(url) comes first")
    return _engine


def connected_to() -> str | None:
    """The address of the database in use, None before `connect`."""
    return _engine.url.render_as_string(hide_password=False) if _engine is not None else None


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


def _begin_sqlite(connection: Any) -> None:
    # A writer takes SQLite's one write lock at once: upgrading from a read could fail half-way.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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
    engine()
    with _turn, Session(_writing, expire_on_commit=False) as session, session.begin():
        token = _joined.set(session)
        try:
            yield session
        finally:
            _joined.reset(token)


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
