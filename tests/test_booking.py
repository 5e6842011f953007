"""Booking a visit: into a diary with room, at a time that can be meant, and the resident is told."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import select

from models.database import reading
from models.promise import Promise
from tests import factories
from tests.steps import MONDAY_9, WEDNESDAY_10, book, instant, path, problem, see


def messages(scheduler, visit):
    return scheduler.get(path(visit, "messages")).json["items"]


def test_a_visit_is_booked_with_its_reference_and_first_promise(scheduler, resident):
    officer = factories.officer(skills=["gas"])
    body = factories.booking(resident, officer, WEDNESDAY_10, skills=["gas", "gas"], visit_type="repair")
    made = scheduler.post("/v1/visits", body)
    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/visits/{made.json['id']}"
    assert made.headers["ETag"] == '"1"'
    visit = made.json
    assert visit.pop("warnings") == []
    assert visit["reference"].startswith("HV-") and len(visit["reference"]) == 12
    assert visit == {
        "id": visit["id"],
        "reference": visit["reference"],
        "status": "booked",
        "starts_at": "2026-11-25T10:00:00Z",
        "ends_at": "2026-11-25T10:30:00Z",
        "duration_minutes": 30,
        "officer_id": str(officer.id),
        "second_officer_id": None,
        "resident_id": str(resident.id),
        "purpose": "Repair inspection",
        "visit_type": "repair",
        "skills": ["gas"],
        "version": 1,
        "expected_at": None,
        "confirmed_at": None,
    }
    shown = scheduler.get(made.headers["Location"])
    assert shown.json == visit
    assert shown.headers["ETag"] == '"1"'
    with reading() as session:
        promise = session.scalars(select(Promise)).one()
    assert (promise.number, promise.starts_at, promise.closed_at) == (1, WEDNESDAY_10, None)


def test_the_resident_is_told_of_a_booking(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    texts = messages(scheduler, visit)
    assert [(text["kind"], text["status"]) for text in texts] == [("booked", "held")]
    assert texts[0]["send_at"] == "2026-11-23T09:00:00Z"
    assert texts[0]["expires_at"] == "2026-11-25T10:00:00Z"


def test_a_time_is_meant_with_its_offset_and_answered_in_utc(scheduler, resident):
    for written in (
        "2026-11-25T10:00:00Z",
        "2026-11-25T10:00:00+00:00",
        "2026-11-25T12:00:00+02:00",
        "2026-11-25T04:30:00.000-05:30",
        "2026-11-25T10:00Z",
        "2026-11-25 10:00:00Z",
        "2026-11-25t10:00:00z",
    ):
        body = factories.booking(resident, None, WEDNESDAY_10) | {"starts_at": written}
        assert scheduler.post("/v1/visits", body).json["starts_at"] == "2026-11-25T10:00:00Z", written


def test_a_visit_that_cannot_be_meant_is_refused_by_field(scheduler, officer, resident):
    good = factories.booking(resident, officer, WEDNESDAY_10)
    wrong = [
        ("resident_id", str(uuid4())),
        ("resident_id", None),
        ("resident_id", "1"),
        ("resident_id", 7),
        ("officer_id", str(uuid4())),
        ("officer_id", "me"),
        ("purpose", ""),
        ("purpose", "x" * 201),
        ("purpose", "two\nlines"),
        ("starts_at", "2026-11-25T10:00:00"),
        ("starts_at", "2026-11-25"),
        ("starts_at", "20261125T100000Z"),
        ("starts_at", "2026-W48-3T10:00:00Z"),
        ("starts_at", "2026-11-25T10Z"),
        ("starts_at", "2026-11-25T24:00:00Z"),
        ("starts_at", "2026-11-25T10:00:60Z"),
        ("starts_at", "2026-11-25T10:00:00+25:00"),
        ("starts_at", "2026-02-30T10:00:00Z"),
        ("starts_at", "0001-01-01T00:00:00+23:00"),
        ("starts_at", "9999-12-31T23:59:59-23:00"),
        ("starts_at", 1764064800),
        ("starts_at", None),
        ("starts_at", "２０２６-11-25T10:00:00Z"),
        ("starts_at", (MONDAY_9 + timedelta(days=730, seconds=1)).isoformat()),
        ("duration_minutes", 4),
        ("duration_minutes", 481),
        ("duration_minutes", 30.5),
        ("duration_minutes", "30"),
        ("duration_minutes", True),
        ("duration_minutes", None),
        ("duration_minutes", -30),
        ("skills", ["GAS"]),
        ("skills", [["gas"]]),
        ("reason", "x" * 501),
        ("status", "completed"),
        ("version", 1),
        ("id", str(uuid4())),
        ("", 1),
    ]
    for field, value in wrong:
        refused = problem(scheduler.post("/v1/visits", good | {field: value}), 422, "not-valid")
        assert field in refused["errors"], (field, value)
    for field in ("resident_id", "purpose", "starts_at", "duration_minutes"):
        body = {name: value for name, value in good.items() if name != field}
        assert field in problem(scheduler.post("/v1/visits", body), 422, "not-valid")["errors"]
    assert scheduler.get("/v1/visits").json["items"] == []


def test_the_shortest_and_longest_visits_and_the_farthest_ahead_are_fine(scheduler, resident):
    for minutes in (5, 480):
        assert book(scheduler, resident, None, duration_minutes=minutes)["duration_minutes"] == minutes
    book(scheduler, resident, None, MONDAY_9 + timedelta(days=730))


def test_an_officer_is_never_in_two_places(scheduler, officer, resident):
    """Every way two times can share an instant, and those that only touch."""
    book(scheduler, resident, officer, WEDNESDAY_10, duration_minutes=60)
    clashes = [(0, 60), (0, 30), (30, 30), (15, 30), (-30, 31), (-30, 120), (59, 60), (-420, 480), (-5, 480)]
    for minutes, length in clashes:
        body = factories.booking(resident, officer, WEDNESDAY_10 + timedelta(minutes=minutes))
        refused = problem(scheduler.post("/v1/visits", body | {"duration_minutes": length}), 409, "diary-clash")
        assert refused["officer_id"] == str(officer.id), (minutes, length)
    for minutes, length in ((-30, 30), (60, 30), (-510, 480), (90, 480)):
        book(scheduler, resident, officer, WEDNESDAY_10 + timedelta(minutes=minutes), duration_minutes=length)
    book(scheduler, resident, factories.officer(), WEDNESDAY_10)
    book(scheduler, resident, None, WEDNESDAY_10)
    book(scheduler, resident, None, WEDNESDAY_10)


def test_a_refused_booking_leaves_nothing_behind(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    other = factories.resident()
    problem(scheduler.post("/v1/visits", factories.booking(other, officer, WEDNESDAY_10)), 409, "diary-clash")
    assert [row["id"] for row in scheduler.get("/v1/visits").json["items"]] == [visit["id"]]
    with reading() as session:
        assert len(session.scalars(select(Promise)).all()) == 1


def test_a_second_of_overlap_is_an_overlap(scheduler, officer, resident):
    book(scheduler, resident, officer, WEDNESDAY_10)
    almost = WEDNESDAY_10 + timedelta(minutes=29, seconds=59, microseconds=999_999)
    problem(scheduler.post("/v1/visits", factories.booking(resident, officer, almost)), 409, "diary-clash")
    book(scheduler, resident, officer, WEDNESDAY_10 + timedelta(minutes=30))


def test_midnight_and_the_hours_of_a_clock_change_are_times_like_any_other(scheduler, officer, resident):
    """On 28 March 2027 London's 01:00 is 02:00; on 31 October the hour from 01:00 comes twice."""
    book(scheduler, resident, officer, instant("2026-11-25T23:45:00Z"), duration_minutes=30)
    midnight = factories.booking(resident, officer, instant("2026-11-26T00:00:00Z"))
    problem(scheduler.post("/v1/visits", midnight), 409, "diary-clash")
    book(scheduler, resident, officer, instant("2026-11-26T00:15:00Z"))
    spring = "2027-03-28T00:45:00+00:00", "2027-03-28T02:15:00+01:00"
    autumn = "2027-10-31T01:15:00+01:00", "2027-10-31T01:15:00+00:00", "2027-10-31T01:45:00+01:00"
    for written in (*spring, *autumn):
        body = factories.booking(resident, officer, WEDNESDAY_10) | {"starts_at": written}
        made = scheduler.post("/v1/visits", body)
        assert made.status_code == 201, (written, made.json)
        length = instant(made.json["ends_at"]) - instant(made.json["starts_at"])
        assert length == timedelta(minutes=30), "half an hour is half an hour when the clocks change"
    same = factories.booking(resident, officer, WEDNESDAY_10) | {"starts_at": "2027-10-31T02:15:00+01:00"}
    problem(scheduler.post("/v1/visits", same), 409, "diary-clash")


def test_a_visit_is_entered_afterwards_with_a_reason_and_nobody_is_texted(scheduler, officer, resident):
    past = MONDAY_9 - timedelta(hours=2)
    body = factories.booking(resident, officer, past)
    refused = problem(scheduler.post("/v1/visits", body), 422, "not-valid")
    assert "reason" in refused["errors"]
    problem(scheduler.post("/v1/visits", body | {"reason": "  "}), 422, "not-valid")
    visit = scheduler.post("/v1/visits", body | {"reason": "The system was down"}).json
    assert visit["status"] == "booked"
    assert messages(scheduler, visit) == []
    history = scheduler.get(path(visit, "history")).json["items"]
    assert [(line["kind"], line["reason"]) for line in history] == [("booked", "The system was down")]
    for too_old in (MONDAY_9 - timedelta(days=366, seconds=1), datetime(1, 1, 1, tzinfo=UTC)):
        body = factories.booking(resident, officer, too_old) | {"reason": "Found a note"}
        assert "starts_at" in problem(scheduler.post("/v1/visits", body), 422, "not-valid")["errors"]


def test_a_visit_may_start_this_very_moment(scheduler, officer, resident):
    visit = book(scheduler, resident, officer, MONDAY_9)
    assert messages(scheduler, visit) == []


def test_a_resident_whom_nothing_of_ours_reaches_is_to_be_rung(scheduler, officer):
    for number, changes in enumerate(({"contact_by": "call"}, {"phone": None})):
        person = factories.resident(**changes)
        visit = book(scheduler, person, officer, WEDNESDAY_10 + timedelta(hours=number))
        assert messages(scheduler, visit) == []
        tasks = scheduler.get("/v1/contact-tasks").json["items"]
        assert [task["reason"] for task in tasks if task["resident_id"] == str(person.id)] == [
            "prefers_call" if "contact_by" in changes else "no_mobile_number"
        ]


def test_a_visit_is_shown_again_only_if_it_has_changed(scheduler, officer, resident, phone):
    visit = book(scheduler, resident, officer)
    for client in (scheduler, phone):
        for tag in ('"1"', 'W/"1"', '"0", "1"', "*"):
            same = client.get(path(visit), If_None_Match=tag)
            assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", '"1"'), tag
        for tag in ('"2"', "1x", ""):
            assert client.get(path(visit), If_None_Match=tag).status_code == 200
    head = scheduler.call("HEAD", path(visit))
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", '"1"')


def test_an_unknown_visit_is_not_found_on_any_of_its_addresses(scheduler, phone):
    nowhere = {"id": str(uuid4())}
    for step in ("", "history", "messages"):
        for client in (scheduler, phone):
            problem(client.get(path(nowhere, step)), 404, "not-found")
    body = {"reason": "x", "requested_by": "council"}
    problem(scheduler.post(path(nowhere, "cancellation"), body, If_Match='"1"'), 404, "not-found")
    later = WEDNESDAY_10.isoformat()
    problem(scheduler.post(path(nowhere, "moves"), body | {"starts_at": later}, If_Match='"1"'), 404, "not-found")
    mine = {"client_id": factories.client_id()}
    for step, more in (
        ("departure", {}),
        ("delays", {"expected_at": later}),
        ("arrivals", {"arrived_at": later}),
        ("outcome", {"outcome": "completed", "finished_at": later}),
    ):
        problem(phone.post(path(nowhere, step), mine | more), 404, "not-found")
    problem(scheduler.get("/v1/visits/HV-1234-5678"), 404)
    assert see(scheduler, book(scheduler, factories.resident(), None))["version"] == 1


def test_whatever_is_wrong_the_answer_is_a_problem_document(scheduler, stranger, admin):
    """Unknown addresses, methods that are none, bodies of the wrong kind: each its status, none of them a page."""
    token = {"Authorization": f"Bearer {scheduler.token}"}

    def send(method, address, **request):
        return scheduler.client.open(address, method=method, headers=token, **request)

    json_of = {"content_type": "application/json"}
    answers = [
        (send("GET", "/v1/nowhere"), 404),
        (send("GET", "/nowhere"), 404),
        (send("GET", "/v1/visits/"), 404),
        (send("GET", "/v1//visits"), 404),
        (send("GET", "/v1/visits/%ff"), 404),
        (send("PUT", "/v1/visits"), 405),
        (send("DELETE", f"/v1/visits/{uuid4()}"), 405),
        (send("OPTIONS", "/v1/visits"), 405),
        (send("TRACE", "/v1/visits"), 405),
        (send("BREW", "/v1/visits"), 405),
        (send("POST", "/v1/visits", data="{}", content_type="text/plain"), 415),
        (send("POST", "/v1/visits", data="{}"), 415),
        (send("POST", "/v1/visits", data="a=b", content_type="application/x-www-form-urlencoded"), 415),
        (send("POST", "/v1/visits", data="", **json_of), 400),
        (send("POST", "/v1/visits", data="{", **json_of), 400),
        (send("POST", "/v1/visits", data="{'a': 1}", **json_of), 400),
        (send("POST", "/v1/visits", data=b'{"purpose": "\xff"}', **json_of), 400),
        (send("POST", "/v1/visits", data='{"purpose": "\\ud800"}', **json_of), 400),
        (send("POST", "/v1/visits", data='{"duration_minutes": NaN}', **json_of), 400),
        (send("POST", "/v1/visits", data='{"a":' * 5000, **json_of), 400),
        (send("POST", "/v1/visits", data='{"a":' * 100 + "1" + "}" * 100, **json_of), 400),
        (send("POST", "/v1/visits", data=b" " * 65_537, **json_of), 413),
        *(
            (send("POST", "/v1/visits", data=body, **json_of), 422)
            for body in ("[]", "null", "1", '"x"', "[[]]", "{}")
        ),
    ]
    for answer, status in answers:
        problem(answer, status)
    assert set(answers[5][0].headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    big = send("POST", "/v1/visits", data='{"duration_minutes": ' + "9" * 5000 + "}", **json_of)
    assert big.status_code in (400, 422)
