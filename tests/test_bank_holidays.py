"""Bank holidays of England and Wales: the official list, without asking anybody."""

import importlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from models import bank_holidays
from models.bank_holidays import KNOWN_UNTIL, is_bank_holiday, run_out


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 12, 25), True),
        (date(2026, 12, 26), False),
        (date(2026, 12, 28), True),
        (date(2026, 12, 29), False),
        (date(2027, 1, 1), True),
        (date(2026, 4, 3), True),
        (date(2026, 4, 6), True),
        (date(2026, 5, 4), True),
        (date(2026, 5, 25), True),
        (date(2026, 8, 31), True),
        (date(2023, 5, 8), True),
        (date(2026, 3, 17), False),
        (date(2026, 11, 30), False),
        (date(2026, 11, 25), False),
    ],
)
def test_they_are_those_of_england_and_wales(day: date, expected: bool) -> None:
    assert is_bank_holiday(day) is expected


def test_reading_the_list_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("it went to the internet")

    monkeypatch.setattr(requests, "get", refuse)
    monkeypatch.setattr(requests.Session, "request", refuse)
    assert importlib.reload(bank_holidays).KNOWN_UNTIL == KNOWN_UNTIL


def test_they_have_run_out_when_fewer_than_90_days_of_them_are_known() -> None:
    last = datetime(KNOWN_UNTIL.year, KNOWN_UNTIL.month, KNOWN_UNTIL.day, 12, tzinfo=UTC)
    assert not run_out(last - timedelta(days=90))
    assert run_out(last - timedelta(days=89))
    assert run_out(last + timedelta(days=400))


def test_the_pinned_list_still_reaches_a_year_and_a_half_ahead_of_this_release() -> None:
    assert date(2028, 6, 1) < KNOWN_UNTIL


def test_beyond_the_list_every_day_is_an_ordinary_one() -> None:
    assert not is_bank_holiday(date(KNOWN_UNTIL.year + 1, 12, 25))
