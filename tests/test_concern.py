"""A resident who is worried tells the council: no account, no cookie, a reference to read out, and an incident."""

import re
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from id_badges import short_code
from models.database import reading
from models.incident import Incident
from models.officer import Officer
from tests import factories, live
from tests.conftest import Client
from tests.steps import MONDAY_9, WEDNESDAY_10

HTML = {"Accept": "text/html,*/*;q=0.8"}
WORDS = "He would not show me his badge and put his foot in the door."


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser, at an address of its own."""
    web = app.test_client()
    web.environ_base["REMOTE_ADDR"] = f"2001:db8:{uuid4().hex[:4]}::1"
    return web


def send(web: Any, **fields: str) -> Any:
    return web.post("/concern", data={"words": WORDS} | fields, headers=HTML)


def incidents() -> list[Incident]:
    with reading() as session:
        return list(session.scalars(select(Incident).order_by(Incident.id)))


def reference_on(answer: Any) -> str:
    (found,) = re.findall(r"HC-[0-9A-Z]{4}-[0-9A-Z]{4}", answer.text)
    return str(found)


class TestWhatIsReported:
    def test_words_alone_are_enough_and_give_a_reference_and_what_happens_next(self, web: Any) -> None:
        answer = send(web)
        assert answer.status_code == 200
        (incident,) = incidents()
        assert (incident.kind, incident.status, incident.words) == ("concern", "open", WORDS)
        assert reference_on(answer) == incident.reference
        assert "What happens next" in answer.text and "so we cannot ring you" in answer.text

    def test_a_number_to_ring_is_kept_as_it_was_typed(self, web: Any) -> None:
        answer = send(web, phone="07700 900 123 after six")
        assert incidents()[0].phone == "07700 900 123 after six"
        assert "They may ring you" in answer.text

    def test_a_visit_is_found_by_its_reference(self, web: Any, resident: Any, officer: Officer) -> None:
        visit = factories.visit(resident, officer, WEDNESDAY_10)
        send(web, given=f" {visit.reference.lower()} ")
        (incident,) = incidents()
        assert (incident.visit_id, incident.given) == (visit.id, visit.reference.lower())

    def test_a_badge_is_found_by_its_code_even_after_the_code_ran_out(
        self, app: Flask, web: Any, officer: Officer
    ) -> None:
        badge = live.give_badge(officer, MONDAY_9)
        secret = app.extensions["keyring"].short_code_secret
        send(web, given=short_code.short_code(secret, badge.id, badge.handle, MONDAY_9.replace(hour=3)))
        (incident,) = incidents()
        assert (incident.badge_id, incident.officer_id) == (badge.id, officer.id)

    def test_each_concern_is_an_incident_of_its_own(self, web: Any) -> None:
        references = {reference_on(send(web, form=str(uuid4()))) for _ in range(3)}
        assert len(references) == len(incidents()) == 3

    def test_a_second_tap_on_the_button_is_no_second_concern(self, web: Any) -> None:
        form = re.findall(r'name="form" value="([^"]+)"', web.get("/concern", headers=HTML).text)[0]
        assert reference_on(send(web, form=form)) == reference_on(send(web, form=form))
        assert len(incidents()) == 1

    def test_schedulers_read_it_and_officers_do_not(self, web: Any, scheduler: Client, phone: Client) -> None:
        reference = reference_on(send(web, phone="020 7946 0000"))
        (shown,) = scheduler.get("/v1/incidents?kind=concern").json["items"]
        assert (shown["reference"], shown["words"], shown["phone"]) == (reference, WORDS, "020 7946 0000")
        assert phone.get("/v1/incidents").status_code == 403


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"words": ""}, "Tell us what happened"),
            ({"words": " \n\u200b\x00 "}, "Tell us what happened"),
            ({"words": "x" * 2001}, "That is too long. Use fewer words"),
            ({"phone": "0" * 41}, "That phone number is too long"),
            ({"given": "A" * 41}, "That code is too long"),
        ],
    )
    def test_a_slip_is_told_and_what_was_typed_is_still_there(
        self, web: Any, fields: dict[str, str], sentence: str
    ) -> None:
        answer = send(web, **{"phone": "020 7946 0000"} | fields)
        assert answer.status_code == 422
        assert sentence in answer.text and "<title>Error: " in answer.text
        assert fields.get("phone", "020 7946 0000") in answer.text
        assert incidents() == []

    def test_two_thousand_characters_fit_however_their_lines_end(self, web: Any) -> None:
        assert send(web, words="a\r\n" * 1000).status_code == 200
        assert incidents()[0].words == ("a\n" * 1000).strip()

    def test_what_nobody_can_see_is_taken_out(self, web: Any) -> None:
        assert send(web, words="one\x00\u202etwo\nthree", phone="\x0007700\n900123").status_code == 200
        assert incidents()[0].words == "onetwo\nthree"

    def test_what_was_typed_is_never_markup(self, web: Any, scheduler: Client) -> None:
        sly = '</textarea>"><script>alert(1)</script>'
        answer = send(web, words="", phone=sly, given=sly)
        assert "<script" not in answer.text
        assert "<script" not in send(web, words=sly * 60).text

    def test_a_form_that_is_too_large_is_told_in_words(self, web: Any) -> None:
        assert send(web, words="x" * 200_000).status_code == 413

    @pytest.mark.parametrize("form", ["", "x", "0" * 10_000, "\x00"])
    def test_a_wrong_form_number_stands_in_nobodys_way(self, web: Any, form: str) -> None:
        assert send(web, form=form).status_code == 200

    def test_one_address_that_sends_many_is_given_the_telephone_number(self, web: Any) -> None:
        for _ in range(10):
            assert send(web).status_code == 200
        refused = send(web)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3600")
        assert "Please ring us instead" in refused.text and "020 7946 0123" in refused.text
        web.environ_base["REMOTE_ADDR"] = "192.0.2.77"
        assert send(web).status_code == 200

    def test_a_slip_does_not_count_as_a_concern(self, web: Any) -> None:
        for _ in range(12):
            assert send(web, words="").status_code == 422
        assert send(web).status_code == 200


class TestWhatAStrangerLearns:
    def test_the_answer_is_the_same_whether_the_visit_or_badge_exists_or_not(
        self, web: Any, resident: Any, officer: Officer
    ) -> None:
        visit = factories.visit(resident, officer, WEDNESDAY_10)
        known, unknown = send(web, given=visit.reference), send(web, given="HV-0000-0000")
        assert known.text.replace(reference_on(known), "") == unknown.text.replace(reference_on(unknown), "")

    def test_looking_at_the_form_changes_nothing_and_leaves_no_cookie(self, web: Any) -> None:
        for answer in (web.get("/concern", headers=HTML), send(web)):
            assert answer.status_code == 200
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Robots-Tag"] == "noindex"
            assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
            assert not re.search(r"<script|<style|style=|\son\w+=|<iframe|//[a-z]", answer.text)
        web.get("/concern", headers=HTML)
        assert len(incidents()) == 1

    def test_it_is_one_tap_from_every_badge_page(self, app: Flask, web: Any, stopped_clock: Any) -> None:
        evening = MONDAY_9.replace(hour=20)
        stopped_clock.set(evening)
        for address in live.badge_of_each_state(app.extensions["keyring"], evening).values():
            assert 'href="/concern"' in web.get(address, headers=HTML).text
