"""A badge checked by telephone: words to read out, due or not due, and a record of who asked."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from id_badges.read_out import words
from id_badges.short_code import short_code
from id_badges.verdict import ShownOfficer, State, Verdict
from models import database
from models.badge import Badge
from models.badge_check import BadgeCheck
from models.incident import Incident, IncidentKind
from models.officer import Employment, Officer
from models.resident import Resident
from models.scan import Scan, ScanKind
from models.visit import Visit
from tests import factories, live
from tests.conftest import Client, StoppedClock
from tests.steps import problem


@pytest.fixture
def good(officer: Officer, stopped_clock: StoppedClock) -> Badge:
    """The officer's phone badge."""
    return live.give_badge(officer, stopped_clock.now)


@pytest.fixture
def code(app: Flask, good: Badge, stopped_clock: StoppedClock) -> str:
    """What the badge shows now."""
    return short_code(app.extensions["keyring"].short_code_secret, good.id, good.handle, stopped_clock.now)


@pytest.fixture
def home(app: Flask) -> Resident:
    return factories.resident(line_1="12a High Street", postcode="HA1 2RJ")


@pytest.fixture
def visit(home: Resident, officer: Officer, stopped_clock: StoppedClock) -> Visit:
    """The officer's visit there, half an hour from now."""
    return factories.visit(home, officer, stopped_clock.now + timedelta(minutes=30))


def check(scheduler: Client, code: str, **given: str) -> Any:
    answer = scheduler.post("/v1/badge-checks", {"short_code": code, **given})
    assert answer.status_code == 201, answer.text
    return answer.json


def records() -> list[BadgeCheck]:
    with database.reading() as session:
        return list(session.scalars(select(BadgeCheck).order_by(BadgeCheck.checked_at, BadgeCheck.id)))


def test_a_genuine_badge_is_told_with_who_it_is(scheduler: Client, code: str) -> None:
    said = check(scheduler, code)
    assert (said["state"], said["look"], said["due"]) == ("genuine", "green", None)
    assert said["officer"] == {
        "display_name": "Amina Yusuf",
        "job_title": "Housing officer",
        "employment": "employee",
        "company": None,
    }
    assert said["words"][:3] == [
        "The badge is real.",
        "It belongs to Amina Yusuf, Housing officer.",
        "They work for Harrow Council.",
    ]
    assert "I have not checked if they are due at your home. I can do that now." in said["words"]


@pytest.mark.parametrize(
    ("given", "due"),
    [
        ({"postcode": "ha12rj", "house": "12 A"}, True),
        ({"postcode": "HA1 2RJ", "house": "12"}, False),
        ({"postcode": "HA1 2RH", "house": "12a"}, False),
        ({"visit_reference": "@", "house": "12a"}, True),
        ({"visit_reference": "@", "house": "14"}, False),
        ({"visit_reference": "@", "postcode": "HA1 2RJ", "house": "12a"}, True),
        ({"visit_reference": "@", "postcode": "HA1 2RH", "house": "12a"}, False),
    ],
)
def test_due_or_not_due_at_this_address(
    scheduler: Client, code: str, visit: Visit, given: dict[str, str], due: bool
) -> None:
    said = check(
        scheduler, code, **{name: visit.reference if each == "@" else each for name, each in given.items()}
    )
    assert said["due"] is due
    spoken = " ".join(said["words"])
    assert ("They are due at your home now." in spoken) is due
    assert ("Do not let them in. Ask them to come back another day." in spoken) is not due
    assert "High Street" not in spoken and "Asha" not in spoken


def test_another_officers_visit_is_not_due(
    scheduler: Client, code: str, home: Resident, stopped_clock: StoppedClock
) -> None:
    factories.visit(home, factories.officer(), stopped_clock.now + timedelta(minutes=30))
    assert check(scheduler, code, postcode="HA1 2RJ", house="12a")["due"] is False


def test_a_visit_of_another_time_is_not_due(
    scheduler: Client, code: str, home: Resident, officer: Officer, stopped_clock: StoppedClock
) -> None:
    factories.visit(home, officer, stopped_clock.now + timedelta(hours=2, minutes=1))
    assert check(scheduler, code, postcode="HA1 2RJ", house="12a")["due"] is False


def test_revoked_suspended_and_invented_codes_are_answered_alike(
    scheduler: Client, admin: Client, code: str, good: Badge, visit: Visit, stopped_clock: StoppedClock
) -> None:
    assert admin.post(f"/v1/badges/{good.id}/revocation", {"reason": "Lost."}).status_code == 201
    invented = short_code(b"x" * 32, uuid4(), good.handle ^ 1, stopped_clock.now)
    answers = [check(scheduler, each, postcode="HA1 2RJ", house="12a") for each in (code, invented)]
    for answer in answers:
        answer.pop("id")
    assert answers[0] == answers[1]
    assert answers[0]["state"] == "not_confirmed" and answers[0]["due"] is None
    assert answers[0]["officer"] is None


def test_an_old_code_asks_for_a_new_one(scheduler: Client, code: str, stopped_clock: StoppedClock) -> None:
    stopped_clock.advance(300)
    said = check(scheduler, code)
    assert said["state"] == "timed_out" and "Read the new code to me." in said["words"]


def test_every_check_is_recorded_with_who_asked_and_what_was_answered(
    scheduler: Client, code: str, good: Badge, visit: Visit, stopped_clock: StoppedClock
) -> None:
    said = check(scheduler, code, postcode="HA1 2RJ", house="12a")
    (record,) = records()
    assert record.id == UUID(said["id"])
    assert (record.badge_id, record.state, record.due) == (good.id, "genuine", True)
    assert record.checked_at == stopped_clock.now
    assert record.checked_by_id
    kept = " ".join(str(value) for value in vars(record).values())
    assert "HA1" not in kept and "12a" not in kept and visit.reference not in kept


def test_a_check_by_telephone_is_a_scan_too_and_a_revoked_badge_an_incident(
    app: Flask, scheduler: Client, admin: Client, code: str, good: Badge
) -> None:
    check(scheduler, code)
    admin.post(f"/v1/badges/{good.id}/revocation", {"reason": "Lost."})
    check(scheduler, code)
    assert app.extensions["scan_log"].flush()
    with database.reading() as session:
        scans = session.scalars(select(Scan).order_by(Scan.number)).all()
        (incident,) = session.scalars(select(Incident).order_by(Incident.opened_at))
    assert [(scan.kind, scan.state) for scan in scans] == [
        (ScanKind.TELEPHONE, "genuine"),
        (ScanKind.TELEPHONE, "not_confirmed"),
    ]
    assert incident.kind is IncidentKind.REVOKED_BADGE_SCANNED


def test_the_same_request_again_is_recorded_once(scheduler: Client, code: str) -> None:
    body, key = {"short_code": code}, str(uuid4())
    first, again = (scheduler.post("/v1/badge-checks", body, Idempotency_Key=key) for _ in range(2))
    assert first.json == again.json and len(records()) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"short_code": "ABCDE"}, "short_code"),
        ({"house": "12"}, "postcode"),
        ({"postcode": "HA1 2RJ"}, "house"),
        ({"visit_reference": "HV-0000-0000"}, "house"),
        ({"visit_reference": "HV-0000-0001", "house": "12"}, "visit_reference"),
        ({"postcode": "Harrow", "house": "12"}, "postcode"),
    ],
)
def test_half_a_question_is_refused_and_not_recorded(
    scheduler: Client, code: str, given: dict[str, str], field: str
) -> None:
    answer = scheduler.post("/v1/badge-checks", {"short_code": code, **given})
    problem(answer, 422, "not-valid")
    assert field in answer.json["errors"]
    assert records() == []


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("employment", list(Employment))
def test_the_words_of_every_answer_are_short_sentences(
    state: State, employment: Employment, stopped_clock: StoppedClock
) -> None:
    officer = ShownOfficer("Amina Yusuf", "Housing officer", employment, "Weald Surveys Ltd", None, True)
    shown = officer if state in (State.GENUINE, State.GENUINE_NOT_ON_DUTY, State.CARD_ONLY) else None
    for is_due in (True, False, None):
        said = words(Verdict(state, stopped_clock.now, "", shown), is_due=is_due, council_name="Harrow Council")
        for sentence in re.split(r"(?<=[.?!]) ", " ".join(said)):
            assert len(sentence.split()) <= 16, sentence
        if state is not State.GENUINE:
            assert "They are due at your home now." not in said
