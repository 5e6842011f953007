"""Incidents: what is wrong at a door, who was told, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, ListIn, Text
from api.paging import after, page
from models import clock
from models.database import reading, transaction
from models.errors import Unknown
from models.incident import Incident, IncidentAlert, IncidentKind, IncidentStatus
from models.staff_text import AlertStatus

blp = Blueprint("incidents", __name__, url_prefix="/v1/incidents", description="When something is wrong")


class IncidentsIn(ListIn):
    """Which incidents."""

    status = fields.Enum(IncidentStatus, by_value=fields.String)
    kind = fields.Enum(IncidentKind, by_value=fields.String)


class IncidentPatch(ma.Schema):
    """What came of it."""

    status = fields.Enum(IncidentStatus, by_value=fields.String)
    note = Text(longest=1000, lines=True, allow_none=True)


class ToldOut(ma.Schema):
    """One duty manager who was told, or was to be."""

    to = fields.String(required=True, metadata={"description": "The manager's number"})
    status = fields.Enum(AlertStatus, by_value=fields.String, required=True)
    sent_at = Instant(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True)


class IncidentOut(ma.Schema):
    """Something that is wrong."""

    id = fields.UUID(required=True)
    reference = fields.String(required=True, metadata={"description": "What people read out"})
    kind = fields.Enum(IncidentKind, by_value=fields.String, required=True)
    status = fields.Enum(IncidentStatus, by_value=fields.String, required=True)
    badge_id = fields.UUID(required=True, allow_none=True)
    officer_id = fields.UUID(required=True, allow_none=True)
    visit_id = fields.UUID(required=True, allow_none=True)
    details = fields.Dict(required=True)
    words = fields.String(required=True, allow_none=True, metadata={"description": "What a resident wrote"})
    phone = fields.String(required=True, allow_none=True, metadata={"description": "Theirs, as they typed it"})
    given = fields.String(
        required=True, allow_none=True, metadata={"description": "The visit or badge they named, as typed"}
    )
    count = fields.Integer(required=True, metadata={"description": "How often it happened"})
    opened_at = Instant(required=True)
    last_at = Instant(required=True)
    told = fields.List(fields.Nested(ToldOut), required=True)
    note = fields.String(required=True, allow_none=True)
    closed_at = Instant(required=True, allow_none=True)
    closed_by_id = fields.UUID(required=True, allow_none=True)


_SHOWN = tuple(name for name in IncidentOut().fields if name != "told")


class IncidentsOut(ma.Schema):
    """A page of incidents."""

    items = fields.List(fields.Nested(IncidentOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("")
class Incidents(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(IncidentsIn, location="query")
    @blp.response(200, IncidentsOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List incidents, newest first, with who was told and when"""
        query = select(Incident)
        for name in ("status", "kind"):
            if name in given:
                query = query.where(getattr(Incident, name) == given[name])
        key = (Incident.opened_at, Incident.id)
        query = after(query, key, (datetime, UUID), given.get("cursor"), newest_first=True)
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
            items, cursor = page(found, given["limit"], ("opened_at", "id"))
            return {"items": _with_told(session, items), "next_cursor": cursor}


@blp.route("/<uuid:incident_id>")
class OneIncident(Resource):
    @roles("admin", "scheduler")
    @blp.response(200, IncidentOut)
    def get(self, incident_id: UUID) -> Any:
        """Show an incident"""
        with reading() as session:
            return _with_told(session, [_find(session, incident_id)])[0]

    @roles("admin", "scheduler")
    @blp.arguments(IncidentPatch)
    @blp.response(200, IncidentOut)
    def patch(self, given: dict[str, Any], incident_id: UUID) -> Any:
        """Say what came of an incident

        Closed: the same thing happening again is a new incident, and the duty managers are told again.
        """
        with transaction() as session:
            incident = _find(session, incident_id, lock=True)
            if "note" in given:
                incident.note = given["note"]
            if given.get("status") is IncidentStatus.CLOSED:
                incident.close(by=who().user_id, at=clock.now())
            elif given.get("status") is IncidentStatus.OPEN:
                incident.reopen()
            session.flush()
            return _with_told(session, [incident])[0]


def _find(session: Session, incident_id: UUID, *, lock: bool = False) -> Incident:
    incident = session.get(Incident, incident_id, with_for_update=lock)
    if incident is None:
        raise Unknown("No incident has this id.")
    return incident


def _with_told(session: Session, incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    alerts = session.scalars(
        select(IncidentAlert)
        .where(IncidentAlert.incident_id.in_([incident.id for incident in incidents]))
        .order_by(IncidentAlert.to_number)
    ).all()
    return [
        {name: getattr(incident, name) for name in _SHOWN}
        | {
            "told": [
                {
                    "to": alert.to_number,
                    "status": alert.status,
                    "sent_at": alert.sent_at,
                    "error_code": alert.error_code,
                }
                for alert in alerts
                if alert.incident_id == incident.id
            ]
        }
        for incident in incidents
    ]
