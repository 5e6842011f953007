"""Live codes: four digits that a resident sees, and that only the real officer's signed-in phone is told too.

Whoever holds a copy of a badge has no such phone: "the live code against copies".
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, insert_missing, new_id
from models.errors import Unknown
from models.incident import IncidentKind, open_incident

LIFE = timedelta(minutes=2)

MOST_SHOWN = 20
"""Codes on an officer's phone, newest first: a phone that is asked more often has enough to read."""


class LiveCode(Base):
    """The one code of one badge token: `id` is in the address of the resident's page, and is not to be guessed.

    `asker` is the page on which it was asked for: a second tap on that page gets the same code, and another
    page with the same token gets none. `not_mine_at`: the officer said that nobody stands before them.
    """

    __tablename__ = "live_codes"
    __table_args__ = (
        UniqueConstraint("badge_id", "token_issued_at"),
        Index("ix_live_codes_officer", "officer_id", "asked_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    badge_id: Mapped[UUID] = mapped_column(ForeignKey("badges.id"))
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"))
    token_issued_at: Mapped[datetime]
    asker: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(4))
    asked_at: Mapped[datetime]
    not_mine_at: Mapped[datetime | None]

    @property
    def expires_at(self) -> datetime:
        """When the code stops to prove anything."""
        return self.asked_at + LIFE

    def is_live(self, at: datetime) -> bool:
        """ "Codes live two minutes." """
        return at < self.expires_at


def ask(
    session: Session, *, badge_id: UUID, officer_id: UUID, token_issued_at: datetime, asker: str, at: datetime
) -> LiveCode | None:
    """The token's code, made at the first tap; None for any page but the one that asked first.

    A thief's helper with the same copied token would otherwise be shown the resident's own digits, and could
    tell them to the thief. And a token that is one of few in a minute bounds what strangers can send to an
    officer's phone, while the officer's next token is always free to be asked.
    """
    row = {
        "id": uuid4(),
        "badge_id": badge_id,
        "officer_id": officer_id,
        "token_issued_at": token_issued_at,
        "asker": asker,
        "code": f"{secrets.randbelow(10_000):04}",
        "asked_at": at,
    }
    insert_missing(session, LiveCode, row)
    made = session.scalars(
        select(LiveCode).where(LiveCode.badge_id == badge_id, LiveCode.token_issued_at == token_issued_at)
    ).one()
    return made if made.asker == asker else None


def find(session: Session, code_id: UUID) -> LiveCode | None:
    """The code a resident asked for."""
    return session.get(LiveCode, code_id)


def asked_of(session: Session, officer_id: UUID, at: datetime) -> Sequence[LiveCode]:
    """The officer's codes that are live, newest first."""
    return session.scalars(
        select(LiveCode)
        .where(LiveCode.officer_id == officer_id, LiveCode.asked_at > at - LIFE)
        .order_by(LiveCode.asked_at.desc(), LiveCode.id)
        .limit(MOST_SHOWN)
    ).all()


def say_not_mine(session: Session, code_id: UUID, officer_id: UUID, at: datetime) -> LiveCode:
    """The officer stands at no door: somebody shows a copy of their badge. Raises Unknown for another's code.

    Said once, it stays said: the resident has been warned, and the duty managers are told.
    """
    code = session.scalar(
        select(LiveCode).where(LiveCode.id == code_id, LiveCode.officer_id == officer_id).with_for_update()
    )
    if code is None:
        raise Unknown("You have no live code with this id.")
    if code.not_mine_at is None:
        code.not_mine_at = at
        open_incident(
            session, IncidentKind.BADGE_COPIED, at=at, badge_id=code.badge_id, officer_id=code.officer_id
        )
    return code
