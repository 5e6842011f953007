"""The Token Status List: which printed cards the council no longer stands by, signed, for checks offline.

As in the IETF draft of that name (OAuth working group): a JWT of the type `statuslist+jwt` whose list holds two
bits for each card, at the index that is in the card's token.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from id_badges.keys import KeyRing, Purpose
from models.badge import STATUS_LIST_SIZE, CardStatus

TYPE = "statuslist+jwt"
BITS = 2
LIFE = timedelta(hours=1)
TTL = timedelta(minutes=5)
"""How long a reader may keep the list without asking again."""

MADE_EVERY = 60
"""Seconds. Within a minute an unchanged list is the same token, byte for byte, and so has one ETag."""

LONGEST_LIST = STATUS_LIST_SIZE
"""Bytes a list may have once inflated: enough for statuses of eight bits."""


class NotAList(Exception):
    """It cannot be read as a status list."""


def sign(
    statuses: Iterable[tuple[int, CardStatus]], *, keyring: KeyRing, issuer: str, uri: str, at: datetime
) -> str:
    """The signed list at `at`: every index that is not among `statuses` is valid. Raises KeysUnusable."""
    key = keyring.signing_key(Purpose.STATUS_LIST, at)
    issued_at = int(at.timestamp()) // MADE_EVERY * MADE_EVERY
    claims = {
        "iss": issuer,
        "sub": uri,
        "iat": issued_at,
        "exp": issued_at + int(LIFE.total_seconds()),
        "ttl": int(TTL.total_seconds()),
        "status_list": {"bits": BITS, "lst": encode(statuses)},
    }
    return jwt.encode(claims, key.private_key, algorithm="EdDSA", headers={"kid": key.kid, "typ": TYPE})


def encode(statuses: Iterable[tuple[int, int]], *, bits: int = BITS, size: int = STATUS_LIST_SIZE) -> str:
    """Statuses by index, packed from the lowest bits of each byte up, deflated, in base64url without padding."""
    packed = bytearray(size * bits // 8)
    for index, status in statuses:
        place = index * bits
        packed[place // 8] |= status << place % 8
    return base64.urlsafe_b64encode(zlib.compress(packed, 9)).rstrip(b"=").decode()


class StatusList:
    """A list as it was published, to look statuses up in."""

    def __init__(self, content: Any) -> None:
        """Read the claim `status_list`. Raises NotAList; a list that inflates without end is one as well."""
        bits, encoded = (content.get("bits"), content.get("lst")) if isinstance(content, dict) else (None, None)
        if type(bits) is not int or bits not in (1, 2, 4, 8) or not isinstance(encoded, str):
            raise NotAList("bits or lst")
        try:
            deflated = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            inflate = zlib.decompressobj()
            self._packed = inflate.decompress(deflated, LONGEST_LIST)
        except (binascii.Error, ValueError, zlib.error):
            raise NotAList("lst") from None
        if not inflate.eof:
            raise NotAList("too long, or cut off")
        self._bits = bits

    def __len__(self) -> int:
        return len(self._packed) * 8 // self._bits

    def __getitem__(self, index: int) -> int:
        """The status at an index, 0 being valid. Raises IndexError for one the list has no room for."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = index * self._bits
        return self._packed[place // 8] >> place % 8 & (1 << self._bits) - 1


def ends_at(claims: dict[str, Any]) -> datetime | None:
    """When a list may no longer be relied on; None if it does not say."""
    expires_at = claims.get("exp")
    return datetime.fromtimestamp(expires_at, UTC) if type(expires_at) is int else None
