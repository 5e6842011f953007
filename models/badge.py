"""Badges: an officer's right to be recognised, and what a check at the door needs to know."""
from enum import StrEnum


class BadgeKind(StrEnum):
    """A phone badge lives two minutes at a time; a card is printed."""

    PHONE = "phone"
    CARD = "card"
