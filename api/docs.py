"""The OpenAPI document and the page that shows it: its assets are served by us, with no internet."""

import inspect
from pathlib import Path

import flask_swagger_ui
import orjson
from flask import Flask, Response, abort, render_template, send_from_directory

from api.auth import anyone
from api.blueprint import Api
from api.errors import STATUS

_ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"
_SERVED = {"swagger-ui.css", "swagger-ui-bundle.js"}

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def register(app: Flask, api: Api) -> None:
    """Serve /openapi.json, /docs and the page's assets."""
    document = orjson.dumps(api.spec.to_dict(), option=orjson.OPT_INDENT_2)

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
