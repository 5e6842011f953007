"""When officers work: their week, dated exceptions, and what both come to on a day."""

import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields, post_load, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import refuse_unless_own, roles, who
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Text, WallClock, Whole
from api.officers import find as find_officer
from api.paging import after, page
from api.risks import risky_out
from models import clock
from models.database import reading, transaction
from models.diary import LONGEST_VISIT, day_bounds
from models.errors import Unknown, Unprocessable
from models.officer import Officer, lock_diaries
from models.travel import Place
from models.working_hours import WorkingException, find_exception, load_hours, set_exception
from models.working_time import (
    WEEKDAYS,
    Closed,
    LunchBreak,
    Window,
    WorkingDay,
    WorkingPattern,
    read_windows,
)

blp = Blueprint(
    "working hours", __name__, url_prefix="/v1/officers", description="When officers work, and why not"
)

MOST_WINDOWS = 6
MOST_DAYS = 28


class Hours(ma.Schema):
    """Working hours by London's clocks. A night's shift is one to 24:00, and one from 00:00 on the next day."""

    start = WallClock(required=True)
    end = WallClock(required=True, end=True)

    @post_load
    def window(self, data: dict[str, Any], **_: Any) -> Window:
        return Window(**data)


def _windows(**more: Any) -> fields.List[Any]:
    return fields.List(fields.Nested(Hours), validate=validate.Length(max=MOST_WINDOWS), **more)


class Week(ma.Schema):
    """The windows of each weekday; a day that is left out is free."""

    monday = _windows(load_default=[])
    tuesday = _windows(load_default=[])
    wednesday = _windows(load_default=[])
    thursday = _windows(load_default=[])
    friday = _windows(load_default=[])
    saturday = _windows(load_default=[])
    sunday = _windows(load_default=[])


class MovableLunch(ma.Schema):
    """A break that begins between two times of day. It is taken on days with work both before and after it."""

    duration_minutes = Whole(required=True, least=5, most=180)
    earliest = WallClock(required=True)
    latest = WallClock(required=True)

    @post_load
    def lunch(self, data: dict[str, Any], **_: Any) -> LunchBreak:
        return LunchBreak(**data)


class Position(ma.Schema):
    """A place, in degrees."""

    latitude = fields.Float(required=True, allow_nan=False, validate=validate.Range(-90, 90))
    longitude = fields.Float(required=True, allow_nan=False, validate=validate.Range(-180, 180))

    @post_load
    def place(self, data: dict[str, Any], **_: Any) -> Place:
        return data["latitude"], data["longitude"]


class WorkingPatternIn(ma.Schema):
    """An officer's week. Where a shift starts and ends, if that is known, counts as travel."""

    days = fields.Nested(Week, required=True)
    lunch = fields.Nested(MovableLunch, allow_none=True, load_default=None)
    starts_from = fields.Nested(Position, allow_none=True, load_default=None)
    ends_at = fields.Nested(Position, allow_none=True, load_default=None)


class WorkingPatternOut(ma.Schema):
    """An officer's week."""

    days = fields.Nested(Week, required=True)
    lunch = fields.Nested(MovableLunch, allow_none=True, required=True)
    starts_from = fields.Nested(Position, allow_none=True, required=True)
    ends_at = fields.Nested(Position, allow_none=True, required=True)


class WorkingExceptionIn(ma.Schema):
    """The hours of one day in place of the week's; none: the officer does not work."""

    windows = _windows(required=True)
    reason = Text(longest=500, allow_none=True, load_default=None)


class WorkingExceptionOut(ma.Schema):
    """The hours of one day."""

    date = fields.Date(required=True, attribute="day")
    windows = fields.Function(
        lambda exception: Hours(many=True).dump(read_windows(exception.windows)),
        required=True,
        metadata={"type": "array", "items": {"$ref": "#/components/schemas/Hours"}},
    )
    reason = fields.String(required=True, allow_none=True)
    entered_at = Instant(required=True)
    entered_by_id = fields.UUID(required=True, allow_none=True)


class WorkingExceptionSetOut(WorkingExceptionOut):
    """The hours of one day as they were set, and what is booked on it and does not fit."""

    visits_at_risk = fields.Integer(required=True, metadata={"description": "Visits to come that cannot be made"})
    visits_at_risk_url = fields.String(
        required=True, allow_none=True, metadata={"description": "Which, and what could be done; null: none"}
    )


class WorkingExceptionsOut(ma.Schema):
    """A page of exceptions, by day."""

    items = fields.List(fields.Nested(WorkingExceptionOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class WorkingDaysIn(ma.Schema):
    """Which days, London: at most 28, both ends among them."""

    first = fields.Date(required=True, data_key="from")
    last = fields.Date(required=True, data_key="to")


class IntervalOut(ma.Schema):
    """From `starts_at` up to `ends_at`."""

    starts_at = Instant(required=True)
    ends_at = Instant(required=True)


class LunchOut(ma.Schema):
    """A break that begins between two instants."""

    duration_minutes = fields.Integer(required=True)
    earliest = Instant(required=True)
    latest = Instant(required=True)


class WorkingDayOut(ma.Schema):
    """When an officer works on one day. `closed` says why they do not, or not all of their hours."""

    date = fields.Date(required=True)
    windows = fields.List(fields.Nested(IntervalOut), required=True)
    lunch = fields.Nested(LunchOut, required=True, allow_none=True)
    starts_from = fields.Nested(Position, required=True, allow_none=True)
    ends_at = fields.Nested(Position, required=True, allow_none=True)
    closed = fields.Enum(Closed, by_value=fields.String, required=True, allow_none=True)


class WorkingDaysOut(ma.Schema):
    """The days, in order."""

    items = fields.List(fields.Nested(WorkingDayOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/<uuid:officer_id>/working-pattern")
class OneWorkingPattern(Resource):
    @roles("admin", "scheduler", "officer")
    @blp.response(200, WorkingPatternOut)
    def get(self, officer_id: UUID) -> dict[str, Any]:
        """Show an officer's week; Monday to Friday 09:00-17:00 if none was set"""
        with reading() as session:
            return _pattern_out(WorkingPattern.read(_readable(session, officer_id).working_pattern))

    @roles("admin", "scheduler")
    @blp.arguments(WorkingPatternIn)
    @blp.response(200, WorkingPatternOut)
    def put(self, given: dict[str, Any], officer_id: UUID) -> dict[str, Any]:
        """Set an officer's week, by London's clocks

        09:00 stays 09:00 when the clocks change. In that night a time that is skipped is the moment at which the
        clocks go forward, and of one that comes twice it is the first.
        """
        week = given.pop("days")
        days = tuple(tuple(sorted(week[weekday])) for weekday in WEEKDAYS)
        pattern = WorkingPattern(days=days, **given)
        pattern.refuse_impossible()
        with transaction() as session:
            _locked(session, officer_id).working_pattern = pattern.kept()
        return _pattern_out(pattern)


@blp.route("/<uuid:officer_id>/working-exceptions")
class WorkingExceptions(Resource):
    @roles("admin", "scheduler", "officer")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, WorkingExceptionsOut)
    def get(self, given: dict[str, Any], officer_id: UUID) -> dict[str, Any]:
        """List the days on which an officer works other hours than in their week, by day"""
        query = select(WorkingException).where(WorkingException.officer_id == officer_id)
        query = after(query, (WorkingException.day,), (date,), given.get("cursor"))
        with reading() as session:
            _readable(session, officer_id)
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("day",))
        return {"items": items, "next_cursor": cursor}


DAY = {"name": "day", "in": "path", "required": True, "schema": {"type": "string", "format": "date"}}


@blp.route("/<uuid:officer_id>/working-exceptions/<day>", parameters=[DAY])
class OneWorkingException(Resource):
    @roles("admin", "scheduler")
    @blp.arguments(WorkingExceptionIn)
    @blp.response(200, WorkingExceptionSetOut)
    def put(self, given: dict[str, Any], officer_id: UUID, day: str) -> Response:
        """Set the hours of one day, on bank holidays too; no windows: the officer does not work

        Times that do not exist on that day, or come twice, because the clocks change are refused.
        """
        on, windows, at = _day(day), tuple(sorted(given["windows"])), clock.now()
        with transaction() as session:
            officer = _locked(session, officer_id)
            exception = set_exception(
                session, officer_id, on, windows, reason=given["reason"], by=who().user_id, at=at
            )
            begins, ends = day_bounds(on)
            risky = risky_out(session, officer, begins - LONGEST_VISIT, ends, at)
        return answer(WorkingExceptionOut().dump(exception) | risky)

    @roles("admin", "scheduler")
    @blp.response(204)
    def delete(self, officer_id: UUID, day: str) -> None:
        """Let the week's hours hold again on this day"""
        on = _day(day)
        with transaction() as session:
            _locked(session, officer_id)
            session.delete(find_exception(session, officer_id, on))


@blp.route("/<uuid:officer_id>/working-days")
class WorkingDays(Resource):
    @roles("admin", "scheduler", "officer")
    @blp.arguments(WorkingDaysIn, location="query")
    @blp.response(200, WorkingDaysOut)
    def get(self, given: dict[str, Any], officer_id: UUID) -> Response:
        """Show when an officer works on each of some days, and why not"""
        first, last = given["first"], given["last"]
        if not 0 <= (last - first).days < MOST_DAYS:
            raise Unprocessable("to", f"Ask for 1 to {MOST_DAYS} days.")
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        with reading() as session:
            _readable(session, officer_id)
            try:
                hours = load_hours(session, [officer_id], first, last)[officer_id]
            except OverflowError:
                raise Unprocessable("from", "Give days of these years.") from None
        return answer({"items": [_day_out(day, hours.on(day)) for day in days], "next_cursor": None})


def _readable(session: Session, officer_id: UUID) -> Officer:
    """The officer, for whoever may see their hours. Raises Unknown or NotYours."""
    officer = find_officer(session, officer_id)
    refuse_unless_own(officer_id)
    return officer


def _locked(session: Session, officer_id: UUID) -> Officer:
    """The officer, with their diary locked: nobody books by hours that are being changed. Raises Unknown."""
    lock_diaries(session, officer_id)
    return find_officer(session, officer_id)


def _day(words: str) -> date:
    """The day in an address. Raises Unknown: like any address that can name nothing."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", words):
            return date.fromisoformat(words)
    except ValueError:
        pass
    raise Unknown("Give the day as in 2026-12-24.")


def _pattern_out(pattern: WorkingPattern) -> dict[str, Any]:
    return {
        "days": dict(zip(WEEKDAYS, pattern.days, strict=True)),
        "lunch": pattern.lunch,
        "starts_from": _place_out(pattern.starts_from),
        "ends_at": _place_out(pattern.ends_at),
    }


def _place_out(place: Place | None) -> dict[str, float] | None:
    return None if place is None else {"latitude": place[0], "longitude": place[1]}


def _day_out(day: date, found: WorkingDay) -> dict[str, Any]:
    lunch = found.lunch and {
        "duration_minutes": int(found.lunch.duration.total_seconds() // 60),
        "earliest": found.lunch.earliest,
        "latest": found.lunch.latest,
    }
    return {
        "date": day,
        "windows": [window._asdict() for window in found.windows],
        "lunch": lunch,
        "starts_from": _place_out(found.starts_from),
        "ends_at": _place_out(found.ends_at_place),
        "closed": found.closed,
    }
