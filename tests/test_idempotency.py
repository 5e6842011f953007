"""Idempotency-Key: a client that asks again gets the same answer once more, and nothing happens twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from api import visits as visits_api
from models import idempotency, retention
from models.database import engine, reading, transaction
from models.idempotency import KeptAnswer
from models.visit import Visit
from tests import factories
from tests.conftest import Client
from tests.steps import WEDNESDAY_10, book, problem, see


def count(table: Any = Visit) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def body(officer, resident) -> dict[str, Any]:
    return factories.booking(resident, officer, WEDNESDAY_10)


def test_asked_again_the_same_answer_comes_once_more(scheduler, body, stopped_clock):
    first = scheduler.post("/v1/visits", body, Idempotency_Key="a")
    stopped_clock.advance(300)
    again = scheduler.post("/v1/visits", body, Idempotency_Key="a")
    assert (again.status_code, again.data) == (201, first.data)
    for header in ("Location", "ETag", "Content-Type"):
        assert again.headers[header] == first.headers[header]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count() == 1


def test_without_a_key_nothing_is_kept(scheduler, body):
    assert scheduler.post("/v1/visits", body).status_code == 201
    problem(scheduler.post("/v1/visits", body), 409, "diary-clash")
    assert count(KeptAnswer) == 0


def test_another_request_with_the_key_is_refused(scheduler, body):
    first = scheduler.post("/v1/visits", body, Idempotency_Key="a")
    for other in (body | {"purpose": "Another"}, body | {"duration_minutes": 31}, {}, []):
        problem(scheduler.post("/v1/visits", other, Idempotency_Key="a"), 422, "key-reused")
    assert scheduler.post("/v1/visits", body, Idempotency_Key="a").data == first.data
    assert count() == 1


def test_another_version_with_the_key_is_another_request(scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    move = {
        "starts_at": (WEDNESDAY_10 + timedelta(days=1)).isoformat(),
        "reason": "x",
        "requested_by": "council",
    }
    address = f"/v1/visits/{visit['id']}/moves"
    first = scheduler.post(address, move, If_Match='"1"', Idempotency_Key="a")
    assert first.status_code == 201
    again = scheduler.post(address, move, If_Match='"1"', Idempotency_Key="a")
    assert (again.data, again.headers["ETag"]) == (first.data, '"2"'), "not 412: it was this request's own change"
    problem(scheduler.post(address, move, If_Match='"2"', Idempotency_Key="a"), 422, "key-reused")
    assert see(scheduler, visit)["version"] == 2


def test_a_key_is_its_users_and_its_addresss_own(scheduler, sign_in, resident, officer, body):
    other = sign_in("scheduler")
    assert scheduler.post("/v1/visits", body, Idempotency_Key="a").status_code == 201
    problem(other.post("/v1/visits", body, Idempotency_Key="a"), 409, "diary-clash")
    person = {"name": "Ben", "address": {"line_1": "1", "town": "Harrow", "postcode": "HA1 2RJ"}}
    assert scheduler.post("/v1/residents", person, Idempotency_Key="a").status_code == 201
    assert scheduler.post("/v1/residents", person, Idempotency_Key="a").status_code == 201
    assert count() == 1


def test_what_was_wrong_stays_wrong_under_its_key(scheduler, officer, resident, body):
    """A client that repeats a refused request hears the same, even when it would succeed by now."""
    visit = book(scheduler, resident, officer)
    clash = scheduler.post("/v1/visits", body, Idempotency_Key="clash")
    problem(clash, 409, "diary-clash")
    invalid = scheduler.post("/v1/visits", body | {"duration_minutes": 0}, Idempotency_Key="invalid")
    problem(invalid, 422, "not-valid")
    cancel = {"reason": "x", "requested_by": "council"}
    address = f"/v1/visits/{visit['id']}/cancellation"
    problem(scheduler.post(address, cancel, Idempotency_Key="no version"), 428, "version-required")
    problem(scheduler.post(address, cancel, If_Match='"9"', Idempotency_Key="version"), 412, "changed-meanwhile")
    assert scheduler.post(address, cancel, If_Match='"1"').status_code == 201
    again = scheduler.post("/v1/visits", body, Idempotency_Key="clash")
    assert (again.status_code, again.data) == (409, clash.data)
    assert again.content_type == "application/problem+json"
    wrong_still = scheduler.post("/v1/visits", body | {"duration_minutes": 0}, Idempotency_Key="invalid")
    assert (wrong_still.status_code, wrong_still.data) == (422, invalid.data)
    problem(scheduler.post(address, cancel, If_Match='"9"', Idempotency_Key="version"), 412, "changed-meanwhile")
    problem(scheduler.post(address, cancel, Idempotency_Key="no version"), 428, "version-required")
    assert scheduler.post("/v1/visits", body).status_code == 201


def test_a_body_that_could_not_be_read_is_refused_the_same_again(scheduler):
    def send() -> Any:
        return scheduler.client.post(
            "/v1/visits",
            data="{",
            content_type="application/json",
            headers={"Authorization": f"Bearer {scheduler.token}", "Idempotency-Key": "a"},
        )

    first = send()
    problem(first, 400)
    assert (send().status_code, send().data) == (400, first.data)


def test_a_key_is_printable_and_short(scheduler, body):
    for key in ("x" * 101, "é", "\x7f", ""):
        refused = problem(scheduler.post("/v1/visits", body, Idempotency_Key=key), 422, "not-valid")
        assert "Idempotency-Key" in refused["errors"], key
    assert scheduler.post("/v1/visits", body, Idempotency_Key="x" * 100).status_code == 201


def test_keys_are_for_people_who_are_signed_in(stranger, scheduler, body):
    problem(stranger.post("/v1/visits", body, Idempotency_Key="a"), 401, "sign-in")
    assert count(KeptAnswer) == 0


def test_no_password_is_kept_or_can_be_guessed_from_what_is_kept(admin, app):
    account = {"username": "kim", "password": "x" * 12, "role": "admin"}
    assert admin.post("/v1/users", account, Idempotency_Key="a").status_code == 201
    assert admin.post("/v1/users", account, Idempotency_Key="a").status_code == 201
    with reading() as session:
        kept = session.scalars(select(KeptAnswer)).one()
    assert "x" * 12 not in f"{kept.key} {kept.request_digest} {kept.headers} {kept.body!r}"


def test_while_the_first_runs_the_second_is_told_so(scheduler, body, monkeypatch):
    """On SQLite the one writer's turn makes the second wait instead, and then it gets the same answer."""
    started, go_on = threading.Event(), threading.Event()
    queue = visits_api.outbox.queue_visit_booked

    def slow(*given: Any, **named: Any) -> Any:
        started.set()
        assert go_on.wait(20)
        return queue(*given, **named)

    def ask() -> Any:
        client = Client(scheduler.client.application.test_client(), scheduler.token)
        return client.post("/v1/visits", body, Idempotency_Key="a")

    monkeypatch.setattr(visits_api.outbox, "queue_visit_booked", slow)
    waits = engine().dialect.name == "sqlite"
    with ThreadPoolExecutor(2) as threads:
        try:
            first = threads.submit(ask)
            assert started.wait(20)
            second = threads.submit(ask)
            if not waits:
                problem(second.result(20), 409, "key-in-use")
        finally:
            go_on.set()
        assert first.result(20).status_code == 201
        if waits:
            assert second.result(20).data == first.result().data
    assert count() == 1


def test_a_key_that_is_being_worked_on_is_free_again_after_a_minute(scheduler, body, stopped_clock, app):
    """The server died in the middle: its change was rolled back with it, and the lease runs out."""
    made = scheduler.post("/v1/visits", body, Idempotency_Key="a")
    with transaction() as session:
        kept = session.scalars(select(KeptAnswer)).one()
        kept.status = kept.body = kept.headers = None
        visit = session.get(Visit, UUID(made.json["id"]))
        assert visit is not None
        visit.status = "cancelled"  # type: ignore[assignment]
    stopped_clock.advance(59)
    problem(scheduler.post("/v1/visits", body, Idempotency_Key="a"), 409, "key-in-use")
    stopped_clock.advance(1)
    repeated = scheduler.post("/v1/visits", body, Idempotency_Key="a")
    assert repeated.status_code == 201
    assert repeated.json["id"] != made.json["id"]
    assert scheduler.post("/v1/visits", body, Idempotency_Key="a").data == repeated.data


def test_a_crash_in_the_middle_undoes_everything_and_frees_the_key(scheduler, body, monkeypatch):
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(visits_api.outbox, "queue_visit_booked", broken)
    for _ in range(2):
        problem(scheduler.post("/v1/visits", body, Idempotency_Key="a"), 500)
        assert (count(), count(KeptAnswer)) == (0, 0)
    monkeypatch.undo()
    assert scheduler.post("/v1/visits", body, Idempotency_Key="a").status_code == 201


def test_a_process_that_died_leaves_a_key_that_may_be_used_again_after_its_lease(
    scheduler, body, monkeypatch, stopped_clock
):
    class Killed(BaseException):
        """What no handler catches, as a power cut."""

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(visits_api.outbox, "queue_visit_booked", dies)
    with pytest.raises(Killed):
        scheduler.post("/v1/visits", body, Idempotency_Key="a")
    monkeypatch.undo()
    assert (count(), count(KeptAnswer)) == (0, 1)
    problem(scheduler.post("/v1/visits", body, Idempotency_Key="a"), 409, "key-in-use")
    stopped_clock.advance(60)
    assert scheduler.post("/v1/visits", body, Idempotency_Key="a").status_code == 201


def test_a_request_slower_than_its_lease_does_not_count_beside_the_one_that_took_over(app, stopped_clock):
    first = idempotency.begin("k", "digest", stopped_clock.now)
    stopped_clock.advance(60)
    second = idempotency.begin("k", "digest", stopped_clock.now)
    assert isinstance(first, idempotency.Attempt) and isinstance(second, idempotency.Attempt)
    idempotency.keep(second, status=201, headers="{}", body=b"second")
    with pytest.raises(idempotency.KeyInUse):
        idempotency.keep(first, status=201, headers="{}", body=b"first")
    idempotency.release(first)
    kept = idempotency.begin("k", "digest", stopped_clock.now)
    assert isinstance(kept, KeptAnswer) and kept.body == b"second"


def test_eight_at_once_with_one_key_do_it_once(scheduler, body):
    """Whoever is too early is told that the first still runs; everybody else gets the one answer."""
    application = scheduler.client.application
    gate = threading.Barrier(8)

    def ask(_: int) -> Any:
        client = Client(application.test_client(), scheduler.token)
        gate.wait(10)
        return client.post("/v1/visits", body, Idempotency_Key="a")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    good = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.data for answer in good}) == 1
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "key-in-use")
    assert count() == 1


def test_eight_at_once_with_a_key_each_book_one_visit(scheduler, body):
    application = scheduler.client.application
    gate = threading.Barrier(8)

    def ask(number: int) -> int:
        client = Client(application.test_client(), scheduler.token)
        gate.wait(10)
        return int(client.post("/v1/visits", body, Idempotency_Key=str(number)).status_code)

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(ask, range(8)))
    assert statuses == [201] + [409] * 7
    assert count() == 1


def test_old_answers_are_forgotten(scheduler, body, stopped_clock):
    scheduler.post("/v1/visits", body, Idempotency_Key=str(uuid4()))
    for seconds, left in ((0, 1), (1, 0)):
        at = stopped_clock.now + timedelta(days=2, seconds=seconds)
        retention.purge(at, keep=retention.Keep(), chain_key=b"key")
        assert count(KeptAnswer) == left


def test_signing_in_is_no_request_to_repeat(stranger, app):
    """An answer with tokens is never kept."""
    body = {"username": "nobody", "password": "x"}
    stranger.post("/v1/tokens", body, Idempotency_Key="a")
    assert count(KeptAnswer) == 0
