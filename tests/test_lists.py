"""Lists: read page by page, every row is there once, and a page asked for wrongly says what is wrong."""

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import transaction
from models.visit import VisitStatus
from tests import factories
from tests.steps import MONDAY_9, WEDNESDAY_10, book, cancel, problem


def pages(client: Any, path: str, limit: int) -> list[Any]:
    """Every row of a list, read in pages of so many."""
    rows: list[Any] = []
    cursor = ""
    for _ in range(100):
        answer = client.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert set(answer.json) == {"items", "next_cursor"}
        assert len(answer.json["items"]) <= limit
        rows += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return rows
        assert len(answer.json["items"]) == limit, "only the last page may be short"
        cursor = "&cursor=" + answer.json["next_cursor"]
    raise AssertionError("the list never ends")


def test_visits_at_the_same_time_are_listed_once_each_in_pages_of_any_size(scheduler, resident):
    """Thirteen visits, ten of them at one time: the start alone is no place in the list."""
    times = [WEDNESDAY_10] * 10 + [WEDNESDAY_10 - timedelta(hours=1)] + [WEDNESDAY_10 + timedelta(hours=1)] * 2
    made = {str(factories.visit(resident, None, start).id) for start in times}
    for limit in (1, 3, 5, 13, 14, 200):
        rows = pages(scheduler, "/v1/visits", limit)
        assert len(rows) == 13
        assert {row["id"] for row in rows} == made
        assert [row["starts_at"] for row in rows] == sorted(row["starts_at"] for row in rows)


def test_residents_of_one_name_are_listed_once_each(scheduler, app):
    made = {str(factories.resident(name=name).id) for name in ["Asha"] * 5 + ["Ben", "Äsha", "asha", "Zoë", "李"]}
    for limit in (1, 2, 4, 10):
        rows = pages(scheduler, "/v1/residents", limit)
        assert len(rows) == 10
        assert {row["id"] for row in rows} == made


def test_officers_accounts_and_tasks_are_listed_once_each(scheduler, admin, resident):
    officers = {str(factories.officer().id) for _ in range(7)}
    assert {row["id"] for row in pages(scheduler, "/v1/officers", 3)} == officers
    for number in range(4):
        body = {"username": f"name {number}", "password": "x" * 12, "role": "admin"}
        assert admin.post("/v1/users", body).status_code == 201
    names = [row["username"] for row in pages(admin, "/v1/users", 2)]
    assert len(names) == len(set(names)) == 6
    visit = factories.visit(resident, None, WEDNESDAY_10)
    with transaction() as session:
        for number in range(5):
            session.add(
                ContactTask(
                    id=uuid4(),
                    visit_id=visit.id,
                    resident_id=resident.id,
                    reason=ContactReason.PREFERS_CALL,
                    detail="moved",
                    due_at=MONDAY_9 + timedelta(hours=number // 2),
                    status=ContactTaskStatus.DONE if number == 4 else ContactTaskStatus.OPEN,
                    created_at=MONDAY_9,
                )
            )
    tasks = pages(scheduler, "/v1/contact-tasks", 2)
    assert len({task["id"] for task in tasks}) == 5
    assert [task["due_at"] for task in tasks] == sorted(task["due_at"] for task in tasks)
    assert len(pages(scheduler, "/v1/contact-tasks?status=open", 3)) == 4
    assert len(pages(scheduler, "/v1/contact-tasks?due_before=2026-11-23T10:00:00Z", 1)) == 2


def test_a_visit_booked_between_two_pages_upsets_neither(scheduler, resident):
    for hours in range(4):
        factories.visit(resident, None, WEDNESDAY_10 + timedelta(hours=hours))
    first = scheduler.get("/v1/visits?limit=2").json
    factories.visit(resident, None, WEDNESDAY_10 - timedelta(hours=1))
    factories.visit(resident, None, WEDNESDAY_10 + timedelta(hours=9))
    rest = scheduler.get(f"/v1/visits?limit=200&cursor={first['next_cursor']}").json["items"]
    assert [row["starts_at"][11:13] for row in rest] == ["12", "13", "19"]


def test_visits_are_found_by_time_officer_resident_and_status(scheduler, officer, resident):
    other = factories.resident()
    mine = book(scheduler, resident, officer)
    theirs = book(scheduler, other, None, WEDNESDAY_10 + timedelta(hours=1))
    gone = book(scheduler, other, officer, WEDNESDAY_10 + timedelta(hours=2))
    assert cancel(scheduler, gone).status_code == 201
    found = {
        "": [mine, theirs, gone],
        f"officer_id={officer.id}": [mine, gone],
        f"resident_id={other.id}": [theirs, gone],
        "status=cancelled": [gone],
        "status=booked": [mine, theirs],
        f"status=booked&officer_id={officer.id}": [mine],
        "from=2026-11-25T10:00:00Z&to=2026-11-25T11:00:00Z": [mine],
        "from=2026-11-25T10:00:00.000001Z": [theirs, gone],
        "from=2026-11-25T11:00:00%2B01:00&to=2026-11-25T13:00:00%2B01:00": [mine, theirs],
        "to=2026-11-25T10:00:00Z": [],
        f"officer_id={uuid4()}": [],
        f"resident_id={other.id}&officer_id={officer.id}&status=cancelled&from=2026-11-25T12:00:00Z": [gone],
    }
    for query, visits in found.items():
        rows = scheduler.get(f"/v1/visits?{query}").json["items"]
        assert [row["id"] for row in rows] == [visit["id"] for visit in visits], query
    assert all(scheduler.get(f"/v1/visits?status={status}").status_code == 200 for status in VisitStatus)


def test_a_page_holds_fifty_unless_asked_and_two_hundred_at_most(scheduler, app):
    for number in range(51):
        factories.resident(name=f"{number:03}")
    first = scheduler.get("/v1/residents").json
    assert len(first["items"]) == 50 and first["next_cursor"]
    assert len(scheduler.get("/v1/residents?limit=200").json["items"]) == 51


def test_a_list_asked_for_wrongly_says_which_word_is_wrong(scheduler):
    wrong = {
        "limit": ["0", "-1", "201", "abc", "", "1.5", "1e2", "5_0", "%205", "%2B5", "٣", "9" * 13, "9" * 5000],
        "cursor": ["", "x", "%00", "é", "😀", "W10", "e30", "bnVsbA", "WzEsMl0", "A" * 401],
        "from": ["yesterday", "2026-11-25", "2026-11-25T10:00:00", "2026-11-25T10:00:00+01:00", "1764064800", ""],
        "to": [
            "9999-12-31T23:59:59-23:00",
            "0001-01-01T00:00:00%2B23:00",
            "2026-W48-3T10:00:00Z",
            "2026-11-25T24:00Z",
        ],
        "officer_id": ["1", "me", "", "%00"],
        "resident_id": ["NULL", "'--"],
        "status": ["Booked", "BOOKED", "moved", "", "%00", "booked,cancelled"],
        "order": ["desc"],
        "LIMIT": ["1"],
    }
    for name, values in wrong.items():
        for value in values:
            refused = problem(scheduler.get(f"/v1/visits?{name}={value}"), 422, "not-valid")
            assert name in refused["errors"], (name, value)
    twice = problem(scheduler.get("/v1/visits?limit=1&limit=2"), 422, "not-valid")
    assert "limit" in twice["errors"]
    backwards = scheduler.get("/v1/visits?from=2026-11-25T10:00:00Z&to=2026-11-25T10:00:00Z")
    assert "to" in problem(backwards, 422, "not-valid")["errors"]


def test_a_cursor_we_did_not_make_is_refused(scheduler, resident):
    for _ in range(3):
        factories.visit(resident, None, WEDNESDAY_10)
    good = scheduler.get("/v1/visits?limit=1").json["next_cursor"]
    start, place = orjson.loads(base64.urlsafe_b64decode(good + "=="))

    def made_of(value: Any) -> str:
        raw = value if isinstance(value, bytes) else orjson.dumps(value)
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    assert made_of([start, place]) == good
    tampered = [
        good[:-1],
        good[1:],
        good + "A",
        good + "=",
        good[:8] + "!" + good[8:],
        good[:8] + "%0a" + good[8:],
        "%20" + good,
        made_of(f'["{start}", "{place}"]'.encode()),
        made_of([start]),
        made_of([start, place, place]),
        made_of([place, start]),
        made_of([start, None]),
        made_of([start, 7]),
        made_of([start, {"id": place}]),
        made_of([start, [place]]),
        made_of([start, "'; DROP TABLE visits; --"]),
        made_of([start.rstrip("Z"), place]),
        made_of(["2026-11-25", place]),
        made_of(["0001-01-01T00:00:00+23:59", place]),
        made_of(["9999-12-31T23:59:59-23:59", place]),
        made_of(["\0", place]),
        made_of({"starts_at": start, "id": place}),
        made_of(start),
        made_of(b"\xff\xfe"),
        made_of(b"[" * 300),
    ]
    for cursor in tampered:
        refused = problem(scheduler.get(f"/v1/visits?cursor={cursor}"), 422, "not-valid")
        assert "cursor" in refused["errors"], cursor
    of_residents = made_of(["Asha", place])
    problem(scheduler.get(f"/v1/visits?cursor={of_residents}"), 422, "not-valid")
    problem(scheduler.get(f"/v1/residents?cursor={made_of([chr(0), place])}"), 422, "not-valid")
    assert scheduler.get(f"/v1/residents?cursor={of_residents}").status_code == 200


def test_an_officers_day_begins_and_ends_at_midnight_in_london(scheduler, phone, officer, resident):
    """On 28 March and 31 October 2027 the clocks change, and the day has 23 or 25 hours."""
    edges = {
        "2026-11-25": ["2026-11-25T00:00:00Z", "2026-11-25T23:30:00Z"],
        "2027-03-28": ["2027-03-28T00:00:00Z", "2027-03-28T22:30:00Z"],
        "2027-10-31": ["2027-10-30T23:00:00Z", "2027-10-31T23:30:00Z"],
    }
    for times in edges.values():
        for time in times:
            book(scheduler, resident, officer, datetime.fromisoformat(time))
    for outside in ("2027-03-28T23:00:00Z", "2027-10-30T22:30:00Z", "2026-11-26T00:00:00Z"):
        book(scheduler, resident, officer, datetime.fromisoformat(outside))
    for day, times in edges.items():
        listed = phone.get(f"/v1/me/visits?date={day}").json["items"]
        assert [visit["starts_at"] for visit in listed] == times, day


def test_an_officers_day_is_today_and_says_whom_they_visit(scheduler, phone, officer, resident, stopped_clock):
    visit = book(scheduler, resident, officer, MONDAY_9 + timedelta(hours=1))
    listed = phone.get("/v1/me/visits").json
    assert listed["next_cursor"] is None
    assert [row["id"] for row in listed["items"]] == [visit["id"]]
    assert listed["items"][0]["resident"]["name"] == "Asha Adeyemi"
    assert listed["items"][0]["resident"]["phone"] == "+447700900123"
    assert listed["items"][0]["resident"]["address"]["postcode"] == "HA1 2RJ"
    for day in ("9999-12-31", "tomorrow", "2026-02-30", "2026-11-25T10:00:00Z", ""):
        assert "date" in problem(phone.get(f"/v1/me/visits?date={day}"), 422, "not-valid")["errors"], day
    assert phone.get("/v1/me/visits?date=0001-01-01").json["items"] == []


def test_the_calls_to_make_are_closed_with_who_and_when(scheduler, resident, stopped_clock):
    factories.resident()
    caller = factories.resident(contact_by="call")
    visit = book(scheduler, caller, None)
    task = scheduler.get("/v1/contact-tasks?status=open").json["items"][0]
    assert (task["visit_id"], task["reason"], task["status"]) == (visit["id"], "prefers_call", "open")
    done = scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": "done", "note": "Told her son."})
    assert (done.json["status"], done.json["note"]) == ("done", "Told her son.")
    assert done.json["done_at"] == "2026-11-23T09:00:00Z"
    again = scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": "open"})
    assert again.json["done_at"] is None
    problem(scheduler.patch(f"/v1/contact-tasks/{uuid4()}", {"status": "done"}), 404, "not-found")
    problem(scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": "rung"}), 422, "not-valid")
