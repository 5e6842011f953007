"""One officer's day: where they can be, and when. The one simulation that slots, booking and planning share.

Times are whole Unix seconds here, as a search looks at thousands of gaps. The officer works in `windows`; what is
between them is time off. Between two visits they travel, and in one gap of the day they eat: either lies wholly in
one window, and either may come first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import pairwise
from math import erf, sqrt
from typing import NamedTuple, Protocol

from models.travel import Place

SERVICE_CV, TRAVEL_CV = 0.35, 0.30
"""How much visits and journeys vary: their standard deviation by their mean."""

ARRIVAL_WINDOW_S = 900
Z_95 = 1.645

FOREVER = 1 << 40
SQRT_2 = sqrt(2)


class Travel(Protocol):
    """How long ways take. Who leaves later never arrives earlier."""

    def seconds(self, origin: Place | None, destination: Place | None, leaving_at: float) -> int:
        """From door to door for who leaves at this Unix second."""

    def leave_by(self, origin: Place | None, destination: Place | None, arriving_at: float) -> float:
        """The latest second to leave and be there by this one."""


class Piece(NamedTuple):
    """A stretch of working time, without its end."""

    begins: int
    ends: int


class Lunch(NamedTuple):
    """A break that begins somewhere from `earliest` to `latest`."""

    seconds: int
    earliest: int
    latest: int


class Stop(NamedTuple):
    """A visit as a day sees it. Its times are promised: an officer who is early waits. `place` may be unknown."""

    starts: int
    ends: int
    place: Place | None


class Gap(NamedTuple):
    """From the end of one stop, or the shift's start, to the start of the next, or the shift's end.

    `before` and `after` are the stops at either side, None at the shift's ends. Nobody goes from a shift's start
    or to its end if those are nowhere in particular (`goes_from`, `goes_to`).
    """

    free: int
    due: int
    pieces: tuple[Piece, ...]
    before: Stop | None
    after: Stop | None
    origin: Place | None
    destination: Place | None
    goes_from: bool
    goes_to: bool


class Fault(StrEnum):
    """What does not hold in a day."""

    OVERLAP = "overlap"
    SHIFT = "shift"
    TRAVEL = "travel"
    SHIFT_END = "shift_end"
    SLACK = "slack"
    LUNCH = "lunch"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a plan is held to. `slack`: whether each arrival must be on time with 95 % certainty."""

    travel: Travel
    slack: bool = True


@dataclass(frozen=True)
class Day:
    """One officer's day: the windows they work, in order and apart, and the stops in them, by start.

    What every search asks of it is reckoned once.
    """

    windows: tuple[Piece, ...]
    stops: tuple[Stop, ...] = ()
    lunch: Lunch | None = None
    starts_from: Place | None = None
    ends_at: Place | None = None

    def with_stop(self, stop: Stop) -> "Day":
        """The same day with one stop more."""
        return self.with_stops(sorted((*self.stops, stop), key=lambda each: each[:2]))

    def with_stops(self, stops: Iterable[Stop]) -> "Day":
        """The same working time with these stops, by start, and no others."""
        return Day(self.windows, tuple(stops), self.lunch, self.starts_from, self.ends_at)

    @property
    def eats(self) -> bool:
        """Whether time for lunch has to be found: not for who is off for as long at lunchtime."""
        return self.lunch is not None and _eats(self.windows, self.lunch)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps of the day, in order: one more than it has stops."""
        return tuple(map(self.gap, range(len(self.spans))))

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """From when to when each gap is."""
        if not self.windows:
            return ()
        ends = [self.windows[0].begins, *[stop.ends for stop in self.stops]]
        return tuple(zip(ends, [*[stop.starts for stop in self.stops], self.windows[-1].ends], strict=True))

    def gap(self, place: int) -> Gap:
        """The gap before the stop at this place, or after the last one."""
        free, due = self.spans[place]
        before = self.stops[place - 1] if place > 0 else None
        after = self.stops[place] if place < len(self.stops) else None
        origin = before.place if before else self.starts_from
        destination = after.place if after else self.ends_at
        return Gap(
            free=free,
            due=due,
            pieces=self._pieces(free, due),
            before=before,
            after=after,
            origin=origin,
            destination=destination,
            goes_from=before is not None or origin is not None,
            goes_to=after is not None or destination is not None,
        )

    def _pieces(self, free: int, due: int) -> tuple[Piece, ...]:
        """What is worked between two seconds."""
        return tuple(
            Piece(max(begins, free), min(ends, due))
            for begins, ends in self.windows
            if begins <= due and ends >= free
        )

    def meals(self, rules: "Rules") -> Iterator[int]:
        """The places, among the gaps, of those in which there is time for lunch; none if none is needed."""
        lunch = self.lunch
        if lunch is None or not self.eats:
            return
        seconds, earliest, latest = lunch
        for place, (free, due) in enumerate(self.spans):
            # Most gaps are over before lunch, or begin after it, or are too short for it.
            is_long = free <= latest and earliest + seconds <= due and free + seconds <= due
            if is_long and holds(self.gap(place), rules, lunch):
                yield place

    def eats_in(self, rules: "Rules") -> int | None:
        """The one gap in which lunch has to be kept. None if no time for it need be kept, or none can be, or there
        are several gaps for it, so that another is left."""
        meals = self.meals(rules)
        first = next(meals, None)
        return first if next(meals, None) is None else None


@lru_cache(maxsize=4096)
def _eats(windows: tuple[Piece, ...], lunch: Lunch) -> bool:
    off_from = -FOREVER
    for begins, ends in (*windows, Piece(FOREVER, FOREVER)):
        eats_at = max(off_from, lunch.earliest)
        if eats_at <= lunch.latest and eats_at + lunch.seconds <= begins:
            return False
        off_from = ends
    return True


def ready(
    pieces: Sequence[Piece], free: int, way: "Way | None", travel: Travel, lunch: Lunch | None = None
) -> int | None:
    """The first second at which an officer who is free at `free` has gone this way, and eaten if `lunch` is given;
    None if there is not the time."""
    if lunch is None:
        return free if way is None else _gone(pieces, free, way, travel)
    first_lunch = _eaten(pieces, free, lunch)
    if way is None:
        return first_lunch
    then_gone = None if first_lunch is None else _gone(pieces, first_lunch, way, travel)
    gone = _gone(pieces, free, way, travel)
    then_eaten = None if gone is None else _eaten(pieces, gone, lunch)
    found = [each for each in (then_gone, then_eaten) if each is not None]
    return min(found) if found else None


def free_by(
    pieces: Sequence[Piece], due: int, way: "Way | None", travel: Travel, lunch: Lunch | None = None
) -> int | None:
    """The last second at which an officer may become free, go this way, eat if `lunch` is given, and be there by
    `due`; None if there is not the time. The mirror of `ready`."""
    if lunch is None:
        return due if way is None else _leaves(pieces, due, way, travel)
    last_lunch = _begins_to_eat(pieces, due, lunch)
    if way is None:
        return last_lunch
    left_before = None if last_lunch is None else _leaves(pieces, last_lunch, way, travel)
    left = _leaves(pieces, due, way, travel)
    eaten_before = None if left is None else _begins_to_eat(pieces, left, lunch)
    found = [each for each in (left_before, eaten_before) if each is not None]
    return max(found) if found else None


class Way(NamedTuple):
    """From one door to another."""

    origin: Place | None
    destination: Place | None


def _gone(pieces: Sequence[Piece], free: int, way: Way, travel: Travel) -> int | None:
    for begins, ends in pieces:
        leaves = max(begins, free)
        if leaves <= ends:
            there = leaves + travel.seconds(way.origin, way.destination, leaves)
            if there <= ends:
                return there
    return None


def _eaten(pieces: Sequence[Piece], free: int, lunch: Lunch) -> int | None:
    for begins, ends in pieces:
        eats = max(begins, free, lunch.earliest)
        if eats <= lunch.latest and eats + lunch.seconds <= ends:
            return eats + lunch.seconds
    return None


def _leaves(pieces: Sequence[Piece], due: int, way: Way, travel: Travel) -> int | None:
    for begins, ends in reversed(pieces):
        there = min(ends, due)
        if there >= begins:
            leaves = int(travel.leave_by(way.origin, way.destination, there))
            if leaves >= begins:
                return leaves
    return None


def _begins_to_eat(pieces: Sequence[Piece], due: int, lunch: Lunch) -> int | None:
    for begins, ends in reversed(pieces):
        eats = min(min(ends, due) - lunch.seconds, lunch.latest)
        if eats >= max(begins, lunch.earliest):
            return eats
    return None


def way_of(gap: Gap) -> Way | None:
    """The way an officer goes in this gap, if any."""
    return Way(gap.origin, gap.destination) if gap.goes_from and gap.goes_to else None


def holds(gap: Gap, rules: Rules, lunch: Lunch | None = None) -> bool:
    """Whether the officer is at the gap's end in time, having eaten in it if `lunch` is given."""
    there = ready(gap.pieces, gap.free, way_of(gap), rules.travel, lunch)
    return there is not None and there + _slack_before(gap, rules) <= gap.due


def _slack_before(gap: Gap, rules: Rules) -> int:
    if not rules.slack or gap.after is None:
        return 0
    return slack(gap.before, way_of(gap), gap.due, rules.travel)


def slack(before: Stop | None, way: Way | None, starts: int, travel: Travel) -> int:
    """The seconds wanted between the arrival that is planned and the start at `starts`.

    "The 15 minutes are for uncertainty and are never spent in planning: the slack wanted before a visit is
    max(0, 1.645 sigma - 15 min) of its predicted arrival." The visit before is taken to begin as it was promised.
    """
    return slack_for(sigma(before, way, starts, travel))


def slack_for(deviation: float) -> int:
    """The same for an arrival of this standard deviation."""
    return max(0, round(Z_95 * deviation) - ARRIVAL_WINDOW_S)


def sigma(before: Stop | None, way: Way | None, starts: int, travel: Travel) -> float:
    """The standard deviation, in seconds, of the arrival at a visit that starts at `starts`."""
    journey = starts - travel.leave_by(way.origin, way.destination, starts) if way else 0
    return spread(before.ends - before.starts if before else 0, journey)


def spread(visit_s: float, journey_s: float) -> float:
    """The standard deviation of when a visit of so many seconds, and the journey after it, are over."""
    service, journey = SERVICE_CV * visit_s, TRAVEL_CV * journey_s
    return sqrt(service * service + journey * journey)


def chance(margin: float, deviation: float) -> float:
    """The probability that an arrival expected `margin` seconds before a time is there by it."""
    if deviation == 0:
        return 1.0 if margin >= 0 else 0.0
    return 0.5 * (1 + erf(margin / (deviation * SQRT_2)))


Found = tuple[Fault, Stop | None]
"""What is wrong, and with which stop; None for the shift's end and the lunch."""


def faults(day: Day, rules: Rules) -> set[Found]:
    """All that does not hold in this day."""
    found: set[Found] = set()
    for stop in day.stops:
        if not any(begins <= stop.starts and stop.ends <= ends for begins, ends in day.windows):
            found.add((Fault.SHIFT, stop))
    for earlier, later in pairwise(day.stops):
        if later.starts < earlier.ends:
            found.add((Fault.OVERLAP, later))
    for gap in day.gaps:
        fault = fault_of(gap, rules)
        if fault is not None:
            found.add((fault, gap.after))
    if day.eats and next(day.meals(rules), None) is None:
        found.add((Fault.LUNCH, None))
    return found


def fault_of(gap: Gap, rules: Rules) -> Fault | None:
    """What does not hold in one gap, lunch apart."""
    if holds(gap, rules):
        return None
    if gap.after is None:
        return Fault.SHIFT_END
    there = ready(gap.pieces, gap.free, way_of(gap), rules.travel)
    return Fault.SLACK if there is not None and there <= gap.due else Fault.TRAVEL
