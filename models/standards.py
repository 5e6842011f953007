"""The promises as pure rules: times in, answer out.

Every time is an aware instant and every sum is made on UTC instants in seconds, never rounded and never on a
wall clock: on 28-29 March 2026 "minus 24 hours" on a London wall clock is 23 real hours. London's calendar is
asked one thing only: whether two instants fall on the same date.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt

from models.clock import LONDON

ON_TIME_S = 900
RECORDED_LATER_S = 5 * 60
FUTURE_S = 2 * 60
FAR_M = 150
MISSED_AFTER = timedelta(minutes=60)
NOTICE = timedelta(hours=24)
TOLD_FROM = timedelta(minutes=15)
HANDED_OVER_WITHIN = timedelta(seconds=60)
LATE_FROM = timedelta(minutes=15)
LATE_HORIZON = timedelta(hours=4)
ETA_STEP_S = 300
ETA_CHANGE = timedelta(minutes=15)
ETA_PAUSE = timedelta(minutes=10)
ETA_TEXTS = 3
REPLAN_AFTER = timedelta(hours=2)
EARTH_RADIUS_M = 6_371_008.8


def elapsed(since: datetime, until: datetime) -> timedelta:
    """The real time between two instants.

    Python subtracts two times of one zone on the wall clock, an hour wrong across a clock change; in UTC
    it cannot.
    """
    return until.astimezone(UTC) - since.astimezone(UTC)


# Arrival


class Punctuality(StrEnum):
    ON_TIME = "on_time"
    EARLY = "early"
    LATE = "late"


class ArrivalFlag(StrEnum):
    RECORDED_LATER = "recorded_later"
    CLOCK_SUSPECT = "clock_suspect"
    FAR_FROM_ADDRESS = "far_from_address"
    CLOCK_CORRECTED = "clock_corrected"
    VISIT_CANCELLED = "visit_cancelled"
    CORRECTED = "corrected"


def judge_arrival(promised_at: datetime, arrived_at: datetime) -> tuple[float, Punctuality]:
    """Seconds from the promise (negative is early) and the word for it.

    "on_time if |seconds| <= 900, early below -900, late above 900. 15:00 exactly is on time; 15:01 is late."
    A fraction of a second is kept: half a second past the fifteen minutes is late.
    """
    seconds = elapsed(promised_at, arrived_at).total_seconds()
    if seconds < -ON_TIME_S:
        return seconds, Punctuality.EARLY
    return seconds, Punctuality.LATE if seconds > ON_TIME_S else Punctuality.ON_TIME


def report_flags(
    *,
    occurred_at: datetime,
    recorded_at: datetime,
    not_before: Sequence[datetime | None] = (),
    not_after: Sequence[datetime | None] = (),
    in_doubt: bool = False,
    clock_corrected: bool = False,
    cancelled: bool = False,
    distance_m: float | None = None,
    accuracy_m: float | None = None,
) -> list[ArrivalFlag]:
    """What is odd about something that an officer reports. "Flagged is never refused."

    `recorded_later`: it reached us more than five minutes after it happened, as from a phone without a
    signal. `clock_suspect`: more than two minutes in the future, before a step of the visit that comes before
    it, after one that follows, or `in_doubt` for another reason. `clock_corrected`: the phone's clock was
    wrong, and the time is not the one it showed. `visit_cancelled`: the visit was cancelled before we heard of it.
    `far_from_address`: further from the address than the accuracy the phone reported plus 150 m; a phone that
    reports no accuracy gets the 150 m alone, one that reports no position is not judged.
    """
    flags = []
    delay = elapsed(occurred_at, recorded_at).total_seconds()
    if delay > RECORDED_LATER_S:
        flags.append(ArrivalFlag.RECORDED_LATER)
    too_soon = any(step_at is not None and occurred_at < step_at for step_at in not_before)
    too_late = any(step_at is not None and occurred_at > step_at for step_at in not_after)
    if -delay > FUTURE_S or too_soon or too_late or in_doubt:
        flags.append(ArrivalFlag.CLOCK_SUSPECT)
    if clock_corrected:
        flags.append(ArrivalFlag.CLOCK_CORRECTED)
    if cancelled:
        flags.append(ArrivalFlag.VISIT_CANCELLED)
    if distance_m is not None and distance_m > (accuracy_m or 0) + FAR_M:
        flags.append(ArrivalFlag.FAR_FROM_ADDRESS)
    return flags


def arrival_flags(
    *,
    arrived_at: datetime,
    recorded_at: datetime,
    departed_at: datetime | None = None,
    finished_at: datetime | None = None,
    distance_m: float | None = None,
    accuracy_m: float | None = None,
    clock_corrected: bool = False,
    cancelled: bool = False,
) -> list[ArrivalFlag]:
    """What is odd about an arrival, which comes after the departure and before the end."""
    return report_flags(
        occurred_at=arrived_at,
        recorded_at=recorded_at,
        not_before=(departed_at,),
        not_after=(finished_at,),
        clock_corrected=clock_corrected,
        cancelled=cancelled,
        distance_m=distance_m,
        accuracy_m=accuracy_m,
    )


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres over the ground between two (latitude, longitude) pairs in degrees, by the haversine formula."""
    lat_a, lat_b = radians(a[0]), radians(b[0])
    half_lat, half_lon = (lat_b - lat_a) / 2, radians(b[1] - a[1]) / 2
    chord = sin(half_lat) ** 2 + cos(lat_a) * cos(lat_b) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))


def missed(promised_at: datetime, at: datetime) -> bool:
    """Whether a visit nobody has arrived at is missed. "No arrival 60 minutes after the promise: missed." """
    return elapsed(promised_at, at) >= MISSED_AFTER


def attended(punctuality: Punctuality | None, *, no_access: bool = False) -> bool:
    """Whether somebody came. "no_access counts as attended only if its arrival is in the window." """
    return punctuality is Punctuality.ON_TIME if no_access else punctuality is not None


@dataclass(frozen=True, slots=True)
class MovedPromise:
    """One move, as the fair promise sees it: the new start, who asked, its R, and when the resident was
    told."""

    starts_at: datetime
    requested_by: str
    reference_at: datetime
    told_at: datetime | None


def fair_promise(first_promise: datetime, moves: Iterable[MovedPromise]) -> datetime:
    """The latest promise an arrival may fairly be judged against; `moves` in the order they were made.

    "A council move told less than 24 h before its reference time does not reset the fair promise; a move
    the resident asked for does." A council move nobody was told of resets nothing either. "A delay text
    never moves a promise."
    """
    fair = first_promise
    for move in moves:
        told_in_time = move.told_at is not None and possible(move.told_at, move.reference_at)
        if move.requested_by == "resident" or told_in_time:
            fair = move.starts_at
    return fair


# Notice


class NoticeResult(StrEnum):
    MET = "met"
    UNCONFIRMED = "unconfirmed"
    SHORT = "short"
    PROMPT = "prompt"
    HELD = "held"
    MISSED = "missed"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a change leaves the resident: R, R - 24 h, whether 24 hours were possible, and the seconds to
    R."""

    reference_at: datetime
    deadline: datetime
    possible: bool
    lead_seconds: float


def reference(told_start: datetime, new_start: datetime | None = None) -> datetime:
    """R, the first time the resident might be waiting for.

    "R = min(told_start, new start) for a move, told_start for a cancellation": a visit brought forward
    gives only the notice before its new, earlier time.
    """
    return told_start if new_start is None else min(told_start, new_start, key=datetime.timestamp)


def deadline(reference_at: datetime) -> datetime:
    """R - 24 h: 24 real hours, whatever the clocks do in between."""
    return reference_at.astimezone(UTC) - NOTICE


def possible(decided_at: datetime, reference_at: datetime) -> bool:
    """ "possible = the change was made at or before R - 24 h." """
    return decided_at <= deadline(reference_at)


def lead_seconds(decided_at: datetime, reference_at: datetime) -> float:
    """Seconds from the decision to R; negative once R has passed."""
    return elapsed(decided_at, reference_at).total_seconds()


def notice(*, told_start: datetime, new_start: datetime | None, decided_at: datetime) -> Notice:
    """The notice a change decided at `decided_at` can give; `new_start` is None for a cancellation."""
    at = reference(told_start, new_start)
    return Notice(at, deadline(at), possible(decided_at, at), lead_seconds(decided_at, at))


def must_tell(told_start: datetime, new_start: datetime) -> bool:
    """Rule 1: "A move is told if the date changes or it moves by 15 minutes or more from told_start."

    The date is London's, and the distance is from what the resident was last told, so that two moves of ten
    minutes add up.
    """
    if told_start.astimezone(LONDON).date() != new_start.astimezone(LONDON).date():
        return True
    return abs(elapsed(told_start, new_start)) >= TOLD_FROM


def notice_result(
    *,
    decided_at: datetime,
    reference_at: datetime,
    due_at: datetime,
    held_for_night: bool,
    accepted_at: datetime | None,
    told_at: datetime | None,
    gave_up: bool,
    at: datetime,
) -> NoticeResult:
    """The word for one change that had to be told, as it stands at `at`.

    `due_at` is when the text was due to go, `accepted_at` when the carrier took it, `told_at` when
    delivery was reported or a call answered, `gave_up` that every way has failed. "A text merely accepted
    is unconfirmed": it counts for no more than the hand-over. A change inside 24 h told before R, but
    handed over more than 60 s after it was due, is `short`: the promise of telling at once was possible
    and not kept. `pending` is not a result: there is still time. Who asked for the change makes no
    difference here, only to what is counted.
    """
    heard_at = told_at or (None if gave_up else accepted_at)
    if heard_at is None:
        return NoticeResult.FAILED if gave_up or at > reference_at else NoticeResult.PENDING
    if heard_at > reference_at:
        return NoticeResult.MISSED
    if possible(decided_at, reference_at):
        if heard_at > deadline(reference_at):
            return NoticeResult.SHORT
        return NoticeResult.UNCONFIRMED if told_at is None else NoticeResult.MET
    if held_for_night:
        return NoticeResult.HELD
    handed_over_at = accepted_at or heard_at
    in_time = elapsed(due_at, handed_over_at) <= HANDED_OVER_WITHIN
    return NoticeResult.PROMPT if in_time else NoticeResult.SHORT


def counts_as_notice(requested_by: str) -> bool:
    """ "Changes asked for by the resident are left out of the first" figure, met / possible."""
    return requested_by != "resident"


# Late


@dataclass(frozen=True, slots=True)
class DelayTold:
    """A late text that went: the arrival it gave, and when it was decided."""

    expected_at: datetime
    told_at: datetime


class LateAnswer(StrEnum):
    TELL = "tell"
    NO_NEWS = "no_news"
    ENOUGH_TEXTS = "enough_texts"


def eta(expected_at: datetime, booked_at: datetime) -> datetime:
    """The arrival to tell, in UTC. "ETA is rounded up to 5 min, never before the booked time." """
    seconds = expected_at.timestamp()
    rounded = datetime.fromtimestamp(-(-seconds // ETA_STEP_S) * ETA_STEP_S, UTC)
    return max(rounded, booked_at.astimezone(UTC))


def worth_telling(
    *,
    expected_at: datetime,
    told_start: datetime,
    told: Sequence[DelayTold],
    at: datetime,
    insisted: bool = False,
) -> LateAnswer:
    """Rule 5: whether a predicted arrival is worth a text. `told` holds the visit's late texts, oldest
    first.

    "Predicted arrival more than 15 min after told_start, and the visit is within 4 h; or the officer says
    so" (`insisted`). "A new text only if the ETA changed by 15 min or more and 10 min have passed; good
    news counts. At most three, then a contact task": `enough_texts` is a fourth that was worth sending.
    """
    if not told:
        late = elapsed(told_start, expected_at) > LATE_FROM
        near = elapsed(at, told_start) <= LATE_HORIZON
        return LateAnswer.TELL if insisted or (late and near) else LateAnswer.NO_NEWS
    last = told[-1]
    change = abs(elapsed(last.expected_at, eta(expected_at, told_start)))
    if change < ETA_CHANGE or elapsed(last.told_at, at) < ETA_PAUSE:
        return LateAnswer.NO_NEWS
    return LateAnswer.TELL if len(told) < ETA_TEXTS else LateAnswer.ENOUGH_TEXTS


def needs_replanning(expected_at: datetime, told_start: datetime) -> bool:
    """ "Over 2 h late: also a contact task to re-plan." """
    return elapsed(told_start, expected_at) > REPLAN_AFTER


# When a person must ring


def contact_due_at(reference_at: datetime, at: datetime) -> datetime:
    """When the call is due: "min(R - 1 h, now + 30 min)". In the past, it says: at once."""
    return min(reference_at.astimezone(UTC) - timedelta(hours=1), at.astimezone(UTC) + timedelta(minutes=30))
