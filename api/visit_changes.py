"""What a scheduler changes about a visit: move it or cancel it, and the resident is told."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields, validate

from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer, check_version, versioned
from api.fields import Instant, Text
from api.overrides import Overrides, WarningOut, warnings_out
from models import clock
from models.database import transaction
from models.visit import Visit
from models.visit_event import RequestedBy
from models.visit_rows import find
from notifications import changes
from notifications.changes import Assigned, Moved
from notifications.outbox import Queued

blp = Blueprint("changes", __name__, url_prefix="/v1/visits", description="Moving and cancelling visits")


class MoveIn(ma.Schema):
    """Where a visit moves to. Without `officer_id` the officer stays; null leaves it without one.

    A second officer stays, too, unless `second_officer_id` says otherwise or the visit is left without a first.
    """

    starts_at = Instant(required=True)
    officer_id = fields.UUID(allow_none=True)
    second_officer_id = fields.UUID(allow_none=True)
    reason = Text(required=True, longest=500)
    requested_by = fields.Enum(RequestedBy, by_value=fields.String, required=True)
    overrides = Overrides()


class CancellationIn(ma.Schema):
    """Why a visit is cancelled, and for whom."""

    reason = Text(required=True, longest=500)
    requested_by = fields.Enum(RequestedBy, by_value=fields.String, required=True)


class NoticeOut(ma.Schema):
    """The notice a change can give. `reference_at` is the first time the resident might be waiting for."""

    reference_at = Instant(required=True)
    deadline = Instant(required=True, metadata={"description": "24 hours before reference_at"})
    possible = fields.Boolean(required=True, metadata={"description": "24 hours' notice was possible"})
    lead_seconds = fields.Float(required=True)
    send_at = Instant(
        required=True, allow_none=True, metadata={"description": "When the text goes; null: no text is due"}
    )


class ShownOut(ma.Schema):
    """The other officer whom the resident had been shown, within 24 hours of the visit; how, and when first."""

    officer_id = fields.UUID(required=True)
    how = fields.String(required=True, validate=validate.OneOf(["page"]))
    at = Instant(required=True)


class MoveOut(ma.Schema):
    """A move, and how the resident is told."""

    moved_from = Instant(required=True)
    moved_to = Instant(required=True)
    reason = fields.String(required=True)
    requested_by = fields.Enum(RequestedBy, by_value=fields.String, required=True)
    notice = fields.Nested(NoticeOut, required=True)
    message_id = fields.UUID(required=True, allow_none=True)
    warnings = fields.List(fields.Nested(WarningOut), required=True)
    resident_was_shown = fields.Nested(
        ShownOut,
        required=True,
        allow_none=True,
        metadata={"description": "Within 24 hours: whom the resident expects at the door, who does not come"},
    )


class CancellationOut(ma.Schema):
    """A cancellation, and how the resident is told."""

    cancelled_at = Instant(required=True)
    reason = fields.String(required=True)
    requested_by = fields.Enum(RequestedBy, by_value=fields.String, required=True)
    notice = fields.Nested(NoticeOut, required=True)
    message_id = fields.UUID(required=True, allow_none=True)


@blp.route("/<uuid:visit_id>/moves")
class Moves(Resource):
    @roles("scheduler")
    @versioned
    @blp.arguments(MoveIn)
    @blp.response(201, MoveOut, headers={"ETag": {"schema": {"type": "string"}}})
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Move a visit and tell the resident

        A move of under 15 minutes on the same day is not texted. It is checked as a booking is. A resident whose
        page has shown another officer is told of that, too.
        """
        at = clock.now()
        with transaction() as session:
            visit = find(session, visit_id)
            check_version(visit.version)
            moved_from = visit.starts_at
            moved = changes.move(
                session,
                visit,
                starts_at=given["starts_at"],
                **wanted_officers(given, visit),
                reason=given["reason"],
                requested_by=given["requested_by"],
                by=who().user_id,
                at=at,
                overrides=given["overrides"],
            )
        return answer(move_out(visit, moved_from, moved, given), 201, version=visit.version)


@blp.route("/<uuid:visit_id>/cancellation")
class Cancellation(Resource):
    @roles("scheduler")
    @versioned
    @blp.arguments(CancellationIn)
    @blp.response(201, CancellationOut, headers={"ETag": {"schema": {"type": "string"}}})
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Cancel a visit and tell the resident"""
        at = clock.now()
        with transaction() as session:
            visit = find(session, visit_id)
            check_version(visit.version)
            queued = changes.cancel(session, visit, **given, by=who().user_id, at=at)
        return answer(cancellation_out(queued, given, at), 201, version=visit.version)


def wanted_officers(given: dict[str, Any], visit: Visit) -> dict[str, UUID | None]:
    """Who is to make a visit by a change as it was `given`: who is not named stays, unless there is no first."""
    officer_id = given.get("officer_id", visit.officer_id)
    stays = visit.second_officer_id if officer_id else None
    return {"officer_id": officer_id, "second_officer_id": given.get("second_officer_id", stays)}


def move_out(visit: Visit, moved_from: datetime, moved: Moved, given: dict[str, Any]) -> dict[str, Any]:
    """What MoveOut says of a move as it was `given`."""
    return {
        "moved_from": moved_from,
        "moved_to": visit.starts_at,
        **_told_out(moved.queued, given),
        "warnings": warnings_out(visit.warnings),
        "resident_was_shown": shown_out(moved.assigned),
    }


def shown_out(assigned: Assigned) -> dict[str, Any] | None:
    """What ShownOut says of an officer who does not come, if the resident was shown one."""
    if (shown := assigned.shown) is None:
        return None
    return {"officer_id": shown.officer_id, "how": "page", "at": shown.first_shown_at}


def cancellation_out(queued: Queued, given: dict[str, Any], at: datetime) -> dict[str, Any]:
    """What CancellationOut says of a cancellation as it was `given`."""
    return {"cancelled_at": at, **_told_out(queued, given)}


def _told_out(queued: Queued, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "reason": given["reason"],
        "requested_by": given["requested_by"],
        "notice": notice_out(queued),
        "message_id": queued.message_id,
    }


def notice_out(queued: Queued) -> dict[str, Any]:
    """What NoticeOut says."""
    return {
        "reference_at": queued.notice.reference_at,
        "deadline": queued.notice.deadline,
        "possible": queued.notice.possible,
        "lead_seconds": queued.notice.lead_seconds,
        "send_at": queued.send_at,
    }
