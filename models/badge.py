"""Badges: an officer's right to be recognised, and what the register says of one at the door."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Select,
    String,
    and_,
    bindparam,
    false,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from models.clock import LONDON
from models.database import Base, by_value, new_id
from models.duty import (
    AWAY,
    EXCEPTION_TODAY,
    NEAR_A_VISIT,
    around,
    hours_cover,
)
from models.errors import BadgeRevoked, Unknown
from models.officer import Employment, Officer, lock_diaries
from models.prepared import Prepared, Source
from models.working_hours import WorkingException

HANDLE_BITS = 20
"""A handle is four characters of base32, the beginning of the code that people type."""

STATUS_LIST_SIZE = 2**20
"""Badges one status list has room for: a card's `status_index` is below it."""


class BadgeKind(StrEnum):
    """A phone badge lives two minutes at a time; a card is printed."""

    PHONE = "phone"
    CARD = "card"


class CardStatus(IntEnum):
    """What the published list says of a card, by the numbers of the Token Status List."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


class Badge(Base):
    """One badge of one officer. Its `id` is in the token, and tells nothing about the officer.

    `status_index` is a card's place in the published status list: random, and never given to another.
    """

    __tablename__ = "badges"
    __table_args__ = (Index("ix_badges_officer", "officer_id", "kind", "issued_at", "id"),)

    id: Mapped[UUID] = new_id()
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"))
    kind: Mapped[BadgeKind] = mapped_column(by_value(BadgeKind))
    handle: Mapped[int] = mapped_column(unique=True)
    status_index: Mapped[int | None] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    issued_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    revoked_reason: Mapped[str | None] = mapped_column(String(500))

    def revoke(self, *, by: UUID | None, reason: str, at: datetime) -> None:
        """From the commit on, every check of this badge is red. The first revocation stays as it was."""
        if self.revoked_at is None:
            self.revoked_at, self.revoked_by_id, self.revoked_reason = at, by, reason


class BadgeRecord(NamedTuple):
    """What the register says of a badge and its officer at one instant: enough to judge it.

    The last three are of the bundle that a token was of: the sign-in it was made for has ended, another took its
    place.
    """

    badge_id: UUID
    kind: BadgeKind
    handle: int
    officer_id: UUID
    revoked_at: datetime | None
    expires_at: datetime | None
    display_name: str
    job_title: str
    employment: Employment
    company: str | None
    contract_ends_on: date | None
    suspended: bool
    active: bool
    photo_id: UUID | None
    on_duty: bool
    bundle_id: UUID | None = None
    signed_out: bool = False
    replaced_at: datetime | None = None


def find_record(session: Source, badge_id: UUID, at: datetime) -> BadgeRecord | None:
    """The badge, its officer and whether they are on duty at `at`, in one statement; None if unknown."""
    return find_by(_by_id, session, badge_id, at)


def find_by_handle(session: Source, handle: int, at: datetime) -> BadgeRecord | None:
    """The same for the badge whose typed code begins with `handle`."""
    return find_by(_by_handle, session, handle, at)


def find(session: Session, badge_id: UUID) -> Badge:
    """The badge itself, to be changed. Raises Unknown."""
    badge = session.get(Badge, badge_id)
    if badge is None:
        raise Unknown("No badge has this id.")
    return badge


def current_phone_badge(session: Session, officer_id: UUID) -> Badge | None:
    """The officer's newest phone badge, None before the first. Raises BadgeRevoked if it was revoked."""
    badge = session.scalar(
        select(Badge)
        .where(Badge.officer_id == officer_id, Badge.kind == BadgeKind.PHONE)
        .order_by(Badge.issued_at.desc(), Badge.id.desc())
        .limit(1)
    )
    if badge is not None and badge.revoked_at is not None:
        raise BadgeRevoked("Your badge was revoked. Ask an admin for a new one; until then, make no visits.")
    return badge


def phone_badge_for(session: Session, officer: Officer, at: datetime) -> Badge:
    """The officer's phone badge, made at its first use. Raises BadgeRevoked: only an admin issues another."""
    badge = current_phone_badge(session, officer.id)
    if badge is None:
        # Two phones of one officer may ask at once: the second waits here, and finds the first one's badge.
        lock_diaries(session, officer.id)
        badge = current_phone_badge(session, officer.id)
    return badge or _issue(session, officer, by=None, at=at)


def issue_phone_badge(session: Session, officer: Officer, *, by: UUID, at: datetime) -> Badge:
    """A new phone badge, on an admin's word. One that is still good, on a lost phone perhaps, is revoked."""
    lock_diaries(session, officer.id)
    for badge in session.scalars(
        select(Badge)
        .where(Badge.officer_id == officer.id, Badge.kind == BadgeKind.PHONE, Badge.revoked_at.is_(None))
        .order_by(Badge.id)
    ):
        badge.revoke(by=by, reason="Replaced by a new phone badge.", at=at)
    return _issue(session, officer, by=by, at=at)


def new_handle(session: Session) -> int:
    """A random handle that no badge has. A million are enough for every badge a council will ever issue."""
    while True:
        handle = secrets.randbits(HANDLE_BITS)
        if session.scalar(select(Badge.id).where(Badge.handle == handle)) is None:
            return handle


def new_status_index(session: Session) -> int:
    """A random place in the status list that no card has had."""
    while True:
        index = secrets.randbelow(STATUS_LIST_SIZE)
        if session.scalar(select(Badge.id).where(Badge.status_index == index)) is None:
            return index


def _issue(session: Session, officer: Officer, *, by: UUID | None, at: datetime) -> Badge:
    badge = Badge(
        id=uuid4(),
        officer_id=officer.id,
        kind=BadgeKind.PHONE,
        handle=new_handle(session),
        issued_at=at,
        issued_by_id=by,
    )
    session.add(badge)
    session.flush()
    return badge


def card_statuses(on: Source, at: datetime) -> list[tuple[int, CardStatus]]:
    """The cards that the council does not stand by at `at`, by their place in the status list."""
    rows = _NOT_VALID.all(on, today=at.astimezone(LONDON).date())
    return [(row.status_index, CardStatus.INVALID if row.ended else CardStatus.SUSPENDED) for row in rows]


_ended = or_(
    Badge.revoked_at.is_not(None),
    Officer.active.is_(False),
    and_(Officer.contract_ends_on.is_not(None), Officer.contract_ends_on < bindparam("today", type_=Date())),
)
_NOT_VALID = Prepared(
    select(Badge.status_index, _ended.label("ended"))
    .join(Officer, Officer.id == Badge.officer_id)
    .where(Badge.status_index.is_not(None), or_(_ended, Officer.suspended_at.is_not(None)))
    .order_by(Badge.status_index)
)

AT_WORK = (
    select(
        Officer.working_pattern,
        WorkingException.windows,
        AWAY,
        Badge.id,
        Badge.kind,
        Badge.handle,
        Badge.officer_id,
        Badge.revoked_at,
        Badge.expires_at,
        Officer.display_name,
        Officer.job_title,
        Officer.employment,
        Officer.company,
        Officer.contract_ends_on,
        Officer.suspended_at.is_not(None),
        Officer.active,
        Officer.photo_id,
    )
    .join(Officer, Officer.id == Badge.officer_id)
    .outerjoin(WorkingException, EXCEPTION_TODAY)
)
"""What the duty follows from, and then the columns of a record but for the duty."""

LookUp = tuple[Prepared, Prepared]


def in_hours_and_out(
    badges: Select[*tuple[Any, ...]],
    named: ColumnElement[bool],
    *further: ColumnElement[Any] | InstrumentedAttribute[Any],
) -> LookUp:
    """The look-up within the usual working hours, and the one that asks for a visit.

    `badges` is AT_WORK, joined to what `named` and the `further` columns of a record are of.
    """
    return (
        Prepared(badges.add_columns(false(), *further).where(named)),
        Prepared(badges.add_columns(NEAR_A_VISIT, *further).where(named)),
    )


_by_id = in_hours_and_out(AT_WORK, Badge.id == bindparam("wanted"))
_by_handle = in_hours_and_out(AT_WORK, Badge.handle == bindparam("wanted"))


def find_by(look_up: LookUp, session: Source, wanted: UUID | int, at: datetime) -> BadgeRecord | None:
    """The record that `look_up` finds for `wanted`, as one statement saw it; None if there is none."""
    in_hours, or_a_visit = look_up
    today = at.astimezone(LONDON).date()
    asked = {"wanted": wanted, "at": at, "today": today}
    if hours_cover(at, today):
        record = _record(in_hours.first(session, **asked), today, at)
        if record is None or record.on_duty:
            return record
    return _record(or_a_visit.first(session, **asked, **around(at)), today, at)


_ON_DUTY = BadgeRecord._fields.index("on_duty")


def _record(row: Sequence[Any] | None, today: date, at: datetime) -> BadgeRecord | None:
    if row is None:
        return None
    pattern, exception, away, *known = row
    # As the statement left it, it says whether there is a visit.
    if not known[_ON_DUTY]:
        known[_ON_DUTY] = not away and hours_cover(at, today, pattern, exception)
    return BadgeRecord(*known)
