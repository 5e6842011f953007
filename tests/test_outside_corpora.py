"""Other people's tokens, shown to us as badges: "nothing genuine, no 5xx, no outbound connection"."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from flask import Flask

from id_badges import status_list
from id_badges.keys import KeyRing, Purpose
from id_badges.offline import OfflineState, verify_offline
from id_badges.tokens import jti
from models.officer import Officer
from tests import published
from tests.conftest import Client, StoppedClock
from tests.corpora import WYCHEPROOF, outside_tokens, wycheproof_cases
from tests.hostile_tokens import Signer, decode, spell
from tests.live import give_badge

MONDAY_9 = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}
TOKENS = {name: token for name, token in outside_tokens().items() if token}
NOTHING = [name for name, token in outside_tokens().items() if not token]
"""Wycheproof's empty tokens: their address is that of the form."""


@pytest.fixture
def keyring(app: Flask) -> KeyRing:
    found: KeyRing = app.extensions["keyring"]
    return found


def status_list_tokens(keyring: KeyRing) -> dict[str, str]:
    """The published lists as tokens, signed by the council itself with each of its keys."""
    signed = {}
    for purpose in Purpose:
        signer = Signer.of(keyring, purpose, MONDAY_9)
        for each in published.read("token_status_list.json"):
            content = {"status_list": {"bits": each["bits"], "lst": each["lst"][:400]}}
            for typ in (status_list.TYPE, "hb+jwt"):
                name = f"a list of {each['bits']} bits, {typ}, under the key for {purpose.value}"
                signed[name] = signer.sign(content, signer.header | {"typ": typ})
    return signed


def test_all_of_each_corpus_is_here() -> None:
    counts = [sum(1 for _ in wycheproof_cases(name)) for name in WYCHEPROOF]
    assert counts == [401, 139, 83]
    assert len(published.read("eu_dcc_hc1.json")) == 525
    assert len(published.read("smart_health_card_jws.json")) == 16
    assert len(TOKENS) + len(NOTHING) == sum(counts) + 525 + 3 * 16 + 4
    assert len(NOTHING) == 6


def test_whoever_knows_their_keys_would_believe_some_of_them() -> None:
    """The control: where they are from they are good tokens, and one is good under a key that it brings along."""
    believed = 0
    for group, case in wycheproof_cases("json_web_signature_test"):
        key = group.get("public", group["private"])
        if case["result"] == "valid":
            with suppress(jwt.InvalidTokenError):
                jwt.PyJWS().decode(case["jws"], jwt.PyJWK(key), algorithms=[key["alg"]])
                believed += 1
    assert believed == 40
    (embedded,) = (case["jws"] for _, case in wycheproof_cases("json_web_signature_test") if case["tcId"] == 32)
    header = json.loads(decode(embedded.split(".")[0]))
    assert jwt.PyJWS().decode(embedded, jwt.PyJWK(header["jwk"], "ES256"), algorithms=["ES256"])


def test_every_one_gets_the_one_red_page_and_no_other_host_hears_of_it(
    app: Flask, keyring: KeyRing, calls_to_others: list[Any]
) -> None:
    web = app.test_client()
    red_page, red_answer = web.get("/b/x", headers=HTML), web.get("/b/x", headers=JSON)
    assert b"Do not let them in" in red_page.data and red_answer.json["state"] == "not_confirmed"
    not_red = []
    for name, token in (TOKENS | status_list_tokens(keyring)).items():
        for red, kind in ((red_page, HTML), (red_answer, JSON)):
            answer = web.get(f"/b/{quote(token, safe='')}", headers=kind)
            seen = (answer.status_code, answer.data, dict(answer.headers))
            if seen != (200, red.data, dict(red.headers)):
                not_red.append((name, answer.status_code, answer.data[:100]))
    assert not_red == []
    assert calls_to_others == []


def test_none_is_a_code_that_can_be_typed_or_read_out(app: Flask, calls_to_others: list[Any]) -> None:
    web = app.test_client()
    taken = [name for name, token in TOKENS.items() if web.post("/b", json={"code": token}).status_code != 422]
    assert taken == []
    assert calls_to_others == []


def test_none_signs_anybody_in(app: Flask, keyring: KeyRing, calls_to_others: list[Any]) -> None:
    web = app.test_client()
    # What a header cannot hold no client sends: a line end, and letters that are not Latin.
    sendable = {name: token for name, token in TOKENS.items() if token.isascii() and token.isprintable()}
    assert len(sendable) > len(TOKENS) - 20
    let_in = []
    for name, token in (sendable | status_list_tokens(keyring)).items():
        answer = web.get("/v1/me/visits", headers={"Authorization": f"Bearer {token}"})
        if (answer.status_code, answer.content_type) != (401, "application/problem+json"):
            let_in.append((name, answer.status_code))
    assert let_in == []
    assert calls_to_others == []


def test_none_is_genuine_without_a_connection_either(app: Flask, keyring: KeyRing) -> None:
    published_list = app.test_client().get("/.well-known/badge-status").get_data(as_text=True)
    keys = keyring.jwks(MONDAY_9)
    for name, token in (TOKENS | status_list_tokens(keyring) | {"the list itself": published_list}).items():
        answered = verify_offline(token, keys, published_list, MONDAY_9)
        assert answered.state is OfflineState.NOT_CONFIRMED, name


def test_the_councils_own_tokens_are_good_for_what_they_were_signed_for_and_nothing_else(
    app: Flask, phone: Client, officer: Officer, stopped_clock: StoppedClock
) -> None:
    web = app.test_client()
    badge = phone.get("/v1/me/badge").json["token"]
    published_list = web.get("/.well-known/badge-status").get_data(as_text=True)
    assert web.get(f"/b/{badge}", headers=JSON).json["state"] == "genuine"
    for token in (phone.token, published_list):
        assert web.get(f"/b/{token}", headers=JSON).json["state"] == "not_confirmed"
    for token in (badge, published_list):
        assert web.get("/v1/me/visits", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_key_that_a_token_brings_along_is_never_believed(
    app: Flask, keyring: KeyRing, officer: Officer, calls_to_others: list[Any]
) -> None:
    """Their embedded keys, in front of claims of ours that are right: even the council's own signature is void."""
    signer = Signer.of(keyring, Purpose.PHONE, MONDAY_9)
    badge = give_badge(officer, MONDAY_9)
    now = int(MONDAY_9.timestamp())
    claims = {"iss": "harrow", "jti": jti(badge.id), "iat": now, "exp": now + 120}
    web = app.test_client()
    assert web.get(f"/b/{signer.sign(claims)}", headers=JSON).json["state"] == "genuine"
    keys = {spell(group.get("public", group["private"])) for group, _ in wycheproof_cases(WYCHEPROOF[0])}
    assert len(keys) > 10
    for key in keys:
        for header in ({**signer.header, "jwk": json.loads(key)}, {"alg": "EdDSA", "jwk": json.loads(key)}):
            token = signer.sign(claims, header)
            assert web.get(f"/b/{token}", headers=JSON).json["state"] == "not_confirmed"
    assert calls_to_others == []
