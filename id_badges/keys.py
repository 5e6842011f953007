"""The council's signing keys: who may sign what, and from when until when it is believed.

A folder (KEYS_DIR) holds `registry.json`, which is public, and one `<kid>.pem` for each private key, which
only its owner may read. Where files are unwelcome the private keys come from the environment instead.
"""

import base64
import binascii
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

REGISTRY = "registry.json"
SHORT_CODE_KEY = "short-code.key"

KID_LENGTH = 6
"""Characters of the RFC 7638 thumbprint in a `kid`: enough to tell keys apart, few enough for the QR code."""

SIGNS_FOR = timedelta(days=366)

_FIELD = 2**255 - 19
_SMALL_ORDER = {
    0,
    1,
    _FIELD - 1,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    _FIELD - 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
}
"""The y of the eight points for which one signature fits every message."""


class KeysUnusable(Exception):
    """The key folder is missing, damaged or too open. No badge can be checked: none is green, none red."""


class Purpose(StrEnum):
    """What a key may sign. A token of one kind under another kind's key is a forgery."""

    PHONE = "phone"
    CARD = "card"
    STATUS_LIST = "status_list"


LAST_LIFE = {
    Purpose.PHONE: timedelta(days=1),
    Purpose.CARD: timedelta(days=366),
    Purpose.STATUS_LIST: timedelta(days=1),
}
"""How long a key is believed after it last signed: until the last thing it signed has died."""


class KeyState(StrEnum):
    """Pending is published and not yet used; retired signs no more; compromised is believed no more."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRED = "retired"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A public key and its use: it signs in [sign_from, sign_until) and is believed until verify_until."""

    kid: str
    purpose: Purpose
    x: str
    sign_from: datetime
    sign_until: datetime
    verify_until: datetime
    state: KeyState
    public_key: Ed25519PublicKey

    def signs_at(self, timestamp: int) -> bool:
        """Whether `timestamp`, in seconds, is inside the key's signing period."""
        return self.sign_from.timestamp() <= timestamp < self.sign_until.timestamp()

    def is_believed(self, at: datetime) -> bool:
        """Whether a signature by this key counts for anything at `at`."""
        return self.state in (KeyState.ACTIVE, KeyState.RETIRED) and at < self.verify_until

    def to_json(self) -> dict[str, str]:
        """The key's entry in the registry."""
        return {
            "kid": self.kid,
            "purpose": self.purpose.value,
            "x": self.x,
            "sign_from": self.sign_from.isoformat(),
            "sign_until": self.sign_until.isoformat(),
            "verify_until": self.verify_until.isoformat(),
            "state": self.state.value,
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, str]) -> "RegisteredKey":
        """The key of a registry entry. Raises KeyError, TypeError or ValueError if it is not sound."""
        x = entry["x"]
        sign_from, sign_until, verify_until = (
            datetime.fromisoformat(entry[name]) for name in ("sign_from", "sign_until", "verify_until")
        )
        if None in (sign_from.tzinfo, sign_until.tzinfo, verify_until.tzinfo):
            raise ValueError("a key's times need their zone")
        if sign_from.microsecond or sign_until.microsecond:
            raise ValueError("a signing period begins and ends with a whole second, as a token's iat does")
        if not sign_from < sign_until <= verify_until:
            raise ValueError("a key signs before it ends, and is believed for at least as long")
        if entry["kid"] != thumbprint(x)[:KID_LENGTH]:
            raise ValueError("a key's kid is the beginning of its thumbprint")
        return cls(
            kid=entry["kid"],
            purpose=Purpose(entry["purpose"]),
            x=x,
            sign_from=sign_from,
            sign_until=sign_until,
            verify_until=verify_until,
            state=KeyState(entry["state"]),
            public_key=_public_key(x),
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key ready to sign, and the name under which its signatures are checked."""

    kid: str
    private_key: Ed25519PrivateKey


class KeyRing:
    """The registry as it is now, and the private keys of this process.

    Keys are parsed once. Each look-up asks the file system whether the registry has changed, so that a key
    marked compromised is believed by no process from that moment on.
    """

    def __init__(self, folder: Path, private_pems: Mapping[str, str], short_code_key: str | None) -> None:
        self._folder = folder
        # As text, as every check asks for it.
        self._registry = str(folder / REGISTRY)
        self._pems = private_pems
        self._private: dict[str, Ed25519PrivateKey] = {}
        # One tuple, replaced whole: another thread sees the old registry or the new one, never a mixture.
        self._read = self._read_registry()
        self._short_code_secret = self._read_short_code_secret(short_code_key)

    @classmethod
    def load(cls, folder: Path | str, environ: Mapping[str, str] = os.environ) -> "KeyRing":
        """The keys of `folder`, or raise KeysUnusable.

        BADGE_PRIVATE_KEYS (a JSON object, kid to PEM) and BADGE_SHORT_CODE_KEY (64 hexadecimal digits) take
        the place of the folder's secret files.
        """
        try:
            pems = json.loads(environ.get("BADGE_PRIVATE_KEYS") or "{}")
        except ValueError:
            # `from None`: the parser's message could quote a private key.
            raise KeysUnusable("BADGE_PRIVATE_KEYS is not JSON") from None
        if not isinstance(pems, dict) or not all(isinstance(pem, str) for pem in pems.values()):
            raise KeysUnusable("BADGE_PRIVATE_KEYS is not an object of kid and PEM")
        ring = cls(Path(folder), pems, environ.get("BADGE_SHORT_CODE_KEY"))
        for key in ring._keys().values():
            if key.state is KeyState.ACTIVE:
                ring._private_key(key)
        return ring

    @property
    def short_code_secret(self) -> bytes:
        """The 32 bytes behind the codes people type. Raises KeysUnusable where this process has none."""
        if self._short_code_secret is None:
            raise KeysUnusable(f"there is no {SHORT_CODE_KEY}")
        return self._short_code_secret

    def signing_key(self, purpose: Purpose, at: datetime) -> SigningKey:
        """The newest active key for `purpose` that may sign at `at`. Raises KeysUnusable if none may."""
        candidates = [
            key
            for key in self._keys().values()
            if key.purpose is purpose and key.state is KeyState.ACTIVE and key.sign_from <= at < key.sign_until
        ]
        for key in sorted(candidates, key=lambda key: key.sign_from, reverse=True):
            private_key = self._private_key(key)
            if private_key is not None:
                return SigningKey(key.kid, private_key)
        raise KeysUnusable(f"no key may sign a {purpose.value} at this time")

    def signing_key_named(self, kid: str) -> SigningKey:
        """The key that signed before, to say the same again. Raises KeysUnusable if it is not held or believed."""
        key = self._keys().get(kid)
        private_key = None if key is None or key.state is KeyState.COMPROMISED else self._private_key(key)
        if private_key is None:
            raise KeysUnusable(f"the key {kid} cannot sign")
        return SigningKey(kid, private_key)

    def verifying_key(self, kid: str) -> RegisteredKey | None:
        """The key called `kid`, in whatever state it is, or None. Nothing is ever fetched."""
        return self._keys().get(kid)

    def believed_keys(self, purpose: Purpose, at: datetime) -> list[RegisteredKey]:
        """The keys for `purpose` whose signatures count at `at`."""
        return [key for key in self._keys().values() if key.purpose is purpose and key.is_believed(at)]

    def jwks(self, at: datetime) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517): those to come, those in use and those still believed.

        Each says besides what it may sign and when, as the registry does (`RegisteredKey.from_json`).
        """
        return {
            "keys": [
                {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", **key.to_json()}
                for key in self._keys().values()
                if key.state is not KeyState.COMPROMISED and at < key.verify_until
            ]
        }

    def _keys(self) -> Mapping[str, RegisteredKey]:
        stamp, keys = self._read
        try:
            if _stamp(os.stat(self._registry)) == stamp:
                return keys
        except OSError as error:
            raise KeysUnusable(f"the registry cannot be read: {error.strerror}") from error
        self._read = self._read_registry()
        return self._read[1]

    def _read_registry(self) -> tuple[tuple[int, ...], Mapping[str, RegisteredKey]]:
        try:
            with open(self._registry, "rb") as file:
                # The stamp is taken before the content: a change in between is noticed at the next look-up.
                status = os.fstat(file.fileno())
                content = file.read()
            if status.st_mode & 0o022:
                raise KeysUnusable("the registry may be written by more than its owner")
            keys = [RegisteredKey.from_json(entry) for entry in json.loads(content)["keys"]]
        except OSError as error:
            raise KeysUnusable(f"the registry cannot be read: {error.strerror}") from error
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise KeysUnusable(f"the registry is damaged: {error}") from error
        if len({key.kid for key in keys}) != len(keys):
            raise KeysUnusable("the registry names a key twice")
        return _stamp(status), {key.kid: key for key in keys}

    def _private_key(self, key: RegisteredKey) -> Ed25519PrivateKey | None:
        """The private half of `key`, parsed at its first use, or None where this process does not hold it."""
        if key.kid not in self._private:
            pem = self._pems.get(key.kid, "").encode() or _read_secret(self._folder / f"{key.kid}.pem")
            if pem is None:
                return None
            try:
                private_key = load_pem_private_key(pem, password=None)
            except (TypeError, ValueError):
                raise KeysUnusable(f"the private key of {key.kid} is damaged") from None
            if not isinstance(private_key, Ed25519PrivateKey) or _x(private_key) != key.x:
                raise KeysUnusable(f"the private key of {key.kid} belongs to another public key")
            self._private[key.kid] = private_key
        return self._private[key.kid]

    def _read_short_code_secret(self, in_hexadecimal: str | None) -> bytes | None:
        try:
            secret = bytes.fromhex(in_hexadecimal or "") or _read_secret(self._folder / SHORT_CODE_KEY)
        except ValueError:
            raise KeysUnusable("BADGE_SHORT_CODE_KEY is not hexadecimal") from None
        if secret is not None and len(secret) != 32:
            raise KeysUnusable("the key of the short codes is not 32 bytes")
        return secret


def thumbprint(x: str) -> str:
    """The RFC 7638 thumbprint of the Ed25519 public key `x`."""
    digest = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def create_keys(folder: Path | str, at: datetime) -> None:
    """Make `folder` with one active key for each purpose, unless it has a registry already.

    Two processes may start together: one makes the keys, the other waits for it and uses them. The registry
    is put in place last and whole, so a process killed half-way leaves nothing that anybody would read.
    """
    folder = Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone_in(folder):
        if (folder / REGISTRY).exists():
            return
        _write(folder / SHORT_CODE_KEY, secrets.token_bytes(32), mode=0o600)
        write_registry(folder, [create_key(folder, purpose, at) for purpose in Purpose])


def read_registry(folder: Path) -> list[RegisteredKey]:
    """The keys of the registry, in its order. Raises KeysUnusable."""
    return list(KeyRing(folder, {}, None)._keys().values())


def write_registry(folder: Path, keys: Iterable[RegisteredKey]) -> None:
    """Replace the registry in one step. Every process reads the new one at its next look-up."""
    content = json.dumps({"keys": [key.to_json() for key in keys]}, indent=2) + "\n"
    _write(folder / REGISTRY, content.encode(), mode=0o644)


def create_key(folder: Path, purpose: Purpose, at: datetime) -> RegisteredKey:
    """Make a key that signs for a year from `at` on, and put its private half into the folder.

    It counts once it is in the registry.
    """
    private_key = Ed25519PrivateKey.generate()
    # A file name of letters and digits alone cannot be taken for a command's option.
    while not thumbprint(_x(private_key))[:KID_LENGTH].isalnum():
        private_key = Ed25519PrivateKey.generate()
    sign_from = at.astimezone(UTC).replace(microsecond=0)
    sign_until = sign_from + SIGNS_FOR
    key = RegisteredKey(
        kid=thumbprint(_x(private_key))[:KID_LENGTH],
        purpose=purpose,
        x=_x(private_key),
        sign_from=sign_from,
        sign_until=sign_until,
        verify_until=sign_until + LAST_LIFE[purpose],
        state=KeyState.ACTIVE,
        public_key=private_key.public_key(),
    )
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / f"{key.kid}.pem", pem, mode=0o600)
    return key


def _x(private_key: Ed25519PrivateKey) -> str:
    return base64.urlsafe_b64encode(private_key.public_key().public_bytes_raw()).rstrip(b"=").decode()


def _public_key(x: str) -> Ed25519PublicKey:
    try:
        raw = base64.urlsafe_b64decode(x + "=")
    except binascii.Error as error:
        raise ValueError("a public key is base64url") from error
    if len(raw) != 32 or base64.urlsafe_b64encode(raw).decode() != x + "=":
        raise ValueError("a public key is 32 bytes, in one spelling")
    # OpenSSL does not look: under a point of small order a signature made by nobody would pass.
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _FIELD or y in _SMALL_ORDER:
        raise ValueError("a public key is a point of the large group")
    return Ed25519PublicKey.from_public_bytes(raw)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. The system lets go of it if the process dies."""
    with open(folder / ".lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Put `content` at `path` whole and on the disk, or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def _read_secret(path: Path) -> bytes | None:
    """The content of a secret file, or None where there is none. Refused when others may read it."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mode & 0o077:
                raise KeysUnusable(f"{path.name} may be read by more than its owner: chmod 600")
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeysUnusable(f"{path.name} cannot be read: {error.strerror}") from error
