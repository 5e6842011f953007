"""A page for whoever develops or tries the product: the texts that residents would get."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask, Response, current_app, redirect, render_template, request
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from api.auth import anyone
from api.config import Settings
from api.paging import after, cursor_for
from models.clock import LONDON
from models.database import reading
from models.errors import Unprocessable
from models.message import Message, MessageStatus
from models.resident import Resident
from models.visit import Visit
from models.visit_link import VisitLinks
from notifications.texts import Council
from notifications.words import render

PAGE = 30

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)


def register(app: Flask) -> None:
    """Serve the page, in development only: in production it is not there at all."""
    settings: Settings = app.config["SETTINGS"]
    if settings.production:
        return

    @app.get("/dev/outbox")
    @anyone
    def outbox() -> AnyResponse:
        return _outbox(settings)


def _page(template: str, **context: Any) -> Response:
    page = Response(render_template(template, **context))
    page.headers["Content-Security-Policy"] = CSP
    return page


def _outbox(settings: Settings) -> AnyResponse:
    current = request.args.get("status", "")
    if current and current not in set(MessageStatus):
        return redirect("/dev/outbox")
    query = (
        select(Message, Visit.reference, Resident.name)
        .join(Visit, Visit.id == Message.visit_id)
        .join(Resident, Resident.id == Message.resident_id)
    )
    if current:
        query = query.where(Message.status == current)
    key = (Message.decided_at, Message.id)
    try:
        query = after(query, key, (datetime, UUID), request.args.get("cursor"), newest_first=True)
    except Unprocessable:
        return redirect("/dev/outbox")
    with reading() as session:
        rows = session.execute(query.limit(PAGE + 1)).all()
    links: VisitLinks = current_app.extensions["visit_links"]
    council = Council(settings.council_name, settings.council_phone, links)
    next_url = None
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        last = rows[-1][0]
        cursor = cursor_for([last.decided_at, last.id])
        next_url = "/dev/outbox?" + urlencode({"status": current, "cursor": cursor, "paused": 1})
    return _page(
        "outbox.html",
        messages=[_bubble(message, reference, name, council) for message, reference, name in rows],
        next_url=next_url,
        statuses=[status.value for status in MessageStatus],
        current=current,
        paused="paused" in request.args,
    )


def _bubble(message: Message, visit_reference: str, name: str, council: Council) -> SimpleNamespace:
    words = render(message, council, visit_reference)
    return SimpleNamespace(
        kind=message.kind.value,
        status=message.status.value,
        to=message.to_address,
        channel=message.channel.value,
        first_name=name.split()[0],
        send_at_text=_when(message.send_at),
        sent_at_text=_when(message.accepted_at),
        # As the resident has it, with the link: what is kept is without.
        body=words.body,
        parts=message.parts or words.parts,
        reference=message.reference,
        visit_reference=visit_reference,
        why=_WHY.get(message.status),
    )


_WHY = {
    MessageStatus.HELD: "it waits a moment in case the visit changes again, and for the end of the night",
    MessageStatus.SUPERSEDED: "a newer change took its place, or another message told the resident",
    MessageStatus.EXPIRED: "it was no longer true when it could go: a person rings instead",
    MessageStatus.UNKNOWN: "the carrier did not answer: we look there before sending again",
    MessageStatus.FAILED: "the carrier refused it: the next way is tried",
    MessageStatus.UNDELIVERED: "it did not arrive: the next way is tried",
    MessageStatus.BLOCKED: "it may not go this way: the next way is tried",
}


def _when(at: datetime | None) -> str | None:
    if at is None:
        return None
    local = at.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%b %H:%M:%S}"
