"""Feedback: what residents say of their visits, what was done about it, and what the public may read."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import current
from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, ListIn, Text
from api.paging import after, page
from models import clock
from models.database import reading, transaction
from models.errors import Unknown
from models.feedback import LONGEST_DONE, LONGEST_PUBLISHED, Feedback
from models.visit_rows import find_locked
from notifications.feedback import tell_what_we_did
from notifications.texts import Council

blp = Blueprint("feedback", __name__, url_prefix="/v1/feedback", description="What residents say of their visits")


class FeedbackIn(ListIn):
    """Which feedback."""

    answered = fields.Boolean()


class DoneIn(ma.Schema):
    """What was done, as the resident is told: short enough for a text, and no name in it."""

    done = Text(required=True, longest=LONGEST_DONE)


class PublicationIn(ma.Schema):
    """What the public may read. Write it so that nobody can be known by it."""

    you_said = Text(required=True, longest=LONGEST_PUBLISHED)
    we_did = Text(required=True, longest=LONGEST_PUBLISHED)


class FeedbackOut(ma.Schema):
    """What one resident said of one visit."""

    id = fields.UUID(required=True)
    visit_id = fields.UUID(required=True)
    resident_id = fields.UUID(required=True)
    words = fields.String(required=True, allow_none=True, metadata={"description": "The resident's own"})
    said_at = Instant(required=True)
    done = fields.String(required=True, allow_none=True)
    done_at = Instant(required=True, allow_none=True)
    done_by_id = fields.UUID(required=True, allow_none=True)
    message_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The text that tells them; null if none may go"}
    )
    you_said = fields.String(required=True, allow_none=True)
    we_did = fields.String(required=True, allow_none=True)
    published_at = Instant(required=True, allow_none=True)
    published_by_id = fields.UUID(required=True, allow_none=True)


class FeedbacksOut(ma.Schema):
    """A page of feedback."""

    items = fields.List(fields.Nested(FeedbackOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("")
class AllFeedback(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(FeedbackIn, location="query")
    @blp.response(200, FeedbacksOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List what residents said, the oldest first; answered=false for what nothing was done about yet"""
        query = select(Feedback)
        if "answered" in given:
            answered = Feedback.done_at.is_not(None)
            query = query.where(answered if given["answered"] else ~answered)
        query = after(query, (Feedback.said_at, Feedback.id), (datetime, UUID), given.get("cursor"))
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("said_at", "id"))
        return {"items": items, "next_cursor": cursor}


@blp.route("/<uuid:feedback_id>")
class OneFeedback(Resource):
    @roles("scheduler", "admin")
    @blp.response(200, FeedbackOut)
    def get(self, feedback_id: UUID) -> Feedback:
        """Show what a resident said"""
        with reading() as session:
            return _find(session, feedback_id)


@blp.route("/<uuid:feedback_id>/answer")
class Answer(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(DoneIn)
    @blp.response(201, FeedbackOut)
    @blp.alt_response(409, response="CONFLICT")
    def post(self, given: dict[str, Any], feedback_id: UUID) -> Feedback:
        """Say what was done about it; the resident is told by a text, once, if they may be texted"""
        settings, at = current.settings(), clock.now()
        with transaction() as session:
            visit = find_locked(session, _find(session, feedback_id).visit_id)
            feedback = session.get_one(Feedback, feedback_id, populate_existing=True)
            feedback.say_what_was_done(given["done"], by=who().user_id, at=at)
            council = Council(settings.council_name, settings.council_phone)
            tell_what_we_did(session, feedback, visit, council, at=at)
            return feedback


@blp.route("/<uuid:feedback_id>/publication")
class Publication(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(PublicationIn)
    @blp.response(200, FeedbackOut)
    def put(self, given: dict[str, Any], feedback_id: UUID) -> Feedback:
        """Let the public read it, in your words for both sides

        The resident's own are never published.
        """
        with transaction() as session:
            feedback = _find(session, feedback_id)
            feedback.publish(**given, by=who().user_id, at=clock.now())
            return feedback

    @roles("scheduler", "admin")
    @blp.response(204)
    def delete(self, feedback_id: UUID) -> None:
        """Take it back from the public"""
        with transaction() as session:
            _find(session, feedback_id).withdraw()


def _find(session: Session, feedback_id: UUID) -> Feedback:
    found = session.get(Feedback, feedback_id)
    if found is None:
        raise Unknown("No feedback has this id.")
    return found
