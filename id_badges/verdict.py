"""What the resident is told: one of four looks, from what the badge says and what the register says."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from id_badges.tokens import SKEW, Clock, Reading
from models.badge import BadgeKind, BadgeRecord
from models.clock import LONDON
from models.officer import Employment


class State(StrEnum):
    """The public answer. Revoked, suspended, unknown and forged are one and the same: not confirmed."""

    GENUINE = "genuine"
    GENUINE_NOT_ON_DUTY = "genuine_not_on_duty"
    CARD_ONLY = "card_only"
    TIMED_OUT = "timed_out"
    NOT_YET_VALID = "not_yet_valid"
    NOT_CONFIRMED = "not_confirmed"
    UNAVAILABLE = "unavailable"


class Look(StrEnum):
    """The page's colour, which is never the only sign."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    GREY = "grey"


_LOOKS = {State.GENUINE: Look.GREEN, State.NOT_CONFIRMED: Look.RED, State.UNAVAILABLE: Look.GREY}


class ShownOfficer(NamedTuple):
    """What a resident may see of the officer. The photo is left out when they are not on duty."""

    display_name: str
    job_title: str
    employment: Employment
    company: str | None
    photo_id: UUID | None
    on_duty: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one check. `reason` is for logs and tests: the page must not tell such things apart.

    `reading` and `record` are what a token that the council signed was judged by: for the scan's record and for
    further questions, and no part of the answer.
    """

    state: State
    checked_at: datetime
    reason: str
    officer: ShownOfficer | None = None
    reading: Reading | None = field(default=None, compare=False)
    record: BadgeRecord | None = field(default=None, compare=False)

    @property
    def look(self) -> Look:
        """One of the four looks."""
        return _LOOKS.get(self.state, Look.AMBER)


def judge(reading: Reading, record: BadgeRecord | None, *, at: datetime) -> Verdict:
    """Judge a genuine token by its badge's row. What the register says wins over the token's clock.

    A token timed out or not yet valid shows no officer at all: a screenshot must not earn any trust.
    """
    state, reason, officer = _judged(reading, record, at)
    return Verdict(state, at, reason, officer, reading, record)


def _judged(reading: Reading, record: BadgeRecord | None, at: datetime) -> tuple[State, str, ShownOfficer | None]:
    refused = _refusal(reading, record, at)
    if refused or record is None:
        return State.NOT_CONFIRMED, refused or "unknown", None
    if reading.clock is Clock.TIMED_OUT:
        return State.TIMED_OUT, "timed_out", None
    if record.replaced_at and reading.issued_at > record.replaced_at + SKEW:
        # It was on no screen yet when the phone asked for other tokens. An answer that got lost on its way leaves
        # an honest phone with these, so nobody is told to keep the door closed.
        return State.TIMED_OUT, "replaced", None
    if reading.clock is Clock.NOT_YET_VALID:
        return State.NOT_YET_VALID, "not_yet_valid", None
    if reading.kind is BadgeKind.CARD:
        state = State.CARD_ONLY
    else:
        state = State.GENUINE if record.on_duty else State.GENUINE_NOT_ON_DUTY
    return state, state.value, _shown(record)


def not_confirmed(reason: str, at: datetime) -> Verdict:
    """The one red answer, whatever the reason; for a token that could not even be read as well."""
    return Verdict(State.NOT_CONFIRMED, at, reason)


def unavailable(reason: str, at: datetime) -> Verdict:
    """The grey answer: something of ours is down, which says nothing about the person at the door."""
    return Verdict(State.UNAVAILABLE, at, reason)


def _refusal(reading: Reading, record: BadgeRecord | None, at: datetime) -> str | None:
    """The first reason why the council does not stand by this badge, or None."""
    if record is None or reading.badge_id != (record.bundle_id or record.badge_id):
        return "unknown"
    if record.kind is not reading.kind:
        return "another-kind"
    if record.revoked_at is not None:
        return "revoked"
    if record.suspended:
        return "suspended"
    if not record.active:
        return "inactive"
    if record.contract_ends_on and at.astimezone(LONDON).date() > record.contract_ends_on:
        return "contract-ended"
    if record.expires_at and at >= record.expires_at:
        return "badge-expired"
    if record.signed_out and reading.clock in (Clock.VALID, Clock.NOT_YET_VALID):
        # Whoever reloads an old page after the officer's day is over gets what any old badge gets.
        return "signed-out"
    # The role may change while a card is good; whose card it is, and who employs them, may not.
    if (printed := reading.printed) and (printed.name, printed.employment, printed.company) != (
        record.display_name,
        record.employment,
        record.company,
    ):
        return "printed-for-another"
    return "long-expired" if reading.clock is Clock.LONG_EXPIRED else None


def _shown(record: BadgeRecord) -> ShownOfficer:
    return ShownOfficer(
        display_name=record.display_name,
        job_title=record.job_title,
        employment=record.employment,
        company=record.company,
        photo_id=record.photo_id if record.on_duty else None,
        on_duty=record.on_duty,
    )
