"""Bank holidays of England and Wales: the list of GOV.UK, as the pinned package that keeps it had it."""

from datetime import date, datetime, timedelta

from govuk_bank_holidays.bank_holidays import BankHolidays

from models.clock import LONDON

# Without `use_cached_holidays` it would ask GOV.UK.
_LISTED = frozenset(
    holiday["date"]
    for holiday in BankHolidays(use_cached_holidays=True).get_holidays(BankHolidays.ENGLAND_AND_WALES)
)

KNOWN_UNTIL: date = max(_LISTED)
"""The last one listed. Beyond it every day counts as an ordinary one: nobody knows better."""

NEEDED_FOR = timedelta(days=90)


def is_bank_holiday(day: date) -> bool:
    """Whether this day is one. When Boxing Day is a Saturday, the Monday after it is, and the Saturday is not."""
    return day in _LISTED


def run_out(at: datetime) -> bool:
    """Whether "fewer than 90 days of them are known"."""
    return KNOWN_UNTIL - at.astimezone(LONDON).date() < NEEDED_FOR
