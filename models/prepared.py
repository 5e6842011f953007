"""Statements compiled once and run by the database's driver, where somebody waits at a door or a counter.

The ORM builds, compares and compiles its statements anew each time and watches every attribute: on the hot paths
that costs several times the database's own work. Here a statement is written in SQLAlchemy's language once; then
only the types' own conversions stand between the caller and the driver.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Enum, Executable, Uuid, bindparam, select
from sqlalchemy import insert as insert_into
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.database import Base, UtcDateTime

Source = Session | Connection
"""What a statement runs on: a transaction's session, or a connection to look with."""


def connection_of(on: Source) -> Connection:
    """The connection that a statement runs on."""
    return on if isinstance(on, Connection) else on.connection()


Values = dict[str, Any] | tuple[Any, ...]
"""A statement's values by their names, or in the order in which it names them."""

Process = Callable[[Any], Any]
Row = TypeVar("Row", bound=Base)


@dataclass(slots=True)
class _Compiled:
    sql: str
    binds: list[tuple[str, Any, Process | None]]
    places: list[int] | None
    columns: list[Any]
    results: list[tuple[int, Process]] | None
    row: Callable[..., Any]

    def bound(self, values: Values) -> dict[str, Any] | list[Any]:
        """The values as the driver wants them."""
        if isinstance(values, dict):
            bound = [
                process(values.get(name, default)) if process else values.get(name, default)
                for name, default, process in self.binds
            ]
        else:
            pairs = zip(self.binds, values, strict=True)
            bound = [process(value) if process else value for (_, _, process), value in pairs]
        if self.places is None:
            return dict(zip((name for name, _, _ in self.binds), bound, strict=True))
        # A value that stands in several places is converted once.
        return [bound[place] for place in self.places]


class Prepared:
    """A statement whose values have names (`bindparam`): what `execute` does, in a tenth of its time.

    `for_json` leaves identifiers and statuses as text where the rows only become JSON.
    """

    def __init__(self, statement: Executable, *, for_json: bool = False) -> None:
        self._statement = statement
        self._for_json = for_json
        self._by_dialect: dict[str, _Compiled] = {}

    def first(self, on: Source, **values: Any) -> Any | None:
        """The first row, as a named tuple, or None."""
        compiled, row = self._execute(on, values, _one_row)
        return None if row is None else _converted(compiled, row)

    def all(self, on: Source, **values: Any) -> list[Any]:
        """Every row, as named tuples."""
        compiled, rows = self._execute(on, values, _all_rows)
        return [_converted(compiled, row) for row in rows]

    def run(self, on: Source, **values: Any) -> int:
        """Change something; how many rows it touched."""
        touched: int = self._execute(on, values, _row_count)[1]
        return touched

    def run_many(self, on: Source, rows: Sequence[Values]) -> None:
        """Change something once for each of these values, which the driver sends together."""
        if rows:
            # A driver gets ready for many, which one does not have to pay for.
            self._execute(on, list(rows) if len(rows) > 1 else rows[0], _nothing)

    def _execute(
        self, on: Source, values: Any, result: Callable[[Any], Any], *, again: bool = True
    ) -> tuple[_Compiled, Any]:
        """Run it. Raises what SQLAlchemy would: IntegrityError, OperationalError and the like."""
        connection = connection_of(on)
        dialect = connection.dialect
        compiled = self._by_dialect.get(dialect.name)
        if compiled is None:
            compiled = self._by_dialect[dialect.name] = _compile(self._statement, dialect)
        many = isinstance(values, list)
        bound: Any = [compiled.bound(row) for row in values] if many else compiled.bound(values)
        cursor = None
        try:
            cursor = _cursor_of(connection)
            (cursor.executemany if many else cursor.execute)(compiled.sql, bound)
            if compiled.results is None and compiled.columns:
                # Some types convert by what the driver says of the column, which it first does here.
                compiled.results = [
                    (place, process)
                    for place, column in enumerate(compiled.columns)
                    if (process := _result_process(column, cursor.description[place][1], dialect, self._for_json))
                ]
            found = result(cursor)
            if connection.dialect.name == "sqlite":
                # Left open, it would go on reading, and nothing that was written since could be tidied away.
                cursor.close()
            return compiled, found
        except dialect.loaded_dbapi.Error as error:
            lost = dialect.is_disconnect(error, connection.connection, cursor)
            if lost:
                # The pool has not seen this error: without a word it would hand out a dead connection again.
                connection.invalidate(error)
                if again and not connection.in_transaction():
                    # Nothing was begun, so nothing is lost: a restart of the database is not the asker's worry.
                    return self._execute(on, values, result, again=False)
            raise DBAPIError.instance(
                compiled.sql,
                None,
                error,
                dialect.loaded_dbapi.Error,
                hide_parameters=True,
                connection_invalidated=lost,
                dialect=dialect,
            ) from error


def _cursor_of(connection: Connection) -> Any:
    """What runs a statement. One of psycopg's costs a quarter of a look-up, so each connection keeps its own; the
    rows of one statement are always fetched before the next."""
    if connection.dialect.name == "sqlite":
        return connection.connection.cursor()
    cursor = connection.info.get("cursor")
    if cursor is None:
        cursor = connection.info["cursor"] = connection.connection.cursor()
    return cursor


class Together:
    """Changes that need nothing of each other: PostgreSQL gets them in one statement (WITH … AS (INSERT …)), and
    so in one round trip; SQLite, which has no round trips, one after the other.

    Values of the same name are the same value. PostgreSQL makes the last change first.
    """

    def __init__(self, *changes: Any) -> None:
        *others, last = changes
        self._each = [Prepared(change) for change in changes]
        for place, change in enumerate(others):
            last = last.add_cte(change.cte(f"change_{place}"))
        self._at_once = Prepared(last)

    def run(self, on: Source, **values: Any) -> None:
        """Make them all."""
        at_once = connection_of(on).dialect.name == "postgresql"
        for change in [self._at_once] if at_once else self._each:
            change.run(on, **values)


def insert(session: Session, *rows: Base) -> None:
    """Write new rows, in this order. The objects stay apart from the session."""
    values: dict[str, Any] = {}
    for place, row in enumerate(rows):
        values.update(_values_of(row, place))
    _insert_into(*(type(row) for row in rows)).run(session, **values)


def _values_of(row: Base, place: int) -> dict[str, Any]:
    """A new row's values under the names of its place in the statement, with the columns' defaults."""
    given, values = vars(row), {}
    for name, bind, default in _columns_of(type(row), place):
        value = given.get(name)
        values[bind] = default(None) if value is None and default is not None else value
    return values


def find(on: Source, table: type[Row], key: Any) -> Row | None:
    """The row with this primary key, as an object apart from the session: to be read, not written."""
    row = _find_in(table).first(on, key=key)
    return None if row is None else table(**row._asdict())


@cache
def _insert_into(*tables: type[Base]) -> Together:
    return Together(
        *(
            insert_into(table).values({name: bindparam(bind) for name, bind, _ in _columns_of(table, place)})
            for place, table in enumerate(tables)
        )
    )


@cache
def _columns_of(table: type[Base], place: int) -> list[tuple[str, str, Callable[[Any], Any] | None]]:
    return [(column.name, f"{column.name}_{place}", _default_of(column)) for column in table.__table__.columns]


def _default_of(column: Any) -> Callable[[Any], Any] | None:
    if column.default is None:
        return None
    given = column.default.arg
    return given if column.default.is_callable else lambda _: given


@cache
def _find_in(table: type[Base]) -> Prepared:
    (key,) = table.__table__.primary_key
    return Prepared(select(table.__table__).where(key == bindparam("key")))


def _converted(compiled: _Compiled, row: Sequence[Any]) -> Any:
    values = list(row)
    for place, process in compiled.results or ():
        if (value := values[place]) is not None:
            values[place] = process(value)
    return compiled.row(*values)


def _one_row(cursor: Any) -> Any:
    return cursor.fetchone()


def _all_rows(cursor: Any) -> Any:
    return cursor.fetchall()


def _row_count(cursor: Any) -> Any:
    return cursor.rowcount


def _nothing(cursor: Any) -> None:
    """Whoever changes many rows asks nothing further."""


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def _uuid(text: str) -> UUID:
    """An identifier as SQLite keeps it, in half of the usual way's time."""
    return UUID(int=int(text, 16))


def _dashed(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _utc_text(value: datetime | None) -> str | None:
    """An instant as SQLAlchemy writes it for SQLite, in a fifth of its time."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a time needs its zone")
    if value.tzinfo is UTC:
        return value.isoformat(" ", "microseconds")[:-6]
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _bind_process(type_: Any, dialect: Dialect) -> Process | None:
    if dialect.name == "sqlite" and isinstance(type_, UtcDateTime):
        return _utc_text
    process: Process | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return process


def _result_process(column: Any, driver_type: Any, dialect: Dialect, for_json: bool) -> Process | None:
    if dialect.name == "sqlite":
        if isinstance(column.type, UtcDateTime):
            return _utc
        if isinstance(column.type, Uuid):
            return _dashed if for_json else _uuid
    if for_json and isinstance(column.type, Enum):
        return None
    process: Process | None = column.type.dialect_impl(dialect).result_processor(dialect, driver_type)
    return process


def _compile(statement: Any, dialect: Dialect) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect)
    binds = [(name, bind.value, _bind_process(bind.type, dialect)) for name, bind in compiled.binds.items()]
    nth = {name: place for place, (name, _, _) in enumerate(binds)}
    columns = list(getattr(statement, "selected_columns", ()))
    names = [getattr(column, "key", None) or f"column_{place}" for place, column in enumerate(columns)]
    return _Compiled(
        sql=str(compiled),
        binds=binds,
        places=None if compiled.positiontup is None else [nth[name] for name in compiled.positiontup],
        columns=columns,
        results=None,
        row=namedtuple("Found", names, rename=True),
    )
