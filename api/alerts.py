"""Alerts: what a scheduler has to see to now, and who does."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import Row, select

from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, ListIn, Text
from api.paging import newest_page
from models import clock
from models.alert import Alert, AlertKind, AlertState
from models.database import reading, transaction
from models.errors import Unknown
from models.visit import Visit, VisitStatus

blp = Blueprint("alerts", __name__, url_prefix="/v1/alerts", description="What has to be seen to now")


class AlertsIn(ListIn):
    """Which alerts."""

    status = fields.Enum(AlertState, by_value=fields.String)
    kind = fields.Enum(AlertKind, by_value=fields.String)


class AlertPatch(ma.Schema):
    """Who sees to it, or that it is over."""

    status = fields.Enum(AlertState, by_value=fields.String)
    note = Text(longest=1000, lines=True, allow_none=True)


class AlertVisitOut(ma.Schema):
    """The visit it is about, as it stands now."""

    reference = fields.String(required=True)
    status = fields.Enum(VisitStatus, by_value=fields.String, required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    officer_id = fields.UUID(required=True, allow_none=True)
    second_officer_id = fields.UUID(required=True, allow_none=True)
    resident_id = fields.UUID(required=True)


class AlertOut(ma.Schema):
    """One thing about one visit that a scheduler has to see to."""

    id = fields.UUID(required=True)
    kind = fields.Enum(
        AlertKind,
        by_value=fields.String,
        required=True,
        metadata={
            "description": "nobody_arrived: 20 minutes after somebody was due. no_outcome: an officer has not come"
            " out of a visit, and did not answer. at_risk: a visit of tomorrow is likely to fail"
        },
    )
    status = fields.Enum(AlertState, by_value=fields.String, required=True)
    visit_id = fields.UUID(required=True)
    visit = fields.Nested(AlertVisitOut, required=True)
    officer_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "Whose visit it was when the alert was raised"}
    )
    about_at = Instant(
        required=True, metadata={"description": "When somebody was due, or to be out again, or the visit starts"}
    )
    details = fields.Dict(required=True)
    raised_at = Instant(required=True)
    escalated_at = Instant(
        required=True, allow_none=True, metadata={"description": "When the duty managers were told by an incident"}
    )
    acknowledged_at = Instant(required=True, allow_none=True)
    acknowledged_by_id = fields.UUID(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)
    ended_by_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "null as well if it ended by itself"}
    )
    note = fields.String(required=True, allow_none=True)


class AlertsOut(ma.Schema):
    """A page of alerts."""

    items = fields.List(fields.Nested(AlertOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


_ALERTS = select(Alert, Visit).join(Visit, Visit.id == Alert.visit_id)
_SHOWN = tuple(name for name in AlertOut().fields if name != "visit")


@blp.route("")
class Alerts(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(AlertsIn, location="query")
    @blp.response(200, AlertsOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List alerts, newest first, with the visits they are about"""
        rows, cursor = newest_page(_ALERTS, (Alert.raised_at, Alert.id), given, by=(Alert.status, Alert.kind))
        return {"items": [_out(row) for row in rows], "next_cursor": cursor}


@blp.route("/<uuid:alert_id>")
class OneAlert(Resource):
    @roles("admin", "scheduler")
    @blp.response(200, AlertOut)
    def get(self, alert_id: UUID) -> Any:
        """Show an alert"""
        with reading() as session:
            return _out(_found(session.execute(_ALERTS.where(Alert.id == alert_id)).first()))

    @roles("admin", "scheduler")
    @blp.arguments(AlertPatch)
    @blp.response(200, AlertOut)
    def patch(self, given: dict[str, Any], alert_id: UUID) -> Any:
        """Say that you see to an alert, or that it is over

        Most end by themselves: when the officer arrives or comes out, when the visit is moved or called off. Such
        a one is open again if the same happens once more; what you say is over is not.
        """
        with transaction() as session:
            row = _found(session.execute(_ALERTS.where(Alert.id == alert_id).with_for_update(of=Alert)).first())
            alert = row[0]
            if "note" in given:
                alert.note = given["note"]
            if "status" in given:
                alert.set_state(given["status"], by=who().user_id, at=clock.now())
            session.flush()
            return _out(row)


def _found(row: Row[Alert, Visit] | None) -> Row[Alert, Visit]:
    if row is None:
        raise Unknown("No alert has this id.")
    return row


def _out(row: Row[Alert, Visit]) -> dict[str, Any]:
    alert, visit = row
    return {name: getattr(alert, name) for name in _SHOWN} | {"visit": visit}
