"""The clock of an officer's phone, and the reports that the phone kept while it had no signal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.standards import elapsed, report_flags

SMALL = timedelta(seconds=5)
"""What is no more than this may be the time that a message takes where the signal is poor, and is left alone."""


@dataclass(frozen=True, slots=True)
class PhoneClock:
    """How far a phone's clock is behind ours; less than nothing if it is ahead."""

    behind: timedelta

    @classmethod
    def read(cls, sent_at: datetime, received_at: datetime) -> "PhoneClock":
        """By what the phone's clock showed when it sent, and what ours showed when we got it."""
        return cls(elapsed(sent_at, received_at))

    @property
    def is_wrong(self) -> bool:
        """Whether its times are corrected."""
        return abs(self.behind) > SMALL

    def right(self, shown: datetime) -> datetime:
        """What our clock showed when the phone's showed this. A time that no calendar has is left as it was."""
        if not self.is_wrong:
            return shown
        try:
            return shown + self.behind
        except OverflowError:
            return shown


@dataclass(frozen=True, slots=True)
class Kept:
    """How we know a report's times that a phone kept until it had a signal: its clock, and what that showed.

    Nothing kept is refused for being late or out of order: the officer cannot go back and say it in time.
    """

    clock: PhoneClock
    shown: Mapping[str, Any]

    @property
    def details(self) -> dict[str, Any]:
        """The phone's own times, for the history, where ours are others."""
        if not self.clock.is_wrong:
            return {}
        return {"phone": {"clock_behind_s": self.clock.behind.total_seconds(), **self.shown}}


def oddities(
    kept: Kept | None,
    *,
    occurred_at: datetime,
    recorded_at: datetime,
    not_before: Sequence[datetime | None] = (),
    not_after: Sequence[datetime | None] = (),
    in_doubt: bool = False,
    cancelled: bool = False,
    distance_m: float | None = None,
    accuracy_m: float | None = None,
) -> dict[str, Any]:
    """What the history says besides of a report: its flags, if there are any, and what the phone showed."""
    flags = report_flags(
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        not_before=not_before,
        not_after=not_after,
        in_doubt=in_doubt,
        clock_corrected=kept is not None and kept.clock.is_wrong,
        cancelled=cancelled,
        distance_m=distance_m,
        accuracy_m=accuracy_m,
    )
    found: dict[str, Any] = {"flags": [flag.value for flag in flags]} if flags else {}
    return found | (kept.details if kept else {})
