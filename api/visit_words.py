"""The visit words for those who may know them: the officer near the time, and a resident who wants a letter."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, current_app
from marshmallow import fields

from api.auth import refuse_unless_theirs, roles, who
from api.blueprint import Blueprint, Resource, answer
from api.pages import page
from api.visit_page import times
from models import clock
from models.database import transaction
from models.errors import VisitState
from models.officer import Officer
from models.visit import BEFORE_THE_DOOR
from models.visit_event import EventKind
from models.visit_link import VisitLinks
from models.visit_rows import find
from models.visit_words import record_look, refuse_words_unless_near, visit_words

blp = Blueprint("visit words", __name__, url_prefix="/v1/visits", description="Two words to say at the door")


class WordsOut(ma.Schema):
    """The two words, in the order in which they are said."""

    words = fields.List(fields.String(), required=True)


def _words(visit_id: UUID) -> tuple[str, str]:
    return visit_words(current_app.extensions["visit_words"], visit_id)


@blp.route("/<uuid:visit_id>/words")
class VisitWords(Resource):
    @roles("officer")
    @blp.response(200, WordsOut)
    @blp.alt_response(409, response="CONFLICT")
    def get(self, visit_id: UUID) -> Response:
        """The words to say first at this visit's door

        From two hours before the visit until its end; each look is written into the visit's history.
        """
        at = clock.now()
        with transaction() as session:
            visit = find(session, visit_id)
            refuse_unless_theirs(visit)
            session.get_one(Officer, who().officer_id).refuse_badge_unless_working(at)
            refuse_words_unless_near(visit, at)
            record_look(session, visit, EventKind.WORDS_SEEN, by=who().user_id, at=at)
        return answer({"words": list(_words(visit.id))})


@blp.route("/<uuid:visit_id>/letter.html")
class VisitLetter(Resource):
    @roles("scheduler")
    @blp.response(200, {"type": "string"}, content_type="text/html")
    @blp.alt_response(409, response="CONFLICT")
    def get(self, visit_id: UUID) -> Response:
        """A letter with the visit's time, words and link, to print for a resident who wants one

        Each letter made is written into the visit's history.
        """
        at = clock.now()
        with transaction() as session:
            visit = find(session, visit_id)
            if visit.status not in BEFORE_THE_DOOR or visit.starts_at <= at:
                raise VisitState("Letters are made for visits that are still to come.")
            record_look(session, visit, EventKind.LETTER_MADE, by=who().user_id, at=at)
        links: VisitLinks = current_app.extensions["visit_links"]
        said: dict[str, Any] = times(visit, at)
        return page(
            "letter.html",
            resident=visit.resident,
            reference=visit.reference,
            link=links.url(visit.reference),
            visit_words=_words(visit.id),
            **said,
        )
