"""Retention: what is removed once its time is over. docs/data-protection.md says why each is kept so long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import bundle, idempotency, scan, user
from models.badge_check import BadgeCheck
from models.bundle import Bundle
from models.database import Base
from models.due import DueTries
from models.idempotency import KeptAnswer
from models.incident import WORDS_KEPT_FOR, Incident
from models.live_code import LiveCode
from models.scan import ScanSalt
from models.user import RefreshToken, SignIn, SignInFailure


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows whose time is over: all of them goes, or only what is in `columns`."""

    what: str
    table: type[Base]
    is_old: ColumnElement[bool]
    columns: Sequence[InstrumentedAttribute[str | None]] = ()

    def count(self, session: Session) -> int:
        """How many rows it would touch."""
        return session.scalar(select(func.count()).select_from(self.table).where(self.is_old)) or 0

    def apply(self, session: Session) -> int:
        """Do it; how many rows it touched."""
        statement = update(self.table).values(dict.fromkeys(self.columns)) if self.columns else delete(self.table)
        return int(session.execute(statement.where(self.is_old)).rowcount)  # type: ignore[attr-defined]


SCANS = "scan records"

ASKED_KEPT_FOR = scan.KEPT_FOR
"""What was asked about a badge is kept for as long as that it was checked."""


def count_old(session: Session, at: datetime) -> dict[str, int]:
    """What `purge` would do now, in its words."""
    counts = {rule.what: rule.count(session) for rule in _rules(at)}
    return {SCANS: scan.count_old(session, at - scan.KEPT_FOR)} | counts


def purge(session: Session, at: datetime, *, chain_key: bytes) -> dict[str, int]:
    """Remove what is old; says how many of each. The scans that are left can still be proved."""
    removed = scan.cut_old(session, at - scan.KEPT_FOR, secret=chain_key)
    return {SCANS: removed} | {rule.what: rule.apply(session) for rule in _rules(at)}


def _rules(at: datetime) -> list[Rule]:
    """In an order in which nothing is removed that something else still names."""
    words = (Incident.words, Incident.phone, Incident.given)
    asked_long_ago = at - ASKED_KEPT_FOR
    refreshable = select(RefreshToken.sign_in_id).where(RefreshToken.expires_at > at)
    over = or_(SignIn.ended_at.is_not(None), SignIn.started_at <= at - user.REFRESH_LIFE)
    return [
        Rule("salts of the scans' addresses", ScanSalt, ScanSalt.day < at.date()),
        Rule(
            "residents' words in closed incidents",
            Incident,
            (Incident.closed_at < at - WORDS_KEPT_FOR) & or_(*(column.is_not(None) for column in words)),
            words,
        ),
        Rule("live codes", LiveCode, LiveCode.asked_at < asked_long_ago),
        Rule("questions whether an officer is due", DueTries, DueTries.token_issued_at < asked_long_ago),
        Rule("checks by telephone", BadgeCheck, BadgeCheck.checked_at < asked_long_ago),
        Rule("kept answers", KeptAnswer, KeptAnswer.started_at < at - idempotency.KEPT_FOR),
        Rule("bundles of badges for phones without signal", Bundle, Bundle.made_at < at - bundle.KEPT_FOR),
        Rule("refresh tokens", RefreshToken, RefreshToken.expires_at <= at),
        Rule("sign-ins", SignIn, over & SignIn.id.not_in(refreshable)),
        Rule("wrong passwords", SignInFailure, SignInFailure.failed_at <= at - user.TRY_WINDOW),
    ]
