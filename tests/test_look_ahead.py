"""Lateness told before it happens: who is told by prediction, in which words, and that it is said once."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from multiprocessing import get_context
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from models import clock, database, travel
from models.board import at_risk
from models.database import reading, transaction
from models.message import Message
from models.number import Number
from models.outlooks import outlooks
from models.resident import ContactBy
from models.visit import Visit
from models.visit_event import EventKind, VisitEvent
from notifications import look_ahead as looking
from notifications.look_ahead import look_ahead
from notifications.senders.console import ConsoleSender
from tests import factories
from tests.sending import dispatch
from tests.steps import MONDAY_9, arrive, cancel, delay, depart, finish, move, path, see
from tests.syncing import SignedInAnew

T1 = "09:30/30 10:15/30 11:15/30 13:00/45 14:00/30 14:45/30"
"""Each ten minutes from the last; lunch is at twelve."""


def clock_time(shown: str) -> datetime:
    """A time of the Monday of these tests."""
    hours, minutes = map(int, shown.split(":"))
    return MONDAY_9.replace(hour=hours, minute=minutes)


@pytest.fixture
def phone(sign_in: Any, officer: Any) -> Any:
    return SignedInAnew(sign_in, "officer", officer)


@pytest.fixture
def scheduler(sign_in: Any) -> Any:
    return SignedInAnew(sign_in, "scheduler")


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


@pytest.fixture
def at(stopped_clock: Any) -> Callable[[str], int]:
    """Look ahead at a time of day; how many were told."""

    def look(shown: str) -> int:
        stopped_clock.set(clock_time(shown))
        return look_ahead(clock.now())

    return look


def texts(client: Any, visit: Any) -> list[tuple[str, str]]:
    items = client.get(path(visit, "messages")).json["items"]
    return [(sent["kind"], sent["status"]) for sent in items if sent["kind"] == "delayed"]


def bodies(client: Any, visit: Any) -> list[str]:
    items = client.get(path(visit, "messages")).json["items"]
    return [sent["body"] for sent in items if sent["kind"] == "delayed"]


def delays(client: Any, visit: Any) -> list[Any]:
    history = client.get(path(visit, "history")).json["items"]
    return [line for line in history if line["kind"] == "delayed"]


def tasks(scheduler: Any) -> list[tuple[str, str]]:
    items = scheduler.get("/v1/contact-tasks").json["items"]
    return [(task["visit_id"], task["reason"]) for task in items]


def send() -> None:
    dispatch(ConsoleSender())


def finished(phone: Any, stopped_clock: Any, visit: Any, shown: str) -> None:
    stopped_clock.set(clock_time(shown))
    assert finish(phone, visit, clock_time(shown)).status_code == 201


def arrived(phone: Any, stopped_clock: Any, visit: Any, shown: str) -> None:
    stopped_clock.set(clock_time(shown))
    assert arrive(phone, visit, clock_time(shown)).status_code == 201


def test_of_a_whole_day_only_the_one_who_will_wait_is_told(scheduler, phone, day_of, stopped_clock, at):
    """T1: the first ends at 10:25, the second is predicted at 10:35, "20 late, P .952": it is told at once."""
    first, second, *others = day_of(T1)
    finished(phone, stopped_clock, first, "10:25")
    assert at("10:25") == 1
    send()
    assert texts(scheduler, second) == [("delayed", "delivered")]
    assert "We expect to be with you between 10:30 and 10:40." in bodies(scheduler, second)[0]
    for visit in others:
        assert texts(scheduler, visit) == [] and delays(scheduler, visit) == []
        assert see(scheduler, visit)["version"] == 1


def test_who_is_likely_late_is_told_when_it_was_likely_twice_running(scheduler, phone, day_of, stopped_clock, at):
    """T4: arrived 09:32, at 10:20 not done. P is .826: over .55 with no lead left, under .95."""
    first, second = day_of("09:30/30 10:15/30")
    arrived(phone, stopped_clock, first, "09:32")
    assert at("10:20") == 0
    assert at("10:20") == 0, "another process looks at the same moment"
    stopped_clock.advance(59)
    assert look_ahead(clock.now()) == 0
    assert texts(scheduler, second) == [] and delays(scheduler, second) == []
    assert at("10:21") == 1
    [line] = delays(scheduler, second)
    assert line["by"] is None
    assert line["details"]["predicted"] is True
    assert line["details"]["promised_at"] == "2026-11-23T10:15:00Z"
    assert line["details"]["window"] == {"from": "2026-11-23T10:30:00Z", "to": "2026-11-23T10:50:00Z"}
    assert see(scheduler, second)["expected_at"] == line["details"]["expected_at"] == "2026-11-23T10:40:00Z"


def test_what_was_likely_once_and_then_not_has_to_be_likely_twice_again(
    scheduler, phone, day_of, stopped_clock, at
):
    first, second, third = day_of("09:30/30 10:15/30 10:55/30")
    arrived(phone, stopped_clock, first, "09:32")
    assert at("10:17") == 0
    finished(phone, stopped_clock, first, "10:17")
    assert at("10:18") == 0, "there at 10:27: not 15 minutes late"
    depart(phone, second)
    assert at("10:19") == 0
    assert texts(scheduler, second) == texts(scheduler, third) == []


def test_nothing_reported_tells_nobody_anything(scheduler, day_of, at):
    visits = day_of(T1)
    assert at("11:30") == 0
    assert all(texts(scheduler, visit) == [] for visit in visits)


def test_an_evaluation_that_is_repeated_says_nothing_twice(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:25")
    assert [at("10:25"), at("10:25"), at("10:26"), at("10:27")] == [1, 0, 0, 0]
    assert len(texts(scheduler, second)) == len(delays(scheduler, second)) == 1


def test_eight_who_look_at_once_say_it_once(scheduler, phone, day_of, stopped_clock):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:25")
    now = clock.now()
    with ThreadPoolExecutor(8) as processes:
        told = list(processes.map(look_ahead, [now] * 8))
    assert sorted(told) == [0] * 7 + [1]
    assert len(texts(scheduler, second)) == len(delays(scheduler, second)) == 1


def look_from_another_process(url: str, at: datetime) -> int:
    database.connect(url)
    return look_ahead(at)


def test_processes_that_know_nothing_of_each_other_say_it_once(
    database_in_use, scheduler, phone, day_of, stopped_clock
):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:25")
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        looks = [processes.submit(look_from_another_process, database_in_use, clock.now()) for _ in range(6)]
        told = [look.result(60) for look in looks]
    assert sorted(told) == [0] * 5 + [1]
    assert len(texts(scheduler, second)) == len(delays(scheduler, second)) == 1


def test_who_looks_while_reports_and_moves_come_in_waits_for_nobody_in_a_circle(
    scheduler, sign_in, officer, day_of, stopped_clock
):
    first, second, third = day_of("09:30/30 10:15/30 10:55/30")
    stopped_clock.set(clock_time("10:25"))
    phone = sign_in("officer", officer)
    finish(phone, first, clock_time("10:25"))
    now, booking = clock.now(), sign_in("scheduler")
    with ThreadPoolExecutor(6) as processes:
        looks = [processes.submit(look_ahead, now) for _ in range(4)]
        reports = [
            processes.submit(delay, phone, second, clock_time("10:40")),
            processes.submit(move, booking, third, clock_time("15:00")),
        ]
        assert sum(look.result(60) for look in looks) <= 2
        assert {report.result(60).status_code for report in reports} <= {201, 412}
    # Whoever was first: the resident has one text to come and not two.
    assert [status for _, status in texts(scheduler, second)].count("held") == 1


# What is told next


def late_day(phone: Any, stopped_clock: Any, day_of: Any, at: Any, *more: str) -> list[Any]:
    """The second was told at 10:25 of 10:30 to 10:40; its officer is not there yet. The day, with any `more`."""
    day: list[Any] = day_of(" ".join(["09:30/30 10:15/30", *more]))
    finished(phone, stopped_clock, day[0], "10:25")
    assert at("10:25") == 1
    send()
    return day


def test_a_later_arrival_is_told_when_twenty_minutes_have_passed_and_three_times_at_most(
    scheduler, phone, day_of, stopped_clock, at
):
    """They do not come, and every prediction is that they are here in ten minutes."""
    _, second = late_day(phone, stopped_clock, day_of, at)
    assert at("10:44") == 0, "20 minutes between texts; and 10:54 is within 15 minutes of the window told"
    told = {}
    for minute in range(45, 120):
        shown = f"{10 + minute // 60}:{minute % 60:02}"
        told[shown] = at(shown)
        send()
    when = [shown for shown, number in told.items() if number]
    assert len(when) == 3, when
    assert len(texts(scheduler, second)) == 3
    assert tasks(scheduler) == [(second["id"], "too_many_delays")], "the fourth is a call, and asked for once"
    times = [clock_time(shown) for shown in ["10:25", *when]]
    assert all(b - a >= timedelta(minutes=20) for a, b in pairwise(times))


@pytest.mark.parametrize("contact_by", ["text", "call"])
def test_an_officer_who_falls_silent_is_not_expected_anew_for_ever(
    scheduler, phone, day_of, stopped_clock, at, contact_by
):
    """Each prediction is that they are here in ten minutes. A person is asked once; then it can be missed."""
    first, second = day_of("09:30/30 10:15/30", contact_by=ContactBy(contact_by))
    finished(phone, stopped_clock, first, "10:00")
    told = 0
    for minute in range(15, 330, 3):
        told += at(f"{10 + minute // 60}:{minute % 60:02}")
        send()
    assert told == (4 if contact_by == "text" else 1)
    assert len(tasks(scheduler)) == 1
    assert see(scheduler, second)["expected_at"] < "2026-11-23T12:15:00Z"


def test_good_news_is_told_if_it_is_more_than_ten_minutes(scheduler, phone, day_of, stopped_clock, at):
    first, second, third = day_of("09:30/30 10:15/30 11:00/30")
    arrived(phone, stopped_clock, first, "09:30")
    stopped_clock.set(clock_time("10:00"))
    delay(phone, second, clock_time("10:50"))
    send()
    assert "about 11:30" in bodies(scheduler, third)[0]
    finished(phone, stopped_clock, first, "10:20")
    assert at("10:20") == 0, "the officer's own word for the second holds; and the third was told 20 minutes ago"
    arrived(phone, stopped_clock, second, "10:30")
    assert at("10:31") == 1
    send()
    assert "good news" in bodies(scheduler, third)[1]
    assert "between 11:00 and 11:20" in bodies(scheduler, third)[1]


def test_nobody_is_told_to_wait_before_the_booked_time(scheduler, phone, day_of, stopped_clock, at):
    first, second, third = day_of("09:30/30 10:15/30 11:15/30")
    finished(phone, stopped_clock, first, "10:10")
    delay(phone, second, clock_time("11:00"))
    send()
    assert "about 11:40" in bodies(scheduler, third)[0]
    arrived(phone, stopped_clock, second, "10:31")
    finished(phone, stopped_clock, second, "10:40")
    assert at("10:40") == 1
    send()
    assert "back on time. We expect to be with you between 11:15 and 11:20." in bodies(scheduler, third)[1]


# The officer's word


def test_an_officers_word_keeps_predictions_silent_until_it_is_overtaken(
    scheduler, phone, day_of, stopped_clock, at
):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:00")
    delay(phone, second, clock_time("10:45"), reason="A puncture")
    send()
    assert [at("10:00"), at("10:01"), at("10:21"), at("10:50")] == [0, 0, 0, 0], "they know what keeps them"
    assert [at("10:51"), at("10:52")] == [0, 1], "now they will be more than 15 minutes later than they said"
    send()
    assert "about 10:45" in bodies(scheduler, second)[0]
    assert "between 10:55 and 11:05" in bodies(scheduler, second)[1]


def test_an_officers_word_that_was_not_worth_a_text_counts_as_well(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:00")
    assert delay(phone, second, clock_time("10:29")).json["told"] is False
    assert [at("10:21"), at("10:22"), at("10:23")] == [0, 0, 0], "they will be there at 10:29, they say"
    assert [at("10:35"), at("10:36")] == [0, 1]


def test_what_an_officer_says_after_a_prediction_follows_rule_5(scheduler, phone, day_of, stopped_clock, at):
    _, second = late_day(phone, stopped_clock, day_of, at)
    stopped_clock.set(clock_time("10:36"))
    assert delay(phone, second, clock_time("10:45")).json["told"] is False, "ten minutes from 10:35"
    assert delay(phone, second, clock_time("10:50")).json["told"] is True
    assert [at("10:36"), at("10:50"), at("10:56")] == [0, 0, 0]


def test_an_officers_texts_count_among_the_three(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:00")
    for shown, said in (("10:00", "10:35"), ("10:10", "10:55"), ("10:20", "11:15")):
        stopped_clock.set(clock_time(shown))
        assert delay(phone, second, clock_time(said)).json["told"] is True
        send()
    assert [at("11:21"), at("11:22")] == [0, 1]
    assert len(texts(scheduler, second)) == 3
    assert tasks(scheduler) == [(second["id"], "too_many_delays")]


def test_a_word_that_was_said_before_a_prediction_and_heard_after_it_is_still_news(
    scheduler, phone, day_of, stopped_clock, at
):
    """From a phone that had no signal: a prediction is not somebody who knows better."""
    _, second = late_day(phone, stopped_clock, day_of, at)
    stopped_clock.set(clock_time("10:36"))
    event = {
        "type": "delay",
        "visit_id": second["id"],
        "client_id": factories.client_id(),
        "expected_at": clock_time("11:00").isoformat(),
        "reported_at": clock_time("10:20").isoformat(),
    }
    answer = phone.post("/v1/me/sync", {"sent_at": clock_time("10:36").isoformat(), "events": [event]})
    assert answer.json["results"][0]["status"] == 201, answer.json
    assert see(scheduler, second)["expected_at"] == "2026-11-23T11:00:00Z"


# Between the evaluation and the sending


def test_who_is_at_the_door_stops_a_text_that_has_not_gone(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:25")
    assert at("10:25") == 1
    arrived(phone, stopped_clock, second, "10:26")
    send()
    assert texts(scheduler, second) == [("delayed", "superseded")]
    assert at("10:27") == 0


@pytest.mark.parametrize("change", ["move", "cancel", "arrive"])
def test_what_changes_between_the_look_and_the_lock_is_seen(
    scheduler, phone, day_of, stopped_clock, monkeypatch, change
):
    """A look without locks found the visit late. When the diary is ours it has moved, is off, or is made."""
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:25")
    changes = {
        "move": lambda: move(scheduler, second, clock_time("15:00")),
        "cancel": lambda: cancel(scheduler, second),
        "arrive": lambda: arrive(phone, second, clock_time("10:25")),
    }
    really = looking.transaction

    def transaction_after_the_change() -> Any:
        monkeypatch.setattr(looking, "transaction", really)
        assert changes[change]().status_code == 201
        return really()

    monkeypatch.setattr(looking, "transaction", transaction_after_the_change)
    assert look_ahead(clock.now()) == 0
    assert looking.transaction is really, "it found nothing to say"
    assert texts(scheduler, second) == []


def test_what_a_visit_was_told_before_it_moved_is_over(scheduler, phone, day_of, stopped_clock, at):
    _, second, third = late_day(phone, stopped_clock, day_of, at, "10:55/30")
    move(scheduler, third, clock_time("12:00"))
    assert [at("10:36"), at("10:40")] == [0, 0]
    move(scheduler, second, clock_time("13:00"))
    assert see(scheduler, second)["expected_at"] is None
    assert [at("10:46"), at("10:50")] == [0, 0], "somebody rings to tell them of the new time"
    assert [reason for _, reason in tasks(scheduler)] == ["time_had_passed"]
    assert len(delays(scheduler, second)) == 1


def test_what_a_person_told_before_it_moved_is_over_too(scheduler, phone, day_of, stopped_clock, at):
    [first] = day_of("09:30/30")
    [second] = day_of("10:15/30", contact_by=ContactBy.CALL)
    finished(phone, stopped_clock, first, "10:25")
    assert at("10:25") == 1
    move(scheduler, second, clock_time("13:00"))
    for task in scheduler.get("/v1/contact-tasks").json["items"]:
        assert scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": "done"}).status_code == 200
    assert [at("10:46"), at("10:50")] == [0, 0], "they know of 13:00, and will be visited then"
    assert [at("13:07"), at("13:08")] == [0, 1], "and nobody was asked about that yet"


def test_bad_news_that_has_not_gone_and_is_not_true_any_more_is_stopped(
    scheduler, phone, day_of, stopped_clock, at
):
    first, second, third = day_of("09:30/30 10:15/30 10:55/30")
    finished(phone, stopped_clock, first, "10:35")
    assert [at("10:35"), at("10:36")] == [1, 1]
    arrived(phone, stopped_clock, second, "10:37")
    finished(phone, stopped_clock, second, "10:38")
    assert at("10:39") == 0
    assert texts(scheduler, third) == [("delayed", "superseded")]
    assert see(scheduler, third)["expected_at"] == "2026-11-23T10:55:00Z"
    send()
    assert bodies(scheduler, third) == [None]
    assert [at("11:02"), at("11:03")] == [0, 1], "they were told nothing yet"


# Whom it reaches, and how


def test_at_night_it_goes_at_once(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("21:00/30 21:45/30")
    finished(phone, stopped_clock, first, "21:55")
    assert at("21:55") == 1
    send()
    assert texts(scheduler, second) == [("delayed", "delivered")]


def test_who_has_said_stop_is_rung(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30", phone="+447700900124")
    with transaction() as session:
        session.add(Number(number="+447700900124", stopped_at=MONDAY_9))
    finished(phone, stopped_clock, first, "10:25")
    assert at("10:25") == 1
    send()
    assert [at("10:26"), at("10:27")] == [0, 0]
    send()
    assert texts(scheduler, second)[0] == ("delayed", "blocked")
    assert (second["id"], "text_stopped") in tasks(scheduler)
    assert len(delays(scheduler, second)) == 1


def test_who_wants_no_text_is_rung_and_asked_for_once(scheduler, phone, day_of, stopped_clock, at):
    [first] = day_of("09:30/30")
    [second] = day_of("10:15/30", contact_by=ContactBy.CALL)
    finished(phone, stopped_clock, first, "10:25")
    assert [at("10:25"), at("10:26"), at("10:27")] == [1, 0, 0]
    assert tasks(scheduler) == [(second["id"], "prefers_call")]
    assert len(delays(scheduler, second)) == 1


def test_over_two_hours_late_is_planned_again_too(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "12:06")
    assert at("12:06") == 1
    assert tasks(scheduler) == [(second["id"], "replan")]


def test_a_visit_more_than_four_hours_off_is_not_told_yet(scheduler, phone, day_of, stopped_clock, at):
    first, second, third = day_of("09:30/180 12:40/120 14:50/30")
    arrived(phone, stopped_clock, first, "10:45")
    assert [at("10:46"), at("10:48")] == [0, 1]
    assert len(texts(scheduler, second)) == 1
    assert texts(scheduler, third) == []
    assert at("10:50") == 0
    assert at("10:52") == 1
    assert len(texts(scheduler, third)) == 1


def test_the_message_expires_with_its_window_and_is_answered_with_it(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30")
    finished(phone, stopped_clock, first, "10:25")
    at("10:25")
    [late] = [each for each in scheduler.get(path(second, "messages")).json["items"] if each["kind"] == "delayed"]
    assert late["window"] == {"from": "2026-11-23T10:30:00Z", "to": "2026-11-23T10:40:00Z"}
    assert late["expires_at"] == "2026-11-23T10:40:00Z"
    stopped_clock.set(clock_time("10:40"))
    send()
    assert texts(scheduler, second) == [("delayed", "expired")]
    assert (second["id"], "text_refused") in tasks(scheduler) or tasks(scheduler), "never silence"


def test_every_way_after_the_first_tells_the_window_too(scheduler, phone, day_of, stopped_clock, at):
    first, second = day_of("09:30/30 10:15/30", phone="+442088635612")
    finished(phone, stopped_clock, first, "10:25")
    at("10:25")
    with reading() as session:
        [call] = session.scalars(select(Message).where(Message.visit_id == UUID(second["id"])))
    assert call.channel == "call"
    assert (call.window_from_at, call.window_to_at) == (clock_time("10:30"), clock_time("10:40"))


# Two officers, and visits that were passed over


def test_of_two_officers_the_later_one_decides(scheduler, sign_in, officer, day_of, stopped_clock, at):
    other = factories.officer()
    [mine] = day_of("09:30/30")
    [theirs] = day_of("09:20/50", other)
    home = factories.resident(latitude=None, longitude=None)
    both = factories.visit(home, officer, clock_time("10:15"), together_with=other)
    joint = {"id": str(both.id)}
    arrived(SignedInAnew(sign_in, "officer", other), stopped_clock, theirs, "09:45")
    finished(SignedInAnew(sign_in, "officer", officer), stopped_clock, mine, "10:00")
    assert [at("10:00"), at("10:01")] == [0, 1], "one could be there at 10:10, the other not before 10:40"
    assert len(texts(scheduler, joint)) == 1


def test_a_visit_that_was_passed_over_is_unknown_and_delays_no_other(scheduler, phone, day_of, stopped_clock, at):
    """Whoever is at a later door may have forgotten to report the one before."""
    _, forgotten, third, fourth = day_of("09:30/30 10:15/30 11:15/30 12:00/30")
    arrived(phone, stopped_clock, third, "11:16")
    assert [at("11:20"), at("11:22"), at("11:45")] == [0, 0, 0]
    assert texts(scheduler, forgotten) == texts(scheduler, fourth) == []


def test_who_has_no_visit_soon_or_reported_nothing_costs_one_statement(
    phone, day_of, stopped_clock, at, monkeypatch
):
    day_of("09:30/30 10:15/30")
    looked: list[Any] = []
    monkeypatch.setattr(looking, "_look_at_day", lambda *given: looked.append(given) or (set(), 0))
    assert at("10:00") == 0
    [first] = day_of("16:00/30", factories.officer())
    assert looked == [] and first


def test_one_officers_trouble_keeps_nobody_else_waiting(
    scheduler, sign_in, phone, day_of, stopped_clock, at, monkeypatch, caplog
):
    officers = [factories.officer() for _ in range(2)]
    days = [day_of("09:30/30 10:15/30", each) for each in officers]
    for each, (first, _) in zip(officers, days, strict=True):
        finished(SignedInAnew(sign_in, "officer", each), stopped_clock, first, "10:25")
    broken = min(each.id for each in officers)
    really = looking._look_at_day

    def look_at(officer_id: UUID, at: datetime) -> Any:
        if officer_id == broken:
            raise ZeroDivisionError
        return really(officer_id, at)

    monkeypatch.setattr(looking, "_look_at_day", look_at)
    with pytest.raises(ZeroDivisionError):
        at("10:25")
    assert sum(len(texts(scheduler, second)) for _, second in days) == 1
    assert [record.message for record in caplog.records].count("look_ahead_failed") == 1


# Two officers at one door


def met_at(officer: Any, second: Any, shown: str) -> Any:
    home = factories.resident(latitude=None, longitude=None)
    return {"id": str(factories.visit(home, officer, clock_time(shown), together_with=second).id)}


def board_of(visit: Any) -> tuple[bool, int]:
    """Whether the board shows this visit as one that may be late, and how many it says are unknown."""
    with reading() as session:
        found = at_risk(outlooks(session, travel.in_use(), clock.now()), clock.now())
    return visit["id"] in {str(each.visit.id) for each in found.likely}, found.unknown


def test_a_visit_of_two_of_whom_one_is_unknown_is_late_if_the_other_is(
    scheduler, phone, officer, day_of, stopped_clock, at
):
    """Whoever comes sooner waits: at least as late as the one who is known. The board says so as well."""
    [first] = day_of("09:30/30")
    second = met_at(officer, factories.officer(), "10:15")
    finished(phone, stopped_clock, first, "10:25")
    assert board_of(second) == (True, 0)
    assert at("10:25") == 1
    assert texts(scheduler, second) == [("delayed", "held")]


def test_a_visit_of_two_of_whom_one_is_unknown_is_never_on_time(
    scheduler, phone, officer, day_of, stopped_clock, at
):
    """They were told of 10:55. The one who is known will be there at 10:15 after all, of the other nothing is
    known: that is no good news, and the board knows nothing of the visit either."""
    [first] = day_of("09:30/30")
    second = met_at(officer, factories.officer(), "10:15")
    stopped_clock.set(clock_time("09:20"))
    delay(phone, second, clock_time("10:55"))
    send()
    with transaction() as session:
        session.execute(delete(VisitEvent).where(VisitEvent.kind == EventKind.DELAYED))
        session.execute(update(Visit).where(Visit.id == UUID(second["id"])).values(expected_at=None))
    finished(phone, stopped_clock, first, "09:50")
    assert board_of(second) == (False, 1)
    assert at("09:50") == at("09:52") == 0
    assert texts(scheduler, second) == [("delayed", "delivered")]


def test_a_visit_of_two_of_whom_one_is_likely_late_needs_the_later_of_both(
    scheduler, sign_in, phone, officer, day_of, stopped_clock, at
):
    """Both are known: the later is the other, and the window is theirs."""
    other = factories.officer()
    [first], [of_other] = day_of("09:30/30"), day_of("09:30/30", other)
    second = met_at(officer, other, "10:15")
    finished(phone, stopped_clock, first, "10:00")
    finished(SignedInAnew(sign_in, "officer", other), stopped_clock, of_other, "10:25")
    assert board_of(second) == (True, 0)
    assert at("10:25") == 1
    send()
    assert "We expect to be with you between 10:30 and 10:40." in bodies(scheduler, second)[0]
