"""The rules that can be broken, named after the rule, in words a person can act on."""

from collections.abc import Mapping
from typing import Any


class BrokenRule(Exception):
    """A rule refused what was asked.

    `detail` tells the person what to do now; `extra` holds members added to the problem document.
    Nothing was changed: the transaction it is raised in is rolled back.
    """

    slug = "broken-rule"
    title = "That is not possible"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra


class Unknown(BrokenRule):
    """Nothing has this identifier, or it is not the asker's to see."""

    slug = "not-found"
    title = "Not found"


class NotYours(BrokenRule):
    """It exists, but belongs to another officer."""

    slug = "not-yours"
    title = "Not yours"


class Unprocessable(BrokenRule):
    """A field has the right shape and an impossible value; `errors` names the field."""

    slug = "not-valid"
    title = "Please correct the request"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, errors={field: [message]})


class AlreadyTaken(BrokenRule):
    """A value that must be unique (a username, a staff number) is in use."""

    slug = "already-taken"
    title = "Already taken"


class DiaryClash(BrokenRule):
    """The officer already has a visit that overlaps: one officer is never in two places."""

    slug = "diary-clash"
    title = "The officer is already booked"


class BookingRules(BrokenRule):
    """The officer cannot be there as the diary's rules want it: skills, area, hours, leave, the ways before and
    after, lunch, time in hand, the shift's end.

    `broken` names each rule. Against one that `may_be_overridden` a scheduler may book who names it in `overrides`
    with a reason.
    """

    slug = "booking-rules"
    title = "The visit does not fit"


class ChangesRefused(BrokenRule):
    """Of several changes that were to be made together some cannot be: `changes` names each, and why. None was
    made."""

    slug = "changes-refused"
    title = "Nothing was changed"


class VisitState(BrokenRule):
    """The visit's status does not allow this step."""

    slug = "visit-state"
    title = "The visit is not in a state for this"


class OfficerUnavailable(BrokenRule):
    """The officer is suspended, or the contract ends before the visit."""

    slug = "officer-unavailable"
    title = "The officer cannot be booked"


class VersionConflict(BrokenRule):
    """Somebody else changed it first: read it again, then repeat the change."""

    slug = "changed-meanwhile"
    title = "It has changed since you read it"


class BadgeRevoked(BrokenRule):
    """The officer's badge was revoked: only an admin issues another."""

    slug = "badge-revoked"
    title = "The badge was revoked"


class CardState(BrokenRule):
    """The card is waiting, decided, revoked or out of date, and does not allow this step."""

    slug = "card-state"
    title = "The card is not in a state for this"


class PhotoState(BrokenRule):
    """The photo was approved, refused or replaced before."""

    slug = "photo-state"
    title = "The photo is not in a state for this"


class SecondPerson(BrokenRule):
    """Cards and photos need two people: whoever asks for a card or sends a photo does not approve it."""

    slug = "second-person"
    title = "Another admin must approve it"


class SignInRefused(BrokenRule):
    """The username, password or token is not good: nothing tells which."""

    slug = "sign-in"
    title = "Please sign in"


class TooManyTries(BrokenRule):
    """Too much was asked in too short a time; `retry_after` says in how many seconds to come back."""

    slug = "too-many"
    title = "Too many tries"


class KeyReused(BrokenRule):
    """An Idempotency-Key came back with another request."""

    slug = "key-reused"
    title = "The Idempotency-Key was used before"


class KeyInUse(BrokenRule):
    """The first request with this Idempotency-Key has not ended."""

    slug = "key-in-use"
    title = "The first request is still running"


class VersionRequired(BrokenRule):
    """A scheduler changes a visit without saying which version of it was read."""

    slug = "version-required"
    title = "Say which version you read"
