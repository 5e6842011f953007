"""Keys that follow one another: the next is published before it signs, the last is believed until what it signed
has died, and a compromised one is believed no more.

Whatever is done here is done when the registry has been replaced, in one step: a process killed before that leaves
at most a private key that nobody uses.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from id_badges.keys import (
    LAST_LIFE,
    KeyState,
    Purpose,
    RegisteredKey,
    alone_in,
    create_key,
    read_registry,
    write_registry,
)

PUBLISHED_BEFORE_USE = timedelta(hours=24)
"""So that whoever checks offline knows a key before it meets the first badge that it signed."""


class NoSuchKey(Exception):
    """The registry has no key of this name, or it was marked already."""


def rotate(folder: Path, purposes: Collection[Purpose], at: datetime) -> list[RegisteredKey]:
    """Make the next key for each of these purposes: published now, it signs in 24 hours, when the last one stops.

    Where no key would sign until then, it signs at once. Keys that sign no more are retired, and their private
    halves destroyed. Raises KeysUnusable.
    """
    at = at.astimezone(UTC).replace(microsecond=0)
    with alone_in(folder):
        keys = _retired(read_registry(folder), at)
        following = [_follow(folder, keys, purpose, at) for purpose in sorted(purposes)]
        begins = {key.purpose: key.sign_from for key in following}
        write_registry(folder, [_until(key, begins.get(key.purpose)) for key in keys] + following)
        _destroy(folder, keys)
        return following


def compromise(folder: Path, kid: str, at: datetime) -> RegisteredKey:
    """Believe this key no more, from this moment on: "compromised means every token forged at once". Returns the
    key that signs from now on in its place. Raises NoSuchKey, KeysUnusable."""
    at = at.astimezone(UTC).replace(microsecond=0)
    with alone_in(folder):
        keys = read_registry(folder)
        found = next((key for key in keys if key.kid == kid and key.state is not KeyState.COMPROMISED), None)
        if found is None:
            raise NoSuchKey(kid)
        keys = [replace(key, state=KeyState.COMPROMISED) if key is found else key for key in keys]
        following = create_key(folder, found.purpose, at)
        write_registry(folder, [*keys, following])
        _destroy(folder, keys)
        return following


def _retired(keys: Collection[RegisteredKey], at: datetime) -> list[RegisteredKey]:
    is_over = [key.state is KeyState.ACTIVE and key.sign_until <= at for key in keys]
    return [replace(key, state=KeyState.RETIRED) if over else key for key, over in zip(keys, is_over, strict=True)]


def _follow(folder: Path, keys: Collection[RegisteredKey], purpose: Purpose, at: datetime) -> RegisteredKey:
    """The next key. It begins when it has been known for long enough, or when the last one ends if that is
    sooner."""
    in_use = [key for key in keys if key.purpose is purpose and key.state is KeyState.ACTIVE]
    covered_until = max((key.sign_until for key in in_use), default=at)
    return create_key(folder, purpose, min(at + PUBLISHED_BEFORE_USE, covered_until))


def _until(key: RegisteredKey, next_begins: datetime | None) -> RegisteredKey:
    """A key that is followed stops when the next begins, and is believed for as long as what it signs lives."""
    if next_begins is None or key.state is not KeyState.ACTIVE or key.sign_until <= next_begins:
        return key
    if key.sign_from >= next_begins:
        # It was to begin later than the one that was just made, and now never will.
        return replace(key, state=KeyState.RETIRED)
    return replace(key, sign_until=next_begins, verify_until=next_begins + LAST_LIFE[key.purpose])


def _destroy(folder: Path, keys: Collection[RegisteredKey]) -> None:
    """Nobody can take a private key that is not there any more."""
    for key in keys:
        if key.state in (KeyState.RETIRED, KeyState.COMPROMISED):
            (folder / f"{key.kid}.pem").unlink(missing_ok=True)
