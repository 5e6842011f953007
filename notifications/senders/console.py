"""The sender for development: nothing leaves the machine, and the outbox page is the resident's handset."""

from datetime import datetime

from notifications.senders.outcomes import Accepted, Missing, Outgoing


class ConsoleSender:
    """Accepts every text and calls it delivered at once, since the outbox page shows it at once."""

    name = "console"

    def send(self, text: Outgoing) -> Accepted:
        """Accept it. Nothing is printed: a text holds a person's number and appointment."""
        return Accepted(f"local-{text.message_id}", "delivered")

    def find(self, reference: str, to: str, since: datetime) -> Missing:
        """There is no second list: a text whose row says it did not go, did not go."""
        return Missing()

    def close(self) -> None:
        """There is nothing to let go of."""
