"""A badge check by a program, answered before Flask's own work begins, which costs as much as the check itself.

`GET /b/{token}` that asks for JSON and nothing else is what other systems send all day: an app with a camera, a
door with a gate. It is answered here by the parts that answer it in api/door.py, which remains the way of all that
is out of the ordinary: an address that is no token's, a check too many, another form of the answer.
"""

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

from api.blueprint import answer
from api.door import check_token, told
from api.headers import secure
from api.json import to_json
from api.logs import log_request
from api.pages import private
from api.scans import noted
from id_badges.tokens import LONGEST_TOKEN
from models import clock
from models.scan import ScanKind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SLOW_S = 0.25
"""A check that took longer is worth a line of its own in the log."""

_TOKEN = re.compile(rf"/b/([A-Za-z0-9_.-]{{1,{LONGEST_TOKEN}}})")


class QuickChecks:
    """WSGI around an application: the quick checks, and the application for everything else."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._otherwise = app.wsgi_app
        made = secure(private(answer({})))
        made.headers.remove("Content-Length")
        self._headers = list(made.headers)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        token = _token(environ)
        if token is None:
            return self._otherwise(environ, start_response)
        begun, at = time.perf_counter(), clock.now()
        if not self._app.extensions["check_limit"].allows(environ.get("REMOTE_ADDR", ""), at):
            # One too many is told so by the page's own route, which counts it once more.
            return self._otherwise(environ, start_response)
        try:
            verdict = noted(self._app, check_token(self._app, token, at), ScanKind.JSON, environ)
            body = to_json(told(self._app, verdict))
        except Exception as error:
            with self._app.request_context(environ):
                return self._app.handle_exception(error)(environ, start_response)
        # Scans are told of together, once recorded: a line each would cost as much as looking the badge up.
        if time.perf_counter() - begun > SLOW_S:
            log_request("GET", "check_badge", 200, begun)
        start_response("200 OK", [*self._headers, ("Content-Length", str(len(body)))])
        return [body]


def _token(environ: "WSGIEnvironment") -> str | None:
    """The token to be checked, if this is an ordinary check for a program."""
    if environ["REQUEST_METHOD"] != "GET" or environ.get("HTTP_ACCEPT") != "application/json":
        return None
    found = _TOKEN.fullmatch(environ["PATH_INFO"])
    return found[1] if found else None
