"""Retention: what is removed once its time is over. docs/data-protection.md says why each is kept so long.

What the published figures count is never deleted: a row that they need is emptied of whom it was about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, case, cast, delete, func, inspect, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import absence, bundle, change_feed, hold, idempotency, nudge, scan, showing, user, visit_facts
from models.absence import Absence
from models.alert import Alert
from models.badge_check import BadgeCheck
from models.bundle import Bundle
from models.contact_task import ContactTask, ContactTaskStatus
from models.database import Base, reading, transaction
from models.diary_change import DiaryChange
from models.dispute import Dispute, DisputeStatus
from models.due import DueTries
from models.feedback import A_MONTH, Feedback, FeedbackAsked
from models.forecast import Forecast
from models.hold import Hold
from models.idempotency import KeptAnswer
from models.incident import WORDS_KEPT_FOR, Incident
from models.live_code import LiveCode
from models.message import ON_ITS_WAY, Message, MessageKind
from models.missed_standard import MissedStandard
from models.no_access_photo import KEPT_FOR as PHOTO_KEPT_FOR
from models.no_access_photo import NoAccessPhoto
from models.nudge import Nudge
from models.number import Number
from models.reply import Reply
from models.resident import FORGOTTEN, ContactBy, PlaceFrom, Resident
from models.scan import ScanSalt
from models.showing import OfficerShowing
from models.user import RefreshToken, SignIn, SignInFailure
from models.visit import Visit
from models.visit_answer import VisitAnswer
from models.visit_event import VisitEvent
from models.visit_facts import FigureChange
from models.working_hours import WorkingException

AT_ONCE = 500
"""Rows touched in one transaction: whoever books a visit meanwhile waits no longer than those take."""

SCANS = "scan records"

ASKED_KEPT_FOR = scan.KEPT_FOR
"""What was asked about a badge is kept for as long as that it was checked."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long the council keeps what it may decide on itself: settings, with these defaults."""

    messages: timedelta = timedelta(days=365)
    visits: timedelta = timedelta(days=730)
    residents: timedelta = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows whose time is over: each is deleted, or has its columns set as `becomes` says.

    A row that was emptied is old no more, so that none is touched twice.
    """

    what: str
    table: type[Base]
    is_old: ColumnElement[bool]
    becomes: Mapping[InstrumentedAttribute[Any], Any] = field(default_factory=dict)

    def count(self, session: Session) -> int:
        """How many rows it would touch."""
        return session.scalar(select(func.count()).select_from(self.table).where(self.is_old)) or 0

    def apply(self) -> int:
        """Do it, a few rows in each transaction; how many rows it touched.

        They are looked for outside of the transactions, in the order of their keys: that is most of the work.
        """
        touched = 0
        keys = self._next(None)
        while keys:
            with transaction() as session:
                touched += self._touch(session, keys)
            keys = self._next(keys[-1]) if len(keys) == AT_ONCE else []
        return touched

    def _next(self, after: Sequence[Any] | None) -> list[tuple[Any, ...]]:
        """The keys of the next old rows."""
        columns = inspect(self.table).primary_key
        query = select(*columns).where(self.is_old).order_by(*columns).limit(AT_ONCE)
        if after is not None:
            query = query.where(tuple_(*columns) > tuple_(*after, types=[column.type for column in columns]))
        with reading() as session:
            return [tuple(row) for row in session.execute(query)]

    def _touch(self, session: Session, keys: Sequence[tuple[Any, ...]]) -> int:
        # What has changed since it was found, such as a resident with a new visit, is old no more.
        which = self.is_old & tuple_(*inspect(self.table).primary_key).in_(keys)
        statement = update(self.table).values(dict(self.becomes)) if self.becomes else delete(self.table)
        statement = statement.where(which).execution_options(synchronize_session=False)
        return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]


def count_old(session: Session, at: datetime, *, keep: Keep) -> dict[str, int]:
    """What `purge` would do now, in its words."""
    counts = {rule.what: rule.count(session) for rule in _rules(at, keep)}
    return {SCANS: scan.count_old(session, at - scan.KEPT_FOR)} | counts


def purge(at: datetime, *, keep: Keep, chain_key: bytes) -> dict[str, int]:
    """Remove what is old; says how many of each. The scans that are left can still be proved."""
    return {SCANS: _cut_scans(at, chain_key)} | {rule.what: rule.apply() for rule in _rules(at, keep)}


def _cut_scans(at: datetime, chain_key: bytes) -> int:
    removed = 0
    while True:
        with transaction() as session:
            cut = scan.cut_old(session, at - scan.KEPT_FOR, secret=chain_key, at_most=AT_ONCE)
        removed += cut
        if cut < AT_ONCE:
            return removed


def _rules(at: datetime, keep: Keep) -> list[Rule]:
    """In an order in which nothing is removed that something else still names."""
    residents = _of_residents(at - keep.residents)
    return [*_of_badges(at), *_of_visits(at, keep), residents, _of_numbers(), *_of_hours(at), *_of_accounts(at)]


def _of_badges(at: datetime) -> list[Rule]:
    words = (Incident.words, Incident.phone, Incident.given)
    asked_long_ago = at - ASKED_KEPT_FOR
    return [
        Rule("salts of the scans' addresses", ScanSalt, ScanSalt.day < at.date()),
        Rule(
            "residents' words in closed incidents",
            Incident,
            (Incident.closed_at < at - WORDS_KEPT_FOR) & or_(*(column.is_not(None) for column in words)),
            dict.fromkeys(words),
        ),
        Rule("live codes", LiveCode, LiveCode.asked_at < asked_long_ago),
        Rule("questions whether an officer is due", DueTries, DueTries.token_issued_at < asked_long_ago),
        Rule("checks by telephone", BadgeCheck, BadgeCheck.checked_at < asked_long_ago),
    ]


def _of_visits(at: datetime, keep: Keep) -> list[Rule]:
    """What was said about a visit. Its times stay, and why a time was changed: the figures count them."""

    def over(of: InstrumentedAttribute[UUID], before: datetime) -> ColumnElement[bool]:
        return select(Visit.id).where(Visit.id == of, Visit.ends_at < before).exists()

    # A word of ours stays: the figures ask which calls told of a delay.
    said_by_somebody = ContactTask.detail.not_in(["", *(kind.value for kind in MessageKind)])
    return [
        Rule(
            "messages' words and numbers",
            Message,
            over(Message.visit_id, at - keep.messages)
            & Message.status.not_in(ON_ITS_WAY)
            & (Message.to_address != ""),
            {Message.to_address: "", Message.body: None, Message.said: None},
        ),
        Rule(
            "replies' words and numbers",
            Reply,
            (Reply.received_at < at - keep.messages) & (Reply.from_number != ""),
            {Reply.from_number: "", Reply.body: "", Reply.answer: None},
        ),
        Rule("notes of who was asked how it was", FeedbackAsked, FeedbackAsked.asked_at <= at - A_MONTH),
        Rule(
            "residents' words in feedback",
            Feedback,
            (Feedback.said_at < at - keep.messages) & Feedback.words.is_not(None),
            {Feedback.words: None},
        ),
        Rule(
            "words in done contact tasks",
            ContactTask,
            (ContactTask.created_at < at - keep.visits)
            & (ContactTask.status != ContactTaskStatus.OPEN)
            & or_(said_by_somebody, ContactTask.words.is_not(None), ContactTask.note.is_not(None)),
            {
                ContactTask.detail: case((said_by_somebody, ""), else_=ContactTask.detail),
                ContactTask.words: None,
                ContactTask.note: None,
            },
        ),
        Rule(
            "visits' purposes",
            Visit,
            (Visit.ends_at < at - keep.visits) & (Visit.purpose != ""),
            {Visit.purpose: "", Visit.skills: []},
        ),
        Rule(
            "words and places in visits' histories",
            VisitEvent,
            over(VisitEvent.visit_id, at - keep.visits)
            & or_(VisitEvent.reason.is_not(None), cast(VisitEvent.details, String) != "{}"),
            {VisitEvent.reason: None, VisitEvent.details: {}},
        ),
        Rule(
            "photos of doors",
            NoAccessPhoto,
            over(NoAccessPhoto.visit_id, at - PHOTO_KEPT_FOR)
            & ~select(Dispute.id)
            .where(Dispute.visit_id == NoAccessPhoto.visit_id, Dispute.status == DisputeStatus.OPEN)
            .exists(),
        ),
        Rule(
            "words in settled disputes",
            Dispute,
            over(Dispute.visit_id, at - keep.visits)
            & (Dispute.status != DisputeStatus.OPEN)
            & or_(Dispute.words.is_not(None), Dispute.reason.is_not(None)),
            {Dispute.words: None, Dispute.reason: None},
        ),
        Rule(
            "what residents wrote on visits' pages",
            VisitAnswer,
            over(VisitAnswer.visit_id, at - keep.visits)
            & or_(VisitAnswer.needs.is_not(None), VisitAnswer.feedback.is_not(None)),
            {VisitAnswer.needs: None, VisitAnswer.feedback: None},
        ),
        Rule(
            "notes on redress",
            MissedStandard,
            over(MissedStandard.visit_id, at - keep.visits) & MissedStandard.note.is_not(None),
            {MissedStandard.note: None},
        ),
        # No figure counts these, and nobody looks back at them.
        Rule("alerts about visits", Alert, over(Alert.visit_id, at - keep.visits)),
        Rule("predictions of arrivals", Forecast, over(Forecast.visit_id, at - keep.messages)),
    ]


def _of_residents(before: datetime) -> Rule:
    """Nobody is forgotten who is to be visited, or to be rung."""
    visited_since = select(Visit.id).where(Visit.resident_id == Resident.id, Visit.ends_at >= before)
    to_be_rung = select(ContactTask.id).where(
        ContactTask.resident_id == Resident.id, ContactTask.status == ContactTaskStatus.OPEN
    )
    unknown = (Resident.phone, Resident.second_phone, Resident.email, Resident.needs, Resident.line_2)
    nowhere = (Resident.latitude, Resident.longitude, Resident.uprn, Resident.ward)
    nothing = (Resident.line_1, Resident.town, Resident.postcode)
    return Rule(
        "residents",
        Resident,
        (Resident.name != FORGOTTEN)
        & (Resident.created_at < before)
        & ~visited_since.exists()
        & ~to_be_rung.exists(),
        {
            Resident.name: FORGOTTEN,
            Resident.place_from: PlaceFrom.UNKNOWN,
            Resident.language: "en",
            Resident.contact_by: ContactBy.TEXT,
        }
        | dict.fromkeys(unknown + nowhere)
        | dict.fromkeys(nothing, ""),
    )


def _of_numbers() -> Rule:
    """Numbers that no text reaches and nobody has any more. One that said STOP is kept until it says START."""
    whose = select(Resident.id).where(or_(Resident.phone == Number.number, Resident.second_phone == Number.number))
    return Rule("numbers that are nobody's", Number, Number.stopped_at.is_(None) & ~whose.exists())


def _of_hours(at: datetime) -> list[Rule]:
    long_ago = at - absence.KEPT_FOR
    return [
        Rule("absences", Absence, Absence.ends_at < long_ago),
        Rule("holds of slots", Hold, Hold.expires_at < at - hold.KEPT_FOR),
        Rule("notes of changed days", DiaryChange, DiaryChange.made_at < at - change_feed.KEPT_FOR),
        Rule("notes of changed figures", FigureChange, FigureChange.made_at < at - visit_facts.KEPT_FOR),
        Rule("nudges of officers", Nudge, Nudge.made_at < at - nudge.KEPT_FOR),
        Rule("who was shown", OfficerShowing, OfficerShowing.first_shown_at < at - showing.KEPT_FOR),
        Rule("exceptions from officers' hours", WorkingException, WorkingException.day < long_ago.date()),
    ]


def _of_accounts(at: datetime) -> list[Rule]:
    refreshable = select(RefreshToken.sign_in_id).where(RefreshToken.expires_at > at)
    over = or_(SignIn.ended_at.is_not(None), SignIn.started_at <= at - user.REFRESH_LIFE)
    return [
        Rule("kept answers", KeptAnswer, KeptAnswer.started_at < at - idempotency.KEPT_FOR),
        Rule("bundles of badges for phones without signal", Bundle, Bundle.made_at < at - bundle.KEPT_FOR),
        Rule("refresh tokens", RefreshToken, RefreshToken.expires_at <= at),
        Rule(
            "sign-ins", SignIn, over & SignIn.id.not_in(refreshable) & SignIn.id.not_in(select(Bundle.sign_in_id))
        ),
        Rule("wrong passwords", SignInFailure, SignInFailure.failed_at <= at - user.TRY_WINDOW),
    ]
