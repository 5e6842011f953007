"""The product on a clock that hurries, so that holds, leases and look-ups of minutes pass in seconds.

`flask --app tests.hurried:app send-texts` is the product's own dispatcher in all but its clock.
"""

import json
import os
import time
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask

from api import create_app
from models import clock
from notifications.senders import twilio, twilio_http
from notifications.senders.outcomes import Missing

MORNING = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
"""What the clock shows at first, in London too: nothing waits for the end of a night in the hours after."""

SETTING, LOOK_UP_SETTING = "HURRIED_CLOCK", "HURRIED_LOOK_UP"


@dataclass(frozen=True)
class Hurry:
    """A clock that several processes share: it goes `speed` times as fast as the system's.

    `begun` is what the system's clock showed, in seconds, when this one showed MORNING.
    """

    speed: float
    begun: float

    def now(self) -> datetime:
        """The hurried time."""
        return MORNING + timedelta(seconds=(time.time() - self.begun) * self.speed)

    def real(self, seconds: float) -> float:
        """How many real seconds so many hurried ones take."""
        return seconds / self.speed

    def environment(self, *, look_up: bool) -> dict[str, str]:
        """The settings of a process on this clock."""
        return {SETTING: json.dumps(astuple(self)), LOOK_UP_SETTING: "on" if look_up else "off"}


def app() -> Flask:
    """The application on the clock of HURRIED_CLOCK. Its client gives the carrier as much less real time.

    HURRIED_LOOK_UP=off is the negative control: a look-up then finds nothing, whatever the carrier has.
    """
    hurry = Hurry(*json.loads(os.environ[SETTING]))
    clock.read_from(hurry.now)
    twilio_http.TIMEOUT_S = hurry.real(twilio_http.TIMEOUT_S)
    if os.environ[LOOK_UP_SETTING] == "off":
        twilio.TwilioSender.find = lambda *_: Missing()
    return create_app()
