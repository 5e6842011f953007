"""The auditor's file: what is changed in it is named, nobody's name is in it, and only the council can seal it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from id_badges.keys import create_keys
from models.audit import faults
from models.chain import START, canonical, digest
from models.database import transaction
from models.promise import ChangeNotice
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.steps import WEDNESDAY_10, arrive, book, finish, later, move
from tests.test_corrections import correct

NOVEMBER = ("--from", "2026-11-01", "--to", "2026-12-01")


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["audit", *words])
    return result.exit_code, result.output


@pytest.fixture
def exported(app: Flask, sign_in: Callable[..., Client], stopped_clock: StoppedClock, tmp_path: Path) -> Path:
    """The file of a month in which a visit was moved, done and corrected, and another booked."""
    officer = factories.officer(display_name="Priya Officername")
    resident = factories.resident(name="Marigold Quillfeather", line_1="77 Privet Drive")
    visit = book(sign_in("scheduler"), resident, officer, purpose="Damp behind the parrot")
    book(sign_in("scheduler"), resident, officer, later(WEDNESDAY_10, days=1))
    move(sign_in("scheduler"), visit, later(WEDNESDAY_10, hours=1), reason="Marigold asked")
    stopped_clock.set(later(WEDNESDAY_10, hours=2))
    phone = sign_in("officer", officer)
    arrive(phone, visit, later(WEDNESDAY_10, hours=1), latitude=51.58737, longitude=-0.32932, accuracy_m=5)
    finish(phone, visit, later(WEDNESDAY_10, hours=2), note="Marigold was kind")
    correct(sign_in("scheduler"), visit, arrived_at=later(WEDNESDAY_10, minutes=63))
    file = tmp_path / "november.jsonl"
    code, said = run(app, "export", *NOVEMBER, str(file))
    assert code == 0, said
    assert said.startswith("10 records. The last line's digest is ")
    return file


def lines_of(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


def test_a_file_as_it_was_given_is_whole_and_sealed(app, exported):
    code, said = run(app, "verify", str(exported))
    assert (code, said.split(".")[0]) == (0, "10 records are as the council gave them")
    header, *records, end, seal = map(json.loads, lines_of(exported))
    assert header == {
        "record": "header",
        "format": "home-visits audit 1",
        "council": "Harrow Council",
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-12-01T00:00:00Z",
        "made_at": "2026-11-25T12:00:00Z",
        "line": 0,
        "previous": START,
    }
    assert [each["line"] for each in records] == list(range(1, 11))
    assert (end["record"], end["records"], seal["record"]) == ("end", 10, "seal")
    kinds = [each.get("kind", each["record"]) for each in records]
    assert sorted(kinds) == sorted(
        ["promise"] * 3 + ["booked"] * 2 + ["moved", "notice", "arrived", "finished", "corrected"]
    )
    for each in records:
        if each.get("kind") == "corrected":
            assert each["details"]["before"]["arrived_at"] == "2026-11-25T11:00:00Z"
            assert each["details"]["after"]["arrived_at"] == "2026-11-25T11:03:00Z"


def test_nobody_can_be_found_in_it(exported):
    words = exported.read_text()
    for secret in ("Marigold", "Priya", "Privet", "Damp", "parrot", "447700", "51.58", "0.329", "camera", "HA1"):
        assert secret not in words, secret
    assert '"has_reason":true' in words


def test_what_was_recorded_before_or_after_is_not_in_it(app, exported, tmp_path):
    other = tmp_path / "tuesday.jsonl"
    assert run(app, "export", "--from", "2026-11-24", "--to", "2026-11-25", str(other))[0] == 0
    assert run(app, "verify", str(other))[1].startswith("0 records")


def test_another_file_is_never_written_over(app, exported):
    before = exported.read_bytes()
    code, said = run(app, "export", *NOVEMBER, str(exported))
    assert code == 1 and "is there already" in said
    assert exported.read_bytes() == before
    code, said = run(app, "export", "--from", "2026-12-01", "--to", "2026-12-01", str(exported))
    assert code == 1 and "Give a day after" in said


def changed(line: bytes) -> bytes:
    """The same record with another time."""
    said = json.loads(line)
    said["recorded_at" if "recorded_at" in said else "made_at"] = "2026-11-25T09:59:59Z"
    return canonical(said)


def test_each_way_to_change_it_is_named(app, exported):
    whole = lines_of(exported)
    event = next(place for place, line in enumerate(whole) if b'"arrived"' in line)
    ways: dict[str, tuple[list[bytes], str]] = {
        "altered": ([*whole[:event], changed(whole[event]), *whole[event + 1 :]], f"Line {event} was changed"),
        "missing": ([*whole[:event], *whole[event + 1 :]], f"Line {event} is missing."),
        "added": ([*whole[:event], whole[2], *whole[event:]], "Line 2 is here once more"),
        "foreign": ([*whole[:event], b'{"a": 1}', *whole[event:]], f"Line {event} is none that we write"),
        "moved": ([*whole[:3], whole[4], whole[3], *whole[5:]], "Line 3 was moved."),
        "spelled otherwise": (
            [*whole[:3], whole[3].replace(b":", b": ", 1), *whole[4:]],
            "Line 3 is none that we write",
        ),
        "no header": (whole[1:], "Line 0 is missing."),
        "another header": ([changed(whole[0]), *whole[1:]], "Line 0 was changed"),
        "no end": ([*whole[:-2], whole[-1]], "Line 11 is missing"),
        "no seal": (whole[:-1], "The seal is missing."),
        "nothing": ([], "Line 0 is missing"),
        "half": (whole[:5], "Line 5 is missing, and whatever followed it"),
    }
    for name, (lines, expected) in ways.items():
        exported.write_bytes(b"".join(line + b"\n" for line in lines))
        code, said = run(app, "verify", str(exported))
        assert code == 1, name
        assert expected in said, (name, said)


def chained(records: list[dict[str, Any]]) -> list[bytes]:
    """A whole chain of these records, as somebody who knows how could make it."""
    made, previous = [], START
    for number, record in enumerate(records):
        line = canonical(record | {"line": number, "previous": previous})
        previous = digest(line)
        made.append(line)
    return made


def test_who_writes_all_of_it_anew_cannot_seal_it(app, exported, tmp_path):
    """Whole in itself, with one arrival made earlier, and the old seal or one by keys of their own."""
    records = [json.loads(line) for line in lines_of(exported)]
    seal = lines_of(exported)[-1]
    for record in records:
        if record.get("kind") == "arrived":
            record["occurred_at"] = "2026-11-25T10:00:00Z"
    forged = chained(records[:-1])
    assert list(faults(lambda: forged)) == []
    exported.write_bytes(b"\n".join([*forged, seal]) + b"\n")
    assert run(app, "verify", str(exported)) == (1, "The seal is not of this file.\n")
    exported.write_bytes(b"\n".join([*forged, seal.replace(b'"kid":"', b'"kid":"x')]) + b"\n")
    assert run(app, "verify", str(exported)) == (1, "The seal is by a key that is not the council's.\n")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (b'"record":"seal"', b'"note":"None was late","record":"seal"'),
        (b'"record":"seal"', b'"record": "seal"'),
        (b'"record":"seal"', b'"record":"end","record":"seal"'),
        (b'=="}\n', b'=="}\n\n'),
        (b'=="}\n', b'=="}'),
        (b'=="}\n', b'=="}\r\n'),
    ],
)
def test_a_seal_is_written_in_one_way_alone(app, exported, ours, theirs):
    """Whatever else stood in it would be shown to the auditor as what the council gave them."""
    file = exported.read_bytes()
    assert ours in file
    exported.write_bytes(file.replace(ours, theirs))
    assert run(app, "verify", str(exported))[0] == 1


def test_a_signature_is_spelled_in_one_way_alone(app, exported):
    """Of the last letter before the padding four bits count for nothing."""
    file = exported.read_bytes()
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    place = file.rindex(b"==") - 1
    other = letters[letters.index(file[place]) + 1]
    exported.write_bytes(file[:place] + bytes([other]) + file[place + 1 :])
    assert run(app, "verify", str(exported)) == (1, "The seal is not of this file.\n")


def test_an_auditor_needs_but_the_published_keys(app, stranger, exported, tmp_path, stopped_clock):
    published, others = tmp_path / "jwks.json", tmp_path / "others"
    published.write_bytes(stranger.get("/.well-known/jwks.json").data)
    assert run(app, "verify", "--keys", str(published), str(exported))[0] == 0
    stopped_clock.set(stopped_clock.now + timedelta(days=3000))
    assert run(app, "verify", "--keys", str(published), str(exported))[0] == 0, "a seal is believed for ever"
    create_keys(others, stopped_clock.now)
    code, said = run(app, "verify", "--keys", str(others / "registry.json"), str(exported))
    assert (code, said) == (1, "The seal is by a key that is not the council's.\n")
    published.write_text("{}")
    assert "The keys cannot be read" in run(app, "verify", "--keys", str(published), str(exported))[1]


def test_a_seal_counts_only_for_a_time_in_which_its_key_signed(app, exported):
    records = [json.loads(line) for line in lines_of(exported)]
    records[0]["made_at"] = "2020-01-01T00:00:00Z"
    exported.write_bytes(b"\n".join([*chained(records[:-1]), lines_of(exported)[-1]]) + b"\n")
    assert "might not sign then" in run(app, "verify", str(exported))[1]


WHOLE = chained([{"record": "header"}, *({"record": "event", "n": n} for n in range(6)), {"record": "end"}])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(WHOLE), st.integers(0, len(WHOLE)))
def test_nothing_but_the_whole_file_in_its_order_is_without_fault(shuffled, kept):
    some = shuffled[:kept]
    assert (list(faults(lambda: some)) == []) == (some == WHOLE)


def test_a_large_time_is_read_in_parts(app, scheduler, officer, resident, tmp_path, monkeypatch):
    monkeypatch.setattr("models.audit.ROWS_AT_A_TIME", 2)
    for hour in range(5):
        book(scheduler, resident, officer, later(WEDNESDAY_10, hours=hour))
    with transaction() as session:
        assert session.query(ChangeNotice).count() == 0
    file = tmp_path / "all.jsonl"
    assert run(app, "export", *NOVEMBER, str(file))[1].startswith("10 records.")
    assert run(app, "verify", str(file))[0] == 0
