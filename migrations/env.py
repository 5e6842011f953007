"""Alembic's way to the database: the settings of the product, and its tables."""

from typing import Any

from alembic import context

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


def run() -> None:
    """Migrate the database of the settings, in one transaction where the database can."""
    engine = database.connect(config.attributes.get("url") or Settings.from_environment().database_url)
    with engine.connect() as connection:
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
