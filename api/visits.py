"""Visits: book them, find them, read what happened to them."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from marshmallow import ValidationError, fields, validates_schema
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Row,
    Select,
    Uuid,
    bindparam,
    select,
    tuple_,
    union_all,
)

from api.auth import refuse_unless_theirs, roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Skills, Text, Whole
from api.overrides import Overrides, WarningOut, warnings_out
from api.paging import after, page, read_cursor
from models import booking, clock, prepared, standards
from models.database import looking, reading, transaction
from models.diary import LONGEST_VISIT
from models.errors import NotYours, Unprocessable
from models.missed_standard import Standard, marks_of, standards_missed
from models.prepared import Prepared
from models.resident import Resident
from models.standards import Punctuality
from models.user import Role, User
from models.visit import Outcome, Visit, VisitStatus
from models.visit_event import VisitEvent
from models.visit_rows import find
from notifications import outbox

blp = Blueprint("visits", __name__, url_prefix="/v1/visits", description="Home visits")

SHORTEST_MINUTES = 5
LONGEST_MINUTES = int(LONGEST_VISIT.total_seconds() // 60)


class VisitIn(ma.Schema):
    """A visit to book. A visit that already happened may be entered if `reason` says why."""

    resident_id = fields.UUID(required=True)
    officer_id = fields.UUID(allow_none=True, load_default=None)
    second_officer_id = fields.UUID(
        allow_none=True,
        load_default=None,
        metadata={"description": "Who comes together with the first; both are booked, or neither"},
    )
    purpose = Text(required=True, longest=200)
    visit_type = Text(
        longest=60,
        allow_none=True,
        load_default=None,
        metadata={"description": "What the figures are parted by, such as repair; `purpose` is in free words"},
    )
    starts_at = Instant(required=True)
    duration_minutes = Whole(required=True, least=SHORTEST_MINUTES, most=LONGEST_MINUTES)
    skills = Skills(load_default=list)
    reason = Text(longest=500, load_default=None, allow_none=True)
    overrides = Overrides()


class VisitsIn(ListIn):
    """Which visits: those that start from `from` until before `to`."""

    from_ = Instant(data_key="from")
    to = Instant()
    officer_id = fields.UUID()
    resident_id = fields.UUID()
    status = fields.Enum(VisitStatus, by_value=fields.String)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if "from_" in data and "to" in data and data["from_"] >= data["to"]:
            raise ValidationError("Give a time after from.", "to")


class ArrivalOut(ma.Schema):
    """When the officer came to the door, judged by the 15-minute rule."""

    arrived_at = Instant(required=True)
    recorded_at = Instant(required=True)
    promised_at = Instant(required=True, metadata={"description": "The latest fair promise"})
    seconds_from_promise = fields.Float(required=True, metadata={"description": "Negative is early"})
    punctuality = fields.Enum(Punctuality, by_value=fields.String, required=True)
    flags = fields.List(fields.String(), required=True)


class VisitOut(ma.Schema):
    """A visit. `arrival` and `outcome` are there once there is one."""

    id = fields.UUID(required=True)
    reference = fields.String(required=True, metadata={"description": "To read out, such as HV-7K2M-9XQ4"})
    status = fields.Enum(VisitStatus, by_value=fields.String, required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    duration_minutes = fields.Integer(required=True)
    officer_id = fields.UUID(required=True, allow_none=True)
    second_officer_id = fields.UUID(required=True, allow_none=True)
    resident_id = fields.UUID(required=True)
    purpose = fields.String(required=True)
    visit_type = fields.String(required=True, allow_none=True)
    skills = fields.List(fields.String(), required=True)
    version = fields.Integer(required=True)
    expected_at = Instant(allow_none=True, required=True)
    confirmed_at = Instant(
        allow_none=True,
        required=True,
        metadata={"description": "When the resident said that this time suits them"},
    )
    arrival = fields.Nested(ArrivalOut)
    outcome = fields.Enum(Outcome, by_value=fields.String)
    finished_at = Instant()
    standards_missed = fields.List(
        fields.Enum(Standard, by_value=fields.String),
        metadata={
            "description": "In the answer of one visit, if any: somebody came late, nobody came, or a change was"
            " not told in time"
        },
    )


class BookedOut(VisitOut):
    """The visit that was booked, and what it breaks that refuses nothing."""

    warnings = fields.List(fields.Nested(WarningOut), required=True)


class VisitsOut(ma.Schema):
    """A page of visits."""

    items = fields.List(fields.Nested(VisitOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class EventOut(ma.Schema):
    """One thing that happened."""

    kind = fields.String(required=True)
    occurred_at = Instant(required=True, metadata={"description": "By the clock of whoever reports it"})
    recorded_at = Instant(required=True, metadata={"description": "When the server heard of it"})
    by = fields.String(required=True, allow_none=True, metadata={"description": "Username"})
    reason = fields.String(required=True, allow_none=True)
    details = fields.Dict(required=True)


class HistoryOut(ma.Schema):
    """All that happened, in order."""

    items = fields.List(fields.Nested(EventOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


VISIT_COLUMNS = (
    # Named, so that an order of two halves tells it from a resident's.
    Visit.id.label("id"),
    Visit.reference,
    Visit.status,
    Visit.starts_at,
    Visit.ends_at,
    Visit.officer_id,
    Visit.second_officer_id,
    Visit.resident_id,
    Visit.purpose,
    Visit.visit_type,
    Visit.skills,
    Visit.version,
    Visit.expected_at,
    Visit.confirmed_at,
    Visit.arrived_at,
    Visit.arrival_recorded_at,
    Visit.arrival_promised_at,
    Visit.arrival_flags,
    Visit.finished_at,
)


def visit_out(visit: Visit | Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """What VisitOut says, made by hand: lists of visits are the hottest answer there is."""
    out = {
        "id": visit.id,
        "reference": visit.reference,
        "status": visit.status,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "duration_minutes": int((visit.ends_at - visit.starts_at).total_seconds()) // 60,
        "officer_id": visit.officer_id,
        "second_officer_id": visit.second_officer_id,
        "resident_id": visit.resident_id,
        "purpose": visit.purpose,
        "visit_type": visit.visit_type,
        "skills": visit.skills,
        "version": visit.version,
        "expected_at": visit.expected_at,
        "confirmed_at": visit.confirmed_at,
    }
    if visit.arrived_at is not None:
        out["arrival"] = arrival_out(visit)
    if visit.finished_at is not None:
        out["outcome"] = visit.status
        out["finished_at"] = visit.finished_at
    return out


def arrival_out(visit: Visit | Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """What ArrivalOut says of a visit that has an arrival."""
    promised_at, arrived_at = visit.arrival_promised_at, visit.arrived_at
    assert promised_at is not None and arrived_at is not None  # noqa: S101 - an arrival has both
    seconds, punctuality = standards.judge_arrival(promised_at, arrived_at)
    return {
        "arrived_at": visit.arrived_at,
        "recorded_at": visit.arrival_recorded_at,
        "promised_at": visit.arrival_promised_at,
        "seconds_from_promise": int(seconds) if seconds.is_integer() else seconds,
        "punctuality": punctuality,
        "flags": visit.arrival_flags,
    }


@blp.route("")
class Visits(Resource):
    @roles("scheduler")
    @blp.arguments(VisitIn)
    @blp.response(201, BookedOut, headers={"Location": {"schema": {"type": "string"}}})
    def post(self, given: dict[str, Any]) -> Response:
        """Book a visit and tell the resident

        409 `diary-clash` if the officer, or one of two, already has a visit in this time; 409 `booking-rules` if
        they cannot be there in time, or not at all. `warnings` say what is broken of hours that are only assumed.
        """
        at = clock.now()
        with transaction() as session:
            resident = prepared.find(session, Resident, given["resident_id"])
            if resident is None or resident.forgotten:
                raise Unprocessable("resident_id", "No resident has this id.")
            visit = booking.book(
                session,
                resident=resident,
                officer_id=given["officer_id"],
                second_officer_id=given["second_officer_id"],
                purpose=given["purpose"],
                visit_type=given["visit_type"],
                skills=given["skills"],
                starts_at=given["starts_at"],
                duration=timedelta(minutes=given["duration_minutes"]),
                reason=given["reason"],
                by=who().user_id,
                at=at,
                overrides=given["overrides"],
            )
            if visit.starts_at > at:
                outbox.queue_visit_booked(session, visit, resident, at=at)
        said = visit_out(visit) | {"warnings": warnings_out(visit.warnings)}
        return answer(said, 201, version=visit.version, location=f"/v1/visits/{visit.id}")

    @roles("scheduler", "officer")
    @blp.arguments(VisitsIn, location="query")
    @blp.response(200, VisitsOut)
    def get(self, given: dict[str, Any]) -> Response:
        """List visits by start

        An officer gets only their own.
        """
        officer_id = given.get("officer_id")
        if who().role is Role.OFFICER:
            if officer_id not in (None, who().officer_id):
                raise NotYours("An officer sees only their own visits.")
            officer_id = who().officer_id
        wanted = {name: given[name] for name in _FILTERS if name in given and name != "officer_id"}
        if officer_id is not None:
            wanted["officer_id"] = officer_id
        if "cursor" in given:
            wanted["after_start"], wanted["after_id"] = read_cursor(given["cursor"], (datetime, UUID))
        connection = looking()
        listed = _list_by(frozenset(wanted), connection.dialect.name)
        found = listed.all(connection, most=given["limit"] + 1, **wanted)
        items, cursor = page(found, given["limit"], ("starts_at", "id"))
        return answer({"items": [visit_out(visit) for visit in items], "next_cursor": cursor})


_FILTERS = {
    "from_": Visit.starts_at >= bindparam("from_"),
    "to": Visit.starts_at < bindparam("to"),
    "resident_id": Visit.resident_id == bindparam("resident_id"),
    "status": Visit.status == bindparam("status"),
}
_AFTER = tuple_(Visit.starts_at, Visit.id) > tuple_(
    bindparam("after_start", type_=Visit.starts_at.type), bindparam("after_id", type_=Visit.id.type)
)


@cache
def _list_by(given: frozenset[str], dialect: str) -> Prepared:
    """The list narrowed by what was given: one statement for each of the few ways to ask."""
    conditions = [condition for name, condition in _FILTERS.items() if name in given]
    if "after_id" in given:
        conditions.append(_AFTER)
    visits = select(*VISIT_COLUMNS).where(*conditions)
    most = bindparam("most", type_=Integer)
    if "officer_id" in given:
        listed = of_officer(visits, most if dialect == "postgresql" else None).limit(most)
        return Prepared(listed, for_json=True)
    return Prepared(visits.order_by(Visit.starts_at, Visit.id).limit(most), for_json=True)


def of_officer(
    visits: Select[*tuple[Any, ...]], most: ColumnElement[int] | None = None
) -> CompoundSelect[*tuple[Any, ...]]:
    """These visits as far as they are `officer_id`'s, as first or as second, in order of start.

    Each half comes from its index in order; with OR a database would gather and sort all there are before it gave
    the first. SQLite merges the halves row by row. PostgreSQL would gather them: told the `most` there may be of
    each, it stops there.
    """
    officer = bindparam("officer_id", type_=Uuid())
    halves = [visits.where(column == officer) for column in (Visit.officer_id, Visit.second_officer_id)]
    if most is not None:
        halves = [select(half.order_by(Visit.starts_at, Visit.id).limit(most).subquery()) for half in halves]
    both = union_all(*halves)
    return both.order_by(both.selected_columns.starts_at, both.selected_columns.id)


@blp.route("/<uuid:visit_id>")
class OneVisit(Resource):
    @roles("scheduler", "officer")
    @blp.response(200, VisitOut, headers={"ETag": {"schema": {"type": "string"}}})
    @blp.alt_response(304, description="Not changed", success=True)
    def get(self, visit_id: UUID) -> Response:
        """Show a visit; its ETag is what a change sends as If-Match

        304 if it is still the version named in If-None-Match.
        """
        with reading() as session:
            visit = find(session, visit_id)
            marks = marks_of(session, visit_id)
        refuse_unless_theirs(visit)
        if request.if_none_match.contains_weak(str(visit.version)):
            return Response(status=304, headers={"ETag": f'"{visit.version}"'})
        said = visit_out(visit)
        if missed := standards_missed(visit, marks):
            said["standards_missed"] = missed
        return answer(said, version=visit.version)


@blp.route("/<uuid:visit_id>/history")
class History(Resource):
    @roles("scheduler", "officer")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, HistoryOut)
    def get(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """What happened to a visit, in order: who, when and why"""
        query = (
            select(VisitEvent, User.username)
            .outerjoin(User, User.id == VisitEvent.by_id)
            .where(VisitEvent.visit_id == visit_id)
        )
        query = after(query, (VisitEvent.recorded_at, VisitEvent.id), (datetime, UUID), given.get("cursor"))
        with reading() as session:
            refuse_unless_theirs(find(session, visit_id))
            rows = session.execute(query.limit(given["limit"] + 1)).all()
        last = [row[0] for row in rows]
        _, cursor = page(last, given["limit"], ("recorded_at", "id"))
        return answer(
            {
                "items": [
                    {
                        "kind": event.kind,
                        "occurred_at": event.occurred_at,
                        "recorded_at": event.recorded_at,
                        "by": username,
                        "reason": event.reason,
                        "details": event.details,
                    }
                    for event, username in rows[: given["limit"]]
                ],
                "next_cursor": cursor,
            }
        )
