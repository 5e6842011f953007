"""What a reader sees as one character: a letter with its marks, a flag, a family of emoji."""

from unicodedata import category

_FIRST_MARK = "\u0300"
_JOINER = "\u200d"
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")
_FLAG_TAGS = ("\U000e0020", "\U000e007f")
_MARKS_BY_ANOTHER_NAME = frozenset("\u200c\u200d\u0e33\u0eb3")
"""The zero-width joiners, and the vowels AM of Thai and Lao: formats and letters by category, marks by use."""

_STANDS_ALONE = frozenset("\u102b\u102c\u1038")
"""Burmese signs that are marks by category and characters of their own by use."""


def clusters(text: str) -> list[str]:
    """The text's characters as people count them (Unicode's grapheme clusters, UAX #29); joined again they are
    the text.

    Left out are Korean in loose jamo, which NFC has joined before, and signs that stand before a number. A
    line end in two characters stays two, as it is for carriers. Libraries follow newer rules of Unicode, which
    join the conjuncts of Hindi; the carrier whose parts we count does not.
    """
    found: list[str] = []
    for letter in text:
        if letter >= _FIRST_MARK and found and _continues(found[-1], letter):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _continues(cluster: str, letter: str) -> bool:
    last = cluster[-1]
    if _is_mark(letter):
        return _is_mark(last) or category(last) not in ("Cc", "Cf", "Zl", "Zp")
    if _within(letter, _FLAG_LETTERS):
        return len(cluster) == 1 and _within(last, _FLAG_LETTERS)
    if _within(letter, _SKIN_TONES):
        return category(last) == "So"
    return last == _JOINER and category(letter) == "So"


def _is_mark(letter: str) -> bool:
    if letter in _MARKS_BY_ANOTHER_NAME or _within(letter, _FLAG_TAGS):
        return True
    return category(letter).startswith("M") and letter not in _STANDS_ALONE


def _within(letter: str, ends: tuple[str, str]) -> bool:
    return ends[0] <= letter <= ends[1]
