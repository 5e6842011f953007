"""What a resident tells us on their visit's page. Each form works without JavaScript, and sent twice does once.

There is no cookie, so another site's page has nothing to ride on: whoever posts a form holds the link itself.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, request
from marshmallow import ValidationError

from api.fields import Text
from api.pages import page
from models.contact_task import ContactReason, ask_for_call
from models.database import transaction
from models.dispute import LONGEST_DISPUTE, DisputeStatus, SaidBy, can_be_disputed, say_i_was_in
from models.visit import BEFORE_THE_DOOR, Visit
from models.visit_answer import LONGEST_FEEDBACK, LONGEST_NEEDS, rate, say_needs
from models.visit_rows import find_locked
from models.visit_stage import Stage, stage

LONGEST_REQUEST = 300
OVER = (Stage.FINISHED, Stage.MISSED)


def _confirm(code: str, visit: Visit, at: datetime) -> Response:
    """The time suits them: the same as YES by text. A yes to a time that has changed since is no yes."""
    with transaction() as session:
        visit = find_locked(session, visit.id)
        if visit.status not in BEFORE_THE_DOOR or stage(visit, at) is Stage.MISSED:
            return _said(code, "too_late", 409)
        if request.form.get("starts_at") != visit.starts_at.isoformat():
            return _said(code, "time_changed", 409)
        visit.confirm(session, reply_id=None, at=at)
    return _said(code, "confirmed")


def _change(code: str, visit: Visit, at: datetime) -> Response:
    """Another time, or no visit at all: a person rings them."""
    wish = "cancel" if request.form.get("wish") == "cancel" else "change"
    try:
        words = _typed("words", LONGEST_REQUEST)
    except ValidationError:
        return _said(code, "not_read", 422)
    with transaction() as session:
        visit = find_locked(session, visit.id)
        if visit.status not in BEFORE_THE_DOOR or stage(visit, at) is Stage.MISSED:
            return _said(code, "too_late", 409)
        ask_for_call(
            session,
            visit_id=visit.id,
            resident_id=visit.resident_id,
            reason=ContactReason.REPLIED,
            detail=wish,
            words=words or None,
            reference_at=visit.starts_at,
            at=at,
        )
    return _said(code, "will_ring")


def _needs(code: str, visit: Visit, at: datetime) -> Response:
    """What they need: the officer reads it in the list of the day."""
    try:
        needs = _typed("needs", LONGEST_NEEDS)
    except ValidationError:
        return _said(code, "not_read", 422)
    if not needs:
        return _said(code, "nothing_written", 422)
    with transaction() as session:
        visit = find_locked(session, visit.id)
        if visit.status not in BEFORE_THE_DOOR or stage(visit, at) is Stage.MISSED:
            return _said(code, "too_late", 409)
        say_needs(session, visit.id, needs, at)
    return _said(code, "needs_kept")


def _feedback(code: str, visit: Visit, at: datetime) -> Response:
    """How the visit was, once: 1 to 5, and words if they like."""
    rating = request.form.get("rating", "")
    try:
        words = _typed("words", LONGEST_FEEDBACK)
    except ValidationError:
        return _said(code, "not_read", 422)
    if rating not in ("1", "2", "3", "4", "5"):
        return _said(code, "no_rating", 422)
    with transaction() as session:
        visit = find_locked(session, visit.id)
        if stage(visit, at) not in OVER:
            return _said(code, "too_early", 409)
        rate(session, visit.id, int(rating), words or None, at)
    return _said(code, "thanks")


def _i_was_in(code: str, visit: Visit, at: datetime) -> Response:
    """The officer found nobody, and the resident was there: a person looks into it, and rings."""
    try:
        words = _typed("words", LONGEST_DISPUTE)
    except ValidationError:
        return _said(code, "not_read", 422)
    with transaction() as session:
        visit = find_locked(session, visit.id)
        if not can_be_disputed(visit, at):
            return _said(code, "not_shut", 409)
        dispute = say_i_was_in(session, visit, said_by=SaidBy.PAGE, words=words or None, at=at)
        settled = dispute.status is not DisputeStatus.OPEN
    return _said(code, "settled" if settled else "was_in")


def _typed(name: str, longest: int) -> str:
    """What was typed into a field. Raises ValidationError if it is too long or holds invisible characters."""
    field = Text(longest=longest, empty=True, lines=True)
    typed: Any = field.deserialize(request.form.get(name, "").replace("\r\n", "\n"))
    return str(typed)


def _said(code: str, what: str, status: int = 200) -> Response:
    return page("visit_said.html", status=status, what=what, address=f"/v/{code}")


FORMS: dict[str, Callable[[str, Visit, datetime], Response]] = {
    "confirm": _confirm,
    "change": _change,
    "needs": _needs,
    "feedback": _feedback,
    "i-was-in": _i_was_in,
}
"""What each form's address does."""
