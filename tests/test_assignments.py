"""The queue of visits that have nobody yet, and giving a visit to an officer: at its time, as it was promised."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from models.absence import AbsenceKind, enter
from models.database import reading, transaction
from models.officer import Officer
from models.promise import ChangeNotice, Promise
from models.visit import Visit, VisitStatus
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, WEDNESDAY_10, book, cancel, depart, etag, path, problem, see
from tests.test_lists import pages

TUESDAY_10 = MONDAY_9 + timedelta(days=1, hours=1)
FAR = {"latitude": 52.2, "longitude": 0.12}


def assign(client: Client, visit: Any, officer: Officer | None, **changes: Any) -> Any:
    """Give the visit, as it is now, to this officer; the response."""
    body = {"officer_id": str(officer.id) if officer else None, "reason": "Nearer"} | changes
    return client.post(path(visit, "assignment"), body, If_Match=etag(client, visit))


def queue(client: Client) -> Any:
    answered = client.get("/v1/unassigned-visits")
    assert answered.status_code == 200, answered.get_data(as_text=True)
    return answered.json["items"]


def suggested(client: Client) -> list[list[str]]:
    return [[each["officer_id"] for each in visit["suggestions"]] for visit in queue(client)]


class TestTheQueue:
    def test_it_holds_the_booked_visits_to_come_that_have_nobody_by_start(
        self, scheduler, sign_in, officer, resident, stopped_clock
    ):
        later = book(scheduler, resident, None, WEDNESDAY_10)
        sooner = book(scheduler, resident, None, TUESDAY_10)
        book(scheduler, resident, officer, TUESDAY_10)
        cancel(scheduler, book(scheduler, resident, None, TUESDAY_10))
        factories.visit(resident, None, MONDAY_9 - timedelta(hours=1), reason="Entered afterwards")
        assert [visit["id"] for visit in queue(scheduler)] == [sooner["id"], later["id"]]
        stopped_clock.set(TUESDAY_10)
        assert [visit["id"] for visit in queue(sign_in("scheduler"))] == [later["id"]]

    def test_it_is_read_page_by_page(self, scheduler, resident):
        made = {str(factories.visit(resident, None, TUESDAY_10).id) for _ in range(5)}
        made |= {str(factories.visit(resident, None, WEDNESDAY_10).id)}
        for limit in (1, 2, 6, 200):
            rows = pages(scheduler, "/v1/unassigned-visits", limit)
            assert len(rows) == 6 and {row["id"] for row in rows} == made

    def test_a_visit_says_who_could_make_it_the_best_first(self, scheduler, resident):
        far, near = factories.officer(), factories.officer()
        factories.visit(factories.resident(**FAR), far, TUESDAY_10 + timedelta(hours=4))
        factories.visit(resident, near, TUESDAY_10 + timedelta(hours=2))
        book(scheduler, resident, None, TUESDAY_10)
        (visit,) = queue(scheduler)
        assert [each["officer_id"] for each in visit["suggestions"]] == [str(near.id), str(far.id)]
        assert visit["reasons"] == {}
        assert visit["suggestions"][0]["extra_minutes"] < visit["suggestions"][1]["extra_minutes"]
        assert visit["suggestions"][0]["on_time_probability"] >= 0.95

    def test_an_officer_whom_the_resident_knows_comes_first(self, scheduler, resident):
        [factories.officer() for _ in range(3)]
        known = factories.officer()
        before = factories.visit(resident, known, MONDAY_9 - timedelta(hours=1), reason="Entered afterwards")
        with transaction() as session:
            session.get_one(Visit, before.id).status = VisitStatus.COMPLETED
        book(scheduler, resident, None, TUESDAY_10)
        assert suggested(scheduler)[0][0] == str(known.id)

    def test_there_are_five_suggestions_at_most(self, scheduler, resident):
        for _ in range(7):
            factories.officer()
        book(scheduler, resident, None, TUESDAY_10)
        assert len(suggested(scheduler)[0]) == 5

    def test_a_start_off_the_grid_is_kept_to_the_minute(self, scheduler, officer, resident):
        book(scheduler, resident, None, TUESDAY_10 + timedelta(minutes=7))
        assert suggested(scheduler) == [[str(officer.id)]]

    def test_where_nobody_can_it_says_why(self, scheduler, resident):
        busy, away = (factories.officer(skills=["gas"]) for _ in range(2))
        yesterday = TUESDAY_10.date() - timedelta(days=1)
        factories.officer(skills=["damp"])
        factories.officer(skills=["gas"], areas=["NW10"])
        factories.officer(skills=["gas"], company="Brightwater Ltd", contract_ends_on=yesterday)
        factories.officer(skills=["gas"], suspended_at=MONDAY_9)
        factories.visit(resident, busy, TUESDAY_10 + timedelta(minutes=15))
        with transaction() as session:
            enter(
                session,
                officer_id=away.id,
                starts_at=TUESDAY_10 + timedelta(minutes=15),
                ends_at=TUESDAY_10 + timedelta(hours=1),
                kind=AbsenceKind.SICKNESS,
                reason=None,
                by=None,
                at=MONDAY_9,
            )
        book(scheduler, resident, None, TUESDAY_10, skills=["gas"])
        (visit,) = queue(scheduler)
        assert visit["suggestions"] == []
        assert visit["reasons"] == {"area": 1, "leave": 1, "no_gap": 1, "shift": 1, "skill": 1}

    def test_whoever_is_suggested_can_be_given_the_visit(self, scheduler, resident):
        [factories.officer() for _ in range(3)]
        for minutes in range(0, 300, 25):
            book(scheduler, resident, None, TUESDAY_10 + timedelta(minutes=minutes))
        given = 0
        while any(suggested(scheduler)):
            visit = next(each for each in queue(scheduler) if each["suggestions"])
            wanted = visit["suggestions"][-1]["officer_id"]
            assert assign(scheduler, visit, None, officer_id=wanted).status_code == 201
            given += 1
        assert given >= 6


class TestAssigning:
    def test_the_visit_has_the_officer_and_its_promise_is_as_it_was(self, scheduler, officer, resident):
        visit = book(scheduler, resident, None)
        given = assign(scheduler, visit, officer)
        assert (given.status_code, given.headers["ETag"]) == (201, '"2"')
        assert given.json == {
            "officer_from": None,
            "officer_to": str(officer.id),
            "second_officer_from": None,
            "second_officer_to": None,
            "starts_at": visit["starts_at"],
            "reason": "Nearer",
            "warnings": [],
            "resident_was_shown": None,
            "message_id": None,
        }
        now = see(scheduler, visit)
        assert now["officer_id"] == str(officer.id) and now["starts_at"] == visit["starts_at"]
        assert queue(scheduler) == []
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(Promise)) == 1
            assert session.scalar(select(func.count()).select_from(ChangeNotice)) == 0

    def test_the_resident_who_said_yes_to_the_time_is_not_asked_again(self, scheduler, officer, resident):
        visit = factories.visit(resident, officer, WEDNESDAY_10)
        with transaction() as session:
            session.get_one(Visit, visit.id).confirmed_at = MONDAY_9
        assign(scheduler, {"id": visit.id}, factories.officer())
        assert see(scheduler, {"id": visit.id})["confirmed_at"] == "2026-11-23T09:00:00Z"

    def test_nobody_is_texted_and_a_text_that_waits_still_goes(self, scheduler, officer, resident):
        visit = book(scheduler, resident, None)
        assign(scheduler, visit, officer)
        texts = scheduler.get(path(visit, "messages")).json["items"]
        assert [(text["kind"], text["status"]) for text in texts] == [("booked", "held")]

    def test_it_is_in_the_history_with_who_and_why(self, scheduler, officer, resident):
        visit = book(scheduler, resident, officer)
        assign(scheduler, visit, None, reason="Officer ill")
        events = scheduler.get(path(visit, "history")).json["items"]
        (last,) = (event for event in events if event["kind"] == "assigned")
        assert last["reason"] == "Officer ill"
        assert (last["details"]["officer_from"], last["details"]["officer_to"]) == (str(officer.id), None)

    def test_it_can_be_put_back_in_the_queue(self, scheduler, officer, resident):
        visit = book(scheduler, resident, officer)
        assert assign(scheduler, visit, None).json["officer_to"] is None
        assert [each["id"] for each in queue(scheduler)] == [visit["id"]]
        problem(assign(scheduler, visit, None), 422, "not-valid")

    def test_an_officer_who_has_a_visit_then_is_refused(self, scheduler, officer, resident):
        book(scheduler, resident, officer, WEDNESDAY_10 + timedelta(minutes=15))
        visit = book(scheduler, resident, None)
        problem(assign(scheduler, visit, officer), 409, "diary-clash")
        assert see(scheduler, visit)["version"] == 1

    def test_an_officer_who_is_not_at_work_or_unknown_is_refused(self, scheduler, resident):
        visit = book(scheduler, resident, None)
        problem(assign(scheduler, visit, factories.officer(suspended_at=MONDAY_9)), 409, "officer-unavailable")
        problem(assign(scheduler, visit, None, officer_id=str(factories.NOBODY)), 422, "not-valid")

    def test_the_version_that_was_read_is_needed(self, scheduler, officer, resident):
        visit = book(scheduler, resident, None)
        body = {"officer_id": str(officer.id), "reason": "Nearer"}
        problem(scheduler.post(path(visit, "assignment"), body), 428, "version-required")
        problem(scheduler.post(path(visit, "assignment"), body, If_Match='"2"'), 412, "changed-meanwhile")

    def test_a_visit_may_change_hands_while_its_time_runs_and_not_after(
        self, scheduler, sign_in, officer, resident, stopped_clock
    ):
        visit = book(scheduler, resident, officer, MONDAY_9 + timedelta(hours=1))
        stopped_clock.set(MONDAY_9 + timedelta(hours=1, minutes=10))
        assert assign(sign_in("scheduler"), visit, factories.officer()).status_code == 201
        stopped_clock.set(MONDAY_9 + timedelta(hours=1, minutes=30))
        problem(assign(sign_in("scheduler"), visit, officer), 409, "visit-state")

    def test_a_visit_that_somebody_is_on_the_way_to_is_theirs(self, scheduler, phone, officer, resident):
        visit = book(scheduler, resident, officer, MONDAY_9 + timedelta(hours=1))
        assert depart(phone, visit).status_code < 300
        problem(assign(scheduler, visit, None), 409, "visit-state")

    @pytest.mark.parametrize(
        "changes", [{"officer_id": 7}, {"reason": ""}, {"reason": None}, {"starts_at": "now"}]
    )
    def test_a_body_that_cannot_be_meant_is_refused(self, scheduler, officer, resident, changes):
        visit = book(scheduler, resident, None)
        problem(assign(scheduler, visit, officer, **changes), 422, "not-valid")

    def test_a_second_officer_stays_unless_somebody_says_otherwise(self, scheduler, officer, resident):
        second, other = factories.officer(), factories.officer()
        visit = book(scheduler, resident, officer, second_officer_id=str(second.id))
        given = assign(scheduler, visit, other).json
        assert (given["officer_to"], given["second_officer_to"]) == (str(other.id), str(second.id))
        alone = assign(scheduler, visit, other, second_officer_id=None).json
        assert (alone["second_officer_from"], alone["second_officer_to"]) == (str(second.id), None)
        assert assign(scheduler, visit, officer, second_officer_id=str(other.id)).status_code == 201
        nobody = assign(scheduler, visit, None).json
        assert (nobody["officer_to"], nobody["second_officer_to"]) == (None, None)
