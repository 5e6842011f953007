"""What a resident is told at the door, over HTTP: never green for anybody who is not to be let in."""

import http.client
import io
import json
import re
import secrets
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from api import create_app, door
from api.config import Settings
from id_badges import short_code
from id_badges.tokens import mint_phone_badge
from models import database
from models.badge import HANDLE_BITS, Badge
from models.officer import Officer
from models.prepared import Prepared
from tests import factories, live
from tests.conftest import Client, StoppedClock
from tests.hostile_tokens import decode, encode, hostile_tokens, too_large_for_a_request_line
from tests.scanning import qr_codes

EVENING = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
"""Monday, outside of everybody's working hours."""

HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}
RED = ("revoked", "suspended", "unknown", "forged")
STATES = ("genuine", "genuine_not_on_duty", "card_only", "timed_out", "not_yet_valid", *RED)
LOOKS = {"genuine": "green"} | dict.fromkeys(RED, "red")
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
TICKET = re.compile(rb'name="ticket" value="[\w-]+"')
"""What the forms of each page send: no two pages have the same."""

PHOTO = re.compile(r'src="(/b/photos/[^"]+)"')


@pytest.fixture
def links(app: Flask, stopped_clock: StoppedClock) -> dict[str, str]:
    """The address of a badge's page in each state, on a Monday evening."""
    stopped_clock.set(EVENING)
    return live.badge_of_each_state(app.extensions["keyring"], EVENING)


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def good(app: Flask, officer: Officer) -> Badge:
    """The officer's phone badge."""
    return live.give_badge(officer, EVENING)


def token_of(app: Flask, badge: Badge, at: datetime) -> str:
    return mint_phone_badge(app.extensions["keyring"], issuer="harrow", badge_id=badge.id, at=at)


def state_of(web: Any, address: str) -> str:
    answer = web.get(address, headers=JSON)
    assert answer.status_code == 200
    return str(answer.json["state"])


def without_ticket(page: Any) -> bytes:
    """A page's bytes but for its ticket and its photo's address."""
    return re.sub(PHOTO.pattern.encode(), b"", TICKET.sub(b"", page.data))


def look_of(page: str) -> str:
    """The one look of a page, from the class that colours it."""
    (look,) = set(re.findall(r'class="look look-(\w+)"', page))
    return look


class TestForgeries:
    def test_every_hostile_token_gets_the_one_red_page_and_no_other_host_hears_of_it(
        self, app: Flask, web: Any, links: dict[str, str], good: Badge, calls_to_others: list[Any]
    ) -> None:
        red = web.get(links["revoked"], headers=HTML)
        hostile = hostile_tokens(app.extensions["keyring"], "harrow", good.id, EVENING)
        assert len(hostile) > 300
        not_red = []
        for sentence, token in hostile.items():
            if not token:
                continue
            for spelled in (quote(token, safe=""), quote(token, safe="/:;,@&=+$!*'()[]{}|\\^~`<>\"")):
                answer = web.get(f"/b/{spelled}", headers=HTML)
                if (answer.status_code, answer.data) != (200, red.data):
                    not_red.append((sentence, answer.status_code))
                assert dict(answer.headers) == dict(red.headers)
        assert not_red == []
        assert calls_to_others == []

    def test_every_change_of_one_character_and_every_shorter_token_is_red(
        self, app: Flask, web: Any, good: Badge, stopped_clock: StoppedClock
    ) -> None:
        stopped_clock.set(EVENING)
        token = token_of(app, good, EVENING)
        assert state_of(web, f"/b/{token}") != "not_confirmed"
        for place in range(len(token)):
            changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            assert state_of(web, f"/b/{changed}") == "not_confirmed"
        for length in range(1, len(token)):
            assert state_of(web, f"/b/{token[:length]}") == "not_confirmed"

    @pytest.mark.parametrize(
        "more", ["/", "//", "/x", ".", "%20", "%00", "%0a", "%0d%0a", "%E2%80%8B", "=", "%3F"]
    )
    def test_a_good_token_with_anything_after_it_is_red(self, web: Any, links: dict[str, str], more: str) -> None:
        assert state_of(web, links["genuine"]) == "genuine"
        assert state_of(web, links["genuine"] + more) == "not_confirmed"

    def test_a_query_changes_nothing(self, web: Any, links: dict[str, str]) -> None:
        plain = web.get(links["genuine"], headers=HTML)
        asked = web.get(links["genuine"] + "?state=genuine&x=1", headers=HTML)
        assert without_ticket(asked) == without_ticket(plain)
        assert state_of(web, links["revoked"] + "?state=genuine&look=green") == "not_confirmed"

    def test_two_megabytes_are_refused_before_they_are_read(self, web: Any) -> None:
        assert state_of(web, f"/b/{too_large_for_a_request_line()}") == "not_confirmed"


class TestWhatIsShown:
    @pytest.mark.parametrize("state", STATES)
    def test_each_state_has_its_look_in_html_and_in_json(
        self, web: Any, links: dict[str, str], state: str
    ) -> None:
        look = LOOKS.get(state, "amber")
        page = web.get(links[state], headers=HTML)
        assert (page.status_code, look_of(page.text)) == (200, look)
        answer = web.get(links[state], headers=JSON)
        assert answer.content_type == "application/json"
        assert answer.json["state"] == ("not_confirmed" if state in RED else state)
        assert answer.json["look"] == look
        assert answer.json["checked_at"] == "2026-11-23T20:00:00Z"
        shown = {"genuine", "genuine_not_on_duty", "card_only"}
        assert ("officer" in answer.json) == (state in shown)

    def test_the_red_answers_are_the_same_byte_for_byte_in_json_too(self, web: Any, links: dict[str, str]) -> None:
        answers = [web.get(links[state], headers=JSON) for state in RED]
        assert {answer.data for answer in answers} == {answers[0].data}
        assert [dict(answer.headers) for answer in answers] == [dict(answers[0].headers)] * 4

    def test_the_red_page_is_the_same_at_another_time_and_for_another_person(
        self, web: Any, links: dict[str, str], stopped_clock: StoppedClock
    ) -> None:
        first = web.get(links["revoked"], headers=HTML).data
        stopped_clock.advance(100_000)
        assert web.get(links["genuine"], headers=HTML).data == first

    def test_green_says_who_it_is_and_for_whom_they_work(self, web: Any, links: dict[str, str]) -> None:
        page = web.get(links["genuine"], headers=HTML).text
        for words in ("Genuine badge", "Amina Yusuf", "Housing officer", "Harrow Council employee", "20:00"):
            assert words in page
        said = web.get(links["genuine"], headers=JSON).json["officer"]
        assert web.get(said.pop("photo_url")).status_code == 200
        assert said == {
            "display_name": "Amina Yusuf",
            "job_title": "Housing officer",
            "employment": "employee",
            "company": None,
        }

    def test_a_contractor_is_shown_with_their_company(
        self, app: Flask, web: Any, stopped_clock: StoppedClock
    ) -> None:
        contractor = factories.officer(company="Weald Surveys Ltd")
        page = web.get(f"/b/{token_of(app, live.give_badge(contractor, EVENING), stopped_clock.now)}").text
        assert "Contractor: Weald Surveys Ltd, working for Harrow Council" in page

    def test_words_that_somebody_typed_are_never_markup(
        self, app: Flask, web: Any, stopped_clock: StoppedClock
    ) -> None:
        sly = factories.officer(display_name="<script>alert(1)</script>", job_title='"><img src=x>')
        page = web.get(f"/b/{token_of(app, live.give_badge(sly, EVENING), stopped_clock.now)}").text
        assert "<script" not in page and "<img src=x" not in page
        assert "&lt;script&gt;" in page

    def test_head_answers_as_get_does_without_the_page(self, web: Any, links: dict[str, str]) -> None:
        for state in STATES:
            got, head = (web.open(links[state], method=method, headers=HTML) for method in ("GET", "HEAD"))
            assert head.status_code == got.status_code == 200
            assert head.data == b""
            assert dict(head.headers) == dict(got.headers)


class TestHeaders:
    PATHS = ("/b", "/b/", "/b/x", "/b/x/y", "/b/photos/x")

    def answers(self, web: Any, links: dict[str, str]) -> list[Any]:
        found = [
            web.get(address, headers=kind) for address in (*links.values(), *self.PATHS) for kind in (HTML, JSON)
        ]
        found += [web.post("/b", data={"code": code}, headers=kind) for code in ("", "x") for kind in (HTML, JSON)]
        found += [web.open("/b", method="DELETE", headers=kind) for kind in (HTML, JSON)]
        return found

    def test_nothing_is_kept_told_or_framed_anywhere(self, web: Any, links: dict[str, str]) -> None:
        for answer in self.answers(web, links):
            headers = answer.headers
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in headers and "Location" not in headers
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            if answer.content_type.startswith("text/html"):
                assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
                assert headers["X-Robots-Tag"] == "noindex"
                assert headers["Vary"] == "Accept"
                assert answer.content_type == "text/html; charset=utf-8"

    def test_no_page_holds_a_script_a_style_or_another_host(self, web: Any, links: dict[str, str]) -> None:
        for answer in self.answers(web, links):
            if answer.content_type.startswith("text/html"):
                assert not re.search(r"<script|<style|style=|\son\w+=|<iframe|//[a-z]", answer.text)

    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "evil.example"},
            {"X-Forwarded-Host": "evil.example"},
            {"X-Forwarded-Proto": "ftp", "X-Forwarded-Port": "1"},
            {"X-Forwarded-Prefix": "/evil"},
            {"Forwarded": "host=evil.example;proto=http"},
            {"X-Original-URL": "/evil", "X-Rewrite-URL": "/evil"},
        ],
    )
    def test_a_false_host_changes_nothing(
        self, web: Any, links: dict[str, str], phone: Client, headers: dict[str, str]
    ) -> None:
        for state in STATES:
            told, plain = web.get(links[state], headers=HTML | headers), web.get(links[state], headers=HTML)
            assert without_ticket(told) == without_ticket(plain)
        url = web.get("/v1/me/badge", headers={"Authorization": f"Bearer {phone.token}"} | headers).json["url"]
        assert url.startswith("http://127.0.0.1:8000/b/")


ODD_ADDRESSES = [
    "/b",
    "/b/",
    "/b//",
    "//b",
    "//b/x",
    "/b//x",
    "/b/x/",
    "/b/x//",
    "/b/.",
    "/b/..",
    "/b/../b/x",
    "/b/../v1/visits",
    "/b/./x",
    "/b/%2e%2e/x",
    "/b/%2Fexample.org",
    "/b//example.org",
    "/b/https://example.org",
    "/b/https:%2F%2Fexample.org",
    "/b/\\example.org",
    "/b/%5cexample.org",
    "/b/%0d%0aLocation:%20https://example.org",
    "/b?next=https://example.org",
    "/b/x?next=//example.org",
    "/b/photos",
    "/b/photos/",
    "/b/photos//x",
    "/b/photos/x/y",
    "/B/x",
]


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_nothing_under_b_ever_sends_anybody_elsewhere(live_app: live.LiveServer, address: str) -> None:
    """As the bytes of a request line: a client for tests would tidy some of them."""
    connection = http.client.HTTPConnection(live_app.url.removeprefix("http://"), timeout=10)
    for method in ("GET", "HEAD", "POST"):
        connection.request(method, address, headers=HTML)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 404, 405, 422)
        assert answer.getheader("Location") is None and answer.getheader("Refresh") is None
    connection.close()


class TestAtOnce:
    def test_a_revoked_badge_is_red_in_the_same_second(
        self, app: Flask, web: Any, links: dict[str, str], admin: Client
    ) -> None:
        assert state_of(web, links["genuine"]) == "genuine"
        jti = json.loads(decode(links["genuine"].split(".")[1]))["jti"]
        revoked = admin.post(f"/v1/badges/{jti}/revocation", {"reason": "The phone was stolen."})
        assert revoked.status_code == 201
        assert state_of(web, links["genuine"]) == "not_confirmed"
        page = web.get(links["genuine"], headers=HTML).data
        assert page == web.get(links["forged"], headers=HTML).data

    def test_a_suspended_officer_is_red_until_the_suspension_is_lifted(
        self, app: Flask, web: Any, stopped_clock: StoppedClock, officer: Officer, good: Badge, admin: Client
    ) -> None:
        address = f"/b/{token_of(app, good, stopped_clock.now)}"
        assert state_of(web, address) == "genuine"
        assert admin.post(f"/v1/officers/{officer.id}/suspension", {"reason": "An inquiry."}).status_code == 201
        assert state_of(web, address) == "not_confirmed"
        assert admin.delete(f"/v1/officers/{officer.id}/suspension").status_code == 204
        assert state_of(web, address) == "genuine"

    def test_an_officer_who_left_is_red(
        self, app: Flask, web: Any, stopped_clock: StoppedClock, officer: Officer, good: Badge, admin: Client
    ) -> None:
        address = f"/b/{token_of(app, good, stopped_clock.now)}"
        assert admin.patch(f"/v1/officers/{officer.id}", {"active": False}).status_code == 200
        assert state_of(web, address) == "not_confirmed"

    @pytest.mark.parametrize(
        ("ends_on", "state"),
        [
            (date(2026, 11, 22), "not_confirmed"),
            (date(2026, 11, 23), "genuine"),
            (date(2026, 11, 24), "genuine"),
        ],
    )
    def test_a_contract_counts_to_the_end_of_its_last_day(
        self, app: Flask, web: Any, stopped_clock: StoppedClock, ends_on: date, state: str
    ) -> None:
        contractor = factories.officer(company="Weald Surveys Ltd", contract_ends_on=ends_on)
        address = f"/b/{token_of(app, live.give_badge(contractor, EVENING), stopped_clock.now)}"
        assert state_of(web, address) == state

    @pytest.mark.parametrize(
        ("local", "state"),
        [
            (datetime(2026, 11, 24, 8, 59, 59, tzinfo=UTC), "genuine_not_on_duty"),
            (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "genuine"),
            (datetime(2026, 11, 24, 16, 59, 59, tzinfo=UTC), "genuine"),
            (datetime(2026, 11, 24, 17, 0, tzinfo=UTC), "genuine_not_on_duty"),
            (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), "genuine_not_on_duty"),
        ],
    )
    def test_off_duty_is_amber_without_a_photo(
        self,
        app: Flask,
        web: Any,
        stopped_clock: StoppedClock,
        officer: Officer,
        good: Badge,
        local: datetime,
        state: str,
    ) -> None:
        live.give_photo(officer, EVENING)
        stopped_clock.set(local)
        address = f"/b/{token_of(app, good, stopped_clock.now)}"
        assert state_of(web, address) == state
        assert bool(PHOTO.search(web.get(address, headers=HTML).text)) == (state == "genuine")

    @pytest.mark.parametrize(
        ("hours", "state"),
        [(2, "genuine"), (2.01, "genuine_not_on_duty"), (-2.5, "genuine"), (-2.51, "genuine_not_on_duty")],
    )
    def test_a_visit_puts_its_officer_on_duty_two_hours_either_side(
        self,
        app: Flask,
        web: Any,
        stopped_clock: StoppedClock,
        officer: Officer,
        good: Badge,
        hours: float,
        state: str,
    ) -> None:
        stopped_clock.set(EVENING)
        factories.visit(factories.resident(), officer, EVENING + timedelta(hours=hours), reason="late entry")
        assert state_of(web, f"/b/{token_of(app, good, EVENING)}") == state

    @pytest.mark.parametrize(
        ("seconds", "state"),
        [
            (-31, "not_yet_valid"),
            (-30, "genuine"),
            (0, "genuine"),
            (149, "genuine"),
            (150, "timed_out"),
            (180, "timed_out"),
            (120 + 15 * 60 - 1, "timed_out"),
            (120 + 15 * 60, "not_confirmed"),
        ],
    )
    def test_a_screenshot_is_worth_nothing_after_two_minutes_and_a_little(
        self, app: Flask, web: Any, stopped_clock: StoppedClock, good: Badge, seconds: float, state: str
    ) -> None:
        made_at = stopped_clock.now + timedelta(hours=1)
        token = token_of(app, good, made_at)
        stopped_clock.set(made_at + timedelta(seconds=seconds))
        assert state_of(web, f"/b/{token}") == state


class TestPhoto:
    @pytest.fixture
    def address(self, app: Flask, stopped_clock: StoppedClock, officer: Officer, good: Badge) -> str:
        """The page of an officer with a photo."""
        live.give_photo(officer, EVENING)
        return f"/b/{token_of(app, good, stopped_clock.now)}"

    def test_it_lives_two_minutes(self, web: Any, address: str, stopped_clock: StoppedClock) -> None:
        (link,) = PHOTO.findall(web.get(address, headers=HTML).text)
        photo = web.get(link)
        assert (photo.status_code, photo.content_type) == (200, "image/jpeg")
        assert photo.data.startswith(b"\xff\xd8")
        assert photo.headers["Cache-Control"] == "no-store"
        stopped_clock.advance(119)
        assert web.get(link).status_code == 200
        stopped_clock.advance(1)
        assert web.get(link).status_code == 404

    def test_no_other_photo_can_be_had_with_its_link(
        self, web: Any, address: str, stopped_clock: StoppedClock
    ) -> None:
        other = live.give_photo(factories.officer(), EVENING, "maroon")
        (link,) = PHOTO.findall(web.get(address, headers=HTML).text)
        raw = bytearray(decode(link.rpartition("/")[2]))
        assert len(raw) == 42
        tried = [other.bytes + bytes(raw[16:]), bytes(16) + bytes(raw[16:]), bytes(raw[:26]), bytes(raw) + b"x"]
        for place in range(len(raw)):
            changed = bytearray(raw)
            changed[place] ^= 1
            tried.append(bytes(changed))
        for each in tried:
            assert web.get(f"/b/photos/{encode(each)}").status_code == 404
        assert web.get(f"/b/photos/{other}").status_code == 404

    def test_a_link_is_written_in_one_way_only(self, web: Any, address: str) -> None:
        (link,) = PHOTO.findall(web.get(address, headers=HTML).text)
        for other in (link + "=", link + "%0a", link + "A", link.upper()):
            assert web.get(other).status_code == 404

    def test_it_is_not_shown_by_a_card_or_off_duty(self, web: Any, links: dict[str, str]) -> None:
        for state in set(STATES) - {"genuine", "card_only"}:
            assert not PHOTO.search(web.get(links[state], headers=HTML).text)


class TestTypedCode:
    @pytest.fixture
    def code(self, app: Flask, good: Badge, stopped_clock: StoppedClock) -> str:
        """What the officer reads out now."""
        secret = app.extensions["keyring"].short_code_secret
        return short_code.short_code(secret, good.id, good.handle, stopped_clock.now)

    def typed(self, web: Any, code: Any, kind: dict[str, str] = JSON) -> Any:
        return web.post("/b", json={"code": code}, headers=kind)

    def test_it_answers_as_a_scan_does(
        self, app: Flask, web: Any, good: Badge, code: str, stopped_clock: StoppedClock
    ) -> None:
        scanned = web.get(f"/b/{token_of(app, good, stopped_clock.now)}", headers=HTML)
        form = web.post("/b", data={"code": code}, headers=HTML)
        assert form.status_code == 200
        assert without_ticket(form) == without_ticket(scanned)
        assert self.typed(web, code).json["state"] == "genuine"
        assert web.post("/b/", data={"code": code}, headers=JSON).json["state"] == "genuine"

    def test_it_may_be_typed_as_people_type(self, web: Any, code: str) -> None:
        for spelled in (code.lower(), code.replace("-", ""), f" {code[:2]} {code[2:]} ", code.replace("0", "O")):
            assert self.typed(web, spelled).json["state"] == "genuine"

    def test_the_officers_own_phone_shows_it(self, web: Any, phone: Client) -> None:
        assert self.typed(web, phone.get("/v1/me/badge").json["short_code"]).json["state"] == "genuine"

    def test_it_runs_out(self, web: Any, code: str, stopped_clock: StoppedClock) -> None:
        for seconds, state in ((120, "genuine"), (100, "timed_out"), (1200, "not_confirmed")):
            stopped_clock.advance(seconds)
            assert self.typed(web, code).json["state"] == state

    def test_it_is_red_when_the_badge_is_revoked(self, web: Any, code: str, good: Badge, admin: Client) -> None:
        assert admin.post(f"/v1/badges/{good.id}/revocation", {"reason": "Lost."}).status_code == 201
        red = web.get("/b/x", headers=HTML).data
        assert web.post("/b", data={"code": code}, headers=HTML).data == red

    def test_of_a_thousand_invented_codes_none_is_believed(self, web: Any, good: Badge, code: str) -> None:
        """Half of them begin as a badge's own code does; every one has a right check character."""
        at = datetime.now(UTC)
        for number in range(1000):
            handle = good.handle if number % 2 else secrets.randbits(HANDLE_BITS)
            invented = short_code.short_code(secrets.token_bytes(32), uuid4(), handle, at)
            if invented != code:
                assert self.typed(web, invented).json["state"] == "not_confirmed"

    @pytest.mark.parametrize(
        ("typed", "words"), [("", "You did not type a code"), ("ABCDE", "That code is not right")]
    )
    def test_a_slip_is_told_and_may_be_mended(self, web: Any, typed: str, words: str) -> None:
        page = web.post("/b", data={"code": typed}, headers=HTML)
        assert page.status_code == 422
        assert words in page.text and f'value="{typed}"' in page.text
        answer = self.typed(web, typed)
        assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
        assert answer.json["errors"] == {"code": ["This is not a badge's code."]}

    def test_what_was_typed_comes_back_as_text(self, web: Any) -> None:
        page = web.post("/b", data={"code": '"><script>alert(1)</script>'}, headers=HTML).text
        assert "<script" not in page


class TestTooMany:
    @pytest.fixture
    def busy(self, database: str, environment: dict[str, str], stopped_clock: StoppedClock) -> Flask:
        """An application that answers three checks a minute from one address."""
        return create_app(Settings.from_environment(environment | {"CHECKS_PER_MINUTE": "3"}))

    def test_an_address_waits_and_no_other_address_does(self, busy: Flask, stopped_clock: StoppedClock) -> None:
        officer = factories.officer()
        address = f"/b/{token_of(busy, live.give_badge(officer, EVENING), stopped_clock.now)}"
        web = busy.test_client()
        here, there = ({"REMOTE_ADDR": each} for each in ("192.0.2.1", "192.0.2.2"))
        for _ in range(3):
            assert web.get(address, headers=HTML, environ_overrides=here).status_code == 200
        page = web.get(address, headers=HTML, environ_overrides=here)
        assert (page.status_code, look_of(page.text)) == (429, "grey")
        assert "Please wait one minute" in page.text and "Genuine" not in page.text
        refused = web.get(address, headers=JSON, environ_overrides=here)
        assert (refused.status_code, refused.content_type) == (429, "application/problem+json")
        assert refused.json["type"] == "/problems/too-many"
        typed = web.post("/b", data={"code": "x"}, environ_overrides=here)
        assert typed.status_code == 429
        for answer in (page, refused, typed):
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
        # The badge itself is as good as before, for everybody else.
        assert web.get(address, headers=JSON, environ_overrides=there).json["state"] == "genuine"

    def test_no_header_makes_somebody_another_address(self, busy: Flask) -> None:
        web = busy.test_client()
        statuses = [
            web.get("/b/x", headers={"X-Forwarded-For": f"192.0.2.{number}", "X-Real-IP": "192.0.2.9"}).status_code
            for number in range(5)
        ]
        assert statuses == [200, 200, 200, 429, 429]

    def test_the_form_and_the_styles_are_always_there(self, busy: Flask) -> None:
        web = busy.test_client()
        for _ in range(5):
            web.get("/b/x")
        for address in ("/b", "/static/resident.css", "/static/icon.svg", "/favicon.ico"):
            with web.get(address) as answer:
                assert answer.status_code == 200


class TestSomethingIsDown:
    def grey(self, web: Any, address: str, **given: Any) -> None:
        for kind in (HTML, JSON):
            answer = web.open(address, headers=kind, **given)
            assert answer.status_code == 200
            if kind is HTML:
                assert look_of(answer.text) == "grey"
                assert "We cannot check now" in answer.text
                assert "Genuine" not in answer.text and "Amina" not in answer.text
            else:
                assert (answer.json["state"], answer.json["look"]) == ("unavailable", "grey")
                assert "officer" not in answer.json

    def test_without_the_database_nobody_is_green_and_nobody_red(
        self, app: Flask, web: Any, links: dict[str, str], database_url: str, good: Badge
    ) -> None:
        code = short_code.short_code(app.extensions["keyring"].short_code_secret, good.id, good.handle, EVENING)
        database.connect(f"postgresql://nobody@127.0.0.1:{live.free_port()}/nothing")
        try:
            for state in set(STATES) - {"forged"}:
                self.grey(web, links[state])
            self.grey(web, "/b", method="POST", data={"code": code})
            # What is not signed by us is red whether the register can be asked or not.
            assert state_of(web, links["forged"]) == "not_confirmed"
            assert web.get("/b", headers=HTML).status_code == 200
            photo = web.get("/b/photos/x", headers=HTML)
            assert photo.status_code == 404
        finally:
            database.connect(database_url)
        assert state_of(web, links["genuine"]) == "genuine"

    def test_a_database_that_was_restarted_is_not_the_residents_worry(
        self, web: Any, links: dict[str, str], database_url: str
    ) -> None:
        if database_url.startswith("sqlite"):
            pytest.skip("no server, so nothing to restart")
        assert state_of(web, links["genuine"]) == "genuine"
        with psycopg.connect(database_url, autocommit=True) as operator:
            mine = Prepared(select(func.pg_backend_pid().label("pid"))).first(database.looking())
            assert mine is not None
            assert operator.execute("SELECT pg_terminate_backend(%s, 5000)", [mine.pid]).fetchone() == (True,)
        assert state_of(web, links["genuine"]) == "genuine"

    def test_without_the_keys_nobody_is_green(
        self, app: Flask, web: Any, links: dict[str, str], environment: dict[str, str]
    ) -> None:
        registry = Settings.from_environment(environment).keys_dir / "registry.json"
        away = registry.with_name("away.json")
        registry.rename(away)
        try:
            for state in STATES:
                self.grey(web, links[state])
        finally:
            away.rename(registry)
        assert state_of(web, links["genuine"]) == "genuine"

    def test_a_mistake_of_ours_is_a_page_too_and_never_green(
        self, web: Any, links: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def break_down(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(door, "judge", break_down)
        page = web.get(links["genuine"], headers=HTML)
        assert (page.status_code, look_of(page.text)) == (500, "grey")
        assert "We cannot check now" in page.text
        assert web.get(links["genuine"], headers=JSON).content_type == "application/problem+json"

    def test_the_database_going_away_on_another_page_is_told_in_words(
        self, web: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(*_: Any, **__: Any) -> None:
            raise OperationalError("SELECT 1", None, Exception("gone"))

        monkeypatch.setattr(door.photo_links, "read", gone)
        page = web.get("/b/photos/x", headers=HTML)
        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        assert "We cannot check now" in page.text


class TestWrongAddresses:
    @pytest.mark.parametrize(
        ("method", "address", "status"),
        [
            ("GET", "/b/photos/x", 404),
            ("POST", "/b/x", 405),
            ("DELETE", "/b", 405),
            ("GET", "/nothing", 404),
            ("GET", "/B/x", 404),
            ("GET", "//b/x", 404),
        ],
    )
    def test_a_browser_is_told_in_words_what_to_do(self, web: Any, method: str, address: str, status: int) -> None:
        page = web.open(address, method=method, headers=HTML)
        assert page.status_code == status
        assert "We cannot find this page" in page.text
        assert "Do not let them in yet." in page.text
        assert "council tax bill" in page.text
        assert ("Allow" in page.headers) == (status == 405)

    def test_a_form_that_is_too_large_is_told_in_words(self, web: Any) -> None:
        page = web.post("/b", data={"code": "A" * 100_000}, headers=HTML)
        assert (page.status_code, page.content_type) == (413, "text/html; charset=utf-8")

    def test_a_program_gets_problem_details(self, web: Any) -> None:
        for address in ("/b/photos/x", "/nothing", "/v1/nothing"):
            assert web.get(address, headers=JSON).content_type == "application/problem+json"

    def test_the_api_answers_a_browser_with_problem_details(self, web: Any) -> None:
        for address in ("/v1/nothing", "/v1/visits", "/callbacks/twilio/nothing", "/.well-known/nothing"):
            assert web.get(address, headers=HTML).content_type == "application/problem+json"


class TestOfficersPhone:
    def test_the_300_pixel_png_decodes_to_the_address_that_is_genuine(
        self, web: Any, phone: Client, officer: Officer
    ) -> None:
        picture = phone.get("/v1/me/badge.png")
        assert picture.content_type == "image/png"
        with Image.open(io.BytesIO(picture.data)) as png:
            assert png.size == (300, 300)
            (found,) = qr_codes(png)
        url = phone.get("/v1/me/badge").json["url"]
        assert found.text == url
        assert state_of(web, url.removeprefix("http://127.0.0.1:8000")) == "genuine"

    def test_a_new_badge_makes_the_old_one_red(
        self, web: Any, phone: Client, officer: Officer, admin: Client, stopped_clock: StoppedClock
    ) -> None:
        old = phone.get("/v1/me/badge").json["token"]
        assert state_of(web, f"/b/{old}") == "genuine"
        stopped_clock.advance(1)
        assert admin.post(f"/v1/officers/{officer.id}/badges").status_code == 201
        assert state_of(web, f"/b/{old}") == "not_confirmed"
        assert state_of(web, "/b/" + phone.get("/v1/me/badge").json["token"]) == "genuine"


CHECKERS, CHECKS_EACH = 8, 130


def test_no_check_begun_after_a_revocation_was_answered_is_genuine(
    live_app: live.LiveServer, badge_links: dict[str, str]
) -> None:
    """Over HTTP, from eight threads, against every process of the server."""
    admin = live_app.sign_in("admin")
    jti = json.loads(decode(badge_links["genuine"].split(".")[1]))["jti"]
    answered_at: list[float] = []
    started = threading.Barrier(CHECKERS + 1)

    def check() -> list[tuple[float, str]]:
        started.wait(10)
        seen = []
        while len(seen) < CHECKS_EACH:
            begun_at = time.monotonic()
            seen.append((begun_at, str(_ask(live_app.url + badge_links["genuine"])["state"])))
        return seen

    with ThreadPoolExecutor(CHECKERS) as pool:
        checks = [pool.submit(check) for _ in range(CHECKERS)]
        started.wait(10)
        time.sleep(0.05)
        revoked = _ask(
            f"{live_app.url}/v1/badges/{jti}/revocation", {"reason": "The phone was stolen."}, f"Bearer {admin}"
        )
        answered_at.append(time.monotonic())
        seen = [each for check in checks for each in check.result(60)]
    assert revoked["revoked_at"]
    before = [state for begun_at, state in seen if begun_at <= answered_at[0]]
    after = [state for begun_at, state in seen if begun_at > answered_at[0]]
    assert len(seen) >= 1000
    assert "genuine" in before
    assert len(after) >= 100 and set(after) == {"not_confirmed"}
    assert live_app.complaints() == []


def _ask(url: str, body: Any = None, authorization: str = "") -> Any:
    headers = JSON | {"Authorization": authorization, "Content-Type": "application/json"}
    sent = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(sent, timeout=30) as answer:
        return json.load(answer)
