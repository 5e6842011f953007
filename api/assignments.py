"""Who makes a visit: the queue of visits that have nobody, and giving a visit to an officer at its time."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields

from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer, check_version, versioned
from api.fields import Instant, ListIn, Text
from api.overrides import Overrides, WarningOut, warnings_out
from api.paging import page, read_cursor
from api.visit_changes import ShownOut, shown_out, wanted_officers
from api.visits import VisitOut, visit_out
from models import clock, travel
from models.database import reading, transaction
from models.day import Rules
from models.no_slot import NoSlot
from models.team import Suggestion, Suggestions, Team
from models.visit import Visit
from models.visit_rows import find, unassigned
from notifications import changes
from notifications.changes import Assigned

blp = Blueprint("assignments", __name__, url_prefix="/v1", description="Who makes a visit")

MOST_SUGGESTIONS = 5


class UnassignedIn(ListIn):
    """Which page of the queue."""


class SuggestionOut(ma.Schema):
    """An officer who can make the visit at exactly its time."""

    officer_id = fields.UUID(required=True)
    extra_minutes = fields.Float(
        required=True, metadata={"description": "On the road, more than without this visit"}
    )
    on_time_probability = fields.Float(
        required=True, metadata={"description": "That the officer is there within 15 minutes of the start"}
    )


class UnassignedVisitOut(VisitOut):
    """A visit that nobody is to make yet, and who could: the best five, each as if only this visit was given out.

    Without any, `reasons` counts why the officers cannot.
    """

    suggestions = fields.List(fields.Nested(SuggestionOut), required=True)
    reasons = fields.Dict(keys=fields.Enum(NoSlot, by_value=fields.String), values=fields.Integer(), required=True)


class UnassignedVisitsOut(ma.Schema):
    """A page of the queue, by start."""

    items = fields.List(fields.Nested(UnassignedVisitOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class AssignmentIn(ma.Schema):
    """Who makes the visit, and why it is changed; null puts it back in the queue.

    Without `second_officer_id` a second officer stays; null lets them go.
    """

    officer_id = fields.UUID(required=True, allow_none=True)
    second_officer_id = fields.UUID(allow_none=True)
    reason = Text(required=True, longest=500)
    overrides = Overrides()


class AssignmentOut(ma.Schema):
    """A visit that was given to another officer. Its time, and so the promise, is as it was."""

    officer_from = fields.UUID(required=True, allow_none=True)
    officer_to = fields.UUID(required=True, allow_none=True)
    second_officer_from = fields.UUID(required=True, allow_none=True)
    second_officer_to = fields.UUID(required=True, allow_none=True)
    starts_at = Instant(required=True)
    reason = fields.String(required=True)
    warnings = fields.List(fields.Nested(WarningOut), required=True)
    resident_was_shown = fields.Nested(ShownOut, required=True, allow_none=True)
    message_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Tells the resident that another officer comes than they were shown"},
    )


@blp.route("/unassigned-visits")
class UnassignedVisits(Resource):
    @roles("scheduler")
    @blp.arguments(UnassignedIn, location="query")
    @blp.response(200, UnassignedVisitsOut)
    def get(self, given: dict[str, Any]) -> Response:
        """List the booked visits to come that nobody is to make yet, by start, with who could

        An officer who is suggested can make the visit at exactly its time, by the rules of `GET /v1/slots`.
        """
        at = clock.now()
        after = None
        if "cursor" in given:
            start, visit_id = read_cursor(given["cursor"], (datetime, UUID))
            after = (start, visit_id)
        with reading() as session:
            found = unassigned(session, at, after, most=given["limit"] + 1)
            visits, cursor = page(found, given["limit"], ("starts_at", "id"))
            team = Team(session, Rules(travel.in_use()), at, asked_by=who().user_id)
            items = [_unassigned_out(visit, team.for_visit(visit)) for visit in visits]
        return answer({"items": items, "next_cursor": cursor})


@blp.route("/visits/<uuid:visit_id>/assignment")
class Assignment(Resource):
    @roles("scheduler")
    @versioned
    @blp.arguments(AssignmentIn)
    @blp.response(201, AssignmentOut, headers={"ETag": {"schema": {"type": "string"}}})
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Give a visit to an officer, or to another, at its time

        It is checked as a booking is: 409 `diary-clash` if the officer already has a visit in this time, and
        `booking-rules` for what does not fit. A resident whose page has shown another officer is told.
        """
        at = clock.now()
        with transaction() as session:
            visit = find(session, visit_id)
            check_version(visit.version)
            before = visit.officer_id, visit.second_officer_id
            wanted = given | wanted_officers(given, visit)
            assigned = changes.assign(session, visit, **wanted, by=who().user_id, at=at)
        return answer(assignment_out(visit, before, assigned, given), 201, version=visit.version)


def assignment_out(
    visit: Visit, before: tuple[UUID | None, UUID | None], assigned: Assigned, given: dict[str, Any]
) -> dict[str, Any]:
    """What AssignmentOut says of an assignment as it was `given`."""
    return {
        "officer_from": before[0],
        "officer_to": visit.officer_id,
        "second_officer_from": before[1],
        "second_officer_to": visit.second_officer_id,
        "starts_at": visit.starts_at,
        "reason": given["reason"],
        "warnings": warnings_out(visit.warnings),
        "resident_was_shown": shown_out(assigned),
        "message_id": assigned.queued and assigned.queued.message_id,
    }


def suggestion_out(suggestion: Suggestion) -> dict[str, Any]:
    """What SuggestionOut says."""
    return {
        "officer_id": suggestion.officer_id,
        "extra_minutes": round(suggestion.slot.extra_s / 60, 1),
        "on_time_probability": round(suggestion.slot.on_time_probability, 3),
    }


def _unassigned_out(visit: Visit, found: Suggestions) -> dict[str, Any]:
    return visit_out(visit) | {
        "suggestions": [suggestion_out(each) for each in found.items[:MOST_SUGGESTIONS]],
        "reasons": {reason.value: count for reason, count in sorted(found.reasons.items())},
    }
