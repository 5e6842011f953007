"""That an officer showed their badge at a visit's door: a line of its history, and nothing else changes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models.errors import VisitState
from models.phone_clock import Kept, oddities
from models.prepared import insert
from models.visit import Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent


def show_badge(
    session: Session,
    visit: Visit,
    *,
    shown_at: datetime,
    client_id: UUID,
    by: UUID,
    at: datetime,
    kept: Kept | None = None,
) -> VisitEvent:
    """The badge was on the officer's screen at the door, by their phone's word. It may be shown more than once.

    Flagged before they set out and after the visit was over. Raises VisitState if the visit is off.
    """
    if visit.is_off(kept):
        raise VisitState(f"This visit is {visit.status.value}: there is no door to show a badge at.")
    odd = oddities(
        kept,
        occurred_at=shown_at,
        recorded_at=at,
        not_before=(visit.departed_at,),
        not_after=(visit.finished_at,),
        cancelled=visit.status is VisitStatus.CANCELLED,
    )
    event = visit.new_event(
        EventKind.BADGE_SHOWN, occurred_at=shown_at, by=by, at=at, client_id=client_id, details=odd
    )
    insert(session, event)
    return event
