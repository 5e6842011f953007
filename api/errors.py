"""Every error as RFC 9457 problem details: what is wrong, and what to do."""

import http
import logging
from typing import Any

import orjson
from flask import Flask, Response, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from api import pages
from id_badges.keys import KeysUnusable
from models import errors

log = logging.getLogger(__name__)

STATUS: dict[type[errors.BrokenRule], int] = {
    errors.SignInRefused: 401,
    errors.NotYours: 403,
    errors.BadgeRevoked: 403,
    errors.SecondPerson: 403,
    errors.Unknown: 404,
    errors.AlreadyTaken: 409,
    errors.DiaryClash: 409,
    errors.BookingRules: 409,
    errors.ChangesRefused: 409,
    errors.VisitState: 409,
    errors.OfficerUnavailable: 409,
    errors.CardState: 409,
    errors.PhotoState: 409,
    errors.KeyInUse: 409,
    errors.VersionConflict: 412,
    errors.Unprocessable: 422,
    errors.KeyReused: 422,
    errors.VersionRequired: 428,
    errors.TooManyTries: 429,
}
"""Which answer each broken rule gives: the one table."""

_ADVICE = {
    400: "The request could not be read. Check that its body is valid JSON in UTF-8.",
    401: "Sign in at /v1/tokens and send the access token as Authorization: Bearer.",
    403: "Your role does not allow this.",
    404: "Nothing is here.",
    405: "This address does not take this method.",
    406: "We cannot answer in the format you accept.",
    413: "The request is too large.",
    415: "Send the body as Content-Type: application/json.",
    422: "Please correct the fields named in errors.",
    500: "Something went wrong on our side. Nothing was changed. Please try again.",
    503: "We are not ready. Please try again in a moment.",
}


def problem(
    status: int,
    detail: str | None = None,
    *,
    slug: str | None = None,
    title: str | None = None,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> Response:
    """An answer that is a problem document. `extra` are further members, such as `errors` by field."""
    body = _document(status, detail, slug=slug, title=title, **extra)
    # The errors of a list are by the number of its item.
    said = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    answer = Response(said, status, content_type="application/problem+json")
    if headers:
        answer.headers.update(headers)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _document(
    status: int, detail: str | None, *, slug: str | None, title: str | None, **extra: Any
) -> dict[str, Any]:
    return {
        "type": f"/problems/{slug}" if slug else "about:blank",
        "title": title or http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or _ADVICE.get(status, "The request was refused."),
        **extra,
    }


def refusal(error: errors.BrokenRule) -> dict[str, Any]:
    """The problem document of a broken rule, for an answer that holds several."""
    return _document(STATUS[type(error)], error.detail, slug=error.slug, title=error.title, **error.extra)


def not_valid(fields: Any) -> dict[str, Any]:
    """The same for what does not validate; `fields` says what to correct, by field."""
    rule = errors.Unprocessable
    return _document(STATUS[rule], None, slug=rule.slug, title=rule.title, errors=fields)


def _broken_rule(error: Exception) -> Response:
    assert isinstance(error, errors.BrokenRule)  # noqa: S101 - narrows the type for the reader and mypy
    extra = dict(error.extra)
    headers = {"Retry-After": str(extra.pop("retry_after"))} if "retry_after" in extra else None
    return problem(STATUS[type(error)], error.detail, slug=error.slug, title=error.title, headers=headers, **extra)


def _stale(_: Exception) -> Response:
    return _broken_rule(
        errors.VersionConflict("Somebody changed the visit just now. Read it again, then repeat your change.")
    )


def _http(error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.response is not None:
        return problem(error.response.status_code)
    status = error.code or 500
    headers = {key: value for key, value in error.get_headers() if key in ("Allow", "Retry-After")}
    if pages.a_browser_asks():
        return _page(status, headers)
    data = getattr(error, "data", None) or {}
    extra: dict[str, Any] = {}
    if messages := data.get("messages"):
        # webargs nests the fields under where it found them: {"json": {"phone": [...]}}.
        fields: dict[str, Any] = {}
        for place in messages.values():
            fields.update(place if isinstance(place, dict) else {"request": place})
        extra["errors"] = fields
    return problem(
        status,
        data.get("message"),
        slug=errors.Unprocessable.slug if status == 422 else None,
        title=errors.Unprocessable.title if status == 422 else None,
        headers=headers,
        **extra,
    )


def _unavailable(error: Exception) -> Response:
    log.error("database_unavailable", extra={"endpoint": request.endpoint, "error": type(error).__name__})
    headers = {"Retry-After": "5"}
    return _page(503, headers) if pages.a_browser_asks() else problem(503, headers=headers)


def _keys_unusable(error: Exception) -> Response:
    log.error("keys_unusable", extra={"endpoint": request.endpoint})
    return _page(503, {}) if pages.a_browser_asks() else problem(503)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", extra={"endpoint": request.endpoint}, exc_info=error)
    return _page(500, {}) if pages.a_browser_asks() else problem(500)


def _page(status: int, headers: dict[str, str]) -> Response:
    """The same for a browser, in words: of a resident with a stranger at the door, or of staff."""
    made = pages.error_page(status)
    made.headers.update(headers)
    return made


def register(app: Flask) -> None:
    """Answer every error of the application with a problem document, or a page where a browser asks."""
    app.register_error_handler(errors.BrokenRule, _broken_rule)
    app.register_error_handler(StaleDataError, _stale)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _unavailable)
    app.register_error_handler(KeysUnusable, _keys_unusable)
    app.register_error_handler(PoolTimeout, _unavailable)
    app.register_error_handler(Exception, _unexpected)
