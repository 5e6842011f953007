"""Keys: made once, read strictly, never shown, and of no more use from the moment they are compromised."""

import base64
import json
import multiprocessing
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from id_badges import keys, tokens
from id_badges.keys import KeyRing, KeyState, KeysUnusable, Purpose, RegisteredKey

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=366)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "instance" / "keys"
    keys.create_keys(made, NOON)
    return made


def registered(ring: KeyRing, purpose: Purpose = Purpose.PHONE) -> RegisteredKey:
    key = ring.verifying_key(ring.signing_key(purpose, NOON).kid)
    assert key is not None
    return key


def all_keys(ring: KeyRing) -> list[RegisteredKey]:
    return [key for purpose in Purpose for key in [registered(ring, purpose)]]


def rewrite(folder: Path, change: Any) -> None:
    """Change the registry's JSON as a careless hand would."""
    content = json.loads((folder / keys.REGISTRY).read_text())
    (folder / keys.REGISTRY).write_text(json.dumps(change(content)))


def test_development_keys_are_one_for_each_purpose_and_for_their_owner_alone(folder: Path) -> None:
    ring = KeyRing.load(folder)
    assert len({ring.signing_key(purpose, NOON).kid for purpose in Purpose}) == 3
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secrets = [*folder.glob("*.pem"), folder / keys.SHORT_CODE_KEY]
    assert len(secrets) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert len(ring.short_code_secret) == 32


def test_keys_that_exist_are_never_made_again(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    keys.create_keys(folder, NOON + YEAR)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_process_that_died_half_way_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "orphan.pem").write_bytes(b"half")
    (tmp_path / f".{keys.REGISTRY}.0123").write_bytes(b'{"keys": [')
    keys.create_keys(tmp_path, NOON)
    assert KeyRing.load(tmp_path).signing_key(Purpose.PHONE, NOON)


def _start(folder: Path, barrier: Any, told: Any) -> None:
    barrier.wait()
    keys.create_keys(folder, NOON)
    ring = KeyRing.load(folder)
    token = tokens.mint_phone_badge(ring, issuer="harrow", badge_id=uuid4(), at=NOON)
    told.put((sorted(key.kid for key in all_keys(ring)), ring.short_code_secret, token))


def test_processes_that_start_together_share_one_set_of_keys(tmp_path: Path) -> None:
    folder, count = tmp_path / "keys", 6
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(count), context.Queue()
    processes = [context.Process(target=_start, args=(folder, barrier, told)) for _ in range(count)]
    for process in processes:
        process.start()
    answers = [told.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=60)
    assert len({(*kids, secret) for kids, secret, _ in answers}) == 1
    assert len(list(folder.glob("*.pem"))) == 3
    ring = KeyRing.load(folder)
    for _, _, token in answers:
        tokens.read(token, keyring=ring, issuer="harrow", at=NOON)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777, 0o610])
def test_a_private_key_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    kid = KeyRing.load(folder).signing_key(Purpose.CARD, NOON).kid
    os.chmod(folder / f"{kid}.pem", mode)
    with pytest.raises(KeysUnusable, match="chmod 600"):
        KeyRing.load(folder)


def test_a_short_code_key_that_others_may_read_is_refused(folder: Path) -> None:
    os.chmod(folder / keys.SHORT_CODE_KEY, 0o644)
    with pytest.raises(KeysUnusable, match="chmod 600"):
        KeyRing.load(folder)


def test_a_registry_that_others_may_write_is_refused(folder: Path) -> None:
    os.chmod(folder / keys.REGISTRY, 0o666)
    with pytest.raises(KeysUnusable, match="written"):
        KeyRing.load(folder)


def test_private_keys_may_come_from_the_environment(folder: Path) -> None:
    pems = {path.stem: path.read_text() for path in folder.glob("*.pem")}
    for path in folder.glob("*.pem"):
        path.unlink()
    (folder / keys.SHORT_CODE_KEY).unlink()
    with pytest.raises(KeysUnusable):
        KeyRing.load(folder, {}).signing_key(Purpose.PHONE, NOON)
    environ = {"BADGE_PRIVATE_KEYS": json.dumps(pems), "BADGE_SHORT_CODE_KEY": "ab" * 32}
    ring = KeyRing.load(folder, environ)
    assert ring.signing_key(Purpose.PHONE, NOON).kid in pems
    assert ring.short_code_secret == b"\xab" * 32


@pytest.mark.parametrize(
    "environ",
    [
        {"BADGE_PRIVATE_KEYS": "-----BEGIN PRIVATE KEY-----"},
        {"BADGE_PRIVATE_KEYS": "[]"},
        {"BADGE_PRIVATE_KEYS": '{"a": 1}'},
        {"BADGE_SHORT_CODE_KEY": "ab" * 31},
        {"BADGE_SHORT_CODE_KEY": "zz" * 32},
    ],
)
def test_a_wrong_environment_is_refused_and_not_quoted(folder: Path, environ: dict[str, str]) -> None:
    with pytest.raises(KeysUnusable) as refused:
        KeyRing.load(folder, environ)
    (value,) = environ.values()
    assert value not in str(refused.value)


def test_a_process_that_only_checks_needs_no_private_key(folder: Path) -> None:
    token = tokens.mint_phone_badge(KeyRing.load(folder), issuer="harrow", badge_id=uuid4(), at=NOON)
    for path in [*folder.glob("*.pem"), folder / keys.SHORT_CODE_KEY]:
        path.unlink()
    ring = KeyRing.load(folder)
    assert tokens.read(token, keyring=ring, issuer="harrow", at=NOON)
    with pytest.raises(KeysUnusable):
        ring.signing_key(Purpose.PHONE, NOON)
    with pytest.raises(KeysUnusable):
        _ = ring.short_code_secret


def test_a_private_key_of_another_public_key_is_refused(folder: Path) -> None:
    phone, card = (KeyRing.load(folder).signing_key(p, NOON).kid for p in (Purpose.PHONE, Purpose.CARD))
    (folder / f"{phone}.pem").write_bytes((folder / f"{card}.pem").read_bytes())
    with pytest.raises(KeysUnusable, match="another public key"):
        KeyRing.load(folder)


@pytest.mark.parametrize(
    "pem", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_private_key_is_refused(folder: Path, pem: bytes) -> None:
    kid = KeyRing.load(folder).signing_key(Purpose.PHONE, NOON).kid
    (folder / f"{kid}.pem").write_bytes(pem)
    with pytest.raises(KeysUnusable, match="damaged"):
        KeyRing.load(folder)


def test_an_ed448_key_is_refused(folder: Path) -> None:
    kid = KeyRing.load(folder).signing_key(Purpose.PHONE, NOON).kid
    pem = Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{kid}.pem").write_bytes(pem)
    with pytest.raises(KeysUnusable):
        KeyRing.load(folder)


def test_every_process_learns_at_its_next_look_that_a_key_is_compromised(folder: Path) -> None:
    here, elsewhere = KeyRing.load(folder), KeyRing.load(folder)
    token = tokens.mint_phone_badge(here, issuer="harrow", badge_id=uuid4(), at=NOON)
    assert tokens.read(token, keyring=elsewhere, issuer="harrow", at=NOON)
    keys.write_registry(
        folder,
        [
            replace(key, state=KeyState.COMPROMISED) if key.purpose is Purpose.PHONE else key
            for key in all_keys(here)
        ],
    )
    for ring in (here, elsewhere):
        with pytest.raises(tokens.Forged, match="key-compromised"):
            tokens.read(token, keyring=ring, issuer="harrow", at=NOON)
        with pytest.raises(KeysUnusable):
            ring.signing_key(Purpose.PHONE, NOON)
        assert len(ring.jwks(NOON)["keys"]) == 2


def test_a_registry_that_is_lost_or_damaged_later_stops_every_check(folder: Path) -> None:
    ring = KeyRing.load(folder)
    kid, whole = ring.signing_key(Purpose.PHONE, NOON).kid, (folder / keys.REGISTRY).read_bytes()
    (folder / keys.REGISTRY).write_bytes(whole[:-40])
    with pytest.raises(KeysUnusable, match="damaged"):
        ring.verifying_key(kid)
    (folder / keys.REGISTRY).unlink()
    with pytest.raises(KeysUnusable):
        ring.verifying_key(kid)
    (folder / keys.REGISTRY).write_bytes(whole)
    assert ring.verifying_key(kid)


def test_keys_are_parsed_once(folder: Path) -> None:
    ring = KeyRing.load(folder)
    first = ring.signing_key(Purpose.PHONE, NOON)
    assert ring.signing_key(Purpose.PHONE, NOON).private_key is first.private_key
    assert ring.verifying_key(first.kid) is ring.verifying_key(first.kid)


def test_a_key_signs_from_its_first_second_and_not_at_its_last(folder: Path) -> None:
    ring = KeyRing.load(folder)
    assert ring.signing_key(Purpose.PHONE, NOON)
    assert ring.signing_key(Purpose.PHONE, NOON + YEAR - timedelta(seconds=1))
    for at in (NOON - timedelta(seconds=1), NOON + YEAR):
        with pytest.raises(KeysUnusable):
            ring.signing_key(Purpose.PHONE, at)


def test_a_key_added_while_we_run_is_used_when_its_time_comes(folder: Path, tmp_path: Path) -> None:
    ring = KeyRing.load(folder)
    keys.create_keys(tmp_path / "new", NOON + timedelta(days=1))
    new = KeyRing.load(tmp_path / "new")
    coming = new.verifying_key(new.signing_key(Purpose.PHONE, NOON + timedelta(days=1)).kid)
    assert coming is not None
    (folder / f"{coming.kid}.pem").touch(mode=0o600)
    (folder / f"{coming.kid}.pem").write_bytes((tmp_path / "new" / f"{coming.kid}.pem").read_bytes())
    keys.write_registry(folder, [*all_keys(ring), coming])
    assert ring.signing_key(Purpose.PHONE, NOON).kid != coming.kid
    assert ring.signing_key(Purpose.PHONE, NOON + timedelta(days=1)).kid == coming.kid


def test_the_published_keys_are_public_and_complete(folder: Path) -> None:
    ring = KeyRing.load(folder)
    published = ring.jwks(NOON)["keys"]
    assert len(published) == 3
    for jwk in published:
        timed = {"purpose", "sign_from", "sign_until", "verify_until", "state"}
        assert set(jwk) == {"kty", "crv", "kid", "x", "use", "alg"} | timed
        assert (jwk["kty"], jwk["crv"], jwk["use"], jwk["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
        assert keys.thumbprint(jwk["x"]).startswith(jwk["kid"])
    assert "PRIVATE" not in json.dumps(ring.jwks(NOON)) + (folder / keys.REGISTRY).read_text()


@pytest.mark.parametrize(
    ("state", "at", "published"),
    [
        (KeyState.PENDING, NOON, True),
        (KeyState.ACTIVE, NOON, True),
        (KeyState.RETIRED, NOON, True),
        (KeyState.COMPROMISED, NOON, False),
        (KeyState.RETIRED, NOON + YEAR + timedelta(days=1), False),
        (KeyState.RETIRED, NOON + YEAR + timedelta(days=1, seconds=-1), True),
    ],
)
def test_a_key_is_published_while_it_counts(folder: Path, state: KeyState, at: datetime, published: bool) -> None:
    ring = KeyRing.load(folder)
    phone = registered(ring)
    keys.write_registry(folder, [replace(phone, state=state)])
    assert bool(ring.jwks(at)["keys"]) is published


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    """Appendix A.3 of RFC 8037 states it for this key."""
    assert (
        keys.thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


def with_key(**fields: Any) -> Any:
    def change(content: dict[str, Any]) -> dict[str, Any]:
        content["keys"][0].update(fields)
        return content

    return change


def without(name: str) -> Any:
    def change(content: dict[str, Any]) -> dict[str, Any]:
        del content["keys"][0][name]
        return content

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda content: [],
        lambda content: {},
        lambda content: {"keys": {}, "more": 1} | {"keys": [None]},
        lambda content: {"keys": content["keys"] + content["keys"][:1]},
        *(without(name) for name in ("kid", "purpose", "x", "sign_from", "sign_until", "verify_until", "state")),
        with_key(kid="../etc"),
        with_key(kid=""),
        with_key(purpose="door"),
        with_key(state="fine"),
        with_key(x="AAAA"),
        with_key(x=7),
        with_key(sign_from="2026-11-18T12:00:00"),
        with_key(sign_from="2026-11-18T12:00:00.5+00:00"),
        with_key(sign_from="noon"),
        with_key(sign_from="2036-11-18T12:00:00+00:00"),
        with_key(verify_until="2026-11-18T12:00:00+00:00"),
    ],
)
def test_a_registry_that_is_not_sound_is_refused_whole(folder: Path, change: Any) -> None:
    rewrite(folder, change)
    with pytest.raises(KeysUnusable):
        KeyRing.load(folder)


def _entry(raw: bytes) -> dict[str, str]:
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {
        "kid": keys.thumbprint(x)[: keys.KID_LENGTH],
        "purpose": "phone",
        "x": x,
        "sign_from": "2026-01-01T00:00:00+00:00",
        "sign_until": "2027-01-01T00:00:00+00:00",
        "verify_until": "2027-01-02T00:00:00+00:00",
        "state": "active",
    }


FIELD = 2**255 - 19
WEAK_Y = [0, 1, FIELD - 1, FIELD, FIELD + 1, *sorted(keys._SMALL_ORDER)]


@pytest.mark.parametrize("y", WEAK_Y)
@pytest.mark.parametrize("sign", [0, 1])
def test_a_public_key_under_which_nobodys_signature_fits_is_refused(y: int, sign: int) -> None:
    with pytest.raises(ValueError, match="large group"):
        RegisteredKey.from_json(_entry((y | sign << 255).to_bytes(32, "little")))


def test_without_that_refusal_one_signature_would_fit_every_message() -> None:
    """The negative control: OpenSSL itself takes the neutral point for a key."""
    neutral = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"any badge you like")


def test_an_ordinary_public_key_is_taken() -> None:
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert RegisteredKey.from_json(_entry(raw)).public_key.public_bytes_raw() == raw
