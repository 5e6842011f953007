"""Corrections: a record with a reason beside the report, which stays; the figures say what was corrected."""

from datetime import timedelta
from typing import Any

import pytest

from models.database import transaction
from models.standards import ArrivalFlag
from tests.steps import (
    MONDAY_9,
    WEDNESDAY_10,
    arrive,
    book,
    cancel,
    etag,
    finish,
    instant,
    later,
    move,
    path,
    problem,
    see,
)
from tests.syncing import kept, send
from tests.test_reports import NOVEMBER, PUNCTUALITY, one_group


def correct(scheduler: Any, visit: Any, **changes: Any) -> Any:
    body = {"reason": "The neighbour's camera shows it"} | {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in changes.items()
    }
    return scheduler.post(path(visit, "corrections"), body, If_Match=etag(scheduler, visit))


@pytest.fixture
def late(sign_in: Any, officer: Any, resident: Any, stopped_clock: Any) -> Any:
    """A visit whose officer reported an arrival 20 minutes late, and its end; an hour and a half later."""
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, hours=1))
    phone = sign_in("officer", officer)
    assert arrive(phone, visit, later(WEDNESDAY_10, minutes=20)).status_code == 201
    assert finish(phone, visit, later(WEDNESDAY_10, minutes=50)).status_code == 201
    stopped_clock.set(later(WEDNESDAY_10, minutes=90))
    return visit


def test_a_correction_counts_in_the_fair_figure_and_never_in_the_original(sign_in, late):
    scheduler = sign_in("scheduler")
    before = one_group(scheduler, PUNCTUALITY)
    assert (before["late"], before["original"]["late"], before["corrected"]) == (1, 1, 0)
    made = correct(scheduler, late, arrived_at=later(WEDNESDAY_10, minutes=5))
    assert made.status_code == 201
    assert made.headers["ETag"] == etag(scheduler, late)
    assert made.json["arrival"]["arrived_at"] == "2026-11-25T10:05:00Z"
    assert made.json["arrival"]["flags"] == [ArrivalFlag.RECORDED_LATER, ArrivalFlag.CORRECTED]
    assert (made.json["reported_arrived_at"], made.json["reported_status"]) == (
        "2026-11-25T10:20:00Z",
        "completed",
    )
    after = one_group(scheduler, PUNCTUALITY)
    assert (after["on_time"], after["late"], after["corrected"]) == (1, 0, 1)
    assert after["original"] == before["original"]
    (behind,) = scheduler.get(f"{PUNCTUALITY}/visits?{NOVEMBER}&result=corrected").json["items"]
    assert (behind["arrived_at"], behind["reported_arrived_at"]) == (
        "2026-11-25T10:05:00Z",
        "2026-11-25T10:20:00Z",
    )
    assert (behind["result"], behind["original_result"]) == ("on_time", "late")


def test_what_was_reported_stays_in_the_history_beside_each_correction_and_its_reason(sign_in, late):
    scheduler = sign_in("scheduler")
    reported = scheduler.get(path(late, "history")).json["items"]
    for minutes in (5, 6):
        assert correct(scheduler, late, arrived_at=later(WEDNESDAY_10, minutes=minutes)).status_code == 201
    history = scheduler.get(path(late, "history")).json["items"]
    assert [each for each in history if each["kind"] != "corrected"] == reported
    first, second = sorted(
        (each for each in history if each["kind"] == "corrected"), key=lambda each: each["details"]["version"]
    )
    assert first["reason"] == "The neighbour's camera shows it"
    assert first["details"]["before"]["arrived_at"] == "2026-11-25T10:20:00Z"
    assert first["details"]["after"] == second["details"]["before"]
    again = correct(scheduler, late, outcome="no_access").json
    assert (again["reported_arrived_at"], again["reported_status"]) == ("2026-11-25T10:20:00Z", "completed")


def test_an_arrival_that_nobody_reported_may_be_entered_and_the_original_figure_stays(
    sign_in, officer, resident, stopped_clock
):
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, minutes=90))
    scheduler = sign_in("scheduler")
    assert one_group(scheduler, PUNCTUALITY)["missed"] == 1
    assert correct(scheduler, visit, arrived_at=WEDNESDAY_10).json["status"] == "arrived"
    figures = one_group(scheduler, PUNCTUALITY)
    assert (figures["on_time"], figures["missed"], figures["original"]["missed"]) == (1, 0, 1)


def test_a_phone_without_signal_is_heard_after_a_correction_too(sign_in, officer, resident, stopped_clock):
    """Its report is the raw record, whatever somebody entered before it came; the correction still counts."""
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, minutes=90))
    ended = later(WEDNESDAY_10, minutes=40)
    corrected = correct(
        sign_in("scheduler"), visit, arrived_at=WEDNESDAY_10, outcome="completed", finished_at=ended
    )
    assert corrected.status_code == 201
    came = later(WEDNESDAY_10, minutes=20)
    answers = send(
        sign_in("officer", officer),
        stopped_clock.now,
        kept("arrival", visit, came),
        kept("outcome", visit, ended, outcome="no_access"),
    )
    assert [answer["status"] for answer in answers.json["results"]] == [201, 201]
    seen = see(sign_in("scheduler"), visit)
    assert (seen["arrival"]["arrived_at"], seen["status"]) == ("2026-11-25T10:00:00Z", "completed")
    figures = one_group(sign_in("scheduler"), PUNCTUALITY)
    assert (figures["on_time"], figures["original"]["missed"]) == (1, 1)
    (behind,) = sign_in("scheduler").get(f"{PUNCTUALITY}/visits?{NOVEMBER}").json["items"]
    assert behind["reported_arrived_at"] == "2026-11-25T10:20:00Z"


def test_a_correction_is_judged_by_the_latest_fair_promise(sign_in, officer, resident, stopped_clock):
    """A move that the resident asked for sets the time, and one made after the arrival does not."""
    visit = book(sign_in("scheduler"), resident, officer)
    start = later(WEDNESDAY_10, hours=2)
    assert move(sign_in("scheduler"), visit, start, requested_by="resident").status_code == 201
    stopped_clock.set(later(start, minutes=90))
    arrival = correct(sign_in("scheduler"), visit, arrived_at=later(start, minutes=1)).json["arrival"]
    assert (instant(arrival["promised_at"]), arrival["seconds_from_promise"]) == (start, 60)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "arrived_at"),
        ({"arrived_at": later(WEDNESDAY_10, minutes=93)}, "arrived_at"),
        ({"arrived_at": later(WEDNESDAY_10, days=-8)}, "arrived_at"),
        ({"arrived_at": later(WEDNESDAY_10, minutes=51)}, "finished_at"),
        ({"finished_at": later(WEDNESDAY_10, minutes=19)}, "finished_at"),
        ({"arrived_at": later(WEDNESDAY_10, minutes=20)}, "reason"),
        ({"outcome": "completed"}, "reason"),
        ({"outcome": "lost"}, "outcome"),
        ({"arrived_at": WEDNESDAY_10, "reason": " "}, "reason"),
        ({"arrived_at": "10:00"}, "arrived_at"),
    ],
)
def test_what_cannot_have_been_is_refused_and_changes_nothing(sign_in, late, changes, field):
    scheduler = sign_in("scheduler")
    before = see(scheduler, late), one_group(scheduler, PUNCTUALITY)
    assert field in problem(correct(scheduler, late, **changes), 422, "not-valid")["errors"]
    assert (see(scheduler, late), one_group(scheduler, PUNCTUALITY)) == before


def test_an_outcome_needs_its_time_and_a_time_its_outcome(sign_in, officer, resident, stopped_clock):
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, minutes=90))
    scheduler = sign_in("scheduler")
    for changes, missing in (
        ({"outcome": "completed"}, "finished_at"),
        ({"finished_at": later(WEDNESDAY_10, minutes=30)}, "outcome"),
    ):
        assert missing in problem(correct(scheduler, visit, **changes), 422, "not-valid")["errors"]
    both = {"outcome": "no_access", "finished_at": later(WEDNESDAY_10, minutes=30)}
    assert correct(scheduler, visit, **both).json["status"] == "no_access"


def test_of_what_has_not_happened_nothing_can_be_corrected(sign_in, officer, resident):
    scheduler = sign_in("scheduler")
    visit = book(scheduler, resident, officer)
    problem(correct(scheduler, visit, arrived_at=MONDAY_9), 409)
    cancel(scheduler, visit)
    problem(correct(scheduler, visit, arrived_at=MONDAY_9), 409)


def test_a_correction_needs_the_version_that_was_read(sign_in, late):
    scheduler = sign_in("scheduler")
    body = {"arrived_at": WEDNESDAY_10.isoformat(), "reason": "A slip"}
    problem(scheduler.post(path(late, "corrections"), body), 428)
    problem(scheduler.post(path(late, "corrections"), body, If_Match='"1"'), 412)


def test_an_officer_cannot_correct_their_own_report(sign_in, officer, late):
    body = {"arrived_at": WEDNESDAY_10.isoformat(), "reason": "I was there"}
    problem(sign_in("officer", officer).post(path(late, "corrections"), body, If_Match="*"), 403)


def test_a_correction_keeps_what_was_true_of_the_visit(sign_in, officer, resident, late):
    """The officer's team and the resident's ward are those of the visit, not of the day it is corrected."""
    with transaction() as session:
        session.merge(officer).team = "Gardens"
        session.merge(resident).ward = "Pinner"
    scheduler = sign_in("scheduler")
    assert correct(scheduler, late, arrived_at=WEDNESDAY_10 + timedelta(minutes=1)).status_code == 201
    for by, group in (("team", "no_team"), ("ward", "no_ward")):
        assert one_group(scheduler, PUNCTUALITY, f"{NOVEMBER}&by={by}")["group"] == group
