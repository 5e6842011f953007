"""Standards that were missed: which visits, what the council's rule owes for it, and whether it was given."""

from enum import StrEnum
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
from models.database import reading, transaction
from models.errors import Unknown, VisitState
from models.missed_standard import MissedStandard, RedressStatus, Standard
from models.visit import Visit

blp = Blueprint(
    "missed standards", __name__, url_prefix="/v1/missed-standards", description="Promises that were not kept"
)


class MissedStandardsIn(ListIn):
    """Which of them."""

    status = fields.Enum(RedressStatus, by_value=fields.String)
    standard = fields.Enum(Standard, by_value=fields.String)


class Answer(StrEnum):
    """What came of the redress."""

    DUE = "due"
    SETTLED = "settled"


class MissedStandardPatch(ma.Schema):
    """Whether the redress was given, and how."""

    status = fields.Enum(Answer, by_value=fields.String)
    note = Text(longest=1000, lines=True, allow_none=True)


class MissedStandardOut(ma.Schema):
    """One standard that one visit missed."""

    id = fields.UUID(required=True)
    visit_id = fields.UUID(required=True)
    visit_reference = fields.String(required=True)
    resident_id = fields.UUID(required=True)
    standard = fields.Enum(Standard, by_value=fields.String, required=True)
    found_at = Instant(required=True)
    redress_pence = fields.Integer(
        required=True, metadata={"description": "By the council's rule as it was then; 0 if it owes nothing"}
    )
    status = fields.Enum(RedressStatus, by_value=fields.String, required=True)
    settled_at = Instant(required=True, allow_none=True)
    settled_by_id = fields.UUID(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)


class MissedStandardsOut(ma.Schema):
    """A page of them."""

    items = fields.List(fields.Nested(MissedStandardOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


_MISSED = select(MissedStandard, Visit.reference, Visit.resident_id).join(
    Visit, Visit.id == MissedStandard.visit_id
)
_OF_VISIT = ("visit_reference", "resident_id")
_SHOWN = tuple(name for name in MissedStandardOut().fields if name not in _OF_VISIT)


@blp.route("")
class MissedStandards(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(MissedStandardsIn, location="query")
    @blp.response(200, MissedStandardsOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List standards that were missed, newest first; `status=due` is the redress that has to be given"""
        rows, cursor = newest_page(
            _MISSED,
            (MissedStandard.found_at, MissedStandard.id),
            given,
            by=(MissedStandard.status, MissedStandard.standard),
        )
        return {"items": [_out(row) for row in rows], "next_cursor": cursor}


@blp.route("/<uuid:missed_id>")
class OneMissedStandard(Resource):
    @roles("admin", "scheduler")
    @blp.response(200, MissedStandardOut)
    def get(self, missed_id: UUID) -> Any:
        """Show a standard that was missed"""
        with reading() as session:
            return _out(_found(session.execute(_MISSED.where(MissedStandard.id == missed_id)).first()))

    @roles("admin", "scheduler")
    @blp.arguments(MissedStandardPatch)
    @blp.response(200, MissedStandardOut)
    @blp.alt_response(409, response="CONFLICT")
    def patch(self, given: dict[str, Any], missed_id: UUID) -> Any:
        """Say that the redress was given, or that it was not after all

        Refused where the council's rule owes nothing, or the standard turned out to be kept.
        """
        one = _MISSED.where(MissedStandard.id == missed_id).with_for_update(of=MissedStandard)
        with transaction() as session:
            row = _found(session.execute(one).first())
            missed = row[0]
            if "note" in given:
                missed.note = given["note"]
            if "status" in given:
                if missed.status not in (RedressStatus.DUE, RedressStatus.SETTLED):
                    raise VisitState(f"No redress is due for this: it is {missed.status.value}.")
                missed.settle(given["status"] is Answer.SETTLED, by=who().user_id, at=clock.now())
            session.flush()
            return _out(row)


def _found(row: Row[MissedStandard, str, UUID] | None) -> Row[MissedStandard, str, UUID]:
    if row is None:
        raise Unknown("No missed standard has this id.")
    return row


def _out(row: Row[MissedStandard, str, UUID]) -> dict[str, Any]:
    missed, *of_visit = row
    return {name: getattr(missed, name) for name in _SHOWN} | dict(zip(_OF_VISIT, of_visit, strict=True))
