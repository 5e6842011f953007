"""Records in one chain, each naming the one before by its digest: what is changed, removed or moved shows.

With a key the digests are seals: who cannot have the key cannot make the chain whole again.
"""

import hashlib
import hmac
from typing import Any

import orjson

START = "0" * 64
"""What the first record of all follows."""


def canonical(said: Any) -> bytes:
    """What a record says, in the one way in which it is digested: members by name, times in UTC."""
    return orjson.dumps(said, option=orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS)


def digest(record: bytes) -> str:
    """The digest by which the next record names this one."""
    return hashlib.sha256(record).hexdigest()


def seal(said: Any, secret: bytes) -> str:
    """The same under a key."""
    return hmac.digest(secret, canonical(said), "sha256").hex()
