"""What a carrier does for us, and what can come of handing it a message."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to the carrier. `valid_for` is how long it is worth delivering; only an e-mail uses
    its `subject`, only a call its `language`."""

    message_id: UUID
    reference: str
    to: str
    body: str
    valid_for: timedelta
    subject: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Sought:
    """A message whose fate is to be looked up: one to `to`, created after `since`, known by its reference.

    A call carries no reference: it is then one to this number that is none of `others`, the calls we know of.
    """

    reference: str
    to: str
    since: datetime
    others: frozenset[str] = frozenset()


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
    """It certainly did not go, and may be tried again after `wait`. `alone`: others need not wait with it."""

    wait: timedelta
    alone: bool = False


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


@dataclass(frozen=True, slots=True)
class Untraceable:
    """This carrier keeps no list to look in: nobody will ever know, so it must not be sent again."""


SendOutcome = Accepted | Refused | Later | Unclear | Paused
LookUpOutcome = Accepted | Missing | Untraceable | Later | Unclear | Paused


class Sender(Protocol):
    """A carrier. Its calls are made from many threads at once, with no database connection held, and
    never raise for anything the carrier or the network does."""

    @property
    def name(self) -> str:
        """What the message's `carrier` column says."""

    def send(self, message: Outgoing) -> SendOutcome:
        """Hand one message over."""

    def find(self, sought: Sought) -> LookUpOutcome:
        """Look for a message that may have been handed over."""

    def ask(self, carrier_id: str) -> LookUpOutcome:
        """Ask what became of a message the carrier has: for a receipt that never came."""

    def close(self) -> None:
        """Let go of the connections."""
