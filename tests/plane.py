"""A flat town for tests of the diary: places are metres east and north, ways are straight lines at one speed."""

from math import ceil, dist, floor

Place = tuple[float, float]


class Plane:
    """Ways 1.35 times as long as the straight line, at 27 km/h, and three minutes to park."""

    def __init__(self, metres_a_second: float = 7.5, to_park_s: int = 180) -> None:
        self._speed = metres_a_second
        self._to_park_s = to_park_s

    def seconds(self, origin: Place | None, destination: Place | None, leaving_at: float) -> int:
        if origin is None or destination is None:
            return 600
        return ceil(dist(origin, destination) * 1.35 / self._speed) + self._to_park_s

    def leave_by(self, origin: Place | None, destination: Place | None, arriving_at: float) -> float:
        return floor(arriving_at) - self.seconds(origin, destination, arriving_at)


class AtOnce(Plane):
    """Ways that take no time."""

    def seconds(self, origin: Place | None, destination: Place | None, leaving_at: float) -> int:
        return 0
