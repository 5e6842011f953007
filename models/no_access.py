"""A door that nobody opened: where the officer stood, and whom they tried to ring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

MOST_CALLS = 10


@dataclass(frozen=True, slots=True)
class AtTheDoor:
    """Where the officer's phone was when nobody opened, and the calls they made: each with `at` and `answered`."""

    position: tuple[float, float] | None = None
    accuracy_m: float | None = None
    calls: Sequence[dict[str, Any]] = ()

    @classmethod
    def of(cls, given: dict[str, Any]) -> Self:
        """What a phone sent with the outcome."""
        latitude, longitude = given.get("latitude"), given.get("longitude")
        position = None if latitude is None or longitude is None else (latitude, longitude)
        return cls(position, given.get("accuracy_m"), given.get("calls", ()))

    @property
    def details(self) -> dict[str, Any]:
        """What the visit's history says of it: only what was sent."""
        said = {"position": self.position, "accuracy_m": self.accuracy_m, "calls": list(self.calls) or None}
        return {name: value for name, value in said.items() if value is not None}
