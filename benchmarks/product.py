"""The product as production serves it, but with its clock moved to a Tuesday morning.

At night texts are held and officers are off duty: without this, what is measured would depend on the hour.
"""

import os
from datetime import UTC, datetime, timedelta

from api import create_app
from models import clock

_AHEAD = timedelta(seconds=float(os.environ.get("BENCHMARK_CLOCK_AHEAD", "0")))

clock.read_from(lambda: datetime.now(UTC) + _AHEAD)
app = create_app()
