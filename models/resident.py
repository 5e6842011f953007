"""Residents: whom we visit, where they live and how to tell them."""

import re
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Base, by_value, new_id

_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?) ?([0-9][A-BD-HJLNP-UW-Z]{2})")


FORGOTTEN = ""
"""The name of a resident whose time is over. Nobody can be entered under it."""


class ContactBy(StrEnum):
    """How a resident wants to be told."""

    TEXT = "text"
    CALL = "call"
    EMAIL = "email"


class Resident(Base):
    """A person we visit at home. Everything here is personal data: it never reaches a log."""

    __tablename__ = "residents"
    __table_args__ = (Index("ix_residents_name", "name", "id"),)

    id: Mapped[UUID] = new_id()
    name: Mapped[str] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(16), index=True)
    second_phone: Mapped[str | None] = mapped_column(String(16), index=True)
    email: Mapped[str | None] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(35), default="en")
    contact_by: Mapped[ContactBy] = mapped_column(by_value(ContactBy), default=ContactBy.TEXT)
    needs: Mapped[str | None] = mapped_column(String(500))
    line_1: Mapped[str] = mapped_column(String(120))
    line_2: Mapped[str | None] = mapped_column(String(120))
    town: Mapped[str] = mapped_column(String(80))
    postcode: Mapped[str] = mapped_column(String(8))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    uprn: Mapped[str | None] = mapped_column(String(12))
    created_at: Mapped[datetime]

    @property
    def forgotten(self) -> bool:
        """Whether `purge` has removed who this was. The row stays, for visits that the figures count."""
        return self.name == FORGOTTEN

    @property
    def place(self) -> tuple[float, float] | None:
        """Where the home is, latitude and longitude in degrees, if both are known."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude


def normalise_postcode(text: str) -> str:
    """`ha12xy` as `HA1 2XY`. Raises ValueError for what no UK postcode looks like."""
    found = _POSTCODE.fullmatch(" ".join(text.upper().split()))
    if not found:
        raise ValueError("Give a UK postcode, such as HA1 2XY.")
    return f"{found[1]} {found[2]}"
