"""Travel by a routing server: its answers are used where they can be true, and never waited for in vain."""

import json
import random
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from math import ceil
from typing import Any

import pytest
from flask import Flask

from api import create_app
from api.config import Settings
from models.clock import LONDON
from models.travel import Place, TravelModel
from routing import table as table_module
from routing.table import RoadTable, router_from
from tests.routers import RouterStandIn, at_50_kmh

MODEL = TravelModel()
NOON = datetime(2026, 11, 23, 12, tzinfo=LONDON).timestamp()
CIVIC_CENTRE, HILL, PINNER = (51.5887, -0.3340), (51.5793, -0.3366), (51.5943, -0.3816)
THREE = [CIVIC_CENTRE, HILL, PINNER]


@pytest.fixture
def server() -> Iterator[RouterStandIn]:
    with RouterStandIn() as stand_in:
        yield stand_in


@pytest.fixture(params=["osrm", "valhalla"])
def roads(request: pytest.FixtureRequest, server: RouterStandIn) -> RoadTable:
    """Both kinds of server; every test that uses it runs with both. They wait long: the machine may be busy."""
    return RoadTable(router_from(request.param, server.base), within_s=20)


@pytest.fixture
def hurried(roads: RoadTable) -> RoadTable:
    """The same, that waits half a second."""
    return RoadTable(roads._router, within_s=0.5)


def asked(roads: RoadTable, places: list[Place | None]) -> list[list[int]]:
    return roads.travel_table(places, leaving_at=NOON, model=MODEL)


def by_straight_line(places: list[Any]) -> list[list[int]]:
    return [[MODEL.seconds(origin, destination, NOON) for destination in places] for origin in places]


def by_server(places: list[Any]) -> list[list[int]]:
    return [
        [ceil(at_50_kmh(origin, destination)) + 180 if origin != destination else 180 for destination in places]
        for origin in places
    ]


def around_harrow(count: int) -> list[Place]:
    chance = random.Random(count)
    return [(round(chance.uniform(51.5, 51.65), 6), round(chance.uniform(-0.45, -0.25), 6)) for _ in range(count)]


def test_the_servers_driving_time_and_the_time_to_park_make_the_journey(
    roads: RoadTable, server: RouterStandIn
) -> None:
    assert asked(roads, THREE) == by_server(THREE) != by_straight_line(THREE)
    assert len(server.questions) == 1


def test_the_way_back_may_be_longer(roads: RoadTable, server: RouterStandIn) -> None:
    """Rows are where one starts: a table the wrong way round would go unnoticed without one-way streets."""
    server.seconds = lambda origin, destination: 300 if origin < destination else 500
    table = asked(roads, [HILL, CIVIC_CENTRE])
    assert table == [[180, 480], [680, 180]]


def test_without_a_server_it_is_the_straight_line() -> None:
    alone = RoadTable(router_from("none", None), within_s=1)
    assert asked(alone, [*THREE, None]) == by_straight_line([*THREE, None])
    assert asked(alone, []) == []


@pytest.mark.parametrize("count", [50, 51, 120])
def test_more_places_than_a_server_takes_are_asked_in_parts(
    roads: RoadTable, server: RouterStandIn, count: int
) -> None:
    """OSRM takes 100 places a question, and Valhalla 2,500 pairs: the stand-in refuses more, as they do."""
    places = around_harrow(count)
    assert asked(roads, list(places)) == by_server(places)
    assert max(origins * destinations for origins, destinations in server.questions) <= 2500
    assert sum(origins * destinations for origins, destinations in server.questions) == count * count


def test_places_that_are_alike_or_unknown_are_not_asked_about(roads: RoadTable, server: RouterStandIn) -> None:
    places = [CIVIC_CENTRE, None, HILL, CIVIC_CENTRE]
    table = asked(roads, places)
    assert server.questions == [(2, 2)]
    assert table[0] == [180, 600, ceil(at_50_kmh(CIVIC_CENTRE, HILL)) + 180, 180]
    assert table[1] == [600] * 4
    server.questions.clear()
    assert asked(roads, [CIVIC_CENTRE, CIVIC_CENTRE, None]) == by_straight_line([CIVIC_CENTRE, CIVIC_CENTRE, None])
    assert server.questions == []


def test_a_place_in_the_sea_does_not_spoil_the_others(roads: RoadTable, server: RouterStandIn) -> None:
    """Latitude and longitude the wrong way round: a real server refuses the whole question."""
    table = asked(roads, [*THREE, (-0.33, 51.58)])
    assert [row[:3] for row in table[:3]] == by_server(THREE)
    assert table[3] == [600, 600, 600, 180]
    assert server.questions == [(3, 3)]


@pytest.mark.parametrize("wrong", [None, -1, "210", True, [], {}, 10**9, float("nan"), float("inf"), 1e400, 0])
def test_an_answer_that_cannot_be_true_is_that_pairs_alone(
    roads: RoadTable, server: RouterStandIn, wrong: Any
) -> None:
    """Null is a pair with no way between, such as an island; nobody is 3 km further in no time at all."""
    far = (51.5887, -0.2840)
    places = [CIVIC_CENTRE, HILL, far]
    server.seconds = lambda origin, destination: (
        wrong if (origin, destination) == (CIVIC_CENTRE, far) else at_50_kmh(origin, destination)
    )
    if isinstance(wrong, float):
        # Not JSON at all: then nothing of the answer can be read.
        assert asked(roads, list(places)) == by_straight_line(places)
        return
    expected = by_server(places)
    expected[0][2] = by_straight_line(places)[0][2]
    assert asked(roads, list(places)) == expected


BODIES = [
    b"",
    b"{",
    b"<html>Bad gateway</html>",
    b"null",
    b"[]",
    b'"Ok"',
    b"\xff\xfe",
    b"[" * 5000,
    b'{"code": "Ok"}',
    b'{"code": "Ok", "durations": null, "sources_to_targets": null}',
    b'{"code": "Ok", "durations": [], "sources_to_targets": []}',
    b'{"code": "Ok", "durations": [1, 2, 3], "sources_to_targets": [1, 2, 3]}',
    b'{"code": "Ok", "durations": [[0, 1], [1, 0]], "sources_to_targets": [[{}, {}], [{}, {}]]}',
    b'{"code": "Ok", "durations": {"0": [0]}, "sources_to_targets": {"0": [{}]}}',
    b'{"code": "NoTable", "sources_to_targets": "none"}',
    b'{"error": "no path", "error_code": 442}',
    json.dumps({"code": "Ok", "durations": "x" * 5_000_000}).encode(),
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_an_answer_that_is_no_table_leaves_the_straight_line(
    roads: RoadTable, server: RouterStandIn, body: bytes
) -> None:
    server.body = body
    assert asked(roads, THREE) == by_straight_line(THREE)


@pytest.mark.parametrize("status", [301, 302, 400, 404, 429, 500, 503])
def test_an_error_leaves_the_straight_line_and_nobody_is_asked_elsewhere(
    roads: RoadTable, server: RouterStandIn, status: int
) -> None:
    with RouterStandIn() as elsewhere:
        server.status, server.headers = status, {"Location": f"{elsewhere.base}/"}
        assert asked(roads, THREE) == by_straight_line(THREE)
        assert elsewhere.asked == []


@pytest.mark.parametrize("how", ["hang_s", "drip_s"])
def test_a_slow_answer_is_not_waited_for(hurried: RoadTable, server: RouterStandIn, how: str) -> None:
    """Neither one that begins late nor one that comes drop by drop, each in time."""
    setattr(server, how, 2.0 if how == "hang_s" else 0.1)
    begun = time.monotonic()
    assert asked(hurried, THREE) == by_straight_line(THREE)
    assert time.monotonic() - begun < 1.9


def test_a_dead_server_is_not_asked_again_for_some_seconds(
    roads: RoadTable, server: RouterStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 503
    for _ in range(3):
        assert asked(roads, THREE) == by_straight_line(THREE)
    assert len(server.asked) == 1
    server.status = 200
    assert asked(roads, THREE) == by_straight_line(THREE)
    later = time.monotonic() + table_module.PAUSE_S
    monkeypatch.setattr(table_module.time, "monotonic", lambda: later)
    assert asked(roads, THREE) == by_server(THREE)


def test_a_server_that_dislikes_one_question_is_asked_the_next(roads: RoadTable, server: RouterStandIn) -> None:
    server.status = 400
    assert asked(roads, THREE) == by_straight_line(THREE)
    server.status = 200
    assert asked(roads, THREE) == by_server(THREE)


@pytest.mark.parametrize("kind", ["osrm", "valhalla"])
def test_a_server_that_is_not_there_costs_nobody_an_answer(kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = RoadTable(router_from(kind, f"http://127.0.0.1:{taken.getsockname()[1]}"), within_s=0.5)
        assert asked(closed, THREE) == by_straight_line(THREE)


def test_what_goes_wrong_is_logged_without_where_anybody_lives(
    hurried: RoadTable, server: RouterStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for change in ({"status": 400}, {"status": 200, "body": b"["}, {"body": None, "hang_s": 2.0}):
        for name, value in change.items():
            setattr(server, name, value)
        hurried._asks_again_at = 0.0
        asked(hurried, THREE)
    assert [record.getMessage() for record in caplog.records if record.name == "routing.table"] == [
        "router_refused",
        "router_unavailable",
        "router_unavailable",
    ]
    said = "\n".join(str(vars(record)) for record in caplog.records)
    assert "51.58" not in said
    assert "-0.33" not in said


def test_no_proxy_is_told_where_residents_live(
    roads: RoadTable, server: RouterStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert asked(roads, THREE) == by_server(THREE)


def test_a_command_shows_whether_the_server_answers(
    app: Flask, environment: dict[str, str], server: RouterStandIn
) -> None:
    def said(application: Flask, *words: str) -> Any:
        return application.test_cli_runner().invoke(args=["travel", "journey", *words])

    assert said(app, "HA1 2RJ", "ha35sb").output.startswith("By the straight line: ")
    assert "With" not in said(app, "HA1 2RJ", "HA3 5SB").output
    assert said(app, "HA1 2RJ", "EC1A 1BB").output == "By the straight line: 600 s\n"
    assert said(app, "HA1 2RJ", "nowhere").exit_code == 2
    asking = create_app(Settings.from_environment(environment | {"ROUTER": "osrm", "ROUTER_URL": server.base}))
    between = (51.58737, -0.32932), (51.59562, -0.33818)
    assert f"With osrm: {ceil(at_50_kmh(*between)) + 180} s" in said(asking, "HA1 2RJ", "HA3 5SB").output
