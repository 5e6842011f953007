"""Why a day has no slot, and what would have to give for one. Pure rules, asked only when there is none."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from models.day import Day, Fault, Found, Gap, Piece, Rules, Stop, faults, ready, slack
from models.slots import GRID_S, Wanted, is_near, spoilt, way_from, way_to


class NoSlot(StrEnum):
    """Why an officer has no slot on a day."""

    SKILL = "skill"
    AREA = "area"
    LEAVE = "leave"
    HOLIDAY = "holiday"
    SHIFT = "shift"
    TRAVEL_BEFORE = "travel_before"
    TRAVEL_AFTER = "travel_after"
    LUNCH = "lunch"
    SLACK = "slack"
    NO_GAP = "no_gap"


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A start that would do if these rules gave way, by so many seconds altogether."""

    starts: int
    rules: frozenset[NoSlot]
    short_s: int


def why_not(day: Day, wanted: Wanted, rules: Rules) -> tuple[NoSlot, Relaxation | None]:
    """Why a day that somebody works has no slot, and the least that would have to give, if anything may."""
    pieces = [
        Piece(max(begins, wanted.earliest), min(ends, wanted.latest + wanted.seconds))
        for begins, ends in day.windows
    ]
    if not any(ends - begins >= wanted.seconds for begins, ends in pieces):
        return NoSlot.SHIFT, None
    found = min(relaxations(day, wanted, rules), key=lambda each: (each.short_s, each.starts), default=None)
    if found is None:
        return NoSlot.NO_GAP, None
    return min(found.rules, key=list(NoSlot).index), found


def why_not_at(day: Day, stop: Stop, rules: Rules) -> NoSlot:
    """Why a visit does not fit into a day at just this time: of several reasons, the one that gives least."""
    reasons = (_why(found, stop) for found in spoilt(day, stop, rules))
    return min(reasons, key=_LEAST_FIRST.index, default=NoSlot.NO_GAP)


def _why(found: Found, stop: Stop) -> NoSlot:
    fault, whose = found
    if fault is Fault.TRAVEL:
        return NoSlot.TRAVEL_BEFORE if whose == stop else NoSlot.TRAVEL_AFTER
    return _WHY[fault]


_WHY = {
    Fault.OVERLAP: NoSlot.NO_GAP,
    Fault.SHIFT: NoSlot.SHIFT,
    Fault.SHIFT_END: NoSlot.TRAVEL_AFTER,
    Fault.SLACK: NoSlot.SLACK,
    Fault.LUNCH: NoSlot.LUNCH,
}


_LEAST_FIRST = [
    NoSlot.SHIFT,
    NoSlot.NO_GAP,
    NoSlot.TRAVEL_BEFORE,
    NoSlot.TRAVEL_AFTER,
    NoSlot.LUNCH,
    NoSlot.SLACK,
]


def relaxations(day: Day, wanted: Wanted, rules: Rules) -> Iterator[Relaxation]:
    """Every start on the grid that only ways, lunch and slack stand against."""
    before = faults(day, rules)
    for gap in day.gaps:
        if not is_near(gap, wanted):
            continue
        for begins, ends in gap.pieces:
            first, last = max(begins, wanted.earliest), min(ends - wanted.seconds, wanted.latest - 1)
            for starts in range(-(-first // GRID_S) * GRID_S, last + 1, GRID_S):
                stop = Stop(starts, starts + wanted.seconds, wanted.place)
                broken = faults(day.with_stop(stop), rules) - before
                found = _relaxed(day, gap, stop, broken, wanted, rules)
                if found is not None:
                    yield found


def _relaxed(
    day: Day, gap: Gap, stop: Stop, broken: set[Found], wanted: Wanted, rules: Rules
) -> Relaxation | None:
    """What would have to give for this start, by its faults; None if something is broken that never gives."""
    short: dict[NoSlot, int] = {}
    travel = rules.travel
    to, onward = way_to(gap, wanted), way_from(gap, wanted)
    for fault, whose in broken:
        if fault in (Fault.OVERLAP, Fault.SHIFT):
            return None
        if fault is Fault.LUNCH:
            assert day.lunch is not None  # noqa: S101 - there is no such fault without one
            short[NoSlot.LUNCH] = day.lunch.seconds
            continue
        is_mine = whose == stop
        before, way, free, due = (
            (gap.before, to, gap.free, stop.starts) if is_mine else (stop, onward, stop.ends, gap.due)
        )
        there = ready(gap.pieces, free, way, travel)
        if there is None:
            # Not in working time at all: counted as if that went on.
            there = free + (travel.seconds(way.origin, way.destination, free) if way else 0)
        wants = slack(before, way, due, travel) if rules.slack and whose is not None else 0
        why = NoSlot.SLACK if fault is Fault.SLACK else NoSlot.TRAVEL_BEFORE if is_mine else NoSlot.TRAVEL_AFTER
        short[why] = short.get(why, 0) + max(there + wants - due, 1)
    return Relaxation(stop.starts, frozenset(short), sum(short.values())) if short else None
