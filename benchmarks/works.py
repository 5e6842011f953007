"""What is asked of the servers: each kind of request, and the answer that is right."""

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from urllib.parse import quote

import orjson

from api.auth import AccessTokens
from benchmarks.load import request
from benchmarks.town import PURPOSE, VISITS_OF_THE_DAY, Town
from id_badges.keys import KeyRing
from id_badges.tokens import mint_phone_badge

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass(frozen=True)
class People:
    """Who asks: the scheduler and the officer of the town, who can sign their requests at any moment."""

    town: Town
    access_tokens: AccessTokens
    keyring: KeyRing
    issuer: str

    def scheduler(self, at: datetime) -> str:
        """The scheduler's Authorization, good for 15 minutes from `at`."""
        return self._bearer(self.town.scheduler, self.town.scheduler_sign_in, at)

    def officer(self, at: datetime) -> str:
        """The officer's Authorization."""
        return self._bearer(self.town.phone, self.town.phone_sign_in, at)

    def badge(self, at: datetime) -> str:
        """The token of the officer's badge, good for two minutes from `at`."""
        return mint_phone_badge(self.keyring, issuer=self.issuer, badge_id=self.town.badge, at=at)

    def _bearer(self, user: object, sign_in: object, at: datetime) -> str:
        started = SimpleNamespace(user_id=user, id=sign_in)
        return "Bearer " + self.access_tokens.issue(started, at)  # type: ignore[arg-type]


class Hello:
    """A bare Flask answer."""

    def request(self, number: int) -> bytes:
        """The same each time."""
        return b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    def is_right(self, status: int, body: bytes) -> bool:
        """It says hello."""
        return (status, body) == (200, b"hello")


class Booking:
    """Each request books another free slot."""

    def __init__(self, people: People, at: datetime) -> None:
        self._town = people.town
        self._authorization = people.scheduler(at)

    def request(self, number: int) -> bytes:
        """A slot that no other number books, one officer after another."""
        officer, start = self._town.slot(number)
        return booking(self._town, number, officer, start, self._authorization)

    def is_right(self, status: int, body: bytes) -> bool:
        """It is booked."""
        return status == 201 and b'"status":"booked"' in body


def booking(town: Town, number: int, officer: object, start: datetime, authorization: str) -> bytes:
    """The request that books this slot, for one of the residents."""
    body = {
        "resident_id": town.residents[number % len(town.residents)],
        "officer_id": officer,
        "purpose": PURPOSE,
        "starts_at": start,
        "duration_minutes": 30,
    }
    return request("POST", "/v1/visits", orjson.dumps(body), Authorization=authorization)


class Moving:
    """Each request moves another visit by half an hour, so that its resident has to be told."""

    def __init__(self, people: People, at: datetime) -> None:
        self._town = people.town
        self._authorization = people.scheduler(at)

    def request(self, number: int) -> bytes:
        """A visit that no other request has moved, or has moved as often."""
        visit, version, start = self._town.move(number)
        body = {"starts_at": start, "reason": "The officer is unwell", "requested_by": "council"}
        return request(
            "POST",
            f"/v1/visits/{visit}/moves",
            orjson.dumps(body),
            Authorization=self._authorization,
            If_Match=f'"{version}"',
        )

    def is_right(self, status: int, body: bytes) -> bool:
        """It is moved."""
        return status == 201 and b'"moved_to":' in body


class Day:
    """An officer's phone asks for the eight visits of one day."""

    def __init__(self, people: People, at: datetime) -> None:
        day = people.town.at.date().isoformat()
        self._asked = request("GET", f"/v1/me/visits?date={day}", Authorization=people.officer(at))

    def request(self, number: int) -> bytes:
        """The same each time."""
        return self._asked

    def is_right(self, status: int, body: bytes) -> bool:
        """All visits of the day are there."""
        return status == 200 and body.count(b'"reference":') == VISITS_OF_THE_DAY


class Listing:
    """50 of all visits, by start: the first page, or the last that is full."""

    def __init__(self, people: People, at: datetime, cursor: str | None = None) -> None:
        path = "/v1/visits?limit=50" + (f"&cursor={quote(cursor)}" if cursor else "")
        self._asked = request("GET", path, Authorization=people.scheduler(at))

    def request(self, number: int) -> bytes:
        """The same each time."""
        return self._asked

    def is_right(self, status: int, body: bytes) -> bool:
        """50 visits are there."""
        return status == 200 and body.count(b'"reference":') == 50


class BadgeFloor:
    """The same token, for the floor of a badge check."""

    def __init__(self, people: People, at: datetime) -> None:
        self._asked = request("GET", f"/b/{people.badge(at)}")

    def request(self, number: int) -> bytes:
        """The same each time."""
        return self._asked

    def is_right(self, status: int, body: bytes) -> bool:
        """It is genuine."""
        return status == 200 and b'"state":"genuine"' in body


class BadgeCheck:
    """A resident scans a genuine badge, as a program (JSON) or in a browser (HTML)."""

    def __init__(self, people: People, at: datetime, *, html: bool) -> None:
        accept = BROWSER if html else "application/json"
        self._asked = request("GET", f"/b/{people.badge(at)}", Accept=accept)
        self._wanted = b"Amina Yusuf" if html else b'"state":"genuine",'

    def request(self, number: int) -> bytes:
        """The same token, freshly minted; whether it is revoked is looked up each time."""
        return self._asked

    def is_right(self, status: int, body: bytes) -> bool:
        """It is the officer, and genuine."""
        return status == 200 and self._wanted in body
