"""Booking checks: an officer is booked only where they can be, or against a rule that is named with a reason."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.absence import AbsenceKind, enter
from models.booking_rules import NEVER, Rule
from models.database import transaction
from models.officer import Officer
from models.working_time import LunchBreak, Window, WorkingPattern
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, book, cancel, move, path, problem, see

TUESDAY = MONDAY_9 - timedelta(hours=9) + timedelta(days=1)
HOME, NEAR, FAR = (51.58, -0.33), (51.58, -0.35), (51.60, -0.45)
"""From home it is 1.4 km to what is near, and 8.6 km to what is far: some 8 and 28 minutes by day."""
WHY = "The resident asked for it"


def at(clock: str) -> datetime:
    """A time of Tuesday 24 November 2026."""
    hours, _, minutes = clock.partition(":")
    return TUESDAY + timedelta(hours=int(hours), minutes=int(minutes))


def home(place: tuple[float, float] | None, **changes: Any) -> Any:
    latitude, longitude = place or (None, None)
    return factories.resident(latitude=latitude, longitude=longitude, **changes)


def week(*windows: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """Hours of every day of the week, as an officer's row holds them."""
    minutes = [Window(*(_minute(clock) for clock in window)) for window in windows]
    return WorkingPattern(days=(tuple(minutes),) * 7, **changes).kept()


def _minute(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


@pytest.fixture
def worker(app: Any) -> Officer:
    """An officer who works 09:00 to 17:00 on every day: somebody has said so."""
    return factories.officer(working_pattern=week(("09:00", "17:00")))


def ask(
    client: Client, resident: Any, officer: Officer, starts_at: datetime, *against: str, **changes: Any
) -> Any:
    """Try to book; `against` are the rules to book against."""
    overrides = [{"rule": rule, "reason": WHY} for rule in against]
    return client.post(
        "/v1/visits", factories.booking(resident, officer, starts_at, overrides=overrides, **changes)
    )


def broken(response: Any) -> list[str]:
    """The rules that stand in the way."""
    return [each["rule"] for each in problem(response, 409, "booking-rules")["broken"]]


def away(officer: Officer, starts_at: datetime, ends_at: datetime) -> None:
    with transaction() as session:
        enter(
            session,
            officer_id=officer.id,
            starts_at=starts_at,
            ends_at=ends_at,
            kind=AbsenceKind.LEAVE,
            reason=None,
            by=None,
            at=MONDAY_9,
        )


class TestWhatIsNeverBookedAgainst:
    def test_a_skill_that_the_officer_does_not_have(self, scheduler: Client, resident: Any) -> None:
        plumber = factories.officer(skills=["gas"])
        refused = ask(scheduler, resident, plumber, at("10:00"), skills=["gas", "lift", "damp"])
        assert broken(refused) == ["skill"]
        assert "damp, lift" in refused.json["detail"] and "overrides" not in refused.json["detail"]
        assert refused.json["broken"][0]["may_be_overridden"] is False
        assert ask(scheduler, resident, plumber, at("10:00"), skills=["gas"]).status_code == 201

    @pytest.mark.parametrize(
        ("clock", "free"), [("11:30", True), ("11:45", False), ("13:45", False), ("14:00", True)]
    )
    def test_leave_with_ends_that_may_touch(
        self, scheduler: Client, resident: Any, worker: Officer, clock: str, free: bool
    ) -> None:
        away(worker, at("12:00"), at("14:00"))
        asked = ask(scheduler, resident, worker, at(clock), "hours", "slack", "travel")
        assert asked.status_code == 201 if free else broken(asked) == ["leave"]

    def test_a_leave_of_a_day_has_no_hour_in_it_also_for_who_has_no_hours_set(
        self, scheduler: Client, resident: Any, officer: Officer
    ) -> None:
        away(officer, TUESDAY, TUESDAY + timedelta(days=1))
        assert broken(ask(scheduler, resident, officer, at("12:00"))) == ["leave"]
        assert broken(ask(scheduler, resident, officer, at("23:45"))) == ["leave"]

    def test_an_overlap_is_a_clash_whatever_else_is_wrong(
        self, scheduler: Client, resident: Any, officer: Officer
    ) -> None:
        book(scheduler, resident, officer, at("10:00"))
        problem(ask(scheduler, resident, officer, at("10:15"), skills=["gas"]), 409, "diary-clash")

    @pytest.mark.parametrize("rule", sorted(NEVER))
    def test_naming_one_of_them_is_refused(
        self, scheduler: Client, resident: Any, officer: Officer, rule: str
    ) -> None:
        refused = problem(ask(scheduler, resident, officer, at("10:00"), rule), 422, "not-valid")
        assert "Nobody books against" in str(refused["errors"]["overrides"])


class TestTheOthers:
    def test_an_area_that_is_not_the_officers(self, scheduler: Client, resident: Any) -> None:
        elsewhere = factories.officer(areas=["HA3", "HA1 3"])
        assert broken(ask(scheduler, resident, elsewhere, at("10:00"))) == ["area"]
        assert ask(scheduler, resident, elsewhere, at("10:00"), "area").status_code == 201

    @pytest.mark.parametrize(
        ("clock", "rules"), [("08:45", ["hours"]), ("09:00", []), ("16:30", []), ("16:45", ["hours"])]
    )
    def test_hours(self, scheduler: Client, resident: Any, worker: Officer, clock: str, rules: list[str]) -> None:
        asked = ask(scheduler, resident, worker, at(clock))
        assert broken(asked) == rules if rules else asked.status_code == 201
        if rules:
            assert "09:00 to 17:00" in asked.json["detail"]
            assert ask(scheduler, resident, worker, at(clock), "hours").status_code == 201

    def test_the_way_to_the_visit_says_by_how_much(self, scheduler: Client, worker: Officer) -> None:
        book(scheduler, home(HOME), worker, at("10:00"))
        far = home(FAR)
        refused = ask(scheduler, far, worker, at("10:45"))
        assert broken(refused) == ["travel"]
        short = refused.json["broken"][0]["short_minutes"]
        assert 10 < short < 20
        assert refused.json["broken"][0]["may_be_overridden"] is True
        assert "overrides" in refused.json["detail"] and "10:45" in refused.json["detail"]
        assert broken(ask(scheduler, far, worker, at("10:45") + timedelta(minutes=short - 0.2))) == ["travel"]
        in_time = ask(scheduler, far, worker, at("10:45") + timedelta(minutes=short + 0.2), "slack")
        assert in_time.status_code == 201

    def test_the_way_from_it_to_the_next(self, scheduler: Client, worker: Officer) -> None:
        book(scheduler, home(HOME), worker, at("10:45"))
        refused = ask(scheduler, home(FAR), worker, at("10:00"))
        assert broken(refused) == ["travel"] and "the next visit" in refused.json["detail"]
        assert ask(scheduler, home(FAR), worker, at("10:00"), "travel").status_code == 201

    def test_the_slack_after_a_long_visit(self, scheduler: Client, resident: Any, worker: Officer) -> None:
        book(scheduler, resident, worker, at("10:00"), duration_minutes=120)
        # 1.645 x 0.35 x 120 less 15.
        assert broken(ask(scheduler, resident, worker, at("12:53"))) == ["slack"]
        assert ask(scheduler, resident, worker, at("12:55")).status_code == 201

    def test_the_lunch(self, scheduler: Client, resident: Any) -> None:
        hungry = factories.officer(
            working_pattern=week(("09:00", "17:00"), lunch=LunchBreak(30, _minute("12:00"), _minute("13:00")))
        )
        book(scheduler, resident, hungry, at("11:15"))
        refused = ask(scheduler, resident, hungry, at("12:00"), duration_minutes=90)
        assert broken(refused) == ["lunch"] and "30 minutes for lunch" in refused.json["detail"]
        assert ask(scheduler, resident, hungry, at("12:45")).status_code == 201

    def test_the_way_to_where_the_shift_ends(self, scheduler: Client) -> None:
        homeward = factories.officer(working_pattern=week(("09:00", "17:00"), ends_at=HOME))
        refused = ask(scheduler, home(FAR), homeward, at("16:15"))
        assert broken(refused) == ["shift_end"] and "in place of 17:00" in refused.json["detail"]
        assert ask(scheduler, home(FAR), homeward, at("15:45")).status_code == 201

    def test_the_way_from_where_it_begins(self, scheduler: Client) -> None:
        outward = factories.officer(working_pattern=week(("09:00", "17:00"), starts_from=HOME))
        assert broken(ask(scheduler, home(FAR), outward, at("09:15"))) == ["travel"]
        assert ask(scheduler, home(FAR), outward, at("09:45")).status_code == 201

    def test_who_is_booked_out_of_hours_breaks_one_rule_and_not_four(self, scheduler: Client) -> None:
        worker = factories.officer(working_pattern=week(("09:00", "17:00"), starts_from=HOME, ends_at=HOME))
        for clock in ("07:00", "18:00", "22:00"):
            assert broken(ask(scheduler, home(FAR), worker, at(clock))) == ["hours"]
            assert ask(scheduler, home(FAR), worker, at(clock), "hours").status_code == 201
        # And is not in two places then, either.
        assert broken(ask(scheduler, home(HOME), worker, at("18:40"), "hours")) == ["travel"]

    def test_only_what_is_named_gives_way(self, scheduler: Client, worker: Officer) -> None:
        book(scheduler, home(HOME), worker, at("16:15"))
        far = home(FAR, postcode="HA3 1AA")
        with transaction() as session:
            session.get_one(Officer, worker.id).areas = ["HA1"]
        assert sorted(broken(ask(scheduler, far, worker, at("16:50")))) == ["area", "hours", "travel"]
        assert sorted(broken(ask(scheduler, far, worker, at("16:50"), "hours", "slack"))) == ["area", "travel"]
        assert ask(scheduler, far, worker, at("16:50"), "hours", "travel", "area").status_code == 201

    def test_what_was_wrong_before_does_not_count(self, scheduler: Client, resident: Any, worker: Officer) -> None:
        ask(scheduler, home(HOME), worker, at("10:00"))
        assert ask(scheduler, home(FAR), worker, at("10:35"), "travel").status_code == 201
        assert ask(scheduler, home(FAR), worker, at("15:00")).status_code == 201


class TestWhatIsNotKnown:
    def test_a_place_that_nobody_knows_refuses_nobody(self, scheduler: Client, worker: Officer) -> None:
        book(scheduler, home(HOME), worker, at("10:00"))
        assert ask(scheduler, home(None), worker, at("10:33")).status_code == 201
        assert ask(scheduler, home(FAR), worker, at("11:06")).status_code == 201

    def test_two_visits_in_one_house_have_no_way_between(self, scheduler: Client, worker: Officer) -> None:
        for clock in ("10:00", "10:33"):
            assert ask(scheduler, home(HOME), worker, at(clock)).status_code == 201

    def test_hours_that_nobody_has_set_only_warn(self, scheduler: Client, resident: Any, officer: Officer) -> None:
        for starts_at in (at("20:00"), at("23:45"), MONDAY_9 + timedelta(days=5), MONDAY_9 + timedelta(days=32)):
            made = ask(scheduler, resident, officer, starts_at)
            assert made.status_code == 201
            assert [each["rule"] for each in made.json["warnings"]][:1] == ["hours"]
            assert "this is assumed" in made.json["warnings"][0]["detail"]
        touching = ask(scheduler, resident, officer, at("20:30"))
        assert [each["rule"] for each in touching.json["warnings"]] == ["hours", "slack"]

    def test_ways_refuse_there_too(self, scheduler: Client, officer: Officer) -> None:
        book(scheduler, home(HOME), officer, at("20:00"))
        assert broken(ask(scheduler, home(FAR), officer, at("20:30"))) == ["travel"]
        assert broken(ask(scheduler, home(FAR), officer, at("19:30"))) == ["travel"]

    def test_an_exception_for_the_day_sets_it(self, scheduler: Client, resident: Any, officer: Officer) -> None:
        day = {"windows": [{"start": "20:00", "end": "24:00"}]}
        put = scheduler.put(f"/v1/officers/{officer.id}/working-exceptions/2026-11-24", day)
        assert put.status_code == 200
        assert broken(ask(scheduler, resident, officer, at("10:00"))) == ["hours"]
        made = ask(scheduler, resident, officer, at("23:30"))
        assert (made.status_code, made.json["warnings"]) == (201, [])
        assert ask(scheduler, resident, officer, at("10:00") + timedelta(days=1)).json["warnings"] == []

    def test_a_visit_entered_afterwards_is_held_to_nothing_but_the_overlap(
        self, scheduler: Client, resident: Any, worker: Officer
    ) -> None:
        past = MONDAY_9 - timedelta(hours=2)
        made = ask(scheduler, resident, worker, past, skills=["gas"], reason="Urgent, at night")
        assert (made.status_code, made.json["warnings"]) == (201, [])
        problem(ask(scheduler, resident, worker, past, reason="Again"), 409, "diary-clash")


def test_a_visit_over_midnight_is_in_the_hours_of_both_days(scheduler: Client, resident: Any) -> None:
    nightly = factories.officer(working_pattern=week(("00:00", "06:00"), ("22:00", "24:00")))
    made = ask(scheduler, resident, nightly, at("23:30"), duration_minutes=60)
    assert (made.status_code, made.json["warnings"]) == (201, [])
    late = factories.officer(working_pattern=week(("22:00", "24:00")))
    assert broken(ask(scheduler, resident, late, at("23:30"), duration_minutes=60)) == ["hours"]


def test_what_was_booked_against_is_in_the_history_and_no_more_than_that(
    scheduler: Client, resident: Any, worker: Officer
) -> None:
    made = ask(scheduler, resident, worker, at("17:30"), "hours", "travel", "lunch")
    assert made.json["warnings"] == []
    details = scheduler.get(path(made.json, "history")).json["items"][0]["details"]
    assert details["overrides"] == [{"rule": "hours", "reason": WHY}]
    plain = book(scheduler, resident, worker, at("10:00"))
    assert "overrides" not in scheduler.get(path(plain, "history")).json["items"][0]["details"]


def test_a_rule_that_only_warns_may_be_named_and_then_it_is_recorded(
    scheduler: Client, resident: Any, officer: Officer
) -> None:
    made = ask(scheduler, resident, officer, at("20:00"), "hours")
    assert (made.status_code, made.json["warnings"]) == (201, [])
    details = scheduler.get(path(made.json, "history")).json["items"][0]["details"]
    assert details["overrides"] == [{"rule": "hours", "reason": WHY}]


class TestMoves:
    def test_it_is_checked_as_a_booking_is(self, scheduler: Client, resident: Any, worker: Officer) -> None:
        visit = book(scheduler, resident, worker, at("10:00"))
        assert broken(move(scheduler, visit, at("17:30"))) == ["hours"]
        assert see(scheduler, visit)["version"] == 1
        against = [{"rule": "hours", "reason": WHY}]
        moved = move(scheduler, visit, at("17:30"), overrides=against)
        assert (moved.status_code, moved.json["warnings"]) == (201, [])
        history = {each["kind"]: each["details"] for each in scheduler.get(path(visit, "history")).json["items"]}
        assert history["moved"]["overrides"] == against and "overrides" not in history["booked"]

    def test_it_is_not_in_its_own_way(self, scheduler: Client, worker: Officer) -> None:
        visit = book(scheduler, home(FAR), worker, at("10:00"))
        assert move(scheduler, visit, at("10:10")).status_code == 201

    def test_the_skills_of_the_visit_are_wanted_of_the_new_officer(self, scheduler: Client, resident: Any) -> None:
        able, other = factories.officer(skills=["gas"]), factories.officer()
        visit = book(scheduler, resident, able, at("10:00"), skills=["gas"])
        assert broken(move(scheduler, visit, at("10:00"), officer_id=str(other.id))) == ["skill"]

    def test_hours_that_nobody_has_set_only_warn(self, scheduler: Client, resident: Any, officer: Officer) -> None:
        moved = move(scheduler, book(scheduler, resident, officer, at("10:00")), at("20:00"))
        assert [each["rule"] for each in moved.json["warnings"]] == ["hours"]


class TestHolds:
    def hold(self, client: Client, officer: Officer, clock: str, *against: str, **changes: Any) -> Any:
        overrides = [{"rule": rule, "reason": WHY} for rule in against]
        body = {"officer_id": str(officer.id), "starts_at": at(clock).isoformat(), "duration_minutes": 30}
        return client.post("/v1/holds", body | {"overrides": overrides} | changes)

    def test_it_is_checked_as_a_booking_is(self, scheduler: Client, worker: Officer) -> None:
        book(scheduler, home(HOME), worker, at("10:00"))
        far = str(home(FAR).id)
        assert broken(self.hold(scheduler, worker, "10:40", resident_id=far)) == ["travel"]
        assert self.hold(scheduler, worker, "10:40").status_code == 201
        assert self.hold(scheduler, worker, "10:40", "travel", resident_id=far).status_code == 201
        assert broken(self.hold(scheduler, worker, "17:30")) == ["hours"]
        problem(self.hold(scheduler, worker, "12:00", "leave"), 422, "not-valid")

    def test_what_another_keeps_is_somewhere_the_officer_has_to_be(
        self, scheduler: Client, sign_in: Any, worker: Officer
    ) -> None:
        other, far = sign_in("scheduler"), home(FAR)
        self.hold(other, worker, "10:00", resident_id=str(home(HOME).id))
        assert broken(ask(scheduler, far, worker, at("10:40"))) == ["travel"]
        assert ask(other, far, worker, at("10:40")).status_code == 201

    def test_what_is_kept_can_be_booked_by_whoever_keeps_it(
        self, scheduler: Client, resident: Any, officer: Officer
    ) -> None:
        made = self.hold(scheduler, officer, "20:00", resident_id=str(resident.id))
        assert [each["rule"] for each in made.json["warnings"]] == ["hours"]
        assert ask(scheduler, resident, officer, at("20:00")).status_code == 201


@pytest.mark.parametrize(
    "overrides",
    [
        "travel",
        {"travel": "x"},
        ["travel"],
        [{"rule": "travel"}],
        [{"reason": "x"}],
        [{"rule": "travel", "reason": ""}],
        [{"rule": "travel", "reason": None}],
        [{"rule": "travel", "reason": "x" * 501}],
        [{"rule": "weather", "reason": "x"}],
        [{"rule": "travel", "reason": "x", "by": "me"}],
        [{"rule": "travel", "reason": "x"}, {"rule": "travel", "reason": "y"}],
        [{"rule": rule, "reason": "x"} for rule in Rule] * 2,
        None,
    ],
)
def test_overrides_that_cannot_be_meant_are_refused(
    scheduler: Client, resident: Any, officer: Officer, overrides: Any
) -> None:
    body = factories.booking(resident, officer, at("10:00"), overrides=overrides)
    assert "overrides" in problem(scheduler.post("/v1/visits", body), 422, "not-valid")["errors"]


def test_an_officer_who_is_nobody_is_held_to_nothing(scheduler: Client, resident: Any) -> None:
    body = factories.booking(resident, None, at("23:00"), skills=["gas"])
    made = scheduler.post("/v1/visits", body)
    assert (made.status_code, made.json["warnings"]) == (201, [])


def test_a_cancelled_visit_is_in_nobodys_way(scheduler: Client, worker: Officer) -> None:
    cancel(scheduler, book(scheduler, home(HOME), worker, at("10:00")))
    assert ask(scheduler, home(FAR), worker, at("10:30")).status_code == 201
