"""How long from each place to each other: by a routing server where there is one, else by the straight line."""

import logging
import time
from collections.abc import Iterator, Sequence
from math import ceil, isfinite
from statistics import median
from typing import Any, Protocol

from models.standards import distance_m
from models.travel import Place, TravelModel
from routing.http import RouterDown, RouterRefused
from routing.osrm import Osrm
from routing.valhalla import Valhalla

PAUSE_S = 10
"""A server that did not answer is left alone for so long, so that not every question waits for it in vain."""
_FASTEST_MS = 130 / 3.6
_TO_THE_ROAD_M = 1_000
"""A server puts each place on the nearest road first."""
_LONGEST_S = 6 * 3600
_LEAST_S = 0.05

log = logging.getLogger(__name__)

Driven = dict[tuple[Place, Place], float]
"""The seconds at the wheel from one place to another, where a server knows them."""


class Router(Protocol):
    """A routing server, of whatever kind."""

    name: str
    side: int
    """How many origins, and how many destinations, it is asked for at once."""

    def block(self, origins: Sequence[Place], destinations: Sequence[Place], *, within_s: float) -> Any:
        """The driving seconds, one row for each origin, as answered. Raises RouterDown or RouterRefused."""


def router_from(kind: str, url: str | None) -> Router | None:
    """The server that the settings name; None for `none`."""
    if url is None:
        return None
    return Valhalla(url) if kind == Valhalla.name else Osrm(url)


class RoadTable:
    """Travel times between many places at once. Threads may share it."""

    def __init__(self, router: Router | None, *, within_s: float) -> None:
        self._router = router
        self._within_s = within_s
        self._asks_again_at = 0.0

    def travel_table(
        self, places: Sequence[Place | None], *, leaving_at: float, model: TravelModel
    ) -> list[list[int]]:
        """Whole seconds from door to door, from the place of each row to that of each column, for who leaves at
        this Unix second.

        A server's driving time, which knows no hours, and the time to park; for every pair that it does not
        answer, or not in a way that can be true, the straight line. So an answer always comes, a little after
        the time-out at the latest. Places that are alike, unknown or entered wrongly are not asked about.
        """
        driven = self._driven(_near_one_another(places, model.farthest_m))

        def seconds(origin: Place | None, destination: Place | None) -> int:
            if origin is not None and destination is not None:
                at_the_wheel = driven.get((origin, destination))
                if at_the_wheel is not None and distance_m(origin, destination) <= model.farthest_m:
                    return ceil(at_the_wheel) + model.to_park_s
            return model.seconds(origin, destination, leaving_at)

        return [[seconds(origin, destination) for destination in places] for origin in places]

    def _driven(self, places: list[Place]) -> Driven:
        """What the server says of these, block by block, as long as it answers and there is time."""
        driven: Driven = {}
        now = time.monotonic()
        if self._router is None or len(places) < 2 or now < self._asks_again_at:
            return driven
        ends = now + self._within_s
        for origins, destinations in _blocks(places, self._router.side):
            left_s = ends - time.monotonic()
            if left_s < _LEAST_S:
                break
            try:
                rows = self._router.block(origins, destinations, within_s=left_s)
                driven |= _believable(rows, origins, destinations)
            except RouterRefused as error:
                log.warning("router_refused", extra={"router": self._router.name, "answer": str(error)})
                continue
            except RouterDown as error:
                log.warning("router_unavailable", extra={"router": self._router.name, "answer": str(error)})
                self._asks_again_at = time.monotonic() + PAUSE_S
                break
        return driven


def _near_one_another(places: Sequence[Place | None], farthest_m: float) -> list[Place]:
    """Each known place once, but for those far from the others: a server refuses a whole question for one home
    that was entered in the sea."""
    known = list(dict.fromkeys(place for place in places if place is not None))
    if not known:
        return []
    middle = median(latitude for latitude, _ in known), median(longitude for _, longitude in known)
    return [place for place in known if distance_m(place, middle) <= farthest_m]


def _blocks(places: list[Place], side: int) -> Iterator[tuple[list[Place], list[Place]]]:
    """Every pair of places, as many at once as a server takes."""
    parts = [places[start : start + side] for start in range(0, len(places), side)]
    return ((origins, destinations) for origins in parts for destinations in parts)


def _believable(rows: Any, origins: list[Place], destinations: list[Place]) -> Driven:
    """The answers that can be true. Of a table of another shape nobody knows what is where: RouterRefused."""
    if not isinstance(rows, list) or [_width(row) for row in rows] != [len(destinations)] * len(origins):
        raise RouterRefused("a table of another shape")
    return {
        (origin, destination): float(seconds)
        for origin, row in zip(origins, rows, strict=True)
        for destination, seconds in zip(destinations, row, strict=True)
        if origin != destination and _can_be(seconds, distance_m(origin, destination))
    }


def _width(row: Any) -> int:
    return len(row) if isinstance(row, list) else 0


def _can_be(seconds: Any, straight_m: float) -> bool:
    """Whether a car can be so long on its way; `true` is no number of seconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
        return False
    return max(0.0, (straight_m - _TO_THE_ROAD_M) / _FASTEST_MS) <= seconds <= _LONGEST_S
