"""Holds: a slot kept for some minutes while the resident is on the telephone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields

from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, Whole
from api.overrides import Overrides, WarningOut
from api.visits import LONGEST_MINUTES, SHORTEST_MINUTES
from models import clock, holding
from models.database import transaction
from models.errors import NotYours

blp = Blueprint("holds", __name__, url_prefix="/v1/holds", description="Slots that are kept for some minutes")


class HoldIn(ma.Schema):
    """The slot to keep, and for whom, if they are entered already."""

    officer_id = fields.UUID(required=True)
    resident_id = fields.UUID(allow_none=True, load_default=None)
    starts_at = Instant(required=True)
    duration_minutes = Whole(required=True, least=SHORTEST_MINUTES, most=LONGEST_MINUTES)
    overrides = Overrides()


class HoldOut(ma.Schema):
    """A slot that is kept. Who made the hold books it as any visit: only others are kept out."""

    id = fields.UUID(required=True)
    officer_id = fields.UUID(required=True)
    resident_id = fields.UUID(required=True, allow_none=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    expires_at = Instant(required=True, metadata={"description": "It ends by itself then"})
    warnings = fields.List(fields.Nested(WarningOut), required=True)


@blp.route("")
class Holds(Resource):
    @roles("scheduler")
    @blp.arguments(HoldIn)
    @blp.response(201, HoldOut)
    @blp.alt_response(409, response="CONFLICT")
    def post(self, given: dict[str, Any]) -> Response:
        """Keep a slot for ten minutes

        Nobody else can book, move a visit to, or keep any of this time. 409 `diary-clash` if somebody has it, 409
        `booking-rules` as for a booking; name the same overrides again when it is booked.
        """
        with transaction() as session:
            hold = holding.keep(
                session,
                officer_id=given["officer_id"],
                resident_id=given["resident_id"],
                starts_at=given["starts_at"],
                duration=timedelta(minutes=given["duration_minutes"]),
                by=who().user_id,
                at=clock.now(),
                overrides=given["overrides"],
            )
        return answer(HoldOut().dump(hold), 201, location=f"/v1/holds/{hold.id}")


@blp.route("/<uuid:hold_id>")
class OneHold(Resource):
    @roles("scheduler")
    @blp.response(204)
    def delete(self, hold_id: UUID) -> None:
        """Give a slot back that you keep; one that has ended already is no mistake"""
        with transaction() as session:
            hold = holding.find(session, hold_id)
            if hold.made_by_id != who().user_id:
                raise NotYours("Another scheduler keeps this time.")
            hold.end(clock.now())
