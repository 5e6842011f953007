"""The code printed on a card, for people without a camera: typed or read out like a phone's, and always the same.

Its first four characters are the badge's handle, and no two badges share one: a card's code cannot be a phone's.
"""

import hmac
import json
from datetime import datetime
from uuid import UUID

from id_badges import short_code
from id_badges.keys import KeyRing, Purpose
from id_badges.short_code import ParsedCode
from id_badges.tokens import Forged, Reading, clock
from models.badge import Badge, BadgeKind, BadgeRecord
from models.card import Card


def card_code(secret: bytes, card: Card, badge: Badge) -> str:
    """The code of an approved card, the same at every printing."""
    if card.kid is None:
        raise ValueError("only an approved card has a code")
    words = (card.display_name, card.employment.value, card.company)
    return short_code.spelled(badge.handle, _proof(secret, card.kid, badge.id, words))


def read(code: ParsedCode, record: BadgeRecord, *, keyring: KeyRing, at: datetime) -> Reading:
    """Read a code typed of this badge: a card's own, or a phone's of some minute. Raises Forged if untrue.

    A card's code says what its QR code says: it dies with the key that signed the card, and when the officer has
    another name or employer than the card's face.
    """
    secret = keyring.short_code_secret
    if record.kind is not BadgeKind.CARD:
        return short_code.read(code, secret=secret, badge_id=record.badge_id, at=at)
    words = (record.display_name, record.employment.value, record.company)
    found = None
    # Every key is tried, and each proof compared in constant time: the answer's delay tells nothing of the code.
    for key in keyring.believed_keys(Purpose.CARD, at):
        if hmac.compare_digest(_proof(secret, key.kid, record.badge_id, words), code.proof):
            found = key
    if found is None:
        raise Forged("code")
    # It has no time of its own, so it is as old as its key may be.
    begins, ends = found.sign_from, record.expires_at or found.verify_until
    return Reading(
        kind=BadgeKind.CARD,
        badge_id=record.badge_id,
        issued_at=begins,
        not_before=begins,
        expires_at=ends,
        clock=clock(begins, ends, at),
    )


def _proof(secret: bytes, kid: str, badge_id: UUID, words: tuple[str | None, ...]) -> str:
    """What proves one card: made with a key of its own, so that no phone's proof can ever be a card's."""
    said = json.dumps([kid, badge_id.hex, *words])
    return short_code.proof_of(hmac.digest(hmac.digest(secret, b"card codes", "sha256"), said.encode(), "sha256"))
