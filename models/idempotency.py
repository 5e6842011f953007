"""Answers kept for an Idempotency-Key, so that a client that asks again gets the same answer once more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary, String, delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from models import database
from models.database import Base
from models.errors import KeyInUse, KeyReused

LEASE = timedelta(seconds=60)
"""A key whose request died is free again after this long: its change was rolled back with it."""

KEPT_FOR = timedelta(days=2)


class KeptAnswer(Base):
    """One Idempotency-Key of one user: being worked on (`status` empty) or answered."""

    __tablename__ = "kept_answers"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[UUID]
    started_at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int | None]
    headers: Mapped[str | None] = mapped_column(String(2000))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right to work on a key, until its lease runs out."""

    key: str
    id: UUID


def begin(key: str, request_digest: str, at: datetime) -> Attempt | KeptAnswer:
    """Take the key (committed at once, for all to see), or give the answer kept under it.

    Raises KeyReused if the key came with another request, KeyInUse while the first is still running.
    """
    attempt = Attempt(key, uuid4())
    try:
        with database.transaction() as session:
            session.add(KeptAnswer(key=key, request_digest=request_digest, attempt=attempt.id, started_at=at))
        return attempt
    except IntegrityError:
        pass
    with database.transaction() as session:
        kept = session.get(KeptAnswer, key, with_for_update=True)
        if kept is None:
            raise KeyInUse("The first request with this Idempotency-Key has just ended. Send it again.")
        if kept.request_digest != request_digest:
            raise KeyReused("This Idempotency-Key was used for another request. Make a new one.")
        if kept.status is not None:
            return kept
        if kept.started_at + LEASE > at:
            raise KeyInUse("A request with this Idempotency-Key is still running. Wait, then send it again.")
        kept.attempt, kept.started_at = attempt.id, at
    return attempt


def keep(attempt: Attempt, *, status: int, headers: str, body: bytes) -> None:
    """Keep the answer, in the transaction of the change that it answers.

    Raises KeyInUse, and so undoes the change, if the lease ran out and another request has the key.
    """
    with database.transaction() as session:
        kept = session.execute(
            update(KeptAnswer)
            .where(
                KeptAnswer.key == attempt.key,
                KeptAnswer.attempt == attempt.id,
                KeptAnswer.status.is_(None),
            )
            .values(status=status, headers=headers, body=body)
        )
        if kept.rowcount != 1:  # type: ignore[attr-defined]
            raise KeyInUse("Another request with this Idempotency-Key took over. Send it again.")


def release(attempt: Attempt) -> None:
    """Let the key go without an answer: the request changed nothing and may be sent again."""
    with database.transaction() as session:
        session.execute(delete(KeptAnswer).where(KeptAnswer.key == attempt.key, KeptAnswer.attempt == attempt.id))
