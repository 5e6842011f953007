"""The sender for development: nothing leaves the machine, and the outbox page is the resident's handset."""

from notifications.senders.outcomes import Accepted, Missing, Outgoing, Sought


class ConsoleSender:
    """Accepts every text and call, and says that it was delivered at once, since the outbox page shows it at
    once."""

    name = "console"

    def send(self, message: Outgoing) -> Accepted:
        """Accept it. Nothing is printed: a text holds a person's number and appointment."""
        return Accepted(f"local-{message.message_id}", "delivered")

    def find(self, sought: Sought) -> Missing:
        """There is no second list: a text whose row says it did not go, did not go."""
        return Missing()

    def ask(self, carrier_id: str) -> Accepted:
        """All that was accepted was delivered."""
        return Accepted(carrier_id, "delivered")

    def close(self) -> None:
        """There is nothing to let go of."""
