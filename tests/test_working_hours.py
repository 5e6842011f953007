"""Officers' hours through the API: the week, exceptions, and what they come to on a day."""

from datetime import date, timedelta
from typing import Any

import pytest

from models.clock import LONDON
from models.wall_clock import shown
from tests import factories
from tests.conftest import Client
from tests.steps import MONDAY_9, problem
from tests.test_lists import pages

NINE_TO_FIVE = [{"start": "09:00", "end": "17:00"}]
LUNCH = {"duration_minutes": 30, "earliest": "12:00", "latest": "13:30"}
HARROW = {"latitude": 51.5806, "longitude": -0.342}
WEALD = {"latitude": 51.6039, "longitude": -0.339}


def path(officer: Any, rest: str) -> str:
    return f"/v1/officers/{officer.id}/{rest}"


def set_week(client: Client, officer: Any, days: dict[str, Any], **more: Any) -> Any:
    return client.put(path(officer, "working-pattern"), {"days": days} | more)


def except_on(client: Client, officer: Any, day: str, *pairs: tuple[str, str], **more: Any) -> Any:
    windows = [{"start": start, "end": end} for start, end in pairs]
    return client.put(path(officer, f"working-exceptions/{day}"), {"windows": windows} | more)


def days(client: Client, officer: Any, first: str, last: str | None = None) -> Any:
    answered = client.get(path(officer, f"working-days?from={first}&to={last or first}"))
    assert answered.status_code == 200, answered.get_data(as_text=True)
    assert answered.json["next_cursor"] is None
    return answered.json["items"]


def refused(answered: Any, field: str, words: str) -> None:
    said = problem(answered, 422, "not-valid")
    assert words in str(said["errors"][field])


def test_an_officer_with_none_set_works_monday_to_friday_nine_to_five(scheduler, officer):
    week = scheduler.get(path(officer, "working-pattern")).json
    assert week == {
        "days": dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), NINE_TO_FIVE)
        | {"saturday": [], "sunday": []},
        "lunch": None,
        "starts_from": None,
        "ends_at": None,
    }
    found = days(scheduler, officer, "2026-11-23", "2026-11-29")
    assert [day["closed"] for day in found] == [None] * 5 + ["no_shift"] * 2
    assert found[0] == {
        "date": "2026-11-23",
        "windows": [{"starts_at": "2026-11-23T09:00:00Z", "ends_at": "2026-11-23T17:00:00Z"}],
        "lunch": None,
        "starts_from": None,
        "ends_at": None,
        "closed": None,
    }


def test_a_week_is_set_whole_and_can_be_read_and_sent_back(scheduler, officer):
    late = [{"start": "18:00", "end": "24:00"}, {"start": "12:00", "end": "17:00"}]
    made = set_week(scheduler, officer, {"monday": NINE_TO_FIVE, "friday": late}, lunch=LUNCH, starts_from=HARROW)
    assert made.status_code == 200
    assert made.json["days"]["friday"] == late[::-1], "in the order of the day"
    assert made.json["days"]["tuesday"] == []
    assert (made.json["lunch"], made.json["starts_from"], made.json["ends_at"]) == (LUNCH, HARROW, None)
    assert scheduler.get(path(officer, "working-pattern")).json == made.json
    assert scheduler.put(path(officer, "working-pattern"), made.json).json == made.json
    again = set_week(scheduler, officer, {"monday": NINE_TO_FIVE})
    assert (again.json["days"]["friday"], again.json["lunch"]) == ([], None)


def test_a_working_day_has_its_lunch_and_places(scheduler, officer):
    set_week(scheduler, officer, {"monday": NINE_TO_FIVE}, lunch=LUNCH, starts_from=HARROW, ends_at=WEALD)
    (day,) = days(scheduler, officer, "2026-07-06")
    assert day == {
        "date": "2026-07-06",
        "windows": [{"starts_at": "2026-07-06T08:00:00Z", "ends_at": "2026-07-06T16:00:00Z"}],
        "lunch": {
            "duration_minutes": 30,
            "earliest": "2026-07-06T11:00:00Z",
            "latest": "2026-07-06T12:30:00Z",
        },
        "starts_from": HARROW,
        "ends_at": WEALD,
        "closed": None,
    }


@pytest.mark.parametrize(
    ("days", "lunch", "field", "words"),
    [
        ({"monday": [{"start": "17:00", "end": "09:00"}]}, None, "days.monday", "the end must be later"),
        ({"sunday": [*NINE_TO_FIVE, *NINE_TO_FIVE]}, None, "days.sunday", "overlap"),
        ({"monday": NINE_TO_FIVE}, LUNCH | {"latest": "11:59"}, "lunch", "before the earliest"),
        ({"monday": NINE_TO_FIVE}, LUNCH | {"latest": "17:00"}, "lunch", "On no day"),
    ],
)
def test_a_week_that_cannot_be_is_refused_in_words(scheduler, officer, days, lunch, field, words):
    refused(set_week(scheduler, officer, days, lunch=lunch), field, words)
    assert scheduler.get(path(officer, "working-pattern")).json["days"]["monday"] == NINE_TO_FIVE


def test_an_exception_decides_on_its_day_and_can_be_changed_and_taken_back(scheduler, officer, stopped_clock):
    made = except_on(scheduler, officer, "2026-11-28", ("10:00", "14:00"), reason="Open day")
    assert made.status_code == 200
    assert made.json | {"entered_by_id": None} == {
        "date": "2026-11-28",
        "windows": [{"start": "10:00", "end": "14:00"}],
        "reason": "Open day",
        "entered_at": "2026-11-23T09:00:00Z",
        "entered_by_id": None,
        "visits_at_risk": 0,
        "visits_at_risk_url": None,
    }
    (saturday,) = days(scheduler, officer, "2026-11-28")
    assert saturday["windows"] == [{"starts_at": "2026-11-28T10:00:00Z", "ends_at": "2026-11-28T14:00:00Z"}]
    stopped_clock.advance(60)
    changed = except_on(scheduler, officer, "2026-11-28")
    assert (changed.json["windows"], changed.json["reason"]) == ([], None)
    assert changed.json["entered_at"] == "2026-11-23T09:01:00Z"
    assert days(scheduler, officer, "2026-11-28")[0]["closed"] == "exception"
    assert scheduler.delete(path(officer, "working-exceptions/2026-11-28")).status_code == 204
    assert days(scheduler, officer, "2026-11-28")[0]["closed"] == "no_shift"
    problem(scheduler.delete(path(officer, "working-exceptions/2026-11-28")), 404, "not-found")


@pytest.mark.parametrize("words", ["2026-02-30", "2026-W48-3", "20261128", "tomorrow", "2026-11-28 "])
def test_an_address_that_is_no_day_names_nothing(scheduler, officer, words):
    for answered in (
        except_on(scheduler, officer, words),
        scheduler.delete(path(officer, f"working-exceptions/{words}")),
    ):
        problem(answered, 404, "not-found")


def test_a_day_years_away_is_refused(scheduler, officer):
    assert except_on(scheduler, officer, "2028-11-22").status_code == 200
    refused(except_on(scheduler, officer, "2028-11-23"), "day", "two years")
    assert except_on(scheduler, officer, "2024-11-23").status_code == 200
    refused(except_on(scheduler, officer, "2024-11-22"), "day", "two years")
    for day in ("0001-01-01", "9999-12-31"):
        refused(except_on(scheduler, officer, day, ("00:00", "24:00")), "day", "two years")


def test_nobody_works_on_a_bank_holiday_unless_an_exception_says_so(scheduler, officer):
    found = days(scheduler, officer, "2026-12-24", "2026-12-29")
    assert [day["closed"] for day in found] == [
        None,
        "bank_holiday",
        "no_shift",
        "no_shift",
        "bank_holiday",
        None,
    ]
    except_on(scheduler, officer, "2026-12-25", ("10:00", "12:00"))
    (christmas,) = days(scheduler, officer, "2026-12-25")
    assert (len(christmas["windows"]), christmas["closed"]) == (1, None)


def test_exceptions_are_listed_by_day_and_page_by_page(scheduler, officer):
    given = [date(2026, 12, 1) + timedelta(days=number) for number in (5, 1, 3, 2, 4)]
    for day in given:
        except_on(scheduler, officer, str(day))
    except_on(scheduler, factories.officer(), "2026-12-09")
    for limit in (1, 2, 5, 200):
        listed = pages(scheduler, path(officer, "working-exceptions"), limit)
        assert [row["date"] for row in listed] == sorted(map(str, given))


@pytest.mark.parametrize(("day", "words"), [("2026-03-29", "does not exist"), ("2026-10-25", "comes twice")])
def test_every_quarter_hour_of_the_nights_in_which_the_clocks_change(scheduler, officer, day, words):
    reason = f"on {date.fromisoformat(day).day} {date.fromisoformat(day):%B %Y}"
    for minute in range(0, 24 * 60, 15):
        start, end = shown(minute), shown(minute + 15)
        answered = except_on(scheduler, officer, day, (start, end))
        odd = [each for each in (minute, minute + 15) if 60 <= each < 120]
        if odd:
            refused(answered, "windows", f"{shown(odd[0])} {words} {reason}")
            continue
        assert answered.status_code == 200, answered.get_data(as_text=True)
        (found,) = days(scheduler, officer, day)
        (window,) = found["windows"]
        shows = [
            MONDAY_9.fromisoformat(window[name]).astimezone(LONDON).strftime("%H:%M")
            for name in ("starts_at", "ends_at")
        ]
        assert shows == [start, end.replace("24:", "00:")]


def test_a_weekly_time_in_the_missing_hour_is_taken_and_is_the_moment_of_the_change(scheduler, officer):
    night = {"sunday": [{"start": "01:30", "end": "05:00"}]}
    assert set_week(scheduler, officer, night).status_code == 200
    (spring,) = days(scheduler, officer, "2026-03-29")
    assert spring["windows"] == [{"starts_at": "2026-03-29T01:00:00Z", "ends_at": "2026-03-29T04:00:00Z"}]
    (autumn,) = days(scheduler, officer, "2026-10-25")
    assert autumn["windows"] == [{"starts_at": "2026-10-25T00:30:00Z", "ends_at": "2026-10-25T05:00:00Z"}]


def test_at_most_28_days_are_shown(scheduler, officer):
    assert len(days(scheduler, officer, "2026-11-01", "2026-11-28")) == 28
    refused(scheduler.get(path(officer, "working-days?from=2026-11-01&to=2026-11-29")), "to", "28 days")


@pytest.mark.parametrize("day", ["0001-01-01", "1900-01-01", "9999-12-30"])
def test_a_day_at_the_end_of_all_times_is_shown_as_well(scheduler, officer, day):
    assert len(days(scheduler, officer, day)) == 1


def test_an_officer_reads_their_own_hours_and_no_colleagues(scheduler, phone, officer):
    colleague = factories.officer()
    for rest in ("working-pattern", "working-exceptions", "working-days?from=2026-11-23&to=2026-11-23"):
        assert phone.get(path(officer, rest)).status_code == 200
        problem(phone.get(path(colleague, rest)), 403, "not-yours")
    problem(set_week(phone, officer, {}), 403, "not-yours")
    problem(except_on(phone, officer, "2026-11-28"), 403, "not-yours")


def test_hours_of_nobody_are_not_found(scheduler, admin):
    class Nobody:
        id = factories.NOBODY

    for rest in ("working-pattern", "working-exceptions", "working-days?from=2026-11-23&to=2026-11-23"):
        problem(scheduler.get(path(Nobody, rest)), 404, "not-found")
    problem(set_week(admin, Nobody, {}), 404, "not-found")
    problem(except_on(admin, Nobody, "2026-11-28"), 404, "not-found")
