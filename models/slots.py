"""Slots: every start at which an officer can be at a door, how good it is, and why there is none. Pure rules."""

from collections.abc import Iterator
from typing import NamedTuple

from models.day import (
    ARRIVAL_WINDOW_S,
    FOREVER,
    Day,
    Fault,
    Found,
    Gap,
    Lunch,
    Room,
    Rules,
    Stop,
    Way,
    chance,
    faults,
    free_by,
    ready,
    slack,
    slack_for,
    spread,
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
    for room in day.rooms(rules):
        if room.seconds < wanted.seconds:
            continue
        if room.is_steady:
            yield from _slots_in_steady(room, wanted, rules)
        elif room.is_whole and room.lunch is None:
            yield from _slots_in_whole(room, wanted, rules)
        elif is_near(room.gap, wanted):
            for opening in _openings_in(room.gap, room.lunch, wanted, rules):
                yield from _slots(opening, _grid(opening.first, opening.last, wanted), wanted, rules)


def openings(day: Day, wanted: Wanted, rules: Rules) -> Iterator[Opening]:
    """Where the visit fits, gap by gap. In one gap there may be two that overlap: lunch before it, or after."""
    for room in day.rooms(rules):
        if room.seconds >= wanted.seconds and is_near(room.gap, wanted):
            yield from _openings_in(room.gap, room.lunch, wanted, rules)


def _openings_in(gap: Gap, lunch: Lunch | None, wanted: Wanted, rules: Rules) -> Iterator[Opening]:
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
    """The slots at these starts of an opening."""
    if grid:
        gap, travel = opening.gap, rules.travel
        to, onward, direct = way_to(gap, wanted), way_from(gap, wanted), way_of(gap)
        leaves = int(travel.leave_by(*onward, gap.due)) if onward else gap.due
        added_s = (travel.seconds(*to, gap.free) if to else 0) - (
            travel.seconds(*direct, gap.free) if direct else 0
        )
        yield from _certain(grid, gap, opening.ready, leaves, added_s, wanted, rules)


def _slots_in_steady(room: Room, wanted: Wanted, rules: Rules) -> Iterator[Slot]:
    """The slots of a gap without time off in which any way takes as long whenever one leaves: what its
    openings and `_certain` come to. Most gaps are such."""
    _, gap, lunch, _, _, direct_s, before_s = room
    travel, seconds = rules.travel, wanted.seconds
    to_s = travel.seconds(gap.origin, wanted.place, gap.free) if gap.goes_from else 0
    there = gap.free + to_s
    if there + seconds > gap.due:
        return
    onward_s = travel.seconds(wanted.place, gap.destination, gap.free) if gap.goes_to else 0
    leaves = gap.due - onward_s
    if there + seconds > leaves:
        return
    deviation = spread(before_s, to_s)
    due, wants = gap.due, 0
    if rules.slack:
        wants = slack_for(deviation)
        due -= slack_for(spread(seconds, onward_s)) if gap.after is not None else 0
    extra_s = to_s + onward_s - direct_s
    spans = [(there, due - onward_s)]
    if lunch is not None:
        spans = [(there, _free_to_eat(lunch, onward_s, due)), (_fed(lunch, gap.free, to_s), due - onward_s)]
    tried = there - 1
    for ready_at, last in spans:
        for starts in _grid(max(ready_at + wants, tried + 1), last - seconds, wanted):
            yield _slot(starts, extra_s, starts - ready_at, leaves - starts - seconds, deviation)
        tried = max(tried, last - seconds)


def _fed(lunch: Lunch, free: int, to_s: int) -> int:
    """When an officer is at the visit and has eaten: there, or before they go if it is too late for it there."""
    there = max(free + to_s, lunch.earliest)
    if there <= lunch.latest:
        return there + lunch.seconds
    here = max(free, lunch.earliest)
    return here + lunch.seconds + to_s if here <= lunch.latest else FOREVER


def _free_to_eat(lunch: Lunch, onward_s: int, due: int) -> int:
    """By when they must have ended the visit to eat and be at the next by `due`: the mirror of `_fed`."""
    here = min(due - onward_s - lunch.seconds, lunch.latest)
    if here >= lunch.earliest:
        return here
    there = min(due - lunch.seconds, lunch.latest)
    return there - onward_s if there >= lunch.earliest else -FOREVER


def _slots_in_whole(room: Room, wanted: Wanted, rules: Rules) -> Iterator[Slot]:
    """The slots of a gap without time off in which no lunch has to be kept, where the traffic changes."""
    _, gap, _, _, _, direct_s, _ = room
    travel, seconds = rules.travel, wanted.seconds
    there = gap.free + (travel.seconds(gap.origin, wanted.place, gap.free) if gap.goes_from else 0)
    if there + seconds > gap.due:
        return
    leaves = last = int(travel.leave_by(wanted.place, gap.destination, gap.due)) if gap.goes_to else gap.due
    if rules.slack and gap.after is not None:
        wants = slack_for(spread(seconds, gap.due - leaves))
        if wants:
            last = int(travel.leave_by(wanted.place, gap.destination, gap.due - wants))
    grid = _grid(there, last - seconds, wanted)
    if grid:
        yield from _certain(grid, gap, there, leaves, there - gap.free - direct_s, wanted, rules)


def _certain(
    grid: range, gap: Gap, ready_at: int, leaves: int, added_s: int, wanted: Wanted, rules: Rules
) -> Iterator[Slot]:
    """The slots at those of these starts at which the arrival is certain enough.

    The officer can be there at `ready_at`, has to leave at `leaves`, and is on the road for `added_s` more before
    the visit. How long the ways take is asked again only once the traffic has changed.
    """
    travel, seconds = rules.travel, wanted.seconds
    to, onward = way_to(gap, wanted), way_from(gap, wanted)
    before_s = gap.before.ends - gap.before.starts if gap.before else 0
    known_until, extra_s, first, deviation = -1, 0, 0, 0.0
    for starts in grid:
        ends = starts + seconds
        if starts > known_until:
            to_s = starts - int(travel.leave_by(*to, starts)) if to else 0
            onward_s = travel.seconds(*onward, ends) if onward else 0
            extra_s, deviation = added_s + onward_s, spread(before_s, to_s)
            first = ready_at + slack_for(deviation) if rules.slack else ready_at
            known_until = min(travel.steady_until(starts - to_s), travel.steady_until(ends) - onward_s - seconds)
        if first <= starts:
            yield _slot(starts, extra_s, starts - ready_at, leaves - ends, deviation)


def _slot(starts: int, extra_s: int, waits: int, spare: int, deviation: float) -> Slot:
    """The slot with what is left before it and after it, ways apart."""
    unusable_s = (waits if 0 < waits < USEFUL_S else 0) + (spare if 0 < spare < USEFUL_S else 0)
    return Slot(starts, extra_s, chance(waits + ARRIVAL_WINDOW_S, deviation), unusable_s)
