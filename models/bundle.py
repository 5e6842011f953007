"""Bundles: tokens of the next hour, for a phone without signal, that die with the sign-in that asked for them."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Uuid, bindparam, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import badge
from models.badge import AT_WORK, Badge, BadgeRecord, in_hours_and_out
from models.database import Base
from models.errors import SignInRefused
from models.prepared import Source
from models.user import SignIn

KEPT_FOR = timedelta(days=1)
"""A bundle lasts an hour; its tokens are long expired, and so red without it, a quarter of an hour later."""

_VERSION = 8
"""Badges have UUIDs of version 4. A bundle's is of version 8 (RFC 9562: its maker's own), so that a check knows
from the token alone which of them it names, and a check of an ordinary badge asks nothing about bundles."""


def new_bundle_id() -> UUID:
    """122 random bits that are no badge's id."""
    number = secrets.randbits(128)
    number = number & ~(0xF << 76) | _VERSION << 76
    return UUID(int=number & ~(0b11 << 62) | 0b10 << 62)


class Bundle(Base):
    """One bundle: its tokens name it in place of the badge, which is how they end with the sign-in.

    `replaced_at`: its sign-in asked for another, and what it had not shown by then is shown no more.
    """

    __tablename__ = "bundles"

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True, default=new_bundle_id)
    badge_id: Mapped[UUID] = mapped_column(ForeignKey("badges.id"))
    sign_in_id: Mapped[UUID] = mapped_column(ForeignKey("sign_ins.id"), index=True)
    made_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


def begin(session: Session, *, badge_id: UUID, sign_in_id: UUID, at: datetime) -> UUID:
    """A new bundle of this sign-in, in place of the one before: a phone never has two. Raises SignInRefused."""
    # Of two requests at once, the second waits here and replaces what the first one got.
    lasting = select(SignIn.id).where(SignIn.id == sign_in_id, SignIn.ended_at.is_(None)).with_for_update()
    if session.scalar(lasting) is None:
        raise SignInRefused("You are signed out. Sign in again.")
    before = update(Bundle).where(Bundle.sign_in_id == sign_in_id, Bundle.replaced_at.is_(None))
    session.execute(before.values(replaced_at=at))
    bundle_id = new_bundle_id()
    session.add(Bundle(id=bundle_id, badge_id=badge_id, sign_in_id=sign_in_id, made_at=at))
    return bundle_id


def is_bundle(named: UUID) -> bool:
    """Whether a token that names this is of a bundle."""
    return named.int >> 76 & 0xF == _VERSION


def find_record(session: Source, named: UUID, at: datetime) -> BadgeRecord | None:
    """What the register says of the badge that a token names, itself or by its bundle; None if unknown."""
    if is_bundle(named):
        return badge.find_by(_BY_BUNDLE, session, named, at)
    return badge.find_record(session, named, at)


def find_badge(session: Session, named: UUID) -> Badge:
    """The badge that a token names, itself or by its bundle, to be changed. Raises Unknown."""
    bundle = session.get(Bundle, named) if is_bundle(named) else None
    return badge.find(session, bundle.badge_id if bundle else named)


_BY_BUNDLE = in_hours_and_out(
    AT_WORK.join(Bundle, Bundle.badge_id == Badge.id).join(SignIn, SignIn.id == Bundle.sign_in_id),
    Bundle.id == bindparam("wanted"),
    Bundle.id.label("bundle_id"),
    SignIn.ended_at.is_not(None),
    Bundle.replaced_at,
)
