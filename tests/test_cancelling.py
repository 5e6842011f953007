"""Cancelling a visit: once, with a reason, and the resident is told or rung."""

from datetime import timedelta

from tests import factories
from tests.steps import MONDAY_9, WEDNESDAY_10, arrive, book, cancel, delay, depart, finish, path, problem, see

BODY = {"reason": "Boiler already mended", "requested_by": "council"}


def test_a_cancellation_says_what_notice_it_leaves(scheduler, officer, resident, stopped_clock):
    stopped_clock.advance(-20)
    visit = book(scheduler, resident, officer)
    stopped_clock.advance(20)
    cancelled = scheduler.post(path(visit, "cancellation"), BODY, If_Match='"1"')
    assert (cancelled.status_code, cancelled.headers["ETag"]) == (201, '"2"')
    assert cancelled.json == {
        "cancelled_at": "2026-11-23T09:00:00Z",
        **BODY,
        "notice": {
            "reference_at": "2026-11-25T10:00:00Z",
            "deadline": "2026-11-24T10:00:00Z",
            "possible": True,
            "lead_seconds": 176400.0,
            "send_at": "2026-11-23T09:02:00Z",
        },
        "message_id": cancelled.json["message_id"],
    }
    assert see(scheduler, visit)["status"] == "cancelled"
    listed = scheduler.get(path(visit, "messages")).json["items"]
    assert [(text["kind"], text["status"]) for text in listed] == [("booked", "superseded"), ("cancelled", "held")]
    assert listed[1]["id"] == cancelled.json["message_id"]


def test_a_cancellation_needs_the_version_that_was_read(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    problem(scheduler.post(path(visit, "cancellation"), BODY), 428, "version-required")
    problem(scheduler.post(path(visit, "cancellation"), BODY, If_Match='"7"'), 412, "changed-meanwhile")
    assert see(scheduler, visit)["status"] == "booked"
    assert scheduler.post(path(visit, "cancellation"), BODY, If_Match='"1"').status_code == 201


def test_a_visit_is_cancelled_once(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    assert cancel(scheduler, visit).status_code == 201
    problem(cancel(scheduler, visit), 409, "visit-state")


def test_a_visit_whose_officer_set_out_can_be_cancelled_and_one_at_the_door_cannot(
    scheduler, phone, officer, resident
):
    under_way = book(scheduler, resident, officer, MONDAY_9 + timedelta(hours=1))
    assert depart(phone, under_way).status_code == 201
    assert cancel(scheduler, under_way).status_code == 201
    for step in (depart(phone, under_way), arrive(phone, under_way, MONDAY_9)):
        problem(step, 409, "visit-state")
    problem(delay(phone, under_way, MONDAY_9 + timedelta(hours=2)), 409, "visit-state")
    problem(finish(phone, under_way, MONDAY_9), 409, "visit-state")
    at_the_door = book(scheduler, resident, officer, MONDAY_9 + timedelta(hours=1))
    assert arrive(phone, at_the_door, MONDAY_9).status_code == 201
    problem(cancel(scheduler, at_the_door), 409, "visit-state")


def test_a_cancellation_after_the_told_start_is_told_by_a_person(scheduler, officer, resident, stopped_clock):
    visit = book(scheduler, resident, officer, MONDAY_9 + timedelta(minutes=5))
    stopped_clock.advance(300)
    cancelled = cancel(scheduler, visit).json
    assert (cancelled["message_id"], cancelled["notice"]["send_at"]) == (None, None)
    assert (cancelled["notice"]["possible"], cancelled["notice"]["lead_seconds"]) == (False, 0)
    tasks = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    assert [(task["reason"], task["detail"]) for task in tasks] == [("time_had_passed", "cancelled")]


def test_a_resident_who_wants_a_call_gets_no_text(scheduler, officer):
    person = factories.resident(contact_by="call")
    visit = {"id": str(factories.visit(person, officer, WEDNESDAY_10).id)}
    cancelled = cancel(scheduler, visit).json
    assert (cancelled["message_id"], cancelled["notice"]["possible"]) == (None, True)
    tasks = scheduler.get("/v1/contact-tasks").json["items"]
    assert [(task["reason"], task["resident_id"]) for task in tasks] == [("prefers_call", str(person.id))]
    assert tasks[0]["due_at"] == "2026-11-23T09:30:00Z"


def test_what_a_cancellation_cannot_be_is_refused_by_field(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    for field, value in (("reason", " "), ("requested_by", "officer"), ("requested_by", None), ("starts_at", "x")):
        refused = scheduler.post(path(visit, "cancellation"), BODY | {field: value}, If_Match='"1"')
        assert field in problem(refused, 422, "not-valid")["errors"]
