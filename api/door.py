"""What a resident sees at the door: whether the person outside works for the council today."""

from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, abort, current_app, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import BaseConverter

from api import current, door_tickets, photo_links
from api.auth import anyone
from api.blueprint import answer
from api.config import Settings
from api.errors import problem
from api.pages import a_browser_asks, dressed, page, private, render
from api.rate_limit import RateLimit
from api.scans import noted
from id_badges import card_code, short_code
from id_badges.keys import KeysUnusable
from id_badges.tokens import Clock, Forged, Reading, read
from id_badges.verdict import ShownOfficer, State, Verdict, judge, not_confirmed, unavailable
from models import clock
from models.badge import BadgeKind, find_by_handle
from models.bundle import find_record
from models.clock import LONDON
from models.database import looking, reading
from models.officer import Employment, Officer, OfficerPhoto
from models.scan import ScanKind

UNAVAILABLE = (SQLAlchemyError, KeysUnusable, OSError)
"""What makes a check impossible, and says nothing about the person at the door."""


class Anything(BaseConverter):
    """All the rest of an address: a slash or a line end in it is part of a wrong token too."""

    regex = "(?s:.+)"
    part_isolating = False


def register(app: Flask) -> None:
    """Serve the badge pages. None sets a cookie, redirects, or needs JavaScript."""
    # A doubled slash in an address is part of a wrong token and not something to tidy by a redirect.
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = Anything
    with app.app_context():
        # The same for everybody, so it is rendered once.
        app.extensions["red_page"] = render("badge.html", check={"state": State.NOT_CONFIRMED.value})
    settings: Settings = app.config["SETTINGS"]
    app.extensions["check_limit"] = RateLimit(settings.checks_per_minute, timedelta(minutes=1))

    @app.get("/b/<anything:token>")
    @anyone
    def check_badge(token: str) -> Response:
        kind = ScanKind.PAGE if a_browser_asks() else ScanKind.JSON
        return too_many() or show(noted(app, check_token(app, token, clock.now()), kind, request.environ))

    @app.get("/b", strict_slashes=False)
    @anyone
    def badge_code_form() -> Response:
        return page("badge_code.html")

    @app.post("/b", strict_slashes=False)
    @anyone
    def check_code() -> Response:
        typed = request.form.get("code", "")
        if request.is_json:
            given = request.get_json(silent=True)
            typed = given.get("code", "") if isinstance(given, dict) else ""
        if (refused := too_many()) is not None:
            return refused
        code = short_code.parse(typed) if isinstance(typed, str) else None
        if code is not None:
            verdict = check_short_code(code, clock.now())
            return show(noted(app, verdict, ScanKind.TYPED_CODE, request.environ))
        if not a_browser_asks():
            return problem(
                422,
                "Give the code of ten letters and numbers that the badge shows.",
                slug="not-valid",
                errors={"code": ["This is not a badge's code."]},
            )
        error = "unreadable" if typed else "missing"
        return page("badge_code.html", status=422, error=error, code=str(typed)[:40])

    @app.get("/b/photos/<link>")
    @anyone
    def officer_photo(link: str) -> Response:
        photo_id = photo_links.read(current_app.extensions["photo_links"], link, clock.now())
        if photo_id is None:
            abort(404)
        with reading() as session:
            photo = session.get(OfficerPhoto, photo_id)
            if photo is None or photo.jpeg is None:
                abort(404)
            return Response(photo.jpeg, content_type="image/jpeg")

    @app.get("/favicon.ico")
    @anyone
    def favicon() -> Response:
        return app.send_static_file("favicon.ico")


def too_many() -> Response | None:
    """The refusal of one check too many, counted by address and never by badge: nobody can keep an officer from
    being recognised."""
    if current_app.extensions["check_limit"].allows(request.remote_addr or "", clock.now()):
        return None
    if a_browser_asks():
        refused = page("too_many.html", status=429)
    else:
        refused = problem(429, "Too many checks from one address. Wait a minute.", slug="too-many")
    refused.headers["Retry-After"] = "60"
    return refused


def check_token(app: Flask, token: str, at: datetime) -> Verdict:
    """Check a scanned badge. Whatever it is, there is an answer."""
    settings: Settings = app.config["SETTINGS"]
    try:
        read_token = read(token, keyring=app.extensions["keyring"], issuer=settings.badge_issuer, at=at)
        record = find_record(looking(), read_token.badge_id, at)
        return judge(read_token, record, at=at)
    except Forged as forged:
        return not_confirmed(forged.reason, at)
    except UNAVAILABLE as error:
        return _unavailable(app, error, at)


def check_short_code(code: short_code.ParsedCode, at: datetime) -> Verdict:
    """Check a typed code: the same answers as for a scan."""
    try:
        record = find_by_handle(looking(), code.handle, at)
        if record is None:
            return not_confirmed("unknown", at)
        return judge(card_code.read(code, record, keyring=current.keyring(), at=at), record, at=at)
    except Forged as forged:
        return not_confirmed(forged.reason, at)
    except UNAVAILABLE as error:
        return _unavailable(current.app(), error, at)


def check_again(ticket: door_tickets.Ticket, at: datetime) -> Verdict:
    """Ask the register again about a badge that was genuine on the page with this ticket."""
    asked = Reading(
        kind=BadgeKind.PHONE,
        badge_id=ticket.badge_id,
        issued_at=ticket.token_issued_at,
        not_before=ticket.token_issued_at,
        expires_at=ticket.token_issued_at + door_tickets.LIFE,
        clock=Clock.VALID,
    )
    try:
        return judge(asked, find_record(looking(), ticket.badge_id, at), at=at)
    except UNAVAILABLE as error:
        return _unavailable(current.app(), error, at)


def _unavailable(app: Flask, error: Exception, at: datetime) -> Verdict:
    app.logger.error("badge_check_unavailable", extra={"error": type(error).__name__})
    return unavailable(type(error).__name__, at)


def show(verdict: Verdict) -> Response:
    """The verdict as the resident's page, or as JSON for an app that asks for it."""
    if not a_browser_asks():
        return private(answer(told(current.app(), verdict)))
    if verdict.state is State.NOT_CONFIRMED:
        return dressed(current_app.extensions["red_page"])
    local = verdict.checked_at.astimezone(LONDON)
    return page(
        "badge.html",
        check={
            "state": verdict.state.value,
            "checked_at_text": f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M}",
            "officer": verdict.officer and shown_officer(current.app(), verdict.officer, verdict.checked_at),
            "ticket": _ticket(verdict),
        },
    )


def told(app: Flask, verdict: Verdict) -> dict[str, Any]:
    """The verdict for an app, to become JSON."""
    body: dict[str, Any] = {"state": verdict.state, "look": verdict.look, "checked_at": verdict.checked_at}
    if verdict.officer:
        body["officer"] = _described(app, verdict.officer, verdict.checked_at)
    return body


def _ticket(verdict: Verdict) -> str | None:
    """What lets a genuine page, and no other, ask more of its badge."""
    if verdict.state is not State.GENUINE or verdict.reading is None:
        return None
    asked = verdict.reading
    return door_tickets.make(current_app.extensions["door_tickets"], asked.badge_id, asked.issued_at)


def shown_officer(app: Flask, officer: ShownOfficer | Officer, at: datetime) -> dict[str, str | None]:
    """What a resident's page shows of an officer, with a link to the photo that lives two minutes."""
    settings: Settings = app.config["SETTINGS"]
    employer_text = f"{settings.council_name} employee"
    if officer.employment is Employment.CONTRACTOR:
        employer_text = f"Contractor: {officer.company}, working for {settings.council_name}"
    return _described(app, officer, at) | {"employer_text": employer_text}


def _described(app: Flask, officer: ShownOfficer | Officer, at: datetime) -> dict[str, str | None]:
    link = None
    if officer.photo_id is not None:
        link = "/b/photos/" + photo_links.make(app.extensions["photo_links"], officer.photo_id, at)
    return {
        "display_name": officer.display_name,
        "job_title": officer.job_title,
        "employment": officer.employment.value,
        "company": officer.company,
        "photo_url": link,
    }
