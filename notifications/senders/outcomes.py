"""What a carrier does for us, and what can come of handing it a text."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text on its way to the carrier. `valid_for` is how long it is worth delivering."""

    message_id: UUID
    reference: str
    to: str
    body: str
    valid_for: timedelta


@dataclass(frozen=True, slots=True)
class Accepted:
    """The carrier has it, under its own id; `status` is the carrier's word for how far it is.

    `accepted_at` is since when, if the carrier was asked afterwards and told.
    """

    carrier_id: str
    status: str = "queued"
    error_code: str | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier will not send this text, ever. `stopped`: because the resident has said STOP."""

    error_code: str
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """It certainly did not go, and may be tried again after `wait`."""

    wait: timedelta


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may have gone, or not: only the carrier's list can tell."""

    why: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The fault is our account's, not the text's: nothing can go until an operator has mended it."""

    error_code: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A look-up was answered: the carrier does not have it."""


SendOutcome = Accepted | Refused | Later | Unclear | Paused
LookUpOutcome = Accepted | Missing | Later | Unclear | Paused


class Sender(Protocol):
    """A carrier. Both calls are made from many threads at once, with no database connection held, and
    never raise for anything the carrier or the network does."""

    @property
    def name(self) -> str:
        """What the message's `carrier` column says."""

    def send(self, text: Outgoing) -> SendOutcome:
        """Hand one text over."""

    def find(self, reference: str, to: str, since: datetime) -> LookUpOutcome:
        """Look for a text by the reference printed in it, among those to `to` created after `since`."""

    def close(self) -> None:
        """Let go of the connections."""
