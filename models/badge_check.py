"""Checks of a badge by telephone: who at the contact centre asked, when, and what was answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Base, new_id


class BadgeCheck(Base):
    """One check for somebody on the telephone. The address and reference they gave are kept nowhere.

    `badge_id` is empty if no badge could be named. `due`: empty if nobody asked whether a visit is due.
    """

    __tablename__ = "badge_checks"

    id: Mapped[UUID] = new_id()
    badge_id: Mapped[UUID | None] = mapped_column(ForeignKey("badges.id"), index=True)
    state: Mapped[str] = mapped_column(String(24))
    due: Mapped[bool | None]
    checked_at: Mapped[datetime]
    checked_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
