"""Moving a visit: from the version that was read, with notice worked out by the rules, never into two places."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.clock import LONDON
from models.database import reading
from models.promise import Promise
from tests import factories
from tests.steps import MONDAY_9, WEDNESDAY_10, book, cancel, depart, instant, move, path, problem, see

THURSDAY_10 = WEDNESDAY_10 + timedelta(days=1)


def london(day: int, clock: str, month: int = 11) -> datetime:
    hour, minute, *second = (int(part) for part in clock.split(":"))
    return datetime(2026, month, day, hour, minute, *second, tzinfo=LONDON).astimezone(UTC)


def texts(client, visit):
    return [(text["kind"], text["status"]) for text in client.get(path(visit, "messages")).json["items"]]


def booked(resident, officer, starts_at=WEDNESDAY_10, **changes):
    """A visit whose booking text was sent long ago, as far as these tests care: it has no texts."""
    return {"id": str(factories.visit(resident, officer, starts_at, **changes).id)}


def body(**changes):
    return {"starts_at": THURSDAY_10.isoformat(), "reason": "Officer ill", "requested_by": "council"} | changes


def test_a_move_says_from_when_to_when_and_what_notice_it_leaves(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    moved = scheduler.post(path(visit, "moves"), body(), If_Match='"1"')
    assert moved.status_code == 201
    assert moved.headers["ETag"] == '"2"'
    assert moved.json == {
        "moved_from": "2026-11-25T10:00:00Z",
        "moved_to": "2026-11-26T10:00:00Z",
        "reason": "Officer ill",
        "requested_by": "council",
        "notice": {
            "reference_at": "2026-11-25T10:00:00Z",
            "deadline": "2026-11-24T10:00:00Z",
            "possible": True,
            "lead_seconds": 176400.0,
            "send_at": "2026-11-23T09:02:00Z",
        },
        "message_id": moved.json["message_id"],
        "warnings": [],
        "resident_was_shown": None,
    }
    now = see(scheduler, visit)
    assert (now["starts_at"], now["ends_at"], now["version"], now["status"]) == (
        "2026-11-26T10:00:00Z",
        "2026-11-26T10:30:00Z",
        2,
        "booked",
    )
    assert moved.json["message_id"] in [row["id"] for row in scheduler.get(path(visit, "messages")).json["items"]]


def test_a_move_needs_the_version_that_was_read(scheduler, officer, resident):
    visit = booked(resident, officer)
    problem(scheduler.post(path(visit, "moves"), body()), 428, "version-required")
    problem(scheduler.post(path(visit, "moves"), body(), If_Match=""), 428, "version-required")
    for tag in ('"0"', '"2"', "1", 'W/"1"', '"1', "'1'", '"01"', '"1 "', "abc", '"-1"'):
        problem(scheduler.post(path(visit, "moves"), body(), If_Match=tag), 412, "changed-meanwhile")
    assert see(scheduler, visit)["starts_at"] == "2026-11-25T10:00:00Z"
    for tag, day in (('"1"', 1), ('"9", "2"', 2), ("*", 3)):
        later = (WEDNESDAY_10 + timedelta(days=day)).isoformat()
        assert scheduler.post(path(visit, "moves"), body(starts_at=later), If_Match=tag).status_code == 201, tag
    problem(scheduler.post(path(visit, "moves"), body(), If_Match='"1"'), 412, "changed-meanwhile")


# The worked rows of the standards: when decided, the visit, where to, R, possible, and when the text goes.
ROWS = """
moved to Thu, on Mon 09:00               | 23 09:00    | 25 10:00 | 26 10:00 | 25 10:00 | yes | 23 09:02
moved earlier to Tue 11:00, on Mon 09:00 | 23 09:00    | 25 10:00 | 24 11:00 | 24 11:00 | yes | 23 09:02
changed at R - 24 h 01 m 30 s            | 24 09:58:30 | 25 10:00 | 26 10:00 | 25 10:00 | yes | 24 09:59
changed at R - 24 h exactly              | 24 10:00    | 25 10:00 | 26 10:00 | 25 10:00 | yes | 24 10:00:30
changed at R - 24 h, a second late       | 24 10:00:01 | 25 10:00 | 26 10:00 | 25 10:00 | no  | 24 10:00:31
changed at midnight, R - 10 h            | 25 00:00    | 25 10:00 | 26 10:00 | 25 10:00 | no  | 25 07:00
changed at R - 10 h by day               | 25 09:00    | 25 19:00 | 26 10:00 | 25 19:00 | no  | 25 09:00:30
visit 08:00, changed at R - 30 h         | 24 02:00    | 25 08:00 | 26 08:00 | 25 08:00 | yes | 24 07:00
changed 21:30, visit 10:00 tomorrow      | 24 21:30    | 25 10:00 | 26 10:00 | 25 10:00 | no  | 24 21:30:30
changed 06:45 for 08:00                  | 25 06:45    | 25 08:00 | 26 08:00 | 25 08:00 | no  | 25 07:00
changed 06:20 for 07:15                  | 25 06:20    | 25 07:15 | 26 08:00 | 25 07:15 | no  | 25 06:20
changed at R - 26 h                      | 24 08:00    | 25 10:00 | 26 10:00 | 25 10:00 | yes | 24 08:02
changed at R - 26 h, a second late       | 24 08:00:01 | 25 10:00 | 26 10:00 | 25 10:00 | yes | 24 08:00:31
changed at R - 2 h                       | 25 08:00    | 25 10:00 | 26 10:00 | 25 10:00 | no  | 25 08:00:30
changed at R - 2 h, a second late        | 25 08:00:01 | 25 10:00 | 26 10:00 | 25 10:00 | no  | 25 08:00:01
"""


def test_the_worked_rows_of_the_standards_come_out_of_the_api(scheduler, sign_in, resident, stopped_clock):
    def when(text):
        day, clock = text.split()
        return london(int(day), clock)

    for row in ROWS.strip().splitlines():
        name, decided, start, to, reference, possible, sent = (part.strip() for part in row.split("|"))
        stopped_clock.set(MONDAY_9 - timedelta(days=1))
        visit = booked(resident, None, when(start))
        stopped_clock.set(when(decided))
        moved = move(sign_in("scheduler"), visit, when(to))
        notice = moved.json["notice"]
        assert instant(notice["reference_at"]) == when(reference), name
        assert instant(notice["deadline"]) == when(reference) - timedelta(hours=24), name
        assert notice["possible"] is (possible == "yes"), name
        assert notice["lead_seconds"] == (when(reference) - when(decided)).total_seconds(), name
        assert instant(notice["send_at"]) == when(sent), name


@pytest.mark.parametrize(
    ("decided", "start", "possible", "lead"),
    [
        pytest.param(london(28, "08:50", 3), london(29, "10:00", 3), True, 87_000, id="spring, 24 h 10 m"),
        pytest.param(london(28, "09:30", 3), london(29, "10:00", 3), False, 23.5 * 3600, id="spring, 23.5 h"),
        pytest.param(london(24, "10:30", 10), london(25, "10:00", 10), True, 24.5 * 3600, id="autumn, 24.5 h"),
    ],
)
def test_twenty_four_hours_are_real_hours_when_the_clocks_change(
    scheduler, sign_in, resident, stopped_clock, decided, start, possible, lead
):
    stopped_clock.set(decided - timedelta(days=2))
    visit = booked(resident, None, start)
    stopped_clock.set(decided)
    notice = move(sign_in("scheduler"), visit, start + timedelta(days=2)).json["notice"]
    assert (notice["possible"], notice["lead_seconds"]) == (possible, lead)


def test_two_moves_a_minute_apart_are_one_text(scheduler, officer, resident, stopped_clock):
    visit = booked(resident, officer)
    first = move(scheduler, visit, THURSDAY_10).json
    stopped_clock.advance(60)
    second = move(scheduler, visit, THURSDAY_10 + timedelta(hours=1)).json
    assert first["message_id"] != second["message_id"]
    assert texts(scheduler, visit) == [("moved", "superseded"), ("moved", "held")]
    assert second["notice"]["reference_at"] == "2026-11-25T10:00:00Z", "the first was never told"


def test_moved_and_back_within_the_hold_nobody_is_told(scheduler, officer, resident, stopped_clock):
    visit = booked(resident, officer)
    move(scheduler, visit, THURSDAY_10)
    stopped_clock.advance(60)
    back = move(scheduler, visit, WEDNESDAY_10).json
    assert (back["message_id"], back["notice"]["send_at"]) == (None, None)
    assert texts(scheduler, visit) == [("moved", "superseded")]


def test_moved_then_cancelled_only_the_cancellation_goes(scheduler, sign_in, officer, resident, stopped_clock):
    stopped_clock.set(london(23, "23:00"))
    visit = booked(resident, officer)
    move(sign_in("scheduler"), visit, THURSDAY_10)
    stopped_clock.set(london(24, "06:00"))
    cancelled = cancel(sign_in("scheduler"), visit).json
    assert texts(sign_in("scheduler"), visit) == [("moved", "superseded"), ("cancelled", "held")]
    assert cancelled["notice"]["send_at"] == "2026-11-24T08:00:00Z"


def test_ten_minutes_are_not_told_and_ten_more_are(scheduler, officer, resident):
    visit = booked(resident, officer)
    first = move(scheduler, visit, WEDNESDAY_10 + timedelta(minutes=10)).json
    assert (first["message_id"], first["notice"]["send_at"]) == (None, None)
    second = move(scheduler, visit, WEDNESDAY_10 + timedelta(minutes=20)).json
    assert second["message_id"] is not None
    assert texts(scheduler, visit) == [("moved", "held")]


def test_ten_minutes_across_midnight_are_told(scheduler, officer, resident):
    visit = booked(resident, officer, london(25, "23:55"))
    assert move(scheduler, visit, london(26, "00:05")).json["message_id"] is not None


def test_a_visit_whose_told_start_has_passed_is_told_by_a_person(scheduler, officer, resident, stopped_clock):
    visit = booked(resident, officer, MONDAY_9 + timedelta(minutes=5))
    stopped_clock.advance(360)
    moved = move(scheduler, visit, WEDNESDAY_10).json
    assert (moved["message_id"], moved["notice"]["possible"]) == (None, False)
    assert moved["notice"]["lead_seconds"] == -60
    tasks = scheduler.get("/v1/contact-tasks").json["items"]
    assert [(task["reason"], task["visit_id"]) for task in tasks] == [("time_had_passed", visit["id"])]


def test_promises_are_a_ledger_that_nothing_is_erased_from(scheduler, officer, resident, stopped_clock):
    visit = book(scheduler, resident, officer)
    for day in (1, 2):
        stopped_clock.advance(60)
        assert move(scheduler, visit, WEDNESDAY_10 + timedelta(days=day)).status_code == 201
    stopped_clock.advance(60)
    cancel(scheduler, visit)
    with reading() as session:
        ledger = session.scalars(select(Promise).order_by(Promise.number)).all()
    assert [(promise.number, promise.starts_at.day) for promise in ledger] == [(1, 25), (2, 26), (3, 27)]
    assert [promise.closed_by for promise in ledger] == ["moved", "moved", "cancelled"]
    assert [promise.closed_at for promise in ledger] == [MONDAY_9 + timedelta(minutes=n) for n in (1, 2, 3)]


def test_a_visit_given_to_another_officer_at_its_time_is_no_new_promise(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    other = factories.officer()
    moved = move(scheduler, visit, WEDNESDAY_10, officer_id=str(other.id))
    assert moved.status_code == 201
    assert moved.json["moved_from"] == moved.json["moved_to"]
    assert see(scheduler, visit)["officer_id"] == str(other.id)
    nobody = move(scheduler, visit, WEDNESDAY_10, officer_id=None)
    assert nobody.status_code == 201
    assert see(scheduler, visit)["officer_id"] is None
    with reading() as session:
        assert len(session.scalars(select(Promise)).all()) == 1
    same = move(scheduler, visit, WEDNESDAY_10)
    assert "starts_at" in problem(same, 422, "not-valid")["errors"]


def test_no_move_puts_an_officer_in_two_places(scheduler, officer, resident):
    book(scheduler, resident, officer, THURSDAY_10)
    other = factories.officer()
    mine, theirs = book(scheduler, resident, officer), book(scheduler, resident, other, THURSDAY_10)
    clash = problem(move(scheduler, mine, THURSDAY_10 + timedelta(minutes=15)), 409, "diary-clash")
    assert clash["officer_id"] == str(officer.id)
    problem(move(scheduler, theirs, THURSDAY_10, officer_id=str(officer.id)), 409, "diary-clash")
    problem(move(scheduler, mine, THURSDAY_10, officer_id=str(other.id)), 409, "diary-clash")
    assert see(scheduler, mine)["version"] == see(scheduler, theirs)["version"] == 1
    assert texts(scheduler, mine) == [("booked", "held")], "a refused move tells nobody"
    touching = THURSDAY_10 + timedelta(minutes=30)
    assert move(scheduler, mine, touching).status_code == 201
    assert move(scheduler, mine, touching + timedelta(minutes=10)).status_code == 201, (
        "a visit is not its own clash"
    )


def test_a_cancelled_visit_leaves_its_time_free(scheduler, officer, resident):
    first, second = book(scheduler, resident, officer), book(scheduler, resident, officer, THURSDAY_10)
    assert cancel(scheduler, first).status_code == 201
    assert move(scheduler, second, WEDNESDAY_10).status_code == 201


def test_what_a_move_cannot_be_is_refused_by_field(scheduler, officer, resident):
    visit = booked(resident, officer)
    wrong = [
        ("starts_at", (MONDAY_9 - timedelta(seconds=1)).isoformat()),
        ("starts_at", "2026-11-26T10:00:00"),
        ("starts_at", (MONDAY_9 + timedelta(days=731)).isoformat()),
        ("starts_at", None),
        ("officer_id", str(UUID(int=7))),
        ("officer_id", "x"),
        ("reason", ""),
        ("reason", "x" * 501),
        ("requested_by", "officer"),
        ("duration_minutes", 60),
    ]
    for field, value in wrong:
        refused = scheduler.post(path(visit, "moves"), body(**{field: value}), If_Match='"1"')
        assert field in problem(refused, 422, "not-valid")["errors"], (field, value)
    for field in ("starts_at", "reason", "requested_by"):
        short = {name: value for name, value in body().items() if name != field}
        refused = scheduler.post(path(visit, "moves"), short, If_Match='"1"')
        assert field in problem(refused, 422, "not-valid")["errors"]


def test_only_a_booked_visit_is_moved(scheduler, phone, officer, resident):
    under_way = booked(resident, officer)
    assert depart(phone, under_way).status_code == 201
    problem(move(scheduler, under_way, THURSDAY_10), 409, "visit-state")
    off = booked(resident, officer, THURSDAY_10)
    cancel(scheduler, off)
    problem(move(scheduler, off, WEDNESDAY_10 + timedelta(hours=5)), 409, "visit-state")


def test_a_move_the_resident_asked_for_says_so(scheduler, officer, resident, stopped_clock):
    visit = booked(resident, officer)
    stopped_clock.advance(1)
    assert move(scheduler, visit, THURSDAY_10, requested_by="resident").json["requested_by"] == "resident"
    line = scheduler.get(path(visit, "history")).json["items"][-1]
    assert (line["kind"], line["details"]["requested_by"]) == ("moved", "resident")
