"""Texts by Twilio, through its own client."""

from datetime import datetime
from typing import Any
from uuid import UUID

from twilio.rest import Client  # type: ignore[import-untyped]

from notifications.senders.outcomes import (
    Accepted,
    LookUpOutcome,
    Missing,
    Outgoing,
    SendOutcome,
    Sought,
    Unclear,
)
from notifications.senders.twilio_http import (
    PAGE_SIZE,
    PooledHttpClient,
    attempt,
    attempt_look_up,
    aware,
    callback_url,
    code_of,
)

LONGEST_VALIDITY_S = 36_000


class TwilioSender:
    """One Twilio account, texting from a number or a messaging service."""

    name = "twilio"

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        public_base_url: str,
        from_number: str | None = None,
        messaging_service_sid: str | None = None,
        api_base: str | None = None,
        in_flight: int = 16,
    ) -> None:
        self._public_base_url = public_base_url.rstrip("/")
        self._http = PooledHttpClient(api_base=api_base, pool_size=in_flight)
        self._messages = Client(account_sid, auth_token, http_client=self._http).messages
        self._origin: dict[str, Any] = (
            {"messaging_service_sid": messaging_service_sid} if messaging_service_sid else {"from_": from_number}
        )

    def send(self, message: Outgoing) -> SendOutcome:
        """Create one message. Its expiry goes along as Twilio's validity period, 1 to 36,000 seconds."""
        return attempt(lambda: self._create(message))

    def _create(self, message: Outgoing) -> Accepted | Unclear:
        validity = int(message.valid_for.total_seconds())
        created = self._messages.create(
            to=message.to,
            body=message.body,
            status_callback=self.callback_url(message.message_id),
            validity_period=max(1, min(validity, LONGEST_VALIDITY_S)),
            **self._origin,
        )
        return _accepted(created) if created.sid else Unclear("no-id")

    def find(self, sought: Sought) -> LookUpOutcome:
        """Page through the messages to this number, newest first, until one is too old.

        The list is not asked for a date sent: a text Twilio has accepted and not yet sent has none, and
        would be missed, and sent twice.
        """
        return attempt_look_up(lambda: self._search(sought))

    def _search(self, sought: Sought) -> Accepted | Missing:
        for message in self._messages.stream(to=sought.to, page_size=PAGE_SIZE):
            created_at = aware(message.date_created)
            if message.body and sought.reference in message.body:
                return _accepted(message, created_at)
            if created_at is not None and created_at < sought.since:
                break
        return Missing()

    def ask(self, carrier_id: str) -> LookUpOutcome:
        """Read the message again."""
        return attempt_look_up(lambda: _accepted(self._messages(carrier_id).fetch()))

    def callback_url(self, message_id: UUID) -> str:
        """Where receipts come."""
        return callback_url(self._public_base_url, message_id)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def _accepted(message: Any, accepted_at: datetime | None = None) -> Accepted:
    return Accepted(message.sid, message.status or "queued", code_of(message.error_code), accepted_at)
