"""The OpenAPI document and the page that shows it: its assets are served by us, with no internet."""

import inspect
from http import HTTPStatus
from pathlib import Path
from typing import Any

import flask_swagger_ui
import orjson
from flask import Flask, Response, abort, render_template, send_from_directory

from api.auth import anyone
from api.blueprint import Api, problem_response
from api.errors import STATUS

_ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"
_SERVED = {"swagger-ui.css", "swagger-ui-bundle.js"}

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def register(app: Flask, api: Api) -> None:
    """Serve /openapi.json, /docs and the page's assets."""
    described = api.spec.to_dict()
    _describe_refusals(described)
    document = orjson.dumps(described, option=orjson.OPT_INDENT_2)

    @app.get("/openapi.json")
    @anyone
    def openapi_document() -> Response:
        return Response(document, content_type="application/json")

    @app.get("/docs")
    @anyone
    def docs_page() -> Response:
        page = Response(render_template("docs.html"))
        page.headers["Content-Security-Policy"] = CSP
        return page

    problems = {rule.slug: (rule, status) for rule, status in STATUS.items()}

    @app.get("/problems/<slug>")
    @anyone
    def problem_explained(slug: str) -> Response:
        # The `type` of a problem document leads here.
        if slug not in problems:
            abort(404)
        rule, status = problems[slug]
        words = inspect.getdoc(rule) or rule.title
        return Response(f"{status} {slug}: {rule.title}\n\n{words}\n", content_type="text/plain; charset=utf-8")

    @app.get("/docs/assets/<name>")
    @anyone
    def docs_asset(name: str) -> Response:
        if name not in _SERVED:
            abort(404)
        asset = send_from_directory(_ASSETS, name)
        asset.headers["Cache-Control"] = "public, max-age=86400"
        return asset


_ALSO = {
    ("post", "/v1/tokens"): {401, 429},
    ("post", "/v1/tokens/refresh"): {401},
    **{("post", f"/callbacks/twilio/{what}"): {403, 413, 422} for what in ("status", "call", "inbound")},
}
"""Refusals that do not follow from what an operation takes."""


def _describe_refusals(document: dict[str, Any]) -> None:
    """Say of every operation by which statuses it refuses: a client can then tell them from a surprise."""
    seen = set()
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            operation = item[method]
            parameters = item.get("parameters", []) + operation["parameters"]
            statuses = _refusals(parameters, operation) | _ALSO.get((method, path), set())
            for status in sorted(statuses):
                name = HTTPStatus(status).name
                operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
            seen |= statuses
    problem = {"$ref": "#/components/schemas/Problem"}
    for status in sorted(seen):
        phrase = HTTPStatus(status).phrase
        document["components"]["responses"][HTTPStatus(status).name] = problem_response(phrase, problem)


def _refusals(parameters: list[dict[str, Any]], operation: dict[str, Any]) -> set[int]:
    places = {parameter["in"] for parameter in parameters}
    names = {parameter["name"] for parameter in parameters}
    found = set()
    if operation.get("security") != []:
        found |= {401, 403}
    if "path" in places:
        found.add(404)
    if "query" in places:
        found.add(422)
    if "requestBody" in operation:
        found |= {400, 413, 415, 422}
    if "Idempotency-Key" in names:
        found |= {409, 422}
    if "If-Match" in names:
        found |= {412, 428}
    return found
