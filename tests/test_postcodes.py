"""Postcodes: where they are, what a council imports, and that a resident's home gets its place so."""

import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

import models.resident
from api import demonstration
from models import clock
from models.database import reading, transaction
from models.national_grid import to_degrees
from models.postcode import (
    SHIPPED,
    AreasInMaking,
    count_areas,
    find_place,
    normalise_postcode,
    replace_national_table,
    write_table,
)
from models.resident import FORGOTTEN, PlaceFrom, Resident
from models.standards import distance_m
from tests import factories
from tests.conftest import Client
from tests.steps import problem

ADDRESS = {"line_1": "1 Station Road", "town": "Harrow", "postcode": "HA1 2RJ"}
PIN = {"latitude": 51.6, "longitude": -0.4}
OF_THE_POSTCODE = (51.58737, -0.32932)


def found(postcode: str) -> tuple[float, float] | None:
    with reading() as session:
        return find_place(session, postcode)


# The National Grid


def test_a_grid_reference_is_where_ordnance_survey_says() -> None:
    """Its worked example, 651409.903 E 313177.270 N, is 52°39'28.72" N 1°42'57.79" E on the ellipsoid of GPS."""
    worked = (52 + 39 / 60 + 28.72 / 3600, 1 + 42 / 60 + 57.79 / 3600)
    assert distance_m(to_degrees(651409.903, 313177.270), worked) < 5


@pytest.mark.parametrize(
    ("easting", "northing", "by_the_ons"),
    [
        (515841, 188935, (51.58737, -0.32932)),
        (511953, 189702, (51.59505, -0.38517)),
        (519300, 191400, (51.60880, -0.27858)),
    ],
)
def test_postcodes_lie_where_the_ons_has_them(
    easting: float, northing: float, by_the_ons: tuple[float, float]
) -> None:
    assert distance_m(to_degrees(easting, northing), by_the_ons) < 2


# The tables

areas = st.from_regex(r"[A-Z]{1,2}[0-9][A-Z0-9]?", fullmatch=True)
rests = st.from_regex(r"[0-9][ABD-HJLNP-UW-Z]{2}", fullmatch=True)
postcodes = st.builds("{} {}".format, areas, rests)
places = st.tuples(st.integers(4_900_000, 6_150_000), st.integers(-900_000, 250_000))


def packed(table: dict[str, tuple[float, float]]) -> AreasInMaking:
    making = AreasInMaking()
    for postcode, place in table.items():
        making.add(postcode, *place)
    return making


def test_every_postcode_of_a_table_is_found_in_it_and_no_other(database: str) -> None:
    @given(st.dictionaries(postcodes, places, max_size=40), st.lists(postcodes, max_size=10))
    def holds(table: dict[str, tuple[int, int]], others: list[str]) -> None:
        degrees = {postcode: (north / 100_000, east / 100_000) for postcode, (north, east) in table.items()}
        with transaction() as session:
            replace_national_table(session, packed(degrees).packed())
            shipped_alone = [other for other in others if other not in table]
            assert {postcode: find_place(session, postcode) for postcode in table} == degrees
            replace_national_table(session, [])
            expected = [find_place(session, other) for other in shipped_alone]
            replace_national_table(session, packed(degrees).packed())
            assert [find_place(session, other) for other in shipped_alone] == expected

    holds()


def test_the_product_knows_harrow_and_8_km_around(database: str) -> None:
    assert found("HA1 2RJ") == OF_THE_POSTCODE
    assert distance_m(found("WD18 0PH") or (0, 0), (51.6519, -0.4094)) < 1_500, "Watford"
    assert found("HA1 2ZZ") is None
    assert found("EC1A 1BB") is None
    assert found("ZE1 0AA") is None


def test_the_table_that_is_shipped_is_small_and_says_whose_data_it_is() -> None:
    assert SHIPPED.stat().st_size < 550_000
    written = (SHIPPED.parent / "README.md").read_text("utf-8")
    for line in ("Open Government Licence v3.0", "OS data © Crown copyright", "Royal Mail data © Royal Mail"):
        assert line in written


def test_a_table_is_written_as_it_is_read_and_the_same_each_time(tmp_path: Path) -> None:
    table = packed({"HA1 2RJ": OF_THE_POSTCODE, "HA1 1AA": (51.5, -0.3), "UB6 0AA": (51.55, -0.35)})
    write_table(tmp_path / "one", table.packed())
    write_table(tmp_path / "two", table.packed())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_postcode_is_looked_up_in_microseconds(database: str) -> None:
    """The limit is loose: other work runs beside the tests."""
    found("HA1 2RJ")
    with reading() as session:
        find_place(session, "HA1 2RJ")
        begun = time.perf_counter()
        for _ in range(300):
            find_place(session, "HA1 2RJ")
        assert (time.perf_counter() - begun) / 300 < 0.002


# Residents


def address_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.json
    return dict(answer.json["address"])


def place_of(answer: Any) -> tuple[Any, ...]:
    address = address_of(answer)
    return address["place_from"], address["latitude"], address["longitude"]


@pytest.mark.parametrize(
    ("given_", "place"),
    [
        ({}, ("postcode", *OF_THE_POSTCODE)),
        ({"latitude": None, "longitude": None}, ("postcode", *OF_THE_POSTCODE)),
        ({"uprn": "10001234567"}, ("postcode", *OF_THE_POSTCODE)),
        (PIN, ("pin", 51.6, -0.4)),
        (PIN | {"uprn": "10001234567"}, ("uprn", 51.6, -0.4)),
        (PIN | {"place_from": "pin"}, ("pin", 51.6, -0.4)),
        (PIN | {"place_from": "postcode"}, ("postcode", *OF_THE_POSTCODE)),
        ({"place_from": "pin"}, ("postcode", *OF_THE_POSTCODE)),
        ({"postcode": "EC1A 1BB"}, ("unknown", None, None)),
        (PIN | {"postcode": "EC1A 1BB"}, ("pin", 51.6, -0.4)),
    ],
)
def test_a_pin_or_a_uprns_coordinates_win_over_the_postcode(
    scheduler: Client, given_: dict[str, Any], place: tuple[Any, ...]
) -> None:
    made = scheduler.post("/v1/residents", {"name": "Asha Adeyemi", "address": ADDRESS | given_})
    assert place_of(made) == place
    assert place_of(scheduler.get(made.headers["Location"])) == place


def test_where_a_place_is_from_is_ours_to_say(scheduler: Client) -> None:
    for wrong in ("guess", "", None, 1):
        body = {"name": "Asha Adeyemi", "address": ADDRESS | PIN | {"place_from": wrong}}
        assert (
            "place_from" in problem(scheduler.post("/v1/residents", body), 422, "not-valid")["errors"]["address"]
        )


@pytest.mark.parametrize("left_out", [(), ("place_from",)])
def test_an_address_sent_back_with_another_postcode_gets_the_place_of_that(
    scheduler: Client, left_out: tuple[str, ...]
) -> None:
    made = scheduler.post("/v1/residents", {"name": "Asha Adeyemi", "address": ADDRESS})
    read = {name: value for name, value in address_of(made).items() if name not in left_out}
    moved = scheduler.patch(made.headers["Location"], {"address": read | {"postcode": "HA3 5SB"}})
    assert place_of(moved) == ("postcode", 51.59562, -0.33818)


def test_a_pin_sent_back_stays_and_one_that_is_taken_away_leaves_the_postcode(scheduler: Client) -> None:
    made = scheduler.post("/v1/residents", {"name": "Asha Adeyemi", "address": ADDRESS | PIN})
    path, read = made.headers["Location"], address_of(made)
    assert place_of(scheduler.patch(path, {"address": read | {"line_1": "2 Station Road"}}))[0] == "pin"
    assert place_of(scheduler.patch(path, {"needs": "Ring twice."}))[0] == "pin"
    assert place_of(scheduler.patch(path, {"address": ADDRESS})) == ("postcode", *OF_THE_POSTCODE)


@pytest.mark.parametrize("postcode", ["HA1 2RJ", "EC1A 1BB"])
def test_a_pin_that_is_put_into_an_address_as_it_was_answered_counts(scheduler: Client, postcode: str) -> None:
    """Whatever the address still says of where its old place was from."""
    made = scheduler.post("/v1/residents", {"name": "Asha Adeyemi", "address": ADDRESS | {"postcode": postcode}})
    moved = scheduler.patch(made.headers["Location"], {"address": address_of(made) | PIN})
    assert place_of(moved) == ("pin", 51.6, -0.4)


def test_every_home_of_the_demonstration_has_a_place(app: Flask) -> None:
    assert demonstration.load(clock.now())
    for resident in stored():
        assert resident.place_from is PlaceFrom.POSTCODE
        assert distance_m(resident.place or (0, 0), OF_THE_POSTCODE) < 6_000


def stored() -> list[Resident]:
    with reading() as session:
        return list(session.query(Resident).order_by(Resident.name, Resident.id))


# A national file

ONSPD = """"pcd","pcd2","pcds","dointr","doterm","oseast1m","osnrth1m","osgrdind","lat","long"
"HA1 2RJ","HA1  2RJ","HA1 2RJ","198001","","0515841","0188935","1",51.5,-0.3
"EC1A1BB","EC1A 1BB","EC1A 1BB","198001","","0532000","0181900","1",51.52028,-0.09723
"IM1 1AA","IM1  1AA","IM1 1AA","198001","","","","9",99.999999,0.000000
"""
NSPL = """\ufeffpcd7,pcd8,pcds,dointr,doterm,usrtypind,east1m,north1m,lat,long
EC1A1BB,EC1A 1BB,EC1A 1BB,198001,,0,532000,181900,51.52028,-0.09723
"""
CODE_POINT = """Postcode,Positional_quality_indicator,Eastings,Northings,Country_code
"EC1A1BB",10,532000,181900,"E92000001"
"HA1 2RJ",10,515841,188935,"E92000001"
"ZE1 0AA",90,0,0,"S92000003"
"""
CODE_POINT_SHORT = "PC,PQ,EA,NO\r\nEC1A1BB,10,532000,181900\r\n"


@pytest.fixture
def run(app: Flask, tmp_path: Path) -> Any:
    """`flask postcodes import` of a file with this text; what it prints."""

    def import_(content: str | bytes, *, fails: bool = False) -> str:
        file = tmp_path / "postcodes.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = app.test_cli_runner().invoke(args=["postcodes", "import", str(file)])
        assert (result.exit_code != 0) is fails, result.output
        return str(result.output)

    return import_


@pytest.mark.parametrize("content", [ONSPD, NSPL, CODE_POINT, CODE_POINT_SHORT])
def test_each_kind_of_national_file_is_known_by_its_first_line(run: Any, content: str) -> None:
    run(content)
    assert distance_m(found("EC1A 1BB") or (0, 0), (51.52028, -0.09723)) < 150
    assert found("ZE1 0AA") is None


def test_the_national_table_wins_and_the_shipped_one_still_knows_the_rest(run: Any) -> None:
    said = run(ONSPD)
    assert "2 postcodes are in; 1 have no place." in said
    assert found("HA1 2RJ") == (51.5, -0.3)
    assert found("HA3 5SB") is not None
    assert found("IM1 1AA") is None


def test_a_new_file_takes_the_place_of_the_one_before(run: Any) -> None:
    run(ONSPD)
    run(NSPL)
    assert found("HA1 2RJ") == OF_THE_POSTCODE
    run(CODE_POINT)
    assert found("HA1 2RJ") == OF_THE_POSTCODE


def test_residents_without_a_place_get_theirs_and_nobody_elses_is_touched(run: Any) -> None:
    nowhere = {"latitude": None, "longitude": None, "place_from": PlaceFrom.UNKNOWN}
    factories.resident(name="A", postcode="EC1A 1BB", **nowhere)
    factories.resident(name="B", postcode="ZE1 0AA", **nowhere)
    factories.resident(name="C", postcode="EC1A 1BB", latitude=51.6, longitude=-0.4, place_from=PlaceFrom.PIN)
    assert "1 residents have a place now; 1 have none" in run(ONSPD)
    assert [(each.place_from, each.place) for each in stored()] == [
        ("postcode", (51.52028, -0.09723)),
        ("unknown", None),
        ("pin", (51.6, -0.4)),
    ]


def test_residents_of_before_the_upgrade_are_placed_by_a_command(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.resident, "_A_BATCH", 2)
    nowhere = {"latitude": None, "longitude": None, "place_from": PlaceFrom.UNKNOWN}
    for name in "ABC":
        factories.resident(name=name, **nowhere)
    factories.resident(name=FORGOTTEN, line_1="", town="", **nowhere | {"postcode": ""})
    factories.resident(name="D", place_from=PlaceFrom.UNKNOWN, uprn="1", latitude=51.6, longitude=-0.4)
    result = app.test_cli_runner().invoke(args=["postcodes", "place"])
    assert "4 residents have a place now; 0 have none" in result.output
    assert [each.place_from for each in stored()] == ["unknown"] + ["postcode"] * 3 + ["uprn"]
    assert "0 residents have a place now" in app.test_cli_runner().invoke(args=["postcodes", "place"]).output


def zipped(tmp_path: Path) -> bytes:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("ONSPD.csv", ONSPD)
    return (tmp_path / "a.zip").read_bytes()


HEAD = "pcds,lat,long\n"
LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "names no column of postcodes"),
        ("name,phone\nAsha,1\n", "names no column of postcodes"),
        ('"HA12RJ",10,515841,188935\n', "Code-Point_Open_Column_Headers.csv"),
        ("pcds,dointr\nHA1 2RJ,198001\n", "no columns of places"),
        ("pcds,lat\nHA1 2RJ,51.5\n", "no columns of places"),
        (HEAD, "no postcode with a place"),
        (HEAD + "HA1 2RJ,99.999999,0.000000\n", "no postcode with a place"),
        (HEAD + "HA1 2RJ,51.5\n", "Line 2 has fewer columns"),
        (HEAD + "HA1 2RJ,51.5,-0.3\nHA1 2RL,north,-0.3\n", "Line 3 has no place"),
        (HEAD + "HA1 2RJ,nan,-0.3\n", "Line 2 has a place outside"),
        (HEAD + "HA1 2RJ,-0.3,51.5\n", "Line 2 has a place outside"),
        (HEAD + "HA1 2RJ,1e999,-0.3\n", "Line 2 has a place outside"),
        ("PC,EA,NO\nHA1 2RJ,1e9,1e9\n", "Line 2 has a place outside"),
        (HEAD + "HA1 2RJ,51.5,-0.3\n" + "Asha Adeyemi,51.5,-0.3\n" * 2, "2 lines hold no postcode"),
        (HEAD + 'HA1 2RJ,51.5,-0.3\n"HA1 2RL,51.5', "is not CSV"),
        (HEAD.encode() + b"HA1 2RJ,51.5,-0.3\n\xff\xfe,1,2\n", "not text"),
        (HEAD + "x" * 20_000, "Line 2 is too long"),
        (HEAD + "x,y,z\n" * 3 + "HA1 2RJ,51.5,-0.3\n", "3 lines hold no postcode"),
    ],
)
def test_a_file_that_cannot_be_meant_changes_nothing(run: Any, content: str | bytes, words: str) -> None:
    run(NSPL)
    said = run(content, fails=True)
    assert words in said
    assert "Nothing was changed." in said
    assert "Traceback" not in said
    with reading() as session:
        assert count_areas(session) == 1
    assert found("EC1A 1BB") == (51.52028, -0.09723)


def test_a_packed_file_is_to_be_unpacked_first(run: Any, tmp_path: Path) -> None:
    assert "unpack it" in run(zipped(tmp_path), fails=True)


def test_a_file_that_is_not_there_is_said_to_be_so(app: Flask, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        assert app.test_cli_runner().invoke(args=["postcodes", "import", str(path)]).exit_code == 2


def test_old_postcodes_of_another_kind_are_passed_over(run: Any) -> None:
    rows = "".join(f"EC1A {number}A{letter},51.5,-0.1\n" for number in range(10) for letter in LETTERS)
    assert "200 postcodes are in" in run(HEAD + rows + "NPT 0AA,51.5,-3\n")


def test_a_national_postcode_is_spelled_as_a_residents_is() -> None:
    assert normalise_postcode("EC1A1BB") == "EC1A 1BB"
