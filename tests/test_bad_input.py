"""Whatever a client sends, the answer tells it what to correct: never a server error, and nothing is written.

The cases are made from tables: each endpoint with a right request, and each way to spoil a part of it.
"""

import base64
import io
import json
import logging
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select, text

from api import create_app
from api.config import Settings
from migrations.tables import metadata
from models import clock, database, live_code, user
from models.absence import enter
from models.alert import Alert, AlertKind, raise_alert
from models.badge import current_phone_badge, phone_badge_for
from models.card import ask as ask_for_card
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.dispute import Dispute, DisputeStatus, SaidBy
from models.feedback import Feedback
from models.incident import Incident, IncidentKind, open_incident
from models.missed_standard import MissedStandard, RedressStatus, Standard
from models.no_access_photo import NoAccessPhoto
from models.officer import Officer, send_photo
from models.user import Role, User
from models.visit import Visit, VisitStatus
from models.working_time import AbsenceKind
from tests import factories
from tests.conftest import empty
from tests.live import give_photo

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BODY = {400, 413, 415, 422}
"""What says that a body is wrong."""

NOTES = {"kept_answers", "sign_in_failures", "scans", "scans_end", "scan_salts", "incidents"}
"""Refusals are remembered here on purpose: for a repeated request, to slow guessing, and because a false badge was
checked."""


@dataclass(frozen=True)
class World:
    """The application with one of everything."""

    app: Flask
    ids: dict[str, str]
    tokens: dict[str, str]

    def fill(self, words: str) -> str:
        """`@visit@` becomes the id of the visit."""
        for name, value in self.ids.items():
            words = words.replace(f"@{name}@", value)
        return words


@pytest.fixture(scope="module")
def world(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same for every case, for no case changes anything; at the end that is checked row by row."""
    if database.connected_to() != database_url:
        database.connect(database_url)
    empty()
    clock.read_from(lambda: MONDAY)
    settings = Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "KEYS_DIR": str(tmp_path_factory.mktemp("keys") / "keys"),
            "CHECKS_PER_MINUTE": "0",
            "LOG_LEVEL": "ERROR",
            "TWILIO_AUTH_TOKEN": "test-token",
        }
    )
    app = create_app(settings)
    officer, second = (factories.officer(skills=["gas"]) for _ in range(2))
    resident = factories.resident()
    visit = factories.visit(resident, officer, MONDAY + timedelta(days=2))
    factories.visit(resident, officer, MONDAY + timedelta(days=3))

    give_photo(officer, MONDAY)
    ids = {"officer": officer.id, "second": second.id, "resident": resident.id, "visit": visit.id}
    tokens = {}
    with database.transaction() as session:
        for role in Role:
            account = User(
                id=uuid4(),
                username=role.value,
                password_hash="-",
                role=role,
                officer_id=officer.id if role is Role.OFFICER else None,
                active=True,
                created_at=MONDAY,
            )
            session.add(account)
            session.flush()
            started, _ = user.sign_in(session, account, MONDAY)
            tokens[role.value] = app.extensions["access_tokens"].issue(started, MONDAY)
            ids[f"{role.value}_account"] = account.id
        task = ContactTask(
            id=uuid4(),
            visit_id=visit.id,
            resident_id=resident.id,
            reason=next(iter(ContactReason)),
            detail="moved",
            due_at=MONDAY,
            status=ContactTaskStatus.OPEN,
            created_at=MONDAY,
        )
        dispute = Dispute(
            id=uuid4(),
            visit_id=visit.id,
            resident_id=resident.id,
            said_by=SaidBy.PAGE,
            said_at=MONDAY,
            ring_by=MONDAY,
            status=DisputeStatus.OPEN,
        )
        feedback = Feedback(
            id=uuid4(), visit_id=visit.id, resident_id=resident.id, words="Quick and kind", said_at=MONDAY
        )
        session.add_all([task, dispute, feedback])
        # The second visit of the diary: nobody opened.
        shut = session.scalars(select(Visit).where(Visit.id != visit.id)).one()
        shut.status = VisitStatus.NO_ACCESS
        door = NoAccessPhoto(
            visit_id=shut.id, jpeg=b"a door", uploaded_at=MONDAY, uploaded_by_id=ids["officer_account"]
        )
        session.add(door)
        ids["shut"] = shut.id
        phone_badge_for(session, session.get_one(Officer, officer.id), MONDAY)
        made = current_phone_badge(session, officer.id)
        assert made is not None
        open_incident(session, IncidentKind.BADGE_COPIED, at=MONDAY)
        incident_id = session.scalar(select(Incident.id))
        raise_alert(
            session, AlertKind.AT_RISK, visit_id=visit.id, officer_id=officer.id, about_at=MONDAY, at=MONDAY
        )
        ids["alert"] = session.scalars(select(Alert.id)).one()
        missed = MissedStandard(
            id=uuid4(),
            visit_id=visit.id,
            standard=Standard.LATE,
            found_at=MONDAY,
            redress_pence=250,
            status=RedressStatus.DUE,
        )
        session.add(missed)
        ids["missed"] = missed.id
        of_card = factories.officer()
        give_photo(of_card, MONDAY)
        photo = send_photo(session, of_card, b"a picture", by=ids["admin_account"], at=MONDAY)
        card = ask_for_card(
            session,
            session.get_one(Officer, of_card.id),
            expires_on=None,
            believed_until=MONDAY + timedelta(days=365),
            by=ids["admin_account"],
            at=MONDAY,
        )
        another = phone_badge_for(session, session.get_one(Officer, of_card.id), MONDAY)
        asked = live_code.ask(
            session, badge_id=another.id, officer_id=of_card.id, token_issued_at=MONDAY, asker="a", at=MONDAY
        )
        assert asked is not None
        leave = enter(
            session,
            officer_id=officer.id,
            starts_at=MONDAY,
            ends_at=MONDAY + timedelta(days=1),
            kind=AbsenceKind.LEAVE,
            reason=None,
            by=ids["admin_account"],
            at=MONDAY,
        )
        ids["absence"] = leave.id
        ids |= {
            "task": task.id,
            "dispute": dispute.id,
            "feedback": feedback.id,
            "badge": made.id,
            "incident": incident_id,
            "card": card.id,
        }
        ids |= {"photo": photo.id, "another_live_code": asked.id}
        ids["page"] = app.extensions["visit_links"].code(visit.reference)
    before = everything()
    yield World(app, {name: str(value) for name, value in ids.items()}, tokens)
    assert everything() == before
    clock.read_from(None)


def everything() -> dict[str, list[str]]:
    """Every row of every table."""
    with database.reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(table.select())))
            for table in metadata.sorted_tables
            if table.name not in NOTES
        }


def how_many() -> tuple[Any, ...]:
    """How many rows each table has, and how often visits were changed."""
    counts = [
        f"(SELECT count(*) FROM {table.name})" for table in metadata.sorted_tables if table.name not in NOTES
    ]
    with database.reading() as session:
        return tuple(session.execute(text(f"SELECT {', '.join(counts)}, (SELECT sum(version) FROM visits)")).one())


@dataclass(frozen=True)
class Case:
    """One wrong request, and which answers are right."""

    name: str
    method: str
    path: str
    role: str | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    statuses: frozenset[int] = frozenset(range(400, 500))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Endpoint:
    """A call with a right body: each member has its kind after it."""

    method: str
    path: str
    role: str | None
    body: dict[str, tuple[Any, str]] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def right(self) -> dict[str, Any]:
        return {name: value for name, (value, _) in (self.body or {}).items()}


STARTS_AT = "2026-11-25T14:00:00+00:00"
ADDRESS = {"line_1": "1 High Street", "town": "Harrow", "postcode": "HA1 2RJ"}
IF_MATCH = {"If-Match": '"1"'}
CLIENT_ID = ("7d3c1b1e-30b4-4c1c-9d50-0c4d3a4f2b10", "uuid")
REASON = ("the officer is ill", "text")
KEPT = {"type": "departure", "client_id": CLIENT_ID[0], "visit_id": "@visit@"}

WITH_BODY = [
    Endpoint("POST", "/v1/tokens", None, {"username": ("somebody", "text"), "password": ("a wrong one", "words")}),
    Endpoint("POST", "/v1/tokens/refresh", None, {"refresh_token": ("x" * 43, "words")}),
    Endpoint(
        "POST",
        "/v1/users",
        "admin",
        {
            "username": ("new", "text"),
            "password": ("a long password", "words"),
            "role": ("officer", "enum"),
            "officer_id": ("@officer@", "uuid"),
        },
    ),
    Endpoint(
        "PATCH",
        "/v1/users/@admin_account@",
        "admin",
        {"password": ("a long password", "words"), "role": ("admin", "enum"), "active": (True, "bool")},
    ),
    Endpoint(
        "POST",
        "/v1/officers",
        "admin",
        {
            "staff_number": ("S1", "text"),
            "display_name": ("Amina Yusuf", "text"),
            "job_title": ("Housing officer", "text"),
            "employment": ("contractor", "enum"),
            "company": ("Brightwater Ltd", "text?"),
            "contract_ends_on": ("2027-03-31", "date"),
            "phone": ("07700 900123", "phone"),
            "skills": (["gas"], "skills"),
        },
    ),
    Endpoint(
        "PATCH",
        "/v1/officers/@officer@",
        "admin",
        {
            "display_name": ("Amina Yusuf", "text"),
            "employment": ("employee", "enum"),
            "skills": (["gas"], "skills"),
            "active": (True, "bool"),
        },
    ),
    Endpoint("POST", "/v1/officers/@officer@/suspension", "admin", {"reason": REASON}),
    Endpoint(
        "PUT",
        "/v1/officers/@officer@/working-pattern",
        "scheduler",
        {
            "days": ({"monday": [{"start": "09:00", "end": "17:00"}]}, "week"),
            "lunch": ({"duration_minutes": 30, "earliest": "12:00", "latest": "13:30"}, "lunch"),
            "starts_from": ({"latitude": 51.58, "longitude": -0.33}, "place"),
        },
    ),
    Endpoint(
        "PUT",
        "/v1/officers/@officer@/working-exceptions/2026-12-24",
        "scheduler",
        {"windows": ([{"start": "09:00", "end": "12:00"}], "windows"), "reason": (None, "text?")},
    ),
    Endpoint(
        "POST",
        "/v1/officers/@officer@/absences",
        "scheduler",
        {
            "starts_at": (STARTS_AT, "instant"),
            "ends_at": ("2026-11-27T14:00:00Z", "instant"),
            "kind": ("leave", "enum"),
            "reason": (None, "text?"),
        },
    ),
    Endpoint("POST", "/v1/badges/@badge@/revocation", "admin", {"reason": REASON}),
    Endpoint("POST", "/v1/officers/@officer@/cards", "admin", {"expires_on": ("2026-12-31", "date")}),
    Endpoint("POST", "/v1/cards/@card@/refusal", "admin", {"reason": REASON}),
    Endpoint("POST", "/v1/photos/@photo@/refusal", "admin", {"reason": REASON}),
    Endpoint(
        "POST",
        "/v1/residents",
        "scheduler",
        {
            "name": ("Asha Adeyemi", "text"),
            "phone": ("07700 900123", "phone"),
            "second_phone": ("07700 900124", "phone"),
            "email": ("asha@example.org", "email"),
            "language": ("en", "enum"),
            "contact_by": ("text", "enum"),
            "needs": ("ring twice", "text?"),
            "address": (ADDRESS, "address"),
        },
    ),
    Endpoint(
        "PATCH",
        "/v1/residents/@resident@",
        "scheduler",
        {"name": ("Asha Adeyemi", "text"), "phone": ("07700 900123", "phone"), "address": (ADDRESS, "address")},
    ),
    Endpoint(
        "POST",
        "/v1/visits",
        "scheduler",
        {
            "resident_id": ("@resident@", "uuid"),
            "officer_id": ("@officer@", "uuid?"),
            "second_officer_id": ("@second@", "uuid?"),
            "purpose": ("Repair inspection", "text"),
            "visit_type": ("repair", "text?"),
            "starts_at": (STARTS_AT, "instant"),
            "duration_minutes": (30, "minutes"),
            "skills": (["gas"], "skills"),
            "reason": (None, "text?"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/moves",
        "scheduler",
        {
            "starts_at": (STARTS_AT, "instant"),
            "officer_id": ("@officer@", "uuid?"),
            "second_officer_id": ("@second@", "uuid?"),
            "reason": REASON,
            "requested_by": ("council", "enum"),
        },
        IF_MATCH,
    ),
    Endpoint(
        "POST",
        "/v1/visits/changes",
        "scheduler",
        {"changes": ([{"visit_id": "@visit@", "version": 1, "kind": "unassign"}], "changes"), "reason": REASON},
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/assignment",
        "scheduler",
        {"officer_id": (None, "uuid?"), "second_officer_id": (None, "uuid?"), "reason": REASON},
        IF_MATCH,
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/cancellation",
        "scheduler",
        {"reason": REASON, "requested_by": ("resident", "enum")},
        IF_MATCH,
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/corrections",
        "scheduler",
        {
            "arrived_at": (STARTS_AT, "clock"),
            "finished_at": (STARTS_AT, "clock"),
            "outcome": ("completed", "enum"),
            "reason": REASON,
        },
        IF_MATCH,
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/departure",
        "officer",
        {"client_id": CLIENT_ID, "departed_at": (STARTS_AT, "clock")},
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/delays",
        "officer",
        {
            "client_id": CLIENT_ID,
            "expected_at": ("2026-11-25T10:00:00Z", "instant"),
            "reason": (None, "text?"),
            "reported_at": (STARTS_AT, "clock"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/arrivals",
        "officer",
        {
            "client_id": CLIENT_ID,
            "arrived_at": (STARTS_AT, "clock"),
            "latitude": (51.58, "degrees"),
            "longitude": (-0.33, "degrees"),
            "accuracy_m": (12.5, "degrees"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/badge-shown",
        "officer",
        {"client_id": CLIENT_ID, "shown_at": (STARTS_AT, "clock")},
    ),
    Endpoint(
        "POST",
        "/v1/visits/@visit@/outcome",
        "officer",
        {
            "client_id": CLIENT_ID,
            "outcome": ("no_access", "enum"),
            "finished_at": (STARTS_AT, "clock"),
            "note": (None, "text?"),
            "latitude": (51.58, "degrees"),
            "longitude": (-0.33, "degrees"),
            "accuracy_m": (12.5, "degrees"),
            "calls": ([{"at": STARTS_AT, "answered": False}], "calls"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/me/sync",
        "officer",
        {"sent_at": (STARTS_AT, "clock"), "events": ([KEPT], "events")},
    ),
    Endpoint(
        "POST",
        "/v1/badge-checks",
        "scheduler",
        {
            "short_code": ("0000000000", "text"),
            "visit_reference": ("HV-0000-0000", "text"),
            "postcode": ("HA1 2RJ", "text"),
            "house": ("12a", "text"),
        },
    ),
    Endpoint(
        "PATCH", "/v1/disputes/@dispute@", "scheduler", {"outcome": ("not_upheld", "enum"), "reason": REASON}
    ),
    Endpoint("POST", "/v1/feedback/@feedback@/answer", "scheduler", {"done": ("We mended it", "text")}),
    Endpoint(
        "PUT",
        "/v1/feedback/@feedback@/publication",
        "scheduler",
        {"you_said": ("It was cold", "text"), "we_did": ("We mended it", "text")},
    ),
    Endpoint("POST", "/v1/visits/@shut@/dispute", "scheduler", {"words": (None, "text?")}),
    Endpoint(
        "PATCH", "/v1/contact-tasks/@task@", "scheduler", {"status": ("done", "enum"), "note": (None, "text?")}
    ),
    Endpoint(
        "PATCH", "/v1/alerts/@alert@", "scheduler", {"status": ("acknowledged", "enum"), "note": (None, "text?")}
    ),
    Endpoint(
        "PATCH",
        "/v1/missed-standards/@missed@",
        "scheduler",
        {"status": ("settled", "enum"), "note": (None, "text?")},
    ),
    Endpoint(
        "PATCH", "/v1/incidents/@incident@", "scheduler", {"status": ("closed", "enum"), "note": (None, "text?")}
    ),
]

WITHOUT_BODY = [
    Endpoint("GET", "/v1/users", "admin"),
    Endpoint("GET", "/v1/users/@admin_account@", "admin"),
    Endpoint("GET", "/v1/officers", "scheduler"),
    Endpoint("GET", "/v1/officers/@officer@", "scheduler"),
    Endpoint("DELETE", "/v1/officers/@officer@/suspension", "admin"),
    Endpoint("GET", "/v1/officers/@officer@/working-pattern", "scheduler"),
    Endpoint("GET", "/v1/officers/@officer@/working-exceptions", "scheduler"),
    Endpoint("DELETE", "/v1/officers/@officer@/working-exceptions/2026-12-24", "scheduler"),
    Endpoint("GET", "/v1/officers/@officer@/absences", "officer"),
    Endpoint("DELETE", "/v1/absences/@absence@", "scheduler"),
    Endpoint("GET", "/v1/officers/@officer@/badges", "admin"),
    Endpoint("POST", "/v1/officers/@officer@/badges", "admin"),
    Endpoint("GET", "/v1/officers/@officer@/cards", "admin"),
    Endpoint("GET", "/v1/cards", "admin"),
    Endpoint("GET", "/v1/cards/@card@", "admin"),
    Endpoint("GET", "/v1/photos", "admin"),
    Endpoint("GET", "/v1/photos/@photo@", "admin"),
    Endpoint("GET", "/v1/photos/@photo@/photo.jpg", "admin"),
    Endpoint("GET", "/v1/residents", "scheduler"),
    Endpoint("GET", "/v1/residents/@resident@", "scheduler"),
    Endpoint("GET", "/v1/visits", "scheduler"),
    Endpoint("GET", "/v1/unassigned-visits", "scheduler"),
    Endpoint("GET", "/v1/officers/@officer@/visits-at-risk", "scheduler"),
    Endpoint("GET", "/v1/officers/@officer@/outlook", "scheduler"),
    Endpoint("GET", "/v1/visits/@visit@", "officer"),
    Endpoint("GET", "/v1/visits/@visit@/history", "officer"),
    Endpoint("GET", "/v1/visits/@visit@/messages", "officer"),
    Endpoint("GET", "/v1/me/visits", "officer"),
    Endpoint("GET", "/v1/me/live-codes", "officer"),
    Endpoint("GET", "/v1/me/badge", "officer"),
    Endpoint("GET", "/v1/me/badge.svg", "officer"),
    Endpoint("GET", "/v1/me/badge.png", "officer"),
    Endpoint("GET", "/v1/me/scans", "officer"),
    Endpoint("GET", "/v1/contact-tasks", "scheduler"),
    Endpoint("GET", "/v1/alerts", "scheduler"),
    Endpoint("GET", "/v1/alerts/@alert@", "scheduler"),
    Endpoint("GET", "/v1/missed-standards", "scheduler"),
    Endpoint("GET", "/v1/missed-standards/@missed@", "scheduler"),
    Endpoint("GET", "/v1/incidents", "scheduler"),
    Endpoint("GET", "/v1/incidents/@incident@", "scheduler"),
    Endpoint("GET", "/v1/reports/punctuality", "admin"),
    Endpoint("GET", "/v1/reports/notice", "admin"),
    Endpoint("DELETE", "/v1/tokens", "admin"),
    Endpoint("GET", "/v1/contact-tasks/@task@", "scheduler"),
    Endpoint("GET", "/v1/disputes", "scheduler"),
    Endpoint("GET", "/v1/feedback", "scheduler"),
    Endpoint("GET", "/v1/feedback/@feedback@", "scheduler"),
    Endpoint("DELETE", "/v1/feedback/@feedback@/publication", "scheduler"),
    Endpoint("GET", "/v1/disputes/@dispute@", "scheduler"),
    Endpoint("GET", "/v1/visits/@shut@/no-access-photo", "scheduler"),
    Endpoint("GET", "/v1/visits/@visit@/notices", "officer"),
    Endpoint("GET", "/v1/reports/notice/changes", "scheduler"),
    Endpoint("GET", "/v1/reports/punctuality/visits", "scheduler"),
]

NEVER_RIGHT = [
    Endpoint("GET", "/v1/visits/@visit@/words", "officer"),
    Endpoint("GET", "/v1/visits/@visit@/letter.html", "scheduler"),
    Endpoint("POST", "/v1/cards/@card@/approval", "admin"),
    Endpoint("GET", "/v1/cards/@card@/qr.svg", "admin"),
    Endpoint("GET", "/v1/cards/@card@/qr.png", "admin"),
    Endpoint("GET", "/v1/cards/@card@/card.pdf", "admin"),
    Endpoint("GET", "/v1/cards/print-run.pdf", "admin"),
    Endpoint("POST", "/v1/me/live-codes/@another_live_code@/not-mine", "officer"),
]
"""Calls that are refused in this world, or that write something down when they are right."""

ENDPOINTS = WITH_BODY + WITHOUT_BODY + NEVER_RIGHT

JSON = {"Content-Type": "application/json"}
DIGITS = "7" * 5000


def whole_bodies(endpoint: Endpoint) -> Iterator[Case]:
    """A body that cannot be read, or is not an object."""
    right = json.dumps(endpoint.right()).encode()
    first = next(iter(endpoint.right()))
    spoiled: dict[str, tuple[bytes, str | None]] = {
        "no body": (b"", "application/json"),
        "white space": (b" \r\n\t ", "application/json"),
        "no JSON": (b"reason=ill", "application/json"),
        "half of the JSON": (right[: len(right) // 2], "application/json"),
        "JSON and more": (right + b"x", "application/json"),
        "JSON twice": (right + right, "application/json"),
        "a comma too many": (right[:-1] + b",}", "application/json"),
        "single quotes": (right.replace(b'"', b"'"), "application/json"),
        "a comment": (b"/* */" + right, "application/json"),
        "a byte order mark": (b"\xef\xbb\xbf" + right, "application/json"),
        "UTF-16": (right.decode().encode("utf-16"), "application/json"),
        "invalid UTF-8": (right.replace(b'"}', b'\xff\xfe"}').replace(b"}", b',"x":"\xc3("}'), "application/json"),
        "a raw NUL": (right + b"\0", "application/json"),
        "an array": (b"[" + right + b"]", "application/json"),
        "an empty array": (b"[]", "application/json"),
        "a string": (b'"hello"', "application/json"),
        "a number": (b"42", "application/json"),
        "null": (b"null", "application/json"),
        "true": (b"true", "application/json"),
        "NaN": (b"NaN", "application/json"),
        "5,000 digits": (DIGITS.encode(), "application/json"),
        "100,000 brackets": (b"[" * 60_000, "application/json"),
        "a nest 900 deep": (b'{"a":' * 900 + b"1" + b"}" * 900, "application/json"),
        "a nest 25 deep": (b'{"a":' * 25 + b"1" + b"}" * 25, "application/json"),
        "1 MB": (right[:-1] + b" " * 1_000_000 + b"}", "application/json"),
        "a field we do not know": (right[:-1] + b',"is_admin":true}', "application/json"),
        "a field named __proto__": (right[:-1] + b',"__proto__":{}}', "application/json"),
        "an empty field name": (right[:-1] + b',"":1}', "application/json"),
        "a NUL in a field name": (right[:-1] + b',"a\\u0000":1}', "application/json"),
        "5,000 digits in a field": (right[:-1] + b',"x":' + DIGITS.encode() + b"}", "application/json"),
        "a field named twice": (
            right[:-1] + b"," + json.dumps({first: endpoint.right()[first]})[1:].encode(),
            "application/json",
        ),
        "text/plain": (right, "text/plain"),
        "a form": (right, "application/x-www-form-urlencoded"),
        "a form of parts": (right, "multipart/form-data"),
        "XML": (b"<reason>ill</reason>", "application/xml"),
        "no content type": (right, None),
        "a content type of letters": (right, "json"),
        "a content type of 10 kB": (right, "application/" + "x" * 10_000),
    }
    for name, (body, content_type) in spoiled.items():
        headers = endpoint.headers | ({"Content-Type": content_type} if content_type else {})
        yield Case(
            f"{endpoint} with {name}",
            endpoint.method,
            endpoint.path,
            endpoint.role,
            body,
            headers,
            frozenset(BODY),
        )


class Raw(str):
    """JSON that no encoder would write."""


NOT_TEXT = {"a number": 5, "true": True, "a list": ["x"], "an object": {"x": 1}, "5,000 digits": Raw(DIGITS)}
BAD_TEXT = NOT_TEXT | {
    "NUL": "a\0b",
    "half a surrogate pair": Raw('"\\ud800"'),
    "the other half first": Raw('"\\udc00\\ud800"'),
    "a bidirectional override": "a\u202eb",
    "an isolate": "\u2066a\u2069",
    "a zero-width space": "a\u200bb",
    "an escape": "a\x1b[31m",
    "a line separator": "a\u2028b",
    "10 kB": "a" * 10_000,
    "10 kB of accents": "a" + "\u0301" * 5_000,
    "nothing": "",
    "spaces": "   ",
}
BAD_INSTANTS = {
    "no offset": "2026-11-25T10:00:00",
    "a day": "2026-11-25",
    "seconds since 1970": 1795600800,
    "the same as text": "1795600800",
    "nothing": "",
    "now": "now",
    "an offset of 99 hours": "2026-11-25T10:00:00+99:00",
    "year 1, an offset ahead": "0001-01-01T00:00:00+14:00",
    "year 9999, an offset behind": "9999-12-31T23:59:59-14:00",
    "year 0": "0000-01-01T00:00:00Z",
    "year 10000": "10000-01-01T00:00:00Z",
    "month 13": "2026-13-01T00:00:00Z",
    "30 February": "2026-02-30T00:00:00Z",
    "25 o'clock": "2026-11-25T25:00:00Z",
    "a week date": "2026-W48-3T10:00:00Z",
    "Arabic digits": "٢٠٢٦-١١-٢٥T10:00:00Z",
    "words after it": "2026-11-25T10:00:00Z; DROP TABLE visits",
    "NUL": "2026-11-25T10:00:00Z\0",
    "10 kB": "2026-11-25T10:00:00Z" + " " * 10_000,
    "a place": "2026-11-25T10:00:00[Europe/London]",
    "Infinity": Raw("Infinity"),
    "true": True,
    "a list": ["2026-11-25T10:00:00Z"],
}
FAR_INSTANTS = {
    "year 1": "0001-01-01T00:00:00Z",
    "year 9999": "9999-12-31T23:59:59Z",
    "1900": "1900-01-01T00:00:00Z",
}
NOT_UUID = {
    "a word": "x",
    "nothing": "",
    "a number": 5,
    "true": True,
    "a list": ["@visit@"],
    "an object": {"id": "@visit@"},
    "one digit too few": "7d3c1b1e-30b4-4c1c-9d50-0c4d3a4f2b1",
    "one digit too many": "7d3c1b1e-30b4-4c1c-9d50-0c4d3a4f2b100",
    "letters past f": "7d3c1b1e-30b4-4c1c-9d50-0c4d3a4f2bzz",
    "NUL": "7d3c1b1e-30b4-4c1c-9d50-0c4d3a4f2b1\0",
    "10 kB": "7" * 10_000,
    "5,000 digits": Raw(DIGITS),
}
NOT_ENUM = NOT_TEXT | {
    "another word": "nonsense",
    "capitals": "COUNCIL",
    "nothing": "",
    "NUL": "council\0",
    "half a surrogate pair": Raw('"\\ud800"'),
    "10 kB": "a" * 10_000,
}
NOT_NUMBER = {
    "NaN": Raw("NaN"),
    "Infinity": Raw("Infinity"),
    "-Infinity": Raw("-Infinity"),
    "1e400": Raw("1e400"),
    "the word NaN": "NaN",
    "the word inf": "inf",
    "a word": "many",
    "nothing": "",
    "true": True,
    "a list": [1],
    "5,000 digits": Raw(DIGITS),
    "minus 5,000 digits": Raw(f"-{DIGITS}"),
    "a leading zero": Raw("030"),
    "a plus": Raw("+30"),
    "hexadecimal": Raw("0x1e"),
}
BAD_WINDOWS: dict[str, Any] = {
    "a word": "all day",
    "a word in the list": ["09:00-17:00"],
    "no end": [{"start": "09:00"}],
    "a field more": [{"start": "09:00", "end": "17:00", "lunch": True}],
    "two that overlap": [{"start": "09:00", "end": "12:00"}, {"start": "11:59", "end": "17:00"}],
    "seven of them": [{"start": f"{hour:02}:00", "end": f"{hour:02}:30"} for hour in range(7)],
} | {
    f"a start of {name}": [{"start": start, "end": "17:00"}]
    for name, start in {
        "null": None,
        "a number": 540,
        "nine": "9:00",
        "24:00": "24:00",
        "25 o'clock": "25:00",
        "minute 60": "09:60",
        "seconds": "09:00:00",
        "an offset": "09:00Z",
        "a line end": "09:00\n",
        "Arabic digits": "٠٩:٠٠",
        "NUL": "09:0\0",
        "its end": "17:00",
        "5,000 digits": "0" * 5000,
    }.items()
}
LUNCH = {"duration_minutes": 30, "earliest": "12:00", "latest": "13:30"}
SPOILED: dict[str, dict[str, Any]] = {
    "text": BAD_TEXT | {"null": None},
    "text?": BAD_TEXT,
    "words": NOT_TEXT | {"null": None, "nothing": "", "10 kB": "a" * 10_000},
    "uuid": NOT_UUID | {"null": None},
    "uuid?": NOT_UUID,
    "instant": BAD_INSTANTS | FAR_INSTANTS | {"null": None},
    "clock": BAD_INSTANTS | {"null": None},
    "minutes": NOT_NUMBER
    | {
        "null": None,
        "0": 0,
        "-30": -30,
        "1": 1,
        "481": 481,
        "30.5": 30.5,
        "30 as text": "30",
        "2**63": 2**63,
        "2**64": 2**64,
        "-2**63": -(2**63),
        "10**30": 10**30,
        "1e300": Raw("1e300"),
    },
    "degrees": NOT_NUMBER | {"200,000": 200_000, "-200,000": -200_000, "10**300": Raw("1e300")},
    "enum": NOT_ENUM | {"null": None},
    "bool": {"yes": "yes", "1": 1, "0": 0, "on": "on", "a list": [True], "an object": {}, "null": None},
    "date": {
        "a word": "soon",
        "nothing": "",
        "a number": 20270331,
        "month 13": "2027-13-01",
        "30 February": "2027-02-30",
        "year 0": "0000-01-01",
        "year 10000": "10000-01-01",
        "a time": "2027-03-31T00:00:00Z",
        "NUL": "2027-03-31\0",
        "10 kB": "2" * 10_000,
        "true": True,
        "a list": ["2027-03-31"],
    },
    "phone": BAD_TEXT
    | {
        "999": "999",
        "too few digits": "07700 900",
        "too many digits": "07700 900123 456 789",
        "a premium number": "0906 123 4567",
        "a personal number": "070 1234 5678",
        "words": "ring me",
        "5,000 digits as text": DIGITS,
        "a script": "<script>alert(1)</script>",
    },
    "email": {
        "no at": "asha",
        "two at": "a@b@example.org",
        "a line end": "a@example.org\nBcc: b@example.org",
        "NUL": "a\0@example.org",
        "10 kB": "a" * 10_000 + "@example.org",
        "255 characters": "a" * 250 + "@b.uk",
        "half a surrogate pair": Raw('"\\ud800@example.org"'),
        "a number": 5,
    },
    "skills": {
        "a word": "gas",
        "a number": 5,
        "null": None,
        "numbers": [5],
        "nulls": [None],
        "capitals": ["GAS"],
        "an empty word": [""],
        "a list in a list": [["gas"]],
        "an object": {"gas": True},
        "21 of them": [f"skill-{number}" for number in range(21)],
        "NUL": ["gas\0"],
        "half a surrogate pair": Raw('["\\ud800"]'),
        "10 kB": ["g" * 10_000],
        "a line end": ["gas\n"],
    },
    "changes": {
        "null": None,
        "none": [],
        "an object": {},
        "a number": [5],
        "nothing of one": [{}],
        "of nobody": [{"version": 1, "kind": "unassign"}],
        "of no version": [{"visit_id": "@visit@", "kind": "unassign"}],
        "of a version as text": [{"visit_id": "@visit@", "version": "1", "kind": "unassign"}],
        "of another kind": [{"visit_id": "@visit@", "version": 1, "kind": "delete"}],
        "with too much": [{"visit_id": "@visit@", "version": 1, "kind": "unassign", "starts_at": STARTS_AT}],
        "with too little": [{"visit_id": "@visit@", "version": 1, "kind": "move", "requested_by": "council"}],
        "to nobody": [{"visit_id": "@visit@", "version": 1, "kind": "assignment", "officer_id": None}],
        "twice": [{"visit_id": "@visit@", "version": 1, "kind": "unassign"}] * 2,
    },
    "windows": BAD_WINDOWS | {"null": None, "a night": [{"start": "22:00", "end": "06:00"}]},
    "week": {
        "null": None,
        "a list": [[{"start": "09:00", "end": "17:00"}]],
        "a day we do not know": {"mondei": []},
        "null for a day": {"monday": None},
    }
    | {name: {"monday": windows} for name, windows in BAD_WINDOWS.items()},
    "lunch": {
        "a word": "at noon",
        "nothing in it": {},
        "4 minutes": LUNCH | {"duration_minutes": 4},
        "30.5 minutes": LUNCH | {"duration_minutes": 30.5},
        "10**30 minutes": LUNCH | {"duration_minutes": 10**30},
        "a latest time before its earliest": LUNCH | {"latest": "11:59"},
        "after work": LUNCH | {"latest": "17:00"},
        "before work": LUNCH | {"earliest": "09:00"},
        "24:00 as its earliest": LUNCH | {"earliest": "24:00", "latest": "24:00"},
    },
    "events": {
        "null": None,
        "a word": "arrival",
        "an object": KEPT,
        "none": [],
        "301 of them": [KEPT] * 301,
        "a word in the list": ["arrival"],
        "null in the list": [None],
        "a list in the list": [[KEPT]],
        "5,000 digits in one": Raw(f'[{{"type":{DIGITS}}}]'),
        "21 levels in one": [{"type": json.loads("[" * 21 + "]" * 21)}],
    },
    "calls": {
        "null": None,
        "a number": 2,
        "an object": {"at": STARTS_AT},
        "a time in the list": [STARTS_AT],
        "null in the list": [None],
        "no time": [{"answered": True}],
        "a time without an offset": [{"at": "2026-11-25T14:00:00"}],
        "answered by a word": [{"at": STARTS_AT, "answered": "yes"}],
        "a number that was rung": [{"at": STARTS_AT, "to": "+447700900123"}],
        "11 of them": [{"at": STARTS_AT}] * 11,
    },
    "place": {
        "a word": "Harrow",
        "a list": [51.5, -0.3],
        "latitude alone": {"latitude": 51.5},
        "latitude null": {"latitude": None, "longitude": 0},
        "latitude 91": {"latitude": 91, "longitude": 0},
        "latitude NaN": Raw('{"latitude":NaN,"longitude":0}'),
        "latitude NaN as text": {"latitude": "NaN", "longitude": 0},
        "longitude 1e999": Raw('{"latitude":1,"longitude":1e999}'),
    },
    "address": {
        "a word": "1 High Street, Harrow",
        "null": None,
        "a list": [ADDRESS],
        "nothing in it": {},
        "no postcode": {"line_1": "1 High Street", "town": "Harrow"},
        "a field we do not know": ADDRESS | {"country": "UK"},
        "a wrong postcode": ADDRESS | {"postcode": "12345"},
        "a postcode of 10 kB": ADDRESS | {"postcode": "H" * 10_000},
        "a postcode with NUL": ADDRESS | {"postcode": "HA1\0 2RJ"},
        "a line with NUL": ADDRESS | {"line_1": "a\0b"},
        "a line of 10 kB": ADDRESS | {"line_1": "a" * 10_000},
        "a bidirectional override": ADDRESS | {"town": "\u202eworraH"},
        "latitude alone": ADDRESS | {"latitude": 51.5},
        "latitude 91": ADDRESS | {"latitude": 91, "longitude": 0},
        "latitude NaN": Raw(json.dumps(ADDRESS)[:-1] + ',"latitude":NaN,"longitude":0}'),
        "latitude as a word": ADDRESS | {"latitude": "NaN", "longitude": "0"},
        "latitude 1e999": Raw(json.dumps(ADDRESS)[:-1] + ',"latitude":1e999,"longitude":0}'),
        "a UPRN of letters": ADDRESS | {"uprn": "abc"},
        "a UPRN of Arabic digits": ADDRESS | {"uprn": "٢٠٢٦"},
    },
}


def spoiled_members(endpoint: Endpoint) -> Iterator[Case]:
    """Each member of the body in turn has a value it cannot have, or is missing."""
    for member, (_, kind) in (endpoint.body or {}).items():
        for name, value in SPOILED[kind].items():
            # A placeholder first: what no encoder writes is put in its place.
            body = json.dumps(endpoint.right() | {member: "@raw@" if isinstance(value, Raw) else value})
            body = body.replace('"@raw@"', str(value)) if isinstance(value, Raw) else body
            yield Case(
                f"{endpoint} with {member}: {name}",
                endpoint.method,
                endpoint.path,
                endpoint.role,
                body.encode(),
                JSON | endpoint.headers,
                frozenset(BODY),
            )


BAD_IDS = {
    "a word": "x",
    "a number": "5",
    "one digit too few": "7d3c1b1e-30b4-4c1c-9d50-0c4d3a4f2b1",
    "NUL": "%00",
    "invalid UTF-8": "%ff%fe",
    "a step up": "..%2f..%2fetc%2fpasswd",
    "an attack on SQL": "'%20OR%201=1--",
    "5,000 digits": DIGITS,
    "braces": "%7B7d3c1b1e-30b4-4c1c-9d50-0c4d3a4f2b10%7D",
    "a slash": "/",
    "a line end": "%0d%0aSet-Cookie:%20a=b",
    "half a surrogate pair": "%ed%a0%80",
}


def ids_in_paths(endpoint: Endpoint) -> Iterator[Case]:
    """The path names nothing, or cannot name anything."""
    start, mark, rest = endpoint.path.partition("@")
    if not mark:
        return
    tail = rest.partition("@")[2]
    body = json.dumps(endpoint.right()).encode() if endpoint.body else None
    headers = (JSON if body else {}) | endpoint.headers
    for name, bad in (BAD_IDS | {"nobody's id": str(uuid4())}).items():
        yield Case(
            f"{endpoint} with an id that is {name}",
            endpoint.method,
            start + bad + tail,
            endpoint.role,
            body,
            headers,
            frozenset({404, 405}),
        )


BAD_AUTHORIZATIONS = {
    "nothing": "",
    "only Bearer": "Bearer",
    "Bearer and spaces": "Bearer    ",
    "Basic": "Basic YWRtaW46YWRtaW4=",
    "a word": "Bearer x",
    "null": "Bearer null",
    "three words": "Bearer a.b.c",
    "10 kB": "Bearer " + "a" * 10_000,
    "letters of Latin-1": "Bearer \xe9\xe8\xff",
    "an unsigned token": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    "deep JSON": "Bearer " + base64.urlsafe_b64encode(b"[" * 700).decode().rstrip("=") + ".e30.AAAA",
    "two tokens": "Bearer a.b.c, Bearer a.b.c",
}


def authorizations() -> Iterator[Case]:
    for endpoint in (WITH_BODY[2], WITHOUT_BODY[0], WITHOUT_BODY[9], WITHOUT_BODY[14]):
        for name, value in BAD_AUTHORIZATIONS.items():
            yield Case(
                f"{endpoint} with Authorization: {name}",
                endpoint.method,
                endpoint.path,
                None,
                None,
                {"Authorization": value},
                frozenset({401}),
            )


BAD_VERSIONS = {
    "no If-Match": (None, {428}),
    "an empty one": ("", {428}),
    "another version": ('"2"', {412}),
    "no quotes": ("1", {412}),
    "a weak tag": ('W/"1"', {412}),
    "half a quote": ('"1', {412}),
    "a word": ("latest", {412}),
    "a version of 5,000 digits": (f'"{DIGITS}"', {412}),
    "minus one": ('"-1"', {412}),
    "commas": (",,,", {412}),
    "letters of Latin-1": ('"\xb9"', {412}),
    "10 kB of tags": (", ".join('"0"' for _ in range(2000)), {412}),
}


def versions() -> Iterator[Case]:
    for endpoint in WITH_BODY:
        if endpoint.headers:
            for name, (value, statuses) in BAD_VERSIONS.items():
                headers = JSON if value is None else JSON | {"If-Match": value}
                body = json.dumps(endpoint.right()).encode()
                yield Case(
                    f"{endpoint} with {name}",
                    endpoint.method,
                    endpoint.path,
                    endpoint.role,
                    body,
                    headers,
                    frozenset(statuses),
                )


BAD_KEYS = {
    "nothing": "",
    "101 characters": "k" * 101,
    "10 kB": "k" * 10_000,
    "letters of Latin-1": "caf\xe9",
    "a tab": "a\tb",
    "DEL": "a\x7fb",
}


def idempotency_keys() -> Iterator[Case]:
    for endpoint in WITH_BODY:
        if endpoint.method == "POST" and endpoint.role:
            for name, value in BAD_KEYS.items():
                yield Case(
                    f"{endpoint} with an Idempotency-Key of {name}",
                    "POST",
                    endpoint.path,
                    endpoint.role,
                    json.dumps(endpoint.right()).encode(),
                    JSON | endpoint.headers | {"Idempotency-Key": value},
                    frozenset({422}),
                )


def cursor(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


BAD_QUERIES = {
    "limit 0": "limit=0",
    "limit -1": "limit=-1",
    "limit 201": "limit=201",
    "limit a word": "limit=all",
    "limit nothing": "limit=",
    "limit 1.5": "limit=1.5",
    "limit 1e2": "limit=1e2",
    "limit 5,000 digits": f"limit={DIGITS}",
    "limit NaN": "limit=NaN",
    "limit a superscript": "limit=%C2%B2",
    "limit Arabic digits": "limit=%D9%A5",
    "limit with an underscore": "limit=1_0",
    "limit twice": "limit=5&limit=5",
    "a parameter we do not know": "colour=red",
    "SQL in a parameter's name": "limit'--=1",
    "NUL in a parameter's name": "%00=1",
    "a cursor of letters": "cursor=abc",
    "a cursor of nothing": "cursor=",
    "a cursor outside ASCII": "cursor=%C3%A9",
    "a cursor of invalid UTF-8": "cursor=%ff",
    "a cursor with NUL": "cursor=%00",
    "a cursor of 10 kB": "cursor=" + "a" * 10_000,
    "a cursor that is a number": f"cursor={cursor(5)}",
    "a cursor that is an object": f"cursor={cursor({'a': 1})}",
    "a cursor of one value": f"cursor={cursor(['2026-11-23T09:00:00Z'])}",
    "a cursor of three values": f"cursor={cursor(['a', 'b', 'c'])}",
    "a cursor of nulls": f"cursor={cursor([None, None])}",
    "a cursor of numbers": f"cursor={cursor([1, 2])}",
    "a cursor of lists": f"cursor={cursor([[], {}])}",
    "a cursor with another id": f"cursor={cursor(['2026-11-23T09:00:00Z', 'x'])}",
    "a cursor with NUL inside": f"cursor={cursor([chr(0), str(uuid4())])}",
    "a cursor of deep JSON": f"cursor={cursor(b'[' * 290)}",
    "a cursor twice": "cursor=a&cursor=b",
    "two pads more": f"cursor={cursor(['a', str(uuid4())])}%3D%3D%3D%3D",
}
BAD_TIMES = {
    "from without an offset": "from=2026-11-23T09:00:00",
    "from with a bare plus": "from=2026-11-23T09:00:00+00:00",
    "from a day": "from=2026-11-23",
    "from nothing": "from=",
    "from year 1, an offset ahead": "from=0001-01-01T00:00:00%2B14:00",
    "to year 9999, an offset behind": "to=9999-12-31T23:59:59-14:00",
    "to before from": "from=2026-11-23T09:00:00Z&to=2026-11-22T09:00:00Z",
    "from is to": "from=2026-11-23T09:00:00Z&to=2026-11-23T09:00:00Z",
    "from twice": "from=2026-11-23T09:00:00Z&from=2026-11-23T09:00:00Z",
    "from with NUL": "from=2026-11-23T09:00:00Z%00",
    "from of 10 kB": "from=" + "2" * 10_000,
}
BAD_DAYS = {
    "the last of all days": "date=9999-12-31",
    "month 13": "date=2026-13-01",
    "30 February": "date=2026-02-30",
    "year 0": "date=0000-01-01",
    "a word": "date=today",
    "nothing": "date=",
    "a time": "date=2026-11-23T09:00:00Z",
    "Arabic digits": "date=%D9%A2%D9%A0%D9%A2%D9%A6-11-23",
    "twice": "date=2026-11-23&date=2026-11-23",
    "NUL": "date=2026-11-23%00",
    "10 kB": "date=" + "2" * 10_000,
    "another parameter": "day=2026-11-23",
}


def queries() -> Iterator[Case]:
    paged = ("/v1/users", "/v1/officers", "/v1/residents", "/v1/visits", "/v1/contact-tasks")
    paged += (
        "/v1/unassigned-visits",
        "/v1/officers/@officer@/visits-at-risk",
        "/v1/cards",
        "/v1/officers/@officer@/cards",
        "/v1/photos",
        "/v1/visits/@visit@/history",
        "/v1/visits/@visit@/messages",
        "/v1/alerts",
        "/v1/missed-standards",
        "/v1/incidents",
        "/v1/disputes",
        "/v1/feedback",
        "/v1/me/scans",
        "/v1/reports/notice/changes",
        "/v1/reports/punctuality/visits",
        "/v1/officers/@officer@/working-exceptions",
        "/v1/officers/@officer@/absences",
    )
    tables = {
        "/v1/me/visits": BAD_DAYS,
        "/v1/reports/punctuality": BAD_TIMES
        | {
            "a group we do not know": "by=colour",
            "three years": "from=2023-11-23T09:00:00Z&to=2026-11-23T09:00:00Z",
            "from year 1": "from=0001-01-01T00:00:00Z",
            "to year 1": "to=0001-01-01T00:00:00Z&from=9999-01-01T00:00:00Z",
            "by twice": "by=officer&by=officer",
        },
        "/v1/reports/notice": BAD_TIMES | {"by nothing": "by="},
    }
    for path in paged:
        tables[path] = dict(BAD_QUERIES)
    tables["/v1/officers/@officer@/working-days"] = {
        "no day": "",
        "one day": "from=2026-11-23",
        "29 days": "from=2026-11-01&to=2026-11-29",
        "to before from": "from=2026-11-23&to=2026-11-22",
        "a time": "from=2026-11-23T09:00:00Z&to=2026-11-23",
        "the last of all days": "from=9999-12-31&to=9999-12-31",
        "year 0": "from=0000-01-01&to=0000-01-02",
        "a day of NUL": "from=2026-11-23%00&to=2026-11-23",
        "another parameter": "from=2026-11-23&to=2026-11-23&limit=5",
    }
    tables["/v1/officers/@officer@/visits-at-risk"] |= BAD_TIMES
    tables["/v1/visits"] |= BAD_TIMES | {
        "a status we do not know": "status=lost",
        "an officer_id that is a word": "officer_id=x",
        "a resident_id with NUL": "resident_id=%00",
        "status twice": "status=booked&status=cancelled",
    }
    for path in ("/v1/reports/notice/changes", "/v1/reports/punctuality/visits"):
        tables[path] |= BAD_TIMES | {
            "a result we do not know": "result=lost",
            "a group of nothing": "group=2026-11",
            "a group with NUL": "by=ward&group=%00",
            "a ward of no letter": "ward=",
        }
    tables["/v1/reports/punctuality/visits"] |= {"a promise we do not know": "promise=last"}
    tables["/v1/contact-tasks"] |= {
        "due_before without an offset": "due_before=2026-11-23T09:00:00",
        "due_before a word": "due_before=soon",
        "a status we do not know": "status=lost",
    }
    tables["/v1/missed-standards"] |= {"a status we do not know": "status=lost", "early": "standard=early"}
    for path in ("/v1/incidents", "/v1/alerts"):
        tables[path] |= {"a status we do not know": "status=lost", "a kind we do not know": "kind=fire"}
    roles = {endpoint.path: endpoint.role for endpoint in WITHOUT_BODY}
    roles["/v1/officers/@officer@/working-days"] = "officer"
    for path, table in tables.items():
        for name, query in table.items():
            yield Case(f"GET {path} with {name}", "GET", f"{path}?{query}", roles[path], statuses=frozenset({422}))


def methods() -> Iterator[Case]:
    for path in sorted({endpoint.path for endpoint in ENDPOINTS}):
        taken = {endpoint.method for endpoint in ENDPOINTS if endpoint.path == path}
        for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - taken):
            yield Case(f"{method} {path}", method, path, "admin", statuses=frozenset({403, 405}))


def addresses() -> Iterator[Case]:
    for path in (
        "/v1",
        "/v1/",
        "/v1/visits/",
        "/v1//visits",
        "//v1/visits",
        "/v1/visits/%2e%2e/users",
        "/v1/nothing",
        "/v2/visits",
        "/V1/visits",
        "/v1/visits%00",
        "/v1/visits%0a",
        "/v1/%ff",
        "/" + "a" * 5000,
        "/static/../wsgi.py",
        "/static/%2e%2e/%2e%2e/wsgi.py",
        "/static/nothing.css",
        "/docs/assets/..%2fpackage.json",
        "/docs/assets/index.html",
        "/.git/config",
        "/.env",
        "/openapi.json/",
        "/healthz/x",
    ):
        yield Case(f"GET {path[:40]}", "GET", path, "admin", statuses=frozenset({404}))


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and has nothing in it."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def picture(kind: str, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "navy").save(file, kind)
    return file.getvalue()


def photos() -> Iterator[Case]:
    whole = picture("PNG", (200, 200))
    for name, body, content_type in (
        ("no bytes", b"", "image/png"),
        ("words", b"this is a photo", "image/jpeg"),
        ("half a PNG", whole[: len(whole) // 2], "image/png"),
        ("a PNG of 30,000 by 30,000", png_header(30_000, 30_000), "image/png"),
        ("a PNG of nothing", png_header(0, 0), "image/png"),
        ("a PNG of 2**31 by 2**31", png_header(2**31 - 1, 2**31 - 1), "image/png"),
        ("a GIF", picture("GIF", (200, 200)), "image/png"),
        ("a BMP", picture("BMP", (200, 200)), "image/jpeg"),
        ("an SVG", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image/png"),
        ("a small PNG", picture("PNG", (20, 20)), "image/png"),
        ("a JPEG of FF", b"\xff\xd8" + b"\xff" * 5000, "image/jpeg"),
        ("6 MB", b"\0" * 6_000_000, "image/png"),
        ("a photo called JSON", whole, "application/json"),
        ("a photo called SVG", whole, "image/svg+xml"),
        ("a photo called nothing", whole, None),
    ):
        headers = {"Content-Type": content_type} if content_type else {}
        for path, role in (
            ("/v1/officers/@officer@/photo", "admin"),
            ("/v1/visits/@visit@/no-access-photo", "officer"),
        ):
            yield Case(f"PUT {path} with {name}", "PUT", path, role, body, headers, frozenset(BODY))


def not_now_and_not_theirs() -> Iterator[Case]:
    """Calls whose form is right: what they ask for is another's, not to be had yet, or too much."""
    words, approval = "/v1/visits/@visit@/words", "/v1/cards/@card@/approval"
    yield Case(f"GET {words} two days before", "GET", words, "officer", statuses=frozenset({409}))
    yield Case(f"POST {approval} of one's own", "POST", approval, "admin", statuses=frozenset({403}))
    yield Case(f"POST {approval} with a body", "POST", approval, "admin", b'{"x":1}', JSON)
    for file in ("qr.svg", "qr.png", "card.pdf"):
        path = f"/v1/cards/@card@/{file}"
        yield Case(f"GET {path} before its approval", "GET", path, "admin", statuses=frozenset({409}))
    mine = "/v1/me/live-codes/@another_live_code@/not-mine"
    yield Case(f"POST {mine} of another officer", "POST", mine, "officer", statuses=frozenset({404}))
    sizes = {"a size we do not know": "size=a0", "size twice": "size=a6&size=a6", "size with NUL": "size=%00"}
    for name, query in sizes.items():
        path = f"/v1/cards/@card@/card.pdf?{query}"
        yield Case(f"GET card.pdf with {name}", "GET", path, "admin", statuses=frozenset({422}))
    many = ",".join(str(uuid4()) for _ in range(500))
    for name, query in (
        sizes
        | {
            "no cards": "",
            "cards that are nothing": "card_ids=",
            "cards that are words": "card_ids=x,y",
            "a card with NUL": "card_ids=%00",
            "cards of 10 kB": "card_ids=" + "a" * 10_000,
            "500 cards": f"card_ids={many}",
        }
    ).items():
        path = f"/v1/cards/print-run.pdf?{query}"
        yield Case(f"GET print-run.pdf with {name}", "GET", path, "admin", statuses=frozenset({422}))
    path = "/v1/cards/print-run.pdf?card_ids=@card@"
    yield Case("GET print-run.pdf with a card that waits", "GET", path, "admin", statuses=frozenset({409}))
    path = f"/v1/cards/print-run.pdf?card_ids={uuid4()}"
    yield Case("GET print-run.pdf with nobody's card", "GET", path, "admin", statuses=frozenset({404}))


def door() -> Iterator[Case]:
    """At the badge pages the answer is a page. A wrong token is answered by the red page, which is no error."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for name, body, headers in (
        ("nothing", b"", form),
        ("another field", b"token=x", form),
        ("a code with NUL", b"code=%00", form),
        ("a code of invalid UTF-8", b"code=%ff%fe\xff", form),
        ("a code of 10 kB", b"code=" + b"A" * 10_000, form),
        ("a code of 100 kB", b"code=" + b"A" * 100_000, form),
        ("100 kB of something", b"\xff" * 100_000, form),
        ("2,000 fields", b"&".join(b"code=x" for _ in range(2000)), form),
        ("a code with a wrong check", b"code=AAAAA-AAAAB", form),
        ("a bidirectional override", "code=\u202eABCDE".encode(), form),
        ("a script", b"code=<script>alert(1)</script>", form),
        ("half a multipart", b"--x\r\nContent-Disp", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("a multipart without a boundary", b"--x", {"Content-Type": "multipart/form-data"}),
        ("JSON of a number", b'{"code":5}', JSON),
        ("JSON of null", b"null", JSON),
        ("JSON of a list", b'["code"]', JSON),
        ("JSON that is deep", b'{"code":' * 5000, JSON),
        ("JSON of 5,000 digits", b'{"code":' + DIGITS.encode() + b"}", JSON),
        ("JSON with half a surrogate pair", b'{"code":"\\ud800"}', JSON),
        ("JSON of 10 kB", json.dumps({"code": "A" * 10_000}).encode(), JSON),
    ):
        yield Case(f"POST /b with {name}", "POST", "/b", None, body, headers)
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
        yield Case(f"{method} /b", method, "/b", None, statuses=frozenset({405}))
        yield Case(f"{method} /b/token", method, "/b/token", None, statuses=frozenset({405}))
    yield Case("POST /b/token", "POST", "/b/token", None, b"x", form, frozenset({405}))
    for name, link in (
        ("a word", "x"),
        ("NUL", "%00"),
        ("another script", "%C3%A9"),
        ("5,000 letters", "A" * 5000),
        ("one letter more than base64 can have", "A" * 53),
        ("42 zeros", cursor(bytes(42))),
    ):
        yield Case(f"GET /b/photos with {name}", "GET", f"/b/photos/{link}", None, statuses=frozenset({404}))


def questions() -> Iterator[Case]:
    """What a genuine page may ask further, asked without one: the amber page, or none."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    amber = frozenset({200, 413})
    for path in ("/b/live-codes", "/b/due"):
        for name, body, headers in (
            ("nothing", b"", form),
            ("a ticket of words", b"ticket=let me in", form),
            ("a ticket with NUL", b"ticket=%00", form),
            ("a ticket of invalid UTF-8", b"ticket=%ff%fe\xff", form),
            ("a ticket of zeros", b"ticket=" + cursor(bytes(46)).encode(), form),
            ("a ticket of 10 kB", b"ticket=" + b"A" * 10_000, form),
            ("100 kB", b"ticket=" + b"A" * 100_000, form),
            ("2,000 fields", b"&".join(b"ticket=x" for _ in range(2000)), form),
            ("JSON", b'{"ticket":"x"}', JSON),
            ("half a multipart", b"--x\r\nContent-Disp", {"Content-Type": "multipart/form-data; boundary=x"}),
        ):
            yield Case(f"POST {path} with {name}", "POST", path, None, body, headers, amber)
        yield Case(f"GET {path}", "GET", path, None, statuses=frozenset({404}))
        for method in ("PUT", "PATCH", "DELETE", "BREW"):
            yield Case(f"{method} {path}", method, path, None, statuses=frozenset({405}))
    yield Case("GET a live code of nobody", "GET", f"/b/live-codes/{uuid4()}", None, statuses=frozenset({404}))


def concerns() -> Iterator[Case]:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for name, body, headers in (
        ("nothing", b"", form),
        ("spaces", b"words=+++", form),
        ("only what nobody can see", "words=\u200b\u202e\0".encode(), form),
        ("2,001 letters", b"words=" + b"a" * 2001, form),
        ("a number of 41 letters", b"words=He+ran&phone=" + b"0" * 41, form),
        ("a code of 41 letters", b"words=He+ran&given=" + b"0" * 41, form),
        ("100 kB", b"words=" + b"a" * 100_000, form),
        ("2,000 fields", b"&".join(b"a%d=x" % number for number in range(2000)), form),
        ("JSON", b'{"words":"He ran"}', JSON),
        ("half a multipart", b"--x\r\nContent-Disp", {"Content-Type": "multipart/form-data; boundary=x"}),
    ):
        yield Case(f"POST /concern with {name}", "POST", "/concern", None, body, headers, frozenset({413, 422}))
    for method in ("PUT", "PATCH", "DELETE", "BREW"):
        yield Case(f"{method} /concern", method, "/concern", None, statuses=frozenset({405}))


def visit_pages() -> Iterator[Case]:
    """The visit is in two days: nothing can be said of how it was."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    fields = {"confirm": b"starts_at", "change": b"words", "needs": b"needs", "feedback": b"feedback"}
    fields["i-was-in"] = b"words"
    refused = frozenset({409, 413, 422})
    for what, field_name in fields.items():
        path = f"/v/@page@/{what}"
        for name, value in (
            ("NUL", b"%00"),
            ("a bidirectional override", "\u202eabc".encode()),
            ("an escape", b"%1b[31m"),
            ("10 kB", b"a" * 10_000),
            ("100 kB", b"a" * 100_000),
        ):
            yield Case(f"POST {path} with {name}", "POST", path, None, field_name + b"=" + value, form, refused)
        for method in ("GET", "PUT", "DELETE", "BREW"):
            yield Case(f"{method} {path}", method, path, None, statuses=frozenset({404, 405}))
        wrong = f"/v/{'0' * 23}/{what}"
        yield Case(f"POST a guess, {what}", "POST", wrong, None, b"", form, frozenset({404}))
    for what in ("confirm", "needs", "feedback", "i-was-in"):
        path = f"/v/@page@/{what}"
        for name, body, headers in (
            ("nothing", b"", form),
            ("another field", b"x=1", form),
            ("JSON", b'{"needs":"A dog","rating":5}', JSON),
            ("half a multipart", b"--x\r\nContent-Disp", {"Content-Type": "multipart/form-data; boundary=x"}),
        ):
            yield Case(f"POST {path} with {name}", "POST", path, None, body, headers, refused)
    for rating in ("0", "6", "-1", "5.0", "five", "%D9%A5", "5" * 5000):
        body = f"rating={rating}".encode()
        yield Case(f"POST feedback {rating[:9]}", "POST", "/v/@page@/feedback", None, body, form, refused)
    for name, code in (("NUL", "%00"), ("5,000 letters", "A" * 5000), ("a path", "a/b/c"), ("Latin-1", "%e9")):
        yield Case(f"GET /v with {name}", "GET", f"/v/{code}", None, statuses=frozenset({404}))


def callbacks() -> Iterator[Case]:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in (f"/callbacks/twilio/{what}" for what in ("status", "call", "inbound")):
        for name, query, body, headers in (
            ("nothing", "", b"", {}),
            ("no signature", "?message=@visit@", b"MessageStatus=sent", form),
            ("an empty signature", "?message=@visit@", b"MessageStatus=sent", form | {"X-Twilio-Signature": ""}),
            ("a signature of words", "?message=x", b"Body=STOP", form | {"X-Twilio-Signature": "trust me"}),
            ("a signature of Latin-1", "", b"", form | {"X-Twilio-Signature": "\xe9\xff"}),
            ("a signature of 10 kB", "", b"", form | {"X-Twilio-Signature": "A" * 10_000}),
            ("JSON", "", b"{}", JSON),
            ("invalid UTF-8", "?message=%ff", b"\xff=\xff", form | {"X-Twilio-Signature": "x"}),
            ("NUL", "?message=%00", b"MessageSid=%00", form | {"X-Twilio-Signature": "x"}),
            ("100 kB", "", b"a=" + b"x" * 100_000, form),
            ("2,000 fields", "", b"&".join(b"a=%d" % number for number in range(2000)), form),
        ):
            yield Case(f"POST {path} with {name}", "POST", path + query, None, body, headers)
        yield Case(f"GET {path}", "GET", path, None, statuses=frozenset({405}))


def cases() -> Iterator[Case]:
    for endpoint in WITH_BODY:
        yield from whole_bodies(endpoint)
        yield from spoiled_members(endpoint)
    for endpoint in ENDPOINTS:
        yield from ids_in_paths(endpoint)
    makers: tuple[Callable[[], Iterator[Case]], ...] = (
        authorizations,
        versions,
        idempotency_keys,
        queries,
        methods,
        addresses,
        photos,
        not_now_and_not_theirs,
        callbacks,
    )
    for make in makers:
        yield from make()


CASES = list(cases())
DOOR_CASES = [*door(), *questions(), *concerns(), *visit_pages()]

BY_ENDPOINT: dict[str, list[Case]] = {}
for each_case in CASES:
    BY_ENDPOINT.setdefault(each_case.name.partition(" with ")[0], []).append(each_case)


def send(world: World, case: Case) -> Any:
    headers = dict(case.headers)
    if case.role:
        headers["Authorization"] = f"Bearer {world.tokens[case.role]}"
    body = None if case.body is None else case.body
    if body is not None:
        for name, value in world.ids.items():
            body = body.replace(f"@{name}@".encode(), value.encode())
    return world.app.test_client().open(world.fill(case.path), method=case.method, data=body, headers=headers)


def test_there_are_at_least_414_of_them_and_no_two_alike() -> None:
    assert len(CASES) + len(DOOR_CASES) >= 414
    names = [case.name for case in CASES + DOOR_CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("endpoint", BY_ENDPOINT)
def test_a_wrong_request_is_refused_with_problem_details_and_writes_nothing(world: World, endpoint: str) -> None:
    before = how_many()
    wrong = []
    for case in BY_ENDPOINT[endpoint]:
        answer = send(world, case)
        if not is_refusal(answer, case.statuses) or how_many() != before:
            wrong.append((case.name, answer.status_code, answer.get_data(as_text=True)[:200]))
    assert wrong == []


def is_refusal(answer: Any, statuses: frozenset[int]) -> bool:
    """Whether it is a problem document with one of these statuses, that says what to do."""
    if answer.status_code not in statuses or answer.content_type != "application/problem+json":
        return False
    problem = json.loads(answer.data)
    return bool(problem["status"] == answer.status_code and problem["title"] and problem["detail"])


@pytest.mark.parametrize("case", DOOR_CASES, ids=str)
def test_a_wrong_request_at_residents_pages_is_answered_with_a_page(world: World, case: Case) -> None:
    answer = send(world, case)
    assert answer.status_code in case.statuses, answer.get_data(as_text=True)[:500]
    assert answer.content_type == "text/html; charset=utf-8"
    assert b"<h1>" in answer.data


@pytest.mark.parametrize("endpoint", [each for each in WITHOUT_BODY if each.method == "GET"], ids=str)
@pytest.mark.parametrize(
    "accept", ["", "nonsense", "*/*/*", "application/xml", "text/csv;q=x", ";;;,,,", "\xe9", "a" * 10_000]
)
def test_an_odd_accept_header_is_no_reason_to_fail(world: World, endpoint: Endpoint, accept: str) -> None:
    assert (
        send(world, Case("", "GET", endpoint.path, endpoint.role, headers={"Accept": accept})).status_code == 200
    )


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-02", "1900-01-01", "9999-12-30"])
def test_a_day_at_the_end_of_all_times_is_a_day_without_visits(world: World, day: str) -> None:
    answer = send(world, Case("", "GET", f"/v1/me/visits?date={day}", "officer"))
    assert (answer.status_code, answer.json) == (200, {"items": [], "next_cursor": None})


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
def test_the_request_that_was_spoiled_was_right_before(world: World, endpoint: Endpoint) -> None:
    """Otherwise the cases would be refused for another reason than theirs. Nothing is kept of it."""
    # What is sent is right, and comes too soon: of a visit to come there is nothing to be corrected.
    too_soon = {"/v1/visits/@visit@/corrections": 409}
    expected = ({"/v1/tokens": 401, "/v1/tokens/refresh": 401} | too_soon).get(endpoint.path, 0)
    body = json.dumps(endpoint.right()).encode()
    with world.app.app_context(), pytest.raises(_Undo), database.transaction():
        answer = send(
            world, Case("", endpoint.method, endpoint.path, endpoint.role, body, JSON | endpoint.headers)
        )
        assert answer.status_code == expected or (not expected and answer.status_code < 300), answer.data
        raise _Undo


class _Undo(Exception):
    """Take back what a test changed."""


@pytest.fixture(autouse=True)
def no_errors_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
