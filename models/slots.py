"""Slots: every start at which an officer can be at a door, how good it is, and why there is none. Pure rules."""

from collections.abc import Iterator
from typing import NamedTuple

from models.day import (
    ARRIVAL_WINDOW_S,
    Day,
    Fault,
    Found,
    Gap,
    Lunch,
    Rules,
    Stop,
    Travel,
    Way,
    chance,
    faults,
    free_by,
    ready,
    sigma,
    slack,
    slack_for,
    spread,
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
    rooms = day.rooms(rules)
    if max(rooms, default=0) < wanted.seconds:
        return
    is_simple, eats_in = day.is_simple(rules), _eats_in(day, rules)
    for place, room in enumerate(rooms):
        if room < wanted.seconds:
            continue
        gap = day.gaps[place]
        if is_simple[place] and place != eats_in:
            yield from _slots_in_simple(gap, wanted, rules)
        elif _may_hold(gap, room, wanted, rules):
            for opening in _openings_in(gap, day.lunch if place == eats_in else None, wanted, rules):
                first = max(opening.first, wanted.earliest)
                yield from _slots(opening, _grid(first, min(opening.last, wanted.latest - 1)), wanted, rules)


def openings(day: Day, wanted: Wanted, rules: Rules) -> Iterator[Opening]:
    """Where the visit fits, gap by gap. In one gap there may be two that overlap: lunch before it, or after."""
    eats_in = _eats_in(day, rules)
    for place, gap in enumerate(day.gaps):
        if is_near(gap, wanted):
            yield from _openings_in(gap, day.lunch if place == eats_in else None, wanted, rules)


def _eats_in(day: Day, rules: Rules) -> int | None:
    """The one gap in which lunch has to be kept. None if no time for it need be kept, or none can be, or there are
    several gaps for it, so that another is left."""
    meals = day.meals(rules) if day.eats else ()
    return next(iter(meals)) if len(meals) == 1 else None


def _openings_in(gap: Gap, lunch: Lunch | None, wanted: Wanted, rules: Rules) -> Iterator[Opening]:
    if lunch is None:
        return _in_gap(gap, wanted, rules)
    return _apart(_in_gap(gap, wanted, rules, before=lunch), _in_gap(gap, wanted, rules, after=lunch))


def _grid(first: int, last: int) -> range:
    """The quarters of an hour from one second to another."""
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


def _may_hold(gap: Gap, room: int, wanted: Wanted, rules: Rules) -> bool:
    """Whether there would be a start on the grid if each way took the least it ever does, and no time were wanted
    in hand but for the visits. It costs little to ask, and most gaps are done with."""
    first, last = gap.due - room, gap.due - wanted.seconds
    if rules.slack and gap.after is not None:
        last -= slack_for(spread(wanted.seconds, 0))
    if gap.goes_from and first <= last:
        first += rules.travel.at_least(gap.origin, wanted.place)
    if gap.goes_to and first <= last:
        last -= rules.travel.at_least(wanted.place, gap.destination)
    return bool(_grid(max(first, wanted.earliest), min(last, wanted.latest - 1)))


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
    if not grid:
        return
    gap, travel = opening.gap, rules.travel
    to, onward = way_to(gap, wanted), way_from(gap, wanted)
    leaves = gap.due if onward is None else int(travel.leave_by(*onward, gap.due))
    instead = (travel.seconds(*to, gap.free) if to else 0) - _direct_s(gap, travel)
    for starts in grid:
        deviation = sigma(gap.before, to, starts, travel)
        if not rules.slack or opening.ready + slack_for(deviation) <= starts:
            ends = starts + wanted.seconds
            extra_s = instead + (travel.seconds(*onward, ends) if onward else 0)
            yield _slot(starts, extra_s, starts - opening.ready, leaves - ends, deviation)


def _slots_in_simple(gap: Gap, wanted: Wanted, rules: Rules) -> Iterator[Slot]:
    """The slots of a gap that is worked right through, in which any way takes as long whenever one leaves, and no
    lunch has to be kept: most gaps are such, and then all their starts have the same ways."""
    travel, seconds = rules.travel, wanted.seconds
    to_s = travel.seconds(gap.origin, wanted.place, gap.free) if gap.goes_from else 0
    ready_at = gap.free + to_s
    if ready_at + seconds > gap.due:
        return
    onward_s = travel.seconds(wanted.place, gap.destination, ready_at + seconds) if gap.goes_to else 0
    leaves = gap.due - onward_s
    deviation = spread(gap.before.ends - gap.before.starts if gap.before else 0, to_s)
    first, last = ready_at, leaves - seconds
    if rules.slack:
        first += slack_for(deviation)
        last -= slack_for(spread(seconds, onward_s)) if gap.after is not None else 0
    grid = _grid(max(first, wanted.earliest), min(last, wanted.latest - 1))
    if grid:
        extra_s = to_s + onward_s - _direct_s(gap, travel)
        for starts in grid:
            yield _slot(starts, extra_s, starts - ready_at, leaves - starts - seconds, deviation)


def _direct_s(gap: Gap, travel: Travel) -> int:
    """The seconds on the road in this gap without the visit."""
    return travel.seconds(gap.origin, gap.destination, gap.free) if gap.goes_from and gap.goes_to else 0


def _slot(starts: int, extra_s: int, waits: int, spare: int, deviation: float) -> Slot:
    """The slot with what is left before it and after it, ways apart."""
    unusable_s = (waits if 0 < waits < USEFUL_S else 0) + (spare if 0 < spare < USEFUL_S else 0)
    return Slot(starts, extra_s, chance(waits + ARRIVAL_WINDOW_S, deviation), unusable_s)
