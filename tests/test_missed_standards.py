"""A standard that was missed: the visit is marked, its resident told what they can do, and redress is due."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from api import create_app
from api.config import BadSetting, Settings, read_redress
from models.database import reading
from models.missed_standard import Standard, look_for_missed
from models.officer import Officer
from models.visit_rows import find
from notifications.overdue import look_for_nobody_there
from notifications.senders.console import ConsoleSender
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.sending import dispatch
from tests.steps import MONDAY_9, arrive, cancel, finish, move, problem, see
from tests.test_corrections import correct

TEN = MONDAY_9 + timedelta(hours=1)
RULE = {Standard.MISSED: 1000, Standard.LATE: 0, Standard.SHORT_NOTICE: 250}


@pytest.fixture
def visit(officer: Officer, resident: Any) -> Any:
    return {"id": str(factories.visit(resident, officer, TEN).id)}


@pytest.fixture
def marked(stopped_clock: StoppedClock, sign_in: Any) -> Callable[..., list[Any]]:
    """What is marked after the watch has looked: (standard, pence, status) of each."""

    def look(query: str = "") -> list[Any]:
        look_for_missed(stopped_clock.now, RULE)
        items = sign_in("scheduler").get(f"/v1/missed-standards{query}").json["items"]
        return sorted((each["standard"], each["redress_pence"], each["status"]) for each in items)

    return look


def missed_of(client: Client, visit: Any) -> Any:
    return see(client, visit).get("standards_missed")


@pytest.mark.parametrize(("seconds", "marks"), [(-901, []), (0, []), (900, []), (901, [("late", 0, "none")])])
def test_an_arrival_of_over_fifteen_minutes_after_the_promise(
    visit, marked, sign_in, officer, stopped_clock, seconds, marks
):
    came = TEN + timedelta(seconds=seconds)
    stopped_clock.set(came)
    arrive(sign_in("officer", officer), visit, came)
    assert missed_of(sign_in("scheduler"), visit) == ([name for name, *_ in marks] or None), "seen at once"
    stopped_clock.set(TEN + timedelta(minutes=30))
    assert marked() == marks


def test_a_missed_visit_owes_what_the_rule_says(visit, marked, sign_in, stopped_clock):
    stopped_clock.set(TEN + timedelta(minutes=60))
    look_for_nobody_there(stopped_clock.now)
    assert marked() == [("missed", 1000, "due")]
    assert marked() == [("missed", 1000, "due")], "once"
    assert missed_of(sign_in("scheduler"), visit) == ["missed"]


def test_what_turns_out_to_be_kept_is_withdrawn(visit, marked, sign_in, officer, stopped_clock):
    stopped_clock.set(TEN + timedelta(minutes=60))
    look_for_nobody_there(stopped_clock.now)
    marked()
    arrive(sign_in("officer", officer), visit, TEN + timedelta(minutes=5))
    assert marked() == [("missed", 1000, "withdrawn")]
    assert missed_of(sign_in("scheduler"), visit) is None


def test_late_and_not_missed_where_somebody_came_an_hour_late(visit, marked, sign_in, officer, stopped_clock):
    stopped_clock.set(TEN + timedelta(minutes=60))
    look_for_nobody_there(stopped_clock.now)
    marked()
    stopped_clock.set(TEN + timedelta(minutes=65))
    arrive(sign_in("officer", officer), visit, stopped_clock.now)
    assert marked() == [("late", 0, "none"), ("missed", 1000, "withdrawn")]


def test_a_correction_weeks_later_is_judged_like_any_report(visit, marked, sign_in, officer, app, stopped_clock):
    """The complaint took its time, and the watch looks back for a week."""
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redress_rule="late=5.00 missed=10.00")
    phone = sign_in("officer", officer)
    stopped_clock.set(TEN + timedelta(minutes=30))
    arrive(phone, visit, TEN)
    finish(phone, visit, TEN + timedelta(minutes=30))
    stopped_clock.set(TEN + timedelta(days=40))
    assert marked() == []
    for minutes, marks in (
        (29, [("late", 500, "due")]),
        (10, [("late", 500, "withdrawn")]),
        (28, [("late", 500, "due")]),
    ):
        assert correct(sign_in("scheduler"), visit, arrived_at=TEN + timedelta(minutes=minutes)).status_code == 201
        assert marked() == marks


def test_redress_that_was_given_stays_whatever_is_corrected(visit, marked, sign_in, officer, stopped_clock):
    stopped_clock.set(TEN + timedelta(minutes=60))
    look_for_nobody_there(stopped_clock.now)
    marked()
    scheduler = sign_in("scheduler")
    [missed] = scheduler.get("/v1/missed-standards").json["items"]
    assert scheduler.patch(f"/v1/missed-standards/{missed['id']}", {"status": "settled"}).status_code == 200
    assert correct(scheduler, visit, arrived_at=TEN).status_code == 201
    assert marked() == [("missed", 1000, "settled")]


def test_no_access_counts_as_attended_only_if_its_arrival_is_in_the_window(
    visit, marked, sign_in, officer, stopped_clock
):
    stopped_clock.set(TEN + timedelta(minutes=20))
    phone = sign_in("officer", officer)
    arrive(phone, visit, stopped_clock.now)
    finish(phone, visit, stopped_clock.now, outcome="no_access")
    assert marked() == [("missed", 1000, "due")]


def test_a_resident_who_was_in_when_an_officer_found_nobody_was_missed(
    visit, marked, sign_in, officer, stopped_clock
):
    stopped_clock.set(TEN)
    arrive(sign_in("officer", officer), visit, TEN)
    finish(sign_in("officer", officer), visit, TEN, outcome="no_access")
    dispute = sign_in("scheduler").post(f"/v1/visits/{visit['id']}/dispute", {}).json
    stopped_clock.set(TEN + timedelta(days=20))
    assert marked() == [], "in dispute, it stands as it was reported"
    settled = {"outcome": "upheld", "reason": "The van was two streets away"}
    assert sign_in("scheduler").patch(f"/v1/disputes/{dispute['id']}", settled).status_code == 200
    assert marked() == [("missed", 1000, "due")]
    assert missed_of(sign_in("scheduler"), visit) == ["missed"]
    stopped_clock.advance(29 * 24 * 3600)
    assert marked() == [("missed", 1000, "due")], "it is not taken back when it is old"


def test_a_change_that_nobody_was_told_of_in_time(visit, marked, sign_in, officer, resident, stopped_clock):
    """Moved with two days to go, and no text goes until the time has passed."""
    far = {"id": str(factories.visit(resident, officer, TEN + timedelta(days=2)).id)}
    assert move(sign_in("scheduler"), far, TEN + timedelta(days=3)).status_code == 201
    cancel(sign_in("scheduler"), visit)
    assert marked() == []
    stopped_clock.set(TEN + timedelta(days=2, seconds=1))
    assert marked() == [("short_notice", 250, "due")] * 2
    assert missed_of(sign_in("scheduler"), far) == ["short_notice"]


@pytest.mark.parametrize("how", ["told in time", "asked for"])
def test_a_change_told_in_time_or_asked_for_is_none(visit, marked, sign_in, officer, resident, stopped_clock, how):
    far = {"id": str(factories.visit(resident, officer, TEN + timedelta(days=2)).id)}
    by = "resident" if how == "asked for" else "council"
    move(sign_in("scheduler"), far, TEN + timedelta(days=3), requested_by=by)
    finish(sign_in("officer", officer), visit, TEN)
    if how == "told in time":
        stopped_clock.advance(120)
        dispatch(ConsoleSender())
    stopped_clock.set(TEN + timedelta(days=2, hours=1))
    assert marked() == []


class TestRedress:
    @pytest.fixture
    def due(self, visit: Any, marked: Any, sign_in: Any, stopped_clock: StoppedClock) -> str:
        stopped_clock.set(TEN + timedelta(minutes=60))
        look_for_nobody_there(stopped_clock.now)
        marked()
        [item] = sign_in("scheduler").get("/v1/missed-standards?status=due").json["items"]
        return f"/v1/missed-standards/{item['id']}"

    def test_it_is_settled_by_somebody_and_once(self, due, sign_in, stopped_clock):
        settled = sign_in("scheduler").patch(due, {"status": "settled", "note": "Cheque 12"}).json
        assert (settled["status"], settled["note"], settled["settled_at"]) == (
            "settled",
            "Cheque 12",
            "2026-11-23T11:00:00Z",
        )
        stopped_clock.advance(60)
        again = sign_in("admin").patch(due, {"status": "settled"}).json
        assert (again["settled_at"], again["settled_by_id"]) == (settled["settled_at"], settled["settled_by_id"])
        taken_back = sign_in("admin").patch(due, {"status": "due"}).json
        assert (taken_back["status"], taken_back["settled_at"], taken_back["settled_by_id"]) == ("due", None, None)

    def test_what_was_given_is_not_asked_back(self, due, visit, marked, sign_in, officer):
        sign_in("scheduler").patch(due, {"status": "settled"})
        arrive(sign_in("officer", officer), visit, TEN)
        assert marked() == [("missed", 1000, "settled")]

    def test_nothing_can_be_settled_that_is_not_due(self, due, visit, marked, sign_in, officer):
        arrive(sign_in("officer", officer), visit, TEN)
        marked()
        problem(sign_in("scheduler").patch(due, {"status": "settled"}), 409, "visit-state")

    def test_the_list_is_paged_and_filtered(self, due, sign_in, marked, officer, stopped_clock):
        for _ in range(3):
            home = factories.resident()
            factories.visit(home, None, TEN, at=MONDAY_9)
        stopped_clock.advance(1)
        look_for_nobody_there(stopped_clock.now)
        marked()
        scheduler, found, cursor = sign_in("scheduler"), [], ""
        while cursor is not None:
            page = scheduler.get(f"/v1/missed-standards?limit=3{cursor and '&cursor=' + cursor}").json
            found += page["items"]
            cursor = page["next_cursor"]
        assert len({each["id"] for each in found}) == 4
        assert [each["found_at"] for each in found] == sorted((each["found_at"] for each in found), reverse=True)
        assert scheduler.get("/v1/missed-standards?standard=late").json["items"] == []
        assert sign_in("admin").get(due).json["visit_reference"].startswith("HV-")

    def test_nobody_knows_one_that_is_not_there(self, scheduler: Client):
        problem(scheduler.get(f"/v1/missed-standards/{uuid4()}"), 404, "not-found")
        problem(scheduler.patch(f"/v1/missed-standards/{uuid4()}", {"note": "x"}), 404, "not-found")


class TestTheRule:
    def test_it_is_pounds_by_standard(self):
        assert read_redress("missed=10.00  late=2.50") == {"missed": 1000, "late": 250}
        assert read_redress("") == {}
        assert read_redress("short_notice=0 missed=0.29") == {"short_notice": 0, "missed": 29}

    @pytest.mark.parametrize("rule", ["missed", "missed=ten", "missed=-1", "early=1", "missed=1.5", "late=99999"])
    def test_what_cannot_be_meant_stops_the_start(self, rule):
        with pytest.raises(BadSetting, match="REDRESS_RULE"):
            Settings.from_environment({"REDRESS_RULE": rule})

    @pytest.mark.parametrize("url", ["complaints", "javascript:alert(1)", "https://", "https://x.example/a b"])
    def test_a_page_for_complaints_is_an_address(self, url):
        with pytest.raises(BadSetting, match="COMPLAINTS_URL"):
            Settings.from_environment({"COMPLAINTS_URL": url})


class TestTheResidentsPage:
    @pytest.fixture
    def page(self, app: Flask, visit: Any) -> Callable[[], str]:
        with reading() as session:
            reference = find(session, UUID(visit["id"])).reference
        return lambda: app.test_client().get(f"/v/{app.extensions['visit_links'].code(reference)}").text

    def test_a_missed_visit_says_sorry_what_is_owed_and_where_to_complain(
        self, page, marked, stopped_clock, visit
    ):
        stopped_clock.set(TEN + timedelta(minutes=60))
        look_for_nobody_there(stopped_clock.now)
        marked()
        said = page()
        for words in ("We did not come when we said.", "£10.00", "You can complain about this."):
            assert words in said
        assert "complain on our website" not in said

    def test_a_late_visit_says_so_when_it_is_over_and_not_while_the_officer_is_there(
        self, page, sign_in, officer, visit, stopped_clock
    ):
        stopped_clock.set(TEN + timedelta(minutes=20))
        phone = sign_in("officer", officer)
        arrive(phone, visit, stopped_clock.now)
        assert "15 minutes late" not in page()
        finish(phone, visit, stopped_clock.now)
        assert "We came more than 15 minutes late." in page()

    def test_a_visit_that_kept_its_promises_says_nothing_of_it(self, page, sign_in, officer, visit, stopped_clock):
        stopped_clock.set(TEN)
        phone = sign_in("officer", officer)
        arrive(phone, visit, TEN)
        finish(phone, visit, TEN)
        assert "We are sorry" not in page() and "complain" not in page()

    def test_it_leads_to_the_page_for_complaints_if_there_is_one(self, environment, visit, stopped_clock):
        url = "https://www.example.org/complaints?from=visits&a=b"
        app = create_app(Settings.from_environment(environment | {"COMPLAINTS_URL": url}))
        stopped_clock.set(TEN + timedelta(hours=2))
        with reading() as session:
            reference = find(session, UUID(visit["id"])).reference
        said = app.test_client().get(f"/v/{app.extensions['visit_links'].code(reference)}").text
        assert f'href="{url.replace("&", "&amp;")}"' in said
