"""Holds: a slot that is kept while the resident is on the telephone is nobody else's, and ends by itself."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from models import clock, holding, retention
from models.database import reading, transaction
from models.errors import DiaryClash
from models.hold import KEPT_FOR, Hold
from models.officer import Officer
from models.resident import Resident
from models.user import User
from models.visit import Visit, VisitStatus
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, problem

TEN = MONDAY_9 + timedelta(days=1, hours=1)


def hold(client: Client, officer: Officer, starts_at: Any = TEN, **changes: Any) -> Any:
    body = {"officer_id": str(officer.id), "starts_at": starts_at, "duration_minutes": 30}
    return client.post("/v1/holds", body | changes)


def book(client: Client, officer: Officer, resident: Resident, starts_at: Any = TEN, **changes: Any) -> Any:
    return client.post("/v1/visits", factories.booking(resident, officer, starts_at, **changes))


@pytest.fixture
def other(sign_in: Callable[..., Client]) -> Client:
    """Another scheduler."""
    return sign_in("scheduler")


def test_a_hold_says_what_is_kept_and_until_when(scheduler, officer, resident):
    made = hold(scheduler, officer, resident_id=str(resident.id))
    assert (made.status_code, made.headers["Location"]) == (201, f"/v1/holds/{made.json['id']}")
    assert made.json["ends_at"] == "2026-11-24T10:30:00Z"
    assert made.json["expires_at"] == "2026-11-23T09:10:00Z"
    assert (made.json["officer_id"], made.json["resident_id"]) == (str(officer.id), str(resident.id))


@pytest.mark.parametrize("minutes", [-15, 0, 15])
def test_nobody_else_books_any_of_it(scheduler, other, officer, resident, minutes):
    hold(scheduler, officer)
    refused = book(other, officer, resident, TEN + timedelta(minutes=minutes))
    assert "until 09:10" in problem(refused, 409, "diary-clash")["detail"]


@pytest.mark.parametrize("minutes", [-30, 30])
def test_times_that_touch_it_are_free(scheduler, other, officer, resident, minutes):
    hold(scheduler, officer)
    assert book(other, officer, resident, TEN + timedelta(minutes=minutes)).status_code == 201


def test_nobody_else_moves_a_visit_into_it(scheduler, other, officer, resident):
    visit = book(other, officer, resident, TEN + timedelta(hours=3)).json
    hold(scheduler, officer)
    move = {"starts_at": TEN.isoformat(), "reason": "Sooner", "requested_by": "council"}
    problem(other.post(f"/v1/visits/{visit['id']}/moves", move, If_Match='"1"'), 409, "diary-clash")


def test_nobody_else_keeps_it(scheduler, other, officer):
    hold(scheduler, officer)
    problem(hold(other, officer, TEN + timedelta(minutes=15)), 409, "diary-clash")


def test_whoever_made_it_books_it_and_then_it_is_used_up(scheduler, other, officer, resident):
    hold(scheduler, officer, duration_minutes=60)
    assert book(scheduler, officer, resident).status_code == 201
    assert book(other, officer, resident, TEN + timedelta(minutes=30)).status_code == 201


def test_a_second_hold_of_the_same_scheduler_takes_the_place_of_the_first(scheduler, other, officer, resident):
    hold(scheduler, officer)
    hold(scheduler, officer, TEN + timedelta(minutes=15))
    assert book(other, officer, resident, TEN - timedelta(minutes=15)).status_code == 201
    problem(book(other, officer, resident, TEN + timedelta(minutes=30)), 409, "diary-clash")


def test_a_booking_that_fails_leaves_the_hold_as_it_was(scheduler, other, officer, resident):
    hold(scheduler, officer)
    factories.visit(resident, officer, TEN + timedelta(minutes=30))
    problem(book(scheduler, officer, resident, duration_minutes=60), 409, "diary-clash")
    problem(book(other, officer, resident), 409, "diary-clash")


def test_it_ends_by_itself(scheduler, other, officer, resident, stopped_clock):
    hold(scheduler, officer)
    stopped_clock.advance(599)
    problem(book(other, officer, resident), 409, "diary-clash")
    stopped_clock.advance(1)
    assert book(other, officer, resident).status_code == 201


def test_it_can_be_given_back_by_whoever_made_it(scheduler, other, officer, resident):
    path = f"/v1/holds/{hold(scheduler, officer).json['id']}"
    problem(other.call("DELETE", path), 403, "not-yours")
    assert [scheduler.call("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert book(other, officer, resident).status_code == 201
    problem(scheduler.call("DELETE", f"/v1/holds/{factories.NOBODY}"), 404, "not-found")


def test_a_time_that_is_booked_cannot_be_kept(scheduler, officer, resident):
    visit = book(scheduler, officer, resident, duration_minutes=480).json
    problem(hold(scheduler, officer, TEN + timedelta(hours=7)), 409, "diary-clash")
    assert hold(scheduler, officer, TEN + timedelta(hours=8)).status_code == 201
    cancel = {"reason": "Mistake", "requested_by": "council"}
    scheduler.post(f"/v1/visits/{visit['id']}/cancellation", cancel, If_Match='"1"')
    assert hold(scheduler, officer, TEN + timedelta(hours=7)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"starts_at": MONDAY_9 - timedelta(seconds=1)}, "starts_at"),
        ({"starts_at": MONDAY_9 + timedelta(days=800)}, "starts_at"),
        ({"officer_id": str(factories.NOBODY)}, "officer_id"),
        ({"resident_id": str(factories.NOBODY)}, "resident_id"),
        ({"duration_minutes": 481}, "duration_minutes"),
    ],
)
def test_what_cannot_be_meant_is_refused(scheduler, officer, changes, field):
    assert field in problem(hold(scheduler, officer, **changes), 422, "not-valid")["errors"]


def test_an_officer_who_is_suspended_cannot_be_kept(scheduler, admin, officer):
    admin.post(f"/v1/officers/{officer.id}/suspension", {"reason": "Lost badge"})
    problem(hold(scheduler, officer), 409, "officer-unavailable")


def test_what_is_kept_is_not_offered(scheduler, other, officer, resident):
    day = "from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z"
    asked = f"/v1/slots?duration_minutes=30&resident_id={resident.id}&{day}"
    hold(scheduler, officer)
    starts = {item["starts_at"] for item in other.get(asked).json["items"]}
    assert starts and not starts & {f"2026-11-24T{time}:00Z" for time in ("09:45", "10:00", "10:15")}


def test_of_many_who_keep_or_book_one_time_at_once_one_has_it(app, officer, resident, sign_in):
    for _ in range(8):
        sign_in("scheduler")
    with reading() as session:
        people = list(session.scalars(select(User.id)))

    def want(number: int) -> bool:
        by, at = people[number % len(people)], clock.now()
        try:
            if number % 2:
                factories.visit(resident, officer, TEN, booked_by=by, at=at)
            else:
                with transaction() as session:
                    holding.keep(
                        session,
                        officer_id=officer.id,
                        resident_id=None,
                        starts_at=TEN,
                        duration=timedelta(minutes=30),
                        by=by,
                        at=at,
                    )
        except DiaryClash:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = sum(pool.map(want, range(16)))
    with reading() as session:
        held = session.scalar(select(func.count()).select_from(Hold).where(Hold.ended_at.is_(None)))
        booked = session.scalar(select(func.count()).where(Visit.status == VisitStatus.BOOKED))
    assert held + booked == 1 and won >= 1


def test_holds_of_yesterday_are_purged(scheduler, officer):
    hold(scheduler, officer)
    for days, left in ((KEPT_FOR, 1), (KEPT_FOR + timedelta(seconds=601), 0)):
        retention.purge(MONDAY_9 + days, keep=retention.Keep(), chain_key=b"key")
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(Hold)) == left
