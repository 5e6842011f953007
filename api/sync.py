"""What a phone has kept while it had no signal: many reports in one call, each taken and answered by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from marshmallow import ValidationError, fields, validate

from api.auth import roles, who
from api.blueprint import Blueprint, Resource, answer
from api.errors import not_valid, refusal
from api.fields import Instant
from api.visit_events import (
    ARRIVAL,
    BADGE_SHOWN,
    DELAY,
    DEPARTURE,
    OUTCOME,
    ArrivalIn,
    BadgeShownIn,
    DelayIn,
    DepartureIn,
    OutcomeIn,
    Sent,
    Step,
    take,
)
from models import clock
from models.database import reading
from models.errors import BrokenRule
from models.phone_clock import Kept, PhoneClock
from models.visit_event import VisitEvent
from models.visit_rows import find

blp = Blueprint("sync", __name__, url_prefix="/v1/me", description="An officer's own day and badge")

MOST_EVENTS = 300
LARGEST_BODY = 512 * 1024


class _Kept(ma.Schema):
    type = fields.String(required=True)
    visit_id = fields.UUID(required=True)


class _KeptDeparture(_Kept, DepartureIn):
    pass


class _KeptDelay(_Kept, DelayIn):
    pass


class _KeptArrival(_Kept, ArrivalIn):
    pass


class _KeptBadgeShown(_Kept, BadgeShownIn):
    pass


class _KeptOutcome(_Kept, OutcomeIn):
    pass


_TYPES: dict[str, tuple[Step, ma.Schema]] = {
    "departure": (DEPARTURE, _KeptDeparture()),
    "delay": (DELAY, _KeptDelay()),
    "arrival": (ARRIVAL, _KeptArrival()),
    "badge_shown": (BADGE_SHOWN, _KeptBadgeShown()),
    "outcome": (OUTCOME, _KeptOutcome()),
}
_PHONE_TIMES = ("departed_at", "reported_at", "expected_at", "arrived_at", "shown_at", "finished_at")


class SyncIn(ma.Schema):
    """What a phone has kept."""

    sent_at = Instant(
        required=True,
        metadata={"description": "What the phone's clock shows as it sends this: read it anew for each try"},
    )
    events = fields.List(
        fields.Dict(
            keys=fields.String(),
            metadata={
                "description": f"`type` ({', '.join(f'`{name}`' for name in _TYPES)}), `visit_id`, and the fields"
                " of that call. What is wrong with one is said in its result."
            },
        ),
        required=True,
        validate=validate.Length(min=1, max=MOST_EVENTS),
    )


class SyncResultOut(ma.Schema):
    """What became of one event: the status that the call of its own would have given, and its body or problem."""

    client_id = fields.String(required=True, allow_none=True, metadata={"description": "As it was sent"})
    status = fields.Integer(required=True)
    body = fields.Dict(metadata={"description": "What that call answers, once all of the batch is in"})
    flags = fields.List(fields.String(), metadata={"description": "What is odd about the event"})
    type = fields.String(metadata={"description": "From here on: why it was refused, as a problem document"})
    title = fields.String()
    detail = fields.String()
    errors = fields.Dict()


class SyncOut(ma.Schema):
    """A result for each event, in the order in which they were sent."""

    results = fields.List(fields.Nested(SyncResultOut), required=True)


@dataclass(frozen=True, slots=True)
class _Taken:
    """An event that is in the history."""

    step: Step
    visit_id: UUID
    event: VisitEvent


@blp.route("/sync")
class Sync(Resource):
    one_change = False

    def dispatch_request(self, **kwargs: Any) -> Any:
        request.max_content_length = LARGEST_BODY
        return super().dispatch_request(**kwargs)

    @roles("officer")
    @blp.arguments(SyncIn)
    @blp.response(207, SyncOut)
    def post(self, given: dict[str, Any]) -> Response:
        """Send what my phone has kept while it had no signal

        Each event is taken by itself, in any order, and one that was sent before is answered once more. Nothing is
        refused for being late; what is odd is flagged. Where the phone's clock is wrong by more than a few
        seconds, as `sent_at` shows, every time is put right and the phone's own is kept in the visit's history.
        """
        phone = PhoneClock.read(given["sent_at"], clock.now())
        taken = [_take(event, phone, clock.now()) for event in given["events"]]
        return answer({"results": _results(given["events"], taken)}, 207)


def _take(event: dict[str, Any], phone: PhoneClock, at: datetime) -> _Taken | dict[str, Any]:
    """Do what one event says, in a transaction of its own; why not, if it is refused."""
    try:
        step, given = _read(event)
        sent = Sent(_put_right(given, phone), who().user_id, at, Kept(phone, _phone_times(given)))
        return _Taken(step, given["visit_id"], take(step, given["visit_id"], sent)[1])
    except ValidationError as error:
        return not_valid(error.messages)
    except BrokenRule as rule:
        return refusal(rule)


def _read(event: dict[str, Any]) -> tuple[Step, dict[str, Any]]:
    """What kind of report an event is, and its fields. Raises ValidationError."""
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValidationError({"type": [f"Give one of {', '.join(_TYPES)}."]})
    step, schema = _TYPES[kind]
    return step, schema.load(event)


def _phone_times(given: Mapping[str, Any]) -> dict[str, Any]:
    """The times that the phone's clock showed; those of calls are a list."""
    times: dict[str, Any] = {name: given[name] for name in _PHONE_TIMES if name in given}
    return times | ({"calls": [call["at"] for call in given["calls"]]} if given.get("calls") else {})


def _put_right(given: dict[str, Any], phone: PhoneClock) -> dict[str, Any]:
    right: dict[str, Any] = {name: phone.right(given[name]) for name in _PHONE_TIMES if name in given}
    if "calls" in given:
        right["calls"] = [call | {"at": phone.right(call["at"])} for call in given["calls"]]
    return given | right


def _results(events: list[dict[str, Any]], taken: list[_Taken | dict[str, Any]]) -> list[dict[str, Any]]:
    """What became of each event. The visits are answered as they are after the last of them, so that a batch that
    is sent again is answered alike."""
    with reading() as session:
        visit_ids = {each.visit_id for each in taken if isinstance(each, _Taken)}
        visits = {visit_id: find(session, visit_id) for visit_id in visit_ids}
    results = []
    for sent, each in zip(events, taken, strict=True):
        result: dict[str, Any] = {"client_id": _client_id(sent)}
        if isinstance(each, _Taken):
            result["status"] = 201
            result["flags"] = each.event.details.get("flags", [])
            result["body"] = each.step.out(visits[each.visit_id], each.event)
        else:
            result |= each
        results.append(result)
    return results


def _client_id(event: dict[str, Any]) -> str | None:
    """The client_id as the phone spells it; None for what is none, which is not repeated."""
    try:
        return str(event["client_id"]) if UUID(event["client_id"]) else None
    except (LookupError, ValueError, TypeError, AttributeError):
        return None
