"""The published figures: how the promises were kept, month by month, with nobody's own visit in them.

They are counted up to the end of yesterday, and stay the same for a day: whoever watched them move would see
single visits.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from models import reports
from models.clock import LONDON
from models.figures import By
from models.reports import NoticeFigures, Punctuality
from models.scan import checks_since
from models.small_groups import LEAST_SHOWN
from models.standards import NoticeResult
from models.wall_clock import instant

MONTHS = 12
FEWEST = LEAST_SHOWN
"""A month with fewer visits, or changes, is not published: whoever knows of one could learn of the others."""

CHECKS_OF = timedelta(days=30)
"""Checks of badges are kept for 90 days and not for a year, so that they make no twelve months."""

NOT_KEPT = (NoticeResult.SHORT, NoticeResult.MISSED, NoticeResult.FAILED, NoticeResult.UNCONFIRMED)
"""What a change came to when the resident is not known to have heard of it in time."""


class Figure(NamedTuple):
    """So many of so many."""

    part: int
    whole: int

    @property
    def percent(self) -> int:
        """Of a hundred, rounded down: 999 of 1,000 are not all of them."""
        return 100 * self.part // self.whole


class Month(NamedTuple):
    """One month of a figure, by the first of the month; None where it is too few to show."""

    begins: date
    figure: Figure | None


class Year(NamedTuple):
    """A figure in each of twelve months, the one we are in last, and in those that are shown together.

    The sum is only of the months shown: with one of all twelve, a month left out could be worked out again.
    """

    months: tuple[Month, ...]

    @property
    def total(self) -> Figure | None:
        """The months that are shown, together; None if none is."""
        shown = [month.figure for month in self.months if month.figure is not None]
        return Figure(sum(each.part for each in shown), sum(each.whole for each in shown)) if shown else None


@dataclass(frozen=True, slots=True)
class Published:
    """All that is published, as it stood at `at`, when a day began. The counts are of the months shown, as the
    figures are."""

    at: datetime
    on_time: Year
    by_first_promise: Figure | None
    late_told: Figure | None
    arrivals: Counter[str]
    visits_left_out: Counter[str]
    notice: Year
    told: Year
    not_kept: Counter[str]
    changes_left_out: Counter[str]
    badge_checks: int | None


def published(session: Session, now: datetime) -> Published:
    """Count what is published of the twelve months that end with the present one, up to the end of yesterday."""
    at = began(now)
    months = last_months(at)
    since = instant(months[0], 0)
    visits_until, changes_until = _shown_until(session, months[-1], at)
    return made_public(
        months,
        reports.punctuality(session, since=since, until=visits_until, by=By.MONTH, at=at),
        reports.notice(session, since=since, until=changes_until, by=By.MONTH, at=at),
        checks=checks_since(session, at - CHECKS_OF) - checks_since(session, at),
        at=at,
    )


def began(now: datetime) -> datetime:
    """When London's present day began."""
    return instant(now.astimezone(LONDON).date(), 0)


def _shown_until(session: Session, month: date, at: datetime) -> tuple[datetime, datetime]:
    """Until when the visits, and the changes, of the present month are shown at the beginning of a day.

    Visits that are booked for the rest of the month count as still to come, as far as one can know.
    """
    begins, ends = instant(month, 0), instant((month + timedelta(days=31)).replace(day=1), 0)
    by_day = reports.punctuality(session, since=begins, until=at, by=By.DAY, at=at)
    visits = {day.group: sum(day.fair.counts.values()) for day in by_day}
    decided = reports.notice(session, since=begins, until=at, by=By.DAY, at=at)
    changes = {day.group: day.possible for day in decided}
    rest = reports.punctuality(session, since=at, until=ends, by=None, at=at)
    to_come = sum(sum(group.fair.counts.values()) + group.fair.excluded["not_yet_due"] for group in rest)
    return _end_of(last_shown(visits, to_come), month), _end_of(last_shown(changes), month)


def last_shown(counts: Mapping[str, int], to_come: int = 0) -> str | None:
    """The last of a month's days that is shown, of these by name in order; None: not one is yet.

    Those between two days that may be the last come to enough, and so does what follows. So the figures of one day
    less those of the day before are never of a small group, and neither is what the end of the month adds.
    """
    last, since, after = None, 0, sum(counts.values()) + to_come
    for day, count in counts.items():
        since, after = since + count, after - count
        if enough(since) and enough(after):
            last, since = day, 0
    return last


def _end_of(day: str | None, month: date) -> datetime:
    return instant(month if day is None else date.fromisoformat(day) + timedelta(days=1), 0)


def last_months(at: datetime) -> list[date]:
    """The first days of the twelve months that end with London's present one."""
    today = at.astimezone(LONDON).date()
    counted = today.year * 12 + today.month - 1
    return [date(nth // 12, nth % 12 + 1, 1) for nth in range(counted - MONTHS + 1, counted + 1)]


def made_public(
    months: Sequence[date],
    punctuality: Iterable[Punctuality],
    notice: Iterable[NoticeFigures],
    *,
    checks: int,
    at: datetime,
) -> Published:
    """What the public sees of these figures, parted by month.

    "Small groups suppressed in public." Reasons that somebody typed are counted and never shown: they may tell of
    a person.
    """
    visits = {group.group: group for group in punctuality}
    changes = {group.group: group for group in notice}
    on_time = _year(months, {name: _on_time(group.fair.counts) for name, group in visits.items()})
    told = _year(months, {name: Figure(group.told_within_24h, group.changes) for name, group in changes.items()})
    with_24_hours = _year(months, {name: Figure(group.met, group.possible) for name, group in changes.items()})
    shown = [visits[name] for name in _shown(on_time)]
    # With the sums of a month that is shown in one chart alone, the other's few could be worked out.
    told_of = [changes[name] for name in _shown(with_24_hours)]
    late = Figure(sum(group.late_told for group in shown), sum(group.fair.counts["late"] for group in shown))
    first = _on_time(_sum(group.original.counts for group in shown))
    return Published(
        at=at,
        on_time=on_time,
        by_first_promise=first if enough(first.whole) else None,
        late_told=late if enough(late.whole) else None,
        arrivals=_sum(group.fair.counts for group in shown),
        visits_left_out=_sum(group.fair.excluded for group in shown),
        notice=with_24_hours,
        told=told,
        not_kept=_sum(Counter({word.value: group.results[word] for word in NOT_KEPT}) for group in told_of),
        changes_left_out=_sum(_left_out(group) for group in told_of),
        badge_checks=checks if enough(checks) else None,
    )


def enough(count: int) -> bool:
    """Whether so many are enough to be published."""
    return count >= FEWEST


def _year(months: Sequence[date], figures: dict[str, Figure]) -> Year:
    nothing = Figure(0, 0)
    by_month = [(month, figures.get(_name(month), nothing)) for month in months]
    return Year(tuple(Month(month, figure if enough(figure.whole) else None) for month, figure in by_month))


def _shown(year: Year) -> list[str]:
    return [_name(month.begins) for month in year.months if month.figure is not None]


def _name(month: date) -> str:
    """As the reports name their groups by month."""
    return f"{month:%Y-%m}"


def _on_time(counts: Counter[str]) -> Figure:
    return Figure(counts["on_time"], sum(counts.values()))


def _left_out(group: NoticeFigures) -> Counter[str]:
    return group.excluded + Counter({"not_possible": sum(group.not_possible.values())})


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counts, Counter[str]())
