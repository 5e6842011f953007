"""Residents: how they are written down."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.database import reading
from models.message import Message, MessageStatus
from models.postcode import normalise_postcode
from models.reference import new_visit_reference, read_visit_reference
from notifications.senders.console import ConsoleSender
from tests.sending import dispatch
from tests.steps import book, path, problem

ADDRESS = {"line_1": "1 Station Road", "town": "Harrow", "postcode": "ha1 2rj"}
ASHA = {"name": "Asha Adeyemi", "address": ADDRESS}


def test_a_resident_is_added_and_found(scheduler):
    body = ASHA | {
        "phone": "07700 900123",
        "second_phone": "020 8863 5611",
        "email": "asha@example.org",
        "language": "gu",
        "contact_by": "call",
        "needs": "Ring twice.\nThe dog is friendly.",
        "address": ADDRESS
        | {
            "line_2": "Flat 2",
            "latitude": 51.58737,
            "longitude": -0.32932,
            "uprn": "010001234567",
            "ward": "Greenhill",
        },
    }
    made = scheduler.post("/v1/residents", body)
    assert made.status_code == 201, made.json
    assert made.headers["Location"] == f"/v1/residents/{made.json['id']}"
    assert scheduler.get(made.headers["Location"]).json == made.json
    expected = body | {"phone": "+447700900123", "second_phone": "+442088635611"}
    expected["address"] = body["address"] | {"postcode": "HA1 2RJ", "place_from": "uprn"}
    assert {name: made.json[name] for name in expected} == expected


def test_little_need_be_known_of_a_resident(scheduler):
    made = scheduler.post("/v1/residents", ASHA)
    assert made.status_code == 201
    assert (made.json["language"], made.json["contact_by"], made.json["phone"]) == ("en", "text", None)
    assert made.json["address"]["line_2"] is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("HA1 2RJ", "HA1 2RJ"),
        ("ha12rj", "HA1 2RJ"),
        (" ha1  2rj ", "HA1 2RJ"),
        ("W1A 0AX", "W1A 0AX"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("M1 1AE", "M1 1AE"),
    ],
)
def test_a_postcode_comes_back_in_one_spelling(written, kept):
    assert normalise_postcode(written) == kept


@pytest.mark.parametrize(
    "written", ["", "HA1", "HA1 2R", "HA12 RJJ", "HA1 2CJ", "1HA 2RJ", "HA1 2RJ x", "ＨＡ１ ２ＲＪ"]
)
def test_what_is_no_postcode_is_refused(written):
    with pytest.raises(ValueError, match="postcode"):
        normalise_postcode(written)


def test_what_a_resident_cannot_be_is_refused_by_field(scheduler):
    wrong = [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 121),
        ("name", "Asha\nAdeyemi"),
        ("name", "\u200b"),
        ("name", ["Asha"]),
        ("phone", "070 1234 5678"),
        ("phone", "0909 879 0000"),
        ("phone", 7700900123),
        ("phone", "9" * 41),
        ("email", "asha"),
        ("email", "a" * 250 + "@example.org"),
        ("email", "asha@example.org\nBcc: x@example.org"),
        ("language", "English"),
        ("language", "e"),
        ("contact_by", "letter"),
        ("needs", "x" * 501),
        ("needs", "bell\x07"),
        ("address", None),
        ("address", "1 Station Road"),
        ("address", []),
        ("id", str(uuid4())),
    ]
    for field, value in wrong:
        refused = problem(scheduler.post("/v1/residents", ASHA | {field: value}), 422, "not-valid")
        assert field in refused["errors"], (field, value)
    wrong_addresses = [
        ("line_1", ""),
        ("town", None),
        ("postcode", "12345"),
        ("latitude", 51.5),
        ("latitude", 91),
        ("longitude", -181),
        ("latitude", "NaN"),
        ("latitude", "Infinity"),
        ("latitude", "north"),
        ("uprn", "1234567890123"),
        ("uprn", "12a"),
        ("uprn", 12),
        ("county", "Middlesex"),
    ]
    for field, value in wrong_addresses:
        body = ASHA | {"address": ADDRESS | {field: value}}
        refused = problem(scheduler.post("/v1/residents", body), 422, "not-valid")
        assert field in refused["errors"]["address"], (field, value)
    assert scheduler.get("/v1/residents").json["items"] == []


def test_a_resident_is_changed_field_by_field_and_an_address_whole(scheduler):
    path = scheduler.post(
        "/v1/residents",
        ASHA | {"phone": "07700 900123", "address": ADDRESS | {"line_2": "Flat 2", "uprn": "1"}},
    ).headers["Location"]
    changed = scheduler.patch(path, {"phone": None, "language": "so"})
    assert (changed.status_code, changed.json["phone"], changed.json["language"]) == (200, None, "so")
    assert changed.json["address"]["line_2"] == "Flat 2"
    moved = scheduler.patch(
        path, {"address": {"line_1": "2 High Road", "town": "Wealdstone", "postcode": "HA3 5SB"}}
    )
    assert moved.json["address"] == {
        "line_1": "2 High Road",
        "line_2": None,
        "town": "Wealdstone",
        "postcode": "HA3 5SB",
        "latitude": 51.59562,
        "longitude": -0.33818,
        "uprn": None,
        "ward": None,
        "place_from": "postcode",
    }
    problem(scheduler.patch(path, {"address": {"line_1": "x"}}), 422, "not-valid")
    problem(scheduler.patch(path, {"name": None}), 422, "not-valid")
    assert scheduler.patch(path, {}).json == moved.json


@pytest.mark.parametrize("change", [{"phone": "+447700900456"}, {"phone": None}, {"contact_by": "call"}])
def test_what_has_not_gone_does_not_go_where_the_resident_is_no_longer_to_be_told(
    sign_in, resident, stopped_clock, change
):
    """Booked in the evening; before the morning somebody learns that the number is a stranger's."""
    stopped_clock.set(stopped_clock.now.replace(hour=21))
    scheduler = sign_in("scheduler")
    visit = book(scheduler, resident, None, stopped_clock.now + timedelta(days=3))
    assert scheduler.patch(f"/v1/residents/{resident.id}", {"name": "Ada"} | change).status_code == 200
    stopped_clock.set(stopped_clock.now.replace(hour=21, minute=1))
    dispatch(ConsoleSender())
    first, *rest = scheduler.get(path(visit, "messages")).json["items"]
    assert (first["status"], first["error_code"]) == ("blocked", "no-longer-theirs")
    tasks = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    if change.get("phone"):
        with reading() as session:
            (told,) = session.scalars(select(Message).where(Message.status == MessageStatus.HELD))
        assert (told.to_address, str(told.id), tasks) == (change["phone"], rest[0]["id"], [])
    else:
        assert (len(rest), len(tasks)) == (0, 1)


def test_an_unknown_resident_is_not_found(scheduler):
    problem(scheduler.get(f"/v1/residents/{uuid4()}"), 404, "not-found")
    problem(scheduler.patch(f"/v1/residents/{uuid4()}", {"name": "x"}), 404, "not-found")


def test_names_of_every_script_are_kept_as_they_are(scheduler):
    for name in ("आशा अदेयेमी", "Siân O’Neill", "李小龍", "محمد", "Nguyễn Thị Minh", "👩‍👩‍👧"):
        made = scheduler.post("/v1/residents", ASHA | {"name": name})
        assert (made.status_code, made.json["name"]) == (201, name)


def test_a_visits_reference_is_read_as_people_say_it():
    for _ in range(200):
        reference = new_visit_reference()
        assert read_visit_reference(reference) == reference
        spoken = reference.lower().replace("-", " ").replace("0", "o").replace("1", "l")
        assert read_visit_reference(spoken) == reference
        plain = reference[3:].replace("-", "")
        for place in range(7):
            if plain[place] != plain[place + 1]:
                swapped = plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :]
                assert read_visit_reference(swapped) is None
        for place in range(8):
            wrong = plain[:place] + ("A" if plain[place] != "A" else "B") + plain[place + 1 :]
            assert read_visit_reference(wrong) is None
    for nonsense in ("", "HV", "HV-1234", "HV-!!!!-!!!!", "HV-0000-00000", "ＨＶ-0000-0000"):
        assert read_visit_reference(nonsense) is None
