"""The two standards as figures, in JSON or CSV, and what is behind each of them."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from marshmallow import ValidationError, fields, validate, validates_schema

from api.auth import roles
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Text
from api.paging import cursor_for, read_cursor
from models import clock, reports
from models.database import snapshot
from models.figure_rows import DIMENSIONS, Word
from models.figures import By
from models.promise import ToldBy
from models.report_rows import (
    CHANGE_RESULTS,
    PROMISES,
    VISIT_RESULTS,
    Asked,
    CountedVisit,
    Place,
    changes_behind,
    visits_behind,
)
from models.visit import VisitStatus
from models.visit_event import EventKind, RequestedBy

blp = Blueprint("reports", __name__, url_prefix="/v1/reports", description="Did we keep the promises?")

LONGEST = timedelta(days=366 * 2)


class _Which(ma.Schema):
    """Which time and groups. Without `from`, the last 30 days. A group is named as the figures name it, such as
    `no_ward`."""

    from_ = Instant(data_key="from")
    to = Instant()
    officer = Text(longest=60, metadata={"description": "Only this group; an officer by id"})
    employment = Text(longest=60)
    team = Text(longest=60)
    ward = Text(longest=60)
    visit_type = Text(longest=60)
    language = Text(longest=60)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        since, until = span(data)
        if since >= until:
            raise ValidationError("Give a time after from.", "to")
        if until - since > LONGEST:
            raise ValidationError("Give at most two years.", "to")


class ReportIn(_Which):
    """Which time and groups, and what to part the figures by. What counts is what was true of each visit: the
    officer's team and employer and the resident's ward and language as they were when the officer came; while
    nobody came, when the visit was last given to an officer."""

    by = fields.Enum(By, by_value=fields.String)


class _BehindIn(ListIn, ReportIn):
    group = Text(longest=100, metadata={"description": "One group of `by`, as the report names it"})

    @validates_schema
    def group_of_something(self, data: dict[str, Any], **_: Any) -> None:
        if "group" in data and "by" not in data and data["group"] != "all":
            raise ValidationError("Say by what the groups are.", "by")


def span(given: dict[str, Any]) -> tuple[datetime, datetime]:
    """From when until when a report counts."""
    until = given.get("to") or clock.now()
    try:
        return given.get("from_") or until - timedelta(days=30), until
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC), until


def _where(given: dict[str, Any]) -> dict[str, str]:
    return {name: given[name] for name in DIMENSIONS if name in given}


class SecondsOut(ma.Schema):
    """Seconds from the promise at the door, early ones negative, by nearest rank; `_absolute` without sign."""

    median = fields.Float(required=True, allow_none=True)
    p90 = fields.Float(required=True, allow_none=True)
    median_absolute = fields.Float(required=True, allow_none=True)
    p90_absolute = fields.Float(required=True, allow_none=True)


class StandingOut(ma.Schema):
    """How visits stand against one of their promises: `on_time / counted`, and what is left out, by reason."""

    counted = fields.Integer(required=True)
    on_time = fields.Integer(required=True)
    early = fields.Integer(required=True)
    late = fields.Integer(required=True)
    missed = fields.Integer(required=True)
    on_time_share = fields.Float(required=True, allow_none=True, metadata={"description": "on_time / counted"})
    seconds = fields.Nested(SecondsOut, required=True)
    excluded = fields.Dict(required=True, metadata={"description": "Visits left out, by reason"})


class LateToldOut(ma.Schema):
    """Residents of late visits: how many heard of it before the time they were promised."""

    late = fields.Integer(required=True)
    told = fields.Integer(required=True)
    unconfirmed = fields.Integer(required=True, metadata={"description": "Sent in time, no receipt"})
    told_share = fields.Float(required=True, allow_none=True, metadata={"description": "told / late"})


class PunctualityFiguresOut(StandingOut):
    """How visits stand against the 15 minutes: by the latest fair promise, and in `original` by the first."""

    group = fields.String(required=True)
    original = fields.Nested(
        StandingOut,
        required=True,
        metadata={"description": "The same against the first promise, as it was first reported"},
    )
    corrected = fields.Integer(
        required=True, metadata={"description": "Visits whose arrival or outcome somebody corrected"}
    )
    late_told = fields.Nested(LateToldOut, required=True)


class NoticeFiguresOut(ma.Schema):
    """How changes stand against 24 hours' notice where possible."""

    group = fields.String(required=True)
    possible = fields.Integer(required=True)
    met = fields.Integer(required=True)
    met_share = fields.Float(required=True, allow_none=True, metadata={"description": "met / possible"})
    changes = fields.Integer(required=True)
    told_within_24h = fields.Integer(required=True)
    told_within_24h_share = fields.Float(required=True, allow_none=True)
    results = fields.Dict(required=True, metadata={"description": "Changes by result"})
    not_possible = fields.Dict(required=True, metadata={"description": "Changes inside 24 hours, by reason"})
    excluded = fields.Dict(required=True, metadata={"description": "Changes left out, by reason"})


def _report_of(figures: type[ma.Schema], name: str) -> ma.Schema:
    return ma.Schema.from_dict(
        {
            "from": Instant(required=True),
            "to": Instant(required=True),
            "by": fields.String(required=True, allow_none=True),
            "groups": fields.List(fields.Nested(figures), required=True),
        },
        name=name,
    )()


COUNTED = (Word.ON_TIME, Word.EARLY, Word.LATE, Word.MISSED)


def share(part: int, whole: int) -> float | None:
    """A share, or None of nothing: no visits are not a perfect record."""
    return part / whole if whole else None


def _standing_out(standing: reports.Standing) -> dict[str, Any]:
    total = sum(standing.counts.values())
    return {
        "counted": total,
        **{word.value: standing.counts[word] for word in COUNTED},
        "on_time_share": share(standing.counts[Word.ON_TIME], total),
        "seconds": standing.seconds,
        "excluded": dict(standing.excluded),
    }


def _punctuality_out(figures: reports.Punctuality) -> dict[str, Any]:
    late = figures.fair.counts[Word.LATE]
    return {
        "group": figures.group,
        **_standing_out(figures.fair),
        "original": _standing_out(figures.original),
        "corrected": figures.corrected,
        "late_told": {
            "late": late,
            "told": figures.late_told,
            "unconfirmed": figures.late_unconfirmed,
            "told_share": share(figures.late_told, late),
        },
    }


def _notice_out(figures: reports.NoticeFigures) -> dict[str, Any]:
    return {
        "group": figures.group,
        "possible": figures.possible,
        "met": figures.met,
        "met_share": share(figures.met, figures.possible),
        "changes": figures.changes,
        "told_within_24h": figures.told_within_24h,
        "told_within_24h_share": share(figures.told_within_24h, figures.changes),
        "results": dict(figures.results),
        "not_possible": dict(figures.not_possible),
        "excluded": dict(figures.excluded),
    }


def _report(
    count: Callable[..., list[Any]], out: Callable[[Any], dict[str, Any]], given: dict[str, Any]
) -> Response:
    since, until = span(given)
    by = given.get("by")
    with snapshot() as session:
        counted = count(session, since=since, until=until, by=by, at=clock.now(), where=_where(given))
    groups = [out(group) for group in counted]
    if request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv":
        return _csv(groups)
    return answer({"from": since, "to": until, "by": by, "groups": groups})


def _csv(groups: list[dict[str, Any]]) -> Response:
    """One line a group; a figure within a figure becomes a column such as `excluded.cancelled`."""
    lines = [_flat(group) for group in groups]
    columns = list(dict.fromkeys(name for line in lines for name in line)) or ["group"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval=0)
    writer.writerow({name: _plain(name) for name in columns})
    for line in lines:
        writer.writerow({name: _plain(value) for name, value in line.items()})
    return Response(out.getvalue(), content_type="text/csv; charset=utf-8")


def _flat(figures: dict[str, Any], within: str = "") -> dict[str, Any]:
    line: dict[str, Any] = {}
    for name, value in figures.items():
        line |= _flat(value, f"{within}{name}.") if isinstance(value, dict) else {f"{within}{name}": value}
    return line


def _plain(value: Any) -> Any:
    # A reason somebody typed must not become a formula in a spreadsheet.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value


@blp.route("/punctuality")
class PunctualityReport(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(ReportIn, location="query")
    @blp.response(200, _report_of(PunctualityFiguresOut, "PunctualityOut"))
    @blp.alt_response(200, schema={"type": "string"}, content_type="text/csv", success=True)
    def get(self, given: dict[str, Any]) -> Response:
        """Did we arrive within 15 minutes of the time we promised?

        Visits first promised in the time given. As CSV with Accept: text/csv.
        """
        return _report(reports.punctuality, _punctuality_out, given)


@blp.route("/notice")
class NoticeReport(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(ReportIn, location="query")
    @blp.response(200, _report_of(NoticeFiguresOut, "NoticeReportOut"))
    @blp.alt_response(200, schema={"type": "string"}, content_type="text/csv", success=True)
    def get(self, given: dict[str, Any]) -> Response:
        """Were people told 24 hours ahead, where that was possible?

        Changes decided in the time given. As CSV with Accept: text/csv.
        """
        return _report(reports.notice, _notice_out, given)


class CountedVisitsIn(_BehindIn):
    """Which visits: those first promised from `from` until before `to`, in one group of the report, counted under
    `result` by the fair or by the original promise."""

    result = fields.String(validate=validate.OneOf(VISIT_RESULTS))
    promise = fields.String(validate=validate.OneOf(PROMISES), load_default="fair")


class CountedVisitOut(ma.Schema):
    """One visit, and the word that it is counted under."""

    visit_id = fields.UUID(required=True)
    reference = fields.String(required=True)
    status = fields.Enum(VisitStatus, by_value=fields.String, required=True)
    officer_id = fields.UUID(required=True, allow_none=True)
    first_promised_at = Instant(required=True)
    promised_at = Instant(required=True, allow_none=True, metadata={"description": "The latest fair promise"})
    arrived_at = Instant(required=True, allow_none=True)
    reported_arrived_at = Instant(
        required=True, allow_none=True, metadata={"description": "As it was first reported"}
    )
    corrected = fields.Boolean(required=True)
    result = fields.String(required=True)
    original_result = fields.String(required=True)
    seconds_from_promise = fields.Float(required=True, allow_none=True)
    seconds_from_first_promise = fields.Float(required=True, allow_none=True)
    told_of_delay = fields.String(
        required=True,
        metadata={"description": "Of a delay of the promised time, before it: told, unconfirmed or untold"},
    )


class CountedVisitsOut(ma.Schema):
    """A page of visits."""

    items = fields.List(fields.Nested(CountedVisitOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/punctuality/visits")
class PunctualityVisits(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(CountedVisitsIn, location="query")
    @blp.response(200, CountedVisitsOut)
    def get(self, given: dict[str, Any]) -> Response:
        """List the visits behind a figure of punctuality, each with the words that it is counted under"""
        asked, limit = _asked(given), given["limit"]
        with snapshot() as session:
            found = visits_behind(session, asked, promise=given["promise"], at=clock.now())
        items = [_counted_visit(each) for each in found[:limit]]
        more = len(found) > limit
        cursor = cursor_for([items[-1]["first_promised_at"], items[-1]["visit_id"]]) if more else None
        return answer({"items": items, "next_cursor": cursor})


def _counted_visit(counted: CountedVisit) -> dict[str, Any]:
    visit = counted.visit
    corrected = visit.reported_status is not None
    return {
        "visit_id": visit.id,
        "reference": visit.reference,
        "status": visit.status,
        "officer_id": visit.officer_id,
        "first_promised_at": visit.first_promised_at,
        "promised_at": visit.arrival_promised_at,
        "arrived_at": visit.arrived_at,
        "reported_arrived_at": visit.reported_arrived_at if corrected else visit.arrived_at,
        "corrected": corrected,
        "result": counted.result,
        "original_result": counted.original_result,
        "seconds_from_promise": counted.seconds,
        "seconds_from_first_promise": counted.original_seconds,
        "told_of_delay": counted.told,
    }


def _asked(given: dict[str, Any]) -> Asked:
    """Which figure, and one row more than its page: that tells whether there is another page."""
    since, until = span(given)
    cursor = given.get("cursor")
    return Asked(
        since=since,
        until=until,
        by=given.get("by"),
        group=given.get("group"),
        where=_where(given),
        result=given.get("result"),
        after=Place(*read_cursor(cursor, (datetime, UUID))) if cursor is not None else None,
        limit=given["limit"] + 1,
    )


class ChangesIn(_BehindIn):
    """Which changes: those decided from `from` until before `to`, in one group of the report, counted under
    `result`, for this reason."""

    result = fields.String(validate=validate.OneOf(CHANGE_RESULTS))
    reason = Text(longest=500)


class CountedChangeOut(ma.Schema):
    """One change, and the word it is counted under."""

    visit_id = fields.UUID(required=True)
    event_id = fields.UUID(required=True)
    change = fields.Enum(EventKind, by_value=fields.String, required=True)
    decided_at = Instant(required=True)
    reference_at = Instant(required=True)
    requested_by = fields.Enum(RequestedBy, by_value=fields.String, required=True)
    reason = fields.String(required=True)
    possible = fields.Boolean(required=True)
    handed_over_at = Instant(required=True, allow_none=True)
    told_at = Instant(required=True, allow_none=True)
    told_by = fields.Enum(ToldBy, by_value=fields.String, required=True, allow_none=True)
    result = fields.String(required=True)


class CountedChangesOut(ma.Schema):
    """A page of changes."""

    items = fields.List(fields.Nested(CountedChangeOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/notice/changes")
class NoticeChanges(Resource):
    @roles("scheduler", "admin")
    @blp.arguments(ChangesIn, location="query")
    @blp.response(200, CountedChangesOut)
    def get(self, given: dict[str, Any]) -> Response:
        """List the changes behind the notice figures, each with its visit and the word it is counted under"""
        asked, limit = _asked(given), given["limit"]
        with snapshot() as session:
            found = changes_behind(session, asked, at=clock.now(), reason=given.get("reason"))
        items = [
            {name: getattr(change, name) for name in _COUNTED} | {"result": result}
            for change, result in found[:limit]
        ]
        more = len(found) > limit
        cursor = cursor_for([items[-1]["decided_at"], items[-1]["event_id"]]) if more else None
        return answer({"items": items, "next_cursor": cursor})


_COUNTED = tuple(name for name in CountedChangeOut().fields if name != "result")
