"""Each real check of a badge is recorded: who looks at a link's preview checks nothing."""

import hmac
import logging
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import marshmallow as ma
from flask import Flask
from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, ListIn
from api.paging import after, page
from id_badges.verdict import Verdict
from models.badge import BadgeKind
from models.database import reading, transaction
from models.incident import IncidentKind, open_incident
from models.scan import Scan, ScanKind, Seen

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

blp = Blueprint("scans", __name__, url_prefix="/v1/me/scans", description="When a badge was checked")

_PREVIEW = re.compile(
    r"(?<!cu)bot\b|bot/|crawler|spider|preview|facebookexternalhit|whatsapp/|slack-imgproxy|embedly", re.IGNORECASE
)
"""What fetches a link to draw a picture of it. CUBOT makes telephones, which people scan with."""

_FETCHED_AHEAD = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ")
"""The headers with which browsers say so."""

_AT_ONCE = {
    "revoked": IncidentKind.REVOKED_BADGE_SCANNED,
    "suspended": IncidentKind.SUSPENDED_BADGE_SCANNED,
    # A phone forgets its bundle when it signs out: who still shows one has a copy, or a stolen phone.
    "signed-out": IncidentKind.REVOKED_BADGE_SCANNED,
}

log = logging.getLogger(__name__)


def chain_key(digest_key: bytes) -> bytes:
    """The key of the scans' chain, which has this one purpose."""
    return hmac.digest(digest_key, b"scan records", "sha256")


def noted(app: Flask, verdict: Verdict, kind: ScanKind, environ: "WSGIEnvironment") -> Verdict:
    """Record the check that was asked for in `environ`, and open an incident at once if its badge was taken away;
    gives the verdict back.

    "A real GET is recorded as a scan, HEAD and link previews are not."
    """
    if environ["REQUEST_METHOD"] == "HEAD" or is_preview(environ):
        return verdict
    signed, record = verdict.reading, verdict.record
    if signed is not None and signed.kind is BadgeKind.CARD:
        kind = ScanKind.CARD
    seen = Seen(
        at=verdict.checked_at,
        kind=kind,
        state=verdict.state.value,
        reason=verdict.reason,
        address=environ.get("REMOTE_ADDR", ""),
        badge_id=record.badge_id if record else signed.badge_id if signed else None,
        officer_id=record.officer_id if record else None,
        token_issued_at=signed.issued_at if signed else None,
    )
    app.extensions["scan_log"].put(seen)
    if verdict.reason in _AT_ONCE:
        _open_at_once(_AT_ONCE[verdict.reason], seen, verdict.checked_at)
    return verdict


def is_preview(environ: "WSGIEnvironment") -> bool:
    """Whether a program fetches the link ahead of a person, or in place of one."""
    fetched_ahead = "".join(environ.get(name, "") for name in _FETCHED_AHEAD)
    return (
        "prefetch" in fetched_ahead
        or "preview" in fetched_ahead
        or bool(_PREVIEW.search(environ.get("HTTP_USER_AGENT", "")))
    )


def _open_at_once(kind: IncidentKind, seen: Seen, at: datetime) -> None:
    try:
        with transaction() as session:
            open_incident(
                session,
                kind,
                at=at,
                badge_id=seen.badge_id,
                officer_id=seen.officer_id,
                details={"checked_by": seen.kind.value},
            )
    except SQLAlchemyError as error:
        # The red page is what keeps the resident safe: nothing may stand in its way.
        log.error("incident_not_opened", extra={"error": type(error).__name__})


class MyScansIn(ListIn):
    """Which page."""


class MyScanOut(ma.Schema):
    """One check of my badge. By whom is nobody's business."""

    at = Instant(required=True)
    badge_id = fields.UUID(required=True)
    kind = fields.Enum(ScanKind, by_value=fields.String, required=True)
    state = fields.String(required=True, metadata={"description": "What the page said"})


class MyScansOut(ma.Schema):
    """A page of checks."""

    items = fields.List(fields.Nested(MyScanOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("")
class MyScans(Resource):
    @roles("officer")
    @blp.arguments(MyScansIn, location="query")
    @blp.response(200, MyScansOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List when my badge was checked, newest first"""
        query = select(Scan).where(Scan.officer_id == who().officer_id)
        query = after(query, (Scan.number,), (int,), given.get("cursor"), newest_first=True)
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("number",))
        return {"items": items, "next_cursor": cursor}
