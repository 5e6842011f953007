"""How many parts a text is charged and carried as: GSM-7 or UCS-2, 160/153 or 70/67 units."""

from enum import StrEnum
from typing import NamedTuple

# 3GPP TS 23.038: the default alphabet, and the ten that cost an escape before them.
GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENDED = frozenset("\f^{}\\[~]|€")


class Encoding(StrEnum):
    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


class Size(NamedTuple):
    encoding: Encoding
    units: int
    parts: int


_SIZES = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


def measure(text: str) -> Size:
    """The encoding a carrier chooses for `text`, its units (septets or 16-bit units) and its parts.

    One letter outside GSM-7 makes the whole text UCS-2. In a text of several parts an escaped character or a
    surrogate pair is never split: it moves to the next part whole, which can cost a part.
    """
    letters = set(text)
    if letters <= GSM7_BASIC | GSM7_EXTENDED:
        encoding = Encoding.GSM7
        costs = [2 if letter in GSM7_EXTENDED else 1 for letter in text]
    else:
        encoding = Encoding.UCS2
        costs = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    units = sum(costs)
    single, several = _SIZES[encoding]
    if units <= single:
        return Size(encoding, units, 1)
    parts, used = 1, 0
    for cost in costs:
        if used + cost > several:
            parts, used = parts + 1, 0
        used += cost
    return Size(encoding, units, parts)
