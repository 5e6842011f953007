"""Signing in, refreshing and signing out."""

import marshmallow as ma
from flask import Response, current_app, request
from marshmallow import fields, validate

from api.auth import anyone, roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Text
from models import clock, user
from models.database import transaction
from models.errors import SignInRefused

blp = Blueprint("sign-in", __name__, url_prefix="/v1/tokens", description="Signing in and out")


class SignInIn(ma.Schema):
    """A username and its password."""

    username = Text(required=True, longest=80)
    password = fields.String(required=True, validate=validate.Length(min=1, max=200))


class RefreshIn(ma.Schema):
    """The refresh token of the last answer."""

    refresh_token = fields.String(required=True, validate=validate.Length(min=20, max=200))


class TokensOut(ma.Schema):
    """A pair of tokens."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True, validate=validate.OneOf(["Bearer"]))
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds the access token lives"})


def _pair(sign_in: user.SignIn, refresh_token: str) -> Response:
    access_token = current_app.extensions["access_tokens"].issue(sign_in, clock.now())
    return answer(
        {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": int(user.ACCESS_LIFE.total_seconds()),
        },
        201,
    )


@blp.route("")
class Tokens(Resource):
    repeatable = False

    @anyone
    @blp.arguments(SignInIn)
    @blp.response(201, TokensOut)
    def post(self, given: dict[str, str]) -> Response:
        """Sign in

        Five wrong passwords for an account from one address in 15 minutes: 429 with Retry-After.
        """
        at, address = clock.now(), request.remote_addr or ""
        found = user.with_right_password(given["username"], given["password"], address=address, at=at)
        with transaction() as session:
            return _pair(*user.sign_in(session, found, at))

    @roles("admin", "scheduler", "officer")
    @blp.response(204)
    def delete(self) -> None:
        """Sign out: every token of this sign-in ends at once"""
        with transaction() as session:
            user.end_sign_in(session, who().sign_in_id, clock.now())


@blp.route("/refresh")
class Refresh(Resource):
    repeatable = False

    @anyone
    @blp.arguments(RefreshIn)
    @blp.response(201, TokensOut)
    def post(self, given: dict[str, str]) -> Response:
        """Exchange a refresh token for a new pair

        Each refresh token works once. A second use ends the whole sign-in: two people hold it.
        """
        with transaction() as session:
            rotated = user.rotate(session, given["refresh_token"], clock.now())
        if rotated is None:
            raise SignInRefused(
                "This refresh token was used before. For safety you are signed out: sign in again."
            )
        return _pair(*rotated)
