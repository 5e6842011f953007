"""On duty at the door: inside the officer's working hours, or a visit of theirs within two hours either side."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from models import badge, duty
from models.absence import Absence, enter
from models.badge import Badge
from models.booking_rules import Rule
from models.clock import LONDON
from models.database import reading, transaction
from models.interval import Interval, contains
from models.officer import Officer
from models.prepared import Prepared
from models.resident import Resident
from models.wall_clock import MINUTES_OF_A_DAY
from models.working_hours import load_hours, set_exception
from models.working_time import AbsenceKind, Window, Windows, WorkingPattern
from tests import factories
from tests.test_badge_register import on_duty, phone_badge

MONDAY_9 = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEDNESDAY_10 = datetime(2026, 11, 25, 10, tzinfo=UTC)
WEDNESDAY_20 = datetime(2026, 11, 25, 20, tzinfo=UTC)
CHRISTMAS_10 = datetime(2026, 12, 25, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("database", "stopped_clock")


@pytest.fixture
def officer() -> Officer:
    return factories.officer()


@pytest.fixture
def resident() -> Resident:
    return factories.resident()


@pytest.fixture
def found(officer: Officer) -> Badge:
    return phone_badge(officer)


def away(officer: Officer, starts_at: datetime, ends_at: datetime, **how: Any) -> Absence:
    how = {"kind": AbsenceKind.LEAVE, "reason": None, "by": None, "at": MONDAY_9} | how
    with transaction() as session:
        return enter(session, officer_id=officer.id, starts_at=starts_at, ends_at=ends_at, **how)


def works(officer: Officer, *hours: tuple[int, int]) -> None:
    """Every day of the week these hours."""
    windows = tuple(Window(start * 60, end * 60) for start, end in hours)
    with transaction() as session:
        session.get_one(Officer, officer.id).working_pattern = WorkingPattern(days=(windows,) * 7).kept()


def except_on(officer: Officer, day: date, *hours: tuple[int, int]) -> None:
    windows = tuple(Window(start * 60, end * 60) for start, end in hours)
    with transaction() as session:
        set_exception(session, officer.id, day, windows, reason=None, by=None, at=MONDAY_9)


@pytest.mark.parametrize("kind", list(AbsenceKind))
def test_an_officer_who_is_away_is_not_in_working_hours(officer: Officer, found: Badge, kind: AbsenceKind) -> None:
    away(officer, WEDNESDAY_10 - HOUR, WEDNESDAY_10 + HOUR, kind=kind, reason="x")
    assert not on_duty(found, WEDNESDAY_10)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-1, True), (0, False), (3599, False), (3600, True), (-86_400, True)]
)
def test_they_are_away_from_its_start_up_to_its_end(
    officer: Officer, found: Badge, seconds: int, expected: bool
) -> None:
    away(officer, WEDNESDAY_10, WEDNESDAY_10 + HOUR)
    assert on_duty(found, WEDNESDAY_10 + timedelta(seconds=seconds)) is expected


def test_an_absence_of_two_years_counts_to_its_end(officer: Officer, found: Badge) -> None:
    away(officer, WEDNESDAY_10 - timedelta(days=729), WEDNESDAY_10 + HOUR)
    assert not on_duty(found, WEDNESDAY_10)


def test_a_visit_puts_even_an_officer_on_leave_on_duty(officer: Officer, resident: Resident, found: Badge) -> None:
    """Somebody who does come in is due at that home, and the resident must not be told to shut the door."""
    factories.visit(resident, officer, WEDNESDAY_10)
    away(officer, WEDNESDAY_10 - HOUR, WEDNESDAY_10 + HOUR)
    assert on_duty(found, WEDNESDAY_10)


def test_a_removed_absence_counts_no_more(officer: Officer, found: Badge) -> None:
    entered = away(officer, WEDNESDAY_10, WEDNESDAY_10 + HOUR)
    with transaction() as session:
        session.get_one(Absence, entered.id).remove(session, by=None, at=MONDAY_9)  # type: ignore[arg-type]
    assert on_duty(found, WEDNESDAY_10)


def test_a_colleagues_leave_and_hours_change_nothing(officer: Officer, found: Badge) -> None:
    colleague = factories.officer()
    away(colleague, WEDNESDAY_10 - HOUR, WEDNESDAY_10 + HOUR)
    works(colleague, (18, 22))
    except_on(colleague, WEDNESDAY_10.date())
    assert on_duty(found, WEDNESDAY_10)


def test_an_officers_own_hours_decide_in_place_of_the_usual_ones(
    officer: Officer, resident: Resident, found: Badge
) -> None:
    works(officer, (12, 14), (18, 22))
    assert on_duty(found, WEDNESDAY_20)
    assert on_duty(found, WEDNESDAY_10 + 2 * HOUR)
    assert not on_duty(found, WEDNESDAY_10)
    assert not on_duty(found, WEDNESDAY_20 + 2 * HOUR)
    factories.visit(resident, officer, WEDNESDAY_10 + HOUR, overrides={Rule.HOURS: "Urgent"})
    assert on_duty(found, WEDNESDAY_10)


def test_a_lunch_break_is_time_on_duty(officer: Officer, found: Badge) -> None:
    days = ((Window(9 * 60, 17 * 60),),) * 7
    with transaction() as session:
        kept = WorkingPattern(days=days).kept() | {"lunch": [60, 12 * 60, 13 * 60]}
        session.get_one(Officer, officer.id).working_pattern = kept
    assert on_duty(found, WEDNESDAY_10 + timedelta(hours=2.5))


def test_leave_is_taken_out_of_own_hours_too(officer: Officer, found: Badge) -> None:
    works(officer, (18, 22))
    away(officer, WEDNESDAY_20, WEDNESDAY_20 + HOUR)
    assert [on_duty(found, WEDNESDAY_20 + hours * HOUR) for hours in (-1, 0, 1)] == [True, False, True]


def test_an_exception_decides_on_its_london_day(officer: Officer, found: Badge) -> None:
    except_on(officer, WEDNESDAY_10.date(), (14, 22))
    assert not on_duty(found, WEDNESDAY_10)
    assert on_duty(found, WEDNESDAY_20)
    assert on_duty(found, WEDNESDAY_10 + timedelta(days=1))
    except_on(officer, WEDNESDAY_10.date())
    assert not on_duty(found, WEDNESDAY_20)
    # A quarter past midnight in London is the day before in UTC, in summer.
    except_on(officer, date(2027, 7, 7), (0, 1))
    assert on_duty(found, datetime(2027, 7, 6, 23, 15, tzinfo=UTC))


def test_nobody_is_on_duty_on_a_bank_holiday_unless_an_exception_says_so(officer: Officer, found: Badge) -> None:
    other = phone_badge(factories.officer())
    except_on(officer, CHRISTMAS_10.date(), (9, 11))
    works(officer, (9, 17))
    assert on_duty(found, CHRISTMAS_10)
    assert not on_duty(found, CHRISTMAS_10 + HOUR)
    assert not on_duty(other, CHRISTMAS_10)


def test_in_the_night_in_which_the_clocks_go_forward_a_shift_begins_when_they_do(
    officer: Officer, found: Badge
) -> None:
    with transaction() as session:
        nights = WorkingPattern(days=((Window(90, 300),),) * 7)
        session.get_one(Officer, officer.id).working_pattern = nights.kept()
    one = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert not on_duty(found, one - timedelta(seconds=1))
    assert on_duty(found, one)


def test_within_working_hours_nobody_looks_for_a_visit(
    officer: Officer, found: Badge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hot path: one statement, which does not know the table of visits."""
    asked: list[str] = []
    execute = Prepared._execute

    def note(self: Prepared, on: Any, values: Any, result: Any, **more: Any) -> Any:
        asked.append(str(self._statement))
        return execute(self, on, values, result, **more)

    monkeypatch.setattr(Prepared, "_execute", note)
    for hours in ((), ((8, 18),)):
        if hours:
            works(officer, *hours)
        asked.clear()
        with reading() as session:
            record = badge.find_record(session, found.id, WEDNESDAY_10)
        assert record is not None and record.on_duty
        assert len(asked) == 1 and "visits" not in asked[0]
    asked.clear()
    with reading() as session:
        badge.find_record(session, found.id, WEDNESDAY_20)
    assert len(asked) == 1


def test_the_door_says_what_the_working_day_says(officer: Officer, resident: Resident, found: Badge) -> None:
    """Random weeks, exceptions and absences, looked at on the half hours of four days."""
    chance = random.Random(20)
    visits = (WEDNESDAY_10, WEDNESDAY_20)
    for visit in visits:
        factories.visit(resident, officer, visit, minutes=60)
    # Two hours after its end the visit still counts.
    near = [Interval(visit - 2 * HOUR, visit + 3 * HOUR + timedelta(microseconds=1)) for visit in visits]
    seen = set()
    for _ in range(12):
        with transaction() as session:
            week = WorkingPattern(days=tuple(random_windows(chance) for _ in range(7)))
            kept = chance.choice((None, week.kept()))
            session.get_one(Officer, officer.id).working_pattern = kept
            for day in chance.sample((23, 24, 25, 26), 1):
                windows = random_windows(chance)
                set_exception(session, officer.id, date(2026, 11, day), windows, reason=None, by=None, at=MONDAY_9)
        start = WEDNESDAY_10 + timedelta(hours=chance.randrange(-48, 30))
        entered = away(officer, start, start + chance.choice((1, 3, 24)) * HOUR)
        with reading() as session:
            hours = load_hours(session, [officer.id], date(2026, 11, 23), date(2026, 11, 26))[officer.id]
        for _ in range(25):
            at = MONDAY_9 + timedelta(minutes=30 * chance.randrange(0, 150))
            today = at.astimezone(LONDON).date()
            works_then = contains(hours.on(today).windows, at)
            expected = works_then or contains(near, at)
            assert on_duty(found, at) is expected, (at, kept, hours)
            seen.add((expected, works_then, duty.hours_cover(at, today)))
        with transaction() as session:
            session.get_one(Absence, entered.id).remove(session, by=None, at=MONDAY_9)  # type: ignore[arg-type]
    assert len(seen) == 6, "every way to be on or off duty was met"


def random_windows(chance: random.Random) -> Windows:
    ends = sorted(chance.sample(range(0, MINUTES_OF_A_DAY + 1, 30), chance.choice((0, 2, 4))))
    return tuple(Window(start, end) for start, end in zip(ends[::2], ends[1::2], strict=True))
