"""The ledger of promises: the times a resident was given, and the notice they had of each change."""

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models import standards
from models.contact_task import ContactTask, ContactTaskStatus
from models.database import Base, UtcDateTime, by_value, new_id
from models.message import GAVE_UP, ON_ITS_WAY, Message
from models.prepared import Prepared
from models.visit_event import EventKind, RequestedBy


class Promise(Base):
    """A time a resident was given for a visit. Never overwritten: a move adds one and closes the last."""

    __tablename__ = "promises"
    __table_args__ = (UniqueConstraint("visit_id", "number"),)

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    number: Mapped[int]
    starts_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[EventKind | None] = mapped_column(by_value(EventKind))


class ToldBy(StrEnum):
    """How a resident came to know: the channel whose message reached them, or a person who rang."""

    TEXT = "text"
    CALL = "call"
    EMAIL = "email"
    PERSON = "person"


class ChangeNotice(Base):
    """What a resident had to be told of a change, and by when; the message says whether they were.

    `told_starts_at` is the start they had been told before. `due` says that they have to be told: not of a
    change of under 15 minutes, or of one that takes back another before its text went. Then either a message
    goes, or a person rings: `message_id`, the first of the news, or `contact_task_id`.

    `handed_over_at` is when a carrier first took a message that it has not given up since, `told_at` and
    `told_by` when and how the resident is known to have heard. `settle` keeps them up to date.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_decided_at", "decided_at"),
        Index("ix_notices_visit", "visit_id", "decided_at"),
        # Nearly every resident is told: this way the notices of those who were need no entry.
        Index(
            "ix_notices_untold",
            "reference_at",
            "event_id",
            sqlite_where=column("told_at").is_(None),
            postgresql_where=column("told_at").is_(None),
        ),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("visit_events.id"), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    change: Mapped[EventKind] = mapped_column(by_value(EventKind))
    decided_at: Mapped[datetime]
    requested_by: Mapped[RequestedBy] = mapped_column(by_value(RequestedBy))
    reason: Mapped[str] = mapped_column(String(500))
    told_starts_at: Mapped[datetime]
    from_starts_at: Mapped[datetime]
    to_starts_at: Mapped[datetime | None]
    reference_at: Mapped[datetime]
    possible: Mapped[bool]
    due: Mapped[bool]
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"), index=True)
    contact_task_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact_tasks.id"), index=True)
    handed_over_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    told_by: Mapped[ToldBy | None] = mapped_column(by_value(ToldBy))


def fair_promise(session: Session, visit_id: UUID, first_promised_at: datetime, at: datetime) -> datetime:
    """The time an arrival at `at` is judged by: the latest promise that the resident had fair notice of.

    What was decided after the arrival moved nothing that anybody waited for: a phone without signal tells of an
    arrival when the visit may have been moved meanwhile.

    A message the carrier accepted counts from then, whether or not a receipt came; one still on its way
    counts from the decision. One that failed, or that was never due, tells nobody anything.
    """
    moves = _MOVES.all(session, visit=visit_id, at=at)
    return standards.fair_promise(
        first_promised_at,
        [
            standards.MovedPromise(
                move.to_starts_at,
                move.requested_by,
                move.reference_at,
                move.told_at or move.handed_over_at or (move.decided_at if move.on_its_way else None),
            )
            for move in moves
        ],
    )


_on_its_way = exists().where(
    Message.visit_id == ChangeNotice.visit_id,
    Message.news_id == ChangeNotice.message_id,
    or_(*(Message.status == status for status in sorted(ON_ITS_WAY))),
)
_MOVES = Prepared(
    select(
        ChangeNotice.to_starts_at,
        ChangeNotice.requested_by,
        ChangeNotice.reference_at,
        ChangeNotice.decided_at,
        ChangeNotice.handed_over_at,
        ChangeNotice.told_at,
        _on_its_way.label("on_its_way"),
    )
    .where(
        ChangeNotice.visit_id == bindparam("visit", type_=Uuid()),
        ChangeNotice.change == EventKind.MOVED,
        ChangeNotice.decided_at <= bindparam("at", type_=UtcDateTime()),
    )
    .order_by(ChangeNotice.decided_at, ChangeNotice.event_id)
)


def told_by_person(session: Session, visit_ids: Collection[UUID]) -> dict[UUID, tuple[datetime, datetime]]:
    """When a person last told each of these visits' residents of a new start, and which; of those whom somebody
    had to tell.

    Whoever rings tells the news as it is by then: the newest move, and not the one they were asked to ring about.
    """
    found: dict[UUID, tuple[datetime, datetime]] = {}
    if visit_ids:
        for row in session.execute(_TOLD_BY_PERSON.where(ChangeNotice.visit_id.in_(visit_ids))):
            found.setdefault(row.visit_id, (row.told_at, row.to_starts_at))
    return found


def person_told(visit_id: Any) -> ColumnElement[bool]:
    """Whether a person ever told the resident of this visit of a change: part of a statement, for those who ask
    about each move."""
    rung = aliased(ChangeNotice)
    return exists().where(rung.visit_id == visit_id, rung.told_by == ToldBy.PERSON)


_rung_about = aliased(ChangeNotice)
_TOLD_BY_PERSON = (
    select(ChangeNotice.visit_id, _rung_about.told_at, ChangeNotice.to_starts_at)
    .join(_rung_about, _rung_about.visit_id == ChangeNotice.visit_id)
    .where(
        ChangeNotice.change == EventKind.MOVED,
        ChangeNotice.decided_at <= _rung_about.told_at,
        _rung_about.change == EventKind.MOVED,
        _rung_about.told_by == ToldBy.PERSON,
    )
    .order_by(_rung_about.told_at.desc(), ChangeNotice.decided_at.desc(), ChangeNotice.event_id.desc())
)


def settle(session: Session, visit_ids: Collection[UUID]) -> None:
    """Bring the ledger of these visits up to what became of their messages and calls.

    `told_at`: "when the carrier reports delivery, or a call was answered"; also when a person rang. A message
    that was handed over and then failed was not handed over to anybody.
    """
    # Locked before the messages are looked at: of two that settle at once, the later sees what the other did. Most
    # messages are of bookings, which are no changes: then this is all there is to do.
    if not session.execute(_LOCK.where(ChangeNotice.visit_id.in_(visit_ids))).all():
        return
    changed = [
        {"event_id": notice.event_id, **now}
        for notice, now in heard_of(session, visit_ids)
        if any(getattr(notice, name) != value for name, value in now.items())
    ]
    if changed:
        session.execute(update(ChangeNotice), changed)


def heard_of(session: Session, visit_ids: Collection[UUID]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each notice of these visits that was due, with what its messages and calls say by now of who heard when."""
    found = session.execute(_NOTICES_AND_NEWS.where(ChangeNotice.visit_id.in_(visit_ids))).all()
    for _, of_notice in groupby(found, lambda row: row.event_id):
        rows = list(of_notice)
        taken = [row.accepted_at for row in rows if row.accepted_at is not None and row.status not in GAVE_UP]
        heard = [(row.delivered_at, ToldBy(row.channel)) for row in rows if row.delivered_at is not None]
        heard += [(row.done_at, ToldBy.PERSON) for row in rows if row.done_at is not None]
        told_at, told_by = min(heard, default=(None, None))
        yield rows[0], {"handed_over_at": min(taken, default=None), "told_at": told_at, "told_by": told_by}


_taken_sooner = ChangeNotice.handed_over_at <= bindparam("accepted_at", type_=UtcDateTime())
HEARD = (
    update(ChangeNotice.__table__)  # type: ignore[arg-type]
    .where(
        ChangeNotice.visit_id == bindparam("visit_id", type_=Uuid()),
        ChangeNotice.message_id == bindparam("news_id", type_=Uuid()),
        ChangeNotice.due,
        or_(
            ChangeNotice.told_at.is_(None),
            ChangeNotice.told_at > bindparam("delivered_at", type_=UtcDateTime()),
        ),
    )
    .values(
        handed_over_at=case(
            (_taken_sooner, ChangeNotice.handed_over_at), else_=bindparam("accepted_at", type_=UtcDateTime())
        ),
        told_at=bindparam("delivered_at", type_=UtcDateTime()),
        told_by=bindparam("told_by"),
    )
)
"""A message of this news was delivered: the statement that changes what `settle` would, of the many times that
receipts say so."""

_LOCK = (
    select(ChangeNotice.event_id)
    .where(ChangeNotice.due)
    .order_by(ChangeNotice.visit_id, ChangeNotice.decided_at, ChangeNotice.event_id)
    .with_for_update(key_share=True)
)
_NOTICES_AND_NEWS = (
    select(
        ChangeNotice.event_id,
        ChangeNotice.visit_id,
        ChangeNotice.handed_over_at,
        ChangeNotice.told_at,
        ChangeNotice.told_by,
        Message.channel,
        Message.status,
        Message.accepted_at,
        Message.delivered_at,
        ContactTask.done_at,
    )
    .outerjoin(
        Message, and_(Message.visit_id == ChangeNotice.visit_id, Message.news_id == ChangeNotice.message_id)
    )
    .outerjoin(
        ContactTask,
        and_(
            ContactTask.visit_id == ChangeNotice.visit_id,
            ContactTask.status == ContactTaskStatus.DONE,
            func.coalesce(ContactTask.message_id, ContactTask.id)
            == func.coalesce(ChangeNotice.message_id, ChangeNotice.contact_task_id),
        ),
    )
    .where(ChangeNotice.due)
    .order_by(ChangeNotice.event_id)
)
"""Each notice that was due, once with every message of its news and with every call a person has made of it."""
