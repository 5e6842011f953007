"""What the parts cost by themselves: a flush of the disk, a signature, a row read by its key."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import make_url

_COLUMNS = "id, kind, handle, officer_id, revoked_at, expires_at"


def flushes_a_second(folder: Path, seconds: float = 0.3) -> float:
    """How often a second 4 kB more of a file can be made to reach the disk."""
    path = folder / "flushes"
    count = 0
    with open(path, "wb", buffering=0) as file:
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < seconds:
            file.write(b"\0" * 4096)
            os.fdatasync(file.fileno())
            count += 1
    path.unlink()
    return count / passed


def badge_floor(url: str, badge: UUID, seconds: float = 0.3) -> float:
    """Seconds that one badge check cannot avoid: verify an Ed25519 signature, read one row by its key."""
    key = Ed25519PrivateKey.generate()
    said = b"x" * 160
    signature, public_key = key.sign(said), key.public_key()
    read, close = _reader(url, badge)
    try:

        def once() -> None:
            public_key.verify(signature, said)
            if read() is None:
                raise RuntimeError("the badge is not there")

        return _seconds_each(once, seconds)
    finally:
        close()


def _reader(url: str, badge: UUID) -> tuple[Callable[[], Any], Callable[[], None]]:
    if url.startswith("sqlite"):
        sqlite = sqlite3.connect(str(make_url(url).database))
        statement = f"SELECT {_COLUMNS} FROM badges WHERE id = ?"
        return lambda: sqlite.execute(statement, (badge.hex,)).fetchone(), sqlite.close
    postgresql = psycopg.connect(url, autocommit=True)
    cursor = postgresql.cursor()
    by_key = f"SELECT {_COLUMNS} FROM badges WHERE id = %s"
    return lambda: cursor.execute(by_key, (badge,), prepare=True).fetchone(), postgresql.close


def _seconds_each(once: Callable[[], None], seconds: float) -> float:
    count = 0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        for _ in range(50):
            once()
        count += 50
    return passed / count
