"""Disputes: an officer found nobody in, and the resident says that they were.

What the officer reported stays as it was. A person looks into it, rings the resident and says who was right; if
the resident was, nobody came, and the figures count the visit as missed.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.bank_holidays import is_bank_holiday
from models.clock import LONDON
from models.contact_task import ContactReason, ask_for_call
from models.database import Base, by_value, new_id
from models.errors import VisitState
from models.prepared import insert
from models.visit import Visit, VisitStatus
from models.visit_event import EventKind

LONGEST_DISPUTE = 1000
DISPUTED_WITHIN = timedelta(days=14)
"""After the visit; later words are for a person to read."""

SAYS_SO = "i_was_in"
"""Why a person must ring, in a contact task."""

_OPENS, _CLOSES = time(9), time(17)
_RUNG_WITHIN = timedelta(hours=2)
_CALL_IN = timedelta(hours=2)
"""R of the call that is asked for, as for words that are about no visit to come."""


class SaidBy(StrEnum):
    """How the resident told us."""

    PAGE = "page"
    TEXT = "text"
    TELEPHONE = "telephone"


class DisputeStatus(StrEnum):
    """`upheld`: the resident was right, nobody came. `not_upheld`: the officer was at the door."""

    OPEN = "open"
    UPHELD = "upheld"
    NOT_UPHELD = "not_upheld"


class Dispute(Base):
    """One visit of which its resident and its officer say different things. `words` are the resident's, `reason`
    is why it was settled as it was."""

    __tablename__ = "disputes"
    __table_args__ = (
        Index("ix_disputes_said_at", "said_at", "id"),
        Index("ix_disputes_status", "status", "said_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), unique=True)
    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    said_by: Mapped[SaidBy] = mapped_column(by_value(SaidBy))
    words: Mapped[str | None] = mapped_column(String(LONGEST_DISPUTE))
    said_at: Mapped[datetime]
    ring_by: Mapped[datetime]
    status: Mapped[DisputeStatus] = mapped_column(by_value(DisputeStatus))
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None] = mapped_column(String(500))

    def settle(self, session: Session, visit: Visit, *, upheld: bool, reason: str, by: UUID, at: datetime) -> None:
        """Say who was right, once. Raises VisitState if that was said before, or if the visit was corrected since
        and somebody came in: nothing is both made and missed."""
        if self.status is not DisputeStatus.OPEN:
            raise VisitState(f"This was settled before: {self.status.value}.")
        if upheld and visit.status not in (VisitStatus.NO_ACCESS, VisitStatus.MISSED):
            raise VisitState(f"By a correction this visit is {visit.status.value}. Correct that first.")
        self.status = DisputeStatus.UPHELD if upheld else DisputeStatus.NOT_UPHELD
        self.settled_at, self.settled_by_id, self.reason = at, by, reason
        settled = visit.new_event(
            EventKind.DISPUTE_SETTLED,
            occurred_at=at,
            by=by,
            at=at,
            reason=reason,
            details={"outcome": self.status},
        )
        insert(session, settled)

    def add(self, words: str | None) -> None:
        """Keep more of what they say; the first words stand, and what is only sent again is there already."""
        if words and not f"\n{self.words}".endswith(f"\n{words}"):
            self.words = (f"{self.words}\n{words}" if self.words else words)[:LONGEST_DISPUTE]


NOBODY_CAME = (Dispute.status == DisputeStatus.UPHELD) & (Visit.status == VisitStatus.NO_ACCESS)
"""That a resident was right counts for as long as the visit says that nobody opened: who corrects that afterwards
says what happened instead. For queries of both tables."""


def can_be_disputed(visit: Visit, at: datetime) -> bool:
    """Whether the officer found nobody in, and that is not too long ago."""
    if visit.status is not VisitStatus.NO_ACCESS:
        return False
    # A phone may say that it ended at the end of all times, to which no day can be added.
    return at - DISPUTED_WITHIN <= max(visit.ends_at, visit.finished_at or visit.ends_at)


def dispute_of(session: Session, visit_id: UUID) -> Dispute | None:
    """What is, or was, in dispute about a visit."""
    return session.scalars(select(Dispute).where(Dispute.visit_id == visit_id)).one_or_none()


def nobody_came_to(session: Session, visit_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these visits whose residents were right to say so."""
    right = select(Visit.id).join(Dispute, Dispute.visit_id == Visit.id).where(NOBODY_CAME)
    return set(session.scalars(right.where(Visit.id.in_(list(visit_ids))).order_by(Visit.id)))


def was_right(session: Session, visit_id: UUID) -> bool:
    """Whether its resident was believed to have been in, whatever was said of the visit since."""
    dispute = dispute_of(session, visit_id)
    return dispute is not None and dispute.status is DisputeStatus.UPHELD


def say_i_was_in(
    session: Session, visit: Visit, *, said_by: SaidBy, words: str | None, at: datetime, by: UUID | None = None
) -> Dispute:
    """The resident says that they were in: a dispute is opened, and a person asked to ring.

    Said again, it adds words to the one that is open, and changes nothing of one that is settled. `by` is who took
    it down on the telephone. The caller has the visit locked. Raises VisitState for any other visit.
    """
    if not can_be_disputed(visit, at):
        raise VisitState("Only a visit of the last 14 days that ended with no access can be disputed.")
    dispute = dispute_of(session, visit.id)
    if dispute is None:
        dispute = Dispute(
            id=uuid4(),
            visit_id=visit.id,
            resident_id=visit.resident_id,
            said_by=said_by,
            said_at=at,
            ring_by=ring_by(at),
            status=DisputeStatus.OPEN,
        )
        session.add(dispute)
        said = visit.new_event(EventKind.DISPUTED, occurred_at=at, by=by, at=at, details={"said_by": said_by})
        insert(session, said)
    if dispute.status is DisputeStatus.OPEN:
        dispute.add(words)
        ask_for_call(
            session,
            visit_id=visit.id,
            resident_id=visit.resident_id,
            reason=ContactReason.REPLIED,
            detail=SAYS_SO,
            words=words,
            reference_at=at + _CALL_IN,
            at=at,
        )
    return dispute


def ring_by(at: datetime) -> datetime:
    """By when a resident who says so at `at` is promised a call: two hours of the office's day, 09:00 to 17:00 in
    London from Monday to Friday, else by 11:00 on the next day that it is open."""
    day = at.astimezone(LONDON).date()
    due = max(at, _on(day, _OPENS)) + _RUNG_WITHIN
    if _is_open(day) and due <= _on(day, _CLOSES):
        return due
    day += timedelta(days=1)
    while not _is_open(day):
        day += timedelta(days=1)
    return _on(day, _OPENS) + _RUNG_WITHIN


def _is_open(day: date) -> bool:
    return day.weekday() < 5 and not is_bank_holiday(day)


def _on(day: date, wall: time) -> datetime:
    return datetime.combine(day, wall, LONDON).astimezone(UTC)
