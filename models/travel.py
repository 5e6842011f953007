"""How long an officer takes from one door to the next by car, and when to leave to be there in time."""

from dataclasses import dataclass, field
from datetime import time
from functools import lru_cache
from math import ceil, cos, floor, radians, sin, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.speeds import UNITS_A_METRE, Speeds, Traffic
from models.standards import EARTH_RADIUS_M

Number = TypeVar("Number", float, NDArray[np.float64])

Place = tuple[float, float]
"""Latitude and longitude in degrees."""

SPEEDS: Speeds = ((time(7), 23.5), (time(10), 27.0), (time(16), 22.0), (time(19), 28.0))
"""Measured on the product's own data. `flask travel calibrate` measures them again on a council's own."""
ROADS_KEPT, NOT_MEASURED = 1 << 14, -1
MOST_BENDS, FARTHEST_M, LONGEST_PAUSE_S = 2.0, 100_000, 3600


@dataclass(frozen=True, slots=True)
class TravelModel:
    """Travel without any server: "straight line x 1.35, door-to-door km/h 23.5 (07-10), 27 (10-16), 22 (16-19), 28
    otherwise, plus 3 minutes to park, integrated over the hour changes".

    Times are Unix seconds, whole ones: a journey's end is rounded up, so that nobody is said to be there who is
    still parking. Raises ValueError for figures that cannot be meant.
    """

    roads_bend: float = 1.35
    speeds: Speeds = SPEEDS
    to_park_s: int = 180
    unknown_s: int = 600
    """For a journey from or to a place that nobody knows."""
    farthest_m: float = 60_000
    """Further apart than this, straight across London, one of the two places was entered wrongly."""
    traffic: Traffic = field(init=False, repr=False, compare=False)
    units_a_radius: float = field(init=False, repr=False, compare=False)
    """The length by road of a way as long as the Earth's radius."""
    longest: float = field(init=False, repr=False, compare=False)
    """The length by road of the farthest journey."""
    _roads: dict[tuple[Place | None, Place | None], int | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Ways in 36ths of a metre, as long there as back; None if a place is unknown, or cannot be meant. One search
    asks for the same few hundred over and over."""

    def __post_init__(self) -> None:
        if not 1 <= self.roads_bend <= MOST_BENDS:
            raise ValueError(f"A road is 1 to {MOST_BENDS:g} times as long as the straight line.")
        if not 1_000 <= self.farthest_m <= FARTHEST_M:
            raise ValueError(f"The farthest journey is 1 to {FARTHEST_M // 1000} km in a straight line.")
        if not (0 <= self.to_park_s <= LONGEST_PAUSE_S and 0 <= self.unknown_s <= LONGEST_PAUSE_S):
            raise ValueError(f"Give the seconds, {LONGEST_PAUSE_S} at most.")
        object.__setattr__(self, "traffic", Traffic(self.speeds))
        units = self.roads_bend * UNITS_A_METRE
        object.__setattr__(self, "units_a_radius", EARTH_RADIUS_M * units)
        object.__setattr__(self, "longest", self.farthest_m * units)

    def seconds(self, origin: Place | None, destination: Place | None, leaving_at: float) -> int:
        """From door to door, parking included, for who leaves at this Unix second.

        Two visits in one house are 3 minutes apart: nobody is at the next door the moment one closes.
        Of two whole seconds the later one never arrives earlier.
        """
        road = self._roads.get((origin, destination), NOT_MEASURED)
        if road == NOT_MEASURED:
            road = self._measured(origin, destination)
        if road is None:
            return self.unknown_s
        leaves = ceil(leaving_at)
        return self.traffic.arrives(road, leaves) - leaves + self.to_park_s

    def leave_by(self, origin: Place | None, destination: Place | None, arriving_at: float) -> float:
        """The latest whole second to leave and arrive by this one: who leaves then does, and a second later does
        not."""
        road = self._roads.get((origin, destination), NOT_MEASURED)
        if road == NOT_MEASURED:
            road = self._measured(origin, destination)
        if road is None:
            return floor(arriving_at) - self.unknown_s
        return self.traffic.leaves(road, floor(arriving_at) - self.to_park_s)

    def seconds_by_road(self, road_m: float, leaving_at: float) -> int:
        """The same for a way whose length is known: so many metres of road, and the time to park."""
        leaves = ceil(leaving_at)
        return self.traffic.arrives(round(road_m * UNITS_A_METRE), leaves) - leaves + self.to_park_s

    def speed_at(self, moment: float) -> float:
        """The km/h that this model drives at a Unix second."""
        return self.traffic.at(floor(moment))

    def _measured(self, origin: Place | None, destination: Place | None) -> int | None:
        road = None
        if origin is not None and destination is not None:
            (x, y, z), (to_x, to_y, to_z) = on_the_globe(origin), on_the_globe(destination)
            squared = (x - to_x) ** 2 + (y - to_y) ** 2 + (z - to_z) ** 2
            length = along_the_globe(sqrt(squared), squared) * self.units_a_radius
            if length <= self.longest:
                road = round(length)
        if len(self._roads) >= ROADS_KEPT:
            self._roads.clear()
        self._roads[origin, destination] = self._roads[destination, origin] = road
        return road


@lru_cache(maxsize=ROADS_KEPT)
def on_the_globe(place: Place) -> tuple[float, float, float]:
    """The place on a ball of radius 1: from there a straight line is quickly measured, and the same both ways."""
    latitude, longitude = radians(place[0]), radians(place[1])
    return cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude)


def along_the_globe(chord: Number, squared: Number) -> Number:
    """How far two places are apart on that ball, by the straight line through it and its square: to a hundredth of
    a millimetre in 100 km, and by nothing that arrays reckon otherwise than numbers."""
    return chord * (1 + squared * (1 / 24 + squared * (3 / 640)))


_in_use = TravelModel()


def use(model: TravelModel) -> None:
    """Reckon with these figures from here on, in this process: those of the settings."""
    global _in_use
    _in_use = model


def in_use() -> TravelModel:
    """The figures this process reckons with."""
    return _in_use
