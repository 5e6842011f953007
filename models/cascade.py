"""The cascade: what one late visit does to the rest of an officer's day, as a pure function."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.travel import Place, travel_time


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit as the cascade sees it: when it is booked, how long it takes, and where, if that is known."""

    starts_at: datetime
    duration: timedelta
    place: Place | None


def predicted_arrivals(expected_at: datetime, delayed: Stop, remaining: Iterable[Stop]) -> list[datetime]:
    """When the officer will be at each of the `remaining` visits, in order of start, in UTC.

    Rule 6: "A delay recomputes the officer's remaining visits (end of this one + travel + service)."
    Nobody is visited before the booked start, so that a gap in the day takes a delay up; and a day booked
    tighter than its travel allows is late without any delay. A journey takes what its hour makes of it: a delay
    into the slow hours grows.
    """
    free_at, here = expected_at.astimezone(UTC) + delayed.duration, delayed.place
    arrivals = []
    for stop in remaining:
        leaves_at = _next_second(free_at)
        arrives_at = max(stop.starts_at.astimezone(UTC), leaves_at + travel_time(here, stop.place, leaves_at))
        arrivals.append(arrives_at)
        free_at, here = arrives_at + stop.duration, stop.place
    return arrivals


def _next_second(at: datetime) -> datetime:
    """This instant, on the whole second that is not before it: journeys are counted in those."""
    return at + timedelta(microseconds=-at.microsecond % 1_000_000)
