"""How long an officer takes from one door to the next: one function, for the diary to better."""

from datetime import timedelta

from models.standards import distance_m

Place = tuple[float, float]
"""Latitude and longitude in degrees."""

ROADS_BEND = 1.35
METRES_A_SECOND = 27_000 / 3600
TO_PARK = timedelta(minutes=3)
"""Measured on the product's own data: roads are so much longer than the straight line, and 27 km/h is the
speed between two doors."""
UNKNOWN = timedelta(minutes=10)
FARTHEST_M = 60_000
"""Further apart than this, straight across London, one of the two places was entered wrongly."""


def travel_time(origin: Place | None, destination: Place | None) -> timedelta:
    """From door to door by car, in whole seconds; 10 minutes when either place is unknown, or cannot be meant.

    Two visits in one house are 3 minutes apart: nobody is at the next door the moment one closes.
    """
    if origin is None or destination is None:
        return UNKNOWN
    straight_m = distance_m(origin, destination)
    if straight_m > FARTHEST_M:
        return UNKNOWN
    driving_s = straight_m * ROADS_BEND / METRES_A_SECOND
    return timedelta(seconds=round(driving_s)) + TO_PARK
