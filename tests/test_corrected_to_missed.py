"""An arrival was reported, and nobody came: corrected to missed, beside the report, and its resident told."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.contact_task import ContactTaskStatus
from notifications.overdue import look_for_nobody_there
from notifications.senders.console import ConsoleSender
from tests import factories
from tests.sending import dispatch, tasks
from tests.steps import MONDAY_9, arrive, finish, path, problem, see
from tests.syncing import kept, line, send
from tests.test_corrections import correct

TEN = MONDAY_9 + timedelta(hours=1)
DAY = "from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z"


def later(minutes: float) -> Any:
    return TEN + timedelta(minutes=minutes)


@pytest.fixture
def booked(officer: Any, resident: Any) -> Any:
    """A visit at ten."""
    return factories.visit(resident, officer, TEN)


@pytest.fixture
def visit(booked: Any, sign_in: Any, officer: Any, stopped_clock: Any) -> Any:
    """The same, of which the officer reported that they came and went; it is half past eleven."""
    made = {"id": str(booked.id)}
    stopped_clock.set(later(30))
    assert arrive(sign_in("officer", officer), made, later(1)).status_code == 201
    assert finish(sign_in("officer", officer), made, later(30)).status_code == 201
    stopped_clock.set(later(90))
    return made


@pytest.fixture
def address(app: Any, booked: Any) -> Any:
    return "/v/" + app.extensions["visit_links"].code(booked.reference)


def figures(client: Any) -> Any:
    (group,) = client.get(f"/v1/reports/punctuality?{DAY}").json["groups"]
    return group


def messages(client: Any, visit: Any) -> list[tuple[str, str]]:
    return [(sent["kind"], sent["status"]) for sent in client.get(path(visit, "messages")).json["items"]]


def checks(app: Any) -> int:
    code: int = app.test_cli_runner().invoke(args=["figures", "check"]).exit_code
    return code


def test_the_visit_is_missed_everywhere_and_what_was_reported_stays(app, sign_in, visit, address):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redress_rule="missed=10.00")
    scheduler = sign_in("scheduler")
    reported = scheduler.get(path(visit, "history")).json["items"]
    made = correct(scheduler, visit, outcome="missed", reason="The officer was at another door")
    assert (made.status_code, made.json["status"]) == (201, "missed")
    assert ("arrival" in made.json, made.json["reported_status"]) == (False, "completed")
    assert made.json["reported_arrived_at"] == "2026-11-23T10:01:00Z"
    counted = figures(scheduler)
    assert (counted["on_time"], counted["missed"], counted["corrected"]) == (0, 1, 1)
    assert counted["original"]["on_time"] == 1, "no correction changes the figure of the first promise"
    (missed,) = scheduler.get("/v1/missed-standards").json["items"]
    assert (missed["standard"], missed["redress_pence"], missed["status"]) == ("missed", 1000, "due")
    page = app.test_client().get(address).text
    assert "We did not come when we said" in page and "We owe you <strong>£10.00</strong>" in page
    history = scheduler.get(path(visit, "history")).json["items"]
    assert [each for each in history if each["kind"] != "corrected"] == reported
    written = line(scheduler, visit, "corrected")
    assert written["reason"] == "The officer was at another door"
    assert (written["details"]["before"]["status"], written["details"]["after"]["status"]) == (
        "completed",
        "missed",
    )
    assert checks(app) == 0


def test_its_resident_is_told_as_of_any_missed_visit(sign_in, visit):
    scheduler = sign_in("scheduler")
    assert correct(scheduler, visit, outcome="missed").status_code == 201
    assert messages(scheduler, visit) == [("missed", "held")]
    (task,) = tasks()
    assert (task.reason, task.detail, task.status) == ("nobody_came", "missed", "open")


def test_corrected_back_the_apology_is_stopped_and_the_mark_withdrawn(app, sign_in, visit, address):
    scheduler = sign_in("scheduler")
    correct(scheduler, visit, outcome="missed")
    back = correct(scheduler, visit, outcome="completed", arrived_at=later(2), finished_at=later(20))
    assert (back.status_code, back.json["status"]) == (201, "completed")
    assert messages(scheduler, visit) == [("missed", "superseded")]
    assert [task.status for task in tasks()] == [ContactTaskStatus.NOT_NEEDED]
    assert [each["status"] for each in scheduler.get("/v1/missed-standards").json["items"]] == ["withdrawn"]
    assert figures(scheduler)["on_time"] == 1
    assert "We did not come" not in app.test_client().get(address).text
    assert checks(app) == 0


def test_who_was_told_is_told_once_and_again_only_after_it_was_taken_back(
    booked, sign_in, officer, stopped_clock, app
):
    """The watch found it missed, a phone said later that somebody had been there, and nobody had."""
    visit, told = {"id": str(booked.id)}, []
    stopped_clock.set(later(60))
    look_for_nobody_there(stopped_clock.now)
    dispatch(ConsoleSender())
    stopped_clock.set(later(70))
    send(sign_in("officer", officer), stopped_clock.now, kept("arrival", visit, later(1)))
    scheduler = sign_in("scheduler")
    assert messages(scheduler, visit) == [("missed", "delivered"), ("came_after_all", "held")]
    assert correct(scheduler, visit, outcome="missed").status_code == 201
    told = [("missed", "delivered"), ("came_after_all", "superseded")]
    assert messages(scheduler, visit) == told, "they know"
    assert correct(scheduler, visit, arrived_at=later(1)).status_code == 201
    dispatch(ConsoleSender())
    told.append(("came_after_all", "delivered"))
    assert messages(scheduler, visit) == told
    assert correct(scheduler, visit, outcome="missed").status_code == 201
    assert messages(scheduler, visit) == [*told, ("missed", "held")]
    assert checks(app) == 0


@pytest.mark.parametrize(("hours", "told"), [(25, True), (25.01, False)])
def test_of_a_visit_that_is_history_nobody_is_told(sign_in, visit, stopped_clock, hours, told):
    stopped_clock.set(later(60 * hours))
    scheduler = sign_in("scheduler")
    assert correct(scheduler, visit, outcome="missed").status_code == 201
    assert messages(scheduler, visit) == ([("missed", "held")] if told else [])
    assert len(tasks()) == told
    assert len(scheduler.get("/v1/missed-standards").json["items"]) == 1, "it counts all the same"


def test_who_was_believed_to_have_been_in_was_rung_for_that(sign_in, visit):
    scheduler = sign_in("scheduler")
    assert correct(scheduler, visit, outcome="no_access").status_code == 201
    said = scheduler.post(path(visit, "dispute"), {}).json
    upheld = {"outcome": "upheld", "reason": "They were in"}
    assert scheduler.patch(f"/v1/disputes/{said['id']}", upheld).status_code == 200
    assert correct(scheduler, visit, outcome="missed").status_code == 201
    assert "missed" not in [kind for kind, _ in messages(scheduler, visit)]
    assert (figures(scheduler)["missed"], figures(scheduler)["original"]["missed"]) == (1, 1)


def test_a_dispute_may_be_upheld_of_a_visit_that_nobody_came_to(sign_in, visit):
    scheduler = sign_in("scheduler")
    assert correct(scheduler, visit, outcome="no_access").status_code == 201
    said = scheduler.post(path(visit, "dispute"), {}).json
    assert correct(scheduler, visit, outcome="missed").status_code == 201
    upheld = {"outcome": "upheld", "reason": "They were in"}
    assert scheduler.patch(f"/v1/disputes/{said['id']}", upheld).status_code == 200


@pytest.mark.parametrize("field", ["arrived_at", "finished_at"])
def test_nobody_came_at_no_time(sign_in, visit, field):
    refused = correct(sign_in("scheduler"), visit, outcome="missed", **{field: later(5)})
    assert field in problem(refused, 422, "not-valid")["errors"]
    assert see(sign_in("scheduler"), visit)["status"] == "completed"


@pytest.mark.parametrize(("seconds", "status"), [(3599, 409), (3600, 201)])
def test_before_an_hour_has_passed_somebody_may_still_come(
    booked, sign_in, officer, stopped_clock, seconds, status
):
    visit = {"id": str(booked.id)}
    stopped_clock.set(later(1))
    arrive(sign_in("officer", officer), visit, later(1))
    stopped_clock.set(TEN + timedelta(seconds=seconds))
    assert correct(sign_in("scheduler"), visit, outcome="missed").status_code == status


def test_what_nobody_reported_is_missed_by_itself(booked, sign_in, stopped_clock):
    visit = {"id": str(booked.id)}
    stopped_clock.set(later(90))
    problem(correct(sign_in("scheduler"), visit, outcome="missed"), 409, "visit-state")
    look_for_nobody_there(stopped_clock.now)
    problem(correct(sign_in("scheduler"), visit, outcome="missed"), 422, "not-valid")


def test_a_phone_that_reports_more_afterwards_is_heard_and_outdoes_nothing(
    app, booked, sign_in, officer, stopped_clock
):
    """Its officer had said where they were at once, and how it ended without a signal."""
    visit = {"id": str(booked.id)}
    stopped_clock.set(later(1))
    assert arrive(sign_in("officer", officer), visit, later(1)).status_code == 201
    stopped_clock.set(later(90))
    scheduler = sign_in("scheduler")
    assert correct(scheduler, visit, outcome="missed").status_code == 201
    before = messages(scheduler, visit)
    ended = kept("outcome", visit, later(30), outcome="no_access")
    (answer,) = send(sign_in("officer", officer), stopped_clock.now, ended).json["results"]
    assert (answer["status"], answer["body"]["status"]) == (201, "missed")
    assert line(scheduler, visit, "finished")["details"]["outcome"] == "no_access"
    assert (figures(scheduler)["missed"], messages(scheduler, visit)) == (1, before)
    assert checks(app) == 0


def happens(what: int, sign_in: Any, officer: Any, visit: Any, came: Any, now: Any) -> None:
    """One of six things, whether it is taken or refused."""
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    if what == 0:
        send(phone, now, kept("arrival", visit, came))
    elif what == 1:
        send(phone, now, kept("outcome", visit, now, outcome="completed"))
    elif what == 2:
        correct(scheduler, visit, arrived_at=came)
    elif what == 3:
        correct(scheduler, visit, outcome="no_access", finished_at=now)
    elif what == 4:
        look_for_nobody_there(now)
    else:
        correct(scheduler, visit, outcome="missed")


@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_it_is_reported_and_corrected_the_records_say_what_is_stored(
    app, officer, resident, sign_in, stopped_clock, seed
):
    chance = random.Random(seed)
    booked = [factories.visit(resident, officer, TEN + timedelta(hours=3 * number)) for number in range(3)]
    for each in booked:
        visit, start = {"id": str(each.id)}, each.starts_at
        stopped_clock.set(max(stopped_clock.now, start + timedelta(minutes=chance.choice((5, 70)))))
        for _ in range(8):
            stopped_clock.advance(chance.randrange(1, 1200))
            now = stopped_clock.now
            came = min(now, start + timedelta(minutes=chance.randrange(20)))
            happens(chance.randrange(6), sign_in, officer, visit, came, now)
            assert checks(app) == 0
    items = sign_in("scheduler").get(f"/v1/reports/punctuality/visits?{DAY}").json["items"]
    results = {item["visit_id"]: item["result"] for item in items}
    for each in booked:
        if see(sign_in("scheduler"), {"id": str(each.id)})["status"] == "missed":
            assert results[str(each.id)] == "missed"
