"""A visit: its state now, and each thing that can be done with it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    bindparam,
    or_,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models import diary, standards
from models.booking_rules import Broken
from models.database import Base, by_value, new_id
from models.errors import Unprocessable, VersionConflict, VisitState
from models.no_access import AtTheDoor
from models.phone_clock import Kept, oddities
from models.prepared import Prepared, insert
from models.promise import Promise, fair_promise
from models.resident import Resident
from models.visit_event import EventKind, RequestedBy, VisitEvent

FARTHEST_AHEAD = timedelta(days=730)
FARTHEST_BACK = timedelta(days=366)


class VisitStatus(StrEnum):
    """Where a visit stands."""

    BOOKED = "booked"
    EN_ROUTE = "en_route"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    NO_ACCESS = "no_access"
    CANCELLED = "cancelled"
    MISSED = "missed"


class Outcome(StrEnum):
    """How a visit ended."""

    COMPLETED = "completed"
    NO_ACCESS = "no_access"


BEFORE_THE_DOOR = (VisitStatus.BOOKED, VisitStatus.EN_ROUTE)
OVER = (VisitStatus.COMPLETED, VisitStatus.NO_ACCESS)
_NOTHING_SAID = AtTheDoor()


class Visit(Base):
    """A home visit by one officer, or two together, to one resident at one address: its state now.

    How it came to be so is in its events, which are never changed; the times that the resident was
    promised are in its promises. `version` counts the changes and is the visit's ETag. Whatever is said of
    "its officer" holds for either of two.
    """

    __tablename__ = "visits"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_it_starts"),
        CheckConstraint(
            "second_officer_id IS NULL OR (officer_id IS NOT NULL AND second_officer_id <> officer_id)",
            name="two_officers_are_two",
        ),
        Index("ix_visits_starts_at", "starts_at", "id"),
        Index("ix_visits_officer", "officer_id", "starts_at", "id"),
        # Few visits have two officers: this way the others need no entry.
        Index(
            "ix_visits_second_officer",
            "second_officer_id",
            "starts_at",
            "id",
            sqlite_where=text("second_officer_id IS NOT NULL"),
            postgresql_where=text("second_officer_id IS NOT NULL"),
        ),
        # The same of those that nobody is to make yet.
        Index(
            "ix_visits_unassigned",
            "status",
            "starts_at",
            "id",
            sqlite_where=text("officer_id IS NULL"),
            postgresql_where=text("officer_id IS NULL"),
        ),
        Index("ix_visits_resident", "resident_id", "starts_at", "id"),
        Index("ix_visits_status", "status", "starts_at", "id"),
        Index("ix_visits_first_promised_at", "first_promised_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    resident_id: Mapped[UUID] = mapped_column(ForeignKey("residents.id"))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("officers.id"))
    second_officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("officers.id"))
    purpose: Mapped[str] = mapped_column(String(200))
    visit_type: Mapped[str | None] = mapped_column(String(60))
    skills: Mapped[list[str]] = mapped_column(JSON, default=list)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[VisitStatus] = mapped_column(by_value(VisitStatus))
    version: Mapped[int] = mapped_column()
    first_promised_at: Mapped[datetime]
    promise_number: Mapped[int]
    expected_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    departed_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    arrival_recorded_at: Mapped[datetime | None]
    arrival_promised_at: Mapped[datetime | None]
    arrival_flags: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    finished_at: Mapped[datetime | None]
    # As it was reported, once a correction says otherwise: what was first promised is judged by this for ever.
    reported_status: Mapped[VisitStatus | None] = mapped_column(by_value(VisitStatus, name="reported_status"))
    reported_arrived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    resident: Mapped[Resident] = relationship(lazy="raise")

    # What it breaks that refuses nothing, as it was when it was booked or moved just now: no column.
    warnings = tuple[Broken, ...]()

    @property
    def officer_ids(self) -> tuple[UUID, ...]:
        """Who comes: nobody yet, one officer or two."""
        return tuple(officer_id for officer_id in (self.officer_id, self.second_officer_id) if officer_id)

    @property
    def duration(self) -> timedelta:
        """How long the visit is planned to take."""
        return self.ends_at - self.starts_at

    @property
    def duration_minutes(self) -> int:
        """The same in whole minutes, as it was booked."""
        return int(self.duration.total_seconds() // 60)

    def cancel(
        self, session: Session, *, reason: str, requested_by: RequestedBy, by: UUID, at: datetime
    ) -> VisitEvent:
        """Cancel a visit whose officer is not yet at the door. Raises VisitState."""
        if self.status not in BEFORE_THE_DOOR:
            raise VisitState(f"This visit is {self.status.value} and can no longer be cancelled.")
        self.status = VisitStatus.CANCELLED
        self.save(session)
        self.close_promise(session, self.promise_number, by=EventKind.CANCELLED, at=at)
        return self._record(
            session,
            EventKind.CANCELLED,
            occurred_at=at,
            by=by,
            at=at,
            reason=reason,
            details={"starts_at": self.starts_at, "requested_by": requested_by},
        )

    def confirm(self, session: Session, *, reply_id: UUID | None, at: datetime) -> VisitEvent | None:
        """The resident says that the time suits them, by a text (`reply_id`) or on their page. Said again, it
        changes nothing."""
        if self.confirmed_at is not None:
            return None
        self.confirmed_at = at
        self.save(session)
        return self._record(
            session, EventKind.CONFIRMED, occurred_at=at, by=None, at=at, details={"reply_id": reply_id}
        )

    def depart(
        self,
        session: Session,
        *,
        departed_at: datetime,
        client_id: UUID,
        by: UUID,
        at: datetime,
        kept: Kept | None = None,
    ) -> VisitEvent:
        """The officer is on the way. Heard of after a later step, it is written down and takes nothing back.

        Raises VisitState if they had set out before, or if the visit is off.
        """
        if self.departed_at is not None or self.is_off(kept):
            raise VisitState(f"This visit is {self.status.value}: you cannot set out for it.")
        if self.status is VisitStatus.BOOKED:
            self.status = VisitStatus.EN_ROUTE
        if self.reported_status is VisitStatus.BOOKED:
            self.reported_status = VisitStatus.EN_ROUTE
        self.departed_at = departed_at
        self.save(session)
        odd = oddities(
            kept,
            occurred_at=departed_at,
            recorded_at=at,
            not_after=(self.arrived_at, self.finished_at),
            cancelled=self.status is VisitStatus.CANCELLED,
        )
        return self._record(
            session, EventKind.DEPARTED, occurred_at=departed_at, by=by, at=at, client_id=client_id, details=odd
        )

    def delay(
        self,
        session: Session,
        *,
        expected_at: datetime,
        answer: dict[str, Any],
        by: UUID | None,
        at: datetime,
        said_at: datetime | None = None,
        reason: str | None = None,
        client_id: UUID | None = None,
        is_news: bool = True,
    ) -> VisitEvent:
        """The officer will be there at another time than booked: by their word, by what follows from it, or by
        nobody's (`by` is None), as it was predicted.

        A delay never moves a promise. `answer` says how the resident is told: a phone that asks again gets it
        again. An officer's word has met `refuse_delay` before anybody was told; one that is no news any more is
        in the history, and leaves the visit as it is.
        """
        if is_news:
            self.expected_at = expected_at
            self.save(session)
        return self._record(
            session,
            EventKind.DELAYED,
            occurred_at=said_at or at,
            by=by,
            at=at,
            reason=reason,
            client_id=client_id,
            details=answer,
        )

    def refuse_delay(self, expected_at: datetime, at: datetime) -> None:
        """Raises VisitState once the officer is at the door, or Unprocessable for a time that cannot be meant."""
        if self.status not in BEFORE_THE_DOOR:
            raise VisitState(f"This visit is {self.status.value}: it can no longer be late.")
        if not at - timedelta(hours=1) <= expected_at <= self.starts_at + timedelta(hours=24):
            raise Unprocessable("expected_at", "Give the time you expect to be at the door, within a day.")

    def arrive(
        self,
        session: Session,
        *,
        arrived_at: datetime,
        position: tuple[float, float] | None,
        accuracy_m: float | None,
        client_id: UUID,
        by: UUID,
        at: datetime,
        kept: Kept | None = None,
    ) -> VisitEvent:
        """The officer is at the door: not the start of work. Both clocks are kept; odd is flagged, not refused.

        Judged against the latest fair promise. Heard of after the outcome, it leaves that as it is; heard of after
        a correction of the arrival, it is only what was reported. Raises VisitState if an arrival is recorded
        already or the visit is off.
        """
        is_corrected = self.reported_status is not None
        if (self.reported_arrived_at if is_corrected else self.arrived_at) is not None or self.is_off(kept):
            raise VisitState(f"This visit is already {self.status.value}.")
        promised_at = fair_promise(session, self.id, self.first_promised_at, min(arrived_at, at))
        flags = [
            flag.value
            for flag in standards.arrival_flags(
                arrived_at=arrived_at,
                recorded_at=at,
                departed_at=self.departed_at,
                finished_at=self.finished_at,
                distance_m=self._from_the_door_m(position),
                accuracy_m=accuracy_m,
                clock_corrected=kept is not None and kept.clock.is_wrong,
                cancelled=self.status is VisitStatus.CANCELLED,
            )
        ]
        if is_corrected:
            self.reported_arrived_at = arrived_at
            self.reported_status = _once_there(self.reported_status or self.status)
        if self.arrived_at is None and not self.is_said_to_be_missed:
            self.status = _once_there(self.status)
            self.arrived_at, self.arrival_recorded_at = arrived_at, at
            self.arrival_promised_at, self.arrival_flags = promised_at, flags
        self.save(session)
        return self._record(
            session,
            EventKind.ARRIVED,
            occurred_at=arrived_at,
            by=by,
            at=at,
            client_id=client_id,
            details={
                "promised_at": promised_at,
                "flags": flags,
                "position": position,
                "accuracy_m": accuracy_m,
            }
            | (kept.details if kept else {}),
        )

    def finish(
        self,
        session: Session,
        *,
        outcome: Outcome,
        finished_at: datetime,
        note: str | None,
        client_id: UUID,
        by: UUID,
        at: datetime,
        kept: Kept | None = None,
        door: AtTheDoor = _NOTHING_SAID,
    ) -> VisitEvent:
        """The visit is over. An arrival that the officer forgot to send is no obstacle. Where nobody opened,
        `door` is what the officer did there.

        Raises VisitState if it was over before or is off, and Unprocessable for an end before the arrival: who is
        still there can correct that, and what was `kept` is flagged.
        """
        reported = self.reported_status or self.status
        if reported in OVER or self.is_off(kept):
            raise VisitState(f"This visit is already {self.status.value}.")
        if kept is None and self.arrived_at and finished_at < self.arrived_at:
            raise Unprocessable("finished_at", "The visit cannot end before the officer arrived.")
        cancelled = self.status is VisitStatus.CANCELLED
        outdone = self.status in OVER or self.is_said_to_be_missed
        if self.reported_status is not None:
            self.reported_status = VisitStatus(outcome)
        if not cancelled and not outdone:
            self.status = VisitStatus(outcome)
            self.finished_at = finished_at
        if not cancelled:
            self.save(session)
        odd = oddities(
            kept,
            occurred_at=finished_at,
            recorded_at=at,
            not_before=(self.departed_at, self.arrived_at),
            cancelled=cancelled,
            distance_m=self._from_the_door_m(door.position),
            accuracy_m=door.accuracy_m,
        )
        return self._record(
            session,
            EventKind.FINISHED,
            occurred_at=finished_at,
            by=by,
            at=at,
            client_id=client_id,
            details={"outcome": outcome, "note": note} | door.details | odd,
        )

    def miss(self, session: Session, *, due_at: datetime, answer: dict[str, Any], at: datetime) -> VisitEvent:
        """Nobody came. "No arrival 60 minutes after the promise: missed"; `due_at` is that promise, or the later
        time that the resident was told.

        `answer` says how the resident is told. An arrival or an outcome that comes in later corrects it. Raises
        VisitState.
        """
        if self.status not in BEFORE_THE_DOOR:
            raise VisitState(f"This visit is {self.status.value}: somebody came, or nobody had to.")
        self.status = VisitStatus.MISSED
        self.save(session)
        missed_at = due_at + standards.MISSED_AFTER
        details = {"promised_at": self.starts_at, "due_at": due_at} | answer
        return self._record(session, EventKind.MISSED, occurred_at=missed_at, by=None, at=at, details=details)

    def _from_the_door_m(self, position: tuple[float, float] | None) -> float | None:
        """How far a phone was from the door, in metres; None if either is unknown."""
        home = self.resident.door
        return standards.distance_m(position, home) if position and home else None

    def is_off(self, kept: Kept | None) -> bool:
        """Whether the visit is cancelled for an officer who reports from it. A phone that had no signal could not
        know: it is written down that they went there, and the visit stays cancelled."""
        return self.status is VisitStatus.CANCELLED and kept is None

    @property
    def is_said_to_be_missed(self) -> bool:
        """Whether somebody corrected it to that: a report that comes in later is heard, and does not outdo it. Any
        report outdoes what the watch found."""
        return self.status is VisitStatus.MISSED and self.reported_status is not None

    def _record(self, session: Session, kind: EventKind, **what: Any) -> VisitEvent:
        """Write one line of the visit's history."""
        event = self.new_event(kind, **what)
        insert(session, event)
        return event

    def new_event(
        self,
        kind: EventKind,
        *,
        occurred_at: datetime,
        by: UUID | None,
        at: datetime,
        reason: str | None = None,
        client_id: UUID | None = None,
        details: dict[str, Any] | None = None,
    ) -> VisitEvent:
        return VisitEvent(
            id=uuid4(),
            visit_id=self.id,
            kind=kind,
            occurred_at=occurred_at,
            recorded_at=at,
            by_id=by,
            reason=reason,
            client_id=client_id,
            details=details or {},
        )

    def new_promise(self, *, by: UUID | None, at: datetime) -> Promise:
        return Promise(
            visit_id=self.id,
            number=self.promise_number,
            starts_at=self.starts_at,
            made_at=at,
            made_by_id=by,
        )

    def close_promise(self, session: Session, number: int, *, by: EventKind, at: datetime) -> None:
        """The promise of this number holds no longer, by what happened."""
        _CLOSE_PROMISE.run(session, visit=self.id, nth=number, at=at, by=by)

    def save(self, session: Session) -> None:
        """Write the changed state. Raises VersionConflict if somebody was faster, or DiaryClash."""
        read = self.version
        self.version = read + 1
        state = {name: getattr(self, name) for name in _STATE}
        with diary.refusing_overlaps(*self.officer_ids):
            written = _SAVE.run(session, key=self.id, read=read, **state)
        if not written:
            raise VersionConflict("Somebody changed the visit just now. Read it again, then repeat your change.")


_STATE = (
    "officer_id",
    "second_officer_id",
    "starts_at",
    "ends_at",
    "status",
    "version",
    "promise_number",
    "expected_at",
    "confirmed_at",
    "departed_at",
    "arrived_at",
    "arrival_recorded_at",
    "arrival_promised_at",
    "arrival_flags",
    "finished_at",
    "reported_status",
    "reported_arrived_at",
)
"""What may change about a visit once it is booked."""

_SAVE = Prepared(
    update(Visit.__table__)  # type: ignore[arg-type]
    .where(Visit.id == bindparam("key"), Visit.version == bindparam("read"))
    .values({name: bindparam(name) for name in _STATE})
)

_CLOSE_PROMISE = Prepared(
    update(Promise.__table__)  # type: ignore[arg-type]
    .where(Promise.visit_id == bindparam("visit"), Promise.number == bindparam("nth"))
    .values(closed_at=bindparam("at"), closed_by=bindparam("by"))
)


def _once_there(status: VisitStatus) -> VisitStatus:
    """The status once somebody is at the door: what came after that stays."""
    return VisitStatus.ARRIVED if status in (*BEFORE_THE_DOOR, VisitStatus.MISSED) else status


def is_by(officer: Any) -> ColumnElement[bool]:
    """The condition that a visit is this officer's, alone or together with another."""
    return or_(Visit.officer_id == officer, Visit.second_officer_id == officer)


def refuse_far_times(starts_at: datetime, at: datetime) -> None:
    """Raises Unprocessable for a time that was mistyped: two years away, or a year ago."""
    if not at - FARTHEST_BACK <= starts_at <= at + FARTHEST_AHEAD:
        raise Unprocessable("starts_at", "Choose a time within two years from now, or within the last year.")
