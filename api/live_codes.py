"""The officer's side of live codes: what residents have just asked this officer to say."""

import hashlib
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from marshmallow import fields

from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant
from models import clock, live_code
from models.database import reading, transaction
from models.live_code import LiveCode

blp = Blueprint("live-codes", __name__, url_prefix="/v1/me/live-codes", description="Codes residents asked for")


class LiveCodeOut(ma.Schema):
    """Four digits that a resident sees now: read them out at the door, and only there."""

    id = fields.UUID(required=True)
    badge_id = fields.UUID(required=True)
    code = fields.String(required=True)
    asked_at = Instant(required=True)
    expires_at = Instant(required=True)
    not_mine_at = Instant(required=True, allow_none=True)


class LiveCodesOut(ma.Schema):
    """The codes of the last two minutes, newest first."""

    items = fields.List(fields.Nested(LiveCodeOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("")
class MyLiveCodes(Resource):
    @roles("officer")
    @blp.response(200, LiveCodesOut)
    @blp.alt_response(304, description="Not changed", success=True)
    def get(self) -> Response:
        """List the codes residents asked me for in the last two minutes

        Ask every few seconds while the badge is shown, with If-None-Match: the answer is mostly 304.
        """
        with reading() as session:
            codes = live_code.asked_of(session, _my_id(), clock.now())
        made = answer({"items": [_shown(code) for code in codes], "next_cursor": None})
        made.set_etag(hashlib.sha256(made.get_data()).hexdigest()[:32])
        made.make_conditional(request)
        return made


@blp.route("/<uuid:code_id>/not-mine")
class NotMine(Resource):
    @roles("officer")
    @blp.response(201, LiveCodeOut)
    def post(self, code_id: UUID) -> Response:
        """Say that I am at no door where this code was asked for

        Somebody shows a copy of the badge. The resident's page says so in red.
        """
        with transaction() as session:
            code = live_code.say_not_mine(session, code_id, _my_id(), clock.now())
            return answer(_shown(code), 201)


def _my_id() -> UUID:
    """The officer who asks."""
    officer_id = who().officer_id
    assert officer_id is not None  # noqa: S101 - an officer's account names its officer
    return officer_id


def _shown(code: LiveCode) -> dict[str, Any]:
    return {name: getattr(code, name) for name in LiveCodeOut().fields}
