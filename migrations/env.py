"""Alembic's way to the database: the settings of the product, and its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from sqlalchemy import Connection

from api.config import Settings
from migrations import tables
from models import database

config = context.config


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our own column types so that a migration can import them."""
    if kind == "type" and isinstance(item, database.UtcDateTime):
        autogen_context.imports.add("from models.database import UtcDateTime")
        return "UtcDateTime()"
    return False


@contextmanager
def _sqlite_tables_made_anew(connection: Connection) -> Iterator[None]:
    """Let SQLite's tables be dropped and made anew under rows that refer to them, and see that all still do.

    The switch does nothing inside a transaction, so it is set on the driver's own connection before one begins.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
        if driver.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise RuntimeError("the migration left rows that refer to nothing: restore the backup")
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def run() -> None:
    """Migrate the database of the settings, in one transaction where the database can."""
    engine = database.connect(config.attributes.get("url") or Settings.from_environment().database_url)
    with engine.connect() as connection, _sqlite_tables_made_anew(connection):
        context.configure(
            connection=connection,
            target_metadata=tables.metadata,
            render_item=render_item,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
