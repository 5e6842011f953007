"""Delivery receipts over HTTP: only our carrier's own are believed, wherever the server stands."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from api import create_app
from api.config import Settings
from models.database import reading, transaction
from models.message import Message, MessageStatus
from models.officer import Officer
from models.resident import Resident
from tests import factories
from tests.conftest import Client, StoppedClock

TOKEN = "test-token"
BASE = "http://127.0.0.1:8000"
SID = "SM" + "0" * 32
PATH = "/callbacks/twilio/status"


@pytest.fixture
def message(scheduler: Client, resident: Resident, officer: Officer, stopped_clock: StoppedClock) -> Message:
    """The text of a booking, which the carrier has taken."""
    starts_at = stopped_clock.now + timedelta(days=3)
    assert scheduler.post("/v1/visits", factories.booking(resident, officer, starts_at)).status_code == 201
    with transaction() as session:
        sent = session.scalars(select(Message)).one()
        sent.status, sent.carrier_id, sent.accepted_at = MessageStatus.ACCEPTED, SID, stopped_clock.now
    return sent


def receipt(message_id: Any, status: str = "delivered", **fields: Any) -> tuple[str, dict[str, Any]]:
    """The address and the form of a receipt."""
    form = {"MessageSid": SID, "SmsSid": SID, "MessageStatus": status, "AccountSid": "AC" + "0" * 32}
    return f"{PATH}?message={message_id}", form | fields


def sign(address: str, form: Any, base: str = BASE, token: str = TOKEN) -> dict[str, str]:
    """Twilio's own signature of it."""
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(base + address, MultiDict(form))}


@pytest.fixture
def send(app: Flask) -> Callable[..., Any]:
    """Send a receipt, signed unless `headers` say otherwise."""

    def post(address: str, form: Any, headers: dict[str, str] | None = None) -> Any:
        signed = sign(address, form) if headers is None else headers
        return app.test_client().post(address, data=form, headers=signed)

    return post


def seen(scheduler: Client, message: Message) -> Any:
    """What GET .../messages says of it."""
    (found,) = scheduler.get(f"/v1/visits/{message.visit_id}/messages").json["items"]
    return found


def test_a_signed_receipt_shows_with_the_visit(
    scheduler: Client, message: Message, send: Callable[..., Any], stopped_clock: StoppedClock
) -> None:
    assert (seen(scheduler, message)["status"], seen(scheduler, message)["delivered_at"]) == ("accepted", None)
    stopped_clock.advance(5)
    answer = send(*receipt(message.id))
    assert (answer.status_code, answer.data) == (204, b"")
    assert seen(scheduler, message)["status"] == "delivered"
    assert seen(scheduler, message)["delivered_at"] == "2026-11-23T09:00:05Z"


def test_a_failure_shows_with_its_code(scheduler: Client, message: Message, send: Callable[..., Any]) -> None:
    assert send(*receipt(message.id, "undelivered", ErrorCode="30005")).status_code == 204
    shown = seen(scheduler, message)
    assert (shown["status"], shown["error_code"]) == ("undelivered", "30005")


def test_receipts_in_the_wrong_order_and_twice_change_nothing_back(
    scheduler: Client, message: Message, send: Callable[..., Any]
) -> None:
    for status in ("delivered", "sent", "queued", "delivered", "undelivered"):
        assert send(*receipt(message.id, status)).status_code == 204
        assert seen(scheduler, message)["status"] == "delivered"


def test_what_twilio_may_add_to_its_form_is_part_of_what_it_signs(
    scheduler: Client, message: Message, send: Callable[..., Any]
) -> None:
    more = {"RawDlrDoneDate": "2611231000", "To": "+447700900123", "Body": "é & = ?", "Empty": ""}
    assert send(*receipt(message.id, **more)).status_code == 204
    assert seen(scheduler, message)["status"] == "delivered"


@pytest.mark.parametrize(
    "forge",
    [
        lambda address, form: {},
        lambda address, form: {"X-Twilio-Signature": ""},
        lambda address, form: {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        lambda address, form: {"X-Twilio-Signature": "é" * 28},
        lambda address, form: sign(address, form, token="another-token"),
        lambda address, form: sign(address, form, base="https://evil.example"),
        lambda address, form: sign(address, form, base="http://127.0.0.1:8001"),
        lambda address, form: sign(address.replace("?", "/?"), form),
        lambda address, form: sign(address + "&x=1", form),
        lambda address, form: sign(PATH, form),
        lambda address, form: sign(address, form | {"MessageStatus": "sent"}),
        lambda address, form: sign(address, {}),
        lambda address, form: sign(address.replace(address[-36:], str(uuid4())), form),
    ],
)
def test_anything_else_is_refused_and_changes_nothing(
    scheduler: Client, message: Message, send: Callable[..., Any], forge: Callable[..., dict[str, str]]
) -> None:
    address, form = receipt(message.id)
    answer = send(address, form, forge(address, form))
    assert (answer.status_code, answer.content_type) == (403, "application/problem+json")
    assert seen(scheduler, message)["status"] == "accepted"


def test_a_field_added_on_the_way_is_a_forgery(scheduler: Client, message: Message, app: Flask) -> None:
    address, form = receipt(message.id, "sent")
    headers = sign(address, form)
    for more in ({"ErrorCode": "30005"}, {"MessageStatus": ["sent", "failed"]}):
        assert app.test_client().post(address, data=form | more, headers=headers).status_code == 403
    assert (
        app.test_client().post(address + "&message=" + str(uuid4()), data=form, headers=headers).status_code == 403
    )
    assert seen(scheduler, message)["status"] == "accepted"


def test_behind_a_proxy_the_public_address_counts_and_not_the_one_the_server_sees(
    database: str, environment: dict[str, str], scheduler: Client, message: Message
) -> None:
    public = "https://visits.harrow.gov.uk/home-visits"
    behind = create_app(Settings.from_environment(environment | {"PUBLIC_BASE_URL": public})).test_client()
    address, form = receipt(message.id)
    inside = {"Host": "10.0.0.5:8000", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    for base in (BASE, "http://10.0.0.5:8000", "http://evil.example", "http://visits.harrow.gov.uk/home-visits"):
        assert behind.post(address, data=form, headers=sign(address, form, base) | inside).status_code == 403
    assert seen(scheduler, message)["status"] == "accepted"
    assert behind.post(address, data=form, headers=sign(address, form, public) | inside).status_code == 204
    assert seen(scheduler, message)["status"] == "delivered"


def test_without_a_token_no_receipt_is_believed(
    database: str, environment: dict[str, str], message: Message
) -> None:
    without = {name: value for name, value in environment.items() if name != "TWILIO_AUTH_TOKEN"}
    web = create_app(Settings.from_environment(without)).test_client()
    address, form = receipt(message.id)
    for token in ("", "None", TOKEN):
        assert web.post(address, data=form, headers=sign(address, form, token=token)).status_code == 403


def test_a_receipt_of_a_text_that_is_not_ours_is_taken_and_forgotten(
    send: Callable[..., Any], message: Message
) -> None:
    """Twilio would only call it an error of ours: another installation may share the account."""
    assert send(*receipt(uuid4())).status_code == 204


@pytest.mark.parametrize("named", ["", "x", "%00", "%ff", "5" * 5000, "{}"])
def test_an_address_that_names_no_text_is_told_so(send: Callable[..., Any], message: Message, named: str) -> None:
    answer = send(*receipt(named))
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")


JUNK: list[dict[str, Any]] = [
    {},
    {"MessageStatus": ""},
    {"MessageStatus": "exploded"},
    {"MessageStatus": "delivered"},
    {"MessageStatus": "delivered", "MessageSid": ""},
    {"MessageStatus": "delivered", "MessageSid": "\0"},
    {"MessageStatus": "delivered", "MessageSid": "S" * 10_000},
    {"MessageStatus": "delivered", "MessageSid": "\u202e" + SID},
    {"MessageStatus": "delivered", "MessageSid": [SID, "SM1"]},
    {"MessageStatus": "undelivered", "MessageSid": SID, "ErrorCode": "\0"},
    {"MessageStatus": "undelivered", "MessageSid": SID, "ErrorCode": "9" * 10_000},
    {"MessageStatus": "undelivered", "MessageSid": SID, "ErrorCode": "' OR 1=1 --"},
    {"MessageStatus": "\0", "MessageSid": SID},
    {"MessageStatus": "d" * 10_000, "MessageSid": SID},
    {"\0": "\0"},
    {"CallStatus": "completed", "CallSid": SID, "AnsweredBy": "x" * 41},
    {"CallStatus": "completed", "CallSid": SID, "AnsweredBy": "\0"},
]


@pytest.mark.parametrize("form", JUNK, ids=lambda form: urlencode(form, doseq=True)[:60])
@pytest.mark.parametrize("carrier_id", [SID, None])
def test_a_form_of_junk_is_never_our_failure(
    scheduler: Client, message: Message, send: Callable[..., Any], form: dict[str, Any], carrier_id: str | None
) -> None:
    """Even signed. A text whose fate is unclear has no id of the carrier's yet."""
    with transaction() as session:
        session.get_one(Message, message.id).carrier_id = carrier_id
    answer = send(f"{PATH}?message={message.id}", form)
    assert answer.status_code == (
        204 if form.get("MessageSid") in (SID, [SID, "SM1"]) and "ErrorCode" not in form else 422
    )
    with reading() as session:
        kept = session.get_one(Message, message.id)
        assert kept.carrier_id in (SID, carrier_id)
        assert kept.error_code is None
