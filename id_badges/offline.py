"""Check a badge or a card with no connection, from what the council has published: for other systems.

`docs/verify-offline.md` is for whoever uses this. It needs this package and `models/badge.py`, no database.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from id_badges.keys import Purpose, RegisteredKey
from id_badges.status_list import TYPE, NotAList, StatusList, ends_at
from id_badges.tokens import SKEW, Clock, Forged, Reading, open_signed, read
from models import clock
from models.badge import BadgeKind, CardStatus

LONGEST_STATUS_LIST = 1_000_000
"""Characters: a list in which every card had ended would take fewer."""


class OfflineState(StrEnum):
    """What can be said without asking the council. `genuine` is as old as the status list: at a door the page says
    more, since it knows of a revocation within a second.

    `not_confirmed`: forged, long expired or ended. `unavailable`: the published keys or list are no use, which
    says nothing about the card.
    """

    GENUINE = "genuine"
    SUSPENDED = "suspended"
    TIMED_OUT = "timed_out"
    NOT_YET_VALID = "not_yet_valid"
    NOT_CONFIRMED = "not_confirmed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class OfflineVerdict:
    """The answer; `reading` is what the token says, if the council signed it. `reason` is for logs."""

    state: OfflineState
    reason: str
    reading: Reading | None = None


class _PublishedKeys:
    """The keys of a JWK set. Raises KeyError, TypeError or ValueError if it is not one of ours."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        keys = [RegisteredKey.from_json(entry) for entry in jwks["keys"]]
        self._keys = {key.kid: key for key in keys}

    def verifying_key(self, kid: str) -> RegisteredKey | None:
        return self._keys.get(kid)


def verify_offline(token: str, jwks: Mapping[str, Any], status_list: str, now: datetime) -> OfflineVerdict:
    """Check a token against the published keys (`/.well-known/jwks.json`) and list (`/.well-known/badge-status`).

    `now` is an aware time. Nothing is fetched. A phone badge has no place in the list: it lives two minutes.
    """
    try:
        keys = _PublishedKeys(jwks)
        issuer, statuses = _read_list(status_list, keys, now)
    except (KeyError, TypeError, ValueError, AttributeError):
        return OfflineVerdict(OfflineState.UNAVAILABLE, "keys")
    except (Forged, NotAList) as error:
        return OfflineVerdict(OfflineState.UNAVAILABLE, f"status-list-{error}")
    try:
        found = read(token, keyring=keys, issuer=issuer, at=now)
    except Forged as forged:
        return OfflineVerdict(OfflineState.NOT_CONFIRMED, forged.reason)
    return _judge(found, statuses)


def _read_list(token: str, keys: _PublishedKeys, now: datetime) -> tuple[str, StatusList]:
    _, claims = open_signed(
        token,
        keyring=keys,
        kind=TYPE,
        longest=LONGEST_STATUS_LIST,
        purposes=(Purpose.STATUS_LIST,),
        at=now,
    )
    until, issuer = ends_at(claims), claims.get("iss")
    if until is None or not isinstance(issuer, str):
        raise Forged("claims")
    if now >= until + SKEW:
        raise Forged("out-of-date")
    return issuer, StatusList(claims.get("status_list"))


def _judge(found: Reading, statuses: StatusList) -> OfflineVerdict:
    if found.kind is BadgeKind.CARD and found.printed is not None:
        try:
            status = statuses[found.printed.index]
        except IndexError:
            return OfflineVerdict(OfflineState.UNAVAILABLE, "index-beyond-the-list")
        if status == CardStatus.SUSPENDED:
            return OfflineVerdict(OfflineState.SUSPENDED, "suspended", found)
        if status != CardStatus.VALID:
            return OfflineVerdict(OfflineState.NOT_CONFIRMED, "ended")
    match found.clock:
        case Clock.VALID:
            return OfflineVerdict(OfflineState.GENUINE, "genuine", found)
        case Clock.TIMED_OUT:
            return OfflineVerdict(OfflineState.TIMED_OUT, "timed_out")
        case Clock.NOT_YET_VALID:
            return OfflineVerdict(OfflineState.NOT_YET_VALID, "not_yet_valid")
        case Clock.LONG_EXPIRED:
            return OfflineVerdict(OfflineState.NOT_CONFIRMED, "long_expired")


def main(arguments: Sequence[str] | None = None) -> int:
    """The same as a command: prints the state; 0 only if it is `genuine`."""
    parser = argparse.ArgumentParser(prog="python -m id_badges.offline", description=__doc__)
    parser.add_argument("--jwks", required=True, type=Path, help="a file: what /.well-known/jwks.json answers")
    parser.add_argument("--status-list", required=True, type=Path, help="what /.well-known/badge-status answers")
    parser.add_argument("token", help="what the QR code holds after /b/")
    given = parser.parse_args(arguments)
    try:
        jwks = json.loads(given.jwks.read_bytes())
        status_list = given.status_list.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    verdict = verify_offline(given.token, jwks, status_list, clock.now())
    sys.stdout.write(f"{verdict.state}\n")
    return 0 if verdict.state is OfflineState.GENUINE else 1


if __name__ == "__main__":
    sys.exit(main())
