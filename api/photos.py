"""Photos of officers that wait for a second person: to look at, approve or refuse."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields
from sqlalchemy import select

from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, ListIn, Text
from api.paging import after, page
from models import clock
from models.database import reading, transaction
from models.errors import Unknown
from models.officer import OfficerPhoto, PhotoStatus, find_photo

blp = Blueprint("photos", __name__, url_prefix="/v1/photos", description="Photos, which two people put on a badge")


class PhotosIn(ListIn):
    """Which photos to list."""

    status = fields.Enum(PhotoStatus, by_value=fields.String)
    officer_id = fields.UUID()


class PhotoRefusalIn(ma.Schema):
    """Why the photo is not shown."""

    reason = Text(required=True, longest=500)


class PhotoOut(ma.Schema):
    """A photo that was sent: by whom, and who decided. Nobody decides about an officer's first."""

    id = fields.UUID(required=True)
    officer_id = fields.UUID(required=True)
    status = fields.Enum(PhotoStatus, by_value=fields.String, required=True)
    uploaded_at = Instant(required=True)
    uploaded_by_id = fields.UUID(required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)
    decided_by_id = fields.UUID(required=True, allow_none=True)
    refused_reason = fields.String(required=True, allow_none=True)


class PhotosOut(ma.Schema):
    """A page of photos, newest first."""

    items = fields.List(fields.Nested(PhotoOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("")
class Photos(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(PhotosIn, location="query")
    @blp.response(200, PhotosOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List the photos that were sent, newest first; status=waiting for those to decide about"""
        query = select(OfficerPhoto)
        for name in ("status", "officer_id"):
            if name in given:
                query = query.where(getattr(OfficerPhoto, name) == given[name])
        key = (OfficerPhoto.uploaded_at, OfficerPhoto.id)
        paged = after(query, key, (datetime, UUID), given.get("cursor"), newest_first=True)
        with reading() as session:
            found = session.scalars(paged.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("uploaded_at", "id"))
        return {"items": items, "next_cursor": cursor}


@blp.route("/<uuid:photo_id>")
class OnePhoto(Resource):
    @roles("admin", "scheduler")
    @blp.response(200, PhotoOut)
    def get(self, photo_id: UUID) -> OfficerPhoto:
        """Show what became of a photo"""
        with reading() as session:
            return find_photo(session, photo_id)


@blp.route("/<uuid:photo_id>/photo.jpg")
class PhotoJpeg(Resource):
    @roles("admin", "scheduler")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="image/jpeg")
    def get(self, photo_id: UUID) -> Response:
        """The picture itself, to look at before it is approved; gone once it was refused or replaced"""
        with reading() as session:
            jpeg = find_photo(session, photo_id).jpeg
        if jpeg is None:
            raise Unknown("This photo was refused or replaced, and its picture deleted.")
        return Response(jpeg, content_type="image/jpeg")


@blp.route("/<uuid:photo_id>/approval")
class PhotoApproval(Resource):
    @roles("admin")
    @blp.response(201, PhotoOut)
    @blp.alt_response(409, response="CONFLICT")
    def post(self, photo_id: UUID) -> OfficerPhoto:
        """Approve a photo that another person sent: residents see it from now on"""
        with transaction() as session:
            photo = find_photo(session, photo_id)
            photo.approve(session, by=who().user_id, at=clock.now())
            return photo


@blp.route("/<uuid:photo_id>/refusal")
class PhotoRefusal(Resource):
    @roles("admin")
    @blp.arguments(PhotoRefusalIn)
    @blp.response(201, PhotoOut)
    @blp.alt_response(409, response="CONFLICT")
    def post(self, given: dict[str, Any], photo_id: UUID) -> OfficerPhoto:
        """Refuse a photo, or withdraw it: its picture is deleted"""
        with transaction() as session:
            photo = find_photo(session, photo_id)
            photo.refuse(session, by=who().user_id, reason=given["reason"], at=clock.now())
            return photo
