"""Keyset paging: a page begins after the last row of the page before, however deep it is."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from models.database import reading
from models.errors import Unprocessable

AnySelect = Select[*tuple[Any, ...]]
Key = Sequence[InstrumentedAttribute[Any]]


def after(
    query: AnySelect,
    key: Key,
    kinds: Sequence[type],
    cursor: str | None,
    *,
    newest_first: bool = False,
) -> AnySelect:
    """The query ordered by `key`, beginning after `cursor`. `kinds` are the Python types of the key.

    Raises Unprocessable for a cursor that we did not make.
    """
    query = query.order_by(*(column.desc() if newest_first else column for column in key))
    if cursor is None:
        return query
    values = tuple_(*read_cursor(cursor, kinds), types=[column.type for column in key])
    place = tuple_(*key)
    return query.where(place < values if newest_first else place > values)


def read_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The key values in a cursor. Raises Unprocessable for a cursor that we did not make."""
    refused = Unprocessable("cursor", "Take next_cursor from the page before, unchanged.")
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (binascii.Error, ValueError):
        raise refused from None
    # Made again, it must be the same: the decoder skips characters that are none of base64's.
    if not isinstance(values, list) or len(values) != len(kinds) or cursor_for(values) != cursor:
        raise refused
    try:
        return [_as(kind, value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise refused from None


def _as(kind: type, value: Any) -> Any:
    if kind is int:
        if type(value) is not int or not 0 <= value < 2**31:
            raise ValueError
        return value
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    if kind is datetime:
        when = datetime.fromisoformat(value)
        if when.tzinfo is None:
            raise ValueError
        return when.astimezone(UTC)
    if kind is date:
        return date.fromisoformat(value)
    return UUID(value) if kind is UUID else value


def cursor_for(values: Sequence[Any]) -> str:
    """The opaque cursor that begins after a row with these key values."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values), option=orjson.OPT_UTC_Z)).decode().rstrip("=")


def page(rows: Sequence[Any], limit: int, key: Sequence[str]) -> tuple[Sequence[Any], str | None]:
    """The first `limit` of `rows` (fetched with one more), and the cursor of the next page if any."""
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, cursor_for([getattr(rows[-1], name) for name in key])


def newest_page(
    query: AnySelect, key: Key, given: Mapping[str, Any], by: Iterable[InstrumentedAttribute[Any]]
) -> tuple[Sequence[Any], str | None]:
    """A page of rows of several tables, newest first, and the cursor of the next, narrowed `by` those of these
    columns that are `given`. `key` is a time and an id of the first table."""
    for column in by:
        if column.key in given:
            query = query.where(column == given[column.key])
    query = after(query, key, (datetime, UUID), given.get("cursor"), newest_first=True)
    with reading() as session:
        found = session.execute(query.limit(given["limit"] + 1)).all()
    _, cursor = page([row[0] for row in found], given["limit"], [column.key for column in key])
    return found[: given["limit"]], cursor
