"""E-mail by SMTP against a small server on loopback: what each of its answers is taken to mean."""

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from models.message import Message
from notifications.senders.outcomes import (
    Accepted,
    Later,
    Outgoing,
    Paused,
    Refused,
    SendOutcome,
    Unclear,
    Untraceable,
)
from notifications.senders.smtp import MailFolder, SmtpSender

LETTER = Outgoing(
    message_id=UUID(int=7),
    reference="7K3QX2AB",
    to="ada@example.org",
    body="Hello,\n\n.We will visit you — é — on Wed 25 Nov 10:00.\n",
    valid_for=timedelta(hours=1),
    subject="Harrow Council: our visit",
)


@dataclass
class Mailbox:
    """A mail server that answers `says[verb]` in place of its usual word; `hangs_up_after` ends the connection."""

    says: dict[str, str] = field(default_factory=dict)
    hangs_up_after: str = ""
    letters: list[bytes] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    port: int = 0


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box: Mailbox = self.server.box  # type: ignore[attr-defined]
        self._say(box.says.get("HELLO", "220 ready"))
        while line := self.rfile.readline():
            verb = line.split()[0].decode().upper().rstrip(":")
            box.verbs.append(verb)
            if box.hangs_up_after == verb:
                return
            if verb == "EHLO":
                self._say("250-stand-in\r\n250 AUTH PLAIN")
            elif verb == "DATA" and "DATA" not in box.says:
                self._say("354 go on")
                box.letters.append(self._letter())
                if box.hangs_up_after == "LETTER":
                    return
                self._say(box.says.get("LETTER", "250 taken"))
            else:
                self._say(box.says.get(verb, "250 fine"))

    def _letter(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    box = Mailbox()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        server.box = box  # type: ignore[attr-defined]
        box.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield box
        server.shutdown()


def send(box: Mailbox, user: str = "") -> SendOutcome:
    return SmtpSender(url=f"smtp://{user}127.0.0.1:{box.port}", from_address="visits@harrow.example").send(LETTER)


def test_an_e_mail_arrives_whole_with_its_subject_and_an_id_of_ours(box: Mailbox) -> None:
    outcome = send(box)
    assert outcome == Accepted(str(LETTER.message_id))
    [letter] = box.letters
    read = message_from_bytes(letter, policy=policy.default)
    assert (read["From"], read["To"]) == ("visits@harrow.example", "ada@example.org")
    assert (read["Subject"], read["Auto-Submitted"]) == ("Harrow Council: our visit", "auto-generated")
    assert read["Message-ID"] == f"<{LETTER.message_id}@harrow.example>"
    body: Any = read.get_body()
    assert body.get_content().replace("\r\n", "\n") == LETTER.body
    assert letter.count(b"\n") == letter.count(b"\r\n"), "lines end as the protocol wants them"


@pytest.mark.parametrize("make", ["smtp", "folder"])
def test_the_id_of_an_e_mail_fits_the_outbox_whatever_the_council_is_called(
    box: Mailbox, tmp_path: Path, make: str
) -> None:
    """PostgreSQL refuses a longer one, and with it all that was to be recorded with it, for ever."""
    address = "visits@" + "housing." * 8 + "harrow.gov.uk"
    url = f"smtp://127.0.0.1:{box.port}"
    sender = (
        SmtpSender(url=url, from_address=address) if make == "smtp" else MailFolder(tmp_path, from_address=address)
    )
    outcome = sender.send(LETTER)
    assert isinstance(outcome, Accepted)
    assert len(outcome.carrier_id) <= Message.__table__.c.carrier_id.type.length


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        ({"HELLO": "421 too busy"}, Later(timedelta(minutes=1))),
        ({"MAIL": "451 not now"}, Later(timedelta(minutes=1), alone=True)),
        ({"MAIL": "550 not from you"}, Refused("550")),
        ({"RCPT": "450 greylisted"}, Later(timedelta(minutes=1), alone=True)),
        ({"RCPT": "550 no such user"}, Refused("550")),
        ({"DATA": "451 not now"}, Later(timedelta(minutes=1), alone=True)),
        ({"DATA": "554 no"}, Refused("554")),
        ({"LETTER": "452 full"}, Later(timedelta(minutes=1), alone=True)),
        ({"LETTER": "554 spam"}, Refused("554")),
    ],
)
def test_each_answer_is_sorted_by_what_it_proves(box: Mailbox, says: dict[str, str], outcome: SendOutcome) -> None:
    box.says = says
    assert send(box) == outcome


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        ("EHLO", Later(timedelta(minutes=1))),
        ("MAIL", Later(timedelta(minutes=1))),
        ("RCPT", Later(timedelta(minutes=1))),
        ("LETTER", Unclear("SMTPServerDisconnected")),
    ],
)
def test_only_a_letter_that_was_on_its_way_is_in_doubt(box: Mailbox, after: str, outcome: SendOutcome) -> None:
    box.hangs_up_after = after
    assert send(box) == outcome


def test_a_password_that_is_refused_pauses_the_sender(box: Mailbox) -> None:
    box.says = {"AUTH": "535 no"}
    assert send(box, user="visits:wrong@") == Paused("535")
    assert box.letters == []


def test_no_server_at_all_is_no_doubt(box: Mailbox) -> None:
    sender = SmtpSender(url="smtp://127.0.0.1:1", from_address="visits@harrow.example")
    assert sender.send(LETTER) == Later(timedelta(minutes=1))


def test_a_mail_server_cannot_be_asked_what_became_of_a_letter() -> None:
    sender = SmtpSender(url="smtps://mail.example", from_address="visits@harrow.example")
    assert sender.ask("<x>") == Untraceable()


@pytest.mark.parametrize("url", ["", "mail.internal", "http://mail.internal", "smtp://", "smtp://:25"])
def test_an_address_that_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL"):
        SmtpSender(url=url, from_address="visits@harrow.example")
