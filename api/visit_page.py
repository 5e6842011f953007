"""The resident's own page of a visit, `/v/{code}`: who is coming and when, and what they can tell us.

It was sent beforehand, so the person at the door has not chosen it. "GET changes nothing; links expire after the
visit; a stranger with a guessed code learns nothing": every code that leads nowhere gives the same bytes.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from sqlalchemy import bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from api import current, visit_page_forms
from api.auth import anyone
from api.config import Settings
from api.door import shown_officer
from api.pages import dressed, page, private, render
from api.rate_limit import RateLimit
from api.scans import is_preview
from api.visit_calendar import calendar
from models import clock, showing
from models.clock import LONDON
from models.database import looking, reading, transaction
from models.dispute import LONGEST_DISPUTE, dispute_of
from models.forecast import told_window
from models.missed_standard import RedressStatus, Standard, marks_of, standards_missed
from models.officer import Officer
from models.prepared import Prepared
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_answer import LONGEST_FEEDBACK, LONGEST_NEEDS, VisitAnswer
from models.visit_link import VisitLinks
from models.visit_rows import find
from models.visit_stage import (
    WINDOW,
    Stage,
    another_is_due,
    expected_arrival,
    link_lives,
    shows_officer,
    stage,
)
from models.visit_words import visit_words

_FIND = Prepared(select(Visit.id).where(Visit.reference == bindparam("reference")))

log = logging.getLogger(__name__)

AT_THE_DOOR = (Stage.DUE, Stage.LATE, Stage.HERE)
STILL_TO_COME = (Stage.COMING, Stage.DUE, Stage.LATE, Stage.HERE)


def register(app: Flask) -> None:
    """Serve the page, its calendar entry and its forms. None sets a cookie, redirects, or needs JavaScript."""
    with app.app_context():
        # The same for every code that leads nowhere, so it is rendered once.
        app.extensions["no_visit_page"] = render("visit_none.html")
    settings: Settings = app.config["SETTINGS"]
    limit = RateLimit(settings.checks_per_minute, timedelta(minutes=1))

    def answer(code: str, make: Callable[[str, Visit, datetime], Response]) -> Response:
        """What `make` says of the visit, unless the code leads nowhere or its address asks too often."""
        at = clock.now()
        if not limit.allows(request.remote_addr or "", at):
            refused = page("visit_wait.html", status=429)
            refused.headers["Retry-After"] = "60"
            return refused
        visit = find_by_code(code, at)
        return dressed(app.extensions["no_visit_page"], 404) if visit is None else make(code, visit, at)

    @app.get("/v/<code>")
    @anyone
    def visit_page(code: str) -> Response:
        return answer(code, show)

    @app.get("/v/<code>/visit.ics")
    @anyone
    def visit_calendar(code: str) -> Response:
        return answer(code, _calendar)

    @app.post('/v/<code>/<any(confirm, change, needs, feedback, "i-was-in"):what>')
    @anyone
    def tell_us(code: str, what: str) -> Response:
        return answer(code, visit_page_forms.FORMS[what])

    @app.get("/v/<anything:code>")
    @anyone
    def no_visit_page(code: str) -> Response:
        return answer("", show)


def find_by_code(code: str, at: datetime) -> Visit | None:
    """The visit a code leads to, with its resident; None for a code we never made or one that has run out."""
    links: VisitLinks = current_app.extensions["visit_links"]
    reference = links.reference_of(code)
    if reference is None:
        return None
    with reading() as session:
        found = _FIND.first(session, reference=reference)
        visit = find(session, found.id) if found else None
    return visit if visit is not None and link_lives(visit, at) else None


def show(code: str, visit: Visit, at: datetime) -> Response:
    """The page as it stands at `at`."""
    standing = stage(visit, at)
    with reading() as session:
        answers = session.get(VisitAnswer, visit.id)
        dispute = dispute_of(session, visit.id)
        another = standing not in AT_THE_DOOR and another_is_due(session, visit, at)
        officers = [session.get_one(Officer, officer_id) for officer_id in visit.officer_ids]
        marks = [] if standing in AT_THE_DOOR else marks_of(session, visit.id)
        window = told_window(session, visit.id, visit.expected_at)
    coming = [officer for officer in officers if officer.works_for_us(at)]
    shown = coming if shows_officer(visit, at) else []
    for officer in shown:
        _note_shown(visit, officer, at)
    return page(
        "visit.html",
        stage=standing.value,
        reference=visit.reference,
        another=another,
        officers=[shown_officer(current.app(), officer, at) for officer in shown],
        nobody_yet=standing in STILL_TO_COME and not coming,
        visit_words=visit_words(current_app.extensions["visit_words"], visit.id),
        confirmed=visit.confirmed_at is not None,
        no_access=visit.status is VisitStatus.NO_ACCESS,
        dispute=dispute,
        ring_by=f"{in_words(dispute.ring_by)}, {hour(dispute.ring_by)}" if dispute else None,
        may_change=visit.status in BEFORE_THE_DOOR and standing is not Stage.MISSED,
        answers=answers,
        address=f"/v/{code}",
        **_promises_broken(visit, standing, marks),
        longest={"needs": LONGEST_NEEDS, "feedback": LONGEST_FEEDBACK, "dispute": LONGEST_DISPUTE},
        window=[hour(each) for each in window] if window else None,
        **times(visit, at),
    )


def _promises_broken(visit: Visit, standing: Stage, marks: Sequence[Any]) -> dict[str, Any]:
    """Which standards we missed, what we owe for it and where to complain; not while somebody is at the door."""
    broken = set() if standing in AT_THE_DOOR else set(standards_missed(visit, marks))
    if standing is Stage.MISSED:
        broken.add(Standard.MISSED)
    pence = sum(row.redress_pence for row in marks if row.status is RedressStatus.DUE)
    return {
        "broken": broken,
        "owed": f"£{pence // 100}.{pence % 100:02}" if pence else None,
        "complaints_url": current.settings().complaints_url,
    }


def _note_shown(visit: Visit, officer: Officer, at: datetime) -> None:
    """Write down, once, that this officer was shown: nothing of who looked, nor how often.

    Whoever fetches a link ahead of a person sees nothing. The page is shown whether it could be written or not.
    """
    if request.method == "HEAD" or is_preview(request.environ):
        return
    try:
        if not showing.is_known(looking(), visit.id, officer.id):
            with transaction() as session:
                showing.note_shown(session, visit.id, officer.id, at)
    except SQLAlchemyError as error:
        log.error("showing_not_recorded", extra={"visit_id": str(visit.id), "error": type(error).__name__})


def times(visit: Visit, at: datetime) -> dict[str, Any]:
    """The visit's times by London's clocks, as the page says them."""
    expected = expected_arrival(visit)
    told = expected if visit.expected_at is not None or visit.departed_at is not None else None
    return {
        "day": in_words(visit.starts_at),
        "start": hour(visit.starts_at),
        "start_instant": visit.starts_at.isoformat(),
        "earliest": hour(visit.starts_at - WINDOW),
        "latest": hour(visit.starts_at + WINDOW),
        "expected": hour(told) if told else None,
        "on_the_way": visit.departed_at is not None,
        "now": f"{in_words(at)}, {hour(at)}",
        "today": visit.starts_at.astimezone(LONDON).date() == at.astimezone(LONDON).date(),
        "moved": visit.promise_number > 1,
    }


def in_words(at: datetime) -> str:
    """ "Wednesday 25 November", by London's clocks."""
    local = at.astimezone(LONDON)
    return f"{local:%A} {local.day} {local:%B}"


def hour(at: datetime) -> str:
    """ "10:00am", by London's clocks."""
    local = at.astimezone(LONDON)
    return f"{local.hour % 12 or 12}:{local:%M}{'am' if local.hour < 12 else 'pm'}"


def _calendar(_: str, visit: Visit, at: datetime) -> Response:
    settings = current.settings()
    entry = calendar(
        visit,
        council_name=settings.council_name,
        council_phone=settings.council_phone,
        host=urlsplit(settings.public_base_url).hostname or "",
        at=at,
    )
    made = Response(entry, content_type="text/calendar; charset=utf-8")
    made.headers["Content-Disposition"] = 'attachment; filename="visit.ics"'
    return private(made)
