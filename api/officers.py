"""Officers: who comes to the door, with their photo, suspension and return."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webargs.flaskparser import abort

from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Areas, Instant, ListIn, Phone, Skills, Text, YesNo
from api.paging import after, page
from models import clock
from models.database import reading, transaction
from models.errors import AlreadyTaken, Unknown
from models.officer import Employment, Officer, send_photo
from models.photo import re_encode

blp = Blueprint("officers", __name__, url_prefix="/v1/officers", description="Officers and their photos")

LARGEST_PHOTO = 5 * 1024 * 1024


class OfficerIn(ma.Schema):
    """A new officer. A contractor needs `company` and `contract_ends_on` (the last day, London)."""

    staff_number = Text(required=True, longest=40)
    display_name = Text(required=True, longest=80)
    job_title = Text(required=True, longest=80)
    employment = fields.Enum(Employment, by_value=fields.String, required=True)
    company = Text(longest=80, allow_none=True)
    contract_ends_on = fields.Date(allow_none=True)
    phone = Phone(allow_none=True)
    team = Text(longest=60, allow_none=True, metadata={"description": "What the figures are parted by"})
    skills = Skills()
    areas = Areas()


class OfficerPatch(ma.Schema):
    """What to change of an officer."""

    display_name = Text(longest=80)
    job_title = Text(longest=80)
    employment = fields.Enum(Employment, by_value=fields.String)
    company = Text(longest=80, allow_none=True)
    contract_ends_on = fields.Date(allow_none=True)
    phone = Phone(allow_none=True)
    team = Text(longest=60, allow_none=True, metadata={"description": "What the figures are parted by"})
    skills = Skills()
    areas = Areas()
    active = YesNo()


class OfficerOut(ma.Schema):
    """An officer."""

    id = fields.UUID(required=True)
    staff_number = fields.String(required=True)
    display_name = fields.String(required=True)
    job_title = fields.String(required=True)
    employment = fields.Enum(Employment, by_value=fields.String, required=True)
    company = fields.String(allow_none=True, required=True)
    contract_ends_on = fields.Date(allow_none=True, required=True)
    phone = fields.String(allow_none=True, required=True)
    team = fields.String(allow_none=True, required=True)
    skills = fields.List(fields.String(), required=True)
    areas = fields.List(fields.String(), required=True, metadata={"description": "None: everywhere"})
    active = fields.Boolean(required=True)
    suspended_at = Instant(allow_none=True, required=True)
    has_photo = fields.Function(
        lambda officer: officer.photo_id is not None,
        required=True,
        metadata={"type": "boolean", "description": "An approved one"},
    )
    created_at = Instant(required=True)


class OfficersOut(ma.Schema):
    """A page of officers."""

    items = fields.List(fields.Nested(OfficerOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class SuspensionIn(ma.Schema):
    """Why an officer may not visit for now."""

    reason = Text(required=True, longest=500)


@blp.route("")
class Officers(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(OfficerIn)
    @blp.response(201, OfficerOut)
    def post(self, given: dict[str, Any]) -> Response:
        """Add an officer"""
        new = Officer(**{"skills": [], "areas": [], **given}, created_at=clock.now(), active=True)
        new.settle_contract()
        with transaction() as session:
            session.add(new)
            try:
                session.flush()
            except IntegrityError:
                raise AlreadyTaken("Another officer has this staff number.") from None
        return answer(OfficerOut().dump(new), 201, location=f"/v1/officers/{new.id}")

    @roles("admin", "scheduler")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, OfficersOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List the officers, by staff number"""
        query = after(select(Officer), (Officer.staff_number, Officer.id), (str, UUID), given.get("cursor"))
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("staff_number", "id"))
        return {"items": items, "next_cursor": cursor}


@blp.route("/<uuid:officer_id>")
class OneOfficer(Resource):
    @roles("admin", "scheduler")
    @blp.response(200, OfficerOut)
    def get(self, officer_id: UUID) -> Officer:
        """Show an officer"""
        with reading() as session:
            return find(session, officer_id)

    @roles("admin", "scheduler")
    @blp.arguments(OfficerPatch)
    @blp.response(200, OfficerOut)
    def patch(self, given: dict[str, Any], officer_id: UUID) -> Officer:
        """Change an officer"""
        with transaction() as session:
            officer = find(session, officer_id)
            for name, value in given.items():
                setattr(officer, name, value)
            officer.settle_contract()
            return officer


@blp.route("/<uuid:officer_id>/photo")
class Photo(Resource):
    @roles("admin", "scheduler")
    @blp.response(204)
    @blp.doc(
        requestBody={
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")
            },
        }
    )
    def put(self, officer_id: UUID) -> None:
        """Send a photo of an officer: JPEG or PNG, up to 5 MB

        It is re-encoded to 320 pixels wide; nothing else of the file is kept. An officer's first photo is shown at
        once. With a new one, residents see the photo of before until an admin other than you approves it at
        /v1/photos. One that waited already is replaced.
        """
        if request.mimetype not in ("image/jpeg", "image/png"):
            abort(415, message="Send the photo itself, as Content-Type: image/jpeg or image/png.")
        request.max_content_length = LARGEST_PHOTO
        jpeg = re_encode(request.get_data(cache=False))
        with transaction() as session:
            officer = find(session, officer_id)
            send_photo(session, officer, jpeg, by=who().user_id, at=clock.now())


@blp.route("/<uuid:officer_id>/suspension")
class Suspension(Resource):
    @roles("admin")
    @blp.arguments(SuspensionIn)
    @blp.response(201, OfficerOut)
    def post(self, given: dict[str, Any], officer_id: UUID) -> Officer:
        """Suspend an officer: every badge of theirs stops being genuine at once"""
        with transaction() as session:
            officer = find(session, officer_id)
            officer.suspended_at = officer.suspended_at or clock.now()
            officer.suspended_reason = given["reason"]
            return officer

    @roles("admin")
    @blp.response(204)
    def delete(self, officer_id: UUID) -> None:
        """Lift a suspension"""
        with transaction() as session:
            officer = find(session, officer_id)
            officer.suspended_at = officer.suspended_reason = None


def find(session: Session, officer_id: UUID) -> Officer:
    """The officer. Raises Unknown."""
    found = session.get(Officer, officer_id)
    if found is None:
        raise Unknown("No officer has this id.")
    return found
