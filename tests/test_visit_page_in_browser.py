"""The page of a visit looked at in a real browser, in each of its states and through each of its forms."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from api import secret_keys
from models.database import transaction
from models.visit import Visit
from models.visit_link import VisitLinks
from tests import factories, live
from tests.test_pages_in_browser import LARGEST_PAGE, WCAG, browser, page, pytestmark, width_of  # noqa: F401

HEADINGS = {
    "coming": "Nobody from the council is due at your home now",
    "due": "We are due at your home now",
    "late": "We are late",
    "here": "Our officer should be at your home now",
    "finished": "This visit is over",
    "no_access": "Sorry we missed you",
    "cancelled": "This visit is cancelled",
    "missed": "We did not come when we said",
    "none": "We cannot show this visit",
}
STARTS_IN = {"coming": timedelta(hours=1), "late": timedelta(minutes=-20), "missed": timedelta(hours=-2)}


@pytest.fixture
def links(live_app, live_server):
    """The address of a visit's page in each state."""
    at = live_app.now()
    made = VisitLinks(secret_keys.load(live_app.settings, at).visit_links, live_server)
    found = {"none": f"{live_server}/v/{'0' * 23}"}
    changes = {
        "due": {"expected_at": at + timedelta(minutes=8), "departed_at": at, "status": "en_route"},
        "here": {"status": "arrived", "arrived_at": at},
        "finished": {"status": "completed", "finished_at": at},
        "no_access": {"status": "no_access", "finished_at": at},
        "cancelled": {"status": "cancelled"},
    }
    for state in set(HEADINGS) - {"none"}:
        officer = factories.officer(created_at=at)
        live.give_photo(officer, at)
        starts_at = at + STARTS_IN.get(state, timedelta(minutes=5))
        visit = factories.visit(factories.resident(created_at=at), officer, starts_at, at=at, reason="For a test")
        with transaction() as session:
            row = session.get_one(Visit, visit.id)
            for name, value in changes.get(state, {}).items():
                setattr(row, name, value)
        found[state] = made.url(visit.reference)
    return found


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("state", HEADINGS)
def test_axe_finds_nothing_to_mend(page, links, state, width):  # noqa: F811
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(links[state])
    assert page.locator("h1").all_inner_texts() == [HEADINGS[state]]
    found = Axe().run(page, options=WCAG).response
    assert found["passes"], "axe looked at nothing"
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


@pytest.mark.parametrize("state", HEADINGS)
def test_nothing_runs_off_the_side_of_a_small_phone_even_with_letters_twice_the_size(page, links, state):  # noqa: F811
    page.goto(links[state])
    assert width_of(page) <= 320
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert width_of(page) <= 320


@pytest.mark.parametrize("state", HEADINGS)
def test_a_page_is_small_asks_no_other_host_leaves_no_cookie_and_breaks_no_policy(
    page,  # noqa: F811
    live_server,
    links,
    state,
):
    finished, complaints = [], []
    page.on("requestfinished", lambda request: finished.append(request))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(links[state], wait_until="networkidle")
    # A browser says itself that the answer to a code that leads nowhere is 404.
    assert [each for each in complaints if "404" not in each] == []
    assert {urlsplit(request.url).netloc for request in finished} == {urlsplit(live_server).netloc}
    sizes = [request.sizes() for request in finished]
    assert sum(each["responseHeadersSize"] + each["responseBodySize"] for each in sizes) < LARGEST_PAGE
    assert page.context.cookies() == []


def test_each_form_works_with_javascript_off_and_no_other_page_learns_the_address(browser, links):  # noqa: F811
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        asked = []
        plain.on("request", lambda request: asked.append(request))

        def answer(button: str) -> str:
            plain.get_by_role("button", name=button).click()
            return plain.get_by_role("heading", level=1).inner_text()

        plain.goto(links["coming"])
        assert answer("Yes, this time is good") == "Thank you"
        plain.get_by_role("link", name="Back to the page of your visit").click()
        plain.get_by_label("No visit").check()
        plain.get_by_label("When can we come? Or why not?").fill("It is mended")
        assert answer("Ask us to ring you") == "We will ring you"
        plain.get_by_role("link", name="Back to the page of your visit").click()
        plain.get_by_label("Tell the officer what helps you").fill("Ring the bell twice")
        assert answer("Tell the officer") == "We have told the officer"
        plain.goto(links["finished"])
        plain.get_by_label("Very good").check()
        assert answer("Send") == "Thank you"
        plain.goto(links["no_access"])
        plain.get_by_label("Tell us more, if you like").first.fill("I was in the garden")
        assert answer("I was in") == "We will ring you"
        told = [(request.url, request.all_headers().get("referer")) for request in asked]
        assert [each for each in told if each[1] is not None] == []


def test_after_a_form_axe_finds_nothing_to_mend_either(page, links):  # noqa: F811
    page.goto(links["coming"])
    page.get_by_role("button", name="Ask us to ring you").click()
    found = Axe().run(page, options=WCAG).response
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


def test_a_screen_reader_meets_the_state_then_the_words_then_the_photo(page, links):  # noqa: F811
    page.goto(links["due"])
    order = page.locator("main h1, main .officer-name, main img").evaluate_all(
        "all => all.map(each => each.tagName)"
    )
    assert order[:3] == ["H1", "P", "IMG"]
    assert page.locator("main img").evaluate("photo => photo.complete && photo.naturalWidth > 0")
