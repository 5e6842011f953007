"""How fast London's traffic is at each time of the day, and so how far and how long: sums over whole seconds.

A day's changes of speed are laid out once as Unix seconds, with the distance a car has come by each. A journey is
then one search for where it starts and one for where it ends. Distances are in 36ths of a metre and speeds in
tenths of a km/h: a car at one tenth of a km/h comes one 36th of a metre in a second. So every sum is one of whole
numbers, and exact.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import NamedTuple

from models.clock import LONDON

UNITS_A_METRE = 36
SLOWEST_KMH, FASTEST_KMH = 5.0, 130.0

STEP_S, DAY_S = 900, 86_400
DAYS_AROUND = 2
"""The slowest car on the longest way is on it for less than two days."""
_MOST_DAYS = 1_000
_STEP = re.compile(r"([01][0-9]|2[0-3]):(00|15|30|45)=([0-9]{1,3}(?:\.[0-9])?)")

Speeds = tuple[tuple[time, float], ...]
"""From which time of the London day, on a quarter of an hour, how many km/h from door to door. The last of the day
holds through midnight until the first."""


class Steps(NamedTuple):
    """The speeds of a time: from which second each holds, in units a second, and the units covered by then since
    the first."""

    starts: list[int]
    speeds: list[int]
    covered: list[int]


@dataclass(frozen=True, slots=True)
class Traffic:
    """The speeds of the London day, ready to be asked. Raises ValueError for speeds that cannot be meant."""

    speeds: Speeds
    _days: dict[int, Steps] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps = [step for step, _ in self.speeds]
        if not steps or steps != sorted(set(steps)):
            raise ValueError("Give one speed or more, each from a later time of the day than the one before.")
        if any(step.minute % 15 or step.second or step.microsecond for step in steps):
            raise ValueError("A speed begins on a quarter of an hour.")
        if not all(SLOWEST_KMH <= speed <= FASTEST_KMH for _, speed in self.speeds):
            raise ValueError(f"A speed is between {SLOWEST_KMH:g} and {FASTEST_KMH:g} km/h.")

    def arrives(self, distance: int, leaving_at: int) -> int:
        """The first whole second by which a car that leaves then has come so far. Who leaves later is never
        there earlier, as nobody overtakes a car of the same speed."""
        starts, speeds, covered = self._days.get(leaving_at // DAY_S) or self._lay_out(leaving_at // DAY_S)
        step = bisect_right(starts, leaving_at)
        arrives = leaving_at - -distance // speeds[step - 1]
        if step == len(starts) or arrives <= starts[step]:
            return arrives
        # The speed changes on the way.
        goal = covered[step] - (starts[step] - leaving_at) * speeds[step - 1] + distance
        step = bisect_right(covered, goal) - 1
        return starts[step] - (covered[step] - goal) // speeds[step]

    def leaves(self, distance: int, arriving_at: int) -> int:
        """The last whole second at which a car can leave to have come so far by then: `arrives` backwards."""
        starts, speeds, covered = self._days.get(arriving_at // DAY_S) or self._lay_out(arriving_at // DAY_S)
        step = bisect_right(starts, arriving_at) - 1
        leaves = arriving_at + -distance // speeds[step]
        if step == 0 or leaves >= starts[step]:
            return leaves
        start = covered[step] + (arriving_at - starts[step]) * speeds[step] - distance
        step = max(0, bisect_right(covered, start) - 1)
        return starts[step] + (start - covered[step]) // speeds[step]

    def at(self, moment: int) -> float:
        """The km/h at this Unix second."""
        starts, speeds, _ = self._days.get(moment // DAY_S) or self._lay_out(moment // DAY_S)
        return speeds[bisect_right(starts, moment) - 1] / 10

    def _lay_out(self, day: int) -> Steps:
        if len(self._days) >= _MOST_DAYS:
            self._days.clear()
        self._days[day] = self.laid_out(day, day)
        return self._days[day]

    def laid_out(self, first: int, last: int) -> Steps:
        """The speeds around these UTC days, counted from 1970.

        The London clock is asked at every quarter of an hour: so the hour that is missing in spring, and the one
        that comes twice in autumn, have the speeds of what the clocks on the wall say.
        """
        steps = Steps([], [], [])
        begins, ends = (first - DAYS_AROUND) * DAY_S, (last + 1 + DAYS_AROUND) * DAY_S
        for moment in range(begins, ends, STEP_S):
            speed = self._on_the_wall(datetime.fromtimestamp(moment, LONDON).time())
            if steps.speeds and steps.speeds[-1] == speed:
                continue
            since = (moment - steps.starts[-1]) * steps.speeds[-1] if steps.starts else 0
            steps.covered.append(steps.covered[-1] + since if steps.covered else 0)
            steps.starts.append(moment)
            steps.speeds.append(speed)
        return steps

    def _on_the_wall(self, local: time) -> int:
        """The speed at this time of the London day, in tenths of a km/h."""
        holds = self.speeds[-1][1]
        for step, speed in self.speeds:
            if step > local:
                break
            holds = speed
        return round(holds * 10)


def read_speeds(text: str) -> Speeds:
    """`07:00=23.5 10:00=27` as speeds: from seven o'clock, London, 23.5 km/h. Raises ValueError."""
    steps = [_STEP.fullmatch(word) for word in text.split()]
    if not all(steps):
        raise ValueError("Write each speed as 07:00=23.5: a quarter of an hour of the London day and km/h.")
    return tuple((time(int(step[1]), int(step[2])), float(step[3])) for step in steps if step)


def write_speeds(speeds: Speeds) -> str:
    """The same the other way."""
    return " ".join(f"{step:%H:%M}={speed:g}" for step, speed in speeds)
