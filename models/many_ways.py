"""What a travel model says of many ways at once: in arrays, and to the second the same as of each way."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.day import FOREVER
from models.speeds import DAY_S, DAYS_AROUND, STEP_S, Steps
from models.travel import Place, TravelModel, along_the_globe, on_the_globe

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

    def lengths(self, origins: Real, destinations: Real) -> Whole:
        """How long ways are by road, in 36ths of a metre: between places whose three rows are the last but one of
        an array's dimensions."""
        apart = origins - destinations
        apart *= apart
        squared = apart[..., 0, :] + apart[..., 1, :] + apart[..., 2, :]
        length = along_the_globe(np.sqrt(squared), squared) * self._model.units_a_radius
        known = length <= self._model.longest
        if not known.all():
            length[~known] = UNKNOWN
        return np.rint(length).astype(np.int64)

    def seconds(self, lengths: Whole, leaving_at: Whole) -> Whole:
        """From door to door, parking included, for who leaves at these seconds."""
        traffic = self._traffic
        quarter = (leaving_at - traffic.since) // STEP_S
        took = -(-lengths // traffic.speed_at[quarter])
        changed = np.flatnonzero(leaving_at + took > traffic.ends_at[quarter])
        if changed.size:
            arrives = traffic.comes(leaving_at[changed], lengths[changed])
            took[changed] = arrives - leaving_at[changed]
        return self._with_parking(lengths, took)

    def leave_by(self, lengths: Whole, arriving_at: Whole) -> Whole:
        """The latest seconds to leave and arrive by these."""
        traffic = self._traffic
        parks_at = arriving_at - self._model.to_park_s
        quarter = (parks_at - traffic.since) // STEP_S
        took = -(-lengths // traffic.speed_at[quarter])
        changed = np.flatnonzero(parks_at - took < traffic.begins_at[quarter])
        if changed.size:
            took[changed] = parks_at[changed] - traffic.came(parks_at[changed], lengths[changed])
        return arriving_at - self._with_parking(lengths, took)

    def _with_parking(self, lengths: Whole, took: Whole) -> Whole:
        took += self._model.to_park_s
        unknown = lengths < 0
        if unknown.any():
            took[unknown] = self._model.unknown_s
        return took


class _Traffic:
    """Steps in arrays; and at each quarter of an hour `since` the first, the speed, and when it begins and ends to
    hold."""

    def __init__(self, steps: Steps, end: int) -> None:
        self._starts, self._speeds, self._covered = (np.array(each, dtype=np.int64) for each in steps)
        self.since = steps.starts[0]
        step = self._starts.searchsorted(np.arange(self.since, end, STEP_S), "right") - 1
        self.speed_at, self.begins_at = self._speeds[step], self._starts[step]
        self.ends_at = np.append(self._starts[1:], FOREVER)[step]

    def comes(self, leaving_at: Whole, lengths: Whole) -> Whole:
        """The first whole seconds by which cars that leave then have come so far: as `arrives`."""
        goal = self._come_by(leaving_at) + lengths
        step = self._covered.searchsorted(goal, "right") - 1
        took: Whole = -((self._covered[step] - goal) // self._speeds[step])
        return self._starts[step] + took

    def came(self, arriving_at: Whole, lengths: Whole) -> Whole:
        """The last at which they can leave to have come so far by then: as `leaves`."""
        start = self._come_by(arriving_at) - lengths
        step = self._covered.searchsorted(start, "right") - 1
        return self._starts[step] + (start - self._covered[step]) // self._speeds[step]

    def _come_by(self, moment: Whole) -> Whole:
        step = self._starts.searchsorted(moment, "right") - 1
        covered: Whole = self._covered[step] + (moment - self._starts[step]) * self._speeds[step]
        return covered


@lru_cache(maxsize=32)
def _laid_out(model: TravelModel, first: int, last: int) -> _Traffic:
    return _Traffic(model.traffic.laid_out(first, last), (last + 1 + DAYS_AROUND) * DAY_S)
