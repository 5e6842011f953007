"""Replies: what a resident's text asks for, what we do about it, and what we answer.

"STOP and START in the forms people type, YES confirms a visit, CHANGE or free words open a contact task holding
them."
"""

import re
import unicodedata
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.contact_task import ContactReason, ask_for_call
from models.database import insert_missing
from models.dispute import (
    DISPUTED_WITHIN,
    LONGEST_DISPUTE,
    DisputeStatus,
    SaidBy,
    can_be_disputed,
    say_i_was_in,
)
from models.feedback import keep_words
from models.message import GAVE_UP, Channel, Message, MessageKind
from models.number import clear_unusable, start_texts, stop_texts
from models.reply import Reply, ReplyKind
from models.resident import Resident
from models.standards import eta
from models.visit import BEFORE_THE_DOOR, Visit, VisitStatus
from models.visit_rows import find_locked
from notifications.feedback import answers_feedback
from notifications.receipts import it_was_answered
from notifications.texts import ANSWERS, DEFAULT, WORDINGS, Council, in_language, plain
from notifications.was_in import says_they_were_in

LONGEST = 1600
"""The longest text a carrier passes on, in characters."""

_OWN_WORDS = (ReplyKind.WORDS, ReplyKind.YES, ReplyKind.I_WAS_IN)
"""What may be said of a visit when we ask how it went: "fine" is a YES to any other text."""

NO_VISIT = timedelta(hours=2)
"""A reply that is about no visit to come is read within half an hour, as if there were one in two hours."""

IN_THE_AIR = timedelta(seconds=10)
"""A reply that comes so soon after a text, before its receipt, was written before that text arrived."""

_THUMB = "\U0001f44d\U0001f3fb-\U0001f3ff"
_COURTESIES = re.compile(r"\b(please|pls|plz|thanks|thank you|thankyou|thx|ta|cheers)\b")


_FORMS = {
    # The carrier blocks a number by itself on the words of the first line, whatever we make of them.
    ReplyKind.STOP: (
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        *(
            "stop all",
            "stop now",
            "stop it",
            "stop this",
            "opt out",
            "opt me out",
            "remove me",
            "no more",
            "no texts",
        ),
        *(
            "stop texts",
            "stop the texts",
            "stop texting",
            "stop texting me",
            "stop sending texts",
            "no more texts",
        ),
        *("stop messages", "stop the messages", "stop messaging me", "stop sending messages", "no more messages"),
        *("stop sending me texts", "stop sending me messages", "dont text me", "do not text me", "stop stop"),
    ),
    ReplyKind.START: (
        "start",
        "unstop",
        "restart",
        "start again",
        "start texts",
        "optin",
        "opt in",
        "text me again",
    ),
    ReplyKind.YES: (
        *(
            "yes",
            "y",
            "yep",
            "yeah",
            "yes yes",
            "ok",
            "okay",
            "yes ok",
            "ok yes",
            "confirm",
            "confirmed",
            "i confirm",
        ),
        *(
            "yes confirm",
            "yes confirmed",
            "fine",
            "thats fine",
            "that is fine",
            "yes thats fine",
            "yes that is fine",
        ),
        *(f"\U0001f44d{colour}" for colour in ("", *map(chr, range(0x1F3FB, 0x1F400)))),
    ),
    ReplyKind.CHANGE: (
        *("change", "change it", "change time", "change date", "change day", "change visit", "change appointment"),
        *("rebook", "re book", "rebook it", "rearrange", "reschedule", "new time", "another time", "new visit"),
    ),
    ReplyKind.HELP: ("help", "info"),
}


def classify(body: str) -> ReplyKind:
    """What a text asks for: a word that is the whole of it, whatever its case, marks and courtesies.

    "Please stop." stops; "Can you stop by at ten?" is for a person to read. That they were in, people say in many
    ways; it counts only of a visit to which nobody opened. CANCEL alone stops texts, because
    the carrier stops them on that word; `record_reply` has a person ask what was meant.
    """
    words = _fold(body)
    kinds = (kind for kind, forms in _FORMS.items() if words in forms)
    return next(kinds, ReplyKind.I_WAS_IN if says_they_were_in(words) else ReplyKind.WORDS)


def _fold(body: str) -> str:
    """The bare words: no case, no marks, no courtesies. A thumb up and its colour stay as they are."""
    letters = unicodedata.normalize("NFKC", body).casefold()
    letters = re.sub("['\u2019\ufe0f]", "", letters)
    words = re.sub(rf"[^\w\s{_THUMB}]|_", " ", letters).split()
    return " ".join(_COURTESIES.sub(" ", " ".join(words)).split())


def record_reply(
    session: Session,
    *,
    carrier_id: str,
    from_number: str,
    body: str,
    carrier_did: str | None = None,
    council: Council,
    at: datetime,
) -> str | None:
    """Record one text from a resident and do what it asks; the words of our answer, None for silence.

    `carrier_did` is the word (stop, start, help) that the carrier has heeded and answered by itself: then we say
    nothing. A text that reaches us twice is answered alike and does nothing the second time.
    """
    body = body[:LONGEST]
    kind = ReplyKind(carrier_did) if carrier_did else classify(body)
    reply, is_new = _write_down(session, carrier_id, from_number, kind, body, at)
    if not is_new:
        return reply.answer
    message = _answered(session, from_number, at)
    resident = _resident(session, from_number, message)
    visit = _visit(session, kind, resident, message, at)
    if kind is ReplyKind.I_WAS_IN and (visit is None or not can_be_disputed(visit, at)):
        reply.kind = ReplyKind.WORDS
    reply.resident_id = resident.id if resident else None
    reply.visit_id = visit.id if visit else None
    reply.message_id = message.id if message else None
    _heed_number(session, kind, from_number, at)
    if message is not None:
        it_was_answered(session, message.id, at)
    answer = _act(session, reply, visit, resident, message, council, at)
    reply.answer = None if carrier_did else answer
    return reply.answer


def _write_down(
    session: Session, carrier_id: str, from_number: str, kind: ReplyKind, body: str, at: datetime
) -> tuple[Reply, bool]:
    """The row of this text, and whether it is new. One that reaches us twice at once waits here for the first."""
    row = {
        "id": uuid4(),
        "carrier_id": carrier_id,
        "from_number": from_number,
        "kind": kind,
        "body": body,
        "received_at": at,
    }
    insert_missing(session, Reply, row)
    reply = session.scalars(select(Reply).where(Reply.carrier_id == carrier_id)).one()
    return reply, reply.id == row["id"]


def _heed_number(session: Session, kind: ReplyKind, number: str, at: datetime) -> None:
    clear_unusable(session, number)
    if kind is ReplyKind.STOP:
        stop_texts(session, number, at)
    elif kind in (ReplyKind.START, ReplyKind.YES):
        # On YES, too, the carrier lets texts through again.
        start_texts(session, number)


def _act(
    session: Session,
    reply: Reply,
    visit: Visit | None,
    resident: Resident | None,
    message: Message | None,
    council: Council,
    at: datetime,
) -> str | None:
    """Do what the reply asks, and say what we did."""
    language = resident.language if resident else DEFAULT
    say, wording = in_language(ANSWERS, language), in_language(WORDINGS, language)

    def answer(sentence: str, **more: str) -> str:
        return plain(sentence.format(council=council.name, phone=council.phone, **more))

    if reply.kind is ReplyKind.STOP and _fold(reply.body) != "cancel":
        return None
    if reply.kind is ReplyKind.START:
        return answer(say.started)
    if reply.kind is ReplyKind.HELP:
        return answer(say.help)
    if resident is None:
        return None if reply.kind is ReplyKind.STOP else answer(say.unknown)
    if reply.kind is ReplyKind.I_WAS_IN and visit is not None:
        words = reply.body[:LONGEST_DISPUTE]
        dispute = say_i_was_in(session, visit, said_by=SaidBy.TEXT, words=words, at=at)
        if dispute.status is DisputeStatus.OPEN:
            return answer(say.disputed, by=wording.day_and_time(dispute.ring_by))
    if visit is not None and _says_how_it_went(reply, message, at) and keep_words(session, visit, reply.body, at):
        return answer(say.feedback)
    to_come = visit if visit is not None and visit.status in BEFORE_THE_DOOR else None
    if reply.kind is ReplyKind.YES and to_come and message and to_come.starts_at == message.starts_at:
        to_come.confirm(session, reply_id=reply.id, at=at)
        if to_come.expected_at is not None:
            # They have been told to wait longer, or are about to be.
            return answer(say.expected, eta=wording.time(eta(to_come.expected_at, to_come.starts_at)))
        return answer(say.confirmed, start=wording.day_and_time(to_come.starts_at))
    # A YES to a time that is no longer the visit's is for a person, too.
    ask_for_call(
        session,
        visit_id=visit.id if visit else None,
        resident_id=resident.id,
        reason=ContactReason.REPLIED,
        detail=reply.kind.value,
        words=reply.body,
        reference_at=to_come.starts_at if to_come else at + NO_VISIT,
        at=at,
    )
    return None if reply.kind is ReplyKind.STOP else answer(say.read)


def _says_how_it_went(reply: Reply, message: Message | None, at: datetime) -> bool:
    """Whether this is the answer to our question how the visit went: their own words, or "fine"."""
    return reply.kind in _OWN_WORDS and answers_feedback(message, at) and bool(reply.body.strip())


def _answered(session: Session, number: str, at: datetime) -> Message | None:
    """The text that a reply from this number answers: the newest that can have arrived, or the newest at all.

    Never one that is known to have failed: a phone that was off is on again, and answers what came before.
    """
    sent = session.scalars(
        select(Message)
        .where(
            Message.resident_id.in_(select(Resident.id).where(_has(number))),
            Message.to_address == number,
            Message.channel == Channel.TEXT,
            Message.accepted_at.is_not(None),
            Message.status.not_in(GAVE_UP),
        )
        .order_by(Message.accepted_at.desc(), Message.number.desc(), Message.id)
        .limit(5)
    ).all()
    arrived = (each for each in sent if each.delivered_at or (each.accepted_at or at) <= at - IN_THE_AIR)
    return next(arrived, sent[0] if sent else None)


def _has(number: str) -> ColumnElement[bool]:
    return or_(Resident.phone == number, Resident.second_phone == number)


def _resident(session: Session, number: str, message: Message | None) -> Resident | None:
    if message is not None:
        return session.get(Resident, message.resident_id)
    first = select(Resident).where(_has(number)).order_by(Resident.created_at, Resident.id)
    return session.scalars(first.limit(1)).first()


def _visit(
    session: Session, kind: ReplyKind, resident: Resident | None, message: Message | None, at: datetime
) -> Visit | None:
    """The visit a reply is about, locked: that of the text it answers while it is still to come or was not opened
    to, else the next."""
    if resident is None:
        return None
    shut = _shut_door(session, resident, message, at) if kind is ReplyKind.I_WAS_IN else None
    if shut is not None:
        return find_locked(session, shut)
    if message is not None:
        visit = find_locked(session, message.visit_id)
        says_how_it_went = kind in _OWN_WORDS and answers_feedback(message, at)
        if visit.status in BEFORE_THE_DOOR or message.kind is MessageKind.NO_ACCESS or says_how_it_went:
            return visit
    coming = session.scalar(
        select(Visit.id)
        .where(Visit.resident_id == resident.id, Visit.status.in_(BEFORE_THE_DOOR), Visit.starts_at > at)
        .order_by(Visit.starts_at, Visit.id)
        .limit(1)
    )
    return find_locked(session, coming) if coming else None


def _shut_door(session: Session, resident: Resident, message: Message | None, at: datetime) -> UUID | None:
    """The visit to which this resident did not open, if a reply can be about it: it answers the text that says so,
    or none came after, as when they were told by a call."""
    if message is not None and message.kind is MessageKind.NO_ACCESS:
        return message.visit_id
    last = select(Visit.id).where(
        Visit.resident_id == resident.id,
        Visit.status == VisitStatus.NO_ACCESS,
        Visit.ends_at > at - DISPUTED_WITHIN,
    )
    if message is not None:
        last = last.where(Visit.finished_at >= message.accepted_at)
    return session.scalar(last.order_by(Visit.starts_at.desc(), Visit.id).limit(1))
