"""The sweep: a scheduler is told of each visit of tomorrow that is likely to fail, and what could be done.

Nothing is moved by itself: who decides is the scheduler.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import standards, travel
from models.alert import Alert, AlertKind, AlertState, end_alerts, raise_alert, standing
from models.database import reading, transaction
from models.day import Rules
from models.foreseen import Foreseen, foreseen
from models.proposals import Proposal, Proposed, propose
from models.team import Team
from notifications.told import told_start


def look_ahead_a_day(at: datetime) -> None:
    """ "A sweep 26-30 hours ahead proposes a move for visits likely to fail while full notice is still
    possible." """
    with reading() as session:
        told = session.execute(
            select(Alert.id, Alert.visit_id, Alert.about_at, Alert.officer_id)
            .where(Alert.kind == AlertKind.AT_RISK, Alert.status != AlertState.ENDED)
            .order_by(Alert.id)
        ).all()
        found = foreseen(session, travel.in_use(), at)
        new = _new(session, found, at)
        proposals = _proposals(session, new, at)
    still = {_key(each) for each in found}
    over = [row.id for row in told if tuple(row[1:]) not in still]
    if not (new or over):
        return
    with transaction() as session:
        # First: what is over for one officer may be raised for another.
        end_alerts(session, over, at)
        for each in new:
            raise_alert(
                session,
                AlertKind.AT_RISK,
                visit_id=each.visit.id,
                officer_id=each.officer_id,
                about_at=each.visit.starts_at,
                at=at,
                details=_why(each) | {"proposals": proposals[each.visit.id]},
            )


def _new(session: Session, found: Sequence[Foreseen], at: datetime) -> list[Foreseen]:
    """Those that nobody was told of as they are: what is proposed is looked for once a visit and officer."""
    told = session.execute(standing(AlertKind.AT_RISK, [each.visit.id for each in found], at))
    known = {tuple(row) for row in told}
    return [each for each in found if _key(each) not in known]


def _key(each: Foreseen) -> tuple[UUID, datetime, UUID]:
    return each.visit.id, each.visit.starts_at, each.officer_id


def _why(each: Foreseen) -> dict[str, Any]:
    late = each.late_probability
    return {"risk": each.risk, "late_probability": None if late is None else round(late, 3)}


def _proposals(session: Session, found: Iterable[Foreseen], at: datetime) -> dict[UUID, list[dict[str, Any]]]:
    """What could be done about each, so that all of it could be done together."""
    of_officer = sorted(found, key=lambda each: (each.officer_id, each.visit.starts_at, each.visit.id))
    team = Team(session, Rules(travel.in_use()), at, leaving_out=[each.visit.id for each in of_officer])
    proposed: list[Proposed] = []
    for officer_id, group in groupby(of_officer, key=lambda each: each.officer_id):
        proposed += propose(team, [each.visit for each in group], officer_id, at)
    return {
        each.visit.id: [_proposal(session, each, proposal, at) for proposal in each.proposals] for each in proposed
    }


def _proposal(session: Session, proposed: Proposed, proposal: Proposal, at: datetime) -> dict[str, Any]:
    before = told_start(session, proposed.visit)
    left = standards.notice(told_start=before, new_start=proposal.starts_at, decided_at=at)
    return {
        "kind": proposal.kind,
        "officer_id": proposal.officer_id,
        "second_officer_id": proposal.second_officer_id,
        "starts_at": proposal.starts_at,
        "extra_minutes": round(proposal.slot.extra_s / 60, 1),
        "on_time_probability": round(proposal.slot.on_time_probability, 3),
        "full_notice_until": left.deadline,
    }
