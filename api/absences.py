"""Absences of officers: leave, sickness, training and the rest, entered by whoever plans the visits."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields
from sqlalchemy import select

from api.auth import refuse_unless_own, roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Text
from api.officers import find as find_officer
from api.paging import after, page
from api.risks import risky_out
from models import clock
from models.absence import Absence, enter, find_absence
from models.database import reading, transaction
from models.diary import LONGEST_VISIT
from models.officer import lock_diaries
from models.working_time import AbsenceKind

blp = Blueprint("absences", __name__, url_prefix="/v1", description="When officers are away")


class AbsenceIn(ma.Schema):
    """An officer is away, for two years at most. Say nothing of an illness in `reason`; `other` needs one."""

    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    kind = fields.Enum(AbsenceKind, by_value=fields.String, required=True)
    reason = Text(longest=500, allow_none=True, load_default=None)


class AbsenceOut(ma.Schema):
    """An absence. One that was removed counts no more."""

    id = fields.UUID(required=True)
    officer_id = fields.UUID(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    kind = fields.Enum(AbsenceKind, by_value=fields.String, required=True)
    reason = fields.String(required=True, allow_none=True)
    entered_at = Instant(required=True)
    entered_by_id = fields.UUID(required=True, allow_none=True)
    removed_at = Instant(required=True, allow_none=True)
    removed_by_id = fields.UUID(required=True, allow_none=True)


class AbsenceEnteredOut(AbsenceOut):
    """An absence that was entered, and what is booked in its time."""

    visits_at_risk = fields.Integer(required=True, metadata={"description": "Visits to come that cannot be made"})
    visits_at_risk_url = fields.String(
        required=True, allow_none=True, metadata={"description": "Which, and what could be done; null: none"}
    )


class AbsencesOut(ma.Schema):
    """A page of absences, newest first."""

    items = fields.List(fields.Nested(AbsenceOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/officers/<uuid:officer_id>/absences")
class Absences(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(AbsenceIn)
    @blp.response(201, AbsenceEnteredOut)
    def post(self, given: dict[str, Any], officer_id: UUID) -> Response:
        """Enter when an officer is away, whatever is booked in this time

        `visits_at_risk` says how many visits then have nobody who can make them.
        """
        at = clock.now()
        with transaction() as session:
            lock_diaries(session, officer_id)
            officer = find_officer(session, officer_id)
            entered = enter(session, officer_id=officer_id, **given, by=who().user_id, at=at)
            risky = risky_out(session, officer, entered.starts_at - LONGEST_VISIT, entered.ends_at, at)
        return answer(AbsenceOut().dump(entered) | risky, 201)

    @roles("admin", "scheduler", "officer")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, AbsencesOut)
    def get(self, given: dict[str, Any], officer_id: UUID) -> dict[str, Any]:
        """List an officer's absences, the latest first; those that were removed as well"""
        query = select(Absence).where(Absence.officer_id == officer_id)
        key = (Absence.starts_at, Absence.id)
        query = after(query, key, (datetime, UUID), given.get("cursor"), newest_first=True)
        with reading() as session:
            find_officer(session, officer_id)
            refuse_unless_own(officer_id)
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("starts_at", "id"))
        return {"items": items, "next_cursor": cursor}


@blp.route("/absences/<uuid:absence_id>")
class OneAbsence(Resource):
    @roles("admin", "scheduler")
    @blp.response(204)
    def delete(self, absence_id: UUID) -> None:
        """Remove an absence: it counts no more, and stays in the list with who removed it and when"""
        with transaction() as session:
            find_absence(session, absence_id).remove(session, by=who().user_id, at=clock.now())
