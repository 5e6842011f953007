"""The town that is measured: officers, residents and visits, the same on every database.

Identifiers come from a seeded generator, so that whoever sends requests knows them without asking.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from migrations.tables import metadata
from models.bank_holidays import is_bank_holiday
from models.clock import LONDON

OFFICERS = 100
RESIDENTS = 2000
VISITS_OF_THE_DAY = 8
PURPOSE = "Repair inspection"

_BETWEEN_VISITS = timedelta(hours=2)
_VISIT = timedelta(minutes=30)
_MOVES_OF_ONE_VISIT = 3
_ROWS_AT_ONCE = 2000


def write_tables(connection: Connection, tables: Iterable[tuple[str, Iterator[dict[str, Any]]]]) -> None:
    """Write these rows, table by table, and commit."""
    for table, rows in tables:
        insert = metadata.tables[table].insert()
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            connection.execute(insert, batch)
    connection.commit()


def morning(at: datetime) -> datetime:
    """The next Tuesday at 10:00 in London after `at`: no night holds a text back, every officer is on duty."""
    local = at.astimezone(LONDON)
    day = local.date() + timedelta(days=(1 - local.weekday()) % 7 or 7)
    while is_bank_holiday(day):
        day += timedelta(days=7)
    return datetime.combine(day, time(10), LONDON).astimezone(UTC)


@dataclass(frozen=True)
class Town:
    """Everybody and every visit there is before the first request; `at` is when the measuring begins."""

    at: datetime
    size: int
    officers: list[UUID] = field(init=False)
    residents: list[UUID] = field(init=False)
    visits: list[UUID] = field(init=False)
    scheduler: UUID = field(init=False)
    scheduler_sign_in: UUID = field(init=False)
    day_officer: UUID = field(init=False)
    phone: UUID = field(init=False)
    phone_sign_in: UUID = field(init=False)
    badge: UUID = field(init=False)

    def __post_init__(self) -> None:
        chance = random.Random(2026)

        def new() -> UUID:
            return UUID(int=chance.getrandbits(128), version=4)

        for name in ("scheduler", "scheduler_sign_in", "day_officer", "phone", "phone_sign_in", "badge"):
            object.__setattr__(self, name, new())
        for name, count in (("officers", OFFICERS), ("residents", RESIDENTS), ("visits", self.size)):
            object.__setattr__(self, name, [new() for _ in range(count)])

    @property
    def first_day(self) -> datetime:
        """The first visit begins here, two days after the measuring."""
        return self.at.replace(hour=0, minute=0) + timedelta(days=2)

    def visit_start(self, number: int) -> datetime:
        """When the visit of this number begins, before anything is moved: one every two hours for each officer."""
        return self.first_day + number // OFFICERS * _BETWEEN_VISITS

    @property
    def days(self) -> int:
        """How many days the visits fill."""
        return (self.visit_start(self.size - 1) - self.first_day).days + 1

    def slot(self, number: int) -> tuple[UUID, datetime]:
        """The officer and the start of a booking that clashes with no other number's."""
        start = self.first_day + timedelta(days=self.days + 1) + number // OFFICERS * _VISIT
        return self.officers[number % OFFICERS], start

    def move(self, number: int) -> tuple[UUID, int, datetime]:
        """A visit, the version it has and the free time it moves to. Each visit is moved once, then each again.

        Raises IndexError when every visit was moved as often as there is room for: ask for more visits.
        """
        times, which = divmod(number, self.size)
        if times >= _MOVES_OF_ONE_VISIT:
            raise IndexError(f"all {self.size} visits were moved {times} times: measure with more --visits")
        return self.visits[which], times + 1, self.visit_start(which) + (times + 1) * _VISIT

    def fill(self, connection: Connection) -> None:
        """Write the whole town."""
        write_tables(
            connection,
            (
                ("officers", self._officers()),
                ("residents", self._residents()),
                ("users", self._users()),
                ("sign_ins", self._sign_ins()),
                ("badges", self._badges()),
                ("visits", self._visits()),
                ("promises", self._promises()),
                ("visit_events", self._events()),
                ("messages", self._messages()),
            ),
        )

    def _officers(self) -> Iterator[dict[str, Any]]:
        for number, officer in enumerate([*self.officers, self.day_officer]):
            yield {
                "id": officer,
                "staff_number": f"B{number:04}",
                "display_name": "Amina Yusuf",
                "job_title": "Housing officer",
                "employment": "employee",
                "skills": [],
                "active": True,
                "photo_id": UUID(int=number + 1),
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
                "latitude": 51.58737,
                "longitude": -0.32932,
                "created_at": self.at,
            }

    def _users(self) -> Iterator[dict[str, Any]]:
        for user, role, officer in (
            (self.scheduler, "scheduler", None),
            (self.phone, "officer", self.day_officer),
        ):
            yield {
                "id": user,
                "username": role,
                "password_hash": "-",
                "role": role,
                "officer_id": officer,
                "active": True,
                "created_at": self.at,
            }

    def _sign_ins(self) -> Iterator[dict[str, Any]]:
        yield {"id": self.scheduler_sign_in, "user_id": self.scheduler, "started_at": self.at}
        yield {"id": self.phone_sign_in, "user_id": self.phone, "started_at": self.at}

    def _badges(self) -> Iterator[dict[str, Any]]:
        yield {
            "id": self.badge,
            "officer_id": self.day_officer,
            "kind": "phone",
            "handle": 4711,
            "issued_at": self.at,
        }

    def _plan(self) -> Iterator[tuple[UUID, UUID, UUID, datetime]]:
        """Each visit with its officer, its resident and its start, in the order of their numbers."""
        for number, visit in enumerate(self.visits):
            resident = self.residents[number % RESIDENTS]
            yield visit, self.officers[number % OFFICERS], resident, self.visit_start(number)
        nine = self.at.replace(minute=0) - timedelta(hours=1)
        for number in range(VISITS_OF_THE_DAY):
            resident = self.residents[number * 7]
            yield UUID(int=number + 1), self.day_officer, resident, nine + number * timedelta(hours=1)

    def _visits(self) -> Iterator[dict[str, Any]]:
        for number, (visit, officer, resident, start) in enumerate(self._plan()):
            yield {
                "id": visit,
                "reference": f"B{number}",
                "resident_id": resident,
                "officer_id": officer,
                "purpose": PURPOSE,
                "skills": [],
                "starts_at": start,
                "ends_at": start + _VISIT,
                "status": "booked",
                "version": 1,
                "first_promised_at": start,
                "promise_number": 1,
                "created_at": self.at,
            }

    def _promises(self) -> Iterator[dict[str, Any]]:
        for number, (visit, _, _, start) in enumerate(self._plan()):
            yield {
                "id": UUID(int=number + 1),
                "visit_id": visit,
                "number": 1,
                "starts_at": start,
                "made_at": self.at,
                "made_by_id": self.scheduler,
            }

    def _events(self) -> Iterator[dict[str, Any]]:
        for number, (visit, officer, _, start) in enumerate(self._plan()):
            yield {
                "id": UUID(int=number + 1),
                "visit_id": visit,
                "kind": "booked",
                "occurred_at": self.at,
                "recorded_at": self.at,
                "by_id": self.scheduler,
                "details": {"starts_at": start.isoformat(), "officer_id": str(officer)},
            }

    def _messages(self) -> Iterator[dict[str, Any]]:
        for number, (visit, _, resident, start) in enumerate(self._plan()):
            yield {
                "id": UUID(int=number + 1),
                "news_id": UUID(int=number + 1),
                "visit_id": visit,
                "resident_id": resident,
                "number": 1,
                "kind": "booked",
                "channel": "text",
                "status": "delivered",
                "reference": f"B{number}",
                "to_address": "+447700900123",
                "language": "en",
                "lane": 3,
                "starts_at": start,
                "decided_at": self.at,
                "reference_at": start,
                "send_at": self.at,
                "expires_at": start,
                "attempts": 1,
                "next_try_at": self.at,
                "lookups": 0,
                "accepted_at": self.at,
                "delivered_at": self.at,
                "receipt_rank": 3,
            }


def overlaps(connection: Connection) -> int:
    """How many visits begin before the officer's last one has ended, by a query that trusts no constraint."""
    return int(
        connection.execute(
            text(
                "SELECT count(*) FROM (SELECT starts_at, lag(ends_at) OVER"
                " (PARTITION BY officer ORDER BY starts_at, id) AS previous_ends_at FROM ("
                "SELECT officer_id AS officer, starts_at, ends_at, id, status FROM visits UNION ALL"
                " SELECT second_officer_id, starts_at, ends_at, id, status FROM visits) AS times"
                " WHERE officer IS NOT NULL AND status <> 'cancelled') AS diary"
                " WHERE previous_ends_at > starts_at"
            )
        ).scalar_one()
    )
