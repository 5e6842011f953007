"""An officer who does not come out of a visit is asked, then a scheduler is told, and then the duty managers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from models.database import reading, transaction
from models.incident import Incident, IncidentKind
from models.officer import Officer
from models.visit import Visit
from notifications.nudges import NudgeSender
from notifications.overdue import look_for_no_outcome
from notifications.senders.twilio import TwilioSender
from tests import factories
from tests.carrier import Carrier
from tests.conftest import Client, StoppedClock
from tests.sending import HARROW
from tests.steps import MONDAY_9, arrive, depart, finish, problem

TEN = MONDAY_9 + timedelta(hours=1)
OVERRUN = timedelta(minutes=45)


@pytest.fixture
def officer(app: Any) -> Officer:
    return factories.officer(phone="+447700900301")


@pytest.fixture
def at(stopped_clock: StoppedClock) -> Callable[..., None]:
    """Let it be so long after ten, and the watch look."""

    def be(minutes: float, seconds: float = 0) -> None:
        stopped_clock.set(TEN + timedelta(minutes=minutes, seconds=seconds))
        look_for_no_outcome(stopped_clock.now, OVERRUN)

    return be


@pytest.fixture
def arrived(officer: Officer, resident: Any, sign_in: Any, stopped_clock: StoppedClock) -> Callable[..., Any]:
    """A visit at ten whose officer came so many minutes after it, and said no more."""

    def make(minutes_late: float = 0, *, minutes: int = 30, **changes: Any) -> Any:
        visit = {"id": str(factories.visit(resident, officer, TEN, minutes=minutes).id)}
        came = TEN + timedelta(minutes=minutes_late)
        stopped_clock.set(came)
        assert arrive(sign_in("officer", officer), visit, came, **changes).status_code == 201
        return visit

    return make


@pytest.fixture
def nudged(sign_in: Any, officer: Officer) -> Callable[[], list[str]]:
    def asked() -> list[str]:
        items = sign_in("officer", officer).get("/v1/me/visits?date=2026-11-23").json["items"]
        return [nudge["kind"] for item in items for nudge in item["nudges"]]

    return asked


@pytest.fixture
def alerts(sign_in: Any) -> Callable[..., list[Any]]:
    def listed(status: str = "open") -> list[Any]:
        items: list[Any] = sign_in("scheduler").get(f"/v1/alerts?status={status}&kind=no_outcome").json["items"]
        return items

    return listed


def incidents() -> list[Incident]:
    with reading() as session:
        return list(session.scalars(select(Incident)))


@pytest.mark.parametrize(("seconds", "asked"), [(-1, []), (0, ["no_outcome"]), (1, ["no_outcome"])])
def test_the_officer_is_asked_so_long_after_the_end(arrived, at, nudged, seconds, asked):
    """Half an hour from ten, and forty-five minutes."""
    arrived()
    at(75, seconds)
    assert nudged() == asked


@pytest.mark.parametrize(("seconds", "asked"), [(-1, []), (0, ["no_outcome"])])
def test_a_long_visit_may_take_half_as_long_again(arrived, at, nudged, seconds, asked):
    arrived(minutes=120)
    at(180, seconds)
    assert nudged() == asked


@pytest.mark.parametrize(("seconds", "asked"), [(-1, []), (0, ["no_outcome"])])
def test_who_came_late_may_stay_as_much_longer(arrived, at, nudged, seconds, asked):
    arrived(minutes_late=20)
    at(95, seconds)
    assert nudged() == asked


def test_the_officer_gets_a_text_that_asks_whether_they_are_well(
    arrived, at, sender: TwilioSender, carrier: Carrier
):
    arrived()
    at(75)
    assert NudgeSender(sender, HARROW).send_due() == 1
    [text] = carrier.handsets
    assert text.body.startswith("Harrow Council: are you all right? Visit HV-")
    assert "was to end at 10:30" in text.body


@pytest.mark.parametrize(("seconds", "raised"), [(-1, 0), (0, 1), (1, 1)])
def test_a_scheduler_is_told_ten_minutes_after_the_officer_was_asked(
    arrived, at, alerts, officer, seconds, raised
):
    arrived()
    at(75)
    at(85, seconds)
    assert len(alerts()) == raised
    for alert in alerts():
        assert (alert["officer_id"], alert["about_at"]) == (str(officer.id), "2026-11-23T10:30:00Z")


@pytest.mark.parametrize(("seconds", "told"), [(-1, 0), (0, 1), (1, 1)])
def test_what_nobody_acknowledges_for_a_quarter_of_an_hour_goes_to_the_duty_managers_once(
    arrived, at, alerts, seconds, told
):
    visit = arrived()
    at(85)
    at(100, seconds)
    at(101 if told else 99)
    assert [(each.kind, str(each.visit_id), each.count) for each in incidents()] == [
        (IncidentKind.OFFICER_SILENT, visit["id"], 1)
    ] * told
    assert [each["escalated_at"] is not None for each in alerts()] == [bool(told)]


def test_what_somebody_sees_to_goes_no_further(arrived, at, alerts, sign_in):
    arrived()
    at(85)
    [alert] = alerts()
    assert sign_in("scheduler").patch(f"/v1/alerts/{alert['id']}", {"status": "acknowledged"}).status_code == 200
    at(100)
    assert incidents() == []


def test_it_ends_by_itself_when_the_outcome_comes(arrived, at, alerts, nudged, sign_in, officer):
    visit = arrived()
    at(85)
    finish(sign_in("officer", officer), visit, TEN + timedelta(minutes=40))
    assert nudged() == []
    at(86)
    assert alerts() == [] and len(alerts("ended")) == 1
    at(120)
    assert incidents() == []


def test_an_officer_who_set_out_for_another_visit_is_well(arrived, at, alerts, nudged, sign_in, officer, resident):
    arrived()
    following = {"id": str(factories.visit(factories.resident(), officer, TEN + timedelta(hours=3)).id)}
    at(85)
    assert len(alerts()) == 1
    depart(sign_in("officer", officer), following)
    at(86)
    assert alerts() == [] and nudged() == []


def test_an_officer_whose_next_visit_turns_out_to_be_anothers_is_asked_after_again(
    arrived, at, alerts, nudged, sign_in, officer
):
    """That somebody had set out for it showed that they are well: and it was not they."""
    arrived()
    following = factories.visit(factories.resident(), officer, TEN + timedelta(hours=3)).id
    at(85)
    depart(sign_in("officer", officer), {"id": str(following)})
    at(86)
    assert alerts() == []
    with transaction() as session:
        session.execute(update(Visit).where(Visit.id == following).values(officer_id=factories.officer().id))
    at(87)
    assert [alert["raised_at"] for alert in alerts()] == ["2026-11-23T11:27:00Z"]
    assert nudged() == ["no_outcome"]
    at(102)
    assert len(incidents()) == 1


def test_a_phone_whose_clock_is_far_ahead_hides_nobody(arrived, at, nudged, sign_in, officer, resident):
    visit = {"id": str(factories.visit(resident, officer, TEN).id)}
    at(0)
    arrive(sign_in("officer", officer), visit, TEN + timedelta(days=300))
    at(75)
    assert nudged() == ["no_outcome"]


def test_an_officer_who_is_missing_stays_missing_overnight(arrived, at, alerts):
    arrived()
    at(85)
    at(85 + 24 * 60)
    assert len(alerts()) == 1


class TestTheListOfAlerts:
    def test_is_paged_newest_first_and_filtered(self, app, at, sign_in, stopped_clock):
        made = []
        for minutes in (0, 10, 20):
            officer = factories.officer()
            visit = factories.visit(factories.resident(), officer, TEN + timedelta(minutes=minutes), at=MONDAY_9)
            made.append(str(visit.id))
            stopped_clock.set(visit.starts_at)
            arrive(sign_in("officer", officer), {"id": made[-1]}, visit.starts_at)
        for minutes in (85, 95, 105):
            at(minutes)
        scheduler = sign_in("scheduler")
        found, cursor = [], ""
        while cursor is not None:
            page = scheduler.get(f"/v1/alerts?limit=2{cursor and '&cursor=' + cursor}").json
            found += page["items"]
            cursor = page["next_cursor"]
        assert [each["visit_id"] for each in found] == made[::-1]
        assert scheduler.get("/v1/alerts?kind=nobody_arrived").json["items"] == []
        assert len(scheduler.get("/v1/alerts?status=open").json["items"]) == 3

    def test_one_can_be_ended_and_opened_again_by_hand(self, arrived, at, alerts, sign_in):
        arrived()
        at(85)
        [alert] = alerts()
        where, scheduler = f"/v1/alerts/{alert['id']}", sign_in("scheduler")
        ended = scheduler.patch(where, {"status": "ended", "note": "Rang her: all is well."}).json
        assert (ended["status"], ended["ended_at"]) == ("ended", "2026-11-23T11:25:00Z")
        at(86)
        assert alerts() == [], "nobody is told twice of one thing"
        opened = sign_in("scheduler").patch(where, {"status": "open"}).json
        assert (opened["status"], opened["ended_at"], opened["acknowledged_at"]) == ("open", None, None)
        assert sign_in("admin").get(where).json == opened

    def test_nobody_knows_one_that_is_not_there(self, scheduler: Client):
        problem(scheduler.get(f"/v1/alerts/{uuid4()}"), 404, "not-found")
        problem(scheduler.patch(f"/v1/alerts/{uuid4()}", {"note": "x"}), 404, "not-found")
