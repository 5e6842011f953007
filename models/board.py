"""Today's board: what schedulers have to see to now, each kind a list by time, read through indexes alone."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Uuid,
    bindparam,
    case,
    exists,
    func,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.alert import Alert, AlertKind, AlertState
from models.clock import LONDON
from models.contact_task import ContactTask, ContactTaskStatus, rung_about_a_delay
from models.database import UtcDateTime
from models.diary import day_bounds
from models.lateness import LIKELY
from models.message import ON_ITS_WAY, Message, MessageKind, MessageStatus
from models.officer import Officer
from models.outlooks import Foreseen
from models.prediction import Estimate
from models.prepared import Prepared
from models.promise import ChangeNotice
from models.resident import Resident
from models.standards import LATE_FROM, MISSED_AFTER, NOTICE
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_event import EventKind

NEAR = timedelta(hours=4)
"""How long before the last moment for 24 hours' notice a resident who is not told is shown."""

Place = tuple[datetime, UUID]
"""Where a list goes on: after the row of this time and identifier."""

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)
_MOMENT = timedelta(microseconds=1)
_ALWAYS = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Kind(StrEnum):
    """What there is to see to."""

    LATE = "late"
    NOBODY_CAME = "nobody-came"
    UNTOLD = "untold"
    TO_RING = "to-ring"
    ALERTS = "alerts"
    UNASSIGNED = "unassigned"


class Shown(NamedTuple):
    """How many there are of a kind, how many of those are urgent, and the first of them."""

    total: int
    urgent: int
    rows: list[Any]


@dataclass(frozen=True, slots=True)
class _List:
    """One kind: its rows after a place and before a time, with how many there are, and of what time at `at`."""

    rows: Prepared
    span: Callable[[datetime], tuple[Place, datetime]]


def _list(
    query: Select[*tuple[Any, ...]],
    when: InstrumentedAttribute[datetime],
    key: InstrumentedAttribute[UUID],
    urgent: ColumnElement[bool] | None,
    span: Callable[[datetime], tuple[Place, datetime]],
) -> _List:
    place = tuple_(bindparam("start", type_=UtcDateTime()), bindparam("id", type_=Uuid()))
    of_kind = query.add_columns(when.label("at"), key.label("id")).where(
        tuple_(when, key) > place, when < bindparam("until", type_=UtcDateTime())
    )
    # Counted over all of them, before the first few are taken: one statement is one round trip.
    counted = of_kind.add_columns(
        func.count().over().label("total"),
        func.count(case((urgent, 1)) if urgent is not None else null()).over().label("urgent"),
    )
    return _List(Prepared(counted.order_by(when, key).limit(bindparam("most", type_=Integer()))), span)


# Visits


_first, _second = aliased(Officer), aliased(Officer)
_VISITS = (
    select(
        Visit.reference,
        Visit.expected_at,
        Visit.departed_at,
        Resident.postcode,
        _first.display_name.label("officer"),
        _second.display_name.label("second_officer"),
    )
    .join(Resident, Resident.id == Visit.resident_id)
    .outerjoin(_first, _first.id == Visit.officer_id)
    .outerjoin(_second, _second.id == Visit.second_officer_id)
)


_move = aliased(ChangeNotice)


def _moved_since(visit_id: InstrumentedAttribute[Any], at: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Whether the resident had to be told of another start from then on, and nothing took that back."""
    superseded = exists().where(Message.id == _move.message_id, Message.status == MessageStatus.SUPERSEDED)
    return exists().where(
        _move.visit_id == visit_id,
        _move.change == EventKind.MOVED,
        _move.due,
        _move.decided_at >= at,
        ~superseded,
    )


_text = aliased(Message)


def _is_there(rows: Select[Any]) -> ColumnElement[bool]:
    """Whether there is any such row, asked of each visit by itself: for an EXISTS that is shown PostgreSQL would
    rather find all that there are of a year than look a dozen up."""
    return rows.limit(1).scalar_subquery().is_not(None)


def _delay_is(*statuses: MessageStatus) -> ColumnElement[bool]:
    """Whether a message that this visit is late stands so: late for this start, and not for one told before."""
    return _is_there(
        select(_text.id).where(
            _text.visit_id == Visit.id,
            _text.kind == MessageKind.DELAYED,
            or_(*(_text.status == status for status in statuses)),
            ~_moved_since(_text.visit_id, _text.decided_at),
        )
    )


_told = _delay_is(MessageStatus.ACCEPTED, MessageStatus.DELIVERED)
_rung = _is_there(
    select(ContactTask.id).where(
        ContactTask.visit_id == Visit.id,
        rung_about_a_delay,
        ~_moved_since(ContactTask.visit_id, ContactTask.done_at),
    )
)


def _is(*statuses: VisitStatus) -> ColumnElement[bool]:
    return or_(*(Visit.status == status for status in statuses))


def _between_late_and_missed(at: datetime) -> tuple[Place, datetime]:
    return (at - MISSED_AFTER, _LAST), at - LATE_FROM


def _missed_today(at: datetime) -> tuple[Place, datetime]:
    begins, _ = day_bounds(at.astimezone(LONDON).date())
    return (begins, _FIRST), at - MISSED_AFTER + _MOMENT


def _from_now_on(at: datetime) -> tuple[Place, datetime]:
    return (at, _LAST), _ALWAYS[1]


# Changes that residents have not been told of


_newer = aliased(ChangeNotice)
_UNTOLD = (
    select(
        ChangeNotice.possible,
        ChangeNotice.told_starts_at,
        ChangeNotice.to_starts_at,
        ChangeNotice.handed_over_at,
        Message.status,
        Message.send_at,
        Visit.reference,
    )
    .join(Visit, Visit.id == ChangeNotice.visit_id)
    .outerjoin(Message, Message.id == ChangeNotice.message_id)
    .where(
        ChangeNotice.told_at.is_(None),
        ChangeNotice.due,
        or_(Message.status.is_(None), Message.status != MessageStatus.SUPERSEDED),
        ~exists().where(_newer.visit_id == ChangeNotice.visit_id, _newer.decided_at > ChangeNotice.decided_at),
    )
)


def _deadline_is_near(at: datetime) -> tuple[Place, datetime]:
    """R - 24 h is at most four hours off, or has passed; R has not."""
    return (at, _LAST), at + NOTICE + NEAR


# Residents whom a person must ring


_TO_RING = (
    select(ContactTask.reason, ContactTask.detail, Visit.reference, Visit.starts_at)
    .outerjoin(Visit, Visit.id == ContactTask.visit_id)
    .where(ContactTask.status == ContactTaskStatus.OPEN)
)


# What the watch has noticed


_ALERTS = (
    select(Alert.kind, Alert.about_at, Visit.reference, _first.display_name.label("officer"))
    .join(Visit, Visit.id == Alert.visit_id)
    .outerjoin(_first, _first.id == Alert.officer_id)
    # That nobody has arrived is a list of its own.
    .where(Alert.status == AlertState.OPEN, Alert.kind != AlertKind.NOBODY_ARRIVED)
)


def _whenever(_: datetime) -> tuple[Place, datetime]:
    return (_ALWAYS[0], _FIRST), _ALWAYS[1]


_now = bindparam("now", type_=UtcDateTime())
_LISTS = {
    Kind.LATE: _list(
        _VISITS.add_columns(
            _told.label("told"), _rung.label("rung"), _delay_is(*sorted(ON_ITS_WAY)).label("being_told")
        ).where(_is(*BEFORE_THE_DOOR)),
        Visit.starts_at,
        Visit.id,
        ~or_(_told, _rung),
        _between_late_and_missed,
    ),
    Kind.NOBODY_CAME: _list(
        _VISITS.where(_is(*BEFORE_THE_DOOR, VisitStatus.MISSED)), Visit.starts_at, Visit.id, None, _missed_today
    ),
    Kind.UNTOLD: _list(
        _UNTOLD,
        ChangeNotice.reference_at,
        ChangeNotice.event_id,
        ChangeNotice.handed_over_at.is_(None),
        _deadline_is_near,
    ),
    Kind.TO_RING: _list(_TO_RING, ContactTask.due_at, ContactTask.id, ContactTask.due_at < _now, _whenever),
    Kind.ALERTS: _list(_ALERTS, Alert.raised_at, Alert.id, Alert.kind == AlertKind.NO_OUTCOME, _whenever),
    Kind.UNASSIGNED: _list(
        _VISITS.where(Visit.officer_id.is_(None), Visit.status == VisitStatus.BOOKED),
        Visit.starts_at,
        Visit.id,
        None,
        _from_now_on,
    ),
}


def shown(session: Session, kind: Kind, at: datetime, *, most: int) -> Shown:
    """How many there are of a kind at `at`, and the first of them.

    Late is over 15 minutes after the booked time; urgent of those are they whose residents do not know. Untold is
    a change whose last moment for 24 hours' notice is near or past; urgent, what no carrier has taken. To ring:
    urgent is what is overdue. Of alerts an officer is urgent who has not come out of a visit.
    """
    found = _LISTS[kind]
    (start, first), until = found.span(at)
    rows = found.rows.all(session, start=start, id=first, until=until, most=most, now=at)
    return Shown(rows[0].total, rows[0].urgent, rows) if rows else Shown(0, 0, [])


def listed(session: Session, kind: Kind, at: datetime, after: Place | None, *, most: int) -> list[Any]:
    """The rows of a kind after a place, by time."""
    found = _LISTS[kind]
    begins, until = found.span(at)
    start, last = max(begins, after or begins)
    return found.rows.all(session, start=start, id=last, until=until, most=most, now=at)


# Visits that may be late


class Likely(NamedTuple):
    """A visit that is rather late than not, when its officer will be there, and how likely late."""

    visit: Any
    arrival: Estimate
    chance: float


class AtRisk(NamedTuple):
    """Those visits, by start, and of how many others nothing is known."""

    likely: list[Likely]
    unknown: int


def at_risk(foreseen: Iterable[Foreseen], at: datetime) -> AtRisk:
    """Of the visits that are not late yet, those that may be: "no event is *unknown*, never on time"."""
    likely, unknown = [], 0
    for visit, arrival in foreseen:
        if at - visit.starts_at > LATE_FROM:
            continue
        if arrival is None:
            unknown += 1
        elif (chance := arrival.late(visit.starts_at.timestamp())) >= LIKELY:
            likely.append(Likely(visit, arrival, chance))
    return AtRisk(likely, unknown)


def described(session: Session, visit_ids: Collection[UUID]) -> dict[UUID, Any]:
    """These visits as the lists describe them."""
    if not visit_ids:
        return {}
    found = _VISITS.add_columns(Visit.id).where(Visit.id.in_(visit_ids)).order_by(Visit.id)
    return {row.id: row for row in session.execute(found)}
