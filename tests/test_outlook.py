"""The outlook for an officer's day: what they reported last decides it, and nothing reported is nothing known."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models import travel
from models.absence import AbsenceKind, enter
from models.database import reading, transaction
from models.day import Lunch
from models.officer import Officer
from models.outlook import lunches
from notifications.overdue import look_for_nobody_there
from tests import factories
from tests.steps import MONDAY_9, arrive, cancel, delay, depart, finish


def clock_time(shown: str) -> datetime:
    """A time of the Monday of these tests."""
    hours, minutes = map(int, shown.split(":"))
    return MONDAY_9.replace(hour=hours, minute=minutes)


@pytest.fixture
def visits(officer: Officer) -> list[Any]:
    """T1's day, each home ten minutes from the last as nobody knows where they are."""
    made = []
    for each in ["09:30/30", "10:15/30", "11:15/30", "13:00/45", "14:00/30", "14:45/30"]:
        start, _, minutes = each.partition("/")
        home = factories.resident(latitude=None, longitude=None)
        made.append(factories.visit(home, officer, clock_time(start), minutes=int(minutes)))
    return [{"id": str(visit.id)} for visit in made]


def outlook(scheduler: Any, officer: Officer) -> list[Any]:
    answer = scheduler.get(f"/v1/officers/{officer.id}/outlook")
    assert answer.status_code == 200
    items: list[Any] = answer.json["items"]
    return items


def chances(items: list[Any]) -> list[float]:
    return [each["prediction"]["late_probability"] for each in items]


def test_nothing_reported_is_unknown_and_never_on_time(scheduler, officer, visits):
    items = outlook(scheduler, officer)
    assert [each["visit_id"] for each in items] == [visit["id"] for visit in visits]
    assert {each["prediction"] for each in items} == {None}


def test_a_first_visit_that_ended_late_is_seen_down_the_day(sign_in, officer, visits, stopped_clock, hours):
    """T1, with lunch from twelve."""
    stopped_clock.set(clock_time("10:25"))
    finish(sign_in("officer", officer), visits[0], clock_time("10:25"))
    items = outlook(sign_in("scheduler"), officer)
    assert [each["visit_id"] for each in items] == [visit["id"] for visit in visits[1:]]
    assert chances(items) == [0.952, 0.093, 0.0, 0.106, 0.118]
    first = items[0]["prediction"]
    assert first["expected_at"] == "2026-11-23T10:35:00Z"
    assert first["window"] == {"from": "2026-11-23T10:30:00Z", "to": "2026-11-23T10:40:00Z"}


def test_a_visit_that_does_not_end_makes_the_next_one_late(sign_in, officer, visits, stopped_clock):
    """T4: arrived 09:32, and at 10:20 still there."""
    stopped_clock.set(clock_time("09:32"))
    arrive(sign_in("officer", officer), visits[0], clock_time("09:32"))
    stopped_clock.set(clock_time("10:20"))
    items = outlook(sign_in("scheduler"), officer)
    assert items[0]["visit_id"] == visits[1]["id"]
    assert chances(items)[0] == 0.826


def test_who_is_on_the_way_is_there_when_the_way_is_gone_or_as_they_say(sign_in, officer, visits, stopped_clock):
    stopped_clock.set(clock_time("09:20"))
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    depart(phone, visits[0], departed_at=clock_time("09:20").isoformat())
    assert outlook(scheduler, officer)[0]["prediction"]["expected_at"] == "2026-11-23T09:30:00Z"
    delay(phone, visits[0], clock_time("09:50"))
    first, second, *_ = outlook(scheduler, officer)
    assert first["prediction"]["expected_at"] == "2026-11-23T09:50:00Z"
    assert second["prediction"]["expected_at"] == "2026-11-23T10:30:00Z"


def test_who_should_have_left_long_ago_leaves_now_at_the_earliest(sign_in, officer, visits, stopped_clock):
    finish(sign_in("officer", officer), visits[0], MONDAY_9)
    stopped_clock.set(clock_time("10:40"))
    first, *_ = outlook(sign_in("scheduler"), officer)
    assert first["prediction"]["expected_at"] == "2026-11-23T10:50:00Z"


def test_nobody_is_predicted_before_the_time_they_said_themselves(sign_in, officer, visits, stopped_clock):
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    finish(phone, visits[0], MONDAY_9)
    delay(phone, visits[1], clock_time("10:50"))
    first, second, *_ = outlook(scheduler, officer)
    assert first["prediction"]["expected_at"] == "2026-11-23T10:50:00Z"
    assert second["prediction"]["expected_at"] == "2026-11-23T11:30:00Z"


def test_what_follows_from_a_word_about_another_visit_is_no_word_of_its_own(
    sign_in, officer, visits, stopped_clock
):
    delay(sign_in("officer", officer), visits[0], clock_time("10:30"))
    stopped_clock.set(clock_time("10:00"))
    finish(sign_in("officer", officer), visits[0], clock_time("10:00"))
    first, *_ = outlook(sign_in("scheduler"), officer)
    assert first["prediction"]["expected_at"] == "2026-11-23T10:10:00Z"


def test_who_came_early_has_waited_for_the_booked_time(sign_in, officer, visits, stopped_clock):
    arrive(sign_in("officer", officer), visits[0], MONDAY_9)
    stopped_clock.set(clock_time("09:31"))
    first, *_ = outlook(sign_in("scheduler"), officer)
    assert first["prediction"]["expected_at"] == "2026-11-23T10:10:00Z"


def test_a_visit_that_was_passed_over_is_unknown_and_takes_no_time(sign_in, officer, visits, stopped_clock):
    arrive(sign_in("officer", officer), visits[2], clock_time("09:00"))
    stopped_clock.set(clock_time("11:40"))
    *passed, third_next, _, _ = outlook(sign_in("scheduler"), officer)
    assert [each["prediction"] for each in passed] == [None, None]
    assert third_next["prediction"]["expected_at"] < "2026-11-23T13:00:00Z"


def test_what_was_cancelled_says_nothing_and_takes_no_time(scheduler, officer, visits):
    cancel(scheduler, visits[0])
    items = outlook(scheduler, officer)
    assert [each["visit_id"] for each in items] == [visit["id"] for visit in visits[1:]]
    assert {each["prediction"] for each in items} == {None}


def test_another_day_is_no_part_of_it(scheduler, officer, visits, resident):
    factories.visit(resident, officer, MONDAY_9 + timedelta(days=1))
    assert len(outlook(scheduler, officer)) == len(visits)


@pytest.fixture
def hours(scheduler: Any, officer: Officer) -> None:
    """From nine to five, with half an hour of lunch from twelve."""
    answer = scheduler.get(f"/v1/officers/{officer.id}/working-pattern")
    body = answer.json | {"lunch": {"duration_minutes": 30, "earliest": "12:00", "latest": "13:30"}}
    assert scheduler.put(f"/v1/officers/{officer.id}/working-pattern", body).status_code == 200


def test_who_set_out_for_a_visit_that_was_missed_may_be_anywhere(sign_in, officer, visits, stopped_clock):
    depart(sign_in("officer", officer), visits[0])
    stopped_clock.set(clock_time("10:30"))
    look_for_nobody_there(stopped_clock.now)
    items = outlook(sign_in("scheduler"), officer)
    assert [each["visit_id"] for each in items] == [visit["id"] for visit in visits[1:]]
    assert {each["prediction"] for each in items} == {None}


def test_lunch_is_at_the_same_time_by_the_days_that_are_kept_and_by_those_that_are_read(hours, officer):
    with transaction() as session:
        pattern = session.get_one(Officer, officer.id).working_pattern
    gone, away = factories.officer(), factories.officer()
    with transaction() as session:
        for who in (gone, away):
            session.get_one(Officer, who.id).working_pattern = pattern
        session.get_one(Officer, gone.id).suspended_at = MONDAY_9
        enter(
            session,
            officer_id=away.id,
            starts_at=clock_time("09:00"),
            ends_at=clock_time("17:00"),
            kind=AbsenceKind.LEAVE,
            reason=None,
            by=None,
            at=MONDAY_9,
        )
    asked = [officer.id, gone.id, away.id]
    twelve = clock_time("12:00").timestamp()
    lunch = Lunch(30 * 60, int(twelve), int(twelve) + 90 * 60)
    with reading() as session:
        kept = lunches(session, asked, travel.in_use(), MONDAY_9)
    with transaction() as session:
        read = lunches(session, asked, travel.in_use(), MONDAY_9)
    assert kept == read == {officer.id: lunch, gone.id: lunch, away.id: None}
