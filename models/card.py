"""Printed cards: asked for by one admin, approved by another, and only then a badge in the register."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.badge import Badge, BadgeKind, new_handle, new_status_index
from models.clock import LONDON
from models.database import Base, by_value, new_id
from models.errors import AlreadyTaken, CardState, OfficerUnavailable, SecondPerson, Unknown, Unprocessable
from models.officer import Employment, Officer, lock_diaries

LONGEST_CARD = timedelta(days=364)
"""After the day it is asked for. "At most 12 months", with its last day counted whole."""


class CardStatus(StrEnum):
    """A card that was asked for is approved or refused, once."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"


class Card(Base):
    """A card as it was asked for: what its face says, who asked, who decided. Approved, it has a badge.

    The face is kept as it was seen by both people. `kid` names the key that signs it, so that the same card
    printed again carries the same token.
    """

    __tablename__ = "cards"
    __table_args__ = (
        CheckConstraint(
            "status <> 'approved' OR (badge_id IS NOT NULL AND kid IS NOT NULL"
            " AND requested_by_id <> decided_by_id)",
            name="two_people_make_a_card",
        ),
        Index("ix_cards_officer", "officer_id", "requested_at", "id"),
        Index("ix_cards_status", "status", "requested_at", "id"),
    )

    id: Mapped[UUID] = new_id()
    officer_id: Mapped[UUID] = mapped_column(ForeignKey("officers.id"))
    status: Mapped[CardStatus] = mapped_column(by_value(CardStatus))
    display_name: Mapped[str] = mapped_column(String(80))
    job_title: Mapped[str] = mapped_column(String(80))
    employment: Mapped[Employment] = mapped_column(by_value(Employment))
    company: Mapped[str | None] = mapped_column(String(80))
    photo_id: Mapped[UUID] = mapped_column(ForeignKey("officer_photos.id"))
    expires_on: Mapped[date]
    requested_at: Mapped[datetime]
    requested_by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    refused_reason: Mapped[str | None] = mapped_column(String(500))
    badge_id: Mapped[UUID | None] = mapped_column(ForeignKey("badges.id"), unique=True)
    kid: Mapped[str | None] = mapped_column(String(16))

    def approve(self, session: Session, *, by: UUID, at: datetime, kid: str, believed_until: datetime) -> Badge:
        """Put the card's badge in the register, and revoke the officer's cards before it.

        "Cards need two people to issue": raises SecondPerson for the one who asked, CardState if it was decided
        before or its face is no longer true, OfficerUnavailable if the officer is not working.
        """
        lock_diaries(session, self.officer_id)
        session.refresh(self)
        officer = session.get_one(Officer, self.officer_id, populate_existing=True)
        self._refuse_unless_waiting()
        if by == self.requested_by_id:
            raise SecondPerson("You asked for this card. Ask another admin to approve it.")
        self._refuse_unless_true(officer)
        self.expires_on = min(self.expires_on, last_day(officer, at, believed_until))
        for old in session.scalars(_good_cards(officer.id)):
            old.revoke(by=by, reason="Replaced by a new card.", at=at)
        badge = Badge(
            id=uuid4(),
            officer_id=officer.id,
            kind=BadgeKind.CARD,
            handle=new_handle(session),
            status_index=new_status_index(session),
            issued_at=at.replace(microsecond=0),
            issued_by_id=by,
            expires_at=_end_of(self.expires_on),
        )
        session.add(badge)
        session.flush()
        self.status, self.decided_at, self.decided_by_id = CardStatus.APPROVED, at, by
        self.badge_id, self.kid = badge.id, kid
        return badge

    def refuse(self, session: Session, *, by: UUID, reason: str, at: datetime) -> None:
        """Say no, for good. Whoever asked may withdraw this way too. Raises CardState if it was decided."""
        lock_diaries(session, self.officer_id)
        session.refresh(self)
        self._refuse_unless_waiting()
        self.status, self.decided_at, self.decided_by_id = CardStatus.REFUSED, at, by
        self.refused_reason = reason

    def _refuse_unless_waiting(self) -> None:
        if self.status is not CardStatus.REQUESTED:
            raise CardState(f"This card is {self.status.value} already.")

    def _refuse_unless_true(self, officer: Officer) -> None:
        """What the second person approves is what the first one saw: no photo is slipped in between."""
        face = (self.display_name, self.job_title, self.employment, self.company, self.photo_id)
        if face != (
            officer.display_name,
            officer.job_title,
            officer.employment,
            officer.company,
            officer.photo_id,
        ):
            raise CardState("The officer's details or photo have changed. Refuse this card and ask for a new one.")


def ask(
    session: Session,
    officer: Officer,
    *,
    expires_on: date | None,
    believed_until: datetime,
    by: UUID,
    at: datetime,
) -> Card:
    """Ask for a card of `officer`, good through `expires_on` or for as long as a card may be.

    Raises OfficerUnavailable, AlreadyTaken when one waits already, and Unprocessable when there is no photo
    or the day is past the limit.
    """
    lock_diaries(session, officer.id)
    waiting = select(Card.id).where(Card.officer_id == officer.id, Card.status == CardStatus.REQUESTED)
    if session.scalar(waiting) is not None:
        raise AlreadyTaken("A card for this officer waits for approval. Approve or refuse that one first.")
    latest = last_day(officer, at, believed_until)
    if officer.photo_id is None:
        raise Unprocessable("photo", "This officer has no photo. Add one, then ask for the card.")
    if expires_on is not None and not at.astimezone(LONDON).date() <= expires_on <= latest:
        raise Unprocessable("expires_on", f"Choose a day from today to {latest.isoformat()}.")
    card = Card(
        id=uuid4(),
        officer_id=officer.id,
        status=CardStatus.REQUESTED,
        display_name=officer.display_name,
        job_title=officer.job_title,
        employment=officer.employment,
        company=officer.company,
        photo_id=officer.photo_id,
        expires_on=expires_on or latest,
        requested_at=at,
        requested_by_id=by,
    )
    session.add(card)
    session.flush()
    return card


def last_day(officer: Officer, at: datetime, believed_until: datetime) -> date:
    """The last day a card made at `at` may be good: "never past the contract's end", 12 months, the key's.

    Raises OfficerUnavailable if the officer is not working or no such day is left.
    """
    today = at.astimezone(LONDON).date()
    # The key may stop being believed in the middle of a day: the day before is the last whole one.
    latest = min(today + LONGEST_CARD, believed_until.astimezone(LONDON).date() - timedelta(days=1))
    if officer.contract_ends_on is not None:
        latest = min(latest, officer.contract_ends_on)
    if not officer.active or officer.suspended_at is not None or latest < today:
        raise OfficerUnavailable("This officer is not working for the council now, so no card can be made.")
    return latest


def find(session: Session, card_id: UUID) -> Card:
    """The card. Raises Unknown."""
    card = session.get(Card, card_id)
    if card is None:
        raise Unknown("No card has this id.")
    return card


def good_badge(session: Session, card: Card, at: datetime) -> Badge:
    """The badge of a card that may be printed now. Raises CardState unless it is approved and still good.

    "Never past the contract's end": a contract cut short since then makes the day on the card's face untrue.
    """
    badge = session.get(Badge, card.badge_id) if card.badge_id else None
    if badge is None:
        raise CardState(f"This card is {card.status.value}: only an approved card can be printed.")
    if badge.revoked_at is not None:
        raise CardState("This card was revoked. Ask for a new one.")
    if badge.expires_at is None or at >= badge.expires_at:
        raise CardState("This card has expired. Ask for a new one.")
    officer = session.get_one(Officer, card.officer_id)
    if not officer.works_for_us(at):
        raise CardState("This officer is not working for the council now, so no card is printed.")
    if officer.contract_ends_on is not None and card.expires_on > officer.contract_ends_on:
        raise CardState("The contract now ends before this card does. Ask for a new one.")
    return badge


def _good_cards(officer_id: UUID) -> Select[Badge]:
    return (
        select(Badge)
        .where(Badge.officer_id == officer_id, Badge.kind == BadgeKind.CARD, Badge.revoked_at.is_(None))
        .order_by(Badge.id)
    )


def _end_of(day: date) -> datetime:
    """The midnight in London that ends `day`."""
    return datetime.combine(day + timedelta(days=1), time(), LONDON)
