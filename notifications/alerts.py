"""Texts to the duty managers about incidents: each goes once to each of them, and is never lost.

They are few, and no visit's or resident's, so they stand beside the outbox and not in it. The same care is taken:
written before anything is sent, claimed before the carrier is called, and looked up before any could go again.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import clock
from models.clock import in_london
from models.database import reading, transaction
from models.incident import AlertStatus, Incident, IncidentAlert, IncidentKind
from notifications.senders.outcomes import (
    Accepted,
    Later,
    LookUpOutcome,
    Missing,
    Outgoing,
    Refused,
    Sender,
    SendOutcome,
    Sought,
    Unclear,
    Untraceable,
)

POLL_S = 2.0
WORTH_TELLING = timedelta(days=1)
"""An incident this old is history: whoever is on duty now reads the list."""

LEASE = timedelta(seconds=60)
AGAIN = timedelta(seconds=60)
CLOCKS_DIFFER = timedelta(minutes=5)
MANY = 20

_WORDS = {
    IncidentKind.REVOKED_BADGE_SCANNED: "a badge that was taken away was shown at a door",
    IncidentKind.SUSPENDED_BADGE_SCANNED: "the badge of a suspended officer was shown at a door",
    IncidentKind.BADGE_IN_TWO_PLACES: "one badge was checked in two places at one time",
    IncidentKind.BADGE_COPIED: "a badge may be copied",
    IncidentKind.SCAN_FLOOD: "somebody may be guessing badges",
    IncidentKind.CONCERN: "a resident is worried about a caller",
}

log = logging.getLogger(__name__)


def words_of(incident: Incident, council_name: str, reference: str) -> str:
    """`Harrow Council: a badge may be copied. Mon 23 Nov 2026 09:00:05 GMT. Incident HC-7K2M-9XQ4. Ref 7K3QX2AB`

    Nobody is named: a manager's telephone shows texts on its locked screen.
    """
    when = in_london(incident.opened_at)
    return f"{council_name}: {_WORDS[incident.kind]}. {when}. Incident {incident.reference}. Ref {reference}"


class AlertSender:
    """Sends what is due through the texts' carrier. Several may run at once, on several machines."""

    def __init__(self, sender: Sender, council_name: str, phones: Sequence[str]) -> None:
        self._sender = sender
        self._council_name = council_name
        self._phones = phones

    def run(self, stop: Event) -> None:
        """Send what falls due until `stop` is set."""
        while not stop.is_set():
            try:
                self.send_due()
            except SQLAlchemyError as error:
                log.error("alerts_database_unavailable", extra={"error": type(error).__name__})
            except Exception as error:
                # A sender never raises; should one, what it had is looked up like any other, and the rest goes on.
                log.error("sender_broke", extra={"error": type(error).__name__})
            stop.wait(POLL_S)

    def send_due(self) -> int:
        """Send what is due now, and look up what may have gone. Returns how many the carrier took."""
        at = clock.now()
        if self._is_idle(at):
            return 0
        with transaction() as session:
            self._write(session, at)
            _give_up_old(session, at)
            _doubt_abandoned(session, at)
            to_send = _claim(session, AlertStatus.WAITING, at)
            to_look_up = _claim(session, AlertStatus.UNCLEAR, at)
            told = {alert.id: self._outgoing(session, alert, at) for alert in to_send}
        taken = 0
        for alert in to_send:
            taken += _record(alert.id, self._sender.send(told[alert.id]))
        for alert in to_look_up:
            since = (alert.claimed_at or at) - CLOCKS_DIFFER
            taken += _record(alert.id, self._sender.find(Sought(alert.reference, alert.to_number, since)))
        return taken

    def _is_idle(self, at: datetime) -> bool:
        with reading() as session:
            new = session.scalar(select(Incident.id).where(_is_new(at)).limit(1))
            due = session.scalar(select(IncidentAlert.id).where(_is_due(at)).limit(1))
        return new is None and due is None

    def _write(self, session: Session, at: datetime) -> None:
        """A text for each duty manager of each new incident."""
        new = select(Incident).where(_is_new(at)).order_by(Incident.opened_at, Incident.id).limit(MANY)
        for incident in session.scalars(new.with_for_update(skip_locked=True)):
            incident.alerted_at = at
            for phone in self._phones:
                session.add(
                    IncidentAlert(
                        id=uuid4(),
                        incident_id=incident.id,
                        to_number=phone,
                        status=AlertStatus.WAITING,
                        next_try_at=at,
                    )
                )
        session.flush()

    def _outgoing(self, session: Session, alert: IncidentAlert, at: datetime) -> Outgoing:
        incident = session.get_one(Incident, alert.incident_id)
        return Outgoing(
            message_id=alert.id,
            reference=alert.reference,
            to=alert.to_number,
            body=words_of(incident, self._council_name, alert.reference),
            valid_for=max(incident.opened_at + WORTH_TELLING - at, timedelta(minutes=1)),
        )


def _is_new(at: datetime) -> ColumnElement[bool]:
    return Incident.alerted_at.is_(None) & (Incident.opened_at > at - WORTH_TELLING)


def _is_due(at: datetime) -> ColumnElement[bool]:
    unfinished = (AlertStatus.WAITING, AlertStatus.CLAIMED, AlertStatus.UNCLEAR)
    return IncidentAlert.status.in_(unfinished) & (IncidentAlert.next_try_at <= at)


def _give_up_old(session: Session, at: datetime) -> None:
    """What could not be sent for a day is news to nobody."""
    old = select(IncidentAlert).join(Incident, Incident.id == IncidentAlert.incident_id)
    old = old.where(IncidentAlert.status == AlertStatus.WAITING, Incident.opened_at <= at - WORTH_TELLING)
    for alert in session.scalars(old.order_by(IncidentAlert.id).with_for_update(skip_locked=True)):
        alert.status, alert.error_code = AlertStatus.FAILED, "too-late"


def _doubt_abandoned(session: Session, at: datetime) -> None:
    """A text whose sender died with it may have gone: look for it first."""
    for alert in _lock(session, AlertStatus.CLAIMED, at):
        alert.status = AlertStatus.UNCLEAR


def _claim(session: Session, status: AlertStatus, at: datetime) -> list[IncidentAlert]:
    """Take what is due into our hands, for as long as a lease."""
    mine = _lock(session, status, at)
    for alert in mine:
        alert.next_try_at = at + LEASE
        if status is AlertStatus.WAITING:
            alert.status, alert.claimed_at = AlertStatus.CLAIMED, at
    session.flush()
    return mine


def _lock(session: Session, status: AlertStatus, at: datetime) -> list[IncidentAlert]:
    due = select(IncidentAlert).where(IncidentAlert.status == status, IncidentAlert.next_try_at <= at)
    due = due.order_by(IncidentAlert.next_try_at, IncidentAlert.id).limit(MANY)
    return list(session.scalars(due.with_for_update(skip_locked=True)))


def _record(alert_id: UUID, outcome: SendOutcome | LookUpOutcome) -> bool:
    """Write down what came of it; whether the carrier has it."""
    at = clock.now()
    with transaction() as session:
        alert = session.get_one(IncidentAlert, alert_id, with_for_update=True, populate_existing=True)
        _apply(alert, outcome, at)
        log.info("alert", extra={"alert_id": str(alert.id), "status": alert.status})
        return alert.status is AlertStatus.SENT


def _apply(alert: IncidentAlert, outcome: SendOutcome | LookUpOutcome, at: datetime) -> None:
    match outcome:
        case Accepted():
            alert.status, alert.sent_at = AlertStatus.SENT, outcome.accepted_at or at
            alert.carrier_id = outcome.carrier_id
        case Refused():
            alert.status, alert.error_code = AlertStatus.FAILED, outcome.error_code
        case Untraceable():
            # It may have gone, and nobody will ever know: it must not go again.
            alert.status, alert.error_code = AlertStatus.FAILED, "untraceable"
        case Unclear():
            alert.status, alert.next_try_at = AlertStatus.UNCLEAR, at + AGAIN
        case Missing():
            alert.status, alert.next_try_at = AlertStatus.WAITING, at
        case _:
            # Not now. A look-up that was put off is as unclear as before.
            if alert.status is AlertStatus.CLAIMED:
                alert.status = AlertStatus.WAITING
            alert.next_try_at = at + (outcome.wait if isinstance(outcome, Later) else AGAIN)
