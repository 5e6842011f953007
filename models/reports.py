"""The two standards, counted from the ledger: did we come on time, and were people told in time?"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from models import standards
from models.clock import LONDON
from models.contact_task import ContactTask, ContactTaskStatus
from models.message import Message, MessageStatus
from models.officer import Employment, Officer
from models.promise import ChangeNotice
from models.standards import NoticeResult
from models.visit import Visit, VisitStatus

ROWS_AT_A_TIME = 5000
"""A report never holds a year in memory."""


class By(StrEnum):
    """What the figures are parted by. Days, weeks and months are London's."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    OFFICER = "officer"
    EMPLOYMENT = "employment"


def _group(by: By | None, at: datetime, officer_id: Any, employment: Employment | None) -> str:
    local = at.astimezone(LONDON)
    if by is None:
        return "all"
    if by is By.DAY:
        return local.date().isoformat()
    if by is By.WEEK:
        year, week, _ = local.isocalendar()
        return f"{year}-W{week:02}"
    if by is By.MONTH:
        return f"{local:%Y-%m}"
    if by is By.OFFICER:
        return str(officer_id or "unassigned")
    return employment.value if employment else "unassigned"


@dataclass(slots=True)
class Punctuality:
    """How visits of one group stand against "aim to arrive within 15 minutes of any pre-arranged appointment".

    `on_time / counted` is the figure. A visit counts once somebody came or an hour has passed: `on_time`, `early`,
    `late`, `missed`. No access counts as attended only if its arrival is in the window. The rest is left out, by
    reason, in `excluded`.
    """

    group: str
    counts: Counter[str] = field(default_factory=Counter)
    original: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class NoticeFigures:
    """How changes of one group stand against 24 hours' notice where possible.

    `met / possible` leaves out what residents asked for. `told_within_24h / changes` is the share of all changes
    that residents heard of within a day of the decision. `not_possible` counts the reasons given.
    """

    group: str
    results: Counter[str] = field(default_factory=Counter)
    possible: int = 0
    met: int = 0
    changes: int = 0
    told_within_24h: int = 0
    not_possible: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)


def punctuality(
    session: Session, *, since: datetime, until: datetime, by: By | None, at: datetime
) -> list[Punctuality]:
    """Punctuality of the visits first promised in [since, until), in groups by name."""
    rows = session.execute(
        select(
            Visit.status,
            Visit.first_promised_at,
            Visit.starts_at,
            Visit.arrived_at,
            Visit.arrival_promised_at,
            Visit.officer_id,
            Officer.employment,
        )
        .outerjoin(Officer, Officer.id == Visit.officer_id)
        .where(Visit.first_promised_at >= since, Visit.first_promised_at < until)
        .order_by(Visit.first_promised_at)
        .execution_options(yield_per=ROWS_AT_A_TIME)
    )
    groups: dict[str, Punctuality] = {}
    for row in rows:
        name = _group(by, row.first_promised_at, row.officer_id, row.employment)
        _count_visit(groups.setdefault(name, Punctuality(name)), row, at)
    return [groups[name] for name in sorted(groups)]


def _count_visit(figures: Punctuality, row: Row[*tuple[Any, ...]], at: datetime) -> None:
    if row.status is VisitStatus.CANCELLED:
        figures.excluded["cancelled"] += 1
    elif row.arrived_at is not None:
        for counts, promised_at in (
            (figures.counts, row.arrival_promised_at),
            (figures.original, row.first_promised_at),
        ):
            _, word = standards.judge_arrival(promised_at, row.arrived_at)
            if standards.attended(word, no_access=row.status is VisitStatus.NO_ACCESS):
                counts[word] += 1
            else:
                counts["missed"] += 1
    elif row.status in (VisitStatus.COMPLETED, VisitStatus.NO_ACCESS):
        # Somebody came, and nobody recorded when: it can be shown neither way, so it is counted openly.
        figures.excluded["no_arrival_recorded"] += 1
    elif standards.missed(row.starts_at, at):
        figures.counts["missed"] += 1
        figures.original["missed"] += 1
    else:
        figures.excluded["not_yet_due"] += 1


def notice(
    session: Session, *, since: datetime, until: datetime, by: By | None, at: datetime
) -> list[NoticeFigures]:
    """Notice of the changes decided in [since, until), in groups by name."""
    # A person rang: because a call was what the change needed, or because its text had failed.
    rung_at = (
        select(func.min(ContactTask.done_at))
        .where(
            or_(ContactTask.id == ChangeNotice.contact_task_id, ContactTask.message_id == ChangeNotice.message_id),
            ContactTask.status == ContactTaskStatus.DONE,
        )
        .correlate(ChangeNotice)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            ChangeNotice.decided_at,
            ChangeNotice.reference_at,
            ChangeNotice.requested_by,
            ChangeNotice.reason,
            ChangeNotice.possible,
            ChangeNotice.due,
            Message.status,
            Message.send_at.label("due_at"),
            Message.accepted_at,
            Message.delivered_at,
            rung_at.label("rung_at"),
            Visit.officer_id,
            Officer.employment,
        )
        .join(Visit, Visit.id == ChangeNotice.visit_id)
        .outerjoin(Message, Message.id == ChangeNotice.message_id)
        .outerjoin(Officer, Officer.id == Visit.officer_id)
        .where(ChangeNotice.decided_at >= since, ChangeNotice.decided_at < until)
        .order_by(ChangeNotice.decided_at)
        .execution_options(yield_per=ROWS_AT_A_TIME)
    )
    groups: dict[str, NoticeFigures] = {}
    for row in rows:
        name = _group(by, row.decided_at, row.officer_id, row.employment)
        _count_notice(groups.setdefault(name, NoticeFigures(name)), row, at)
    return [groups[name] for name in sorted(groups)]


LONGEST_SETTLE = timedelta(seconds=120)
"""A text that waits longer than the longest settling time waits for the end of the night."""

_GAVE_UP = {MessageStatus.FAILED, MessageStatus.UNDELIVERED, MessageStatus.EXPIRED, MessageStatus.BLOCKED}


def _count_notice(figures: NoticeFigures, row: Row[*tuple[Any, ...]], at: datetime) -> None:
    if not row.due:
        figures.excluded["no_need_to_tell"] += 1
        return
    if row.status is MessageStatus.SUPERSEDED:
        figures.excluded["superseded"] += 1
        return
    told_at = row.delivered_at or row.rung_at
    gave_up = row.status in _GAVE_UP and told_at is None
    due_at = row.due_at or row.decided_at
    result = standards.notice_result(
        decided_at=row.decided_at,
        reference_at=row.reference_at,
        due_at=due_at,
        held_for_night=due_at - row.decided_at > LONGEST_SETTLE,
        accepted_at=row.accepted_at,
        told_at=told_at,
        gave_up=gave_up,
        at=at,
    )
    if result is NoticeResult.PENDING:
        figures.excluded["still_to_be_told"] += 1
        return
    figures.results[result.value] += 1
    figures.changes += 1
    # What the carrier took and could not deliver told nobody.
    heard_at = told_at or (None if gave_up else row.accepted_at)
    if heard_at is not None and heard_at - row.decided_at <= standards.NOTICE:
        figures.told_within_24h += 1
    if not standards.counts_as_notice(row.requested_by):
        figures.excluded["asked_for_by_resident"] += 1
    elif row.possible:
        figures.possible += 1
        figures.met += result is NoticeResult.MET
    else:
        figures.not_possible[row.reason] += 1
