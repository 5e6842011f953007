"""A day ahead a scheduler is told of visits that are likely to fail, with what could be done; nothing moves."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.booking_rules import Rule
from models.database import transaction
from models.officer import Officer
from notifications.sweep import look_ahead_a_day
from tests import factories
from tests.steps import MONDAY_9, cancel, move, see

TUESDAY_NOON = MONDAY_9 + timedelta(hours=27)
ANYHOW = {Rule.TRAVEL: "They are next door", Rule.SLACK: "They are next door"}


@pytest.fixture
def sweep(stopped_clock: Any) -> Callable[[], None]:
    return lambda: look_ahead_a_day(stopped_clock.now)


@pytest.fixture
def alerts(sign_in: Any) -> Callable[..., list[Any]]:
    def listed(status: str = "open") -> list[Any]:
        items: list[Any] = sign_in("scheduler").get(f"/v1/alerts?kind=at_risk&status={status}").json["items"]
        return items

    return listed


def gone(officer: Officer, **values: Any) -> None:
    """The officer has left us."""
    with transaction() as session:
        kept = session.get_one(Officer, officer.id)
        for name, value in ({"active": False} | values).items():
            setattr(kept, name, value)


def visit_at(officer: Officer | None, starts_at: datetime, **changes: Any) -> Any:
    home = factories.resident(latitude=None, longitude=None)
    return {"id": str(factories.visit(home, officer, starts_at, **changes).id)}


@pytest.mark.parametrize(("hours", "seconds", "told"), [(26, -1, 0), (26, 0, 1), (30, 0, 1), (30, 1, 0)])
def test_only_26_to_30_hours_ahead(officer, sweep, alerts, hours, seconds, told):
    visit_at(officer, MONDAY_9 + timedelta(hours=hours, seconds=seconds))
    gone(officer)
    sweep()
    assert len(alerts()) == told


def test_a_visit_whose_officer_cannot_come_is_told_of_with_another_officer_and_another_time(
    officer, sweep, alerts, scheduler
):
    visit = visit_at(officer, TUESDAY_NOON)
    colleague = factories.officer()
    gone(officer)
    sweep()
    [alert] = alerts()
    assert (alert["visit_id"], alert["officer_id"], alert["about_at"]) == (
        visit["id"],
        str(officer.id),
        "2026-11-24T12:00:00Z",
    )
    assert (alert["details"]["risk"], alert["details"]["late_probability"]) == ("left", None)
    assignment, other_time = alert["details"]["proposals"]
    assert (assignment["kind"], assignment["officer_id"], assignment["starts_at"]) == (
        "assignment",
        str(colleague.id),
        "2026-11-24T12:00:00Z",
    )
    assert other_time["kind"] == "move" and other_time["starts_at"] != assignment["starts_at"]
    assert other_time["full_notice_until"] >= "2026-11-23T09:00:00Z", "a full day's notice can still be given"
    seen = see(scheduler, visit)
    assert (seen["version"], seen["starts_at"], seen["officer_id"]) == (1, "2026-11-24T12:00:00Z", str(officer.id))


def test_a_visit_that_the_day_as_booked_makes_late_is_told_of_and_those_before_it_are_not(officer, sweep, alerts):
    """Half hours without a minute between them, and ten minutes to each next door: the third starts 20 late."""
    day = [
        visit_at(officer, TUESDAY_NOON + timedelta(minutes=30 * place), overrides=ANYHOW if place else {})
        for place in range(3)
    ]
    sweep()
    [alert] = alerts()
    assert alert["visit_id"] == day[2]["id"]
    assert alert["details"]["risk"] is None
    assert alert["details"]["late_probability"] == pytest.approx(0.664, abs=0.002)
    assert alert["details"]["proposals"]


def test_a_day_with_time_between_its_visits_worries_nobody(officer, sweep, alerts):
    for place in range(4):
        visit_at(officer, TUESDAY_NOON + timedelta(minutes=60 * place))
    sweep()
    assert alerts() == []


def test_it_is_told_once(officer, sweep, alerts, stopped_clock):
    visit_at(officer, TUESDAY_NOON)
    gone(officer)
    for _ in range(3):
        sweep()
        stopped_clock.advance(600)
    assert len(alerts()) == 1


@pytest.mark.parametrize("how", ["moved", "cancelled", "given to another", "came back", "begun"])
def test_it_ends_when_it_is_over(officer, sweep, alerts, sign_in, stopped_clock, how):
    visit = visit_at(officer, TUESDAY_NOON)
    colleague = factories.officer()
    gone(officer)
    sweep()
    assert len(alerts()) == 1
    scheduler = sign_in("scheduler")
    if how == "moved":
        later = TUESDAY_NOON + timedelta(days=1)
        assert move(scheduler, visit, later, officer_id=str(colleague.id)).status_code == 201
    elif how == "given to another":
        assert move(scheduler, visit, TUESDAY_NOON, officer_id=str(colleague.id)).status_code == 201
    elif how == "cancelled":
        assert cancel(scheduler, visit).status_code == 201
    elif how == "came back":
        gone(officer, active=True)
    else:
        stopped_clock.set(TUESDAY_NOON)
    sweep()
    assert alerts() == []
    assert len(alerts("ended")) == 1


def test_what_was_over_by_itself_and_is_at_risk_again_is_told_again(officer, sweep, alerts, stopped_clock):
    visit_at(officer, TUESDAY_NOON)
    for active in (False, True, False):
        gone(officer, active=active)
        sweep()
        assert len(alerts()) == (not active)
        stopped_clock.advance(60)
    assert alerts()[0]["raised_at"] == "2026-11-23T09:02:00Z"
    assert alerts()[0]["ended_at"] is None and alerts("ended") == []


def test_one_given_to_somebody_who_cannot_come_either_is_told_again(
    officer, sweep, alerts, sign_in, stopped_clock
):
    """Whether or not somebody has said that it is over with the first."""
    visit = visit_at(officer, TUESDAY_NOON)
    gone(officer)
    sweep()
    for ends in (False, True):
        colleague = factories.officer()
        scheduler = sign_in("scheduler")
        if ends:
            assert scheduler.patch(f"/v1/alerts/{alerts()[0]['id']}", {"status": "ended"}).status_code == 200
        assert move(scheduler, visit, TUESDAY_NOON, officer_id=str(colleague.id)).status_code == 201
        gone(colleague)
        stopped_clock.advance(60)
        sweep()
        assert [alert["officer_id"] for alert in alerts()] == [str(colleague.id)]
        assert alerts()[0]["ended_by_id"] is None


def test_what_somebody_has_said_is_over_is_not_told_again(officer, sweep, alerts, sign_in, stopped_clock):
    visit_at(officer, TUESDAY_NOON)
    gone(officer)
    sweep()
    ended = sign_in("scheduler").patch(f"/v1/alerts/{alerts()[0]['id']}", {"status": "ended"}).json
    assert ended["ended_by_id"] and ended["ended_by_id"] == ended["acknowledged_by_id"]
    for active in (False, True, False):
        stopped_clock.advance(60)
        gone(officer, active=active)
        sweep()
        assert alerts() == []


def test_one_told_of_a_day_ahead_stays_until_the_visit_begins(officer, sweep, alerts, stopped_clock):
    visit_at(officer, TUESDAY_NOON)
    gone(officer)
    sweep()
    stopped_clock.set(TUESDAY_NOON - timedelta(seconds=1))
    sweep()
    assert len(alerts()) == 1


def test_a_visit_nobody_could_make_at_any_time_is_told_of_without_a_proposal(officer, sweep, alerts):
    visit_at(officer, TUESDAY_NOON)
    gone(officer)
    sweep()
    [alert] = alerts()
    assert alert["details"]["proposals"] == []


def test_a_visit_that_has_no_officer_is_in_its_own_queue_and_not_here(app, sweep, alerts):
    visit_at(None, TUESDAY_NOON)
    sweep()
    assert alerts() == []
