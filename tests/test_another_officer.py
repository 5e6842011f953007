"""A resident who was shown who comes is told if it is another: once, and only if they had looked."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from models import retention
from models.database import looking, reading
from models.message import Message, MessageKind, MessageStatus
from models.officer import Officer
from models.resident import ContactBy
from models.showing import KEPT_FOR, OfficerShowing
from models.visit import Visit
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, cancel, move
from tests.test_assignments import assign

ELEVEN = MONDAY_9 + timedelta(hours=2)


@pytest.fixture
def visit(resident: Any, officer: Officer) -> dict[str, Any]:
    """A visit in two hours: its page shows the officer from now on. Its booking text went long ago."""
    made = factories.visit(resident, officer, ELEVEN)
    return {"id": str(made.id), "reference": made.reference}


def look(app: Flask, visit: dict[str, Any], method: str = "GET", **headers: str) -> None:
    code = app.extensions["visit_links"].code(visit["reference"])
    answered = app.test_client().open(f"/v/{code}", method=method, headers=headers)
    assert answered.status_code == 200 and "Set-Cookie" not in answered.headers


def shown() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(OfficerShowing)) or 0


def texts(client: Client, visit: dict[str, Any]) -> list[tuple[str, str]]:
    items = client.get(f"/v1/visits/{visit['id']}/messages").json["items"]
    return [(text["kind"], text["status"]) for text in items]


def test_whoever_was_shown_one_officer_is_told_that_another_comes(app, scheduler, officer, visit, stopped_clock):
    look(app, visit)
    stopped_clock.advance(600)
    given = assign(scheduler, visit, factories.officer()).json
    assert given["resident_was_shown"] == {
        "officer_id": str(officer.id),
        "how": "page",
        "at": "2026-11-23T09:00:00Z",
    }
    assert texts(scheduler, visit) == [("another_officer", "held")]
    with reading() as session:
        text = session.scalars(select(Message)).one()
        assert str(text.id) == given["message_id"]
        assert (text.starts_at, text.expires_at, text.send_at) == (ELEVEN, ELEVEN, stopped_clock.now)


@pytest.mark.parametrize(("minutes", "kinds"), [(0, {"another_officer"}), (60, {"another_officer", "moved"})])
def test_a_move_that_gives_the_visit_to_another_tells_it_as_well(app, scheduler, officer, visit, minutes, kinds):
    look(app, visit)
    to, other = ELEVEN + timedelta(minutes=minutes), factories.officer()
    moved = move(scheduler, visit, to, officer_id=str(other.id))
    assert moved.json["resident_was_shown"]["officer_id"] == str(officer.id)
    assert {kind for kind, status in texts(scheduler, visit) if status == "held"} == kinds
    assert move(scheduler, visit, to + timedelta(minutes=5)).json["resident_was_shown"] is None


def test_whoever_has_not_looked_is_told_nothing(app, scheduler, visit):
    given = assign(scheduler, visit, factories.officer()).json
    assert (given["resident_was_shown"], given["message_id"]) == (None, None)
    assert texts(scheduler, visit) == []


def test_a_look_before_the_officer_is_shown_is_none(app, scheduler, resident, officer):
    made = factories.visit(resident, officer, ELEVEN + timedelta(minutes=1))
    look(app, {"reference": made.reference})
    assert shown() == 0


def test_a_look_is_written_down_once_and_nothing_of_who_looked(app, visit):
    for _ in range(3):
        look(app, visit)
    assert shown() == 1
    assert set(OfficerShowing.__table__.columns.keys()) == {"visit_id", "officer_id", "first_shown_at"}


@pytest.mark.parametrize(
    ("method", "headers"),
    [("HEAD", {}), ("GET", {"User-Agent": "WhatsApp/2.23"}), ("GET", {"Purpose": "prefetch"})],
)
def test_a_link_that_is_fetched_ahead_shows_nobody(app, visit, method, headers):
    look(app, visit, method, **headers)
    assert shown() == 0


def test_a_look_leaves_the_threads_connection_open(app, visit):
    connection = looking()
    look(app, visit)
    assert looking() is connection and not connection.closed


def test_a_look_changes_nothing_of_the_visit(app, scheduler, visit):
    look(app, visit)
    with reading() as session:
        assert session.scalars(select(Visit)).one().version == 1


def test_that_nobody_is_found_yet_is_no_news_and_who_is_found_is(app, scheduler, visit):
    look(app, visit)
    unassigned = assign(scheduler, visit, None).json
    assert unassigned["resident_was_shown"] is not None and unassigned["message_id"] is None
    assert assign(scheduler, visit, factories.officer()).json["message_id"] is not None


def test_if_the_first_comes_after_all_the_text_is_stopped(app, scheduler, officer, visit):
    look(app, visit)
    assign(scheduler, visit, factories.officer())
    back = assign(scheduler, visit, officer).json
    assert (back["resident_was_shown"], back["message_id"]) == (None, None)
    assert texts(scheduler, visit) == [("another_officer", "superseded")]


def test_a_third_officer_needs_no_second_text(app, scheduler, visit):
    look(app, visit)
    first, second = (assign(scheduler, visit, factories.officer()).json["message_id"] for _ in range(2))
    assert first == second and len(texts(scheduler, visit)) == 1


def test_of_a_visit_that_went_further_away_than_a_day_nobody_is_told(app, scheduler, visit):
    look(app, visit)
    move(scheduler, visit, ELEVEN + timedelta(hours=24, minutes=15))
    assert assign(scheduler, visit, factories.officer()).json["resident_was_shown"] is None


def test_a_move_lets_the_text_go_with_the_new_time_and_a_cancellation_does_not(app, scheduler, visit):
    look(app, visit)
    assign(scheduler, visit, factories.officer())
    move(scheduler, visit, ELEVEN + timedelta(minutes=10))
    with reading() as session:
        text = session.scalars(select(Message)).one()
    assert (text.kind, text.status, text.starts_at) == (
        MessageKind.ANOTHER_OFFICER,
        MessageStatus.HELD,
        ELEVEN + timedelta(minutes=10),
    )
    cancel(scheduler, visit)
    assert texts(scheduler, visit) == [("another_officer", "superseded"), ("cancelled", "held")]


def test_whoever_takes_no_texts_is_rung(app, scheduler, officer):
    made = factories.visit(factories.resident(contact_by=ContactBy.CALL), officer, ELEVEN)
    look(app, {"reference": made.reference})
    given = assign(scheduler, {"id": str(made.id)}, factories.officer()).json
    assert given["resident_was_shown"] is not None and given["message_id"] is None
    (task,) = scheduler.get("/v1/contact-tasks").json["items"]
    assert task["detail"] == "another_officer" and "another officer" in task["script"]


def test_what_was_shown_is_forgotten_after_two_days(app, visit):
    look(app, visit)
    for days, left in ((KEPT_FOR, 1), (KEPT_FOR + timedelta(seconds=1), 0)):
        retention.purge(MONDAY_9 + days, keep=retention.Keep(), chain_key=b"key")
        assert shown() == left
