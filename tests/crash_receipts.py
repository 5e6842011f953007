"""The receipts of a crash test: the carrier tells the application of each text that it was delivered.

They come minutes after the text was accepted, so that what became of a doubtful one must be looked up first.
"""

import heapq
import random
import threading
from collections import Counter
from datetime import datetime, timedelta

from flask import Flask

from tests.carrier import Carrier
from tests.hurried import Hurry

AFTER_S = (180, 300)
LOOK_EVERY_S = 0.05


class Receipts:
    """Sends them in the background until stopped. `answers` counts the statuses they were answered with."""

    def __init__(self, app: Flask, carrier: Carrier, hurry: Hurry, seed: int) -> None:
        self._client = app.test_client()
        self._carrier = carrier
        self._hurry = hurry
        self._chance = random.Random(seed)
        self._due: list[tuple[datetime, str]] = []
        self._seen = 0
        self._stop = threading.Event()
        self.answers: Counter[int] = Counter()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            now = self._hurry.now()
            for text in self._carrier.handsets[self._seen :]:
                self._seen += 1
                heapq.heappush(self._due, (now + timedelta(seconds=self._chance.uniform(*AFTER_S)), text.sid))
            while self._due and self._due[0][0] <= now and not self._stop.is_set():
                self._send(heapq.heappop(self._due)[1])

    def _send(self, sid: str) -> None:
        url, form, signature = self._carrier.receipt(sid, "delivered")
        answer = self._client.post(url, data=form, headers={"X-Twilio-Signature": signature})
        self.answers[answer.status_code] += 1
