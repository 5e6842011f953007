"""What a report of a year costs, in process, while arrivals are corrected: each is asked as a client asks it."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import update

from api import create_app
from api.config import Settings
from benchmarks.full_year import DAYS, VISITS, Year
from benchmarks.load import WrongAnswer
from models import database, figure_index
from models.figures import By
from models.visit import Visit

IN_EACH_ROUND = 3


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds that one answer took, by the clock and of this thread's CPU time."""

    clock: float
    cpu: float


@dataclass
class ReportCosts:
    """What each report took, and what the first of all took."""

    first: Took | None = None
    each: dict[str, list[Took]] = field(default_factory=lambda: defaultdict(list))


class Reports:
    """Reports of one database, for rounds."""

    def __init__(self, url: str, year: Year, keys: Path, costs: ReportCosts) -> None:
        self._year, self.costs = year, costs
        figure_index.forget()
        settings = {"DATABASE_URL": url, "KEYS_DIR": str(keys), "LOG_LEVEL": "ERROR"}
        app = create_app(Settings.from_environment(settings))
        self._client = app.test_client()
        self._tokens = app.extensions["access_tokens"]
        self._span = f"from={_plain(year.since)}&to={_plain(year.since + timedelta(days=DAYS))}"
        _, costs.first = self._ask("/v1/reports/punctuality", "")
        self._ask("/v1/reports/notice", "")

    def round(self) -> None:
        """Ask for every report some times, each after somebody else's correction. Raises WrongAnswer."""
        parts = ["", *(f"&by={by}" for by in By)]
        for part in parts * IN_EACH_ROUND:
            self._correct()
            found = self._timed("punctuality", part)
            counted = sum(each["counted"] + sum(each["excluded"].values()) for each in found["groups"])
            if counted != VISITS:
                raise WrongAnswer(f"{counted} of {VISITS} visits are in the report {part}")
            self._timed("notice", part)
        for _ in range(IN_EACH_ROUND):
            self._timed("punctuality/visits", "&by=ward&group=Ward 7&result=late&limit=200")
            self._timed("notice/changes", "&by=team&group=Heating&result=met&limit=200")
            self._timed("punctuality", "&by=officer", "text/csv")

    def _timed(self, report: str, part: str, accept: str = "application/json") -> Any:
        answer, took = self._ask(f"/v1/reports/{report}", part, accept)
        name = f"{report} {part.partition('&limit')[0].lstrip('&').replace('&', ' ')}".strip()
        self.costs.each[name + (", CSV" if accept == "text/csv" else "")].append(took)
        return answer

    def _ask(self, path: str, part: str, accept: str = "application/json") -> tuple[Any, Took]:
        started = SimpleNamespace(user_id=self._year.scheduler, id=self._year.scheduler_sign_in)
        headers = {"Authorization": f"Bearer {self._tokens.issue(started, self._year.at)}", "Accept": accept}
        begun, cpu = time.perf_counter(), time.thread_time()
        answer = self._client.get(f"{path}?{self._span}{part}", headers=headers)
        took = Took(time.perf_counter() - begun, time.thread_time() - cpu)
        if answer.status_code != 200:
            raise WrongAnswer(f"{path} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json if accept == "application/json" else None, took

    def _correct(self) -> None:
        """Another time for one arrival, written as another process would: a day has to be read anew."""
        visit = self._year.chance.choice(self._year.visits)
        if visit["arrived_at"] is not None:
            visit["arrived_at"] += timedelta(seconds=1)
            with database.transaction() as session:
                corrected = update(Visit).where(Visit.id == visit["id"])
                session.execute(corrected.values(arrived_at=visit["arrived_at"]))


def _plain(at: Any) -> str:
    return str(at.isoformat().replace("+00:00", "Z"))
