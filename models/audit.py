"""What an auditor is given: every promise, event and notice of a time, in one chain, and nobody's name.

A line of JSON each, in the order in which they were recorded; each has its number and the digest of the line
before. The first says what the file is, the last how many lines there are. Times, identifiers and words of ours
only: no name, number, address or reason, and nothing that somebody typed.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import merge
from itertools import chain as one_after_another
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.chain import START, canonical, digest
from models.promise import ChangeNotice, Promise
from models.visit_event import VisitEvent

FORMAT = "home-visits audit 1"
ROWS_AT_A_TIME = 1000

_DETAILS = frozenset(
    {
        "after",
        "before",
        "expected_at",
        "flags",
        "moved_from",
        "moved_to",
        "officer_from",
        "officer_id",
        "officer_to",
        "outcome",
        "promised_at",
        "requested_by",
        "second_officer_from",
        "second_officer_id",
        "second_officer_to",
        "starts_at",
        "told",
        "version",
    }
)
"""What is told of an event's details: times, identifiers and words of ours. A position is where somebody lives."""

_NOTICE = (
    "event_id",
    "visit_id",
    "change",
    "decided_at",
    "requested_by",
    "told_starts_at",
    "from_starts_at",
    "to_starts_at",
    "reference_at",
    "possible",
    "due",
    "handed_over_at",
    "told_at",
    "told_by",
)
_PROMISE = ("visit_id", "number", "starts_at", "made_at", "made_by_id", "closed_at", "closed_by")
_EVENT = ("id", "visit_id", "kind", "occurred_at", "recorded_at", "by_id")


def lines(session: Session, *, council: str, since: datetime, until: datetime, at: datetime) -> Iterator[bytes]:
    """The file of [since, until), a line at a time, without line ends. Read it in a `snapshot`."""
    header = {"record": "header", "format": FORMAT, "council": council, "from": since, "to": until, "made_at": at}
    number, previous = 0, START
    for record in one_after_another([header], _records(session, since, until)):
        line = canonical(record | {"line": number, "previous": previous})
        number, previous = number + 1, digest(line)
        yield line
    yield canonical({"record": "end", "line": number, "records": number - 1, "previous": previous})


def _records(session: Session, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """Everything that was recorded in this time, in its order."""
    kinds = (
        (Promise, Promise.made_at, Promise.id, "promise", _PROMISE),
        (VisitEvent, VisitEvent.recorded_at, VisitEvent.id, "event", _EVENT),
        (ChangeNotice, ChangeNotice.decided_at, ChangeNotice.event_id, "notice", _NOTICE),
    )
    read = []
    for table, moment, key, record, names in kinds:
        rows = session.scalars(
            select(table)
            .where(moment >= since, moment < until)
            .order_by(moment, key)
            .execution_options(yield_per=ROWS_AT_A_TIME)
        )
        read.append(_said(rows, moment.key, key.key, record, names))
    for _, said in merge(*read, key=lambda pair: pair[0]):
        yield said


def _said(
    rows: Iterable[Any], moment: str, key: str, record: str, names: Iterable[str]
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    for row in rows:
        said = {"record": record} | {name: getattr(row, name) for name in names}
        if record == "event":
            said["details"] = {name: value for name, value in row.details.items() if name in _DETAILS}
            said["has_reason"] = row.reason is not None
        yield (getattr(row, moment), record, str(getattr(row, key))), said


def faults(read: Callable[[], Iterable[bytes]]) -> Iterator[str]:
    """What is wrong with a file of `lines`, in words that name the line (the first is 0); nothing if it is whole.

    `read` begins to read it: that is done twice, as a line that was moved is found by all the numbers there are.
    Who can write all of it anew can make it whole, too: that the last line is ours says the seal beside it.
    """
    numbers = {_said_by(line).get("line") for line in read()}
    previous, expected, said = START, 0, {}
    for place, line in enumerate(read()):
        said = _said_by(line)
        number = said.get("line")
        if type(number) is not int or canonical(said) != line:
            yield f"Line {place} is none that we write: it was changed or added."
            continue
        if number < expected:
            yield f"Line {number} is here once more, or was moved: it stands where line {expected} should."
            continue
        for missing in range(expected, number):
            yield f"Line {missing} was moved." if missing in numbers else f"Line {missing} is missing."
        if number == expected and said.get("previous") != previous:
            yield f"Line {max(number - 1, 0)} was changed: it is not the one that line {number} follows."
        previous, expected = digest(line), number + 1
    if said.get("record") != "end":
        yield f"Line {expected} is missing, and whatever followed it: the file has no end."


def _said_by(line: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
