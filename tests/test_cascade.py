"""A delay reaches the rest of the officer's day: who is told, what is written down, and who is left alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.clock import LONDON
from models.resident import ContactBy
from notifications.senders.console import ConsoleSender
from tests import factories
from tests.sending import dispatch
from tests.steps import MONDAY_9, arrive, cancel, delay, depart, etag, finish, instant, move, path, problem, see


def clock_time(shown: str) -> datetime:
    """A time of the Monday of these tests."""
    hours, minutes = map(int, shown.split(":"))
    return MONDAY_9.replace(hour=hours, minute=minutes)


@pytest.fixture
def day_of(officer: Any) -> Callable[..., list[Any]]:
    """Make an officer's day of visits: `day_of("09:30/30 10:15/30")`, each to a resident of unknown place."""

    def make(plan: str, by: Any = officer, **resident: Any) -> list[Any]:
        made = []
        for each in plan.split():
            start, _, minutes = each.partition("/")
            home = factories.resident(**{"latitude": None, "longitude": None} | resident)
            made.append(factories.visit(home, by, clock_time(start), minutes=int(minutes)))
        return [{"id": str(visit.id)} for visit in made]

    return make


def texts(client: Any, visit: Any) -> list[tuple[str, str]]:
    return [(sent["kind"], sent["status"]) for sent in client.get(path(visit, "messages")).json["items"]]


def delays(client: Any, visit: Any) -> list[Any]:
    history = client.get(path(visit, "history")).json["items"]
    return [line for line in history if line["kind"] == "delayed"]


def expected(client: Any, visit: Any) -> str | None:
    """When the officer is expected, as the day list shows it: `10:35`."""
    at = see(client, visit)["expected_at"]
    return None if at is None else at[11:16]


def send() -> None:
    dispatch(ConsoleSender())


T1 = "09:30/30 10:15/30 11:15/30 13:00/45 14:00/30 14:45/30"
"""Each ten minutes from the last; lunch is at twelve."""


def test_of_a_whole_day_only_the_one_who_has_to_wait_is_told(phone, day_of):
    """The first will be free at 10:25: the second is 20 minutes late, and the gap after it takes that up."""
    first, second, *others = day_of(T1)
    answer = delay(phone, first, clock_time("09:55"))
    assert (answer.status_code, answer.json["told"]) == (201, True)
    [told] = answer.json["cascade"]
    assert told == {
        "visit_id": second["id"],
        "promised_at": "2026-11-23T10:15:00Z",
        "expected_at": "2026-11-23T10:35:00Z",
        "told": True,
        "message_id": told["message_id"],
    }
    [late] = phone.get(path(second, "messages")).json["items"]
    assert (late["id"], late["kind"], late["send_at"]) == (told["message_id"], "delayed", "2026-11-23T09:00:00Z")
    listed = phone.get("/v1/me/visits?date=2026-11-23").json["items"]
    assert [visit["expected_at"] and visit["expected_at"][11:16] for visit in listed] == [
        "09:55",
        "10:35",
        None,
        None,
        None,
        None,
    ]
    for visit in others:
        assert texts(phone, visit) == [] and delays(phone, visit) == []
        assert see(phone, visit)["version"] == 1


def test_a_visit_that_is_late_because_of_another_says_so_in_its_history(phone, day_of):
    first, second = day_of("09:30/30 10:15/30")
    answer = delay(phone, first, clock_time("09:55"), reason="Traffic").json
    [line] = delays(phone, second)
    told = {name: value for name, value in answer["cascade"][0].items() if name != "visit_id"}
    assert line["details"] == told | {"caused_by_visit_id": first["id"]}
    assert line["recorded_at"] == line["occurred_at"] == "2026-11-23T09:00:00Z"
    assert line["by"].startswith("officer-")


def test_whoever_read_a_visit_before_it_became_late_reads_it_again(scheduler, phone, day_of):
    first, second = day_of("09:30/30 10:15/30")
    read = etag(scheduler, second)
    delay(phone, first, clock_time("09:55"))
    body = {"starts_at": clock_time("15:00").isoformat(), "reason": "Officer ill", "requested_by": "council"}
    problem(scheduler.post(path(second, "moves"), body, If_Match=read), 412, "changed-meanwhile")
    assert move(scheduler, second, clock_time("15:00")).status_code == 201
    assert expected(phone, second) is None


def test_a_delay_of_a_few_minutes_is_expected_and_not_told(phone, day_of):
    first, second, third = day_of("09:30/30 10:15/30 10:50/30")
    cascade = delay(phone, first, clock_time("09:40")).json["cascade"]
    assert [(each["visit_id"], each["told"], each["expected_at"][11:16]) for each in cascade] == [
        (second["id"], False, "10:20"),
        (third["id"], False, "11:00"),
    ]
    assert (expected(phone, second), expected(phone, third)) == ("10:20", "11:00")
    assert texts(phone, second) == texts(phone, third) == []


def test_everybody_who_waits_gets_one_text_a_report_earliest_first(phone, day_of):
    first, *others = day_of("09:30/30 10:10/30 10:50/30 11:30/30")
    cascade = delay(phone, first, clock_time("10:00")).json["cascade"]
    assert [each["visit_id"] for each in cascade] == [visit["id"] for visit in others]
    assert [each["expected_at"][11:16] for each in cascade] == ["10:40", "11:20", "12:00"]
    assert [texts(phone, visit) for visit in others] == [[("delayed", "held")]] * 3


def test_the_journey_is_from_home_to_home(phone, officer):
    """1,061 m in a straight line are 371 s from door to door."""
    homes = [{"latitude": 51.5887, "longitude": -0.3340}, {"latitude": 51.5793, "longitude": -0.3366}]
    starts = clock_time("10:00"), clock_time("10:40")
    first, second = (
        {"id": str(factories.visit(factories.resident(**home), officer, start).id)}
        for home, start in zip(homes, starts, strict=True)
    )
    delay(phone, first, clock_time("10:30"))
    assert instant(see(phone, second)["expected_at"]) == clock_time("11:00") + timedelta(seconds=371)


def test_the_same_report_sent_again_is_answered_the_same_and_tells_nobody_twice(phone, day_of, stopped_clock):
    first, second = day_of("09:30/30 10:15/30")
    sent = {"client_id": factories.client_id()}
    answer = delay(phone, first, clock_time("09:55"), **sent)
    send()
    stopped_clock.advance(800)
    again = delay(phone, first, clock_time("09:55"), **sent)
    assert (again.status_code, again.json) == (201, answer.json)
    assert texts(phone, second) == [("delayed", "delivered")]
    assert len(delays(phone, second)) == 1


def test_a_report_that_says_nothing_new_writes_nothing_down(phone, day_of, stopped_clock):
    first, second = day_of("09:30/30 10:15/30")
    before = delay(phone, first, clock_time("09:55")).json["cascade"]
    stopped_clock.advance(60)
    assert delay(phone, first, clock_time("09:55")).json["cascade"] == before
    assert (len(delays(phone, second)), see(phone, second)["version"]) == (1, 2)
    send()
    stopped_clock.advance(60)
    [told_already] = delay(phone, first, clock_time("09:55")).json["cascade"]
    assert (told_already["told"], told_already["message_id"]) == (False, None)
    assert (len(delays(phone, second)), see(phone, second)["version"]) == (1, 2)


# Later reports, by rule 5


def test_newer_news_takes_the_place_of_texts_that_have_not_gone(phone, day_of, stopped_clock):
    first, second, third = day_of("09:30/30 10:15/30 11:15/30")
    delay(phone, first, clock_time("09:55"))
    stopped_clock.advance(1)
    delay(phone, first, clock_time("10:20"))
    assert texts(phone, second) == [("delayed", "superseded"), ("delayed", "held")]
    assert texts(phone, third) == [("delayed", "held")]
    stopped_clock.advance(1)
    assert [each["told"] for each in delay(phone, first, clock_time("09:30")).json["cascade"]] == [False, False]
    assert texts(phone, second)[1:] == texts(phone, third) == [("delayed", "superseded")]


def test_a_second_text_needs_ten_minutes_and_fifteen_of_change(phone, day_of, stopped_clock):
    first, second = day_of("09:30/30 10:15/30")
    delay(phone, first, clock_time("09:55"))
    send()
    told = []
    for seconds, expected_at in ((599, "10:20"), (1, "10:09"), (0, "10:10")):
        stopped_clock.advance(seconds)
        told += [each["told"] for each in delay(phone, first, clock_time(expected_at)).json["cascade"]]
        assert expected(phone, second) == (clock_time(expected_at) + timedelta(minutes=40)).strftime("%H:%M")
    # At 10:09 the second is expected at 10:49, which is told as 10:50: fifteen minutes more than 10:35.
    assert told == [False, True, True]
    assert texts(phone, second) == [("delayed", "delivered"), ("delayed", "held")]


def test_good_news_travels_down_the_day(sign_in, officer, phone, day_of, stopped_clock):
    first, second, third = day_of("09:30/30 10:15/30 10:55/30")
    delay(phone, first, clock_time("09:55"))
    send()
    stopped_clock.advance(600)
    cascade = delay(phone, first, clock_time("09:30")).json["cascade"]
    assert [(each["told"], each["expected_at"][11:16]) for each in cascade] == [(True, "10:15"), (True, "10:55")]
    assert (expected(phone, second), expected(phone, third)) == ("10:15", "10:55")
    send()
    stopped_clock.advance(600)
    phone = sign_in("officer", officer)
    assert delay(phone, first, clock_time("09:30")).json["cascade"] == [], "on time again: nothing to say"


def test_a_fourth_text_is_a_call(sign_in, officer, day_of, stopped_clock):
    first, second = day_of("09:30/30 10:15/30")
    for expected_at in ("09:55", "10:15", "10:35"):
        [each] = delay(sign_in("officer", officer), first, clock_time(expected_at)).json["cascade"]
        assert each["told"] is True
        send()
        stopped_clock.advance(600)
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    [each] = delay(phone, first, clock_time("10:55")).json["cascade"]
    assert (each["told"], each["message_id"], each["expected_at"][11:16]) == (False, None, "11:35")
    tasks = scheduler.get("/v1/contact-tasks").json["items"]
    [task] = [task for task in tasks if task["visit_id"] == second["id"]]
    assert (task["id"], task["reason"]) == (each["contact_task_id"], "too_many_delays")
    assert delays(phone, second)[-1]["details"]["contact_task_id"] == task["id"]


def test_who_wants_no_text_is_rung_and_once(scheduler, phone, day_of, stopped_clock):
    [first] = day_of("09:30/30")
    [second] = day_of("10:15/30", contact_by=ContactBy.CALL)
    for _ in range(2):
        stopped_clock.advance(1)
        [each] = delay(phone, first, clock_time("09:55")).json["cascade"]
        assert (each["told"], each["message_id"]) == (False, None)
    [task] = scheduler.get("/v1/contact-tasks").json["items"]
    assert (task["id"], task["reason"], task["detail"]) == (each["contact_task_id"], "prefers_call", "delayed")
    assert len(delays(phone, second)) == 1


def test_a_visit_more_than_four_hours_off_is_expected_later_and_told_when_it_is_near(
    sign_in, officer, phone, day_of, stopped_clock
):
    first, _, last = day_of("11:00/60 12:10/60 13:20/60")
    cascade = delay(phone, first, clock_time("11:30")).json["cascade"]
    assert [each["told"] for each in cascade] == [True, False]
    assert expected(phone, last) == "13:50"
    stopped_clock.set(clock_time("09:20"))
    phone = sign_in("officer", officer)
    cascade = delay(phone, first, clock_time("11:30")).json["cascade"]
    assert [each["told"] for each in cascade] == [True, True]
    assert [line["details"]["told"] for line in delays(phone, last)] == [False, True]


def test_over_two_hours_late_is_told_and_planned_again_all_down_the_day(scheduler, phone, day_of):
    first, second, third = day_of("09:30/30 10:10/30 10:50/30")
    delay(phone, first, clock_time("11:31"))
    tasks = scheduler.get("/v1/contact-tasks").json["items"]
    assert {(task["visit_id"], task["reason"]) for task in tasks} == {
        (visit["id"], "replan") for visit in (first, second, third)
    }
    assert texts(phone, second) == texts(phone, third) == [("delayed", "held")]


def test_what_was_told_before_a_visit_moved_is_not_told_as_good_news(scheduler, phone, day_of, stopped_clock):
    first, second = day_of("09:30/30 10:15/30")
    delay(phone, first, clock_time("09:55"))
    send()
    move(scheduler, second, clock_time("12:00"))
    stopped_clock.advance(600)
    send()
    assert delay(phone, first, clock_time("09:56")).json["cascade"] == []
    assert sorted(texts(phone, second)) == [("delayed", "delivered"), ("moved", "delivered")]


# Who is left alone


def test_only_what_this_officer_still_has_to_do_later_that_day_is_touched(scheduler, phone, day_of):
    other = factories.officer()
    before, first, cancelled, finished, arrived, on_the_way, booked = day_of(
        "09:00/25 09:30/30 10:10/10 10:30/10 10:50/10 11:10/30 11:50/30"
    )
    elsewhere = day_of("10:10/30 11:00/30", other)
    cancel(scheduler, cancelled)
    finish(phone, finished, MONDAY_9)
    arrive(phone, arrived, MONDAY_9)
    depart(phone, on_the_way)
    versions = {visit["id"]: see(scheduler, visit)["version"] for visit in (before, cancelled, *elsewhere)}
    cascade = delay(phone, first, clock_time("11:00")).json["cascade"]
    assert [each["visit_id"] for each in cascade] == [on_the_way["id"], booked["id"]]
    # The three that need nobody any more take none of the officer's time.
    assert [each["expected_at"][11:16] for each in cascade] == ["11:40", "12:20"]
    for visit in (before, cancelled, finished, arrived, *elsewhere):
        assert delays(scheduler, visit) == []
        assert "delayed" not in [kind for kind, _ in texts(scheduler, visit)]
    assert versions == {visit: see(scheduler, {"id": visit})["version"] for visit in versions}


def test_the_day_ends_at_midnight_in_london(sign_in, officer, stopped_clock):
    """In summer, half past eleven and five past twelve at night are both of the same day in UTC."""
    evening = datetime(2027, 6, 21, 22, 30, tzinfo=LONDON)
    stopped_clock.set(evening.astimezone(UTC) - timedelta(hours=1))
    homes = [factories.resident(latitude=None, longitude=None) for _ in range(3)]
    starts = [evening, evening + timedelta(minutes=60), evening + timedelta(minutes=95)]
    assert [start.day for start in starts] == [21, 21, 22]
    visits = [factories.visit(home, officer, start, minutes=30) for home, start in zip(homes, starts, strict=True)]
    phone = sign_in("officer", officer)
    cascade = delay(phone, {"id": str(visits[0].id)}, evening + timedelta(minutes=60)).json["cascade"]
    assert [each["visit_id"] for each in cascade] == [str(visits[1].id)]


def test_a_visit_without_an_officer_delays_no_other(scheduler, day_of):
    first, second = day_of("09:30/30 10:15/30", None)
    body = {"client_id": factories.client_id(), "expected_at": clock_time("10:30").isoformat()}
    answer = scheduler.post(path(first, "delays"), body, If_Match='"1"')
    assert (answer.status_code, answer.json["told"], answer.json["cascade"]) == (201, True, [])
    assert texts(scheduler, second) == []


def test_a_scheduler_who_reports_it_delays_the_rest_of_the_day_as_well(scheduler, day_of):
    first, second = day_of("09:30/30 10:15/30")
    body = {"client_id": factories.client_id(), "expected_at": clock_time("09:55").isoformat()}
    answer = scheduler.post(path(first, "delays"), body, If_Match='"1"')
    assert [each["visit_id"] for each in answer.json["cascade"]] == [second["id"]]
    assert delays(scheduler, second)[0]["by"].startswith("scheduler-")


def test_a_delay_that_is_refused_touches_nobody(phone, day_of):
    first, second = day_of("09:30/30 10:15/30")
    problem(delay(phone, first, clock_time("09:30") + timedelta(hours=24, seconds=1)), 422, "not-valid")
    arrive(phone, first, MONDAY_9)
    problem(delay(phone, first, clock_time("09:55")), 409, "visit-state")
    assert texts(phone, second) == [] and delays(phone, second) == []
    assert expected(phone, second) is None


def test_the_longest_delay_that_can_be_meant_carries_the_whole_day_over(phone, day_of):
    """A later visit may then be expected after more than the 24 hours that an officer could report of it."""
    first, _ = day_of("09:30/30 10:00/30")
    answer = delay(phone, first, clock_time("09:30") + timedelta(hours=24))
    assert answer.status_code == 201
    assert answer.json["cascade"][0]["expected_at"] == "2026-11-24T10:10:00Z"
