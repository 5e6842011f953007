"""The text after a visit that nobody opened to: sorry we missed you, and how to have another.

It goes by rule 3 alone: at once by day, and after a night at 08:00.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ContactTask, ContactTaskStatus, ask_for_call
from models.dispute import was_right
from models.message import GONE, Message, MessageKind, MessageStatus
from models.resident import ContactBy, Resident
from models.visit import Visit
from notifications import afterwards, ladder

TOLD_WITHIN = timedelta(hours=24)
"""A visit of yesterday is told of; one that a phone kept for longer is for a person to ring about."""

RING_WITHIN = timedelta(hours=2)
"""R of such a call: as if there were a visit in two hours, so that it is due in half an hour."""


def tell_no_access(session: Session, visit: Visit, *, at: datetime) -> None:
    """Tell the resident that an officer came and got no answer; a person rings where no text can say it in time.

    Not who knows, as of an outcome that was corrected and corrected back, or was believed to have been in. The
    caller has just written the outcome, and has the visit locked with its resident.
    """
    if _knows(session, visit) or was_right(session, visit.id):
        return
    # A phone may say that it ended at any time there is: not after we heard of it.
    until = min(visit.finished_at or at, at) + TOLD_WITHIN
    first = ladder.first_way(
        visit.resident, MessageKind.NO_ACCESS, decided_at=at, reference_at=until, expires_at=until
    )
    if first is None:
        ask_for_call(
            session,
            visit_id=visit.id,
            resident_id=visit.resident_id,
            reason=_why_only_a_person(visit.resident),
            detail=MessageKind.NO_ACCESS.value,
            reference_at=at + RING_WITHIN,
            at=at,
        )
        return
    afterwards.write(session, visit, visit.resident, MessageKind.NO_ACCESS, first, until=until, at=at)


def _knows(session: Session, visit: Visit) -> bool:
    """Whether they were told before that nobody opened, or will be."""
    sent = select(Message.id).where(
        Message.visit_id == visit.id,
        Message.kind == MessageKind.NO_ACCESS,
        Message.status.in_((MessageStatus.HELD, *GONE)),
    )
    rung = select(ContactTask.id).where(
        ContactTask.visit_id == visit.id,
        ContactTask.detail == MessageKind.NO_ACCESS.value,
        ContactTask.status.in_((ContactTaskStatus.OPEN, ContactTaskStatus.DONE)),
    )
    return bool(session.scalar(select(sent.exists() | rung.exists())))


def _why_only_a_person(resident: Resident) -> ContactReason:
    if resident.contact_by is ContactBy.CALL:
        return ContactReason.PREFERS_CALL
    return ContactReason.TIME_HAD_PASSED if ladder.ways(resident) else ContactReason.NO_MOBILE_NUMBER
