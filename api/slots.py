"""Slots: who can be at a door, and when."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

from api.auth import roles
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Postcode, Skills, Whole
from api.paging import cursor_for, read_cursor
from api.visits import LONGEST_MINUTES, SHORTEST_MINUTES
from models import clock, travel
from models.database import reading
from models.errors import Unprocessable
from models.no_slot import NoSlot
from models.postcode import find_place
from models.resident import Resident
from models.slot_search import LONGEST_SEARCH, Answer, Ask, Offer, search
from models.visit import FARTHEST_AHEAD

blp = Blueprint("slots", __name__, url_prefix="/v1/slots", description="Who can come, and when")

USUAL_SEARCH = timedelta(days=14)


class SlotsIn(ListIn):
    """What for, where and when. Give `resident_id`, or the `postcode` of somebody who is not entered yet."""

    duration_minutes = Whole(required=True, least=SHORTEST_MINUTES, most=LONGEST_MINUTES, strict=False)
    from_ = Instant(data_key="from", metadata={"description": "Now, if left out or past"})
    to = Instant(metadata={"description": "The visit begins before this; two weeks later, if left out"})
    resident_id = fields.UUID()
    postcode = Postcode()
    skills = Skills(load_default=list)


class SlotOut(ma.Schema):
    """One officer and start."""

    officer_id = fields.UUID(required=True)
    starts_at = Instant(required=True)
    extra_minutes = fields.Float(
        required=True, metadata={"description": "On the road, more than without this visit"}
    )
    on_time_probability = fields.Float(
        required=True, metadata={"description": "That the officer is there within 15 minutes of the start"}
    )


class RelaxationOut(ma.Schema):
    """The least that would have to give, when there is no slot."""

    officer_id = fields.UUID(required=True)
    starts_at = Instant(required=True)
    rules = fields.List(fields.Enum(NoSlot, by_value=fields.String), required=True)
    short_minutes = fields.Float(required=True, metadata={"description": "By how much they are missed together"})


class SlotsOut(ma.Schema):
    """Every slot, best first: little extra travel, surely on time, no gaps of no use, an officer who is known.

    Without any, `reasons` counts why not, by officer and day.
    """

    items = fields.List(fields.Nested(SlotOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)
    reasons = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    relaxation = fields.Nested(RelaxationOut, required=True, allow_none=True)


@blp.route("")
class Slots(Resource):
    @roles("scheduler")
    @blp.arguments(SlotsIn, location="query")
    @blp.response(200, SlotsOut)
    def get(self, given: dict[str, Any]) -> Response:
        """Find every start at which somebody can be there, best first

        Starts are quarters of an hour, over at most 28 days. Each holds with the ways before and after it, the
        officer's hours and lunch, and enough time in hand to be there within 15 minutes in 95 of 100 cases.
        """
        with reading() as session:
            at = clock.now()
            found = search(session, _ask(session, given, at), travel.in_use(), at)
        offers, cursor = _page(found.offers, given["limit"], given.get("cursor"))
        return answer(
            {
                "items": [_out(offer) for offer in offers],
                "next_cursor": cursor,
                "reasons": {reason.value: count for reason, count in sorted(found.reasons.items())},
                "relaxation": _relaxation(found),
            }
        )


def _ask(session: Session, given: dict[str, Any], at: datetime) -> Ask:
    """Raises Unprocessable for a time or place that cannot be meant."""
    earliest = max(given.get("from_", at), at)
    latest = given.get("to", earliest + USUAL_SEARCH)
    if latest <= earliest:
        raise Unprocessable("to", "This is not after from, or it is past.")
    if latest - earliest > LONGEST_SEARCH:
        raise Unprocessable("to", f"Search at most {LONGEST_SEARCH.days} days at a time.")
    if latest > at + FARTHEST_AHEAD:
        raise Unprocessable("to", f"Visits are booked at most {FARTHEST_AHEAD.days} days ahead.")
    place, postcode = _where(session, given)
    return Ask(
        earliest=earliest,
        latest=latest,
        duration=timedelta(minutes=given["duration_minutes"]),
        place=place,
        postcode=postcode,
        skills=frozenset(given["skills"]),
        resident_id=given.get("resident_id"),
    )


def _where(session: Session, given: dict[str, Any]) -> tuple[tuple[float, float] | None, str]:
    if ("resident_id" in given) == ("postcode" in given):
        raise Unprocessable("resident_id", "Give resident_id or postcode, and not both.")
    if "postcode" in given:
        return find_place(session, given["postcode"]), given["postcode"]
    resident = session.get(Resident, given["resident_id"])
    if resident is None or resident.forgotten:
        raise Unprocessable("resident_id", "No resident has this id.")
    return resident.place, resident.postcode


_KEY = (str, datetime, UUID)


def _page(offers: Sequence[Offer], limit: int, cursor: str | None) -> tuple[Sequence[Offer], str | None]:
    """The offers after the cursor. They are ranked anew each time: what was booked since is not among them."""
    first = bisect_right(offers, tuple(read_cursor(cursor, _KEY)), key=_key) if cursor is not None else 0
    page = offers[first : first + limit]
    return page, cursor_for(_key(page[-1])) if len(offers) > first + limit else None


def _key(offer: Offer) -> tuple[str, datetime, UUID]:
    """The offer's place in the ranking; the cost as text that sorts as it does."""
    return f"{offer.cost + 1_000:012.4f}", offer.starts_at, offer.officer_id


def _out(offer: Offer) -> dict[str, Any]:
    return {
        "officer_id": offer.officer_id,
        "starts_at": offer.starts_at,
        "extra_minutes": round(offer.slot.extra_s / 60, 1),
        "on_time_probability": round(offer.slot.on_time_probability, 3),
    }


def _relaxation(found: Answer) -> dict[str, Any] | None:
    if found.relaxation is None:
        return None
    officer_id, relaxation = found.relaxation
    return {
        "officer_id": officer_id,
        "starts_at": datetime.fromtimestamp(relaxation.starts, UTC),
        "rules": sorted(relaxation.rules),
        "short_minutes": round(relaxation.short_s / 60, 1),
    }
