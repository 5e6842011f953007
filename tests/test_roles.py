"""Who may do what: every route names its roles, and is checked before anything of the request is read."""

import re
from typing import Any

import pytest
from flask import Flask

from api import create_app
from api.auth import ANYONE, allowed_roles
from api.config import Settings
from tests import factories
from tests.conftest import Client
from tests.steps import WEDNESDAY_10, book, move, problem

ROLES = ("admin", "scheduler", "officer")
SOMEBODY = {"admin": "admin", "scheduler": "scheduler", "officer": "phone"}

# Written down a second time, by hand: who may do what is decided here and not by a slip in a decorator.
MATRIX = {
    "POST /v1/tokens": "anyone",
    "DELETE /v1/tokens": "admin scheduler officer",
    "POST /v1/tokens/refresh": "anyone",
    "GET /v1/users": "admin",
    "POST /v1/users": "admin",
    "GET /v1/users/{}": "admin",
    "PATCH /v1/users/{}": "admin",
    "GET /v1/officers": "admin scheduler",
    "POST /v1/officers": "admin scheduler",
    "GET /v1/officers/{}": "admin scheduler",
    "PATCH /v1/officers/{}": "admin scheduler",
    "PUT /v1/officers/{}/photo": "admin scheduler",
    "GET /v1/officers/{}/working-pattern": "admin scheduler officer",
    "PUT /v1/officers/{}/working-pattern": "admin scheduler",
    "GET /v1/officers/{}/working-exceptions": "admin scheduler officer",
    "PUT /v1/officers/{}/working-exceptions/{}": "admin scheduler",
    "DELETE /v1/officers/{}/working-exceptions/{}": "admin scheduler",
    "GET /v1/officers/{}/working-days": "admin scheduler officer",
    "GET /v1/officers/{}/absences": "admin scheduler officer",
    "POST /v1/officers/{}/absences": "admin scheduler",
    "GET /v1/officers/{}/visits-at-risk": "admin scheduler",
    "GET /v1/officers/{}/outlook": "scheduler",
    "DELETE /v1/absences/{}": "admin scheduler",
    "GET /v1/photos": "admin scheduler",
    "GET /v1/photos/{}": "admin scheduler",
    "GET /v1/photos/{}/photo.jpg": "admin scheduler",
    "POST /v1/photos/{}/approval": "admin",
    "POST /v1/photos/{}/refusal": "admin",
    "POST /v1/officers/{}/suspension": "admin",
    "DELETE /v1/officers/{}/suspension": "admin",
    "GET /v1/officers/{}/badges": "admin",
    "POST /v1/officers/{}/badges": "admin",
    "POST /v1/badges/{}/revocation": "admin",
    "GET /v1/officers/{}/cards": "admin",
    "POST /v1/officers/{}/cards": "admin",
    "GET /v1/cards": "admin",
    "GET /v1/cards/print-run.pdf": "admin",
    "GET /v1/cards/{}": "admin",
    "POST /v1/cards/{}/approval": "admin",
    "POST /v1/cards/{}/refusal": "admin",
    "GET /v1/cards/{}/qr.svg": "admin",
    "GET /v1/cards/{}/qr.png": "admin",
    "GET /v1/cards/{}/card.pdf": "admin",
    "GET /v1/residents": "scheduler",
    "POST /v1/residents": "scheduler",
    "GET /v1/residents/{}": "scheduler",
    "PATCH /v1/residents/{}": "scheduler",
    "GET /v1/visits": "scheduler officer",
    "POST /v1/visits": "scheduler",
    "GET /v1/visits/{}": "scheduler officer",
    "POST /v1/visits/{}/moves": "scheduler",
    "POST /v1/visits/{}/cancellation": "scheduler",
    "POST /v1/visits/changes": "scheduler",
    "POST /v1/visits/{}/assignment": "scheduler",
    "GET /v1/unassigned-visits": "scheduler",
    "POST /v1/visits/{}/departure": "officer",
    "POST /v1/visits/{}/delays": "scheduler officer",
    "POST /v1/visits/{}/arrivals": "officer",
    "POST /v1/visits/{}/badge-shown": "officer",
    "POST /v1/visits/{}/outcome": "officer",
    "POST /v1/visits/{}/corrections": "scheduler",
    "PUT /v1/visits/{}/no-access-photo": "officer",
    "GET /v1/visits/{}/no-access-photo": "scheduler",
    "GET /v1/visits/{}/history": "scheduler officer",
    "GET /v1/visits/{}/messages": "scheduler officer",
    "GET /v1/visits/{}/notices": "scheduler officer",
    "GET /v1/visits/{}/words": "officer",
    "GET /v1/visits/{}/letter.html": "scheduler",
    "POST /v1/badge-checks": "scheduler",
    "GET /v1/me/visits": "officer",
    "POST /v1/me/sync": "officer",
    "GET /v1/me/badge": "officer",
    "GET /v1/me/badge.svg": "officer",
    "GET /v1/me/badge.png": "officer",
    "GET /v1/me/scans": "officer",
    "GET /v1/me/live-codes": "officer",
    "POST /v1/me/live-codes/{}/not-mine": "officer",
    "GET /v1/slots": "scheduler",
    "POST /v1/holds": "scheduler",
    "DELETE /v1/holds/{}": "scheduler",
    "GET /v1/contact-tasks": "scheduler",
    "GET /v1/contact-tasks/{}": "scheduler",
    "PATCH /v1/contact-tasks/{}": "scheduler",
    "GET /v1/alerts": "admin scheduler",
    "GET /v1/alerts/{}": "admin scheduler",
    "PATCH /v1/alerts/{}": "admin scheduler",
    "GET /v1/missed-standards": "admin scheduler",
    "GET /v1/missed-standards/{}": "admin scheduler",
    "PATCH /v1/missed-standards/{}": "admin scheduler",
    "GET /v1/disputes": "admin scheduler",
    "GET /v1/disputes/{}": "admin scheduler",
    "PATCH /v1/disputes/{}": "admin scheduler",
    "POST /v1/visits/{}/dispute": "scheduler",
    "GET /v1/feedback": "admin scheduler",
    "GET /v1/feedback/{}": "admin scheduler",
    "POST /v1/feedback/{}/answer": "admin scheduler",
    "PUT /v1/feedback/{}/publication": "admin scheduler",
    "DELETE /v1/feedback/{}/publication": "admin scheduler",
    "GET /v1/incidents": "admin scheduler",
    "GET /v1/incidents/{}": "admin scheduler",
    "PATCH /v1/incidents/{}": "admin scheduler",
    "GET /v1/reports/punctuality": "admin scheduler",
    "GET /v1/reports/punctuality/visits": "admin scheduler",
    "GET /v1/reports/notice": "admin scheduler",
    "GET /v1/reports/notice/changes": "admin scheduler",
    "GET /.well-known/jwks.json": "anyone",
    "GET /.well-known/badge-status": "anyone",
    "POST /callbacks/twilio/status": "anyone",
    "POST /callbacks/twilio/call": "anyone",
    "POST /callbacks/twilio/inbound": "anyone",
    "GET /healthz": "anyone",
    "GET /readyz": "anyone",
    "GET /metrics": "anyone",
}
PAGES = {
    "/",
    "/b",
    "/b/{}",
    "/b/due",
    "/b/live-codes",
    "/b/live-codes/{}",
    "/b/photos/{}",
    "/concern",
    "/dev/outbox",
    "/docs",
    "/docs/assets/{}",
    "/favicon.ico",
    "/openapi.json",
    "/problems/{}",
    "/staff",
    "/staff/board",
    "/staff/lists/{}",
    "/staff/sign-in",
    "/staff/sign-out",
    "/standards",
    "/static/{}",
    "/v/{}",
    "/v/{}/visit.ics",
    "/v/{}/{}",
}
"""For people and not for programs: not in the API document, and open to anyone. Pages of staff look at their own
cookie: tests/test_staff_sign_in.py."""


def served(app: Flask) -> list[tuple[str, str, Any]]:
    """Every method and path the application answers, and its view."""
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "{}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append((method, path, app.view_functions[rule.endpoint]))
    return found


def test_every_route_names_its_roles_or_anyone(app):
    silent = [f"{method} {path}" for method, path, view in served(app) if not allowed_roles(view, method)]
    assert silent == []


def test_every_api_route_lets_in_whom_the_matrix_says(app):
    said = {
        f"{method} {path}": " ".join(sorted(allowed_roles(view, method)))
        for method, path, view in served(app)
        if path not in PAGES
    }
    assert said == {call: " ".join(sorted(who.split())) for call, who in MATRIX.items()}


def test_every_page_is_for_anyone(app):
    for method, path, view in served(app):
        if path in PAGES:
            assert allowed_roles(view, method) is ANYONE, path


def test_every_api_route_is_in_the_api_document_with_its_roles(app, stranger):
    document = stranger.get("/openapi.json").json
    written = {
        f"{method.upper()} {re.sub(r'{[^}]+}', '{}', path)}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert set(written) == set(MATRIX)
    for call, operation in written.items():
        assert operation["summary"], call
        if MATRIX[call] == "anyone":
            assert operation["security"] == [], call
        else:
            assert ", ".join(sorted(MATRIX[call].split())) in operation["description"], call


def test_a_stranger_gets_401_and_the_wrong_role_403_before_the_body_is_looked_at(
    app, stranger, admin, scheduler, phone
):
    """Nothing has the identifier and the body is hopeless: a 404, 415 or 422 would be a check made too late."""
    clients = {"admin": admin, "scheduler": scheduler, "officer": phone}
    wrong = []
    for call, who in MATRIX.items():
        if who == "anyone":
            continue
        method, path = call.split()
        path = path.replace("{}", str(factories.NOBODY))
        hopeless = {"method": method, "data": b"\xff{", "content_type": "text/plain"}
        for role, client in {**clients, "stranger": stranger}.items():
            if role in who.split():
                continue
            headers = {"Authorization": f"Bearer {client.token}"} if client.token else {}
            answer = client.client.open(path, headers=headers, **hopeless)
            if answer.status_code != (401 if role == "stranger" else 403) or answer.is_json is False:
                wrong.append((call, role, answer.status_code))
    assert wrong == []


def test_the_right_role_is_let_in_everywhere(app, admin, scheduler, phone):
    clients = {"admin": admin, "scheduler": scheduler, "officer": phone}
    wrong = []
    for call, who in MATRIX.items():
        method, path = call.split()
        if who == "anyone" or call == "DELETE /v1/tokens":
            continue
        for role in who.split():
            answer = clients[role].call(
                method, path.replace("{}", str(factories.NOBODY)), {} if method != "GET" else None
            )
            if answer.status_code in (401, 403) or answer.status_code >= 500:
                wrong.append((call, role, answer.status_code))
    assert wrong == []


def test_head_is_for_whom_get_is_for(app, stranger, admin, scheduler):
    assert stranger.call("HEAD", "/v1/visits").status_code == 401
    assert admin.call("HEAD", "/v1/visits").status_code == 403
    answer = scheduler.call("HEAD", "/v1/visits")
    assert (answer.status_code, answer.data) == (200, b"")


def test_a_route_that_names_no_role_is_refused_to_everybody(environment, admin):
    app = create_app(Settings.from_environment(environment))
    app.add_url_rule("/v1/forgotten", "forgotten", lambda: "secret")
    problem(Client(app.test_client()).get("/v1/forgotten"), 401, "sign-in")
    problem(Client(app.test_client(), admin.token).get("/v1/forgotten"), 403, "not-yours")


def test_a_role_nobody_has_is_noticed_when_the_module_is_loaded():
    from_api = pytest.importorskip("api.auth")
    with pytest.raises(ValueError, match="owner"):
        from_api.roles("owner")


def test_an_officer_reaches_no_visit_of_another_officer(app, scheduler, sign_in, officer, resident):
    visit = book(scheduler, resident, officer)
    other = sign_in("officer", factories.officer())
    time = WEDNESDAY_10.isoformat()
    calls = {
        "": None,
        "/history": None,
        "/messages": None,
        "/words": None,
        "/departure": {"client_id": factories.client_id()},
        "/delays": {"client_id": factories.client_id(), "expected_at": time},
        "/arrivals": {"client_id": factories.client_id(), "arrived_at": time},
        "/badge-shown": {"client_id": factories.client_id(), "shown_at": time},
        "/outcome": {"client_id": factories.client_id(), "outcome": "completed", "finished_at": time},
    }
    for step, body in calls.items():
        path = f"/v1/visits/{visit['id']}{step}"
        answer = other.get(path) if body is None else other.post(path, body)
        problem(answer, 403, "not-yours")
    assert other.get("/v1/visits").json["items"] == []
    assert other.get("/v1/me/visits?date=2026-11-25").json["items"] == []
    problem(other.get(f"/v1/visits?officer_id={officer.id}"), 403, "not-yours")


def test_a_visit_without_an_officer_is_no_officers(app, scheduler, phone, resident):
    visit = book(scheduler, resident, None)
    problem(phone.get(f"/v1/visits/{visit['id']}"), 403, "not-yours")
    assert phone.get("/v1/visits").json["items"] == []


def test_a_visit_given_to_another_officer_leaves_the_first(app, scheduler, phone, officer, resident, sign_in):
    visit = book(scheduler, resident, officer)
    colleague = factories.officer()
    other = sign_in("officer", colleague)
    assert move(scheduler, visit, WEDNESDAY_10, officer_id=str(colleague.id)).status_code == 201
    problem(phone.get(f"/v1/visits/{visit['id']}"), 403, "not-yours")
    assert other.get(f"/v1/visits/{visit['id']}").status_code == 200


def test_the_styles_of_the_pages_are_for_everybody(app, stranger):
    for name in ("resident.css", "form.css", "icon.svg"):
        with stranger.get(f"/static/{name}") as answer:
            assert answer.status_code == 200
    problem(stranger.get("/static/../config.py"), 404)
