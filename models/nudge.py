"""Nudges: an officer is asked for a word about a visit, on their phone's list and by a text, before others are."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    Uuid,
    bindparam,
    column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, insert_missing
from models.message import new_message_reference
from models.officer import Officer
from models.prepared import Prepared
from models.staff_text import AlertStatus, StaffText

KEPT_FOR = timedelta(days=30)
"""Long enough to answer a complaint about a visit."""


class NudgeKind(StrEnum):
    """What a word is wanted about: nobody has arrived at a visit, or nobody has said that one is over."""

    NOBODY_ARRIVED = "nobody_arrived"
    NO_OUTCOME = "no_outcome"


_OPEN = column("ended_at").is_(None)


class Nudge(StaffText, Base):
    """One officer, asked about one visit as it was due at `about_at`; `ended_at` once the word has come.

    Should it be wanted once more, as after a correction, they are asked again. An officer without a telephone
    number finds it on their phone's list alone: its text has failed from the start.
    """

    __tablename__ = "nudges"
    __table_args__ = (
        UniqueConstraint("visit_id", "officer_id", "kind", "about_at"),
        Index("ix_nudges_open", "officer_id", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_nudges_status", "status", "next_try_at"),
    )

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"))
    kind: Mapped[NudgeKind] = mapped_column(by_value(NudgeKind))
    about_at: Mapped[datetime]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


NO_NUMBER = "no-number"


def asked(kind: NudgeKind, visit_ids: Collection[UUID], at: datetime) -> Select[UUID, UUID, datetime]:
    """Who is asked about which of these visits and times, as `nudge` takes them, or was until after `at`."""
    is_asked = or_(Nudge.ended_at.is_(None), Nudge.ended_at > at)
    return (
        select(Nudge.visit_id, Nudge.officer_id, Nudge.about_at)
        .where(Nudge.visit_id.in_(visit_ids), Nudge.kind == kind, is_asked)
        .order_by(Nudge.id)
    )


def nudge(session: Session, kind: NudgeKind, wanted: Iterable[tuple[UUID, UUID, datetime]], at: datetime) -> None:
    """Nudge each officer about a visit: (visit, officer, the time it is about).

    Those who are asked already are left alone. Who was, and answered, is asked anew: by another text, unless the
    last is still on its way.
    """
    # In one order: two dispatchers that nudge the same wait for each other, and never in a circle.
    in_order = sorted(wanted)
    officers = select(Officer.id, Officer.phone).where(
        Officer.id.in_({officer_id for _, officer_id, _ in in_order})
    )
    numbers = {row.id: row.phone for row in session.execute(officers.order_by(Officer.id))}
    for visit_id, officer_id, about_at in in_order:
        number = numbers[officer_id]
        key = {"visit_id": visit_id, "officer_id": officer_id, "kind": kind, "about_at": about_at}
        text = {
            "to_number": number or "",
            "reference": new_message_reference(),
            "status": AlertStatus.WAITING if number else AlertStatus.FAILED,
            "error_code": None if number else NO_NUMBER,
            "next_try_at": at,
        }
        insert_missing(session, Nudge, {"id": uuid4(), "made_at": at} | key | text)
        over = update(Nudge).where(
            *(getattr(Nudge, name) == value for name, value in key.items()), Nudge.ended_at <= at
        )
        over = over.execution_options(synchronize_session=False)
        sent = Nudge.status.in_((AlertStatus.SENT, AlertStatus.FAILED))
        never = dict.fromkeys(("claimed_at", "sent_at", "carrier_id"))
        session.execute(over.where(sent).values(text | never))
        session.execute(over.values(made_at=at, ended_at=None))


open_nudges = Prepared(
    select(Nudge.visit_id, Nudge.kind, Nudge.about_at, Nudge.made_at)
    .where(Nudge.officer_id == bindparam("officer_id", type_=Uuid()), Nudge.ended_at.is_(None))
    .order_by(Nudge.made_at, Nudge.id),
    for_json=True,
)
"""What an officer is asked now, for their phone's list."""
