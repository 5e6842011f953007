"""Lateness seen coming: when an officer will be at each visit that is left of their day, and how surely.

Means and variances are carried along the day: a visit takes as long as it was booked for, give or take its share
(SERVICE_CV), a journey likewise (TRAVEL_CV), and whoever is early waits, by Clark's formula. Times are Unix
seconds, as in models/day.py, whose figures these are.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from math import erf, exp, log, pi, sqrt
from typing import NamedTuple

from models.day import ARRIVAL_WINDOW_S, SERVICE_CV, TRAVEL_CV, Lunch, Stop, Travel, chance
from models.travel import Place

Z_80 = 0.8416212335729143
"""How many standard deviations from the mean a fifth of all cases lie beyond, either side."""

STEP_S = 300


class Estimate(NamedTuple):
    """A time that is not known exactly."""

    mean: float
    variance: float

    @property
    def deviation(self) -> float:
        """Its standard deviation, in seconds."""
        return sqrt(self.variance)

    def plus(self, seconds: float, variance: float) -> "Estimate":
        """So much later, by something that is itself not known exactly."""
        return Estimate(self.mean + seconds, self.variance + variance)

    def after(self, moment: float) -> "Estimate":
        """This time, or `moment` if it is earlier: what the wait for an appointment leaves of it.

        Clark, "The greatest of a finite set of random variables" (1961), for one variable and one constant.
        """
        if self.variance == 0:
            return Estimate(max(self.mean, moment), 0.0)
        deviation, lead = self.deviation, self.mean - moment
        share, density = _phi(lead / deviation), _density(lead / deviation)
        excess = lead * share + deviation * density
        squared = (lead * lead + self.variance) * share + lead * deviation * density
        return Estimate(moment + excess, max(0.0, squared - excess * excess))

    def served(self, stop: Stop) -> "Estimate":
        """When somebody is free again who begins at this time to serve `stop`."""
        seconds = stop.ends - stop.starts
        return self.plus(seconds, (SERVICE_CV * seconds) ** 2)

    def late(self, starts: float) -> float:
        """The probability that an arrival at this time is more than 15 minutes after `starts`."""
        return 1.0 - chance(starts + ARRIVAL_WINDOW_S - self.mean, self.deviation)

    def between(self) -> tuple[float, float]:
        """The times between which it is in three of five cases."""
        return self.mean - Z_80 * self.deviation, self.mean + Z_80 * self.deviation

    def window(self) -> tuple[int, int]:
        """The same in steps of five minutes, outwards, as a text tells it."""
        earliest, latest = self.between()
        return int(earliest // STEP_S) * STEP_S, -int(-latest // STEP_S) * STEP_S


def free_at(arrived: float, seconds: float, now: float) -> Estimate:
    """When an officer will be free who arrived at `arrived` for a visit of `seconds`, and is still there at `now`.

    A visit's length is lognormal: the longer it has gone on, the longer it may still go on.
    """
    spread = log(1 + SERVICE_CV * SERVICE_CV)
    sigma, middle = sqrt(spread), log(seconds) - spread / 2
    gone = now - arrived
    if gone <= 0:
        return Estimate(arrived + seconds, (SERVICE_CV * seconds) ** 2)
    still_there = _phi((middle - log(gone)) / sigma)
    if still_there < _NEVER:
        # So long over its time that nothing can be said of it but that it is not over.
        return Estimate(now + seconds, (SERVICE_CV * seconds) ** 2)
    mean = exp(middle + spread / 2) * _phi((middle + spread - log(gone)) / sigma) / still_there
    squared = exp(2 * middle + 2 * spread) * _phi((middle + 2 * spread - log(gone)) / sigma) / still_there
    return Estimate(arrived + mean, max(0.0, squared - mean * mean))


_NEVER = 1e-9


def arrivals(
    free: Estimate,
    here: Place | None,
    stops: Iterable[Stop],
    travel: Travel,
    lunch: Lunch | None = None,
    words: Iterable[float | None] = (),
) -> Iterator[Estimate]:
    """When an officer who is `free` then, `here`, will be at each of these stops, in their order.

    They eat in the first gap that has the time for it; who cannot goes without. Nowhere are they before the time
    that is their own word for it, in `words`, one a stop: they know what keeps them.
    """
    for stop, word in zip(stops, chain(words, repeat(None)), strict=False):
        if lunch is not None:
            eats = max(free.mean, lunch.earliest)
            ready = eats + lunch.seconds
            if eats <= lunch.latest and ready + travel.seconds(here, stop.place, ready) <= stop.starts:
                free, lunch = free.after(lunch.earliest).plus(lunch.seconds, 0), None
        journey = travel.seconds(here, stop.place, free.mean)
        arrival = free.plus(journey, (TRAVEL_CV * journey) ** 2)
        if word is not None:
            arrival = arrival.after(word)
        yield arrival
        free, here = arrival.after(stop.starts).served(stop), stop.place


def _phi(z: float) -> float:
    return 0.5 * (1 + erf(z / sqrt(2)))


def _density(z: float) -> float:
    return exp(-z * z / 2) / sqrt(2 * pi)
