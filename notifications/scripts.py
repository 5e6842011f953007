"""What a person who rings a resident needs before them: whom, what was tried already, and what could be said."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.dispute import nobody_came_to
from models.message import Channel, Message, MessageKind, MessageStatus
from models.promise import ChangeNotice
from models.resident import Resident
from models.visit import Visit, VisitStatus
from notifications import spoken
from notifications.texts import Council


@dataclass(frozen=True, slots=True)
class Tried:
    """One way that was tried."""

    channel: Channel
    to: str
    status: MessageStatus
    error_code: str | None
    send_at: datetime


def briefs(session: Session, tasks: Sequence[ContactTask], council: Council) -> list[dict[str, Any]]:
    """Each task with its resident, what was tried and a script, in four statements for all of them."""
    residents = _by_id(session, Resident, {task.resident_id for task in tasks})
    visits = _by_id(session, Visit, {task.visit_id for task in tasks if task.visit_id})
    news = defaultdict(list)
    for message in session.scalars(
        select(Message)
        .where(Message.visit_id.in_(visits), Message.status != MessageStatus.SUPERSEDED)
        .order_by(Message.visit_id, Message.number)
    ):
        news[message.news_id].append(message)
    nobody_came = nobody_came_to(session, visits)
    ledger = {
        notice.contact_task_id: notice
        for notice in session.scalars(
            select(ChangeNotice).where(ChangeNotice.contact_task_id.in_([task.id for task in tasks]))
        )
    }
    return [
        _brief(
            task,
            residents[task.resident_id],
            visits.get(task.visit_id) if task.visit_id else None,
            news.get(task.message_id, []) if task.message_id else [],
            ledger.get(task.id),
            task.visit_id in nobody_came,
            council,
        )
        for task in tasks
    ]


def _by_id(session: Session, table: Any, ids: set[UUID]) -> dict[UUID, Any]:
    return {row.id: row for row in session.scalars(select(table).where(table.id.in_(ids)).order_by(table.id))}


def _brief(
    task: ContactTask,
    resident: Resident,
    visit: Visit | None,
    tried: list[Message],
    notice: ChangeNotice | None,
    nobody_came: bool,
    council: Council,
) -> dict[str, Any]:
    names = (column.name for column in ContactTask.__table__.columns)
    return {
        **{name: getattr(task, name) for name in names},
        "resident": resident,
        "tried": [
            Tried(each.channel, each.to_address, each.status, each.error_code, each.send_at) for each in tried
        ],
        "script": _script(task, resident, visit, tried, notice, nobody_came, council),
    }


def _script(
    task: ContactTask,
    resident: Resident,
    visit: Visit | None,
    tried: list[Message],
    notice: ChangeNotice | None,
    nobody_came: bool,
    council: Council,
) -> str | None:
    """What to say: the news as it is by now, and not as it was when the task was made."""
    if visit is None or task.status is not ContactTaskStatus.OPEN:
        return None
    before = tried[0].previous_starts_at if tried else notice.told_starts_at if notice else None
    say = Message(language=resident.language, starts_at=visit.starts_at, expected_at=visit.expected_at)
    if visit.status is VisitStatus.CANCELLED:
        say.kind = MessageKind.CANCELLED
        say.starts_at = notice.told_starts_at if notice else tried[0].starts_at if tried else visit.starts_at
    elif visit.status is VisitStatus.MISSED or nobody_came:
        say.kind = MessageKind.MISSED
    elif visit.status is VisitStatus.NO_ACCESS:
        say.kind = MessageKind.NO_ACCESS
    elif task.reason is ContactReason.REPLIED:
        say.kind = MessageKind.BOOKED
    elif task.detail == MessageKind.ANOTHER_OFFICER:
        say.kind = MessageKind.ANOTHER_OFFICER
    elif task.detail == MessageKind.DELAYED and visit.expected_at is not None:
        say.kind = MessageKind.DELAYED
    elif before is not None and before != visit.starts_at:
        say.kind, say.previous_starts_at = MessageKind.MOVED, before
    else:
        say.kind = MessageKind.BOOKED
    return spoken.script(say, council)
