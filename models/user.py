"""The people who sign in: accounts, sign-ins and their rotating refresh tokens."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import argon2
from sqlalchemy import ForeignKey, Index, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from models.database import Base, by_value, new_id, reading, transaction
from models.errors import SignInRefused, TooManyTries

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=14)

TRY_WINDOW = timedelta(minutes=15)
TRIES_BY_ACCOUNT_AND_ADDRESS = 5
TRIES_BY_ADDRESS = 50
"""An account is throttled only together with an address, so that nobody can lock another person out."""

passwords = argon2.PasswordHasher()
# A stranger's unknown username costs the same time as a wrong password.
_NOBODY = passwords.hash(secrets.token_hex(16))


class Role(StrEnum):
    """What somebody may do. Each route names its roles."""

    ADMIN = "admin"
    SCHEDULER = "scheduler"
    OFFICER = "officer"


class User(Base):
    """An account. An officer's account is tied to one officer."""

    __tablename__ = "users"

    id: Mapped[UUID] = new_id()
    username: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(by_value(Role))
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("officers.id"), index=True)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    def set_password(self, password: str) -> None:
        """Keep only the argon2id hash."""
        self.password_hash = passwords.hash(password)


class SignIn(Base):
    """One sign-in on one device: the family of refresh tokens that grew from it."""

    __tablename__ = "sign_ins"

    id: Mapped[UUID] = new_id()
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user: Mapped[User] = relationship(lazy="raise")


class RefreshToken(Base):
    """A refresh token, kept as its SHA-256: 256 random bits need no slow hash."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    sign_in_id: Mapped[UUID] = mapped_column(ForeignKey("sign_ins.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInFailure(Base):
    """A wrong password, counted to slow guessing. The username and address are kept only as hashes."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index("ix_sign_in_failures_account", "account", "address", "failed_at"),
        Index("ix_sign_in_failures_address", "address", "failed_at"),
    )

    id: Mapped[UUID] = new_id()
    account: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    failed_at: Mapped[datetime]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def refuse_if_throttled(session: Session, username: str, address: str, at: datetime) -> None:
    """Raises TooManyTries after five failures for one account from one address in a quarter of an hour."""
    recent = SignInFailure.failed_at > at - TRY_WINDOW
    by_address = SignInFailure.address == _digest(address)
    counted, oldest = session.execute(
        select(func.count(), func.min(SignInFailure.failed_at)).where(
            recent, by_address, SignInFailure.account == _digest(username.casefold())
        )
    ).one()
    if counted < TRIES_BY_ACCOUNT_AND_ADDRESS:
        counted, oldest = session.execute(
            select(func.count(), func.min(SignInFailure.failed_at)).where(recent, by_address)
        ).one()
        if counted < TRIES_BY_ADDRESS:
            return
    wait = oldest + TRY_WINDOW - at
    raise TooManyTries(
        "Too many wrong passwords. Wait, then try again, or ask an admin for a new password.",
        retry_after=max(1, int(wait.total_seconds())),
    )


def count_failure(session: Session, username: str, address: str, at: datetime) -> None:
    """Remember one wrong password, and forget those that no longer count."""
    session.execute(delete(SignInFailure).where(SignInFailure.failed_at <= at - TRY_WINDOW))
    session.add(SignInFailure(account=_digest(username.casefold()), address=_digest(address), failed_at=at))


def with_password(username: str, password: str) -> User | None:
    """The active user with this name and password, or None. Takes as long either way."""
    with reading() as session:
        user = session.scalar(select(User).where(User.username == username))
    try:
        passwords.verify(user.password_hash if user else _NOBODY, password)
    except argon2.exceptions.VerificationError:
        return None
    return user if user and user.active else None


def with_right_password(username: str, password: str, *, address: str, at: datetime) -> User:
    """The active user whose password this is. Raises SignInRefused, or TooManyTries for an address that guesses.

    The slow hash is computed with no transaction open: a wrong password holds nobody up.
    """
    with transaction() as session:
        refuse_if_throttled(session, username, address, at)
    found = with_password(username, password)
    if found is None:
        with transaction() as session:
            count_failure(session, username, address, at)
        raise SignInRefused("The username or the password is wrong.")
    return found


def sign_in(session: Session, user: User, at: datetime) -> tuple[SignIn, str]:
    """Begin a sign-in; returns it and its first refresh token."""
    started = SignIn(id=uuid4(), user_id=user.id, started_at=at)
    session.add(started)
    session.flush()
    return started, _new_refresh_token(session, started.id, at)


def _new_refresh_token(session: Session, sign_in_id: UUID, at: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(RefreshToken(digest=_digest(token), sign_in_id=sign_in_id, expires_at=at + REFRESH_LIFE))
    return token


def rotate(session: Session, token: str, at: datetime) -> tuple[SignIn, str] | None:
    """Exchange a refresh token for a new one; None if it was used before.

    A reused token means that two people hold it, so the whole family is ended (and that is committed).
    Raises SignInRefused for a token that is unknown, expired or of an ended sign-in.
    """
    used = session.execute(
        update(RefreshToken)
        .where(RefreshToken.digest == _digest(token), RefreshToken.used_at.is_(None))
        .values(used_at=at)
    )
    found = session.get(RefreshToken, _digest(token))
    if found is None or found.expires_at <= at:
        raise SignInRefused("Sign in again.")
    if used.rowcount == 0:  # type: ignore[attr-defined]
        end_sign_in(session, found.sign_in_id, at)
        return None
    current = session.get(SignIn, found.sign_in_id, options=[joinedload(SignIn.user)])
    if current is None or current.ended_at is not None or not current.user.active:
        raise SignInRefused("Sign in again.")
    return current, _new_refresh_token(session, current.id, at)


def end_sign_in(session: Session, sign_in_id: UUID, at: datetime) -> None:
    """Sign out: no token of this family works any more."""
    session.execute(update(SignIn).where(SignIn.id == sign_in_id, SignIn.ended_at.is_(None)).values(ended_at=at))


def end_all_sign_ins(session: Session, user_id: UUID, at: datetime) -> None:
    """Sign a user out everywhere: a new password, another role or a closed account."""
    session.execute(update(SignIn).where(SignIn.user_id == user_id, SignIn.ended_at.is_(None)).values(ended_at=at))
