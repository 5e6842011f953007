"""The page of the published figures in a real browser: charts that are seen, read out, printed and made large."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert

from models.database import transaction
from models.promise import ChangeNotice
from models.published import last_months
from models.visit import Visit
from models.visit_event import VisitEvent
from models.wall_clock import instant
from tests import factories
from tests.test_pages_in_browser import (  # noqa: F401
    LARGEST_PAGE,
    WORDS_THAT_MATTER,
    browser,
    faults,
    page,
    pytestmark,
    width_of,
)


@pytest.fixture
def standards(live_app, live_server):
    """The page of a council that has visited for ten months. The server keeps what it made first: every test here
    has the same visits in its database."""
    at = live_app.now()
    months = last_months(at)[2:]
    officer, resident = factories.officer(created_at=at), factories.resident(created_at=at)
    rows, moves, notices = [], [], []
    for nth, month in enumerate(months):
        for number in range(12):
            starts_at = min(instant(month, 600 + 60 * number), at - timedelta(hours=30 - number))
            arrived_at = starts_at + timedelta(minutes=20 if number < nth % 4 else 3)
            rows.append(
                {
                    "id": uuid4(),
                    "reference": f"R{nth:02}{number:02}",
                    "resident_id": resident.id,
                    "officer_id": officer.id,
                    "purpose": "Repair inspection",
                    "skills": [],
                    "starts_at": starts_at,
                    "ends_at": starts_at + timedelta(minutes=20),
                    "status": "completed",
                    "version": 1,
                    "first_promised_at": starts_at,
                    "promise_number": 1,
                    "arrived_at": arrived_at,
                    "arrival_promised_at": starts_at,
                    "created_at": starts_at,
                }
            )
            moves.append(_moved(rows[-1]))
            notices.append(_told(rows[-1], moves[-1]["id"], number))
    with transaction() as session:
        session.execute(insert(Visit), rows)
        session.execute(insert(VisitEvent), moves)
        session.execute(insert(ChangeNotice), notices)
    return live_server + "/standards"


def _moved(visit):
    """That a visit was moved, two days before."""
    at = visit["starts_at"] - timedelta(days=2)
    return {
        "id": uuid4(),
        "visit_id": visit["id"],
        "kind": "moved",
        "occurred_at": at,
        "recorded_at": at,
        "details": {},
    }


def _told(visit, event_id, number):
    """What its resident was told of that: most of them at once, some too late."""
    starts_at = visit["starts_at"]
    return {
        "event_id": event_id,
        "visit_id": visit["id"],
        "change": "moved",
        "decided_at": starts_at - timedelta(days=2),
        "requested_by": "council",
        "reason": "Officer ill",
        "told_starts_at": starts_at,
        "from_starts_at": starts_at,
        "to_starts_at": starts_at,
        "reference_at": starts_at,
        "possible": True,
        "due": True,
        "told_at": starts_at - timedelta(hours=40 if number else 10),
        "told_by": "text",
    }


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_to_mend(page, standards, width):  # noqa: F811
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(standards)
    for summary in page.locator("summary").all():
        summary.click()
    assert faults(page) == [] and faults(page, WORDS_THAT_MATTER) == []


def test_nothing_runs_off_the_side_of_a_small_phone_even_with_letters_twice_the_size(page, standards):  # noqa: F811
    page.goto(standards)
    for summary in page.locator("summary").all():
        summary.click()
    assert width_of(page) <= 320
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert width_of(page) <= 320


def test_each_chart_is_a_picture_with_its_words_and_a_table_of_the_same(page, standards):  # noqa: F811
    page.goto(standards)
    charts = page.get_by_role("img").all()
    assert len(charts) == 3
    for chart, table in zip(charts, page.locator("main table").all(), strict=True):
        words = chart.get_attribute("aria-label")
        for row in table.locator("tbody tr").all():
            month, *figures = row.locator("th, td").all_text_contents()
            said = "too few to show" if figures == ["Too few to show"] else f"{figures[-1]}%"
            assert f"{month.removesuffix(' so far')}, {said}" in words
        assert table.locator("caption").text_content() in words


def test_what_is_drawn_can_be_seen_in_the_readers_own_colours(page, standards):  # noqa: F811
    page.emulate_media(forced_colors="active")
    page.goto(standards)
    drawn, ground = page.locator("figure svg").first.evaluate(
        "svg => [getComputedStyle(svg).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert drawn != ground


def test_on_paper_the_tables_are_there_without_a_tap(page, standards):  # noqa: F811
    page.goto(standards)
    page.emulate_media(media="print")
    tables = page.locator("main table").all()
    assert len(tables) == 3 and all(table.is_visible() for table in tables)


def test_the_page_is_small_asks_no_other_host_and_leaves_no_cookie(page, standards):  # noqa: F811
    finished, complaints = [], []
    page.on("requestfinished", lambda request: finished.append(request))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(standards, wait_until="networkidle")
    assert complaints == []
    sizes = [request.sizes() for request in finished]
    assert sum(each["responseHeadersSize"] + each["responseBodySize"] for each in sizes) < LARGEST_PAGE
    assert {request.url.removesuffix("/standards").split("/static/")[0] for request in finished} == {
        standards.removesuffix("/standards")
    }
    assert page.context.cookies() == []


def test_all_there_is_to_tap_is_as_large_as_a_thumb(page, standards):  # noqa: F811
    page.goto(standards)
    sizes = page.locator("main a, main summary").evaluate_all(
        "all => all.map(each => [each.outerHTML, each.getBoundingClientRect().height])"
    )
    assert sizes and [each for each in sizes if each[1] < 44] == []
