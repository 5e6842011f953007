"""Several changes made together: all of them or none, each with its own notice, by the days as all leave them."""

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from migrations.tables import metadata
from models import travel
from models.absence import AbsenceKind, enter
from models.database import reading, transaction
from models.day import Fault, Rules, faults
from models.officer import Officer
from models.officer_days import plans
from models.visit import Visit
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, book, depart, problem, see

TUESDAY_10 = MONDAY_9 + timedelta(days=1, hours=1)


def change(visit: Any, kind: str, **given: Any) -> dict[str, Any]:
    return {"visit_id": str(visit["id"]), "version": visit["version"], "kind": kind} | given


def given_to(visit: Any, officer: Officer, **more: Any) -> dict[str, Any]:
    return change(visit, "assignment", officer_id=str(officer.id), **more)


def moved(visit: Any, starts_at: datetime, **more: Any) -> dict[str, Any]:
    return change(visit, "move", starts_at=starts_at.isoformat(), requested_by="council", **more)


def together(client: Client, *changes: Any, **headers: str) -> Any:
    return client.post("/v1/visits/changes", {"changes": list(changes), "reason": "Officer ill"}, **headers)


def everything() -> dict[str, list[str]]:
    """Every row of every table that a change writes to."""
    with reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(table.select())))
            for table in metadata.sorted_tables
            if table.name != "kept_answers"
        }


@pytest.fixture
def visits(scheduler: Client, officer: Officer) -> list[Any]:
    """Four visits of one officer's, an hour and a half apart."""
    starts = [TUESDAY_10 + timedelta(minutes=90 * place) for place in range(4)]
    return [book(scheduler, factories.resident(), officer, start) for start in starts]


class TestWhatIsMade:
    def test_each_change_has_its_own_result(self, scheduler, visits):
        other = factories.officer()
        answered = together(
            scheduler,
            given_to(visits[0], other),
            moved(visits[1], TUESDAY_10 + timedelta(days=1), reason="Too much for one day"),
            change(visits[2], "unassign"),
            change(visits[3], "cancellation", requested_by="council"),
        )
        assert answered.status_code == 201, answered.get_data(as_text=True)
        first, second, third, fourth = answered.json["changes"]
        assert (first["kind"], first["assignment"]["officer_to"]) == ("assignment", str(other.id))
        assert second["move"]["moved_to"] == "2026-11-25T10:00:00Z"
        assert second["move"]["notice"]["reference_at"] == visits[1]["starts_at"]
        assert (second["move"]["reason"], first["assignment"]["reason"]) == ("Too much for one day", "Officer ill")
        assert third["assignment"]["officer_to"] is None
        assert fourth["cancellation"]["notice"]["possible"] is True
        assert [each["version"] for each in answered.json["changes"]] == [2, 2, 2, 2]
        for visit, made in zip(visits, answered.json["changes"], strict=True):
            assert made["visit_id"] == visit["id"] and see(scheduler, visit)["version"] == 2

    def test_each_is_told_and_written_down_as_if_it_was_made_alone(self, scheduler, visits):
        together(scheduler, moved(visits[0], TUESDAY_10 + timedelta(days=1)))
        texts = scheduler.get(f"/v1/visits/{visits[0]['id']}/messages").json["items"]
        assert [(text["kind"], text["status"]) for text in texts] == [("booked", "superseded"), ("moved", "held")]
        events = scheduler.get(f"/v1/visits/{visits[0]['id']}/history").json["items"]
        assert {event["kind"] for event in events} == {"booked", "moved"}
        assert len(scheduler.get(f"/v1/visits/{visits[0]['id']}/notices").json["items"]) == 1

    def test_two_visits_may_change_places(self, scheduler, officer, visits):
        first, second = visits[0], visits[1]
        answered = together(
            scheduler,
            moved(first, datetime.fromisoformat(second["starts_at"])),
            moved(second, datetime.fromisoformat(first["starts_at"])),
        )
        assert answered.status_code == 201, answered.get_data(as_text=True)
        assert see(scheduler, first)["starts_at"] == second["starts_at"]
        assert see(scheduler, second)["starts_at"] == first["starts_at"]
        assert see(scheduler, first)["officer_id"] == see(scheduler, second)["officer_id"] == str(officer.id)

    def test_two_officers_may_exchange_their_visits(self, scheduler, officer, visits):
        other = factories.officer()
        theirs = book(scheduler, factories.resident(), other, TUESDAY_10)
        answered = together(scheduler, given_to(visits[0], other), given_to(theirs, officer))
        assert answered.status_code == 201, answered.get_data(as_text=True)
        assert see(scheduler, theirs)["officer_id"] == str(officer.id)

    def test_a_visit_may_go_where_one_is_cancelled_whichever_comes_first(self, scheduler, visits):
        answered = together(
            scheduler,
            moved(visits[0], datetime.fromisoformat(visits[1]["starts_at"])),
            change(visits[1], "cancellation", requested_by="council"),
        )
        assert answered.status_code == 201, answered.get_data(as_text=True)

    def test_the_same_request_again_gets_the_same_answer(self, scheduler, visits):
        body = moved(visits[0], TUESDAY_10 + timedelta(days=1))
        first, second = (together(scheduler, body, Idempotency_Key="k") for _ in range(2))
        assert (first.status_code, first.json) == (second.status_code, second.json) == (201, first.json)
        assert see(scheduler, visits[0])["version"] == 2


class TestNothingIsHalfDone:
    def test_of_several_that_cannot_be_made_each_is_named_and_nothing_is_done(
        self, scheduler, phone, officer, visits
    ):
        busy = factories.officer()
        book(scheduler, factories.resident(), busy, TUESDAY_10)
        on_the_way = book(scheduler, factories.resident(), officer, MONDAY_9 + timedelta(hours=1))
        assert depart(phone, on_the_way).status_code < 300
        before = everything()
        refused = problem(
            together(
                scheduler,
                moved(visits[3], TUESDAY_10 + timedelta(days=1)),
                given_to(visits[0], busy),
                moved(visits[1] | {"version": 7}, TUESDAY_10 + timedelta(days=2)),
                change(on_the_way | {"version": 2}, "unassign"),
                change({"id": factories.NOBODY, "version": 1}, "unassign"),
            ),
            409,
            "changes-refused",
        )
        found = [(each["visit_id"], each["type"].removeprefix("/problems/")) for each in refused["changes"]]
        assert found == [
            (visits[0]["id"], "diary-clash"),
            (visits[1]["id"], "changed-meanwhile"),
            (on_the_way["id"], "visit-state"),
            (str(factories.NOBODY), "not-found"),
        ]
        assert everything() == before

    def test_a_rule_that_is_broken_is_said_as_for_a_booking(self, scheduler, visits):
        unskilled = factories.officer(suspended_at=MONDAY_9)
        refused = problem(together(scheduler, given_to(visits[0], unskilled)), 409, "changes-refused")
        assert refused["changes"][0]["type"] == "/problems/officer-unavailable"

    def test_a_refusal_is_repeated_for_its_key(self, scheduler, visits):
        body = given_to(visits[0] | {"version": 9}, factories.officer())
        first, second = (together(scheduler, body, Idempotency_Key="k") for _ in range(2))
        assert first.status_code == second.status_code == 409 and first.json == second.json

    def test_two_that_go_to_one_time_of_one_officer_are_refused(self, scheduler, visits):
        other, before = factories.officer(), everything()
        there = {"officer_id": str(other.id)}
        pair = [moved(visit, TUESDAY_10 + timedelta(days=1), **there) for visit in visits[:2]]
        refused = problem(together(scheduler, *pair), 409, "changes-refused")
        assert [each["visit_id"] for each in refused["changes"]] == [visits[1]["id"]]
        after = everything()
        assert {name: rows for name, rows in after.items() if name != "officers"} == {
            name: rows for name, rows in before.items() if name != "officers"
        }


@pytest.mark.parametrize(
    "spoil",
    [
        lambda changes: [],
        lambda changes: changes * 2,
        lambda changes: [{**changes[0], "visit_id": str(number)} for number in range(101)],
        lambda changes: [{**changes[0], "kind": "delete"}],
        lambda changes: [{**changes[0], "kind": "assignment"}],
        lambda changes: [{**changes[0], "kind": "unassign"}],
        lambda changes: [{**changes[0], "kind": "cancellation"}],
        lambda changes: [{name: changes[0][name] for name in changes[0] if name != "starts_at"}],
        lambda changes: [{name: changes[0][name] for name in changes[0] if name != "requested_by"}],
        lambda changes: [{name: changes[0][name] for name in changes[0] if name != "version"}],
        lambda changes: [{**changes[0], "version": 0}],
        lambda changes: [{**changes[0], "colour": "red"}],
        lambda changes: [changes],
        lambda changes: [None],
        lambda changes: None,
    ],
)
def test_changes_that_cannot_be_meant_are_refused(scheduler, visits, spoil):
    right = [moved(visits[0], TUESDAY_10 + timedelta(days=1))]
    body = {"changes": spoil(right), "reason": "Officer ill"}
    problem(scheduler.post("/v1/visits/changes", body), 422, "not-valid")


def test_every_change_needs_a_reason(scheduler, visits):
    right = moved(visits[0], TUESDAY_10 + timedelta(days=1))
    problem(scheduler.post("/v1/visits/changes", {"changes": [right]}), 422, "not-valid")
    assert scheduler.post("/v1/visits/changes", {"changes": [right | {"reason": "Ill"}]}).status_code == 201


HARD = {Fault.OVERLAP, Fault.SHIFT, Fault.TRAVEL}


@pytest.mark.parametrize("seed", range(8))
def test_whichever_proposals_are_chosen_they_can_be_made_together_and_break_nothing(scheduler, seed):
    """A random day and a half of four officers, of whom one falls ill."""
    chance = random.Random(seed)
    town = [
        factories.resident(
            latitude=51.58 + chance.uniform(-0.03, 0.03), longitude=-0.34 + chance.uniform(-0.05, 0.05)
        )
        for _ in range(10)
    ]
    officers = [factories.officer() for _ in range(4)]
    for officer in officers:
        at = TUESDAY_10.replace(hour=9)
        while at < TUESDAY_10 + timedelta(days=1, hours=2):
            at += timedelta(minutes=5 * chance.randrange(4, 30))
            minutes = 5 * chance.randrange(3, 15)
            body = factories.booking(chance.choice(town), officer, at, duration_minutes=minutes)
            scheduler.post("/v1/visits", body)
            at += timedelta(minutes=minutes)
    ill = officers[0]
    with transaction() as session:
        enter(
            session,
            officer_id=ill.id,
            starts_at=TUESDAY_10.replace(hour=0),
            ends_at=TUESDAY_10.replace(hour=0) + timedelta(days=1),
            kind=AbsenceKind.SICKNESS,
            reason=None,
            by=None,
            at=MONDAY_9,
        )
    before = found_in(officers)
    risky = scheduler.get(f"/v1/officers/{ill.id}/visits-at-risk").json["items"]
    chosen = []
    for visit in risky:
        if not visit["proposals"]:
            chosen.append(change(visit, "unassign"))
            continue
        proposal = chance.choice(visit["proposals"])
        there = {"officer_id": proposal["officer_id"]}
        if proposal["kind"] == "move":
            there |= {"starts_at": proposal["starts_at"], "requested_by": "council"}
        chosen.append(change(visit, proposal["kind"], **there))
    assert len(chosen) >= 2 and any(each["kind"] != "unassign" for each in chosen)
    answered = together(scheduler, *chosen)
    assert answered.status_code == 201, answered.get_data(as_text=True)
    assert scheduler.get(f"/v1/officers/{ill.id}/visits-at-risk").json["items"] == []
    assert found_in(officers) <= before, "nothing is broken that was kept"


def found_in(officers: list[Officer]) -> set[Any]:
    """What hard rules are broken in these officers' days."""
    days = [date(2026, 11, 24) + timedelta(days=number) for number in range(9)]
    with reading() as session:
        planned = plans(session, [officer.id for officer in officers], days, MONDAY_9)
        assert session.scalars(select(Visit)).all()
    return {
        (officer_id, day, found)
        for (officer_id, day), (_, plan) in planned.items()
        for found in faults(plan, Rules(travel.in_use(), slack=False))
        if found[0] in HARD
    }
