"""Slots: every start at which an officer can be at a door, how good it is, and why there is none. Pure rules."""

from collections.abc import Iterator
from typing import NamedTuple

from models.day import (
    ARRIVAL_WINDOW_S,
    SERVICE_CV,
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
        return (
            self.extra_s / 60
            + RISK_COSTS_MINUTES * (1 - self.on_time_probability)
            + UNUSABLE_COSTS * self.unusable_s / 60
            - FAMILIAR_SAVES_MINUTES * familiar
        )


def slots(day: Day, wanted: Wanted, rules: Rules) -> Iterator[Slot]:
    """Every start on the grid at which the visit fits into the day, in order.

    Exact: those starts, and no others, at which `fits` holds.
    """
    for opening in openings(day, wanted, rules, grid=GRID_S):
        first = max(opening.first, wanted.earliest)
        starts = range(-(-first // GRID_S) * GRID_S, min(opening.last, wanted.latest - 1) + 1, GRID_S)
        if starts:
            yield from _slots(opening, starts, wanted, rules)


def openings(day: Day, wanted: Wanted, rules: Rules, *, grid: int = 1) -> Iterator[Opening]:
    """Where the visit fits, gap by gap. In one gap there may be two that overlap: lunch before it, or after.

    Some in which it cannot begin at a multiple of `grid` seconds may be left out.
    """
    rooms = day.rooms(rules)
    if max(rooms, default=0) < wanted.seconds:
        return
    for place, room in enumerate(rooms):
        if room < wanted.seconds:
            continue
        gap = day.gaps[place]
        if not _may_hold(gap, room, wanted, rules, grid):
            continue
        meals = day.meals(rules) if day.eats else None
        if not meals or meals != {place}:
            # No time for lunch need be kept, or none can be, or it is kept elsewhere.
            yield from _in_gap(gap, wanted, rules)
        else:
            first, then = ({"before": day.lunch}, {"after": day.lunch})
            yield from _apart(_in_gap(gap, wanted, rules, **first), _in_gap(gap, wanted, rules, **then))


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


def _may_hold(gap: Gap, room: int, wanted: Wanted, rules: Rules, grid: int) -> bool:
    """Whether there would be a start on the grid if each way took the least it ever does, and no time were wanted
    in hand but for the visits. It costs little to ask, and most gaps are done with."""
    first, last = gap.due - room, gap.due - wanted.seconds
    if rules.slack and gap.after is not None:
        last -= slack_for(SERVICE_CV * wanted.seconds)
    if gap.goes_from and first <= last:
        first += rules.travel.at_least(gap.origin, wanted.place)
    if gap.goes_to and first <= last:
        last -= rules.travel.at_least(wanted.place, gap.destination)
    return -(-max(first, wanted.earliest) // grid) * grid <= min(last, wanted.latest - 1)


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
    """The slots at these starts of an opening: those at which the arrival is certain enough."""
    gap, travel, ready_at = opening.gap, rules.travel, opening.ready
    to, onward, direct = way_to(gap, wanted), way_from(gap, wanted), way_of(gap)
    leaves = gap.due if onward is None else int(travel.leave_by(*onward, gap.due))
    instead = (travel.seconds(*to, gap.free) if to else 0) - (travel.seconds(*direct, gap.free) if direct else 0)
    # All that is driven lies in the gap. Where no speed changes in it, each start of it has the same ways.
    is_steady, deviation, extra_s = travel.is_steady(gap.free, gap.due), -1.0, 0
    for starts in grid:
        ends = starts + wanted.seconds
        if deviation < 0 or not is_steady:
            deviation = sigma(gap.before, to, starts, travel)
            extra_s = instead + (travel.seconds(*onward, ends) if onward else 0)
            wants = slack_for(deviation) if rules.slack else 0
        waits, spare = starts - ready_at, leaves - ends
        if waits >= wants:
            unusable_s = (waits if 0 < waits < USEFUL_S else 0) + (spare if 0 < spare < USEFUL_S else 0)
            yield Slot(starts, extra_s, chance(waits + ARRIVAL_WINDOW_S, deviation), unusable_s)
