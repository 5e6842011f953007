"""What a refresh of today's board costs, in process, while officers arrive: asked for as a browser asks."""

import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from sqlalchemy import update

from api import create_app
from api.config import Settings
from benchmarks.load import WrongAnswer
from benchmarks.today import TO_RING, WITHOUT_OFFICER, Today
from models import clock, database
from models.standards import LATE_FROM, MISSED_AFTER
from models.visit import Visit

REFRESHES = 40
"""How many in each round."""


class Took(NamedTuple):
    """Seconds that one refresh took by the clock, and of this thread's CPU time."""

    clock: float
    cpu: float


@dataclass
class BoardCosts:
    """What the first refresh took, and each after it."""

    first: Took | None = None
    each: list[Took] = field(default_factory=list)


class Refreshes:
    """The board of one database, for rounds, on a clock that stands still in the middle of the day."""

    def __init__(self, url: str, today: Today, keys: Path, costs: BoardCosts) -> None:
        self._today, self.costs = today, costs
        clock.read_from(lambda: today.at)
        app = create_app(
            Settings.from_environment({"DATABASE_URL": url, "KEYS_DIR": str(keys), "LOG_LEVEL": "ERROR"})
        )
        self._browser = app.test_client()
        started = SimpleNamespace(user_id=today.scheduler, id=today.sign_in)
        self._browser.set_cookie("staff", app.extensions["access_tokens"].issue(started, today.at), path="/staff")
        self.costs.first = self._refresh()

    def round(self) -> None:
        """Refresh some times, each after somebody has arrived. Raises WrongAnswer."""
        for _ in range(REFRESHES):
            self._arrive()
            self.costs.each.append(self._refresh())

    def _refresh(self) -> Took:
        begun, cpu = time.perf_counter(), time.thread_time()
        answer = self._browser.get("/staff/board")
        took = Took(time.perf_counter() - begun, time.thread_time() - cpu)
        self._check(answer.status_code, answer.text)
        return took

    def _check(self, status: int, page: str) -> None:
        """The counts are those of whoever looks at every visit."""
        said = dict(re.findall(r'id="([a-z-]+)" tabindex="-1">[^:]+: (\d+)<', page))
        right = {
            "late": self._today.waiting(LATE_FROM, MISSED_AFTER),
            "nobody-came": self._today.waiting(MISSED_AFTER - timedelta(microseconds=1), timedelta(days=1)),
            "to-ring": TO_RING,
            "unassigned": WITHOUT_OFFICER,
        }
        wrong = {name: said.get(name) for name, count in right.items() if said.get(name) != str(count)}
        if status != 200 or wrong or said["at-risk"] == "0" or said["untold"] == "0":
            raise WrongAnswer(f"the board answered {status} with {said}, and not {right}")

    def _arrive(self) -> None:
        """Somebody arrives at a visit that should have begun, or says that they did not after all."""
        due = [
            each for each in self._today.of_today if each["starts_at"] < self._today.at and not each["finished_at"]
        ]
        visit = self._today.chance.choice(due)
        arrived = visit["status"] == "booked"
        visit |= {"status": "arrived" if arrived else "booked", "arrived_at": self._today.at if arrived else None}
        with database.transaction() as session:
            changed = update(Visit).where(Visit.id == visit["id"])
            session.execute(changed.values(status=visit["status"], arrived_at=visit["arrived_at"]))
