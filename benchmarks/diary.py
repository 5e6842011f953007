"""The diary that slots are looked for in: 100 officers x 14 days x about 9,500 visits, always the same."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from benchmarks.town import write_tables
from models.slot_search import Ask
from models.wall_clock import instant

OFFICERS, RESIDENTS, DAYS = 100, 2000, 14
VISITS_OF_A_DAY = (4, 5, 6, 7, 8, 8, 9)
SKILLS = ("gas", "electrics", "plumbing", "asbestos")
DISTRICTS = ("HA0", "HA1", "HA2", "HA3", "HA4", "HA5", "HA7", "HA8", "HA9", "UB6", "NW9", "WD6")
EACH_CAN, EACH_GOES_TO = 2, 3
"""So that an officer in eight can do a visit of one skill in one district."""

NINE, FIVE, A_QUARTER = 9 * 60, 17 * 60, 15
SHORTEST_WAY = 10
VISIT_MINUTES = (20, 30, 45)
MIDDLE, HALF_WIDTH, HALF_HEIGHT = (51.5806, -0.342), 0.05, 0.035
"""Harrow: about 7 km by 8."""


class Diary:
    """Officers who work every day of two weeks, from nine to five with half an hour of lunch, and their visits."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.chance = random.Random(2026)
        self.officers = [self._new_id() for _ in range(OFFICERS)]
        self.residents = [self._new_id() for _ in range(RESIDENTS)]
        self.visits = list(self._visits())

    def fill(self, connection: Connection) -> None:
        """Write it all."""
        write_tables(
            connection,
            (("officers", self._officers()), ("residents", self._residents()), ("visits", iter(self.visits))),
        )

    def ask(self, *, of_all: bool = False) -> Ask:
        """A visit that somebody may want within the two weeks, of one skill in one district or of anybody's."""
        district = self.chance.choice(DISTRICTS)
        return Ask(
            earliest=self.at,
            latest=self.at + timedelta(days=DAYS),
            duration=timedelta(minutes=self.chance.choice((20, 30, 45, 60, 90))),
            place=self._place(),
            postcode=None if of_all else f"{district} 2RJ",
            skills=frozenset() if of_all else frozenset({self.chance.choice(SKILLS)}),
        )

    def _new_id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def _place(self) -> tuple[float, float]:
        return (
            MIDDLE[0] + self.chance.uniform(-HALF_HEIGHT, HALF_HEIGHT),
            MIDDLE[1] + self.chance.uniform(-HALF_WIDTH, HALF_WIDTH),
        )

    def _officers(self) -> Iterator[dict[str, Any]]:
        for number, officer in enumerate(self.officers):
            yield {
                "id": officer,
                "staff_number": f"D{number:04}",
                "display_name": "Amina Yusuf",
                "job_title": "Housing officer",
                "employment": "employee",
                "skills": self.chance.sample(SKILLS, EACH_CAN),
                "areas": self.chance.sample(DISTRICTS, EACH_GOES_TO),
                "active": True,
                "working_pattern": {
                    "days": [[[NINE, FIVE]]] * 7,
                    "lunch": [30, 12 * 60, 13 * 60 + 30],
                    "starts_from": list(self._place()),
                    "ends_at": list(self._place()),
                },
                "created_at": self.at,
            }

    def _residents(self) -> Iterator[dict[str, Any]]:
        for number, resident in enumerate(self.residents):
            latitude, longitude = self._place()
            yield {
                "id": resident,
                "name": f"Asha Adeyemi {number}",
                "phone": f"+447700900{number % 1000:03}",
                "language": "en",
                "contact_by": "text",
                "line_1": f"{number} Station Road",
                "town": "Harrow",
                "postcode": "HA1 2RJ",
                "latitude": latitude,
                "longitude": longitude,
                "created_at": self.at,
            }

    def _visits(self) -> Iterator[dict[str, Any]]:
        for officer in self.officers:
            for number in range(DAYS):
                day = self.at.date() + timedelta(days=number)
                for begins, ends in self._day():
                    visit_id = self._new_id()
                    yield {
                        "id": visit_id,
                        "reference": f"D{visit_id.hex[:8]}",
                        "resident_id": self.chance.choice(self.residents),
                        "officer_id": officer,
                        "purpose": "Repair inspection",
                        "skills": [],
                        "starts_at": instant(day, begins),
                        "ends_at": instant(day, ends),
                        "status": "booked",
                        "version": 1,
                        "first_promised_at": instant(day, begins),
                        "promise_number": 1,
                        "created_at": self.at,
                    }

    def _day(self) -> list[tuple[int, int]]:
        """The minutes of the day at which its visits begin and end: what is free of it is spread by chance."""
        lengths = [self.chance.choice(VISIT_MINUTES) for _ in range(self.chance.choice(VISITS_OF_A_DAY))]
        spare = FIVE - NINE - sum(lengths) - SHORTEST_WAY * (len(lengths) + 1)
        cuts = sorted(self.chance.randint(0, spare // 5) * 5 for _ in lengths)
        found, used = [], 0
        for place, (length, cut) in enumerate(zip(lengths, cuts, strict=True)):
            begins = NINE + (place + 1) * SHORTEST_WAY + cut + used
            found.append((begins, begins + length))
            used += length
        return found
