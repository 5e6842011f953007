"""Lateness told before it happens: what is predicted of officers' days, and who is told because of it.

Called each minute or so, by as many processes as there are. Nothing is locked before something is to be said or
remembered; then an officer's diary, visits and texts are, in the order in which a reported delay locks them.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from models import travel
from models.clock import LONDON
from models.database import reading, transaction
from models.diary import day_bounds
from models.forecast import Forecast, forecasts_of, instant, remember
from models.lateness import Answer, Told, Verdict, judge
from models.officer import lock_diaries
from models.outlook import Outlook, outlook, who_might_be_late
from models.outlooks import last_arrival
from models.prediction import Estimate
from models.standards import LATE_HORIZON, eta, must_tell
from models.visit import Visit
from models.visit_rows import left, left_locked, who_meet
from notifications.outbox import queue_visit_foreseen, stop_late_texts
from notifications.told import LateNews, histories, late_news, lock_texts, start_in_mind

log = logging.getLogger(__name__)


class Foreseen(NamedTuple):
    """A visit, when its officer will be there, and what that is worth to its resident, who was `told` so much."""

    visit: Visit
    arrival: Estimate | None
    told: Told
    verdict: Verdict
    is_news: bool
    """Whether there is anything to do, or to remember."""


def look_ahead(at: datetime) -> int:
    """Tell each resident who is likely to wait, by the rules of models/lateness.py; how many were told.

    Once each, however many processes look at the same moment. What fails for one officer's day is logged and keeps
    nobody else's resident waiting; the last of that is raised in the end.
    """
    with reading() as session:
        officers = who_might_be_late(session, at, LATE_HORIZON)
    told, seen, failed = 0, set[UUID](), None
    for officer_id in officers:
        if officer_id in seen:
            continue
        try:
            together, number = _look_at_day(officer_id, at)
        except Exception as error:
            log.error("look_ahead_failed", extra={"officer_id": str(officer_id)}, exc_info=error)
            failed = error
            continue
        seen |= together
        told += number
    if failed is not None:
        raise failed
    return told


def _look_at_day(officer_id: UUID, at: datetime) -> tuple[set[UUID], int]:
    """Look at the day of an officer and of whom they meet: who that is, and how many residents were told."""
    begins, _ = day_bounds(at.astimezone(LONDON).date())
    with reading() as session:
        together = who_meet(session, [officer_id], begins)
        visits = left(session, together, begins)
        if not any(each.is_news for each in _foreseen(session, together, visits, at)):
            return together, 0
    with transaction() as session:
        lock_diaries(session, *together)
        visits = left_locked(session, together, begins)
        if not who_meet(session, [officer_id], begins) <= together:
            # They were given a visit just now with somebody whose diary we do not have: the next time.
            return together, 0
        lock_texts(session, visits)
        news = [each for each in _foreseen(session, together, visits, at) if each.is_news]
        return together, sum(_act(session, each, at) for each in news)


def _foreseen(
    session: Session, officer_ids: Collection[UUID], visits: Sequence[Visit], at: datetime
) -> Iterator[Foreseen]:
    """Each visit of a day with what is to be said of it, as far as anything is known."""
    outlooks = _outlooks(session, officer_ids, at)
    remembered = forecasts_of(session, [visit.id for visit in visits])
    sent = histories(session, visits)
    for visit in visits:
        last, seen = remembered.get(visit.id), outlooks[visit.id]
        if last is None and all(each.arrival is None for each in seen):
            continue
        told = _told(session, visit, sent[visit.id], last, seen[0].word if seen else None)
        arrival = last_arrival((each.arrival for each in seen), len(visit.officer_ids), told.due)
        if must_tell(instant(told.start), visit.starts_at):
            # Another time is booked by now than they know of, which is for a person to tell them.
            arrival = None
        before = last.seen if last else None
        verdict = judge(arrival, told, before, at.timestamp())
        is_news = verdict.answer is not Answer.NOTHING or verdict.seen != before
        yield Foreseen(visit, arrival, told, verdict, is_news)


def _outlooks(session: Session, officer_ids: Collection[UUID], at: datetime) -> dict[UUID, list[Outlook]]:
    """What is predicted of each visit, by the day of each of its officers."""
    found: dict[UUID, list[Outlook]] = defaultdict(list)
    for officer_id in sorted(officer_ids):
        for each in outlook(session, officer_id, travel.in_use(), at):
            found[each.visit_id].append(each)
    return found


def _told(
    session: Session, visit: Visit, history: Sequence[Any], last: Forecast | None, word: float | None
) -> Told:
    """What the resident has been told, or is about to be, by messages or by whoever was asked to ring."""
    start = start_in_mind(session, visit, history)
    news = late_news(history, start)
    told = Told(
        start=start.timestamp(),
        booked=visit.starts_at.timestamp(),
        texts=sum(each.has_gone for each in news),
        word=word,
    )
    asked = None
    if last and last.told_at and last.window and last.message_id is None and last.told_starts_at == start:
        asked = LateNews(last.window, last.told_at, has_gone=True)
        news.append(asked)
    if not news:
        return told
    newest = max(news, key=lambda each: each.decided_at)
    at = newest.decided_at.timestamp() if newest.has_gone else None
    return told._replace(window=newest.window, at=at, by_person=newest is asked)


def _act(session: Session, each: Foreseen, at: datetime) -> bool:
    """Say what there is to say, and remember it; whether the resident is told."""
    nothing = each.verdict.answer is Answer.NOTHING
    told = {} if nothing else _tell(session, each, at)
    remember(session, each.visit.id, each.verdict, at, told)
    return bool(told)


def _tell(session: Session, each: Foreseen, at: datetime) -> dict[str, Any]:
    """Tell the window by a text, or have a person tell it; what is to be remembered of that.

    Bad news that has not gone and is not true any more is only stopped.
    """
    visit, verdict = each.visit, each.verdict
    assert each.arrival is not None and verdict.window is not None  # noqa: S101 - there is something to tell
    window = instant(verdict.window.earliest), instant(verdict.window.latest)
    expected_at = eta(instant(each.arrival.mean), instant(each.told.start))
    answer: dict[str, Any] = {
        "expected_at": expected_at,
        "promised_at": instant(each.told.start),
        "predicted": True,
        "late_probability": round(verdict.probability or 0.0, 3),
    }
    if verdict.answer is Answer.RECOVERY and each.told.at is None:
        stop_late_texts(session, visit, at=at)
        visit.delay(session, expected_at=expected_at, answer=answer | {"told": False}, by=None, at=at)
        return {}
    queued = queue_visit_foreseen(
        session,
        visit,
        visit.resident,
        expected_at=expected_at,
        window=window,
        enough_texts=verdict.answer is Answer.ASK,
        at=at,
    )
    answer |= {"window": dict(zip(("from", "to"), window, strict=True))}
    answer |= {"told": queued.told, "message_id": queued.message_id}
    if queued.contact_task_id is not None:
        answer["contact_task_id"] = queued.contact_task_id
    visit.delay(session, expected_at=expected_at, answer=answer, by=None, at=at)
    return {
        "told_at": at,
        "told_starts_at": instant(each.told.start),
        "expected_at": expected_at,
        "window_from_at": window[0],
        "window_to_at": window[1],
        "message_id": queued.message_id,
    }
