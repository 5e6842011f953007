"""Four digits against copies: the resident sees them, the real officer's phone is told them, and nobody else."""

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from api import create_app
from api.config import Settings
from api.door_tickets import make, read
from id_badges.short_code import short_code
from id_badges.tokens import mint_phone_badge
from models import database, live_code
from models.badge import Badge
from models.incident import Incident, IncidentKind
from models.live_code import LiveCode
from models.officer import Officer
from tests import factories, live
from tests.conftest import Client, StoppedClock

HTML = {"Accept": "text/html,*/*;q=0.8"}
SECRET = b"s" * 32


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def good(officer: Officer, stopped_clock: StoppedClock) -> Badge:
    """The officer's phone badge."""
    return live.give_badge(officer, stopped_clock.now)


@pytest.fixture
def scan(app: Flask, web: Any, good: Badge, stopped_clock: StoppedClock) -> Callable[..., str]:
    """Scan the token that the officer's phone shows now: the page."""

    def page_of(**headers: str) -> str:
        token = mint_phone_badge(
            app.extensions["keyring"], issuer="harrow", badge_id=good.id, at=stopped_clock.now
        )
        return str(web.get(f"/b/{token}", headers=HTML | headers).text)

    return page_of


def ticket_of(page: str) -> str:
    return re.findall(r'name="ticket" value="([^"]+)"', page)[0]


def ask(web: Any, ticket: str, **given: Any) -> Any:
    return web.post("/b/live-codes", data={"ticket": ticket}, headers=HTML, **given)


def digits_of(page: str) -> str:
    return "".join(re.findall(r'class="live-code">(\d) (\d) (\d) (\d)<', page)[0])


def address_of(page: str) -> str:
    return re.findall(r'href="(/b/live-codes/[^"]+)"', page)[0]


def codes(phone: Client) -> list[Any]:
    found: list[Any] = phone.get("/v1/me/live-codes").json["items"]
    return found


def test_the_resident_and_the_officers_phone_see_the_same_four_digits(
    web: Any, scan: Callable[..., str], phone: Client, good: Badge
) -> None:
    answer = ask(web, ticket_of(scan()))
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
    (told,) = codes(phone)
    assert told["code"] == digits_of(answer.text)
    assert (told["badge_id"], told["not_mine_at"]) == (str(good.id), None)
    assert (told["asked_at"], told["expires_at"]) == ("2026-11-23T09:00:00Z", "2026-11-23T09:02:00Z")


def test_no_other_officers_phone_is_told(
    web: Any, scan: Callable[..., str], sign_in: Callable[..., Client]
) -> None:
    ask(web, ticket_of(scan()))
    assert codes(sign_in("officer", factories.officer())) == []


def test_a_second_tap_on_the_same_page_gets_the_same_code(
    web: Any, scan: Callable[..., str], phone: Client
) -> None:
    ticket = ticket_of(scan())
    assert ask(web, ticket).data == ask(web, ticket).data
    assert len(codes(phone)) == 1


def test_another_page_of_the_same_token_is_never_shown_the_code(
    web: Any, scan: Callable[..., str], phone: Client
) -> None:
    """A thief's helper, who scans the same copy elsewhere, could tell the thief what to say."""
    first, second = scan(), scan()
    code = digits_of(ask(web, ticket_of(first)).text)
    other = ask(web, ticket_of(second)).text
    assert "live-code" not in other and " ".join(code) not in other
    assert "Somebody else has asked" in other
    assert len(codes(phone)) == 1


def test_whoever_asks_all_the_time_sends_one_code_a_token_and_locks_nobody_out(
    web: Any, scan: Callable[..., str], phone: Client, stopped_clock: StoppedClock
) -> None:
    for _ in range(20):
        ask(web, ticket_of(scan()))
    assert len(codes(phone)) == 1
    stopped_clock.advance(60)
    assert digits_of(ask(web, ticket_of(scan())).text) == codes(phone)[0]["code"]


def test_a_code_lives_two_minutes(
    web: Any, scan: Callable[..., str], phone: Client, stopped_clock: StoppedClock
) -> None:
    address = address_of(ask(web, ticket_of(scan())).text)
    stopped_clock.advance(119)
    assert "live-code" in web.get(address).text and len(codes(phone)) == 1
    stopped_clock.advance(1)
    page = web.get(address).text
    assert "This code is too old" in page and "live-code" not in page
    assert codes(phone) == []


def test_an_officer_who_is_at_no_door_warns_the_resident_in_red(
    web: Any, scan: Callable[..., str], phone: Client, stopped_clock: StoppedClock
) -> None:
    address = address_of(ask(web, ticket_of(scan())).text)
    (told,) = codes(phone)
    stopped_clock.advance(10)
    said = phone.post(f"/v1/me/live-codes/{told['id']}/not-mine")
    assert (said.status_code, said.json["not_mine_at"]) == (201, "2026-11-23T09:00:10Z")
    stopped_clock.advance(600)
    page = web.get(address).text
    assert 'class="look look-red"' in page and "This badge is a copy." in page
    assert "live-code" not in page
    again = phone.post(f"/v1/me/live-codes/{told['id']}/not-mine")
    assert again.json["not_mine_at"] == "2026-11-23T09:00:10Z", "the first word stays"
    with database.reading() as session:
        (incident,) = session.scalars(select(Incident).order_by(Incident.opened_at))
    assert (incident.kind, incident.count) == (IncidentKind.BADGE_COPIED, 1)
    assert str(incident.badge_id) == told["badge_id"]


def test_no_officer_says_so_of_another_officers_code(
    web: Any, scan: Callable[..., str], phone: Client, sign_in: Callable[..., Client]
) -> None:
    address = address_of(ask(web, ticket_of(scan())).text)
    other = sign_in("officer", factories.officer())
    for code_id in (codes(phone)[0]["id"], uuid4()):
        assert other.post(f"/v1/me/live-codes/{code_id}/not-mine").status_code == 404
    assert "live-code" in web.get(address).text


def test_asking_again_and_again_is_cheap_for_the_phone(web: Any, scan: Callable[..., str], phone: Client) -> None:
    empty = phone.get("/v1/me/live-codes")
    unchanged = phone.get("/v1/me/live-codes", If_None_Match=empty.headers["ETag"])
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    ask(web, ticket_of(scan()))
    assert phone.get("/v1/me/live-codes", If_None_Match=empty.headers["ETag"]).status_code == 200


def test_looking_sends_nothing_to_anybody(web: Any, scan: Callable[..., str], phone: Client) -> None:
    scan()
    assert web.get("/b/live-codes", headers=HTML).status_code == 404
    assert web.get(f"/b/live-codes/{uuid4()}", headers=HTML).status_code == 404
    assert codes(phone) == []


def test_only_a_genuine_page_may_ask(app: Flask, web: Any, stopped_clock: StoppedClock, phone: Client) -> None:
    stopped_clock.set(stopped_clock.now + timedelta(hours=11))
    links = live.badge_of_each_state(app.extensions["keyring"], stopped_clock.now)
    asking = {state for state, link in links.items() if "/b/live-codes" in web.get(link, headers=HTML).text}
    assert asking == {"genuine"}


def test_a_badge_revoked_meanwhile_gets_the_red_page_and_no_code(
    web: Any, scan: Callable[..., str], good: Badge, admin: Client, phone: Client
) -> None:
    ticket = ticket_of(scan())
    assert admin.post(f"/v1/badges/{good.id}/revocation", {"reason": "Lost."}).status_code == 201
    assert ask(web, ticket).data == web.get("/b/x", headers=HTML).data
    assert codes(phone) == []


@pytest.mark.parametrize("ticket", ["", "x", "A" * 62, "é", "x" * 5000, "\0"])
def test_an_invented_ticket_gets_no_code(web: Any, good: Badge, ticket: str) -> None:
    page = ask(web, ticket).text
    assert "This badge is out of date" in page and "live-code" not in page


def test_a_ticket_is_good_for_ten_minutes_and_in_one_spelling(stopped_clock: StoppedClock) -> None:
    badge_id, at = uuid4(), stopped_clock.now
    ticket = make(SECRET, badge_id, at)
    known = read(SECRET, ticket, at + timedelta(minutes=9, seconds=59))
    assert known is not None and (known.badge_id, known.token_issued_at) == (badge_id, at)
    assert read(SECRET, ticket, at + timedelta(minutes=10)) is None
    assert read(b"o" * 32, ticket, at) is None
    for place in range(len(ticket)):
        other = ticket[:place] + ("A" if ticket[place] != "A" else "B") + ticket[place + 1 :]
        assert read(SECRET, other, at) is None
    assert read(SECRET, ticket + "=", at) is None and read(SECRET, ticket[:-1], at) is None


def test_a_typed_code_may_ask_too(
    app: Flask, web: Any, good: Badge, phone: Client, stopped_clock: StoppedClock
) -> None:
    secret = app.extensions["keyring"].short_code_secret
    typed = short_code(secret, good.id, good.handle, stopped_clock.now)
    page = web.post("/b", data={"code": typed}, headers=HTML).text
    assert digits_of(ask(web, ticket_of(page)).text) == codes(phone)[0]["code"]


def test_asking_counts_among_the_checks_of_an_address(
    database: str, environment: dict[str, str], stopped_clock: StoppedClock
) -> None:
    web = create_app(Settings.from_environment(environment | {"CHECKS_PER_MINUTE": "2"})).test_client()
    assert [ask(web, "x").status_code for _ in range(3)] == [200, 200, 429]


def test_codes_are_spread_over_all_ten_thousand(
    good: Badge, officer: Officer, stopped_clock: StoppedClock
) -> None:
    seen = set()
    with database.transaction() as session:
        for number in range(300):
            issued_at = stopped_clock.now + timedelta(seconds=number)
            made = live_code_ask(session, good, officer, issued_at)
            assert re.fullmatch(r"\d{4}", made.code)
            seen.add(made.code)
    assert len(seen) > 280


def live_code_ask(session: Any, badge: Badge, officer: Officer, issued_at: Any) -> LiveCode:
    made = live_code.ask(
        session, badge_id=badge.id, officer_id=officer.id, token_issued_at=issued_at, asker="a", at=issued_at
    )
    assert made is not None
    return made


def test_no_log_has_the_digits_or_the_address(
    web: Any, scan: Callable[..., str], phone: Client, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = ticket_of(scan())
    with caplog.at_level(logging.DEBUG):
        page = ask(web, ticket).text
        web.get(address_of(page))
        codes(phone)
    said = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    for secret in (digits_of(page), address_of(page).rpartition("/")[2], ticket):
        assert secret not in said
    assert UUID(address_of(page).rpartition("/")[2])
