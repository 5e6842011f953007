"""`python -m tests.chaos_phones`: phones without signal, by the worst of luck; every event once, and none lost.

Each officer's phone has a clock of its own, up to a day off, and sends what it has kept in any order, again and
again. Three requests in ten get lost, on their way or on the way back, and now and then the server dies half-way
through one. What is counted is what stands in the histories at the end. Exit status 1: something was wrong.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select

from api import create_app, sync
from api.config import Settings
from models import clock, database, user
from models.phone_clock import SMALL
from models.user import Role, User
from models.visit import Visit
from models.visit_event import VisitEvent
from tests import databases, factories

VISITS_A_DAY = 5
LOST, DIES = 0.3, 0.03
FARTHEST_OFF_S = 86_400
FIRST_VISIT = datetime(2026, 11, 23, 9, tzinfo=UTC)
EVENING = FIRST_VISIT + timedelta(hours=14)


class Died(BaseException):
    """The server, in the middle of a request."""


@dataclass
class Event:
    """Something that happened at a visit, and whether the phone was told that we know."""

    kind: str
    visit_id: UUID
    happened_at: datetime
    times: dict[str, datetime]
    more: dict[str, Any] = field(default_factory=dict)
    client_id: UUID = field(default_factory=uuid4)
    answer: Any = None

    def as_sent(self, off: timedelta) -> dict[str, Any]:
        """The same with the times that the phone showed."""
        times = {name: (at + off).isoformat() for name, at in self.times.items()}
        ids = {"client_id": str(self.client_id), "visit_id": str(self.visit_id)}
        return {"type": self.kind, **ids, **times, **self.more}


KINDS = {
    "departure": "departed",
    "delay": "delayed",
    "arrival": "arrived",
    "badge_shown": "badge_shown",
    "outcome": "finished",
}


@dataclass
class Verdict:
    """What there was, and what was wrong with it."""

    days: int = 0
    events: int = 0
    requests: int = 0
    sent: int = 0
    lost: int = 0
    deaths: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.days} officer-days, {self.events} events, sent {self.sent} times in {self.requests} requests:"
            f" {self.lost} requests or answers lost, {self.deaths} deaths, {len(self.wrong)} wrong"
        )


class Phone:
    """One officer's day and phone."""

    def __init__(self, app: Flask, chance: random.Random, verdict: Verdict) -> None:
        self._app, self._chance, self._verdict = app, chance, verdict
        self._now = FIRST_VISIT - timedelta(days=1)
        clock.read_from(lambda: self._now)
        # Half of the clocks are off by seconds or minutes, as most wrong clocks are.
        most = chance.choice((10, 600, FARTHEST_OFF_S, FARTHEST_OFF_S))
        self._off = timedelta(seconds=chance.uniform(-most, most))
        self._sign_in = self._signed_in()
        self.events = [event for visit in self._visits() for event in self._happenings(visit)]

    def _signed_in(self) -> Any:
        self._officer = factories.officer()
        account = User(
            id=uuid4(),
            username=uuid4().hex,
            password_hash="-",
            role=Role.OFFICER,
            officer_id=self._officer.id,
            active=True,
            created_at=self._now,
        )
        with database.transaction() as session:
            session.add(account)
            session.flush()
            return user.sign_in(session, account, self._now)[0]

    def _visits(self) -> Iterator[Visit]:
        resident = factories.resident()
        for number in range(VISITS_A_DAY):
            yield factories.visit(resident, self._officer, FIRST_VISIT + number * timedelta(minutes=90))

    def _happenings(self, visit: Visit) -> Iterator[Event]:
        """What happened at a visit; every step but the outcome may have been forgotten."""
        arrived_at = visit.starts_at + timedelta(minutes=self._chance.uniform(-20, 40))
        departed_at = arrived_at - timedelta(minutes=self._chance.uniform(5, 20))
        finished_at = arrived_at + timedelta(minutes=self._chance.uniform(1, 30))
        if self._chance.random() < 0.9:
            yield Event("departure", visit.id, departed_at, {"departed_at": departed_at})
        for _ in range(self._chance.choice((0, 0, 1, 2))):
            said_at = departed_at + (arrived_at - departed_at) * self._chance.random()
            expected_at = arrived_at + timedelta(minutes=self._chance.uniform(-5, 5))
            yield Event("delay", visit.id, said_at, {"reported_at": said_at, "expected_at": expected_at})
        if self._chance.random() < 0.9:
            yield Event("arrival", visit.id, arrived_at, {"arrived_at": arrived_at})
        for _ in range(self._chance.choice((0, 1, 1, 2))):
            shown_at = arrived_at + (finished_at - arrived_at) * self._chance.random()
            yield Event("badge_shown", visit.id, shown_at, {"shown_at": shown_at})
        outcome = self._chance.choice(("completed", "no_access"))
        yield Event("outcome", visit.id, finished_at, {"finished_at": finished_at}, {"outcome": outcome})

    def live_through_the_day(self) -> None:
        """Try to send, whenever there seems to be signal, until all has been answered and a little longer."""
        self._now = FIRST_VISIT
        while self._now < EVENING or any(event.answer is None for event in self.events):
            self._now += timedelta(minutes=self._chance.expovariate(1 / 60))
            happened = [event for event in self.events if event.happened_at <= self._now]
            if happened:
                self._try(self._batch(happened))

    def _batch(self, happened: list[Event]) -> list[Event]:
        """Some of what has no answer, some of what has one, and some of it twice, in any order."""
        batch = [event for event in happened if event.answer is None and self._chance.random() < 0.8]
        batch += self._chance.choices(happened, k=self._chance.randrange(3))
        batch = batch or [self._chance.choice(happened)]
        self._chance.shuffle(batch)
        return batch

    def _try(self, batch: list[Event]) -> None:
        self._verdict.requests += 1
        lost = self._chance.random() < LOST
        self._verdict.lost += lost
        if lost and self._chance.random() < 0.5:
            return
        self._verdict.sent += len(batch)
        answer = self._send(batch)
        if answer is None or lost:
            return
        assert answer.status_code == 207, answer.text
        for event, result in zip(batch, answer.json["results"], strict=True):
            self._read(event, result)

    def _send(self, batch: list[Event]) -> Any:
        token = self._app.extensions["access_tokens"].issue(self._sign_in, self._now)
        body = {
            "sent_at": (self._now + self._off).isoformat(),
            "events": [event.as_sent(self._off) for event in batch],
        }
        dies_after = self._chance.randrange(len(batch)) if self._chance.random() < DIES else None
        with dying(dies_after):
            try:
                return self._app.test_client().post(
                    "/v1/me/sync", json=body, headers={"Authorization": f"Bearer {token}"}
                )
            except Died:
                self._verdict.deaths += 1
                return None

    def _read(self, event: Event, result: Any) -> None:
        if (result["client_id"], result["status"]) != (str(event.client_id), 201):
            self._verdict.wrong.append(f"{event.kind} was answered {result}")
        if event.kind in ("arrival", "delay", "badge_shown") and event.answer not in (None, result):
            self._verdict.wrong.append(f"{event.kind} was answered {result} after {event.answer}")
        event.answer = result

    def judge(self) -> None:
        """Compare what happened with what stands in the histories."""
        with database.reading() as session:
            visit_ids = {event.visit_id for event in self.events}
            lines = session.scalars(
                select(VisitEvent).where(VisitEvent.visit_id.in_(visit_ids), VisitEvent.client_id.is_not(None))
            ).all()
            visits = {visit.id: visit for visit in session.scalars(select(Visit).where(Visit.id.in_(visit_ids)))}
        written = Counter((line.visit_id, line.client_id, line.kind.value) for line in lines)
        happened = Counter((event.visit_id, event.client_id, KINDS[event.kind]) for event in self.events)
        if written != happened:
            self._verdict.wrong.append(f"lost {happened - written}, too many {written - happened}")
        by_id = {line.client_id: line for line in lines}
        for event in self.events:
            self._judge_event(event, by_id.get(event.client_id), visits[event.visit_id])
        self._verdict.days += 1
        self._verdict.events += len(self.events)

    def _judge_event(self, event: Event, line: VisitEvent | None, visit: Visit) -> None:
        if line is not None and abs(line.occurred_at - event.happened_at) > SMALL:
            self._verdict.wrong.append(f"{event.kind} at {event.happened_at} is written at {line.occurred_at}")
        kept = {
            "departure": visit.departed_at,
            "arrival": visit.arrived_at,
            "outcome": visit.finished_at,
        }.get(event.kind, event.happened_at)
        if kept is None or abs(kept - event.happened_at) > SMALL:
            self._verdict.wrong.append(f"the visit says {kept} of the {event.kind} at {event.happened_at}")
        if event.kind == "outcome" and visit.status.value != event.more["outcome"]:
            self._verdict.wrong.append(f"the visit ended {event.more['outcome']} and is {visit.status.value}")


@contextmanager
def dying(after: int | None) -> Iterator[None]:
    """The server dies when it has taken so many events of one request; None if it does not."""
    if after is None:
        yield
        return
    really, left = sync.take, iter([True] * after)

    def take(*given: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise Died
        return really(*given, **named)

    sync.take = take
    try:
        yield
    finally:
        sync.take = really


def run(app: Flask, days: int, seed: int, until: float = float("inf")) -> Verdict:
    """So many officer-days on the database in use, or as many as there is time for until `time.monotonic()` says
    `until`."""
    chance, verdict = random.Random(seed), Verdict()
    try:
        while verdict.days < days and time.monotonic() < until:
            phone = Phone(app, chance, verdict)
            phone.live_through_the_day()
            phone.judge()
    finally:
        clock.read_from(None)
    return verdict


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=1000, help="officer-days on each database")
    options.add_argument("--seconds", type=float, default=600, help="and no longer than this on each")
    options.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = options.parse_args()
    wrong = False
    for kind in databases.KINDS:
        with databases.scratch(kind, "chaos_phones") as url, tempfile.TemporaryDirectory() as keys:
            settings = {"DATABASE_URL": url, "KEYS_DIR": f"{keys}/keys", "LOG_LEVEL": "ERROR"}
            app = create_app(Settings.from_environment(settings))
            verdict = run(app, given.days, given.seed, time.monotonic() + given.seconds)
        print(f"{kind}, seed {given.seed}: {verdict}", flush=True)
        print("\n".join(verdict.wrong[:10]))
        wrong = wrong or bool(verdict.wrong) or verdict.days < given.days
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
