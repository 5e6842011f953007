"""`/metrics`: what the database tells of the queue, in Prometheus' format, by its indexes, about nobody."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event, text, update

from api.metrics import OUTCOMES
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import engine, reading, transaction
from models.message import Channel, Message, MessageStatus
from models.sender_state import PausedBy, lock_state
from models.tally import totals
from notifications.senders.twilio import TwilioSender
from tests import factories
from tests.carrier import Carrier, Fault
from tests.conftest import Client, StoppedClock
from tests.sending import MONDAY, THURSDAY, WEDNESDAY, book, dispatch, move, receive

Scrape = Callable[[], dict[str, float]]
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def scrape(stranger: Client) -> Scrape:
    """Every sample that is not 0, as Prometheus would read it: `name{label=value,…}` and its value."""

    def read() -> dict[str, float]:
        families = text_string_to_metric_families(stranger.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples]
        labels = [
            ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items())) for sample in samples
        ]
        return {
            f"{sample.name.removeprefix('home_visits_')}{{{of}}}": sample.value
            for sample, of in zip(samples, labels, strict=True)
            if sample.value
        }

    return read


def test_it_is_prometheus_text_for_anyone(stranger: Client) -> None:
    answered = stranger.get("/metrics")
    assert (answered.status_code, answered.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "Set-Cookie" not in answered.headers
    assert answered.headers["Cache-Control"] == "no-store"
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", answered.text, re.MULTILINE))
    assert types == {
        "home_visits_messages_waiting": "gauge",
        "home_visits_oldest_due_seconds": "gauge",
        "home_visits_message_outcomes_total": "counter",
        "home_visits_message_parts_total": "counter",
        "home_visits_sending_lateness_seconds": "histogram",
        "home_visits_sender_paused": "gauge",
        "home_visits_contact_tasks_open": "gauge",
        "home_visits_contact_tasks_overdue": "gauge",
        "home_visits_scans_dropped_total": "counter",
        "home_visits_watch_seconds_ago": "gauge",
    }


def test_what_has_not_happened_yet_is_0_and_not_missing(stranger: Client, scrape: Scrape) -> None:
    said = stranger.get("/metrics").text
    assert scrape() == {}
    for sample in (
        'home_visits_messages_waiting{channel="text",kind="booked",status="held"} 0.0',
        'home_visits_oldest_due_seconds{channel="call",kind="moved"} 0.0',
        'home_visits_message_outcomes_total{channel="text",kind="delayed",outcome="expired"} 0.0',
        'home_visits_message_parts_total{kind="cancelled"} 0.0',
        'home_visits_sending_lateness_seconds_bucket{channel="text",kind="booked",le="+Inf"} 0.0',
        'home_visits_sender_paused{by="account",channel="text"} 0.0',
        'home_visits_contact_tasks_open{reason="text_expired"} 0.0',
        'home_visits_contact_tasks_overdue{reason="no_receipt"} 0.0',
    ):
        assert sample in said.splitlines(), sample


def test_the_queue_is_counted_by_channel_kind_and_status(scrape: Scrape, stopped_clock: StoppedClock) -> None:
    first, second = book(), book()
    move(first, THURSDAY)
    book(factories.resident(phone="+442088635611"))
    with transaction() as session:
        claimed = {"status": MessageStatus.CLAIMED, "claimed_at": MONDAY}
        session.execute(update(Message).where(Message.id == second).values(claimed))
    stopped_clock.advance(45)
    assert scrape() == {
        "messages_waiting{channel=text,kind=booked,status=claimed}": 1,
        "messages_waiting{channel=call,kind=booked,status=held}": 1,
        "messages_waiting{channel=text,kind=moved,status=held}": 1,
        "oldest_due_seconds{channel=text,kind=booked}": 45,
        "oldest_due_seconds{channel=call,kind=booked}": 45,
    }


def test_what_is_not_due_is_not_late(scrape: Scrape, stopped_clock: StoppedClock) -> None:
    stopped_clock.set(MONDAY.replace(hour=23))
    book()
    stopped_clock.advance(8 * 3600)
    assert scrape() == {"messages_waiting{channel=text,kind=booked,status=held}": 1}
    stopped_clock.advance(3601)
    assert scrape()["oldest_due_seconds{channel=text,kind=booked}"] == 1


def test_a_message_the_carrier_sent_back_is_late_since_its_next_try(
    scrape: Scrape, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    book()
    carrier.fail(Fault(status=429, retry_after="30"))
    dispatch(sender)
    stopped_clock.advance(29)
    assert "oldest_due_seconds{channel=text,kind=booked}" not in scrape()
    stopped_clock.advance(8)
    assert scrape()["oldest_due_seconds{channel=text,kind=booked}"] == 7


def test_an_unclear_message_is_late_since_it_was_claimed(
    scrape: Scrape, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    book()
    stopped_clock.advance(3)
    carrier.fail(Fault(status=500))
    dispatch(sender)
    stopped_clock.advance(30)
    found = scrape()
    assert found["messages_waiting{channel=text,kind=booked,status=unknown}"] == 1
    assert found["oldest_due_seconds{channel=text,kind=booked}"] == 30


def test_outcomes_and_parts_are_counted_by_kind(scrape: Scrape, carrier: Carrier, sender: TwilioSender) -> None:
    for _ in range(3):
        book()
    carrier.fail(None, None, Fault(status=400, code=30007))
    dispatch(sender)
    for text_sent, word in zip(carrier.handsets, ("delivered", "undelivered"), strict=True):
        receive(_message_of(text_sent.form), word, sid=text_sent.sid)
    found = scrape()
    outcomes = {name: value for name, value in found.items() if name.startswith("message_outcomes_total")}
    of = "message_outcomes_total{channel=text,kind=booked,outcome="
    assert outcomes == {
        f"{of}accepted}}": 2,
        f"{of}delivered}}": 1,
        f"{of}undelivered}}": 1,
        f"{of}refused}}": 1,
    }
    assert found["message_parts_total{kind=booked}"] == 2


def _message_of(form: dict[str, str]) -> UUID:
    return UUID(form["StatusCallback"].rpartition("message=")[2])


def test_how_late_messages_went_is_a_histogram(
    scrape: Scrape, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    for late_s in (1, 1.5, 30, 400):
        book()
        stopped_clock.advance(late_s)
        dispatch(sender)
    found = scrape()
    of = "sending_lateness_seconds_bucket{channel=text,kind=booked,le="
    buckets = {name.removeprefix(of)[:-1]: value for name, value in found.items() if name.startswith(of)}
    assert buckets == {"1.0": 1, "5.0": 2, "10.0": 2, "30.0": 3, "60.0": 3, "300.0": 3, "+Inf": 4}
    assert found["sending_lateness_seconds_count{channel=text,kind=booked}"] == 4
    assert found["sending_lateness_seconds_sum{channel=text,kind=booked}"] == 432.5


def test_a_paused_sender_shows_by_whom(scrape: Scrape, stopped_clock: StoppedClock) -> None:
    soon = MONDAY + timedelta(seconds=60)
    with transaction() as session:
        lock_state(session, Channel.TEXT).pause(PausedBy.ACCOUNT, "20003", MONDAY, resume_at=soon)
        lock_state(session, Channel.CALL).pause(PausedBy.BUSY, "busy", MONDAY, resume_at=soon)
        lock_state(session, Channel.EMAIL).pause(PausedBy.OPERATOR, "Moved", MONDAY)
    refused, operator = "sender_paused{by=account,channel=text}", "sender_paused{by=operator,channel=email}"
    assert scrape() == {refused: 1, "sender_paused{by=busy,channel=call}": 1, operator: 1}
    # A carrier that refused us is in trouble until it has taken something; one that was busy no longer is.
    stopped_clock.advance(60)
    assert scrape() == {refused: 1, operator: 1}


def test_contact_tasks_are_counted_until_somebody_has_rung(scrape: Scrape, stopped_clock: StoppedClock) -> None:
    resident = factories.resident()
    with transaction() as session:
        for minutes, status in ((-1, "open"), (0, "open"), (10, "open"), (-60, "done")):
            session.add(
                ContactTask(
                    id=uuid4(),
                    resident_id=resident.id,
                    reason=ContactReason.NO_RECEIPT,
                    detail="moved",
                    due_at=MONDAY + timedelta(minutes=minutes),
                    status=ContactTaskStatus(status),
                    created_at=MONDAY,
                )
            )
    assert scrape() == {
        "contact_tasks_open{reason=no_receipt}": 3,
        "contact_tasks_overdue{reason=no_receipt}": 1,
    }


def test_every_outcome_that_is_counted_is_served(
    scrape: Scrape, carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock
) -> None:
    refused, stopped = Fault(status=400, code=30007), Fault(status=400, code=21610)
    # The last asks the sender to wait: nothing would go after it.
    for number, fault in enumerate((None, None, None, refused, stopped, Fault(status=500), Fault(status=429))):
        book(factories.resident(phone=f"+44770090020{number}"))
        carrier.fail(fault)
        dispatch(sender)
    for text_sent, word in zip(carrier.handsets, ("delivered", "undelivered", "failed"), strict=True):
        receive(_message_of(text_sent.form), word, sid=text_sent.sid)
    stopped_clock.set(WEDNESDAY)
    dispatch(sender)
    with reading() as session:
        counted = {count.word: count for count in totals(session, ["outcomes"])}
    assert set(counted) == set(OUTCOMES)
    served = [name for name in scrape() if name.startswith("message_outcomes_total")]
    assert len(served) == len(OUTCOMES)


PLANNED = re.compile(r"\b(messages|tallies|contact_tasks)\b")


def test_every_look_is_by_an_index(stranger: Client) -> None:
    """PostgreSQL reads tables as small as a test's from end to end: told not to, it has to find an index."""
    looks: list[tuple[str, Any]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if PLANNED.search(statement):
            looks.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        assert stranger.get("/metrics").status_code == 200
        assert stranger.get("/readyz").status_code == 200
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert len(looks) == 5
    with engine().connect() as connection:
        postgresql = connection.dialect.name == "postgresql"
        if postgresql:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in looks:
            explain = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
            plan = [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]
            assert not [step for step in plan if re.match(r"\s*(->\s+)?(Seq Scan|SCAN )", step)], (
                statement,
                plan,
            )


def test_every_metric_is_in_the_documentation(stranger: Client) -> None:
    families = re.findall(r"^# TYPE (\S+)", stranger.get("/metrics").text, re.MULTILINE)
    written = (ROOT / "docs" / "production.md").read_text()
    assert [name for name in families if f"`{name}" not in written] == []
    assert [outcome for outcome in OUTCOMES if f"`{outcome}`" not in written] == []
