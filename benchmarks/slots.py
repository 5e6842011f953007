"""What a search for slots costs, in process, while others book: with officers' days kept and with nothing kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from benchmarks.diary import Diary
from benchmarks.load import WrongAnswer
from models import database, travel
from models.day import Rules
from models.diary_index import DiaryIndex, planned
from models.officer_days import Asked, stops_of
from models.slot_search import Ask, Offer, search
from models.visit import Visit
from models.working_hours import load_hours

SEARCHES, OF_ALL, WITH_NOTHING_KEPT = 60, 6, 3
"""How many in each round."""

A_PAGE = 50


@dataclass
class Costs:
    """Seconds of this thread's CPU time that each of these took."""

    kept: list[float] = field(default_factory=list)
    after_a_booking: list[float] = field(default_factory=list)
    yardstick: list[float] = field(default_factory=list)
    nothing_kept: list[tuple[float, float]] = field(default_factory=list)
    of_all: list[float] = field(default_factory=list)
    day: list[float] = field(default_factory=list)
    day_read: list[float] = field(default_factory=list)


class Searches:
    """Searches of one database, for rounds."""

    def __init__(self, url: str, diary: Diary, costs: Costs) -> None:
        self._diary, self.costs = diary, costs
        self._rules = Rules(travel.in_use())
        self._index = DiaryIndex()
        database.connect(url)
        # The first one reads everything.
        self._search(diary.ask(of_all=True), self._index)

    def round(self) -> None:
        """Search some times, each after somebody else's booking and then, for another visit, without one. Raises
        WrongAnswer."""
        costs = self.costs
        for number in range(SEARCHES):
            self._book()
            ask = self._diary.ask()
            took, offers = self._search(ask, self._index)
            costs.after_a_booking.append(took)
            if number % (SEARCHES // WITH_NOTHING_KEPT) == 0:
                bare, found = self._search(ask, DiaryIndex())
                costs.nothing_kept.append((took, bare))
                if found != offers:
                    raise WrongAnswer(f"{len(offers)} slots were found, and {len(found)} with nothing kept")
        # What changed of the others is read by the first of all.
        self._search(self._diary.ask(of_all=True), self._index)
        for _ in range(SEARCHES):
            costs.kept.append(self._search(self._diary.ask(), self._index)[0])
            costs.yardstick.append(_timed(_yardstick)[0])
        costs.of_all += [self._search(self._diary.ask(of_all=True), self._index)[0] for _ in range(OF_ALL)]
        self._refresh()

    def _book(self) -> None:
        """Move a visit by five minutes, or back: no two are nearer than ten."""
        visit = self._diary.chance.choice(self._diary.visits)
        visit["starts_at"] += timedelta(minutes=5 if visit["version"] % 2 else -5)
        visit["version"] += 1
        with database.transaction() as session:
            moved = update(Visit).where(Visit.id == visit["id"])
            session.execute(moved.values(starts_at=visit["starts_at"], version=visit["version"]))

    def _search(self, ask: Ask, index: DiaryIndex) -> tuple[float, list[Offer]]:
        """What a search and its first page took, and all that it found."""
        with database.reading() as session:
            took, found = _timed(partial(_first_page, session, ask, self._diary.at, index))
        return took, list(found)

    def _refresh(self) -> None:
        """One day of each officer, read anew and made ready: the reading and the making apart."""
        days = list(self._diary.ask().days())
        day = days[len(days) // 2]
        at, costs = self._diary.at, self.costs
        with database.reading() as session:
            hours, read = load_hours(session, self._diary.officers, day, day), []
            for officer in self._diary.officers:
                took, [stops] = _timed(partial(stops_of, session, [Asked(officer, day, day)], at))
                costs.day_read.append(took)
                before = planned(hours[officer], day, (), self._rules, at, None)
                read.append(
                    partial(planned, hours[officer], day, stops[day][0], self._rules, at, None, before=before)
                )
        costs.day += [_timed(made_ready)[0] for made_ready in read]


def _first_page(session: Session, ask: Ask, at: datetime, index: DiaryIndex) -> Sequence[Offer]:
    offers = search(session, ask, travel.in_use(), at, index=index).offers
    # They are made as they are looked at.
    _ = offers[:A_PAGE]
    return offers


def _yardstick() -> int:
    """A fixed piece of work, which says how fast the machine is just then: a shared one is now and then half as
    fast."""
    return sum(number * number for number in range(10_000))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds of this thread's CPU that it took, and what it gave. On a shared machine nobody else's count."""
    begun = time.thread_time()
    found = work()
    return time.thread_time() - begun, found
