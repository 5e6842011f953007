"""Slots: every start at which an officer can be at a door, how good it is, and why there is none. Pure rules."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from models.day import (
    ARRIVAL_WINDOW_S,
    Day,
    Fault,
    Found,
    Gap,
    Lunch,
    Rules,
    Stop,
    Way,
    chance,
    faults,
    free_by,
    ready,
    sigma,
    slack,
    slack_for,
    way_of,
)
from models.travel import Place

GRID_S = 900
"""Slots begin at a quarter of an hour: London's clocks differ from UTC by whole hours."""

USEFUL_S = 45 * 60
"""What is left of a gap and shorter than this is of no use: a visit of half an hour and the way to it."""

RISK_COSTS_MINUTES, UNUSABLE_COSTS, FAMILIAR_SAVES_MINUTES = 60.0, 0.25, 10.0
"""What a slot costs beside the way: being late for certain is like an hour's drive, a lost minute like a quarter
of one, and an officer whom the resident knows is worth ten."""


class Wanted(NamedTuple):
    """What somebody asks for: a visit of so many seconds, here, to begin from `earliest` and before `latest`."""

    seconds: int
    place: Place | None
    earliest: int
    latest: int


class Opening(NamedTuple):
    """A gap's part in which the visit may begin, at any second from `first` to `last`.

    `ready` is when the officer can be there; the slack before the visit comes on top, as it depends on the start.
    """

    gap: Gap
    first: int
    last: int
    ready: int


class Slot(NamedTuple):
    """One start, in Unix seconds; the time on the road it adds to the day, and the time it leaves of no use."""

    starts: int
    extra_s: int
    on_time_probability: float
    unusable_s: int

    def cost(self, familiar: bool) -> float:
        """By which slots are ranked, in minutes of driving: the least first."""
        return float(cost(self.extra_s, self.on_time_probability, self.unusable_s, familiar))


def cost(extra_s: Any, on_time_probability: Any, unusable_s: Any, familiar: Any) -> Any:
    """The same of the parts of one slot, or of many in arrays."""
    return (
        extra_s / 60
        + RISK_COSTS_MINUTES * (1 - on_time_probability)
        + UNUSABLE_COSTS * unusable_s / 60
        - FAMILIAR_SAVES_MINUTES * familiar
    )


def slots(day: Day, wanted: Wanted, rules: Rules) -> Iterator[Slot]:
    """Every start on the grid at which the visit fits into the day, in order.

    Exact: those starts, and no others, at which `fits` holds.
    """
    for gap, lunch in gaps_of(day, rules):
        yield from slots_in(gap, lunch, wanted, rules)


def slots_in(gap: Gap, lunch: Lunch | None, wanted: Wanted, rules: Rules) -> Iterator[Slot]:
    """The same of one gap, in which `lunch` has to be kept."""
    for opening in _openings_in(gap, lunch, wanted, rules):
        yield from _slots(opening, _grid(opening.first, opening.last, wanted), wanted, rules)


def gaps_of(day: Day, rules: Rules) -> Iterator[tuple[Gap, Lunch | None]]:
    """The day's gaps, each with the lunch if it must be kept in just this one."""
    eats_in = day.eats_in(rules)
    for place, gap in enumerate(day.gaps):
        yield gap, day.lunch if place == eats_in else None


def openings(day: Day, wanted: Wanted, rules: Rules) -> Iterator[Opening]:
    """Where the visit fits, gap by gap. In one gap there may be two that overlap: lunch before it, or after."""
    for gap, lunch in gaps_of(day, rules):
        yield from _openings_in(gap, lunch, wanted, rules)


def _openings_in(gap: Gap, lunch: Lunch | None, wanted: Wanted, rules: Rules) -> Iterator[Opening]:
    if not is_near(gap, wanted):
        return iter(())
    if lunch is None:
        return _in_gap(gap, wanted, rules)
    return _apart(_in_gap(gap, wanted, rules, before=lunch), _in_gap(gap, wanted, rules, after=lunch))


def _grid(first: int, last: int, wanted: Wanted) -> range:
    """The quarters of an hour from one second to another, as far as they are wanted."""
    first, last = max(first, wanted.earliest), min(last, wanted.latest - 1)
    return range(-(-first // GRID_S) * GRID_S, last + 1, GRID_S)


def slot_at(day: Day, stop: Stop, rules: Rules) -> Slot | None:
    """The slot of a visit whose time is settled, on the grid or not; None if it does not fit (`fits`)."""
    wanted = Wanted(stop.ends - stop.starts, stop.place, stop.starts, stop.starts + 1)
    only = range(stop.starts, stop.starts + 1)
    for opening in openings(day, wanted, rules):
        if opening.first <= stop.starts <= opening.last:
            return next(_slots(opening, only, wanted, rules), None)
    return None


def fits(day: Day, stop: Stop, rules: Rules) -> bool:
    """Whether a visit can be added to a day."""
    return not spoilt(day, stop, rules)


def spoilt(day: Day, stop: Stop, rules: Rules) -> set[Found]:
    """What is wrong once a visit is added to a day: with itself, with the way to the next one, and wherever a rule
    is broken that was kept. What was wrong elsewhere before does not count."""
    before, after = faults(day, rules), faults(day.with_stop(stop), rules)
    following = next((each for each in day.stops if each.starts >= stop.starts), None)
    return {
        found
        for found in after
        if found not in before or found[1] == stop or (found[1] == following and found[0] in _OF_THE_WAY)
    }


_OF_THE_WAY = (Fault.OVERLAP, Fault.TRAVEL, Fault.SLACK, Fault.SHIFT_END)


def is_near(gap: Gap, wanted: Wanted) -> bool:
    """Whether the visit could be in this gap if there were no ways at all."""
    return gap.due - gap.free >= wanted.seconds and gap.free < wanted.latest and gap.due > wanted.earliest


def _in_gap(
    gap: Gap, wanted: Wanted, rules: Rules, *, before: Lunch | None = None, after: Lunch | None = None
) -> Iterator[Opening]:
    """Where the visit fits in this gap, window by window, with lunch before it or after it."""
    travel = rules.travel
    there = ready(gap.pieces, gap.free, way_to(gap, wanted), travel, before)
    # Most gaps are too short, and most of those are known by now.
    if there is None or there + wanted.seconds > gap.due:
        return
    onward, due = way_from(gap, wanted), gap.due
    if rules.slack and gap.after is not None:
        due -= slack(Stop(0, wanted.seconds, None), onward, gap.due, travel)
    leaves = free_by(gap.pieces, due, onward, travel, after)
    if leaves is None or there + wanted.seconds > leaves:
        return
    for begins, ends in gap.pieces:
        first, last = max(there, begins), min(leaves, ends) - wanted.seconds
        if first <= last:
            yield Opening(gap, first, last, there)


def _apart(*found: Iterator[Opening]) -> Iterator[Opening]:
    """The openings, in order, without what an earlier one has already."""
    until = -1
    for opening in sorted((each for some in found for each in some), key=lambda each: (each.first, each.ready)):
        if opening.last > until:
            yield opening._replace(first=max(opening.first, until + 1))
            until = opening.last


def way_to(gap: Gap, wanted: Wanted) -> Way | None:
    """The way to the visit, should it be in this gap."""
    return Way(gap.origin, wanted.place) if gap.goes_from else None


def way_from(gap: Gap, wanted: Wanted) -> Way | None:
    """The way on from it."""
    return Way(wanted.place, gap.destination) if gap.goes_to else None


def _slots(opening: Opening, grid: range, wanted: Wanted, rules: Rules) -> Iterator[Slot]:
    """The slots at those of these starts of an opening at which the arrival is certain enough."""
    gap, travel, seconds = opening.gap, rules.travel, wanted.seconds
    to, onward, direct = way_to(gap, wanted), way_from(gap, wanted), way_of(gap)
    leaves = int(travel.leave_by(*onward, gap.due)) if onward else gap.due
    added_s = (travel.seconds(*to, gap.free) if to else 0) - (travel.seconds(*direct, gap.free) if direct else 0)
    for starts in grid:
        ends = starts + seconds
        deviation = sigma(gap.before, to, starts, travel)
        if rules.slack and opening.ready + slack_for(deviation) > starts:
            continue
        extra_s = added_s + (travel.seconds(*onward, ends) if onward else 0)
        waits, spare = starts - opening.ready, leaves - ends
        unusable_s = (waits if 0 < waits < USEFUL_S else 0) + (spare if 0 < spare < USEFUL_S else 0)
        yield Slot(starts, extra_s, chance(waits + ARRIVAL_WINDOW_S, deviation), unusable_s)
