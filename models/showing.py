"""Which officer a resident's page has shown for a visit: so that they are told if it is another who comes."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Uuid, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, insert_missing
from models.prepared import Prepared, Source
from models.visit import Visit

MATTERS_WITHIN = timedelta(hours=24)
""" "Inside 24 hours": of a visit that has moved further away the resident looks at the page again."""

KEPT_FOR = timedelta(days=2)


class OfficerShowing(Base):
    """The page of this visit was opened while it showed this officer; when that was first. By whom is not kept."""

    __tablename__ = "officer_showings"

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"), primary_key=True)
    first_shown_at: Mapped[datetime]


_KNOWN = Prepared(
    select(OfficerShowing.first_shown_at).where(
        OfficerShowing.visit_id == bindparam("visit", type_=Uuid()),
        OfficerShowing.officer_id == bindparam("officer", type_=Uuid()),
    )
)
_SHOWN = Prepared(
    select(OfficerShowing.officer_id, OfficerShowing.first_shown_at)
    .where(OfficerShowing.visit_id == bindparam("visit", type_=Uuid()))
    .order_by(OfficerShowing.first_shown_at.desc(), OfficerShowing.officer_id)
)


def is_known(on: Source, visit_id: UUID, officer_id: UUID) -> bool:
    """Whether it is written down already that this visit's page showed this officer."""
    return _KNOWN.first(on, visit=visit_id, officer=officer_id) is not None


def note_shown(session: Session, visit_id: UUID, officer_id: UUID, at: datetime) -> None:
    """The page of this visit shows this officer, for the first time."""
    row = {"visit_id": visit_id, "officer_id": officer_id, "first_shown_at": at}
    insert_missing(session, OfficerShowing, row)


def another_was_shown(session: Session, visit: Visit, at: datetime) -> OfficerShowing | None:
    """The officer shown last who does not come, if the visit is within 24 hours."""
    if visit.starts_at - at > MATTERS_WITHIN:
        return None
    for shown in _SHOWN.all(session, visit=visit.id):
        if shown.officer_id not in visit.officer_ids:
            return OfficerShowing(visit_id=visit.id, **shown._asdict())
    return None
