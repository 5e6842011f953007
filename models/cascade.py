"""The cascade: what one late visit does to the rest of an officer's day, as a pure function."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID

from models.day import FOREVER, Piece, Way, ready
from models.travel import Place, in_use


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit as the cascade sees it: when it is booked, how long it takes, where, if that is known, and by whom.

    `expected_at` is what was known of it before. Where nobody says who comes, it is always the same officer.
    """

    starts_at: datetime
    duration: timedelta
    place: Place | None
    officers: Collection[UUID | None] = (None,)
    expected_at: datetime | None = None


def predicted_arrivals(expected_at: datetime, delayed: Stop, remaining: Iterable[Stop]) -> list[datetime | None]:
    """When its officers will be at each of the `remaining` visits, in order of start, in UTC; None for a visit
    that this delay does not reach.

    Rule 6: "A delay recomputes the officer's remaining visits (end of this one + travel + service)."
    Nobody is visited before the booked start, so that a gap in the day takes a delay up; and a day booked
    tighter than its travel allows is late without any delay. A journey takes what its hour makes of it: a delay
    into the slow hours grows. Two officers begin when the later of them is there: so a delay goes over from one
    to whom they meet.
    """
    reached = set(delayed.officers)
    free = dict.fromkeys(reached, (expected_at.astimezone(UTC) + delayed.duration, delayed.place))
    arrivals: list[datetime | None] = []
    for stop in remaining:
        if reached.isdisjoint(stop.officers):
            arrives_at = (stop.expected_at or stop.starts_at).astimezone(UTC)
            arrivals.append(None)
        else:
            there = [_there(*free[officer], stop.place) for officer in stop.officers if officer in free]
            arrives_at = max(stop.starts_at.astimezone(UTC), *there)
            arrivals.append(arrives_at)
            reached.update(stop.officers)
        free.update(dict.fromkeys(stop.officers, (arrives_at + stop.duration, stop.place)))
    return arrivals


_NO_END = (Piece(-FOREVER, FOREVER),)
"""A day that has gone wrong goes on until all are done."""


def _there(free_at: datetime, here: Place | None, place: Place | None) -> datetime:
    """When an officer is there: as a day is planned, but with no end of the shift and no lunch."""
    there = ready(_NO_END, ceil(free_at.timestamp()), Way(here, place), in_use())
    assert there is not None  # noqa: S101 - there is always time
    return datetime.fromtimestamp(there, UTC)
