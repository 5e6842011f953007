"""Replies: the texts that residents send us."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Base, by_value, new_id


class ReplyKind(StrEnum):
    """What a resident's text asks for. `words` is anything that a person has to read."""

    STOP = "stop"
    START = "start"
    YES = "yes"
    CHANGE = "change"
    HELP = "help"
    I_WAS_IN = "i_was_in"
    WORDS = "words"


class Reply(Base):
    """One text from a resident, or from a number that we do not know.

    `carrier_id` is the carrier's own name for it, so that one delivered to us twice counts once. `answer` is
    what we said to it.
    """

    __tablename__ = "replies"
    __table_args__ = (Index("ix_replies_message", "message_id", "received_at", "id"),)

    id: Mapped[UUID] = new_id()
    carrier_id: Mapped[str] = mapped_column(String(64), unique=True)
    from_number: Mapped[str] = mapped_column(String(32))
    resident_id: Mapped[UUID | None] = mapped_column(ForeignKey("residents.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visits.id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"))
    kind: Mapped[ReplyKind] = mapped_column(by_value(ReplyKind))
    body: Mapped[str] = mapped_column(String(1600))
    answer: Mapped[str | None] = mapped_column(String(480))
    received_at: Mapped[datetime]
