"""Standards that were missed: each visit is marked, and what the council's own rule owes the resident is kept.

"When a standard is missed the visit is marked, the resident told plainly what they can do, and the council's own
redress rule applied."
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ForeignKey, Index, String, UniqueConstraint, Uuid, bindparam, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import standards
from models.database import Base, by_value, insert_missing, new_id, reading, transaction
from models.dispute import NOBODY_CAME, Dispute
from models.message import Message
from models.notice_results import judge_notice
from models.prepared import Prepared, Source
from models.promise import ChangeNotice
from models.standards import NoticeResult, Punctuality
from models.visit import Visit, VisitStatus
from models.visit_event import RequestedBy

LOOK_BACK = timedelta(days=7)
"""So long after its start a visit is looked at for what a phone without signal may still report of it."""

NOTICES_SINCE = timedelta(days=30)
"""Changes decided so long ago are looked at for whether they were told in time."""


class Standard(StrEnum):
    """Which promise was not kept."""

    LATE = "late"
    MISSED = "missed"
    SHORT_NOTICE = "short_notice"


class RedressStatus(StrEnum):
    """`none`: the council's rule owes nothing. `due`: somebody has to see to it. `withdrawn`: it turned out that
    the standard was kept."""

    NONE = "none"
    DUE = "due"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class MissedStandard(Base):
    """One standard that one visit missed, and the redress that the rule gave for it when it was found."""

    __tablename__ = "missed_standards"
    __table_args__ = (
        UniqueConstraint("visit_id", "standard"),
        Index("ix_missed_standards_status", "status", "found_at", "id"),
        Index("ix_missed_standards_found_at", "found_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    standard: Mapped[Standard] = mapped_column(by_value(Standard))
    found_at: Mapped[datetime]
    redress_pence: Mapped[int]
    status: Mapped[RedressStatus] = mapped_column(by_value(RedressStatus))
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None] = mapped_column(String(1000))

    def settle(self, is_settled: bool, *, by: UUID, at: datetime) -> None:
        """Say that the redress was given, or that it was not after all. Who gave it first stays."""
        if not is_settled:
            self.status, self.settled_at, self.settled_by_id = RedressStatus.DUE, None, None
        elif self.status is not RedressStatus.SETTLED:
            self.status, self.settled_at, self.settled_by_id = RedressStatus.SETTLED, at, by


def missed_at_the_door(visit: Any) -> Standard | None:
    """The standard of arrival that a visit missed as it stands: nobody came, or they came late.

    By the rule of the published figures: "no_access counts as attended only if its arrival is in the window", and
    what was called off is no visit.
    """
    if visit.status == VisitStatus.MISSED:
        return Standard.MISSED
    if visit.arrival_promised_at is None or visit.status == VisitStatus.CANCELLED:
        return None
    _, word = standards.judge_arrival(visit.arrival_promised_at, visit.arrived_at)
    if not standards.attended(word, no_access=visit.status == VisitStatus.NO_ACCESS):
        return Standard.MISSED
    return Standard.LATE if word is Punctuality.LATE else None


Mark = tuple[UUID, Standard]
"""A visit, and a standard that it missed."""


def look_for_missed(at: datetime, redress: Mapping[Standard, int]) -> None:
    """Mark the visits that missed a standard, with the pence that the rule owes for it, and withdraw what turned
    out to be kept after all, as when a phone without signal tells of an arrival.

    Redress that was given is not asked back.
    """
    with reading() as session:
        found = _at_doors(session, Visit.starts_at.between(at - LOOK_BACK, at))
        found |= _disproved(session, Dispute.settled_at >= at - NOTICES_SINCE)
        found |= _short_notice(session, ChangeNotice.decided_at >= at - NOTICES_SINCE, at)
        rows = session.scalars(select(MissedStandard).where(MissedStandard.found_at >= at - NOTICES_SINCE))
        known = {(row.visit_id, row.standard): row.status for row in rows}
        doubtful = {mark for mark in known.keys() - found if known[mark] in _MAY_BE_WITHDRAWN}
        visit_ids = [visit_id for visit_id, _ in doubtful]
        still = _at_doors(session, Visit.id.in_(visit_ids))
        still |= _disproved(session, Dispute.visit_id.in_(visit_ids))
        still |= _short_notice(session, ChangeNotice.visit_id.in_(visit_ids), at)
    new, over = found - known.keys(), doubtful - still
    again = {mark for mark in found & known.keys() if known[mark] is RedressStatus.WITHDRAWN}
    if not (new or over or again):
        return
    with transaction() as session:
        _mark(session, new, redress, at)
        for mark in sorted(over | again):
            _change(session, mark, withdraw=mark in over)


def judge_again(session: Session, visit: Visit, redress: Mapping[Standard, int], at: datetime) -> None:
    """Mark a visit that was corrected, or in dispute, with the standard of arrival that it missed, or withdraw
    what it kept after all.

    A complaint may be looked into weeks after the visit, when the watch does not look at it any more. The caller
    has the visit locked.
    """
    at_the_door = missed_at_the_door(visit)
    found = _disproved(session, Dispute.visit_id == visit.id) | (
        {(visit.id, at_the_door)} if at_the_door else set()
    )
    of_arrival = (Standard.LATE, Standard.MISSED)
    known = {
        (visit.id, standard)
        for standard in session.scalars(
            select(MissedStandard.standard)
            .where(MissedStandard.visit_id == visit.id, MissedStandard.standard.in_(of_arrival))
            .order_by(MissedStandard.standard)
        )
    }
    _mark(session, found - known, redress, at)
    for mark in sorted(known):
        _change(session, mark, withdraw=mark not in found)


def _mark(session: Session, new: Collection[Mark], redress: Mapping[Standard, int], at: datetime) -> None:
    """Mark visits with what they missed, and what the rule owes for it, unless they are marked with it."""
    for visit_id, standard in sorted(new):
        pence = redress.get(standard, 0)
        row = {"id": uuid4(), "visit_id": visit_id, "standard": standard, "found_at": at}
        insert_missing(session, MissedStandard, row | {"redress_pence": pence, "status": _status(pence)})


_MAY_BE_WITHDRAWN = (RedressStatus.NONE, RedressStatus.DUE)


def _status(pence: int) -> RedressStatus:
    return RedressStatus.DUE if pence else RedressStatus.NONE


def _change(session: Session, mark: Mark, *, withdraw: bool) -> None:
    """Withdraw a mark, or put it back, unless somebody has settled it meanwhile."""
    visit_id, standard = mark
    row = session.scalars(
        select(MissedStandard)
        .where(MissedStandard.visit_id == visit_id, MissedStandard.standard == standard)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if row.status is not RedressStatus.SETTLED:
        row.status = RedressStatus.WITHDRAWN if withdraw else _status(row.redress_pence)


def _at_doors(session: Session, which: ColumnElement[bool]) -> set[Mark]:
    """The visits among these that were missed, or came to late."""
    rows = session.execute(
        select(Visit.id, Visit.status, Visit.arrived_at, Visit.arrival_promised_at)
        .where(which, or_(Visit.status == VisitStatus.MISSED, Visit.arrival_promised_at.is_not(None)))
        .order_by(Visit.id)
    )
    return {(row.id, standard) for row in rows if (standard := missed_at_the_door(row)) is not None}


def _disproved(session: Session, which: ColumnElement[bool]) -> set[Mark]:
    """The visits of these disputes whose residents were in, as they said: nobody came."""
    of = select(Dispute.visit_id).join(Visit, Visit.id == Dispute.visit_id).where(which, NOBODY_CAME)
    return {(visit_id, Standard.MISSED) for visit_id in session.scalars(of.order_by(Dispute.visit_id))}


def _short_notice(session: Session, which: ColumnElement[bool], at: datetime) -> set[Mark]:
    """The visits of which the council made a change among these that was not told in time, or to nobody."""
    rows = session.execute(
        select(ChangeNotice, Message.status, Message.send_at)
        .outerjoin(Message, Message.id == ChangeNotice.message_id)
        .where(which, ChangeNotice.due, ChangeNotice.requested_by == RequestedBy.COUNCIL)
        .order_by(ChangeNotice.decided_at, ChangeNotice.event_id)
    )
    return {
        (change.visit_id, Standard.SHORT_NOTICE)
        for change, status, send_at in rows
        if judge_notice(change, status, send_at, at) in _NOT_TOLD_IN_TIME
    }


_NOT_TOLD_IN_TIME = (NoticeResult.SHORT, NoticeResult.MISSED, NoticeResult.FAILED)

_OF_VISIT = Prepared(
    select(MissedStandard.standard, MissedStandard.redress_pence, MissedStandard.status)
    .where(MissedStandard.visit_id == bindparam("visit", type_=Uuid()))
    .order_by(MissedStandard.standard)
)


def marks_of(on: Source, visit_id: UUID) -> list[Any]:
    """What a visit is marked with: `standard`, `redress_pence` and `status` of each that was not withdrawn."""
    return [row for row in _OF_VISIT.all(on, visit=visit_id) if row.status is not RedressStatus.WITHDRAWN]


def standards_missed(visit: Any, marks: Sequence[Any]) -> list[Standard]:
    """The standards that a visit missed: what its row shows at once, and what it is marked with. Its row does not
    show that a resident was in when an officer found nobody."""
    at_the_door = missed_at_the_door(visit)
    only_marked = {Standard.SHORT_NOTICE}
    if visit.status == VisitStatus.NO_ACCESS:
        only_marked.add(Standard.MISSED)
    marked = {row.standard for row in marks if row.standard in only_marked}
    return sorted(marked | ({at_the_door} if at_the_door else set()))
