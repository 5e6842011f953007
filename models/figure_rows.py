"""What the figures count, row by row: each visit and each change, with the words that it is counted under.

The rules are those of `standards`, asked once for each row when it is read; what is left to decide by the time is
one comparison. Rows are narrow records of numpy, so that a year of them is counted while somebody waits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from models import standards
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import UtcDateTime
from models.message import GAVE_UP, Message, MessageKind
from models.notice_results import ChangeState, judge_notice
from models.prepared import Prepared
from models.promise import ChangeNotice, Promise
from models.standards import NoticeResult
from models.visit import Visit, VisitStatus
from models.visit_facts import FigureOf, VisitFacts

Rows = NDArray[Any]
"""An array of the records below, in the order of their moments and ids."""


class Word(StrEnum):
    """What a visit is counted as. The first four make the figure; the others are left out, by this reason."""

    ON_TIME = "on_time"
    EARLY = "early"
    LATE = "late"
    MISSED = "missed"
    CANCELLED = "cancelled"
    NO_ARRIVAL_RECORDED = "no_arrival_recorded"
    NOT_YET_DUE = "not_yet_due"


class Told(StrEnum):
    """Whether a resident was told, before their time, that the officer will be late: heard of it, or only had a
    message that no receipt came for."""

    UNTOLD = "untold"
    TOLD = "told"
    UNCONFIRMED = "unconfirmed"


WORDS, TOLD = tuple(Word), tuple(Told)
COUNTED = 4
"""How many of the words are counted."""
RESULTS: tuple[NoticeResult | ChangeState, ...] = (*NoticeResult, *ChangeState)

DIMENSIONS = ("officer", "employment", "team", "ward", "visit_type", "language")
NOBODY = "unassigned"
NONE_GIVEN = {"team": "no_team", "ward": "no_ward", "visit_type": "no_visit_type", "language": "no_language"}
"""How a group is called of which nothing is known."""

NEVER = np.iinfo(np.int64).min
"""In place of a distance from the promise where nobody came."""

_WHICH = [("at", "i8"), ("id", "V16"), ("day", "i4"), *((name, "i4") for name in DIMENSIONS)]
VISIT = np.dtype(
    [
        *_WHICH,
        ("missed_from", "i8"),
        ("fair", "i1"),
        ("original", "i1"),
        ("fair_us", "i8"),
        ("original_us", "i8"),
        ("corrected", "?"),
        ("told", "i1"),
    ]
)
CHANGE = np.dtype(
    [
        *_WHICH,
        ("reference", "i8"),
        ("result", "i1"),
        ("asked_for", "?"),
        ("possible", "?"),
        ("told_within_24h", "?"),
        ("reason", "i4"),
    ]
)
RECORD = {FigureOf.VISIT: VISIT, FigureOf.CHANGE: CHANGE}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """An instant as the rows keep it: exactly."""
    return (at - _EPOCH) // _MICROSECOND


def instant_of(at: int) -> datetime:
    """The instant that a row keeps."""
    return _EPOCH + int(at) * _MICROSECOND


@dataclass(slots=True)
class Labels:
    """The names behind the numbers of groups and reasons. They are only added to."""

    codes: dict[str, dict[str, int]] = field(default_factory=dict)

    def code(self, of: str, name: str) -> int:
        """The number of a name, the next one if it is new."""
        known = self.codes.setdefault(of, {})
        return known.setdefault(name, len(known))

    def names(self, of: str) -> list[str]:
        """Every name, in the order of their numbers."""
        return list(self.codes.get(of, ()))


def judged(
    status: VisitStatus, promised_at: datetime | None, arrived_at: datetime | None
) -> tuple[Word, datetime | None]:
    """What a visit is counted as, and the arrival that says so.

    "No access counts as attended only if its arrival is in the window." Where somebody came and nobody recorded
    when, it can be shown neither way. What is not yet due becomes missed by time alone.
    """
    if status is VisitStatus.CANCELLED:
        return Word.CANCELLED, None
    if arrived_at is not None and promised_at is not None:
        _, came = standards.judge_arrival(promised_at, arrived_at)
        attended = standards.attended(came, no_access=status is VisitStatus.NO_ACCESS)
        return (Word(came) if attended else Word.MISSED), arrived_at
    if status in (VisitStatus.COMPLETED, VisitStatus.NO_ACCESS):
        return Word.NO_ARRIVAL_RECORDED, None
    return Word.NOT_YET_DUE, None


def judged_originally(
    status: VisitStatus, promised_at: datetime, arrived_at: datetime | None, edited_at: datetime | None
) -> tuple[Word, datetime | None]:
    """The same against the first promise, as it was first reported: "edits after the fact change no figure" of it.

    `edited_at` is when the first promise was taken back, by a move or a cancellation. Once it is broken, more than
    15 minutes after its time with nobody at the door, taking it back makes it no better: the visit is missed,
    unless somebody came after all.
    """
    if edited_at is not None and standards.elapsed(promised_at, edited_at) > standards.LATE_FROM:
        if arrived_at is None:
            return Word.MISSED, None
        status = VisitStatus.ARRIVED if status is VisitStatus.CANCELLED else status
    return judged(status, promised_at, arrived_at)


def told_in_time(start: datetime | None, heard_at: datetime | None, handed_over_at: datetime | None) -> Told:
    """Whether a resident was told before the start they waited for."""
    if start is not None and heard_at is not None and heard_at < start:
        return Told.TOLD
    if start is not None and handed_over_at is not None and handed_over_at < start:
        return Told.UNCONFIRMED
    return Told.UNTOLD


_since, _until = (bindparam(name, type_=UtcDateTime()) for name in ("since", "until"))
_BETWEEN = (Visit.first_promised_at >= _since, Visit.first_promised_at < _until)
_GROUPS = (
    Visit.officer_id,
    Visit.visit_type,
    VisitFacts.team,
    VisitFacts.employment,
    VisitFacts.ward,
    VisitFacts.language,
)
_VISITS = Prepared(
    select(
        Visit.id,
        Visit.first_promised_at,
        Visit.starts_at,
        Visit.status,
        Visit.arrived_at,
        Visit.arrival_promised_at,
        Visit.reported_status,
        Visit.reported_arrived_at,
        Promise.closed_at,
        *_GROUPS,
    )
    .outerjoin(VisitFacts, VisitFacts.visit_id == Visit.id)
    .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.number == 1))
    .where(*_BETWEEN)
    .order_by(Visit.first_promised_at, Visit.id)
)
# By single comparisons: a prepared statement takes no list.
_STANDS = and_(*(Message.status != status for status in sorted(GAVE_UP)))
_TEXTED = Prepared(
    select(
        Message.visit_id,
        func.min(Message.delivered_at, type_=UtcDateTime()).label("heard_at"),
        func.min(case((_STANDS, Message.accepted_at)), type_=UtcDateTime()).label("handed_over_at"),
    )
    .join(Visit, Visit.id == Message.visit_id)
    .where(*_BETWEEN, Message.kind == MessageKind.DELAYED)
    .group_by(Message.visit_id)
)
_RUNG = Prepared(
    select(ContactTask.visit_id, func.min(ContactTask.done_at, type_=UtcDateTime()).label("heard_at"))
    .join(Visit, Visit.id == ContactTask.visit_id)
    .where(
        *_BETWEEN,
        ContactTask.status == ContactTaskStatus.DONE,
        or_(
            ContactTask.detail == MessageKind.DELAYED.value,
            ContactTask.reason == ContactReason.TOO_MANY_DELAYS,
            ContactTask.reason == ContactReason.REPLAN,
        ),
    )
    .group_by(ContactTask.visit_id)
)
_CHANGES = Prepared(
    select(
        ChangeNotice.event_id,
        ChangeNotice.decided_at,
        ChangeNotice.reference_at,
        ChangeNotice.requested_by,
        ChangeNotice.reason,
        ChangeNotice.possible,
        ChangeNotice.due,
        ChangeNotice.handed_over_at,
        ChangeNotice.told_at,
        Message.status,
        Message.send_at,
        *_GROUPS,
    )
    .join(Visit, Visit.id == ChangeNotice.visit_id)
    .outerjoin(VisitFacts, VisitFacts.visit_id == Visit.id)
    .outerjoin(Message, Message.id == ChangeNotice.message_id)
    .where(ChangeNotice.decided_at >= _since, ChangeNotice.decided_at < _until)
    .order_by(ChangeNotice.decided_at, ChangeNotice.event_id)
)

Day = Callable[[datetime], date]


def visits(
    session: Session, since: datetime, until: datetime, labels: Labels, day: Day
) -> Iterator[tuple[Any, ...]]:
    """The visits first promised in [since, until), each as a VISIT record."""
    heard: dict[Any, list[datetime]] = {}
    handed_over = {}
    for text in _TEXTED.all(session, since=since, until=until):
        handed_over[text.visit_id] = text.handed_over_at
        heard[text.visit_id] = [text.heard_at] if text.heard_at else []
    for call in _RUNG.all(session, since=since, until=until):
        heard.setdefault(call.visit_id, []).append(call.heard_at)
    for row in _VISITS.all(session, since=since, until=until):
        first = row.first_promised_at
        fair, arrived_at = judged(row.status, row.arrival_promised_at, row.arrived_at)
        corrected = row.reported_status is not None
        reported = (row.reported_status, row.reported_arrived_at) if corrected else (row.status, row.arrived_at)
        status, reported_arrived_at = reported
        original, reported_at = judged_originally(status, first, reported_arrived_at, row.closed_at)
        told = told_in_time(
            row.arrival_promised_at, min(heard.get(row.id, ()), default=None), handed_over.get(row.id)
        )
        yield (
            microseconds(first),
            row.id.bytes,
            day(first).toordinal(),
            *_codes(row, labels),
            microseconds(row.starts_at + standards.MISSED_AFTER),
            WORDS.index(fair),
            WORDS.index(original),
            NEVER if arrived_at is None else (arrived_at - row.arrival_promised_at) // _MICROSECOND,
            NEVER if reported_at is None else (reported_at - first) // _MICROSECOND,
            corrected,
            TOLD.index(told),
        )


def changes(
    session: Session, since: datetime, until: datetime, labels: Labels, day: Day
) -> Iterator[tuple[Any, ...]]:
    """The changes decided in [since, until), each as a CHANGE record; its word is that at the end of all time."""
    for row in _CHANGES.all(session, since=since, until=until):
        heard_at = row.told_at or row.handed_over_at
        yield (
            microseconds(row.decided_at),
            row.event_id.bytes,
            day(row.decided_at).toordinal(),
            *_codes(row, labels),
            microseconds(row.reference_at),
            RESULTS.index(judge_notice(row, row.status, row.send_at, _END_OF_TIME)),
            not standards.counts_as_notice(row.requested_by),
            row.possible,
            heard_at is not None and heard_at - row.decided_at <= standards.NOTICE,
            labels.code("reason", row.reason),
        )


READ = {FigureOf.VISIT: visits, FigureOf.CHANGE: changes}


def _codes(row: Any, labels: Labels) -> Iterator[int]:
    """The groups that a row is of, in the order of DIMENSIONS."""
    nobody = row.officer_id is None
    yield labels.code("officer", NOBODY if nobody else str(row.officer_id))
    yield labels.code("employment", NOBODY if row.employment is None else row.employment.value)
    yield labels.code("team", NOBODY if nobody else row.team or NONE_GIVEN["team"])
    for name in ("ward", "visit_type", "language"):
        yield labels.code(name, getattr(row, name) or NONE_GIVEN[name])
