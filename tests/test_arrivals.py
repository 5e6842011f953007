"""Arrivals: at the door, by two clocks, judged to the second against the promise that is fair."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from models.database import transaction
from models.message import Message, MessageKind, MessageStatus
from models.promise import settle
from tests import factories
from tests.steps import MONDAY_9, arrive, book, depart, finish, instant, move, path, problem, see

TEN = MONDAY_9 + timedelta(hours=1)
HOME = {"latitude": 51.58737, "longitude": -0.32932}
METRE_NORTH = 1 / 111_195


@pytest.fixture
def visit(officer, resident):
    """A visit at ten; it is nine."""
    return {"id": str(factories.visit(resident, officer, TEN).id)}


def test_fifteen_minutes_are_on_time_and_a_second_more_is_not(sign_in, resident, stopped_clock):
    rows = {
        -3600: "early",
        -901: "early",
        -900.5: "early",
        -900: "on_time",
        0: "on_time",
        900: "on_time",
        900.5: "late",
        901: "late",
        3600: "late",
    }
    officer = factories.officer()
    days = [TEN + timedelta(days=day) for day in range(len(rows))]
    visits = [{"id": str(factories.visit(resident, officer, day).id)} for day in days]
    stopped_clock.set(TEN + timedelta(days=20))
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    for promise, visit, (seconds, word) in zip(days, visits, rows.items(), strict=True):
        answer = arrive(phone, visit, promise + timedelta(seconds=seconds))
        assert answer.status_code == 201
        assert answer.headers["ETag"] == '"2"'
        assert (answer.json["seconds_from_promise"], answer.json["punctuality"]) == (seconds, word)
        assert instant(answer.json["promised_at"]) == promise
        assert instant(answer.json["arrived_at"]) == promise + timedelta(seconds=seconds)
        assert instant(answer.json["recorded_at"]) == stopped_clock.now
        seen = see(scheduler, visit)
        assert (seen["status"], seen["arrival"]) == ("arrived", answer.json)


def test_an_arrival_straight_from_booked_is_fine_and_one_after_departure_too(phone, officer, resident, visit):
    assert arrive(phone, visit, MONDAY_9).status_code == 201
    other = {"id": str(factories.visit(resident, officer, TEN + timedelta(hours=1)).id)}
    left = depart(phone, other)
    assert (left.status_code, left.json["status"]) == (201, "en_route")
    assert arrive(phone, other, MONDAY_9).status_code == 201


def test_an_odd_clock_is_flagged_at_its_bounds_and_never_refused(phone, officer, resident, stopped_clock):
    """Recorded more than five minutes later; more than two minutes in the future; before the departure."""
    rows = [
        (timedelta(minutes=-5), []),
        (timedelta(minutes=-5, seconds=-1), ["recorded_later"]),
        (timedelta(hours=-5), ["recorded_later"]),
        (timedelta(days=-700_000), ["recorded_later"]),
        (timedelta(minutes=2), []),
        (timedelta(minutes=2, seconds=1), ["clock_suspect"]),
        (timedelta(days=400), ["clock_suspect"]),
    ]
    for number, (off, flags) in enumerate(rows):
        visit = {"id": str(factories.visit(resident, officer, TEN + timedelta(hours=number)).id)}
        answer = arrive(phone, visit, MONDAY_9 + off)
        assert (answer.status_code, answer.json["flags"]) == (201, flags), off
    left = {"id": str(factories.visit(resident, officer, TEN + timedelta(days=1)).id)}
    assert depart(phone, left, departed_at=(MONDAY_9 - timedelta(minutes=2)).isoformat()).status_code == 201
    before = arrive(phone, left, MONDAY_9 - timedelta(minutes=2, seconds=1))
    assert before.json["flags"] == ["clock_suspect"]


def test_far_from_the_address_is_more_than_150_metres_and_the_phones_own_accuracy(phone, officer, resident):
    rows = [
        (HOME, []),
        ({"latitude": HOME["latitude"] + 149 * METRE_NORTH, "longitude": HOME["longitude"]}, []),
        ({"latitude": HOME["latitude"] + 151 * METRE_NORTH, "longitude": HOME["longitude"]}, ["far_from_address"]),
        ({**HOME, "latitude": HOME["latitude"] + 199 * METRE_NORTH, "accuracy_m": 50}, []),
        ({"latitude": 51.5, "longitude": -0.1, "accuracy_m": 50}, ["far_from_address"]),
        ({"latitude": 51.5, "longitude": -0.1, "accuracy_m": 100_000}, []),
        ({"latitude": None, "longitude": None}, []),
        ({"accuracy_m": 5}, []),
    ]
    for number, (position, flags) in enumerate(rows):
        visit = {"id": str(factories.visit(resident, officer, TEN + timedelta(hours=number)).id)}
        answer = arrive(phone, visit, MONDAY_9, **position)
        assert (answer.status_code, answer.json["flags"]) == (201, flags), position


def test_an_address_nobody_has_placed_is_not_far(phone, officer):
    nowhere = factories.resident(latitude=None, longitude=None)
    visit = {"id": str(factories.visit(nowhere, officer, TEN).id)}
    assert arrive(phone, visit, MONDAY_9, latitude=0, longitude=0).json["flags"] == []


def test_an_arrival_sent_again_is_answered_the_same_and_counted_once(phone, visit, stopped_clock):
    sent = {"client_id": factories.client_id()}
    first = arrive(phone, visit, MONDAY_9, **sent)
    stopped_clock.advance(600)
    again = arrive(phone, visit, MONDAY_9, **sent)
    assert (again.status_code, again.data) == (201, first.data)
    other_time = arrive(phone, visit, MONDAY_9 + timedelta(minutes=5), **sent)
    assert other_time.data == first.data, "what was recorded stays"
    kinds = [line["kind"] for line in phone.get(path(visit, "history")).json["items"]]
    assert kinds.count("arrived") == 1
    assert see(phone, visit)["version"] == 2


def test_an_arrival_sent_again_after_the_visit_ended_is_still_the_same(phone, visit):
    sent = {"client_id": factories.client_id()}
    first = arrive(phone, visit, MONDAY_9, **sent)
    assert finish(phone, visit, MONDAY_9).status_code == 201
    again = arrive(phone, visit, MONDAY_9, **sent)
    assert (again.status_code, again.data) == (201, first.data)


def test_a_second_arrival_is_refused(phone, visit):
    assert arrive(phone, visit, MONDAY_9).status_code == 201
    problem(arrive(phone, visit, MONDAY_9), 409, "visit-state")
    assert finish(phone, visit, MONDAY_9).status_code == 201
    problem(arrive(phone, visit, MONDAY_9), 409, "visit-state")


def test_one_client_id_is_for_one_event(phone, visit):
    sent = {"client_id": factories.client_id()}
    assert depart(phone, visit, **sent).status_code == 201
    problem(arrive(phone, visit, MONDAY_9, **sent), 409, "visit-state")


def test_what_an_arrival_cannot_be_is_refused_by_field(phone, visit):
    wrong = [
        ("client_id", "1"),
        ("client_id", None),
        ("arrived_at", "2026-11-23T10:00:00"),
        ("arrived_at", None),
        ("arrived_at", 1795514400),
        ("latitude", 51.5),
        ("longitude", 0.1),
        ("accuracy_m", -1),
        ("accuracy_m", 100_001),
        ("accuracy_m", "NaN"),
        ("recorded_at", "2026-11-23T10:00:00Z"),
    ]
    for field, value in wrong:
        refused = problem(arrive(phone, visit, MONDAY_9, **{field: value}), 422, "not-valid")
        assert field in refused["errors"] or (field == "longitude" and "latitude" in refused["errors"]), field
    for position in ({"latitude": 91, "longitude": 0}, {"latitude": 0, "longitude": 181}):
        problem(arrive(phone, visit, MONDAY_9, **position), 422, "not-valid")


# Which promise is fair


def told(visit, status: MessageStatus, *, accepted_at=None, delivered_at=None) -> None:
    """What the carrier did with the newest text of a move."""
    with transaction() as session:
        session.execute(
            update(Message)
            .where(
                Message.visit_id == UUID(visit["id"]),
                Message.kind == MessageKind.MOVED,
                Message.status == MessageStatus.HELD,
            )
            .values(status=status, accepted_at=accepted_at, delivered_at=delivered_at)
        )
        settle(session, [UUID(visit["id"])])


WEDNESDAY = MONDAY_9 + timedelta(days=2, hours=1)
EARLIER, LATER = WEDNESDAY - timedelta(hours=2), WEDNESDAY + timedelta(hours=2)


def promised(client, visit, at) -> str:
    return arrive(client, visit, at).json["promised_at"][11:16]


def hours_before(hours: float) -> Any:
    return WEDNESDAY - timedelta(hours=hours)


# What happened, where to, decided when, asked for by whom, what became of the text, and which promise is fair.
FAIR = [
    ("told in time, by delivery", LATER, MONDAY_9, "council", "delivered", "12:00"),
    ("told in time, as far as anybody knows", LATER, MONDAY_9, "council", "accepted", "12:00"),
    ("still waiting to go, decided in time", LATER, MONDAY_9, "council", "held", "12:00"),
    ("delivered within the 24 hours", LATER, MONDAY_9, "council", "delivered late", "10:00"),
    ("the text failed", LATER, MONDAY_9, "council", "failed", "10:00"),
    ("the text was undelivered", LATER, MONDAY_9, "council", "undelivered", "10:00"),
    ("the text expired", LATER, MONDAY_9, "council", "expired", "10:00"),
    ("exactly 24 hours", LATER, hours_before(24), "council", "accepted", "12:00"),
    ("less than 24 hours", LATER, hours_before(23), "council", "delivered", "10:00"),
    ("earlier, and R is the new time", EARLIER, hours_before(25), "council", "delivered", "10:00"),
    ("earlier, with fair notice", EARLIER, hours_before(27), "council", "delivered", "08:00"),
    ("the resident asked", LATER, hours_before(1), "resident", "delivered", "12:00"),
    ("the resident asked, and knows without a text", LATER, hours_before(1), "resident", "failed", "12:00"),
    ("too little to be told", WEDNESDAY + timedelta(minutes=10), MONDAY_9, "council", "none", "10:00"),
]


def test_an_arrival_is_judged_by_the_latest_promise_with_fair_notice(sign_in, resident, stopped_clock):
    judged = []
    for name, to, decided, by, fate, _ in FAIR:
        officer = factories.officer()
        stopped_clock.set(MONDAY_9)
        visit = {"id": str(factories.visit(resident, officer, WEDNESDAY).id)}
        stopped_clock.set(decided)
        moved = move(sign_in("scheduler"), visit, to, requested_by=by)
        assert moved.status_code == 201, name
        if fate in ("delivered", "accepted"):
            told(
                visit,
                MessageStatus(fate),
                accepted_at=decided,
                delivered_at=decided if fate == "delivered" else None,
            )
        elif fate == "delivered late":
            told(visit, MessageStatus.DELIVERED, accepted_at=decided, delivered_at=hours_before(3))
        elif fate != "none":
            told(visit, MessageStatus(fate))
        stopped_clock.set(to)
        judged.append((name, promised(sign_in("officer", officer), visit, to)))
    assert judged == [(name, fair) for name, *_, fair in FAIR]


def test_a_delay_never_moves_a_promise(scheduler, phone, visit):
    sent = {"client_id": factories.client_id(), "expected_at": (TEN + timedelta(minutes=40)).isoformat()}
    assert phone.post(path(visit, "delays"), sent).json["told"] is True
    late = arrive(phone, visit, TEN + timedelta(minutes=40)).json
    assert (late["seconds_from_promise"], late["punctuality"]) == (2400, "late")


def test_two_moves_are_fair_or_not_each_by_itself(sign_in, officer, resident, stopped_clock):
    """A fair move stands when an unfair one follows; the second's time does not count."""
    visit = book(sign_in("scheduler"), resident, officer, WEDNESDAY)
    assert move(sign_in("scheduler"), visit, LATER).status_code == 201
    told(visit, MessageStatus.DELIVERED, accepted_at=MONDAY_9, delivered_at=MONDAY_9)
    stopped_clock.set(WEDNESDAY - timedelta(hours=4))
    assert move(sign_in("scheduler"), visit, LATER + timedelta(hours=3)).status_code == 201
    told(visit, MessageStatus.DELIVERED, accepted_at=stopped_clock.now, delivered_at=stopped_clock.now)
    stopped_clock.set(LATER)
    assert promised(sign_in("officer", officer), visit, LATER) == "12:00"
