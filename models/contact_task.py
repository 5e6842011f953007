"""Contact tasks: a person must ring this resident, because every automatic way failed or is not wanted."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ForeignKey, Index, String, and_, case, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, new_id
from models.message import MessageKind
from models.standards import contact_due_at

LONGEST_WORDS = 3300
"""Of what a resident wrote; two of the longest texts a carrier passes on."""


class ContactReason(StrEnum):
    """Why a person must ring."""

    NO_MOBILE_NUMBER = "no_mobile_number"
    PREFERS_CALL = "prefers_call"
    TIME_HAD_PASSED = "time_had_passed"
    TEXT_REFUSED = "text_refused"
    TEXT_STOPPED = "text_stopped"
    TEXT_UNDELIVERED = "text_undelivered"
    TEXT_EXPIRED = "text_expired"
    NO_RECEIPT = "no_receipt"
    EMAIL_FAILED = "email_failed"
    TOO_MANY_DELAYS = "too_many_delays"
    REPLAN = "replan"
    REPLIED = "replied"
    NOBODY_CAME = "nobody_came"


class ContactTaskStatus(StrEnum):
    """`done`: a person told the resident, or answered them. `not_reached` closes a task without that: nobody
    could be reached. `not_needed` closes one that settled itself, as when a text called undelivered arrives after
    all."""

    OPEN = "open"
    DONE = "done"
    NOT_REACHED = "not_reached"
    NOT_NEEDED = "not_needed"


class ContactTask(Base):
    """Somebody must ring this resident by `due_at`.

    `detail` is the change they have to be told of, in a word. `words` is what they wrote to us, if that is why.
    A resident who writes when no visit of theirs is coming has a task with no visit.
    """

    __tablename__ = "contact_tasks"
    __table_args__ = (
        Index("ix_contact_tasks_status", "status", "due_at", "id"),
        Index("ix_contact_tasks_visit", "visit_id"),
    )

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visits.id"))
    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"), index=True)
    reason: Mapped[ContactReason] = mapped_column(by_value(ContactReason))
    detail: Mapped[str] = mapped_column(String(200))
    words: Mapped[str | None] = mapped_column(String(LONGEST_WORDS))
    due_at: Mapped[datetime]
    status: Mapped[ContactTaskStatus] = mapped_column(by_value(ContactTaskStatus))
    note: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    def close(self, status: ContactTaskStatus, *, by: UUID, at: datetime) -> None:
        """Say what came of it; `open` opens it again."""
        self.status = status
        is_open = status is ContactTaskStatus.OPEN
        self.done_at, self.done_by_id = (None, None) if is_open else (at, by)


rung_about_a_delay = and_(
    # Done: said so that SQLite looks through a visit's tasks, and not through all that were ever done.
    *(ContactTask.status != status for status in ContactTaskStatus if status is not ContactTaskStatus.DONE),
    or_(
        ContactTask.detail == MessageKind.DELAYED.value,
        ContactTask.reason == ContactReason.TOO_MANY_DELAYS,
        ContactTask.reason == ContactReason.REPLAN,
    ),
)
"""The tasks by which a person told a resident that their officer will be late: part of a statement."""


def ask_for_call(
    session: Session,
    *,
    visit_id: UUID | None,
    resident_id: UUID,
    reason: ContactReason,
    detail: str,
    reference_at: datetime,
    at: datetime,
    message_id: UUID | None = None,
    words: str | None = None,
) -> ContactTask:
    """Ask a person to ring, due "at min(R - 1 h, now + 30 min)"; `reference_at` is R.

    A task still open for the same visit and reason is brought up to date instead: whoever rings tells the
    news as it is by then, once. What the resident wrote is added to what they wrote before, unless they only sent
    it again.
    """
    due_at = contact_due_at(reference_at, at)
    task = session.scalars(
        select(ContactTask)
        .where(
            ContactTask.visit_id == visit_id,
            ContactTask.resident_id == resident_id,
            ContactTask.reason == reason,
            ContactTask.status == ContactTaskStatus.OPEN,
        )
        .order_by(ContactTask.created_at, ContactTask.id)
        .limit(1)
    ).first()
    if task is None:
        task = ContactTask(
            id=uuid4(),
            visit_id=visit_id,
            resident_id=resident_id,
            reason=reason,
            due_at=due_at,
            status=ContactTaskStatus.OPEN,
            created_at=at,
        )
        session.add(task)
    task.message_id = message_id
    task.detail = detail
    if words is not None and not f"\n{task.words}".endswith(f"\n{words}"):
        task.words = f"{task.words}\n{words}"[-LONGEST_WORDS:] if task.words else words[:LONGEST_WORDS]
    task.due_at = min(task.due_at, due_at)
    session.flush()
    return task


def has_been_asked(session: Session, news_id: UUID) -> bool:
    """Whether a person was asked to tell this news, and has rung or still has to."""
    task = select(ContactTask.id).where(
        ContactTask.message_id == news_id, ContactTask.status != ContactTaskStatus.NOT_NEEDED
    )
    return session.scalar(task.limit(1)) is not None


def call_not_needed(session: Session, news_id: UUID) -> None:
    """The resident knows after all: close the task that asked to tell them, if nobody has rung yet."""
    session.execute(update(ContactTask).where(ask_to_tell(news_id)).values(status=ContactTaskStatus.NOT_NEEDED))


def ask_to_tell(news_id: Any) -> ColumnElement[bool]:
    """Which tasks ask somebody to tell this news and are still open: part of a statement."""
    return and_(ContactTask.message_id == news_id, ContactTask.status == ContactTaskStatus.OPEN)


class ToRing(NamedTuple):
    """How many residents somebody still has to ring, and how many of them should know by now."""

    open: int
    overdue: int


def to_ring(session: Session, at: datetime) -> dict[ContactReason, ToRing]:
    """The tasks that are open, counted by reason."""
    overdue = func.count(case((ContactTask.due_at < at, 1)))
    rows = session.execute(
        select(ContactTask.reason, func.count(), overdue)
        .where(ContactTask.status == ContactTaskStatus.OPEN)
        .group_by(ContactTask.reason)
        .order_by(ContactTask.reason)
    )
    none = {reason: ToRing(0, 0) for reason in ContactReason}
    return none | {reason: ToRing(open_tasks, late) for reason, open_tasks, late in rows}
