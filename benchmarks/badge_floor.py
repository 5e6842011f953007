"""F badge, the floor: a bare Flask answer that verifies the same signature and reads one row by its primary key.

Through the driver, and nothing else: no form of a token checked, no clock, no limit, no log, no headers. Who the
officer is and whether they are on duty would be further reads.
"""

import base64
import os
import sqlite3
import threading
from typing import Any
from uuid import UUID

import orjson
import psycopg
from cryptography.exceptions import InvalidSignature
from flask import Flask, Response, abort
from sqlalchemy import make_url

from id_badges.keys import KeyRing

_URL = os.environ["DATABASE_URL"]
_COLUMNS = "id, kind, handle, officer_id, revoked_at, expires_at"

app = Flask(__name__)
_keyring = KeyRing.load(os.environ["KEYS_DIR"])
_mine = threading.local()


@app.get("/b/<token>")
def check(token: str) -> Response:
    """Genuine, if it is signed by us and its row is not revoked."""
    said, _, signature = token.rpartition(".")
    header, _, claims = said.partition(".")
    key = _keyring.verifying_key(orjson.loads(_decode(header))["kid"])
    if key is None:
        abort(404)
    try:
        key.public_key.verify(_decode(signature), said.encode())
    except InvalidSignature:
        abort(404)
    row = _row(UUID(bytes=_decode(orjson.loads(_decode(claims))["jti"])))
    if row is None or row[4] is not None:
        abort(404)
    return Response(orjson.dumps({"state": "genuine", "kind": row[1]}), content_type="application/json")


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "==")


def _row(badge: UUID) -> Any:
    """The badge's row, over this thread's own connection."""
    if _URL.startswith("sqlite"):
        if not hasattr(_mine, "sqlite"):
            _mine.sqlite = sqlite3.connect(str(make_url(_URL).database))
        return _mine.sqlite.execute(f"SELECT {_COLUMNS} FROM badges WHERE id = ?", (badge.hex,)).fetchone()
    if not hasattr(_mine, "cursor"):
        _mine.cursor = psycopg.connect(_URL, autocommit=True).cursor()
    return _mine.cursor.execute(f"SELECT {_COLUMNS} FROM badges WHERE id = %s", (badge,), prepare=True).fetchone()
