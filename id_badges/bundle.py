"""The tokens of a bundle: ordinary phone badges of the minutes to come, for a phone that will have no signal.

A token needs no `nbf` for that: its `iat` is the minute it is for, before which every check says "not yet valid".
With another claim the QR code would not fit into version 12.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from id_badges.keys import KeyRing, KeysUnusable
from id_badges.tokens import PHONE_LIFE, Forged, mint_phone_badge, read

STEP = timedelta(seconds=60)
"""A new one every 60 seconds."""

MOST = 60
"""Tokens in one bundle: "for the next hour"."""


@dataclass(frozen=True, slots=True)
class BundledToken:
    """One token, and when a phone may show it."""

    token: str
    begins_at: datetime
    expires_at: datetime


def mint_bundle(
    keyring: KeyRing, *, issuer: str, bundle_id: UUID, count: int, at: datetime, until: datetime | None
) -> list[BundledToken]:
    """`count` tokens, the first for `at` and each of the others a minute later.

    There are fewer if no key is there to sign for all of these minutes, or to be believed in them, and none
    outlives `until`, the end of a contract.
    """
    minted: list[BundledToken] = []
    for number in range(count):
        begins_at = at.replace(microsecond=0) + number * STEP
        expires_at = begins_at + PHONE_LIFE
        if until is not None and expires_at > until:
            break
        try:
            token = mint_phone_badge(keyring, issuer=issuer, badge_id=bundle_id, at=begins_at)
            # What nobody would believe in its last second is no help at a door.
            read(token, keyring=keyring, issuer=issuer, at=expires_at)
        except (KeysUnusable, Forged):
            break
        minted.append(BundledToken(token, begins_at, expires_at))
    return minted
