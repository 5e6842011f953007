"""What an officer's phone reports of a visit: on the way, late, at the door, done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from api import current
from api.auth import refuse_unless_theirs, roles, who
from api.blueprint import Blueprint, Resource, answer, check_version, versioned
from api.fields import Instant, Text, YesNo
from api.visits import ArrivalOut, VisitOut, arrival_out, visit_out
from models import clock
from models.badge_shown import show_badge
from models.database import transaction
from models.no_access import MOST_CALLS, AtTheDoor
from models.phone_clock import Kept
from models.user import Role
from models.visit import Outcome, Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent, already_sent
from models.visit_rows import find_locked, find_with_diary_locked
from notifications.cascade import report_delay
from notifications.feedback import ask_how_it_went
from notifications.missed import take_back_missed
from notifications.missed_you import tell_no_access
from notifications.outbox import stop_late_texts

blp = Blueprint("events", __name__, url_prefix="/v1/visits", description="What officers report")


class _FromPhone(ma.Schema):
    client_id = fields.UUID(
        required=True, metadata={"description": "A UUID the phone made: sending it again is harmless"}
    )


class DepartureIn(_FromPhone):
    """On the way."""

    departed_at = Instant()


class DelayIn(_FromPhone):
    """When the officer expects to be at the door."""

    expected_at = Instant(required=True)
    reason = Text(longest=500, load_default=None, allow_none=True)
    reported_at = Instant(metadata={"description": "When you said so, if it was before now"})


class _AtTheDoor(_FromPhone):
    latitude = fields.Float(allow_none=True, allow_nan=False, validate=validate.Range(-90, 90))
    longitude = fields.Float(allow_none=True, allow_nan=False, validate=validate.Range(-180, 180))
    accuracy_m = fields.Float(allow_none=True, allow_nan=False, validate=validate.Range(0, 100_000))

    @validates_schema
    def both_or_neither(self, data: dict[str, Any], **_: Any) -> None:
        if (data.get("latitude") is None) != (data.get("longitude") is None):
            raise ValidationError("Give latitude and longitude together.", "latitude")


class ArrivalIn(_AtTheDoor):
    """At the door, with the phone's own time and, if it has one, its position."""

    arrived_at = Instant(required=True)


class BadgeShownIn(_FromPhone):
    """When the badge was on the phone's screen at the door."""

    shown_at = Instant(required=True)


class BadgeShownOut(ma.Schema):
    """That it is in the visit's history."""

    shown_at = Instant(required=True)
    recorded_at = Instant(required=True)
    flags = fields.List(fields.String(), required=True)


class CallIn(ma.Schema):
    """One try to ring the resident from the door."""

    at = Instant(required=True)
    answered = YesNo(load_default=False)


class OutcomeIn(_AtTheDoor):
    """How the visit ended. Where the phone was, and the tries to ring, are for `no_access` alone."""

    outcome = fields.Enum(Outcome, by_value=fields.String, required=True)
    finished_at = Instant(required=True)
    note = Text(longest=1000, lines=True, load_default=None, allow_none=True)
    calls = fields.List(fields.Nested(CallIn), validate=validate.Length(max=MOST_CALLS))

    @validates_schema
    def nobody_opened(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("outcome") is Outcome.NO_ACCESS:
            return
        for name in ("latitude", "accuracy_m", "calls"):
            if data.get(name) is not None:
                raise ValidationError("Give this only with the outcome no_access.", name)


class _ToldOut(ma.Schema):
    expected_at = Instant(required=True, metadata={"description": "As told: up to 5 minutes, never early"})
    promised_at = Instant(required=True)
    told = fields.Boolean(required=True)
    message_id = fields.UUID(required=True, allow_none=True)
    contact_task_id = fields.UUID(metadata={"description": "A person rings the resident"})


class CascadeOut(_ToldOut):
    """A later visit of the day that is now expected at another time, and how its resident is told."""

    visit_id = fields.UUID(required=True)


class DelayOut(_ToldOut):
    """What became of a delay: whether the resident is told, and which later visits it touches."""

    cascade = fields.List(fields.Nested(CascadeOut), required=True)
    flags = fields.List(fields.String(), metadata={"description": "What is odd about it, if anything is"})


@dataclass(frozen=True, slots=True)
class Sent:
    """What came from a phone, validated, with who sent it and when we got it. `kept` if it had to wait there."""

    given: dict[str, Any]
    by: UUID
    at: datetime
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of report: what it does to its visit, found as it needs it, and what the answer is made of."""

    kind: EventKind
    do: Callable[[Session, Visit, Sent], VisitEvent]
    out: Callable[[Visit, VisitEvent], dict[str, Any]]
    find: Callable[[Session, UUID], Visit] = find_locked


def take(
    step: Step, visit_id: UUID, sent: Sent, *, check: Callable[[Visit], None] | None = None
) -> tuple[Visit, VisitEvent]:
    """Do it once for its client_id; a phone that sends it again gets the same answer.

    `check` may refuse the visit as it is before anything is done to it.
    """
    with transaction() as session:
        visit = step.find(session, visit_id)
        refuse_unless_theirs(visit)
        event = already_sent(session, visit_id, sent.given["client_id"], step.kind)
        if event is None:
            if check is not None:
                check(visit)
            event = step.do(session, visit, sent)
        return visit, event


def _depart(session: Session, visit: Visit, sent: Sent) -> VisitEvent:
    given = sent.given
    return visit.depart(
        session,
        departed_at=given.get("departed_at", sent.at),
        client_id=given["client_id"],
        by=sent.by,
        at=sent.at,
        kept=sent.kept,
    )


def _delay(session: Session, visit: Visit, sent: Sent) -> VisitEvent:
    given = sent.given
    return report_delay(
        session,
        visit,
        expected_at=given["expected_at"],
        reason=given["reason"],
        said_at=given.get("reported_at"),
        client_id=given["client_id"],
        by=sent.by,
        at=sent.at,
        kept=sent.kept,
    )


def _arrive(session: Session, visit: Visit, sent: Sent) -> VisitEvent:
    given = sent.given
    was_missed = visit.status is VisitStatus.MISSED
    latitude, longitude = given.get("latitude"), given.get("longitude")
    arrival = visit.arrive(
        session,
        arrived_at=given["arrived_at"],
        position=None if latitude is None or longitude is None else (latitude, longitude),
        accuracy_m=given.get("accuracy_m"),
        client_id=given["client_id"],
        by=sent.by,
        at=sent.at,
        kept=sent.kept,
    )
    _nobody_waits_any_more(session, visit, sent.at, was_missed)
    return arrival


def _show_badge(session: Session, visit: Visit, sent: Sent) -> VisitEvent:
    given = sent.given
    return show_badge(
        session,
        visit,
        shown_at=given["shown_at"],
        client_id=given["client_id"],
        by=sent.by,
        at=sent.at,
        kept=sent.kept,
    )


def _badge_shown_out(_: Visit, event: VisitEvent) -> dict[str, Any]:
    return {
        "shown_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "flags": event.details.get("flags", []),
    }


def _finish(session: Session, visit: Visit, sent: Sent) -> VisitEvent:
    given = sent.given
    was_missed = visit.status is VisitStatus.MISSED
    finished = visit.finish(
        session,
        outcome=given["outcome"],
        finished_at=given["finished_at"],
        note=given["note"],
        client_id=given["client_id"],
        by=sent.by,
        at=sent.at,
        kept=sent.kept,
        door=AtTheDoor.of(given),
    )
    _nobody_waits_any_more(session, visit, sent.at, was_missed)
    if visit.status is VisitStatus.NO_ACCESS:
        tell_no_access(session, visit, at=sent.at)
    elif visit.status is VisitStatus.COMPLETED:
        after = timedelta(minutes=current.settings().feedback_after_minutes)
        ask_how_it_went(session, visit, after=after, at=sent.at)
    return finished


def _nobody_waits_any_more(session: Session, visit: Visit, at: datetime, was_missed: bool) -> None:
    """Stop what is no news once somebody has come, and take back what we said if we thought that nobody had."""
    stop_late_texts(session, visit, at=at)
    if was_missed and visit.status is not VisitStatus.MISSED:
        take_back_missed(session, visit, at=at)


DEPARTURE = Step(EventKind.DEPARTED, _depart, lambda visit, _: visit_out(visit))
DELAY = Step(EventKind.DELAYED, _delay, lambda _, event: event.details, find=find_with_diary_locked)
ARRIVAL = Step(EventKind.ARRIVED, _arrive, lambda visit, _: arrival_out(visit))
BADGE_SHOWN = Step(EventKind.BADGE_SHOWN, _show_badge, _badge_shown_out)
OUTCOME = Step(EventKind.FINISHED, _finish, lambda visit, _: visit_out(visit))


def _single(step: Step, given: dict[str, Any], visit_id: UUID) -> Response:
    """The answer to one report in a call of its own. A scheduler has to say which version they read."""
    sent = Sent(given, who().user_id, clock.now())
    by_scheduler = who().role is Role.SCHEDULER
    visit, event = take(
        step, visit_id, sent, check=lambda found: check_version(found.version, required=by_scheduler)
    )
    return answer(step.out(visit, event), 201, version=visit.version)


@blp.route("/<uuid:visit_id>/departure")
class Departure(Resource):
    @roles("officer")
    @versioned
    @blp.arguments(DepartureIn)
    @blp.response(201, VisitOut)
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Say that you are on the way"""
        return _single(DEPARTURE, given, visit_id)


@blp.route("/<uuid:visit_id>/delays")
class Delays(Resource):
    @roles("officer", "scheduler")
    @versioned
    @blp.arguments(DelayIn)
    @blp.response(201, DelayOut)
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Say that you will be late; whoever has to wait for more than 15 minutes is told at once

        That may be residents of later visits of the day, too: `cascade` has each visit that is now expected
        later than booked, or at another time than before.
        """
        return _single(DELAY, given, visit_id)


@blp.route("/<uuid:visit_id>/arrivals")
class Arrivals(Resource):
    @roles("officer")
    @versioned
    @blp.arguments(ArrivalIn)
    @blp.response(201, ArrivalOut)
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Say that you are at the door: before any work starts

        A time that looks wrong is flagged, never refused.
        """
        return _single(ARRIVAL, given, visit_id)


@blp.route("/<uuid:visit_id>/badge-shown")
class BadgeShown(Resource):
    @roles("officer")
    @versioned
    @blp.arguments(BadgeShownIn)
    @blp.response(201, BadgeShownOut)
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Say that you have shown your badge at the door

        It is written into the visit's history and changes nothing else.
        """
        return _single(BADGE_SHOWN, given, visit_id)


@blp.route("/<uuid:visit_id>/outcome")
class OutcomeOfVisit(Resource):
    @roles("officer")
    @versioned
    @blp.arguments(OutcomeIn)
    @blp.response(201, VisitOut)
    def post(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """Say how the visit ended: completed, or nobody let you in

        With `no_access` say where the phone was and when you tried to ring, if you did. The resident is told that
        you came, and how to have another visit; a photo of the door goes to `no-access-photo`.
        """
        return _single(OUTCOME, given, visit_id)
