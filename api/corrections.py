"""What a scheduler corrects of a visit: what was reported stays beside it."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import ValidationError, fields, validates_schema

from api import current
from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer, check_version, versioned
from api.fields import Instant, Text
from api.visits import VisitOut, visit_out
from models import clock
from models.correction import CorrectedTo, correct
from models.database import transaction
from models.dispute import can_be_disputed
from models.missed_standard import judge_again
from models.visit import VisitStatus
from models.visit_rows import find_locked
from notifications.afterwards import stop_afterwards
from notifications.missed import take_back_missed, tell_missed_after_all
from notifications.missed_you import tell_no_access
from notifications.outbox import stop_late_texts

blp = Blueprint("corrections", __name__, url_prefix="/v1/visits", description="Corrections")


class CorrectionIn(ma.Schema):
    """What was otherwise than reported, and how that is known. What is not given stays."""

    arrived_at = Instant()
    finished_at = Instant()
    outcome = fields.Enum(CorrectedTo, by_value=fields.String)
    reason = Text(required=True, longest=500)

    @validates_schema
    def something(self, data: dict[str, Any], **_: Any) -> None:
        if not data.keys() - {"reason"}:
            raise ValidationError("Give the time or the outcome that is to be another.", "arrived_at")


class CorrectedOut(VisitOut):
    """The visit as it counts now."""

    reported_arrived_at = Instant(
        required=True, allow_none=True, metadata={"description": "As it was reported; this stays"}
    )
    reported_status = fields.String(required=True, metadata={"description": "As it was reported"})


@blp.route("/<uuid:visit_id>/corrections")
class Corrections(Resource):
    @roles("scheduler")
    @versioned
    @blp.arguments(CorrectionIn)
    @blp.response(201, CorrectedOut, headers={"ETag": {"schema": {"type": "string"}}})
    @blp.alt_response(409, response="CONFLICT")
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Correct when the officer came, when they were done or how the visit ended

        With `missed` nobody came, whatever was reported. Its resident is told as of any missed visit, and with
        `no_access` as of any door that nobody opened, unless they know.
        The report stays in the history, and so does each correction with its reason. The figures count the
        corrected time against the latest fair promise and what was reported against the first, and say how many
        were corrected.
        """
        at = clock.now()
        with transaction() as session:
            visit = find_locked(session, visit_id)
            check_version(visit.version)
            was = visit.status
            correct(session, visit, **given, by=who().user_id, at=at)
            stop_late_texts(session, visit, at=at)
            if visit.status is not was:
                stop_afterwards(session, visit, at=at)
            if was is VisitStatus.MISSED:
                # Whatever is corrected of a missed visit says that somebody came.
                take_back_missed(session, visit, at=at)
            if visit.status is VisitStatus.MISSED:
                tell_missed_after_all(session, visit, at=at)
            if visit.status is not was and can_be_disputed(visit, at):
                tell_no_access(session, visit, at=at)
            judge_again(session, visit, current.settings().redress, at)
        reported = {
            "reported_arrived_at": visit.reported_arrived_at,
            "reported_status": visit.reported_status,
        }
        return answer(visit_out(visit) | reported, 201, version=visit.version)
