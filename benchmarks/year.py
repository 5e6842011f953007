"""`python -m benchmarks.year`: a year of officers' days, told by the product's rule and by a naive one.

Every day is drawn: homes in Harrow, journeys as the product reckons them, visits of 30, 45 and 60 minutes one
after the other with 0 to 15 minutes in hand. Then it happens: services and journeys are lognormal about what was
planned. The officer reports each arrival and outcome at once, most departures, and no delay. Each minute the
product's own outlook (models/outlook.py) and rule (models/lateness.py) look at what was reported so far, and at
nothing else. Exit status 1: the rule did not keep what it promises.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from math import log, sqrt
from uuid import UUID

from models import travel
from models.clock import LONDON
from models.day import ARRIVAL_WINDOW_S, SERVICE_CV, TRAVEL_CV, Lunch
from models.lateness import Answer, Seen, Told, Window, judge
from models.outlook import Outlook, foreseen
from models.prediction import STEP_S
from models.travel import Place
from models.visit import VisitStatus

YEAR_BEGINS, WORKING_DAYS = date(2026, 1, 5), 250
LENGTHS_S = (1800, 2700, 3600)
IN_HAND_S = (0, 300, 600, 900)
NORTH, WEST = (51.56, 51.63), (-0.40, -0.29)
DEPARTURES_REPORTED = 0.7
SETS_OUT_EARLY_S = 300
MINUTE_S = 60

KEPT_S = 600
"""How far outside a window that was told an arrival may be for the window to count as kept."""

TOLD_BEFORE, TEXTS_EACH, WINDOWS_KEPT = 0.85, 1.8, 0.98
"""What is promised: at least, at most, at least."""


@dataclass(slots=True)
class DrawnVisit:
    """A visit as the outlook reads one: what will happen, in Unix seconds, and what the reports say so far."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    latitude: float
    longitude: float
    departs: float = 0.0
    arrives: float = 0.0
    finishes: float = 0.0
    status: VisitStatus = VisitStatus.BOOKED
    expected_at: None = None
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def place(self) -> Place:
        return self.latitude, self.longitude

    @property
    def start(self) -> float:
        return self.starts_at.timestamp()

    @property
    def length(self) -> float:
        return (self.ends_at - self.starts_at).total_seconds()


@dataclass
class Day:
    """One officer's day: its visits and its lunch."""

    visits: list[DrawnVisit]
    lunch: Lunch


def drawn_day(chance: random.Random, day: date) -> Day:
    """A day as it is booked: full, with the time for its journeys, its lunch and a few minutes in hand."""

    def at(wall: time) -> float:
        return datetime.combine(day, wall, LONDON).timestamp()

    ways, visits = travel.in_use(), list[DrawnVisit]()
    lunch = Lunch(1800, int(at(time(12))), int(at(time(13, 30))))
    starts, home, eaten = at(time(9)), _home(chance), False
    while starts <= at(time(16)):
        free = starts + chance.choice(LENGTHS_S)
        begins, ends = (datetime.fromtimestamp(each, UTC) for each in (starts, free))
        visits.append(DrawnVisit(UUID(int=chance.getrandbits(128)), begins, ends, *home))
        if not eaten and free >= lunch.earliest:
            free, eaten = free + lunch.seconds, True
        here, home = home, _home(chance)
        there = free + ways.seconds(here, home, free) + chance.choice(IN_HAND_S)
        starts = -(-there // STEP_S) * STEP_S
    return Day(visits, lunch)


def _home(chance: random.Random) -> Place:
    return chance.uniform(*NORTH), chance.uniform(*WEST)


def happen(day: Day, chance: random.Random) -> None:
    """Draw what happens on this day. Who is early waits; who can eat does."""
    ways, first, lunch = travel.in_use(), day.visits[0], day.lunch
    here = _home(chance)
    free = first.start - ways.seconds(here, first.place, first.start) - SETS_OUT_EARLY_S
    for visit in day.visits:
        if lunch:
            eats = max(free, lunch.earliest)
            ready = eats + lunch.seconds
            if eats <= lunch.latest and ready + ways.seconds(here, visit.place, ready) <= visit.start:
                free, lunch = ready, None
        visit.departs = free
        visit.arrives = free + lognormal(chance, ways.seconds(here, visit.place, free), TRAVEL_CV)
        visit.finishes = max(visit.arrives, visit.start) + lognormal(chance, visit.length, SERVICE_CV)
        free, here = visit.finishes, visit.place


def lognormal(chance: random.Random, mean: float, cv: float) -> float:
    """A time with this mean and this deviation by its mean."""
    spread = log(1 + cv * cv)
    return chance.lognormvariate(log(mean) - spread / 2, sqrt(spread))


def minutes(day: Day, chance: random.Random, departures: float) -> Iterator[float]:
    """Each minute from the first report to the last arrival, with all reported that was reported by then."""
    reports: list[tuple[float, DrawnVisit, str, VisitStatus]] = []
    for visit in day.visits:
        if chance.random() < departures:
            reports.append((visit.departs, visit, "departed_at", VisitStatus.EN_ROUTE))
        reports.append((visit.arrives, visit, "arrived_at", VisitStatus.ARRIVED))
        reports.append((visit.finishes, visit, "finished_at", VisitStatus.COMPLETED))
    reports.sort(key=lambda report: report[0])
    now = reports[0][0]
    while now <= day.visits[-1].arrives:
        while reports and reports[0][0] <= now:
            at, visit, name, visit.status = reports.pop(0)
            setattr(visit, name, datetime.fromtimestamp(at, UTC))
        yield now
        now += MINUTE_S


@dataclass
class Resident:
    """What one rule has told one resident: when, and from when to when the officer was expected."""

    told: Told
    seen: Seen | None = None
    texts: list[tuple[float, Window]] = field(default_factory=list)
    calls: int = 0


Rule = Callable[[Resident, Outlook, float], None]


def by_probability(resident: Resident, each: Outlook, now: float) -> None:
    """The product's rule."""
    verdict = judge(each.arrival, resident.told, resident.seen, now)
    resident.seen = verdict.seen
    if verdict.answer is Answer.NOTHING or verdict.window is None:
        return
    if verdict.answer is Answer.ASK:
        resident.calls += 1
    else:
        resident.texts.append((now, verdict.window))
    resident.told = resident.told._replace(window=verdict.window, at=now, texts=len(resident.texts))


def naive(resident: Resident, each: Outlook, now: float) -> None:
    """A text when the mean is more than 15 minutes late, and after that whenever it changes by five minutes."""
    if each.arrival is None:
        return
    told = resident.told
    eta = -(-max(each.arrival.mean, told.start) // STEP_S) * STEP_S
    if told.window is None and each.arrival.mean - told.start <= ARRIVAL_WINDOW_S:
        return
    if told.window is None or told.window.latest != eta:
        window = Window(eta, eta)
        resident.texts.append((now, window))
        resident.told = told._replace(window=window, at=now)


RULES: dict[str, Rule] = {"by probability": by_probability, "naive": naive}


@dataclass
class Outcome:
    """What one rule did in all the days."""

    visits: int = 0
    late: int = 0
    late_told_before: int = 0
    late_told: int = 0
    texts_to_late: int = 0
    told: int = 0
    told_not_late: int = 0
    texts: int = 0
    most_texts: int = 0
    calls: int = 0
    within: Counter[int] = field(default_factory=Counter)

    def add(self, visit: DrawnVisit, resident: Resident) -> None:
        """Count one visit that is over."""
        late = visit.arrives > visit.start + ARRIVAL_WINDOW_S
        texts = len(resident.texts)
        self.visits += 1
        self.late += late
        self.texts += texts
        self.calls += resident.calls
        self.most_texts = max(self.most_texts, texts)
        if not texts:
            return
        self.told += 1
        self.told_not_late += not late
        self.late_told += late
        self.texts_to_late += texts if late else 0
        self.late_told_before += late and resident.texts[0][0] < visit.start
        # Who is early waits: nobody opens the door before the booked time.
        there, window = max(visit.arrives, visit.start), resident.texts[-1][1]
        for off in (0, 300, KEPT_S, 900):
            self.within[off] += window.earliest - off <= there <= window.latest + off

    @property
    def told_before(self) -> float:
        """Of the late residents, how many were texted before their appointment."""
        return self.late_told_before / max(1, self.late)

    @property
    def texts_each(self) -> float:
        """How many texts a late resident got who got any."""
        return self.texts_to_late / max(1, self.late_told)

    def kept(self, off: int = KEPT_S) -> float:
        """Of the windows told last, in how many the officer came, or no further outside."""
        return self.within[off] / max(1, self.told)

    def __str__(self) -> str:
        strict, five, ten, fifteen = (f"{self.kept(off):.1%}" for off in (0, 300, KEPT_S, 900))
        return (
            f"  late residents told before their appointment: {self.told_before:.1%}"
            f" ({self.late_told_before} of {self.late}); told at all: {self.late_told / max(1, self.late):.1%}\n"
            f"  texts to each late resident who was told: {self.texts_each:.2f}; the most to anybody:"
            f" {self.most_texts}; texts in all: {self.texts}; calls instead of a fourth: {self.calls}\n"
            f"  windows told last and kept, to 10 minutes: {ten}; exactly: {strict}; to 5 minutes: {five};"
            f" to 15: {fifteen}\n"
            f"  residents told: {self.told}; of them not more than 15 minutes late in the end:"
            f" {self.told_not_late / max(1, self.told):.1%}"
        )


def run(days: int, seed: int, departures: float = DEPARTURES_REPORTED) -> dict[str, Outcome]:
    """So many officer-days, by each rule: the same days and reports for all."""
    chance = random.Random(seed)
    outcomes = {name: Outcome() for name in RULES}
    for number in range(days):
        day = drawn_day(chance, next(islice(_working_days(), number % WORKING_DAYS, None)))
        happen(day, chance)
        starts = [(visit.id, visit.start) for visit in day.visits]
        told = {name: {key: Resident(Told(start, start)) for key, start in starts} for name in RULES}
        for now in minutes(day, chance, departures):
            for each in foreseen(day.visits, day.lunch, {}, travel.in_use(), now):
                for name, rule in RULES.items():
                    rule(told[name][each.visit_id], each, now)
        for name, outcome in outcomes.items():
            for visit in day.visits:
                outcome.add(visit, told[name][visit.id])
    return outcomes


def _working_days() -> Iterator[date]:
    day = YEAR_BEGINS
    while True:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


def broken(outcome: Outcome) -> list[str]:
    """Which of the promises this outcome does not keep, in words."""
    return [
        words
        for kept, words in (
            (outcome.told_before >= TOLD_BEFORE, f"told before: {outcome.told_before:.1%} < {TOLD_BEFORE:.0%}"),
            (outcome.texts_each <= TEXTS_EACH, f"texts each: {outcome.texts_each:.2f} > {TEXTS_EACH}"),
            (outcome.kept() >= WINDOWS_KEPT, f"windows kept: {outcome.kept():.1%} < {WINDOWS_KEPT:.0%}"),
        )
        if not kept
    ]


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__)
    options.add_argument("--officers", type=int, default=4, help=f"each works {WORKING_DAYS} days (4)")
    options.add_argument("--seed", type=int, default=2026)
    share = f"of departures that are reported ({DEPARTURES_REPORTED})"
    options.add_argument("--departures", type=float, default=DEPARTURES_REPORTED, help=f"the share {share}")
    given = options.parse_args()
    outcomes = run(given.officers * WORKING_DAYS, given.seed, given.departures)
    first = outcomes["by probability"]
    print(
        f"{given.officers} officers, {WORKING_DAYS} days each, seed {given.seed}: {first.visits} visits,"
        f" {first.late / first.visits:.1%} more than 15 minutes late"
    )
    print("Kept: the officer is there not over 10 minutes before or after the window that was told last.")
    for name, outcome in outcomes.items():
        print(f"{name}:\n{outcome}")
    wrong = broken(first)
    print("\n".join(wrong) or "Every promise is kept by the first.")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
