"""What was last predicted of each visit that might be late: kept, so that several processes say it once."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base, upsert
from models.lateness import Seen, Verdict, Window
from models.prepared import Prepared


class Forecast(Base):
    """One visit's last prediction that was worth remembering.

    `probability` is that of lateness at `evaluated_at`, None if nothing is known any more. An arrival more than 15
    minutes after `due_at` has been likely since `likely_since`, if it is. The resident was told `window_from_at`
    to `window_to_at` at `told_at`, of a visit at `told_starts_at` that was expected at `expected_at`: by
    `message_id`, or by a person if that is none.
    """

    __tablename__ = "forecasts"

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visits.id"), primary_key=True)
    evaluated_at: Mapped[datetime]
    probability: Mapped[float | None]
    due_at: Mapped[datetime | None]
    likely_since: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    told_starts_at: Mapped[datetime | None]
    expected_at: Mapped[datetime | None]
    window_from_at: Mapped[datetime | None]
    window_to_at: Mapped[datetime | None]
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"))

    @property
    def seen(self) -> Seen | None:
        """What the last evaluation leaves to the next."""
        if self.due_at is None or self.likely_since is None:
            return None
        return Seen(self.due_at.timestamp(), self.likely_since.timestamp())

    @property
    def window(self) -> Window | None:
        """The window that was told last."""
        if self.window_from_at is None or self.window_to_at is None:
            return None
        return Window(self.window_from_at.timestamp(), self.window_to_at.timestamp())


_WINDOW = Prepared(
    select(Forecast.window_from_at, Forecast.window_to_at).where(
        Forecast.visit_id == bindparam("visit", type_=Forecast.visit_id.type),
        Forecast.expected_at == bindparam("expected", type_=Forecast.expected_at.type),
    )
)


def forecasts_of(session: Session, visit_ids: Collection[UUID]) -> dict[UUID, Forecast]:
    """What is remembered of these visits."""
    found = session.scalars(
        select(Forecast).where(Forecast.visit_id.in_(visit_ids)).execution_options(populate_existing=True)
    )
    return {each.visit_id: each for each in found}


def told_window(
    session: Session, visit_id: UUID, expected_at: datetime | None
) -> tuple[datetime, datetime] | None:
    """From when to when an officer is expected, if what is `expected_at` was told as a window."""
    if expected_at is None:
        return None
    found = _WINDOW.first(session, visit=visit_id, expected=expected_at)
    return None if found is None or found.window_from_at is None else tuple(found)


def remember(session: Session, visit_id: UUID, verdict: Verdict, at: datetime, told: dict[str, Any]) -> None:
    """Keep this evaluation in place of the last; and what was `told` because of it, by its columns, if anything
    was."""
    seen = verdict.seen
    evaluated = {
        "evaluated_at": at,
        "probability": verdict.probability,
        "due_at": instant(seen.due) if seen else None,
        "likely_since": instant(seen.at) if seen else None,
    }
    upsert(session, Forecast, {"visit_id": visit_id}, evaluated | told)


def instant(second: float) -> datetime:
    """A Unix second as the tables keep it."""
    return datetime.fromtimestamp(second, UTC)
