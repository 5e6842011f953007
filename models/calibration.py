"""Which speeds, and how long to park, fit the journeys that officers made: a pure rule.

How much longer than the straight line roads are, and how fast they are driven, cannot be told apart by departures
and arrivals: only the speeds are fitted, and the time to park.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from statistics import median, quantiles
from typing import NamedTuple

from models.clock import LONDON
from models.speeds import FASTEST_KMH, SLOWEST_KMH
from models.standards import distance_m
from models.travel import Place, TravelModel

NEEDED = 40
"""Journeys that a band of hours needs to be spoken of, those kept to check with included."""
_CHECKED_WITH = 4
"""One journey in so many is left out of the fit: what it says of the fit's error is the truth."""
_PARKING_S = range(0, 901, 15)
_FASTEST_MS = FASTEST_KMH / 3.6


class Journey(NamedTuple):
    """From door to door, in Unix seconds."""

    origin: Place
    destination: Place
    left_at: float
    arrived_at: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.arrived_at - self.left_at


@dataclass(frozen=True, slots=True)
class Error:
    """How far predictions are from the truth, in seconds: half are off by no more than `half`, nine in ten by no
    more than `most`."""

    half: float
    most: float


@dataclass(frozen=True, slots=True)
class Band:
    """The hours that one speed holds for: from a time of the London day until the next band's."""

    begins: time
    journeys: int
    speed_now: float
    speed_fits: float | None
    """None if there are too few journeys to say."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What fits, and how much better it predicts the journeys that it was not fitted to."""

    bands: tuple[Band, ...]
    model: TravelModel
    checked_with: int
    error_now: Error
    error_then: Error

    @property
    def is_better(self) -> bool:
        """Whether it is worth a change of the settings."""
        return self.error_then.half < self.error_now.half


class TooFewJourneys(ValueError):
    """No band of hours has enough journeys; the message says how many there are and how many are needed."""


def calibrate(made: Iterable[Journey], model: TravelModel) -> Calibration:
    """Fit the speeds and the time to park to the journeys of bands that have enough; the others keep theirs.

    Each is the one that makes the sum of all absolute errors smallest, so that an officer who went shopping on the
    way, or who said late that they had left, moves it little. Raises TooFewJourneys.
    """
    usable = sorted((each for each in made if _road_m(each, model) is not None), key=lambda each: each.left_at)
    by_band = _by_band(usable, model)
    enough = [number for number, there in enumerate(by_band) if len(there) >= NEEDED]
    if not enough:
        counted = ", ".join(
            f"{len(there)} from {step:%H:%M}" for (step, _), there in zip(model.speeds, by_band, strict=True)
        )
        raise TooFewJourneys(f"Some hours need {NEEDED} journeys or more to say anything; there are {counted}.")
    fitted_to = [_others(by_band[number]) for number in enough]
    to_park_s = min(_PARKING_S, key=lambda seconds: sum(_fit(there, seconds, model)[1] for there in fitted_to))
    fits = {number: _fit(there, to_park_s, model)[0] for number, there in zip(enough, fitted_to, strict=True)}
    speeds = tuple((step, fits.get(number, speed)) for number, (step, speed) in enumerate(model.speeds))
    fitted = replace(model, speeds=speeds, to_park_s=to_park_s)
    check = [each for number in enough for each in by_band[number][_CHECKED_WITH - 1 :: _CHECKED_WITH]]
    return Calibration(
        bands=tuple(
            Band(step, len(by_band[number]), speed, fits.get(number))
            for number, (step, speed) in enumerate(model.speeds)
        ),
        model=fitted,
        checked_with=len(check),
        error_now=_error(check, model),
        error_then=_error(check, fitted),
    )


def _road_m(journey: Journey, model: TravelModel) -> float | None:
    straight_m = distance_m(journey.origin, journey.destination)
    return straight_m * model.roads_bend if straight_m <= model.farthest_m else None


def _by_band(made: Sequence[Journey], model: TravelModel) -> list[list[Journey]]:
    """The journeys that began and ended in the hours of one speed, by that."""
    steps = [step for step, _ in model.speeds]
    bands: list[list[Journey]] = [[] for _ in steps]

    def band(moment: float) -> int:
        return (bisect_right(steps, datetime.fromtimestamp(moment, LONDON).time()) - 1) % len(steps)

    for journey in made:
        began = band(journey.left_at)
        if began == band(journey.arrived_at):
            bands[began].append(journey)
    return bands


def _others(made: Sequence[Journey]) -> list[Journey]:
    """Those that are not kept to check with."""
    return [each for number, each in enumerate(made, start=1) if number % _CHECKED_WITH]


def _fit(made: Sequence[Journey], to_park_s: int, model: TravelModel) -> tuple[float, float]:
    """The km/h that makes the sum of absolute errors smallest, and that sum in seconds.

    |driven - road x slowness| summed is smallest at the median of driven/road, each weighing as much as its road
    is long.
    """
    driven = [(_road_m(each, model) or 0.0, each.seconds - to_park_s) for each in made]
    slowness = _weighted_median([(seconds / road, road) for road, seconds in driven if road > 0])
    speed = 3.6 / max(slowness, 1 / _FASTEST_MS)
    speed = min(max(round(speed, 1), SLOWEST_KMH), FASTEST_KMH)
    return speed, sum(abs(seconds - road * 3.6 / speed) for road, seconds in driven)


def _weighted_median(weighed: list[tuple[float, float]]) -> float:
    half, so_far = sum(weight for _, weight in weighed) / 2, 0.0
    for value, weight in sorted(weighed):
        so_far += weight
        if so_far >= half:
            return value
    return 0.0


def _error(made: Sequence[Journey], model: TravelModel) -> Error:
    off = [abs(model.seconds(each.origin, each.destination, each.left_at) - each.seconds) for each in made]
    return Error(half=median(off), most=quantiles(off, n=10)[-1])
