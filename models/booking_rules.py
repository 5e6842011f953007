"""What a booking is held to: rules by name, which of them may give way, and what one visit breaks. Pure rules."""

from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Any
from uuid import UUID

from models.day import Day, Fault, Found, Gap, Rules, Stop, Travel, fault_of, holds, ready, slack, way_of
from models.travel import Place


class Rule(StrEnum):
    """What a booking may break."""

    SKILL = "skill"
    LEAVE = "leave"
    OVERLAP = "overlap"
    AREA = "area"
    HOURS = "hours"
    SHIFT_END = "shift_end"
    TRAVEL = "travel"
    LUNCH = "lunch"
    SLACK = "slack"


NEVER = frozenset({Rule.SKILL, Rule.LEAVE, Rule.OVERLAP})
""" "Never against an overlap, leave or a missing skill." Against any other rule a scheduler may book who names it
and says why."""

OF_HOURS = frozenset({Rule.HOURS, Rule.SHIFT_END, Rule.LUNCH, Rule.SLACK})
"""For an officer whose hours nobody has set these are only an assumption: they warn, and refuse nothing."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a booking breaks, for which officer, in words; by how much, where that can be said.

    `assumed`: the officer's hours on that day are those of somebody whose hours nobody has set.
    """

    rule: Rule
    detail: str
    officer_id: UUID
    short_minutes: float | None = None
    assumed: bool = False

    @property
    def only_warns(self) -> bool:
        """Whether it refuses nothing."""
        return self.assumed and self.rule in OF_HOURS

    @property
    def may_be_overridden(self) -> bool:
        """Whether it may be booked against with a reason."""
        return self.rule not in NEVER

    @property
    def said(self) -> dict[str, Any]:
        """The same as an answer says it."""
        said: dict[str, Any] = {
            "rule": self.rule,
            "detail": self.detail,
            "officer_id": str(self.officer_id),
            "may_be_overridden": self.may_be_overridden,
        }
        if self.short_minutes is not None:
            said["short_minutes"] = round(self.short_minutes, 1)
        return said


class KnownWays:
    """The ways that can be judged. One from or to a place that nobody knows takes no time here, nor does one from
    a door to the same door: nobody is refused for those."""

    def __init__(self, travel: Travel) -> None:
        self._travel = travel

    def seconds(self, origin: Place | None, destination: Place | None, leaving_at: float) -> int:
        """From door to door for who leaves at this Unix second."""
        return self._travel.seconds(origin, destination, leaving_at) if is_known(origin, destination) else 0

    def leave_by(self, origin: Place | None, destination: Place | None, arriving_at: float) -> float:
        """The latest second to leave and be there by this one."""
        if not is_known(origin, destination):
            return floor(arriving_at)
        return self._travel.leave_by(origin, destination, arriving_at)


def is_known(origin: Place | None, destination: Place | None) -> bool:
    """Whether it is known that there is a way between these, and how long it is."""
    return origin is not None and destination is not None and origin != destination


def in_hours(day: Day, stop: Stop) -> bool:
    """Whether all of a stop is in one window of the day."""
    return any(begins <= stop.starts and stop.ends <= ends for begins, ends in day.windows)


def broken_by(before: Day, after: Day, stop: Stop, rules: Rules) -> set[Found]:
    """What a stop that overlaps no other breaks: of `faults` of the day `after` it came in, its own and those of
    the way on from it, and a lunch that there was in the day `before`. No other gap is another for it.
    """
    found: set[Found] = {(fault, gap.after) for fault, gap in ways_broken(after, stop, rules)}
    if not in_hours(after, stop):
        found.add((Fault.SHIFT, stop))
    if lunch_is_lost(before, after, rules):
        found.add((Fault.LUNCH, None))
    return found


def ways_broken(day: Day, stop: Stop, rules: Rules) -> list[tuple[Fault, Gap]]:
    """What does not hold in the gap before this stop of the day, and in the one after it: the ways, the time in
    hand and the shift's end. Nothing in a day on which nobody works."""
    place = day.stops.index(stop)
    return [(fault, gap) for gap in day.gaps[place : place + 2] if (fault := fault_of(gap, rules)) is not None]


def lunch_is_lost(before: Day, after: Day, rules: Rules) -> bool:
    """Whether there is no time for lunch in the day after a stop came in, and was before."""
    return after.eats and not _eats(after, rules) and not (before.eats and not _eats(before, rules))


def short_s(gap: Gap, rules: Rules) -> int:
    """By how many seconds the way in this gap, and with `rules.slack` the time in hand after it, is missed."""
    there, way = arrives(gap, rules), way_of(gap)
    wants = slack(gap.before, way, gap.due, rules.travel) if rules.slack and gap.after is not None else 0
    return there + wants - gap.due


def arrives(gap: Gap, rules: Rules) -> int:
    """When the officer is at the end of this gap; one who is not in working time goes there all the same."""
    way = way_of(gap)
    there = ready(gap.pieces, gap.free, way, rules.travel)
    if there is None:
        there = gap.free + (rules.travel.seconds(way.origin, way.destination, gap.free) if way else 0)
    return there


def _eats(day: Day, rules: Rules) -> bool:
    return any(holds(gap, rules, day.lunch) for gap in day.gaps)
