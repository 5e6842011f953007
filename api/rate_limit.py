"""How often one address may ask."""

import threading
from datetime import datetime, timedelta

from models.scan import home_of


class RateLimit:
    """`most` requests of one address in each `per`, 0 for no limit. Each process counts for itself.

    The windows follow the clock, so that a count is one entry and all of them end at once.
    """

    def __init__(self, most: int, per: timedelta) -> None:
        self._most = most
        self._per = int(per.total_seconds())
        self._turn = threading.Lock()
        self._window = 0
        self._counts: dict[bytes, int] = {}

    def allows(self, address: str, at: datetime) -> bool:
        """Whether this address may ask once more at `at`; counts that it did."""
        if not self._most:
            return True
        home, window = home_of(address), int(at.timestamp()) // self._per
        with self._turn:
            if window != self._window:
                self._window, self._counts = window, {}
            count = self._counts[home] = self._counts.get(home, 0) + 1
        return count <= self._most
