"""Whether a house number or name, as somebody typed it, is that of an address.

Forgiving in spelling, never in substance: a neighbour's number, another flat or another street is not the house.
"""

import re
import unicodedata
from itertools import pairwise

LONGEST_HOUSE = 80

_FLAT = {"flat", "apartment", "apt", "unit", "room", "maisonette"}
_SAID_BESIDE = {"the", "no", "number", "house", "at", "and"}
"""Words that do not say which house it is: "number 12", "the Rose Cottage"."""

_SHORT = {
    "ave": "avenue",
    "av": "avenue",
    "cl": "close",
    "cres": "crescent",
    "ct": "court",
    "dr": "drive",
    "gdns": "gardens",
    "ln": "lane",
    "pl": "place",
    "rd": "road",
    "sq": "square",
    "str": "street",
    "st": "street",
    "ter": "terrace",
}
_NUMBER = re.compile(r"\d+[a-z]?")


def same_house(typed: str, line_1: str, line_2: str | None = None) -> bool:
    """Whether `typed` ("12a", "12 A", "Flat 3, 12", "Rose Cottage") names the house of this address.

    Every number of the address must be there: with "12" alone, each flat of number 12 would be the same home.
    A named building's own number and name are enough ("1 Weald House"), whatever street it stands in. Further
    words may be there if the address has them: another street is another house.
    """
    if len(typed) > LONGEST_HOUSE:
        return False
    given, first, whole = _words(typed), _words(line_1), _words(f"{line_1}, {line_2 or ''}")
    telling = set(given) - _SAID_BESIDE - _FLAT - set(_numbers(given))
    if not telling <= set(whole):
        return False
    if not _numbers(whole):
        name = set(_words(line_1.partition(",")[0])) - _SAID_BESIDE
        return bool(name) and name <= set(given) and not _numbers(given)
    if _numbers(given) == _numbers(whole):
        return True
    return bool(telling & set(first)) and bool(_numbers(given)) and _numbers(given) == _numbers(first)


def _words(text: str) -> list[str]:
    """The words in small letters without signs; a letter after a number belongs to it: "12 A" is "12a"."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"['’.]", "", plain)
    plain = re.sub(r"(\d)\s*[-/]?\s*([a-z])\b", r"\1\2", plain)
    return [_SHORT.get(word, word) for word in re.findall(r"\w+", plain)]


def _numbers(words: list[str]) -> list[str]:
    """The flat's number or letter first, then the house's: "12, Flat 3" is "Flat 3, 12"."""
    flats = [word for before, word in pairwise(words) if before in _FLAT and _is_flat(word)]
    others = [word for before, word in zip(["", *words], words, strict=False) if before not in _FLAT]
    return flats + [word for word in others if _NUMBER.fullmatch(word)]


def _is_flat(word: str) -> bool:
    return bool(_NUMBER.fullmatch(word)) or len(word) == 1
