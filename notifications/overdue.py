"""What the watch does about overdue visits: it asks the officer, tells a scheduler, and ends both in time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.alert import Alert, AlertKind, AlertState, end_alerts, raise_alert, standing
from models.database import reading, transaction
from models.incident import report_silence
from models.nudge import Nudge, NudgeKind, asked, nudge
from models.overdue import Overdue, nobody_there, still_there
from models.standards import missed
from models.visit_rows import find_locked
from notifications.missed import queue_missed

ESCALATE_AFTER = timedelta(minutes=15)
"""So long a scheduler has to acknowledge that an officer has not come out, before the duty managers are told."""


def look_for_nobody_there(at: datetime) -> None:
    """Nobody arrived: "a nudge to the officer at +10 minutes, to the scheduler at +20, `missed` at +60 with an
    apology text and a contact task."

    A visit that cannot be marked keeps no other waiting; what went wrong is raised once all were looked at.
    """
    with reading() as session:
        before = _open(session, NudgeKind.NOBODY_ARRIVED)
        found = nobody_there(session, at)
    _ask_and_tell(NudgeKind.NOBODY_ARRIVED, [each for each in found if not missed(each.about_at, at)], before, at)
    failed: Exception | None = None
    for each in found:
        if missed(each.about_at, at):
            try:
                _miss(each.visit_id, at)
            except Exception as error:
                failed = error
    if failed is not None:
        raise failed


def _miss(visit_id: UUID, at: datetime) -> None:
    """One visit is missed, unless somebody has come, it was moved or called off, or another was faster."""
    with transaction() as session:
        visit = find_locked(session, visit_id)
        still = nobody_there(session, at, visit_id=visit_id)
        if still and missed(still[0].about_at, at):
            answer = queue_missed(session, visit, at=at)
            visit.miss(session, due_at=still[0].about_at, answer=answer, at=at)


def look_for_no_outcome(at: datetime, overrun: timedelta) -> None:
    """Lone worker: "an officer on a visit far past its end raises an alert", once they were asked themselves; what
    nobody acknowledges goes to the duty managers."""
    with reading() as session:
        before = _open(session, NudgeKind.NO_OUTCOME)
        found = still_there(session, at, overrun)
    _ask_and_tell(NudgeKind.NO_OUTCOME, found, before, at)
    _escalate(at)


class _Open(NamedTuple):
    """What is open of one kind."""

    nudges: Sequence[Any]
    alerts: Sequence[Any]


def _open(session: Session, kind: NudgeKind) -> _Open:
    """Read before anything is looked for: what another dispatcher adds meanwhile is not ours to end."""
    nudges = (
        select(Nudge.id, Nudge.visit_id, Nudge.officer_id, Nudge.about_at)
        .where(Nudge.kind == kind, Nudge.ended_at.is_(None))
        .order_by(Nudge.id)
    )
    alerts = (
        select(Alert.id, Alert.visit_id, Alert.about_at)
        .where(Alert.kind == AlertKind(kind), Alert.status != AlertState.ENDED)
        .order_by(Alert.id)
    )
    return _Open(session.execute(nudges).all(), session.execute(alerts).all())


def _ask_and_tell(kind: NudgeKind, found: Sequence[Overdue], before: _Open, at: datetime) -> None:
    """Bring what is asked and told up to what is overdue now: each once, and what is over ends.

    What is overdue once more, as after a mistake that was put right, is asked and told again.
    """
    asks = {(each.visit_id, officer_id, each.about_at) for each in found for officer_id in each.officer_ids}
    tells = {(each.visit_id, each.about_at): each for each in found if each.alert_at <= at}
    over = _Open(
        [row.id for row in before.nudges if tuple(row[1:]) not in asks],
        [row.id for row in before.alerts if tuple(row[1:]) not in tells],
    )
    visit_ids = [each.visit_id for each in found]
    with reading() as session:
        asks -= {tuple(row) for row in session.execute(asked(kind, visit_ids, at))}
        for visit_id, about_at, _ in session.execute(standing(AlertKind(kind), visit_ids, at)):
            tells.pop((visit_id, about_at), None)
    if not (asks or tells or over.nudges or over.alerts):
        return
    with transaction() as session:
        nudge(session, kind, asks, at)
        for _, each in sorted(tells.items()):
            first = next(iter(each.officer_ids), None)
            raise_alert(
                session,
                AlertKind(kind),
                visit_id=each.visit_id,
                officer_id=first,
                about_at=each.about_at,
                at=at,
            )
        for nudge_id in over.nudges:
            session.execute(update(Nudge).where(Nudge.id == nudge_id).values(ended_at=at))
        end_alerts(session, over.alerts, at)


def _escalate(at: datetime) -> None:
    """Tell the duty managers of each officer whom no scheduler has seen to: they get a text of an incident."""
    unseen = (
        select(Alert.id)
        .where(
            Alert.kind == AlertKind.NO_OUTCOME,
            Alert.status == AlertState.OPEN,
            Alert.escalated_at.is_(None),
            Alert.raised_at <= at - ESCALATE_AFTER,
        )
        .order_by(Alert.id)
    )
    with reading() as session:
        if session.scalar(unseen.limit(1)) is None:
            return
    with transaction() as session:
        locked = select(Alert).where(Alert.id.in_(unseen)).order_by(Alert.id).with_for_update()
        for alert in session.scalars(locked.execution_options(populate_existing=True)):
            if alert.status is AlertState.OPEN and alert.escalated_at is None:
                report_silence(session, visit_id=alert.visit_id, officer_id=alert.officer_id, at=at)
                alert.escalated_at = at
