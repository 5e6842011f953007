"""Logs: one JSON object a line, a constant event and its fields. Identifiers only: never a name or number."""

import logging
import sys
import time
import traceback
from datetime import UTC, datetime

import orjson
from flask import Flask, Response, g, request

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

OURS = ("api", "models", "notifications", "id_badges")
"""The packages LOG_LEVEL is for."""

log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            # Where it happened and what kind it was. Its message may quote what somebody typed.
            line["error"] = type(error).__name__
            line["trace"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()


def configure(level: str) -> None:
    """Send the logs of this process to standard error."""
    # No line says where in the code it was logged, or by which thread: finding out costs more than the line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # Below warnings, libraries log what passes through them, such as the numbers of a request.
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level]), handlers=[handler], force=True
    )
    for ours in OURS:
        logging.getLogger(ours).setLevel(level)
    # A server's access log holds addresses, and those of badges hold tokens.
    for access in ("granian.access", "werkzeug"):
        logging.getLogger(access).setLevel(logging.WARNING)


def register(app: Flask) -> None:
    """Log each request by its endpoint: its address may hold a token or an identifier."""

    def begin() -> None:
        g.begun = time.perf_counter()

    def end(response: Response) -> Response:
        user = str(g.signed_in.user_id) if "signed_in" in g else None
        log_request(request.method, request.endpoint, response.status_code, g.get("begun"), user)
        return response

    app.before_request(begin)
    app.after_request(end)


def log_request(
    method: str, endpoint: str | None, status: int, begun: float | None, user_id: str | None = None
) -> None:
    """One request that was answered; `begun` is what the clock of `perf_counter` showed when it came."""
    if log.isEnabledFor(logging.INFO):
        log.info(
            "request",
            extra={
                "method": method,
                "endpoint": endpoint,
                "status": status,
                "ms": round((time.perf_counter() - begun) * 1000, 2) if begun is not None else None,
                "user_id": user_id,
            },
        )
