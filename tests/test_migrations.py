"""Migrations: they make the tables the code knows, on both databases, and can be undone."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from migrations.tables import metadata
from models import database
from models.diary import is_clash

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
