"""Addresses of officers' photos that live two minutes: a photo cannot be fetched without a scan."""

import base64
import binascii
import hashlib
import hmac
import random
from datetime import datetime, timedelta
from uuid import UUID

LIFE = timedelta(minutes=2)
_NONCE = 4
"""Bytes that tell one link from another: two scans of one second are shown the photo at two addresses. They keep
nothing secret, the seal does, so that no system call is made for them while others wait to be answered."""
_SEAL = 16
"""Bytes of the seal: 128 bits."""
_SAID = 16 + 6 + _NONCE
"""Bytes that are sealed: the photo, when its address dies, and the nonce."""


def make(secret: bytes, photo_id: UUID, at: datetime) -> str:
    """The last part of the photo's address, good until two minutes from `at`."""
    said = photo_id.bytes + int((at + LIFE).timestamp()).to_bytes(6, "big") + random.randbytes(_NONCE)  # noqa: S311
    return _spell(said + _seal(secret, said))


def read(secret: bytes, link: str, at: datetime) -> UUID | None:
    """The photo a link names, or None if we did not make it or it has run out."""
    try:
        raw = base64.urlsafe_b64decode(link.encode("ascii") + b"==")
    except (ValueError, binascii.Error):
        return None
    said, seal = raw[:_SAID], raw[_SAID:]
    # The decoder skips what is none of its letters: only the one spelling that we made counts.
    if len(seal) != _SEAL or _spell(raw) != link or not hmac.compare_digest(_seal(secret, said), seal):
        return None
    expires_at = int.from_bytes(said[16:22], "big")
    return UUID(bytes=said[:16]) if at.timestamp() < expires_at else None


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _seal(secret: bytes, said: bytes) -> bytes:
    return hashlib.blake2s(said, key=secret, digest_size=_SEAL).digest()
