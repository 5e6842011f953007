"""`/standards`: the figures that anybody may see, cheap to ask for, with nobody's visit in them."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

import api.standards
from models.database import transaction
from models.feedback import Feedback
from models.visit import VisitStatus
from tests import factories
from tests.conftest import StoppedClock
from tests.steps import MONDAY_9, problem
from tests.test_reports import happened

HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}
OCTOBER = MONDAY_9 - timedelta(days=35)


@pytest.fixture
def web(app: Flask) -> Iterator[Any]:
    """A reader's browser, to whom nothing of another test's database is shown."""
    app.extensions["standards_page"].forget()
    yield app.test_client()
    app.extensions["standards_page"].forget()


@pytest.fixture
def october(app: Flask, officer: Any, resident: Any) -> None:
    """Ten visits of a month: seven on time, one early, one late, one missed; and one called off."""
    minutes = [0, 3, -5, 15, -15, 7, 9, -16, 31, None]
    for number, each in enumerate(minutes):
        status = VisitStatus.COMPLETED if each is not None else VisitStatus.BOOKED
        happened(resident, officer, OCTOBER + timedelta(minutes=20 * number), each, status)
    happened(resident, officer, OCTOBER + timedelta(hours=5), None, VisitStatus.CANCELLED)


def words_of(page: str) -> str:
    """What is read of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_page_gives_each_promise_in_the_councils_own_words(web: Any) -> None:
    page = web.get("/standards", headers=HTML)
    assert page.status_code == 200
    for words in (
        "carry clear documentation that identifies us as council employees or contractors",
        "aim to arrive within 15 minutes of any pre-arranged appointment",
        "endeavour to let you know within 24 hours if we need to change the time of the visit or will be late",
        "at least 24 hours&#39; notice where possible",
    ):
        assert words in page.text


def test_the_figures_are_in_the_words_the_charts_and_the_tables(web: Any, october: None) -> None:
    page = web.get("/standards", headers=HTML).text
    assert "<strong>70%</strong>" in page
    assert "That is 7 of 10 visits in the months below." in page
    assert 'aria-label="Chart. Visits on time, in each 100. Dec 2025, too few to show;' in page
    assert "Oct 2026, 70%; Nov 2026, too few to show." in page
    words = words_of(page)
    assert "Oct 2026 7 10 70" in words
    assert "Nov 2026 so far Too few to show" in words
    for line in ("more than 15 minutes late: 1", "more than 15 minutes early: 1", "The visit was called off: 1"):
        assert line in words


def test_a_program_gets_the_same_figures(web: Any, october: None) -> None:
    answer = web.get("/standards", headers=JSON)
    assert answer.content_type == "application/json"
    arrival = answer.json["arrival"]
    assert arrival["on_time"]["total"] == {"part": 7, "whole": 10, "share": 0.7}
    assert arrival["on_time"]["months"][-2] == {"month": "2026-10", "part": 7, "whole": 10, "share": 0.7}
    assert arrival["on_time"]["months"][-1] == {"month": "2026-11", "part": None, "whole": None, "share": None}
    assert arrival["went_wrong"] == {"early": 1, "late": 1, "missed": 1}
    assert arrival["left_out"] == {"cancelled": 1, "no_arrival_recorded": 0, "not_yet_due": 0}
    assert answer.json["notice"]["met_where_possible"]["total"]["share"] is None


def test_the_words_are_for_a_reader_of_nine(web: Any, october: None) -> None:
    """Flesch-Kincaid grade below 4, by docs/pages.md; the council's own words are not ours to make plain."""
    page = web.get("/standards", headers=HTML).text.split("<main", 1)[1].split("</main", 1)[0]
    page = re.sub(r"<(blockquote|figure|table).*?</\1>", "", page, flags=re.DOTALL)
    parts = re.split(r"</?(?:p|li|h\d)\b[^>]*>|[.?!:](?=\s)", page)
    sentences = [words for part in parts if (words := re.sub(r"<[^>]+>", " ", part).split())]
    words = [word.lower() for sentence in sentences for word in sentence]
    syllables = sum(max(1, len(re.findall("[aeiouy]+", re.sub("e[^a-z]*$", "", word)))) for word in words)
    assert len(words) > 300
    assert 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59 < 4


def test_nothing_counted_is_no_perfect_record(web: Any) -> None:
    page = web.get("/standards", headers=HTML).text
    assert page.count("<strong>Too few to show</strong>") == 4
    assert "%" not in words_of(page) and "What went wrong" not in page


def test_a_figure_with_no_month_to_show_has_a_sentence_and_no_empty_chart(web: Any) -> None:
    page = web.get("/standards", headers=HTML).text
    assert "<svg" not in page.split("<main", 1)[1] and "<table" not in page
    for words in ("Not one month had 10 visits.", "Not one month had 10 changes.", "How we count"):
        assert words in page


def test_only_the_figures_with_a_month_to_show_have_a_chart(web: Any, october: None) -> None:
    page = web.get("/standards", headers=HTML).text
    assert page.count("Chart. ") == page.count("<table>") == 1
    assert "Chart. Visits on time" in page and "Not one month had 10 changes." in page


def test_nobody_and_nothing_that_was_typed_is_on_the_page(
    web: Any, october: None, officer: Any, resident: Any
) -> None:
    for headers in (HTML, JSON):
        page = web.get("/standards", headers=headers).text
        for private in (officer.display_name, officer.staff_number, resident.name, resident.postcode, "Repair"):
            assert private not in page
        assert not re.search(r"HV-|[0-9a-f]{8}-[0-9a-f]{4}-", page)


def test_everybody_may_keep_the_page_for_five_minutes_and_asks_then_whether_it_changed(
    web: Any, stopped_clock: StoppedClock
) -> None:
    for headers in (HTML, JSON):
        answer = web.get("/standards", headers=headers)
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert answer.headers["Vary"] == "Accept"
        again = web.get("/standards", headers=headers | {"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    stopped_clock.advance(300)
    with_tag = headers | {"If-None-Match": answer.headers["ETag"]}
    assert web.get("/standards", headers=with_tag).status_code == 304, "nothing is another on the same day"
    stopped_clock.advance(24 * 3600)
    assert web.get("/standards", headers=with_tag).status_code == 200


def test_the_two_forms_have_two_tags(web: Any) -> None:
    tags = {web.get("/standards", headers=headers).headers["ETag"] for headers in (HTML, JSON)}
    assert len(tags) == 2


def test_a_crawler_makes_us_count_once_a_day_and_make_the_page_once_in_five_minutes(
    web: Any, monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock
) -> None:
    counted: list[Any] = []
    made: list[Any] = []
    count, read = api.standards.published, api.standards.feedback.published
    monkeypatch.setattr(api.standards, "published", lambda *given: counted.append(given) or count(*given))
    monkeypatch.setattr(api.standards.feedback, "published", lambda *given: made.append(given) or read(*given))
    # From 09:00 to the end of the day.
    for seconds, pages, counts in ((0, 1, 1), (299, 1, 1), (1, 2, 1), (299, 2, 1), (53_400, 3, 1), (1, 4, 2)):
        stopped_clock.advance(seconds)
        for _ in range(3):
            assert web.get("/standards", headers=HTML).status_code == 200
        assert (len(made), len(counted)) == (pages, counts)


def test_nothing_of_today_is_on_the_page_nor_moves_it_before_tomorrow(
    web: Any, october: None, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    """Neither a correction nor what a phone sends late: whoever compared two pages would see it."""
    before = web.get("/standards", headers=JSON).data
    for hours in range(7, 13):
        happened(resident, officer, OCTOBER + timedelta(hours=hours), 40)
        happened(resident, officer, MONDAY_9 - timedelta(hours=hours), 40)
        stopped_clock.advance(3600)
        assert web.get("/standards", headers=JSON).data == before
    stopped_clock.advance(24 * 3600)
    assert web.get("/standards", headers=JSON).json["arrival"]["went_wrong"]["late"] == 7


def test_the_page_says_that_it_ends_with_yesterday(web: Any, stopped_clock: StoppedClock) -> None:
    words = "We count up to the end of yesterday. Yesterday was {}. We count again each day."
    assert words.format("22 November 2026") in web.get("/standards", headers=HTML).text
    stopped_clock.set(MONDAY_9.replace(hour=23, minute=59))
    assert words.format("22 November 2026") in web.get("/standards", headers=HTML).text
    stopped_clock.advance(60)
    assert words.format("23 November 2026") in web.get("/standards", headers=HTML).text
    # An hour before midnight in UTC it is the next day in London's summer.
    stopped_clock.set(datetime(2027, 6, 30, 23, 0, tzinfo=UTC))
    assert words.format("30 June 2027") in web.get("/standards", headers=HTML).text
    assert web.get("/standards", headers=JSON).json["counted_at"] == "2027-06-30T23:00:00Z"


def test_of_the_present_month_only_what_ten_more_follow_is_shown(
    web: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    """Ten visits of the first day, nine of the next; then one of yesterday."""

    def shown() -> Any:
        web.application.extensions["standards_page"].forget()
        return web.get("/standards", headers=JSON).json["arrival"]["on_time"]["months"][-1]["whole"]

    first = MONDAY_9 - timedelta(days=20)
    for number in range(19):
        happened(resident, officer, first + timedelta(days=number // 10, minutes=20 * (number % 10)), 0)
    assert shown() is None
    yesterday = MONDAY_9 - timedelta(days=1)
    happened(resident, officer, yesterday, 0)
    assert shown() == 10
    for number in range(10):
        factories.visit(resident, officer, MONDAY_9 + timedelta(days=1, minutes=40 * number))
    assert shown() == 20, "ten more are booked this month"
    stopped_clock.set(MONDAY_9 + timedelta(days=8))
    assert shown() is None
    november = web.get("/standards", headers=JSON).json["arrival"]["on_time"]["months"][-2]
    assert (november["month"], november["whole"]) == ("2026-11", 30), "the month is over"


def test_while_one_counts_the_others_get_what_was_counted_before(
    web: Any, app: Flask, monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock
) -> None:
    before = web.get("/standards", headers=JSON).json
    stopped_clock.advance(24 * 3600)
    begun, go_on = threading.Event(), threading.Event()
    count = api.standards.published

    def slowly(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return count(*given)

    monkeypatch.setattr(api.standards, "published", slowly)
    counting = threading.Thread(target=lambda: app.test_client().get("/standards", headers=JSON))
    counting.start()
    try:
        assert begun.wait(10)
        assert web.get("/standards", headers=JSON).json == before
    finally:
        go_on.set()
        counting.join()
    assert web.get("/standards", headers=JSON).json["counted_at"] > before["counted_at"]


def test_search_engines_may_list_it_and_no_cookie_comes_with_it(web: Any) -> None:
    page = web.get("/standards", headers=HTML)
    assert "X-Robots-Tag" not in page.headers and "noindex" not in page.text
    assert "Set-Cookie" not in page.headers
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert set(policy.values()) <= {"'self'", "'none'"}
    assert not re.search(r"<script|<style|style=|\son\w+=|<iframe", page.text)


def test_only_reading_is_possible(web: Any) -> None:
    problem(web.post("/standards", headers=JSON), 405)


def test_what_was_published_of_what_residents_said_is_there_and_their_own_words_are_not(
    web: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    for number, words in enumerate(("Ring the bell <twice>", None)):
        visit = factories.visit(resident, officer, MONDAY_9 + timedelta(hours=1 + number))
        said = Feedback(visit_id=visit.id, resident_id=resident.id, words="My boiler leaks", said_at=MONDAY_9)
        if words:
            said.publish(you_said=words, we_did="We ring now", by=None, at=MONDAY_9)
        with transaction() as session:
            session.add(said)
    page = web.get("/standards", headers=HTML).text
    assert "You said: Ring the bell &lt;twice&gt;" in page and "We did: We ring now" in page
    answer = web.get("/standards", headers=JSON)
    assert answer.json["you_said_we_did"] == [{"you_said": "Ring the bell <twice>", "we_did": "We ring now"}]
    assert "boiler" not in page and "boiler" not in answer.text


class TestComplaints:
    """Where a council has a page for complaints, it is what the page leads to."""

    URL = "https://www.harrow.gov.uk/complaints?about=visits"

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | {"COMPLAINTS_URL": self.URL}

    def test_the_page_leads_to_the_complaints_page_and_gives_the_number(self, web: Any) -> None:
        page = web.get("/standards", headers=HTML).text
        assert f'href="{self.URL}"' in page
        assert 'href="tel:02079460123"' in page


def test_without_a_complaints_page_there_is_the_number_alone(web: Any) -> None:
    page = web.get("/standards", headers=HTML).text
    assert "Make a complaint" not in page and 'href="tel:02079460123"' in page
