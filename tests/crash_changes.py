"""The changes of a crash test: visits booked, moved, moved back and cancelled, while the texts are on their way.

Each is made as the API makes it, through the visit and the outbox in one transaction; only the ledger of notice,
which sends nothing, is left out.
"""

import heapq
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from uuid import UUID, uuid4

from models import booking, clock
from models.database import transaction
from models.officer import Officer
from models.phone import takes_texts
from models.resident import Resident
from models.user import Role, User
from models.visit_event import RequestedBy
from models.visit_rows import find
from notifications import outbox
from tests import factories
from tests.hurried import MORNING, Hurry

OFFICERS = 50
CLERKS = 4
DAYS_AHEAD = 7
HOURS = range(9, 17)
SCHEDULER = uuid4()


class Deed(StrEnum):
    """What happens to a visit."""

    BOOKED = "booked"
    MOVED = "moved"
    MOVED_BACK = "moved back"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Step:
    """One change of one visit, so many seconds after the one before."""

    after_s: float
    deed: Deed


GAPS_S = ((0, 5), (5, 100), (115, 125), (130, 160))
"""A change comes at once after the last, in the 120 s its text is held, just as that goes, or after it."""


def stories(changes: int, longest: int, chance: random.Random) -> Iterator[list[Step]]:
    """What happens to one visit after the other: `changes` in all, at most `longest` of one after its booking."""
    while changes:
        story = [Step(0, Deed.BOOKED)]
        for _ in range(chance.randint(0, longest)):
            deeds = [Deed.MOVED, Deed.MOVED, Deed.CANCELLED] + [Deed.MOVED_BACK] * (len(story) > 1)
            story.append(Step(chance.uniform(*chance.choice(GAPS_S)), chance.choice(deeds)))
            if story[-1].deed is Deed.CANCELLED:
                break
        story = story[:changes]
        changes -= len(story)
        yield story


def telephones() -> Iterator[str]:
    """Numbers kept free for stories, 555-0100 to 555-0199 of each area of North America: nobody's."""
    for area in range(201, 990):
        numbers = [f"+1{area}55501{last:02}" for last in range(100)]
        yield from filter(takes_texts, numbers)


@dataclass
class Household:
    """A resident with a number of their own, one visit, and all that was decided about it: the truth.

    `decided` holds each start in turn; None is a cancellation.
    """

    resident: Resident
    officer: Officer
    day: datetime
    story: deque[Step]
    visit_id: UUID | None = None
    decided: list[datetime | None] = field(default_factory=list)

    @property
    def phone(self) -> str:
        """Their number."""
        assert self.resident.phone is not None
        return self.resident.phone

    def next_start(self, deed: Deed, chance: random.Random) -> datetime:
        """Another hour of the day that the officer keeps for them, or the one they had before the last."""
        starts = [start for start in self.decided if start is not None]
        if deed is Deed.MOVED_BACK:
            return starts[-2]
        hours = [self.day + timedelta(hours=hour) for hour in HOURS]
        return chance.choice([hour for hour in hours if hour not in starts[-1:]])


class Clerks:
    """Four clerks who make every change at its time, those of one visit in their order.

    Bookings come evenly, so that all the changes together come at about `rate` a real second. `made` counts
    the changes, by deed. The first error stops them all.
    """

    def __init__(self, changes: int, longest: int, rate: float, hurry: Hurry, seed: int) -> None:
        self._chance = random.Random(seed)
        self._hurry = hurry
        self.made: Counter[Deed] = Counter()
        self.errors: list[Exception] = []
        self._clerks = [threading.Thread(target=self._work, daemon=True) for _ in range(CLERKS)]
        self._stopping = False
        self._busy = 0
        self._order = count()
        self._changed = threading.Condition()
        self.households = _households(list(stories(changes, longest, self._chance)))
        apart_s = changes / len(self.households) / rate
        begun = time.monotonic()
        self._agenda = [
            (begun + number * apart_s, next(self._order), household)
            for number, household in enumerate(self.households)
        ]

    def start(self) -> None:
        """Begin, in the background."""
        for clerk in self._clerks:
            clerk.start()

    def stop(self) -> None:
        """Make no more."""
        self._stop()
        for clerk in self._clerks:
            clerk.join()

    def truths(self) -> dict[str, list[datetime | None]]:
        """What was decided for each number that was booked a visit."""
        return {each.phone: each.decided for each in self.households if each.decided}

    def await_made(self, changes: int, within_s: float) -> bool:
        """Wait until so many have been made. False if they were not in time."""
        with self._changed:
            self._changed.wait_for(lambda: self.made.total() >= changes or self._stopping, within_s)
            return self.made.total() >= changes

    def _stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _work(self) -> None:
        while (household := self._next()) is not None:
            try:
                step = household.story.popleft()
                self._change(household, step.deed)
            except Exception as error:
                self.errors.append(error)
                self._stop()
                return
            with self._changed:
                self.made[step.deed] += 1
                self._busy -= 1
                if household.story:
                    due = time.monotonic() + self._hurry.real(household.story[0].after_s)
                    heapq.heappush(self._agenda, (due, next(self._order), household))
                self._changed.notify_all()

    def _next(self) -> Household | None:
        """Wait for the next household whose visit is to be changed; None when there will be no more."""
        with self._changed:
            while not self._stopping and (self._agenda or self._busy):
                wait_s = self._agenda[0][0] - time.monotonic() if self._agenda else None
                if wait_s is not None and wait_s <= 0:
                    self._busy += 1
                    return heapq.heappop(self._agenda)[2]
                self._changed.wait(wait_s)
            return None

    def _change(self, household: Household, deed: Deed) -> None:
        match deed:
            case Deed.BOOKED:
                _book(household, household.next_start(deed, self._chance))
            case Deed.CANCELLED:
                _cancel(household)
            case _:
                _move(household, household.next_start(deed, self._chance))


def _households(told: list[list[Step]]) -> list[Household]:
    """One for each story, in one transaction."""
    with transaction() as session:
        session.add(
            User(
                id=SCHEDULER,
                username="clerks",
                password_hash="-",
                role=Role.SCHEDULER,
                active=True,
                created_at=clock.now(),
            )
        )
        officers = [factories.officer() for _ in range(OFFICERS)]
        households = [
            Household(
                resident=factories.resident(phone=phone),
                officer=officers[number % OFFICERS],
                day=MORNING.replace(hour=0, minute=0) + timedelta(days=DAYS_AHEAD + number // OFFICERS),
                story=deque(story),
            )
            for number, (story, phone) in enumerate(zip(told, telephones(), strict=False))
        ]
    assert len(households) == len(told), "so many numbers are not kept free for stories"
    return households


def _book(household: Household, start: datetime) -> None:
    at = clock.now()
    with transaction() as session:
        visit = booking.book(
            session,
            resident=household.resident,
            officer_id=household.officer.id,
            purpose="Repair inspection",
            skills=[],
            starts_at=start,
            duration=timedelta(minutes=30),
            reason=None,
            by=SCHEDULER,
            at=at,
        )
        outbox.queue_visit_booked(session, visit, household.resident, at=at)
    household.visit_id = visit.id
    household.decided.append(start)


def _move(household: Household, start: datetime) -> None:
    assert household.visit_id is not None
    at = clock.now()
    with transaction() as session:
        visit = find(session, household.visit_id)
        booking.move(
            session,
            visit,
            starts_at=start,
            officer_id=visit.officer_id,
            second_officer_id=None,
            reason="Officer in court",
            requested_by=RequestedBy.COUNCIL,
            by=SCHEDULER,
            at=at,
        )
        outbox.queue_visit_moved(session, visit, visit.resident, at=at)
    household.decided.append(start)


def _cancel(household: Household) -> None:
    assert household.visit_id is not None
    at = clock.now()
    with transaction() as session:
        visit = find(session, household.visit_id)
        visit.cancel(session, reason="No longer needed", requested_by=RequestedBy.COUNCIL, by=SCHEDULER, at=at)
        outbox.queue_visit_cancelled(session, visit, visit.resident, at=at)
    household.decided.append(None)
