"""Changes of several visits that are made together, as when their officer has fallen ill."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from api.assignments import AssignmentOut, assignment_out
from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, Text, Whole
from api.overrides import Overrides
from api.visit_changes import CancellationOut, MoveOut, cancellation_out, move_out, wanted_officers
from models import clock
from models.database import transaction
from models.visit import Visit
from models.visit_event import RequestedBy
from notifications import changes, together
from notifications.together import Change

blp = Blueprint("together", __name__, url_prefix="/v1/visits", description="Changing several visits together")

MOST_CHANGES = 100


class ChangeKind(StrEnum):
    """What a change does to its visit."""

    MOVE = "move"
    ASSIGNMENT = "assignment"
    UNASSIGN = "unassign"
    CANCELLATION = "cancellation"


_TAKES = {
    ChangeKind.MOVE: ({"starts_at", "requested_by"}, {"officer_id", "second_officer_id", "overrides"}),
    ChangeKind.ASSIGNMENT: ({"officer_id"}, {"second_officer_id", "overrides"}),
    ChangeKind.UNASSIGN: (set(), set()),
    ChangeKind.CANCELLATION: ({"requested_by"}, set()),
}
"""What each kind needs, and what else it takes."""
_OF_EVERY_KIND = {"visit_id", "version", "kind", "reason"}


class ChangeIn(ma.Schema):
    """One change: the fields are those of the call of its kind. `unassign` puts a visit back in the queue."""

    visit_id = fields.UUID(required=True)
    version = Whole(required=True, least=1, most=2**31 - 1)
    kind = fields.Enum(ChangeKind, by_value=fields.String, required=True)
    starts_at = Instant()
    officer_id = fields.UUID(allow_none=True)
    second_officer_id = fields.UUID(allow_none=True)
    requested_by = fields.Enum(RequestedBy, by_value=fields.String)
    reason = Text(longest=500)
    overrides = Overrides()

    @validates_schema
    def fits_its_kind(self, data: dict[str, Any], **_: Any) -> None:
        needs, takes = _TAKES[data["kind"]]
        given = {name for name, value in data.items() if name != "overrides" or value}
        wrong = {name: ["Missing data for required field."] for name in needs - given}
        wrong |= {
            name: [f"A change of kind {data['kind'].value} does not take this."]
            for name in given - needs - takes - _OF_EVERY_KIND
        }
        if data["kind"] is ChangeKind.ASSIGNMENT and data.get("officer_id", self) is None:
            wrong["officer_id"] = ["Name an officer, or unassign the visit."]
        if wrong:
            raise ValidationError(wrong)


class ChangesTogetherIn(ma.Schema):
    """At most 100 changes, each of another visit. `reason` is that of every change that gives none."""

    changes = fields.List(
        fields.Nested(ChangeIn), required=True, validate=validate.Length(min=1, max=MOST_CHANGES)
    )
    reason = Text(longest=500)

    @validates_schema
    def each_once_and_with_a_reason(self, data: dict[str, Any], **_: Any) -> None:
        seen: set[UUID] = set()
        wrong: dict[int, dict[str, list[str]]] = {}
        for place, change in enumerate(data["changes"]):
            if change["visit_id"] in seen:
                wrong[place] = {"visit_id": ["Change each visit once."]}
            elif "reason" not in change and "reason" not in data:
                wrong[place] = {"reason": ["Say why, here or for all changes."]}
            seen.add(change["visit_id"])
        if wrong:
            raise ValidationError({"changes": wrong})


class ChangeMadeOut(ma.Schema):
    """One change that was made: what the call of its kind would have answered, under that kind's name."""

    visit_id = fields.UUID(required=True)
    kind = fields.Enum(ChangeKind, by_value=fields.String, required=True)
    version = fields.Integer(required=True, metadata={"description": "The visit's version now"})
    move = fields.Nested(MoveOut)
    assignment = fields.Nested(AssignmentOut, metadata={"description": "Also of a visit that was unassigned"})
    cancellation = fields.Nested(CancellationOut)


class ChangesMadeOut(ma.Schema):
    """All changes, in the order in which they were sent."""

    changes = fields.List(fields.Nested(ChangeMadeOut), required=True)


@blp.route("/changes")
class ChangesTogether(Resource):
    @roles("scheduler")
    @blp.arguments(ChangesTogetherIn)
    @blp.response(201, ChangesMadeOut)
    @blp.alt_response(409, response="CONFLICT")
    def post(self, given: dict[str, Any]) -> Response:
        """Change several visits together: all of them, or none

        Each is held to the rules of its kind, by the days as all changes leave them: two visits may change places.
        409 `changes-refused` names each change that cannot be made, and why.
        """
        at, by = clock.now(), who().user_id
        wanted = [{"reason": given.get("reason")} | change for change in given["changes"]]
        with transaction() as session:
            made = together.apply(session, [_change(each, by, at) for each in wanted])
        return answer({"changes": made}, 201)


def _change(given: dict[str, Any], by: UUID, at: datetime) -> Change[dict[str, Any]]:
    """The change as it was sent, to be made when it is its turn."""
    kind = given["kind"]

    def make(session: Session, visit: Visit) -> dict[str, Any]:
        said = _MAKE[kind](session, visit, given, by, at)
        return {"visit_id": visit.id, "kind": kind, "version": visit.version} | said

    return Change(
        given["visit_id"],
        given["version"],
        make,
        gives_to=tuple(given[name] for name in ("officer_id", "second_officer_id") if given.get(name)),
    )


def _move(session: Session, visit: Visit, given: dict[str, Any], by: UUID, at: datetime) -> dict[str, Any]:
    moved_from = visit.starts_at
    moved = changes.move(
        session,
        visit,
        starts_at=given["starts_at"],
        **wanted_officers(given, visit),
        reason=given["reason"],
        requested_by=given["requested_by"],
        by=by,
        at=at,
        overrides=given["overrides"],
    )
    return {"move": move_out(visit, moved_from, moved, given)}


def _assign(session: Session, visit: Visit, given: dict[str, Any], by: UUID, at: datetime) -> dict[str, Any]:
    before = visit.officer_id, visit.second_officer_id
    nobody = {"officer_id": None} if given["kind"] is ChangeKind.UNASSIGN else {}
    assigned = changes.assign(
        session,
        visit,
        **wanted_officers(given | nobody, visit),
        reason=given["reason"],
        by=by,
        at=at,
        overrides=given["overrides"],
    )
    return {"assignment": assignment_out(visit, before, assigned, given)}


def _cancel(session: Session, visit: Visit, given: dict[str, Any], by: UUID, at: datetime) -> dict[str, Any]:
    queued = changes.cancel(
        session, visit, reason=given["reason"], requested_by=given["requested_by"], by=by, at=at
    )
    return {"cancellation": cancellation_out(queued, given, at)}


_MAKE: dict[ChangeKind, Callable[..., dict[str, Any]]] = {
    ChangeKind.MOVE: _move,
    ChangeKind.ASSIGNMENT: _assign,
    ChangeKind.UNASSIGN: _assign,
    ChangeKind.CANCELLATION: _cancel,
}
