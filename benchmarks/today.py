"""The middle of a busy day at the end of a year of 250,000 visits, the same on every database."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from benchmarks.town import write_tables
from models.clock import LONDON

VISITS, OFFICERS, RESIDENTS, VISITS_OF_A_DAY = 250_000, 140, 2000, 7
DAYS_AHEAD = 5
WITHOUT_OFFICER, TO_RING, RUNG = 200, 60, 20_000
CHANGED = 10
"""One visit in so many was moved."""

_OPENS, _CLOSES = 9 * 60, 17 * 60
_NINE, _APART, _LONG = timedelta(hours=9), timedelta(minutes=60), timedelta(minutes=40)
MIDDLE, HALF_WIDTH, HALF_HEIGHT = (51.5806, -0.342), 0.05, 0.035


class Today:
    """140 officers with seven visits a day, of whom a few run late or have not come at all."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.chance = random.Random(2026)
        self.officers = [self._new_id() for _ in range(OFFICERS)]
        self.residents = [self._new_id() for _ in range(RESIDENTS)]
        self.scheduler, self.sign_in = self._new_id(), self._new_id()
        self.midnight = at.astimezone(LONDON).replace(hour=0, minute=0, second=0, microsecond=0)
        self.visits = [self._visit(number) for number in range(VISITS)]
        ends = self.midnight + timedelta(days=1)
        self.of_today = [visit for visit in self.visits if self.midnight <= visit["starts_at"] < ends]
        self.changes = [self._change(visit) for visit in self.visits[::CHANGED]]

    def fill(self, connection: Connection) -> None:
        """Write it all."""
        write_tables(
            connection,
            (
                ("officers", self._officers()),
                ("residents", self._residents()),
                ("users", iter([self._user()])),
                ("sign_ins", iter([{"id": self.sign_in, "user_id": self.scheduler, "started_at": self.at}])),
                ("visits", iter(self.visits)),
                ("visits", self._without_officer()),
                ("visit_events", (event for event, _, _ in self.changes)),
                ("messages", (message for _, message, _ in self.changes)),
                ("messages", self._booked()),
                ("notices", (notice for _, _, notice in self.changes)),
                ("contact_tasks", self._tasks()),
            ),
        )

    def waiting(self, after: timedelta, until: timedelta) -> int:
        """How many visits of today began over `after` ago and less than `until`, and nobody has come to them."""
        return sum(
            visit["status"] == "booked" and after < self.at - visit["starts_at"] < until for visit in self.of_today
        )

    def _new_id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def _user(self) -> dict[str, Any]:
        return {
            "id": self.scheduler,
            "username": "scheduler",
            "password_hash": "-",
            "role": "scheduler",
            "active": True,
            "created_at": self.at,
        }

    def _officers(self) -> Iterator[dict[str, Any]]:
        for number, officer in enumerate(self.officers):
            yield {
                "id": officer,
                "staff_number": f"T{number:04}",
                "display_name": f"Amina Yusuf {number}",
                "job_title": "Housing officer",
                "employment": "employee",
                "skills": [],
                "active": True,
                "working_pattern": {
                    "days": [[[_OPENS, _CLOSES]]] * 7,
                    "lunch": [20, 12 * 60, 14 * 60],
                    "starts_from": None,
                    "ends_at": None,
                },
                "created_at": self.at,
            }

    def _residents(self) -> Iterator[dict[str, Any]]:
        for number, resident in enumerate(self.residents):
            yield {
                "id": resident,
                "name": f"Asha Adeyemi {number}",
                "phone": f"+447700900{number % 1000:03}",
                "language": "en",
                "contact_by": "text",
                "line_1": f"{number} Station Road",
                "town": "Harrow",
                "postcode": "HA1 2RJ",
                "latitude": MIDDLE[0] + self.chance.uniform(-HALF_HEIGHT, HALF_HEIGHT),
                "longitude": MIDDLE[1] + self.chance.uniform(-HALF_WIDTH, HALF_WIDTH),
                "created_at": self.at,
            }

    def _visit(self, number: int, officer: UUID | None = None) -> dict[str, Any]:
        """Each officer has one each hour from nine, day after day until some days after today."""
        days, of_day = divmod(number, OFFICERS * VISITS_OF_A_DAY)
        turn, nth = divmod(of_day, OFFICERS)
        start = self.midnight + timedelta(days=DAYS_AHEAD - days) + _NINE + turn * _APART
        visit = {
            "id": self._new_id(),
            "reference": f"T{number}",
            "resident_id": self.residents[number % RESIDENTS],
            "officer_id": self.officers[nth],
            "purpose": "Repair inspection",
            "skills": [],
            "starts_at": start,
            "ends_at": start + _LONG,
            "status": "booked",
            "version": 1,
            "first_promised_at": start,
            "promise_number": 1,
            "arrived_at": None,
            "finished_at": None,
            "created_at": start - timedelta(days=10),
        }
        arrived_at = start + timedelta(minutes=self.chance.randint(-5, 25))
        # One in thirty of those that should have begun has not.
        if arrived_at < self.at and self.chance.randrange(30):
            finished_at = start + _LONG
            over = finished_at < self.at
            visit |= {
                "status": "completed" if over else "arrived",
                "arrived_at": arrived_at,
                "finished_at": finished_at if over else None,
            }
        return visit

    def _without_officer(self) -> Iterator[dict[str, Any]]:
        for number in range(WITHOUT_OFFICER):
            start = self.at + timedelta(hours=1 + number)
            yield self.visits[0] | {
                "id": self._new_id(),
                "reference": f"U{number}",
                "officer_id": None,
                "starts_at": start,
                "ends_at": start + _LONG,
                "status": "booked",
                "arrived_at": None,
                "finished_at": None,
            }

    def _change(self, visit: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """A move with its text and its notice; of one in ten it is not known whether the resident was told."""
        start = visit["starts_at"]
        at = min(start - timedelta(days=2), self.at)
        event_id, told = self._new_id(), self.chance.randrange(10) > 0
        message = self._text(visit, 2, "moved", at, told)
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
            "requested_by": "council",
            "reason": "Officer ill",
            "told_starts_at": start,
            "from_starts_at": start,
            "to_starts_at": start,
            "reference_at": start,
            "possible": True,
            "due": True,
            "message_id": message["id"],
            "handed_over_at": message["accepted_at"],
            "told_at": message["delivered_at"],
        }
        return event, message, notice

    def _booked(self) -> Iterator[dict[str, Any]]:
        for visit in self.visits:
            yield self._text(visit, 1, "booked", visit["created_at"], True)

    def _text(self, visit: dict[str, Any], number: int, kind: str, at: datetime, told: bool) -> dict[str, Any]:
        message_id = self._new_id()
        return {
            "id": message_id,
            "news_id": message_id,
            "visit_id": visit["id"],
            "resident_id": visit["resident_id"],
            "number": number,
            "kind": kind,
            "channel": "text",
            "status": "delivered" if told else "accepted",
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
            "accepted_at": at,
            "delivered_at": at if told else None,
            "receipt_rank": 3,
        }

    def _tasks(self) -> Iterator[dict[str, Any]]:
        for number in range(TO_RING + RUNG):
            is_open = number < TO_RING
            yield {
                "id": self._new_id(),
                "visit_id": self.visits[number]["id"],
                "resident_id": self.visits[number]["resident_id"],
                "reason": "no_receipt",
                "detail": "moved",
                "due_at": self.at + timedelta(minutes=number - TO_RING // 2),
                "status": "open" if is_open else "done",
                "created_at": self.at,
                "done_at": None if is_open else self.at,
            }
