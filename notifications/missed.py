"""What the resident of a missed visit is told, and what if it turns out that somebody came after all."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ContactTask, ContactTaskStatus, ask_for_call
from models.dispute import was_right
from models.message import GONE, Message, MessageKind, MessageStatus
from models.overdue import HISTORY_AFTER
from models.standards import MISSED_AFTER
from models.visit import Visit
from notifications.outbox import tell_afterwards
from notifications.told import locked_history

WORTH_TELLING = timedelta(hours=24)
"""So long an apology is worth sending, and the word that takes one back."""


def queue_missed(session: Session, visit: Visit, *, at: datetime) -> dict[str, Any]:
    """Say sorry to the resident of a missed visit, and ask a person to ring them about a new time.

    Whatever has not gone yet is not true any more. Who is not to be texted hears it from that person. The answer
    is for the visit's history. The caller has the visit locked.
    """
    task = ask_for_call(
        session,
        visit_id=visit.id,
        resident_id=visit.resident_id,
        reason=ContactReason.NOBODY_CAME,
        detail=MessageKind.MISSED.value,
        reference_at=at + WORTH_TELLING,
        at=at,
    )
    message_id = tell_afterwards(session, visit, MessageKind.MISSED, until=at + WORTH_TELLING, at=at)
    return {"message_id": message_id, "contact_task_id": task.id}


def tell_missed_after_all(session: Session, visit: Visit, *, at: datetime) -> None:
    """Somebody found out that nobody came to a visit of which an arrival was reported: its resident is told as of
    any missed visit.

    Not who knows: whom an apology told that was not taken back, or who was believed to have been in and was rung
    for that. Nor anybody of a visit that is history, as from the watch: whoever finds that out now sees to it.
    """
    is_history = at - visit.starts_at - MISSED_AFTER > HISTORY_AFTER
    if is_history or was_right(session, visit.id):
        return
    told = [row for row in locked_history(session, visit.id) if row.kind in _WHETHER_WE_CAME]
    for row in told:
        if row.kind is MessageKind.CAME_AFTER_ALL and row.status is MessageStatus.HELD:
            session.get_one(Message, row.id).supersede(at)
    last = next((row.kind for row in reversed(told) if row.status in GONE), None)
    if last is not MessageKind.MISSED:
        queue_missed(session, visit, at=at)


_WHETHER_WE_CAME = (MessageKind.MISSED, MessageKind.CAME_AFTER_ALL)


def take_back_missed(session: Session, visit: Visit, *, at: datetime) -> None:
    """Somebody came to a visit that was thought missed, as from a phone that had no signal.

    An apology that has not gone is stopped. One that has gone when the officer had been there before is taken back
    by another text, and that one says what to do if nobody came: the resident may know better than the phone. An
    officer who came after the apology is seen at the door, and no text is needed. Nobody has to be rung any more.
    """
    session.execute(
        update(ContactTask)
        .where(
            ContactTask.visit_id == visit.id,
            ContactTask.reason == ContactReason.NOBODY_CAME,
            ContactTask.status == ContactTaskStatus.OPEN,
        )
        .values(status=ContactTaskStatus.NOT_NEEDED)
    )
    apologies = [row for row in locked_history(session, visit.id) if row.kind is MessageKind.MISSED]
    for row in apologies:
        if row.status is MessageStatus.HELD:
            session.get_one(Message, row.id).supersede(at)
    came_at = visit.arrived_at or visit.finished_at or at
    gone = [row for row in apologies if row.status in GONE]
    if gone and came_at < gone[0].decided_at:
        tell_afterwards(session, visit, MessageKind.CAME_AFTER_ALL, until=at + WORTH_TELLING, at=at)
