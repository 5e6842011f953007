"""What the figures count, row by row: each visit and each change, with the words that it is counted under.

The rules are those of `standards`, asked once for each row when it is read; what is left to decide by the time is
one comparison. Rows are narrow records of numpy, so that a year of them is counted while somebody waits.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import String, bindparam, case, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from models import standards
from models.contact_task import ContactTask, rung_about_a_delay
from models.database import UtcDateTime
from models.dispute import Dispute, DisputeStatus
from models.message import GAVE_UP, Message, MessageKind
from models.notice_results import ChangeState, judge_notice
from models.prepared import Prepared
from models.promise import ChangeNotice, Promise
from models.standards import NoticeResult, must_tell
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
    """Whether a resident was told, before the time that the arrival is judged by, that the officer will be late
    for it: heard of it, or only had a message that no receipt came for."""

    UNTOLD = "untold"
    TOLD = "told"
    UNCONFIRMED = "unconfirmed"


WORDS, TOLD = tuple(Word), tuple(Told)
_PLACE = {word: place for place, word in enumerate(WORDS)}
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

_AT_ONCE = 500
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

    codes: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    officers: dict[Any, int] = field(default_factory=dict)
    """The numbers of officers by their ids as the database keeps them: a year names few of them often."""

    def code(self, of: str, name: Any) -> int:
        """The number of a name, the next one if it is new."""
        known = self.codes[of]
        code = known.get(name)
        if code is None:
            code = known[name] = len(known)
        return code

    def names(self, of: str) -> list[str]:
        """Every name, in the order of their numbers."""
        return list(self.codes[of])


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


def told_in_time(start: datetime, heard_at: datetime | None, handed_over_at: datetime | None) -> Told:
    """Whether a resident was told before the start they waited for."""
    if heard_at is not None and heard_at < start:
        return Told.TOLD
    if handed_over_at is not None and handed_over_at < start:
        return Told.UNCONFIRMED
    return Told.UNTOLD


_since, _until = (bindparam(name, type_=UtcDateTime()) for name in ("since", "until"))
_BETWEEN = (Visit.first_promised_at >= _since, Visit.first_promised_at < _until)


def _raw(key: Any) -> Any:
    """An identifier as the database's driver gives it: making a UUID of it costs more than reading the row."""
    return type_coerce(key, String).label(key.key)


_GROUPS = (
    _raw(Visit.officer_id),
    Visit.visit_type,
    VisitFacts.team,
    VisitFacts.employment,
    VisitFacts.ward,
    VisitFacts.language,
)
_VISITS = Prepared(
    select(
        _raw(Visit.id),
        Visit.first_promised_at,
        Visit.starts_at,
        Visit.status,
        Visit.arrived_at,
        Visit.arrival_promised_at,
        Visit.reported_status,
        Visit.reported_arrived_at,
        Promise.closed_at,
        Dispute.id.label("upheld"),
        *_GROUPS,
    )
    .outerjoin(VisitFacts, VisitFacts.visit_id == Visit.id)
    .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.number == 1))
    .outerjoin(Dispute, (Dispute.visit_id == Visit.id) & (Dispute.status == DisputeStatus.UPHELD))
    .where(*_BETWEEN)
    .order_by(Visit.first_promised_at, Visit.id)
)
_STANDS = Message.status.not_in(GAVE_UP)
_TEXTED = (
    select(
        Message.visit_id,
        Message.starts_at,
        func.min(Message.delivered_at).label("heard_at"),
        func.min(case((_STANDS, Message.accepted_at))).label("handed_over_at"),
    )
    .where(Message.kind == MessageKind.DELAYED)
    .group_by(Message.visit_id, Message.starts_at)
    .order_by(Message.visit_id, Message.starts_at)
)
# Whoever rings tells the news as it is by then.
_RUNG = (
    select(ContactTask.visit_id, Promise.starts_at, func.min(ContactTask.done_at).label("heard_at"))
    .join(
        Promise,
        (Promise.visit_id == ContactTask.visit_id)
        & (Promise.made_at <= ContactTask.done_at)
        & or_(Promise.closed_at.is_(None), Promise.closed_at > ContactTask.done_at),
    )
    .where(rung_about_a_delay)
    .group_by(ContactTask.visit_id, Promise.starts_at)
    .order_by(ContactTask.visit_id, Promise.starts_at)
)
_CHANGES = Prepared(
    select(
        _raw(ChangeNotice.event_id),
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
    rows = _VISITS.all(session, since=since, until=until)
    fairly = [
        _or_missed(
            row.upheld is not None and row.status is VisitStatus.NO_ACCESS,
            judged(row.status, row.arrival_promised_at, row.arrived_at),
        )
        for row in rows
    ]
    starts = {
        UUID(bytes=_bytes(row.id)): row.arrival_promised_at
        for row, (word, _) in zip(rows, fairly, strict=True)
        if word is Word.LATE
    }
    told = {key.bytes: TOLD.index(word) for key, word in _told(session, starts).items()}
    for row, (fair, arrived_at) in zip(rows, fairly, strict=True):
        first, key = row.first_promised_at, _bytes(row.id)
        corrected = row.reported_status is not None
        reported = (row.reported_status, row.reported_arrived_at) if corrected else (row.status, row.arrived_at)
        # A correction makes the figure of the first promise no better, whatever it says of a resident who was in.
        original, reported_at = _or_missed(
            row.upheld is not None, judged_originally(reported[0], first, reported[1], row.closed_at)
        )
        yield (
            microseconds(first),
            key,
            day(first).toordinal(),
            *_codes(row, labels),
            microseconds(row.starts_at + standards.MISSED_AFTER),
            _PLACE[fair],
            _PLACE[original],
            NEVER if arrived_at is None else (arrived_at - row.arrival_promised_at) // _MICROSECOND,
            NEVER if reported_at is None else (reported_at - first) // _MICROSECOND,
            corrected,
            told.get(key, 0),
        )


def _or_missed(nobody_came: bool, otherwise: tuple[Word, datetime | None]) -> tuple[Word, datetime | None]:
    """Missed, if the resident was in: whatever the officer reported stays in the history, and is not counted."""
    return (Word.MISSED, None) if nobody_came and otherwise[0] is not Word.CANCELLED else otherwise


def _told(session: Session, starts: Mapping[UUID, datetime]) -> dict[UUID, Told]:
    """Which residents of these visits were told of a delay of the start they waited for, before that start.

    What was said of another start, which was moved since, tells nothing of this one; of one that moved by so
    little that nobody was told, it still does.
    """
    heard, handed_over = defaultdict[UUID, list[datetime]](list), defaultdict[UUID, list[datetime]](list)
    for some in _batched(list(starts)):
        texts = session.execute(_TEXTED.where(Message.visit_id.in_(some))).all()
        calls = session.execute(_RUNG.where(ContactTask.visit_id.in_(some))).all()
        for row in (*texts, *calls):
            if row.heard_at is not None and not must_tell(row.starts_at, starts[row.visit_id]):
                heard[row.visit_id].append(row.heard_at)
        for row in texts:
            if row.handed_over_at is not None and not must_tell(row.starts_at, starts[row.visit_id]):
                handed_over[row.visit_id].append(row.handed_over_at)
    return {
        key: told_in_time(start, min(heard[key], default=None), min(handed_over[key], default=None))
        for key, start in starts.items()
    }


def changes(
    session: Session, since: datetime, until: datetime, labels: Labels, day: Day
) -> Iterator[tuple[Any, ...]]:
    """The changes decided in [since, until), each as a CHANGE record; its word is that at the end of all time."""
    for row in _CHANGES.all(session, since=since, until=until):
        heard_at = row.told_at or row.handed_over_at
        yield (
            microseconds(row.decided_at),
            _bytes(row.event_id),
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


def _batched(keys: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]


def _bytes(key: Any) -> bytes:
    raw: bytes = bytes.fromhex(key) if isinstance(key, str) else key.bytes
    return raw


def _codes(row: Any, labels: Labels) -> tuple[int, ...]:
    """The groups that a row is of, in the order of DIMENSIONS."""
    officer, code = row.officer_id, labels.code
    place = labels.officers.get(officer)
    if place is None:
        name = NOBODY if officer is None else str(UUID(bytes=_bytes(officer)))
        place = labels.officers[officer] = code("officer", name)
    return (
        place,
        code("employment", row.employment or NOBODY),
        code("team", NOBODY if officer is None else row.team or NONE_GIVEN["team"]),
        code("ward", row.ward or NONE_GIVEN["ward"]),
        code("visit_type", row.visit_type or NONE_GIVEN["visit_type"]),
        code("language", row.language or NONE_GIVEN["language"]),
    )
