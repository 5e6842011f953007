"""The year that reports are counted from: 250,000 visits, and what became of them, the same on every database."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from benchmarks.town import write_tables

VISITS, DAYS = 250_000, 365
OFFICERS, RESIDENTS, VISITS_OF_A_DAY = 137, 5_000, 5
TEAMS = ("Repairs North", "Repairs South", "Heating", "Damp", "Benefits", "Adult care", "Children", "Surveys")
WARDS = tuple(f"Ward {number}" for number in range(1, 23))
LANGUAGES = ("en",) * 14 + ("gu", "ro", "ta", "pl", "ar", "so")
TYPES = ("repair", "survey", "safety check", "care assessment", "benefit review", None)
ENDS = ("completed",) * 44 + ("no_access", "no_access", "cancelled", "cancelled", "booked", "no arrival")
"""What becomes of a visit: one in fifty of those that end has no arrival, and of one in fifty nobody knows."""
REASONS = ("Officer ill", "Van broke down", "Resident away", "Materials late", "Officer in court")
MOVED_OF_A_HUNDRED = 15

_NINE, _APART, _LONG = timedelta(hours=9), timedelta(minutes=90), timedelta(minutes=30)


class Year:
    """The year that ends at midnight before `at`."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.since = at.replace(hour=0, minute=0) - timedelta(days=DAYS)
        self.chance = random.Random(2026)
        self.officers = [self._new_id() for _ in range(OFFICERS)]
        self.residents = [self._new_id() for _ in range(RESIDENTS)]
        self.scheduler, self.scheduler_sign_in = self._new_id(), self._new_id()
        self.visits: list[dict[str, Any]] = []

    def fill(self, connection: Connection) -> None:
        """Write it all."""
        self.visits = [self._visit(number) for number in range(VISITS)]
        moved = [visit for visit in self.visits if self.chance.randrange(100) < MOVED_OF_A_HUNDRED]
        late = [visit for visit in self.visits if _minutes_late(visit) > 15 and self.chance.random() < 0.6]
        moves = [self._move(visit) for visit in moved]
        write_tables(
            connection,
            (
                ("officers", self._officers()),
                ("residents", self._residents()),
                ("users", self._users()),
                (
                    "sign_ins",
                    iter([{"id": self.scheduler_sign_in, "user_id": self.scheduler, "started_at": self.at}]),
                ),
                ("visits", iter(self.visits)),
                ("promises", (self._promise(visit) for visit in self.visits)),
                ("visit_events", (event for event, _, _ in moves)),
                ("messages", (message for _, message, _ in moves)),
                ("messages", (self._late_text(visit) for visit in late)),
                ("notices", (notice for _, _, notice in moves)),
            ),
        )
        # What a whole year has noted is purged day by day.
        connection.execute(text("DELETE FROM figure_changes"))
        connection.execute(text("DELETE FROM diary_changes"))
        connection.commit()

    def _new_id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def _officers(self) -> Iterator[dict[str, Any]]:
        for number, officer in enumerate(self.officers):
            contractor = number % 5 == 4
            yield {
                "id": officer,
                "staff_number": f"Y{number:04}",
                "display_name": "Amina Yusuf",
                "job_title": "Housing officer",
                "employment": "contractor" if contractor else "employee",
                "company": "Northwick Heating Ltd" if contractor else None,
                "contract_ends_on": self.at.date() + timedelta(days=365) if contractor else None,
                "team": TEAMS[number % len(TEAMS)],
                "skills": [],
                "active": True,
                "created_at": self.since,
            }

    def _residents(self) -> Iterator[dict[str, Any]]:
        for number, resident in enumerate(self.residents):
            yield {
                "id": resident,
                "name": f"Asha Adeyemi {number}",
                "phone": f"+447700900{number % 1000:03}",
                "language": self.chance.choice(LANGUAGES),
                "contact_by": "text",
                "line_1": f"{number} Station Road",
                "town": "Harrow",
                "postcode": "HA1 2RJ",
                "ward": self.chance.choice(WARDS),
                "created_at": self.since,
            }

    def _users(self) -> Iterator[dict[str, Any]]:
        yield {
            "id": self.scheduler,
            "username": "scheduler",
            "password_hash": "-",
            "role": "scheduler",
            "active": True,
            "created_at": self.since,
        }

    def _visit(self, number: int) -> dict[str, Any]:
        """Each officer has five visits a day, an hour and a half apart."""
        day, of_day = divmod(number, OFFICERS * VISITS_OF_A_DAY)
        turn, officer = divmod(of_day, OFFICERS)
        start = self.since + timedelta(days=day) + _NINE + turn * _APART
        end = self.chance.choice(ENDS)
        came = end in ("completed", "no_access")
        arrived_at = start + timedelta(seconds=round(self.chance.gauss(180, 480))) if came else None
        return {
            "id": self._new_id(),
            "reference": f"Y{number}",
            "resident_id": self.residents[number % RESIDENTS],
            "officer_id": self.officers[officer],
            "purpose": "Repair inspection",
            "visit_type": self.chance.choice(TYPES),
            "skills": [],
            "starts_at": start,
            "ends_at": start + _LONG,
            "status": "completed" if end == "no arrival" else end,
            "version": 1,
            "first_promised_at": start,
            "promise_number": 1,
            "arrived_at": arrived_at,
            "arrival_recorded_at": arrived_at,
            "arrival_promised_at": start if came else None,
            "arrival_flags": [] if came else None,
            "created_at": start - timedelta(days=10),
        }

    def _promise(self, visit: dict[str, Any]) -> dict[str, Any]:
        made_at = visit["created_at"]
        return {
            "id": self._new_id(),
            "visit_id": visit["id"],
            "number": 1,
            "starts_at": visit["starts_at"],
            "made_at": made_at,
        }

    def _move(self, visit: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """A change of the visit, with its text and its notice: told at once, most of them days ahead."""
        start = visit["starts_at"]
        at = start - timedelta(hours=self.chance.choice((3, 20, 30, 60, 90)))
        event_id, message = self._new_id(), self._text(visit, 1, "moved", at)
        event = {
            "id": event_id,
            "visit_id": visit["id"],
            "kind": "moved",
            "occurred_at": at,
            "recorded_at": at,
            "details": {},
        }
        notice = {
            "event_id": event_id,
            "visit_id": visit["id"],
            "change": "moved",
            "decided_at": at,
            "requested_by": self.chance.choice(("council", "council", "resident")),
            "reason": self.chance.choice(REASONS),
            "told_starts_at": start,
            "from_starts_at": start,
            "to_starts_at": start,
            "reference_at": start,
            "possible": start - at >= timedelta(hours=24),
            "due": True,
            "message_id": message["id"],
            "handed_over_at": message["accepted_at"],
            "told_at": message["delivered_at"],
            "told_by": "text",
        }
        return event, message, notice

    def _late_text(self, visit: dict[str, Any]) -> dict[str, Any]:
        return self._text(visit, 2, "delayed", visit["starts_at"] - timedelta(minutes=self.chance.randint(-5, 30)))

    def _text(self, visit: dict[str, Any], number: int, kind: str, at: datetime) -> dict[str, Any]:
        message_id = self._new_id()
        return {
            "id": message_id,
            "news_id": message_id,
            "visit_id": visit["id"],
            "resident_id": visit["resident_id"],
            "number": number,
            "kind": kind,
            "channel": "text",
            "status": "delivered",
            "reference": message_id.hex[:12],
            "to_address": "+447700900123",
            "language": "en",
            "lane": 2,
            "starts_at": visit["starts_at"],
            "decided_at": at,
            "reference_at": visit["starts_at"],
            "send_at": at,
            "expires_at": visit["starts_at"],
            "attempts": 1,
            "next_try_at": at,
            "lookups": 0,
            "accepted_at": at + timedelta(seconds=5),
            "delivered_at": at + timedelta(seconds=20),
            "receipt_rank": 3,
        }


def _minutes_late(visit: dict[str, Any]) -> float:
    arrived_at: datetime | None = visit["arrived_at"]
    return 0 if arrived_at is None else (arrived_at - visit["starts_at"]).total_seconds() / 60
