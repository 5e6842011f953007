"""Counts of what the dispatchers and receipts did, for the operators' metrics.

Kept in the database because the dispatchers serve no pages, and there may be several of each.
"""

import random
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from sqlalchemy import String, bindparam, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, insert_into
from models.prepared import Prepared, Source, connection_of

SHARDS = 16
"""A count is the sum of so many rows: receipts that arrive at once seldom wait for each other's."""


class Count(NamedTuple):
    """What is counted: `name` is the metric, `word` the outcome or the histogram's bucket."""

    name: str
    channel: str = ""
    kind: str = ""
    word: str = ""


class Tally(Base):
    """One count's share."""

    __tablename__ = "tallies"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    word: Mapped[str] = mapped_column(String(40), primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[float]


def count(on: Source, amounts: Mapping[Count, float]) -> None:
    """Add to the counts, in one order, so that two transactions never wait for each other both ways."""
    shard = random.randrange(SHARDS)  # noqa: S311 - it only spreads the rows
    rows = [{**what._asdict(), "shard": shard, "value": amounts[what]} for what in sorted(amounts)]
    _add_up(connection_of(on).dialect.name).run_many(on, rows)


@cache
def _add_up(dialect: str) -> Prepared:
    """Adds to a count's share, which is made if there is none."""
    columns = Tally.__table__.columns
    statement = insert_into(dialect, Tally).values({column.name: bindparam(column.name) for column in columns})
    key = [column.name for column in Tally.__table__.primary_key]
    added = columns["value"] + statement.excluded["value"]
    return Prepared(statement.on_conflict_do_update(index_elements=key, set_={"value": added}))


def totals(session: Session, names: Iterable[str]) -> dict[Count, float]:
    """The counts of these names."""
    key = (Tally.name, Tally.channel, Tally.kind, Tally.word)
    query = select(*key, func.sum(Tally.value)).where(Tally.name.in_(names)).group_by(*key).order_by(*key)
    return {Count(*row[:4]): row[4] for row in session.execute(query)}
