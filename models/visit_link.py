"""The address of a resident's own visit page: made from the visit's reference and a secret, and stored nowhere.

"A stranger with a guessed code learns nothing": a code is refused before anything is looked up, and the
database alone gives nobody a link.
"""

import hmac
from dataclasses import dataclass, field

from models.reference import ALPHABET, whole_reference

DIGITS, PROOF = 7, 16
"""Characters of a code: the visit's number as its reference has it, then 80 bits that only the secret gives."""

_SAME = str.maketrans("ILO", "110")


@dataclass(frozen=True, slots=True)
class VisitLinks:
    """Makes and reads the codes of one installation."""

    secret: bytes = field(repr=False)
    base_url: str

    def code(self, reference: str) -> str:
        """The code of the visit with this reference, 23 characters: `7K2M9XQ4F0…`."""
        digits = reference.removeprefix("HV-").replace("-", "")[:DIGITS]
        return digits + self._proof(digits)

    def url(self, reference: str) -> str:
        """The whole address, as the booking text holds it."""
        return f"{self.base_url}/v/{self.code(reference)}"

    def reference_of(self, code: str) -> str | None:
        """The reference of the visit a code is for, or None if we did not make it.

        It may have been typed from a letter: small letters, I or L for 1 and O for 0 do not matter.
        """
        if len(code) != DIGITS + PROOF or not code.isascii():
            return None
        plain = code.upper().translate(_SAME)
        digits, proof = plain[:DIGITS], plain[DIGITS:]
        return whole_reference(digits) if hmac.compare_digest(proof, self._proof(digits)) else None

    def _proof(self, digits: str) -> str:
        number = int.from_bytes(hmac.digest(self.secret, digits.encode(), "sha256")[:10], "big")
        return "".join(ALPHABET[number >> 5 * place & 31] for place in range(PROOF))
