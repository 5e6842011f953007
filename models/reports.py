"""The two standards, counted from the ledger: did we come on time, and were people told in time?"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, tuple_
from sqlalchemy.orm import Session

from models import standards
from models.clock import LONDON
from models.dispute import Dispute, DisputeStatus
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
    `late`, `missed`. No access counts as attended only if its arrival is in the window, and never if its resident
    was right to say that they were in. The rest is left out, by reason, in `excluded`.
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
            Dispute.id.label("nobody_came"),
        )
        .outerjoin(Officer, Officer.id == Visit.officer_id)
        .outerjoin(Dispute, (Dispute.visit_id == Visit.id) & (Dispute.status == DisputeStatus.UPHELD))
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
    elif row.nobody_came is not None:
        # The resident was in: whatever the officer reported stays in the history, and is not counted.
        figures.counts["missed"] += 1
        figures.original["missed"] += 1
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


def _changes(since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    """The changes decided in [since, until) with what their result is judged by, in order."""
    return (
        select(
            ChangeNotice,
            Message.status,
            Message.send_at,
            Visit.officer_id,
            Officer.employment,
        )
        .join(Visit, Visit.id == ChangeNotice.visit_id)
        .outerjoin(Message, Message.id == ChangeNotice.message_id)
        .outerjoin(Officer, Officer.id == Visit.officer_id)
        .where(ChangeNotice.decided_at >= since, ChangeNotice.decided_at < until)
        .order_by(ChangeNotice.decided_at, ChangeNotice.event_id)
    )


def notice(
    session: Session, *, since: datetime, until: datetime, by: By | None, at: datetime
) -> list[NoticeFigures]:
    """Notice of the changes decided in [since, until), in groups by name."""
    rows = session.execute(_changes(since, until).execution_options(yield_per=ROWS_AT_A_TIME))
    groups: dict[str, NoticeFigures] = {}
    for change, status, send_at, officer_id, employment in rows:
        name = _group(by, change.decided_at, officer_id, employment)
        _count_notice(groups.setdefault(name, NoticeFigures(name)), change, status, send_at, at)
    return [groups[name] for name in sorted(groups)]


LONGEST_SETTLE = timedelta(seconds=120)
"""A text that waits longer than the longest settling time waits for the end of the night."""


class ChangeState(StrEnum):
    """Where a change stands that is not counted as told or not told."""

    NO_NEED_TO_TELL = "no_need_to_tell"
    SUPERSEDED = "superseded"
    STILL_TO_BE_TOLD = "still_to_be_told"


def judge_notice(
    change: ChangeNotice, status: MessageStatus | None, send_at: datetime | None, at: datetime
) -> NoticeResult | ChangeState:
    """The word for one change, as it stands at `at`.

    `status` and `send_at` are those of the first message of its news. Until R has passed, a way that failed
    leaves another, if only a person who rings.
    """
    if not change.due:
        return ChangeState.NO_NEED_TO_TELL
    if status is MessageStatus.SUPERSEDED and change.told_at is None:
        return ChangeState.SUPERSEDED
    due_at = send_at or change.decided_at
    result = standards.notice_result(
        decided_at=change.decided_at,
        reference_at=change.reference_at,
        due_at=due_at,
        held_for_night=due_at - change.decided_at > LONGEST_SETTLE,
        accepted_at=change.handed_over_at,
        told_at=change.told_at,
        gave_up=False,
        at=at,
    )
    return ChangeState.STILL_TO_BE_TOLD if result is NoticeResult.PENDING else result


def result_of(
    change: ChangeNotice, status: MessageStatus | None, send_at: datetime | None, at: datetime
) -> NoticeResult | None:
    """The result word; `pending` while there is time, None for a change that nobody had to be told of."""
    judged = judge_notice(change, status, send_at, at)
    if isinstance(judged, NoticeResult):
        return judged
    return NoticeResult.PENDING if judged is ChangeState.STILL_TO_BE_TOLD else None


def _count_notice(
    figures: NoticeFigures,
    change: ChangeNotice,
    status: MessageStatus | None,
    send_at: datetime | None,
    at: datetime,
) -> None:
    result = judge_notice(change, status, send_at, at)
    if isinstance(result, ChangeState):
        figures.excluded[result.value] += 1
        return
    figures.results[result.value] += 1
    figures.changes += 1
    heard_at = change.told_at or change.handed_over_at
    if heard_at is not None and heard_at - change.decided_at <= standards.NOTICE:
        figures.told_within_24h += 1
    if not standards.counts_as_notice(change.requested_by):
        figures.excluded["asked_for_by_resident"] += 1
    elif change.possible:
        figures.possible += 1
        figures.met += result is NoticeResult.MET
    else:
        figures.not_possible[change.reason] += 1


def changes_with(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    at: datetime,
    result: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[tuple[ChangeNotice, str]]:
    """The changes behind the figures, in order, with the word each is counted under; at most `limit`.

    `result` is one of those words, `after` the change that the page before ended with.
    """
    query = _changes(since, until)
    if after is not None:
        place = tuple_(ChangeNotice.decided_at, ChangeNotice.event_id)
        query = query.where(
            place > tuple_(*after, types=[ChangeNotice.decided_at.type, ChangeNotice.event_id.type])
        )
    found: list[tuple[ChangeNotice, str]] = []
    with session.execute(query.execution_options(yield_per=ROWS_AT_A_TIME)) as rows:
        for change, status, send_at, _, _ in rows:
            word = judge_notice(change, status, send_at, at).value
            if result in (None, word):
                found.append((change, word))
            if len(found) == limit:
                break
    return found
