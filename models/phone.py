"""Telephone numbers: one spelling (E.164), and which of them a text can reach."""

from functools import lru_cache

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
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException:
        raise ValueError("Give a telephone number, such as 07700 900123 or +44 20 7946 0000.") from None
    if number.extension:
        raise ValueError("Give the number without an extension.")
    if not (phonenumbers.is_valid_number(number) or (drama and _is_drama(number))):
        raise ValueError("This is not a number that is in use. Please check its digits.")
    if phonenumbers.number_type(number) in _REFUSED:
        raise ValueError("We do not ring or text premium or personal (070) numbers. Give another.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=4096)
def takes_texts(e164: str) -> bool:
    """Whether a text can reach this number: a mobile, not a landline."""
    number = phonenumbers.parse(e164)
    return _is_drama(number) or phonenumbers.number_type(number) in _TEXTABLE
