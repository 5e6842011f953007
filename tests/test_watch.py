"""The watch's rounds: one takes each turn, a failure is heard of, and a watch that sleeps is noticed."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from api.cli import watches_of
from api.config import Settings
from models.watch import WatchTurn
from notifications.watch import EVERY, Rounds, Watch
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.steps import MONDAY_9

pytestmark = pytest.mark.usefixtures("app")


class Looking:
    """A watch that notes when it looked."""

    def __init__(self) -> None:
        self.looked: list[datetime] = []
        self.error: Exception | None = None

    def __call__(self, at: datetime) -> None:
        if self.error:
            raise self.error
        self.looked.append(at)


@pytest.fixture
def looking() -> Looking:
    return Looking()


@pytest.fixture
def rounds(looking: Looking) -> Rounds:
    return Rounds([Watch("somebody", looking)])


@pytest.fixture
def errors() -> Iterator[list[logging.LogRecord]]:
    """What the watch logged."""
    heard: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign]
    logging.getLogger("notifications.watch").addHandler(handler)
    yield heard
    logging.getLogger("notifications.watch").removeHandler(handler)


def test_it_looks_again_when_half_a_minute_is_over_and_not_before(
    rounds: Rounds, looking: Looking, stopped_clock: StoppedClock
) -> None:
    assert rounds.go() == 1
    stopped_clock.advance(29)
    assert rounds.go() == 0
    stopped_clock.advance(1)
    assert rounds.go() == 1
    assert looking.looked == [MONDAY_9, MONDAY_9 + EVERY]


def test_of_many_dispatchers_one_looks_in_each_turn(looking: Looking) -> None:
    many = [Rounds([Watch("somebody", looking)]) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(Rounds.go, many)) == 1
    assert looking.looked == [MONDAY_9]


def test_once_it_looks_whoever_looked_just_before(rounds: Rounds, looking: Looking) -> None:
    assert (rounds.go(), rounds.go(), rounds.go(at_once=True)) == (1, 0, 1)


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (RuntimeError("of 07700 900123"), "watch_broke"),
        (OperationalError("SELECT", None, Exception("gone")), "watch_database_unavailable"),
    ],
)
def test_one_that_fails_is_logged_keeps_no_other_from_looking_and_looks_again(
    looking: Looking, stopped_clock: StoppedClock, errors: list[Any], error: Exception, event: str
) -> None:
    broken = Looking()
    broken.error = error
    rounds = Rounds([Watch("broken", broken), Watch("somebody", looking)])
    assert rounds.go() == 1
    assert [(each.getMessage(), each.watch) for each in errors] == [(event, "broken")]
    broken.error = None
    stopped_clock.advance(30)
    assert rounds.go() == 2


def test_it_goes_round_until_it_is_stopped(looking: Looking) -> None:
    stop = Event()

    def look_and_stop(at: datetime) -> None:
        looking(at)
        stop.set()

    Rounds([Watch("somebody", look_and_stop)]).run(stop)
    assert looking.looked == [MONDAY_9]


@pytest.fixture
def warned(stranger: Client) -> Callable[[], list[str]]:
    return lambda: [words for words in stranger.get("/readyz").json["warnings"] if "send-texts" in words]


def test_a_watch_that_does_not_look_is_warned_of_five_minutes_after_its_turn(
    rounds: Rounds, warned: Callable[[], list[str]], stopped_clock: StoppedClock
) -> None:
    rounds.go()
    stopped_clock.advance(330)
    assert warned() == []
    stopped_clock.advance(1)
    assert warned() == ["The watch for somebody last looked 5 minutes ago. Does `flask send-texts` run?"]
    rounds.go()
    assert warned() == []


def test_one_that_looks_and_always_fails_is_warned_of_too(
    rounds: Rounds, looking: Looking, warned: Callable[[], list[str]], stopped_clock: StoppedClock
) -> None:
    looking.error = RuntimeError()
    for _ in range(12):
        rounds.go()
        stopped_clock.advance(30)
    assert len(warned()) == 1


def test_where_nothing_ever_watched_a_visit_that_was_to_be_looked_for_warns(
    warned: Callable[[], list[str]], stopped_clock: StoppedClock, resident: Any
) -> None:
    factories.visit(resident, None, MONDAY_9 + timedelta(minutes=30))
    stopped_clock.advance(45 * 60 - 1)
    assert warned() == []
    stopped_clock.advance(1)
    assert warned() == ["Nothing has ever looked for visits that nobody came to. Does `flask send-texts` run?"]


def test_how_long_ago_each_looked_is_a_metric(
    rounds: Rounds, stranger: Client, stopped_clock: StoppedClock
) -> None:
    rounds.go()
    stopped_clock.advance(42)
    assert 'home_visits_watch_seconds_ago{watch="somebody"} 42.0' in stranger.get("/metrics").text


def test_the_command_that_sends_texts_goes_the_rounds_once(app: Flask, stranger: Client) -> None:
    assert app.test_cli_runner().invoke(args=["send-texts", "--once"]).exit_code == 0
    assert 'home_visits_watch_seconds_ago{watch="' in stranger.get("/metrics").text


def test_every_watch_has_a_name_of_its_own_that_fits_its_row(environment: dict[str, str]) -> None:
    names = [watch.name for watch in watches_of(Settings.from_environment(environment))]
    assert len(set(names)) == len(names) > 3
    assert max(map(len, names)) <= WatchTurn.name.type.length
