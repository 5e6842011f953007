"""References that people read out over the telephone: Crockford's base32 with a check character."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SAME = str.maketrans("ILO", "110")


def new_visit_reference() -> str:
    """`HV-7K2M-9XQ4`: seven random characters (35 bits) and a check character.

    The check is Crockford's, modulo 37: it catches every wrong character and every swap of two
    neighbours. Numbers whose check would be one of his five signs are never handed out: nobody can
    say `~` over the telephone.
    """
    return f"HV-{_new_body()}"


def new_incident_reference() -> str:
    """`HC-7K2M-9XQ4`: the same for an incident, which somebody may ring us about."""
    return f"HC-{_new_body()}"


def _new_body() -> str:
    while True:
        number = secrets.randbits(35)
        if number % 37 < 32:
            return _spell(number)


def _spell(number: int) -> str:
    digits = "".join(ALPHABET[number >> shift & 31] for shift in range(30, -1, -5))
    body = digits + ALPHABET[number % 37]
    return f"{body[:4]}-{body[4:]}"


def whole_reference(digits: str) -> str | None:
    """The reference whose first seven characters these are; None if there is none such."""
    if len(digits) != 7 or any(digit not in ALPHABET for digit in digits):
        return None
    number = 0
    for digit in digits:
        number = number << 5 | ALPHABET.index(digit)
    return f"HV-{_spell(number)}" if number % 37 < 32 else None


def read_visit_reference(text: str) -> str | None:
    """A reference as typed or heard, in its one spelling; None if its check character is wrong."""
    plain = text.strip().upper().removeprefix("HV").replace("-", "").replace(" ", "").translate(_SAME)
    whole = whole_reference(plain[:7])
    return whole if whole is not None and whole.replace("-", "")[2:] == plain else None
