"""The outlook for an officer's day: who will have to wait, before they do."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields

from api.auth import roles
from api.blueprint import Blueprint, Resource
from api.fields import Instant
from api.officers import find as find_officer
from models import clock, travel
from models.database import reading
from models.outlook import Outlook, outlook

blp = Blueprint("outlook", __name__, url_prefix="/v1/officers", description="Lateness seen coming")


class WindowOut(ma.Schema):
    """From when to when, in steps of five minutes."""

    from_ = Instant(required=True, data_key="from")
    to = Instant(required=True)


class PredictionOut(ma.Schema):
    """When the officer will be at the door, as far as can be said."""

    expected_at = Instant(required=True)
    window = fields.Nested(
        WindowOut, required=True, metadata={"description": "They are there between these in three of five cases"}
    )
    late_probability = fields.Float(
        required=True, metadata={"description": "That it is more than 15 minutes after the booked time"}
    )


class OutlookItemOut(ma.Schema):
    """A visit that is still to come today."""

    visit_id = fields.UUID(required=True)
    starts_at = Instant(required=True)
    prediction = fields.Nested(
        PredictionOut,
        required=True,
        allow_none=True,
        metadata={
            "description": "null: nothing was reported of the officer's day yet, or they passed this visit over"
        },
    )


class OutlookOut(ma.Schema):
    """What is left of an officer's day."""

    items = fields.List(fields.Nested(OutlookItemOut), required=True)


@blp.route("/<uuid:officer_id>/outlook")
class OfficersOutlook(Resource):
    @roles("scheduler")
    @blp.response(200, OutlookOut)
    def get(self, officer_id: UUID) -> dict[str, Any]:
        """When an officer will be at each visit that is left of today, and how likely late

        From what they reported last: ways and visits take as long as they usually do, give or take, and whoever is
        early waits. Nobody is told anything by this.
        """
        at = clock.now()
        with reading() as session:
            find_officer(session, officer_id)
            found = outlook(session, officer_id, travel.in_use(), at)
        return {"items": [_out(each) for each in found]}


def _out(each: Outlook) -> dict[str, Any]:
    prediction = None
    if each.arrival is not None:
        earliest, latest = each.arrival.window()
        prediction = {
            "expected_at": _instant(round(each.arrival.mean)),
            "window": {"from_": _instant(earliest), "to": _instant(latest)},
            "late_probability": round(each.arrival.late(each.starts_at.timestamp()), 3),
        }
    return {"visit_id": each.visit_id, "starts_at": each.starts_at, "prediction": prediction}


def _instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
