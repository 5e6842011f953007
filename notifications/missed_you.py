"""The text after a visit that nobody opened to: sorry we missed you, and how to have another.

It is no change of a visit, so it gives no notice and is in no ledger. It goes by rule 3 alone: at once by day, and
after a night at 08:00.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ask_for_call
from models.message import Message, MessageKind, MessageStatus
from models.resident import ContactBy, Resident
from models.visit import Visit
from notifications import ladder, policy
from notifications.ladder import Next

TOLD_WITHIN = timedelta(hours=24)
"""A visit of yesterday is told of; one that a phone kept for longer is for a person to ring about."""

RING_WITHIN = timedelta(hours=2)
"""R of such a call: as if there were a visit in two hours, so that it is due in half an hour."""


def tell_no_access(session: Session, visit: Visit, *, at: datetime) -> None:
    """Tell the resident that an officer came and got no answer; a person rings where no text can say it in time.

    The caller has just written the outcome, and has the visit locked with its resident.
    """
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
    session.add(_message(session, visit, first, until, at))
    session.flush()


def stop_no_access(session: Session, visit: Visit, *, at: datetime) -> None:
    """The outcome was put right, or nobody had come: what has not gone is not true any more."""
    held = session.scalars(
        select(Message)
        .where(
            Message.visit_id == visit.id,
            Message.kind == MessageKind.NO_ACCESS,
            Message.status == MessageStatus.HELD,
        )
        .order_by(Message.number)
        .with_for_update()
    )
    for message in held:
        message.supersede(at)


def _message(session: Session, visit: Visit, first: Next, until: datetime, at: datetime) -> Message:
    newest = session.scalar(select(func.max(Message.number)).where(Message.visit_id == visit.id)) or 0
    message_id = uuid4()
    return Message(
        id=message_id,
        news_id=message_id,
        visit_id=visit.id,
        resident_id=visit.resident_id,
        number=newest + 1,
        kind=MessageKind.NO_ACCESS,
        channel=first.way.channel,
        to_address=first.way.address,
        language=visit.resident.language,
        lane=policy.lane(MessageKind.NO_ACCESS),
        starts_at=visit.starts_at,
        decided_at=at,
        reference_at=until,
        send_at=first.at,
        next_try_at=first.at,
        expires_at=until,
    )


def _why_only_a_person(resident: Resident) -> ContactReason:
    if resident.contact_by is ContactBy.CALL:
        return ContactReason.PREFERS_CALL
    return ContactReason.TIME_HAD_PASSED if ladder.ways(resident) else ContactReason.NO_MOBILE_NUMBER
