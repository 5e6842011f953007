"""F, the floor: booking and moving with as little as Flask and the database's driver allow.

It takes the same bodies, keeps the same tables, answers with the same statuses and leaves out everything else:
checks by hand, no schema library, no ORM, no log, nobody's sign-in. On PostgreSQL a change is one statement that
locks the officer's row and writes the visit, its promise, its history and its text; on SQLite it is a few
statements of one writer in BEGIN IMMEDIATE, committed one by one with synchronous = FULL. A database that it
shares with nobody is named in DATABASE_URL.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
from flask import Flask, Response, request
from sqlalchemy import make_url

from models.reference import ALPHABET, new_visit_reference

HELD_FOR = timedelta(seconds=120)
AHEAD = timedelta(seconds=float(os.environ.get("BENCHMARK_CLOCK_AHEAD", "0")))

app = Flask(__name__)


class Refused(Exception):
    """The request is wrong, or comes too late."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@app.errorhandler(Refused)
def refused(error: Refused) -> Response:
    """A short answer in words."""
    return _json({"detail": str(error)}, error.status)


@app.post("/v1/visits")
def book() -> Response:
    """Book a visit and write the resident's text."""
    given = _body()
    at = datetime.now(UTC) + AHEAD
    starts_at = _time(given.get("starts_at"))
    minutes, purpose = given.get("duration_minutes"), given.get("purpose")
    if type(minutes) is not int or not 5 <= minutes <= 480:
        raise Refused(422, "duration_minutes is 5 to 480")
    if not isinstance(purpose, str) or not 1 <= len(purpose) <= 200:
        raise Refused(422, "purpose is a text")
    if starts_at < at:
        raise Refused(422, "starts_at is past")
    visit = {
        "id": uuid4(),
        "reference": new_visit_reference(),
        "resident_id": _id(given.get("resident_id")),
        "officer_id": _id(given.get("officer_id")),
        "purpose": purpose,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
    }
    details = orjson.dumps({"starts_at": starts_at, "officer_id": visit["officer_id"]}).decode()
    store.book(visit | _ids() | {"details": details, "at": at, "send_at": at})
    answer = _json(visit | {"status": "booked", "version": 1}, 201)
    answer.headers["ETag"] = '"1"'
    return answer


@app.post("/v1/visits/<uuid:visit_id>/moves")
def move(visit_id: UUID) -> Response:
    """Move a visit and write the resident's text."""
    given = _body()
    at = datetime.now(UTC) + AHEAD
    starts_at = _time(given.get("starts_at"))
    reason, requested_by = given.get("reason"), given.get("requested_by")
    if not isinstance(reason, str) or not 1 <= len(reason) <= 500:
        raise Refused(422, "reason is a text")
    if requested_by not in ("council", "resident"):
        raise Refused(422, "requested_by is council or resident")
    if starts_at < at:
        raise Refused(422, "starts_at is past")
    version = request.headers.get("If-Match", "").strip('"')
    if not version.isdigit():
        raise Refused(428, "If-Match is missing")
    moved = store.move(
        {
            "id": visit_id,
            "version": int(version),
            "starts_at": starts_at,
            "reason": reason,
            "requested_by": requested_by,
            "details": orjson.dumps({"moved_to": starts_at, "requested_by": requested_by}).decode(),
            "at": at,
            "send_at": at + HELD_FOR,
        }
        | _ids()
    )
    if not moved:
        raise Refused(412, "the visit was changed")
    answer = _json({"moved_to": starts_at, "reason": reason, "requested_by": requested_by}, 201)
    answer.headers["ETag"] = f'"{int(version) + 1}"'
    return answer


def _body() -> dict[str, Any]:
    try:
        given = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Refused(400, "not JSON") from None
    if not isinstance(given, dict):
        raise Refused(422, "not an object")
    return given


def _id(value: object) -> UUID:
    try:
        return UUID(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError):
        raise Refused(422, "not an id") from None


def _time(value: object) -> datetime:
    try:
        time = datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise Refused(422, "not a time") from None
    if time.tzinfo is None:
        raise Refused(422, "a time without its zone")
    return time.astimezone(UTC)


def _ids() -> dict[str, Any]:
    return {
        "by_id": uuid4(),
        "promise_id": uuid4(),
        "event_id": uuid4(),
        "message_id": uuid4(),
        "message_reference": "".join(secrets.choice(ALPHABET) for _ in range(8)),
    }


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), status, content_type="application/json")


_MESSAGE = """
    (id, news_id, visit_id, resident_id, number, kind, channel, status, reference, to_address, language, lane,
     starts_at, previous_starts_at, decided_at, reference_at, send_at, expires_at, attempts, next_try_at, lookups,
     receipt_rank)
"""
_EVENT = "(id, visit_id, kind, occurred_at, recorded_at, reason, details)"
_NOTICE = """
    (event_id, visit_id, change, decided_at, requested_by, reason, told_starts_at, from_starts_at, to_starts_at,
     reference_at, possible, due, message_id)
"""
_VISIT = """
    (id, reference, resident_id, officer_id, purpose, skills, starts_at, ends_at, status, version,
     first_promised_at, promise_number, created_at)
"""


class PostgreSQL:
    """One statement for each change, on one connection for each thread."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).render_as_string(hide_password=False)
        self._threads = threading.local()

    def _run(self, statement: str, values: dict[str, Any]) -> int:
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = psycopg.connect(self._url, autocommit=True)
        try:
            return int(connection.execute(statement, values, prepare=True).fetchone()[0])
        except psycopg.errors.ExclusionViolation:
            raise Refused(409, "the officer has another visit") from None

    def book(self, values: dict[str, Any]) -> None:
        """Book. Raises Refused."""
        if not self._run(self.BOOK, values):
            raise Refused(422, "no such officer or resident")

    def move(self, values: dict[str, Any]) -> bool:
        """Move; False if the visit has another version. Raises Refused."""
        return bool(self._run(self.MOVE, values))

    BOOK = f"""
        WITH officer AS (
            SELECT id FROM officers WHERE id = %(officer_id)s AND active AND suspended_at IS NULL
            FOR NO KEY UPDATE
        ), resident AS (
            SELECT id, phone, language FROM residents WHERE id = %(resident_id)s
        ), visit AS (
            INSERT INTO visits {_VISIT}
            SELECT %(id)s, %(reference)s, resident.id, officer.id, %(purpose)s, '[]', %(starts_at)s, %(ends_at)s,
                'booked', 1, %(starts_at)s, 1, %(at)s
            FROM officer, resident
            RETURNING id
        ), promise AS (
            INSERT INTO promises (id, visit_id, number, starts_at, made_at)
            SELECT %(promise_id)s, id, 1, %(starts_at)s, %(at)s FROM visit
        ), event AS (
            INSERT INTO visit_events {_EVENT}
            SELECT %(event_id)s, id, 'booked', %(at)s, %(at)s, NULL, %(details)s FROM visit
        ), message AS (
            INSERT INTO messages {_MESSAGE}
            SELECT %(message_id)s, %(message_id)s, visit.id, resident.id, 1, 'booked', 'text', 'held',
                %(message_reference)s, resident.phone, resident.language, 3, %(starts_at)s, NULL, %(at)s,
                %(starts_at)s, %(send_at)s, %(starts_at)s, 0, %(send_at)s, 0, 0
            FROM visit, resident
        )
        SELECT count(*) FROM visit
    """

    MOVE = f"""
        WITH visit AS (
            SELECT id, officer_id, resident_id, starts_at, ends_at - starts_at AS duration, promise_number
            FROM visits WHERE id = %(id)s
        ), officer AS (
            SELECT officers.id FROM officers JOIN visit ON officers.id = visit.officer_id
            WHERE officers.active AND officers.suspended_at IS NULL
            FOR NO KEY UPDATE OF officers
        ), resident AS (
            SELECT residents.id, phone, language FROM residents JOIN visit ON residents.id = visit.resident_id
        ), moved AS (
            UPDATE visits SET starts_at = %(starts_at)s, ends_at = %(starts_at)s + visit.duration,
                version = visits.version + 1, promise_number = visits.promise_number + 1
            FROM officer, visit
            WHERE visits.id = visit.id AND visits.version = %(version)s AND visits.status = 'booked'
                AND visits.officer_id = officer.id
            RETURNING visits.id, visits.promise_number, visit.starts_at AS moved_from
        ), closed AS (
            UPDATE promises SET closed_at = %(at)s, closed_by = 'moved' FROM moved
            WHERE visit_id = moved.id AND number = moved.promise_number - 1
        ), promise AS (
            INSERT INTO promises (id, visit_id, number, starts_at, made_at)
            SELECT %(promise_id)s, id, promise_number, %(starts_at)s, %(at)s FROM moved
        ), event AS (
            INSERT INTO visit_events {_EVENT}
            SELECT %(event_id)s, id, 'moved', %(at)s, %(at)s, %(reason)s, %(details)s FROM moved
        ), stopped AS (
            UPDATE messages SET status = 'superseded' FROM moved WHERE visit_id = moved.id AND status = 'held'
        ), message AS (
            INSERT INTO messages {_MESSAGE}
            SELECT %(message_id)s, %(message_id)s, moved.id, resident.id,
                (SELECT count(*) + 1 FROM messages WHERE visit_id = moved.id), 'moved', 'text', 'held',
                %(message_reference)s, resident.phone, resident.language, 2, %(starts_at)s, moved_from, %(at)s,
                least(%(starts_at)s, moved_from), %(send_at)s, least(%(starts_at)s, moved_from), 0,
                %(send_at)s, 0, 0
            FROM moved, resident
        ), notice AS (
            INSERT INTO notices {_NOTICE}
            SELECT %(event_id)s, id, 'moved', %(at)s, %(requested_by)s, %(reason)s, moved_from, moved_from,
                %(starts_at)s, least(%(starts_at)s, moved_from), true, true, %(message_id)s
            FROM moved
        )
        SELECT count(*) FROM moved
    """


class Sqlite:
    """One writer, in BEGIN IMMEDIATE; each change is flushed to the disk before it is answered."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(
            str(make_url(url).database), isolation_level=None, check_same_thread=False, timeout=30
        )
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._turn = threading.Lock()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException as error:
                self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.IntegrityError) and "visits_no_overlap" in str(error):
                    raise Refused(409, "the officer has another visit") from None
                raise
            self._connection.execute("COMMIT")

    def book(self, values: dict[str, Any]) -> None:
        """Book. Raises Refused."""
        values = {name: _stored(value) for name, value in values.items()}
        with self._transaction() as connection:
            officer = connection.execute(
                "SELECT 1 FROM officers WHERE id = :officer_id AND active AND suspended_at IS NULL", values
            ).fetchone()
            resident = connection.execute(
                "SELECT phone, language FROM residents WHERE id = :resident_id", values
            ).fetchone()
            if not officer or not resident:
                raise Refused(422, "no such officer or resident")
            values["phone"], values["language"] = resident
            for statement in self.BOOK:
                connection.execute(statement, values)

    def move(self, values: dict[str, Any]) -> bool:
        """Move; False if the visit has another version. Raises Refused."""
        length = values["starts_at"]
        values = {name: _stored(value) for name, value in values.items()}
        with self._transaction() as connection:
            visit = connection.execute(self.READ, values).fetchone()
            if visit is None:
                return False
            values["resident_id"], moved_from, ends_at, values["promise_number"], *told = visit
            values["phone"], values["language"], values["number"] = told
            duration = datetime.fromisoformat(ends_at) - datetime.fromisoformat(moved_from)
            values["ends_at"] = _stored(length + duration)
            values["moved_from"] = moved_from
            values["reference_at"] = min(moved_from, values["starts_at"])
            for statement in self.MOVE:
                connection.execute(statement, values)
        return True

    BOOK = (
        f"""
        INSERT INTO visits {_VISIT}
        VALUES (:id, :reference, :resident_id, :officer_id, :purpose, '[]', :starts_at, :ends_at, 'booked', 1,
            :starts_at, 1, :at)
        """,
        """
        INSERT INTO promises (id, visit_id, number, starts_at, made_at)
        VALUES (:promise_id, :id, 1, :starts_at, :at)
        """,
        f"INSERT INTO visit_events {_EVENT} VALUES (:event_id, :id, 'booked', :at, :at, NULL, :details)",
        f"""
        INSERT INTO messages {_MESSAGE}
        VALUES (:message_id, :message_id, :id, :resident_id, 1, 'booked', 'text', 'held', :message_reference,
            :phone, :language, 3, :starts_at, NULL, :at, :starts_at, :send_at, :starts_at, 0, :send_at, 0, 0)
        """,
    )

    READ = """
        SELECT visits.resident_id, visits.starts_at, visits.ends_at, visits.promise_number + 1, residents.phone,
            residents.language, (SELECT count(*) + 1 FROM messages WHERE visit_id = visits.id)
        FROM visits JOIN residents ON residents.id = visits.resident_id
        JOIN officers ON officers.id = visits.officer_id
        WHERE visits.id = :id AND visits.version = :version AND visits.status = 'booked'
            AND officers.active AND officers.suspended_at IS NULL
    """

    MOVE = (
        """
        UPDATE visits SET starts_at = :starts_at, ends_at = :ends_at, version = version + 1,
            promise_number = :promise_number
        WHERE id = :id
        """,
        """
        UPDATE promises SET closed_at = :at, closed_by = 'moved'
        WHERE visit_id = :id AND number = :promise_number - 1
        """,
        """
        INSERT INTO promises (id, visit_id, number, starts_at, made_at)
        VALUES (:promise_id, :id, :promise_number, :starts_at, :at)
        """,
        f"INSERT INTO visit_events {_EVENT} VALUES (:event_id, :id, 'moved', :at, :at, :reason, :details)",
        "UPDATE messages SET status = 'superseded' WHERE visit_id = :id AND status = 'held'",
        f"""
        INSERT INTO messages {_MESSAGE}
        VALUES (:message_id, :message_id, :id, :resident_id, :number, 'moved', 'text', 'held', :message_reference,
            :phone, :language, 2, :starts_at, :moved_from, :at, :reference_at, :send_at, :reference_at, 0,
            :send_at, 0, 0)
        """,
        f"""
        INSERT INTO notices {_NOTICE}
        VALUES (:event_id, :id, 'moved', :at, :requested_by, :reason, :moved_from, :moved_from, :starts_at,
            :reference_at, 1, 1, :message_id)
        """,
    )


def _stored(value: Any) -> Any:
    """A value as the product's tables hold it in SQLite."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value


def _store(url: str) -> PostgreSQL | Sqlite:
    return Sqlite(url) if url.startswith("sqlite") else PostgreSQL(url)


store = _store(os.environ["DATABASE_URL"])
