"""The token of a printed card: what is on its face, signed once and the same at every printing."""

import json

import jwt

from id_badges.keys import KeyRing
from id_badges.tokens import TYPE, jti
from models.badge import Badge
from models.card import Card


def mint_card(keyring: KeyRing, *, issuer: str, card: Card, badge: Badge) -> str:
    """The token of an approved card, with "only what is printed on its face".

    Nothing in it depends on when it is called and Ed25519 signs alike each time: a second print is the same
    card. Raises KeysUnusable when the card's key is not held or no longer believed.
    """
    if card.kid is None or badge.expires_at is None:
        raise ValueError("only an approved card has a token")
    key = keyring.signing_key_named(card.kid)
    claims = {
        "iss": issuer,
        "jti": jti(badge.id),
        "iat": int(badge.issued_at.timestamp()),
        "exp": int(badge.expires_at.timestamp()),
        "idx": badge.status_index,
        "nam": card.display_name,
        "rol": card.job_title,
        "emp": card.employment.value,
    }
    if card.company is not None:
        claims["org"] = card.company
    # Letters such as Ł go in as they are: escaped, each would take six characters of the QR code.
    payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
    return jwt.PyJWS().encode(payload, key.private_key, algorithm="EdDSA", headers={"kid": key.kid, "typ": TYPE})
