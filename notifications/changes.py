"""A scheduler's change of a visit, the whole of it: the visit, its resident's text, and the ledger of notice.

All of it is in the caller's transaction, so that several changes can be one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models import booking
from models.booking import NOTHING
from models.booking_rules import Rule
from models.prepared import insert
from models.promise import ChangeNotice
from models.showing import OfficerShowing, another_was_shown
from models.visit import Visit
from models.visit_event import RequestedBy, VisitEvent
from notifications import outbox
from notifications.outbox import Queued


@dataclass(frozen=True, slots=True)
class Assigned:
    """What giving a visit to another officer means for its resident: whom they were shown before, and how they are
    told that it is another."""

    shown: OfficerShowing | None
    queued: Queued | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """How a resident is told of another time, and what another officer means for them, if it is another."""

    queued: Queued
    assigned: Assigned


def move(
    session: Session,
    visit: Visit,
    *,
    starts_at: datetime,
    officer_id: UUID | None,
    second_officer_id: UUID | None,
    reason: str,
    requested_by: RequestedBy,
    by: UUID,
    at: datetime,
    overrides: Mapping[Rule, str] = NOTHING,
) -> Moved:
    """Move the visit and tell its resident. Raises what `booking.move` does."""
    moved_from, came = visit.starts_at, visit.officer_ids
    event = booking.move(
        session,
        visit,
        starts_at=starts_at,
        officer_id=officer_id,
        second_officer_id=second_officer_id,
        reason=reason,
        requested_by=requested_by,
        by=by,
        at=at,
        overrides=overrides,
    )
    queued = outbox.queue_visit_moved(session, visit, visit.resident, at=at)
    insert(session, _ledger(event, queued, requested_by, moved_from, starts_at))
    is_another = visit.officer_ids != came
    return Moved(queued, _tell_who_comes(session, visit, at) if is_another else Assigned(None))


def assign(
    session: Session,
    visit: Visit,
    *,
    officer_id: UUID | None,
    second_officer_id: UUID | None,
    reason: str,
    by: UUID,
    at: datetime,
    overrides: Mapping[Rule, str] = NOTHING,
) -> Assigned:
    """Give the visit to another officer at its time. Raises what `booking.assign` does.

    No text names an officer, so that none is told anew, and the ledger is of times only.
    """
    booking.assign(
        session,
        visit,
        officer_id=officer_id,
        second_officer_id=second_officer_id,
        reason=reason,
        by=by,
        at=at,
        overrides=overrides,
    )
    return _tell_who_comes(session, visit, at)


def cancel(
    session: Session, visit: Visit, *, reason: str, requested_by: RequestedBy, by: UUID, at: datetime
) -> Queued:
    """Cancel the visit and tell its resident. Raises VisitState, or VersionConflict if somebody was faster."""
    event = visit.cancel(session, reason=reason, requested_by=requested_by, by=by, at=at)
    queued = outbox.queue_visit_cancelled(session, visit, visit.resident, at=at)
    insert(session, _ledger(event, queued, requested_by, visit.starts_at, None))
    return queued


def _tell_who_comes(session: Session, visit: Visit, at: datetime) -> Assigned:
    """Whom the resident's page has shown they expect at the door: they are told if another comes. That nobody is
    found yet is no news."""
    shown = another_was_shown(session, visit, at)
    if visit.officer_id is None:
        return Assigned(shown)
    if shown is None:
        outbox.stop_another_officer(session, visit, at=at)
        return Assigned(None)
    return Assigned(shown, outbox.queue_another_officer(session, visit, visit.resident, at=at))


def _ledger(
    event: VisitEvent,
    queued: Queued,
    requested_by: RequestedBy,
    from_starts_at: datetime,
    to_starts_at: datetime | None,
) -> ChangeNotice:
    assert event.reason is not None  # noqa: S101 - no change is made without one
    return ChangeNotice(
        event_id=event.id,
        visit_id=event.visit_id,
        change=event.kind,
        decided_at=event.recorded_at,
        requested_by=requested_by,
        reason=event.reason,
        told_starts_at=queued.told_start,
        from_starts_at=from_starts_at,
        to_starts_at=to_starts_at,
        reference_at=queued.notice.reference_at,
        possible=queued.notice.possible,
        due=queued.due,
        message_id=queued.message_id,
        contact_task_id=queued.contact_task_id,
    )
