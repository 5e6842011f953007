"""Carriers, and which of them the settings ask for."""

from collections.abc import Mapping
from pathlib import Path

from models.message import Channel
from notifications.senders.console import ConsoleSender
from notifications.senders.outcomes import Sender
from notifications.senders.smtp import MailFolder, SmtpSender
from notifications.senders.twilio import TwilioSender
from notifications.senders.twilio_calls import TwilioCallSender

Senders = Mapping[Channel, Sender]
"""What sends the messages of each channel; a channel that is missing is a way nobody can be told by."""


def senders_from(
    *,
    sms_sender: str,
    public_base_url: str,
    account_sid: str | None = None,
    auth_token: str | None = None,
    from_number: str | None = None,
    messaging_service_sid: str | None = None,
    voice_from: str | None = None,
    api_base: str | None = None,
    smtp_url: str | None = None,
    email_from: str | None = None,
    mail_folder: Path | None = None,
    in_flight: int = 16,
) -> dict[Channel, Sender]:
    """The senders of the settings. Raises ValueError if SMS_SENDER's own settings are missing.

    Texts always have one. Calls have one if there is a number to call from, e-mails if there is a server or a
    folder for them. `in_flight` is how many texts may be on their way at once: the size of the connection pool.
    """
    senders: dict[Channel, Sender] = {}
    if sms_sender == "console":
        senders[Channel.TEXT] = senders[Channel.CALL] = ConsoleSender()
    elif sms_sender == "twilio":
        if not (account_sid and auth_token and (from_number or messaging_service_sid)):
            raise ValueError("Twilio needs its account, its token, and a number or service to send from")
        senders[Channel.TEXT] = TwilioSender(
            account_sid=account_sid,
            auth_token=auth_token,
            from_number=from_number,
            messaging_service_sid=messaging_service_sid,
            public_base_url=public_base_url,
            api_base=api_base,
            in_flight=in_flight,
        )
        if voice_from:
            senders[Channel.CALL] = TwilioCallSender(
                account_sid=account_sid,
                auth_token=auth_token,
                from_number=voice_from,
                public_base_url=public_base_url,
                api_base=api_base,
            )
    else:
        raise ValueError("SMS_SENDER must be console or twilio")
    if smtp_url and email_from:
        senders[Channel.EMAIL] = SmtpSender(url=smtp_url, from_address=email_from)
    elif mail_folder and email_from:
        senders[Channel.EMAIL] = MailFolder(mail_folder, from_address=email_from)
    return senders
