"""Is it alive, and is it ready."""

from datetime import timedelta

import marshmallow as ma
from flask import Response, current_app
from marshmallow import fields
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.auth import anyone
from api.blueprint import Blueprint, Resource, answer
from api.errors import problem
from id_badges.keys import KeysUnusable, Purpose
from models import clock
from models.database import reading

blp = Blueprint("health", __name__, description="For load balancers")


KEYS_NEEDED_FOR = timedelta(days=30)
"""Long enough to make the next keys before the last may sign no more."""


class HealthOut(ma.Schema):
    """All is well."""

    status = fields.String(required=True)


class ReadyOut(HealthOut):
    """Requests can be served; `warnings` say what will stop that soon."""

    warnings = fields.List(fields.String(), required=True)


@blp.route("/healthz")
class Health(Resource):
    @anyone
    @blp.response(200, HealthOut)
    def get(self) -> Response:
        """The process answers"""
        return answer({"status": "ok"})


@blp.route("/readyz")
class Ready(Resource):
    @anyone
    @blp.response(200, ReadyOut)
    def get(self) -> Response:
        """The database answers: requests can be served"""
        try:
            with reading() as session:
                session.execute(text("SELECT 1 FROM alembic_version"))
        except DBAPIError:
            return problem(503, "The database does not answer, or `alembic upgrade head` was not run.")
        warnings = []
        try:
            current_app.extensions["keyring"].signing_key(Purpose.PHONE, clock.now() + KEYS_NEEDED_FOR)
        except KeysUnusable:
            warnings.append("No key may sign badges in 30 days' time: make the next one.")
        return answer({"status": "ok", "warnings": warnings})
