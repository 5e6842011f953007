"""Texts that wait to be sent, written straight into the outbox: thousands, without a request for each."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection

from benchmarks.town import RESIDENTS, Town
from migrations.tables import metadata
from models.message import MessageKind, new_message_reference
from notifications import policy

_ROWS_AT_ONCE = 1000
_BY = timedelta(hours=1)


def queue(
    connection: Connection, town: Town, numbers: Iterable[int], kinds: Iterable[MessageKind], due_at: datetime
) -> list[UUID]:
    """A text about each of these visits of the town, due at `due_at`; moves with their notice. Their ids."""
    rows = [_rows(town, number, kind, due_at) for number, kind in zip(numbers, kinds, strict=False)]
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        batch = rows[begin : begin + _ROWS_AT_ONCE]
        for name in ("visit_events", "messages", "notices"):
            of_table = [of_text[name] for of_text in batch if name in of_text]
            if of_table:
                connection.execute(metadata.tables[name].insert(), of_table)
    connection.commit()
    return [of_text["messages"]["id"] for of_text in rows]


def _rows(town: Town, number: int, kind: MessageKind, due_at: datetime) -> dict[str, dict[str, Any]]:
    """One text and what belongs to it, by table."""
    start = town.visit_start(number)
    late = kind is MessageKind.DELAYED
    expected_at = start + _BY if late else None
    reference_at = start
    message_id, event_id, visit_id = uuid4(), uuid4(), town.visits[number]
    message = {
        "id": message_id,
        "news_id": message_id,
        "visit_id": visit_id,
        "resident_id": town.residents[number % RESIDENTS],
        "number": 2,
        "kind": kind,
        "channel": "text",
        "status": "held",
        "reference": new_message_reference(),
        "to_address": f"+447700900{number % 1000:03}",
        "language": "en",
        "lane": policy.lane(kind),
        "previous_starts_at": start - _BY if kind is MessageKind.MOVED else None,
        "starts_at": start,
        "expected_at": expected_at,
        "decided_at": due_at,
        "reference_at": reference_at,
        "send_at": due_at,
        "expires_at": policy.expires_at(kind, reference_at, expected_at),
        "attempts": 0,
        "next_try_at": due_at,
        "lookups": 0,
        "receipt_rank": 0,
    }
    if kind is not MessageKind.MOVED:
        return {"messages": message}
    event = {
        "id": event_id,
        "visit_id": visit_id,
        "kind": "moved",
        "occurred_at": due_at,
        "recorded_at": due_at,
        "by_id": town.scheduler,
        "details": {},
    }
    notice = {
        "event_id": event_id,
        "visit_id": visit_id,
        "change": "moved",
        "decided_at": due_at,
        "requested_by": "council",
        "reason": "The officer is unwell",
        "told_starts_at": start - _BY,
        "from_starts_at": start - _BY,
        "to_starts_at": start,
        "reference_at": reference_at,
        "possible": True,
        "due": True,
        "message_id": message_id,
    }
    return {"visit_events": event, "messages": message, "notices": notice}
