"""Reports: the two standards as figures, counted from the ledger, with what is left out said openly."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from models.clock import LONDON
from models.contact_task import ContactTask, ContactTaskStatus
from models.database import transaction
from models.message import Message, MessageStatus
from models.promise import settle
from models.visit import Visit, VisitStatus
from tests import factories
from tests.steps import MONDAY_9, WEDNESDAY_10, cancel, move, problem

PUNCTUALITY, NOTICE = "/v1/reports/punctuality", "/v1/reports/notice"
NOVEMBER = "from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z"


def happened(
    resident: Any,
    officer: Any,
    promised_at: datetime,
    minutes: float | None = None,
    status: VisitStatus = VisitStatus.COMPLETED,
    **changes: Any,
) -> UUID:
    """A visit promised for then, whose officer came so many minutes after it (or nobody knows when); its id."""
    booked_at = promised_at - timedelta(days=3)
    made = factories.visit(resident, officer, promised_at, at=booked_at, minutes=5, **changes)
    arrived_at = None if minutes is None else promised_at + timedelta(minutes=minutes)
    with transaction() as session:
        session.execute(
            update(Visit)
            .where(Visit.id == made.id)
            .values(
                status=status,
                arrived_at=arrived_at,
                arrival_promised_at=promised_at if arrived_at else None,
                arrival_recorded_at=arrived_at,
                arrival_flags=[] if arrived_at else None,
            )
        )
    return made.id


def report(client: Any, path: str, query: str = NOVEMBER) -> Any:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json


def one_group(client: Any, path: str, query: str = NOVEMBER) -> Any:
    (group,) = report(client, path, query)["groups"]
    return group


def test_punctuality_counts_who_came_when_and_who_did_not(scheduler, admin, officer, resident):
    """Two on time, one early, two late, two missed; four left out, each by its reason."""
    morning = MONDAY_9 - timedelta(days=3)
    came = [
        (0, VisitStatus.COMPLETED),
        (15, VisitStatus.ARRIVED),
        (-15.1, VisitStatus.COMPLETED),
        (15.1, VisitStatus.COMPLETED),
        (90, VisitStatus.COMPLETED),
        (20, VisitStatus.NO_ACCESS),
        (None, VisitStatus.BOOKED),
        (None, VisitStatus.CANCELLED),
        (None, VisitStatus.COMPLETED),
        (None, VisitStatus.NO_ACCESS),
    ]
    for number, (minutes, status) in enumerate(came):
        happened(resident, officer, morning + timedelta(minutes=20 * number), minutes, status)
    happened(resident, officer, WEDNESDAY_10, None, VisitStatus.BOOKED)
    happened(resident, officer, morning - timedelta(days=60), 0)
    expected: dict[str, Any] = {
        "group": "all",
        "counted": 7,
        "on_time": 2,
        "early": 1,
        "late": 2,
        "missed": 2,
        "on_time_share": 2 / 7,
        "seconds": {"median": 900.0, "p90": 5400.0, "median_absolute": 906.0, "p90_absolute": 5400.0},
        "excluded": {"cancelled": 1, "no_arrival_recorded": 2, "not_yet_due": 1},
        "corrected": 0,
        "late_told": {"late": 2, "told": 0, "unconfirmed": 0, "told_share": 0.0},
    }
    expected["original"] = {
        name: value for name, value in expected.items() if name not in ("group", "corrected", "late_told")
    }
    for client in (scheduler, admin):
        assert one_group(client, PUNCTUALITY) == expected


def test_a_visit_is_missed_an_hour_after_its_promise_and_not_before(sign_in, officer, resident, stopped_clock):
    happened(resident, officer, MONDAY_9, None, VisitStatus.EN_ROUTE)
    for seconds, missed in ((3599, 0), (3600, 1)):
        stopped_clock.set(MONDAY_9 + timedelta(seconds=seconds))
        assert one_group(sign_in("scheduler"), PUNCTUALITY)["missed"] == missed


def test_no_access_in_the_window_is_attended(scheduler, officer, resident):
    happened(resident, officer, MONDAY_9 - timedelta(days=1), 14, VisitStatus.NO_ACCESS)
    happened(resident, officer, MONDAY_9 - timedelta(days=2), -16, VisitStatus.NO_ACCESS)
    figures = one_group(scheduler, PUNCTUALITY)
    assert (figures["on_time"], figures["early"], figures["missed"]) == (1, 0, 1)


def test_a_visit_that_was_moved_is_judged_by_the_fair_and_by_the_first_promise(scheduler, officer, resident):
    promised = MONDAY_9 - timedelta(days=1)
    happened(resident, officer, promised, 60)
    with transaction() as session:
        session.execute(update(Visit).values(arrival_promised_at=promised + timedelta(hours=1)))
    figures = one_group(scheduler, PUNCTUALITY)
    assert (figures["on_time"], figures["late"]) == (1, 0)
    assert (figures["original"]["on_time"], figures["original"]["late"]) == (0, 1)


def test_no_visits_are_not_a_perfect_record(scheduler):
    assert report(scheduler, PUNCTUALITY)["groups"] == []
    assert report(scheduler, NOTICE)["groups"] == []


def test_of_nothing_that_counts_there_is_no_share(scheduler, officer, resident):
    happened(resident, officer, MONDAY_9 - timedelta(days=1), None, VisitStatus.CANCELLED)
    figures = one_group(scheduler, PUNCTUALITY)
    assert (figures["counted"], figures["on_time_share"], figures["original"]["on_time_share"]) == (0, None, None)


def test_days_weeks_and_months_are_londons_across_a_clock_change(sign_in, officer, resident, stopped_clock):
    """On 29 March 2026 the clocks go forward: Saturday 23:30 UTC is Saturday still, Sunday 23:30 UTC is Monday."""
    local = [
        datetime(2026, 3, 28, 23, 30, tzinfo=LONDON),
        datetime(2026, 3, 29, 0, 30, tzinfo=LONDON),
        datetime(2026, 3, 29, 3, 30, tzinfo=LONDON),
        datetime(2026, 3, 29, 23, 30, tzinfo=LONDON),
        datetime(2026, 3, 30, 0, 30, tzinfo=LONDON),
        datetime(2026, 3, 31, 23, 30, tzinfo=LONDON),
        datetime(2026, 4, 1, 0, 30, tzinfo=LONDON),
    ]
    for start in local:
        happened(resident, officer, start.astimezone(UTC), 0)
    assert local[4].astimezone(UTC).day == 29
    stopped_clock.set(datetime(2026, 5, 1, tzinfo=UTC))
    query = "from=2026-03-01T00:00:00Z&to=2026-05-01T00:00:00Z&by="

    def groups(by: str) -> dict[str, int]:
        found = report(sign_in("scheduler"), PUNCTUALITY, query + by)
        assert found["by"] == by
        return {group["group"]: group["counted"] for group in found["groups"]}

    assert groups("day") == {
        "2026-03-28": 1,
        "2026-03-29": 3,
        "2026-03-30": 1,
        "2026-03-31": 1,
        "2026-04-01": 1,
    }
    assert groups("week") == {"2026-W13": 4, "2026-W14": 3}
    assert groups("month") == {"2026-03": 6, "2026-04": 1}


def test_figures_are_parted_by_officer_and_by_employer(scheduler, officer, resident):
    contractor = factories.officer(company="Northwick Heating Ltd")
    for person, minutes in ((officer, 0), (officer, 20), (contractor, 0), (None, 0)):
        happened(resident, person, MONDAY_9 - timedelta(days=1, minutes=minutes), minutes)
    by_officer = report(scheduler, PUNCTUALITY, NOVEMBER + "&by=officer")["groups"]
    assert {group["group"]: (group["counted"], group["late"]) for group in by_officer} == {
        str(officer.id): (2, 1),
        str(contractor.id): (1, 0),
        "unassigned": (1, 0),
    }
    by_employer = report(scheduler, PUNCTUALITY, NOVEMBER + "&by=employment")["groups"]
    assert [(group["group"], group["counted"]) for group in by_employer] == [
        ("contractor", 1),
        ("employee", 2),
        ("unassigned", 1),
    ]


# Notice


def became(message_id: str, status: MessageStatus, **times: datetime | None) -> None:
    """What the carrier did with a text."""
    with transaction() as session:
        session.execute(update(Message).where(Message.id == UUID(message_id)).values(status=status, **times))
        settle(session, [session.get_one(Message, UUID(message_id)).visit_id])


def changed(
    scheduler: Any, resident: Any, status: MessageStatus | None, start: datetime = WEDNESDAY_10, **fate: Any
) -> None:
    """A visit moved by a day at nine on Monday, and what became of its text."""
    visit = {"id": str(factories.visit(resident, None, start).id)}
    moved = move(scheduler, visit, start + timedelta(days=1), reason=fate.pop("reason", "Officer ill"))
    assert moved.status_code == 201
    if status is not None:
        became(moved.json["message_id"], status, **fate)


def test_notice_is_met_when_delivery_came_a_day_before(sign_in, resident, stopped_clock):
    """Five changes with 24 hours possible, four without, and four that count for nothing."""
    scheduler = sign_in("scheduler")
    soon = MONDAY_9 + timedelta(minutes=3)
    near = MONDAY_9 + timedelta(hours=5)
    at_once = MONDAY_9 + timedelta(seconds=80)
    took = {"accepted_at": soon}
    changed(scheduler, resident, MessageStatus.DELIVERED, **took, delivered_at=soon)
    changed(
        scheduler,
        resident,
        MessageStatus.DELIVERED,
        **took,
        delivered_at=WEDNESDAY_10 - timedelta(hours=24),
    )
    changed(
        scheduler,
        resident,
        MessageStatus.DELIVERED,
        **took,
        delivered_at=WEDNESDAY_10 - timedelta(hours=24) + timedelta(seconds=1),
    )
    changed(scheduler, resident, MessageStatus.ACCEPTED, **took)
    changed(scheduler, resident, MessageStatus.UNDELIVERED, **took)
    inside: dict[str, Any] = {"start": near, "reason": "Officer ill"}
    changed(scheduler, resident, MessageStatus.DELIVERED, **inside, accepted_at=at_once, delivered_at=soon)
    changed(scheduler, resident, MessageStatus.ACCEPTED, **inside, accepted_at=at_once)
    changed(scheduler, resident, MessageStatus.ACCEPTED, start=near, reason="Van broke down", accepted_at=soon)
    late = near + timedelta(seconds=1)
    inside["reason"] = "=Flood"
    changed(scheduler, resident, MessageStatus.DELIVERED, **inside, accepted_at=late, delivered_at=late)
    changed(scheduler, resident, MessageStatus.SUPERSEDED)
    changed(scheduler, resident, None, start=WEDNESDAY_10 + timedelta(days=30))
    visit = {"id": str(factories.visit(resident, None, WEDNESDAY_10).id)}
    assert move(scheduler, visit, WEDNESDAY_10 + timedelta(minutes=5)).status_code == 201
    asked = {"id": str(factories.visit(resident, None, WEDNESDAY_10).id)}
    wish = cancel(scheduler, asked, requested_by="resident").json
    became(wish["message_id"], MessageStatus.DELIVERED, accepted_at=soon, delivered_at=soon)

    stopped_clock.set(WEDNESDAY_10 + timedelta(days=2))
    figures = one_group(sign_in("admin"), NOTICE)
    assert figures == {
        "group": "all",
        "possible": 5,
        "met": 2,
        "met_share": 2 / 5,
        "changes": 10,
        "told_within_24h": 7,
        "told_within_24h_share": 7 / 10,
        "results": {"met": 3, "short": 2, "unconfirmed": 1, "failed": 1, "prompt": 2, "missed": 1},
        "not_possible": {"Officer ill": 2, "Van broke down": 1, "=Flood": 1},
        "excluded": {
            "superseded": 1,
            "still_to_be_told": 1,
            "no_need_to_tell": 1,
            "asked_for_by_resident": 1,
        },
    }


def test_a_text_that_waited_for_the_morning_is_held_and_not_late(sign_in, resident, stopped_clock):
    midnight = datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
    visit = {"id": str(factories.visit(resident, None, WEDNESDAY_10).id)}
    stopped_clock.set(midnight)
    moved = move(sign_in("scheduler"), visit, WEDNESDAY_10 + timedelta(days=1)).json
    assert moved["notice"]["send_at"] == "2026-11-25T07:00:00Z"
    seven = midnight + timedelta(hours=7, seconds=5)
    became(moved["message_id"], MessageStatus.DELIVERED, accepted_at=seven, delivered_at=seven)
    stopped_clock.set(WEDNESDAY_10)
    assert one_group(sign_in("scheduler"), NOTICE)["results"] == {"held": 1}


@pytest.mark.parametrize(
    ("status", "result"), [(ContactTaskStatus.DONE, "met"), (ContactTaskStatus.NOT_NEEDED, "failed")]
)
def test_a_call_tells_and_a_task_that_was_dropped_does_not(sign_in, stopped_clock, status, result):
    person = factories.resident(contact_by="call")
    visit = {"id": str(factories.visit(person, None, WEDNESDAY_10).id)}
    scheduler = sign_in("scheduler")
    assert move(scheduler, visit, WEDNESDAY_10 + timedelta(days=1)).json["message_id"] is None
    (task,) = scheduler.get("/v1/contact-tasks").json["items"]
    stopped_clock.advance(600)
    assert scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": status.value}).status_code == 200
    stopped_clock.set(WEDNESDAY_10 + timedelta(days=1))
    assert one_group(sign_in("scheduler"), NOTICE)["results"] == {result: 1}


def test_a_call_in_place_of_a_text_that_failed_tells_too(sign_in, resident, stopped_clock):
    scheduler = sign_in("scheduler")
    visit = factories.visit(resident, None, WEDNESDAY_10)
    moved = move(scheduler, {"id": str(visit.id)}, WEDNESDAY_10 + timedelta(days=1)).json
    became(moved["message_id"], MessageStatus.UNDELIVERED, accepted_at=MONDAY_9 + timedelta(minutes=3))
    with transaction() as session:
        session.add(
            ContactTask(
                visit_id=visit.id,
                resident_id=resident.id,
                message_id=UUID(moved["message_id"]),
                reason="text_undelivered",
                detail="moved",
                due_at=MONDAY_9 + timedelta(hours=1),
                status=ContactTaskStatus.DONE,
                created_at=MONDAY_9,
                done_at=MONDAY_9 + timedelta(minutes=30),
            )
        )
        session.flush()
        settle(session, [visit.id])
    figures = one_group(scheduler, NOTICE)
    assert (figures["results"], figures["met"]) == ({"met": 1}, 1)


def test_what_is_still_to_be_told_becomes_failed_when_its_time_has_passed(sign_in, resident, stopped_clock):
    changed(sign_in("scheduler"), resident, None)
    assert one_group(sign_in("scheduler"), NOTICE)["excluded"] == {"still_to_be_told": 1}
    stopped_clock.set(WEDNESDAY_10 + timedelta(seconds=1))
    figures = one_group(sign_in("scheduler"), NOTICE)
    assert (figures["results"], figures["possible"], figures["met"]) == ({"failed": 1}, 1, 0)


# What is asked, and how it is answered


def test_a_report_of_no_given_time_is_of_the_last_thirty_days(scheduler, officer, resident):
    for days in (1, 29, 31):
        happened(resident, officer, MONDAY_9 - timedelta(days=days), 0)
    answer = report(scheduler, PUNCTUALITY, "")
    assert (answer["from"], answer["to"], answer["by"]) == ("2026-10-24T09:00:00Z", "2026-11-23T09:00:00Z", None)
    assert answer["groups"][0]["counted"] == 2


def test_a_report_begins_with_its_first_moment_and_ends_before_its_last(scheduler, officer, resident):
    happened(resident, officer, MONDAY_9 - timedelta(days=2), 0)
    happened(resident, officer, MONDAY_9 - timedelta(days=1), 0)
    between = "from=2026-11-21T09:00:00Z&to=2026-11-22T09:00:00Z"
    assert one_group(scheduler, PUNCTUALITY, between)["counted"] == 1


def test_a_report_asked_for_wrongly_says_which_word_is_wrong(scheduler):
    wrong = {
        "from=2026-11-23": "from",
        "from=2026-11-23T09:00:00": "from",
        "to=never": "to",
        "from=2027-01-01T00:00:00Z": "to",
        "from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z": "to",
        "from=2026-11-02T00:00:00Z&to=2026-11-02T00:00:00Z": "to",
        "from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z": "to",
        "from=0001-01-01T00:00:00Z": "to",
        "to=0001-01-01T00:00:00Z": "to",
        "by=year": "by",
        "by=DAY": "by",
        "by=": "by",
        "limit=1": "limit",
        "by=day&by=week": "by",
    }
    for path in (PUNCTUALITY, NOTICE):
        for query, field in wrong.items():
            refused = problem(scheduler.get(f"{path}?{query}"), 422, "not-valid")
            assert field in refused["errors"], query
    assert report(scheduler, NOTICE, "to=0001-01-02T00:00:00Z")["groups"] == []
    far = "from=9998-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&by=day"
    assert report(scheduler, PUNCTUALITY, far)["groups"] == []


def read(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def test_a_report_comes_as_csv_when_that_is_asked_for(scheduler, officer, resident):
    happened(resident, officer, MONDAY_9 - timedelta(days=1), 0)
    happened(resident, officer, MONDAY_9 - timedelta(days=2), None, VisitStatus.CANCELLED)
    rows = read(scheduler.get(f"{PUNCTUALITY}?{NOVEMBER}&by=day", Accept="text/csv"))
    assert [(row["group"], row["counted"], row["on_time_share"]) for row in rows] == [
        ("2026-11-21", "0", ""),
        ("2026-11-22", "1", "1.0"),
    ]
    assert [row["excluded.cancelled"] for row in rows] == ["1", "0"]
    assert rows[1]["original.on_time"] == "1"
    assert read(scheduler.get(f"{NOTICE}?{NOVEMBER}", Accept="text/csv")) == []
    for accept in ("*/*", "application/json", "text/html", "", "application/json, text/csv;q=0.5"):
        assert scheduler.get(f"{PUNCTUALITY}?{NOVEMBER}", Accept=accept).content_type == "application/json"


def test_a_reason_somebody_typed_is_never_a_formula_in_a_spreadsheet(sign_in, resident, stopped_clock):
    """Every cell of the file, its headings too, begins with something a spreadsheet only shows."""
    start = MONDAY_9 + timedelta(hours=5)
    reasons = ['=HYPERLINK("http://example.com")', "+1", "-1", "@SUM(1)", 'He said "no", twice', "=1;2"]
    for reason in reasons:
        changed(
            sign_in("scheduler"),
            resident,
            MessageStatus.DELIVERED,
            start=start,
            reason=reason,
            accepted_at=MONDAY_9,
            delivered_at=MONDAY_9,
        )
    stopped_clock.set(start)
    answer = sign_in("scheduler").get(f"{NOTICE}?{NOVEMBER}", Accept="text/csv")
    cells = [cell for row in csv.reader(io.StringIO(answer.get_data(as_text=True))) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    (row,) = read(answer)
    assert {row[f"not_possible.{reason}"] for reason in reasons} == {"1"}


def test_a_report_of_many_visits_is_counted_to_the_last(scheduler, officer, resident, monkeypatch):
    """More days than are read at a time, so that the second helping counts as well."""
    monkeypatch.setattr("models.figure_index.READ_AT_ONCE", 3)
    for number in range(8):
        happened(resident, officer, MONDAY_9 - timedelta(days=number + 1), 0)
    assert one_group(scheduler, PUNCTUALITY)["on_time"] == 8
