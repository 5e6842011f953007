"""Texts to the duty managers about incidents: who is told, and in what words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.clock import in_london
from models.incident import Incident, IncidentAlert, IncidentKind
from models.staff_text import AlertStatus
from notifications.senders.outcomes import Outgoing, Sender
from notifications.staff_texts import MANY, StaffTexts

WORTH_TELLING = timedelta(days=1)
"""An incident this old is history: whoever is on duty now reads the list."""

_WORDS = {
    IncidentKind.REVOKED_BADGE_SCANNED: "a badge that was taken away was shown at a door",
    IncidentKind.SUSPENDED_BADGE_SCANNED: "the badge of a suspended officer was shown at a door",
    IncidentKind.BADGE_IN_TWO_PLACES: "one badge was checked in two places at one time",
    IncidentKind.BADGE_COPIED: "a badge may be copied",
    IncidentKind.SCAN_FLOOD: "somebody may be guessing badges",
    IncidentKind.CONCERN: "a resident is worried about a caller",
    IncidentKind.OFFICER_SILENT: "an officer has not come out of a visit, and nobody has said that they are well",
}


def words_of(incident: Incident, council_name: str, reference: str) -> str:
    """`Harrow Council: a badge may be copied. Mon 23 Nov 2026 09:00:05 GMT. Incident HC-7K2M-9XQ4. Ref 7K3QX2AB`

    Nobody is named: a manager's telephone shows texts on its locked screen.
    """
    when = in_london(incident.opened_at)
    return f"{council_name}: {_WORDS[incident.kind]}. {when}. Incident {incident.reference}. Ref {reference}"


class AlertSender(StaffTexts[IncidentAlert]):
    """Tells each duty manager of each incident."""

    table = IncidentAlert

    def __init__(self, sender: Sender, council_name: str, phones: Sequence[str]) -> None:
        super().__init__(sender)
        self._council_name = council_name
        self._phones = phones

    def is_idle(self, session: Session, at: datetime) -> bool:
        """Whether there is nothing to do, and no incident that nobody has been told of."""
        new = session.scalar(select(Incident.id).where(_is_new(at)).limit(1))
        return new is None and super().is_idle(session, at)

    def write(self, session: Session, at: datetime) -> None:
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

    def give_up_old(self, session: Session, at: datetime) -> None:
        """What could not be sent for a day is news to nobody."""
        old = select(IncidentAlert).join(Incident, Incident.id == IncidentAlert.incident_id)
        old = old.where(IncidentAlert.status == AlertStatus.WAITING, Incident.opened_at <= at - WORTH_TELLING)
        for alert in session.scalars(old.order_by(IncidentAlert.id).with_for_update(skip_locked=True)):
            alert.status, alert.error_code = AlertStatus.FAILED, "too-late"

    def outgoing(self, session: Session, text: IncidentAlert, at: datetime) -> Outgoing:
        """What a manager reads."""
        incident = session.get_one(Incident, text.incident_id)
        return Outgoing(
            message_id=text.id,
            reference=text.reference,
            to=text.to_number,
            body=words_of(incident, self._council_name, text.reference),
            valid_for=max(incident.opened_at + WORTH_TELLING - at, timedelta(minutes=1)),
        )


def _is_new(at: datetime) -> ColumnElement[bool]:
    return Incident.alerted_at.is_(None) & (Incident.opened_at > at - WORTH_TELLING)
