"""Unavailability after the fact: what is booked with somebody who cannot come, and what could be done about it."""

from datetime import date, timedelta
from typing import Any

import pytest

from models.database import transaction
from models.officer import Officer
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, book, instant, problem
from tests.test_lists import pages

TUESDAY_10 = MONDAY_9 + timedelta(days=1, hours=1)
TUESDAY_ALL_DAY = {"starts_at": "2026-11-24T00:00:00Z", "ends_at": "2026-11-25T00:00:00Z", "kind": "sickness"}


def risks(client: Client, officer: Officer, query: str = "") -> Any:
    answered = client.get(f"/v1/officers/{officer.id}/visits-at-risk{query}")
    assert answered.status_code == 200, answered.get_data(as_text=True)
    return answered.json["items"]


def ill(client: Client, officer: Officer, **changes: Any) -> Any:
    made = client.post(f"/v1/officers/{officer.id}/absences", TUESDAY_ALL_DAY | changes)
    assert made.status_code == 201, made.get_data(as_text=True)
    return made.json


def change(officer: Officer, **values: Any) -> None:
    with transaction() as session:
        kept = session.get_one(Officer, officer.id)
        for name, value in values.items():
            setattr(kept, name, value)


class TestWhichVisits:
    @pytest.mark.parametrize(
        ("hours", "count"), [((10, 11), 1), ((9, 10), 0), ((9, 10.02), 1), ((10.49, 12), 1), ((10.5, 12), 0)]
    )
    def test_an_absence_over_any_part_of_a_visit_is_a_risk_and_touching_ends_are_none(
        self, scheduler, officer, resident, hours, count
    ):
        book(scheduler, resident, officer, TUESDAY_10)
        midnight = TUESDAY_10.replace(hour=0)
        begins, ends = (midnight + timedelta(hours=hour) for hour in hours)
        made = ill(scheduler, officer, starts_at=begins.isoformat(), ends_at=ends.isoformat())
        assert made["visits_at_risk"] == count
        assert len(risks(scheduler, officer)) == count

    def test_the_answer_to_an_absence_leads_to_the_visits(self, scheduler, officer, resident):
        visits = [book(scheduler, resident, officer, TUESDAY_10 + timedelta(hours=hour)) for hour in range(3)]
        book(scheduler, resident, officer, TUESDAY_10 + timedelta(days=1))
        made = ill(scheduler, officer)
        assert made["visits_at_risk"] == 3
        found = scheduler.get(made["visits_at_risk_url"]).json["items"]
        assert [visit["id"] for visit in found] == [visit["id"] for visit in visits]
        assert {visit["risk"] for visit in found} == {"sickness"}

    def test_an_absence_with_nothing_booked_leads_nowhere(self, scheduler, officer):
        made = ill(scheduler, officer)
        assert (made["visits_at_risk"], made["visits_at_risk_url"]) == (0, None)
        past = ill(scheduler, officer, starts_at="2026-11-02T00:00:00Z", ends_at="2026-11-03T00:00:00Z")
        assert (past["visits_at_risk"], past["visits_at_risk_url"]) == (0, None)

    def test_other_hours_on_a_day_say_what_does_not_fit_them(self, scheduler, officer, resident):
        first, _ = (book(scheduler, resident, officer, TUESDAY_10 + timedelta(hours=hour)) for hour in (0, 4))
        afternoon = {"windows": [{"start": "12:00", "end": "17:00"}]}
        made = scheduler.put(f"/v1/officers/{officer.id}/working-exceptions/2026-11-24", afternoon).json
        assert made["visits_at_risk"] == 1
        (visit,) = scheduler.get(made["visits_at_risk_url"]).json["items"]
        assert (visit["id"], visit["risk"]) == (first["id"], "hours")

    def test_a_week_that_is_set_anew_is_looked_at_too(self, scheduler, officer, resident):
        book(scheduler, resident, officer, TUESDAY_10)
        week = {"days": {"monday": [{"start": "09:00", "end": "17:00"}]}}
        assert scheduler.put(f"/v1/officers/{officer.id}/working-pattern", week).status_code == 200
        assert [visit["risk"] for visit in risks(scheduler, officer)] == ["hours"]

    def test_a_bank_holiday_is_said_to_be_one(self, scheduler, officer, resident):
        book(scheduler, resident, officer, TUESDAY_10.replace(month=12, day=25))
        week = {"days": {"friday": [{"start": "09:00", "end": "17:00"}]}}
        scheduler.put(f"/v1/officers/{officer.id}/working-pattern", week)
        assert [visit["risk"] for visit in risks(scheduler, officer)] == ["bank_holiday"]

    def test_a_night_is_no_risk_for_somebody_whose_hours_nobody_has_set(self, scheduler, officer, resident):
        book(scheduler, resident, officer, TUESDAY_10.replace(hour=22))
        assert risks(scheduler, officer) == []

    @pytest.mark.parametrize(
        ("values", "risk"),
        [({"active": False}, "left"), ({"suspended_at": MONDAY_9}, "suspended")],
    )
    def test_somebody_who_is_gone_or_suspended_can_make_none(self, scheduler, officer, resident, values, risk):
        for day in range(2):
            book(scheduler, resident, officer, TUESDAY_10 + timedelta(days=day))
        change(officer, **values)
        assert [visit["risk"] for visit in risks(scheduler, officer)] == [risk, risk]

    def test_a_contract_that_ends_sooner_leaves_the_visits_after_it(self, scheduler, resident):
        officer = factories.officer(company="Brightwater Ltd")
        for day in range(2):
            book(scheduler, resident, officer, TUESDAY_10 + timedelta(days=day))
        change(officer, contract_ends_on=date(2026, 11, 24))
        (visit,) = risks(scheduler, officer)
        assert (visit["risk"], visit["starts_at"]) == ("contract", "2026-11-25T10:00:00Z")

    def test_they_are_read_page_by_page_and_between_two_times(self, scheduler, officer, resident):
        for minutes in range(0, 300, 30):
            factories.visit(resident, officer, TUESDAY_10 + timedelta(minutes=minutes))
        change(officer, suspended_at=MONDAY_9)
        for limit in (1, 3, 10, 200):
            assert len(pages(scheduler, f"/v1/officers/{officer.id}/visits-at-risk?", limit)) == 10
        assert len(risks(scheduler, officer, "?from=2026-11-24T11:00:00Z&to=2026-11-24T12:00:00Z")) == 2
        backwards = f"/v1/officers/{officer.id}/visits-at-risk?from=2026-11-25T00:00:00Z&to=2026-11-24T00:00:00Z"
        problem(scheduler.get(backwards), 422, "not-valid")

    def test_cancelled_and_past_visits_are_at_no_risk(self, scheduler, officer, resident):
        factories.visit(resident, officer, MONDAY_9 - timedelta(hours=2), reason="Entered afterwards")
        visit = book(scheduler, resident, officer, TUESDAY_10)
        body = {"reason": "Not needed", "requested_by": "resident"}
        scheduler.post(f"/v1/visits/{visit['id']}/cancellation", body, If_Match='"1"')
        change(officer, suspended_at=MONDAY_9)
        assert risks(scheduler, officer) == []


def kinds(visit: Any) -> list[str]:
    return [proposal["kind"] for proposal in visit["proposals"]]


class TestWhatCouldBeDone:
    def test_another_officer_at_the_same_time_comes_first_and_needs_no_notice(self, scheduler, officer, resident):
        other = factories.officer()
        book(scheduler, resident, officer, TUESDAY_10)
        ill(scheduler, officer)
        (visit,) = risks(scheduler, officer)
        same, move = visit["proposals"]
        assert (same["kind"], same["officer_id"], same["starts_at"], same["notice"]) == (
            "assignment",
            str(other.id),
            visit["starts_at"],
            None,
        )
        assert move["kind"] == "move" and move["starts_at"] != visit["starts_at"]

    def test_a_move_says_what_notice_it_would_give(self, scheduler, officer, resident):
        book(scheduler, resident, officer, TUESDAY_10)
        ill(scheduler, officer)
        (visit,) = risks(scheduler, officer)
        (move,) = visit["proposals"]
        assert (move["kind"], move["officer_id"]) == ("move", str(officer.id))
        assert instant(move["starts_at"]).date() == date(2026, 11, 25), "the first day on which they are back"
        assert move["notice"] == {
            "reference_at": "2026-11-24T10:00:00Z",
            "deadline": "2026-11-23T10:00:00Z",
            "possible": True,
            "lead_seconds": 90000.0,
        }

    def test_a_time_that_gives_24_hours_notice_comes_first(self, scheduler, officer, resident, stopped_clock):
        """At 9:10 the day before, 9:15 gives it and 9:00 does not."""
        other = factories.officer()
        visit = book(scheduler, resident, officer, TUESDAY_10 + timedelta(hours=5))
        ill(scheduler, officer)
        only_mornings = {"windows": [{"start": "09:00", "end": "09:45"}]}
        scheduler.put(f"/v1/officers/{other.id}/working-exceptions/2026-11-24", only_mornings)
        stopped_clock.set(MONDAY_9 + timedelta(minutes=10))
        (found,) = risks(scheduler, officer)
        (move,) = found["proposals"]
        assert found["id"] == visit["id"] and move["notice"]["possible"]
        assert move["starts_at"].startswith("2026-11-24T09:15")

    def test_what_is_proposed_for_one_visit_is_not_free_for_the_next(self, scheduler, officer, resident):
        other = factories.officer()
        book(scheduler, resident, officer, TUESDAY_10)
        book(scheduler, resident, officer, TUESDAY_10 + timedelta(minutes=30))
        ill(scheduler, officer)
        first, second = risks(scheduler, officer)
        assert (kinds(first), kinds(second)) == (["assignment", "move"], ["move"])
        assert first["proposals"][0]["officer_id"] == str(other.id)

    def test_skills_and_areas_count(self, scheduler, officer, resident):
        change(officer, skills=["gas"])
        factories.officer()
        factories.officer(skills=["gas"], areas=["NW10"])
        book(scheduler, resident, officer, TUESDAY_10, skills=["gas"])
        change(officer, active=False)
        (visit,) = risks(scheduler, officer)
        assert visit["proposals"] == []

    def test_of_two_officers_the_other_one_stays(self, scheduler, officer, resident):
        partner = factories.officer()
        visits = [
            book(scheduler, resident, first, TUESDAY_10 + timedelta(hours=hours), second_officer_id=str(second.id))
            for hours, first, second in ((0, officer, partner), (3, partner, officer))
        ]
        ill(scheduler, officer)
        assert [kinds(visit) for visit in risks(scheduler, officer)] == [[], []], "the partner is there already"
        other = factories.officer()
        found = risks(scheduler, officer)
        assert [visit["id"] for visit in found] == [visit["id"] for visit in visits]
        pairs = [(each["officer_id"], each["second_officer_id"]) for visit in found for each in visit["proposals"]]
        assert pairs == [(str(other.id), str(partner.id)), (str(partner.id), str(other.id))]
        changes = [
            {
                "visit_id": visit["id"],
                "version": 1,
                "kind": "assignment",
                "officer_id": one,
                "second_officer_id": two,
            }
            for visit, (one, two) in zip(visits, pairs, strict=True)
        ]
        made = scheduler.post("/v1/visits/changes", {"changes": changes, "reason": "Officer ill"})
        assert made.status_code == 201, made.get_data(as_text=True)
        assert risks(scheduler, officer) == []
