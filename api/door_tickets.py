"""What a genuine page holds so that its forms can ask more of the same badge: signed by us, good for a while.

It stands in for the token, which a typed code does not have. It proves that somebody was shown a genuine page,
and nothing of how things are now: the register is asked again.
"""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

LIFE = timedelta(minutes=10)
"""From when the token was minted: somebody frightened, who reads slowly, has that long."""

_NONCE = 8
_SEAL = 16
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which badge, which of its tokens, and which page."""

    badge_id: UUID
    token_issued_at: datetime
    page: str


def make(secret: bytes, badge_id: UUID, token_issued_at: datetime) -> str:
    """A ticket for one page: no two pages have the same."""
    issued = int(token_issued_at.timestamp()).to_bytes(6, "big")
    said = badge_id.bytes + issued + secrets.token_bytes(_NONCE)
    return _spell(said + _seal(secret, said))


def read(secret: bytes, ticket: str, at: datetime) -> Ticket | None:
    """What a ticket says, or None if we did not make it or it has run out."""
    if len(ticket) > _LONGEST:
        return None
    try:
        raw = base64.urlsafe_b64decode(ticket.encode("ascii") + b"==")
    except (ValueError, binascii.Error):
        return None
    said, seal = raw[:-_SEAL], raw[-_SEAL:]
    # The decoder skips what is none of its letters: only the one spelling that we made counts.
    if len(said) != 22 + _NONCE or _spell(raw) != ticket or not hmac.compare_digest(_seal(secret, said), seal):
        return None
    issued_at = datetime.fromtimestamp(int.from_bytes(said[16:22], "big"), UTC)
    if at >= issued_at + LIFE:
        return None
    return Ticket(UUID(bytes=said[:16]), issued_at, said[22:].hex())


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _seal(secret: bytes, said: bytes) -> bytes:
    return hmac.digest(secret, said, "sha256")[:_SEAL]
