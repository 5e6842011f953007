"""Migrations: they make the tables the code knows, on both databases, and can be undone."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from migrations.tables import metadata
from models import database
from models.diary import is_clash

STILL_OURS = ("held", "claimed", "unknown", "expired", "blocked", "undelivered")
ROOT = Path(__file__).resolve().parent.parent


def alembic(url: str) -> Config:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["url"] = url
    return config


@pytest.fixture
def empty_database(database_url: str, tmp_path: Path) -> Iterator[str]:
    """A database of the same kind with nothing in it, for one test."""
    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        yield url
        database.connect(database_url)
        return
    name = f"empty_{uuid4().hex}"
    server = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(database_url).set(database=name).render_as_string(hide_password=False)
    finally:
        database.connect(database_url)
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def tables() -> set[str]:
    with database.engine().connect() as connection:
        return set(inspect(connection).get_table_names())


def test_the_migrations_make_exactly_the_tables_the_code_knows(empty_database):
    command.upgrade(alembic(empty_database), "head")
    assert tables() == {*metadata.tables, "alembic_version"}
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_migration_can_be_undone_and_done_again(empty_database):
    config = alembic(empty_database)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    assert tables() <= {"alembic_version"}
    command.upgrade(config, "head")
    assert tables() >= set(metadata.tables)


def test_an_upgrade_of_a_new_database_does_nothing(empty_database):
    command.upgrade(alembic(empty_database), "head")
    command.upgrade(alembic(empty_database), "head")


def test_the_migrations_are_one_line_and_numbered():
    scripts = ScriptDirectory.from_config(alembic("sqlite://"))
    assert len(scripts.get_heads()) == 1
    numbers = sorted(script.revision for script in scripts.walk_revisions())
    assert numbers == [f"{number + 1:04}" for number in range(len(numbers))]
    assert all(script.doc for script in scripts.walk_revisions())


def an_id(connection: Any) -> Any:
    """An id as this database keeps it."""
    return uuid4() if connection.dialect.name == "postgresql" else uuid4().hex


@pytest.fixture
def first_version(empty_database: str) -> Iterator[tuple[Config, Callable[..., Any], Callable[..., Any]]]:
    """A database of the first tables: its migrations, how to add a row (its id is answered), and how to read
    one."""
    config = alembic(empty_database)
    command.upgrade(config, "0001")

    def add(name: str, key: str = "id", /, **values: Any) -> Any:
        with database.engine().begin() as connection:
            table = Table(name, MetaData(), autoload_with=connection)
            row = {key: an_id(connection)} | values
            connection.execute(table.insert().values(row))
            return row[key]

    def read(name: str, key: str, value: Any) -> Any:
        with database.engine().connect() as connection:
            table = Table(name, MetaData(), autoload_with=connection)
            return connection.execute(table.select().where(table.c[key] == value)).one()

    yield config, add, read


def test_what_the_first_version_had_written_is_kept_and_can_be_taken_back(first_version: Any) -> None:
    """A visit with a text in each status, moves told by text and by a person; and then what only the second
    version knows."""
    config, add, read = first_version
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    resident = add(
        "residents",
        name="Asha Adeyemi",
        phone="+447700900123",
        language="en",
        contact_by="text",
        line_1="1 Demonstration House",
        town="Harrow",
        postcode="HA1 2RJ",
        created_at=at,
    )
    visit = add(
        "visits",
        reference="HV-7K3Q-X2A",
        resident_id=resident,
        purpose="Repair inspection",
        skills=[],
        starts_at=at,
        ends_at=at + timedelta(hours=1),
        status="booked",
        version=1,
        first_promised_at=at,
        promise_number=1,
        created_at=at,
    )
    add("promises", visit_id=visit, number=1, starts_at=at, made_at=at, closed_at=at, closed_by="moved")

    def text(number: int, status: str, **more: Any) -> Any:
        row = {"kind": "moved", "reference": f"7K3QX2A{number}", "language": "en"}
        if "to_address" not in more:
            row["to_number"] = "+447700900123"
        times = ("starts_at", "decided_at", "reference_at", "send_at", "expires_at", "next_try_at")
        row |= {"lane": 2, "attempts": 1, "lookups": 0, "receipt_rank": 0} | dict.fromkeys(times, at)
        return add("messages", visit_id=visit, resident_id=resident, number=number, status=status, **row | more)

    def moved(**how: Any) -> Any:
        event = add("visit_events", visit_id=visit, kind="moved", occurred_at=at, recorded_at=at, details={})
        times = ("decided_at", "told_starts_at", "from_starts_at", "to_starts_at", "reference_at")
        row = {
            "change": "moved",
            "requested_by": "council",
            "reason": "Officer ill",
            "possible": True,
            "due": True,
        }
        return add("notices", "event_id", event_id=event, visit_id=visit, **row | dict.fromkeys(times, at) | how)

    def to_ring(**how: Any) -> Any:
        row = {"detail": "moved", "due_at": at, "created_at": at}
        return add("contact_tasks", resident_id=resident, **row | {"visit_id": visit} | how)

    later = at + timedelta(hours=1)
    texts = {status: text(number, status) for number, status in enumerate(STILL_OURS)}
    accepted = text(10, "accepted", accepted_at=at, superseded_by_id=None)
    delivered = text(11, "delivered", accepted_at=at, delivered_at=later)
    failed = text(12, "failed", accepted_at=at, failed_at=later)
    text(13, "superseded", superseded_by_id=delivered)
    rung = to_ring(reason="text_undelivered", status="done", done_at=later, message_id=failed)
    preferred = to_ring(reason="prefers_call", status="done", done_at=later)
    to_ring(reason="replan", status="open")
    notices = {
        moved(message_id=accepted): (at, None, None),
        moved(message_id=delivered): (at, later, "text"),
        moved(message_id=failed): (None, later, "person"),
        moved(contact_task_id=preferred): (None, later, "person"),
        moved(message_id=texts["held"]): (None, None, None),
        moved(due=False): (None, None, None),
    }

    command.upgrade(config, "0002")
    for key in (*texts.values(), accepted, delivered, failed):
        message = read("messages", "id", key)
        assert (message.news_id, message.channel) == (key, "text")
        assert (message.to_address, message.next_way_at) == ("+447700900123", None)
    for key, (handed_over_at, told_at, told_by) in notices.items():
        notice = read("notices", "event_id", key)
        times = (notice.handed_over_at, notice.told_at)
        in_utc = [each and each.replace(tzinfo=each.tzinfo or UTC) for each in times]
        assert (*in_utc, notice.told_by) == (handed_over_at, told_at, told_by)
    assert read("contact_tasks", "id", rung).message_id == failed
    assert read("visits", "id", visit).confirmed_at is None

    letter = {
        "id": uuid4() if isinstance(visit, UUID) else uuid4().hex,
        "channel": "email",
        "to_address": "ada@example.org",
    }
    by_mail = text(14, "accepted", news_id=letter["id"], accepted_at=at, **letter)
    text(15, "held", news_id=by_mail, channel="text", to_address="+447700900123")
    text(16, "held", news_id=failed, channel="call", to_address="+447700900123")
    text(17, "superseded", news_id=failed, channel="email", to_address="ada@example.org", superseded_by_id=by_mail)
    moved(message_id=by_mail, told_by="email", told_at=at)
    unreached = to_ring(reason="no_receipt", status="not_reached", message_id=by_mail)
    to_ring(reason="replied", status="open", visit_id=None, words="Hello?")
    add("visit_events", visit_id=visit, kind="confirmed", occurred_at=at, recorded_at=at, details={})
    add("message_events", message_id=by_mail, at=at, kind="receipt", details={})
    add("replies", carrier_id="SM1", from_number="+447700900123", kind="yes", body="YES", received_at=at)

    command.downgrade(config, "0001")
    task = read("contact_tasks", "id", unreached)
    assert (task.reason, task.status, task.message_id) == ("text_undelivered", "not_needed", None)
    for status, key in texts.items():
        message = read("messages", "id", key)
        assert (message.status, message.to_number) == (status, "+447700900123")
    assert read("contact_tasks", "id", preferred).reason == "prefers_call"
    command.upgrade(config, "head")
    assert read("messages", "id", delivered).news_id == delivered


def test_photos_of_before_the_rule_are_shown_as_before_and_an_empty_one_can_be_taken_back(
    first_version: Any,
) -> None:
    config, add, read = first_version
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    officer = add(
        "officers",
        staff_number="S1",
        display_name="Amina Yusuf",
        job_title="Housing officer",
        employment="employee",
        skills=[],
        active=True,
        created_at=at,
    )
    old = add("officer_photos", officer_id=officer, jpeg=b"old", uploaded_at=at)
    command.upgrade(config, "head")
    assert (read("officer_photos", "id", old).status, read("officer_photos", "id", old).jpeg) == (
        "approved",
        b"old",
    )
    refused = add("officer_photos", officer_id=officer, status="refused", uploaded_at=at)
    command.downgrade(config, "0009")
    assert read("officer_photos", "id", refused).jpeg == b""
    assert read("officer_photos", "id", old).jpeg == b"old"


def add_visit(connection: Any, officer: str | None, start: str, end: str, status: str = "booked") -> str:
    """A visit written by hand, past every rule of the code."""
    made = str(uuid4()) if connection.dialect.name == "postgresql" else uuid4().hex
    connection.execute(
        text(
            "INSERT INTO visits (id, reference, resident_id, officer_id, purpose, skills, starts_at, ends_at,"
            " status, version, first_promised_at, promise_number, created_at)"
            " SELECT :id, :reference, id, :officer, 'x', '[]', :start, :end, :status, 1, :start, 1, :start"
            " FROM residents LIMIT 1"
        ),
        {"id": made, "reference": made[:12], "officer": officer, "start": start, "end": end, "status": status},
    )
    return made


def day(connection: Any, clock: str) -> str:
    """A time of 25 November as this database keeps it."""
    return f"2026-11-25 {clock}:00" + ("+00" if connection.dialect.name == "postgresql" else ".000000")


def test_the_database_itself_keeps_an_officer_out_of_two_places(app, officer, resident):
    """Raw SQL, as somebody at a console would send it: inserts and updates are refused alike."""

    def attempt(write: Any) -> bool:
        """Whether the database lets this be written; it is undone either way."""
        with database.engine().connect() as connection:
            try:
                write(connection)
                return True
            except DBAPIError as error:
                assert is_clash(error), error
                return False
            finally:
                connection.rollback()

    mine = str(officer.id) if database.engine().dialect.name == "postgresql" else officer.id.hex
    with database.engine().begin() as connection:
        ten, half_past, eleven = (day(connection, clock) for clock in ("10:00", "10:30", "11:00"))
        first = add_visit(connection, mine, ten, eleven)
        cancelled = add_visit(connection, mine, ten, eleven, status="cancelled")
        nobodys = add_visit(connection, None, ten, eleven)
        later = add_visit(connection, mine, eleven, day(connection, "12:00"))

    def set_(visit: str, what: str) -> Any:
        return lambda connection: connection.execute(
            text(f"UPDATE visits SET {what} WHERE id = :id"), {"id": visit}
        )

    nine, seven = ten.replace("10:", "09:"), ten.replace("10:", "03:")
    assert attempt(lambda connection: add_visit(connection, mine, nine, ten)), "touching ends do not clash"
    for start, end in ((ten, eleven), (half_past, eleven), (nine, half_past), (seven, eleven)):
        assert not attempt(lambda connection, start=start, end=end: add_visit(connection, mine, start, end))
    assert attempt(lambda connection: add_visit(connection, mine, ten, eleven, status="cancelled"))
    assert not attempt(lambda connection: add_visit(connection, mine, ten, eleven, status="missed"))
    assert attempt(lambda connection: add_visit(connection, None, ten, eleven))
    assert not attempt(set_(cancelled, "status = 'booked'"))
    assert not attempt(set_(nobodys, f"officer_id = '{mine}'"))
    assert not attempt(set_(later, f"starts_at = '{half_past}'"))
    assert not attempt(set_(first, f"ends_at = '{day(connection, '11:01')}'"))
    assert attempt(set_(first, f"ends_at = '{half_past}'"))
    assert attempt(set_(first, "purpose = 'y'"))


def test_the_database_refuses_rows_that_cannot_be(app, officer, resident):
    mine = str(officer.id) if database.engine().dialect.name == "postgresql" else officer.id.hex
    for statement in (
        "UPDATE officers SET employment = 'contractor'",
        "UPDATE officers SET employment = 'volunteer'",
        "UPDATE officers SET company = 'x'",
        f"DELETE FROM officers WHERE id = '{mine}'",
        "UPDATE visits SET status = 'BOOKED'",
        "UPDATE visits SET ends_at = starts_at",
    ):
        with database.engine().connect() as connection:
            now = day(connection, "10:00")
            add_visit(connection, mine, now, day(connection, "11:00"))
            with pytest.raises(DBAPIError):
                connection.execute(text(statement))
            connection.rollback()


def test_the_settings_name_the_database_to_migrate(tmp_path, monkeypatch, database_url):
    url = f"sqlite:///{tmp_path / 'named.sqlite3'}"
    monkeypatch.setenv("DATABASE_URL", url)
    for name in ("APP_ENV", "SMS_SENDER"):
        monkeypatch.delenv(name, raising=False)
    try:
        command.upgrade(Config(toml_file=ROOT / "pyproject.toml"), "head")
        assert os.path.getsize(tmp_path / "named.sqlite3")
    finally:
        database.connect(database_url)
