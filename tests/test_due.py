"""Whether an officer is due at this home: yes or no at the door, and nothing else."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from id_badges.tokens import mint_phone_badge
from models import database, due
from models.badge import Badge
from models.officer import Officer
from models.resident import Resident
from models.visit import Visit, VisitStatus
from tests import factories, live
from tests.conftest import Client, StoppedClock

HTML = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def good(officer: Officer, stopped_clock: StoppedClock) -> Badge:
    """The officer's phone badge."""
    return live.give_badge(officer, stopped_clock.now)


@pytest.fixture
def home(app: Flask) -> Resident:
    """Somebody in a flat."""
    return factories.resident(line_1="Flat 3, 12 High Street", name="Asha Adeyemi")


@pytest.fixture
def visit(home: Resident, officer: Officer, stopped_clock: StoppedClock) -> Visit:
    """The officer's visit there, half an hour from now."""
    return factories.visit(home, officer, stopped_clock.now + timedelta(minutes=30))


@pytest.fixture
def ticket(app: Flask, web: Any, good: Badge, stopped_clock: StoppedClock) -> Callable[[], str]:
    """Scan the badge as it is now: the ticket of the page."""

    def scan() -> str:
        token = mint_phone_badge(
            app.extensions["keyring"], issuer="harrow", badge_id=good.id, at=stopped_clock.now
        )
        page = web.get(f"/b/{token}", headers=HTML).text
        return str(re.findall(r'name="ticket" value="([^"]+)"', page)[0])

    return scan


def ask(web: Any, ticket: str, reference: str, house: str) -> Any:
    return web.post("/b/due", data={"ticket": ticket, "reference": reference, "house": house}, headers=HTML)


def heading(answer: Any) -> str:
    return str(re.findall(r"<h1>(.+?)</h1>", answer.text)[0])


DUE, NOT_DUE, RING = "They are due at your home", "We cannot find this visit", "Please ring us"


def test_the_visit_and_the_house_say_that_they_are_due(web: Any, ticket: Any, visit: Visit) -> None:
    answer = ask(web, ticket(), visit.reference, "flat 3, 12")
    assert (answer.status_code, heading(answer)) == (200, DUE)
    spoken = visit.reference.lower().replace("-", " ")
    assert heading(ask(web, ticket(), spoken, "Flat 3, 12 High St")) == DUE


def test_nothing_tells_which_answer_was_wrong(
    web: Any, ticket: Any, visit: Visit, home: Resident, stopped_clock: StoppedClock
) -> None:
    elsewhere = factories.visit(home, factories.officer(), stopped_clock.now + timedelta(minutes=30))
    one = ticket()
    wrong = [
        (visit.reference, "Flat 4, 12"),
        ("HV-0000-0000", "Flat 3, 12"),
        ("nonsense", "Flat 3, 12"),
        (elsewhere.reference, "Flat 3, 12"),
    ]
    answers = [ask(web, one, *given) for given in wrong]
    assert [heading(answer) for answer in answers] == [NOT_DUE] * 4
    assert len({answer.data for answer in answers}) == 1
    for personal in ("Asha", "High Street", "HA1", "Amina"):
        assert personal not in answers[0].text


def test_a_due_answer_names_nobody_and_no_address(web: Any, ticket: Any, visit: Visit) -> None:
    page = ask(web, ticket(), visit.reference, "Flat 3, 12").text
    for personal in ("Asha", "High Street", "HA1", visit.reference, "Repair"):
        assert personal not in page


def test_the_sixth_try_with_a_token_is_told_to_ring(
    web: Any, ticket: Any, visit: Visit, stopped_clock: StoppedClock
) -> None:
    tickets = [ticket() for _ in range(6)]
    answers = [heading(ask(web, each, visit.reference, str(number))) for number, each in enumerate(tickets)]
    assert answers == [NOT_DUE] * 5 + [RING]
    assert heading(ask(web, tickets[0], visit.reference, "Flat 3, 12")) == RING, "the right answer comes too late"
    stopped_clock.advance(60)
    assert heading(ask(web, ticket(), visit.reference, "Flat 3, 12")) == DUE, "the next token is free"


def test_tries_at_the_same_time_are_all_counted(
    app: Flask, ticket: Any, good: Badge, stopped_clock: StoppedClock
) -> None:
    def take(_: int) -> bool:
        with database.transaction() as session:
            return due.take_try(session, good.id, stopped_clock.now)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(24))) == due.TRIES


@pytest.mark.parametrize(
    ("minutes", "answer"),
    [(-121, NOT_DUE), (-120, DUE), (0, DUE), (120, DUE), (121, NOT_DUE)],
)
def test_they_are_due_within_two_hours_of_the_time(
    web: Any,
    ticket: Any,
    home: Resident,
    officer: Officer,
    stopped_clock: StoppedClock,
    minutes: int,
    answer: str,
) -> None:
    stopped_clock.advance(3 * 3600)
    made = factories.visit(home, officer, stopped_clock.now - timedelta(minutes=minutes), reason="entered late")
    assert heading(ask(web, ticket(), made.reference, "Flat 3, 12")) == answer


def test_an_officer_who_said_they_are_late_is_due_for_longer(
    web: Any, ticket: Any, visit: Visit, stopped_clock: StoppedClock
) -> None:
    with database.transaction() as session:
        session.get_one(Visit, visit.id).expected_at = visit.starts_at + timedelta(hours=2)
    stopped_clock.set(visit.starts_at + timedelta(hours=3))
    assert heading(ask(web, ticket(), visit.reference, "Flat 3, 12")) == DUE


@pytest.mark.parametrize("status", list(VisitStatus))
def test_a_visit_that_is_over_is_not_due(web: Any, ticket: Any, visit: Visit, status: VisitStatus) -> None:
    with database.transaction() as session:
        session.get_one(Visit, visit.id).status = status
    to_do = {VisitStatus.BOOKED, VisitStatus.EN_ROUTE, VisitStatus.ARRIVED}
    assert heading(ask(web, ticket(), visit.reference, "Flat 3, 12")) == (DUE if status in to_do else NOT_DUE)


def test_an_empty_field_costs_no_try(web: Any, ticket: Any, visit: Visit) -> None:
    one = ticket()
    for given in (("", "12"), (visit.reference, " "), ("", "")) * 3:
        answer = ask(web, one, *given)
        assert (answer.status_code, heading(answer)) == (422, "Please fill in both")
    assert heading(ask(web, one, visit.reference, "Flat 3, 12")) == DUE


@pytest.mark.parametrize("typed", ["\0", "x" * 5000, "<script>", "’; DROP TABLE visits", "𝟭𝟮", "\u202e21"])
def test_whatever_is_typed_there_is_an_answer_in_words(web: Any, ticket: Any, visit: Visit, typed: str) -> None:
    for given in ((typed, "12"), (visit.reference, typed)):
        answer = ask(web, ticket(), *given)
        assert answer.status_code == 200 and "<script>" not in answer.text
        assert heading(answer) in (NOT_DUE, RING)


def test_a_badge_revoked_meanwhile_gets_the_red_page(
    web: Any, ticket: Any, visit: Visit, good: Badge, admin: Client
) -> None:
    one = ticket()
    assert admin.post(f"/v1/badges/{good.id}/revocation", {"reason": "Lost."}).status_code == 201
    assert ask(web, one, visit.reference, "Flat 3, 12").data == web.get("/b/x", headers=HTML).data


def test_without_a_genuine_page_there_is_nothing_to_ask(web: Any, visit: Visit) -> None:
    assert heading(ask(web, "x" * 62, visit.reference, "Flat 3, 12")) == "This badge is out of date"
    assert web.get("/b/due", headers=HTML).status_code == 404
