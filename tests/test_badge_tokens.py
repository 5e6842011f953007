"""A token is believed when it is exactly ours, and only in its own two minutes."""

import json
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from id_badges import keys, tokens
from id_badges.keys import KeyRing, KeyState, Purpose
from id_badges.tokens import Clock, Forged, Reading
from models.badge import BadgeKind
from tests.hostile_tokens import (
    ALPHABET,
    Signer,
    card_claims,
    hostile_tokens,
    phone_claims,
    spell,
    too_large_for_a_request_line,
)

ISSUER = "harrow"
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
BADGE = UUID("0b8c6a52-6f5e-4f5c-9a52-1d7c3c0c8e11")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("badges") / "keys"
    keys.create_keys(made, NOON - timedelta(days=30))
    return made


@pytest.fixture(scope="module")
def keyring(folder: Path) -> KeyRing:
    return KeyRing.load(folder)


@pytest.fixture(scope="module")
def genuine(keyring: KeyRing) -> str:
    return tokens.mint_phone_badge(keyring, issuer=ISSUER, badge_id=BADGE, at=NOON)


@pytest.fixture(scope="module")
def hostile(keyring: KeyRing) -> dict[str, str]:
    return hostile_tokens(keyring, ISSUER, BADGE, NOON)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a token made us open a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def read(token: str, keyring: KeyRing, at: datetime = NOON) -> Reading:
    return tokens.read(token, keyring=keyring, issuer=ISSUER, at=at)


def is_forged(token: str, keyring: KeyRing, at: datetime = NOON) -> bool:
    try:
        read(token, keyring, at)
    except Forged:
        return True
    return False


def test_a_phone_badge_is_read_as_it_was_minted(keyring: KeyRing, genuine: str) -> None:
    assert read(genuine, keyring) == Reading(
        kind=BadgeKind.PHONE,
        badge_id=BADGE,
        issued_at=NOON,
        not_before=NOON,
        expires_at=NOON + timedelta(seconds=120),
        clock=Clock.VALID,
        printed=None,
    )


def test_a_token_holds_what_the_format_names_and_nothing_else(keyring: KeyRing, genuine: str) -> None:
    kid = keyring.signing_key(Purpose.PHONE, NOON).kid
    assert jwt.get_unverified_header(genuine) == {"alg": "EdDSA", "kid": kid, "typ": "hb+jwt"}
    claims = jwt.decode(genuine, options={"verify_signature": False})
    assert claims == phone_claims(ISSUER, BADGE, NOON)


def test_a_badge_is_named_by_its_jti_or_its_uuid() -> None:
    assert tokens.badge_id_of(tokens.jti(BADGE)) == BADGE
    assert tokens.badge_id_of(str(BADGE)) == BADGE
    assert tokens.badge_id_of(str(BADGE).upper()) == BADGE
    for other in ("", BADGE.hex, f"{{{BADGE}}}", f"urn:uuid:{BADGE}", tokens.jti(BADGE)[:-1] + "B"):
        assert tokens.badge_id_of(other) is None


def test_a_card_is_read_with_what_is_printed_on_it(keyring: KeyRing) -> None:
    card = Signer.of(keyring, Purpose.CARD, NOON)
    reading = read(card.sign(card_claims(ISSUER, BADGE, NOON)), keyring)
    assert (reading.kind, reading.badge_id, reading.clock) == (BadgeKind.CARD, BADGE, Clock.VALID)
    assert reading.printed == tokens.Printed(
        "Amina Okafor", "Housing surveyor", "contractor", "Brightwater Repairs Ltd", 4711
    )


def test_an_employees_card_names_no_company(keyring: KeyRing) -> None:
    claims = card_claims(ISSUER, BADGE, NOON)
    del claims["org"]
    card = Signer.of(keyring, Purpose.CARD, NOON)
    printed = read(card.sign({**claims, "emp": "employee"}), keyring).printed
    assert printed is not None and printed.company is None
    assert is_forged(card.sign(claims), keyring)


def test_a_card_with_the_longest_plain_names_still_fits(keyring: KeyRing) -> None:
    claims = card_claims(ISSUER, BADGE, NOON) | {"nam": "N" * 80, "rol": "R" * 80, "org": "O" * 80}
    token = Signer.of(keyring, Purpose.CARD, NOON).sign(claims)
    assert len(token) <= tokens.LONGEST_TOKEN and read(token, keyring).kind is BadgeKind.CARD


def test_there_are_far_more_attacks_than_the_list_asks_for(hostile: dict[str, str]) -> None:
    assert len(hostile) > 300


@pytest.mark.usefixtures("no_network")
def test_every_hostile_token_is_forged_and_opens_no_connection(keyring: KeyRing, hostile: dict[str, str]) -> None:
    assert [sentence for sentence, token in hostile.items() if not is_forged(token, keyring)] == []


def test_pyjwt_alone_believes_many_of_them(keyring: KeyRing, hostile: dict[str, str]) -> None:
    """The negative control: these attacks are real, and it is our reader that refuses them."""
    public_key = keyring.signing_key(Purpose.PHONE, NOON).private_key.public_key()

    def pyjwt_believes(token: str) -> bool:
        try:
            jwt.decode(
                token,
                public_key,
                algorithms=["EdDSA"],
                issuer=ISSUER,
                # The clock of these tests is not the system's.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return False
        return True

    believed = {sentence for sentence, token in hostile.items() if pyjwt_believes(token)}
    assert len(believed) > 60, len(believed)
    assert {
        "the claims have no exp",
        "exp is named twice, the second later",
        "the signature is padded with ==",
        "typ is 'JWT'",
        "the life is ten years",
    } <= believed


def test_every_change_of_one_character_is_refused(keyring: KeyRing, genuine: str) -> None:
    for place, character in enumerate(genuine):
        for other in f"{ALPHABET}.=+/ ":
            if other != character:
                assert is_forged(genuine[:place] + other + genuine[place + 1 :], keyring), (place, other)


def test_every_truncation_is_refused(keyring: KeyRing, genuine: str) -> None:
    for length in range(len(genuine)):
        assert is_forged(genuine[:length], keyring), length
        assert is_forged(genuine[length + 1 :], keyring), length


def test_every_deletion_doubling_and_swap_is_refused(keyring: KeyRing, genuine: str) -> None:
    for place in range(len(genuine) - 1):
        head, pair, tail = genuine[:place], genuine[place : place + 2], genuine[place + 2 :]
        for other in (head + pair[1] + tail, head + pair[0] + pair + tail, head + pair[::-1] + tail):
            assert other == genuine or is_forged(other, keyring), place


@pytest.mark.parametrize(
    ("seconds", "clock"),
    [
        (-86_400, Clock.NOT_YET_VALID),
        (-31, Clock.NOT_YET_VALID),
        (-30.001, Clock.NOT_YET_VALID),
        (-30, Clock.VALID),
        (0, Clock.VALID),
        (119, Clock.VALID),
        (120, Clock.VALID),
        (149.999, Clock.VALID),
        (150, Clock.TIMED_OUT),
        (180, Clock.TIMED_OUT),
        (120 + 899.999, Clock.TIMED_OUT),
        (120 + 900, Clock.LONG_EXPIRED),
        (86_400, Clock.LONG_EXPIRED),
    ],
)
def test_a_token_lives_two_minutes_and_half_a_minute_either_side(
    keyring: KeyRing, genuine: str, seconds: float, clock: Clock
) -> None:
    assert read(genuine, keyring, NOON + timedelta(seconds=seconds)).clock is clock


def test_a_token_with_nbf_begins_there(keyring: KeyRing) -> None:
    now = int(NOON.timestamp())
    token = Signer.of(keyring, Purpose.PHONE, NOON).sign({**phone_claims(ISSUER, BADGE, NOON), "nbf": now + 60})
    assert read(token, keyring, NOON + timedelta(seconds=29)).clock is Clock.NOT_YET_VALID
    assert read(token, keyring, NOON + timedelta(seconds=30)).clock is Clock.VALID


@pytest.mark.parametrize(("life", "forged"), [(1, False), (120, False), (180, False), (181, True)])
def test_a_phone_token_signed_for_more_than_three_minutes_is_refused(
    keyring: KeyRing, life: int, forged: bool
) -> None:
    claims = phone_claims(ISSUER, BADGE, NOON)
    token = Signer.of(keyring, Purpose.PHONE, NOON).sign({**claims, "exp": claims["iat"] + life})
    assert is_forged(token, keyring) is forged


@pytest.mark.parametrize(("days", "forged"), [(1, False), (366, False), (367, True)])
def test_a_card_signed_for_more_than_twelve_months_is_refused(keyring: KeyRing, days: int, forged: bool) -> None:
    claims = card_claims(ISSUER, BADGE, NOON)
    token = Signer.of(keyring, Purpose.CARD, NOON).sign({**claims, "exp": claims["iat"] + days * 86_400})
    assert is_forged(token, keyring) is forged


def test_a_bundle_for_the_hour_without_signal_comes_true_minute_by_minute(keyring: KeyRing) -> None:
    for minute in range(60):
        starts = NOON + timedelta(minutes=minute)
        token = tokens.mint_phone_badge(keyring, issuer=ISSUER, badge_id=BADGE, at=starts)
        assert read(token, keyring, starts).clock is Clock.VALID
        assert read(token, keyring, NOON).clock is (Clock.NOT_YET_VALID if minute else Clock.VALID)


class ChangedKeys:
    """A folder whose phone key a test may change as an admin would."""

    def __init__(self, folder: Path) -> None:
        keys.create_keys(folder, NOON - timedelta(days=1))
        self.folder = folder
        self.ring = KeyRing.load(folder)
        self.signer = Signer.of(self.ring, Purpose.PHONE, NOON)

    def change(self, **fields: Any) -> None:
        kids = [key["kid"] for key in self.ring.jwks(NOON)["keys"]]
        entries = [key for kid in kids if (key := self.ring.verifying_key(kid))]
        keys.write_registry(
            self.folder,
            [replace(key, **fields) if key.kid == self.signer.kid else key for key in entries],
        )

    def reason(self, issued_at: datetime, at: datetime) -> str | None:
        try:
            read(self.signer.sign(phone_claims(ISSUER, BADGE, issued_at)), self.ring, at)
        except Forged as forged:
            return forged.reason
        return None


@pytest.fixture
def changed(tmp_path: Path) -> ChangedKeys:
    return ChangedKeys(tmp_path / "keys")


def test_a_compromised_key_makes_every_token_forged_at_once(changed: ChangedKeys) -> None:
    assert changed.reason(NOON, NOON) is None
    changed.change(state=KeyState.COMPROMISED)
    assert changed.reason(NOON, NOON) == "key-compromised"
    assert changed.reason(NOON - timedelta(hours=2), NOON - timedelta(hours=2)) == "key-compromised"


def test_a_pending_key_is_published_and_not_yet_believed(changed: ChangedKeys) -> None:
    changed.change(state=KeyState.PENDING)
    assert changed.reason(NOON, NOON) == "key-pending"


def test_a_retired_key_is_believed_for_what_it_signed_in_its_time(changed: ChangedKeys) -> None:
    changed.change(state=KeyState.RETIRED, sign_until=NOON, verify_until=NOON + timedelta(minutes=5))
    second = timedelta(seconds=1)
    assert changed.reason(NOON - second, NOON) is None
    assert changed.reason(NOON, NOON) == "signed-outside-the-key's-period"
    assert changed.reason(NOON + second, NOON + second) == "signed-outside-the-key's-period"
    assert changed.reason(NOON - second, NOON + timedelta(minutes=5) - second) is None
    assert changed.reason(NOON - second, NOON + timedelta(minutes=5)) == "key-too-old"


def test_a_key_is_not_believed_for_times_before_its_first_second(changed: ChangedKeys) -> None:
    changed.change(sign_from=NOON)
    assert changed.reason(NOON, NOON) is None
    assert changed.reason(NOON - timedelta(seconds=1), NOON) == "signed-outside-the-key's-period"


def test_two_megabytes_are_refused_without_being_looked_at(keyring: KeyRing) -> None:
    token = too_large_for_a_request_line()
    began = time.perf_counter()
    with pytest.raises(Forged, match="too-long"):
        read(token, keyring)
    assert time.perf_counter() - began < 0.05


PUBLISHED_TOKENS = [
    # RFC 8037 appendix A.4: a JWS under EdDSA, with no kid and no claims.
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    # RFC 7515 appendix A.1 (HS256) and A.5 (unsecured).
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
]  # fmt: skip


@pytest.mark.parametrize("token", PUBLISHED_TOKENS)
def test_a_published_example_of_another_format_is_no_badge(keyring: KeyRing, token: str) -> None:
    assert is_forged(token, keyring)


@settings(deadline=None)
@given(st.text(max_size=1100))
def test_no_text_is_a_badge(keyring: KeyRing, text: str) -> None:
    assert is_forged(text, keyring)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    )
)
def test_no_other_claims_are_a_badge_even_if_we_signed_them(keyring: KeyRing, claims: Any) -> None:
    assert is_forged(Signer.of(keyring, Purpose.PHONE, NOON).sign(claims), keyring)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["iss", "jti", "iat", "exp", "nbf"]), st.none() | st.integers() | st.text())
)
def test_a_claim_replaced_by_another_value_is_refused(keyring: KeyRing, changes: dict[str, Any]) -> None:
    right = phone_claims(ISSUER, BADGE, NOON)
    token = Signer.of(keyring, Purpose.PHONE, NOON).sign(right | changes)
    changed = {name for name, value in changes.items() if right.get(name) != value}
    assert is_forged(token, keyring) or changed <= {"exp", "nbf"} or not changed


@settings(deadline=None, max_examples=200)
@given(
    badge_id=st.uuids(version=4),
    minted=st.integers(0, 300 * 86_400),
    read_after=st.integers(-3600, 3600),
)
def test_what_we_mint_we_read_and_the_clock_only_moves_forward(
    keyring: KeyRing, badge_id: UUID, minted: int, read_after: int
) -> None:
    issued_at = NOON + timedelta(seconds=minted)
    token = tokens.mint_phone_badge(keyring, issuer=ISSUER, badge_id=badge_id, at=issued_at)
    order = list(Clock)
    first, then = (read(token, keyring, issued_at + timedelta(seconds=s)) for s in (read_after, read_after + 60))
    assert first.badge_id == then.badge_id == badge_id
    assert order.index(first.clock) <= order.index(then.clock)


def test_two_badges_never_share_a_token(keyring: KeyRing) -> None:
    minted = {tokens.mint_phone_badge(keyring, issuer=ISSUER, badge_id=uuid4(), at=NOON) for _ in range(50)}
    assert len(minted) == 50


def test_a_reader_with_another_issuer_refuses_our_token(keyring: KeyRing, genuine: str) -> None:
    with pytest.raises(Forged, match="issuer"):
        tokens.read(genuine, keyring=keyring, issuer="harrow-test", at=NOON)


def test_the_spelling_helper_is_the_tokens_own(keyring: KeyRing, genuine: str) -> None:
    ours = Signer.of(keyring, Purpose.PHONE, NOON)
    assert ours.sign_text(spell(ours.header), spell(phone_claims(ISSUER, BADGE, NOON))) == genuine


@given(
    st.one_of(
        st.dictionaries(
            st.text(max_size=4), st.one_of(st.text(max_size=4), st.integers(), st.floats(), st.none())
        ),
        st.lists(st.integers()),
    ),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
@example({"iat": 1.0}, (",", ":"), True)
@example({"iat": 2**64}, (",", ":"), True)
@example({"iat": True}, (",", ":"), True)
def test_the_quick_reader_says_what_the_strict_one_says_or_nothing(
    said: Any, separators: tuple[str, str], as_ascii: bool
) -> None:
    content = json.dumps(said, separators=separators, ensure_ascii=as_ascii).encode()
    quick = tokens._parse_plain(content)
    assert quick is None or quick == tokens._json.decode(content.decode())


@pytest.mark.parametrize(
    "content",
    [b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":NaN}', b'{"a":true}', b'{"a":-0}', b' {"a":1}', b'["a"]', b""],
)
def test_what_is_not_plain_goes_to_the_strict_reader(content: bytes) -> None:
    assert tokens._parse_plain(content) is None
