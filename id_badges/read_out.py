"""What the contact centre reads out to somebody with a stranger at the door: the page's answer, spoken."""

from id_badges.verdict import ShownOfficer, State, Verdict
from models.officer import Employment

_NEW_CODE = (
    "Keep your door closed while you wait.",
    "Ask them to open their badge. The code on it changes each minute.",
    "Read the new code to me.",
)
_WORDS = {
    State.NOT_CONFIRMED: (
        "We cannot say this badge is real.",
        "Do not let them in. Keep your door closed.",
        "If you are afraid or in danger, ring 999.",
        "If you are not in danger, tell the police on 101.",
    ),
    State.TIMED_OUT: ("This code is out of date.", *_NEW_CODE),
    State.NOT_YET_VALID: ("This code is not ready yet.", *_NEW_CODE),
    State.UNAVAILABLE: (
        "We cannot check now. We do not know if this badge is real.",
        "Do not let them in on the badge alone.",
        "You may ask them to come back another day.",
    ),
}
_DUE = {
    True: (
        "They are due at your home now.",
        "Look at the photo on their badge. If the face is not the same, do not let them in.",
    ),
    False: (
        "But we have no visit for them at your home now.",
        "Do not let them in. Ask them to come back another day.",
    ),
    None: (
        "I have not checked if they are due at your home. I can do that now.",
        "Keep your door closed until we know.",
    ),
}


def words(verdict: Verdict, *, is_due: bool | None, council_name: str) -> list[str]:
    """The sentences to read out, in order. `is_due` is None if the caller gave no address and no visit.

    The caller is anybody: nothing here says whose visit it is or where.
    """
    officer = verdict.officer
    if officer is None:
        return list(_WORDS[verdict.state])
    if verdict.state is State.GENUINE:
        return [
            "The badge is real.",
            *_who(officer, council_name),
            *_DUE[is_due],
            "You may always say no and ask them to come back.",
        ]
    if verdict.state is State.CARD_ONLY:
        return [
            "This is the code of a printed card. A card can be lost or copied.",
            *_who(officer, council_name),
            *_NEW_CODE,
        ]
    return [
        "The badge is real. But they are not at work for us now.",
        *_who(officer, council_name),
        "Do not let them in. Ask them to come back another day.",
    ]


def _who(officer: ShownOfficer, council_name: str) -> tuple[str, ...]:
    employer = f"They work for {council_name}."
    if officer.employment is Employment.CONTRACTOR:
        employer = f"They work for {officer.company}, a contractor of {council_name}."
    return f"It belongs to {officer.display_name}, {officer.job_title}.", employer
