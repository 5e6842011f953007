"""Report a concern: one tap from every badge page, no account, and a reference to read out."""

import unicodedata
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from flask import Flask, Response, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import anyone
from api.pages import page
from api.rate_limit import RateLimit
from id_badges import short_code
from models import clock
from models.badge import Badge
from models.database import transaction
from models.incident import LONGEST_WORDS, report_concern
from models.reference import read_visit_reference
from models.visit import Visit

LONGEST_GIVEN = 40
PER_HOUR = 10
"""Concerns from one address in an hour. A mobile network's address is many people's, so it is not one or two; and
whoever is refused is given the telephone numbers."""


class Concern(NamedTuple):
    """What somebody typed. Only the words are needed."""

    words: str
    phone: str
    given: str


def register(app: Flask) -> None:
    """Serve the page. It sets no cookie; a form tells itself from the next by a random number of its own."""
    limit = RateLimit(PER_HOUR, timedelta(hours=1))

    @app.get("/concern")
    @anyone
    def concern_form() -> Response:
        return page("concern.html", form=uuid4(), typed=Concern("", "", ""))

    @app.post("/concern")
    @anyone
    def report() -> Response:
        concern = Concern(*(_typed(name) for name in Concern._fields))
        form = _form()
        if error := _error(concern):
            return page("concern.html", status=422, form=form, error=error, typed=concern)
        if not limit.allows(request.remote_addr or "", clock.now()):
            refused = page("concern_wait.html", status=429)
            refused.headers["Retry-After"] = "3600"
            return refused
        with transaction() as session:
            reference = _open(session, concern, form)
        return page("concern_sent.html", reference=reference, can_ring=bool(concern.phone))


def _typed(name: str) -> str:
    """A field as typed, less what nobody can see: somebody who is afraid is not asked to correct that."""
    text = unicodedata.normalize("NFC", request.form.get(name, "").replace("\r\n", "\n"))
    return "".join(each for each in text if each == "\n" or unicodedata.category(each)[0] != "C").strip()


def _form() -> UUID:
    """Which form was sent: a second tap on its button is no second concern."""
    try:
        return UUID(request.form.get("form", ""))
    except ValueError:
        return uuid4()


def _error(concern: Concern) -> str | None:
    if not concern.words:
        return "missing"
    if len(concern.words) > LONGEST_WORDS:
        return "words_too_long"
    if len(concern.phone) > LONGEST_GIVEN:
        return "phone_too_long"
    return "given_too_long" if len(concern.given) > LONGEST_GIVEN else None


def _open(session: Session, concern: Concern, form: UUID) -> str:
    """Open the incident. The page says the same whether a visit or badge of this name exists or not."""
    reference, code = read_visit_reference(concern.given), short_code.parse(concern.given)
    visit = session.scalar(select(Visit).where(Visit.reference == reference)) if reference else None
    badge = session.scalar(select(Badge).where(Badge.handle == code.handle)) if code else None
    # The code itself has run out by now, as a rule: it names a badge and proves nothing.
    return report_concern(
        session,
        concern.words,
        form=form,
        phone=concern.phone or None,
        given=concern.given or None,
        badge_id=badge.id if badge else None,
        officer_id=badge.officer_id if badge else None,
        visit_id=visit.id if visit else None,
        at=clock.now(),
    )
