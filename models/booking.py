"""Booking a visit and moving it: what gives an officer's time away, and makes a resident a promise."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models import booking_checks, diary
from models.booking_checks import Asked
from models.booking_rules import Rule
from models.errors import Unprocessable, VisitState
from models.prepared import insert
from models.reference import new_visit_reference
from models.resident import Resident
from models.visit import Visit, VisitStatus, refuse_far_times
from models.visit_event import EventKind, RequestedBy, VisitEvent

NOTHING: Mapping[Rule, str] = {}


def book(
    session: Session,
    *,
    resident: Resident,
    officer_id: UUID | None,
    second_officer_id: UUID | None = None,
    purpose: str,
    visit_type: str | None = None,
    skills: Sequence[str],
    starts_at: datetime,
    duration: timedelta,
    reason: str | None,
    by: UUID,
    at: datetime,
    overrides: Mapping[Rule, str] = NOTHING,
) -> Visit:
    """Book a visit and make its first promise; its `warnings` say what it breaks that refuses nothing.

    A visit that already happened may be entered if `reason` says why. Raises DiaryClash, OfficerUnavailable,
    BookingRules for a rule that is not in `overrides` with a reason, or Unprocessable for a time that cannot be
    meant.
    """
    if duration > diary.LONGEST_VISIT:
        raise Unprocessable("duration_minutes", "A visit takes at most eight hours.")
    if starts_at < at and not reason:
        raise Unprocessable(
            "reason",
            "This time is past. Say why the visit is entered afterwards, or choose a later time.",
        )
    refuse_far_times(starts_at, at)
    ends_at = starts_at + duration
    officers = diary.take(session, (officer_id, second_officer_id), starts_at, ends_at, by=by, at=at)
    asked = Asked(starts_at, ends_at, resident.place, resident.postcode, skills)
    passed = booking_checks.check(session, officers, asked, overrides=overrides, by=by, at=at)
    visit = Visit(
        id=uuid4(),
        reference=new_visit_reference(),
        resident_id=resident.id,
        officer_id=officer_id,
        second_officer_id=second_officer_id,
        purpose=purpose,
        visit_type=visit_type,
        skills=list(skills),
        starts_at=starts_at,
        ends_at=ends_at,
        status=VisitStatus.BOOKED,
        version=1,
        first_promised_at=starts_at,
        promise_number=1,
        created_at=at,
    )
    booked = visit.new_event(
        EventKind.BOOKED,
        occurred_at=at,
        by=by,
        at=at,
        reason=reason,
        details={"starts_at": starts_at, "officer_id": officer_id}
        | _second(second_officer_id=second_officer_id)
        | passed.details,
    )
    with diary.refusing_overlaps(*visit.officer_ids):
        insert(session, visit, visit.new_promise(by=by, at=at), booked)
    visit.warnings = passed.warnings
    return visit


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
    kind: EventKind = EventKind.MOVED,
) -> VisitEvent:
    """Give the visit another time, another officer or both; a new time is a new promise.

    Only a visit that nobody has set out for can be moved. It is checked as a booking is, and has its `warnings`.
    Raises VisitState, DiaryClash, OfficerUnavailable, BookingRules or Unprocessable.
    """
    if visit.status is not VisitStatus.BOOKED:
        raise VisitState(f"Only a booked visit can be moved; this one is {visit.status.value}.")
    if (starts_at, officer_id, second_officer_id) == (visit.starts_at, visit.officer_id, visit.second_officer_id):
        raise Unprocessable("starts_at", "The visit is already at this time with this officer.")
    if starts_at < at and kind is EventKind.MOVED:
        raise Unprocessable("starts_at", "This time is past. Choose a later one.")
    refuse_far_times(starts_at, at)
    ends_at = starts_at + visit.duration
    wanted = (officer_id, second_officer_id)
    officers = diary.take(session, wanted, starts_at, ends_at, by=by, at=at, also=visit.officer_ids)
    resident = visit.resident
    passed = booking_checks.check(
        session,
        officers,
        Asked(starts_at, ends_at, resident.place, resident.postcode, visit.skills),
        overrides=overrides,
        by=by,
        at=at,
        leaving_out=visit.id,
    )
    details: dict[str, Any] = {
        "moved_from": visit.starts_at,
        "moved_to": starts_at,
        "officer_from": visit.officer_id,
        "officer_to": officer_id,
        "requested_by": requested_by,
    }
    details |= _second(second_officer_from=visit.second_officer_id, second_officer_to=second_officer_id)
    details |= passed.details
    new_time = starts_at != visit.starts_at
    visit.ends_at, visit.starts_at = ends_at, starts_at
    visit.officer_id, visit.second_officer_id = officer_id, second_officer_id
    visit.expected_at = None
    visit.warnings = passed.warnings
    if new_time:
        visit.promise_number += 1
        visit.confirmed_at = None
    visit.save(session)
    moved = visit.new_event(kind, occurred_at=at, by=by, at=at, reason=reason, details=details)
    if new_time:
        visit.close_promise(session, visit.promise_number - 1, by=EventKind.MOVED, at=at)
        insert(session, visit.new_promise(by=by, at=at), moved)
    else:
        insert(session, moved)
    return moved


def assign(
    session: Session,
    visit: Visit,
    *,
    officer_id: UUID | None,
    second_officer_id: UUID | None = None,
    reason: str,
    by: UUID,
    at: datetime,
    overrides: Mapping[Rule, str] = NOTHING,
) -> VisitEvent:
    """Give the visit to an officer, or to another, at the time that was promised; None puts it back in the queue.

    "Reassigning keeps the promise." A visit whose start has passed may still be given away, as when its officer is
    ill. Raises what `move` does.
    """
    if (officer_id, second_officer_id) == (visit.officer_id, visit.second_officer_id):
        raise Unprocessable("officer_id", "The visit is this officer's already.")
    if visit.ends_at <= at:
        raise VisitState("The time of this visit is over. Move it to another.")
    return move(
        session,
        visit,
        starts_at=visit.starts_at,
        officer_id=officer_id,
        second_officer_id=second_officer_id,
        reason=reason,
        requested_by=RequestedBy.COUNCIL,
        by=by,
        at=at,
        overrides=overrides,
        kind=EventKind.ASSIGNED,
    )


def _second(**officers: UUID | None) -> dict[str, UUID | None]:
    """What the history says of second officers: nothing where there never was one."""
    return officers if any(officers.values()) else {}
