"""The two standards as figures, in JSON or CSV."""

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
from api.fields import Instant, ListIn
from api.paging import page, read_cursor
from models import clock, reports
from models.database import snapshot
from models.promise import ToldBy
from models.reports import By, ChangeState
from models.standards import NoticeResult
from models.visit_event import EventKind, RequestedBy

blp = Blueprint("reports", __name__, url_prefix="/v1/reports", description="Did we keep the promises?")

LONGEST = timedelta(days=366 * 2)


class ReportIn(ma.Schema):
    """Which time, and what to part the figures by. Without `from`, the last 30 days."""

    from_ = Instant(data_key="from")
    to = Instant()
    by = fields.Enum(By, by_value=fields.String)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        since, until = span(data)
        if since >= until:
            raise ValidationError("Give a time after from.", "to")
        if until - since > LONGEST:
            raise ValidationError("Give at most two years.", "to")


def span(given: dict[str, Any]) -> tuple[datetime, datetime]:
    """From when until when a report counts."""
    until = given.get("to") or clock.now()
    try:
        return given.get("from_") or until - timedelta(days=30), until
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC), until


class PunctualityFiguresOut(ma.Schema):
    """How visits stand against the 15 minutes."""

    group = fields.String(required=True)
    counted = fields.Integer(required=True)
    on_time = fields.Integer(required=True)
    early = fields.Integer(required=True)
    late = fields.Integer(required=True)
    missed = fields.Integer(required=True)
    on_time_share = fields.Float(required=True, allow_none=True, metadata={"description": "on_time / counted"})
    original = fields.Dict(required=True, metadata={"description": "The same against the first promise"})
    excluded = fields.Dict(required=True, metadata={"description": "Visits left out, by reason"})


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


WORDS = ("on_time", "early", "late", "missed")


def share(part: int, whole: int) -> float | None:
    """A share, or None of nothing: no visits are not a perfect record."""
    return part / whole if whole else None


def _punctuality_out(figures: reports.Punctuality) -> dict[str, Any]:
    def counted(counts: Any) -> dict[str, Any]:
        total = sum(counts.values())
        return {
            "counted": total,
            **{word: counts[word] for word in WORDS},
            "on_time_share": share(counts["on_time"], total),
        }

    return {
        "group": figures.group,
        **counted(figures.counts),
        "original": counted(figures.original),
        "excluded": dict(figures.excluded),
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
        groups = [out(group) for group in count(session, since=since, until=until, by=by, at=clock.now())]
    if request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv":
        return _csv(groups)
    return answer({"from": since, "to": until, "by": by, "groups": groups})


def _csv(groups: list[dict[str, Any]]) -> Response:
    """One line a group; a figure within a figure becomes a column such as `excluded.cancelled`."""
    lines = []
    for group in groups:
        line = {}
        for name, value in group.items():
            if isinstance(value, dict):
                line.update({f"{name}.{key}": part for key, part in value.items()})
            else:
                line[name] = value
        lines.append(line)
    columns = list(dict.fromkeys(name for line in lines for name in line)) or ["group"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval=0)
    writer.writerow({name: _plain(name) for name in columns})
    for line in lines:
        writer.writerow({name: _plain(value) for name, value in line.items()})
    return Response(out.getvalue(), content_type="text/csv; charset=utf-8")


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


class ChangesIn(ListIn):
    """Which changes: those decided from `from` until before `to`, counted under `result`."""

    from_ = Instant(data_key="from")
    to = Instant()
    result = fields.String(validate=validate.OneOf([*NoticeResult, *ChangeState]))

    in_order = ReportIn.in_order


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
        since, until = span(given)
        cursor = given.get("cursor")
        after = tuple(read_cursor(cursor, (datetime, UUID))) if cursor is not None else None
        with snapshot() as session:
            found = reports.changes_with(
                session,
                since=since,
                until=until,
                at=clock.now(),
                result=given.get("result"),
                after=after,
                limit=given["limit"] + 1,
            )
        changes, next_cursor = page([change for change, _ in found], given["limit"], ("decided_at", "event_id"))
        items = [
            {name: getattr(change, name) for name in _COUNTED} | {"result": result}
            for change, (_, result) in zip(changes, found, strict=False)
        ]
        return answer({"items": items, "next_cursor": next_cursor})


_COUNTED = tuple(name for name in CountedChangeOut().fields if name != "result")
