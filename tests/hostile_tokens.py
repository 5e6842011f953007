"""Every token that must never be taken for a badge, each under the sentence that says what is wrong with it.

`hostile_tokens` makes them from a key ring, so that one set of attacks is tried on the reader and over HTTP.
Some are signed with the council's own key: what is refused then is what they say, not who says it.
"""

import base64
import hashlib
import hmac
import json
import zlib
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from id_badges import tokens
from id_badges.keys import KeyRing, Purpose

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def encode(content: bytes | str) -> str:
    """Base64url without padding."""
    content = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """The bytes of a segment."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def spell(value: Any) -> str:
    """JSON as a token spells it."""
    return json.dumps(value, separators=(",", ":"))


class Signer:
    """Signs whatever it is given, under one key: the council's own, if an attacker could make it sign."""

    def __init__(self, kid: str, private_key: Ed25519PrivateKey, at: datetime) -> None:
        self.kid = kid
        self.private_key = private_key
        self.at = at

    @classmethod
    def of(cls, keyring: KeyRing, purpose: Purpose, at: datetime) -> "Signer":
        """The council's own key for `purpose`."""
        key = keyring.signing_key(purpose, at)
        return cls(key.kid, key.private_key, at)

    @property
    def header(self) -> dict[str, Any]:
        """The one header that is right."""
        return {"alg": "EdDSA", "kid": self.kid, "typ": "hb+jwt"}

    def sign_text(self, header: bytes | str, claims: bytes | str) -> str:
        """A token over exactly these texts."""
        signed = f"{encode(header)}.{encode(claims)}"
        return f"{signed}.{encode(self.private_key.sign(signed.encode()))}"

    def sign(self, claims: Any, header: Any = None) -> str:
        """A token with these claims."""
        return self.sign_text(spell(self.header if header is None else header), spell(claims))


def phone_claims(issuer: str, badge_id: UUID, at: datetime) -> dict[str, Any]:
    """The claims of a genuine phone badge."""
    now = int(at.timestamp())
    return {"iss": issuer, "jti": tokens.jti(badge_id), "iat": now, "exp": now + 120}


def card_claims(issuer: str, badge_id: UUID, at: datetime) -> dict[str, Any]:
    """The claims of a genuine card of a contractor."""
    now = int(at.timestamp())
    return {
        "iss": issuer,
        "jti": tokens.jti(badge_id),
        "iat": now,
        "exp": now + 300 * 86400,
        "idx": 4711,
        "nam": "Amina Okafor",
        "rol": "Housing surveyor",
        "emp": "contractor",
        "org": "Brightwater Repairs Ltd",
    }


def hostile_tokens(keyring: KeyRing, issuer: str, badge_id: UUID, at: datetime) -> dict[str, str]:
    """A sentence and a token for each attack; `badge_id` may well be good and on duty at `at`.

    Each is refused before the register is asked: over HTTP, percent-encoded whole, every one is red, or not
    found where it holds a slash or nothing at all.
    """
    phone = Signer.of(keyring, Purpose.PHONE, at)
    card = Signer.of(keyring, Purpose.CARD, at)
    claims = phone_claims(issuer, badge_id, at)
    printed = card_claims(issuer, badge_id, at)
    return (
        _without_a_signature(phone, claims)
        | _with_another_algorithm(keyring, phone, claims)
        | _with_another_header(phone, claims)
        | _with_another_key(keyring, phone, card, claims, printed, at)
        | _edited(phone, claims)
        | _spelled_otherwise(phone, claims)
        | _with_other_claims(phone, claims, printed)
        | _at_other_times(phone, claims)
        | _cards_with_other_claims(card, printed)
        | _of_another_shape(phone, claims)
    )


def _without_a_signature(phone: Signer, claims: dict[str, Any]) -> dict[str, str]:
    head, body, signature = phone.sign(claims).split(".")
    raw = decode(signature)
    zero, ones = bytes(64), b"\xff" * 64
    found = {}
    nones = ["".join(letters) for letters in product(*zip("none", "NONE", strict=True))]
    for alg in (*nones, "none ", "", None):
        other_head = encode(spell({**phone.header, "alg": alg}))
        found[f"alg is {alg!r} and there is no signature"] = f"{other_head}.{body}."
        found[f"alg is {alg!r} and the signature is another token's"] = f"{other_head}.{body}.{signature}"
    return found | {
        "the signature is stripped": f"{head}.{body}.",
        "the signature and its dot are stripped": f"{head}.{body}",
        "the signature is 64 zeros": f"{head}.{body}.{encode(zero)}",
        "the signature is 64 bytes of ones": f"{head}.{body}.{encode(ones)}",
        "the signature is the neutral point and zero": f"{head}.{body}.{encode(bytes([1]) + bytes(63))}",
        "the signature is one byte short": f"{head}.{body}.{encode(raw[:-1])}",
        "the signature is one byte long": f"{head}.{body}.{encode(raw + bytes(1))}",
        "the signature is there twice": f"{head}.{body}.{encode(raw + raw)}",
        "the signature is 400 bytes": f"{head}.{body}.{encode(raw + bytes(336))}",
        "the signature's halves are swapped": f"{head}.{body}.{encode(raw[32:] + raw[:32])}",
        "the group order is added to S": f"{head}.{body}.{encode(_add_to_s(raw, GROUP_ORDER))}",
        "twice the group order is added to S": f"{head}.{body}.{encode(_add_to_s(raw, 2 * GROUP_ORDER))}",
        "S is negated": f"{head}.{body}.{encode(_negate_s(raw))}",
        "the top bit of S is set": f"{head}.{body}.{encode(raw[:63] + bytes([raw[63] | 128]))}",
        "the sign of R is flipped": f"{head}.{body}.{encode(raw[:31] + bytes([raw[31] ^ 128]) + raw[32:])}",
    }


def _add_to_s(signature: bytes, amount: int) -> bytes:
    s = int.from_bytes(signature[32:], "little") + amount
    return signature[:32] + s.to_bytes(32, "little")


def _negate_s(signature: bytes) -> bytes:
    s = GROUP_ORDER - int.from_bytes(signature[32:], "little")
    return signature[:32] + s.to_bytes(32, "little")


def _with_another_algorithm(keyring: KeyRing, phone: Signer, claims: dict[str, Any]) -> dict[str, str]:
    public = phone.private_key.public_key()
    jwk = next(key for key in keyring.jwks(phone.at)["keys"] if key["kid"] == phone.kid)
    secrets = {
        "the raw public key": public.public_bytes_raw(),
        "the public key's base64url": jwk["x"].encode(),
        "the PEM of the public key": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "the DER of the public key": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "the JWK as published": spell(jwk).encode(),
        "an empty key": b"",
    }
    found = {}
    for alg, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        signed = f"{encode(spell({**phone.header, 'alg': alg}))}.{encode(spell(claims))}"
        for name, secret in secrets.items():
            mac = hmac.new(secret, signed.encode(), digest).digest()
            found[f"{alg} under {name}"] = f"{signed}.{encode(mac)}"
    signed = f"{encode(spell(phone.header))}.{encode(spell(claims))}"
    mac = hmac.new(secrets["the raw public key"], signed.encode(), hashlib.sha512).digest()
    found["HS512 under the raw public key, called EdDSA"] = f"{signed}.{encode(mac)}"
    found["Ed448 under EdDSA"] = f"{signed}.{encode(Ed448PrivateKey.generate().sign(signed.encode()))}"
    elliptic = ec.generate_private_key(ec.SECP256R1())
    r, s = decode_dss_signature(elliptic.sign(signed.encode(), ec.ECDSA(SHA256())))
    found["ECDSA under EdDSA"] = f"{signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    signed = f"{encode(spell({**phone.header, 'alg': 'RS256'}))}.{encode(spell(claims))}"
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    found["RS256 with a key of the attacker's"] = (
        f"{signed}.{encode(rsa_key.sign(signed.encode(), PKCS1v15(), SHA256()))}"
    )
    for alg in ("Ed25519", "eddsa", "EDDSA", "ES256", "PS256", ["EdDSA"], True):
        found[f"alg is {alg!r} over a genuine signature"] = phone.sign(claims, {**phone.header, "alg": alg})
    return found


def _with_another_header(phone: Signer, claims: dict[str, Any]) -> dict[str, str]:
    right = phone.header
    attacker = Ed25519PrivateKey.generate()
    x = encode(attacker.public_key().public_bytes_raw())
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": phone.kid}
    theirs = Signer(phone.kid, attacker, phone.at)
    extras = {
        "jwk": jwk,
        "jku": "https://127.0.0.1:1/jwks.json",
        "x5u": "https://127.0.0.1:1/chain.pem",
        "x5c": ["MIIB"],
        "x5t": "abc",
        "crit": ["exp"],
        "b64": False,
        "zip": "DEF",
        "cty": "JWT",
        "enc": "A256GCM",
        "nonce": "1",
        "exp": 1,
        "": "",
    }
    found = {
        f"the council's own signature under a header with {name!r}": phone.sign(claims, {**right, name: value})
        for name, value in extras.items()
    }
    for name in ("jwk", "jku", "x5u", "x5c"):
        found[f"the attacker's key is offered as {name!r}"] = theirs.sign(claims, {**right, name: extras[name]})
    for typ in ("JWT", "jwt", "HB+JWT", "hb+jwt ", "application/hb+jwt", "hb", "", None, 1, ["hb+jwt"]):
        found[f"typ is {typ!r}"] = phone.sign(claims, {**right, "typ": typ})
    kids = {
        "a path": "../../../etc/passwd",
        "the path of a key file": f"./{phone.kid}",
        "SQL": "' UNION SELECT 'x' --",
        "a list": [phone.kid],
        "an object": {"kid": phone.kid},
        "a number": 1,
        "null": None,
        "true": True,
        "empty": "",
        "600 characters": "a" * 600,
        "10 kB": "a" * 10_000,
        "an address": "http://127.0.0.1:1/key",
        "a space more": f"{phone.kid} ",
        "a NUL more": f"{phone.kid}\0",
        "of another case": phone.kid.swapcase(),
        "one character short": phone.kid[:-1],
        "of no key we have": "zzzzzz",
    }
    for name, kid in kids.items():
        found[f"kid is {name}"] = phone.sign(claims, {**right, "kid": kid})
    for name in right:
        found[f"the header has no {name}"] = phone.sign(claims, {k: v for k, v in right.items() if k != name})
    return found | {
        "the header is an array": phone.sign(claims, [right]),
        "the header is a string": phone.sign(claims, "EdDSA"),
        "the header is null": phone.sign_text("null", spell(claims)),
        "the header is empty": phone.sign(claims, {}),
        "alg is named twice": phone.sign_text(
            f'{{"alg":"none","alg":"EdDSA","kid":"{phone.kid}","typ":"hb+jwt"}}', spell(claims)
        ),
        "kid is named twice": phone.sign_text(
            f'{{"alg":"EdDSA","kid":"x","kid":"{phone.kid}","typ":"hb+jwt"}}', spell(claims)
        ),
        "the payload is detached (b64 false and crit)": phone.sign_text(
            spell({**right, "b64": False, "crit": ["b64"]}), spell(claims)
        ),
        "the payload is a zip bomb": phone.sign_text(
            spell({**right, "zip": "DEF"}), zlib.compress(b" " * 500_000)[2:-4]
        ),
    }


def _with_another_key(
    keyring: KeyRing,
    phone: Signer,
    card: Signer,
    claims: dict[str, Any],
    printed: dict[str, Any],
    at: datetime,
) -> dict[str, str]:
    stranger = Ed25519PrivateKey.generate()
    status_list = Signer.of(keyring, Purpose.STATUS_LIST, at)
    return {
        "a stranger's key under our kid": Signer(phone.kid, stranger, at).sign(claims),
        "a stranger's key under a kid of its own": Signer("stranger", stranger, at).sign(claims),
        "a phone badge under the card key": card.sign(claims),
        "a card under the phone key": phone.sign(printed),
        "a phone badge under the status list's key": status_list.sign(claims),
        "a card under the status list's key": status_list.sign(printed),
        "a phone badge under the card key, called the phone key": Signer(phone.kid, card.private_key, at).sign(
            claims
        ),
    }


def _edited(phone: Signer, claims: dict[str, Any]) -> dict[str, str]:
    head, body, signature = phone.sign(claims).split(".")
    _, other_body, other_signature = phone.sign({**claims, "jti": tokens.jti(uuid4())}).split(".")
    longer_body = encode(spell({**claims, "exp": claims["exp"] + 30}))
    spaced_head = encode(json.dumps(phone.header))
    return {
        "the payload names another badge": f"{head}.{other_body}.{signature}",
        "the signature is transplanted from another badge": f"{head}.{body}.{other_signature}",
        "the life is made longer": f"{head}.{longer_body}.{signature}",
        "the header is spelled with spaces": f"{spaced_head}.{body}.{signature}",
        "the header and the payload change places": f"{body}.{head}.{signature}",
        "the signature was made over the payload alone": (
            f"{head}.{body}.{encode(phone.private_key.sign(body.encode()))}"
        ),
        "the signature was made over the decoded text": (
            f"{head}.{body}.{encode(phone.private_key.sign(decode(head) + b'.' + decode(body)))}"
        ),
    }


def _spelled_otherwise(phone: Signer, claims: dict[str, Any]) -> dict[str, str]:
    token = phone.sign(claims)
    head, body, signature = token.split(".")
    twin = ALPHABET[ALPHABET.index(signature[-1]) ^ 1]
    text = spell(claims)
    found = {
        "the signature is padded with ==": f"{token}==",
        "the header is padded with =": f"{head}=.{body}.{signature}",
        "the last character has another spelling": f"{token[:-1]}{twin}",
        "the standard alphabet is used": f"{head}.{body}.{_standard(signature)}",
        "a line ends in the signature": f"{head}.{body}.{signature[:40]}\n{signature[40:]}",
        "a line ends after the token": f"{token}\n",
        "a space comes first": f" {token}",
        "a space is inside the payload": f"{head}.{body[:9]} {body[9:]}.{signature}",
        "a percent sign is inside": f"{head}%2e{body}.{signature}",
        "a NUL comes last": f"{token}\0",
        "a right-to-left override comes first": f"\u202e{token}",
        "a zero-width space is inside": f"{head}.\u200b{body}.{signature}",
        "full-width letters spell the header": f"{_full_width(head)}.{body}.{signature}",
        "a full-width stop parts the segments": f"{head}．{body}．{signature}",
        "the scheme comes first": f"Bearer {token}",
        "jti is named twice": phone.sign_text(spell(phone.header), f'{{"jti":"x",{text[1:]}'),
        "exp is named twice, the second later": phone.sign_text(
            spell(phone.header), f'{text[:-1]},"exp":{claims["exp"] + 60}}}'
        ),
        "exp is named twice, once by an escape": phone.sign_text(
            spell(phone.header), f'{text[:-1]},"\\u0065xp":{claims["exp"]}}}'
        ),
        "a member is named twice deep inside": phone.sign_text(
            spell(phone.header), f'{text[:-1]},"a":{{"b":{{"c":1,"c":2}}}}}}'
        ),
        "the claims have a comment": phone.sign_text(spell(phone.header), f"{text}//"),
        "the claims have a comma too many": phone.sign_text(spell(phone.header), f"{text[:-1]},}}"),
        "the claims are in single quotes": phone.sign_text(spell(phone.header), text.replace('"', "'")),
        "the claims begin with a byte order mark": phone.sign_text(spell(phone.header), f"\ufeff{text}"),
        "the claims are in UTF-16": phone.sign_text(spell(phone.header), text.encode("utf-16")),
        "the claims are not UTF-8": phone.sign_text(spell(phone.header), text.encode() + b"\xff"),
        "the claims end with a NUL": phone.sign_text(spell(phone.header), f"{text}\0"),
        "there are two objects of claims": phone.sign_text(spell(phone.header), text + text),
        "the claims are an array": phone.sign([claims]),
        "the claims are a string": phone.sign(text),
        "the claims are null": phone.sign(None),
        "the claims are a number": phone.sign(1),
        "the claims are empty": phone.sign({}),
        "there are no claims at all": phone.sign_text(spell(phone.header), ""),
        "the claims are 300 arrays deep": phone.sign_text(spell(phone.header), "[" * 300 + "]" * 300),
        "the claims are 300 arrays that never end": phone.sign_text(spell(phone.header), "[" * 300),
        "the header is 300 arrays deep": phone.sign_text("[" * 300 + "]" * 300, "{}"),
        "the claims are 120 objects deep": phone.sign_text(spell(phone.header), '{"a":' * 120 + "1" + "}" * 120),
    }
    return found


def _standard(segment: str) -> str:
    return segment.replace("-", "+").replace("_", "/") if set("-_") & set(segment) else f"+{segment[1:]}"


def _full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def _with_other_claims(phone: Signer, claims: dict[str, Any], printed: dict[str, Any]) -> dict[str, str]:
    found = {
        f"the claims have no {name}": phone.sign({k: v for k, v in claims.items() if k != name}) for name in claims
    }
    extras: dict[str, Any] = {
        "sub": "admin",
        "aud": "anyone",
        "scope": "admin",
        "on_duty": True,
        "idx": 1,
        "nam": "Amina Okafor",
        "ISS": claims["iss"],
        "": "",
    }
    for name, value in extras.items():
        found[f"a claim {name!r} more"] = phone.sign({**claims, name: value})
    issuer = claims["iss"]
    for other in (
        f"{issuer}.example",
        f"{issuer}/",
        f"{issuer} ",
        f"{issuer}\0",
        issuer[:-1],
        issuer.upper() if issuer != issuer.upper() else issuer.lower(),
        f"http://{issuer}",
        "",
        None,
        [issuer],
        True,
    ):
        found[f"iss is {other!r}"] = phone.sign({**claims, "iss": other})
    jti = claims["jti"]
    for other in (
        "",
        jti[:-1],
        f"{jti}A",
        f"{jti} ",
        f"{jti[:-1]}B",
        "../../../../etc/passwd",
        "' OR 1=1 --",
        "\u202e" + jti[1:],
        str(tokens.badge_id_of(jti)),
        f"{{{tokens.badge_id_of(jti)}}}",
        4711,
        None,
        [jti],
        {"jti": jti},
        True,
    ):
        found[f"jti is {other!r}"] = phone.sign({**claims, "jti": other})
    found["a card's claims without its exp"] = phone.sign({k: v for k, v in printed.items() if k != "exp"})
    return found


def _at_other_times(phone: Signer, claims: dict[str, Any]) -> dict[str, str]:
    now = claims["iat"]
    found = {}
    for name in ("iat", "exp", "nbf"):
        right = claims.get(name, now)
        for value in (
            str(right),
            float(right),
            right + 0.5,
            True,
            False,
            None,
            [right],
            {"value": right},
            right * 1000,
            -right,
            0,
            -1,
            2**31,
            2**63,
            2**64,
            10**300,
            "",
            "never",
        ):
            found[f"{name} is {value!r}"] = phone.sign({**claims, name: value})
        for text in (
            "NaN",
            "Infinity",
            "-Infinity",
            "1e3",
            "1e400",
            "-0",
            "0x7fffffff",
            f"0{right}",
            f"+{right}",
        ):
            others = spell({k: v for k, v in claims.items() if k != name})
            found[f"{name} is written {text}"] = phone.sign_text(
                spell(phone.header), f'{others[:-1]},"{name}":{text}}}'
            )
    return found | {
        "the life is 181 seconds": phone.sign({**claims, "exp": now + 181}),
        "the life is an hour": phone.sign({**claims, "exp": now + 3600}),
        "the life is ten years": phone.sign({**claims, "exp": now + 315_360_000}),
        "the life is zero": phone.sign({**claims, "exp": now}),
        "the life is negative": phone.sign({**claims, "exp": now - 1}),
        "it begins after its end": phone.sign({**claims, "nbf": now + 121}),
        "it begins at its end": phone.sign({**claims, "nbf": now + 120}),
        "it begins before it was signed": phone.sign({**claims, "nbf": now - 1}),
        "it was signed before its key": phone.sign({**claims, "iat": 1_000_000_000, "exp": 1_000_000_120}),
        "it was signed after its key": phone.sign({**claims, "iat": 4_000_000_000, "exp": 4_000_000_120}),
        "all its times are in milliseconds": phone.sign({**claims, "iat": now * 1000, "exp": (now + 120) * 1000}),
        "all its times are too great for a calendar": phone.sign({**claims, "iat": 10**18, "exp": 10**18 + 120}),
    }


def _cards_with_other_claims(card: Signer, printed: dict[str, Any]) -> dict[str, str]:
    found = {
        f"a card without its {name}": card.sign({k: v for k, v in printed.items() if k != name})
        for name in printed
    }
    texts: dict[str, Any] = {
        "empty": "",
        "a list": ["Amina"],
        "a number": 7,
        "null": None,
        "a bidirectional override": "Amina \u202eofakO",
        "an isolate": "Amina \u2066Okafor\u2069",
        "a NUL": "Amina\0",
        "a line end": "Amina\nHarrow Council",
        "a zero-width space": "Ami\u200bna",
        "half a surrogate pair": "Amina \ud800",
        "81 characters": "A" * 81,
        "a space first": " Amina",
    }
    for claim in ("nam", "rol", "org"):
        for name, value in texts.items():
            found[f"a card whose {claim} is {name}"] = card.sign({**printed, claim: value})
    for employment in ("employee", "Contractor", "", None, True, ["contractor"]):
        found[f"a card of a company whose emp is {employment!r}"] = card.sign({**printed, "emp": employment})
    for index in (-1, 2**20, 2**64, "4711", 4711.0, True, None, [4711]):
        found[f"a card whose idx is {index!r}"] = card.sign({**printed, "idx": index})
    now = printed["iat"]
    return found | {
        "a card with a claim more": card.sign({**printed, "sub": "x"}),
        "a card with nbf": card.sign({**printed, "nbf": now}),
        "a card with a staff number": card.sign({**printed, "staff_number": "4711"}),
        "a card for 367 days": card.sign({**printed, "exp": now + 367 * 86400}),
        "a card for ten years": card.sign({**printed, "exp": now + 3650 * 86400}),
        "a card for ever": card.sign({k: v for k, v in printed.items() if k != "exp"}),
        "a card with the life of nothing": card.sign({**printed, "exp": now}),
    }


def _of_another_shape(phone: Signer, claims: dict[str, Any]) -> dict[str, str]:
    token = phone.sign(claims)
    head, body, signature = token.split(".")
    flat = {"payload": body, "protected": head, "signature": signature}
    jwe_head = encode(spell({"alg": "dir", "enc": "A256GCM"}))
    general = {"payload": body, "signatures": [{"protected": head, "signature": signature}]}
    return {
        "nothing at all": "",
        "one dot": ".",
        "two dots": "..",
        "four dots": "....",
        "three words": "a.b.c",
        "a fourth segment": f"{token}.{signature}",
        "an empty fourth segment": f"{token}.",
        "an empty first segment": f".{token}",
        "a JWE of five segments": f"{jwe_head}..{body}.{body}.{signature}",
        "a token within a token": phone.sign_text(spell({**phone.header, "cty": "JWT"}), token),
        "a JWS as flattened JSON": spell(flat),
        "a JWS as general JSON": spell(general),
        "a JWS as JSON in base64url": encode(spell(flat)),
        "an unsecured claim set": encode(spell(claims)),
        "the same token twice": f"{token}{token}",
        "1,025 characters": f"{head}.{body}.{signature}".ljust(1025, "A"),
        "20 kB of letters": "A" * 20_000,
        "a health certificate": "HC1:NCFOXN%TS3DHWM8YJSX4UGXU$N1A.Q/R8-C12FCUH9Q-LI9CUH9RRNTFOA",
        "a web page": "<script>alert(1)</script>",
        "a path": "../../../etc/passwd",
        "a template": "{{7*7}}${7*7}",
        "a badge's id": str(tokens.badge_id_of(claims["jti"])),
        "a badge's jti": claims["jti"],
    }


def too_large_for_a_request_line() -> str:
    """Two megabytes that begin like a badge: for the reader; a web server refuses it before."""
    return f"{encode(spell({'alg': 'EdDSA'}))}.{'A' * 2_000_000}.AAAA"
