"""The two days on which London's clocks change: what is looked for is found at the same real seconds as ever."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from models import travel
from models.board import Kind, listed
from models.database import reading, transaction
from models.diary import day_bounds
from models.foreseen import foreseen
from models.officer import Officer
from models.outlook import who_might_be_late
from models.overdue import nobody_there
from models.visit import Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent
from notifications.overdue import look_for_nobody_there
from tests import factories
from tests.conftest import StoppedClock

DAYS = [date(2026, 3, 29), date(2026, 10, 25)]
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)


def quarters(since: datetime, until: datetime) -> Iterator[datetime]:
    while since < until:
        yield since
        since += QUARTER


@pytest.fixture(params=DAYS, ids=str)
def day(request: Any) -> date:
    return date.fromisoformat(str(request.param))


@pytest.fixture
def visits(app: Any, day: date, resident: Any, officer: Any, stopped_clock: StoppedClock) -> dict[UUID, datetime]:
    """A visit of five minutes at every quarter of an hour of the day, 92 or 100 of them, and when each starts."""
    begins, ends = day_bounds(day)
    stopped_clock.set(begins - timedelta(days=3))
    return {factories.visit(resident, officer, start, minutes=5).id: start for start in quarters(begins, ends)}


def test_nobody_is_missed_an_hour_sooner_or_later(day: date, visits: dict[UUID, datetime]) -> None:
    assert len(visits) == {3: 92, 10: 100}[day.month]
    begins, ends = day_bounds(day)
    for at in quarters(begins, ends + 2 * HOUR):
        with reading() as session:
            found = {each.visit_id: each for each in nobody_there(session, at)}
        due = {key for key, start in visits.items() if start + timedelta(minutes=10) <= at <= start + 25 * HOUR}
        assert set(found) == due, at
        for key, each in found.items():
            nudged, told = each.nudge_at - visits[key], each.alert_at - visits[key]
            assert (nudged, told) == (timedelta(minutes=10), timedelta(minutes=20))


def test_the_sweep_looks_at_what_starts_26_to_30_real_hours_later(
    day: date, visits: dict[UUID, datetime], officer: Officer
) -> None:
    with transaction() as session:
        session.get_one(Officer, officer.id).active = False
    begins, ends = day_bounds(day)
    for at in quarters(begins - 31 * HOUR, ends - 25 * HOUR):
        with reading() as session:
            found = {each.visit.id for each in foreseen(session, travel.in_use(), at)}
        assert found == {key for key, start in visits.items() if at + 26 * HOUR <= start <= at + 30 * HOUR}, at


def test_the_watch_marks_each_as_missed_after_sixty_real_minutes_once(
    day: date, app: Any, resident: Any, officer: Any, stopped_clock: StoppedClock
) -> None:
    """Those around the hour that is not there, or that is there twice."""
    change = datetime.combine(day, time(1), UTC)
    stopped_clock.set(change - timedelta(days=3))
    starts = list(quarters(change - HOUR, change + HOUR))
    made = {factories.visit(resident, officer, start, minutes=5).id: start for start in starts}
    for at in quarters(change - HOUR, change + 3 * HOUR):
        look_for_nobody_there(at)
        with reading() as session:
            missed = set(session.scalars(select(Visit.id).where(Visit.status == VisitStatus.MISSED)))
            lines = session.execute(
                select(VisitEvent.visit_id, VisitEvent.occurred_at).where(VisitEvent.kind == EventKind.MISSED)
            ).all()
        assert missed == {key for key, start in made.items() if start + HOUR <= at}, at
        assert sorted(map(tuple, lines)) == sorted((key, made[key] + HOUR) for key in missed)


def test_the_board_shows_the_day_as_london_has_it(day: date, visits: dict[UUID, datetime]) -> None:
    begins, ends = day_bounds(day)
    for at in quarters(begins, ends):
        with reading() as session:
            late = {row.id for row in listed(session, Kind.LATE, at, None, most=200)}
            nobody_came = {row.id for row in listed(session, Kind.NOBODY_CAME, at, None, most=200)}
        assert late == {key for key, start in visits.items() if QUARTER < at - start < HOUR}, at
        assert nobody_came == {key for key, start in visits.items() if at - start >= HOUR}, at


def test_the_look_ahead_looks_at_the_whole_of_londons_day(
    day: date, visits: dict[UUID, datetime], officer: Any
) -> None:
    """What was reported in the first minute of the day counts until its last visit starts."""
    begins, ends = day_bounds(day)
    first = next(key for key, start in visits.items() if start == begins)
    with transaction() as session:
        session.execute(
            update(Visit).where(Visit.id == first).values(departed_at=begins, status=VisitStatus.EN_ROUTE)
        )
    for at in quarters(begins - HOUR, ends + HOUR):
        with reading() as session:
            near = who_might_be_late(session, at, 4 * HOUR)
        assert near == ([officer.id] if begins <= at < ends else []), at
