"""Lateness seen coming: when a prediction is worth a text. A pure rule: what is known in, what to do out.

"Texts by threshold (0.75 / 0.60 / 0.55 for a lead over 45 / 15-45 / under 15 minutes, twice running, or 0.95 at
once, or the officer's word), a told window P20-P80 in 5-minute steps, 20 minutes between texts, at most three,
recovery only when the new ETA is more than 10 minutes before the told window." Times are Unix seconds, as in
models/prediction.py.
"""

from enum import StrEnum
from typing import NamedTuple

from models.prediction import STEP_S, Estimate
from models.standards import ETA_TEXTS, LATE_HORIZON

FAR_S, NEAR_S = 45 * 60, 15 * 60
IF_FAR, BETWEEN, IF_NEAR, AT_ONCE = 0.75, 0.60, 0.55, 0.95
LIKELY = 0.5
"""From here on a visit is rather late than not: before anybody is told."""

RUNNING_S = 60
"""Two evaluations so far apart are two: several processes may evaluate the same moment."""

PAUSE_S = 20 * 60
RECOVERY_S = 10 * 60
HORIZON_S = LATE_HORIZON.total_seconds()


class Window(NamedTuple):
    """From when to when somebody is expected, in steps of five minutes."""

    earliest: float
    latest: float


class Seen(NamedTuple):
    """That an arrival later than 15 minutes after `due` was likely, and since when."""

    due: float
    at: float


class Told(NamedTuple):
    """What a resident has been told of a visit.

    `texts` are those about its lateness that went, whoever caused them, and `window` is what the newest said at
    `at`, an exact time being a window without a length. `at` is None while that has not gone: it can still be
    stopped, and needs no pause. `word` is what its officer said of this visit last, told or not. `booked` is its
    start in the diary, which may have moved by a little that was not worth telling. `by_person`: the newest was
    for a person to tell, who sees the newest prediction when they ring.
    """

    start: float
    booked: float
    window: Window | None = None
    at: float | None = None
    texts: int = 0
    word: float | None = None
    by_person: bool = False

    @property
    def due(self) -> float:
        """The latest time at which the officer is expected by anybody: an arrival is late after it."""
        return max(self.window.latest if self.window else self.start, self.word or self.start)

    @property
    def waits_from(self) -> float:
        """The earliest time at which the resident waits for somebody."""
        return self.window.earliest if self.window else self.start

    def may_tell(self, now: float) -> bool:
        """Whether 20 minutes have passed since they were told something."""
        return self.at is None or now - self.at >= PAUSE_S


class Answer(StrEnum):
    """What to do with a prediction."""

    NOTHING = "nothing"
    TELL = "tell"
    RECOVERY = "recovery"
    ASK = "ask"


class Verdict(NamedTuple):
    """The answer, the window to tell if there is anything to tell, and what to remember until the next one."""

    answer: Answer
    probability: float | None
    window: Window | None = None
    seen: Seen | None = None


def judge(arrival: Estimate | None, told: Told, seen: Seen | None, now: float) -> Verdict:
    """What a prediction of one visit's arrival is worth to its resident; `seen` is what the last one left.

    "No event is unknown": who knows nothing (`arrival` is None) says nothing. Lateness is reckoned from what the
    resident expects by now: the start, and then the end of the window they were told.
    """
    if arrival is None or told.start - now > HORIZON_S:
        return Verdict(Answer.NOTHING, None)
    probability, window = arrival.late(told.due), to_tell(arrival, max(told.start, told.booked), now)
    likely = probability >= threshold(told.waits_from - now)
    first = seen if seen is not None and seen.due == told.due else Seen(told.due, now)
    sure = likely and (probability >= AT_ONCE or now - first.at >= RUNNING_S)
    recovered = _has_recovered(arrival, told)
    kept = first if likely else None
    if not (sure or recovered) or told.by_person or not told.may_tell(now):
        return Verdict(Answer.NOTHING, probability, seen=kept)
    if told.texts >= ETA_TEXTS:
        return Verdict(Answer.ASK, probability, window)
    return Verdict(Answer.TELL if sure else Answer.RECOVERY, probability, window)


def threshold(lead: float) -> float:
    """How likely lateness must be so many seconds before the resident waits: the nearer, the less sure we can wait
    to be."""
    if lead > FAR_S:
        return IF_FAR
    return BETWEEN if lead >= NEAR_S else IF_NEAR


def to_tell(arrival: Estimate, booked: float, now: float) -> Window:
    """The window to tell: P20-P80 in steps of five minutes, never before the booked time nor in the past, and not
    without a length."""
    earliest, latest = arrival.window()
    begins = max(earliest, booked, now // STEP_S * STEP_S)
    return Window(begins, max(latest, begins + STEP_S))


def _has_recovered(arrival: Estimate, told: Told) -> bool:
    """ "Recovery only when the new ETA is more than 10 minutes before the told window." """
    return told.window is not None and told.window.earliest - max(arrival.mean, told.start) > RECOVERY_S
