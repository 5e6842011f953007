"""`flask figures check`, and that every figure is what a slow recount of the raw records gives."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update

from models import reports, standards
from models.clock import LONDON
from models.database import reading, snapshot, transaction
from models.figures import By
from models.message import Message, MessageStatus
from models.promise import ChangeNotice, Promise, settle
from models.visit import Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent
from models.visit_rows import find
from tests import factories
from tests.steps import MONDAY_9, WEDNESDAY_10, arrive, book, cancel, delay, depart, finish, later, move, path
from tests.syncing import kept, send
from tests.test_corrections import correct


def run(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["figures", "check"])
    return result.exit_code, result.output


@pytest.fixture
def everything(sign_in: Any, stopped_clock: Any) -> dict[str, Any]:
    """Forty visits to which everything happened that may, by chance."""
    chance = random.Random(6)
    officers = [factories.officer(team=f"Team {number % 2}") for number in range(4)]
    residents = [
        factories.resident(ward=f"Ward {number}", language=("en", "gu")[number % 2]) for number in range(3)
    ]
    booked = []
    for number in range(40):
        day, place = divmod(number, 8)
        officer = officers[place % 4]
        start = later(WEDNESDAY_10, days=day, hours=place // 4 * 3)
        booked.append((book(sign_in("scheduler"), chance.choice(residents), officer, start), officer, start))
    stopped_clock.advance(300)
    for visit, _, start in booked:
        if chance.random() < 0.5:
            moved_to = later(start, minutes=chance.choice((10, 30, 60)))
            by = chance.choice(("council", "resident"))
            assert move(sign_in("scheduler"), visit, moved_to, requested_by=by).status_code == 201
    _messages(chance)
    for visit, officer, start in booked:
        stopped_clock.set(max(stopped_clock.now, later(start, minutes=chance.choice((-30, 5, 40)))))
        _happens(chance, sign_in, stopped_clock, visit, officer)
    stopped_clock.set(later(WEDNESDAY_10, days=8))
    for visit, _, _ in chance.sample(booked, 10):
        correct(sign_in("scheduler"), visit, outcome="missed")
    return {"scheduler": sign_in("scheduler"), "visits": [visit for visit, _, _ in booked]}


def _messages(chance: random.Random) -> None:
    """What became of the texts."""
    with transaction() as session:
        texts = session.scalars(select(Message).order_by(Message.id)).all()
        for message in texts:
            if message.status is MessageStatus.HELD:
                came = message.send_at + timedelta(seconds=chance.choice((5, 90_000)))
                status = chance.choice((MessageStatus.DELIVERED, MessageStatus.ACCEPTED, MessageStatus.FAILED))
                message.status, message.accepted_at = status, came
                message.delivered_at = came if status is MessageStatus.DELIVERED else None
        session.flush()
        settle(session, {message.visit_id for message in texts})


def _happens(chance: random.Random, sign_in: Any, clock: Any, visit: Any, officer: Any) -> None:
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    now, what = clock.now, chance.random()
    if what < 0.15:
        cancel(scheduler, visit)
        if chance.random() < 0.5:
            send(phone, now, kept("arrival", visit, now), kept("outcome", visit, now))
        return
    if what < 0.25:
        return
    if chance.random() < 0.5:
        depart(phone, visit)
    if chance.random() < 0.3:
        delay(phone, visit, later(now, minutes=20))
    clock.advance(chance.randrange(1800))
    came = clock.now
    if chance.random() < 0.2:
        correct(sign_in("scheduler"), visit, arrived_at=came)
    if chance.random() < 0.9:
        send(sign_in("officer", officer), clock.now, kept("arrival", visit, later(came, minutes=-1)))
    if chance.random() < 0.8:
        outcome = chance.choice(("completed", "no_access"))
        finish(sign_in("officer", officer), visit, clock.now, outcome=outcome)
    clock.advance(60)
    if chance.random() < 0.3:
        correct(sign_in("scheduler"), visit, arrived_at=later(came, minutes=chance.choice((-40, -2, 0))))
    if chance.random() < 0.2:
        correct(sign_in("scheduler"), visit, outcome="no_access", finished_at=clock.now)


def test_after_everything_that_may_happen_all_that_is_stored_is_what_the_records_say(app, everything):
    code, said = run(app)
    assert (code, said) == (0, "40 visits compared, 0 differences; 0 visits are too old to be compared\n")
    with reading() as session:
        kinds = set(session.scalars(select(VisitEvent.kind)))
        statuses = set(session.scalars(select(Visit.status)))
        corrected = session.scalars(select(Visit.id).where(Visit.reported_status.is_not(None))).all()
    assert kinds >= {EventKind.MOVED, EventKind.CANCELLED, EventKind.DEPARTED, EventKind.DELAYED}
    assert kinds >= {EventKind.ARRIVED, EventKind.FINISHED, EventKind.CORRECTED}
    assert statuses >= {
        VisitStatus.CANCELLED,
        VisitStatus.COMPLETED,
        VisitStatus.NO_ACCESS,
        VisitStatus.MISSED,
    }
    assert len(corrected) > 5


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (update(Visit).values(arrived_at=MONDAY_9), "arrived_at"),
        (update(Visit).values(arrival_promised_at=MONDAY_9), "arrival_promised_at"),
        (update(Visit).values(first_promised_at=MONDAY_9), "first_promised_at"),
        (update(Visit).values(status=VisitStatus.NO_ACCESS), "status"),
        (update(Visit).values(finished_at=None), "finished_at"),
        (update(Visit).values(reported_arrived_at=MONDAY_9), "reported_arrived_at"),
        (update(Promise).where(Promise.number == 1).values(starts_at=MONDAY_9), "first_promised_at"),
        (delete(Promise).where(Promise.number == 1), "first_promised_at"),
        (delete(VisitEvent).where(VisitEvent.kind == EventKind.ARRIVED), "arrived_at"),
        (update(ChangeNotice).values(told_at=MONDAY_9), "told_at"),
    ],
)
def test_whatever_is_changed_behind_the_records_is_named(
    app, sign_in, officer, resident, stopped_clock, change, what
):
    visit = book(sign_in("scheduler"), resident, officer)
    move(sign_in("scheduler"), visit, later(WEDNESDAY_10, hours=1))
    stopped_clock.set(later(WEDNESDAY_10, hours=2))
    phone = sign_in("officer", officer)
    arrive(phone, visit, later(WEDNESDAY_10, hours=1))
    finish(phone, visit, later(WEDNESDAY_10, hours=2))
    assert run(app)[0] == 0
    with transaction() as session:
        session.execute(change)
    code, said = run(app)
    assert code == 1
    assert any(line.startswith(visit["reference"]) and f"{what}: stored" in line for line in said.splitlines()), (
        said
    )


def test_what_is_too_old_to_be_compared_is_counted(app, scheduler, officer, resident):
    book(scheduler, resident, officer)
    with transaction() as session:
        session.execute(update(VisitEvent).values(details={}, reason=None))
    assert run(app) == (0, "0 visits compared, 0 differences; 1 visits are too old to be compared\n")


def test_a_visit_that_nobody_came_to_is_no_difference_nor_is_who_came_after_all(
    app, sign_in, officer, resident, stopped_clock
):
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, hours=1))
    with transaction() as session:
        find(session, UUID(visit["id"])).miss(session, due_at=WEDNESDAY_10, answer={}, at=stopped_clock.now)
    assert run(app)[0] == 0
    send(sign_in("officer", officer), stopped_clock.now, kept("arrival", visit, WEDNESDAY_10))
    assert run(app)[0] == 0
    with transaction() as session:
        session.execute(update(Visit).values(status=VisitStatus.MISSED))
    assert run(app)[0] == 1


# The slow recount


def slowly(session: Any, at: datetime) -> dict[str, Counter[str]]:
    """The figures of visits by the day first promised, from raw promises and events alone, rule after rule."""
    events: dict[Any, list[VisitEvent]] = {}
    for event in session.scalars(select(VisitEvent)):
        events.setdefault(event.visit_id, []).append(event)
    promises: dict[Any, list[Promise]] = {}
    for promise in session.scalars(select(Promise).order_by(Promise.number)):
        promises.setdefault(promise.visit_id, []).append(promise)
    counted: dict[str, Counter[str]] = {}
    for visit_id, given in promises.items():
        first, last = given[0], given[-1]
        of_kind = {event.kind: event for event in events[visit_id]}
        arrived, finished = of_kind.get(EventKind.ARRIVED), of_kind.get(EventKind.FINISHED)
        arrived_at = arrived.occurred_at if arrived else None
        cancelled = EventKind.CANCELLED in of_kind
        no_access = bool(finished) and not cancelled and finished.details["outcome"] == "no_access"
        over = finished is not None and not cancelled
        broken = first.closed_at is not None and first.closed_at > first.starts_at + timedelta(minutes=15)
        if cancelled and not broken:
            word = "cancelled"
        elif arrived_at is not None:
            seconds = (arrived_at - first.starts_at).total_seconds()
            word = "early" if seconds < -900 else "late" if seconds > 900 else "on_time"
            word = "missed" if no_access and word != "on_time" else word
        elif over and not broken:
            word = "no_arrival_recorded"
        elif broken or at >= last.starts_at + standards.MISSED_AFTER:
            word = "missed"
        else:
            word = "not_yet_due"
        counted.setdefault(first.starts_at.astimezone(LONDON).date().isoformat(), Counter())[word] += 1
    return counted


def test_the_original_figures_are_those_of_a_slow_recount_of_the_raw_records(app, everything, stopped_clock):
    """Corrections and all: nothing of what came after is in them."""
    for at in (stopped_clock.now, later(WEDNESDAY_10, days=2)):
        with snapshot() as session:
            span = {"since": MONDAY_9, "until": later(MONDAY_9, days=30)}
            groups = reports.punctuality(session, **span, by=By.DAY, at=at)
            quickly = {group.group: group.original.counts + group.original.excluded for group in groups}
            assert quickly == slowly(session, at)


def test_no_correction_changes_any_original_figure(app, everything, stopped_clock):
    def original() -> Any:
        with snapshot() as session:
            span = {"since": MONDAY_9, "until": later(MONDAY_9, days=30), "at": stopped_clock.now}
            return [group.original for by in By for group in reports.punctuality(session, **span, by=by)]

    before, fair = original(), 0
    for visit in everything["visits"]:
        seen = everything["scheduler"].get(path(visit)).json
        came = datetime.fromisoformat(seen["starts_at"]) + timedelta(minutes=3)
        fair += correct(everything["scheduler"], visit, arrived_at=came).status_code == 201
    assert fair > 10
    assert original() == before
    assert run(app)[0] == 0


def test_the_check_reads_more_visits_than_it_holds_at_once(app, scheduler, officer, resident, monkeypatch):
    monkeypatch.setattr("models.figure_check.AT_ONCE", 2)
    for hour in range(5):
        book(scheduler, resident, officer, later(WEDNESDAY_10, hours=hour))
    assert run(app)[1].startswith("5 visits compared, 0 differences")
    with transaction() as session:
        session.execute(text("UPDATE visits SET promise_number = 2"))
    assert run(app)[1].count("promise_number: stored 2, by its records 1") == 5
