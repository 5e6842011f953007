"""One command: `flask --app wsgi start` prepares everything, serves it, and stops without leaving anything."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api import create_app, secret_keys
from api.config import Settings
from models.clock import LONDON
from tests.live import ROOT, await_answer, free_port, stop

PASSWORD = "harrow-demo-2026"


class Started:
    """The product as a newcomer started it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = folder / "said.txt"
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"sqlite:///{folder / 'visits.sqlite3'}",
            "KEYS_DIR": str(folder / "keys"),
            "LOG_LEVEL": "WARNING",
        }
        with open(self.said, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "start", "--port", str(self.port)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        await_answer(self.url, self.process, self.said, seconds=60)

    def get(self, path: str, token: str | None = None, accept: str = "application/json") -> Any:
        """The body of an answer: JSON as what it says, a page as its text."""
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=10) as got:
            text = got.read().decode()
            return json.loads(text) if got.headers.get_content_type() == "application/json" else text

    def post(self, path: str, body: Any, token: str | None = None) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        sent = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(sent, timeout=10) as got:
            return json.load(got)

    def sign_in(self, username: str) -> str:
        tokens = self.post("/v1/tokens", {"username": username, "password": PASSWORD})
        return str(tokens["access_token"])

    def family(self) -> set[int]:
        """The processes that this one started, and theirs."""
        found = {self.process.pid}
        while True:
            more = {pid for pid, parent in _parents().items() if parent in found} - found
            if not more:
                return found - {self.process.pid}
            found |= more


def _parents() -> dict[int, int]:
    """Every process and its parent, as /proc tells."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    return parents


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    product = Started(tmp_path_factory.mktemp("start"))
    yield product
    stop_politely(product)


def stop_politely(product: Started) -> None:
    if product.process.poll() is None:
        product.process.send_signal(signal.SIGINT)
        try:
            product.process.wait(30)
        except subprocess.TimeoutExpired:
            stop(product.process)


def all_of(product: Started, path: str, token: str) -> list[Any]:
    """Every item of a list, page by page."""
    items: list[Any] = []
    cursor = ""
    while True:
        page = product.get(f"{path}{'&' if '?' in path else '?'}limit=200{cursor}", token)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


def test_it_says_where_to_look_and_how_to_sign_in(started: Started) -> None:
    deadline = time.monotonic() + 20
    while "Sign in as" not in started.said.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    said = started.said.read_text()
    for words in (f"{started.url}/docs", f"{started.url}/dev/outbox", f"{started.url}/b", PASSWORD, "Ctrl-C"):
        assert words in said
    assert "Traceback" not in said and "ERROR" not in said


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/dev/outbox", "/b", "/standards", "/static/docs.js", "/docs/assets/swagger-ui.css"],
)
def test_every_place_it_names_is_there(started: Started, path: str) -> None:
    assert started.get(path, accept="text/html")


def test_it_is_alive_and_ready(started: Started) -> None:
    assert started.get("/healthz") == {"status": "ok"}
    ready = started.get("/readyz")
    assert (ready["status"], ready["warnings"]) == ("ok", [])


def test_a_newcomer_finds_people_and_visits(started: Started) -> None:
    scheduler = started.sign_in("scheduler")
    officers = all_of(started, "/v1/officers", scheduler)
    assert len(officers) == 12
    assert sum(officer["employment"] == "contractor" for officer in officers) == 3
    assert all(officer["has_photo"] for officer in officers)
    residents = all_of(started, "/v1/residents", scheduler)
    assert len(residents) == 40
    assert all(re.fullmatch(r"HA[0-9] [0-9][A-Z]{2}", resident["address"]["postcode"]) for resident in residents)
    visits = all_of(started, "/v1/visits", scheduler)
    days = {datetime.fromisoformat(visit["starts_at"]).astimezone(LONDON).date() for visit in visits}
    today = datetime.now(LONDON).date()
    assert today in days
    assert len([day for day in days if today < day <= today + timedelta(days=8)]) >= 5


def test_a_newcomer_finds_an_officer_with_hours_of_her_own_and_one_on_leave(started: Started) -> None:
    scheduler = started.sign_in("scheduler")
    officers = {officer["display_name"]: officer["id"] for officer in all_of(started, "/v1/officers", scheduler)}
    week = started.get(f"/v1/officers/{officers['Priya Shah']}/working-pattern", scheduler)
    assert week["lunch"] == {"duration_minutes": 30, "earliest": "12:00", "latest": "14:00"}
    (leave,) = all_of(started, f"/v1/officers/{officers['Grace Mensah']}/absences", scheduler)
    first = datetime.fromisoformat(leave["starts_at"]).astimezone(LONDON).date()
    days = f"working-days?from={first}&to={first + timedelta(days=6)}"
    found = started.get(f"/v1/officers/{officers['Grace Mensah']}/{days}", scheduler)["items"]
    assert {day["closed"] for day in found} >= {"leave", "no_shift"}
    assert all(not day["windows"] for day in found)


def test_the_officer_sees_their_day_and_shows_a_badge(started: Started) -> None:
    token = started.sign_in("officer")
    assert started.get("/v1/me/visits", token)["items"]
    badge = started.get("/v1/me/badge", token)
    state = started.get("/b/" + badge["token"])["state"]
    assert state in ("genuine", "genuine_not_on_duty")
    assert started.sign_in("admin")


def test_a_booked_text_reaches_the_outbox(started: Started) -> None:
    scheduler = started.sign_in("scheduler")
    residents = all_of(started, "/v1/residents", scheduler)
    resident = next(each for each in residents if each["contact_by"] == "text")
    # So soon that the text goes at once, even in the night.
    starts_at = datetime.now(UTC) + timedelta(minutes=20)
    visit = started.post(
        "/v1/visits",
        {
            "resident_id": resident["id"],
            "purpose": "Gas safety check",
            "starts_at": starts_at.isoformat(),
            "duration_minutes": 30,
        },
        scheduler,
    )
    deadline = time.monotonic() + 20
    while True:
        (text,) = started.get(f"/v1/visits/{visit['id']}/messages", scheduler)["items"]
        if text["status"] not in ("held", "claimed") or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert text["status"] in ("accepted", "delivered")
    assert text["accepted_at"] and text["parts"] == 2
    page = started.get("/dev/outbox", accept="text/html")
    assert f"Ref {text['reference']}" in page
    assert visit["reference"] in page


def test_it_stops_on_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    product = Started(tmp_path)
    try:
        family = product.family()
        assert len(family) >= 2, "the server and the dispatcher"
        product.process.send_signal(signal.SIGINT)
        assert product.process.wait(30) == 0
        assert "Stopped." in product.said.read_text()
        assert "Traceback" not in product.said.read_text()
        assert family & set(_parents()) == set()
        with pytest.raises(OSError):
            urllib.request.urlopen(f"{product.url}/healthz", timeout=2)
    finally:
        stop_politely(product)


def test_in_production_nothing_made_for_development_is_served(tmp_path: Path) -> None:
    secret_keys.create(tmp_path / "keys", datetime.now(UTC), for_development=False)
    settings = Settings.from_environment(
        {
            "APP_ENV": "production",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'visits.sqlite3'}",
            "KEYS_DIR": str(tmp_path / "keys"),
            "PUBLIC_BASE_URL": "https://visits.harrow.gov.uk",
            "COUNCIL_PHONE": "020 8863 5611",
            "SMS_SENDER": "twilio",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": "a-token",
            "TWILIO_FROM": "+442088635611",
            "LOG_LEVEL": "ERROR",
        }
    )
    web = create_app(settings).test_client()
    page = web.get("/dev/outbox", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "We cannot find this page" in page.text
    assert web.get("/dev/outbox").content_type == "application/problem+json"
    form = web.get("/staff/sign-in", headers={"Accept": "text/html"}).text
    assert "Sign in" in form and PASSWORD not in form and "/dev/outbox" not in form
