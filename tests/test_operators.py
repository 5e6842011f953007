"""`flask texts`: an operator pauses and resumes a sender, and learns nobody's name."""

import logging
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api import cli_texts
from models.contact_task import ContactReason
from models.database import reading, transaction
from models.message import Channel, MessageStatus
from models.resident import ContactBy, Resident
from models.sender_state import PausedBy, lock_state, states
from notifications.dispatcher import Dispatcher
from notifications.senders.console import ConsoleSender
from notifications.senders.twilio import TwilioSender
from tests import factories
from tests.carrier import Carrier, Fault
from tests.conftest import Client, StoppedClock
from tests.operating import Run, column, rows, texts_of
from tests.sending import (
    HARROW,
    MONDAY,
    THURSDAY,
    WEDNESDAY,
    book,
    dispatch,
    message,
    move,
    receive,
    status,
    tasks,
    texting,
)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def texts(app: Flask) -> Run:
    return texts_of(app)


# Senders


def test_a_paused_sender_sends_nothing_and_loses_nothing_until_it_is_resumed(
    texts: Run, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    dispatcher = texting(sender)
    first = book()
    assert "is paused" in texts("pause", "text", "--reason", "Wrong wording found")
    stopped_clock.advance(3600)
    assert dispatcher.send_due() == 0
    assert (carrier.sends, status(first), tasks()) == (0, MessageStatus.HELD, [])
    assert column(texts("waiting"), "WHY") == ["paused"]
    assert "goes on" in texts("resume", "text")
    dispatcher.send_due()
    dispatcher.close()
    assert status(first) is MessageStatus.ACCEPTED


def test_what_expires_during_a_pause_is_rung_by_a_person(
    texts: Run, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    first = book()
    texts("pause", "text", "--reason", "Wrong wording found")
    stopped_clock.set(WEDNESDAY)
    dispatch(sender)
    assert (status(first), carrier.sends) == (MessageStatus.EXPIRED, 0)
    assert [task.reason for task in tasks()] == [ContactReason.TEXT_EXPIRED]


def test_while_calls_are_paused_the_next_way_is_taken(texts: Run, stopped_clock: StoppedClock) -> None:
    landline = factories.resident(phone="+442088635611", email="asha@example.org")
    first = book(landline)
    assert "next way" in texts("pause", "call", "--reason", "Line rented out")
    dispatcher = Dispatcher({channel: ConsoleSender() for channel in Channel}, HARROW)
    dispatcher.send_due()
    dispatcher.close()
    assert status(first) is MessageStatus.BLOCKED
    assert column(texts("failed"), "FOLLOWED BY") == ["email delivered"]


def test_how_each_sender_stands(texts: Run, stopped_clock: StoppedClock) -> None:
    book()
    with transaction() as session:
        resume_at = MONDAY + timedelta(seconds=60)
        lock_state(session, Channel.TEXT).pause(PausedBy.ACCOUNT, "20003", MONDAY, resume_at=resume_at)
    texts("pause", "email", "--reason", "Mail server is moved")
    stopped_clock.advance(90)
    nobody = ["-", "-", "-", "-"]
    account = "the carrier, which refuses our account"
    nine, next_minute = "Mon 23 Nov 2026 09:00:00 GMT", "Mon 23 Nov 2026 09:01:00 GMT"
    assert rows(texts("senders")) == [
        ["text", "1", "90 s", account, nine, next_minute, "20003"],
        ["call", "0", "0 s", *nobody],
        ["email", "0", "0 s", "an operator", nine, "-", "Mail server is moved"],
    ]
    assert "goes on" in texts("resume", "text")
    assert "was not paused" in texts("resume", "call")
    assert rows(texts("senders"))[0] == ["text", "1", "90 s", *nobody]


def test_a_pause_asked_for_by_the_carrier_is_over_by_itself(texts: Run, stopped_clock: StoppedClock) -> None:
    with transaction() as session:
        resume_at = MONDAY + timedelta(seconds=5)
        lock_state(session, Channel.TEXT).pause(PausedBy.BUSY, "busy", MONDAY, resume_at=resume_at)
    assert column(texts("senders"), "PAUSED BY")[0] == "the carrier, which asked us to wait"
    stopped_clock.advance(5)
    assert column(texts("senders"), "PAUSED BY")[0] == "-"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "two\nlines", "bell\a"])
def test_a_reason_is_one_line_of_words(texts: Run, reason: str) -> None:
    assert "Say why in one line" in texts("pause", "text", "--reason", reason, fails=True)
    with reading() as session:
        assert states(session) == {}


def test_only_senders_that_exist_are_paused(texts: Run) -> None:
    assert "'fax' is not one of 'text', 'call', 'email'" in texts("pause", "fax", "--reason", "x", fails=True)
    assert "Missing option '--reason'" in texts("pause", "text", fails=True)


def test_every_command_is_in_the_documentation() -> None:
    written = (ROOT / "docs" / "production.md").read_text()
    assert len(cli_texts.texts.commands) == 7
    for name, command in cli_texts.texts.commands.items():
        assert command.help, name
        assert re.search(rf"^\| `{name}\b", written, re.MULTILINE), name


# Privacy


def test_nothing_printed_or_measured_is_about_anybody(
    texts: Run,
    stranger: Client,
    carrier: Carrier,
    sender: TwilioSender,
    stopped_clock: StoppedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "notifications")
    caplog.set_level(logging.DEBUG, "api")
    number = iter(range(7700900100, 7700900999))

    def somebody(**changes: Any) -> Resident:
        return factories.resident(
            name="Marigold Quillfeather",
            phone=f"+44{next(number)}",
            email="marigold@example.org",
            line_1="77 Privet Drive",
            needs="the parrot bites",
            **changes,
        )

    failed, unclear, delivered, held = (book(somebody()) for _ in range(4))
    by_email = book(somebody(contact_by=ContactBy.EMAIL))
    faults = {failed: Fault(status=400, code=30007), unclear: Fault(status=500)}
    by_reference = {message(each).reference: fault for each, fault in faults.items()}
    carrier.plan = lambda _, form: by_reference.get(form["Body"][-8:])
    moved = move(held, THURSDAY)
    dispatch(sender)
    receive(delivered, "delivered", sid=message(delivered).carrier_id or "")
    printed = [texts(*words) for words in (("waiting",), ("stuck",), ("failed",), ("senders",))]
    assert [len(rows(table)) for table in printed] == [1, 1, 2, 3]
    printed += [texts("resend", str(failed), "--reason", "Filter was lifted")]
    for other in (unclear, delivered, moved, by_email, held):
        printed.append(texts("resend", str(other), "--reason", "Try", fails=True))
    printed += [
        texts("pause", "text", "--reason", "Tried"),
        texts("senders"),
        texts("waiting"),
        texts("resume", "text"),
    ]
    stopped_clock.set(WEDNESDAY)
    dispatch(sender)
    printed += [texts("failed"), texts("stuck"), texts("resend", str(moved), "--reason", "Try", fails=True)]
    printed += [stranger.get("/metrics").text, stranger.get("/readyz").text]
    said = "\n".join([*printed, *(str(record.__dict__) for record in caplog.records)])
    assert {"message_resent", "sender_paused_by_operator", "sender_resumed"} <= set(caplog.messages)
    for secret in (
        "Marigold",
        "Quillfeather",
        "example.org",
        "Privet",
        "HA1",
        "parrot",
        "Adeyemi",
        "Harrow Council",
    ):
        assert secret not in said
    assert not re.search(r"7700 ?900|Filter was lifted|Repair inspection", said)
