"""The visit words: two plain words that the officer says first, and the resident knows beforehand.

"Two words the officer must say first." They follow from the visit and a secret, and are stored nowhere. "The
officer's app shows the words only within the window; each look is recorded."
"""

import hmac
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models.errors import VisitState
from models.plain_words import PLAIN_WORDS
from models.prepared import insert
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent

BEFORE = timedelta(hours=2)
"""How long before the visit the words are the officer's to know, and the officer the resident's."""


def visit_words(secret: bytes, visit_id: UUID) -> tuple[str, str]:
    """The two words of a visit, never the same one twice."""
    digest = hmac.digest(secret, visit_id.bytes, "sha256")
    first = int.from_bytes(digest[:8], "big") % len(PLAIN_WORDS)
    # From the words without the first, so that each of the others is as likely.
    further = 1 + int.from_bytes(digest[8:16], "big") % (len(PLAIN_WORDS) - 1)
    return PLAIN_WORDS[first], PLAIN_WORDS[(first + further) % len(PLAIN_WORDS)]


def refuse_words_unless_near(visit: Visit, at: datetime) -> None:
    """ "Only within the window": from two hours before the visit until it is over. Raises VisitState."""
    if visit.status not in (*BEFORE_THE_DOOR, VisitStatus.ARRIVED):
        raise VisitState(f"This visit is {visit.status.value}: its words are of no more use.")
    if not visit.starts_at - BEFORE <= at <= (visit.expected_at or visit.starts_at) + visit.duration:
        raise VisitState("The words are shown from two hours before the visit until its end.")


def record_look(session: Session, visit: Visit, kind: EventKind, *, by: UUID, at: datetime) -> None:
    """Write into the visit's history who has seen its words, and when."""
    insert(
        session,
        VisitEvent(id=uuid4(), visit_id=visit.id, kind=kind, occurred_at=at, recorded_at=at, by_id=by, details={}),
    )
