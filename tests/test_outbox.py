"""What a change does to the outbox: the text it needs, the texts it stops, or the call it asks for."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from models import booking, clock
from models.clock import LONDON
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import engine, reading, transaction
from models.message import Channel, Message, MessageKind, MessageStatus
from models.prepared import Prepared
from models.resident import ContactBy, Resident
from models.visit import Visit
from models.visit_event import RequestedBy
from models.visit_rows import find_locked
from notifications import outbox, told
from notifications.dispatcher import Dispatcher
from notifications.outbox import Queued
from notifications.senders.console import ConsoleSender
from notifications.texts import Council
from tests import factories
from tests.conftest import StoppedClock

pytestmark = pytest.mark.usefixtures("database", "stopped_clock")

SUPERSEDED, HELD = MessageStatus.SUPERSEDED, MessageStatus.HELD


def london(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=LONDON).astimezone(UTC)


MONDAY, WEDNESDAY, THURSDAY = london(23, 9), london(25, 10), london(26, 10)


@pytest.fixture
def resident(database: str, stopped_clock: StoppedClock) -> Resident:
    return factories.resident()


def book(resident: Resident, starts_at: datetime = WEDNESDAY, *, told: bool = True) -> UUID:
    """A visit, and its booking text; the text is gone if `told`."""
    visit = factories.visit(resident, None, starts_at)
    with transaction() as session:
        outbox.queue_visit_booked(session, visit, resident, at=clock.now())
    if told:
        send()
    return visit.id


def move(visit_id: UUID, to: datetime) -> Queued:
    with transaction() as session:
        visit = find_locked(session, visit_id)
        booking.move(
            session,
            visit,
            starts_at=to,
            officer_id=visit.officer_id,
            second_officer_id=None,
            reason="the officer is ill",
            requested_by=RequestedBy.COUNCIL,
            by=None,  # type: ignore[arg-type]
            at=clock.now(),
        )
        return outbox.queue_visit_moved(session, visit, visit.resident, at=clock.now())


def cancel(visit_id: UUID) -> Queued:
    with transaction() as session:
        visit = find_locked(session, visit_id)
        visit.cancel(
            session,
            reason="no longer needed",
            requested_by=RequestedBy.COUNCIL,
            by=None,  # type: ignore[arg-type]
            at=clock.now(),
        )
        return outbox.queue_visit_cancelled(session, visit, visit.resident, at=clock.now())


def delay(visit_id: UUID, expected_at: datetime, *, insisted: bool = False) -> Queued:
    with transaction() as session:
        visit = find_locked(session, visit_id)
        return outbox.queue_visit_delayed(
            session, visit, visit.resident, expected_at=expected_at, at=clock.now(), insisted=insisted
        )


def send() -> None:
    dispatcher = Dispatcher(
        {Channel.TEXT: ConsoleSender()}, Council("Harrow Council", "020 8863 5611"), in_flight=2
    )
    dispatcher.send_due()
    dispatcher.close()


def messages(visit_id: UUID) -> list[Message]:
    with reading() as session:
        return list(session.scalars(select(Message).where(Message.visit_id == visit_id).order_by(Message.number)))


def statuses(visit_id: UUID) -> list[tuple[MessageKind, MessageStatus]]:
    return [(each.kind, each.status) for each in messages(visit_id)]


def tasks(visit_id: UUID) -> list[ContactTask]:
    with reading() as session:
        found = select(ContactTask).where(ContactTask.visit_id == visit_id).order_by(ContactTask.created_at)
        return list(session.scalars(found))


def told_start(visit_id: UUID) -> datetime:
    with transaction() as session:
        return told.told_start(session, session.get_one(Visit, visit_id))


BOOKED = (MessageKind.BOOKED, MessageStatus.DELIVERED)


# Booking


def test_a_booking_is_confirmed_by_text_at_once(resident: Resident) -> None:
    visit_id = book(resident, told=False)
    [text] = messages(visit_id)
    assert (text.kind, text.status, text.number) == (MessageKind.BOOKED, HELD, 1)
    assert (text.send_at, text.expires_at) == (MONDAY, WEDNESDAY)
    assert (text.to_address, text.language) == ("+447700900123", "en")
    assert told_start(visit_id) == WEDNESDAY


def test_a_visit_entered_after_it_happened_is_not_texted(resident: Resident) -> None:
    visit = factories.visit(resident, None, MONDAY - timedelta(hours=1), reason="it was urgent")
    with transaction() as session:
        queued = outbox.queue_visit_booked(session, visit, resident, at=clock.now())
    assert not queued.due and not queued.told
    assert messages(visit.id) == [] and tasks(visit.id) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"phone": None}, ContactReason.NO_MOBILE_NUMBER),
        ({"contact_by": ContactBy.CALL}, ContactReason.PREFERS_CALL),
    ],
)
def test_who_can_only_be_told_by_a_person_is_rung(changes: dict[str, Any], reason: ContactReason) -> None:
    visit_id = book(factories.resident(**changes))
    queued = move(visit_id, THURSDAY)
    assert queued.due and not queued.told
    [task] = tasks(visit_id)
    assert queued.contact_task_id == task.id
    assert (task.reason, task.status, task.detail) == (reason, ContactTaskStatus.OPEN, "moved")
    assert task.due_at == MONDAY + timedelta(minutes=30)
    assert messages(visit_id) == []


def test_a_landline_is_called_and_no_person_has_to_yet() -> None:
    visit_id = book(factories.resident(phone="+442088635611"), told=False)
    queued = move(visit_id, THURSDAY)
    assert queued.told and queued.contact_task_id is None
    assert [(row.channel, row.status) for row in messages(visit_id)] == [
        (Channel.CALL, MessageStatus.SUPERSEDED),
        (Channel.CALL, MessageStatus.HELD),
    ]
    assert tasks(visit_id) == []


def test_a_booking_takes_one_statement_of_the_outbox(resident: Resident) -> None:
    visit = factories.visit(resident, None, WEDNESDAY)
    seen = statements(lambda session: outbox.queue_visit_booked(session, visit, resident, at=clock.now()))
    assert [each.split()[0] for each in seen] == ["INSERT"]


def test_a_move_takes_two_statements_or_three(resident: Resident) -> None:
    visit_id = book(resident)
    with transaction() as session:
        visit = find_locked(session, visit_id)
    visit.starts_at = THURSDAY
    for verbs in (["SELECT", "INSERT"], ["SELECT", "INSERT", "UPDATE"]):
        seen = statements(lambda session: outbox.queue_visit_moved(session, visit, resident, at=clock.now()))
        assert [each.split()[0] for each in seen] == verbs
        visit.starts_at += timedelta(hours=1)


def statements(work: Any) -> list[str]:
    seen: list[str] = []
    execute = Prepared._execute

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    def note_prepared(self: Prepared, *rest: Any) -> Any:
        seen.append(str(self._statement))
        return execute(self, *rest)

    event.listen(engine(), "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch, transaction() as session:
            patch.setattr(Prepared, "_execute", note_prepared)
            work(session)
    finally:
        event.remove(engine(), "before_cursor_execute", note)
    return [each for each in seen if "messages" in each]


def test_a_change_that_fails_leaves_no_text(resident: Resident) -> None:
    visit = factories.visit(resident, None, WEDNESDAY)
    with pytest.raises(RuntimeError), transaction() as session:
        outbox.queue_visit_booked(session, visit, resident, at=clock.now())
        raise RuntimeError
    assert messages(visit.id) == []


# Moves


def test_a_move_is_told_with_the_old_and_the_new_time(resident: Resident) -> None:
    visit_id = book(resident)
    queued = move(visit_id, THURSDAY)
    [_, text] = messages(visit_id)
    assert (queued.message_id, queued.send_at, queued.due) == (text.id, MONDAY + timedelta(minutes=2), True)
    assert (text.previous_starts_at, text.starts_at) == (WEDNESDAY, THURSDAY)
    assert text.reference_at == text.expires_at == queued.notice.reference_at == WEDNESDAY
    assert queued.notice.possible
    assert told_start(visit_id) == WEDNESDAY


def test_a_visit_brought_forward_expires_at_its_new_time(resident: Resident) -> None:
    visit_id = book(resident)
    move(visit_id, london(24, 11))
    assert messages(visit_id)[1].expires_at == london(24, 11)


def test_two_moves_a_minute_apart_are_one_text_the_last(resident: Resident, stopped_clock: StoppedClock) -> None:
    visit_id = book(resident)
    move(visit_id, THURSDAY)
    stopped_clock.advance(60)
    move(visit_id, london(27, 10))
    [_, first, last] = messages(visit_id)
    assert (first.status, first.superseded_by_id) == (SUPERSEDED, last.id)
    assert (last.previous_starts_at, last.starts_at) == (WEDNESDAY, london(27, 10))


def test_moved_and_back_within_the_hold_is_no_text(resident: Resident) -> None:
    visit_id = book(resident)
    move(visit_id, THURSDAY)
    queued = move(visit_id, WEDNESDAY)
    assert not queued.due and not queued.told
    assert statuses(visit_id) == [BOOKED, (MessageKind.MOVED, SUPERSEDED)]


def test_moved_told_and_moved_back_is_a_second_text(resident: Resident, stopped_clock: StoppedClock) -> None:
    visit_id = book(resident)
    move(visit_id, THURSDAY)
    stopped_clock.advance(121)
    send()
    assert told_start(visit_id) == THURSDAY
    assert move(visit_id, WEDNESDAY).told
    assert messages(visit_id)[2].previous_starts_at == THURSDAY


def test_moved_by_ten_minutes_is_no_text_and_ten_more_is_one(resident: Resident) -> None:
    visit_id = book(resident)
    assert not move(visit_id, london(25, 10, 10)).due
    assert messages(visit_id)[1:] == []
    move(visit_id, london(25, 10, 20))
    assert messages(visit_id)[1].previous_starts_at == WEDNESDAY


def test_moved_by_ten_minutes_across_midnight_is_a_text(resident: Resident) -> None:
    visit_id = book(resident, london(25, 23, 55))
    assert move(visit_id, london(26, 0, 5)).told


def test_moved_after_the_told_start_has_passed_is_a_call(resident: Resident, stopped_clock: StoppedClock) -> None:
    visit_id = book(resident)
    stopped_clock.set(WEDNESDAY)
    queued = move(visit_id, THURSDAY)
    assert queued.due and not queued.told
    [task] = tasks(visit_id)
    assert task.reason is ContactReason.TIME_HAD_PASSED


def test_another_officer_at_the_time_being_told_needs_no_new_text(resident: Resident) -> None:
    visit_id = book(resident)
    first = move(visit_id, THURSDAY)
    with transaction() as session:
        visit = find_locked(session, visit_id)
        again = outbox.queue_visit_moved(session, visit, visit.resident, at=clock.now())
    assert again.message_id == first.message_id
    assert len(messages(visit_id)) == 2


def test_a_booking_text_that_never_went_goes_with_the_time_as_it_is_now(
    resident: Resident, stopped_clock: StoppedClock
) -> None:
    stopped_clock.set(london(23, 22))
    visit_id = book(resident, told=False)
    move(visit_id, london(25, 10, 10))
    [stopped, goes] = messages(visit_id)
    assert (stopped.status, stopped.superseded_by_id) == (SUPERSEDED, goes.id)
    assert (goes.kind, goes.starts_at) == (MessageKind.BOOKED, london(25, 10, 10))


def test_a_booking_text_overtaken_by_a_move_and_back_goes_after_all(
    resident: Resident, stopped_clock: StoppedClock
) -> None:
    stopped_clock.set(london(23, 22))
    visit_id = book(resident, told=False)
    move(visit_id, THURSDAY)
    assert not move(visit_id, WEDNESDAY).due
    assert statuses(visit_id) == [
        (MessageKind.BOOKED, SUPERSEDED),
        (MessageKind.MOVED, SUPERSEDED),
        (MessageKind.BOOKED, HELD),
    ]
    assert messages(visit_id)[2].starts_at == WEDNESDAY


# Cancellations


def test_moved_then_cancelled_is_only_the_cancellation(resident: Resident, stopped_clock: StoppedClock) -> None:
    """Moved 23:00, cancelled 06:00: only the cancellation, at 08:00, and it names the time that was told."""
    visit_id = book(resident)
    stopped_clock.set(london(23, 23))
    move(visit_id, THURSDAY)
    stopped_clock.set(london(24, 6))
    queued = cancel(visit_id)
    assert statuses(visit_id) == [
        BOOKED,
        (MessageKind.MOVED, SUPERSEDED),
        (MessageKind.CANCELLED, HELD),
    ]
    text = messages(visit_id)[2]
    assert (text.starts_at, text.expires_at, queued.send_at) == (WEDNESDAY, WEDNESDAY, london(24, 8))


def test_cancelled_after_the_told_start_has_passed_is_a_call(
    resident: Resident, stopped_clock: StoppedClock
) -> None:
    visit_id = book(resident)
    stopped_clock.set(london(25, 10, 1))
    queued = cancel(visit_id)
    assert queued.contact_task_id == tasks(visit_id)[0].id
    assert messages(visit_id)[1:] == []


# Delays


@pytest.fixture
def near(resident: Resident, stopped_clock: StoppedClock) -> UUID:
    """A visit an hour off."""
    visit_id = book(resident)
    stopped_clock.set(london(25, 9))
    return visit_id


def test_late_texts_only_when_they_are_news(near: UUID, stopped_clock: StoppedClock) -> None:
    """ETA +14, +32, then +10 more, then +20 more after 20 min: none, "about 10:35", none, a second text."""
    assert not delay(near, london(25, 10, 14)).told
    assert delay(near, london(25, 10, 32)).told
    send()
    stopped_clock.advance(20 * 60)
    assert not delay(near, london(25, 10, 42)).told
    second = delay(near, london(25, 10, 52))
    assert second.told and second.send_at == clock.now()
    [_, first_text, second_text] = messages(near)
    assert (first_text.expected_at, second_text.expected_at) == (london(25, 10, 35), london(25, 10, 55))
    assert second_text.previous_expected_at == london(25, 10, 35)
    assert second_text.expires_at == london(25, 10, 55)
    assert told_start(near) == WEDNESDAY


def test_good_news_is_told_and_never_earlier_than_booked(near: UUID, stopped_clock: StoppedClock) -> None:
    delay(near, london(25, 10, 32))
    send()
    stopped_clock.advance(600)
    assert delay(near, london(25, 9, 50)).told
    assert messages(near)[2].expected_at == WEDNESDAY


def test_a_late_text_that_has_not_gone_gives_way_to_what_is_known_now(near: UUID) -> None:
    delay(near, london(25, 10, 32))
    delay(near, london(25, 11, 2))
    [_, first, second] = messages(near)
    assert (first.status, first.superseded_by_id, second.status) == (SUPERSEDED, second.id, HELD)
    assert not delay(near, london(25, 10, 5)).told
    assert messages(near)[2].status is SUPERSEDED


def test_the_same_delay_reported_again_is_the_same_text(near: UUID) -> None:
    first = delay(near, london(25, 10, 32))
    assert delay(near, london(25, 10, 34)).message_id == first.message_id


def test_a_fourth_late_text_is_a_call(near: UUID, stopped_clock: StoppedClock) -> None:
    for minutes in (20, 40, 60):
        assert delay(near, WEDNESDAY + timedelta(minutes=minutes)).told
        send()
        stopped_clock.advance(600)
    queued = delay(near, london(25, 11, 30))
    assert queued.due and not queued.told
    assert [task.reason for task in tasks(near)] == [ContactReason.TOO_MANY_DELAYS]


def test_over_two_hours_late_is_told_and_also_planned_again(near: UUID, stopped_clock: StoppedClock) -> None:
    assert delay(near, london(25, 12, 30)).told
    send()
    stopped_clock.advance(900)
    assert delay(near, london(25, 13, 30)).told
    assert [task.reason for task in tasks(near)] == [ContactReason.REPLAN]


def test_an_officer_who_insists_is_heard(near: UUID) -> None:
    assert not delay(near, london(25, 10, 5)).told
    assert delay(near, london(25, 10, 5), insisted=True).told


def test_a_delay_after_a_move_still_on_its_way_counts_from_the_new_time(near: UUID) -> None:
    move(near, london(25, 11))
    assert not delay(near, london(25, 11, 10)).told
    assert delay(near, london(25, 11, 20)).told
    assert [each.status for each in messages(near)[1:]] == [HELD, HELD]


def test_what_was_said_of_the_time_before_a_move_is_not_what_the_resident_expects_now(
    near: UUID, stopped_clock: StoppedClock
) -> None:
    """Told "about 10:35", then told 13:00: five minutes past one are neither good news nor bad."""
    delay(near, london(25, 10, 32))
    send()
    move(near, london(25, 13))
    stopped_clock.advance(600)
    send()
    assert not delay(near, london(25, 13, 5)).told
    assert delay(near, london(25, 13, 20)).told
    assert messages(near)[-1].previous_expected_at is None


def test_a_change_stops_the_late_text_of_the_time_before(near: UUID) -> None:
    delay(near, london(25, 10, 32))
    move(near, london(25, 14))
    assert messages(near)[1].status is SUPERSEDED


# Calls


def test_one_call_tells_all_the_news(stopped_clock: StoppedClock) -> None:
    visit_id = book(factories.resident(phone=None))
    move(visit_id, THURSDAY)
    stopped_clock.advance(3600)
    cancel(visit_id)
    [task] = tasks(visit_id)
    assert task.detail == "cancelled"
    assert task.due_at == MONDAY + timedelta(minutes=30)
