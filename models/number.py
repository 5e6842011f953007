"""What we have learnt of a telephone number: that its owner wants no texts, or that none can arrive.

Kept by number and not by resident: the next resident with the same number must not be texted either.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, upsert


class Number(Base):
    """A number (E.164) with something to heed.

    `stopped_at`: its owner said STOP, and has not said START since. `unusable_at`: the carrier found that no
    text can reach it, for the reason `unusable_code`.
    """

    __tablename__ = "numbers"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)
    stopped_at: Mapped[datetime | None]
    unusable_at: Mapped[datetime | None]
    unusable_code: Mapped[str | None] = mapped_column(String(40))


def stop_texts(session: Session, number: str, at: datetime) -> None:
    """STOP: "never text again"."""
    upsert(session, Number, {"number": number}, {"stopped_at": at})


def start_texts(session: Session, number: str) -> None:
    """ "START restores." """
    session.execute(update(Number).where(Number.number == number).values(stopped_at=None))


def mark_unusable(session: Session, number: str, code: str, at: datetime) -> None:
    """The carrier says that no text can reach this number: "number marked"."""
    upsert(session, Number, {"number": number}, {"unusable_at": at, "unusable_code": code})


def clear_unusable(session: Session, number: str) -> None:
    """Try it again: its owner wrote to us, or a scheduler has just entered it anew."""
    again = update(Number).where(Number.number == number)
    session.execute(again.values(unusable_at=None, unusable_code=None))


def known(session: Session, numbers: Collection[str]) -> dict[str, Number]:
    """Those of the numbers that we have learnt something of."""
    rows = session.scalars(select(Number).where(Number.number.in_(numbers)).order_by(Number.number))
    return {row.number: row for row in rows}
