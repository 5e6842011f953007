"""Printed cards for admins: one asks, another approves, then the card can be printed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session
from webargs.fields import DelimitedList

from api import current
from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Text
from api.officers import find as find_officer
from api.paging import after, page
from id_badges import card_pdf, qr
from id_badges.card_code import card_code
from id_badges.card_pdf import Paper, Size
from id_badges.card_sides import Face
from id_badges.card_tokens import mint_card
from id_badges.keys import KeysUnusable, Purpose
from models import card, clock
from models.card import Card, CardStatus
from models.database import reading, transaction
from models.errors import CardState
from models.officer import Employment, find_photo

blp = Blueprint("cards", __name__, url_prefix="/v1", description="Printed cards, which two admins make")

MOST_PRINTED = 30
"""Cards in one print run: a team, in a few seconds of one server's time."""
PNG_PIXELS = 1200


class CardIn(ma.Schema):
    """A card to ask for. Without `expires_on`, the last day (London) that a card may be good."""

    expires_on = fields.Date(allow_none=True, load_default=None)


class CardRefusalIn(ma.Schema):
    """Why the card is not made."""

    reason = Text(required=True, longest=500)


class CardsIn(ListIn):
    """Which cards to list."""

    status = fields.Enum(CardStatus, by_value=fields.String)


class CardPdfIn(ma.Schema):
    """How large the card is, and what it is printed on."""

    size = fields.Enum(Size, by_value=fields.String, load_default=Size.A6)
    paper = fields.Enum(
        Paper,
        by_value=fields.String,
        load_default=Paper.CARD,
        metadata={"description": "card: pages as large as a card. a4: sheets with crop marks, to cut"},
    )


class PrintRunIn(CardPdfIn):
    """The cards of a team, in the order in which they are to be printed."""

    card_ids = DelimitedList(
        fields.UUID(),
        required=True,
        validate=validate.Length(min=1, max=MOST_PRINTED),
        metadata={"description": "With commas between them"},
    )


class CardOut(ma.Schema):
    """A card: its face, and who asked for it and decided. `badge_id` is what a revocation names."""

    id = fields.UUID(required=True)
    officer_id = fields.UUID(required=True)
    status = fields.Enum(CardStatus, by_value=fields.String, required=True)
    display_name = fields.String(required=True)
    job_title = fields.String(required=True)
    employment = fields.Enum(Employment, by_value=fields.String, required=True)
    company = fields.String(required=True, allow_none=True)
    photo_id = fields.UUID(required=True, metadata={"description": "Look at it at /v1/photos before you approve"})
    expires_on = fields.Date(required=True)
    requested_at = Instant(required=True)
    requested_by_id = fields.UUID(required=True)
    decided_at = Instant(required=True, allow_none=True)
    decided_by_id = fields.UUID(required=True, allow_none=True)
    refused_reason = fields.String(required=True, allow_none=True)
    badge_id = fields.UUID(required=True, allow_none=True)


class CardsOut(ma.Schema):
    """A page of cards, newest first."""

    items = fields.List(fields.Nested(CardOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/officers/<uuid:officer_id>/cards")
class OfficerCards(Resource):
    @roles("admin")
    @blp.arguments(CardIn)
    @blp.response(201, CardOut)
    def post(self, given: dict[str, Any], officer_id: UUID) -> Response:
        """Ask for an officer's card, for another admin to approve

        The officer needs a photo.
        """
        at = clock.now()
        _, believed_until = _card_key()
        with transaction() as session:
            officer = find_officer(session, officer_id)
            asked = card.ask(
                session,
                officer,
                expires_on=given["expires_on"],
                believed_until=believed_until,
                by=who().user_id,
                at=at,
            )
            # The card has no token and code yet: the longest that a card may have stand in for them.
            card_pdf.refuse_unless_printable(
                _face(session, asked, "x" * 700, "00000-00000"), current.settings().council_name
            )
        return answer(CardOut().dump(asked), 201, location=f"/v1/cards/{asked.id}")

    @roles("admin")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, CardsOut)
    def get(self, given: dict[str, Any], officer_id: UUID) -> dict[str, Any]:
        """List an officer's cards, newest first"""
        return _list(given, officer_id)


@blp.route("/cards")
class Cards(Resource):
    @roles("admin")
    @blp.arguments(CardsIn, location="query")
    @blp.response(200, CardsOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List the cards, newest first"""
        return _list(given, None)


@blp.route("/cards/<uuid:card_id>")
class OneCard(Resource):
    @roles("admin")
    @blp.response(200, CardOut)
    def get(self, card_id: UUID) -> Card:
        """Show a card"""
        with reading() as session:
            return card.find(session, card_id)


@blp.route("/cards/<uuid:card_id>/approval")
class CardApproval(Resource):
    @roles("admin")
    @blp.response(201, CardOut)
    def post(self, card_id: UUID) -> Card:
        """Approve a card that another admin asked for; the officer's old card is revoked"""
        kid, believed_until = _card_key()
        with transaction() as session:
            found = card.find(session, card_id)
            found.approve(session, by=who().user_id, at=clock.now(), kid=kid, believed_until=believed_until)
            return found


@blp.route("/cards/<uuid:card_id>/refusal")
class CardRefusal(Resource):
    @roles("admin")
    @blp.arguments(CardRefusalIn)
    @blp.response(201, CardOut)
    def post(self, given: dict[str, Any], card_id: UUID) -> Card:
        """Refuse a card, or withdraw it"""
        with transaction() as session:
            found = card.find(session, card_id)
            found.refuse(session, by=who().user_id, reason=given["reason"], at=clock.now())
            return found


@blp.route("/cards/<uuid:card_id>/qr.svg")
class CardSvg(Resource):
    @roles("admin")
    @blp.response(200, {"type": "string"}, content_type="image/svg+xml")
    @blp.alt_response(409, response="CONFLICT")
    def get(self, card_id: UUID) -> Response:
        """The QR code of an approved card, in SVG"""
        return Response(qr.svg(_faces([card_id])[0].url), content_type="image/svg+xml")


@blp.route("/cards/<uuid:card_id>/qr.png")
class CardPng(Resource):
    @roles("admin")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="image/png")
    @blp.alt_response(409, response="CONFLICT")
    def get(self, card_id: UUID) -> Response:
        """The QR code of an approved card, in PNG"""
        return Response(qr.png(_faces([card_id])[0].url, PNG_PIXELS), content_type="image/png")


@blp.route("/cards/<uuid:card_id>/card.pdf")
class CardPdf(Resource):
    @roles("admin")
    @blp.arguments(CardPdfIn, location="query")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
    @blp.alt_response(409, response="CONFLICT")
    def get(self, given: dict[str, Any], card_id: UUID) -> Response:
        """An approved card to print: the same card every time

        A CR80 card has two pages, its front and its back.
        """
        return _pdf([card_id], given["size"], given["paper"])


@blp.route("/cards/print-run.pdf")
class PrintRun(Resource):
    @roles("admin")
    @blp.arguments(PrintRunIn, location="query")
    @blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
    @blp.alt_response(404, response="NOT_FOUND")
    @blp.alt_response(409, response="CONFLICT")
    def get(self, given: dict[str, Any]) -> Response:
        """The approved cards of a team in one PDF: one a page, or on sheets of A4 to cut

        Four A6 or ten CR80 cards make a sheet. Print at 100 %; CR80 cards on both sides, turned on the long edge.
        """
        return _pdf(given["card_ids"], given["size"], given["paper"])


def _list(given: dict[str, Any], officer_id: UUID | None) -> dict[str, Any]:
    query = select(Card)
    if officer_id is not None:
        query = query.where(Card.officer_id == officer_id)
    if "status" in given:
        query = query.where(Card.status == given["status"])
    key = (Card.requested_at, Card.id)
    paged = after(query, key, (datetime, UUID), given.get("cursor"), newest_first=True)
    with reading() as session:
        if officer_id is not None:
            find_officer(session, officer_id)
        found = session.scalars(paged.limit(given["limit"] + 1)).all()
    items, cursor = page(found, given["limit"], ("requested_at", "id"))
    return {"items": items, "next_cursor": cursor}


def _pdf(card_ids: Sequence[UUID], size: Size, paper: Paper) -> Response:
    settings, faces = current.settings(), _faces(card_ids)
    content = card_pdf.draw(faces, size, paper, council=settings.council_name, phone=settings.council_phone)
    return Response(content, content_type="application/pdf")


def _faces(card_ids: Sequence[UUID]) -> list[Face]:
    """What is printed on these cards. Raises CardState unless each is approved and good, and its key can sign."""
    settings, keyring, at = current.settings(), current.keyring(), clock.now()
    faces = []
    with reading() as session:
        for card_id in card_ids:
            found = card.find(session, card_id)
            badge = card.good_badge(session, found, at)
            try:
                token = mint_card(keyring, issuer=settings.badge_issuer, card=found, badge=badge)
            except KeysUnusable:
                # It was destroyed once newer keys signed, or was stolen: no other can say the same.
                raise CardState("The key that signed this card signs no more. Ask for a new card.") from None
            code = card_code(keyring.short_code_secret, found, badge)
            faces.append(_face(session, found, f"{settings.public_base_url}/b/{token}", code))
    return faces


def _face(session: Session, of: Card, url: str, code: str) -> Face:
    jpeg = find_photo(session, of.photo_id).jpeg
    assert jpeg is not None  # noqa: S101 - a photo that is on a card waits for its approval or has it
    return Face(
        display_name=of.display_name,
        job_title=of.job_title,
        employment=of.employment,
        company=of.company,
        expires_on=of.expires_on,
        photo=jpeg,
        url=url,
        code=code,
    )


def _card_key() -> tuple[str, datetime]:
    """The key that signs cards now, and until when it is believed."""
    keyring = current.keyring()
    kid = keyring.signing_key(Purpose.CARD, clock.now()).kid
    key = keyring.verifying_key(kid)
    assert key is not None  # noqa: S101 - the registry that gave the key names it
    return kid, key.verify_until
