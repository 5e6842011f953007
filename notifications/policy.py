"""When a text goes: settle, night, expiry and order (rules 2, 3, 7 and 8), as pure functions."""

from datetime import UTC, datetime, time, timedelta

from models.clock import LONDON
from models.message import AFTERWARDS, MessageKind
from models.standards import deadline, elapsed, possible

HARD_NIGHT_FROM, SOFT_NIGHT_FROM = time(22), time(21)
SOFT_MORNING, DAY = time(7), time(8)
MARGIN_BEFORE_DEADLINE = timedelta(minutes=15)
MARGIN_BEFORE_REFERENCE = timedelta(minutes=30)

_LANES = {
    MessageKind.DELAYED: 0,
    MessageKind.CANCELLED: 1,
    MessageKind.ANOTHER_OFFICER: 2,
    MessageKind.MOVED: 2,
    MessageKind.BOOKED: 3,
    MessageKind.MISSED: 3,
    MessageKind.CAME_AFTER_ALL: 3,
    MessageKind.NO_ACCESS: 3,
    MessageKind.WE_DID: 4,
    MessageKind.FEEDBACK: 5,
}

_AT_ONCE = (MessageKind.BOOKED, MessageKind.DELAYED, *AFTERWARDS)
"""What is not changed again a minute later, as a change of a visit may be."""


def lane(kind: MessageKind) -> int:
    """Rule 8: "Delays first, then cancellations, then moves by R, then the rest." The lowest goes first."""
    return _LANES[kind]


def settle(kind: MessageKind, decided_at: datetime, reference_at: datetime) -> timedelta:
    """How long to hold a text in case the change is changed again.

    Rule 2: "Hold 120 s if R is at least 26 h off, 30 s if at least 2 h, else 0." Bookings, delays and what is
    told after a visit go at once.
    """
    if kind in _AT_ONCE:
        return timedelta(0)
    lead = elapsed(decided_at, reference_at)
    if lead >= timedelta(hours=26):
        return timedelta(seconds=120)
    return timedelta(seconds=30) if lead >= timedelta(hours=2) else timedelta(0)


def send_at(kind: MessageKind, decided_at: datetime, reference_at: datetime) -> datetime:
    """When the text is due, in UTC: the hold, then the night (rules 2 and 3). Delay texts ignore the
    night."""
    ready_at = decided_at.astimezone(UTC) + settle(kind, decided_at, reference_at)
    return after_the_hold(kind, ready_at, reference_at)


def after_the_hold(kind: MessageKind, ready_at: datetime, reference_at: datetime) -> datetime:
    """When a text that is ready to go may go, in UTC: rule 3 alone."""
    ready_at = ready_at.astimezone(UTC)
    if kind is MessageKind.DELAYED or not _is_night(ready_at):
        return ready_at
    if kind in AFTERWARDS:
        # Nothing happens before the day that they could still change.
        return next_time(DAY, ready_at)
    if kind is MessageKind.BOOKED:
        # The resident heard the time at booking: the text can wait for the day, unless the visit cannot.
        day = next_time(DAY, ready_at)
        return day if day + MARGIN_BEFORE_REFERENCE <= reference_at else ready_at
    return _after_the_night(ready_at, reference_at)


def held_for_night(kind: MessageKind, decided_at: datetime, reference_at: datetime) -> bool:
    """Whether the text waits for the end of the night, and not only for its hold."""
    held = send_at(kind, decided_at, reference_at) - decided_at.astimezone(UTC)
    return held > settle(kind, decided_at, reference_at)


def expires_at(kind: MessageKind, reference_at: datetime, eta_told: datetime | None = None) -> datetime:
    """When the text is no longer worth sending.

    Rule 7: "Moved and cancelled texts expire at R, delay texts at the ETA told", or the end of the window told. A
    booking's R is its start.
    """
    if kind is MessageKind.DELAYED and eta_told is not None:
        return eta_told
    return reference_at


def _after_the_night(ready_at: datetime, reference_at: datetime) -> datetime:
    """Rule 3 for a change that is ready in the night.

    "Wait for 08:00 if that still leaves 15 min before R - 24 h; else in the soft hours send now; in the
    hard hours wait for 07:00 if that leaves 30 min before R, else send now." Waiting for 07:00 never
    gives up 24 hours that could still be given: that would only arise for a visit before 07:00 (08:00
    when the clocks go forward).
    """
    day = next_time(DAY, ready_at)
    if day + MARGIN_BEFORE_DEADLINE <= deadline(reference_at):
        return day
    if not _is_hard_night(ready_at):
        return ready_at
    morning = next_time(SOFT_MORNING, ready_at)
    costs_the_notice = possible(ready_at, reference_at) and not possible(morning, reference_at)
    if morning + MARGIN_BEFORE_REFERENCE <= reference_at and not costs_the_notice:
        return morning
    return ready_at


def _is_night(at: datetime) -> bool:
    wall = at.astimezone(LONDON).time()
    return wall >= SOFT_NIGHT_FROM or wall < DAY


def _is_hard_night(at: datetime) -> bool:
    wall = at.astimezone(LONDON).time()
    return wall >= HARD_NIGHT_FROM or wall < SOFT_MORNING


def next_time(wall: time, at: datetime) -> datetime:
    """The next time London's clocks show `wall`, in UTC. No clock change ever touches the hours asked for
    here."""
    local = at.astimezone(LONDON)
    day = local.date() if local.time() < wall else local.date() + timedelta(days=1)
    return datetime.combine(day, wall, LONDON).astimezone(UTC)
