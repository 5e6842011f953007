"""Absences through the API: who is away when and why, who said so, and who took it back."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from models.database import transaction
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, WEDNESDAY_10, book, problem
from tests.test_lists import pages
from tests.test_working_hours import days, except_on, path, refused


def absence(starts_at: datetime, hours: float, /, **changes: Any) -> dict[str, Any]:
    ends_at = starts_at + timedelta(hours=hours)
    return {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat(), "kind": "leave"} | changes


def enter(client: Client, officer: Any, starts_at: datetime, hours: float, /, **changes: Any) -> Any:
    return client.post(path(officer, "absences"), absence(starts_at, hours, **changes))


MIDNIGHT = WEDNESDAY_10.replace(hour=0)


@pytest.mark.parametrize("kind", ["leave", "sickness", "training", "other"])
def test_a_day_away_leaves_no_hours_and_says_why(scheduler, officer, kind):
    made = enter(scheduler, officer, MIDNIGHT, 24, kind=kind, reason="Jury service")
    assert made.status_code == 201
    (day,) = days(scheduler, officer, "2026-11-25")
    assert (day["windows"], day["closed"]) == ([], kind)
    assert days(scheduler, officer, "2026-11-24")[0]["closed"] is None
    assert days(scheduler, officer, "2026-11-26")[0]["closed"] is None


def test_half_a_day_away_cuts_the_hours(scheduler, officer):
    enter(scheduler, officer, WEDNESDAY_10 + timedelta(hours=2), 12)
    (day,) = days(scheduler, officer, "2026-11-25")
    assert day["windows"] == [{"starts_at": "2026-11-25T09:00:00Z", "ends_at": "2026-11-25T12:00:00Z"}]
    assert day["closed"] == "leave"


def test_leave_is_taken_out_of_an_exception_and_of_a_long_one_every_day_between(scheduler, officer):
    except_on(scheduler, officer, "2026-11-28", ("10:00", "14:00"))
    enter(scheduler, officer, MIDNIGHT - timedelta(days=30), 24 * 60)
    found = days(scheduler, officer, "2026-11-23", "2026-11-29")
    assert [day["closed"] for day in found] == ["leave"] * 6 + ["no_shift"]


def test_it_says_who_entered_it_and_who_removed_it_and_when(scheduler, admin, officer, stopped_clock):
    made = enter(scheduler, officer, MIDNIGHT, 24, reason="Wedding").json
    assert (made["entered_at"], made["removed_at"], made["reason"]) == ("2026-11-23T09:00:00Z", None, "Wedding")
    stopped_clock.advance(60)
    assert admin.delete(f"/v1/absences/{made['id']}").status_code == 204
    assert days(scheduler, officer, "2026-11-25")[0]["closed"] is None
    stopped_clock.advance(60)
    assert scheduler.delete(f"/v1/absences/{made['id']}").status_code == 204, "said again, it is done already"
    (kept,) = scheduler.get(path(officer, "absences")).json["items"]
    assert kept["removed_at"] == "2026-11-23T09:01:00Z", "the first removal stays as it was"
    assert kept["entered_by_id"] is not None
    assert kept["removed_by_id"] not in (None, kept["entered_by_id"])


@pytest.mark.parametrize(
    ("starts_at", "hours", "changes", "field", "words"),
    [
        (MIDNIGHT, 0, {}, "ends_at", "ends after it starts"),
        (MIDNIGHT, -24, {}, "ends_at", "ends after it starts"),
        (MIDNIGHT, 730 * 24 + 0.1, {}, "ends_at", "two years"),
        (MONDAY_9 - timedelta(days=731), 24, {}, "starts_at", "two years"),
        (MONDAY_9 + timedelta(days=731), 24, {}, "starts_at", "two years"),
        (MIDNIGHT, 24, {"kind": "other"}, "reason", "Say what it is"),
        (MIDNIGHT, 24, {"kind": "holiday"}, "kind", "Must be one of"),
        (MIDNIGHT, 24, {"starts_at": "2026-11-25T01:30:00"}, "starts_at", "offset"),
    ],
)
def test_an_absence_that_cannot_be_is_refused_in_words(
    scheduler, officer, starts_at, hours, changes, field, words
):
    refused(enter(scheduler, officer, starts_at, hours, **changes), field, words)
    assert scheduler.get(path(officer, "absences")).json["items"] == []


def test_an_absence_of_two_years_and_one_of_a_minute_are_taken(scheduler, officer):
    assert enter(scheduler, officer, MIDNIGHT, 730 * 24).status_code == 201
    assert enter(scheduler, officer, MIDNIGHT, 1 / 60).status_code == 201


def test_it_is_entered_whatever_is_booked(scheduler, officer, resident):
    booked = book(scheduler, resident, officer)
    assert enter(scheduler, officer, MIDNIGHT, 24, kind="sickness").status_code == 201
    assert scheduler.get(f"/v1/visits/{booked['id']}").json["status"] == "booked"


def test_asked_again_with_its_key_it_is_entered_once(scheduler, officer):
    key = str(uuid4())
    body = absence(MIDNIGHT, 24)
    first = scheduler.post(path(officer, "absences"), body, Idempotency_Key=key)
    again = scheduler.post(path(officer, "absences"), body, Idempotency_Key=key)
    assert first.json == again.json
    assert len(scheduler.get(path(officer, "absences")).json["items"]) == 1


def test_absences_are_listed_latest_first_page_by_page(scheduler, officer):
    starts = [MIDNIGHT + timedelta(days=number) for number in (3, 3, 1, 2, 3)]
    for start in starts:
        enter(scheduler, officer, start, 24)
    enter(scheduler, factories.officer(), MIDNIGHT, 24)
    for limit in (1, 2, 5, 200):
        listed = pages(scheduler, path(officer, "absences"), limit)
        assert len({row["id"] for row in listed}) == 5
        times = [row["starts_at"] for row in listed]
        assert times == sorted(times, reverse=True)


def test_an_officer_reads_their_own_absences_and_enters_or_removes_none(scheduler, phone, officer):
    colleague = factories.officer()
    made = enter(scheduler, officer, MIDNIGHT, 24).json
    assert [row["id"] for row in phone.get(path(officer, "absences")).json["items"]] == [made["id"]]
    problem(phone.get(path(colleague, "absences")), 403, "not-yours")
    problem(enter(phone, officer, MIDNIGHT, 24), 403, "not-yours")
    problem(phone.delete(f"/v1/absences/{made['id']}"), 403, "not-yours")


def test_an_absence_of_nobody_and_one_nobody_entered_are_not_found(scheduler):
    problem(scheduler.post(f"/v1/officers/{factories.NOBODY}/absences", absence(MIDNIGHT, 24)), 404, "not-found")
    problem(scheduler.get(f"/v1/officers/{factories.NOBODY}/absences"), 404, "not-found")
    problem(scheduler.delete(f"/v1/absences/{factories.NOBODY}"), 404, "not-found")


def test_the_database_itself_keeps_no_absence_that_ends_before_it_starts(scheduler, officer):
    enter(scheduler, officer, MIDNIGHT, 24)
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(text("UPDATE absences SET ends_at = starts_at"))
