"""What a resident sees at the door, looked at in a real browser: an old small phone first."""

import os
import shutil
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select, update

from models.database import reading, transaction
from models.live_code import LIFE, LiveCode
from models.officer import Officer
from models.visit import Visit

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
LARGEST_PAGE = 60_000
"""Bytes, photo and style sheet included: about ten seconds on a poor 2G line."""
RED = ("revoked", "suspended", "unknown", "forged")
STATES = ("genuine", "genuine_not_on_duty", "card_only", "timed_out", "not_yet_valid", *RED)
HEADINGS = {
    "genuine": "Genuine badge",
    "genuine_not_on_duty": "Not at work now",
    "card_only": "This is only a card",
    "timed_out": "This badge is out of date",
    "not_yet_valid": "This badge is not ready yet",
} | dict.fromkeys(RED, "Do not let them in")
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: install it or set CHROMIUM to its path"),
    # A page looks the same whatever database answered.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True, scope="session"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser):
    with browser.new_context(viewport={"width": 320, "height": 568}) as context:
        yield context.new_page()


def width_of(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_to_mend(page, live_server, badge_links, state, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(live_server + badge_links[state])
    found = Axe().run(page, options=WCAG).response
    assert found["passes"], "axe looked at nothing"
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


@pytest.mark.parametrize("state", STATES)
def test_nothing_runs_off_the_side_of_a_small_phone_even_with_letters_twice_the_size(
    page, live_server, badge_links, state
):
    page.goto(live_server + badge_links[state])
    assert width_of(page) <= 320
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert width_of(page) <= 320


@pytest.mark.parametrize("state", STATES)
def test_the_title_and_the_only_main_heading_say_the_state_in_words(page, live_server, badge_links, state):
    page.goto(live_server + badge_links[state])
    assert page.locator("h1").all_inner_texts() == [HEADINGS[state]]
    assert page.title().startswith(HEADINGS[state])


def test_a_screen_reader_meets_the_state_then_the_photo_then_what_to_do(page, live_server, badge_links):
    page.goto(live_server + badge_links["genuine"])
    order = page.locator("main h1, main img, main h2").evaluate_all("all => all.map(each => each.tagName)")
    assert order[:3] == ["H1", "IMG", "H2"]
    assert page.locator("main img").get_attribute("alt")
    assert page.locator("main img").evaluate("photo => photo.complete && photo.naturalWidth > 0")


@pytest.mark.parametrize("state", ["genuine_not_on_duty", "timed_out", "not_yet_valid", *RED])
def test_no_photo_is_shown_of_somebody_who_is_not_to_be_let_in(page, live_server, badge_links, state):
    page.goto(live_server + badge_links[state])
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("state", STATES)
def test_every_page_says_which_number_to_ring_and_that_no_is_an_answer(page, live_server, badge_links, state):
    page.goto(live_server + badge_links[state])
    words = page.locator("footer").inner_text()
    assert "Use the number on your council tax bill or letter, not one this person gives you" in words
    assert "You may always say no and ask them to come back" in words


@pytest.mark.parametrize("state", STATES)
def test_a_page_is_small_asks_no_other_host_leaves_no_cookie_and_breaks_no_policy(
    page, live_server, badge_links, state
):
    finished, complaints = [], []
    page.on("requestfinished", lambda request: finished.append(request))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(live_server + badge_links[state], wait_until="networkidle")
    assert complaints == []
    assert {urlsplit(request.url).netloc for request in finished} == {urlsplit(live_server).netloc}
    sizes = [request.sizes() for request in finished]
    assert sum(each["responseHeadersSize"] + each["responseBodySize"] for each in sizes) < LARGEST_PAGE
    assert all("set-cookie" not in request.response().headers for request in finished)
    assert page.context.cookies() == []


@pytest.mark.parametrize("state", STATES)
def test_a_page_says_the_same_with_javascript_switched_off(browser, page, live_server, badge_links, state):
    page.goto(live_server + badge_links[state])
    assert page.locator("script").count() == 0
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(live_server + badge_links[state])
        assert plain.get_by_role("heading", level=1).inner_text() == HEADINGS[state]


def test_a_red_page_never_tells_why(browser, live_server, badge_links):
    with browser.new_context() as context:
        answers = [context.request.get(live_server + badge_links[state]) for state in RED]
        bodies = [answer.body() for answer in answers]
    assert bodies == [bodies[0]] * len(RED)
    # The headers too, but for the two that differ between any two answers.
    headers = [(answer.status, answer.headers | {"date": "", "x-request-id": ""}) for answer in answers]
    assert headers == [headers[0]] * len(RED)


@pytest.mark.parametrize("width", [320, 1280])
def test_a_worried_resident_is_led_from_the_badge_to_a_reference(page, live_server, badge_links, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(live_server + badge_links["forged"])
    page.get_by_role("link", name="Tell the council").click()
    headings = ["Tell us you are worried", "Tell us you are worried", "We have what you wrote"]
    for words in (None, "", "He would not show me his badge."):
        if words is not None:
            page.get_by_label("What happened?").fill(words)
            page.get_by_role("button", name="Send this to the council").click()
        assert page.locator("h1").all_inner_texts() == [headings.pop(0)]
        assert [each["id"] for each in Axe().run(page, options=WCAG).response["violations"]] == []
        assert width_of(page) <= width
    assert page.context.cookies() == []


# What a genuine page asks further, and every page as a reader without our styles has it.


def ask_for_code(page: Page, base: str, genuine: str) -> None:
    page.goto(base + genuine)
    page.get_by_role("button", name="Ask for their code").click()


def ask_again_elsewhere(page: Page, base: str, genuine: str) -> None:
    ask_for_code(page, base, genuine)
    ask_for_code(page, base, genuine)


def refused_code(page: Page, base: str, genuine: str) -> None:
    ask_for_code(page, base, genuine)
    with transaction() as session:
        session.execute(update(LiveCode).values(not_mine_at=LiveCode.asked_at))
    page.get_by_role("link", name="See if our officer").click()


def old_code(page: Page, base: str, genuine: str) -> None:
    ask_for_code(page, base, genuine)
    with transaction() as session:
        for code in session.scalars(select(LiveCode)):
            code.asked_at -= LIFE
    page.get_by_role("link", name="See if our officer").click()


def ask_if_due(page: Page, base: str, genuine: str, house: str = "1") -> None:
    page.goto(base + genuine)
    with reading() as session:
        officer_id = session.scalars(select(Officer.id).where(Officer.photo_id.is_not(None))).one()
        reference = session.scalars(select(Visit.reference).where(Visit.officer_id == officer_id)).one()
    page.get_by_label("Visit number").fill(reference)
    page.get_by_label("Your house number or name").fill(house)
    page.get_by_role("button", name="Check they are due").click()


def not_due(page: Page, base: str, genuine: str) -> None:
    ask_if_due(page, base, genuine, "2")


def left_empty(page: Page, base: str, genuine: str) -> None:
    ask_if_due(page, base, genuine, " ")


def tried_too_often(page: Page, base: str, genuine: str) -> None:
    for _ in range(6):
        not_due(page, base, genuine)


QUESTIONS = {
    "Wait for their code": ask_for_code,
    "Scan the badge again": ask_again_elsewhere,
    "Do not let them in": refused_code,
    "This code is too old": old_code,
    "They are due at your home": ask_if_due,
    "We cannot find this visit": not_due,
    "Please fill in both": left_empty,
    "Please ring us": tried_too_often,
}
WORDS_THAT_MATTER = {
    "runOnly": ["color-contrast-enhanced"],
    "rules": {"color-contrast-enhanced": {"enabled": True}},
}


def faults(page: Page, options: dict = WCAG) -> list:
    found = Axe().run(page, options=options).response
    assert found["passes"], "axe looked at nothing"
    return [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("heading", QUESTIONS)
def test_an_answered_question_is_without_fault_and_fits(page, live_server, badge_links, heading, width):
    page.set_viewport_size({"width": width, "height": 800})
    QUESTIONS[heading](page, live_server, badge_links["genuine"])
    page.get_by_role("heading", level=1, name=heading).wait_for()
    assert page.locator("h1").all_inner_texts() == [heading]
    assert faults(page) == [] and faults(page, WORDS_THAT_MATTER) == []
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert width_of(page) <= width


@pytest.mark.parametrize("state", STATES)
def test_words_stand_at_least_seven_to_one_from_their_ground(page, live_server, badge_links, state):
    page.goto(live_server + badge_links[state])
    assert faults(page, WORDS_THAT_MATTER) == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("state", STATES)
def test_without_our_styles_the_page_has_no_fault_and_says_the_same(page, live_server, badge_links, state, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.route("**/*.css", lambda route: route.abort())
    page.goto(live_server + badge_links[state])
    assert page.locator("h1").all_inner_texts() == [HEADINGS[state]]
    assert faults(page, {"runOnly": [each for each in WCAG["runOnly"] if each != "best-practice"]}) == []


@pytest.mark.parametrize("state", STATES)
def test_all_there_is_to_tap_is_as_large_as_a_thumb(page, live_server, badge_links, state):
    page.goto(live_server + badge_links[state])
    sizes = page.locator("main a, main button, main input:not([type=hidden])").evaluate_all(
        "all => all.map(each => [each.outerHTML, each.getBoundingClientRect().width,"
        " each.getBoundingClientRect().height])"
    )
    assert sizes
    assert [each for each in sizes if min(each[1:]) < 44] == []


def test_the_keyboard_meets_what_can_be_done_in_the_order_of_the_page(page, live_server, badge_links):
    page.goto(live_server + badge_links["genuine"])
    met = []
    for _ in range(8):
        page.keyboard.press("Tab")
        met.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert met == [
        "Skip to the main part",
        "Ask for their code",
        "reference",
        "house",
        "Check they are due",
        "020 7946 0123",
        "999",
        "101",
    ]
