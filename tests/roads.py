"""Ways on the real map, as the product reckons them."""

from datetime import datetime, timedelta

from models.travel import Place, in_use


def travel_time(origin: Place | None, destination: Place | None, leaving_at: datetime) -> timedelta:
    """From door to door by car with the figures in use, in whole seconds."""
    return timedelta(seconds=in_use().seconds(origin, destination, leaving_at.timestamp()))
