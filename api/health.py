"""Is it alive, and is it ready."""

import marshmallow as ma
from flask import Response
from marshmallow import fields
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.auth import anyone
from api.blueprint import Blueprint, Resource, answer
from api.errors import problem
from models.database import reading

blp = Blueprint("health", __name__, description="For load balancers")


class HealthOut(ma.Schema):
    """All is well."""

    status = fields.String(required=True)


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
    @blp.response(200, HealthOut)
    def get(self) -> Response:
        """The database answers: requests can be served"""
        try:
            with reading() as session:
                session.execute(text("SELECT 1 FROM alembic_version"))
        except DBAPIError:
            return problem(503, "The database does not answer, or `alembic upgrade head` was not run.")
        return answer({"status": "ok"})
