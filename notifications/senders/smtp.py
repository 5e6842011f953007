"""E-mail, by SMTP; and for development into a folder, one file a message."""

import smtplib
import ssl
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from models import clock
from notifications.senders.outcomes import (
    Accepted,
    Later,
    LookUpOutcome,
    Missing,
    Outgoing,
    Paused,
    Refused,
    SendOutcome,
    Sought,
    Unclear,
    Untraceable,
)

TIMEOUT_S = 10
TRY_AGAIN = timedelta(minutes=1)
PORTS = {"smtp": 587, "smtps": 465}


class SmtpSender:
    """One mail server: `smtp://user:password@host:587` (with STARTTLS) or `smtps://…:465`.

    A server on loopback is spoken to in the clear, as a relay on the same machine is. Each message has a
    connection of its own: there are few, and a broken connection then says exactly which message is in doubt.
    """

    name = "smtp"

    def __init__(self, *, url: str, from_address: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("SMTP_URL must be an address such as smtp://user:password@mail.internal:587")
        self._host, self._port = parts.hostname, parts.port or PORTS[parts.scheme]
        self._implicit_tls = parts.scheme == "smtps"
        self._plain = parts.hostname in ("127.0.0.1", "::1", "localhost")
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._from = from_address

    def send(self, message: Outgoing) -> SendOutcome:
        """Hand one e-mail to the server. Once its words are on their way, only the server's answer tells whether
        it took them."""
        try:
            server = self._connect()
        except smtplib.SMTPAuthenticationError as error:
            return Paused(str(error.smtp_code))
        except (OSError, smtplib.SMTPException):
            return Later(TRY_AGAIN)
        try:
            return self._hand_over(server, message)
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        if self._implicit_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        try:
            if not self._implicit_tls and not self._plain:
                server.starttls(context=ssl.create_default_context())
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _hand_over(self, server: smtplib.SMTP, message: Outgoing) -> SendOutcome:
        written = compose(message, self._from)
        try:
            server.ehlo_or_helo_if_needed()
            code, _ = server.mail(self._from)
            if code < 400:
                code, _ = server.rcpt(message.to)
        except (OSError, smtplib.SMTPException):
            return Later(TRY_AGAIN)
        if code < 400:
            try:
                code, _ = server.data(written.as_bytes(policy=SMTP))
            except smtplib.SMTPDataError as error:
                code = error.smtp_code
            except (OSError, smtplib.SMTPException) as error:
                return Unclear(type(error).__name__)
        if code >= 400:
            # 4xx is "not now", often for this recipient alone; 5xx is "never".
            return Refused(str(code)) if code >= 500 else Later(TRY_AGAIN, alone=True)
        return Accepted(str(message.message_id))

    def find(self, sought: Sought) -> Untraceable:
        """A mail server keeps no list that could be asked."""
        return Untraceable()

    def ask(self, carrier_id: str) -> Untraceable:
        """Nor does it tell what became of a message."""
        return Untraceable()

    def close(self) -> None:
        """There is nothing to let go of."""


class MailFolder:
    """E-mails as files in a folder, for development: any mail program opens them."""

    name = "mail-folder"

    def __init__(self, folder: Path, *, from_address: str) -> None:
        self._folder = folder
        self._from = from_address

    def send(self, message: Outgoing) -> Accepted:
        """Write it, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        written = compose(message, self._from)
        unfinished = self._folder / f".{message.reference}"
        unfinished.write_bytes(written.as_bytes())
        unfinished.replace(self._folder / f"{message.reference}.eml")
        return Accepted(str(message.message_id))

    def find(self, sought: Sought) -> LookUpOutcome:
        """Whether the file is there."""
        there = (self._folder / f"{sought.reference}.eml").exists()
        return Accepted(f"<{sought.reference}>") if there else Missing()

    def ask(self, carrier_id: str) -> Untraceable:
        """A file does not tell whether somebody read it."""
        return Untraceable()

    def close(self) -> None:
        """There is nothing to let go of."""


def compose(message: Outgoing, from_address: str) -> EmailMessage:
    """The e-mail. Its Message-ID is made from ours, so that a mailbox shows one that came twice only once.

    Only our part of it is kept as the carrier's id: a council's domain can be longer than the outbox has room for.
    """
    written = EmailMessage()
    written["From"] = from_address
    written["To"] = message.to
    written["Subject"] = message.subject
    written["Date"] = format_datetime(clock.now())
    written["Message-ID"] = f"<{message.message_id}@{from_address.rpartition('@')[2].rstrip('>')}>"
    # Mail programs then do not answer that somebody is on holiday.
    written["Auto-Submitted"] = "auto-generated"
    written["Content-Language"] = message.language
    # Seven bits pass every server, whatever it says it can take.
    written.set_content(message.body, cte="quoted-printable")
    return written
