"""Several changes made together: all of them, or none.

They are judged by the days as all of them leave them: two visits may change places. So every visit is first taken
out of its officer's diary, and each is then put where it goes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.errors import BrokenRule, ChangesRefused, VersionConflict
from models.message import Message
from models.officer import lock_diaries
from models.visit import BEFORE_THE_DOOR, Visit
from models.visit_rows import find

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Change(Generic[Made]):
    """One change: of which visit, in the version that was read; how it is made, and into whose diary it goes."""

    visit_id: UUID
    version: int
    make: Callable[[Session, Visit], Made]
    gives_to: tuple[UUID, ...] = ()


def apply(session: Session, changes: Sequence[Change[Made]]) -> list[Made]:
    """Make all these changes, each of another visit; what came of each.

    Raises ChangesRefused, which names every one that cannot be made.
    """
    visit_ids = [change.visit_id for change in changes]
    _lock(session, visit_ids, [officer_id for change in changes for officer_id in change.gives_to])
    visits: list[Visit | BrokenRule] = [_as_it_was_read(session, change) for change in changes]
    _take_out(
        session, [visit.id for visit in visits if isinstance(visit, Visit) and visit.status in BEFORE_THE_DOOR]
    )
    made: list[Made] = []
    refused: list[dict[str, Any]] = []
    for change, visit in zip(changes, visits, strict=True):
        try:
            if isinstance(visit, BrokenRule):
                raise visit
            # What one of them wrote before it was refused is undone, so that the others can be judged.
            with session.begin_nested():
                made.append(change.make(session, visit))
        except BrokenRule as error:
            refused.append(_refusal(change, error))
    if refused:
        raise ChangesRefused(
            f"{len(refused)} of these {len(changes)} changes cannot be made, so none was. Leave those out.",
            changes=refused,
        )
    return made


def _lock(session: Session, visit_ids: Sequence[UUID], officer_ids: Sequence[UUID]) -> None:
    """Lock all that is touched, in the order in which everybody locks: diaries, visits, texts."""
    owners = select(Visit.officer_id, Visit.second_officer_id).where(Visit.id.in_(visit_ids)).order_by(Visit.id)
    lock_diaries(session, *officer_ids, *(owner for pair in session.execute(owners) for owner in pair))
    visits = select(Visit.id).where(Visit.id.in_(visit_ids)).order_by(Visit.id)
    session.execute(visits.with_for_update(key_share=True)).all()
    texts = select(Message.id).where(Message.visit_id.in_(visit_ids)).order_by(Message.visit_id, Message.number)
    session.execute(texts.with_for_update()).all()


def _as_it_was_read(session: Session, change: Change[Any]) -> Visit | BrokenRule:
    """The visit, or why this change of it cannot be made.

    One that went to another officer before its diary was locked has another version, too.
    """
    try:
        visit = find(session, change.visit_id)
    except BrokenRule as unknown:
        return unknown
    if visit.version != change.version:
        return VersionConflict("Somebody changed it since you read it. Read it again, then repeat your change.")
    return visit


def _take_out(session: Session, visit_ids: Sequence[UUID]) -> None:
    """Take these visits out of their diaries. Nobody sees it: each is put somewhere, or all is undone."""
    if visit_ids:
        session.execute(
            update(Visit).where(Visit.id.in_(visit_ids)).values(officer_id=None, second_officer_id=None),
            execution_options={"synchronize_session": False},
        )


def _refusal(change: Change[Any], error: BrokenRule) -> dict[str, Any]:
    said = {"type": f"/problems/{error.slug}", "title": error.title, "detail": error.detail}
    return {"visit_id": str(change.visit_id), **said, **error.extra}
