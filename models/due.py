"""Whether an officer is due at a home now: asked at the door, and by telephone.

A genuine badge says who somebody is; only this says that they have business here.
"""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import ForeignKey, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, insert_into
from models.diary import LONGEST_VISIT
from models.duty import AROUND_A_VISIT
from models.house import same_house
from models.prepared import Prepared
from models.reference import read_visit_reference
from models.resident import Resident
from models.visit import Visit, VisitStatus, is_by

TRIES = 5
"""With more, a stranger with a badge's token could try out the houses of a street."""

_STILL_TO_DO = (VisitStatus.BOOKED, VisitStatus.EN_ROUTE, VisitStatus.ARRIVED)


class DueTries(Base):
    """How often it was asked with one token of a badge. What was typed is kept nowhere."""

    __tablename__ = "due_tries"

    badge_id: Mapped[UUID] = mapped_column(ForeignKey("badges.id"), primary_key=True)
    token_issued_at: Mapped[datetime] = mapped_column(primary_key=True)
    tries: Mapped[int]


def take_try(session: Session, badge_id: UUID, token_issued_at: datetime) -> bool:
    """Count one more try with this token; False when all five are used. Two at once are counted as two."""
    counting = _one_more(session.connection().dialect.name)
    return counting.run(session, badge=badge_id, issued=token_issued_at) == 1


@cache
def _one_more(dialect: str) -> Prepared:
    first = insert_into(dialect, DueTries).values(
        badge_id=bindparam("badge"), token_issued_at=bindparam("issued"), tries=1
    )
    return Prepared(
        first.on_conflict_do_update(
            index_elements=["badge_id", "token_issued_at"],
            set_={"tries": DueTries.tries + 1},
            where=DueTries.tries < TRIES,
        )
    )


def is_due_for(session: Session, officer_id: UUID, *, reference: str, house: str, at: datetime) -> bool:
    """ "This officer, this visit, within two hours of its time": never which of the answers was wrong."""
    spelled = read_visit_reference(reference)
    if spelled is None:
        return False
    found = session.execute(
        select(Visit, Resident)
        .join(Resident, Resident.id == Visit.resident_id)
        .where(Visit.reference == spelled, is_by(officer_id))
    ).one_or_none()
    if found is None:
        return False
    visit, resident = found
    return _is_about_now(visit, at) and same_house(house, resident.line_1, resident.line_2)


def is_due_at(session: Session, officer_id: UUID, *, postcode: str, house: str, at: datetime) -> bool:
    """The same for somebody who has no reference but says where they live. `postcode` in its one spelling."""
    near = AROUND_A_VISIT + LONGEST_VISIT
    found = session.execute(
        select(Visit, Resident)
        .join(Resident, Resident.id == Visit.resident_id)
        .where(
            is_by(officer_id),
            Visit.starts_at.between(at - near, at + near),
            Resident.postcode == postcode,
        )
        .order_by(Visit.starts_at, Visit.id)
    )
    return any(
        _is_about_now(visit, at) and same_house(house, resident.line_1, resident.line_2)
        for visit, resident in found
    )


def _is_about_now(visit: Visit, at: datetime) -> bool:
    """Not cancelled or done, and within two hours of its time, or of the later time that was told."""
    latest = max(visit.starts_at, visit.expected_at or visit.starts_at)
    return visit.status in _STILL_TO_DO and visit.starts_at - AROUND_A_VISIT <= at <= latest + AROUND_A_VISIT
