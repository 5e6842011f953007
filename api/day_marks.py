"""Marks of the visits of a day, by which a phone that has them asks only for what is new."""

import base64
import hashlib
from collections.abc import Collection
from typing import Any

from api.json import to_json

_BYTES, _LETTERS = 6, 8
MOST = 500
PATTERN = rf"\Ad([A-Za-z0-9_-]{{{_LETTERS}}}){{0,{MOST}}}\Z"
"""What the marks of a day look like, one after the other."""


def mark(item: dict[str, Any]) -> str:
    """Eight letters that are others as soon as anything about the visit, its resident or what they said is."""
    digest = hashlib.sha256(to_json(item)).digest()[:_BYTES]
    return base64.urlsafe_b64encode(digest).decode()


def joined(marks: Collection[str]) -> str:
    """The marks of a day as one word: its ETag. A day without visits has one too."""
    return "d" + "".join(marks)


def apart(word: str) -> set[str]:
    """The marks of such a word again."""
    return {word[start : start + _LETTERS] for start in range(1, len(word), _LETTERS)}
