"""The badge's token: a signed line of text that says which badge this is, and until when.

PyJWT mints. It does not read: it accepts times as strings or floats, a missing exp, members named twice,
headers it does not know and `==` at the end, and any of those is one spelling more of the same badge.
"""

import base64
import binascii
import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, Never, Protocol
from uuid import UUID

import jwt
import orjson
from cryptography.exceptions import InvalidSignature

from id_badges.keys import KeyRing, KeyState, Purpose, RegisteredKey
from models.badge import STATUS_LIST_SIZE, BadgeKind

TYPE = "hb+jwt"
LONGEST_TOKEN = 1024
"""Characters. A card with the longest names takes about 700."""

PHONE_LIFE = timedelta(seconds=120)
LONGEST_LIFE = {BadgeKind.PHONE: timedelta(seconds=180), BadgeKind.CARD: timedelta(days=366)}
SKEW = timedelta(seconds=30)
TIMED_OUT_FOR = timedelta(minutes=15)
"""How long an old badge is taken for a slow phone rather than for a screenshot."""

_KIND = {Purpose.PHONE: BadgeKind.PHONE, Purpose.CARD: BadgeKind.CARD}
_IN_USE = (KeyState.ACTIVE, KeyState.RETIRED)
_CLAIMS = {
    BadgeKind.PHONE: {"iss", "jti", "iat", "exp"},
    BadgeKind.CARD: {"iss", "jti", "iat", "exp", "idx", "nam", "rol", "emp"},
}
_MAY_HAVE = {BadgeKind.PHONE: "nbf", BadgeKind.CARD: "org"}
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_JTI = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")


class Forged(Exception):
    """The token is not one of ours. `reason` is for logs and tests, never for the resident or the visitor."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Clock(StrEnum):
    """Where a token stands in time."""

    NOT_YET_VALID = "not_yet_valid"
    VALID = "valid"
    TIMED_OUT = "timed_out"
    LONG_EXPIRED = "long_expired"


@dataclass(frozen=True, slots=True)
class Printed:
    """What is printed on a card's face, as it was signed."""

    name: str
    job_title: str
    employment: str
    company: str | None
    index: int


class Reading(NamedTuple):
    """A token that the council signed. Whether its badge still counts, only the register knows.

    `badge_id` is what the token names: the badge, or the bundle of it that a phone took along.
    """

    kind: BadgeKind
    badge_id: UUID
    issued_at: datetime
    not_before: datetime
    expires_at: datetime
    clock: Clock
    printed: Printed | None = None


def jti(badge_id: UUID) -> str:
    """The badge's identifier as a token spells it: 22 characters, so that the QR code stays small."""
    return base64.urlsafe_b64encode(badge_id.bytes)[:22].decode()


def badge_id_of(text: str) -> UUID | None:
    """The badge that `text` names, in a token's spelling or as a UUID; None if it is neither."""
    if _JTI.fullmatch(text):
        return UUID(bytes=base64.urlsafe_b64decode(text + "=="))
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def mint_phone_badge(keyring: KeyRing, *, issuer: str, badge_id: UUID, at: datetime) -> str:
    """A token that shows `badge_id` from `at` for two minutes; a later `at` makes one for a phone to keep.

    `issuer` is repeated in every QR code: six characters are the most that leave it at version 12 with a host
    like visits.harrow.gov.uk. Raises KeysUnusable when no key may sign at `at`.
    """
    key = keyring.signing_key(Purpose.PHONE, at)
    issued_at = int(at.timestamp())
    claims = {
        "iss": issuer,
        "jti": jti(badge_id),
        "iat": issued_at,
        "exp": issued_at + int(PHONE_LIFE.total_seconds()),
    }
    return jwt.encode(claims, key.private_key, algorithm="EdDSA", headers={"kid": key.kid, "typ": TYPE})


class Keys(Protocol):
    """Where a public key is looked up by its name: the council's key ring, or a published set of keys."""

    def verifying_key(self, kid: str) -> RegisteredKey | None:
        """The key called `kid`, in whatever state it is, or None."""


def read(token: str, *, keyring: Keys, issuer: str, at: datetime) -> Reading:
    """Read a token that anybody may have made, or raise Forged at the first thing that is not exactly ours.

    Raises KeysUnusable, which is no verdict on the badge, when the keys cannot be read.
    """
    key, claimed = open_signed(token, keyring=keyring, kind=TYPE, longest=LONGEST_TOKEN, purposes=_KIND, at=at)
    return _reading(_KIND[key.purpose], claimed, key, issuer, at)


def open_signed(
    token: str, *, keyring: Keys, kind: str, longest: int, purposes: Container[Purpose], at: datetime
) -> tuple[RegisteredKey, dict[str, Any]]:
    """The key and the claims of a token of this type (`typ`) and at most this many characters, or raise Forged at
    the first thing that is not exactly ours. What the claims mean is for the caller."""
    if len(token) > longest:
        raise Forged("too-long")
    if not token.isascii():
        raise Forged("not-ascii")
    signed, _, _ = token.rpartition(".")
    segments = token.split(".")
    if len(segments) != 3:
        raise Forged("not-three-segments")
    members = _members(segments[0])
    claims, signature = _decode(segments[1]), _decode(segments[2])
    claimed = _parse(claims)
    key = _key_of(members, keyring, kind, purposes, at)
    if len(signature) != 64:
        raise Forged("signature-length")
    try:
        key.public_key.verify(signature, signed.encode())
    except InvalidSignature:
        raise Forged("signature") from None
    return key, claimed


def clock(not_before: datetime, expires_at: datetime, at: datetime) -> Clock:
    """Where [not_before, expires_at) stands at `at`, with half a minute of grace at either end."""
    if at < not_before - SKEW:
        return Clock.NOT_YET_VALID
    if at < expires_at + SKEW:
        return Clock.VALID
    return Clock.TIMED_OUT if at < expires_at + TIMED_OUT_FOR else Clock.LONG_EXPIRED


def _decode(segment: str) -> bytes:
    """A segment's bytes. Only the one spelling that encoding them gives is accepted."""
    spelled = segment.encode().translate(_TO_BASE64)
    try:
        content = binascii.a2b_base64(spelled + b"=" * (-len(spelled) % 4))
    except binascii.Error:
        raise Forged("not-base64url") from None
    # Neither - nor _ is left in what was translated, so that + and / were in none that is the same.
    if binascii.b2a_base64(content, newline=False).rstrip(b"=") != spelled or "+" in segment or "/" in segment:
        raise Forged("not-canonical-base64url")
    return content


@lru_cache(maxsize=128)
def _members(header: str) -> Mapping[str, Any]:
    """A header's members. Every genuine token of a key has the same, so few are ever read."""
    return MappingProxyType(_parse(_decode(header)))


def _parse(content: bytes) -> dict[str, Any]:
    if (parsed := _parse_plain(content)) is not None:
        return parsed
    try:
        parsed = _json.decode(content.decode())
    except UnicodeDecodeError:
        raise Forged("not-utf-8") from None
    except (ValueError, RecursionError):
        raise Forged("not-strict-json") from None
    if type(parsed) is not dict:
        raise Forged("not-an-object")
    return parsed


def _parse_plain(content: bytes) -> dict[str, Any] | None:
    """An object of nothing but texts and whole numbers that is spelled just as orjson spells it, as those that we
    sign for a phone are, in a third of the strict reader's time. None says nothing: that one decides."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    # What is spelled so names no member twice.
    plain = type(parsed) is dict and _PLAIN.issuperset(map(type, parsed.values()))
    return parsed if plain and orjson.dumps(parsed) == content else None


_PLAIN = frozenset((str, int))


def _only_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member is named twice")
    return found


def _refuse_number(text: str) -> Never:
    raise ValueError("a number is a whole number")


_json = json.JSONDecoder(object_pairs_hook=_only_once, parse_float=_refuse_number, parse_constant=_refuse_number)


def _key_of(
    header: Mapping[str, Any], keyring: Keys, kind: str, purposes: Container[Purpose], at: datetime
) -> RegisteredKey:
    """The key the header names, if it is ours and good for this now. No key comes from anywhere else."""
    kid = header.get("kid")
    if not isinstance(kid, str) or header != {"alg": "EdDSA", "kid": kid, "typ": kind}:
        raise Forged("header")
    key = keyring.verifying_key(kid)
    if key is None:
        raise Forged("unknown-key")
    if key.purpose not in purposes:
        raise Forged("key-of-another-purpose")
    if not key.is_believed(at):
        raise Forged(f"key-{key.state.value}" if key.state not in _IN_USE else "key-too-old")
    return key


def _reading(kind: BadgeKind, claims: dict[str, Any], key: RegisteredKey, issuer: str, at: datetime) -> Reading:
    if claims.keys() != _CLAIMS[kind] and claims.keys() != _CLAIMS[kind] | {_MAY_HAVE[kind]}:
        raise Forged("claims")
    if claims["iss"] != issuer:
        raise Forged("issuer")
    found = badge_id_of(claims["jti"]) if isinstance(claims["jti"], str) and len(claims["jti"]) == 22 else None
    if found is None:
        raise Forged("jti")
    issued_at, expires_at = claims["iat"], claims["exp"]
    not_before = claims.get("nbf", issued_at)
    # `type` and not `isinstance`: true is an int to Python.
    if not type(issued_at) is type(not_before) is type(expires_at) is int:
        raise Forged("times-not-whole-numbers")
    if not issued_at <= not_before < expires_at:
        raise Forged("times-out-of-order")
    if expires_at - issued_at > LONGEST_LIFE[kind].total_seconds():
        raise Forged("life")
    if not key.signs_at(issued_at):
        raise Forged("signed-outside-the-key's-period")
    issued, ends = datetime.fromtimestamp(issued_at, UTC), datetime.fromtimestamp(expires_at, UTC)
    begins = issued if not_before == issued_at else datetime.fromtimestamp(not_before, UTC)
    return Reading(
        kind=kind,
        badge_id=found,
        issued_at=issued,
        not_before=begins,
        expires_at=ends,
        clock=clock(begins, ends, at),
        printed=_printed(claims) if kind is BadgeKind.CARD else None,
    )


def _printed(claims: dict[str, Any]) -> Printed:
    texts = [claims[name] for name in ("nam", "rol", "org") if name in claims]
    if not all(isinstance(text, str) and _is_printable(text) for text in texts):
        raise Forged("text-not-printable")
    if claims["emp"] != ("contractor" if "org" in claims else "employee"):
        raise Forged("employment")
    if type(claims["idx"]) is not int or not 0 <= claims["idx"] < STATUS_LIST_SIZE:
        raise Forged("status-index")
    return Printed(claims["nam"], claims["rol"], claims["emp"], claims.get("org"), claims["idx"])


def _is_printable(text: str) -> bool:
    """One line as it can be printed: no control, bidirectional or invisible characters."""
    return 0 < len(text) <= 80 and text.isprintable() and text == text.strip()
