"""Badge checks by telephone: for people without a smartphone, who read the badge's code to the contact centre."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import marshmallow as ma
from flask import Response, request
from marshmallow import fields
from sqlalchemy.orm import Session

from api import current
from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.door import check_short_code
from api.fields import Instant, Postcode, Text
from api.scans import noted
from id_badges import short_code
from id_badges.read_out import words
from id_badges.verdict import Look, ShownOfficer, State, Verdict
from models import clock, due
from models.badge import find_by_handle
from models.badge_check import BadgeCheck
from models.database import transaction
from models.errors import Unprocessable
from models.house import LONGEST_HOUSE
from models.officer import Employment
from models.reference import read_visit_reference
from models.scan import ScanKind

blp = Blueprint("badge-checks", __name__, url_prefix="/v1/badge-checks", description="Badge checks by telephone")


class BadgeCheckIn(ma.Schema):
    """What the caller reads out: the badge's code, and where they live or which visit they expect."""

    short_code = Text(longest=40, required=True)
    visit_reference = Text(longest=40)
    postcode = Postcode()
    house = Text(longest=LONGEST_HOUSE, metadata={"description": "The house number or name; the flat as well"})


class CheckedOfficerOut(ma.Schema):
    """Whose badge it is."""

    display_name = fields.String(required=True)
    job_title = fields.String(required=True)
    employment = fields.Enum(Employment, by_value=fields.String, required=True)
    company = fields.String(required=True, allow_none=True)


class BadgeCheckOut(ma.Schema):
    """The answer, and the words to read out. `due` is null if it was not asked or makes no difference."""

    id = fields.UUID(required=True)
    state = fields.Enum(State, by_value=fields.String, required=True)
    look = fields.Enum(Look, by_value=fields.String, required=True)
    officer = fields.Nested(CheckedOfficerOut, required=True, allow_none=True)
    due = fields.Boolean(required=True, allow_none=True)
    words = fields.List(fields.String(), required=True, metadata={"description": "To read out, in this order"})
    checked_at = Instant(required=True)


@blp.route("")
class BadgeChecks(Resource):
    @roles("scheduler")
    @blp.arguments(BadgeCheckIn)
    @blp.response(201, BadgeCheckOut)
    def post(self, given: dict[str, Any]) -> Response:
        """Check the badge of somebody at a caller's door, and whether they are due there

        Give visit_reference or postcode, each with house; without either, only the badge is checked. Every check
        is recorded with who asked.
        """
        code = short_code.parse(given["short_code"])
        if code is None:
            raise Unprocessable("short_code", "This is not a badge's code. Ask the caller to read it again.")
        _refuse_half_an_address(given)
        at = clock.now()
        verdict = noted(current.app(), check_short_code(code, at), ScanKind.TELEPHONE, request.environ)
        with transaction() as session:
            named = find_by_handle(session, code.handle, at)
            is_due = _is_due(session, verdict, given, at)
            check_id = _record(session, verdict, named.badge_id if named else None, is_due)
        council_name = current.settings().council_name
        body = {
            "id": check_id,
            "state": verdict.state,
            "look": verdict.look,
            "officer": _shown(verdict.officer) if verdict.officer else None,
            "due": is_due,
            "words": words(verdict, is_due=is_due, council_name=council_name),
            "checked_at": at,
        }
        return answer(body, 201)


def _shown(officer: ShownOfficer) -> dict[str, Any]:
    return {name: getattr(officer, name) for name in CheckedOfficerOut().fields}


def _refuse_half_an_address(given: dict[str, Any]) -> None:
    """A visit's reference alone proves nothing: whoever stands at the door may have read it out themselves."""
    if ("postcode" in given or "visit_reference" in given) and "house" not in given:
        raise Unprocessable("house", "Ask for the house number or name too.")
    if "house" in given and not ("postcode" in given or "visit_reference" in given):
        raise Unprocessable("postcode", "Ask for the postcode or the visit's reference too.")
    if "visit_reference" in given and read_visit_reference(given["visit_reference"]) is None:
        raise Unprocessable("visit_reference", "This is no visit's reference. Ask the caller to read it again.")


def _is_due(session: Session, verdict: Verdict, given: dict[str, Any], at: datetime) -> bool | None:
    """Whether all that the caller gave says so; None if they gave no address, or should open to nobody anyway."""
    if verdict.state is not State.GENUINE or verdict.record is None or "house" not in given:
        return None
    officer_id, house = verdict.record.officer_id, given["house"]
    answers = []
    if "visit_reference" in given:
        reference = given["visit_reference"]
        answers.append(due.is_due_for(session, officer_id, reference=reference, house=house, at=at))
    if "postcode" in given:
        answers.append(due.is_due_at(session, officer_id, postcode=given["postcode"], house=house, at=at))
    return all(answers)


def _record(session: Session, verdict: Verdict, badge_id: UUID | None, is_due: bool | None) -> UUID:
    check = BadgeCheck(
        id=uuid4(),
        badge_id=badge_id,
        state=verdict.state.value,
        due=is_due,
        checked_at=verdict.checked_at,
        checked_by_id=who().user_id,
    )
    session.add(check)
    return check.id
