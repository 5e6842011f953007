"""What a visit's resident was told, as its messages and people say: the start, and the delays."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select
from sqlalchemy.orm import Session

from models.lateness import Window
from models.message import GONE, START_KINDS, Message, MessageKind, MessageStatus
from models.prepared import Prepared
from models.promise import person_told, told_by_person
from models.standards import DelayTold
from models.visit import Visit

_COLUMNS = (
    Message.visit_id,
    Message.id,
    Message.news_id,
    Message.kind,
    Message.status,
    Message.starts_at,
    Message.expected_at,
    Message.window_from_at,
    Message.window_to_at,
    Message.decided_at,
    Message.send_at,
)
_VISIT = bindparam("visit", type_=Uuid())
_SENT = (
    select(*_COLUMNS, person_told(_VISIT).label("somebody_rang"))
    .where(Message.visit_id == _VISIT)
    .order_by(Message.number)
)
_TO_READ = Prepared(_SENT)
_HISTORY = Prepared(_SENT.with_for_update())
_SENT_OF_MANY = (
    select(*_COLUMNS, person_told(Message.visit_id).label("somebody_rang"))
    .where(Message.visit_id.in_(bindparam("visits", expanding=True)))
    .order_by(Message.visit_id, Message.number)
)


def told_start(session: Session, visit: Visit) -> datetime:
    """The start the resident was last told: in the newest message that is no longer ours to stop, by a person who
    rang, or at booking.

    Whoever books a visit tells the resident the time there and then. A delay text tells no start. Locks nothing.
    """
    return start_told(session, visit, _TO_READ.all(session, visit=visit.id))


def locked_history(session: Session, visit_id: UUID) -> Sequence[Any]:
    """What the visit's resident was sent, in order, locked: superseding and claiming cannot both win."""
    return _HISTORY.all(session, visit=visit_id)


def histories(session: Session, visits: Iterable[Visit]) -> dict[UUID, list[Any]]:
    """What the residents of all these visits were sent, by visit, in order. Locks nothing."""
    found: dict[UUID, list[Any]] = {visit.id: [] for visit in visits}
    for row in session.execute(_SENT_OF_MANY, {"visits": list(found)}):
        found[row.visit_id].append(row)
    return found


def lock_texts(session: Session, visits: Iterable[Visit]) -> set[UUID]:
    """Lock the texts of all these visits, in the one order in which texts are locked; their ids."""
    return set(
        session.scalars(
            select(Message.id)
            .where(Message.visit_id.in_([visit.id for visit in visits]))
            .order_by(Message.visit_id, Message.number)
            .with_for_update()
        )
    )


def start_told(session: Session, visit: Visit, history: Sequence[Any]) -> datetime:
    """The start the resident was last told, by what they were sent or by a person who rang."""
    return _started(visit, history, _rung(session, {visit.id: history}).get(visit.id))


def start_in_mind(session: Session, visit: Visit, history: Sequence[Any]) -> datetime:
    """The same, or the start that a message is about to tell them."""
    return starts_in_mind(session, [visit], {visit.id: history})[visit.id]


def starts_in_mind(
    session: Session, visits: Iterable[Visit], sent: Mapping[UUID, Sequence[Any]]
) -> dict[UUID, datetime]:
    """The same for many residents, by what they were sent: in one statement, or none."""
    rung = _rung(session, sent)
    return {
        visit.id: _coming(sent[visit.id]) or _started(visit, sent[visit.id], rung.get(visit.id))
        for visit in visits
    }


def _rung(session: Session, sent: Mapping[UUID, Sequence[Any]]) -> dict[UUID, tuple[datetime, datetime]]:
    """When a person last told these residents of a start, and which. What was sent says whether anybody rang, if
    anything was sent."""
    maybe = [visit_id for visit_id, history in sent.items() if not history or history[0].somebody_rang]
    return told_by_person(session, maybe)


def _coming(history: Sequence[Any]) -> datetime | None:
    coming: list[datetime] = [row.starts_at for row in not_gone(history) if row.kind in START_KINDS]
    return coming[-1] if coming else None


def _started(visit: Visit, history: Sequence[Any], by_person: tuple[datetime, datetime] | None) -> datetime:
    told = [row for row in history if row.kind in START_KINDS and row.status in GONE]
    if by_person and (not told or by_person[0] > told[-1].decided_at):
        return by_person[1]
    return told[-1].starts_at if told else visit.first_promised_at


def not_gone(history: Sequence[Any]) -> list[Any]:
    """The messages that are still ours to stop."""
    return [row for row in history if row.status is MessageStatus.HELD]


def delays_told(history: Sequence[Any], start: datetime) -> list[DelayTold]:
    """The delays of this start that were told, each once, however many messages it took."""
    told = {
        row.news_id: DelayTold(row.expected_at, row.decided_at)
        for row in history
        if row.kind is MessageKind.DELAYED and row.status in GONE and row.starts_at == start
    }
    return list(told.values())


class LateNews(NamedTuple):
    """What one piece of news said of an arrival, and whether it can still be stopped."""

    window: Window
    decided_at: datetime
    has_gone: bool


def late_news(history: Sequence[Any], start: datetime) -> list[LateNews]:
    """All that was to be told of delays of this start, and was not stopped, in order.

    What told nobody counts as well: then a person is asked to (rule 9).
    """
    news: dict[UUID, LateNews] = {}
    for row in history:
        about_it = row.kind is MessageKind.DELAYED and row.starts_at == start
        if not about_it or row.status is MessageStatus.SUPERSEDED:
            continue
        earlier = news.get(row.news_id)
        gone = row.status is not MessageStatus.HELD or (earlier is not None and earlier.has_gone)
        news[row.news_id] = LateNews(_window(row), earlier.decided_at if earlier else row.decided_at, gone)
    return list(news.values())


def _window(row: Any) -> Window:
    if row.window_from_at is None:
        return Window(row.expected_at.timestamp(), row.expected_at.timestamp())
    return Window(row.window_from_at.timestamp(), row.window_to_at.timestamp())
