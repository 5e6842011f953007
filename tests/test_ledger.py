"""The promise ledger: when and how the resident was told of each change, and in which word that results."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from models.database import transaction
from models.message import Channel
from models.promise import settle
from notifications.dispatcher import Dispatcher
from notifications.receipts import record_receipt
from notifications.senders.console import ConsoleSender
from notifications.senders.outcomes import Accepted, Outgoing
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.sending import HARROW
from tests.steps import MONDAY_9, book, cancel, move, path

BASE, TOKEN = "http://127.0.0.1:8000", "test-token"
WEDNESDAY = MONDAY_9 + timedelta(days=2, hours=1)
THURSDAY = WEDNESDAY + timedelta(days=1)


class TakesOnly(ConsoleSender):
    """Accepts everything, and says no more of it."""

    name = "twilio"

    def send(self, message: Outgoing) -> Accepted:
        return Accepted(f"SM{message.message_id.hex}", "queued")

    def ask(self, carrier_id: str) -> Accepted:
        return Accepted(carrier_id, "sent")


def run(*channels: Channel) -> None:
    dispatcher = Dispatcher({channel: TakesOnly() for channel in channels or (Channel.TEXT,)}, HARROW)
    dispatcher.send_due()
    dispatcher.close()


@pytest.fixture
def call_back(app: Flask) -> Callable[..., Any]:
    """What the carrier sends us, signed."""

    def post(what: str, message_id: str, **form: str) -> Any:
        address = f"/callbacks/twilio/{what}?message={message_id}"
        signature = RequestValidator(TOKEN).compute_signature(BASE + address, MultiDict(form))
        return app.test_client().post(address, data=form, headers={"X-Twilio-Signature": signature})

    return post


def notices(scheduler: Client, visit: Any) -> list[Any]:
    items: list[Any] = scheduler.get(path(visit, "notices")).json["items"]
    return items


def moved(scheduler: Client, resident: Any, stopped_clock: StoppedClock) -> tuple[Any, str]:
    """A visit moved by a day; its booking text has gone, the text of the move is due."""
    visit = book(scheduler, resident, None, WEDNESDAY)
    run()
    message_id = move(scheduler, visit, THURSDAY, reason="Officer ill").json["message_id"]
    stopped_clock.advance(120)
    return visit, message_id


def test_a_change_is_pending_then_unconfirmed_then_met(
    scheduler: Client, resident: Any, stopped_clock: StoppedClock, call_back: Callable[..., Any]
) -> None:
    visit, message_id = moved(scheduler, resident, stopped_clock)
    (notice,) = notices(scheduler, visit)
    assert (notice["result"], notice["told_at"], notice["handed_over_at"]) == ("pending", None, None)
    run()
    (notice,) = notices(scheduler, visit)
    assert (notice["result"], notice["handed_over_at"]) == ("unconfirmed", "2026-11-23T09:02:00Z")
    stopped_clock.advance(5)
    sid = f"SM{message_id.replace('-', '')}"
    assert call_back("status", message_id, MessageSid=sid, MessageStatus="delivered").status_code == 204
    (notice,) = notices(scheduler, visit)
    assert (notice["result"], notice["told_by"], notice["told_at"]) == ("met", "text", "2026-11-23T09:02:05Z")
    assert (notice["change"], notice["reason"], notice["possible"]) == ("moved", "Officer ill", True)


def test_a_text_that_failed_was_handed_over_to_nobody(
    scheduler: Client,
    sign_in: Callable[..., Client],
    resident: Any,
    stopped_clock: StoppedClock,
    call_back: Callable[..., Any],
) -> None:
    visit, message_id = moved(scheduler, resident, stopped_clock)
    run()
    sid = f"SM{message_id.replace('-', '')}"
    call_back("status", message_id, MessageSid=sid, MessageStatus="undelivered", ErrorCode="30005")
    (notice,) = notices(scheduler, visit)
    assert (notice["result"], notice["handed_over_at"]) == ("pending", None)
    stopped_clock.set(THURSDAY)
    assert notices(sign_in("scheduler"), visit)[0]["result"] == "failed"


def test_an_answered_call_tells_and_so_does_a_key_pressed_in_it(
    scheduler: Client, stopped_clock: StoppedClock, call_back: Callable[..., Any]
) -> None:
    visit = book(scheduler, factories.resident(phone="+442088635611"), None, WEDNESDAY)
    run(*Channel)
    message_id = move(scheduler, visit, THURSDAY).json["message_id"]
    stopped_clock.advance(120)
    run(*Channel)
    answer = call_back("call", message_id, CallSid=f"CA{message_id.replace('-', '')}", Digits="1")
    assert (answer.status_code, answer.content_type) == (200, "application/xml")
    assert answer.get_data(as_text=True).count("It is now Thursday 26 November at 10 am") == 2
    (notice,) = notices(scheduler, visit)
    assert (notice["result"], notice["told_by"]) == ("met", "call")


def test_a_key_that_asks_for_nothing_ends_the_call(
    scheduler: Client, stopped_clock: StoppedClock, call_back: Callable[..., Any]
) -> None:
    visit = book(scheduler, factories.resident(phone="+442088635611"), None, WEDNESDAY)
    run(*Channel)
    (message,) = scheduler.get(path(visit, "messages")).json["items"]
    answer = call_back("call", message["id"], CallSid="CA1", Digits="5")
    assert "<Say" not in answer.get_data(as_text=True)
    assert call_back("call", visit["id"], CallSid="CA1", Digits="1").status_code == 422


def test_a_person_who_rang_tells_and_one_who_reached_nobody_does_not(
    scheduler: Client, stopped_clock: StoppedClock
) -> None:
    for status, result in (("done", "met"), ("not_reached", "pending")):
        person = factories.resident(contact_by="call")
        visit = book(scheduler, person, None, WEDNESDAY)
        assert move(scheduler, visit, THURSDAY).json["message_id"] is None
        for task in scheduler.get("/v1/contact-tasks?status=open").json["items"]:
            assert task["resident"]["name"] == person.name
            said = {"status": status, "note": "Spoke to her"}
            assert scheduler.patch(f"/v1/contact-tasks/{task['id']}", said).json["done_at"] is not None
        (notice,) = notices(scheduler, visit)
        assert (notice["result"], notice["told_by"]) == (result, "person" if status == "done" else None)


def test_a_task_tells_what_was_tried_and_what_could_be_said(
    scheduler: Client, resident: Any, stopped_clock: StoppedClock, call_back: Callable[..., Any]
) -> None:
    visit, message_id = moved(scheduler, resident, stopped_clock)
    run()
    sid = f"SM{message_id.replace('-', '')}"
    call_back("status", message_id, MessageSid=sid, MessageStatus="undelivered", ErrorCode="30005")
    run()
    (task,) = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    assert [(way["channel"], way["status"], way["error_code"]) for way in task["tried"]] == [
        ("text", "undelivered", "30005")
    ]
    assert task["script"] == (
        "Hello, I am calling from Harrow Council about our visit to your home. We have changed the time."
        " It was Wednesday 25 November at 10 am. It is now Thursday 26 November at 10 am. Does that suit you?"
    )
    assert scheduler.get(f"/v1/contact-tasks/{task['id']}").json == task
    move(scheduler, visit, THURSDAY + timedelta(hours=3))
    (task,) = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    assert "It is now Thursday 26 November at 1 pm" in task["script"], "as it is by now"


def test_the_changes_behind_a_figure_can_be_looked_at_page_by_page(
    scheduler: Client, resident: Any, stopped_clock: StoppedClock
) -> None:
    visits = [book(scheduler, resident, None, WEDNESDAY + timedelta(hours=hour)) for hour in range(4)]
    for visit in visits[:3]:
        stopped_clock.advance(1)
        move(scheduler, visit, THURSDAY)
    stopped_clock.advance(120)
    run()
    cancel(scheduler, visits[3])
    address = "/v1/reports/notice/changes?from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z"
    every = scheduler.get(address).json["items"]
    assert [each["visit_id"] for each in every] == [visit["id"] for visit in visits]
    assert [each["result"] for each in every] == ["unconfirmed"] * 3 + ["still_to_be_told"]
    report = scheduler.get("/v1/reports/notice?from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z").json
    assert report["groups"][0]["results"] == {"unconfirmed": 3}
    first = scheduler.get(address + "&result=unconfirmed&limit=2").json
    rest = scheduler.get(address + f"&result=unconfirmed&limit=2&cursor={first['next_cursor']}").json
    assert [each["visit_id"] for each in first["items"] + rest["items"]] == [visit["id"] for visit in visits[:3]]
    assert rest["next_cursor"] is None
    assert scheduler.get(address + "&result=late").status_code == 422


def test_what_a_person_told_is_what_the_resident_has_in_mind(
    scheduler: Client, stopped_clock: StoppedClock
) -> None:
    """Nobody waits on Wednesday any more, so a move of Thursday leaves until Thursday."""
    visit = book(scheduler, factories.resident(contact_by="call"), None, WEDNESDAY)
    move(scheduler, visit, THURSDAY)
    (task,) = [
        each for each in scheduler.get("/v1/contact-tasks?status=open").json["items"] if each["detail"] == "moved"
    ]
    scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": "done"})
    stopped_clock.advance(60)
    answer = move(scheduler, visit, THURSDAY + timedelta(days=1)).json
    assert answer["notice"]["reference_at"] == "2026-11-26T10:00:00Z"
    assert notices(scheduler, visit)[1]["told_starts_at"] == "2026-11-26T10:00:00Z"


def ring(scheduler: Client, reason: str) -> None:
    """A person rings whom they have to for this reason, and tells them."""
    tasks = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    (task,) = [each for each in tasks if each["reason"] == reason]
    scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": "done"})


def test_what_a_person_told_counts_after_texts_that_arrived_too(
    scheduler: Client, resident: Any, stopped_clock: StoppedClock
) -> None:
    """Booked by text, then moved by a call they asked for: back on Wednesday, they must hear so."""
    visit = book(scheduler, resident, None, WEDNESDAY)
    run()
    stopped_clock.advance(60)
    scheduler.patch(f"/v1/residents/{resident.id}", {"contact_by": "call"})
    move(scheduler, visit, THURSDAY)
    ring(scheduler, "prefers_call")
    stopped_clock.advance(60)
    move(scheduler, visit, WEDNESDAY)
    last = notices(scheduler, visit)[1]
    assert (last["told_starts_at"], last["due"]) == ("2026-11-26T10:00:00Z", True)


def test_who_rings_tells_the_time_as_it_is_by_then(
    scheduler: Client, resident: Any, stopped_clock: StoppedClock, call_back: Callable[..., Any]
) -> None:
    """The call was asked for when Thursday was the news, and made once it was Friday."""
    visit, message_id = moved(scheduler, resident, stopped_clock)
    run()
    sid = f"SM{message_id.replace('-', '')}"
    call_back("status", message_id, MessageSid=sid, MessageStatus="undelivered", ErrorCode="30005")
    run()
    friday = THURSDAY + timedelta(days=1)
    move(scheduler, visit, friday)
    stopped_clock.advance(60)
    ring(scheduler, "text_undelivered")
    stopped_clock.advance(60)
    move(scheduler, visit, THURSDAY)
    last = notices(scheduler, visit)[-1]
    assert (last["told_starts_at"], last["due"]) == ("2026-11-27T10:00:00Z", True)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "words",
    [
        ("sent", "delivered"),
        ("delivered", "sent", "delivered"),
        ("undelivered", "delivered"),
        ("failed", "sent", "delivered"),
        ("queued", "undelivered"),
    ],
)
def test_after_every_receipt_the_ledger_says_what_the_messages_say(
    scheduler: Client,
    resident: Any,
    stopped_clock: StoppedClock,
    call_back: Callable[..., Any],
    words: tuple[str, ...],
) -> None:
    visit, message_id = moved(scheduler, resident, stopped_clock)
    run()
    for word in words:
        stopped_clock.advance(60)
        assert call_back("status", message_id, MessageSid="SM" + "1" * 32, MessageStatus=word).status_code == 204
        assert call_back("status", message_id, **sid(message_id), MessageStatus=word).status_code == 204
        told = notices(scheduler, visit)
        with transaction() as session:
            settle(session, [UUID(visit["id"])])
        assert notices(scheduler, visit) == told


def sid(message_id: str) -> dict[str, str]:
    """The carrier's own id of a text that it took."""
    return {"MessageSid": f"SM{UUID(message_id).hex}"}


def test_what_two_receipts_at_once_say_is_both_kept(
    sign_in: Callable[..., Client], stopped_clock: StoppedClock, call_back: Callable[..., Any]
) -> None:
    """The carer's text fails while the resident's is delivered after all: SQLite has one writer at a time."""
    person = factories.resident(second_phone="+447700900456")
    visit, message_id = moved(sign_in("scheduler"), person, stopped_clock)
    run()
    stopped_clock.advance(15 * 60)
    run()
    scheduler = sign_in("scheduler")
    first, second = (
        each for each in scheduler.get(path(visit, "messages")).json["items"] if each["news_id"] == message_id
    )
    call_back("status", first["id"], MessageSid=sid_of(first), MessageStatus="undelivered", ErrorCode="30005")
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            receive = partial(record_receipt, session, sid=sid_of(first), error_code=None)
            receive(UUID(first["id"]), status="delivered", at=stopped_clock.now)
            form = {"MessageSid": sid_of(second), "MessageStatus": "undelivered", "ErrorCode": "30005"}
            failed = pool.submit(call_back, "status", second["id"], **form)
            wait([failed], timeout=1)
        assert failed.result(20).status_code == 204
    (notice,) = notices(scheduler, visit)
    assert (notice["told_by"], notice["result"]) == ("text", "met")


def sid_of(message: Any) -> str:
    """What the carrier calls a message."""
    return f"SM{message['id'].replace('-', '')}"
