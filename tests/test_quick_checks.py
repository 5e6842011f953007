"""A program's check, which Flask does not see: the same answer as Flask's own, and never another."""

import logging
import re
from typing import Any

import pytest
from flask import Flask

from api import create_app, quick_checks
from api.config import Settings
from models.scan import home_of
from tests import live
from tests.conftest import StoppedClock
from tests.steps import MONDAY_9

QUICK, BY_FLASK = {"Accept": "application/json"}, {"Accept": "application/json;q=0.9"}
STATES = ("genuine", "genuine_not_on_duty", "card_only", "timed_out", "not_yet_valid")
RED = ("revoked", "suspended", "unknown", "forged")


@pytest.fixture
def links(app: Flask, stopped_clock: StoppedClock) -> dict[str, str]:
    """The address of a badge's page in each state, on a Monday evening."""
    stopped_clock.set(MONDAY_9.replace(hour=20))
    return live.badge_of_each_state(app.extensions["keyring"], stopped_clock.now)


@pytest.fixture
def without_flask(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A program that reaches the application only where Flask is not asked."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("Flask was asked")

    monkeypatch.setattr(app.wsgi_app, "_otherwise", refuse)
    return app.test_client()


@pytest.mark.parametrize("state", [*STATES, *RED])
def test_the_answer_is_the_one_of_flasks_own_route(
    app: Flask, links: dict[str, str], without_flask: Any, state: str
) -> None:
    quick = without_flask.get(links[state], headers=QUICK)
    own = create_app(app.config["SETTINGS"]).test_client().get(links[state], headers=BY_FLASK)
    assert (quick.status_code, told(quick)) == (own.status_code, told(own))
    assert sorted(quick.headers) == sorted(own.headers)
    assert quick.json["state"] == ("not_confirmed" if state in RED else state)


def told(answer: Any) -> str:
    """What an answer says, but for the photo's address, which is another for each scan."""
    return re.sub(r"/b/photos/[\w-]+", "/b/photos/…", answer.text)


@pytest.mark.parametrize(
    ("method", "end", "accept"),
    [
        ("HEAD", "", "application/json"),
        ("POST", "", "application/json"),
        ("GET", "", "text/html"),
        ("GET", "", "*/*"),
        ("GET", "/", "application/json"),
        ("GET", "/..%2f", "application/json"),
        ("GET", "%00", "application/json"),
        ("GET", "x" * 1024, "application/json"),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_flask(
    links: dict[str, str], without_flask: Any, method: str, end: str, accept: str
) -> None:
    with pytest.raises(AssertionError, match="Flask was asked"):
        without_flask.open(links["genuine"] + end, method=method, headers={"Accept": accept})


def test_one_too_many_is_told_so(database: str, environment: dict[str, str], stopped_clock: StoppedClock) -> None:
    web = create_app(Settings.from_environment(environment | {"CHECKS_PER_MINUTE": "2"})).test_client()
    assert [web.get("/b/x", headers=QUICK).status_code for _ in range(4)] == [200, 200, 429, 429]
    stopped_clock.advance(60)
    assert web.get("/b/x", headers=QUICK).status_code == 200


def test_only_a_slow_check_has_a_line_of_its_own(
    without_flask: Any, links: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.getMessage() == "request"]

    caplog.set_level(logging.INFO, logger="api")
    without_flask.get(links["genuine"], headers=QUICK)
    assert lines() == []
    monkeypatch.setattr(quick_checks, "SLOW_S", 0)
    without_flask.get(links["genuine"], headers=QUICK)
    (line,) = lines()
    assert (vars(line)["endpoint"], vars(line)["status"]) == ("check_badge", 200)
    assert not any(links["genuine"].removeprefix("/b/") in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("not an address: at all", "another: one", False),
    ],
)
def test_a_home_is_counted_as_one(one: str, other: str, same: bool) -> None:
    assert (home_of(one) == home_of(other)) is same
