"""Asking a resident how their visit went, by one text, and telling them what was done about what they said.

"Opt-out respected, not more than one a month." Neither is news that anybody has to hear: each goes by a text or
not at all, and no other way follows one that does not arrive.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.errors import Unprocessable
from models.feedback import Feedback, may_be_asked, take_turn
from models.message import Channel, Message, MessageKind
from models.number import known
from models.resident import Resident
from models.visit import Visit
from notifications import afterwards, ladder, policy
from notifications.ladder import Next
from notifications.parts import measure
from notifications.texts import MOST_PARTS, Council, render

WORTH_ASKING = timedelta(hours=24)
"""After the visit's end; and as long a text of either kind may wait to be sent."""

ANSWERED_WITHIN = timedelta(days=7)
"""After the question; later words are for a person to read."""


def ask_how_it_went(session: Session, visit: Visit, *, after: timedelta, at: datetime) -> None:
    """Ask the resident of a visit that was made just now, so long after its end, by day. An `after` of 0: nobody
    is asked.

    Nor is one who may not be texted, who was asked within a month, or whom nobody came to in that time.
    """
    ended_at = min(visit.finished_at or at, at)
    if not after or at - ended_at >= WORTH_ASKING:
        return
    first = _by_text(session, visit.resident, MessageKind.FEEDBACK, max(ended_at + after, at))
    if first is None or not may_be_asked(session, visit.resident_id, at):
        return
    if take_turn(session, visit.resident_id, at):
        until = first.at + WORTH_ASKING
        afterwards.write(session, visit, visit.resident, MessageKind.FEEDBACK, first, until=until, at=at)


def tell_what_we_did(
    session: Session, feedback: Feedback, visit: Visit, council: Council, *, at: datetime
) -> None:
    """Tell the resident what was done about what they said, if they may be texted. The caller has the visit
    locked.

    Raises Unprocessable if it is too long for a text, whether one goes or not.
    """
    resident, said = visit.resident, feedback.done or ""
    _refuse_too_long(visit, resident, said, council)
    first = _by_text(session, resident, MessageKind.WE_DID, at)
    if first is not None:
        until = first.at + WORTH_ASKING
        feedback.message_id = afterwards.write(
            session, visit, resident, MessageKind.WE_DID, first, until=until, at=at, said=said
        )


def answers_feedback(message: Message | None, at: datetime) -> bool:
    """Whether a reply to this text is what its writer says of the visit."""
    asked_at = message.accepted_at if message is not None and message.kind is MessageKind.FEEDBACK else None
    return asked_at is not None and at - asked_at <= ANSWERED_WITHIN


def _by_text(session: Session, resident: Resident, kind: MessageKind, ready_at: datetime) -> Next | None:
    """The resident's own number and when a text may go there; None for one who wants none, or whom none
    reaches."""
    way = next(iter(ladder.ways(resident)), None)
    if way is None or way.channel is not Channel.TEXT:
        return None
    number = known(session, [way.address]).get(way.address)
    if number is not None and (number.stopped_at or number.unusable_at):
        return None
    return Next(way, policy.after_the_hold(kind, ready_at, ready_at))


def _refuse_too_long(visit: Visit, resident: Resident, said: str, council: Council) -> None:
    text = Message(
        kind=MessageKind.WE_DID,
        channel=Channel.TEXT,
        language=resident.language,
        reference="0" * 8,
        starts_at=visit.starts_at,
        said=said,
    )
    size = measure(render(text, council))
    if size.parts > MOST_PARTS[size.encoding]:
        raise Unprocessable("done", "This is too long for a text. Use fewer words.")
