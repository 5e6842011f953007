"""Gaps of many days, in arrays: what a search looks at all at once."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from models.day import FOREVER, Day, Gap, Lunch, Piece, Rules
from models.many_ways import Real, Whole, point


class ManyGaps(NamedTuple):
    """Gaps without time off in them, one a column; those with time off are `others`.

    `times` has rows of whole seconds: when an officer is free, when they are due, and how long the visit before
    takes; how long the lunch that has to be kept in just this gap, and from when to when it may begin. Then 1 or
    0: whether they go from somewhere, go on to somewhere, and whether there is a visit. `places` are the points on
    the globe that they come from and go on to, three rows each.
    """

    times: Whole
    places: Real
    others: tuple[tuple[Gap, Lunch | None], ...] = ()


def many_gaps(day: Day, rules: Rules) -> ManyGaps:
    """The gaps of one day."""
    if not day.spans:
        return NONE
    stops, eats_in, count = day.stops, day.eats_in(rules), len(day.spans)
    free, due = zip(*day.spans, strict=True)
    before_s = [0, *[stop.ends - stop.starts for stop in stops]]
    lunch_s, earliest, latest = [0] * count, [0] * count, [0] * count
    if eats_in is not None and day.lunch is not None:
        lunch_s[eats_in], earliest[eats_in], latest[eats_in] = day.lunch
    ones = [1] * (count - 1)
    ways = [day.starts_from is not None, *ones], [*ones, day.ends_at is not None], [*ones, 0]
    times = np.array((free, due, before_s, lunch_s, earliest, latest, *ways), dtype=np.int64)
    points = np.array([point(day.starts_from), *[point(stop.place) for stop in stops], point(day.ends_at)]).T
    places = np.concatenate((points[:, :-1], points[:, 1:]))
    broken = list(_with_time_off(day))
    if not broken:
        return ManyGaps(times, places)
    others = tuple((day.gap(place), day.lunch if place == eats_in else None) for place in broken)
    return ManyGaps(np.delete(times, broken, axis=1), np.delete(places, broken, axis=1), others)


def _with_time_off(day: Day) -> Iterator[int]:
    """The places of the gaps that are not wholly worked. Most days have one window, with all the visits in it."""
    one = day.windows[0] if len(day.windows) == 1 else NOT_ONE
    for place, span in enumerate(day.spans):
        if not one.begins <= span[0] <= span[1] <= one.ends and day.gap(place).pieces != (span,):
            yield place


NOT_ONE = Piece(FOREVER, -FOREVER)


def joined(each: Iterable[ManyGaps]) -> ManyGaps:
    """All of these, in this order."""
    times, places, others = zip(NONE, *each, strict=True)
    return ManyGaps(
        np.concatenate(times, axis=1), np.concatenate(places, axis=1), tuple(chain.from_iterable(others))
    )


NONE = ManyGaps(np.empty((9, 0), dtype=np.int64), np.empty((6, 0)), ())
