"""Logs: a whole story at the most talkative level, and nobody could tell from them whom it was about."""

import ast
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from PIL import Image

from api import create_app, logs
from api.auth import roles
from api.config import Settings
from notifications.dispatcher import Dispatcher
from notifications.senders import senders_from
from notifications.texts import Council
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, WEDNESDAY_10, arrive, book, cancel, delay, depart, finish, move, path, see
from tests.test_clock import ROOT, SOURCES, parsed

NAME, FAMILY, STREET, TOWN = "Marigold", "Quillfeather", "77 Privet Drive", "Little Whinging"
PHONE, EMAIL, POSTCODE = "7700900777", "marigold@example.org", "HA1 3PJ"
PASSWORD, OFFICER, REASON, NOTE = "swordfish swordfish", "Ottoline Bramble", "broken zip", "the parrot bites"
USERNAME = "ottoline.b"

LEVELS = ("debug", "info", "warning", "error", "critical", "exception")
LOGGING = {"_log", *(f"{log}.{level}" for log in ("log", "app.logger", "current_app.logger") for level in LEVELS)}


class Heard(io.StringIO):
    """What was logged, and the handler that listens."""

    def __init__(self) -> None:
        super().__init__()
        self.handler = logging.StreamHandler(self)
        self.handler.setFormatter(logs.JsonLines())


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"LOG_LEVEL": "DEBUG"}


@pytest.fixture
def heard(app) -> Iterator[Heard]:
    """Everything any logger says, as the product writes it."""
    everything = Heard()
    logging.getLogger().addHandler(everything.handler)
    yield everything
    logs.configure("ERROR")


def test_a_whole_story_at_debug_level_names_nobody(heard, admin, scheduler, sign_in, stranger, stopped_clock):
    secrets = [NAME, FAMILY, STREET, TOWN, PHONE, EMAIL, POSTCODE, PASSWORD, OFFICER, REASON, NOTE, USERNAME]
    resident = scheduler.post(
        "/v1/residents",
        {
            "name": f"{NAME} {FAMILY}",
            "phone": f"0{PHONE}",
            "email": EMAIL,
            "needs": NOTE,
            "address": {"line_1": STREET, "town": TOWN, "postcode": POSTCODE},
        },
    ).json
    officer = admin.post(
        "/v1/officers",
        {"staff_number": "Z9", "display_name": OFFICER, "job_title": "x", "employment": "employee"},
    ).json
    account = {"username": USERNAME, "password": PASSWORD, "role": "officer", "officer_id": officer["id"]}
    assert admin.post("/v1/users", account).status_code == 201
    pair = stranger.post("/v1/tokens", {"username": USERNAME, "password": PASSWORD}).json
    stranger.post("/v1/tokens", {"username": USERNAME, "password": PASSWORD + "x"})
    secrets += [pair["refresh_token"], pair["access_token"], pair["access_token"].split(".")[2]]
    renewed = stranger.post("/v1/tokens/refresh", {"refresh_token": pair["refresh_token"]}).json
    secrets += [renewed["refresh_token"], renewed["access_token"]]
    stranger.token = renewed["access_token"]
    phone = stranger

    photo = io.BytesIO()
    Image.new("RGB", (300, 400)).save(photo, "PNG")
    put = admin.client.put(
        f"/v1/officers/{officer['id']}/photo",
        data=photo.getvalue(),
        content_type="image/png",
        headers={"Authorization": f"Bearer {admin.token}"},
    )
    assert put.status_code == 204

    body = {
        "resident_id": resident["id"],
        "officer_id": officer["id"],
        "purpose": REASON,
        "starts_at": (WEDNESDAY_10).isoformat(),
        "duration_minutes": 30,
    }
    visit = scheduler.post("/v1/visits", body, Idempotency_Key="once").json
    scheduler.post("/v1/visits", body, Idempotency_Key="once")
    assert scheduler.post("/v1/visits", body).status_code == 409
    assert move(scheduler, visit, MONDAY_9 + timedelta(minutes=10), reason=REASON).status_code == 201
    senders = senders_from(sms_sender="console", public_base_url="http://127.0.0.1:8000")
    dispatcher = Dispatcher(senders, Council("Harrow Council", "020 7946 0123"))
    assert dispatcher.send_due() >= 1
    dispatcher.close()
    assert depart(phone, visit).status_code == 201
    assert delay(phone, visit, MONDAY_9 + timedelta(minutes=40), reason=NOTE).status_code == 201
    assert arrive(phone, visit, MONDAY_9 + timedelta(minutes=12)).status_code == 201
    assert finish(phone, visit, MONDAY_9 + timedelta(minutes=13), note=NOTE).status_code == 201
    badge = phone.get("/v1/me/badge").json
    secrets += [badge["token"], badge["token"].split(".")[2], badge["short_code"]]
    assert stranger.client.get(badge["url"].replace("http://127.0.0.1:8000", "")).status_code == 200
    assert stranger.client.post("/b", data={"code": badge["short_code"]}).status_code == 200
    for page in ("history", "messages"):
        assert NAME not in phone.get(path(visit, page)).get_data(as_text=True)
    assert see(phone, visit)["status"] == "completed"
    assert phone.get("/v1/me/visits").status_code == 200
    assert scheduler.get("/v1/residents").json["items"]
    assert scheduler.get("/v1/reports/notice").status_code == 200
    second = book(scheduler, factories.resident(name=NAME, phone="+44" + PHONE, line_1=STREET), None)
    assert cancel(scheduler, second, reason=REASON).status_code == 201
    stranger.client.post(f"/callbacks/twilio/status?message={second['id']}", data={"To": "+44" + PHONE})
    for wrong in ({"phone": PHONE, "name": NAME}, [PHONE], {"address": {"line_1": STREET}}):
        scheduler.post("/v1/residents", wrong)
    stranger.client.get(f"/v1/{NAME}")
    stranger.client.get(f"/b/{pair['access_token']}")
    assert phone.delete("/v1/tokens").status_code == 204

    said = heard.getvalue()
    assert said.count("\n") > 25, "the test hears the logs"
    assert [secret for secret in secrets if secret.lower() in said.lower()] == []
    assert not re.search(r"\+?44 ?7\d{9}|0207946", said)
    for line in said.splitlines():
        event = json.loads(line)
        assert {"at", "level", "logger", "event"} <= set(event)
        assert event["logger"].split(".")[0] in logs.OURS, event


def test_an_error_of_ours_is_logged_without_what_it_says(environment, admin, heard):
    """The message of an error may quote what somebody typed: its kind and its place are enough to find it."""

    def broken() -> None:
        raise RuntimeError(f"cannot ring {PHONE}")

    app = create_app(Settings.from_environment(environment))
    logging.getLogger().addHandler(heard.handler)
    app.add_url_rule("/v1/broken", "broken", roles("admin")(broken))
    answer = Client(app.test_client(), admin.token).get("/v1/broken")
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert PHONE not in answer.get_data(as_text=True)
    errors = [json.loads(line) for line in heard.getvalue().splitlines() if "unexpected_error" in line]
    assert len(errors) == 1
    assert (errors[0]["error"], errors[0]["endpoint"]) == ("RuntimeError", "broken")
    assert errors[0]["trace"][-1].endswith("broken")
    assert PHONE not in heard.getvalue()


def test_a_request_is_logged_by_its_endpoint_and_not_its_address(heard, scheduler):
    scheduler.get("/v1/visits?limit=7")
    line = json.loads(heard.getvalue().splitlines()[-1])
    assert (line["event"], line["endpoint"], line["status"]) == ("request", "visits.Visits", 200)
    assert line["user_id"]
    assert "limit" not in heard.getvalue()


def test_every_event_is_constant_and_in_the_documentation():
    said = set()
    for source in SOURCES:
        for call in ast.walk(parsed(source)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in LOGGING:
                word = call.args[0]
                assert isinstance(word, ast.Constant | ast.Name), f"{source}:{call.lineno}"
                said |= {word.value} if isinstance(word, ast.Constant) else set()
    assert {"request", "sender_paused", "message_accepted", "badge_check_unavailable"} <= said
    written = (ROOT / "docs" / "production.md").read_text()
    assert [event for event in sorted(said) if f"`{event}`" not in written] == []


def test_libraries_are_not_asked_what_passes_through_them(app):
    logs.configure("DEBUG")
    try:
        for library in (
            "sqlalchemy.engine.Engine",
            "PIL.PngImagePlugin",
            "twilio.http_client",
            "urllib3",
            "psycopg",
        ):
            assert not logging.getLogger(library).isEnabledFor(logging.INFO), library
        assert logging.getLogger("api.door").isEnabledFor(logging.DEBUG)
        assert logging.getLogger("notifications.dispatcher").isEnabledFor(logging.DEBUG)
    finally:
        logs.configure("ERROR")
