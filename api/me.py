"""An officer's own day and badge, for their phone."""

import base64
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import marshmallow as ma
from flask import Response, request
from marshmallow import fields, validate
from sqlalchemy import bindparam, select

from api import current, day_marks
from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, Whole
from api.officers import find as find_officer
from api.residents import ADDRESS
from api.visits import VISIT_COLUMNS, VisitOut, of_officer, visit_out
from id_badges import qr
from id_badges.bundle import MOST, mint_bundle
from id_badges.short_code import short_code
from id_badges.tokens import PHONE_LIFE, mint_phone_badge
from models import bundle, clock, diary
from models.badge import Badge, current_phone_badge, phone_badge_for
from models.clock import LONDON
from models.database import looking, reading, transaction
from models.errors import Unprocessable
from models.nudge import NudgeKind, open_nudges
from models.officer import Officer
from models.prepared import Prepared
from models.resident import Resident
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_answer import VisitAnswer
from models.visit_stage import expected_arrival

blp = Blueprint("me", __name__, url_prefix="/v1/me", description="An officer's own day and badge")

PNG_PIXELS = 300


class DayIn(ma.Schema):
    """Which day, London; today if none is given."""

    date = fields.Date()
    since = fields.String(
        validate=validate.Regexp(day_marks.PATTERN),
        metadata={"description": "The ETag of the answer that the phone has: then only what is new since comes"},
    )


class MyResidentOut(ma.Schema):
    """Whom the officer visits, and where."""

    name = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    language = fields.String(required=True)
    needs = fields.String(required=True, allow_none=True)
    address = fields.Dict(required=True)


class NudgeOut(ma.Schema):
    """A word that the officer is asked for."""

    kind = fields.Enum(
        NudgeKind,
        by_value=fields.String,
        required=True,
        metadata={
            "description": "nobody_arrived: are you there, or when will you be? no_outcome: are you all right?"
            " Say how the visit ended"
        },
    )
    about_at = Instant(required=True, metadata={"description": "When you were due, or were to be out again"})
    made_at = Instant(required=True)


class MyVisitOut(VisitOut):
    """A visit of the officer's own day."""

    resident = fields.Nested(MyResidentOut, required=True)
    nudges = fields.List(
        fields.Nested(NudgeOut), required=True, metadata={"description": "What you are asked about it now"}
    )
    needs_said = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What the resident asked for, on the visit's page, for this visit"},
    )


class MyVisitsOut(ma.Schema):
    """The officer's day, in order."""

    items = fields.List(fields.Nested(MyVisitOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)
    visit_ids = fields.List(
        fields.UUID(),
        metadata={
            "description": "With `since`: every visit of the day, in order. What is not among them has gone"
        },
    )


class MyBadgeIn(ma.Schema):
    """Whether to add tokens for the time to come."""

    bundle = Whole(
        least=1,
        most=MOST,
        strict=False,
        metadata={"description": "How many tokens, one for each of the next minutes, to show without signal"},
    )


class BundledTokenOut(ma.Schema):
    """One token of a bundle. Before its time it is answered as not yet valid, afterwards as timed out."""

    token = fields.String(required=True)
    begins_at = Instant(required=True, metadata={"description": "Show it from then on, until the next one begins"})
    expires_at = Instant(required=True)
    qr_png = fields.String(
        required=True,
        metadata={
            "format": "byte",
            "description": "The code of its address as a PNG in base64: one pixel a module, white border included."
            " Enlarge it by a whole number and without smoothing",
        },
    )


class BundleOut(ma.Schema):
    """Tokens to keep on the phone. They end with its sign-in, and a new bundle takes their place."""

    address = fields.String(required=True, metadata={"description": "A QR code holds this and the token"})
    items = fields.List(fields.Nested(BundledTokenOut), required=True)


class MyBadgeOut(ma.Schema):
    """The phone badge for the next two minutes. Ask for a new one every minute."""

    badge_id = fields.UUID(required=True)
    token = fields.String(required=True)
    url = fields.String(required=True, metadata={"description": "What the QR code holds"})
    short_code = fields.String(required=True, metadata={"description": "For people with no camera"})
    expires_at = Instant(required=True)
    bundle = fields.Nested(BundleOut, metadata={"description": "If it was asked for"})


_DAY = Prepared(
    of_officer(
        select(
            *VISIT_COLUMNS,
            Resident.name,
            Resident.phone,
            Resident.language,
            Resident.needs,
            *(getattr(Resident, name) for name in ADDRESS),
            VisitAnswer.needs.label("needs_said"),
        )
        .join(Resident, Resident.id == Visit.resident_id)
        .outerjoin(VisitAnswer, VisitAnswer.visit_id == Visit.id)
        .where(Visit.starts_at >= bindparam("begins"), Visit.starts_at < bindparam("ends"))
    ),
    for_json=True,
)


@blp.route("/visits")
class MyVisits(Resource):
    @roles("officer")
    @blp.arguments(DayIn, location="query")
    @blp.response(200, MyVisitsOut, headers={"ETag": {"schema": {"type": "string"}}})
    @blp.alt_response(304, description="Not changed", success=True)
    def get(self, given: dict[str, Any]) -> Response:
        """List my visits of one day, or what is new of them

        304 if nothing has changed since the answer whose ETag is named in If-None-Match. With that ETag as
        `since`, only visits that are new or have changed.
        """
        begins, ends = _day(given.get("date") or clock.now().astimezone(LONDON).date())
        rows = _DAY.all(looking(), officer_id=who().officer_id, begins=begins, ends=ends)
        asked = open_nudges.all(looking(), officer_id=who().officer_id)
        items = []
        for row in rows:
            resident = {
                "name": row.name,
                "phone": row.phone,
                "language": row.language,
                "needs": row.needs,
                "address": {name: getattr(row, name) for name in ADDRESS},
            }
            said = {"resident": resident, "needs_said": row.needs_said, "nudges": _nudges(row, asked)}
            items.append({**visit_out(row), **said})
        marks = [day_marks.mark(item) for item in items]
        etag = day_marks.joined(marks)
        if request.if_none_match.contains_weak(etag):
            return Response(status=304, headers={"ETag": f'"{etag}"'})
        body: dict[str, Any] = {"items": items, "next_cursor": None}
        if "since" in given:
            known = day_marks.apart(given["since"])
            body["items"] = [item for item, mark in zip(items, marks, strict=True) if mark not in known]
            body["visit_ids"] = [item["id"] for item in items]
        made = answer(body)
        made.headers["ETag"] = f'"{etag}"'
        return made


def _nudges(visit: Any, asked: Sequence[Any]) -> list[dict[str, Any]]:
    """What the officer is asked about a visit. What they have answered is gone at once, and not when the watch
    sees it next."""
    return [
        {"kind": nudge.kind, "about_at": nudge.about_at, "made_at": nudge.made_at}
        for nudge in asked
        if nudge.visit_id == visit.id and not _is_answered(nudge, visit)
    ]


def _is_answered(nudge: Any, visit: Any) -> bool:
    if nudge.kind == NudgeKind.NO_OUTCOME:
        return bool(visit.status != VisitStatus.ARRIVED)
    return visit.status not in BEFORE_THE_DOOR or expected_arrival(visit) > nudge.about_at


def _day(day: date) -> tuple[datetime, datetime]:
    try:
        return diary.day_bounds(day)
    except OverflowError:
        raise Unprocessable("date", "Give a day of these years.") from None


def _my_badge(at: datetime) -> tuple[Officer, Badge]:
    """The officer who asks and their phone badge, made at its first use. Raises BadgeRevoked."""
    officer_id = who().officer_id
    assert officer_id is not None  # noqa: S101 - an officer's account names its officer
    with reading() as session:
        officer = find_officer(session, officer_id)
        officer.refuse_badge_unless_working(at)
        badge = current_phone_badge(session, officer_id)
    if badge is None:
        with transaction() as session:
            badge = phone_badge_for(session, officer, at)
    return officer, badge


def _new_token(badge: Badge, at: datetime) -> dict[str, Any]:
    """A token of the officer's badge, for the next two minutes."""
    settings, keyring = current.settings(), current.keyring()
    token = mint_phone_badge(keyring, issuer=settings.badge_issuer, badge_id=badge.id, at=at)
    return {
        "badge_id": badge.id,
        "token": token,
        "url": _address() + token,
        "short_code": short_code(keyring.short_code_secret, badge.id, badge.handle, at),
        "expires_at": datetime.fromtimestamp(int(at.timestamp()), UTC) + PHONE_LIFE,
    }


def _new_bundle(officer: Officer, badge: Badge, count: int, at: datetime) -> dict[str, Any]:
    """Tokens of the officer's badge for the next minutes, bound to this sign-in."""
    with transaction() as session:
        bundle_id = bundle.begin(session, badge_id=badge.id, sign_in_id=who().sign_in_id, at=at)
    minted = mint_bundle(
        current.keyring(),
        issuer=current.settings().badge_issuer,
        bundle_id=bundle_id,
        count=count,
        at=at,
        until=officer.contract_ends_at,
    )
    address = _address()
    items = [
        {
            "token": each.token,
            "begins_at": each.begins_at,
            "expires_at": each.expires_at,
            "qr_png": base64.b64encode(qr.smallest_png(address + each.token)).decode(),
        }
        for each in minted
    ]
    return {"address": address, "items": items}


def _address() -> str:
    """What a QR code holds before the token."""
    return f"{current.settings().public_base_url}/b/"


def _new_url() -> str:
    """What the officer's QR code holds now."""
    at = clock.now()
    return str(_new_token(_my_badge(at)[1], at)["url"])


@blp.route("/badge")
class MyBadge(Resource):
    @roles("officer")
    @blp.arguments(MyBadgeIn, location="query")
    @blp.response(200, MyBadgeOut)
    def get(self, given: dict[str, Any]) -> Response:
        """My badge for the next two minutes, and a bundle for the next hour without signal

        With `bundle`, tokens for the minutes to come are added, for a phone to keep. They are genuine as long as
        its sign-in lasts: signing out ends them at once, and so do a new bundle and a revocation. There may be
        fewer than were asked for, as before the end of a contract.
        """
        at = clock.now()
        officer, badge = _my_badge(at)
        shown = _new_token(badge, at)
        if "bundle" in given:
            shown["bundle"] = _new_bundle(officer, badge, given["bundle"], at)
        return answer(shown)


@blp.route("/badge.svg")
class MyBadgeSvg(Resource):
    @roles("officer")
    @blp.response(200, {"type": "string"}, content_type="image/svg+xml")
    def get(self) -> Response:
        """My badge as a QR code to show at the door, in SVG"""
        return Response(qr.svg(_new_url()), content_type="image/svg+xml")


@blp.route("/badge.png")
class MyBadgePng(Resource):
    @roles("officer")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="image/png")
    def get(self) -> Response:
        """My badge as a QR code to show at the door, in PNG"""
        return Response(qr.png(_new_url(), PNG_PIXELS), content_type="image/png")
