"""What is published of the two standards: whole months, enough of each, and nothing that can be worked back."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.database import reading, transaction
from models.published import FEWEST, Figure, Published, last_months, last_shown, made_public
from models.reports import NoticeFigures, Punctuality, Standing
from models.scan import ScanKind, Seen, append, checks_since
from tests.steps import MONDAY_9

MONTHS = last_months(MONDAY_9)


def visits(month: str, excluded: dict[str, int] | None = None, **counts: int) -> Punctuality:
    fair, original = (Standing(Counter(counts), Counter(excluded or {})) for _ in range(2))
    return Punctuality(month, fair, original, corrected=0, late_told=0, late_unconfirmed=0)


def changes(month: str, **given: Any) -> NoticeFigures:
    nothing = {"possible": 0, "met": 0, "changes": 0, "told_within_24h": 0}
    counters = {name: Counter[str]() for name in ("results", "not_possible", "excluded")}
    return NoticeFigures(month, **(nothing | counters | given))


def made(visits: list[Punctuality], changes: list[NoticeFigures] | None = None, checks: int = 0) -> Published:
    return made_public(MONTHS, visits, changes or [], checks=checks, at=MONDAY_9)


def test_the_twelve_months_end_with_the_one_we_are_in_in_london() -> None:
    assert (MONTHS[0], MONTHS[-1], len(MONTHS)) == (date(2025, 12, 1), date(2026, 11, 1), 12)
    half_past_midnight = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert last_months(half_past_midnight)[-1] == date(2026, 7, 1)
    assert last_months(half_past_midnight - timedelta(hours=1))[-1] == date(2026, 6, 1)


@pytest.mark.parametrize(("counted", "shown"), [(9, None), (10, Figure(9, 10))])
def test_a_month_is_shown_from_ten_visits_on(counted: int, shown: Figure | None) -> None:
    figures = made([visits("2026-10", on_time=counted - 1, late=1)])
    assert figures.on_time.months[-2] == (date(2026, 10, 1), shown)
    assert figures.on_time.months[-1].figure is None
    assert figures.on_time.total == figures.by_first_promise == shown


def test_what_is_left_out_cannot_be_worked_out_from_the_sums() -> None:
    """The sums are of the months shown: their difference to what is shown is nothing."""
    shown, hidden = visits("2026-09", {"cancelled": 3}, on_time=18, late=2), visits("2026-10", missed=9, early=0)
    hidden.fair.excluded["no_arrival_recorded"] = 1
    both, alone = made([shown, hidden]), made([shown])
    assert both == alone
    assert both.arrivals == Counter(on_time=18, late=2)
    assert both.visits_left_out == Counter(cancelled=3)


@pytest.mark.parametrize(
    ("counts", "to_come", "last"),
    [
        ({}, 99, None),
        ({"1": 10}, 10, "1"),
        ({"1": 10}, 9, None),
        ({"1": 9}, 99, None),
        ({"1": 9, "2": 1}, 10, "2"),
        ({"1": 10, "2": 10}, 0, "1"),
        ({"1": 10, "2": 1}, 10, "1"),
        ({"1": 10, "2": 1, "3": 9}, 10, "3"),
        ({"1": 10, "2": 9, "3": 9}, 9, "1"),
    ],
)
def test_the_newest_days_wait_until_ten_can_be_shown_and_ten_are_left(
    counts: dict[str, int], to_come: int, last: str | None
) -> None:
    assert last_shown(counts, to_come) == last


@given(some.lists(some.integers(0, 14), min_size=28, max_size=31), some.booleans())
def test_what_one_day_adds_to_the_day_before_is_never_of_a_small_group(days: list[int], foreseen: bool) -> None:
    """Also when the month is over and all of it is shown. Visits are booked before; changes are not."""
    shown = []
    for today in range(len(days)):
        counts = {f"{day:02}": count for day, count in enumerate(days[:today])}
        last = last_shown(counts, sum(days[today:]) if foreseen else 0)
        shown.append(sum(count for day, count in counts.items() if last is not None and day <= last))
    shown.append(sum(days) if sum(days) >= FEWEST else 0)
    added = [later - before for before, later in pairwise(shown)]
    assert all(each == 0 or each >= FEWEST for each in added)
    assert all(before == 0 or before >= FEWEST for before in shown)


@given(some.lists(some.tuples(some.integers(0, 30), some.integers(0, 30)), min_size=12, max_size=12))
def test_the_sum_is_always_of_what_can_be_seen(counts: list[tuple[int, int]]) -> None:
    groups = [
        visits(f"{month:%Y-%m}", on_time=on_time, late=late)
        for month, (on_time, late) in zip(MONTHS, counts, strict=True)
    ]
    year = made(groups).on_time
    seen = [month.figure for month in year.months if month.figure]
    assert all(figure.whole >= FEWEST for figure in seen)
    assert len(seen) == sum(on_time + late >= FEWEST for on_time, late in counts)
    total = year.total or Figure(0, 0)
    assert total == (sum(each.part for each in seen), sum(each.whole for each in seen))


@pytest.mark.parametrize(("late", "shown"), [(9, None), (10, Figure(4, 10))])
def test_who_was_told_that_we_would_be_late_is_shown_of_ten_late_visits_on(
    late: int, shown: Figure | None
) -> None:
    group, hidden = visits("2026-10", on_time=50, late=late), visits("2026-09", late=5)
    group.late_told, hidden.late_told = 4, 5
    assert made([group, hidden]).late_told == shown


def test_each_figure_of_notice_needs_ten_of_its_own() -> None:
    """Of twelve changes nine could be told 24 hours before: one figure is shown, the other is not."""
    figures = made(
        [],
        [
            changes(
                "2026-10",
                results=Counter(met=8, short=1, prompt=2, failed=1),
                possible=9,
                met=8,
                changes=12,
                told_within_24h=11,
                not_possible=Counter({"Mrs Adeyemi is in hospital": 2, "Officer ill": 1}),
                excluded=Counter(superseded=4),
            )
        ],
    )
    assert figures.notice.total is None
    assert figures.told.total == Figure(11, 12)
    assert (figures.not_kept, figures.changes_left_out) == (Counter(), Counter())


def test_what_one_chart_hides_cannot_be_worked_out_from_the_other() -> None:
    """Twenty changes of each month are told; of one month three alone could be told 24 hours before, and what
    became of those is nobody's to read."""
    shown = changes(
        "2026-09",
        results=Counter(met=17, short=3),
        possible=20,
        met=17,
        changes=20,
        told_within_24h=20,
        excluded=Counter(superseded=4),
    )
    hidden = changes(
        "2026-10",
        results=Counter(met=2, prompt=17, failed=1),
        possible=3,
        met=2,
        changes=20,
        told_within_24h=20,
        not_possible=Counter({"Officer ill": 17}),
        excluded=Counter(superseded=1),
    )
    both, alone = made([], [shown, hidden]), made([], [shown])
    assert both.told.total == Figure(40, 40)
    assert both.not_kept == alone.not_kept == Counter(short=3)
    assert both.changes_left_out == alone.changes_left_out == Counter(superseded=4)


@pytest.mark.parametrize(
    ("part", "whole", "percent"), [(999, 1000, 99), (1000, 1000, 100), (1, 1000, 0), (2, 3, 66)]
)
def test_a_share_is_never_rounded_up(part: int, whole: int, percent: int) -> None:
    assert Figure(part, whole).percent == percent


@pytest.mark.parametrize(("counted", "shown"), [(0, None), (9, None), (10, 10)])
def test_few_checks_of_badges_are_not_shown(counted: int, shown: int | None) -> None:
    assert made([], checks=counted).badge_checks == shown


def test_checks_are_counted_from_a_time_on(database: str) -> None:
    with reading() as session:
        assert checks_since(session, MONDAY_9) == 0
    hours = [0, 1, 1, 2, 5, 5, 5, 9]
    with transaction() as session:
        seen = [
            Seen(MONDAY_9 + timedelta(hours=hour), ScanKind.PAGE, "genuine", "ok", "192.0.2.1") for hour in hours
        ]
        append(session, seen, secret=b"s" * 32)
    with reading() as session:
        for hour in range(11):
            expected = sum(each >= hour for each in hours)
            assert checks_since(session, MONDAY_9 + timedelta(hours=hour)) == expected
