"""Visits as they are looked up: with their residents, to read or locked to be changed."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, or_, select, tuple_
from sqlalchemy.orm import Session

from models import diary
from models.clock import LONDON
from models.errors import Unknown, VersionConflict
from models.officer import lock_diaries
from models.prepared import Prepared
from models.resident import Resident
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus, is_by

_VISIT_NAMES = tuple(column.name for column in Visit.__table__.columns)
_RESIDENT_NAMES = tuple(column.name for column in Resident.__table__.columns)
_WITH_RESIDENT = select(*Visit.__table__.columns, *Resident.__table__.columns).join(
    Resident, Resident.id == Visit.resident_id
)
_ONE = _WITH_RESIDENT.where(Visit.id == bindparam("key"))
_FIND = Prepared(_ONE)
_FIND_LOCKED = Prepared(_ONE.with_for_update(of=Visit, key_share=True))
_STILL_TO_COME = (
    is_by(bindparam("officer")),
    Visit.starts_at > bindparam("after"),
    Visit.starts_at < bindparam("midnight"),
    or_(*(Visit.status == status for status in BEFORE_THE_DOOR)),
)
_PAIRS = Prepared(
    select(Visit.officer_id, Visit.second_officer_id).where(Visit.second_officer_id.is_not(None), *_STILL_TO_COME)
)
_REST = _WITH_RESIDENT.where(*_STILL_TO_COME).order_by(Visit.starts_at, Visit.id)
_REST_OF_DAY = Prepared(_REST)
_REST_OF_DAY_LOCKED = Prepared(_REST.with_for_update(of=Visit, key_share=True))
_UNASSIGNED = Prepared(
    _WITH_RESIDENT.where(
        Visit.officer_id.is_(None),
        Visit.status == VisitStatus.BOOKED,
        tuple_(Visit.starts_at, Visit.id)
        > tuple_(bindparam("start", type_=Visit.starts_at.type), bindparam("id", type_=Visit.id.type)),
    )
    .order_by(Visit.starts_at, Visit.id)
    .limit(bindparam("most", type_=Integer))
)
_BOOKED_OF = Prepared(
    _WITH_RESIDENT.where(
        is_by(bindparam("officer")),
        Visit.status == VisitStatus.BOOKED,
        tuple_(Visit.starts_at, Visit.id)
        > tuple_(bindparam("start", type_=Visit.starts_at.type), bindparam("id", type_=Visit.id.type)),
        Visit.starts_at < bindparam("ends", type_=Visit.starts_at.type),
    )
    .order_by(Visit.starts_at, Visit.id)
    .limit(bindparam("most", type_=Integer))
)
_FIRST_ID = UUID(int=0)
_LAST_ID = UUID(int=2**128 - 1)


def find(session: Session, visit_id: UUID) -> Visit:
    """The visit with its resident, apart from the session. Raises Unknown.

    A scheduler's change needs no lock: the officer's diary is locked, and `version` refuses the slower of two.
    """
    return _found(_FIND.first(session, key=visit_id))


def find_locked(session: Session, visit_id: UUID) -> Visit:
    """The same, locked: an officer's event waits for a scheduler's change, and then happens to the visit as
    it is. Raises Unknown."""
    return _found(_FIND_LOCKED.first(session, key=visit_id))


def find_with_diary_locked(session: Session, visit_id: UUID) -> Visit:
    """The same, and before it the diaries of its officers and of all whom they meet later that day: for an event
    that touches other visits of those diaries.

    Whoever changes several visits at once has the officers' rows first, so that two of them, or one and a
    scheduler's move, never wait for each other in a circle. Raises Unknown, or VersionConflict if the visit, or
    one that follows, went to another officer while we waited.
    """
    visit = find(session, visit_id)
    locked = lock_diaries(session, *who_meet(session, visit.officer_ids, visit.starts_at))
    visit = find_locked(session, visit_id)
    if not who_meet(session, visit.officer_ids, visit.starts_at) <= locked.keys():
        raise VersionConflict("The visit was given to another officer just now. Read it again.")
    return visit


def who_meet(session: Session, officer_ids: Iterable[UUID], after: datetime) -> set[UUID]:
    """These officers, whom they meet at a door later that day (London), whom those meet, and so on."""
    _, midnight = diary.day_bounds(after.astimezone(LONDON).date())
    known: set[UUID] = set()
    found = set(officer_ids)
    while found:
        officer_id = found.pop()
        known.add(officer_id)
        for pair in _PAIRS.all(session, officer=officer_id, after=after, midnight=midnight):
            found |= set(pair) - known
    return known


def rest_of_day_locked(session: Session, visit: Visit) -> list[Visit]:
    """The visits that follow this one later that day, London, in order of start: those that its officers still
    have to make, and those of whoever they meet.

    Locked, with their residents. Whoever asks has these diaries.
    """
    return left_locked(session, who_meet(session, visit.officer_ids, visit.starts_at), visit.starts_at)


def left(session: Session, officer_ids: Iterable[UUID], after: datetime) -> list[Visit]:
    """The visits that start after this, on its London day, that any of these officers still has to make: in order
    of start, with their residents."""
    return _left(session, _REST_OF_DAY, officer_ids, after)


def left_locked(session: Session, officer_ids: Iterable[UUID], after: datetime) -> list[Visit]:
    """The same, locked. Whoever asks has these diaries."""
    return _left(session, _REST_OF_DAY_LOCKED, officer_ids, after)


def _left(session: Session, rest: Prepared, officer_ids: Iterable[UUID], after: datetime) -> list[Visit]:
    _, midnight = diary.day_bounds(after.astimezone(LONDON).date())
    found: dict[UUID, Visit] = {}
    for officer_id in sorted(officer_ids):
        rows = rest.all(session, officer=officer_id, after=after, midnight=midnight)
        found |= {each.id: each for each in map(_found, rows)}
    return sorted(found.values(), key=lambda each: (each.starts_at, each.id))


def unassigned(session: Session, at: datetime, after: tuple[datetime, UUID] | None, *, most: int) -> list[Visit]:
    """The booked visits to come that nobody is to make yet, by start, with their residents; those after a visit of
    this start and id."""
    start, visit_id = max((at, _LAST_ID), after or (at, _LAST_ID))
    return [_found(row) for row in _UNASSIGNED.all(session, start=start, id=visit_id, most=most)]


def booked_of(session: Session, officer_id: UUID, begins: datetime, ends: datetime) -> Iterator[Visit]:
    """The booked visits of an officer that start from `begins` until before `ends`, by start, with their
    residents; read as far as they are asked for."""
    start, visit_id = begins, _FIRST_ID
    while True:
        rows = _BOOKED_OF.all(session, officer=officer_id, start=start, id=visit_id, ends=ends, most=_READ_AT_ONCE)
        yield from map(_found, rows)
        if len(rows) < _READ_AT_ONCE:
            return
        start, visit_id = rows[-1].starts_at, rows[-1].id


_READ_AT_ONCE = 200


def _found(row: Any) -> Visit:
    if row is None:
        raise Unknown("No visit has this id.")
    visit = Visit(**dict(zip(_VISIT_NAMES, row[: len(_VISIT_NAMES)], strict=True)))
    visit.resident = Resident(**dict(zip(_RESIDENT_NAMES, row[len(_VISIT_NAMES) :], strict=True)))
    return visit
