"""The resident's own page of a visit: what it says at each moment, and what it never tells a stranger."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from api import create_app
from api.config import Settings
from models import database
from models.database import transaction
from models.forecast import Forecast
from models.officer import Officer
from models.visit import VisitStatus
from tests import factories, live
from tests.conftest import Client
from tests.steps import MONDAY_9, WEDNESDAY_10

NOBODY = "Nobody from the council is due at your home now"


@pytest.fixture
def visit(resident, officer):
    return factories.visit(resident, officer, WEDNESDAY_10)


@pytest.fixture
def code(app, visit):
    return app.extensions["visit_links"].code(visit.reference)


@pytest.fixture
def see(app, stopped_clock, code):
    """The page at a time, as text."""

    def at(when: datetime) -> str:
        stopped_clock.set(when)
        answer = app.test_client().get(f"/v/{code}")
        assert answer.status_code == 200, answer.text
        return answer.text

    return at


def change(visit, **values):
    """Put a visit into a state, past the rules of how it gets there."""
    with transaction() as session:
        row = session.get(type(visit), visit.id)
        for name, value in values.items():
            setattr(row, name, value)


def heading(page: str) -> str:
    return page.split("<h1>")[1].split("</h1>")[0]


# What it says


def test_it_says_the_visit_number_that_the_badge_page_asks_for(see, visit):
    assert f"Your visit number is <strong>{visit.reference}</strong>" in see(WEDNESDAY_10)


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (-3 * 24 * 60, NOBODY),
        (-16, NOBODY),
        (-15, "We are due at your home now"),
        (0, "We are due at your home now"),
        (15, "We are due at your home now"),
        (16, "We are late"),
        (59, "We are late"),
        (60, "We did not come when we said"),
    ],
)
def test_the_heading_says_whether_somebody_is_due_now(see, minutes, says):
    assert heading(see(WEDNESDAY_10 + timedelta(minutes=minutes))) == says


def test_it_says_when_we_come_with_the_fifteen_minutes_either_side_by_londons_clocks(app, resident, officer):
    summer = factories.visit(resident, officer, datetime(2027, 7, 1, 9, 0, tzinfo=UTC))
    page = app.test_client().get("/v/" + app.extensions["visit_links"].code(summer.reference)).text
    assert "Thursday 1 July at 10:00am" in page
    assert "from 9:45am to 10:15am" in page


@pytest.mark.parametrize(("minutes", "shown"), [(-121, False), (-120, True), (0, True), (59, True), (60, False)])
def test_the_officers_name_and_photo_are_there_from_two_hours_before(see, officer, minutes, shown):
    photo = live.give_photo(officer, MONDAY_9)
    assert photo
    page = see(WEDNESDAY_10 + timedelta(minutes=minutes))
    assert ("Amina Yusuf" in page) is shown
    assert ("/b/photos/" in page) is shown


def test_the_photo_is_the_officers_and_its_address_lives_two_minutes(app, stopped_clock, see, officer):
    live.give_photo(officer, MONDAY_9)
    page = see(WEDNESDAY_10)
    link = "/b/photos/" + page.split("/b/photos/")[1].split('"')[0]
    assert app.test_client().get(link).mimetype == "image/jpeg"
    stopped_clock.advance(121)
    assert app.test_client().get(link).status_code == 404


def test_an_officer_who_is_suspended_is_not_shown_and_the_page_says_to_ring_first(see, officer):
    with transaction() as session:
        session.get_one(Officer, officer.id).suspended_at = MONDAY_9
    page = see(WEDNESDAY_10)
    assert "Amina Yusuf" not in page
    assert "Ring us first" in page


def test_a_delay_is_on_the_page_at_once_and_moves_the_time_when_somebody_is_due(see, visit):
    change(visit, expected_at=WEDNESDAY_10 + timedelta(minutes=33))
    page = see(WEDNESDAY_10 + timedelta(minutes=40))
    assert heading(page) == "We are due at your home now"
    assert "about 10:35am" in page
    assert heading(see(WEDNESDAY_10 + timedelta(minutes=51))) == "We are late"


def test_a_window_that_was_told_is_on_the_page_until_something_newer_is_known(see, visit):
    late = WEDNESDAY_10 + timedelta(minutes=35)
    window = {"window_from_at": late - timedelta(minutes=5), "window_to_at": late + timedelta(minutes=10)}
    with transaction() as session:
        session.add(Forecast(visit_id=visit.id, evaluated_at=WEDNESDAY_10, expected_at=late, **window))
    change(visit, expected_at=late)
    assert "between 10:30am and 10:45am" in see(WEDNESDAY_10)
    change(visit, expected_at=late + timedelta(minutes=5))
    page = see(WEDNESDAY_10)
    assert "between" not in page and "about 10:40am" in page


def test_an_officer_on_the_way_is_said_to_be_and_never_before_the_booked_time(see, visit):
    change(visit, status="en_route", departed_at=WEDNESDAY_10 - timedelta(minutes=30))
    page = see(WEDNESDAY_10 - timedelta(minutes=20))
    assert "We are on our way" in page and "about 10:00am" in page
    assert heading(page) == NOBODY


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"status": "cancelled"}, "This visit is cancelled"),
        ({"status": "completed", "finished_at": WEDNESDAY_10}, "This visit is over"),
        ({"status": "no_access", "finished_at": WEDNESDAY_10}, "Sorry we missed you"),
        ({"status": "missed"}, "We did not come when we said"),
    ],
)
def test_a_visit_that_will_not_be_is_said_plainly_and_shows_nobody(see, visit, state, says):
    change(visit, **state)
    page = see(WEDNESDAY_10)
    assert heading(page) == says
    assert f"{NOBODY}." in page
    assert "Amina Yusuf" not in page and "two words" not in page


def test_it_is_asked_whether_the_time_is_good_only_beforehand(see):
    assert "Is this time good for you?" in see(WEDNESDAY_10 - timedelta(hours=1))
    assert "Is this time good for you?" not in see(WEDNESDAY_10)


def test_an_officer_at_the_door_is_said_to_be_there(see, visit):
    change(visit, status="arrived", arrived_at=WEDNESDAY_10, arrival_recorded_at=WEDNESDAY_10)
    assert heading(see(WEDNESDAY_10 + timedelta(minutes=40))) == "Our officer should be at your home now"


def test_nobody_is_due_is_not_said_while_another_visit_to_the_same_home_is_due(see, resident):
    factories.visit(resident, factories.officer(), WEDNESDAY_10 - timedelta(hours=5))
    page = see(WEDNESDAY_10 - timedelta(hours=5))
    assert NOBODY not in page
    assert heading(page) == "This visit is not now"
    assert "Do not let them in.</li>" not in page


def test_another_homes_visit_makes_nobody_due_here(see):
    factories.visit(factories.resident(), factories.officer(), WEDNESDAY_10 - timedelta(hours=5))
    assert heading(see(WEDNESDAY_10 - timedelta(hours=5))) == NOBODY


def test_the_words_are_those_the_officer_is_shown(see, sign_in, officer, visit):
    page = see(WEDNESDAY_10)
    words = sign_in("officer", officer).get(f"/v1/visits/{visit.id}/words").json["words"]
    assert f'<p class="officer-name">{words[0]} {words[1]}</p>' in page


def test_it_tells_no_name_address_number_or_reason_of_the_resident(see, resident):
    page = see(WEDNESDAY_10)
    for secret in (resident.name, "Adeyemi", resident.line_1, resident.postcode, resident.phone, "Repair"):
        assert secret not in page


# What it does not do


def test_looking_changes_nothing_but_that_the_officer_was_shown(app, see, code):
    def rows():
        with database.reading() as session:
            return [
                sorted(map(repr, session.execute(table.select())))
                for table in database.Base.metadata.sorted_tables
                if table.name != "officer_showings"
            ]

    before = rows()
    see(WEDNESDAY_10)
    assert app.test_client().get(f"/v/{code}/visit.ics").status_code == 200
    assert app.test_client().head(f"/v/{code}").status_code == 200
    assert rows() == before


def test_a_page_sets_no_cookie_and_gives_its_address_to_nobody(app, code):
    answer = app.test_client().get(f"/v/{code}")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert "//" not in answer.text.replace("<!doctype html>", "")


def test_wrong_guessed_and_expired_codes_get_one_page_byte_for_byte(app, stopped_clock, code, visit):
    links = app.extensions["visit_links"]
    unknown = links.code("HV-0000-0000")
    wrong = [
        code[:-1] + ("0" if code[-1] != "0" else "1"),
        code[:7] + "0" * 16,
        unknown,
        "x",
        "%00",
        "%C3%A9",
        "a/b",
        f"{code}/else",
        "A" * 5000,
        visit.reference,
    ]
    answers = [app.test_client().get(f"/v/{each}") for each in wrong]
    stopped_clock.set(visit.ends_at + timedelta(hours=24, seconds=1))
    answers += [app.test_client().get(f"/v/{code}"), app.test_client().get(f"/v/{code}/visit.ics")]
    answers += [
        app.test_client().post(f"/v/{each}/{form}")
        for each in (code, unknown, "x")
        for form in ("confirm", "change", "needs", "feedback")
    ]
    told = {(answer.status_code, answer.data, tuple(sorted(answer.headers))) for answer in answers}
    assert len(told) == 1
    assert answers[0].status_code == 404
    assert "We cannot show this visit" in answers[0].text


def test_the_link_lives_until_24_hours_after_the_visit(see, visit):
    assert heading(see(visit.ends_at + timedelta(hours=24)))


def test_a_visit_that_ended_at_the_end_of_all_times_has_its_page(see, visit):
    """By a phone's clock: nothing that it says is refused."""
    at_the_end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    change(visit, status=VisitStatus.COMPLETED, arrived_at=at_the_end, finished_at=at_the_end)
    assert heading(see(WEDNESDAY_10))


def test_a_move_keeps_the_link_and_says_the_new_time(app, scheduler, see, visit):
    answer = scheduler.post(
        f"/v1/visits/{visit.id}/moves",
        {
            "starts_at": (WEDNESDAY_10 + timedelta(days=1)).isoformat(),
            "reason": "Officer ill",
            "requested_by": "council",
        },
        If_Match='"1"',
    )
    assert answer.status_code == 201
    page = see(WEDNESDAY_10)
    assert "The new time" in page and "Thursday 26 November at 10:00am" in page
    assert heading(page) == NOBODY


def test_an_address_that_asks_too_often_is_asked_to_wait_whatever_the_code(environment, code, database):
    app = create_app(Settings.from_environment(environment | {"CHECKS_PER_MINUTE": "3"}))
    stranger = Client(app.test_client())
    for _ in range(3):
        assert stranger.get("/v/guess").status_code == 404
    for asked in ("/v/guess", f"/v/{code}", f"/v/{code}/visit.ics"):
        answer = stranger.get(asked)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
        assert "Please wait one minute" in answer.text
    assert stranger.call("POST", f"/v/{code}/confirm").status_code == 429


def test_the_code_and_what_residents_write_are_never_in_a_log(environment, code, database, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    app = create_app(Settings.from_environment(environment | {"LOG_LEVEL": "DEBUG"}))
    web = app.test_client()
    for asked in (f"/v/{code}", f"/v/{code}x", f"/v/{code}/visit.ics"):
        web.get(asked)
    web.post(f"/v/{code}/needs", data={"needs": "A large brown dog"})
    written = log.getvalue()
    assert "request" in written
    assert code not in written and "brown dog" not in written


# The calendar


def test_the_calendar_entry_says_the_time_and_nothing_personal(app, code, visit, resident):
    answer = app.test_client().get(f"/v/{code}/visit.ics")
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="visit.ics"'
    lines = answer.text.split("\r\n")
    assert (lines[0], lines[-2:]) == ("BEGIN:VCALENDAR", ["END:VCALENDAR", ""])
    assert {"DTSTART:20261125T100000Z", "DTEND:20261125T103000Z", f"UID:{visit.reference}@127.0.0.1"} <= set(lines)
    assert all(len(line.encode()) <= 75 for line in lines)
    for secret in (code, "Asha", "Adeyemi", resident.postcode, "Yusuf", "Repair"):
        assert secret not in answer.text


def test_a_cancelled_visit_cancels_its_calendar_entry(app, code, visit):
    change(visit, status="cancelled", version=2)
    lines = app.test_client().get(f"/v/{code}/visit.ics").text.split("\r\n")
    assert {"STATUS:CANCELLED", "SEQUENCE:2"} <= set(lines)
