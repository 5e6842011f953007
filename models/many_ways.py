"""What a travel model says of many ways at once: in arrays, and to the second the same as of each way."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.day import FOREVER
from models.speeds import DAY_S, DAYS_AROUND, STEP_S, UNITS_A_METRE
from models.travel import Place, TravelModel, arc_m, on_the_globe, squares

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

UNKNOWN = -1
"""The length of a way from or to a place that nobody knows, or that cannot be meant."""

NOWHERE = (np.nan, np.nan, np.nan)


def point(place: Place | None) -> tuple[float, float, float]:
    """The place as an array of places has it."""
    return NOWHERE if place is None else on_the_globe(place)


class ManyWays:
    """A model's ways, for who is on them between these Unix seconds or within a day of them."""

    def __init__(self, model: TravelModel, first: int, last: int) -> None:
        self._model = model
        self._traffic = _laid_out(model, first // DAY_S - 1, last // DAY_S + 1)

    def lengths(self, places: Real, place: Place | None) -> Whole:
        """How long the ways by road are between each of these places and another: in 36ths of a metre."""
        x, y, z = point(place)
        return self._lengths(places[0] - x, places[1] - y, places[2] - z)

    def lengths_between(self, origins: Real, destinations: Real) -> Whole:
        """The same between the places of each column."""
        return self._lengths(*(origins - destinations))

    def _lengths(self, x: Real, y: Real, z: Real) -> Whole:
        squared = squares(x, y, z)
        straight_m = arc_m(np.sqrt(squared), squared)
        is_known = straight_m <= self._model.farthest_m
        if not is_known.all():
            straight_m[~is_known] = UNKNOWN
        road = np.rint(straight_m * self._model.roads_bend * UNITS_A_METRE).astype(np.int64)
        return np.maximum(road, UNKNOWN)

    def seconds(self, lengths: Whole, leaving_at: Whole) -> Whole:
        """From door to door, parking included, for who leaves at these seconds."""
        starts, speeds, covered, ends, step_at = self._traffic
        step = step_at[(leaving_at - starts[0]) // STEP_S]
        took = -(-lengths // speeds[step])
        changed = np.flatnonzero(leaving_at + took > ends[step])
        if changed.size:
            step = step[changed]
            goal = covered[step] + (leaving_at[changed] - starts[step]) * speeds[step] + lengths[changed]
            step = covered.searchsorted(goal, "right") - 1
            took[changed] = starts[step] - (covered[step] - goal) // speeds[step] - leaving_at[changed]
        return self._with_parking(lengths, took)

    def leave_by(self, lengths: Whole, arriving_at: Whole) -> Whole:
        """The latest seconds to leave and arrive by these."""
        starts, speeds, covered, _, step_at = self._traffic
        parks_at = arriving_at - self._model.to_park_s
        step = step_at[(parks_at - starts[0]) // STEP_S]
        took = -(-lengths // speeds[step])
        changed = np.flatnonzero(parks_at - took < starts[step])
        if changed.size:
            step = step[changed]
            start = covered[step] + (parks_at[changed] - starts[step]) * speeds[step] - lengths[changed]
            step = covered.searchsorted(start, "right") - 1
            took[changed] = parks_at[changed] - starts[step] - (start - covered[step]) // speeds[step]
        return arriving_at - self._with_parking(lengths, took)

    def _with_parking(self, lengths: Whole, took: Whole) -> Whole:
        took += self._model.to_park_s
        unknown = lengths < 0
        if unknown.any():
            took[unknown] = self._model.unknown_s
        return took


class _Traffic(NamedTuple):
    """As Steps; and when each speed ends to hold, and the number of the step at each quarter of an hour."""

    starts: Whole
    speeds: Whole
    covered: Whole
    ends: Whole
    step_at: Whole


@lru_cache(maxsize=32)
def _laid_out(model: TravelModel, first: int, last: int) -> _Traffic:
    starts, speeds, covered = (np.array(each, dtype=np.int64) for each in model.traffic.laid_out(first, last))
    ends = np.append(starts[1:], FOREVER)
    quarters = np.arange(starts[0], (last + 1 + DAYS_AROUND) * DAY_S, STEP_S)
    return _Traffic(starts, speeds, covered, ends, starts.searchsorted(quarters, "right") - 1)
