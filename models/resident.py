"""Residents: whom we visit, where they live and how to tell them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, by_value, new_id
from models.postcode import find_place

_A_BATCH = 500


FORGOTTEN = ""
"""The name of a resident whose time is over. Nobody can be entered under it."""


class ContactBy(StrEnum):
    """How a resident wants to be told."""

    TEXT = "text"
    CALL = "call"
    EMAIL = "email"


class PlaceFrom(StrEnum):
    """How it is known where a home is. A pin and a UPRN are the door, a postcode the middle of a few."""

    PIN = "pin"
    UPRN = "uprn"
    POSTCODE = "postcode"
    UNKNOWN = "unknown"


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
    place_from: Mapped[PlaceFrom] = mapped_column(
        by_value(PlaceFrom), default=PlaceFrom.UNKNOWN, server_default=PlaceFrom.UNKNOWN.value
    )
    uprn: Mapped[str | None] = mapped_column(String(12))
    ward: Mapped[str | None] = mapped_column(String(60))
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

    @property
    def door(self) -> tuple[float, float] | None:
        """The same, if it is the door itself: a postcode's middle may be some streets away."""
        return None if self.place_from is PlaceFrom.POSTCODE else self.place

    def settle_place(self, session: Session) -> None:
        """Say where the home is: "a pin or UPRN coordinate wins over the postcode".

        It is written down with the address, so that nobody who plans a day has to look it up.
        """
        if self.latitude is not None:
            self.place_from = PlaceFrom.UPRN if self.uprn else PlaceFrom.PIN
            return
        found = find_place(session, self.postcode)
        self.latitude, self.longitude = found or (None, None)
        self.place_from = PlaceFrom.POSTCODE if found else PlaceFrom.UNKNOWN


def place_everybody(session: Session) -> tuple[int, int]:
    """Find a place for every resident who has none; how many have one now, and how many still have none.

    Somebody entered by the version before this rule may have a place of which nobody said where it is from.
    """
    looked_at, placed = 0, 0
    last = UUID(int=0)
    while batch := session.scalars(
        select(Resident)
        .where(Resident.place_from == PlaceFrom.UNKNOWN, Resident.name != FORGOTTEN, Resident.id > last)
        .order_by(Resident.id)
        .limit(_A_BATCH)
        .with_for_update()
    ).all():
        for resident in batch:
            resident.settle_place(session)
            placed += resident.place_from is not PlaceFrom.UNKNOWN
        session.flush()
        session.expunge_all()
        looked_at, last = looked_at + len(batch), batch[-1].id
    return placed, looked_at - placed
