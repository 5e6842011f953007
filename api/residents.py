"""Residents: whom we visit, and how to reach them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import roles
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Phone, Postcode, Text
from api.paging import after, page
from models import clock
from models.database import reading, transaction
from models.errors import Unknown
from models.number import clear_unusable, known
from models.resident import FORGOTTEN, ContactBy, PlaceFrom, Resident
from notifications.fallback import stop_old_ways

blp = Blueprint("residents", __name__, url_prefix="/v1/residents", description="Residents")

ADDRESS = ("line_1", "line_2", "town", "postcode", "latitude", "longitude", "uprn", "ward")


class Address(ma.Schema):
    """Where a resident lives. `latitude` and `longitude` (degrees) go together, and are those of the door or of
    the UPRN: they win over the postcode. Without them the home is where its postcode is.

    An address as it was answered may be sent back: a place that came from the postcode is then found anew.
    """

    line_1 = Text(required=True, longest=120)
    line_2 = Text(longest=120, allow_none=True)
    town = Text(required=True, longest=80)
    postcode = Postcode(required=True)
    latitude = fields.Float(allow_none=True, allow_nan=False, validate=validate.Range(-90, 90))
    longitude = fields.Float(allow_none=True, allow_nan=False, validate=validate.Range(-180, 180))
    uprn = fields.String(
        allow_none=True,
        validate=validate.Regexp(r"\A[0-9]{1,12}\Z", error="Give the UPRN as 1 to 12 digits."),
        metadata={"description": "Unique Property Reference Number"},
    )

    ward = Text(longest=60, allow_none=True, metadata={"description": "What the figures are parted by"})
    place_from = fields.Enum(
        PlaceFrom,
        by_value=fields.String,
        metadata={"description": "Ours to say; sent back, it marks a place that came from the postcode"},
    )

    @validates_schema
    def both_or_neither(self, data: dict[str, Any], **_: Any) -> None:
        if (data.get("latitude") is None) != (data.get("longitude") is None):
            raise ValidationError("Give latitude and longitude together.", "latitude")


class _Common(ma.Schema):
    phone = Phone(allow_none=True)
    second_phone = Phone(
        allow_none=True, metadata={"description": "A carer's or another number, tried if the first fails"}
    )
    email = fields.Email(allow_none=True, validate=validate.Length(max=254))
    language = fields.String(
        validate=validate.Regexp(
            r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z", error="Give a language tag, such as en or gu."
        )
    )
    contact_by = fields.Enum(ContactBy, by_value=fields.String)
    needs = Text(
        longest=500,
        lines=True,
        allow_none=True,
        metadata={"description": "What the officer should know, such as: ring the bell twice"},
    )


class ResidentIn(_Common):
    """A new resident."""

    name = Text(required=True, longest=120)
    address = fields.Nested(Address, required=True)


class ResidentPatch(_Common):
    """What to change of a resident. An address is given whole."""

    name = Text(longest=120)
    address = fields.Nested(Address)


class NotTextedOut(ma.Schema):
    """A number of the resident's that is not texted."""

    number = fields.String(required=True)
    stopped_at = Instant(required=True, allow_none=True, metadata={"description": "Its owner said STOP"})
    unusable_at = Instant(required=True, allow_none=True, metadata={"description": "No text can reach it"})
    unusable_code = fields.String(required=True, allow_none=True)


class ResidentOut(ma.Schema):
    """A resident. Telephone numbers are in E.164."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    phone = fields.String(allow_none=True, required=True)
    second_phone = fields.String(allow_none=True, required=True)
    email = fields.String(allow_none=True, required=True)
    language = fields.String(required=True)
    contact_by = fields.Enum(ContactBy, by_value=fields.String, required=True)
    needs = fields.String(allow_none=True, required=True)
    address = fields.Function(
        lambda resident: {name: resident[name] for name in (*ADDRESS, "place_from")},
        required=True,
        metadata={
            "type": "object",
            "description": "`place_from` says how the place is known: a `pin`, the `uprn`, the `postcode`, or"
            " `unknown`. Journeys from and to an unknown place are guessed",
        },
    )
    not_texted = fields.List(
        fields.Nested(NotTextedOut),
        required=True,
        metadata={
            "description": "Numbers that are told in other ways. One entered anew is tried again, unless stopped"
        },
    )
    created_at = Instant(required=True)


class ResidentsOut(ma.Schema):
    """A page of residents."""

    items = fields.List(fields.Nested(ResidentOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


def _shown(session: Session, residents: Sequence[Resident]) -> list[dict[str, Any]]:
    """What ResidentOut says of each, with what is known of their numbers."""
    numbers = {number for each in residents for number in (each.phone, each.second_phone) if number}
    heeded = {
        number: row
        for number, row in known(session, numbers).items()
        if row.stopped_at is not None or row.unusable_at is not None
    }
    shown = []
    for each in residents:
        theirs = dict.fromkeys(number for number in (each.phone, each.second_phone) if number in heeded)
        columns = {column.name: getattr(each, column.name) for column in Resident.__table__.columns}
        shown.append(columns | {"not_texted": [heeded[number] for number in theirs if number]})
    return shown


def _change(session: Session, resident: Resident, given: dict[str, Any]) -> None:
    address = given.pop("address", None)
    if address is not None:
        if _is_of_postcode(resident, address):
            address |= {"latitude": None, "longitude": None}
        given.update({name: address.get(name) for name in ADDRESS})
    for name, value in given.items():
        setattr(resident, name, value)
        if name in ("phone", "second_phone") and value:
            clear_unusable(session, value)
    if address is not None:
        resident.settle_place(session)


def _is_of_postcode(resident: Resident, address: dict[str, Any]) -> bool:
    """Whether these coordinates are but those that we answered for a postcode, and nobody's pin.

    A client that changes the postcode in what it read would else leave the home where the old one is; and one
    that moves the pin in it means the pin.
    """
    if resident.place_from is PlaceFrom.POSTCODE:
        return resident.place == (address.get("latitude"), address.get("longitude"))
    return address.get("place_from") is PlaceFrom.POSTCODE


@blp.route("")
class Residents(Resource):
    @roles("scheduler")
    @blp.arguments(ResidentIn)
    @blp.response(201, ResidentOut)
    def post(self, given: dict[str, Any]) -> Response:
        """Add a resident"""
        new = Resident(created_at=clock.now(), language="en", contact_by=ContactBy.TEXT)
        with transaction() as session:
            _change(session, new, given)
            session.add(new)
            session.flush()
            shown = _shown(session, [new])[0]
        return answer(ResidentOut().dump(shown), 201, location=f"/v1/residents/{new.id}")

    @roles("scheduler")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, ResidentsOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List the residents, by name"""
        known_ones = select(Resident).where(Resident.name != FORGOTTEN)
        query = after(known_ones, (Resident.name, Resident.id), (str, UUID), given.get("cursor"))
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
            items, cursor = page(found, given["limit"], ("name", "id"))
            return {"items": _shown(session, items), "next_cursor": cursor}


@blp.route("/<uuid:resident_id>")
class OneResident(Resource):
    @roles("scheduler")
    @blp.response(200, ResidentOut)
    def get(self, resident_id: UUID) -> dict[str, Any]:
        """Show a resident"""
        with reading() as session:
            return _shown(session, [_find(session, resident_id)])[0]

    @roles("scheduler")
    @blp.arguments(ResidentPatch)
    @blp.response(200, ResidentOut)
    def patch(self, given: dict[str, Any], resident_id: UUID) -> dict[str, Any]:
        """Change a resident"""
        with transaction() as session:
            resident = _find(session, resident_id)
            _change(session, resident, given)
            session.flush()
            stop_old_ways(session, resident, clock.now())
            return _shown(session, [resident])[0]


def _find(session: Session, resident_id: UUID) -> Resident:
    found = session.get(Resident, resident_id)
    if found is None or found.forgotten:
        raise Unknown("No resident has this id.")
    return found
