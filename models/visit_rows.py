"""Visits as they are looked up: with their residents, to read or locked to be changed."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.errors import Unknown
from models.prepared import Prepared
from models.resident import Resident
from models.visit import Visit

_VISIT_NAMES = tuple(column.name for column in Visit.__table__.columns)
_RESIDENT_NAMES = tuple(column.name for column in Resident.__table__.columns)
_WITH_RESIDENT = (
    select(*Visit.__table__.columns, *Resident.__table__.columns)
    .join(Resident, Resident.id == Visit.resident_id)
    .where(Visit.id == bindparam("key"))
)
_FIND = Prepared(_WITH_RESIDENT)
_FIND_LOCKED = Prepared(_WITH_RESIDENT.with_for_update(of=Visit, key_share=True))


def find(session: Session, visit_id: UUID) -> Visit:
    """The visit with its resident, apart from the session. Raises Unknown.

    A scheduler's change needs no lock: the officer's diary is locked, and `version` refuses the slower of two.
    """
    return _found(_FIND.first(session, key=visit_id))


def find_locked(session: Session, visit_id: UUID) -> Visit:
    """The same, locked: an officer's event waits for a scheduler's change, and then happens to the visit as
    it is. Raises Unknown."""
    return _found(_FIND_LOCKED.first(session, key=visit_id))


def _found(row: Any) -> Visit:
    if row is None:
        raise Unknown("No visit has this id.")
    visit = Visit(**dict(zip(_VISIT_NAMES, row[: len(_VISIT_NAMES)], strict=True)))
    visit.resident = Resident(**dict(zip(_RESIDENT_NAMES, row[len(_VISIT_NAMES) :], strict=True)))
    return visit
