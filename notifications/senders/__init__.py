"""Carriers, and which of them the settings ask for."""

from notifications.senders.console import ConsoleSender
from notifications.senders.outcomes import Sender
from notifications.senders.twilio import TwilioSender


def sender_from(
    *,
    sms_sender: str,
    public_base_url: str,
    account_sid: str | None = None,
    auth_token: str | None = None,
    from_number: str | None = None,
    messaging_service_sid: str | None = None,
    api_base: str | None = None,
    in_flight: int = 16,
) -> Sender:
    """The sender of the setting SMS_SENDER. Raises ValueError if its own settings are missing.

    `in_flight` is how many texts may be on their way to the carrier at once: the size of its connection pool.
    """
    if sms_sender == "console":
        return ConsoleSender()
    if sms_sender != "twilio":
        raise ValueError("SMS_SENDER must be console or twilio")
    if not (account_sid and auth_token and (from_number or messaging_service_sid)):
        raise ValueError("Twilio needs its account, its token, and a number or service to send from")
    return TwilioSender(
        account_sid=account_sid,
        auth_token=auth_token,
        from_number=from_number,
        messaging_service_sid=messaging_service_sid,
        public_base_url=public_base_url,
        api_base=api_base,
        in_flight=in_flight,
    )
