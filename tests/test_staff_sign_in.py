"""Signing in with a browser: the same checks as the API's, and a cookie that no page of residents is ever sent."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, request
from sqlalchemy import select

from models import clock, user
from models.database import reading, transaction
from models.user import Role, SignIn, User
from tests.conftest import StoppedClock
from tests.steps import problem

HTML = {"Accept": "text/html,*/*;q=0.8"}
PASSWORD = "correct horse battery"
FORM = "/staff/sign-in"


def account(username: str = "sam", role: Role = Role.SCHEDULER) -> User:
    made = User(id=uuid4(), username=username, role=role, active=True, created_at=clock.now())
    made.set_password(PASSWORD)
    with transaction() as session:
        session.add(made)
    return made


@pytest.fixture
def web(app: Flask) -> Any:
    """A browser of somebody who has not signed in."""
    return app.test_client()


def enter(web: Any, username: str = "sam", password: str = PASSWORD, **headers: str) -> Any:
    sent = HTML | {name.replace("_", "-"): value for name, value in headers.items()}
    return web.post(FORM, data={"username": username, "password": password}, headers=sent)


def is_signed_in(web: Any) -> bool:
    return bool(web.get("/staff", headers=HTML).status_code == 200)


def staff_addresses(app: Flask) -> list[str]:
    """Every page of staff but the form."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/staff")]
    assert len(rules) == 6
    return [
        rule.rule.replace("<name>", "late")
        for rule in rules
        if "GET" in (rule.methods or set()) and rule.rule != FORM
    ]


def test_the_front_door_leads_staff_to_the_board_and_strangers_to_the_form(web: Any) -> None:
    assert web.get("/", headers=HTML).headers["Location"] == "/staff"
    led = web.get("/staff", headers=HTML)
    assert (led.status_code, led.headers["Location"]) == (303, FORM)
    assert "Sign in" in web.get(FORM, headers=HTML).text


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.ADMIN])
def test_a_scheduler_and_an_admin_come_to_the_board(web: Any, role: Role) -> None:
    account(role=role)
    entered = enter(web)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/staff")
    assert "<h1>Today's board</h1>" in web.get("/staff", headers=HTML).text


def test_no_script_reads_the_cookie_no_other_site_sends_it_and_it_is_short(web: Any) -> None:
    account()
    cookie = enter(web).headers["Set-Cookie"]
    parts = set(cookie.split("; ")[1:])
    assert {"HttpOnly", "SameSite=Strict", "Path=/staff", "Max-Age=900"} <= parts
    assert not any(part.startswith("Domain") for part in parts)


class TestBehindHttps:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | {"PUBLIC_BASE_URL": "https://visits.harrow.example"}

    def test_the_cookie_goes_by_https_alone(self, web: Any) -> None:
        account()
        assert "Secure" in enter(web).headers["Set-Cookie"].split("; ")

    def test_a_browser_that_names_our_site_is_let_in(self, web: Any) -> None:
        account()
        assert enter(web, Origin="https://visits.harrow.example").status_code == 303


def test_no_page_of_residents_is_sent_the_cookie_or_sets_one(web: Any) -> None:
    account()
    enter(web)
    for path in ("/b", "/b/x", "/v/x", "/concern", "/standards", "/nothing", "/"):
        with web:
            answer = web.get(path, headers=HTML)
            assert not request.cookies, path
        assert "Set-Cookie" not in answer.headers, path
    with web:
        web.get("/staff", headers=HTML)
        assert list(request.cookies) == ["staff"]


def test_every_page_of_staff_leads_strangers_and_false_cookies_to_the_form(app: Flask) -> None:
    addresses = staff_addresses(app)
    assert sorted(addresses) == ["/staff", "/staff/board", "/staff/lists/late"]
    for cookie in (None, "", "x", "a.b.c", "x" * 2000):
        web = app.test_client()
        if cookie is not None:
            web.set_cookie("staff", cookie, path="/staff")
        for address in addresses:
            answer = web.get(address, headers=HTML)
            assert (answer.status_code, answer.headers["Location"]) == (303, FORM), address


def test_the_cookie_opens_nothing_of_the_api(app: Flask, web: Any) -> None:
    account()
    value = enter(web).headers["Set-Cookie"].split(";")[0]
    for method, path in (("GET", "/v1/visits"), ("DELETE", "/v1/tokens"), ("POST", "/v1/residents")):
        problem(app.test_client().open(path, method=method, headers={"Cookie": value}), 401)


# The password


def test_nothing_tells_a_wrong_password_from_an_unknown_name_or_a_closed_account(web: Any) -> None:
    account()
    closed = account("closed")
    with transaction() as session:
        session.get_one(User, closed.id).active = False
    for username, password in (("sam", "wrong"), ("nobody", PASSWORD), ("closed", PASSWORD)):
        answer = enter(web, username, password)
        assert answer.status_code == 401
        assert "The username or the password is wrong." in answer.text
        assert "Set-Cookie" not in answer.headers
        assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("username", "password"),
    [("", ""), ("sam", ""), ("", "x"), ("s\0m", "x"), ("x" * 81, "x"), ("sam", "x" * 201)],
)
def test_what_cannot_be_a_username_and_its_password_is_told_so(web: Any, username: str, password: str) -> None:
    answer = enter(web, username, password)
    assert answer.status_code == 401
    assert "Type your username and your password." in answer.text
    with reading() as session:
        assert session.scalars(select(user.SignInFailure.id)).all() == []


def test_what_was_typed_is_shown_again_as_words_and_not_as_a_page(web: Any) -> None:
    assert "<script>alert" not in enter(web, '"><script>alert(1)</script>', "x").text


def test_guesses_here_and_at_the_api_are_counted_together(web: Any, stopped_clock: StoppedClock) -> None:
    account()
    for _ in range(3):
        assert enter(web, password="wrong").status_code == 401
    for _ in range(2):
        problem(web.post("/v1/tokens", json={"username": "sam", "password": "wrong"}), 401)
    refused = enter(web)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")
    assert "Too many wrong passwords" in refused.text and "Set-Cookie" not in refused.headers
    problem(web.post("/v1/tokens", json={"username": "sam", "password": PASSWORD}), 429)
    stopped_clock.advance(900)
    assert enter(web).status_code == 303


# The end of a session


def test_signing_out_ends_the_session_everywhere_at_once(app: Flask, web: Any) -> None:
    account()
    value = enter(web).headers["Set-Cookie"].split(";")[0].removeprefix("staff=")
    gone = web.post("/staff/sign-out", headers=HTML)
    assert (gone.status_code, gone.headers["Location"]) == (303, FORM)
    assert "Max-Age=0" in gone.headers["Set-Cookie"] and "Path=/staff" in gone.headers["Set-Cookie"]
    assert not is_signed_in(web)
    thief = app.test_client()
    thief.set_cookie("staff", value, path="/staff")
    assert not is_signed_in(thief)
    with reading() as session:
        assert session.scalars(select(SignIn.ended_at)).one() is not None


def test_signing_out_twice_or_as_nobody_is_no_fault(web: Any) -> None:
    assert web.post("/staff/sign-out", headers=HTML).status_code == 303


def test_a_closed_account_and_another_role_count_at_once(web: Any) -> None:
    sam = account()
    enter(web)
    assert is_signed_in(web)
    with transaction() as session:
        session.get_one(User, sam.id).role = Role.OFFICER
    assert web.get("/staff", headers=HTML).status_code == 403
    with transaction() as session:
        session.get_one(User, sam.id).active = False
    assert not is_signed_in(web)


def test_a_session_that_nobody_uses_ends_after_fifteen_minutes(web: Any, stopped_clock: StoppedClock) -> None:
    account()
    value = enter(web).headers["Set-Cookie"].split(";")[0].removeprefix("staff=")
    stopped_clock.advance(899)
    assert is_signed_in(web)
    stopped_clock.advance(1)
    assert is_signed_in(web), "looking made it anew"
    web.set_cookie("staff", value, path="/staff")
    assert not is_signed_in(web), "the first cookie has run out"


def test_a_board_that_is_always_looked_at_is_signed_out_after_twelve_hours(
    web: Any, stopped_clock: StoppedClock
) -> None:
    account()
    enter(web)
    begun = stopped_clock.now
    while stopped_clock.advance(600) < begun + timedelta(hours=12):
        assert is_signed_in(web)
    assert not is_signed_in(web)


# Officers


def test_an_officer_is_told_where_to_look_and_no_session_begins(web: Any) -> None:
    account(role=Role.OFFICER)
    answer = enter(web)
    assert answer.status_code == 200 and "Your visits are in the app" in answer.text
    assert "Set-Cookie" not in answer.headers
    with reading() as session:
        assert session.scalars(select(SignIn.id)).all() == []


def test_an_officers_own_token_in_the_cookie_shows_nothing_of_the_board(web: Any, phone: Any) -> None:
    web.set_cookie("staff", phone.token, path="/staff")
    for address in ("/staff", "/staff/board", "/staff/lists/late"):
        answer = web.get(address, headers=HTML)
        assert answer.status_code == 403
        assert "Your visits are in the app" in answer.text and "Late" not in answer.text
        assert "Set-Cookie" not in answer.headers


# Other sites

FROM_ELSEWHERE = [
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "none"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8001"},
    {"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:8000"},
]


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
def test_a_form_that_another_site_sends_signs_nobody_in_or_out(web: Any, headers: dict[str, str]) -> None:
    account()
    assert enter(web, **headers).status_code == 403
    enter(web)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    assert web.post("/staff/sign-out", headers=HTML | sent).status_code == 403
    assert is_signed_in(web)


@pytest.mark.parametrize(
    "headers", [{}, {"Sec_Fetch_Site": "same-origin"}, {"Origin": "http://127.0.0.1:8000"}], ids=str
)
def test_our_own_form_signs_in_from_any_browser(web: Any, headers: dict[str, str]) -> None:
    account()
    assert enter(web, **headers).status_code == 303


def test_pages_of_staff_are_kept_by_nobody_and_run_only_our_own_script(web: Any) -> None:
    account()
    pages = [web.get(FORM, headers=HTML), enter(web, password="wrong")]
    enter(web)
    pages += [web.get(address, headers=HTML) for address in ("/staff", "/staff/board", "/staff/lists/late")]
    for page in pages:
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Robots-Tag"] == "noindex"
        assert page.headers["Referrer-Policy"] == "same-origin"
        policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
        assert policy["frame-ancestors"] == "'none'" and policy["default-src"] == "'none'"
        assert set(policy.values()) <= {"'self'", "'none'"}


def test_in_development_the_form_helps_a_newcomer(web: Any) -> None:
    page = web.get(FORM, headers=HTML).text
    for words in ("harrow-demo-2026", "scheduler", "/docs", "/dev/outbox", 'href="/b"', "/standards"):
        assert words in page
