"""The ways in which people write that they were in: "IN", "I wos in", "in all day", "nobody knocked"."""

import re

_WHO = r"(?:i|we|my \w+)"
_WAS = r"(?:was|were|wos|wss|waz|wz|ws|wass|am|have been|had been|been)"
_ARRIVED = r"(?:came|come|knocked|nocked|rang|called|turned up|showed up)"
_ARRIVE = r"(?:come|came|knock|nock|ring|call|turn up|show up)"
_IN = r"(?:in|inn|home|at home|hoem|indoors|here|in the house|in my house)"
_ALL_DAY = r"(?: all (?:day|morning|afternoon|evening|the time|along))?"
_GOES_ON = (
    r"(?: (?:all|the whole|and|but|when|waiting|since|from|until|till|on|at the time|so|why|you|no|nobody|noone"
    r"|your|then|every|that|this|today|yesterday)\b.*)?"
)

_SAYS_SO = re.compile(
    rf"(?:(?:but|no|sorry|hi|hello|yes) )*(?:"
    rf"{_IN}{_ALL_DAY}"
    rf"|(?:{_WHO} ?{_WAS} ?|im |(?:ive|weve) been |was |were ){_IN}{_GOES_ON}"
    rf"|(?:nobody|no ?one) (?:ever )?{_ARRIVED}(?: .*)?"
    rf"|(?:you|they|he|she|officer|the officer) (?:never {_ARRIVED}|didnt {_ARRIVE}|did not {_ARRIVE})(?: .*)?"
    rf")"
)


def says_they_were_in(words: str) -> bool:
    """Whether the bare words of a text say that its writer was in, and not that they were elsewhere.

    It is asked only of texts that can be about a visit to which nobody opened: "in" alone may mean anything else.
    """
    return _SAYS_SO.fullmatch(words) is not None
