"""Incidents: opened when something is wrong, once while it is open, and by nothing that ordinary people do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from api import scans
from models.badge import Badge
from models.database import reading, transaction
from models.incident import Incident, IncidentKind, open_incident
from models.officer import Officer
from models.scan import ScanKind, Seen, append
from models.suspicion import FLOOD, Places, look_for_trouble, worth_a_look
from tests import live
from tests.conftest import StoppedClock
from tests.steps import MONDAY_9

EVENING = MONDAY_9 + timedelta(hours=11)
HTML = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def links(app: Flask, stopped_clock: StoppedClock) -> dict[str, str]:
    """The address of a badge's page in each state, on a Monday evening."""
    stopped_clock.set(EVENING)
    return live.badge_of_each_state(app.extensions["keyring"], EVENING)


@pytest.fixture
def badge(app: Flask, officer: Officer) -> Badge:
    """The officer's phone badge."""
    return live.give_badge(officer, MONDAY_9)


def incidents() -> list[Incident]:
    """All of them, in their order."""
    with reading() as session:
        return list(session.scalars(select(Incident).order_by(Incident.opened_at, Incident.kind)))


class TestABadgeThatWasTakenAway:
    @pytest.mark.parametrize(
        ("state", "kind"),
        [
            ("revoked", IncidentKind.REVOKED_BADGE_SCANNED),
            ("suspended", IncidentKind.SUSPENDED_BADGE_SCANNED),
        ],
    )
    def test_its_first_check_opens_an_incident_before_the_answer(
        self, web: Any, links: dict[str, str], state: str, kind: IncidentKind
    ) -> None:
        web.get(links[state], headers=HTML)
        (incident,) = incidents()
        assert (incident.kind, incident.status, incident.count) == (kind, "open", 1)
        assert incident.badge_id is not None and incident.officer_id is not None
        assert incident.opened_at == EVENING
        assert incident.reference.startswith("HC-")

    def test_further_checks_are_counted_in_the_same_incident(
        self, web: Any, links: dict[str, str], stopped_clock: StoppedClock
    ) -> None:
        for _ in range(3):
            web.get(links["revoked"], headers=HTML)
            stopped_clock.advance(10)
        (incident,) = incidents()
        assert (incident.count, incident.last_at) == (3, EVENING + timedelta(seconds=20))

    @pytest.mark.parametrize("state", ["genuine", "timed_out", "card_only", "unknown", "forged"])
    def test_no_other_state_opens_one(self, web: Any, links: dict[str, str], state: str) -> None:
        web.get(links[state], headers=HTML)
        assert incidents() == []

    @pytest.mark.parametrize(
        "given",
        [{"method": "HEAD"}, {"headers": {"User-Agent": "WhatsApp/2.23"}}, {"headers": {"Purpose": "prefetch"}}],
    )
    def test_nor_does_a_link_that_nobody_looked_at(
        self, web: Any, links: dict[str, str], given: dict[str, Any]
    ) -> None:
        assert web.open(links["revoked"], **given).status_code == 200
        assert incidents() == []

    def test_the_red_page_comes_even_if_the_incident_cannot_be_written(
        self, web: Any, links: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any, **__: Any) -> None:
            raise OperationalError("INSERT", None, Exception("away"))

        red = web.get(links["forged"], headers=HTML).data
        monkeypatch.setattr(scans, "open_incident", away)
        assert web.get(links["revoked"], headers=HTML).data == red

    def test_checks_at_one_moment_open_one_incident(self, app: Flask, badge: Badge) -> None:
        def check(_: int) -> str:
            with transaction() as session:
                return open_incident(session, IncidentKind.REVOKED_BADGE_SCANNED, at=MONDAY_9, badge_id=badge.id)

        with ThreadPoolExecutor(8) as pool:
            references = set(pool.map(check, range(24)))
        (incident,) = incidents()
        assert references == {incident.reference}
        assert incident.count == 24


Check = Callable[..., None]


@pytest.fixture(params=["one process", "many processes"])
def check(app: Flask, badge: Badge, request: pytest.FixtureRequest) -> Check:
    """The badge's code of a minute is checked from an address: `check(minute, "192.0.2.1")`.

    By one process, which remembers what it saw; or each check by another, which knows the records alone.
    """
    places = Places()

    def make(minute: int, address: str, kind: ScanKind = ScanKind.PAGE, state: str = "genuine") -> None:
        issued_at = MONDAY_9 + timedelta(minutes=minute)
        seen = Seen(
            at=issued_at + timedelta(seconds=20),
            kind=kind,
            state=state,
            reason=state,
            address=address,
            badge_id=badge.id,
            officer_id=badge.officer_id,
            token_issued_at=issued_at,
        )
        if request.param == "many processes":
            places.forget()
        with transaction() as session:
            look_for_trouble(session, worth_a_look(append(session, [seen], secret=b"s" * 32), places))

    return make


WIFI, MOBILE, NEIGHBOUR, ELSEWHERE = "192.0.2.1", "198.51.100.1", "203.0.113.1", "203.0.113.99"


class TestABadgeInTwoPlaces:
    def test_two_telephones_at_one_door_that_scan_two_codes_are_a_family(self, check: Check) -> None:
        for minute in (0, 1):
            check(minute, WIFI)
            check(minute, MOBILE)
        assert incidents() == []

    def test_three_telephones_on_three_networks_at_one_door_are_a_family(self, check: Check) -> None:
        for address in (WIFI, MOBILE, NEIGHBOUR):
            check(0, address)
        assert incidents() == []

    def test_a_street_visited_one_door_after_the_other_is_a_days_work(self, check: Check) -> None:
        for door in range(30):
            check(2 * door, f"192.0.2.{door}")
        assert incidents() == []

    def test_one_telephone_that_reloads_the_page_is_nothing(self, check: Check) -> None:
        for _ in range(50):
            check(0, MOBILE)
        assert incidents() == []

    def test_one_code_checked_at_four_places_is_suspicious(self, check: Check, badge: Badge) -> None:
        for address in (WIFI, MOBILE, NEIGHBOUR, ELSEWHERE):
            check(0, address)
        (incident,) = incidents()
        assert (incident.kind, incident.badge_id) == (IncidentKind.BADGE_IN_TWO_PLACES, badge.id)
        assert incident.officer_id == badge.officer_id

    def test_three_codes_each_checked_at_two_places_are_suspicious(self, check: Check) -> None:
        for minute in (0, 20, 40):
            check(minute, WIFI)
            check(minute, ELSEWHERE)
        assert [incident.kind for incident in incidents()] == [IncidentKind.BADGE_IN_TWO_PLACES]

    def test_the_same_over_a_whole_day_is_not(self, check: Check) -> None:
        for minute in (0, 90, 180, 270):
            check(minute, WIFI)
            check(minute, MOBILE)
        assert incidents() == []

    def test_places_that_were_seen_too_long_ago_are_counted_anew(self, check: Check) -> None:
        for minute, address in ((0, WIFI), (0, MOBILE), (70, WIFI), (70, MOBILE), (75, WIFI), (75, MOBILE)):
            check(minute, address)
        assert incidents() == []
        for minute, address in ((90, WIFI), (90, MOBILE)):
            check(minute, address)
        assert len(incidents()) == 1

    def test_the_contact_centre_is_no_second_place(self, check: Check) -> None:
        for minute in range(10):
            check(minute, WIFI)
            check(minute, ELSEWHERE, kind=ScanKind.TELEPHONE)
        assert incidents() == []

    def test_a_badge_that_is_checked_a_thousand_times_at_one_door_is_looked_up_once(
        self, app: Flask, badge: Badge
    ) -> None:
        places = Places()
        seen = Seen(
            at=MONDAY_9,
            kind=ScanKind.PAGE,
            state="genuine",
            reason="genuine",
            address=WIFI,
            badge_id=badge.id,
            officer_id=badge.officer_id,
            token_issued_at=MONDAY_9,
        )
        looks = []
        for _ in range(4):
            with transaction() as session:
                looks.append(len(worth_a_look(append(session, [seen] * 250, secret=b"s" * 32), places)))
        assert looks == [1, 0, 0, 0]


class TestAFlood:
    def test_many_red_answers_to_one_address_open_one_incident(self, web: Any, app: Flask) -> None:
        for guess in range(FLOOD - 1):
            web.get(f"/b/{guess}", headers=HTML)
        app.extensions["scan_log"].flush()
        assert incidents() == []
        for guess in range(3):
            web.get(f"/b/{guess}", headers=HTML)
        app.extensions["scan_log"].flush()
        (incident,) = incidents()
        assert (incident.kind, incident.badge_id) == (IncidentKind.SCAN_FLOOD, None)

    def test_as_many_from_many_addresses_are_none(self, check: Check) -> None:
        for guess in range(FLOOD + 5):
            check(0, f"192.0.2.{guess}", state="not_confirmed")
        assert incidents() == []

    def test_as_many_in_a_day_are_none(self, check: Check) -> None:
        for guess in range(FLOOD + 5):
            check(guess, WIFI, state="not_confirmed")
        assert incidents() == []
