"""Attacks that need more than a token: a thief with all that a phone held, a moved badge, a stolen key, 2 MB."""

import http.client
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api import create_app
from api.config import Settings
from id_badges import short_code
from id_badges.keys import Purpose
from id_badges.rotation import compromise
from id_badges.tokens import mint_phone_badge
from models import database
from models.badge import Badge
from models.officer import Officer
from tests import factories, live
from tests.conftest import Client, StoppedClock
from tests.hostile_tokens import hostile_tokens, too_large_for_a_request_line
from tests.steps import MONDAY_9

ROOT = Path(__file__).resolve().parent.parent
HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}
TICKET = re.compile(r'name="ticket" value="([\w-]+)"')


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def good(app: Flask, officer: Officer) -> Badge:
    """The officer's phone badge."""
    return live.give_badge(officer, MONDAY_9)


def address(app: Flask, badge: Badge, seconds: float = 0) -> str:
    """A badge's page, for a token minted that much after nine."""
    at = MONDAY_9 + timedelta(seconds=seconds)
    return "/b/" + mint_phone_badge(app.extensions["keyring"], issuer="harrow", badge_id=badge.id, at=at)


def state_of(web: Any, page: str) -> str:
    return str(web.get(page, headers=JSON).json["state"])


def test_one_second_after_a_revocation_all_that_the_phone_held_is_red(
    app: Flask, web: Any, good: Badge, admin: Client, stopped_clock: StoppedClock
) -> None:
    """The code on its screen, those it keeps for later, the code to read out, and a page that was open."""
    shown, kept = address(app, good), [address(app, good, minute * 60) for minute in range(1, 31)]
    code = short_code.short_code(app.extensions["keyring"].short_code_secret, good.id, good.handle, MONDAY_9)
    (ticket,) = set(TICKET.findall(web.get(shown, headers=HTML).text))
    assert admin.post(f"/v1/badges/{good.id}/revocation", {"reason": "The phone was stolen."}).status_code == 201
    stopped_clock.advance(1)
    red = web.get("/b/x", headers=HTML).data
    for page in (shown, *kept):
        assert web.get(page, headers=HTML).data == red
    assert web.post("/b", data={"code": code}, headers=HTML).data == red
    assert web.post("/b/live-codes", data={"ticket": ticket}, headers=HTML).data == red
    due = {"ticket": ticket, "reference": "HV-0000-0000", "house": "1"}
    assert web.post("/b/due", data=due, headers=HTML).data == red
    # What is minted for a later minute is no better when that minute comes.
    stopped_clock.advance(30 * 60)
    assert web.get(kept[-1], headers=HTML).data == red


def test_a_lifted_suspension_brings_no_revoked_badge_back(
    app: Flask, web: Any, good: Badge, officer: Officer, admin: Client
) -> None:
    assert admin.post(f"/v1/officers/{officer.id}/suspension", {"reason": "An inquiry."}).status_code == 201
    assert admin.post(f"/v1/badges/{good.id}/revocation", {"reason": "The phone was kept."}).status_code == 201
    assert admin.delete(f"/v1/officers/{officer.id}/suspension").status_code == 204
    assert state_of(web, address(app, good)) == "not_confirmed"


def test_a_token_minted_for_somebody_else_shows_that_somebody_and_rings_their_phone(
    app: Flask, web: Any, good: Badge, phone: Client, sign_in: Any
) -> None:
    other = factories.officer(display_name="Ben Okoro")
    page = web.get(address(app, live.give_badge(other, MONDAY_9)), headers=HTML).text
    assert "Ben Okoro" in page and "Amina Yusuf" not in page
    assert web.post("/b/live-codes", data={"ticket": TICKET.findall(page)[0]}).status_code == 200
    assert phone.get("/v1/me/live-codes").json["items"] == []
    assert len(sign_in("officer", other).get("/v1/me/live-codes").json["items"]) == 1


def test_a_badge_moved_to_another_officer_shows_that_officer_and_never_the_first(
    app: Flask, web: Any, good: Badge
) -> None:
    """Whoever can write in the register can move a phone's badge: then it is the other's, face and name."""
    other = factories.officer(display_name="Ben Okoro")
    with database.transaction() as session:
        session.get_one(Badge, good.id).officer_id = other.id
    page = web.get(address(app, good), headers=HTML).text
    assert "Ben Okoro" in page and "Amina Yusuf" not in page


def test_what_a_stolen_key_signs_is_red_from_the_moment_it_is_called_stolen(
    environment: dict[str, str], officer: Officer, tmp_path: Path, stopped_clock: StoppedClock
) -> None:
    settings = Settings.from_environment(environment | {"KEYS_DIR": str(tmp_path / "keys")})
    app = create_app(settings)
    web = app.test_client()
    good = live.give_badge(officer, MONDAY_9)
    page = address(app, good)
    assert state_of(web, page) == "genuine"
    compromise(settings.keys_dir, app.extensions["keyring"].signing_key(Purpose.PHONE, MONDAY_9).kid, MONDAY_9)
    stopped_clock.advance(1)
    assert web.get(page, headers=HTML).data == web.get("/b/x", headers=HTML).data
    assert state_of(web, address(app, good, 1)) == "genuine", "the next key signs at once"


def test_two_megabytes_are_refused_and_the_next_resident_is_answered(
    live_app: live.LiveServer, badge_links: dict[str, str]
) -> None:
    """Over a real connection, where the web server may refuse them before we see them."""
    host = live_app.url.removeprefix("http://")
    for path in (f"/b/{too_large_for_a_request_line()}", "/b/" + "A" * 60_000):
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            connection.request("GET", path, headers=JSON)
            answer = connection.getresponse()
            said = answer.read()
            assert 400 <= answer.status < 500 or (answer.status == 200 and b'"not_confirmed"' in said)
        except (ConnectionError, http.client.HTTPException):
            pass  # The server hung up on it.
        finally:
            connection.close()
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", badge_links["genuine"], headers=JSON)
        assert b'"genuine"' in connection.getresponse().read()
        connection.close()
    assert live_app.complaints() == []


def test_every_attack_on_the_list_names_what_shows_it(app: Flask, officer: Officer) -> None:
    """docs/badge-attacks.md: a test that is there, or words that a hostile token's sentence holds."""
    keyring = app.extensions["keyring"]
    sentences = "\n".join(hostile_tokens(keyring, "harrow", live.give_badge(officer, MONDAY_9).id, MONDAY_9))
    tests = set(
        re.findall(r"def (test_\w+)", "\n".join(f.read_text("utf-8") for f in ROOT.glob("tests/test_*.py")))
    )
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs/badge-attacks.md").read_text("utf-8"), re.M)[2:]
    assert len(rows) > 40
    for attack, shown in rows:
        named = re.findall(r"`([^`]+)`", shown)
        assert named, attack
        for name in named:
            assert name in tests if name.startswith("test_") else name in sentences, (attack, name)
