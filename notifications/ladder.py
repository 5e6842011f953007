"""Rule 9, the ladder: by which way a resident is told, and which comes next when one fails. Pure functions.

"Failed, undelivered, opted out, landline, or no receipt within min(15 min, (R - now) / 4): second number, then a
spoken call (08:00-20:00), then e-mail, then a contact task."
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from models.clock import LONDON
from models.message import Channel, MessageKind
from models.phone import takes_texts
from models.resident import ContactBy, Resident
from models.standards import NOTICE, elapsed
from notifications import policy

LONGEST_WAIT_FOR_A_RECEIPT = timedelta(minutes=15)
ONE_MORE_TEXT_AFTER = timedelta(minutes=5)
ONE_MORE_TEXT_IF_R_IS_OVER = timedelta(hours=1)
CALLS_FROM, CALLS_UNTIL = time(8), time(20)
MARGIN_BEFORE_A_CALL = timedelta(minutes=30)

TEMPORARY = frozenset(
    {
        "30001",  # the carrier's queue was full
        "30003",  # the handset is off or has no signal
        "30008",  # the network did not say why
        "30017",  # the network is congested
        "30022",  # more than the networks let us send
        "30410",  # the next carrier did not answer in time
    }
)
"""Error codes after which the same number is worth one more text."""

UNUSABLE = frozenset(
    {
        "30005",  # no such handset
        "30006",  # a landline, or a network that takes no texts
        "21211",  # not a number
        "21614",  # not a mobile number
    }
)
"""Error codes after which no text is sent to the number again, until somebody enters it anew."""

STOPPED = "21610"
"""The carrier's word for: its owner has said STOP."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tell a resident: a channel and the number or address it goes to."""

    channel: Channel
    address: str


@dataclass(frozen=True, slots=True)
class Next:
    """What to try next, and when."""

    way: Way
    at: datetime


def ways(resident: Resident) -> list[Way]:
    """Every way to tell this resident by ourselves, the best first. Empty: only a person can.

    Who asked for e-mail gets that first; who asked for a call gets a person's, at once. A second number that takes
    no texts has its turn as a call. Then the resident's own number is called, or the second if there is no other.
    """
    if resident.contact_by is ContactBy.CALL:
        return []
    numbers = [number for number in (resident.phone, resident.second_phone) if number]
    calls = [number for number in numbers[1:] if not takes_texts(number)] + numbers[:1]
    if numbers and not takes_texts(numbers[0]):
        calls.reverse()
    in_order = [Way(Channel.TEXT, number) for number in numbers if takes_texts(number)]
    in_order += [Way(Channel.CALL, number) for number in calls]
    if resident.email:
        email = Way(Channel.EMAIL, resident.email)
        in_order.insert(0 if resident.contact_by is ContactBy.EMAIL else len(in_order), email)
    return list(dict.fromkeys(in_order))


def first_way(
    resident: Resident, kind: MessageKind, *, decided_at: datetime, reference_at: datetime, expires_at: datetime
) -> Next | None:
    """How and when this resident is told first, after the hold of rule 2; None: only a person can, in time."""
    ready_at = decided_at.astimezone(UTC) + policy.settle(kind, decided_at, reference_at)
    return next_way(
        ways(resident),
        [],
        last_error=None,
        available=tuple(Channel),
        kind=kind,
        at=ready_at,
        reference_at=expires_at,
    )


def receipt_wait(accepted_at: datetime, reference_at: datetime) -> timedelta:
    """How long to wait for a receipt before the next way: "min(15 min, (R - now) / 4)". Once R has passed: not
    at all."""
    return max(timedelta(0), min(LONGEST_WAIT_FOR_A_RECEIPT, elapsed(accepted_at, reference_at) / 4))


def next_way(
    known: Sequence[Way],
    tried: Sequence[Way],
    *,
    last_error: str | None,
    available: Collection[Channel],
    kind: MessageKind,
    at: datetime,
    reference_at: datetime,
) -> Next | None:
    """What follows when the last of `tried` has told nobody; None: a person must ring.

    `known` are the resident's ways, `available` the channels that something here sends by, `last_error` the
    carrier's code if it gave one. "A temporary failure gets one more text after 5 min if R is over 1 h off."
    A way whose hour does not come in time is passed over.
    """
    last = tried[-1] if tried else None
    if last is not None and last in known and tried.count(last) == 1:
        temporary = last.channel is Channel.TEXT and last_error in TEMPORARY
        if temporary and elapsed(at, reference_at) > ONE_MORE_TEXT_IF_R_IS_OVER:
            return Next(last, at.astimezone(UTC) + ONE_MORE_TEXT_AFTER)
    for way in known:
        if way in tried or way.channel not in available:
            continue
        when = _when(way.channel, kind, at, reference_at)
        if when is not None and when < reference_at:
            return Next(way, when)
    return None


def _when(channel: Channel, kind: MessageKind, at: datetime, reference_at: datetime) -> datetime | None:
    if channel is Channel.CALL:
        return call_at(at, reference_at)
    if channel is Channel.TEXT:
        return policy.after_the_hold(kind, at, reference_at)
    return at.astimezone(UTC)


def call_at(at: datetime, reference_at: datetime) -> datetime | None:
    """When a spoken call may go: at once "08:00-20:00", London; else at the next 08:00, or never.

    Waiting is for the night alone: it must leave half an hour before R, and must not cost 24 hours' notice that an
    e-mail or a person could still give.
    """
    wall = at.astimezone(LONDON).time()
    if CALLS_FROM <= wall < CALLS_UNTIL:
        return at.astimezone(UTC)
    morning = policy.next_time(CALLS_FROM, at)
    costs_the_notice = elapsed(at, reference_at) >= NOTICE > elapsed(morning, reference_at)
    in_time = morning + MARGIN_BEFORE_A_CALL <= reference_at
    return morning if in_time and not costs_the_notice else None
