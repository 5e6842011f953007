"""Overdue: visits that somebody should have arrived at by now, or come out of again, and nobody has said so."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.diary import LONGEST_VISIT
from models.message import GONE, Message, MessageKind
from models.standards import MISSED_AFTER, must_tell
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_stage import expected_arrival

NUDGE_AFTER, ALERT_AFTER = timedelta(minutes=10), timedelta(minutes=20)
""" "Nobody arrived: a nudge to the officer at +10 minutes, to the scheduler at +20." """

ALERT_AFTER_NUDGE = timedelta(minutes=10)
"""So long an officer who has not come out of a visit has to answer before a scheduler is told."""

HISTORY_AFTER = timedelta(hours=24)
"""So long after it was missed a visit is history: an apology would come too late, and reports count it anyway."""

LONGEST_DELAY = timedelta(hours=24)
"""No officer may say that they will be later than that."""

STILL_THERE_FOR = timedelta(days=3)
"""So long after its end a visit that nobody has ended is looked at: an officer who is missing stays missing."""


class Overdue(NamedTuple):
    """A visit of which nothing was heard. `about_at` is when somebody was due, or was to be out again; from
    `nudge_at` its officers are asked, from `alert_at` a scheduler is told."""

    visit_id: UUID
    officer_ids: tuple[UUID, ...]
    about_at: datetime
    nudge_at: datetime
    alert_at: datetime


def _last_told(what: Any, name: str) -> Any:
    """Of the text that last told the resident of a delay."""
    return (
        select(what)
        .where(Message.visit_id == Visit.id, Message.kind == MessageKind.DELAYED, Message.status.in_(GONE))
        .order_by(Message.number.desc())
        .limit(1)
        .scalar_subquery()
        .label(name)
    )


def _told(visit: Any) -> datetime:
    """When the resident was told that somebody comes: the time, or the end of the window, that the last text about
    a delay gave, or else the booked time.

    A start that was moved since by so little that nobody was told is still the one that the text was about.
    """
    starts_at: datetime = visit.starts_at
    told_at: datetime | None = visit.told_at
    if told_at is None or must_tell(visit.told_of, starts_at):
        return starts_at
    return max(starts_at, told_at)


def nobody_there(session: Session, at: datetime, *, visit_id: UUID | None = None) -> list[Overdue]:
    """The visits that somebody should have arrived at ten minutes ago or longer; of `visit_id` alone if given.

    Somebody is due at the start or, if the officer said or the resident was told of a later time, then: nobody
    apologises for a visit that is still being made. A visit that was entered after its start is none of these.
    """
    earliest = at - MISSED_AFTER - HISTORY_AFTER - LONGEST_DELAY
    visits = select(
        Visit.id,
        Visit.starts_at,
        Visit.expected_at,
        Visit.officer_id,
        Visit.second_officer_id,
        _last_told(func.coalesce(Message.window_to_at, Message.expected_at), "told_at"),
        _last_told(Message.starts_at, "told_of"),
    ).where(
        Visit.status.in_(BEFORE_THE_DOOR),
        Visit.starts_at.between(earliest, at - NUDGE_AFTER),
        Visit.created_at <= Visit.starts_at,
    )
    if visit_id is not None:
        visits = visits.where(Visit.id == visit_id)
    rows: Any = session.execute(visits.order_by(Visit.starts_at, Visit.id))
    found = []
    for visit in rows:
        due_at = max(expected_arrival(visit), _told(visit))
        if due_at + NUDGE_AFTER <= at <= due_at + MISSED_AFTER + HISTORY_AFTER:
            officer_ids = tuple(each for each in (visit.officer_id, visit.second_officer_id) if each)
            found.append(Overdue(visit.id, officer_ids, due_at, due_at + NUDGE_AFTER, due_at + ALERT_AFTER))
    return found


def still_there(session: Session, at: datetime, overrun: timedelta) -> list[Overdue]:
    """The visits whose officer arrived, and has not come out again `overrun` after its end, nor for half as long
    again as it was planned.

    The end is the booked one, or as much later as they came late. Whoever has set out for another visit since has
    forgotten to say so, and is well.
    """
    earliest = at - STILL_THERE_FOR - LONGEST_VISIT
    other = aliased(Visit)
    moved_on = exists().where(
        or_(other.officer_id == Visit.officer_id, other.second_officer_id == Visit.officer_id),
        other.starts_at.between(earliest, at + timedelta(days=1)),
        or_(other.departed_at > Visit.arrived_at, other.arrived_at > Visit.arrived_at),
    )
    visits = select(Visit).where(
        Visit.status == VisitStatus.ARRIVED,
        Visit.starts_at >= earliest,
        Visit.ends_at <= at - overrun,
        ~moved_on,
    )
    found = []
    for visit in session.scalars(visits.order_by(Visit.starts_at, Visit.id)):
        out_at = _end_of(visit)
        nudge_at = out_at + max(overrun, visit.duration / 2)
        if nudge_at <= at <= out_at + STILL_THERE_FOR:
            found.append(Overdue(visit.id, visit.officer_ids, out_at, nudge_at, nudge_at + ALERT_AFTER_NUDGE))
    return found


def _end_of(visit: Visit) -> datetime:
    """When its officer should be out again. A phone whose clock is far ahead must not hide that they are not."""
    came_at = min(filter(None, (visit.arrived_at, visit.arrival_recorded_at)))
    return max(visit.ends_at, came_at + visit.duration)
