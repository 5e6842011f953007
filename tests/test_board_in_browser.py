"""Today's board in a real browser: signed in to, live, on a telephone and on a wall, with and without scripts."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from models.database import transaction
from models.user import Role, SignIn, User
from models.visit import Visit
from tests import factories
from tests.test_pages_in_browser import (  # noqa: F401
    WORDS_THAT_MATTER,
    browser,
    faults,
    page,
    pytestmark,
    width_of,
)

PASSWORD = "correct horse battery"


@pytest.fixture
def busy(live_app, live_server):
    """A council on a bad day: somebody of everything but a late visit's resident who knows."""
    at = live_app.now()
    scheduler = User(id=uuid4(), username="sam", role=Role.SCHEDULER, active=True, created_at=at)
    scheduler.set_password(PASSWORD)
    with transaction() as session:
        session.add(scheduler)
    resident = factories.resident(created_at=at)
    for minutes in (-25, -40, 60):
        officer = factories.officer(created_at=at)
        factories.visit(resident, officer, at + timedelta(minutes=minutes), at=at, reason="For a test")
    for number in range(10):
        factories.visit(factories.resident(created_at=at), None, at + timedelta(hours=2 + number), at=at)
    return live_server


def sign_in(page, base):  # noqa: F811
    page.goto(base + "/")
    page.get_by_label("Username").fill("sam")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1, name="Today's board").wait_for()


def later(page):  # noqa: F811
    """Let the board's time for another look come, and wait until it has looked."""
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/staff/board")):
        page.clock.fast_forward(15_000)


@pytest.mark.parametrize("width", [320, 1280, 1920])
def test_axe_finds_nothing_to_mend_and_nothing_runs_off_the_side(page, busy, width):  # noqa: F811
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(busy + "/")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").inner_text().endswith("Type your username and your password.")
    pages = [lambda: None, lambda: sign_in(page, busy), lambda: page.goto(busy + "/staff/lists/unassigned")]
    for go in pages:
        go()
        assert faults(page) == [] and faults(page, WORDS_THAT_MATTER) == []
        assert width_of(page) <= width
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert width_of(page) <= width


def test_the_board_is_seen_at_a_glance_by_its_numbers_and_their_words(page, busy):  # noqa: F811
    sign_in(page, busy)
    assert [" ".join(words.split()).lower() for words in page.locator(".count").all_inner_texts()] == [
        "0 alerts",
        "2 late now 2 not told",
        "0 nobody came",
        "0 may be late",
        "0 not told of a change",
        "0 to ring",
        "10 without an officer",
    ]


def test_what_changes_is_on_it_without_a_reload_and_is_said_once(page, busy):  # noqa: F811
    page.clock.install()
    sign_in(page, busy)
    page.evaluate("window.sameAsBefore = true")
    news = page.get_by_role("status")
    later(page)
    assert news.inner_text() == ""
    with transaction() as session:
        session.execute(update(Visit).where(Visit.officer_id.is_(None)).values(status="cancelled"))
    later(page)
    page.get_by_text("Every visit to come has an officer.").wait_for()
    assert "Without an officer: 0." in news.inner_text()
    assert page.evaluate("window.sameAsBefore") is True


def test_whoever_is_in_the_middle_of_it_stays_there(page, busy):  # noqa: F811
    page.clock.install()
    sign_in(page, busy)
    table = page.get_by_role("region", name="Table: Without an officer")
    scrolled = table.evaluate("each => (each.scrollLeft = 20, each.scrollLeft)")
    assert scrolled > 0
    page.get_by_role("link", name="All 10").focus()
    with transaction() as session:
        session.execute(update(Visit).where(Visit.officer_id.is_not(None)).values(status="cancelled"))
    later(page)
    page.get_by_text("No visit is late.").wait_for()
    assert page.evaluate("document.activeElement.innerText") == "All 10: without an officer"
    assert table.evaluate("each => each.scrollLeft") == scrolled


def test_whoever_is_at_what_is_there_no_more_is_not_thrown_out_of_the_page(page, busy):  # noqa: F811
    page.clock.install()
    sign_in(page, busy)
    page.get_by_role("link", name="All 10").focus()
    with transaction() as session:
        session.execute(update(Visit).values(status="cancelled"))
    later(page)
    page.get_by_text("Every visit to come has an officer.").wait_for()
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_board_that_hears_nothing_says_so_and_says_when_it_hears_again(page, busy):  # noqa: F811
    page.clock.install()
    sign_in(page, busy)
    page.context.set_offline(True)
    page.clock.fast_forward(15_000)
    page.get_by_text("No connection: this may be out of date.").wait_for()
    page.context.set_offline(False)
    later(page)
    page.get_by_text("No connection").wait_for(state="hidden")


def test_a_board_that_is_signed_out_elsewhere_shows_the_form(page, busy, live_app):  # noqa: F811
    page.clock.install()
    sign_in(page, busy)
    with transaction() as session:
        session.execute(update(SignIn).values(ended_at=live_app.now()))
    page.clock.fast_forward(15_000)
    page.get_by_role("heading", level=1, name="Sign in").wait_for()


def test_it_can_be_made_to_stand_still(page, busy):  # noqa: F811
    page.clock.install()
    sign_in(page, busy)
    page.get_by_role("link", name="Stop that").click()
    page.get_by_text("This page stands still.").wait_for()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(60_000)
    assert asked == []


def test_all_of_it_works_without_a_script_and_the_residents_pages_never_see_the_cookie(browser, busy):  # noqa: F811
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        sign_in(plain, busy)
        plain.get_by_role("link", name="All 10").click()
        assert plain.get_by_role("heading", level=1).inner_text() == "Without an officer"
        (cookie,) = context.cookies()
        assert (cookie["name"], cookie["path"], cookie["httpOnly"], cookie["sameSite"]) == (
            "staff",
            "/staff",
            True,
            "Strict",
        )
        for path in ("/b", "/standards", "/v/x"):
            with plain.expect_request(busy + path) as asked:
                plain.goto(busy + path)
            assert "cookie" not in asked.value.all_headers()
        plain.goto(busy + "/staff")
        plain.get_by_role("button", name="Sign out").click()
        assert plain.get_by_role("heading", level=1).inner_text() == "Sign in"
        assert context.cookies() == []


def test_no_page_of_staff_breaks_its_policy_or_asks_another_host(page, busy):  # noqa: F811
    complaints, hosts = [], set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("request", lambda request: hosts.add("/".join(request.url.split("/")[:3])))
    page.clock.install()
    sign_in(page, busy)
    later(page)
    assert complaints == [] and hosts == {busy}
