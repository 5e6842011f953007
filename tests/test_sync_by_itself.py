"""Each event that a phone kept is taken or refused by itself, and none is lost where a call breaks off."""

from typing import Any
from uuid import uuid4

import pytest

from api import sync
from models.errors import VisitState
from tests import factories
from tests.steps import MONDAY_9, arrive, problem, see
from tests.syncing import NOON, TEN, history, kept, kinds, minutes, phone, results, scheduler, send, visit

__all__ = ["phone", "scheduler", "visit"]


def test_one_that_is_refused_loses_none_of_the_others(phone, sign_in, resident, visit, stopped_clock):
    stopped_clock.set(NOON)
    theirs = {"id": str(factories.visit(resident, factories.officer(), TEN, at=MONDAY_9).id)}
    nobodys = {"id": str(uuid4())}
    arrival = kept("arrival", visit, TEN)
    found = results(
        phone,
        NOON,
        kept("arrival", theirs, TEN),
        kept("departure", nobodys, TEN),
        arrival,
        kept("arrival", visit, TEN),
        kept("departure", visit, TEN, client_id=arrival["client_id"]),
        kept("outcome", visit, TEN, outcome="cancelled"),
        kept("departure", visit, TEN - minutes(9)),
    )
    assert [each["status"] for each in found] == [403, 404, 201, 409, 409, 422, 201]
    assert [each["type"].rpartition("/")[2] for each in found if each["status"] >= 400] == [
        "not-yours",
        "not-found",
        "visit-state",
        "visit-state",
        "not-valid",
    ]
    assert all(each["title"] and each["detail"] for each in found if each["status"] >= 400)
    assert "outcome" in found[5]["errors"]
    assert kinds(phone, visit) == ["arrived", "departed"]


def test_another_officers_visit_is_refused_and_tells_nothing(phone, sign_in, resident, officer, stopped_clock):
    theirs = factories.officer()
    visit = {"id": str(factories.visit(resident, theirs, TEN).id)}
    arrival = kept("arrival", visit, TEN)
    assert results(sign_in("officer", theirs), MONDAY_9, arrival)[0]["status"] == 201
    (refused,) = results(phone, MONDAY_9, arrival)
    alone = problem(arrive(phone, visit, TEN), 403, "not-yours")
    assert refused == {"client_id": arrival["client_id"], **alone}


WRONG = [
    ({"type": "moved"}, "type"),
    ({"type": None}, "type"),
    ({"type": ["arrival"]}, "type"),
    ({"type": {}}, "type"),
    ({"visit_id": "1"}, "visit_id"),
    ({"visit_id": None}, "visit_id"),
    ({"arrived_at": "2026-11-23T10:00:00"}, "arrived_at"),
    ({"arrived_at": None}, "arrived_at"),
    ({"latitude": 51.5}, "latitude"),
    ({"latitude": "NaN", "longitude": 0}, "latitude"),
    ({"recorded_at": "2026-11-23T10:00:00Z"}, "recorded_at"),
    ({"status": "arrived"}, "status"),
    ({"__class__": 1}, "__class__"),
]


@pytest.mark.parametrize(("spoiled", "field"), WRONG, ids=str)
def test_what_is_wrong_with_one_event_is_said_of_it_alone(phone, visit, spoiled, field):
    wrong = kept("arrival", visit, TEN) | spoiled
    found = results(phone, MONDAY_9, wrong, kept("departure", visit, MONDAY_9))
    assert [each["status"] for each in found] == [422, 201]
    assert field in found[0]["errors"]


@pytest.mark.parametrize("client_id", [None, "x", 5, ["x"], {}, "a" * 10_000])
def test_a_client_id_that_is_none_is_refused_and_not_repeated(phone, visit, client_id):
    events = [kept("arrival", visit, TEN, client_id=client_id), {}]
    found = send(phone, MONDAY_9, *events).json["results"]
    assert [(each["status"], each["client_id"]) for each in found] == [(422, None), (422, None)]
    assert "client_id" in found[0]["errors"]


def test_a_client_id_comes_back_as_the_phone_spells_it(phone, visit):
    results(phone, MONDAY_9, kept("arrival", visit, TEN, client_id=factories.client_id().upper()))


def test_a_batch_has_its_limits(phone, visit):
    event = kept("departure", visit, MONDAY_9)
    problem(send(phone, MONDAY_9), 422, "not-valid")
    problem(send(phone, MONDAY_9, *[event] * (sync.MOST_EVENTS + 1)), 422, "not-valid")
    problem(send(phone, MONDAY_9, event | {"note": "x" * sync.LARGEST_BODY}), 413)
    assert history(phone, visit) == []
    most = results(phone, MONDAY_9, *[event | {"departed_at": TEN.isoformat()}] * sync.MOST_EVENTS)
    assert {each["status"] for each in most} == {201}
    assert kinds(phone, visit) == ["departed"]


def test_three_hundred_outcomes_with_their_notes_are_not_too_large(phone, visit):
    """A note of a thousand characters each; only the first is the visit's."""
    events = [kept("outcome", visit, MONDAY_9, note="n" * 1000) for _ in range(sync.MOST_EVENTS)]
    found = results(phone, MONDAY_9, *events)
    assert [each["status"] for each in found] == [201] + [409] * (sync.MOST_EVENTS - 1)


# When it breaks off


def test_what_was_taken_before_a_failure_stays_and_the_rest_is_sent_again(
    phone, visit, stopped_clock, monkeypatch
):
    stopped_clock.set(NOON)
    events = [kept("arrival", visit, TEN), kept("outcome", visit, TEN + minutes(30))]
    really = sync.take
    count = iter(range(10))

    def dies_at_the_second(*given: Any, **named: Any) -> Any:
        if next(count) == 1:
            raise KeyboardInterrupt
        return really(*given, **named)

    monkeypatch.setattr(sync, "take", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        send(phone, NOON, *events)
    assert kinds(phone, visit) == ["arrived"]
    found = results(phone, NOON, *events)
    assert [each["status"] for each in found] == [201, 201]
    assert kinds(phone, visit) == ["arrived", "finished"]


def test_a_refusal_half_way_through_a_step_leaves_nothing_of_it(phone, visit, stopped_clock, monkeypatch):
    """Also under an Idempotency-Key: each event has a transaction of its own."""
    really = sync.ARRIVAL.do

    def refuses_at_the_end(*given: Any) -> Any:
        really(*given)
        raise VisitState("No.")

    monkeypatch.setitem(
        sync._TYPES,
        "arrival",
        (sync.Step(sync.ARRIVAL.kind, refuses_at_the_end, sync.ARRIVAL.out), sync._KeptArrival()),
    )
    events = kept("arrival", visit, MONDAY_9), kept("departure", visit, MONDAY_9)
    answer = send(phone, MONDAY_9, *events, Idempotency_Key="1")
    assert [each["status"] for each in answer.json["results"]] == [409, 201]
    assert kinds(phone, visit) == ["departed"]
    assert see(phone, visit)["version"] == 2


def test_an_idempotency_key_gives_the_same_answer_once_more(sign_in, officer, visit):
    phone = sign_in("officer", officer)
    event = kept("departure", visit, MONDAY_9)
    first = send(phone, MONDAY_9, event, Idempotency_Key="k")
    again = send(phone, MONDAY_9, event, Idempotency_Key="k")
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (207, first.data, "true")
    problem(send(phone, MONDAY_9 + minutes(1), event, Idempotency_Key="k"), 422, "key-reused")


def test_an_idempotency_key_whose_request_died_loses_nothing(sign_in, officer, visit, stopped_clock, monkeypatch):
    phone = sign_in("officer", officer)
    event = kept("departure", visit, MONDAY_9)
    monkeypatch.setattr(sync, "_results", lambda *_: 1 / 0)
    assert send(phone, MONDAY_9, event, Idempotency_Key="k").status_code == 500
    assert kinds(phone, visit) == ["departed"]
    monkeypatch.undo()
    stopped_clock.advance(1)
    assert results(phone, MONDAY_9, event)[0]["status"] == 201
    assert send(phone, MONDAY_9, event, Idempotency_Key="k").status_code == 207
    assert kinds(phone, visit) == ["departed"]


def test_only_officers_have_a_phone_that_keeps_things(scheduler, admin, stranger):
    body = {"sent_at": MONDAY_9.isoformat(), "events": [{}]}
    assert [client.post("/v1/me/sync", body).status_code for client in (scheduler, admin, stranger)] == [
        403,
        403,
        401,
    ]


def test_an_officer_of_nobody_reaches_nothing(sign_in, visit):
    assert results(sign_in("officer"), MONDAY_9, kept("arrival", visit, TEN))[0]["status"] == 403
