"""How many parts a text is charged and carried as: GSM-7 or UCS-2, 160/153 or 70/67 units."""

from enum import StrEnum
from typing import NamedTuple

from notifications.clusters import clusters

# 3GPP TS 23.038: the default alphabet, and the ten that cost an escape before them.
GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM7 = GSM7_BASIC | GSM7_EXTENDED


class Encoding(StrEnum):
    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


class Size(NamedTuple):
    encoding: Encoding
    units: int
    parts: int


_SIZES = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


def encoding_of(text: str) -> Encoding:
    """The encoding a carrier chooses: one character outside GSM-7 makes the whole text UCS-2."""
    return Encoding.GSM7 if _GSM7.issuperset(text) else Encoding.UCS2


def measure(text: str) -> Size:
    """The encoding a carrier chooses for `text`, its units (septets or 16-bit units) and its parts.

    In a text of several parts nothing that is read as one character is split: an escaped character, a surrogate
    pair, a letter with its marks, a flag. It moves to the next part whole, which can cost a part.
    """
    encoding = encoding_of(text)
    single, several = _SIZES[encoding]
    costs = _costs(text, encoding)
    units = sum(costs)
    if units <= single:
        return Size(encoding, units, 1)
    if encoding is Encoding.UCS2:
        costs = _costs_of_clusters(text, several)
    parts, used = 1, 0
    for cost in costs:
        if used + cost > several:
            parts, used = parts + 1, 0
        used += cost
    return Size(encoding, units, parts)


def _costs(text: str, encoding: Encoding) -> list[int]:
    if encoding is Encoding.GSM7:
        return [2 if letter in GSM7_EXTENDED else 1 for letter in text]
    return [2 if letter > "\uffff" else 1 for letter in text]


def _costs_of_clusters(text: str, several: int) -> list[int]:
    """What each cluster costs in UCS-2. One that no part could hold, a pile of marks, is split after all."""
    costs: list[int] = []
    for cluster in clusters(text):
        units = _costs(cluster, Encoding.UCS2)
        costs.extend([sum(units)] if sum(units) <= several else units)
    return costs
