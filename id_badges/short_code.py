"""The code for people without a camera: ten characters they type, or read to the contact centre.

Four say which badge (its handle), five prove it with the council's secret and the minute, one catches slips.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from id_badges.tokens import SKEW, TIMED_OUT_FOR, Forged, Reading, clock
from models.badge import BadgeKind
from models.reference import ALPHABET

STEP = timedelta(seconds=60)
"""A code is made for each minute."""

LIFE = 3 * STEP
"""From the beginning of its minute. Shown at the last second of it, a code is good for two minutes more."""

_SAME = str.maketrans("ILO", "110")
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_LONGEST_INPUT = 40


@dataclass(frozen=True, slots=True)
class ParsedCode:
    """A code with a right check character. Whether it is true is not known yet."""

    handle: int
    proof: str


def short_code(secret: bytes, badge_id: UUID, handle: int, at: datetime) -> str:
    """The code of a badge in the minute of `at`, as it is shown: `ABCDE-FGHJK`. It never has I, L, O or U."""
    return spelled(handle, _proof(secret, badge_id, _step(at)))


def spelled(handle: int, proof: str) -> str:
    """The handle and the proof with their check character, as they are shown and printed."""
    body = _spell(handle, 4) + proof
    return f"{body[:5]}-{body[5:]}{_check(body)}"


def proof_of(digest: bytes) -> str:
    """The five characters, 25 bits, of a digest that a code proves itself with."""
    return _spell(int.from_bytes(digest[:4], "big") >> 7, 5)


def parse(text: str) -> ParsedCode | None:
    """A code as somebody typed or heard it, or None if it cannot be one.

    Capitals or not, I or L for 1, O for 0, spaces and hyphens do not matter. One wrong character, or any two
    that changed places, is always noticed.
    """
    if len(text) > _LONGEST_INPUT:
        return None
    plain = "".join(c for c in text if not c.isspace() and c not in "-‐‑‒–—−")
    if len(plain) != 10 or not plain.isascii():
        return None
    plain = plain.upper().translate(_SAME)
    if not all(c in _VALUE for c in plain) or _check(plain[:9]) != plain[9]:
        return None
    handle = 0
    for character in plain[:4]:
        handle = handle << 5 | _VALUE[character]
    return ParsedCode(handle, plain[4:9])


def matches(secret: bytes, code: ParsedCode, badge_id: UUID, at: datetime) -> datetime | None:
    """The minute in which this badge showed `code`, or None if not within a quarter of an hour."""
    found = None
    first, last = _step(at - LIFE - TIMED_OUT_FOR), _step(at + SKEW)
    # Every minute is compared, and each in constant time: the answer's delay tells nothing of the code.
    for step in range(first, last + 1):
        if hmac.compare_digest(_proof(secret, badge_id, step), code.proof):
            found = step
    return None if found is None else datetime.fromtimestamp(found * STEP.total_seconds(), UTC)


def read(code: ParsedCode, *, secret: bytes, badge_id: UUID, at: datetime) -> Reading:
    """Read a typed code as if it were the phone badge's token of its minute. Raises Forged if untrue."""
    minute = matches(secret, code, badge_id, at)
    if minute is None:
        raise Forged("code")
    ends = minute + LIFE
    return Reading(
        kind=BadgeKind.PHONE,
        badge_id=badge_id,
        issued_at=minute,
        not_before=minute,
        expires_at=ends,
        clock=clock(minute, ends, at),
    )


def _step(at: datetime) -> int:
    return int(at.timestamp() // STEP.total_seconds())


def _proof(secret: bytes, badge_id: UUID, step: int) -> str:
    digest = hmac.digest(secret, b"short code" + badge_id.bytes + step.to_bytes(8, "big"), "sha256")
    return proof_of(digest)


def _spell(number: int, length: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def _double(value: int) -> int:
    """Twice `value` in the field of 32 elements (x^5 + x^2 + 1)."""
    return value << 1 ^ (0b100101 if value & 16 else 0)


def _check(body: str) -> str:
    """The check character: the sum of each character times its own power of two, in the field of 32 elements.

    No two places have the same weight and none has the check's own, so a swap changes the sum as a slip does.
    """
    total = 0
    for character in body:
        total = _double(total ^ _VALUE[character])
    return ALPHABET[total]
