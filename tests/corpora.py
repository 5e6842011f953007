"""Every token of other people's published test data, as somebody might hold it up in place of a badge.

tests/vectors/SOURCES.md says whose it is. What is valid there is no badge either: whoever signed it is not us.
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from tests import published

WYCHEPROOF = ("json_web_signature_test", "json_web_encryption_test", "json_web_crypto_test")


def outside_tokens() -> dict[str, str]:
    """Where each is from, and how it is spelled there; a health card as its digits too."""
    return dict(chain(_of_wycheproof(), _of_health_cards(), _of_eu_certificates(), _of_status_lists()))


def wycheproof_cases(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each case of one of Wycheproof's files, after the group that has its keys."""
    for group in published.read(f"wycheproof/{name}.json")["testGroups"]:
        for case in group["tests"]:
            yield group, case


def _of_wycheproof() -> Iterator[tuple[str, str]]:
    for name in WYCHEPROOF:
        for _, case in wycheproof_cases(name):
            token = case.get("jws", case.get("jwe"))
            # Three are in JSON serialisation and stand there as objects.
            yield f"{name} {case['tcId']}", token if isinstance(token, str) else json.dumps(token)


def _of_health_cards() -> Iterator[tuple[str, str]]:
    for each in published.read("smart_health_card_jws.json"):
        yield each["name"], each["token"]
        yield f"{each['name']} in digits", "shc:/" + _digits(each["token"])
        yield f"{each['name']} in digits, first of two", "shc:/1/2/" + _digits(each["token"])[:500]


def _digits(token: str) -> str:
    """As a SMART Health Card's QR code has it: two digits for each character that a JWS may have."""
    return "".join(f"{ord(character) - 45:02}" for character in token if "-" <= character <= "z")


def _of_eu_certificates() -> Iterator[tuple[str, str]]:
    for number, certificate in enumerate(published.read("eu_dcc_hc1.json")):
        yield f"EU certificate {number}", certificate


def _of_status_lists() -> Iterator[tuple[str, str]]:
    for each in published.read("token_status_list.json"):
        yield f"a status list of {each['bits']} bits", each["lst"]
