"""Making a hold: a time that is free, kept for whoever is on the telephone with a resident."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models import booking_checks, diary
from models.booking import NOTHING
from models.booking_checks import Asked
from models.booking_rules import Rule
from models.errors import Unknown, Unprocessable
from models.hold import LASTS, Hold
from models.resident import Resident
from models.visit import refuse_far_times


def keep(
    session: Session,
    *,
    officer_id: UUID,
    resident_id: UUID | None,
    starts_at: datetime,
    duration: timedelta,
    by: UUID,
    at: datetime,
    overrides: Mapping[Rule, str] = NOTHING,
) -> Hold:
    """Keep this time for `by`; an earlier hold of theirs on any of it ends.

    It is checked as if it was booked, as far as resident and place are known; the skills are first known then.
    Raises DiaryClash, OfficerUnavailable, BookingRules, or Unprocessable for a time, officer or resident that
    cannot be meant.
    """
    if starts_at < at:
        raise Unprocessable("starts_at", "This time is past. Choose a later one.")
    refuse_far_times(starts_at, at)
    ends_at = starts_at + duration
    asked = Asked(starts_at, ends_at)
    if resident_id is not None:
        resident = session.get(Resident, resident_id)
        if resident is None or resident.forgotten:
            raise Unprocessable("resident_id", "No resident has this id.")
        asked = Asked(starts_at, ends_at, resident.place, resident.postcode)
    officers = diary.take(session, (officer_id, None), starts_at, ends_at, by=by, at=at)
    passed = booking_checks.check(session, officers, asked, overrides=overrides, by=by, at=at)
    hold = Hold(
        id=uuid4(),
        officer_id=officer_id,
        resident_id=resident_id,
        starts_at=starts_at,
        ends_at=ends_at,
        made_at=at,
        made_by_id=by,
        expires_at=at + LASTS,
    )
    session.add(hold)
    hold.warnings = passed.warnings
    return hold


def find(session: Session, hold_id: UUID) -> Hold:
    """The hold. Raises Unknown."""
    hold = session.get(Hold, hold_id)
    if hold is None:
        raise Unknown("No hold has this id.")
    return hold
