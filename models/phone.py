"""Telephone numbers: one spelling (E.164), and which of them a text can reach."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import dropwhile
from unicodedata import category

import phonenumbers
from phonenumbers import PhoneNumberType as Type

_DRAMA = (7700900000, 7700900999)
"""Ofcom's mobile numbers for drama: nobody's, so demonstrations and tests can use them."""

_REFUSED = {Type.PREMIUM_RATE, Type.PERSONAL_NUMBER, Type.SHARED_COST, Type.PAGER}
_TEXTABLE = {Type.MOBILE, Type.FIXED_LINE_OR_MOBILE}


def _is_drama(number: phonenumbers.PhoneNumber) -> bool:
    return number.country_code == 44 and _DRAMA[0] <= (number.national_number or 0) <= _DRAMA[1]


def normalise(text: str, *, drama: bool) -> str:
    """A number as people write it (07700 900123, +44 (0)7…, 020 8…) in E.164.

    `drama` lets Ofcom's drama numbers pass. Raises ValueError, in words for the person who typed it.
    Premium, shared-cost, personal (070) and pager numbers are refused: ringing them costs money.
    """
    numbers = [number for reading in _readings(text) if (number := _parse(reading))]
    if not numbers:
        raise ValueError("Give a telephone number, such as 07700 900123 or +44 20 7946 0000.")
    if any(number.extension for number in numbers):
        raise ValueError("Give the number without an extension.")
    if not _is_alone(text):
        raise ValueError("Give the number alone: only digits, spaces, brackets, + and -, up to its last digit.")
    number = next((number for number in numbers if _is_in_use(number, drama)), None)
    if number is None:
        raise ValueError("This is not a number that is in use. Please check its digits.")
    if phonenumbers.number_type(number) in _REFUSED:
        raise ValueError("We do not ring or text premium or personal (070) numbers. Give another.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _readings(text: str) -> Iterator[str]:
    """What somebody who wrote `text` may have meant, the likeliest first; the first number in use counts.

    People and spreadsheets add zeros and pluses, and lose them: 0+44 7…, 000 7…, 1-202-…. After a single 0
    a number is British and never read as one from abroad: with a digit too many, 07700 900123 is a number in
    Kazakhstan but for its 0.
    """
    yield text
    bare = "".join(dropwhile(lambda character: not (character.isdecimal() and int(character)), text))
    before = text[: len(text) - len(bare)]
    zeros = any(character.isdecimal() for character in before)
    if zeros:
        yield bare
    if "+" in before or not zeros:
        yield "+" + bare


def _parse(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException:
        return None


def _is_alone(text: str) -> bool:
    """Whether there are no words beside the number, which would be dropped, and nothing after its last digit,
    which may stand for more of them: 07700 900…"""
    visible = [character for character in text if category(character)[0] not in "CZ"]
    return visible[-1].isdecimal() and not any(character.isalpha() for character in visible)


def _is_in_use(number: phonenumbers.PhoneNumber, drama: bool) -> bool:
    return phonenumbers.is_valid_number(number) or (drama and _is_drama(number))


@lru_cache(maxsize=4096)
def takes_texts(e164: str) -> bool:
    """Whether a text can reach this number: a mobile, not a landline."""
    number = phonenumbers.parse(e164)
    return _is_drama(number) or phonenumbers.number_type(number) in _TEXTABLE
