"""A text to one of our own people, a duty manager or an officer: no resident's, and so not in the outbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import by_value, new_id
from models.message import new_message_reference


class AlertStatus(StrEnum):
    """Where such a text stands. `unclear` may have gone: it is looked up before it could go again."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    UNCLEAR = "unclear"
    SENT = "sent"
    FAILED = "failed"


class StaffText:
    """What every table of such texts has. The `reference` is looked for at the carrier."""

    id: Mapped[UUID] = new_id()
    to_number: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(String(12), unique=True, default=new_message_reference)
    status: Mapped[AlertStatus] = mapped_column(by_value(AlertStatus))
    next_try_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    carrier_id: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None] = mapped_column(String(40))
