"""Badges for admins: issue another, revoke one."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import select

from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, Text
from api.officers import find as find_officer
from id_badges.tokens import badge_id_of
from models import badge, bundle, clock
from models.badge import Badge, BadgeKind
from models.database import reading, transaction
from models.errors import Unknown

blp = Blueprint("badges", __name__, description="Badges, for admins")


class RevocationIn(ma.Schema):
    """Why a badge must not be believed any more."""

    reason = Text(required=True, longest=500)


class BadgeOut(ma.Schema):
    """A badge."""

    id = fields.UUID(required=True)
    officer_id = fields.UUID(required=True)
    kind = fields.Enum(BadgeKind, by_value=fields.String, required=True)
    issued_at = Instant(required=True)
    expires_at = Instant(required=True, allow_none=True)
    revoked_at = Instant(required=True, allow_none=True)
    revoked_reason = fields.String(required=True, allow_none=True)


class BadgesOut(ma.Schema):
    """An officer's badges, newest first."""

    items = fields.List(fields.Nested(BadgeOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/v1/officers/<uuid:officer_id>/badges")
class OfficerBadges(Resource):
    @roles("admin")
    @blp.response(201, BadgeOut)
    def post(self, officer_id: UUID) -> Badge:
        """Issue a new phone badge; the officer's old one is revoked"""
        with transaction() as session:
            officer = find_officer(session, officer_id)
            return badge.issue_phone_badge(session, officer, by=who().user_id, at=clock.now())

    @roles("admin")
    @blp.response(200, BadgesOut)
    def get(self, officer_id: UUID) -> dict[str, Any]:
        """List an officer's newest badges"""
        with reading() as session:
            find_officer(session, officer_id)
            found = session.scalars(
                select(Badge)
                .where(Badge.officer_id == officer_id)
                .order_by(Badge.issued_at.desc(), Badge.id.desc())
                .limit(200)
            ).all()
        return {"items": found, "next_cursor": None}


@blp.route("/v1/badges/<badge_id>/revocation")
class Revocation(Resource):
    @roles("admin")
    @blp.arguments(RevocationIn)
    @blp.response(201, BadgeOut)
    def post(self, given: dict[str, Any], badge_id: str) -> Badge:
        """Revoke a badge, at once

        The id is a badge's id, or the `jti` of its tokens.
        """
        wanted = badge_id_of(badge_id)
        if wanted is None:
            raise Unknown("No badge has this id.")
        with transaction() as session:
            found = bundle.find_badge(session, wanted)
            found.revoke(by=who().user_id, reason=given["reason"], at=clock.now())
            return found
