"""What other systems need to check badges and cards without asking us each time: the keys, and the status list."""

import marshmallow as ma
from flask import Response, request
from marshmallow import fields

from api import current
from api.auth import anyone
from api.blueprint import Blueprint, Resource, answer
from id_badges import status_list
from models import clock
from models.badge import card_statuses
from models.database import looking

blp = Blueprint("well_known", __name__, url_prefix="/.well-known", description="For checks without a connection")

KEYS_FOR_S = 300
"""How long a reader may keep the keys: one that was compromised is then forgotten everywhere."""

_HEADERS = {"ETag": {"schema": {"type": "string"}}}


class JwkSetOut(ma.Schema):
    """A JWK set (RFC 7517). Beside the usual members a key says what it may sign, and when."""

    keys = fields.List(fields.Dict(), required=True)


@blp.route("/jwks.json")
class Jwks(Resource):
    @anyone
    @blp.response(200, JwkSetOut, headers=_HEADERS)
    @blp.alt_response(304, description="Not changed", success=True)
    def get(self) -> Response:
        """The public keys that badges are signed with"""
        return _kept(answer(current.keyring().jwks(clock.now())), KEYS_FOR_S)


@blp.route("/badge-status")
class BadgeStatus(Resource):
    @anyone
    @blp.response(200, {"type": "string"}, content_type=f"application/{status_list.TYPE}", headers=_HEADERS)
    @blp.alt_response(304, description="Not changed", success=True)
    def get(self) -> Response:
        """Which printed cards we no longer stand by, as a signed Token Status List

        A card's `idx` is its place in the list. 0: valid. 1: ended. 2: suspended.
        """
        settings = current.settings()
        at = clock.now()
        statuses = card_statuses(looking(), at)
        uri = settings.public_base_url + request.path
        token = status_list.sign(statuses, keyring=current.keyring(), issuer=settings.badge_issuer, uri=uri, at=at)
        # A list kept for longer than until the next is made would hide a revocation for that long.
        return _kept(Response(token, content_type=f"application/{status_list.TYPE}"), status_list.MADE_EVERY)


def _kept(response: Response, seconds: int) -> Response:
    """The answer, for whoever keeps it: 304 if theirs is still the same."""
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    response.add_etag()
    response.make_conditional(request)
    return response
