"""The real application in a process of its own, as granian serves it, and what its clients need."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from PIL import Image

from api import create_app, secret_keys
from api.auth import AccessTokens
from api.config import Settings
from id_badges.keys import KeyRing, Purpose
from id_badges.tokens import mint_phone_badge
from models import badge, clock, user
from models.badge import Badge, BadgeKind
from models.clock import LONDON
from models.database import transaction
from models.duty import hours_cover
from models.officer import Officer, OfficerPhoto, PhotoStatus
from models.photo import re_encode
from models.user import Role, User
from tests import factories
from tests.hostile_tokens import Signer, card_claims

ROOT = Path(__file__).resolve().parent.parent
CLOCK_AHEAD = "CLOCK_AHEAD_S"


def app_ahead() -> Flask:
    """For granian: the application, with its clock some seconds ahead of the system's."""
    ahead = timedelta(seconds=float(os.environ[CLOCK_AHEAD]))
    clock.read_from(lambda: system_time() + ahead)
    return create_app()


def system_time() -> datetime:
    """The real present, whatever clock a test has stopped."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class LiveServer:
    """A running server."""

    url: str
    settings: Settings
    log: Path
    ahead: timedelta
    keyring: KeyRing = field(repr=False)

    def now(self) -> datetime:
        """The server's present."""
        return system_time() + self.ahead

    def complaints(self) -> list[str]:
        """The errors it logged."""
        return [line for line in self.log.read_text().splitlines() if re.search("ERROR|Traceback|panic", line)]

    def sign_in(self, role: str, officer: Officer | None = None) -> str:
        """Make an account, sign it in and give its access token."""
        at = self.now()
        account = User(
            id=uuid4(),
            username=f"{role}-{uuid4().hex[:8]}",
            password_hash=user.passwords.hash(uuid4().hex),
            role=Role(role),
            officer_id=officer.id if officer else None,
            active=True,
            created_at=at,
        )
        with transaction() as session:
            session.add(account)
            session.flush()
            started, _ = user.sign_in(session, account, at)
        secrets = secret_keys.load(self.settings, at)
        return AccessTokens(secrets.access_tokens, issuer=self.settings.public_base_url).issue(started, at)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(
    environment: dict[str, str],
    folder: Path,
    *,
    workers: int = 1,
    threads: int = 8,
    ahead: timedelta = timedelta(0),
) -> Iterator[LiveServer]:
    """Serve the application as `flask start` does until the block ends. Raises RuntimeError if it does not."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"PUBLIC_BASE_URL": url, "LOG_LEVEL": "ERROR", "KEYS_DIR": str(folder / "keys")} | environment
    settings = Settings.from_environment(environment)
    # Keys of yesterday: a token that timed out was signed before the server started.
    secret_keys.create(settings.keys_dir, system_time() + ahead - timedelta(days=1), for_development=True)
    target = ["wsgi:app"]
    if ahead:
        environment[CLOCK_AHEAD] = str(ahead.total_seconds())
        target = ["--factory", "tests.live:app_ahead"]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-access-log"]
    command += ["--log-level", "warning", "--workers", str(workers), "--blocking-threads", str(threads), *target]
    log = folder / f"server-{port}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        await_answer(url, process, log)
        yield LiveServer(url, settings, log, ahead, KeyRing.load(settings.keys_dir))
    finally:
        stop(process)


def await_answer(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Wait until the server answers /healthz."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the server did not come up:\n{log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started, and all of its group."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def hours_outside_work(now: datetime) -> timedelta:
    """How far a clock must go ahead to stand, for the next hour, outside of everybody's working hours."""
    for hours in (0, 12):
        ahead = timedelta(hours=hours)
        hour = [now + ahead + timedelta(minutes=minutes) for minutes in (0, 30, 60)]
        if not any(hours_cover(at, at.astimezone(LONDON).date()) for at in hour):
            return ahead
    raise AssertionError("no working day is twelve hours long")


def give_photo(officer: Officer, at: datetime, colour: str = "navy") -> UUID:
    """An approved photo of an officer: any picture will do."""
    file = io.BytesIO()
    Image.new("RGB", (480, 600), colour).save(file, "PNG")
    photo = OfficerPhoto(
        id=uuid4(),
        officer_id=officer.id,
        status=PhotoStatus.APPROVED,
        jpeg=re_encode(file.getvalue()),
        uploaded_at=at,
    )
    with transaction() as session:
        session.add(photo)
        session.get_one(Officer, officer.id).photo_id = photo.id
    return photo.id


def give_badge(officer: Officer, at: datetime, kind: BadgeKind = BadgeKind.PHONE, **changes: Any) -> Badge:
    """A badge of an officer."""
    with transaction() as session:
        made = Badge(
            id=uuid4(),
            officer_id=officer.id,
            kind=kind,
            handle=badge.new_handle(session),
            issued_at=at,
            **changes,
        )
        session.add(made)
    return made


def badge_of_each_state(keyring: KeyRing, at: datetime, issuer: str = "harrow") -> dict[str, str]:
    """The address of a badge's page in each state, on the database in use, for a check soon after `at`.

    `at` is outside of working hours, so that an officer without a visit is off duty. `unknown`, `revoked`,
    `suspended` and `forged` are answered alike.
    """
    resident = factories.resident(created_at=at)

    def on_duty(**changes: Any) -> Officer:
        made = factories.officer(created_at=at, **changes)
        factories.visit(resident, made, at + timedelta(minutes=30), at=at)
        return made

    def phone(badge_id: UUID, seconds: float = 0) -> str:
        shift = timedelta(seconds=seconds)
        return "/b/" + mint_phone_badge(keyring, issuer=issuer, badge_id=badge_id, at=at + shift)

    genuine = on_duty()
    give_photo(genuine, at)
    good = give_badge(genuine, at)
    off_duty = give_badge(factories.officer(created_at=at), at)
    revoked = give_badge(on_duty(), at, revoked_at=at, revoked_reason="The phone was stolen.")
    suspended_officer = on_duty()
    with transaction() as session:
        session.get_one(Officer, suspended_officer.id).suspended_at = at
    suspended = give_badge(suspended_officer, at)
    contractor = on_duty(display_name="Amina Okafor", company="Brightwater Repairs Ltd")
    card = give_badge(contractor, at, BadgeKind.CARD, expires_at=at + timedelta(days=300))
    printed = Signer.of(keyring, Purpose.CARD, at).sign(card_claims(issuer, card.id, at))
    forged = phone(good.id)
    return {
        "genuine": phone(good.id),
        "genuine_not_on_duty": phone(off_duty.id),
        "card_only": f"/b/{printed}",
        "timed_out": phone(good.id, -200),
        "not_yet_valid": phone(good.id, 600),
        "revoked": phone(revoked.id),
        "suspended": phone(suspended.id),
        "unknown": phone(uuid4()),
        "forged": forged[:-1] + ("A" if forged[-1] != "A" else "Q"),
    }
