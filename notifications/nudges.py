"""Texts to officers who are asked for a word about a visit, for whom their phone's list alone may be too quiet."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.clock import LONDON
from models.nudge import Nudge, NudgeKind
from models.staff_text import AlertStatus
from models.visit import Visit
from notifications.senders.outcomes import Outgoing, Sender
from notifications.staff_texts import StaffTexts
from notifications.texts import Council

WORTH_TELLING = timedelta(hours=1)
"""By then a scheduler knows, and rings."""

_WORDS = {
    NudgeKind.NOBODY_ARRIVED: "{council}: are you at visit {visit}, due {time}? Say so in the app, or say when you"
    " will be there. No signal? Ring {phone}. Ref {ref}",
    NudgeKind.NO_OUTCOME: "{council}: are you all right? Visit {visit} was to end at {time}. Close it in the app,"
    " or ring {phone}. Ref {ref}",
}


def words_of(nudge: Nudge, visit_reference: str, council: Council) -> str:
    """What an officer reads. No resident is named, nor their home: telephones show texts on a locked screen."""
    return _WORDS[nudge.kind].format(
        council=council.name,
        phone=council.phone,
        visit=visit_reference,
        time=f"{nudge.about_at.astimezone(LONDON):%H:%M}",
        ref=nudge.reference,
    )


class NudgeSender(StaffTexts[Nudge]):
    """Texts each officer who was nudged, unless the word came meanwhile."""

    table = Nudge

    def __init__(self, sender: Sender, council: Council) -> None:
        super().__init__(sender)
        self._council = council

    def give_up_old(self, session: Session, at: datetime) -> None:
        """What was answered, or could not be sent for an hour, is not asked any more."""
        over = Nudge.ended_at.is_not(None) | (Nudge.made_at <= at - WORTH_TELLING)
        old = select(Nudge).where(Nudge.status == AlertStatus.WAITING, over)
        for nudge in session.scalars(old.order_by(Nudge.id).with_for_update(skip_locked=True)):
            nudge.status, nudge.error_code = AlertStatus.FAILED, "too-late"

    def outgoing(self, session: Session, text: Nudge, at: datetime) -> Outgoing:
        """What the officer reads."""
        visit = session.get_one(Visit, text.visit_id)
        return Outgoing(
            message_id=text.id,
            reference=text.reference,
            to=text.to_number,
            body=words_of(text, visit.reference, self._council),
            valid_for=max(text.made_at + WORTH_TELLING - at, timedelta(minutes=1)),
        )
