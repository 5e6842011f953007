"""How did it go? One text in a month to those who may be asked; their words kept, and what was done told once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from xml.etree import ElementTree

import pytest
from sqlalchemy import select, update
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from models.database import reading, transaction
from models.dispute import Dispute
from models.feedback import Feedback, FeedbackAsked, published
from models.message import Message, MessageKind, MessageStatus
from models.number import Number, stop_texts
from models.resident import ContactBy, Resident
from models.visit import Visit, VisitStatus
from tests import factories
from tests.carrier import Fault
from tests.sending import dispatch, receive, tasks
from tests.steps import finish, problem
from tests.syncing import TEN, kept, minutes, phone, results, scheduler, visit
from tests.test_corrections import correct

__all__ = ["phone", "scheduler", "visit"]

MOBILE, ANOTHERS = "+447700900123", "+447700900777"
INBOUND = "/callbacks/twilio/inbound"
ENDED = TEN + minutes(30)
ASKED = ENDED + timedelta(hours=2)


@pytest.fixture
def environment(environment):
    return environment | {"FEEDBACK_AFTER_MINUTES": "120"}


@pytest.fixture
def done(phone, visit, stopped_clock):
    """The visit, made: it is half past ten."""
    stopped_clock.set(ENDED)
    assert finish(phone, visit, ENDED).status_code == 201
    return visit


@pytest.fixture
def asked(done, sender, stopped_clock):
    """The same, whose resident was asked a minute ago."""
    stopped_clock.set(ASKED)
    assert dispatch(sender) == 1
    stopped_clock.advance(60)
    return done


@pytest.fixture
def write(app):
    """Write a text; our answer, None for silence."""

    def post(body, sender=MOBILE, sid=None):
        form = {"MessageSid": sid or f"SM{uuid4().hex}", "From": sender, "To": "+447700900999", "Body": body}
        url = f"http://127.0.0.1:8000{INBOUND}"
        signed = RequestValidator("test-token").compute_signature(url, MultiDict(form))
        answer = app.test_client().post(INBOUND, data=form, headers={"X-Twilio-Signature": signed})
        assert answer.status_code == 200, answer.text
        said = ElementTree.fromstring(answer.data).findall("Message")
        return said[0].text if said else None

    return post


def questions(kind=MessageKind.FEEDBACK):
    with reading() as session:
        return session.scalars(select(Message).where(Message.kind == kind).order_by(Message.decided_at)).all()


def said():
    with reading() as session:
        return session.scalars(select(Feedback).order_by(Feedback.said_at)).all()


def change(table, *where, **values):
    with transaction() as session:
        session.execute(update(table).where(*where).values(**values))


def another_visit(officer, resident, starts_at, booked_at):
    return {"id": str(factories.visit(resident, officer, starts_at, at=booked_at).id)}


# Who is asked, and when


def test_two_hours_after_a_visit_its_resident_is_asked_in_one_text(done, sender, carrier, stopped_clock):
    (question,) = questions()
    assert (question.send_at, question.expires_at) == (ASKED, ASKED + timedelta(days=1))
    assert dispatch(sender) == 0
    stopped_clock.set(ASKED)
    assert dispatch(sender) == 1
    assert [received.body for received in carrier.handsets] == [
        "Harrow Council: how did our visit on Mon 23 Nov 10:00 go? Reply in your own words."
        f" STOP ends our texts. If you need us, please call 020 8863 5611. Ref {question.reference}"
    ]


@pytest.mark.parametrize(
    ("heard", "sent"),
    [
        (datetime(2026, 11, 23, 20, 59, tzinfo=UTC), "2026-11-23T20:59:00Z"),
        (datetime(2026, 11, 23, 21, 30, tzinfo=UTC), "2026-11-24T08:00:00Z"),
        (datetime(2026, 11, 24, 10, 29, tzinfo=UTC), "2026-11-24T10:29:00Z"),
        (datetime(2026, 11, 24, 10, 30, tzinfo=UTC), None),
    ],
)
def test_nobody_is_asked_at_night_or_a_day_late(phone, visit, stopped_clock, heard, sent):
    stopped_clock.set(heard)
    results(phone, heard, kept("outcome", visit, ENDED))
    assert [text.send_at.isoformat().replace("+00:00", "Z") for text in questions()] == ([sent] if sent else [])


def test_nobody_is_asked_where_nobody_was_seen(phone, visit, stopped_clock):
    stopped_clock.set(ENDED)
    assert finish(phone, visit, ENDED, outcome="no_access").status_code == 201
    assert questions() == []


def test_an_outcome_sent_again_asks_once(phone, visit, stopped_clock):
    stopped_clock.set(ENDED)
    sent = {"client_id": factories.client_id()}
    for _ in range(2):
        assert finish(phone, visit, ENDED, **sent).status_code == 201
    assert len(questions()) == 1


@pytest.mark.parametrize(
    "changes",
    [{"contact_by": ContactBy.CALL}, {"contact_by": ContactBy.EMAIL, "email": "a@b.uk"}, {"phone": None}],
)
def test_who_is_not_told_by_text_is_not_asked(phone, resident, visit, stopped_clock, changes):
    change(Resident, Resident.id == resident.id, **changes)
    stopped_clock.set(ENDED)
    assert finish(phone, visit, ENDED).status_code == 201
    assert questions() == tasks() == []


def test_who_said_stop_is_not_asked_neither_before_nor_meanwhile(
    phone, visit, done, sender, carrier, stopped_clock
):
    with transaction() as session:
        stop_texts(session, MOBILE, stopped_clock.now)
    stopped_clock.set(ASKED)
    dispatch(sender)
    assert carrier.handsets == [] and tasks() == [], "nobody rings to ask"
    (question,) = questions()
    assert question.status is MessageStatus.BLOCKED


def test_who_said_stop_before_is_not_asked_until_they_say_start(phone, officer, resident, visit, stopped_clock):
    with transaction() as session:
        stop_texts(session, MOBILE, stopped_clock.now)
    stopped_clock.set(ENDED)
    assert finish(phone, visit, ENDED).status_code == 201
    assert questions() == []
    change(Number, stopped_at=None)
    other = another_visit(officer, resident, ENDED + minutes(30), ENDED)
    assert finish(phone, other, ENDED).status_code == 201
    assert len(questions()) == 1


@pytest.mark.parametrize(("days", "asked"), [(0, 1), (30, 1), (31, 2)])
def test_a_resident_is_asked_once_in_a_month(phone, officer, resident, done, stopped_clock, days, asked):
    other = another_visit(officer, resident, ENDED + timedelta(days=days, minutes=30), ENDED)
    stopped_clock.set(ENDED + timedelta(days=days))
    assert finish(phone, other, stopped_clock.now).status_code == 201
    assert len(questions()) == asked


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_visits_that_end_at_the_same_moment_one_asks(sign_in, resident, stopped_clock):
    officers = [factories.officer() for _ in range(4)]
    visits = [{"id": str(factories.visit(resident, each, TEN).id)} for each in officers]
    stopped_clock.set(ENDED)
    phones = [sign_in("officer", each) for each in officers]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: finish(*each, ENDED).status_code, zip(phones, visits, strict=True)))
    assert answers == [201] * 4
    assert len(questions()) == 1


def let_down(visit, resident, at, status):
    with transaction() as session:
        if status == "missed":
            session.get_one(Visit, UUID(visit["id"])).status = VisitStatus.MISSED
            return
        row = {"id": uuid4(), "visit_id": UUID(visit["id"]), "resident_id": resident.id, "said_by": "page"}
        session.add(Dispute(**row, said_at=at, ring_by=at, status=status))


@pytest.mark.parametrize(
    ("status", "days", "asked"),
    [
        ("missed", 1, 0),
        ("missed", 40, 1),
        ("open", 1, 0),
        ("open", 40, 0),
        ("upheld", 1, 0),
        ("upheld", 40, 1),
        ("not_upheld", 1, 1),
    ],
)
def test_whom_we_let_down_is_not_asked(phone, officer, resident, visit, stopped_clock, status, days, asked):
    then = ENDED - timedelta(days=days)
    let_down(another_visit(officer, resident, then, then - timedelta(days=1)), resident, then, status)
    stopped_clock.set(ENDED)
    assert finish(phone, visit, ENDED).status_code == 201
    assert len(questions()) == asked


def test_a_question_that_does_not_arrive_or_comes_too_late_is_let_be(done, sender, carrier, stopped_clock):
    stopped_clock.set(ASKED)
    dispatch(sender)
    (question,) = questions()
    receive(question.id, "undelivered", sid=question.carrier_id, error_code="30003")
    stopped_clock.advance(600)
    dispatch(sender)
    assert len(carrier.handsets) == 1 and tasks() == []


def test_one_that_could_not_go_for_a_day_is_not_sent_and_nobody_rings(done, sender, carrier, stopped_clock):
    stopped_clock.set(ASKED + timedelta(days=1))
    dispatch(sender)
    assert [question.status for question in questions()] == ["expired"]
    assert carrier.handsets == tasks() == []


@pytest.mark.parametrize(
    ("outcome", "status", "later"), [("no_access", "superseded", "superseded"), (None, "held", "accepted")]
)
def test_one_that_did_not_go_at_once_is_not_sent_of_a_visit_that_was_not_made(
    scheduler, done, sender, carrier, stopped_clock, outcome, status, later
):
    """A dispatcher had it when the outcome was corrected, and the carrier was busy."""

    def corrected_meanwhile(*_):
        if outcome:
            assert correct(scheduler, done, outcome=outcome).status_code == 201
        carrier.plan = None
        return Fault(status=429, retry_after="60")

    stopped_clock.set(ASKED)
    carrier.plan = corrected_meanwhile
    dispatch(sender)
    assert [question.status for question in questions()] == [status]
    stopped_clock.advance(61)
    # Of the other, that nobody opened.
    assert dispatch(sender) == 1
    assert [question.status for question in questions()] == [later]


# What they say


@pytest.mark.parametrize(
    "words", ["He was kind and quick", "fine", "\U0001f44d", "You came late!", "I was in", "<b>"]
)
def test_what_they_reply_is_kept_with_the_visit_and_read_by_people(scheduler, asked, write, words):
    assert write(words) == (
        "Harrow Council: thank you. A person reads what you tell us. If you need us, please call 020 7946 0123."
    )
    (listed,) = scheduler.get("/v1/feedback").json["items"]
    assert (listed["visit_id"], listed["words"], listed["done"]) == (asked["id"], words, None)
    assert tasks() == []


def test_further_words_join_the_first_and_one_that_comes_twice_counts_once(asked, write):
    write("Kind", sid="SM1")
    write("Kind", sid="SM1")
    write("But late")
    assert [each.words for each in said()] == ["Kind\nBut late"]


def test_a_flood_of_words_is_no_longer_than_a_text_may_be(asked, write):
    for number in range(5):
        assert write(f"{number}" + "x" * 1599) is not None
    (only,) = said()
    assert len(only.words) == 1600 and only.words.startswith("0x")


@pytest.mark.parametrize(("body", "tasks_open"), [("STOP", 0), ("HELP", 0), ("START", 0), ("CHANGE", 1), (" ", 1)])
def test_what_asks_for_something_is_heeded_and_is_no_feedback(asked, write, body, tasks_open):
    write(body)
    assert said() == []
    assert len(tasks()) == tasks_open


def test_a_text_from_another_number_is_nobodys_feedback(asked, write):
    assert "do not know this number" in write("Lovely", sender=ANOTHERS)
    factories.resident(phone=ANOTHERS, name="Grace Hopper")
    assert "read this and call you" in write("Lovely", sender=ANOTHERS)
    assert said() == []


def test_after_a_week_it_is_for_a_person_to_read(asked, write, stopped_clock):
    stopped_clock.set(ASKED + timedelta(days=7, seconds=1))
    assert "read this and call you" in write("It was fine in the end, I think")
    assert said() == []


def test_after_a_text_about_a_coming_visit_words_are_about_that(
    scheduler, officer, resident, asked, write, stopped_clock
):
    body = factories.booking(resident, officer, TEN + timedelta(days=9))
    assert scheduler.post("/v1/visits", body).status_code == 201
    change(Message, Message.kind == MessageKind.BOOKED, status="accepted", accepted_at=stopped_clock.now)
    stopped_clock.advance(60)
    assert "read this and call you" in write("Could she come at two?")
    assert said() == []


# You said, we did


@pytest.fixture
def feedback(asked, write):
    """What its resident said."""
    write("The officer had no shoe covers")
    return said()[0]


def answer(client, feedback, done="All our officers carry shoe covers now."):
    return client.post(f"/v1/feedback/{feedback.id}/answer", {"done": done})


def test_the_resident_is_told_once_what_was_done(scheduler, feedback, sender, carrier):
    made = answer(scheduler, feedback)
    assert (made.status_code, made.json["done"]) == (201, "All our officers carry shoe covers now.")
    assert dispatch(sender) == 1
    (told,) = questions(MessageKind.WE_DID)
    assert (str(told.id), told.id) == (made.json["message_id"], told.news_id)
    assert carrier.handsets[-1].body == (
        "Harrow Council: thank you for what you said about our visit on Mon 23 Nov 10:00. All our officers carry"
        f" shoe covers now. Questions? Please call 020 8863 5611. Ref {told.reference}"
    )
    problem(answer(scheduler, feedback, "And more"), 409, "already-taken")
    assert len(questions(MessageKind.WE_DID)) == 1


def test_at_night_they_are_left_to_sleep(scheduler, feedback, stopped_clock):
    stopped_clock.set(datetime(2026, 11, 24, 22, tzinfo=UTC))
    assert answer(scheduler, feedback).status_code == 201
    assert questions(MessageKind.WE_DID)[0].send_at == datetime(2026, 11, 25, 8, tzinfo=UTC)


def test_who_said_stop_is_not_told_and_it_is_answered_all_the_same(scheduler, feedback, write):
    write("STOP")
    made = answer(scheduler, feedback)
    assert (made.status_code, made.json["message_id"]) == (201, None)
    assert questions(MessageKind.WE_DID) == tasks() == []


def test_words_after_the_answer_are_for_a_person_to_read(scheduler, feedback, write):
    answer(scheduler, feedback)
    assert "read this and call you" in write("And he smoked")
    assert [each.words for each in said()] == ["The officer had no shoe covers"]
    assert [task.words for task in tasks()] == ["And he smoked"]


@pytest.mark.parametrize("words", ["", "x" * 161, "a\0b", "ŵ" * 160])
def test_an_answer_fits_into_a_text(scheduler, feedback, words):
    problem(answer(scheduler, feedback, words), 422, "not-valid")
    assert said()[0].done_at is None and questions(MessageKind.WE_DID) == []


def test_an_answer_is_words_whatever_is_in_it(scheduler, feedback, sender, carrier):
    answer(scheduler, feedback, "{phone} {council.links} %s <b>")
    dispatch(sender)
    assert "{phone} {council.links} %s <b>" in carrier.handsets[-1].body


def test_they_are_listed_by_whether_they_were_answered_page_by_page(sign_in, scheduler, feedback, stopped_clock):
    other = factories.officer()
    for number in range(2):
        each = factories.visit(factories.resident(), other, TEN + minutes(40 * number + 600))
        with transaction() as session:
            row = {"visit_id": each.id, "resident_id": each.resident_id, "said_at": stopped_clock.advance(60)}
            session.add(Feedback(id=uuid4(), words=str(number), **row))
    answer(scheduler, feedback)
    first = scheduler.get("/v1/feedback?limit=2").json
    rest = scheduler.get(f"/v1/feedback?limit=2&cursor={first['next_cursor']}").json
    assert [each["words"] for page in (first, rest) for each in page["items"]] == [feedback.words, "0", "1"]
    for answered, words in (("true", [feedback.words]), ("false", ["0", "1"])):
        listed = sign_in("admin").get(f"/v1/feedback?answered={answered}").json["items"]
        assert [each["words"] for each in listed] == words
    assert scheduler.get(f"/v1/feedback/{feedback.id}").json["words"] == feedback.words
    problem(sign_in("officer", other).get("/v1/feedback"), 403)


def test_the_public_may_read_only_what_a_person_wrote_for_it(scheduler, feedback):
    def shown():
        with reading() as session:
            return [(each.you_said, each.we_did) for each in published(session, 10)]

    address = f"/v1/feedback/{feedback.id}/publication"
    assert shown() == []
    words = {"you_said": "Officers should cover their shoes.", "we_did": "They all do now."}
    assert scheduler.put(address, words).status_code == 200
    assert shown() == [tuple(words.values())]
    assert scheduler.put(address, words | {"we_did": "They do."}).json["we_did"] == "They do."
    assert scheduler.delete(address).status_code == 204
    assert shown() == []
    problem(scheduler.put(address, {"you_said": "Only half"}), 422, "not-valid")


# Forgotten in time


def test_words_go_after_a_year_and_what_is_published_stays(app, scheduler, feedback, sender, stopped_clock):
    words = {"you_said": "Officers should cover their shoes.", "we_did": "They all do now."}
    scheduler.put(f"/v1/feedback/{feedback.id}/publication", words)
    answer(scheduler, feedback)
    dispatch(sender)
    stopped_clock.set(TEN + timedelta(days=400))
    app.test_cli_runner().invoke(args=["purge"])
    (left,) = said()
    assert (left.words, left.you_said) == (None, words["you_said"])
    with reading() as session:
        assert session.scalars(select(FeedbackAsked)).all() == []
        assert {message.said for message in session.scalars(select(Message))} == {None}


def test_nobody_is_asked_unless_the_council_wants_it(phone, visit, app, stopped_clock, monkeypatch):
    monkeypatch.setitem(app.config, "SETTINGS", app.config["SETTINGS"].__class__.from_environment({}))
    stopped_clock.set(ENDED)
    assert finish(phone, visit, ENDED).status_code == 201
    assert questions() == []
