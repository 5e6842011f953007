"""Slots in many gaps at once: what models/slots.py finds in each, to the second the same and by the same steps."""

from math import erf
from typing import NamedTuple

import numpy as np

from models.day import ARRIVAL_WINDOW_S, FOREVER, SERVICE_CV, SQRT_2, TRAVEL_CV, Z_95, Rules
from models.many_gaps import ManyGaps
from models.many_ways import ManyWays, Real, Whole, point
from models.slots import GRID_S, USEFUL_S, Wanted, slots_in
from models.travel import TravelModel


class ManySlots(NamedTuple):
    """Slots, one at a place in each array: the number of its gap, and what a Slot is made of."""

    gaps: Whole
    starts: Whole
    extra_s: Whole
    on_time_probability: Real
    unusable_s: Whole


def many_slots(gaps: ManyGaps, wanted: Wanted, model: TravelModel, *, slack: bool = True) -> ManySlots:
    """Every start on the grid at which the visit fits into one of these gaps; the others are numbered last."""
    free, due = gaps.times[:2]
    near = (due - free >= wanted.seconds) & (free < wanted.latest) & (due > wanted.earliest)
    found = _Search(gaps, np.flatnonzero(near), wanted, model, slack=slack).slots()
    others = [
        (number, *slot)
        for number, (gap, lunch) in enumerate(gaps.others, gaps.times.shape[1])
        for slot in slots_in(gap, lunch, wanted, Rules(model, slack))
    ]
    if not others:
        return found
    return ManySlots(*map(np.append, found, zip(*others, strict=True)))


class _Search:
    """One search in gaps that are long enough. What is known of each is in an array, in their order."""

    def __init__(self, gaps: ManyGaps, numbers: Whole, wanted: Wanted, model: TravelModel, *, slack: bool) -> None:
        self._wanted, self._slack = wanted, slack
        self._ways = ManyWays(model, wanted.earliest, wanted.latest + wanted.seconds)
        times, places = gaps.times.take(numbers, axis=1), gaps.places.take(numbers, axis=1)
        here = np.array(point(wanted.place)).reshape(3, 1)
        to, onward = self._ways.lengths(places.reshape(2, 3, -1), here)
        free, due, _, _, _, _, goes_from, *_ = times
        to_s = self._ways.seconds(to, free) * goes_from
        # Most gaps are too short, and most of those are known by now.
        left = np.flatnonzero(free + to_s + wanted.seconds <= due)
        self._numbers, self._to, self._to_s, self._onward = numbers[left], to[left], to_s[left], onward[left]
        times, self._places = times.take(left, axis=1), places.take(left, axis=1)
        self._free, self._due, self._before_s, *self._lunch = times[:6]
        self._goes_from, self._goes_to, self._has_after = times[6:]
        self._leaves = self._goes_on(self._onward, self._due, self._goes_to)

    def slots(self) -> ManySlots:
        """The slots in all of these gaps."""
        gaps, starts, ready = self._on_the_grid(*self._openings())
        wanted, ways = self._wanted, self._ways
        ends = starts + wanted.seconds
        to_s = (starts - ways.leave_by(self._to[gaps], starts)) * self._goes_from[gaps]
        deviation = _spread(self._before_s[gaps], to_s)
        if self._slack:
            certain = ready + _slack_for(deviation) <= starts
            gaps, starts, ready, ends = (each[certain] for each in (gaps, starts, ready, ends))
            deviation = deviation[certain]
        extra_s = (self._to_s - self._direct_s(gaps))[gaps] + ways.seconds(
            self._onward[gaps], ends
        ) * self._goes_to[gaps]
        waits = starts - ready
        unusable_s = _unusable(waits) + _unusable(self._leaves[gaps] - ends)
        return ManySlots(
            self._numbers[gaps], starts, extra_s, _chances(waits + ARRIVAL_WINDOW_S, deviation), unusable_s
        )

    def _openings(self) -> tuple[Whole, Whole, Whole, Whole]:
        """In which gaps the visit may begin, from when to when, and when the officer is ready for it: first where
        nobody eats before it, and then where they do."""
        seconds = self._wanted.seconds
        there = self._free + self._to_s
        due = self._due
        if self._slack:
            due = due - _slack_for(_spread(seconds, due - self._leaves)) * self._has_after
        leaves = self._goes_on(self._onward, due, self._goes_to)
        ends = leaves.copy()
        eats = np.flatnonzero(self._lunch[0])
        ends[eats] = self._free_to_eat(eats, due[eats], leaves[eats])
        fed = self._fed(eats, there[eats])
        return (
            np.concatenate((np.arange(len(there)), eats)),
            # What begins in time to eat after it has been found already.
            np.concatenate((there, np.maximum(fed, ends[eats] - seconds + 1))),
            np.concatenate((ends, leaves[eats])) - seconds,
            np.concatenate((there, fed)),
        )

    def _fed(self, eats: Whole, there: Whole) -> Whole:
        """When officers are at the visit and have eaten, before they go or there: the earlier of both."""
        lunch_s, earliest, latest = (each[eats] for each in self._lunch)
        free, due = self._free[eats], self._due[eats]

        def eaten(since: Whole) -> Whole:
            begins = np.maximum(since, earliest)
            return np.where((begins <= latest) & (begins + lunch_s <= due), begins + lunch_s, FOREVER)

        first_eaten = eaten(free)
        leaves = np.minimum(first_eaten, due)
        gone = leaves + self._ways.seconds(self._to[eats], leaves) * self._goes_from[eats]
        then_gone = np.where((first_eaten <= due) & (gone <= due), gone, FOREVER)
        return np.minimum(then_gone, np.where(there <= due, eaten(there), FOREVER))

    def _free_to_eat(self, eats: Whole, due: Whole, leaves: Whole) -> Whole:
        """By when they have to end the visit to eat, there or at the next: the later of both. The mirror of
        `_fed`."""
        lunch_s, earliest, latest = (each[eats] for each in self._lunch)
        free = self._free[eats]

        def begins(until: Whole) -> Whole:
            eats_at = np.minimum(until - lunch_s, latest)
            return np.where(eats_at >= np.maximum(free, earliest), eats_at, -FOREVER)

        last = begins(due)
        arrives = np.maximum(last, free)
        left = self._goes_on(self._onward[eats], arrives, self._goes_to[eats])
        before = np.where((last >= free) & (left >= free), left, -FOREVER)
        return np.maximum(before, np.where(leaves >= free, begins(leaves), -FOREVER))

    def _goes_on(self, onward: Whole, due: Whole, goes_to: Whole) -> Whole:
        """When to leave to be there by then; who goes nowhere need not."""
        return np.where(goes_to == 1, self._ways.leave_by(onward, due), due)

    def _on_the_grid(self, gaps: Whole, first: Whole, last: Whole, ready: Whole) -> tuple[Whole, Whole, Whole]:
        """Each quarter of an hour from the first to the last, as far as it is wanted: its gap, and when somebody
        is ready there."""
        first = -(-np.maximum(first, self._wanted.earliest) // GRID_S) * GRID_S
        last = np.minimum(last, self._wanted.latest - 1)
        counts = np.maximum((last - first) // GRID_S + 1, 0)
        each = np.repeat(np.arange(len(gaps)), counts)
        nth = np.arange(len(each)) - (np.cumsum(counts) - counts)[each]
        return gaps[each], first[each] + nth * GRID_S, ready[each]

    def _direct_s(self, gaps: Whole) -> Whole:
        """The seconds on the road without the visit, of the gaps that have slots; of others 0."""
        found = np.zeros(len(self._numbers), dtype=bool)
        found[gaps] = True
        found &= (self._goes_from & self._goes_to) == 1
        direct = self._ways.lengths(self._places[:3, found], self._places[3:, found])
        direct_s = np.zeros(len(self._numbers), dtype=np.int64)
        direct_s[found] = self._ways.seconds(direct, self._free[found])
        return direct_s


def _spread(visit_s: Whole | int, journey_s: Whole) -> Real:
    """What `spread` is of one visit and journey."""
    service, journey = SERVICE_CV * visit_s, TRAVEL_CV * journey_s
    return np.sqrt(service * service + journey * journey)


def _slack_for(deviation: Real) -> Whole:
    """What `slack_for` is of one arrival."""
    return np.maximum(np.rint(Z_95 * deviation).astype(np.int64) - ARRIVAL_WINDOW_S, 0)


def _unusable(seconds: Whole) -> Whole:
    return np.where((seconds > 0) & (seconds < USEFUL_S), seconds, 0)


def _chances(margins: Whole, deviations: Real) -> Real:
    """What `chance` is of one margin, none of which is negative here."""
    with np.errstate(divide="ignore"):
        deviations = margins / (deviations * SQRT_2)
    return 0.5 * (1 + np.fromiter(map(erf, deviations.tolist()), np.float64, len(deviations)))
