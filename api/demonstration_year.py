"""The demonstration's past year: visits that are over, so that reports and published figures say something.

Nearly all of it is done by the product's own functions, at times that are past: so its records are what they would
be. No text of it goes: each is written down as one that went at its time.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum, auto
from itertools import cycle, repeat
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.bank_holidays import is_bank_holiday
from models.clock import LONDON
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus, ask_for_call
from models.feedback import Feedback, keep_words
from models.message import Message, MessageKind, MessageStatus
from models.message_event import Line, MessageEventKind, line, tell_all
from models.officer import Officer
from models.prepared import insert
from models.promise import settle
from models.published import last_months
from models.reference import new_visit_reference
from models.resident import ContactBy, Resident
from models.user import User
from models.visit import Outcome, Visit, VisitStatus
from models.visit_event import EventKind, RequestedBy
from models.wall_clock import instant
from notifications import changes, outbox
from notifications.cascade import report_delay
from notifications.feedback import tell_what_we_did
from notifications.missed import queue_missed
from notifications.missed_you import tell_no_access
from notifications.texts import Council

VISIT_TYPES = {
    "Repair inspection": "Repair",
    "Home safety check": "Safety check",
    "Gas safety check": "Safety check",
    "Benefit review": "Benefit review",
    "Care assessment": "Care assessment",
    "Damp survey": "Survey",
}
"""What visits of the demonstration are for, and of which type each is."""

VISITS_OF_A_MONTH = 48
_REASONS = ("Officer ill", "Van broke down", "Officer in court", "Parts came late")
_CARRIER = "console"
_SAID_AND_DONE = (
    (
        "I was not told to clear the boiler cupboard first.",
        "Texts for a boiler visit now ask you to clear the way",
        "Tell us before if we need to clear a space.",
        "We now say so when you book.",
    ),
    (
        "They rang once and had gone when I got to the door.",
        "Our staff now wait two minutes and ring again",
        "Give us more time to come to the door.",
        "Our staff now wait two minutes and ring again.",
    ),
)
"""A resident's words and our answer to them, then both as they are published."""


class Change(Enum):
    """What was changed of a visit before its time, and how its resident heard of it."""

    NOTHING = auto()
    MOVED = auto()
    MOVED_UNHEARD = auto()
    MOVED_HEARD_LATE = auto()
    MOVED_THE_SAME_DAY = auto()
    MOVED_FOR_RESIDENT = auto()
    CANCELLED = auto()
    CANCELLED_FOR_RESIDENT = auto()


_OF_A_MONTH = (
    *repeat(Change.MOVED, 9),
    Change.MOVED_THE_SAME_DAY,
    *repeat(Change.MOVED_FOR_RESIDENT, 2),
    *repeat(Change.CANCELLED, 3),
    Change.CANCELLED_FOR_RESIDENT,
)
"""The changes of a month; its other visits are made as they were booked."""

_OF_SOME_MONTHS = {
    1: Change.MOVED_THE_SAME_DAY,
    2: Change.MOVED_UNHEARD,
    4: Change.MOVED_HEARD_LATE,
    6: Change.MOVED_THE_SAME_DAY,
    7: Change.MOVED_UNHEARD,
    9: Change.MOVED_HEARD_LATE,
}
"""By the month's place in the year: one change more."""

_CANCELLED = (Change.CANCELLED, Change.CANCELLED_FOR_RESIDENT)
_FOR_RESIDENT = (Change.MOVED_FOR_RESIDENT, Change.CANCELLED_FOR_RESIDENT)

_ARRIVALS: dict[tuple[int, ...], int] = {(-9, -4, -1, 0, 2, 5, 8, 13): 92, (-24, -18): 2, (17, 22, 31, 44): 6}
"""Minutes from the promise, and how many in a hundred of those who came did so."""


@dataclass(slots=True)
class _Year:
    """The year before `at`: `visits` are those of it that were booked, each with its change."""

    session: Session
    officers: Sequence[Officer]
    residents: Sequence[Resident]
    by: UUID
    at: datetime
    visits: list[tuple[Visit, Change]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(2025))  # noqa: S311 - the same each time


def fill(
    session: Session, officers: Sequence[Officer], residents: Sequence[Resident], scheduler: User, at: datetime
) -> None:
    """Make the year before today, in a database in which no text waits: all that do are taken for this year's."""
    year = _Year(session, officers, residents, scheduler.id, at)
    _book(year)
    _everybody_hears(year)
    for visit, change in year.visits:
        _change(year, visit, change)
    _everybody_hears(year)
    for visit, change in year.visits:
        if change not in _CANCELLED:
            _happen(year, visit)
    _everybody_hears(year)
    _say_and_do(year)
    _everybody_hears(year)


# Booking


def _book(year: _Year) -> None:
    """Each officer has one such visit on a day at the most: no two are in each other's way. Nobody who wants calls
    is visited, for asking for those takes longer than all the rest."""
    today = year.at.astimezone(LONDON).date()
    whose = cycle(resident for resident in year.residents if resident.contact_by is ContactBy.TEXT)
    for nth, month in enumerate(last_months(year.at)):
        days = list(_working_days(month))
        past = [day for day in days if day < today]
        wanted = VISITS_OF_A_MONTH * len(past) // len(days)
        of_month = [*_OF_A_MONTH, _OF_SOME_MONTHS.get(nth, Change.NOTHING)]
        fates = (of_month + [Change.NOTHING] * VISITS_OF_A_MONTH)[:VISITS_OF_A_MONTH]
        year.chance.shuffle(fates)
        turns = year.chance.sample([(day, officer) for day in past for officer in year.officers], wanted)
        for (day, officer), change in zip(sorted(turns, key=lambda turn: turn[0]), fates, strict=False):
            _book_one(year, day, officer, next(whose), change)


def _working_days(month: date) -> Iterator[date]:
    days = (month + timedelta(days=number) for number in range(31))
    return (day for day in days if day.month == month.month and day.weekday() < 5 and not is_bank_holiday(day))


def _book_one(year: _Year, day: date, officer: Officer, resident: Resident, change: Change) -> None:
    """In the morning, so that it can be moved to the afternoon; what is moved on its day begins after dinner."""
    hour = 13 if change is Change.MOVED_THE_SAME_DAY else year.chance.randrange(9, 12)
    purpose = year.chance.choice(list(VISIT_TYPES))
    booked_at = _office_hour(year, day - timedelta(days=7 * year.chance.randint(1, 3)))
    starts_at = instant(day, 60 * hour + year.chance.choice((0, 30)))
    visit = Visit(
        id=uuid4(),
        reference=new_visit_reference(),
        resident_id=resident.id,
        officer_id=officer.id,
        purpose=purpose,
        visit_type=VISIT_TYPES[purpose],
        skills=[],
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=year.chance.choice((30, 45, 60))),
        status=VisitStatus.BOOKED,
        version=1,
        first_promised_at=starts_at,
        promise_number=1,
        created_at=booked_at,
    )
    booked = visit.new_event(
        EventKind.BOOKED,
        occurred_at=booked_at,
        by=year.by,
        at=booked_at,
        details={"starts_at": starts_at, "officer_id": officer.id},
    )
    insert(year.session, visit, visit.new_promise(by=year.by, at=booked_at), booked)
    visit.resident = resident
    outbox.queue_visit_booked(year.session, visit, resident, at=booked_at)
    year.visits.append((visit, change))


def _office_hour(year: _Year, day: date) -> datetime:
    return instant(day, year.chance.randrange(10 * 60, 16 * 60))


# Moving and cancelling


def _change(year: _Year, visit: Visit, change: Change) -> None:
    if change is Change.NOTHING:
        return
    day = visit.starts_at.astimezone(LONDON).date()
    at = _office_hour(year, day - timedelta(days=year.chance.randint(2, 5)))
    if change is Change.MOVED_THE_SAME_DAY:
        at = visit.starts_at - timedelta(hours=3)
    elif change is Change.MOVED_HEARD_LATE:
        at = visit.starts_at - timedelta(hours=25)
    for_resident = change in _FOR_RESIDENT
    given: dict[str, Any] = {
        "reason": "Asked for by the resident" if for_resident else year.chance.choice(_REASONS),
        "requested_by": RequestedBy.RESIDENT if for_resident else RequestedBy.COUNCIL,
        "by": year.by,
        "at": at,
    }
    if change in _CANCELLED:
        changes.cancel(year.session, visit, **given)
        return
    later = 60 if change is Change.MOVED_THE_SAME_DAY else 30 * year.chance.randint(5, 7)
    changes.move(
        year.session,
        visit,
        starts_at=visit.starts_at + timedelta(minutes=later),
        officer_id=visit.officer_id,
        second_officer_id=None,
        **given,
    )


# What happened at the doors


def _happen(year: _Year, visit: Visit) -> None:
    if year.chance.random() < 0.025:
        missed_at = visit.starts_at + timedelta(hours=1)
        answer = queue_missed(year.session, visit, at=missed_at)
        visit.miss(year.session, due_at=visit.starts_at, answer=answer, at=missed_at)
        return
    (minutes,) = year.chance.choices(list(_ARRIVALS), list(_ARRIVALS.values()))
    came_at = visit.starts_at + timedelta(minutes=year.chance.choice(minutes), seconds=year.chance.randrange(60))
    if came_at > visit.starts_at + timedelta(minutes=15) and year.chance.random() < 0.75:
        report_delay(
            year.session,
            visit,
            expected_at=came_at,
            reason="Held up at the visit before",
            client_id=uuid4(),
            by=year.by,
            at=visit.starts_at - timedelta(minutes=year.chance.randint(10, 40)),
        )
    visit.arrive(
        year.session,
        arrived_at=came_at,
        position=None,
        accuracy_m=None,
        client_id=uuid4(),
        by=year.by,
        at=came_at,
    )
    nobody_opened = year.chance.random() < 0.05
    over_at = came_at + timedelta(minutes=10 if nobody_opened else visit.duration_minutes - 5)
    visit.finish(
        year.session,
        outcome=Outcome.NO_ACCESS if nobody_opened else Outcome.COMPLETED,
        finished_at=over_at,
        note=None,
        client_id=uuid4(),
        by=year.by,
        at=over_at,
    )
    if nobody_opened:
        tell_no_access(year.session, visit, at=over_at)


def _say_and_do(year: _Year) -> None:
    """Two residents say how it went, are told what was done, and the public reads of it."""
    made = [visit for visit, _ in year.visits if visit.status is VisitStatus.COMPLETED]
    for (words, done, you_said, we_did), visit in zip(_SAID_AND_DONE, made[-40::20], strict=True):
        assert visit.finished_at is not None  # noqa: S101 - narrows the type: it was completed
        done_at = visit.finished_at + timedelta(hours=20)
        keep_words(year.session, visit, words, visit.finished_at + timedelta(hours=2))
        said = year.session.scalars(select(Feedback).where(Feedback.visit_id == visit.id)).one()
        said.say_what_was_done(done, by=year.by, at=done_at)
        tell_what_we_did(year.session, said, visit, Council("Harrow Council", ""), at=done_at)
        said.publish(you_said=you_said, we_did=we_did, by=year.by, at=done_at)


# Texts and calls


def _everybody_hears(year: _Year) -> None:
    """Every text that waits went when it was due, and every call that was asked for was made.

    All but those of the changes that were heard of late or not at all.
    """
    session = year.session
    session.flush()
    fates = {visit.id: change for visit, change in year.visits}
    lines: list[Line] = []
    sent: list[dict[str, Any]] = []
    waiting = select(Message).where(Message.status == MessageStatus.HELD).order_by(Message.decided_at, Message.id)
    for message in session.scalars(waiting):
        change = fates[message.visit_id] if message.kind is MessageKind.MOVED else Change.NOTHING
        accepted_at = message.send_at + timedelta(seconds=1)
        became = _reached(year, accepted_at, change)
        sent.append({"id": message.id, "carrier": _CARRIER, "accepted_at": accepted_at, "attempts": 1, **became})
        lines.append(line(message.id, MessageEventKind.ACCEPTED, accepted_at, carrier=_CARRIER))
        ends_at = became["delivered_at"] or became["failed_at"]
        lines.append(line(message.id, MessageEventKind.RECEIPT, ends_at, status=became["status"]))
        if change is Change.MOVED_UNHEARD:
            _ask_in_vain(year, message, ends_at)
    if sent:
        session.execute(update(Message), sent)
        tell_all(session, lines)
    still_to_ring = select(ContactTask).where(ContactTask.status == ContactTaskStatus.OPEN)
    for task in session.scalars(still_to_ring.order_by(ContactTask.id)):
        task.close(ContactTaskStatus.DONE, by=year.by, at=task.created_at + timedelta(minutes=20))
    session.flush()
    settle(session, list(fates))
    session.expire_all()


def _reached(year: _Year, accepted_at: datetime, change: Change) -> dict[str, Any]:
    """What became of a text that the carrier took then."""
    if change is Change.MOVED_UNHEARD:
        failed_at = accepted_at + timedelta(seconds=30)
        return {"status": MessageStatus.UNDELIVERED, "delivered_at": None, "failed_at": failed_at}
    after = (
        timedelta(hours=5) if change is Change.MOVED_HEARD_LATE else timedelta(seconds=year.chance.randint(3, 40))
    )
    return {"status": MessageStatus.DELIVERED, "delivered_at": accepted_at + after, "failed_at": None}


def _ask_in_vain(year: _Year, message: Message, at: datetime) -> None:
    """No text reached this resident, and nobody who rang did."""
    task = ask_for_call(
        year.session,
        visit_id=message.visit_id,
        resident_id=message.resident_id,
        reason=ContactReason.TEXT_UNDELIVERED,
        detail=message.kind.value,
        reference_at=message.reference_at,
        at=at,
        message_id=message.id,
    )
    task.close(ContactTaskStatus.NOT_REACHED, by=year.by, at=at + timedelta(hours=1))
