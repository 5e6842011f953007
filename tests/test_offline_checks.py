"""What is published for checks with no connection: the keys, the status list, and the function that uses them."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from id_badges import status_list
from id_badges.keys import KeyRing, KeyState, Purpose, create_keys
from id_badges.offline import OfflineState, main, verify_offline
from id_badges.status_list import NotAList, StatusList
from id_badges.tokens import mint_phone_badge
from models.badge import BadgeKind
from models.database import transaction
from models.officer import Employment, Officer
from tests import factories, hostile_tokens, published
from tests.conftest import StoppedClock
from tests.hostile_tokens import Signer, card_claims
from tests.live import give_badge

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ISSUER, URI = "harrow", "https://visits.example/.well-known/badge-status"
LISTS = published.read("token_status_list.json")
DOCS = Path(__file__).parent.parent / "docs" / "verify-offline.md"


# The list


@pytest.mark.parametrize("vector", LISTS, ids=[f"{each['bits']} bits" for each in LISTS])
def test_a_published_list_decodes_to_what_is_stated(vector: dict[str, Any]) -> None:
    read = StatusList({"bits": vector["bits"], "lst": vector["lst"]})
    assert len(read) == vector["entries"] == 2**20
    stated = {int(index): status for index, status in vector["stated"].items()}
    assert {index: status for index in range(len(read)) if (status := read[index])} == {
        index: status for index, status in stated.items() if status
    }


@given(st.dictionaries(st.integers(0, 1023), st.integers(0, 3)), st.sampled_from((2, 4, 8)))
def test_what_is_encoded_is_what_is_read(statuses: dict[int, int], bits: int) -> None:
    read = StatusList({"bits": bits, "lst": status_list.encode(statuses.items(), bits=bits, size=1024)})
    assert [read[index] for index in range(1024)] == [statuses.get(index, 0) for index in range(1024)]
    for beyond in (-1, 1024):
        with pytest.raises(IndexError):
            read[beyond]


def test_a_list_that_is_none_is_refused_and_one_without_end_is_not_inflated() -> None:
    bomb = status_list.encode([], bits=8, size=2**24)
    good = status_list.encode([], size=1024)
    for content in (
        None,
        [],
        {},
        {"bits": 3, "lst": good},
        {"bits": True, "lst": good},
        {"bits": 2},
        {"bits": 2, "lst": 1},
        {"bits": 2, "lst": "\u00e9"},
        {"bits": 2, "lst": good[:-4]},
        {"bits": 8, "lst": bomb},
    ):
        with pytest.raises(NotAList):
            StatusList(content)


# What is served


@pytest.fixture
def keyring(app: Flask) -> KeyRing:
    found: KeyRing = app.extensions["keyring"]
    return found


def surveyor() -> Officer:
    """The contractor whose card `card_claims` describes."""
    return factories.officer(
        display_name="Amina Okafor",
        job_title="Housing surveyor",
        employment=Employment.CONTRACTOR,
        company="Brightwater Repairs Ltd",
        contract_ends_on=(NOON + timedelta(days=300)).date(),
    )


def card_of(keyring: KeyRing, officer: Officer, at: datetime) -> str:
    """The token of a card of this officer's."""
    card = give_badge(officer, at, BadgeKind.CARD, expires_at=at + timedelta(days=300), status_index=4711)
    return Signer.of(keyring, Purpose.CARD, at).sign(card_claims(ISSUER, card.id, at))


def fetched(app: Flask) -> tuple[dict[str, Any], str]:
    """What a system that checks offline keeps: the keys and the list."""
    client = app.test_client()
    keys = client.get("/.well-known/jwks.json").json
    assert keys is not None
    return keys, client.get("/.well-known/badge-status").text


def test_the_keys_and_the_list_are_kept_until_they_change(
    app: Flask, keyring: KeyRing, stopped_clock: StoppedClock
) -> None:
    card_of(keyring, surveyor(), stopped_clock.now)
    client = app.test_client()
    for address, kind, seconds in (
        ("/.well-known/jwks.json", "application/json", 300),
        ("/.well-known/badge-status", "application/statuslist+jwt", 60),
    ):
        first = client.get(address)
        assert (first.status_code, first.content_type) == (200, kind)
        assert first.headers["Cache-Control"] == f"public, max-age={seconds}"
        again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    list_etag = client.get("/.well-known/badge-status").headers["ETag"]
    stopped_clock.advance(61)
    assert client.get("/.well-known/badge-status").headers["ETag"] != list_etag


def test_no_private_key_is_published(app: Flask) -> None:
    keys, _ = fetched(app)
    assert {key["purpose"] for key in keys["keys"]} == {"phone", "card", "status_list"}
    assert all("d" not in key and key["use"] == "sig" and key["alg"] == "EdDSA" for key in keys["keys"])


def test_the_list_says_how_long_it_may_be_kept(app: Flask, stopped_clock: StoppedClock) -> None:
    _, token = fetched(app)
    header, claims = (json.loads(hostile_tokens.decode(part)) for part in token.split(".")[:2])
    assert header["typ"] == "statuslist+jwt"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["ttl"] == 300
    assert claims["sub"].endswith("/.well-known/badge-status")
    assert claims["status_list"]["bits"] == 2


# The check


def test_a_card_is_followed_through_its_life(app: Flask, keyring: KeyRing, stopped_clock: StoppedClock) -> None:
    officer = surveyor()
    token = card_of(keyring, officer, stopped_clock.now)

    def state() -> OfflineState:
        keys, statuses = fetched(app)
        return verify_offline(token, keys, statuses, stopped_clock.now).state

    def change(**fields: Any) -> None:
        with transaction() as session:
            found = session.get_one(Officer, officer.id)
            for name, value in fields.items():
                setattr(found, name, value)

    assert state() is OfflineState.GENUINE
    change(suspended_at=stopped_clock.now)
    assert state() is OfflineState.SUSPENDED
    change(suspended_at=None)
    assert state() is OfflineState.GENUINE
    change(contract_ends_on=stopped_clock.now.date())
    assert state() is OfflineState.GENUINE
    stopped_clock.advance(86_400)
    assert state() is OfflineState.NOT_CONFIRMED
    change(contract_ends_on=(NOON + timedelta(days=300)).date(), active=False)
    assert state() is OfflineState.NOT_CONFIRMED


def test_a_revoked_card_is_in_the_next_list(
    app: Flask, keyring: KeyRing, admin: Any, stopped_clock: StoppedClock
) -> None:
    token = card_of(keyring, surveyor(), stopped_clock.now)
    before = fetched(app)
    jti = json.loads(hostile_tokens.decode(token.split(".")[1]))["jti"]
    assert admin.post(f"/v1/badges/{jti}/revocation", {"reason": "Lost"}).status_code == 201
    assert verify_offline(token, *fetched(app), stopped_clock.now).state is OfflineState.NOT_CONFIRMED
    assert verify_offline(token, *before, stopped_clock.now).state is OfflineState.GENUINE


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """Keys of a council that needs no database."""
    create_keys(tmp_path / "keys", NOON)
    return KeyRing.load(tmp_path / "keys", {})


def listed(ring: KeyRing, issuer: str = ISSUER) -> str:
    """A list this council signed, in which every card is good."""
    return status_list.sign([], keyring=ring, issuer=issuer, uri=URI, at=NOON)


def a_card(ring: KeyRing, **claims: Any) -> str:
    """A card this council signed."""
    return Signer.of(ring, Purpose.CARD, NOON).sign(card_claims(ISSUER, uuid4(), NOON) | claims)


def test_a_phone_badge_needs_no_place_in_the_list(ring: KeyRing) -> None:
    token = mint_phone_badge(ring, issuer=ISSUER, badge_id=uuid4(), at=NOON)
    keys, statuses = ring.jwks(NOON), listed(ring)
    for seconds, state in (
        (0, OfflineState.GENUINE),
        (149, OfflineState.GENUINE),
        (150, OfflineState.TIMED_OUT),
        (1020, OfflineState.NOT_CONFIRMED),
        (-31, OfflineState.NOT_YET_VALID),
    ):
        assert verify_offline(token, keys, statuses, NOON + timedelta(seconds=seconds)).state is state


def test_a_list_that_is_old_forged_or_another_councils_confirms_nothing(ring: KeyRing, tmp_path: Path) -> None:
    create_keys(tmp_path / "others", NOON)
    others = KeyRing.load(tmp_path / "others", {})
    card, keys = a_card(ring), ring.jwks(NOON)
    good = listed(ring)
    assert verify_offline(card, keys, good, NOON).state is OfflineState.GENUINE
    by_the_card_key = Signer.of(ring, Purpose.CARD, NOON)
    header = by_the_card_key.header | {"typ": status_list.TYPE}
    claims = json.loads(hostile_tokens.decode(good.split(".")[1]))
    for bad in (
        "",
        card,
        listed(others),
        good[:-4],
        by_the_card_key.sign(claims, header),
        "x" * 1_000_001,
    ):
        assert verify_offline(card, keys, bad, NOON).state is OfflineState.UNAVAILABLE
    assert (
        verify_offline(card, keys, good, NOON + timedelta(hours=1, seconds=30)).state is OfflineState.UNAVAILABLE
    )
    assert verify_offline(card, keys, listed(ring, issuer="elsew"), NOON).state is OfflineState.NOT_CONFIRMED
    for bad_keys in ({}, {"keys": None}, {"keys": [{}]}, {"keys": []}):
        assert verify_offline(card, bad_keys, good, NOON).state is OfflineState.UNAVAILABLE


def test_a_compromised_key_is_gone_from_the_published_set(ring: KeyRing) -> None:
    card, statuses, keys = a_card(ring), listed(ring), ring.jwks(NOON)
    without = {"keys": [key for key in keys["keys"] if key["purpose"] != "card"]}
    assert verify_offline(card, without, statuses, NOON).reason == "unknown-key"
    marked = {"keys": [key | {"state": KeyState.COMPROMISED.value} for key in keys["keys"]]}
    assert verify_offline(card, marked, statuses, NOON).state is OfflineState.UNAVAILABLE


def test_every_hostile_token_is_refused_offline_too(ring: KeyRing) -> None:
    keys, statuses = ring.jwks(NOON), listed(ring)
    for name, token in hostile_tokens.hostile_tokens(ring, ISSUER, uuid4(), NOON).items():
        assert verify_offline(token, keys, statuses, NOON).state is not OfflineState.GENUINE, name


def test_the_command_says_the_state_and_fails_unless_it_is_genuine(
    ring: KeyRing, tmp_path: Path, stopped_clock: StoppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped_clock.set(NOON)
    (tmp_path / "jwks.json").write_text(json.dumps(ring.jwks(NOON)))
    (tmp_path / "list.jwt").write_text(listed(ring) + "\n")
    files = ["--jwks", str(tmp_path / "jwks.json"), "--status-list", str(tmp_path / "list.jwt")]
    assert main([*files, a_card(ring)]) == 0
    assert main([*files, a_card(ring, idx=-1)]) == 1
    assert capsys.readouterr().out == "genuine\nnot_confirmed\n"
    with pytest.raises(SystemExit):
        main(["--jwks", str(tmp_path / "none"), "--status-list", files[3], a_card(ring)])


def test_the_documented_example_runs_as_printed(
    app: Flask, keyring: KeyRing, stopped_clock: StoppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    keys, statuses = fetched(app)
    token = card_of(keyring, surveyor(), stopped_clock.now)
    exec(example, {"jwks": keys, "status_list": statuses, "token": token, "now": stopped_clock.now})
    assert capsys.readouterr().out == "genuine Amina Okafor\n"
