"""Whether what is stored of visits is what their promises and events say: nobody has changed a figure behind them.

"Figures recomputed from events equal those stored, always." Each visit is made anew from the records that are
never changed, and compared. What `purge` has emptied can be made anew no more; it is counted.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.dispute import Dispute, DisputeStatus
from models.promise import Promise, heard_of
from models.visit import OVER, Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent

AT_ONCE = 500

COMPARED = (
    "first_promised_at",
    "starts_at",
    "promise_number",
    "status",
    "departed_at",
    "arrived_at",
    "arrival_recorded_at",
    "arrival_promised_at",
    "finished_at",
    "reported_status",
    "reported_arrived_at",
)


class Difference(NamedTuple):
    """Something stored that its records do not say."""

    reference: str
    what: str
    stored: Any
    recounted: Any


@dataclass(slots=True)
class Checked:
    """What came of it: how many visits were compared, how many are too old for it, and what differs."""

    visits: int = 0
    too_old: int = 0
    differences: list[Difference] = field(default_factory=list)


def check(session: Session) -> Checked:
    """Compare every visit, in a `snapshot`: some at a time."""
    checked = Checked()
    last = UUID(int=0)
    while visits := session.scalars(select(Visit).where(Visit.id > last).order_by(Visit.id).limit(AT_ONCE)).all():
        ids = [visit.id for visit in visits]
        events, promises = _of(session, VisitEvent, ids), _of(session, Promise, ids)
        disputes = _of(session, Dispute, ids)
        for visit in visits:
            _check_visit(checked, visit, promises[visit.id], events[visit.id], disputes[visit.id])
        _check_notices(session, checked, {visit.id: visit.reference for visit in visits})
        last = ids[-1]
        session.expunge_all()
    return checked


def _of(session: Session, table: Any, visit_ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    rows: dict[UUID, list[Any]] = defaultdict(list)
    for row in session.scalars(select(table).where(table.visit_id.in_(visit_ids)).order_by(table.id)):
        rows[row.visit_id].append(row)
    return rows


def _check_visit(
    checked: Checked, visit: Visit, promises: list[Promise], events: list[VisitEvent], disputes: list[Dispute]
) -> None:
    if any(event.kind is EventKind.BOOKED and not event.details for event in events):
        checked.too_old += 1
        return
    checked.visits += 1
    recounted = recount(promises, events)
    stored = {name: getattr(visit, name) for name in COMPARED}
    stored["dispute"] = disputes[0].status if disputes else None
    for name, value in stored.items():
        if value != recounted.get(name):
            checked.differences.append(Difference(visit.reference, name, value, recounted.get(name)))


def recount(promises: Sequence[Promise], events: Sequence[VisitEvent]) -> dict[str, Any]:
    """A visit by its records, as far as figures depend on it, in whatever order they are given."""
    in_order = sorted(promises, key=lambda promise: promise.number)
    if [promise.number for promise in in_order] != list(range(1, len(in_order) + 1)) or not in_order:
        return {}
    by_kind = {event.kind: event for event in events}
    state = {
        "first_promised_at": in_order[0].starts_at,
        "starts_at": in_order[-1].starts_at,
        "promise_number": len(in_order),
    }
    state |= _reported(by_kind)
    if EventKind.DISPUTED in by_kind:
        settled = by_kind.get(EventKind.DISPUTE_SETTLED)
        state["dispute"] = DisputeStatus(settled.details["outcome"]) if settled else DisputeStatus.OPEN
    corrections = [event for event in events if event.kind is EventKind.CORRECTED]
    for correction in sorted(corrections, key=lambda event: int(event.details["version"])):
        _apply(state, correction)
    if corrections:
        raw = _reported(by_kind)
        state["reported_status"], state["reported_arrived_at"] = raw["status"], raw.get("arrived_at")
    return state


def _reported(by_kind: dict[EventKind, VisitEvent]) -> dict[str, Any]:
    """What was said as it happened: later steps outdo earlier ones, whenever we heard of them."""
    state: dict[str, Any] = {"status": VisitStatus.BOOKED}
    if departed := by_kind.get(EventKind.DEPARTED):
        state |= {"status": VisitStatus.EN_ROUTE, "departed_at": departed.occurred_at}
    if EventKind.MISSED in by_kind:
        state["status"] = VisitStatus.MISSED
    if arrived := by_kind.get(EventKind.ARRIVED):
        state |= {
            "status": VisitStatus.ARRIVED,
            "arrived_at": arrived.occurred_at,
            "arrival_recorded_at": arrived.recorded_at,
            "arrival_promised_at": _instant(arrived.details["promised_at"]),
        }
    if EventKind.CANCELLED in by_kind:
        return state | {"status": VisitStatus.CANCELLED}
    if finished := by_kind.get(EventKind.FINISHED):
        state |= {"status": VisitStatus(finished.details["outcome"]), "finished_at": finished.occurred_at}
    return state


def _apply(state: dict[str, Any], correction: VisitEvent) -> None:
    before, after = correction.details["before"], correction.details["after"]
    changed = {name: value for name, value in after.items() if value != before[name]}
    status = changed.pop("status", None)
    state |= {name: _instant(value) for name, value in changed.items()}
    # An end that a phone reported later outdoes the arrival that somebody entered before.
    if status is not None and not (status == VisitStatus.ARRIVED and state["status"] in OVER):
        state["status"] = VisitStatus(status)
    if status == VisitStatus.MISSED:
        state |= dict.fromkeys(("arrived_at", "arrival_recorded_at", "arrival_promised_at", "finished_at"))
    if before["arrived_at"] is None and after["arrived_at"] is not None:
        state["arrival_recorded_at"] = correction.recorded_at


def _instant(said: str | None) -> datetime | None:
    """A time as a record's details keep it."""
    return None if said is None else datetime.fromisoformat(said)


def _check_notices(session: Session, checked: Checked, references: dict[UUID, str]) -> None:
    """Whether each resident heard of a change when its messages and calls say so."""
    for notice, said in heard_of(session, list(references)):
        for name, recounted in said.items():
            if getattr(notice, name) != recounted:
                what = f"change {notice.event_id} {name}"
                checked.differences.append(
                    Difference(references[notice.visit_id], what, getattr(notice, name), recounted)
                )
