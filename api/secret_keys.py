"""The secrets of this installation, from KEYS_DIR: made at first use in development, demanded in production.

`python -m api.secret_keys FOLDER` makes them once for production.
"""

import hmac
import os
import secrets
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from api.config import BadSetting, Settings
from id_badges.keys import KeyRing, create_keys
from models import clock

ACCESS_TOKENS = "access-tokens.key"
MADE_FOR_DEVELOPMENT = "made-for-development"


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """Each secret serves one purpose."""

    access_tokens: bytes
    digests: bytes
    photo_links: bytes
    visit_links: bytes
    visit_words: bytes
    door_tickets: bytes
    badges: KeyRing


def load(settings: Settings, at: datetime) -> SecretKeys:
    """Read the secrets. Raises BadSetting in production if they are missing or were made for development."""
    folder = settings.keys_dir
    if not settings.production:
        create(folder, at, for_development=True)
    elif not (folder / ACCESS_TOKENS).exists():
        raise BadSetting("KEYS_DIR holds no keys: make them once with `python -m api.secret_keys FOLDER`.")
    elif (folder / MADE_FOR_DEVELOPMENT).exists():
        raise BadSetting("KEYS_DIR holds keys made for development: use another folder in production.")
    root = _read_secret(folder / ACCESS_TOKENS)
    return SecretKeys(
        access_tokens=hmac.digest(root, b"access tokens", "sha256"),
        digests=hmac.digest(root, b"digests", "sha256"),
        photo_links=hmac.digest(root, b"photo links", "sha256"),
        visit_links=hmac.digest(root, b"visit links", "sha256"),
        visit_words=hmac.digest(root, b"visit words", "sha256"),
        door_tickets=hmac.digest(root, b"door tickets", "sha256"),
        badges=KeyRing.load(folder),
    )


def create(folder: Path, at: datetime, *, for_development: bool) -> None:
    """Make every key that is missing, readable by its owner alone. Never replaces one."""
    new = not (folder / ACCESS_TOKENS).exists()
    create_keys(folder, at)
    if new:
        if for_development:
            (folder / MADE_FOR_DEVELOPMENT).touch()
        _write_once(folder / ACCESS_TOKENS, secrets.token_bytes(32))


def _write_once(path: Path, secret: bytes) -> None:
    # Written whole under another name, then linked: two processes that start together agree on one.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_secret(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise BadSetting(f"{path.name} may be read by others: chmod 600 it.")
    secret = path.read_bytes()
    if len(secret) < 32:
        raise BadSetting(f"{path.name} is damaged: it needs 32 bytes.")
    return secret


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where: python -m api.secret_keys FOLDER")
    create(Path(sys.argv[1]), clock.now(), for_development=False)
