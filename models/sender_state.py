"""The senders as all dispatchers see them: paused or not, and when the next message may go.

One row for each channel, so that several dispatchers on several machines keep one rate and heed one pause.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, insert_missing
from models.message import Channel

PACE, CATCHING_UP = 0.97, 0.985
"""The shares of a sender's rate at which turns are given, and at which messages that are late make up for it. With
the whole rate in use, a message that arrives a moment late would make the second after it too full."""


PACER_FOR = timedelta(seconds=5)
"""How long nobody else sends by a sender with a rate after a dispatcher has claimed messages for it."""


class PausedBy(StrEnum):
    """Why a sender stands still. `operator`: until somebody resumes it. `account`: the carrier refuses our
    account, and one message goes ahead now and then to see whether it still does. `busy`: the carrier asked
    us to wait."""

    OPERATOR = "operator"
    ACCOUNT = "account"
    BUSY = "busy"


_WHO_PAUSED = {
    None: "nobody",
    PausedBy.OPERATOR: "an operator",
    PausedBy.ACCOUNT: "the carrier, which refuses our account",
    PausedBy.BUSY: "the carrier, which asked us to wait",
}


class SenderState(Base):
    """How one channel's sender stands.

    `reason` is the operator's words or the carrier's error code; `free_at` is when its rate lets the next
    message part go. `pacer` is the dispatcher that keeps to the rate, until `pacer_until`: two that each keep to
    their own turns are together too fast as soon as one of them is late.
    """

    __tablename__ = "sender_states"

    channel: Mapped[Channel] = mapped_column(by_value(Channel), primary_key=True)
    paused_by: Mapped[PausedBy | None] = mapped_column(by_value(PausedBy))
    paused_at: Mapped[datetime | None]
    resume_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(500))
    free_at: Mapped[datetime | None]
    pacer: Mapped[str | None] = mapped_column(String(80))
    pacer_until: Mapped[datetime | None]

    def is_paused(self, at: datetime) -> bool:
        """Whether nothing may go now."""
        if self.paused_by is PausedBy.OPERATOR:
            return True
        return self.resume_at is not None and at < self.resume_at

    @property
    def in_trouble(self) -> bool:
        """Whether the carrier refused our account the last time it was asked."""
        return self.paused_by is PausedBy.ACCOUNT

    @property
    def who_paused(self) -> str:
        """Who paused it, in words."""
        return _WHO_PAUSED[self.paused_by]

    def stands_still(self, at: datetime) -> bool:
        """Whether somebody has to look at it: it is paused, or was refused the last time it tried."""
        return self.is_paused(at) or self.in_trouble

    def pause(self, by: PausedBy, reason: str, at: datetime, *, resume_at: datetime | None = None) -> None:
        """Stand still, until `resume_at` or until somebody resumes it. An operator's pause is the stronger."""
        if self.paused_by is PausedBy.OPERATOR and by is not PausedBy.OPERATOR:
            return
        if self.paused_by is not by:
            self.paused_at = at
        self.paused_by, self.reason, self.resume_at = by, reason, resume_at

    def resume(self) -> None:
        """Go on."""
        self.paused_by = self.paused_at = self.resume_at = self.reason = None

    def is_paced_by_another(self, dispatcher: str, at: datetime) -> bool:
        """Whether another dispatcher than this one keeps to the rate just now."""
        return self.pacer != dispatcher and self.pacer_until is not None and at < self.pacer_until

    def pace(self, dispatcher: str, at: datetime) -> bool:
        """Let this dispatcher keep to the rate, unless another does."""
        if self.is_paced_by_another(dispatcher, at):
            return False
        self.pacer, self.pacer_until = dispatcher, at + PACER_FOR
        return True

    def leave_pacing(self, dispatcher: str) -> None:
        """This dispatcher stops: another need not wait."""
        if self.pacer == dispatcher:
            self.pacer = self.pacer_until = None

    def take_turn(self, parts: int, per_second: float, at: datetime) -> datetime:
        """When a message of so many parts may go, at a rate of parts a second; the next may go after that.

        A rate not used is not saved up: after a quiet hour the messages still go one by one.
        """
        turn = max(at, self.free_at or at)
        self.free_at = turn + timedelta(seconds=parts / (per_second * PACE))
        return turn


def states(session: Session) -> dict[Channel, SenderState]:
    """Every sender's state, to look at. A channel that never sent anything may have none."""
    return {row.channel: row for row in session.scalars(select(SenderState).order_by(SenderState.channel))}


def lock_state(session: Session, channel: Channel) -> SenderState:
    """One sender's state, to change: dispatchers take their turns here."""
    insert_missing(session, SenderState, {"channel": channel})
    return session.scalars(
        select(SenderState)
        .where(SenderState.channel == channel)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
