"""Disputes: residents who say that they were in when an officer found nobody, and who was right."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import current
from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Text
from api.paging import after, page
from models import clock
from models.database import reading, transaction
from models.dispute import LONGEST_DISPUTE, Dispute, DisputeStatus, SaidBy, say_i_was_in
from models.errors import Unknown
from models.missed_standard import judge_again
from models.visit_rows import find_locked
from notifications.afterwards import stop_afterwards

blp = Blueprint("disputes", __name__, url_prefix="/v1", description="Residents who say that they were in")


class DisputesIn(ListIn):
    """Which disputes."""

    status = fields.Enum(DisputeStatus, by_value=fields.String)


class DisputeIn(ma.Schema):
    """What a resident says on the telephone."""

    words = Text(longest=LONGEST_DISPUTE, lines=True, load_default=None, allow_none=True)


class DisputePatch(ma.Schema):
    """Who was right, and why."""

    outcome = fields.String(
        required=True, validate=validate.OneOf([DisputeStatus.UPHELD.value, DisputeStatus.NOT_UPHELD.value])
    )
    reason = Text(required=True, longest=500)


class DisputeOut(ma.Schema):
    """A visit of which its resident and its officer say different things."""

    id = fields.UUID(required=True)
    visit_id = fields.UUID(required=True)
    resident_id = fields.UUID(required=True)
    status = fields.Enum(DisputeStatus, by_value=fields.String, required=True)
    said_by = fields.Enum(SaidBy, by_value=fields.String, required=True)
    words = fields.String(required=True, allow_none=True, metadata={"description": "The resident's own"})
    said_at = Instant(required=True)
    ring_by = Instant(required=True, metadata={"description": "What the resident was promised"})
    settled_at = Instant(required=True, allow_none=True)
    settled_by_id = fields.UUID(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)


class DisputesOut(ma.Schema):
    """A page of disputes."""

    items = fields.List(fields.Nested(DisputeOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/disputes")
class Disputes(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(DisputesIn, location="query")
    @blp.response(200, DisputesOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List disputes, the oldest first; status=open for those to settle"""
        query = select(Dispute)
        if "status" in given:
            query = query.where(Dispute.status == given["status"])
        query = after(query, (Dispute.said_at, Dispute.id), (datetime, UUID), given.get("cursor"))
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("said_at", "id"))
        return {"items": items, "next_cursor": cursor}


@blp.route("/disputes/<uuid:dispute_id>")
class OneDispute(Resource):
    @roles("scheduler", "admin")
    @blp.response(200, DisputeOut)
    def get(self, dispute_id: UUID) -> Dispute:
        """Show a dispute"""
        with reading() as session:
            return _find(session, dispute_id)

    @roles("scheduler", "admin")
    @blp.arguments(DisputePatch)
    @blp.response(200, DisputeOut)
    @blp.alt_response(409, response="CONFLICT")
    def patch(self, given: dict[str, Any], dispute_id: UUID) -> Dispute:
        """Settle a dispute, once

        `upheld`: the resident was in and nobody came, so the visit counts as missed, until somebody corrects how
        it ended. What the officer reported stays in its history.
        """
        upheld, at = given["outcome"] == DisputeStatus.UPHELD, clock.now()
        with transaction() as session:
            # The visit first, as everybody does who has to do with one.
            visit = find_locked(session, _find(session, dispute_id).visit_id)
            dispute = session.get_one(Dispute, dispute_id, populate_existing=True)
            dispute.settle(session, visit, upheld=upheld, reason=given["reason"], by=who().user_id, at=at)
            if upheld:
                stop_afterwards(session, visit, at=at)
                judge_again(session, visit, current.settings().redress, at)
            return dispute


@blp.route("/visits/<uuid:visit_id>/dispute")
class DisputeOfVisit(Resource):
    @roles("scheduler")
    @blp.arguments(DisputeIn)
    @blp.response(201, DisputeOut)
    @blp.alt_response(409, response="CONFLICT")
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Take down that a resident was in, as they say on the telephone

        Taken down again, it adds to their words.
        """
        with transaction() as session:
            visit = find_locked(session, visit_id)
            said = say_i_was_in(
                session,
                visit,
                said_by=SaidBy.TELEPHONE,
                words=given["words"],
                by=who().user_id,
                at=clock.now(),
            )
            session.flush()
            return answer(DisputeOut().dump(said), 201, location=f"/v1/disputes/{said.id}")


def _find(session: Session, dispute_id: UUID) -> Dispute:
    dispute = session.get(Dispute, dispute_id)
    if dispute is None:
        raise Unknown("No dispute has this id.")
    return dispute
