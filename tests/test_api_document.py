"""The API document is what clients are written from: it is sound, whole, and the server does what it says.

SCHEMATHESIS_S is for how many seconds the server is tried against it, on each database.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from sqlalchemy import select

from models import live_code
from models.absence import enter
from models.alert import Alert, AlertKind, raise_alert
from models.card import ask as ask_for_card
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import reading, transaction
from models.dispute import Dispute, DisputeStatus, SaidBy
from models.feedback import Feedback
from models.holding import keep
from models.incident import Incident, IncidentKind, open_incident
from models.missed_standard import MissedStandard, RedressStatus, Standard
from models.officer import Officer, send_photo
from models.user import Role, User
from models.working_hours import set_exception
from models.working_time import AbsenceKind
from tests import factories
from tests.live import LiveServer, give_badge, give_photo

SECONDS = int(os.environ.get("SCHEMATHESIS_S", "30"))
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(app: Flask) -> Any:
    answer = app.test_client().get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    return answer.json


def operations(document: Any) -> list[tuple[str, Any]]:
    return [
        (f"{method.upper()} {path}", item[method])
        for path, item in document["paths"].items()
        for method in sorted(item.keys() & METHODS)
    ]


def test_it_is_a_valid_openapi_3_1_document(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_every_reference_in_it_leads_somewhere(document: Any) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [each for member in part.values() for each in references(member)]
        return [each for member in part for each in references(member)] if isinstance(part, list) else []

    found = references(document)
    assert found
    for reference in set(found):
        place = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


def test_every_operation_says_what_it_does_who_may_and_what_it_answers(document: Any) -> None:
    found = operations(document)
    assert len(found) >= 43
    for name, operation in found:
        assert operation["summary"], name
        assert not operation["summary"].endswith("."), name
        security = operation.get("security", document["security"])
        assert security in ([], [{"bearer": []}]), name
        if security:
            assert "Roles: " in operation["description"], name
            assert {"401", "403"} <= operation["responses"].keys(), name
        succeeds = [status for status in operation["responses"] if status.startswith("2")]
        assert len(succeeds) == 1, name
        assert "default" not in operation["responses"], name
        assert "5XX" in operation["responses"], name


def test_every_refusal_is_a_problem_document(document: Any) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status[0] in "45":
                reference = response["$ref"].removeprefix("#/components/responses/")
                content = document["components"]["responses"][reference]["content"]
                assert list(content) == ["application/problem+json"], (name, status)


def test_every_answer_of_the_contract_is_in_it(document: Any) -> None:
    responses = {name: set(operation["responses"]) for name, operation in operations(document)}
    assert {"201", "409", "422"} <= responses["POST /v1/visits"]
    assert {"201", "404", "409", "412", "422", "428"} <= responses["POST /v1/visits/{visit_id}/moves"]
    assert {"201", "401", "429"} <= responses["POST /v1/tokens"]
    assert {"204", "413", "415", "422"} <= responses["PUT /v1/officers/{officer_id}/photo"]


def test_the_docs_page_needs_no_other_host(app: Flask) -> None:
    web = app.test_client()
    page = web.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for asset in ("/docs/assets/swagger-ui.css", "/docs/assets/swagger-ui-bundle.js", "/static/docs.js"):
        with web.get(asset) as answer:
            assert answer.status_code == 200


CHECKS = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
        "negative_data_rejection",
        "missing_required_header",
        "unsupported_method",
        "allow_header_conformance",
        "ignored_auth",
    )
)
"""All that a document promises. Not that whatever fits the schema is taken: a visit in the year 2 is refused."""

ENDS_SOMETHING = {
    "DELETE /v1/tokens",
    "PATCH /v1/users/{user_id}",
    "PATCH /v1/officers/{officer_id}",
    "POST /v1/officers/{officer_id}/badges",
    "POST /v1/officers/{officer_id}/suspension",
    "POST /v1/badges/{badge_id}/revocation",
    "POST /v1/cards/{card_id}/approval",
    "POST /v1/cards/{card_id}/refusal",
    "POST /v1/photos/{photo_id}/approval",
    "POST /v1/photos/{photo_id}/refusal",
    "DELETE /v1/officers/{officer_id}/working-exceptions/{day}",
    "DELETE /v1/absences/{absence_id}",
}
"""Tried on somebody else: nothing could be reached any more once they have worked."""


PLACES = {
    "body.starts_at": "starts_at",
    "body.resident_id": "resident_id",
    "body.officer_id": "officer_id",
    "body.employment": "employment",
    "body.phone": "phone",
    "body.second_phone": "phone",
    "body.address.postcode": "postcode",
    "header.If-Match": "if_match",
}
"""What is mostly taken from a list of ours: chance alone would never meet a rule that it fits."""


def role_of(operation: Any) -> str | None:
    """The role to try an operation as: the first that may. None for what anybody may do."""
    if operation.get("security") == []:
        return None
    return str(operation["description"].rpartition("Roles: ")[2].rstrip(".").split(", ")[0])


def one_of_each(live_app: LiveServer) -> dict[str, list[str]]:
    """An officer with visits, a badge and a call to make; the ids by the names of the parameters."""
    at = live_app.now()
    officer, resident = factories.officer(), factories.resident()
    visits = [
        factories.visit(resident, officer, at + timedelta(days=days, minutes=20), at=at) for days in range(6)
    ]
    task = ContactTask(
        id=uuid4(),
        visit_id=visits[0].id,
        resident_id=resident.id,
        reason=ContactReason.TEXT_UNDELIVERED,
        detail="moved",
        due_at=at,
        status=ContactTaskStatus.OPEN,
        created_at=at,
    )
    dispute = Dispute(
        id=uuid4(),
        visit_id=visits[1].id,
        resident_id=resident.id,
        said_by=SaidBy.PAGE,
        said_at=at,
        ring_by=at,
        status=DisputeStatus.OPEN,
    )
    feedback = Feedback(
        id=uuid4(), visit_id=visits[2].id, resident_id=resident.id, words="Quick and kind", said_at=at
    )
    account = User(id=uuid4(), username=f"a-{uuid4()}", role=Role.SCHEDULER, active=True, created_at=at)
    account.set_password(str(uuid4()))
    badge = give_badge(officer, at)
    give_photo(officer, at)
    with transaction() as session:
        session.add_all([task, dispute, feedback, account])
        incident = open_incident(session, IncidentKind.SCAN_FLOOD, at=at, badge_id=badge.id)
        raise_alert(
            session,
            AlertKind.NOBODY_ARRIVED,
            visit_id=visits[0].id,
            officer_id=officer.id,
            about_at=visits[0].starts_at,
            at=at,
        )
        missed = MissedStandard(
            id=uuid4(),
            visit_id=visits[0].id,
            standard=Standard.MISSED,
            found_at=at,
            redress_pence=1000,
            status=RedressStatus.DUE,
        )
        session.add(missed)
        alert_id = session.scalars(select(Alert.id).where(Alert.visit_id == visits[0].id)).one()
        code = live_code.ask(
            session, badge_id=badge.id, officer_id=officer.id, token_issued_at=at, asker="a page", at=at
        )
        incident_id = session.scalars(select(Incident.id).where(Incident.reference == incident)).one()
        session.flush()
        of_card = session.get_one(Officer, officer.id)
        card = ask_for_card(
            session,
            of_card,
            expires_on=None,
            believed_until=at + timedelta(days=365),
            by=account.id,
            at=at,
        )
        photo = send_photo(session, of_card, b"a picture", by=account.id, at=at)
        leave = enter(
            session,
            officer_id=officer.id,
            starts_at=at + timedelta(days=40),
            ends_at=at + timedelta(days=41),
            kind=AbsenceKind.LEAVE,
            reason=None,
            by=account.id,
            at=at,
        )
        set_exception(session, officer.id, at.date(), (), reason=None, by=account.id, at=at)
        hold = keep(
            session,
            officer_id=officer.id,
            resident_id=None,
            starts_at=at + timedelta(days=50),
            duration=timedelta(minutes=30),
            by=account.id,
            at=at,
        )
    assert code is not None
    return {
        "visit_id": [str(visit.id) for visit in visits],
        "officer_id": [str(officer.id)],
        "resident_id": [str(resident.id)],
        "badge_id": [str(badge.id)],
        "card_id": [str(card.id)],
        "photo_id": [str(photo.id)],
        "hold_id": [str(hold.id)],
        "code_id": [str(code.id)],
        "incident_id": [str(incident_id)],
        "alert_id": [str(alert_id)],
        "missed_id": [str(missed.id)],
        "task_id": [str(task.id)],
        "dispute_id": [str(dispute.id)],
        "feedback_id": [str(feedback.id)],
        "user_id": [str(account.id)],
        "absence_id": [str(leave.id)],
        "day": [str(at.date())],
    }


def settings_of_the_run(live_app: LiveServer, document: Any) -> str:
    """schemathesis.toml: who asks, and which ids there are; without them nothing would be reached."""
    kept, ends = one_of_each(live_app), one_of_each(live_app)
    with reading() as session:
        officer = session.get_one(Officer, UUID(kept["officer_id"][0]))
    tokens = {role: live_app.sign_in(role) for role in ("admin", "scheduler")}
    tokens["officer"] = live_app.sign_in("officer", officer)
    at = live_app.now()
    lists = kept | {f"other_{name}": ids for name, ids in ends.items()}
    lists |= {"if_match": ['"1"', '"2"', "*"], "phone": ["07700 900123"], "postcode": ["HA1 2RJ"]}
    lists["employment"] = ["employee"]
    lists["starts_at"] = [(at + timedelta(days=30, hours=hours)).isoformat() for hours in range(20)]
    lines = ["[cache]", "enabled = false", "[dictionaries]"]
    lines += [f"{name} = {{ values = {json.dumps(values)} }}" for name, values in lists.items()]
    lines += ["[checks.missing_required_header]", "expected-statuses = [401, 422, 428]", "[parameters]"]
    for place, name in PLACES.items():
        lines.append(f'"{place}" = {{ dictionary = "{name}", probability = 0.8 }}')
    for name, operation in operations(document):
        role, other = role_of(operation), "other_" if name in ENDS_SOMETHING else ""
        if role is None:
            continue
        lines += ["[[operations]]", f'include-name = "{name}"']
        if other:
            lines.append("phases.stateful.enabled = false")
        token = live_app.sign_in(role) if name == "DELETE /v1/tokens" else tokens[role]
        lines.append(f'headers = {{ Authorization = "Bearer {token}" }}')
        for parameter in re.findall(r"{(\w+)}", name):
            lines.append(
                f'parameters."path.{parameter}" = {{ dictionary = "{other}{parameter}", probability = 0.9 }}'
            )
    return "\n".join(lines)


def test_the_server_does_nothing_that_the_document_does_not_say(
    live_app: LiveServer, database_in_use: str, tmp_path: Path
) -> None:
    with urllib.request.urlopen(f"{live_app.url}/openapi.json", timeout=10) as answer:
        document = json.load(answer)
    (tmp_path / "schemathesis.toml").write_text(settings_of_the_run(live_app, document))
    before = len(live_app.complaints())
    run = [sys.executable, "-m", "schemathesis.cli", "run", f"{live_app.url}/openapi.json", "--checks", CHECKS]
    run += ["-n", "50", "--max-time", str(SECONDS), "--continue-on-failure", "--request-timeout", "20"]
    run += ["--no-color", "--seed", "2026"]
    result = subprocess.run(
        run,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS * 4 + 60,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    said = result.stdout[-12_000:]
    print(said)
    assert result.returncode == 0, said + result.stderr[-2000:]
    assert live_app.complaints()[before:] == []
