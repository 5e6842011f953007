"""Visits at risk: what is booked with an officer who cannot make it any more, and what could be done."""

from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import ValidationError, fields, validates_schema
from sqlalchemy.orm import Session

from api.assignments import SuggestionOut, suggestion_out
from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn
from api.officers import find as find_officer
from api.paging import cursor_for, read_cursor
from api.visits import VisitOut, visit_out
from models import clock, standards, travel
from models.at_risk import AtRisk, Risk, at_risk
from models.database import reading
from models.day import Rules
from models.officer import Officer
from models.proposals import Proposal, ProposalKind, propose
from models.team import Team
from models.visit import FARTHEST_AHEAD, Visit
from notifications.told import told_start

blp = Blueprint(
    "visits at risk", __name__, url_prefix="/v1/officers", description="Visits that have lost their officer"
)


class VisitsAtRiskIn(ListIn):
    """Which visits: those that start from `from` (now, if left out or past) until before `to`."""

    from_ = Instant(data_key="from")
    to = Instant()

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if "from_" in data and "to" in data and data["from_"] >= data["to"]:
            raise ValidationError("Give a time after from.", "to")


class ProposedNoticeOut(ma.Schema):
    """The notice that a change made now would give."""

    reference_at = Instant(required=True)
    deadline = Instant(required=True, metadata={"description": "24 hours before reference_at"})
    possible = fields.Boolean(required=True, metadata={"description": "24 hours' notice is possible"})
    lead_seconds = fields.Float(required=True)


class ProposalOut(SuggestionOut):
    """What could be done: another officer at the same time, which needs no notice, or another time."""

    kind = fields.Enum(ProposalKind, by_value=fields.String, required=True)
    second_officer_id = fields.UUID(required=True, allow_none=True)
    starts_at = Instant(required=True)
    notice = fields.Nested(ProposedNoticeOut, required=True, allow_none=True)


class VisitAtRiskOut(VisitOut):
    """A visit that its officer cannot make, why, and what could be done: at most one of each kind.

    The proposals of a page can be applied together, whichever are chosen.
    """

    risk = fields.Enum(Risk, by_value=fields.String, required=True)
    proposals = fields.List(fields.Nested(ProposalOut), required=True)


class VisitsAtRiskOut(ma.Schema):
    """A page of visits at risk, by start."""

    items = fields.List(fields.Nested(VisitAtRiskOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/<uuid:officer_id>/visits-at-risk")
class VisitsAtRisk(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(VisitsAtRiskIn, location="query")
    @blp.response(200, VisitsAtRiskOut)
    def get(self, given: dict[str, Any], officer_id: UUID) -> Response:
        """List the booked visits that an officer cannot make any more, by start, with what could be done

        They are away, suspended or gone, or work other hours than when these were booked.
        """
        at = clock.now()
        begins = max(given.get("from_", at), at)
        ends = given.get("to", at + FARTHEST_AHEAD)
        after = (begins, UUID(int=0))
        if "cursor" in given:
            start, visit_id = read_cursor(given["cursor"], (datetime, UUID))
            after = max(after, (start, visit_id))
        with reading() as session:
            officer = find_officer(session, officer_id)
            risky = at_risk(session, officer, after[0], ends)
            left = (each for each in risky if (each.visit.starts_at, each.visit.id) > after)
            found = list(islice(left, given["limit"] + 1))
            shown, more = found[: given["limit"]], len(found) > given["limit"]
            items = _with_proposals(session, officer, shown, at)
        last = shown[-1].visit if more else None
        return answer({"items": items, "next_cursor": last and cursor_for((last.starts_at, last.id))})


def risky_out(
    session: Session, officer: Officer, begins: datetime, ends: datetime, at: datetime
) -> dict[str, Any]:
    """How many visits to come are at risk in a time, and where they are listed."""
    begins = max(begins, at)
    count = sum(1 for _ in at_risk(session, officer, begins, ends))
    query = urlencode({"from": _utc(begins), "to": _utc(ends)})
    url = f"/v1/officers/{officer.id}/visits-at-risk?{query}" if count else None
    return {"visits_at_risk": count, "visits_at_risk_url": url}


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _with_proposals(session: Session, officer: Officer, found: list[AtRisk], at: datetime) -> list[dict[str, Any]]:
    visits = [each.visit for each in found]
    rules = Rules(travel.in_use())
    team = Team(session, rules, at, leaving_out=[visit.id for visit in visits], asked_by=who().user_id)
    items = []
    for each, proposed in zip(found, propose(team, visits, officer.id, at), strict=True):
        proposals = [_proposal_out(session, each.visit, proposal, at) for proposal in proposed.proposals]
        items.append(visit_out(each.visit) | {"risk": each.risk, "proposals": proposals})
    return items


def _proposal_out(session: Session, visit: Visit, proposal: Proposal, at: datetime) -> dict[str, Any]:
    said = suggestion_out(proposal.suggestion) | {
        "kind": proposal.kind,
        "officer_id": proposal.officer_id,
        "second_officer_id": proposal.second_officer_id,
        "starts_at": proposal.starts_at,
    }
    if proposal.kind is ProposalKind.ASSIGNMENT:
        return said | {"notice": None}
    left = standards.notice(told_start=told_start(session, visit), new_start=proposal.starts_at, decided_at=at)
    return said | {"notice": asdict(left)}
