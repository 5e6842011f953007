"""The seal of an auditor's file: the council's signature of its last line, which names all before it.

Who changes the file can make its chain whole again, and cannot sign it. The key is the one that signs the list of
badges that were taken away; what it signs here begins with words that no token begins with.
"""

import base64
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature

from id_badges.keys import KeyRing, KeyState, Purpose, RegisteredKey

_SIGNED = b"home-visits audit seal\n"


def seal(ring: KeyRing, last_line: bytes, at: datetime) -> dict[str, str]:
    """The seal, as the line that follows the last. Raises KeysUnusable if no key may sign now."""
    key = ring.signing_key(Purpose.STATUS_LIST, at)
    signature = key.private_key.sign(_SIGNED + last_line)
    return {"record": "seal", "kid": key.kid, "signature": base64.b64encode(signature).decode()}


def fault(
    said: Mapping[str, object], last_line: bytes, made_at: datetime, keys: Mapping[str, RegisteredKey]
) -> str | None:
    """Why this is not the council's seal of the file whose end is `last_line`, made then; None if it is.

    A key is believed here for what it signed in its time, however long ago that is, unless it was stolen.
    """
    if said.keys() != {"record", "kid", "signature"}:
        return "The seal says more or less than one of ours."
    key = keys.get(str(said.get("kid")))
    if key is None:
        return "The seal is by a key that is not the council's."
    if key.state is KeyState.COMPROMISED or not key.signs_at(int(made_at.timestamp())):
        return "The seal is by a key that might not sign then."
    try:
        signature = base64.b64decode(str(said.get("signature")), validate=True)
        # The last letter holds bits that count for nothing: of all its spellings we write one.
        if base64.b64encode(signature).decode() != said.get("signature"):
            raise ValueError("spelled otherwise")
        key.public_key.verify(signature, _SIGNED + last_line)
    except (InvalidSignature, ValueError):
        return "The seal is not of this file."
    return None
