"""The cascade told (rule 6): a delay reaches the residents of the officer's later visits, each at most once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from models.cascade import Stop, predicted_arrivals
from models.contact_task import ContactTask
from models.errors import Unprocessable, VisitState
from models.phone_clock import Kept, oddities
from models.standards import eta
from models.visit import Visit, VisitStatus
from models.visit_event import VisitEvent, later_delay
from models.visit_rows import rest_of_day_locked
from notifications.outbox import Queued, queue_visit_delayed
from notifications.told import lock_texts


def report_delay(
    session: Session,
    visit: Visit,
    *,
    expected_at: datetime,
    reason: str | None,
    client_id: UUID,
    by: UUID,
    at: datetime,
    said_at: datetime | None = None,
    kept: Kept | None = None,
) -> VisitEvent:
    """What an officer says of a delay: written down, and told if it is still news.

    Raises what `Visit.refuse_delay` does, unless the phone `kept` it: then it is no news, and nobody is told.
    Nobody is told either what is older than the newest that is known of this delay.
    """
    if said_at is None:
        # Whoever says when they will be there is not there yet.
        said_at = min(expected_at, at) if kept else at
    is_news = _is_still_news(visit, expected_at, at, kept) and not later_delay(session, visit.id, min(said_at, at))
    answer = (
        queue_delay(session, visit, expected_at=expected_at, by=by, at=at)
        if is_news
        else {"expected_at": expected_at, "promised_at": visit.starts_at, "told": False, "message_id": None}
        | {"cascade": []}
    )
    odd = oddities(
        kept,
        occurred_at=said_at,
        recorded_at=at,
        not_after=(visit.arrived_at, visit.finished_at),
        in_doubt=not is_news and expected_at > at,
        cancelled=visit.status is VisitStatus.CANCELLED,
    )
    return visit.delay(
        session,
        expected_at=expected_at,
        answer=answer | odd,
        said_at=said_at,
        reason=reason,
        client_id=client_id,
        by=by,
        at=at,
        is_news=is_news,
    )


def _is_still_news(visit: Visit, expected_at: datetime, at: datetime, kept: Kept | None) -> bool:
    try:
        visit.refuse_delay(expected_at, at)
    except (VisitState, Unprocessable):
        if kept is None:
            raise
        return False
    return True


def queue_delay(
    session: Session, visit: Visit, *, expected_at: datetime, by: UUID, at: datetime
) -> dict[str, Any]:
    """Tell of a visit's delay and of what it does to the rest of the day; the answer to whoever reports it.

    The day is of all who come to the visit, and of whom they meet at later doors.

    "A delay recomputes the officer's remaining visits (end of this one + travel + service); each is judged
    by rule 5, earliest first, at most one text each." The caller has these diaries and this visit
    locked, and writes down its delay; what changes for the later visits is written here. Raises what
    `Visit.refuse_delay` does.
    """
    visit.refuse_delay(expected_at, at)
    later = rest_of_day_locked(session, visit)
    texts = lock_texts(session, [visit, *later])
    queued = queue_visit_delayed(session, visit, visit.resident, expected_at=expected_at, at=at)
    answer = _answer(queued, expected_at) | {"cascade": []}
    arrivals = predicted_arrivals(expected_at, _stop(visit), map(_stop, later))
    for each, arrives_at in zip(later, arrivals, strict=True):
        if arrives_at is None:
            continue
        queued = queue_visit_delayed(session, each, each.resident, expected_at=arrives_at, at=at)
        told = _answer(queued, arrives_at)
        changed = arrives_at != (each.expected_at or each.starts_at) or _is_news(session, queued, texts, at)
        if changed:
            because = told | {"caused_by_visit_id": visit.id}
            each.delay(session, expected_at=arrives_at, answer=because, by=by, at=at)
        if changed or arrives_at > each.starts_at:
            answer["cascade"].append({"visit_id": each.id} | told)
    return answer


def _stop(visit: Visit) -> Stop:
    return Stop(
        visit.starts_at, visit.duration, visit.resident.place, visit.officer_ids or (None,), visit.expected_at
    )


def _answer(queued: Queued, expected_at: datetime) -> dict[str, Any]:
    answer = {
        "expected_at": eta(expected_at, queued.told_start),
        "promised_at": queued.told_start,
        "told": queued.told,
        "message_id": queued.message_id,
    }
    if queued.contact_task_id is not None:
        answer["contact_task_id"] = queued.contact_task_id
    return answer


def _is_news(session: Session, queued: Queued, texts: set[UUID], at: datetime) -> bool:
    """Whether this resident is told, or to be rung, because of this very report."""
    if queued.contact_task_id is not None:
        return session.get_one(ContactTask, queued.contact_task_id).created_at == at
    return queued.message_id is not None and queued.message_id not in texts
