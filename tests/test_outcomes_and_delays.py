"""Delays and outcomes: what an officer's phone says on the way and at the end, sent once or ten times."""

from datetime import timedelta

import pytest

from tests import factories
from tests.steps import MONDAY_9, arrive, delay, depart, finish, instant, move, path, problem, see

TEN = MONDAY_9 + timedelta(hours=1)


@pytest.fixture
def visit(officer, resident):
    """A visit at ten; it is nine."""
    return {"id": str(factories.visit(resident, officer, TEN).id)}


def texts(client, visit):
    return [(text["kind"], text["status"]) for text in client.get(path(visit, "messages")).json["items"]]


def test_a_delay_of_more_than_fifteen_minutes_is_told_at_once(phone, visit):
    answer = delay(phone, visit, TEN + timedelta(minutes=32), reason="Traffic")
    assert answer.status_code == 201
    assert answer.json == {
        "expected_at": "2026-11-23T10:35:00Z",
        "promised_at": "2026-11-23T10:00:00Z",
        "told": True,
        "message_id": answer.json["message_id"],
        "cascade": [],
    }
    listed = phone.get(path(visit, "messages")).json["items"]
    assert [(text["id"], text["kind"]) for text in listed] == [(answer.json["message_id"], "delayed")]
    assert listed[0]["send_at"] == "2026-11-23T09:00:00Z"
    assert listed[0]["expires_at"] == "2026-11-23T10:35:00Z"
    seen = see(phone, visit)
    assert (seen["expected_at"], seen["starts_at"]) == ("2026-11-23T10:32:00Z", "2026-11-23T10:00:00Z")


def test_fifteen_minutes_are_not_worth_a_text_and_a_second_more_is(phone, officer, resident):
    rows = [(14, False, "15"), (15, False, "15"), (15.02, True, "20"), (16, True, "20"), (-10, False, "00")]
    for number, (minutes, told, said) in enumerate(rows):
        start = MONDAY_9 + timedelta(minutes=30 * number + 60)
        visit = {"id": str(factories.visit(resident, officer, start).id)}
        answer = delay(phone, visit, start + timedelta(minutes=minutes)).json
        eta = start + timedelta(minutes=int(said))
        assert (answer["told"], instant(answer["expected_at"])) == (told, eta), minutes
        assert (answer["message_id"] is not None) is told


def test_a_visit_more_than_four_hours_off_is_not_told_of_a_delay_yet(phone, officer, resident):
    near, far = (
        {"id": str(factories.visit(resident, officer, MONDAY_9 + timedelta(hours=4, seconds=off)).id)}
        for off in (0, 1801)
    )
    assert delay(phone, near, MONDAY_9 + timedelta(hours=5)).json["told"] is True
    assert delay(phone, far, MONDAY_9 + timedelta(hours=6)).json["told"] is False


def test_a_delay_of_over_two_hours_also_asks_somebody_to_plan_again(scheduler, phone, visit):
    assert delay(phone, visit, TEN + timedelta(hours=2)).status_code == 201
    assert scheduler.get("/v1/contact-tasks").json["items"] == []
    assert delay(phone, visit, TEN + timedelta(hours=2, seconds=1)).status_code == 201
    assert [task["reason"] for task in scheduler.get("/v1/contact-tasks").json["items"]] == ["replan"]


def test_a_delay_sent_again_is_answered_the_same_and_texted_once(phone, visit, stopped_clock):
    sent = {"client_id": factories.client_id()}
    first = delay(phone, visit, TEN + timedelta(minutes=30), **sent)
    stopped_clock.advance(300)
    for _ in range(2):
        again = delay(phone, visit, TEN + timedelta(minutes=30), **sent)
        assert (again.status_code, again.json) == (201, first.json)
    assert texts(phone, visit) == [("delayed", "held")]
    assert see(phone, visit)["version"] == 2


def test_newer_news_takes_the_place_of_a_text_that_has_not_gone(phone, visit, stopped_clock):
    assert delay(phone, visit, TEN + timedelta(minutes=30)).json["told"] is True
    stopped_clock.advance(1)
    assert delay(phone, visit, TEN + timedelta(minutes=60)).json["told"] is True
    assert texts(phone, visit) == [("delayed", "superseded"), ("delayed", "held")]
    stopped_clock.advance(1)
    assert delay(phone, visit, TEN).json["told"] is False
    assert texts(phone, visit) == [("delayed", "superseded"), ("delayed", "superseded")]


def test_a_scheduler_reports_a_delay_from_the_version_they_read(scheduler, visit):
    body = {"client_id": factories.client_id(), "expected_at": (TEN + timedelta(minutes=30)).isoformat()}
    problem(scheduler.post(path(visit, "delays"), body), 428, "version-required")
    problem(scheduler.post(path(visit, "delays"), body, If_Match='"3"'), 412, "changed-meanwhile")
    made = scheduler.post(path(visit, "delays"), body, If_Match='"1"')
    assert (made.status_code, made.headers["ETag"]) == (201, '"2"')
    again = scheduler.post(path(visit, "delays"), body, If_Match='"1"')
    assert (again.status_code, again.json) == (201, made.json), "sent again, it asks for nothing new"


def test_an_officer_may_say_which_version_too(phone, visit):
    body = {"client_id": factories.client_id(), "expected_at": (TEN + timedelta(minutes=30)).isoformat()}
    problem(phone.post(path(visit, "delays"), body, If_Match='"3"'), 412, "changed-meanwhile")
    assert phone.post(path(visit, "delays"), body, If_Match='"1"').status_code == 201


def test_a_time_nobody_can_mean_is_no_delay(phone, visit):
    for off in (timedelta(hours=-2, seconds=-1), timedelta(hours=24, seconds=1), timedelta(days=800)):
        refused = problem(delay(phone, visit, TEN + off), 422, "not-valid")
        assert "expected_at" in refused["errors"]
    for field, value in (
        ("expected_at", "soon"),
        ("expected_at", None),
        ("client_id", "x"),
        ("reason", "x" * 501),
    ):
        refused = problem(delay(phone, visit, TEN, **{field: value}), 422, "not-valid")
        assert field in refused["errors"]
    assert see(phone, visit)["expected_at"] is None


def test_nobody_is_late_who_is_at_the_door(phone, visit):
    assert arrive(phone, visit, MONDAY_9).status_code == 201
    problem(delay(phone, visit, TEN), 409, "visit-state")


def test_a_late_text_that_has_not_gone_is_stopped_by_an_officer_at_the_door(phone, officer, resident):
    """A sender can be paused, or have a queue: afterwards it would say that the officer is still to come."""
    steps = (arrive, finish)
    for number, step in enumerate(steps):
        start = TEN + timedelta(hours=number)
        visit = {"id": str(factories.visit(resident, officer, start).id)}
        assert delay(phone, visit, start + timedelta(minutes=32)).json["told"] is True
        assert step(phone, visit, start + timedelta(minutes=20)).status_code == 201
        assert texts(phone, visit) == [("delayed", "superseded")]


def test_a_move_forgets_the_delay(scheduler, phone, visit, stopped_clock):
    delay(phone, visit, TEN + timedelta(minutes=30))
    stopped_clock.advance(1)
    assert move(scheduler, visit, TEN + timedelta(days=1)).status_code == 201
    assert see(phone, visit)["expected_at"] is None
    assert texts(phone, visit) == [("delayed", "superseded"), ("moved", "held")]


def test_an_officer_sets_out_once(phone, visit):
    sent = {"client_id": factories.client_id()}
    left = depart(phone, visit, **sent)
    assert (left.status_code, left.json["status"], left.json["version"]) == (201, "en_route", 2)
    again = depart(phone, visit, **sent)
    assert (again.status_code, again.json) == (201, left.json)
    problem(depart(phone, visit), 409, "visit-state")


def test_a_visit_ends_completed_or_with_no_access(phone, officer, resident, visit):
    arrive(phone, visit, MONDAY_9)
    done = finish(phone, visit, MONDAY_9 + timedelta(minutes=30), note="All well.\nTap mended.")
    assert done.status_code == 201
    assert (done.json["status"], done.json["outcome"]) == ("completed", "completed")
    assert done.json["finished_at"] == "2026-11-23T09:30:00Z"
    assert done.json["arrival"]["punctuality"] == "early"
    other = {"id": str(factories.visit(resident, officer, TEN + timedelta(hours=1)).id)}
    nobody = finish(phone, other, MONDAY_9, outcome="no_access")
    assert (nobody.json["status"], nobody.json["outcome"]) == ("no_access", "no_access")
    assert "arrival" not in nobody.json, "an arrival that was forgotten is no obstacle"


def test_an_outcome_sent_again_is_answered_the_same(phone, visit):
    sent = {"client_id": factories.client_id()}
    first = finish(phone, visit, MONDAY_9, **sent)
    again = finish(phone, visit, MONDAY_9, **sent)
    assert (again.status_code, again.json) == (201, first.json)
    problem(finish(phone, visit, MONDAY_9), 409, "visit-state")
    problem(finish(phone, visit, MONDAY_9, outcome="no_access"), 409, "visit-state")


def test_a_visit_cannot_end_before_it_began(phone, visit):
    arrive(phone, visit, MONDAY_9)
    refused = problem(finish(phone, visit, MONDAY_9 - timedelta(seconds=1)), 422, "not-valid")
    assert "finished_at" in refused["errors"]
    assert finish(phone, visit, MONDAY_9).status_code == 201


def test_what_an_outcome_cannot_be_is_refused_by_field(phone, visit):
    wrong = [
        ("outcome", "cancelled"),
        ("outcome", "missed"),
        ("outcome", None),
        ("finished_at", "2026-11-23T10:00:00"),
        ("note", "x" * 1001),
        ("note", "bell\x07"),
        ("note", "\u202egnp"),
        ("client_id", "NaN"),
        ("arrived_at", "2026-11-23T10:00:00Z"),
    ]
    for field, value in wrong:
        assert field in problem(finish(phone, visit, MONDAY_9, **{field: value}), 422, "not-valid")["errors"], (
            field
        )


def test_an_officers_report_waits_for_no_version(scheduler, phone, visit, stopped_clock):
    """A phone that was offline reports of the visit as it is now, whatever the scheduler did meanwhile."""
    assert move(scheduler, visit, TEN + timedelta(minutes=10)).status_code == 201
    stopped_clock.advance(1)
    assert arrive(phone, visit, MONDAY_9).status_code == 201
