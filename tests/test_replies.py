"""What residents write to us: heeded, held for a person, answered in TwiML; and nobody else is believed."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from models.database import engine, reading, transaction
from models.message import Message, MessageStatus
from models.number import Number
from models.reply import Reply, ReplyKind
from models.resident import Resident
from models.visit_rows import find_locked
from notifications.replies import classify
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.sending import receive, status
from tests.steps import book, delay, move, path, problem, see

MOBILE = "+447700900123"
INBOUND = "/callbacks/twilio/inbound"
BASE, TOKEN = "http://127.0.0.1:8000", "test-token"


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "Stop",
        "stop.",
        " Stop! ",
        "STOP STOP",
        "STOPALL",
        "Stop all",
        "Please stop",
        "stop please",
        "Stop texting me please",
        "STOP SENDING ME TEXTS",
        "No more texts, thanks",
        "Don’t text me",
        "dont text me",
        "Unsubscribe",
        "END",
        "Quit",
        "CANCEL",
        "“Stop”",
        "\uff33\uff34\uff2f\uff30",
    ],
)
def test_stop_is_heard_in_the_forms_people_type(text: str) -> None:
    assert classify(text) is ReplyKind.STOP


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("START", ReplyKind.START),
        ("unstop", ReplyKind.START),
        ("Start again please", ReplyKind.START),
        ("YES", ReplyKind.YES),
        ("Yes please", ReplyKind.YES),
        ("yes, thank you!", ReplyKind.YES),
        ("y", ReplyKind.YES),
        ("OK", ReplyKind.YES),
        ("Okay thanks", ReplyKind.YES),
        ("That's fine", ReplyKind.YES),
        ("\U0001f44d", ReplyKind.YES),
        ("\U0001f44d\U0001f3fe", ReplyKind.YES),
        ("CHANGE", ReplyKind.CHANGE),
        ("change please", ReplyKind.CHANGE),
        ("Change time", ReplyKind.CHANGE),
        ("help", ReplyKind.HELP),
        ("", ReplyKind.WORDS),
        ("?", ReplyKind.WORDS),
        ("Can you stop by at ten?", ReplyKind.WORDS),
        ("Please don't stop coming", ReplyKind.WORDS),
        ("The bus stop is shut", ReplyKind.WORDS),
        ("Yes but not before ten", ReplyKind.WORDS),
        ("yes no", ReplyKind.WORDS),
        ("\U0001f44e", ReplyKind.WORDS),
        ("I start work at nine", ReplyKind.WORDS),
        ("Change it to Friday 3pm", ReplyKind.WORDS),
        ("cancel my visit", ReplyKind.WORDS),
        ("હા", ReplyKind.WORDS),
    ],
)
def test_a_word_that_is_the_whole_text_is_heeded_and_the_rest_is_read_by_a_person(
    text: str, kind: ReplyKind
) -> None:
    assert classify(text) is kind


@pytest.fixture
def write(app: Flask) -> Callable[..., Any]:
    """Send a text as the carrier passes it on; the answer's text, None for silence."""

    def post(body: str, *, sender: str = MOBILE, sid: str | None = None, **more: str) -> str | None:
        form = {
            "MessageSid": sid or f"SM{uuid4().hex}",
            "From": sender,
            "To": "+447700900999",
            "Body": body,
        } | more
        signature = RequestValidator(TOKEN).compute_signature(BASE + INBOUND, MultiDict(form))
        answer = app.test_client().post(INBOUND, data=form, headers={"X-Twilio-Signature": signature})
        assert (answer.status_code, answer.content_type) == (200, "application/xml"), answer.data
        said = ElementTree.fromstring(answer.data).findall("Message")
        return said[0].text if said else None

    return post


@pytest.fixture
def visit(scheduler: Client, officer: Any, resident: Resident, stopped_clock: StoppedClock) -> Any:
    """A visit whose booking text the carrier took a minute ago."""
    booked = book(scheduler, resident, officer, stopped_clock.now + timedelta(days=3, hours=1))
    arrived(booked, stopped_clock.now)
    stopped_clock.advance(60)
    return booked


def arrived(visit: Any, at: datetime) -> None:
    """The carrier has taken all of a visit's texts."""
    with transaction() as session:
        session.execute(
            update(Message)
            .where(Message.visit_id == UUID(visit["id"]), Message.status == MessageStatus.HELD)
            .values(status=MessageStatus.ACCEPTED, accepted_at=at)
        )


def tasks(scheduler: Client) -> list[Any]:
    items: list[Any] = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    return items


def number(of: str = MOBILE) -> Number | None:
    with reading() as session:
        return session.get(Number, of)


def test_yes_confirms_the_visit_and_shows_that_the_text_arrived(
    scheduler: Client, visit: Any, write: Callable[..., Any]
) -> None:
    answer = write("Yes please")
    assert answer is not None and "Thu 26 Nov 10:00" in answer
    assert see(scheduler, visit)["confirmed_at"] == "2026-11-23T09:01:00Z"
    assert [event["kind"] for event in scheduler.get(path(visit, "history")).json["items"]] == [
        "booked",
        "confirmed",
    ]
    (message,) = scheduler.get(path(visit, "messages")).json["items"]
    assert message["status"] == "delivered"
    assert [(reply["kind"], reply["body"]) for reply in message["replies"]] == [("yes", "Yes please")]
    assert tasks(scheduler) == []


def test_yes_said_twice_changes_nothing_the_second_time(
    scheduler: Client, visit: Any, write: Callable[..., Any]
) -> None:
    write("YES", sid="SM1")
    version = see(scheduler, visit)["version"]
    assert write("YES", sid="SM1") == write("YES", sid="SM2")
    assert see(scheduler, visit)["version"] == version


def test_yes_to_a_late_text_is_not_answered_with_the_time_before(
    officer: Any,
    visit: Any,
    write: Callable[..., Any],
    sign_in: Callable[..., Client],
    stopped_clock: StoppedClock,
) -> None:
    stopped_clock.set(datetime.fromisoformat(visit["starts_at"]))
    assert delay(sign_in("officer", officer), visit, stopped_clock.now + timedelta(minutes=32)).json["told"]
    arrived(visit, stopped_clock.now)
    stopped_clock.advance(60)
    answer = write("Ok thanks")
    assert answer is not None and "about 10:35" in answer and "10:00" not in answer
    assert see(sign_in("scheduler"), visit)["confirmed_at"] is not None


def test_a_move_takes_the_confirmation_back(
    scheduler: Client, visit: Any, write: Callable[..., Any], stopped_clock: StoppedClock
) -> None:
    write("YES")
    move(scheduler, visit, stopped_clock.now + timedelta(days=5))
    assert see(scheduler, visit)["confirmed_at"] is None


def test_yes_to_a_time_that_is_no_longer_the_visits_is_for_a_person(
    scheduler: Client, visit: Any, write: Callable[..., Any], stopped_clock: StoppedClock
) -> None:
    """The visit has been moved, and the text that says so has not gone yet."""
    move(scheduler, visit, stopped_clock.now + timedelta(days=5))
    answer = write("YES")
    assert answer is not None and "Somebody will read this" in answer
    assert see(scheduler, visit)["confirmed_at"] is None
    (task,) = tasks(scheduler)
    assert (task["reason"], task["words"], task["visit_id"]) == ("replied", "YES", visit["id"])


def test_yes_written_before_the_newest_text_arrived_answers_the_one_before(
    scheduler: Client, visit: Any, write: Callable[..., Any], stopped_clock: StoppedClock
) -> None:
    move(scheduler, visit, stopped_clock.now + timedelta(days=5))
    arrived(visit, stopped_clock.now)
    stopped_clock.advance(3)
    write("YES")
    assert see(scheduler, visit)["confirmed_at"] is None
    stopped_clock.advance(60)
    write("YES")
    assert see(scheduler, visit)["confirmed_at"] is not None


def test_a_reply_does_not_answer_a_text_that_the_carrier_could_not_deliver(
    scheduler: Client, visit: Any, write: Callable[..., Any], stopped_clock: StoppedClock
) -> None:
    """The phone was off when the move was told, and on again when they answered what they had read before."""
    moved = UUID(move(scheduler, visit, stopped_clock.now + timedelta(days=5)).json["message_id"])
    arrived(visit, stopped_clock.now)
    receive(moved, "undelivered", error_code="30003")
    stopped_clock.advance(60)
    write("YES")
    assert see(scheduler, visit)["confirmed_at"] is None
    assert status(moved) is MessageStatus.UNDELIVERED
    (task,) = tasks(scheduler)
    assert (task["reason"], task["words"]) == ("replied", "YES")


@pytest.mark.parametrize("words", ["CHANGE", "I am at the doctor's then. Could you come at three?", "હા"])
def test_change_and_free_words_open_a_task_that_holds_them(
    scheduler: Client, visit: Any, write: Callable[..., Any], words: str
) -> None:
    answer = write(words)
    assert answer is not None and "Somebody will read this and call you" in answer
    (task,) = tasks(scheduler)
    assert (task["words"], task["visit_id"], task["resident"]["phone"]) == (words, visit["id"], MOBILE)
    assert task["due_at"] == "2026-11-23T09:31:00Z"
    assert "Thursday 26 November at 10 am" in task["script"]


def test_more_words_join_the_same_task(scheduler: Client, visit: Any, write: Callable[..., Any]) -> None:
    write("I am out then.")
    write("After two is good.")
    (task,) = tasks(scheduler)
    assert task["words"] == "I am out then.\nAfter two is good."


def test_the_carrier_delivering_a_text_twice_makes_one_task(
    scheduler: Client, visit: Any, write: Callable[..., Any]
) -> None:
    assert write("I am out then.", sid="SM1") == write("I am out then.", sid="SM1")
    (task,) = tasks(scheduler)
    assert task["words"] == "I am out then."


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_carrier_delivering_a_text_twice_at_once_is_answered_twice_alike(
    scheduler: Client, visit: Any, write: Callable[..., Any]
) -> None:
    """Neither has seen the other's row when it looks: SQLite has one writer at a time."""
    with ThreadPoolExecutor(2) as pool:
        with transaction() as session:
            find_locked(session, UUID(visit["id"]))
            both = [pool.submit(write, "I am out then.", sid="SM1") for _ in range(2)]
            until = time.monotonic() + 20
            while waiting() < 2:
                assert time.monotonic() < until, "they do not wait"
                time.sleep(0.01)
        first, second = (each.result(20) for each in both)
    assert first == second and first is not None
    (task,) = tasks(scheduler)
    assert task["words"] == "I am out then."


def waiting() -> int:
    """How many transactions wait for another."""
    with engine().connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) or 0


def test_stop_is_heeded_in_silence_and_start_restores(
    scheduler: Client, visit: Any, write: Callable[..., Any]
) -> None:
    assert write("stop") is None
    kept = number()
    assert kept is not None and kept.stopped_at is not None
    assert tasks(scheduler) == []
    answer = write("START")
    assert answer is not None and "text you again" in answer
    kept = number()
    assert kept is not None and kept.stopped_at is None


@pytest.mark.parametrize(("did", "kind"), [("STOP", "stop"), ("START", "start"), ("HELP", "help")])
def test_what_the_carrier_has_answered_itself_we_do_not_answer_again(
    visit: Any, write: Callable[..., Any], did: str, kind: str
) -> None:
    assert write("arrêt", OptOutType=did) is None
    with reading() as session:
        assert session.scalars(select(Reply)).one().kind == kind


def test_cancel_stops_the_texts_and_a_person_asks_what_was_meant(
    scheduler: Client, visit: Any, write: Callable[..., Any]
) -> None:
    assert write("Cancel") is None
    kept = number()
    assert kept is not None and kept.stopped_at is not None
    assert [task["words"] for task in tasks(scheduler)] == ["Cancel"]
    assert see(scheduler, visit)["status"] == "booked"


def test_a_number_we_do_not_know_learns_nothing(scheduler: Client, visit: Any, write: Callable[..., Any]) -> None:
    answer = write("Who is coming?", sender="+447700900777")
    assert answer is not None and "do not know this number" in answer and "Nov" not in answer
    assert tasks(scheduler) == []


def test_a_resident_with_no_visit_to_come_is_rung_all_the_same(
    scheduler: Client, resident: Resident, write: Callable[..., Any]
) -> None:
    write("When are you coming?")
    (task,) = tasks(scheduler)
    assert (task["visit_id"], task["resident_id"], task["script"]) == (None, str(resident.id), None)


def test_two_people_with_one_number_are_told_apart_by_the_text_they_answer(
    scheduler: Client, officer: Any, visit: Any, write: Callable[..., Any], stopped_clock: StoppedClock
) -> None:
    other = factories.resident(name="Grace Hopper")
    second = book(scheduler, other, officer, stopped_clock.now + timedelta(days=4, hours=1))
    stopped_clock.advance(1)
    arrived(second, stopped_clock.now)
    stopped_clock.advance(60)
    write("YES")
    assert see(scheduler, second)["confirmed_at"] and not see(scheduler, visit)["confirmed_at"]


def test_a_reply_from_a_marked_number_shows_that_it_works(visit: Any, write: Callable[..., Any]) -> None:
    with transaction() as session:
        session.add(Number(number=MOBILE, unusable_at=visit and datetime.fromisoformat(visit["starts_at"])))
    write("Hello?")
    kept = number()
    assert kept is not None and kept.unusable_at is None


def test_words_in_every_shape_are_taken(scheduler: Client, visit: Any, write: Callable[..., Any]) -> None:
    for words in ("x" * 5000, "\0", "<Response/>", "‮evil", "=1+1", "😀" * 1000, "' OR 1=1 --"):
        assert write(words) is not None
    (task,) = tasks(scheduler)
    assert len(task["words"]) <= 3300


def test_a_text_that_our_carrier_did_not_sign_is_refused(app: Flask, visit: Any) -> None:
    form = {"MessageSid": "SM1", "From": MOBILE, "Body": "STOP"}
    good = RequestValidator(TOKEN).compute_signature(BASE + INBOUND, MultiDict(form))
    for signature, sent in (("", form), ("AAAA", form), (good, form | {"From": "+447700900124"})):
        answer = app.test_client().post(INBOUND, data=sent, headers={"X-Twilio-Signature": signature})
        problem(answer, 403)
    assert number() is None


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageSid": "SM1"},
        {"MessageSid": "SM1", "From": "HARROW"},
        {"MessageSid": "SM1", "From": "+" + "4" * 16, "Body": "STOP"},
        {"From": MOBILE},
    ],
)
def test_a_form_that_is_no_text_is_told_so(app: Flask, form: dict[str, str]) -> None:
    signature = RequestValidator(TOKEN).compute_signature(BASE + INBOUND, MultiDict(form))
    answer = app.test_client().post(INBOUND, data=form, headers={"X-Twilio-Signature": signature})
    problem(answer, 422, "not-valid")


def test_a_scheduler_sees_which_numbers_are_not_texted_and_enters_one_anew(
    scheduler: Client, resident: Resident, write: Callable[..., Any], stopped_clock: StoppedClock
) -> None:
    address = f"/v1/residents/{resident.id}"
    assert scheduler.get(address).json["not_texted"] == []
    write("STOP")
    (stopped,) = scheduler.get(address).json["not_texted"]
    assert (stopped["number"], stopped["stopped_at"]) == (MOBILE, "2026-11-23T09:00:00Z")
    with transaction() as session:
        session.add(Number(number="+447700900456", unusable_at=stopped_clock.now, unusable_code="30005"))
    both = scheduler.patch(address, {"second_phone": "07700 900456"}).json
    assert [row["number"] for row in both["not_texted"]] == [MOBILE], "entered anew, it is tried again"
    again = scheduler.patch(address, {"phone": MOBILE}).json
    assert [row["number"] for row in again["not_texted"]] == [MOBILE], "only its owner takes a STOP back"
    assert scheduler.get("/v1/residents").json["items"][0]["not_texted"] == again["not_texted"]
