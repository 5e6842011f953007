"""A phone without signal: what it kept is taken in any order, once, however late, and by the right clock."""

from datetime import datetime, timedelta

import pytest

from tests import factories
from tests.steps import MONDAY_9, arrive, cancel, delay, depart, finish, instant, move, path, problem, see
from tests.syncing import NOON, TEN, kept, kinds, line, minutes, phone, results, scheduler, visit

__all__ = ["phone", "scheduler", "visit"]


def test_a_whole_visit_comes_in_one_call(phone, visit, stopped_clock):
    stopped_clock.set(NOON)
    found = results(
        phone,
        NOON,
        kept("departure", visit, TEN - minutes(20)),
        kept("delay", visit, TEN + minutes(10), reported_at=(TEN - minutes(15)).isoformat(), reason="Traffic"),
        kept("arrival", visit, TEN + minutes(5), latitude=51.58737, longitude=-0.32932),
        kept("outcome", visit, TEN + minutes(35), note="Tap mended."),
    )
    assert [each["status"] for each in found] == [201, 201, 201, 201]
    assert [each["flags"] for each in found] == [["recorded_later"]] * 4
    assert found[1]["body"]["told"] is False
    assert found[2]["body"]["punctuality"] == "on_time"
    assert found[3]["body"] == found[0]["body"] == see(phone, visit), "the visit as it is after all of them"
    assert (found[3]["body"]["status"], found[3]["body"]["outcome"]) == ("completed", "completed")
    assert kinds(phone, visit) == ["arrived", "delayed", "departed", "finished"]
    assert line(phone, visit, "finished")["details"]["note"] == "Tap mended."
    assert phone.get(path(visit, "messages")).json["items"] == [], "the officer was there: nobody is texted"


def test_each_order_of_a_visits_steps_comes_to_the_same_visit(phone, officer, resident, stopped_clock):
    """An outcome before its arrival, a departure after it: in one batch, or each in one of its own."""
    orders = ["dax", "dxa", "adx", "axd", "xda", "xad"]
    ends = []
    for number, order in enumerate(orders * 2):
        start = TEN + minutes(30 * number)
        visit = {"id": str(factories.visit(resident, officer, start, at=MONDAY_9).id)}
        stopped_clock.set(start + timedelta(hours=5))
        steps = {
            "d": kept("departure", visit, start - minutes(10)),
            "a": kept("arrival", visit, start + minutes(1)),
            "x": kept("outcome", visit, start + minutes(25), outcome="no_access"),
        }
        events = [steps[letter] for letter in order]
        batches = [events] if number < len(orders) else [[event] for event in events]
        for batch in batches:
            found = results(phone, stopped_clock.now, *batch)
            assert [(each["status"], each["flags"]) for each in found] == [(201, ["recorded_later"])] * len(batch)
        seen = see(phone, visit)
        assert kinds(phone, visit) == ["arrived", "departed", "finished"]
        arrival = seen["arrival"]
        ends.append((seen["status"], seen["version"], arrival["seconds_from_promise"], tuple(arrival["flags"])))
    assert set(ends) == {("no_access", 4, 60, ("recorded_later",))}


def test_a_batch_sent_again_is_answered_alike_and_written_once(phone, visit, stopped_clock):
    stopped_clock.set(NOON)
    events = [
        kept("outcome", visit, TEN + minutes(35)),
        kept("departure", visit, TEN - minutes(20)),
        kept("delay", visit, TEN + minutes(10)),
        kept("arrival", visit, TEN + minutes(5)),
    ]
    first = results(phone, NOON, *events, events[1])
    assert first[4] == first[1]
    later = stopped_clock.advance(3600)
    assert results(phone, later, *reversed(events)) == first[3::-1]
    assert kinds(phone, visit) == ["arrived", "delayed", "departed", "finished"]


def test_a_repeat_by_another_clock_changes_nothing(phone, visit, stopped_clock):
    """The phone's clock is put right between two tries, or wrong only then: what was recorded stays."""
    stopped_clock.set(NOON)
    event = kept("arrival", visit, TEN + minutes(5))
    first = results(phone, NOON, event)
    assert results(phone, NOON + timedelta(hours=7), event) == first


def test_the_single_calls_and_the_batch_know_of_each_other(phone, visit, stopped_clock):
    client_id = factories.client_id()
    assert arrive(phone, visit, MONDAY_9, client_id=client_id).status_code == 201
    again = results(phone, MONDAY_9, kept("arrival", visit, MONDAY_9, client_id=client_id))
    assert (again[0]["status"], again[0]["body"]) == (201, see(phone, visit)["arrival"])
    done = kept("outcome", visit, TEN)
    stopped_clock.set(TEN)
    body = results(phone, TEN, done)[0]["body"]
    assert finish(phone, visit, TEN, client_id=done["client_id"]).json == body
    assert kinds(phone, visit) == ["arrived", "finished"]


# The clock


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(minutes=-7), timedelta(hours=3), timedelta(days=1)])
def test_a_wrong_clock_is_put_right_by_what_it_showed_when_sending(phone, visit, stopped_clock, off):
    """The officer was there at five past ten, whatever their phone said."""
    stopped_clock.set(NOON)
    found = results(
        phone,
        NOON + off,
        kept("departure", visit, TEN - minutes(20) + off),
        kept("arrival", visit, TEN + minutes(5) + off),
        kept("outcome", visit, TEN + minutes(35) + off),
    )
    assert {tuple(each["flags"]) for each in found} == {("recorded_later", "clock_corrected")}
    arrival = found[1]["body"]
    assert instant(arrival["arrived_at"]) == TEN + minutes(5)
    assert (arrival["punctuality"], arrival["seconds_from_promise"]) == ("on_time", 300)
    written = line(phone, visit, "arrived")
    assert instant(written["occurred_at"]) == TEN + minutes(5)
    assert written["details"]["phone"]["clock_behind_s"] == -off.total_seconds()
    assert instant(written["details"]["phone"]["arrived_at"]) == TEN + minutes(5) + off, "the phone's own is kept"
    assert instant(found[2]["body"]["finished_at"]) == TEN + minutes(35)
    assert line(phone, visit, "departed")["details"]["phone"].keys() == {"clock_behind_s", "departed_at"}


@pytest.mark.parametrize(
    ("seconds", "corrected"), [(-6, True), (-5, False), (0, False), (5, False), (5.001, True)]
)
def test_a_few_seconds_may_be_the_network_and_are_left_alone(phone, visit, stopped_clock, seconds, corrected):
    off = timedelta(seconds=seconds)
    (found,) = results(phone, MONDAY_9 - off, kept("arrival", visit, MONDAY_9 - off))
    assert found["flags"] == (["clock_corrected"] if corrected else [])
    assert instant(found["body"]["arrived_at"]) == (MONDAY_9 if corrected else MONDAY_9 - off)
    assert ("phone" in line(phone, visit, "arrived")["details"]) is corrected


def test_a_phone_that_began_its_clock_anew_is_believed_all_the_same(phone, visit, stopped_clock):
    """After its battery was empty it shows 1970, and counts on from there."""
    stopped_clock.set(NOON)
    back_then = datetime.fromisoformat("1970-01-01T02:00:00+00:00")
    (found,) = results(phone, back_then, kept("arrival", visit, back_then - (NOON - TEN)))
    assert (instant(found["body"]["arrived_at"]), found["body"]["punctuality"]) == (TEN, "on_time")


def test_a_clock_that_was_put_right_before_sending_is_flagged(phone, visit, stopped_clock):
    """The arrival's time is from before: nobody can know how far it was off. It is taken, and doubted."""
    stopped_clock.set(NOON)
    found = results(
        phone,
        NOON,
        kept("arrival", visit, TEN + timedelta(days=1)),
        kept("outcome", visit, TEN + minutes(35)),
        kept("departure", visit, TEN + minutes(40)),
        kept("delay", visit, TEN + timedelta(days=1, hours=1)),
    )
    assert [each["status"] for each in found] == [201] * 4
    assert all("clock_suspect" in each["flags"] for each in found)
    assert see(phone, visit)["status"] == "completed"


@pytest.mark.parametrize("sent_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("shown", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_no_clock_is_too_wrong(phone, officer, resident, sent_at, shown):
    for number, kind in enumerate(("departure", "delay", "arrival", "outcome")):
        visit = {"id": str(factories.visit(resident, officer, TEN + minutes(30 * number)).id)}
        event = kept(kind, visit, datetime.fromisoformat(shown))
        (found,) = results(phone, datetime.fromisoformat(sent_at), event)
        assert found["status"] == 201
        assert found["flags"]
        assert phone.get(path(visit)).status_code == 200


# Late, out of order, and over


def test_nothing_is_refused_for_being_late(phone, visit, stopped_clock):
    stopped_clock.set(TEN + timedelta(days=5))
    found = results(
        phone,
        stopped_clock.now,
        kept("delay", visit, TEN + minutes(30)),
        kept("arrival", visit, TEN + minutes(31)),
    )
    assert [(each["status"], each["flags"]) for each in found] == [(201, ["recorded_later"])] * 2
    assert found[1]["body"]["punctuality"] == "late"


def test_a_delay_that_is_still_news_is_told(phone, visit):
    (found,) = results(phone, MONDAY_9, kept("delay", visit, TEN + minutes(40)))
    assert (found["status"], found["flags"], found["body"]["told"]) == (201, [], True)
    assert see(phone, visit)["expected_at"] == "2026-11-23T10:40:00Z"
    (told,) = phone.get(path(visit, "messages")).json["items"]
    assert (told["kind"], told["id"]) == ("delayed", found["body"]["message_id"])


def test_an_older_delay_takes_no_newer_one_back(phone, visit, stopped_clock):
    stopped_clock.set(MONDAY_9 + minutes(30))
    newer = kept("delay", visit, TEN + minutes(50), reported_at=(MONDAY_9 + minutes(20)).isoformat())
    older = kept("delay", visit, TEN + minutes(25), reported_at=(MONDAY_9 + minutes(10)).isoformat())
    told = [each["body"]["told"] for each in results(phone, stopped_clock.now, newer, older)]
    assert told == [True, False]
    assert see(phone, visit)["expected_at"] == "2026-11-23T10:50:00Z"
    assert [text["status"] for text in phone.get(path(visit, "messages")).json["items"]] == ["held"]
    assert kinds(phone, visit) == ["delayed", "delayed"]


def test_a_delay_said_in_the_future_silences_none_that_follows(phone, visit, stopped_clock):
    ahead = (MONDAY_9 + timedelta(days=300)).isoformat()
    assert delay(phone, visit, TEN + minutes(20), reported_at=ahead).json["flags"] == ["clock_suspect"]
    stopped_clock.advance(60)
    assert delay(phone, visit, TEN + minutes(45)).json["told"] is True
    assert see(phone, visit)["expected_at"] == "2026-11-23T10:45:00Z"


def test_a_cancelled_visit_stays_cancelled_and_keeps_that_somebody_came(scheduler, phone, visit, stopped_clock):
    assert cancel(scheduler, visit).status_code == 201
    stopped_clock.set(NOON)
    found = results(
        phone,
        NOON,
        kept("departure", visit, TEN - minutes(20)),
        kept("delay", visit, TEN + minutes(5)),
        kept("arrival", visit, TEN),
        kept("outcome", visit, TEN + minutes(5), outcome="no_access"),
    )
    assert {(each["status"], tuple(each["flags"])) for each in found} == {
        (201, ("recorded_later", "visit_cancelled"))
    }
    seen = see(scheduler, visit)
    assert (seen["status"], "outcome" in seen) == ("cancelled", False)
    assert kinds(phone, visit) == ["arrived", "cancelled", "delayed", "departed", "finished"]
    assert results(phone, NOON, kept("arrival", visit, TEN))[0]["status"] == 409, "the second is one too many"


def test_a_step_that_was_forgotten_may_come_by_the_single_call_too(phone, visit, stopped_clock):
    stopped_clock.set(NOON)
    assert finish(phone, visit, TEN + minutes(35)).status_code == 201
    late = arrive(phone, visit, TEN + minutes(5))
    assert (late.status_code, late.json["punctuality"]) == (201, "on_time")
    left = depart(phone, visit, departed_at=TEN.isoformat())
    assert (left.status_code, left.json["status"]) == (201, "completed")
    problem(depart(phone, visit), 409, "visit-state")
    problem(arrive(phone, visit, TEN), 409, "visit-state")
    problem(finish(phone, visit, TEN), 409, "visit-state")


def test_a_scheduler_who_moved_the_visit_meanwhile_is_no_obstacle(scheduler, phone, visit, stopped_clock):
    assert move(scheduler, visit, TEN + minutes(10)).status_code == 201
    stopped_clock.set(NOON)
    (found,) = results(phone, NOON, kept("arrival", visit, TEN + minutes(20)))
    assert (found["status"], found["body"]["punctuality"]) == (201, "late")


def test_an_arrival_is_judged_by_the_promises_there_were_when_it_happened(scheduler, phone, visit, stopped_clock):
    """The officer, without signal, was there at ten; at a quarter past the resident asked for another day."""
    stopped_clock.set(TEN + minutes(15))
    assert move(scheduler, visit, TEN + timedelta(days=2), requested_by="resident").status_code == 201
    stopped_clock.set(NOON)
    (found,) = results(phone, NOON, kept("arrival", visit, TEN))
    assert (found["body"]["seconds_from_promise"], found["body"]["punctuality"]) == (0, "on_time")
