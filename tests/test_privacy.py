"""What the product never tells, keeps or lets be found: docs/data-protection.md, sentence by sentence.

What has a home of its own is tested there: that photos lose their EXIF (test_photos) and their addresses die
(test_badge_page), the chain, the salts and previews of scans (test_scans), what `purge` removes (test_retention).
"""

import http.client
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from api import create_app, logs
from api.config import Settings
from id_badges import short_code
from id_badges.tokens import mint_phone_badge
from migrations.tables import metadata
from models import database
from models.badge import Badge, BadgeKind
from models.officer import Officer
from models.photo import WIDTH
from models.resident import Resident
from models.scan import Scan
from models.visit import Visit
from tests import factories, live
from tests.conftest import Client, StoppedClock
from tests.hostile_tokens import hostile_tokens
from tests.scanning import qr_codes
from tests.steps import MONDAY_9

HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}
TICKET = re.compile(r'name="ticket" value="([\w-]+)"')
PHOTO = re.compile(r'src="/b/photos/([^"]+)"')
LIVE_CODE = re.compile(r'href="/b/live-codes/([^"]+)"')
CALLER = "192.0.2.77"
NOW = MONDAY_9 + timedelta(hours=1)
"""Monday at ten: the keys are older than any token of these tests."""


@pytest.fixture(autouse=True)
def at_ten(app: Flask, stopped_clock: StoppedClock) -> None:
    stopped_clock.set(NOW)


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def good(app: Flask, officer: Officer) -> Badge:
    """The phone badge of an officer with a photo."""
    live.give_photo(officer, NOW)
    return live.give_badge(officer, NOW)


@pytest.fixture
def visit(app: Flask, resident: Resident, officer: Officer) -> Visit:
    """The officer's visit in half an hour."""
    return factories.visit(resident, officer, NOW + timedelta(minutes=30))


def token_of(app: Flask, badge: Badge, at: Any = NOW) -> str:
    return mint_phone_badge(app.extensions["keyring"], issuer="harrow", badge_id=badge.id, at=at)


def code_of(app: Flask, badge: Badge) -> str:
    return short_code.short_code(app.extensions["keyring"].short_code_secret, badge.id, badge.handle, NOW)


# "No cookies, no outside content, no-store, no-referrer, noindex, a strict CSP"


def resident_pages(app: Flask, good: Badge, visit: Visit) -> Iterator[tuple[str, Any]]:
    """Every kind of page a resident can come to, each with the request that led there."""
    web = app.test_client()
    states = live.badge_of_each_state(app.extensions["keyring"], NOW)
    for state, address in states.items():
        yield f"a badge, {state}", web.get(address, headers=HTML)
    ticket = TICKET.findall(web.get(f"/b/{token_of(app, good)}", headers=HTML).text)[0]
    shown = web.post("/b/live-codes", data={"ticket": ticket}, headers=HTML)
    yield "a live code", shown
    yield "a live code, later", web.get(f"/b/live-codes/{LIVE_CODE.findall(shown.text)[0]}", headers=HTML)
    due = {"ticket": ticket, "reference": visit.reference, "house": "1"}
    for name, data in (("due", due), ("not due", due | {"house": "9"}), ("half a question", {"ticket": ticket})):
        yield name, web.post("/b/due", data=data, headers=HTML)
    yield "the form", web.get("/b", headers=HTML)
    yield "a typed code", web.post("/b", data={"code": code_of(app, good)}, headers=HTML)
    yield "a code with a slip", web.post("/b", data={"code": "ABCDE"}, headers=HTML)
    yield "the form of a concern", web.get("/concern", headers=HTML)
    yield "a concern without words", web.post("/concern", data={}, headers=HTML)
    yield "a concern", web.post("/concern", data={"words": "He ran."}, headers=HTML)
    page = "/v/" + app.extensions["visit_links"].code(visit.reference)
    yield "a visit", web.get(page, headers=HTML)
    yield "no visit", web.get("/v/guess", headers=HTML)
    for what, data in (
        ("confirm", {"starts_at": "x"}),
        ("change", {}),
        ("needs", {"needs": "A dog"}),
        ("i-was-in", {}),
    ):
        yield f"a visit, {what}", web.post(f"{page}/{what}", data=data, headers=HTML)
    for method, address in (("GET", "/b/photos/x"), ("DELETE", "/b"), ("GET", "/nothing"), ("GET", "/b/due")):
        yield f"{method} {address}", web.open(address, method=method, headers=HTML)
    yield "too large a form", web.post("/b", data={"code": "A" * 100_000}, headers=HTML)


def test_no_page_of_residents_sets_a_cookie_is_kept_tells_where_from_or_holds_what_is_not_ours(
    app: Flask, good: Badge, visit: Visit
) -> None:
    seen = dict(resident_pages(app, good, visit))
    assert len(seen) > 25
    for name, answer in seen.items():
        assert answer.content_type == "text/html; charset=utf-8", name
        assert "Set-Cookie" not in answer.headers and "Location" not in answer.headers, name
        assert answer.headers["Cache-Control"] == "no-store", name
        assert answer.headers["Referrer-Policy"] == "no-referrer", name
        assert answer.headers["X-Robots-Tag"] == "noindex", name
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy.pop("default-src") == "'none'", name
        assert set(policy.values()) <= {"'self'", "'none'"}, name
        assert not re.search(r"<script|<style|style=|\son\w+=|<iframe|<meta[^>]+refresh", answer.text), name
        assert not re.search(r"""(?:src|href|action)=["'](?!/[^/]|#|tel:)""", answer.text), name


# "The QR carries the host from PUBLIC_BASE_URL alone; Host and X-Forwarded-Host change nothing"

FALSE_HOSTS = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example;proto=http",
}


class TestHost:
    BASE = "https://visits.harrow.example"

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | {"PUBLIC_BASE_URL": self.BASE}

    def test_the_code_on_the_phone_has_the_host_of_the_settings_and_no_other(
        self, phone: Client, good: Badge
    ) -> None:
        for headers in ({}, *({name: value} for name, value in FALSE_HOSTS.items()), FALSE_HOSTS):
            told = {"Authorization": f"Bearer {phone.token}"} | headers
            with Image.open(io.BytesIO(phone.client.get("/v1/me/badge.png", headers=told).data)) as png:
                (found,) = qr_codes(png)
            assert found.text.startswith(f"{self.BASE}/b/eyJ"), headers
            answer = phone.client.get("/v1/me/badge", headers=told)
            assert answer.json["url"] == found.text
            picture = phone.client.get("/v1/me/badge.svg", headers=told).data
            assert picture == phone.get("/v1/me/badge.svg").data

    def test_no_other_address_we_give_has_the_host_that_was_asked(
        self, web: Any, scheduler: Client, visit: Visit
    ) -> None:
        told = {"Authorization": f"Bearer {scheduler.token}"} | FALSE_HOSTS
        letter = web.get(f"/v1/visits/{visit.id}/letter.html", headers=told)
        assert letter.status_code == 200 and f"{self.BASE}/v/" in letter.text
        answers = [letter, web.get(f"/v1/visits/{visit.id}", headers=told)]
        answers += [web.get(path, headers=FALSE_HOSTS) for path in ("/.well-known/badge-status", "/openapi.json")]
        booking = factories.booking(factories.resident(), None, NOW + timedelta(days=2))
        answers.append(web.post("/v1/visits", json=booking, headers=told))
        assert answers[-1].status_code == 201
        for answer in answers:
            assert "evil" not in answer.text and "evil" not in str(answer.headers)


# "No name search, no public list of staff"

SEARCHES = re.compile(r"name|search|query|^q$|filter|like|phone|email|number|words|text")
"""What a parameter that looks for people would be called. They are found by an identifier one has already."""


def operations(app: Flask) -> Iterator[tuple[str, dict[str, Any]]]:
    document = app.test_client().get("/openapi.json").json
    for path, item in document["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                shared = item.get("parameters", [])
                yield f"{method.upper()} {path}", item[method] | {"shared": shared}


def test_nobody_is_searched_for_by_name(app: Flask) -> None:
    asked = {
        parameter["name"]
        for _, operation in operations(app)
        for parameter in [*operation.get("parameters", []), *operation["shared"]]
        if parameter.get("in") == "query"
    }
    assert {"limit", "cursor"} <= asked
    assert [name for name in asked if SEARCHES.search(name)] == []


def test_a_search_that_somebody_tries_is_refused(admin: Client, scheduler: Client, officer: Officer) -> None:
    lists = {"/v1/officers": admin, "/v1/users": admin, "/v1/residents": scheduler, "/v1/visits": scheduler}
    for path, client in lists.items():
        for word in ("name", "q", "search", "filter", "display_name", "staff_number", "phone", "postcode"):
            assert client.get(f"{path}?{word}=Amina").status_code == 422, (path, word)


def test_a_strangers_name_is_no_badge_and_no_code(app: Flask, web: Any, good: Badge, officer: Officer) -> None:
    red = web.get("/b/x", headers=HTML).data
    for guess in (officer.display_name, officer.staff_number, str(officer.id), str(good.id)):
        assert web.get(f"/b/{guess}", headers=HTML).data == red
        assert web.post("/b", json={"code": guess}).status_code == 422


def test_no_page_that_anybody_may_open_names_an_officer(app: Flask, web: Any, good: Badge, visit: Visit) -> None:
    """Without a token, a code or a link there is none; what is for development alone shows the texts sent."""
    opened = 0
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<[^>]+>", "x", rule.rule)
        if "GET" not in (rule.methods or ()) or address.startswith("/dev/"):
            continue
        for kind in (HTML, JSON):
            with web.get(address, headers=kind) as answer:
                # To the form for staff, which is looked at in its turn.
                assert answer.status_code in (200, 302, 303, 401, 404), address
                for word in (b"Amina", b"Yusuf", str(good.officer_id).encode()):
                    assert word not in answer.data, address
                opened += answer.status_code == 200
    assert opened > 15


# "Photos: 320 px on the page"


def test_the_photo_that_a_page_shows_is_small_and_nothing_but_a_picture(app: Flask, web: Any, good: Badge) -> None:
    link = PHOTO.findall(web.get(f"/b/{token_of(app, good)}", headers=HTML).text)[0]
    with Image.open(io.BytesIO(web.get(f"/b/photos/{link}").data)) as photo:
        assert photo.width == WIDTH == 320
        assert not photo.getexif() and "comment" not in photo.info


def test_each_scan_has_a_photo_address_of_its_own(app: Flask, web: Any, good: Badge) -> None:
    """At the same second too: an address that is passed on tells nothing of another scan."""
    page = f"/b/{token_of(app, good)}"
    links = [link for _ in range(5) for link in PHOTO.findall(web.get(page, headers=HTML).text)]
    assert len(set(links)) == len(links) == 5
    assert {web.get(f"/b/photos/{link}").status_code for link in links} == {200}


# "Scan records: time, badge, kind, state, daily-salted HMAC of the address"


def test_a_scan_record_has_room_for_what_it_says_and_nothing_more() -> None:
    assert set(Scan.__table__.columns.keys()) == {
        *("number", "previous", "hash"),  # the chain
        *("at", "badge_id", "officer_id", "token_issued_at", "kind", "state", "reason", "address"),
    }


def test_nothing_that_tells_one_caller_from_another_is_in_any_table(app: Flask, web: Any, good: Badge) -> None:
    told = {
        "User-Agent": "Sentinel-Agent/1.0",
        "Referer": "https://sentinel-referer.example/",
        "Accept-Language": "cy-Sentinel",
        "X-Forwarded-For": "198.51.100.9",
        "Cookie": "sentinel=cookie",
    }
    token, code = token_of(app, good), code_of(app, good)
    for _ in range(3):
        web.get(f"/b/{token}", headers=HTML | told, environ_overrides={"REMOTE_ADDR": CALLER})
        web.post("/b", data={"code": code}, headers=HTML | told, environ_overrides={"REMOTE_ADDR": CALLER})
    assert app.extensions["scan_log"].flush()
    with database.reading() as session:
        kept = " ".join(
            repr(row) for table in metadata.sorted_tables for row in session.execute(table.select()).all()
        )
        masks = set(session.scalars(select(Scan.address)))
    assert len(masks) == 1
    for secret in (CALLER, "198.51.100.9", "entinel", token, token.split(".")[2], code, code.replace("-", "")):
        assert secret not in kept


# "Tokens never in logs"


@pytest.fixture
def heard(environment: dict[str, str], database: str) -> Iterator[tuple[Flask, io.StringIO]]:
    """The application at its most talkative, and every line that any logger writes, as the product writes it."""
    app = create_app(Settings.from_environment(environment | {"LOG_LEVEL": "DEBUG", "CHECKS_PER_MINUTE": "5000"}))
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logs.JsonLines())
    logging.getLogger().addHandler(handler)
    yield app, lines
    logs.configure("ERROR")


def test_no_log_has_a_token_a_code_a_link_or_who_asked(
    heard: tuple[Flask, io.StringIO],
    sign_in: Callable[..., Client],
    officer: Officer,
    resident: Resident,
    database_url: str,
) -> None:
    """Every way to check a badge, good and bad, with the database there and away."""
    app, lines = heard
    web = app.test_client()
    web.environ_base["REMOTE_ADDR"] = CALLER
    live.give_photo(officer, NOW)
    good = live.give_badge(officer, NOW)
    states = live.badge_of_each_state(app.extensions["keyring"], NOW)
    hostile = hostile_tokens(app.extensions["keyring"], "harrow", good.id, NOW)
    code, wrong = code_of(app, good), short_code.short_code(b"x" * 32, good.id, good.handle, NOW)
    visit = factories.visit(resident, officer, NOW + timedelta(minutes=30))
    secrets = {address.removeprefix("/b/") for address in states.values()} | {code, wrong}

    def ask_everything() -> None:
        for address in states.values():
            for method, kind in (("GET", HTML), ("GET", JSON), ("HEAD", HTML)):
                web.open(address, method=method, headers=kind)
            web.open(address, method="POST", headers=HTML)
        for typed in (code, wrong, code[:5]):
            web.post("/b", data={"code": typed}, headers=HTML)
            web.post("/b", json={"code": typed}, headers=JSON)

    for token in hostile.values():
        if token.isascii() and token.isprintable() and "/" not in token and len(token) > 100:
            web.get(f"/b/{token}", headers=HTML)
            secrets.add(token)
    ask_everything()
    page = web.get(f"/b/{token_of(app, good)}", headers=HTML).text
    ticket, photo = TICKET.findall(page)[0], PHOTO.findall(page)[0]
    shown = web.post("/b/live-codes", data={"ticket": ticket}, headers=HTML).text
    link = LIVE_CODE.findall(shown)[0]
    web.get(f"/b/live-codes/{link}", headers=HTML)
    web.get(f"/b/photos/{photo}")
    web.post("/b/due", data={"ticket": ticket, "reference": visit.reference, "house": "1"}, headers=HTML)
    web.post("/concern", data={"words": "He ran.", "given": code, "phone": "020 7946 0999"}, headers=HTML)
    phone = Client(web, sign_in("officer", officer).token)
    minted = phone.get("/v1/me/badge").json
    for path in ("/v1/me/badge.svg", "/v1/me/badge.png", "/v1/me/live-codes", "/v1/me/scans"):
        assert phone.get(path).status_code == 200
    Client(web, sign_in("scheduler").token).post("/v1/badge-checks", {"short_code": minted["short_code"]})
    assert app.extensions["scan_log"].flush()
    database.connect(f"postgresql://nobody@127.0.0.1:{live.free_port()}/nothing")
    try:
        ask_everything()
    finally:
        database.connect(database_url)

    secrets |= {ticket, photo, link, minted["token"], minted["short_code"], phone.token or "-"}
    secrets |= {
        part for secret in secrets if secret.count(".") == 2 for part in secret.split(".") if len(part) > 40
    }
    secrets |= {each.replace("-", "") for each in (code, wrong, minted["short_code"])}
    said = lines.getvalue()
    records = [json.loads(line) for line in said.splitlines()]
    events = {record["event"] for record in records}
    assert {"request", "badge_check_unavailable"} <= events and len(records) > 300
    assert [secret for secret in secrets if secret in said] == []
    for word in (CALLER, "020 7946", "He ran", "Amina", "Yusuf", "eyJ", "/b/", "HA1"):
        assert word not in said, word


def test_the_web_server_writes_no_token_into_its_log_either(
    live_app: live.LiveServer, badge_links: dict[str, str]
) -> None:
    host = live_app.url.removeprefix("http://")
    for address in (*badge_links.values(), badge_links["genuine"] + "%ff", "/b/" + "eyJ" * 9000):
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", address, headers=HTML)
        assert connection.getresponse().status < 500
        connection.close()
    assert "eyJ" not in live_app.log.read_text()


# "Rate limits by address, never on the badge: nobody can lock an officer out"


def test_two_hundred_failing_checks_of_one_badge_leave_it_to_be_checked(
    environment: dict[str, str], database: str, stopped_clock: StoppedClock, officer: Officer
) -> None:
    """With the limit there is by default, from 200 addresses: changed tokens, and codes that begin as its own."""
    environment.pop("CHECKS_PER_MINUTE")
    app = create_app(Settings.from_environment(environment))
    good = live.give_badge(officer, NOW)
    card = live.give_badge(officer, NOW, BadgeKind.CARD, expires_at=NOW + timedelta(days=300))
    token, code, web = token_of(app, good), code_of(app, good), app.test_client()
    for number in range(200):
        caller = {"REMOTE_ADDR": f"198.51.100.{number}"}
        place = len(token) - 2 - number % 80
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        answer = web.get(f"/b/{changed}", headers=JSON, environ_overrides=caller)
        assert (answer.status_code, answer.json["state"]) == (200, "not_confirmed")
        for badge in (good, card):
            guess = short_code.short_code(number.to_bytes(32, "big"), badge.id, badge.handle, NOW)
            answer = web.post("/b", json={"code": guess}, headers=JSON, environ_overrides=caller)
            assert (answer.status_code, answer.json["state"]) == (200, "not_confirmed")
    resident = {"REMOTE_ADDR": CALLER}
    assert web.get(f"/b/{token}", headers=JSON, environ_overrides=resident).json["state"] == "genuine"
    typed = web.post("/b", json={"code": code}, headers=JSON, environ_overrides=resident)
    assert typed.json["state"] == "genuine"


def test_whoever_checks_too_often_is_the_only_one_who_waits(
    environment: dict[str, str], database: str, stopped_clock: StoppedClock, officer: Officer
) -> None:
    """Even behind the same badge: 200 from one address close that address, for a minute, and nothing else."""
    app = create_app(Settings.from_environment(environment | {"CHECKS_PER_MINUTE": "60"}))
    token, web = token_of(app, live.give_badge(officer, NOW)), app.test_client()
    flood = {"REMOTE_ADDR": "198.51.100.1"}
    statuses = [web.get(f"/b/{token}", headers=JSON, environ_overrides=flood).status_code for _ in range(200)]
    assert statuses == [200] * 60 + [429] * 140
    for number in range(2, 50):
        caller = {"REMOTE_ADDR": f"198.51.100.{number}"}
        assert web.get(f"/b/{token}", headers=JSON, environ_overrides=caller).json["state"] == "genuine"
