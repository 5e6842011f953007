"""A phone that keeps what happened and sends it later, for tests; it can go as far through time as it likes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, path

TEN = MONDAY_9 + timedelta(hours=1)
NOON = MONDAY_9 + timedelta(hours=3)


class SignedInAnew:
    """A client whose access token has never run out, however far the clock has gone."""

    def __init__(self, sign_in: Callable[..., Client], *who: Any) -> None:
        self._sign_in, self._who = sign_in, who

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sign_in(*self._who), name)


@pytest.fixture
def phone(sign_in, officer):
    return SignedInAnew(sign_in, "officer", officer)


@pytest.fixture
def scheduler(sign_in):
    return SignedInAnew(sign_in, "scheduler")


@pytest.fixture
def visit(officer, resident):
    """A visit at ten; it is nine."""
    return {"id": str(factories.visit(resident, officer, TEN).id)}


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def kept(kind: str, visit: Any, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """One event as a phone keeps it, that happened at `at`."""
    names = {
        "departure": "departed_at",
        "delay": "expected_at",
        "arrival": "arrived_at",
        "badge_shown": "shown_at",
        "outcome": "finished_at",
    }
    event = {"type": kind, "client_id": factories.client_id(), "visit_id": visit["id"]}
    if at is not None:
        event[names[kind]] = at.isoformat()
    if kind == "outcome":
        event["outcome"] = "completed"
    return event | changes


def send(phone: Any, sent_at: datetime, *events: dict[str, Any], **headers: str) -> Any:
    """Send a batch; the response."""
    body = {"sent_at": sent_at.isoformat(), "events": list(events)}
    return phone.post("/v1/me/sync", body, **headers)


def results(phone: Any, sent_at: datetime, *events: dict[str, Any]) -> list[Any]:
    """Send a batch that can be read; what became of each of its events."""
    answer = send(phone, sent_at, *events)
    assert answer.status_code == 207, answer.get_data(as_text=True)
    found = answer.json["results"]
    assert [each["client_id"] for each in found] == [event["client_id"] for event in events]
    return found


def history(client: Any, visit: Any) -> list[Any]:
    return [line for line in client.get(path(visit, "history")).json["items"] if line["kind"] != "booked"]


def kinds(client: Any, visit: Any) -> list[str]:
    return sorted(line["kind"] for line in history(client, visit))


def line(client: Any, visit: Any, kind: str) -> Any:
    (found,) = [each for each in history(client, visit) if each["kind"] == kind]
    return found
