"""What every test may ask for: a database of each kind, a clock that stands still, the application, people."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import argon2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

import api
from api import create_app, logs
from api.config import Settings
from api.scan_log import ScanLog
from migrations.tables import metadata
from models import clock, database, diary_index, figure_index, user
from models.officer import Officer
from models.user import Role, User
from notifications.senders.twilio import TwilioSender
from tests import databases, factories, live
from tests.carrier import Carrier
from tests.sending import sender_to

# Cheap hashes: the tests sign in hundreds of times, and one of them checks that the real ones are argon2id.
user.passwords = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class _KnownScanLog(ScanLog):
    """One that the tests can wait for, whoever made the application it is of."""

    all: list[ScanLog] = []

    def __init__(self, secret: bytes) -> None:
        super().__init__(secret)
        self.all.append(self)


api.ScanLog = _KnownScanLog  # type: ignore[misc]


@pytest.fixture(autouse=True)
def scans_are_written() -> Iterator[None]:
    """What a test scanned is not written into the next one's empty database."""
    yield
    for scan_log in _KnownScanLog.all:
        scan_log.flush()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL."""
    with databases.postgresql() as url:
        yield url


@pytest.fixture(scope="session", params=databases.KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database of each kind. Every test that uses it runs on both."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'visits.sqlite3'}"
    else:
        url = request.getfixturevalue("postgresql_server")
    databases.migrate(url)
    return url


def empty() -> None:
    """Take every row out of every table."""
    with database.transaction() as session:
        names = [table.name for table in reversed(metadata.sorted_tables)]
        if database.engine().dialect.name == "postgresql":
            # TRUNCATE makes every table anew, empty ones too, and takes twelve times as long.
            session.connection().exec_driver_sql(";".join(f"DELETE FROM {name}" for name in names))
        else:
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
            for name in names:
                session.execute(text(f"DELETE FROM {name}"))


@pytest.fixture
def database_in_use(database_url: str) -> Iterator[str]:
    """The database, connected and empty."""
    if database.connected_to() != database_url:
        database.connect(database_url)
    empty()
    diary_index.forget()
    figure_index.forget()
    yield database_url


@pytest.fixture(name="database")
def database_fixture(database_in_use: str) -> str:
    """The same, by its short name."""
    return database_in_use


@dataclass
class StoppedClock:
    """A clock that moves only when told."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 23, 9, 0, tzinfo=UTC))

    def advance(self, seconds: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def set(self, now: datetime) -> None:
        """Go to a time."""
        self.now = now


@pytest.fixture
def stopped_clock() -> Iterator[StoppedClock]:
    """Monday 23 November 2026, 09:00 in London, until moved."""
    stopped = StoppedClock()
    clock.read_from(lambda: stopped.now)
    yield stopped
    clock.read_from(None)


@pytest.fixture
def calls_to_others(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every name looked up and every connection begun by Python."""
    seen: list[Any] = []

    def refuse(*given: Any, **_: Any) -> None:
        seen.append(given)
        raise OSError("not from here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return seen


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which development keys are made once."""
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture
def environment(database_url: str, keys_dir: Path) -> dict[str, str]:
    """The settings of the application under test; a test may change them before it asks for `app`."""
    return {
        "DATABASE_URL": database_url,
        "KEYS_DIR": str(keys_dir),
        "CHECKS_PER_MINUTE": "0",
        "LOG_LEVEL": "ERROR",
        "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
        "TWILIO_AUTH_TOKEN": "test-token",
    }


_made: dict[Settings, Flask] = {}


@pytest.fixture
def app(database: str, environment: dict[str, str], stopped_clock: StoppedClock) -> Flask:
    """The real application on a real, empty database, with a clock that stands still.

    Making it costs more than most tests do, so it is made once for the same settings. A test that changes
    it makes its own.
    """
    settings = Settings.from_environment(environment)
    if settings in _made:
        logs.configure(settings.log_level)
    else:
        _made[settings] = create_app(settings)
    return _made[settings]


class Client:
    """A client of the API, signed in as somebody."""

    def __init__(self, client: FlaskClient, token: str | None = None) -> None:
        self.client = client
        self.token = token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; `If_Match` becomes If-Match."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        return self.client.open(path, method=method, json=body, headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, None, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("PATCH", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.call("DELETE", path, None, **headers)


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., Client]:
    """Make an account and sign it in: `sign_in("officer", officer)`."""

    def make(role: str, officer: Officer | None = None) -> Client:
        at = clock.now()
        account = User(
            id=uuid4(),
            username=f"{role}-{uuid4().hex[:8]}",
            password_hash="-",
            role=Role(role),
            officer_id=officer.id if officer else None,
            active=True,
            created_at=at,
        )
        with database.transaction() as session:
            session.add(account)
            session.flush()
            started, _ = user.sign_in(session, account, at)
        return Client(app.test_client(), app.extensions["access_tokens"].issue(started, at))

    return make


@pytest.fixture
def stranger(app: Flask) -> Client:
    """Somebody who is not signed in."""
    return Client(app.test_client())


@pytest.fixture
def scheduler(sign_in: Callable[..., Client]) -> Client:
    return sign_in("scheduler")


@pytest.fixture
def admin(sign_in: Callable[..., Client]) -> Client:
    return sign_in("admin")


@pytest.fixture
def officer(app: Flask) -> Officer:
    """An employee."""
    return factories.officer()


@pytest.fixture
def phone(sign_in: Callable[..., Client], officer: Officer) -> Client:
    """The officer's phone."""
    return sign_in("officer", officer)


@pytest.fixture
def resident(app: Flask) -> Any:
    """A resident with a mobile number."""
    return factories.resident()


@pytest.fixture(scope="session")
def live_app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.LiveServer]:
    """The application as granian serves it: one process on SQLite, two on PostgreSQL. It is outside of working
    hours there, whenever the tests run."""
    environment = {"DATABASE_URL": database_url, "CHECKS_PER_MINUTE": "0", "TWILIO_AUTH_TOKEN": "test-token"}
    workers = 1 if database_url.startswith("sqlite") else 2
    ahead = live.hours_outside_work(live.system_time())
    folder = tmp_path_factory.mktemp("live")
    with live.serve(environment, folder, workers=workers, ahead=ahead) as server:
        yield server


@pytest.fixture
def live_server(live_app: live.LiveServer, database_in_use: str) -> str:
    """The base URL of the application in a process of its own, on an empty database."""
    return live_app.url


@pytest.fixture
def badge_links(live_app: live.LiveServer, database_in_use: str) -> dict[str, str]:
    """The address of a badge's page in each state."""
    return live.badge_of_each_state(live_app.keyring, live_app.now())


@pytest.fixture
def carrier(stopped_clock: StoppedClock) -> Iterator[Carrier]:
    """A stand-in for the carrier, on the clock that stands still."""
    with Carrier(now=lambda: stopped_clock.now) as carrier:
        yield carrier


@pytest.fixture
def sender(carrier: Carrier) -> Iterator[TwilioSender]:
    """The real client of texts, pointed at the stand-in."""
    sender = sender_to(carrier)
    yield sender
    sender.close()
