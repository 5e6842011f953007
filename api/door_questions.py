"""What a resident may ask further on a genuine page: for the live code, and whether a visit is due.

Each is a form that is sent (POST): looking at a page (GET) sends nothing to anybody.
"""

from uuid import UUID

from flask import Flask, Response, abort, current_app, request

from api import door_tickets
from api.auth import anyone
from api.door import check_again, show, too_many
from api.pages import page
from id_badges.verdict import State, Verdict
from models import clock, due, live_code
from models.badge import BadgeRecord
from models.database import reading, transaction


def register(app: Flask) -> None:
    """Serve the questions. None sets a cookie, redirects, or needs JavaScript."""

    @app.post("/b/live-codes")
    @anyone
    def ask_for_live_code() -> Response:
        return too_many() or _ask_for_code()

    @app.get("/b/live-codes/<uuid:code_id>")
    @anyone
    def live_code_page(code_id: UUID) -> Response:
        with reading() as session:
            asked = live_code.find(session, code_id)
        return _code_page(asked) if asked else abort(404)

    @app.post("/b/due")
    @anyone
    def ask_if_due() -> Response:
        return too_many() or _ask_if_due()

    @app.get("/b/live-codes")
    @app.get("/b/due")
    @anyone
    def question_without_badge() -> Response:
        # Somebody who opens the address of a form once more must not be frightened by the red page.
        abort(404)


def _ask_for_code() -> Response:
    answered = _ticket_and_record()
    if isinstance(answered, Response):
        return answered
    ticket, record = answered
    with transaction() as session:
        asked = live_code.ask(
            session,
            badge_id=record.badge_id,
            officer_id=record.officer_id,
            token_issued_at=ticket.token_issued_at,
            asker=ticket.page,
            at=clock.now(),
        )
    return page("live_code.html", state="asked_before") if asked is None else _code_page(asked)


def _ask_if_due() -> Response:
    answered = _ticket_and_record()
    if isinstance(answered, Response):
        return answered
    ticket, record = answered
    reference, house = request.form.get("reference", ""), request.form.get("house", "")
    if not reference.strip() or not house.strip():
        return page("due.html", status=422, state="missing", ticket=request.form["ticket"])
    with transaction() as session:
        if not due.take_try(session, record.badge_id, ticket.token_issued_at):
            return page("due.html", state="no_more_tries")
        is_due = due.is_due_for(session, record.officer_id, reference=reference[:40], house=house, at=clock.now())
    return page("due.html", state="due" if is_due else "not_due", ticket=request.form["ticket"])


def _ticket_and_record() -> Response | tuple[door_tickets.Ticket, BadgeRecord]:
    """The badge the form is about, which is genuine at this moment; or the page that says otherwise."""
    at = clock.now()
    ticket = door_tickets.read(current_app.extensions["door_tickets"], request.form.get("ticket", ""), at)
    if ticket is None:
        return show(Verdict(State.TIMED_OUT, at, "ticket"))
    verdict = check_again(ticket, at)
    if verdict.state is not State.GENUINE or verdict.record is None:
        return show(verdict)
    return ticket, verdict.record


def _code_page(asked: live_code.LiveCode) -> Response:
    state = "copied" if asked.not_mine_at else "waiting" if asked.is_live(clock.now()) else "over"
    return page("live_code.html", state=state, code=asked.code, link=f"/b/live-codes/{asked.id}")
