"""The visits and the changes behind a figure, a page at a time, each with the word that it is counted under."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.figure_index import Found, rows_between
from models.figure_rows import NEVER, RESULTS, TOLD, WORDS, Rows, Word, microseconds
from models.figures import By, Numbers, grouped, keyed_after, narrowed
from models.promise import ChangeNotice
from models.reports import Where, notice_parts, result, standing, visit_parts
from models.visit import Visit
from models.visit_facts import FigureOf

VISIT_RESULTS = (
    *Word,
    "counted",
    "arrived",
    "corrected",
    "late_told",
    "late_unconfirmed",
    "late_untold",
)
CHANGE_RESULTS = (
    *RESULTS,
    "changes",
    "told_within_24h",
    "asked_for_by_resident",
    "possible",
    "met_where_possible",
    "not_possible",
)
PROMISES = ("fair", "original")


class Place(NamedTuple):
    """Where the page before ended."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figure: its time, group and word; and which page of what is behind it."""

    since: datetime
    until: datetime
    by: By | None = None
    group: str | None = None
    where: Where = field(default_factory=dict)
    result: str | None = None
    after: Place | None = None
    limit: int = 50


class CountedVisit(NamedTuple):
    """One visit, with its words and its distances from both promises in seconds."""

    visit: Visit
    result: Word
    original_result: Word
    seconds: float | None
    original_seconds: float | None
    told: str


def visits_behind(session: Session, asked: Asked, *, promise: str, at: datetime) -> list[CountedVisit]:
    """The visits that the figure counts by this promise, in the order in which they were promised."""
    found = _of_group(rows_between(session, FigureOf.VISIT, asked.since, asked.until, at), asked)
    rows = found.rows
    if asked.result is not None:
        rows = rows[visit_parts(rows, at, promise)[asked.result]]
    rows = _page(rows, asked)
    visits = _by_id(session, Visit, rows)
    words, originally = standing(rows, "fair", at), standing(rows, "original", at)
    return [
        CountedVisit(
            visits[key],
            WORDS[words[place]],
            WORDS[originally[place]],
            _seconds(rows["fair_us"][place]),
            _seconds(rows["original_us"][place]),
            TOLD[rows["told"][place]],
        )
        for place, key in enumerate(_ids(rows))
        if key in visits
    ]


def changes_behind(
    session: Session, asked: Asked, *, at: datetime, reason: str | None = None
) -> list[tuple[ChangeNotice, str]]:
    """The changes that the figure counts, in the order in which they were decided; of one `reason`, if given."""
    found = _of_group(rows_between(session, FigureOf.CHANGE, asked.since, asked.until, at), asked)
    if reason is not None:
        found = narrowed(found, {"reason": reason})
    rows, results = found.rows, result(found.rows, at)
    if asked.result is not None:
        rows = rows[_changes_of(asked.result, rows, results)]
    rows = _page(rows, asked)
    results = result(rows, at)
    changes = _by_id(session, ChangeNotice, rows)
    return [
        (changes[key], RESULTS[results[place]].value) for place, key in enumerate(_ids(rows)) if key in changes
    ]


def _changes_of(wanted: str, rows: Rows, results: Numbers) -> Numbers:
    parts = notice_parts(rows, results)
    if wanted in parts:
        return parts[wanted]
    which: Numbers = results == [each.value for each in RESULTS].index(wanted)
    return which


def _of_group(found: Found, asked: Asked) -> Found:
    found = narrowed(found, asked.where)
    if asked.group is None:
        return found
    groups = grouped(found, asked.by)
    if asked.group not in groups.names:
        return Found(found.rows[:0], found.labels)
    return Found(found.rows[groups.of == groups.names.index(asked.group)], found.labels)


def _page(rows: Rows, asked: Asked) -> Rows:
    if asked.after is not None:
        rows = keyed_after(rows, microseconds(asked.after.at), asked.after.id.bytes)
    return rows[: asked.limit]


def _ids(rows: Rows) -> Sequence[UUID]:
    return [UUID(bytes=key.tobytes()) for key in rows["id"]]


def _by_id(session: Session, table: Any, rows: Rows) -> dict[UUID, Any]:
    key = table.id if table is Visit else table.event_id
    found = session.scalars(select(table).where(key.in_(_ids(rows))).order_by(key))
    return {getattr(each, key.key): each for each in found}


def _seconds(distance: np.int64) -> float | None:
    return None if distance == NEVER else float(distance) / 1_000_000
