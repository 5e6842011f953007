"""The outbox: the message a change needs, written beside the change in the caller's own transaction.

"The message row is written in the change's own transaction": either both are there or neither is. Nothing
here sends. Booking and moving are hot paths, so these are plain statements: one to book, three to move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ask_for_call
from models.message import START_KINDS, Channel, Message, MessageKind, MessageStatus, new_message_reference
from models.prepared import Prepared, insert
from models.resident import ContactBy, Resident
from models.standards import (
    LateAnswer,
    Notice,
    eta,
    must_tell,
    needs_replanning,
    notice,
    worth_telling,
)
from models.visit import Visit
from notifications import ladder, policy
from notifications.mending import booking_is_owed
from notifications.told import delays_told, locked_history, not_gone, start_in_mind, start_told


@dataclass(frozen=True, slots=True)
class Queued:
    """How a resident is to be told of a change.

    `due`: the rules want them told. Then there is a text (`message_id`, `send_at`) or a task for a person
    (`contact_task_id`). `told_start` is what they had been told before, and `notice` what the change
    leaves them.
    """

    due: bool
    told_start: datetime
    notice: Notice
    message_id: UUID | None = None
    send_at: datetime | None = None
    contact_task_id: UUID | None = None

    @property
    def told(self) -> bool:
        """Whether a text says it."""
        return self.message_id is not None


def queue_visit_booked(session: Session, visit: Visit, resident: Resident, *, at: datetime) -> Queued:
    """Confirm a booking. A visit entered after it happened is not texted."""
    change = _Change(session, visit, resident, at, [], visit.starts_at, None)
    if visit.starts_at <= at:
        return change.untold()
    return change.tell(MessageKind.BOOKED, stop=[])


def queue_visit_moved(session: Session, visit: Visit, resident: Resident, *, at: datetime) -> Queued:
    """Tell of a visit's new start (`visit.starts_at`), if rule 1 wants it told.

    Texts still ours to stop are superseded: "if nothing has changed in the end, nobody is texted". "Moved
    after told_start has passed: no text; contact task." A new officer at a time already being told needs
    no new text.
    """
    history = locked_history(session, visit.id)
    before, unsent = start_told(session, visit, history), []
    for row in not_gone(history):
        if row.kind is MessageKind.ANOTHER_OFFICER:
            # Who comes is news whatever the time is: it goes, and names the new one.
            _RETIME.run(session, message=row.id, starts_at=visit.starts_at)
        else:
            unsent.append(row)
    change = _Change(session, visit, resident, at, history, before, visit.starts_at)
    if must_tell(before, visit.starts_at):
        if before <= at:
            return change.ask(MessageKind.MOVED, ContactReason.TIME_HAD_PASSED, stop=unsent)
        for row in unsent:
            if row.kind is MessageKind.MOVED and row.starts_at == visit.starts_at:
                return change.already_in(row)
        return change.tell(MessageKind.MOVED, stop=unsent, previous_starts_at=before)
    if unsent and booking_is_owed(history) and visit.starts_at > at:
        # The booking text never went, and the one that goes instead must hold the time as it is now.
        return change.tell(MessageKind.BOOKED, stop=unsent, due=False)
    change.supersede(unsent)
    if unsent:
        change.take_up_ladder()
    return change.untold()


def queue_visit_cancelled(session: Session, visit: Visit, resident: Resident, *, at: datetime) -> Queued:
    """Tell that the visit is off. "Moved then cancelled: only the cancellation goes." """
    history = locked_history(session, visit.id)
    before, unsent = start_told(session, visit, history), not_gone(history)
    change = _Change(session, visit, resident, at, history, before, None)
    if before <= at:
        return change.ask(MessageKind.CANCELLED, ContactReason.TIME_HAD_PASSED, stop=unsent)
    return change.tell(MessageKind.CANCELLED, stop=unsent, starts_at=before)


def queue_another_officer(session: Session, visit: Visit, resident: Resident, *, at: datetime) -> Queued:
    """Tell that another officer comes than the one the resident was shown, unless a text that waits says it."""
    history = locked_history(session, visit.id)
    change = _Change(session, visit, resident, at, history, start_told(session, visit, history), None)
    for row in not_gone(history):
        if row.kind is MessageKind.ANOTHER_OFFICER:
            return change.already_in(row)
    if visit.starts_at <= at:
        return change.ask(MessageKind.ANOTHER_OFFICER, ContactReason.TIME_HAD_PASSED, stop=[])
    return change.tell(MessageKind.ANOTHER_OFFICER, stop=[])


def stop_another_officer(session: Session, visit: Visit, *, at: datetime) -> None:
    """The officer whom the resident was shown comes after all: what has not gone is not true any more."""
    for row in not_gone(locked_history(session, visit.id)):
        if row.kind is MessageKind.ANOTHER_OFFICER:
            _SUPERSEDE.run(session, stopped=row.id, by=None, at=at)


def queue_visit_delayed(
    session: Session,
    visit: Visit,
    resident: Resident,
    *,
    expected_at: datetime,
    at: datetime,
    insisted: bool = False,
) -> Queued:
    """Tell that the officer will be late, or sooner than last said, if rule 5 finds it worth a text.

    `insisted`: the officer says the resident must know. A delay text that has not gone yet is superseded
    by newer knowledge, told or not: it is no longer true. What was said of a start that has moved since
    is no longer what the resident expects. A fourth text worth sending, and a delay of over two hours,
    ask a person to ring.
    """
    history = locked_history(session, visit.id)
    before = start_in_mind(session, visit, history)
    change = _Change(session, visit, resident, at, history, before, None)
    told = delays_told(history, before)
    unsent = [row for row in not_gone(history) if row.kind is MessageKind.DELAYED]
    answer = worth_telling(expected_at=expected_at, told_start=before, told=told, at=at, insisted=insisted)
    arrival = eta(expected_at, before)
    if needs_replanning(expected_at, before):
        change.ask(MessageKind.DELAYED, ContactReason.REPLAN, stop=[])
    if answer is LateAnswer.ENOUGH_TEXTS:
        return change.ask(MessageKind.DELAYED, ContactReason.TOO_MANY_DELAYS, stop=unsent)
    if answer is LateAnswer.NO_NEWS or arrival <= at:
        change.supersede(unsent)
        return change.untold()
    for row in unsent:
        if row.expected_at == arrival:
            return change.already_in(row)
    return change.tell(
        MessageKind.DELAYED,
        stop=unsent,
        starts_at=before,
        expected_at=arrival,
        previous_expected_at=told[-1].expected_at if told else None,
    )


def queue_visit_foreseen(
    session: Session,
    visit: Visit,
    resident: Resident,
    *,
    expected_at: datetime,
    window: tuple[datetime, datetime],
    enough_texts: bool,
    at: datetime,
) -> Queued:
    """Tell the window in which the officer is expected now, as a prediction found it worth telling
    (models/lateness.py); after the third text a person tells it. What has not gone is no longer true."""
    history = locked_history(session, visit.id)
    before = start_in_mind(session, visit, history)
    change = _Change(session, visit, resident, at, history, before, None)
    unsent = [row for row in not_gone(history) if row.kind is MessageKind.DELAYED]
    if needs_replanning(expected_at, before):
        change.ask(MessageKind.DELAYED, ContactReason.REPLAN, stop=[])
    if enough_texts:
        return change.ask(MessageKind.DELAYED, ContactReason.TOO_MANY_DELAYS, stop=unsent)
    told = delays_told(history, before)
    return change.tell(
        MessageKind.DELAYED,
        stop=unsent,
        starts_at=before,
        expected_at=expected_at,
        window=window,
        previous_expected_at=told[-1].expected_at if told else None,
    )


def stop_late_texts(session: Session, visit: Visit, *, at: datetime) -> None:
    """The officer is at the door, or was: a late text that has not gone is no news any more."""
    for row in not_gone(locked_history(session, visit.id)):
        if row.kind is MessageKind.DELAYED:
            _SUPERSEDE.run(session, stopped=row.id, by=None, at=at)


def tell_afterwards(
    session: Session, visit: Visit, kind: MessageKind, *, until: datetime, at: datetime
) -> UUID | None:
    """Tell of a visit whose time is over, by a message that is worth sending `until` then; the message's id.

    Whatever else has not gone is not true any more. None for a resident whom only a person can tell: whoever calls
    this has asked for that.
    """
    history = locked_history(session, visit.id)
    change = _Change(session, visit, visit.resident, at, history, visit.starts_at, None)
    stop = not_gone(history)
    if not ladder.ways(visit.resident):
        change.supersede(stop)
        return None
    return change.tell(kind, stop=stop, until=until).message_id


@dataclass(frozen=True, slots=True)
class _Change:
    """One change being told: what was said before it, and the answers it can end in.

    `new_start` is where a move goes, and None for anything else.
    """

    session: Session
    visit: Visit
    resident: Resident
    at: datetime
    history: Sequence[Any]
    before: datetime
    new_start: datetime | None

    @property
    def notice(self) -> Notice:
        return notice(told_start=self.before, new_start=self.new_start, decided_at=self.at)

    def untold(self) -> Queued:
        """The rules want no text."""
        return Queued(False, self.before, self.notice)

    def already_in(self, row: Any) -> Queued:
        """A message that is still waiting says it already."""
        return Queued(True, self.before, self.notice, row.news_id, row.send_at)

    def ask(self, kind: MessageKind, reason: ContactReason, *, stop: Sequence[Any]) -> Queued:
        """A person must ring; `stop` are the texts that no longer may go."""
        self.supersede(stop)
        left = self.notice
        task = ask_for_call(
            self.session,
            visit_id=self.visit.id,
            resident_id=self.visit.resident_id,
            reason=reason,
            detail=kind.value,
            reference_at=left.reference_at,
            at=self.at,
        )
        return Queued(True, self.before, left, contact_task_id=task.id)

    def tell(
        self,
        kind: MessageKind,
        *,
        stop: Sequence[Any],
        due: bool = True,
        previous_starts_at: datetime | None = None,
        starts_at: datetime | None = None,
        expected_at: datetime | None = None,
        window: tuple[datetime, datetime] | None = None,
        previous_expected_at: datetime | None = None,
        until: datetime | None = None,
    ) -> Queued:
        """Write the text in place of those to `stop`, or ask for a call if this resident is not to be
        texted. `until` is in the place of R where nobody waits for the visit any more."""
        left = self.notice
        reference_at = until or left.reference_at
        expires_at = until or policy.expires_at(kind, reference_at, window[1] if window else expected_at)
        first = ladder.first_way(
            self.resident, kind, decided_at=self.at, reference_at=reference_at, expires_at=expires_at
        )
        if first is None:
            return self.ask(kind, _why_only_a_person(self.resident), stop=stop)
        message_id = uuid4()
        row = {
            "id": message_id,
            "visit_id": self.visit.id,
            "resident_id": self.visit.resident_id,
            "number": len(self.history) + 1,
            "news_id": message_id,
            "kind": kind,
            "channel": first.way.channel,
            "status": MessageStatus.HELD,
            "reference": new_message_reference(),
            "to_address": first.way.address,
            "language": self.resident.language,
            "lane": policy.lane(kind),
            "previous_starts_at": previous_starts_at,
            "starts_at": starts_at or self.visit.starts_at,
            "expected_at": expected_at,
            "previous_expected_at": previous_expected_at,
            "window_from_at": window[0] if window else None,
            "window_to_at": window[1] if window else None,
            "decided_at": self.at,
            "reference_at": reference_at,
            "send_at": first.at,
            "expires_at": expires_at,
            "attempts": 0,
            "next_try_at": first.at,
            "lookups": 0,
            "receipt_rank": 0,
        }
        insert(self.session, Message(**row))
        self.supersede(stop, by=message_id)
        self.bring_forward([each for each in not_gone(self.history) if each not in stop], policy.lane(kind))
        return Queued(due, self.before, left, message_id, first.at)

    def supersede(self, stop: Sequence[Any], by: UUID | None = None) -> None:
        """Stop texts that have not gone; `by` is the one that goes instead, if one does."""
        for row in stop:
            _SUPERSEDE.run(self.session, stopped=row.id, by=by, at=self.at)

    def bring_forward(self, older: Sequence[Any], lane: int) -> None:
        """Let the visit's older texts go as soon as this one, which waits for them: "one at a time per visit", and
        "delays first"."""
        for row in older:
            _BRING_FORWARD.run(self.session, older=row.id, lane=lane)

    def take_up_ladder(self) -> None:
        """See to the next way of what was told last: no receipt shows that it was heard, and what was just stopped
        may have been its next way, or the reason why it needed none."""
        told = [row.id for row in self.history if row.kind in START_KINDS and row.status is MessageStatus.ACCEPTED]
        if told:
            _TAKE_UP_LADDER.run(self.session, told=told[-1], at=self.at)


_SUPERSEDE = Prepared(
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.id == bindparam("stopped"))
    .values(
        status=MessageStatus.SUPERSEDED,
        superseded_by_id=bindparam("by"),
        superseded_at=bindparam("at"),
        look_up_at=None,
        next_way_at=None,
    )
)

_RETIME = Prepared(
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.id == bindparam("message"))
    .values(
        starts_at=bindparam("starts_at"), reference_at=bindparam("starts_at"), expires_at=bindparam("starts_at")
    )
)

_BRING_FORWARD = Prepared(
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.id == bindparam("older"), Message.lane > bindparam("lane"))
    .values(lane=bindparam("lane"))
)

_TAKE_UP_LADDER = Prepared(
    update(Message.__table__)  # type: ignore[arg-type]
    .where(
        Message.id == bindparam("told"),
        Message.next_way_at.is_(None),
        # A mail server gives no receipt to wait for.
        Message.channel != Channel.EMAIL,
    )
    .values(next_way_at=bindparam("at"))
)


def _why_only_a_person(resident: Resident) -> ContactReason:
    """Why nothing goes by itself: they asked for a call, or left no number that could be used."""
    prefers = resident.contact_by is ContactBy.CALL
    return ContactReason.PREFERS_CALL if prefers else ContactReason.NO_MOBILE_NUMBER
