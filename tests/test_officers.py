"""Officers: employees and contractors, suspended and back."""

from datetime import timedelta
from uuid import uuid4

from models import clock
from models.database import transaction
from models.officer import Officer
from tests import factories
from tests.steps import WEDNESDAY_10, book, problem

EMPLOYEE = {
    "staff_number": "H1001",
    "display_name": "Amina Yusuf",
    "job_title": "Housing officer",
    "employment": "employee",
}
CONTRACTOR = EMPLOYEE | {
    "staff_number": "C2002",
    "employment": "contractor",
    "company": "Northwick Heating Ltd",
    "contract_ends_on": "2026-11-25",
}


def test_an_employee_is_added_and_found(admin, scheduler):
    for client, number in ((admin, "H1"), (scheduler, "H2")):
        body = EMPLOYEE | {
            "staff_number": number,
            "phone": "07700 900456",
            "skills": ["gas", "sign-language", "gas"],
        }
        made = client.post("/v1/officers", body)
        assert made.status_code == 201, made.json
        assert made.headers["Location"] == f"/v1/officers/{made.json['id']}"
        assert client.get(made.headers["Location"]).json == made.json
        assert made.json["phone"] == "+447700900456"
        assert made.json["skills"] == ["gas", "sign-language"]
        assert (made.json["company"], made.json["contract_ends_on"]) == (None, None)
        assert (made.json["active"], made.json["suspended_at"], made.json["has_photo"]) == (True, None, False)


def test_a_contractor_needs_a_company_and_the_end_of_the_contract(scheduler):
    assert scheduler.post("/v1/officers", CONTRACTOR).status_code == 201
    for missing in ("company", "contract_ends_on"):
        body = {name: value for name, value in CONTRACTOR.items() if name != missing}
        assert missing in problem(scheduler.post("/v1/officers", body), 422, "not-valid")["errors"]
        body[missing] = None
        assert missing in problem(scheduler.post("/v1/officers", body), 422, "not-valid")["errors"]


def test_an_employee_keeps_no_company(scheduler):
    made = scheduler.post("/v1/officers", EMPLOYEE | {"company": "Old Ltd", "contract_ends_on": "2026-01-01"})
    assert (made.json["company"], made.json["contract_ends_on"]) == (None, None)


def test_a_contractor_becomes_an_employee_and_an_employee_a_contractor(scheduler):
    path = scheduler.post("/v1/officers", CONTRACTOR).headers["Location"]
    changed = scheduler.patch(path, {"employment": "employee"})
    assert (changed.status_code, changed.json["company"], changed.json["contract_ends_on"]) == (200, None, None)
    problem(scheduler.patch(path, {"employment": "contractor"}), 422, "not-valid")
    assert scheduler.get(path).json["employment"] == "employee", "a refused change changes nothing"
    back = {"employment": "contractor", "company": "New Ltd", "contract_ends_on": "2027-03-31"}
    assert scheduler.patch(path, back).json["contract_ends_on"] == "2027-03-31"


def test_what_an_officer_cannot_be_is_refused_by_field(scheduler):
    wrong = [
        ("staff_number", ""),
        ("staff_number", "x" * 41),
        ("display_name", None),
        ("display_name", "Amina\u202eYusuf"),
        ("display_name", "Amina\x00"),
        ("job_title", 7),
        ("employment", "agency"),
        ("employment", {"value": "employee"}),
        ("phone", "12345"),
        ("phone", "0900 123 4567"),
        ("skills", "gas"),
        ("skills", ["Gas Safe"]),
        ("skills", [None]),
        ("skills", ["a" + str(number) for number in range(21)]),
        ("contract_ends_on", "31/12/2026"),
        ("contract_ends_on", "2026-02-30"),
        ("suspended_at", "2026-11-23T09:00:00Z"),
    ]
    for field, value in wrong:
        refused = problem(scheduler.post("/v1/officers", EMPLOYEE | {field: value}), 422, "not-valid")
        assert field in refused["errors"], (field, value)
    assert scheduler.get("/v1/officers").json["items"] == []


def test_two_officers_never_share_a_staff_number(scheduler):
    assert scheduler.post("/v1/officers", EMPLOYEE).status_code == 201
    problem(scheduler.post("/v1/officers", EMPLOYEE), 409, "already-taken")


def test_names_are_kept_in_one_spelling_of_unicode(scheduler):
    made = scheduler.post("/v1/officers", EMPLOYEE | {"display_name": "  Zoe\u0301  Ng "})
    assert made.json["display_name"] == "Zoé  Ng"


def test_an_unknown_officer_is_not_found(admin):
    path = f"/v1/officers/{uuid4()}"
    problem(admin.get(path), 404, "not-found")
    problem(admin.patch(path, {"job_title": "x"}), 404, "not-found")
    problem(admin.post(f"{path}/suspension", {"reason": "x"}), 404, "not-found")
    problem(admin.delete(f"{path}/suspension"), 404, "not-found")
    problem(admin.get("/v1/officers/not-a-uuid"), 404)


def test_nobody_is_booked_after_the_last_day_of_the_contract_in_london(scheduler, resident):
    """The contract ends with the day in London: 25 November's last visit is fine, the next day's first is not."""
    contractor = scheduler.post("/v1/officers", CONTRACTOR).json
    last = WEDNESDAY_10.replace(hour=23, minute=30)
    body = factories.booking(resident, None, last, officer_id=contractor["id"])
    assert scheduler.post("/v1/visits", body).status_code == 201
    body["starts_at"] = (last + timedelta(minutes=30)).isoformat()
    refused = problem(scheduler.post("/v1/visits", body), 409, "officer-unavailable")
    assert "25 November 2026" in refused["detail"]


def test_a_suspended_officer_is_booked_for_nothing_until_back(admin, scheduler, officer, resident, stopped_clock):
    path = f"/v1/officers/{officer.id}/suspension"
    suspended = admin.post(path, {"reason": "Under investigation"})
    assert (suspended.status_code, suspended.json["suspended_at"]) == (201, "2026-11-23T09:00:00Z")
    body = factories.booking(resident, officer, WEDNESDAY_10)
    problem(scheduler.post("/v1/visits", body), 409, "officer-unavailable")
    stopped_clock.advance(600)
    again = admin.post(path, {"reason": "Still"})
    assert again.json["suspended_at"] == "2026-11-23T09:00:00Z", "the first moment stays"
    assert admin.delete(path).status_code == 204
    assert admin.get(f"/v1/officers/{officer.id}").json["suspended_at"] is None
    assert scheduler.post("/v1/visits", body).status_code == 201


def test_the_reason_of_a_suspension_is_told_to_nobody(admin, scheduler, officer):
    reason = "Something private"
    answer = admin.post(f"/v1/officers/{officer.id}/suspension", {"reason": reason})
    assert reason not in answer.get_data(as_text=True)
    assert reason not in scheduler.get("/v1/officers").get_data(as_text=True)


def test_an_officer_who_left_is_booked_for_nothing(scheduler, officer, resident):
    assert scheduler.patch(f"/v1/officers/{officer.id}", {"active": False}).json["active"] is False
    body = factories.booking(resident, officer, WEDNESDAY_10)
    problem(scheduler.post("/v1/visits", body), 409, "officer-unavailable")


def test_a_visit_cannot_be_moved_to_somebody_who_is_not_working(scheduler, officer, resident):
    visit = book(scheduler, resident, None)
    with transaction() as session:
        found = session.get(Officer, officer.id)
        assert found is not None
        found.suspended_at = clock.now()
    body = {
        "starts_at": WEDNESDAY_10.isoformat(),
        "officer_id": str(officer.id),
        "reason": "Nearer",
        "requested_by": "council",
    }
    refused = scheduler.post(f"/v1/visits/{visit['id']}/moves", body, If_Match='"1"')
    problem(refused, 409, "officer-unavailable")
