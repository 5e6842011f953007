"""Signing in: passwords, tokens that cannot be forged or used twice, and sign-outs that count at once."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import argon2
import jwt
import pytest
from sqlalchemy import select

from models import clock, retention, user
from models.database import reading, transaction
from models.user import Role, User
from tests.steps import MONDAY_9, problem

PASSWORD = "correct horse battery"


def account(username: str = "sam", role: Role = Role.SCHEDULER) -> User:
    """An account with a password."""
    made = User(id=uuid4(), username=username, role=role, active=True, created_at=clock.now())
    made.set_password(PASSWORD)
    with transaction() as session:
        session.add(made)
    return made


def enter(client: Any, username: str = "sam", password: str = PASSWORD) -> Any:
    return client.post("/v1/tokens", {"username": username, "password": password})


def with_token(client: Any, token: str) -> Any:
    return client.get("/v1/visits", Authorization=f"Bearer {token}")


def test_passwords_are_kept_as_argon2id_with_the_librarys_parameters(monkeypatch):
    """The hash of nobody was made when the module was loaded, before the tests put cheap ones in."""
    made = argon2.extract_parameters(user._NOBODY)
    assert made == argon2.extract_parameters(argon2.PasswordHasher().hash("x"))
    assert made.type is argon2.Type.ID
    assert (made.time_cost, made.memory_cost, made.parallelism) == (3, 65536, 4)
    monkeypatch.setattr(user, "passwords", argon2.PasswordHasher())
    kept = User()
    kept.set_password(PASSWORD)
    assert kept.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD not in kept.password_hash


def test_a_username_and_its_password_give_a_pair_of_tokens(stranger, app):
    account()
    answer = enter(stranger)
    assert answer.status_code == 201
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"
    assert with_token(stranger, answer.json["access_token"]).status_code == 200


def test_nothing_tells_a_wrong_password_from_an_unknown_name_or_a_closed_account(stranger, app):
    account()
    closed = account("closed")
    with transaction() as session:
        session.merge(closed).active = False
    answers = [
        enter(stranger, password="wrong" * 4),
        enter(stranger, "nobody"),
        enter(stranger, "closed"),
        enter(stranger, "SAM"),
    ]
    assert {problem(answer, 401, "sign-in")["detail"] for answer in answers} == {
        "The username or the password is wrong."
    }
    assert all(answer.headers["WWW-Authenticate"] == "Bearer" for answer in answers)


def test_the_fifth_wrong_password_closes_the_door_for_a_quarter_of_an_hour(stranger, stopped_clock, app):
    account()
    account("kim")
    for _ in range(5):
        assert enter(stranger, password="wrong").status_code == 401
        stopped_clock.advance(60)
    refused = enter(stranger)
    problem(refused, 429, "too-many")
    assert int(refused.headers["Retry-After"]) == 600, "the oldest failure counts no more ten minutes from now"
    assert enter(stranger, "kim").status_code == 201, "nobody else is locked out"
    stopped_clock.advance(599)
    assert enter(stranger).status_code == 429
    stopped_clock.advance(1)
    assert enter(stranger).status_code == 201


def test_somebody_elsewhere_cannot_lock_a_person_out(stranger, app):
    account()
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    body = {"username": "sam", "password": "wrong"}
    for _ in range(6):
        last = stranger.client.post("/v1/tokens", json=body, environ_base=elsewhere)
    assert last.status_code == 429
    assert enter(stranger).status_code == 201


def test_one_address_cannot_try_many_names(stranger, app, stopped_clock):
    account()
    with transaction() as session:
        for number in range(user.TRIES_BY_ADDRESS):
            user.count_failure(session, f"name {number}", "127.0.0.1", stopped_clock.now)
    assert enter(stranger).status_code == 429
    stopped_clock.advance(15 * 60)
    assert enter(stranger).status_code == 201


def test_a_refresh_token_works_once_and_its_second_use_ends_the_family(stranger, app):
    account()
    first = enter(stranger).json
    second = stranger.post("/v1/tokens/refresh", {"refresh_token": first["refresh_token"]})
    assert second.status_code == 201
    assert second.json["refresh_token"] != first["refresh_token"]
    assert with_token(stranger, second.json["access_token"]).status_code == 200
    again = stranger.post("/v1/tokens/refresh", {"refresh_token": first["refresh_token"]})
    assert "used before" in problem(again, 401, "sign-in")["detail"]
    for token in (first["access_token"], second.json["access_token"]):
        problem(with_token(stranger, token), 401, "sign-in")
    newest = stranger.post("/v1/tokens/refresh", {"refresh_token": second.json["refresh_token"]})
    problem(newest, 401, "sign-in")
    assert enter(stranger).status_code == 201, "a new sign-in is another family"


def test_a_family_that_ended_leaves_other_devices_signed_in(stranger, app):
    account()
    phone, desk = enter(stranger).json, enter(stranger).json
    for _ in range(2):
        last = stranger.post("/v1/tokens/refresh", {"refresh_token": phone["refresh_token"]})
    assert last.status_code == 401
    assert with_token(stranger, desk["access_token"]).status_code == 200


def test_a_refresh_token_lives_fourteen_days(stranger, stopped_clock, app):
    account()
    token = enter(stranger).json["refresh_token"]
    stopped_clock.advance(14 * 86400 - 1)
    renewed = stranger.post("/v1/tokens/refresh", {"refresh_token": token})
    assert renewed.status_code == 201
    stopped_clock.advance(14 * 86400)
    late = stranger.post("/v1/tokens/refresh", {"refresh_token": renewed.json["refresh_token"]})
    problem(late, 401, "sign-in")


def test_an_invented_refresh_token_is_refused(stranger, app):
    for token in ("x" * 43, "ü" * 43, "\0" * 43, " " * 43, "😀" * 43):
        problem(stranger.post("/v1/tokens/refresh", {"refresh_token": token}), 401, "sign-in")


def test_an_access_token_lives_fifteen_minutes(stranger, stopped_clock, app):
    account()
    token = enter(stranger).json["access_token"]
    stopped_clock.advance(899)
    assert with_token(stranger, token).status_code == 200
    stopped_clock.advance(1)
    problem(with_token(stranger, token), 401, "sign-in")


def test_signing_out_counts_at_once_for_both_tokens(stranger, app):
    account()
    pair = enter(stranger).json
    out = stranger.delete("/v1/tokens", Authorization=f"Bearer {pair['access_token']}")
    assert (out.status_code, out.data) == (204, b"")
    problem(with_token(stranger, pair["access_token"]), 401, "sign-in")
    problem(stranger.post("/v1/tokens/refresh", {"refresh_token": pair["refresh_token"]}), 401, "sign-in")


@pytest.mark.parametrize(
    "change", [{"active": False}, {"password": "another good one"}, {"role": "admin"}], ids=lambda c: next(iter(c))
)
def test_a_closed_or_changed_account_is_signed_out_at_once(stranger, admin, change):
    sam = account()
    pair = enter(stranger).json
    assert admin.patch(f"/v1/users/{sam.id}", change).status_code == 200
    problem(with_token(stranger, pair["access_token"]), 401, "sign-in")
    problem(stranger.post("/v1/tokens/refresh", {"refresh_token": pair["refresh_token"]}), 401, "sign-in")
    assert enter(stranger).status_code == (201 if "role" in change else 401)


def test_passwords_are_nowhere_in_an_answer_or_in_the_table(stranger, admin):
    password = "a very long password"
    made = admin.post("/v1/users", {"username": "kim", "password": password, "role": "scheduler"})
    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/users/{made.json['id']}"
    shown = admin.get(made.headers["Location"])
    listed = admin.get("/v1/users")
    for answer in (made, shown, listed):
        assert "password" not in answer.get_data(as_text=True)
        assert "argon2" not in answer.get_data(as_text=True)
    with reading() as session:
        kept = session.scalar(select(User).where(User.id == UUID(made.json["id"])))
    assert kept is not None and kept.password_hash.startswith("$argon2id$")
    assert enter(stranger, "kim", password).status_code == 201


WRONG_ACCOUNTS = [
    ({"username": "kim", "password": "x" * 11, "role": "admin"}, "password"),
    ({"username": "kim", "password": "x" * 201, "role": "admin"}, "password"),
    ({"username": " ", "password": "x" * 12, "role": "admin"}, "username"),
    ({"username": "kim\u202e", "password": "x" * 12, "role": "admin"}, "username"),
    ({"username": "kim", "password": "x" * 12, "role": "owner"}, "role"),
    ({"username": "kim", "password": "x" * 12, "role": "officer"}, "officer_id"),
    ({"username": "kim", "password": "x" * 12, "role": "officer", "officer_id": str(uuid4())}, "officer_id"),
    ({"username": "kim", "password": "x" * 12, "role": "admin", "officer_id": str(uuid4())}, "officer_id"),
    ({"username": "kim", "password": "x" * 12, "role": "admin", "admin": True}, "admin"),
]


def test_an_account_that_cannot_be_meant_is_refused_by_field(admin):
    for body, field in WRONG_ACCOUNTS:
        assert field in problem(admin.post("/v1/users", body), 422, "not-valid")["errors"]


def test_two_accounts_never_share_a_username(admin):
    body = {"username": "kim", "password": "x" * 12, "role": "admin"}
    assert admin.post("/v1/users", body).status_code == 201
    problem(admin.post("/v1/users", body), 409, "already-taken")


def test_an_unknown_account_is_not_found(admin):
    problem(admin.get(f"/v1/users/{uuid4()}"), 404, "not-found")
    problem(admin.patch(f"/v1/users/{uuid4()}", {"active": False}), 404, "not-found")


# Forged access tokens


def packed(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header: Any, claims: Any, key: bytes, digest: str = "sha256") -> str:
    said = f"{packed(header)}.{packed(claims)}"
    return f"{said}.{packed(hmac.digest(key, said.encode(), digest))}"


def forgeries(token: str, key: bytes, other_user: UUID, other_sign_in: UUID) -> dict[str, str]:
    """Tokens nobody but a forger would send. Most are signed with the real key: even somebody who could sign must
    not find a second spelling."""
    head, body, seal = token.split(".")
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head + "=="))
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
    iat = claims["iat"]

    def again(**changes: Any) -> str:
        return signed(header, {**claims, **changes}, key)

    def headed(**changes: Any) -> str:
        return signed({**header, **changes}, claims, key)

    def without(name: str) -> str:
        return signed(header, {member: value for member, value in claims.items() if member != name}, key)

    spaced = json.dumps(claims).encode()
    doubled = json.dumps(claims, separators=(",", ":"))[:-1].encode()
    other_key = hashlib.sha256(b"another key").digest()
    found = {
        "alg none": f"{packed({'alg': 'none', 'typ': 'at+jwt'})}.{body}.",
        "alg none with the old seal": f"{packed({'alg': 'none', 'typ': 'at+jwt'})}.{body}.{seal}",
        "alg None": f"{packed({'alg': 'None', 'typ': 'at+jwt'})}.{body}.",
        "alg empty": headed(alg=""),
        "alg missing": signed({"typ": "at+jwt"}, claims, key),
        "alg HS512": signed({**header, "alg": "HS512"}, claims, key, "sha512"),
        "alg HS384": signed({**header, "alg": "HS384"}, claims, key, "sha384"),
        "alg RS256 sealed by HMAC": headed(alg="RS256"),
        "alg EdDSA sealed by HMAC": headed(alg="EdDSA"),
        "alg hs256": headed(alg="hs256"),
        "alg a list": headed(alg=["HS256"]),
        "another key": signed(header, claims, other_key),
        "an empty key": signed(header, claims, b""),
        "no seal": f"{head}.{body}.",
        "no seal and no dot": f"{head}.{body}",
        "typ JWT": headed(typ="JWT"),
        "typ of a badge": headed(typ="hv+jws"),
        "typ missing": signed({"alg": "HS256"}, claims, key),
        "typ in capitals": headed(typ="AT+JWT"),
        "kid added": headed(kid="1"),
        "jku added": headed(jku="https://example.com/keys"),
        "jwk added": headed(jwk={"kty": "oct", "k": packed(other_key)}),
        "crit added": headed(crit=["exp"]),
        "b64 false": headed(b64=False, crit=["b64"]),
        "header members in another order": signed({"typ": "at+jwt", "alg": "HS256"}, claims, key),
        "a claim added": again(role="admin"),
        "nbf added": again(nbf=iat),
        "aud added": again(aud="api"),
        "claims in another order": signed(header, dict(reversed(claims.items())), key),
        "another issuer": again(iss="https://example.com"),
        "issuer a list": again(iss=[claims["iss"]]),
        "no issuer": without("iss"),
        "no subject": without("sub"),
        "no sign-in": without("sid"),
        "no iat": without("iat"),
        "no exp": without("exp"),
        "subject a number": again(sub=1),
        "another sign-in that does not exist": again(sid=str(uuid4())),
        "a sign-in that is no UUID": again(sid="x"),
        "a sign-in that is a number": again(sid=7),
        "a sign-in that is null": again(sid=None),
        "iat a float": again(iat=float(iat)),
        "exp a float": again(exp=float(iat + 900)),
        "exp text": again(exp=str(iat + 900)),
        "iat text": again(iat=str(iat)),
        "exp true": again(exp=True),
        "both true": again(iat=True, exp=True),
        "exp null": again(exp=None),
        "exp endless": signed(header, json.dumps(claims).replace(str(iat + 900), "1e999").encode(), key),
        "exp not a number": signed(header, json.dumps(claims).replace(str(iat + 900), "NaN").encode(), key),
        "exp of 4,000 digits": again(exp=10**400),
        "a life of a day": again(exp=iat + 86400),
        "a life of 901 seconds": again(exp=iat + 901),
        "a life of 899 seconds": again(exp=iat + 899),
        "expired": again(iat=iat - 900, exp=iat),
        "expired long ago": again(iat=0, exp=900),
        "issued in the future": again(iat=iat + 31, exp=iat + 931),
        "negative times": again(iat=-900, exp=0),
        "claims spaced": signed(header, spaced, key),
        "a claim said twice": signed(header, doubled + b',"sub":"' + str(other_user).encode() + b'"}', key),
        "the same claim said twice": signed(header, doubled + b',"iat":' + str(iat).encode() + b"}", key),
        "claims not an object": signed(header, [claims], key),
        "claims a word": signed(header, "claims", key),
        "claims empty": signed(header, b"", key),
        "claims not UTF-8": signed(header, b"\xff\xfe", key),
        "claims nested without end": signed(header, b'{"a":' * 150 + b"1" + b"}" * 150, key),
        "claims with a byte order mark": signed(header, b"\xef\xbb\xbf" + json.dumps(claims).encode(), key),
        "seal padded": token + "=",
        "header padded": f"{head}=.{body}.{seal}",
        "a line break at the end": f"{head}.{body}.{seal[:-1]}%0a{seal[-1]}",
        "a fourth part": token + ".x",
        "five parts of an encrypted token": f"{head}.{body}.{seal}.x.y",
        "two dots alone": "..",
        "one word": "token",
        "the standard alphabet": f"{head}.{body}.{seal.replace('-', '+').replace('_', '/')}+",
        "too long": token + "A" * 2000,
        "not ASCII": token[:-1] + "é",
    }
    for name, size in (("half", len(token) // 2), ("all but one", len(token) - 1), ("ten", 10)):
        found[f"cut to {name}"] = token[:size]
    return found


def test_no_forged_access_token_is_believed(app, scheduler, stranger):
    tokens = app.extensions["access_tokens"]
    claims = jwt.decode(scheduler.token, options={"verify_signature": False})
    assert with_token(stranger, scheduler.token).status_code == 200
    tried = forgeries(scheduler.token, tokens._secret, uuid4(), UUID(claims["sid"]))
    assert len(tried) > 70
    believed = []
    for name, token in tried.items():
        answer = with_token(stranger, token)
        if answer.status_code != 401 or answer.content_type != "application/problem+json":
            believed.append((name, answer.status_code))
    assert believed == []


def test_an_access_token_with_any_character_changed_is_refused(app, scheduler, stopped_clock):
    """The last character of each part carries bits that count for nothing: lenient readers take four spellings."""
    tokens, token = app.extensions["access_tokens"], scheduler.token
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    ends = {place - 1 for place, sign in enumerate(token + ".") if sign == "."}
    believed = []
    for place, sign in enumerate(token):
        others = alphabet if place in ends else (alphabet[(alphabet.find(sign) + 1) % 64], "=", "+")
        for other in others:
            if other == sign:
                continue
            try:
                tokens.read(token[:place] + other + token[place + 1 :], stopped_clock.now)
                believed.append((place, other))
            except user.SignInRefused:
                pass
    assert believed == []


def test_a_token_of_a_clock_half_a_minute_ahead_is_still_good(app, scheduler, stopped_clock):
    tokens = app.extensions["access_tokens"]
    tokens.read(scheduler.token, stopped_clock.now - timedelta(seconds=30))
    with pytest.raises(user.SignInRefused):
        tokens.read(scheduler.token, stopped_clock.now - timedelta(seconds=31))


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic c2FtOng=", "Token {}", "{}", "Bearer{}", "Bearer {} x", "bearer: {}"],
)
def test_anything_but_a_bearer_token_is_no_sign_in(app, scheduler, stranger, header):
    answer = stranger.get("/v1/visits", Authorization=header.format(scheduler.token))
    problem(answer, 401, "sign-in")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_another_installation_is_refused(app, scheduler, stopped_clock):
    tokens = app.extensions["access_tokens"]
    elsewhere = type(tokens)(tokens._secret, issuer="https://example.com")
    with pytest.raises(user.SignInRefused):
        elsewhere.read(scheduler.token, stopped_clock.now)
    with pytest.raises(ValueError, match="32 bytes"):
        type(tokens)(b"short", issuer="x")


def test_old_sign_ins_are_forgotten_and_new_ones_kept(stranger, app, stopped_clock):
    account()
    enter(stranger)
    stopped_clock.set(MONDAY_9 + timedelta(days=15))
    pair = enter(stranger).json
    retention.purge(stopped_clock.now, keep=retention.Keep(), chain_key=b"key")
    with reading() as session:
        assert len(session.scalars(select(user.SignIn)).all()) == 1
        assert len(session.scalars(select(user.RefreshToken)).all()) == 1
    assert with_token(stranger, pair["access_token"]).status_code == 200
