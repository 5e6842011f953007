"""What a transaction notes of its messages on the way: the lines of their stories, and what the metrics count.

They are written together at its end: many at a time, and the counts, which everybody shares, for as short as can
be.
"""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from models.message_event import MessageEventKind, line, tell_all
from models.tally import Count, count


def note(session: Session, message_id: UUID, kind: MessageEventKind, at: datetime, **details: Any) -> None:
    """Note a line of a message's story. Fields that are None are left out."""
    session.info.setdefault("story", []).append(line(message_id, kind, at, **details))


def outcome(message: Any, word: str) -> dict[Count, int]:
    """What the metrics count of what became of a message."""
    return {Count("outcomes", message.channel.value, message.kind.value, word): 1}


def note_outcome(session: Session, message: Any, word: str) -> None:
    """Note for the metrics what became of a message."""
    note_counts(session, outcome(message, word))


def note_counts(session: Session, counts: dict[Count, int]) -> None:
    """Note what the metrics count besides."""
    session.info.setdefault("counts", Counter()).update(counts)


def write_down(session: Session) -> bool:
    """Write what was noted. Whether anything happened that the metrics count."""
    counts: Counter[Count] = session.info.pop("counts", Counter())
    tell_all(session, session.info.pop("story", []))
    count(session, counts)
    return bool(counts)
