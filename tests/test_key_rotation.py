"""The next key, and the key that was stolen: what is believed before, between and after."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask

from id_badges import rotation
from id_badges.keys import KeyRing, KeyState, KeysUnusable, Purpose, create_keys, read_registry
from id_badges.rotation import NoSuchKey, compromise, rotate
from id_badges.tokens import Forged, mint_phone_badge, read
from tests.hostile_tokens import Signer, card_claims

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUER = "harrow"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys", NOON)
    return tmp_path / "keys"


def kid_at(folder: Path, at: datetime, purpose: Purpose = Purpose.PHONE) -> str:
    """Which key signs at a time."""
    return KeyRing.load(folder, {}).signing_key(purpose, at).kid


def state_of(folder: Path, kid: str) -> KeyState:
    return next(key.state for key in read_registry(folder) if key.kid == kid)


def test_the_next_key_is_known_for_a_day_before_it_signs(folder: Path) -> None:
    old = kid_at(folder, NOON)
    [following] = rotate(folder, [Purpose.PHONE], NOON)
    ring = KeyRing.load(folder, {})
    assert following.kid in {key["kid"] for key in ring.jwks(NOON)["keys"]}
    assert kid_at(folder, NOON + DAY - timedelta(seconds=1)) == old
    assert kid_at(folder, NOON + DAY) == following.kid


def test_no_badge_turns_red_while_keys_change(folder: Path) -> None:
    ring = KeyRing.load(folder, {})
    rotate(folder, list(Purpose), NOON)
    for hours in (0, 23, 24, 25, 48):
        for seconds in (-1, 0, 1):
            at = NOON + timedelta(hours=hours, seconds=seconds)
            token = mint_phone_badge(ring, issuer=ISSUER, badge_id=uuid4(), at=max(at, NOON))
            for after in (0, 60, 119):
                assert read(token, keyring=ring, issuer=ISSUER, at=max(at, NOON) + timedelta(seconds=after))


def test_a_card_is_believed_until_it_ends_though_its_key_signs_no_more(folder: Path) -> None:
    claims = card_claims(ISSUER, uuid4(), NOON)
    card = Signer.of(KeyRing.load(folder, {}), Purpose.CARD, NOON).sign(claims)
    for years in range(3):
        rotate(folder, [Purpose.CARD], NOON + timedelta(hours=1 + years))
    ring = KeyRing.load(folder, {})
    assert read(card, keyring=ring, issuer=ISSUER, at=NOON + timedelta(days=299))


def test_a_key_that_signs_no_more_is_retired_and_its_private_half_destroyed(folder: Path) -> None:
    old = kid_at(folder, NOON)
    rotate(folder, [Purpose.PHONE], NOON)
    assert (folder / f"{old}.pem").exists()
    rotate(folder, [Purpose.PHONE], NOON + 2 * DAY)
    assert state_of(folder, old) is KeyState.RETIRED
    assert not (folder / f"{old}.pem").exists()


def test_rotating_twice_in_a_row_leaves_one_line_of_keys(folder: Path) -> None:
    old = kid_at(folder, NOON)
    [first] = rotate(folder, [Purpose.PHONE], NOON)
    [second] = rotate(folder, [Purpose.PHONE], NOON + timedelta(hours=1))
    for hours in range(0, 24 * 3):
        at = NOON + timedelta(hours=hours)
        assert kid_at(folder, at) in (old, first.kid, second.kid)
    assert kid_at(folder, NOON + timedelta(hours=24, minutes=30)) == first.kid
    assert kid_at(folder, NOON + timedelta(hours=25)) == second.kid


def test_where_no_key_signs_any_more_the_next_signs_at_once(folder: Path) -> None:
    late = NOON + timedelta(days=400)
    with pytest.raises(KeysUnusable):
        kid_at(folder, late)
    [following] = rotate(folder, [Purpose.PHONE], late)
    assert kid_at(folder, late) == following.kid


def test_a_key_about_to_end_hands_over_when_it_ends(folder: Path) -> None:
    soon = NOON + timedelta(days=366) - timedelta(hours=2)
    [following] = rotate(folder, [Purpose.PHONE], soon)
    assert following.sign_from == NOON + timedelta(days=366)


def test_what_a_compromised_key_signed_is_forged_at_once_in_a_running_process(folder: Path) -> None:
    running = KeyRing.load(folder, {})
    token = mint_phone_badge(running, issuer=ISSUER, badge_id=uuid4(), at=NOON)
    stolen = kid_at(folder, NOON)
    following = compromise(folder, stolen, NOON)
    with pytest.raises(Forged) as forged:
        read(token, keyring=running, issuer=ISSUER, at=NOON)
    assert forged.value.reason == "key-compromised"
    again = mint_phone_badge(running, issuer=ISSUER, badge_id=uuid4(), at=NOON)
    assert read(again, keyring=running, issuer=ISSUER, at=NOON)
    assert running.signing_key(Purpose.PHONE, NOON).kid == following.kid
    assert stolen not in {key["kid"] for key in running.jwks(NOON)["keys"]}
    assert not (folder / f"{stolen}.pem").exists()
    for kid in (stolen, "nosuch"):
        with pytest.raises(NoSuchKey):
            compromise(folder, kid, NOON)


@pytest.mark.parametrize(
    "change", [lambda f: rotate(f, list(Purpose), NOON), lambda f: compromise(f, kid_at(f, NOON), NOON)]
)
def test_killed_before_the_registry_is_replaced_nothing_has_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    before = (folder / "registry.json").read_bytes()
    monkeypatch.setattr(rotation, "write_registry", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        change(folder)
    assert (folder / "registry.json").read_bytes() == before
    assert kid_at(folder, NOON)


def test_private_keys_are_readable_by_their_owner_alone(folder: Path) -> None:
    rotate(folder, list(Purpose), NOON)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.pem")} == {0o600}
    assert "PRIVATE" not in (folder / "registry.json").read_text()


def test_the_commands_list_rotate_and_compromise(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    folder = app.config["SETTINGS"].keys_dir
    before = json.loads((folder / "registry.json").read_text())
    try:
        listed = run(args=["keys", "list"]).output.splitlines()
        assert len(listed) == len(before["keys"])
        made = run(args=["keys", "rotate", "--purpose", "phone"]).output.splitlines()
        assert "phone" in made[0] and "published" in made[0]
        kid = made[0].split()[0]
        assert run(args=["keys", "compromise", kid], input="n\n").exit_code == 1
        done = run(args=["keys", "compromise", kid, "--yes"])
        assert (done.exit_code, "phone" in done.output) == (0, True)
        refused = run(args=["keys", "compromise", kid, "--yes"])
        assert refused.exit_code == 1 and "keys list" in refused.output
        assert len(run(args=["keys", "list"]).output.splitlines()) == len(listed) + 2
    finally:
        (folder / "registry.json").write_text(json.dumps(before))
