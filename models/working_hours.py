"""Officers' hours as they are kept: dated exceptions, and all that decides when somebody works together."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.absence import FARTHEST_AWAY, Absence
from models.bank_holidays import is_bank_holiday
from models.clock import LONDON
from models.database import Base
from models.diary import day_bounds
from models.errors import Unknown, Unprocessable
from models.officer import Officer
from models.working_time import (
    TimeOff,
    Windows,
    WorkingDay,
    WorkingPattern,
    keep_windows,
    read_windows,
    refuse_impossible_windows,
    working_day,
)


class WorkingException(Base):
    """An officer's hours on one London day, in place of their week's. No windows: they do not work."""

    __tablename__ = "working_exceptions"

    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    windows: Mapped[list[list[int]]] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(String(500))
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


def find_exception(session: Session, officer_id: UUID, day: date) -> WorkingException:
    """The exception. Raises Unknown."""
    found = session.get(WorkingException, (officer_id, day))
    if found is None:
        raise Unknown("This officer has no exception on this day.")
    return found


def set_exception(
    session: Session,
    officer_id: UUID,
    day: date,
    windows: Windows,
    *,
    reason: str | None,
    by: UUID | None,
    at: datetime,
) -> WorkingException:
    """Set the hours of one day, in place of what was set before. The caller has locked the officer's diary.

    Raises Unprocessable for hours that cannot be, and a day more than two years away.
    """
    if abs(day - at.astimezone(LONDON).date()) > FARTHEST_AWAY:
        raise Unprocessable("day", "Give a day within two years from now.")
    refuse_impossible_windows(windows, "windows", on=day)
    exception = session.get(WorkingException, (officer_id, day))
    if exception is None:
        exception = WorkingException(officer_id=officer_id, day=day)
        session.add(exception)
    exception.windows, exception.reason = keep_windows(windows), reason
    exception.entered_at, exception.entered_by_id = at, by
    return exception


@dataclass(slots=True)
class WorkingHours:
    """All that decides when one officer works, over some days."""

    pattern: WorkingPattern
    exceptions: dict[date, Windows] = field(default_factory=dict)
    absences: list[TimeOff] = field(default_factory=list)

    def on(self, day: date) -> WorkingDay:
        """When the officer works on one of the days that this was loaded for."""
        return working_day(self.pattern, self.exceptions, self.absences, day, is_bank_holiday=is_bank_holiday(day))


def load_hours(
    session: Session, officer_ids: Collection[UUID], first: date, last: date
) -> dict[UUID, WorkingHours]:
    """The hours of each of these officers whom there is, for the days from `first` to `last`.

    Raises OverflowError for a day too near the ends of the calendar.
    """
    begins, ends = day_bounds(first)[0], day_bounds(last)[1]
    week = select(Officer.id, Officer.working_pattern).where(Officer.id.in_(officer_ids)).order_by(Officer.id)
    hours = {row.id: WorkingHours(WorkingPattern.read(row.working_pattern)) for row in session.execute(week)}
    dated = select(WorkingException).where(
        WorkingException.officer_id.in_(list(hours)), WorkingException.day.between(first, last)
    )
    for exception in session.scalars(dated.order_by(WorkingException.officer_id, WorkingException.day)):
        hours[exception.officer_id].exceptions[exception.day] = read_windows(exception.windows)
    away = select(Absence).where(
        Absence.officer_id.in_(list(hours)),
        Absence.removed_at.is_(None),
        Absence.ends_at > begins,
        Absence.starts_at < ends,
    )
    for absence in session.scalars(away.order_by(Absence.officer_id, Absence.starts_at, Absence.id)):
        hours[absence.officer_id].absences.append(absence.time_off)
    return hours
