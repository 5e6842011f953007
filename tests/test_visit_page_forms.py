"""What residents tell us on their visit's page: each form does its one thing, once, and only in its time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import reading, transaction
from models.visit import Visit
from models.visit_answer import VisitAnswer
from models.visit_event import VisitEvent
from tests import factories
from tests.steps import WEDNESDAY_10, move

FORMS = ("confirm", "change", "needs", "feedback", "i-was-in")


@pytest.fixture
def visit(resident, officer):
    return factories.visit(resident, officer, WEDNESDAY_10)


@pytest.fixture
def address(app, visit):
    return "/v/" + app.extensions["visit_links"].code(visit.reference)


@pytest.fixture
def send(app, address):
    """Send a form; the answer."""
    return lambda what, **fields: app.test_client().post(f"{address}/{what}", data=fields)


@pytest.fixture
def over(visit):
    """The visit, over."""
    change(visit, status="completed", finished_at=WEDNESDAY_10)
    return visit


def change(visit, **values):
    with transaction() as session:
        row = session.get(Visit, visit.id)
        for name, value in values.items():
            setattr(row, name, value)


def of(table, visit):
    with reading() as session:
        return session.scalars(select(table).where(table.visit_id == visit.id)).all()


def now(visit):
    with reading() as session:
        return session.get_one(Visit, visit.id)


def start(visit):
    return {"starts_at": visit.starts_at.isoformat()}


def heading(answer):
    return answer.text.split("<h1>")[1].split("</h1>")[0]


# Confirm


def test_yes_confirms_the_time_as_a_text_does_and_twice_is_once(app, send, visit, address):
    for _ in range(2):
        answer = send("confirm", **start(visit))
        assert (answer.status_code, heading(answer)) == (200, "Thank you")
        assert f'href="{address}"' in answer.text
    assert now(visit).confirmed_at is not None
    assert now(visit).version == 2
    assert [each.kind for each in of(VisitEvent, visit)].count("confirmed") == 1
    assert "You told us that this time is good" in app.test_client().get(address).text


def test_the_form_on_the_page_sends_the_time_that_the_page_shows(app, visit, address):
    assert f'name="starts_at" value="{visit.starts_at.isoformat()}"' in app.test_client().get(address).text


def test_a_yes_to_a_time_that_has_changed_since_is_no_yes_to_the_new_one(scheduler, send, visit):
    assert move(scheduler, {"id": visit.id}, WEDNESDAY_10 + timedelta(hours=3)).status_code == 201
    answer = send("confirm", **start(visit))
    assert (answer.status_code, heading(answer)) == (409, "The time has changed")
    assert send("confirm").status_code == 409
    assert now(visit).confirmed_at is None


# Another time, or none


@pytest.mark.parametrize("wish", ["change", "cancel"])
def test_another_time_or_none_asks_a_person_to_ring_and_the_visit_stays(scheduler, send, visit, wish):
    for _ in range(2):
        answer = send("change", wish=wish, words="After three,\r\nplease")
        assert (answer.status_code, heading(answer)) == (200, "We will ring you")
    (task,) = of(ContactTask, visit)
    assert (task.reason, task.status) == (ContactReason.REPLIED, ContactTaskStatus.OPEN)
    assert (task.detail, task.words) == (wish, "After three,\nplease")
    assert now(visit).status == "booked" and now(visit).version == 1
    assert scheduler.get("/v1/contact-tasks").json["items"][0]["words"] == "After three,\nplease"


def test_further_words_are_added_to_the_first(send, visit):
    send("change", words="After three")
    send("change", words="Or on Friday")
    (task,) = of(ContactTask, visit)
    assert task.words == "After three\nOr on Friday"


def test_no_words_are_needed_to_be_rung(send, visit):
    assert send("change").status_code == 200
    (task,) = of(ContactTask, visit)
    assert (task.detail, task.words) == ("change", None)


# What they need


def test_what_a_resident_needs_is_in_the_officers_day_and_the_last_word_counts(
    app, sign_in, stopped_clock, officer, send, visit, address
):
    for needs in ("I have a dog", "I have a dog. Ring twice.", "I have a dog. Ring twice."):
        answer = send("needs", needs=needs)
        assert (answer.status_code, heading(answer)) == (200, "We have told the officer")
    (item,) = sign_in("officer", officer).get("/v1/me/visits?date=2026-11-25").json["items"]
    assert item["needs_said"] == "I have a dog. Ring twice."
    assert "I have a dog. Ring twice." in app.test_client().get(address).text


def test_a_visit_of_which_nothing_was_said_says_so_to_the_officer(phone, visit):
    (item,) = phone.get("/v1/me/visits?date=2026-11-25").json["items"]
    assert item["needs_said"] is None


def test_what_was_typed_is_shown_as_it_is_and_not_as_html(app, send, address):
    send("needs", needs="<script>alert(1)</script>")
    page = app.test_client().get(address).text
    assert "<script" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("typed", "status"),
    [("x" * 300, 200), ("x" * 301, 422), ("", 422), ("   ", 422), ("a\0b", 422), ("a\u202eb", 422)],
)
def test_what_they_need_has_1_to_300_letters_that_can_be_seen(send, visit, typed, status):
    answer = send("needs", needs=typed)
    assert answer.status_code == status
    assert ("Go back" in answer.text) is (status == 422)
    assert len(of(VisitAnswer, visit)) == (status == 200)


# Afterwards


@pytest.mark.parametrize("rating", ["1", "5"])
def test_feedback_is_kept_once_and_the_first_word_stands(app, send, over, address, rating):
    for given, words in ((rating, "Kind and quick"), ("3", "No, bad")):
        answer = send("feedback", rating=given, words=words)
        assert (answer.status_code, heading(answer)) == (200, "Thank you")
    (kept,) = of(VisitAnswer, over)
    assert (kept.rating, kept.feedback) == (int(rating), "Kind and quick")
    assert "You told us how we did" in app.test_client().get(address).text


def test_feedback_keeps_what_was_needed(send, visit):
    send("needs", needs="Ring twice")
    change(visit, status="completed", finished_at=WEDNESDAY_10)
    send("feedback", rating="4")
    (kept,) = of(VisitAnswer, visit)
    assert (kept.needs, kept.rating, kept.feedback) == ("Ring twice", 4, None)


@pytest.mark.parametrize("rating", [None, "", "0", "6", "-1", "5.0", "٥", "five", "1" * 5000])
def test_a_rating_is_one_of_the_five(send, over, rating):
    fields = {} if rating is None else {"rating": rating}
    answer = send("feedback", **fields)
    assert (answer.status_code, heading(answer)) == (422, "Error: You did not choose how we did")
    assert of(VisitAnswer, over) == []


def test_feedback_before_the_end_waits(send, visit):
    assert heading(send("feedback", rating="1")) == "The visit is not over yet"
    assert of(VisitAnswer, visit) == []


def test_feedback_sent_twice_at_the_same_moment_is_kept_once(send, over):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda rating: send("feedback", rating=str(rating)), (1, 2, 3, 4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(of(VisitAnswer, over)) == 1


# In their time


@pytest.mark.parametrize("status", ["cancelled", "completed", "no_access", "arrived", "missed"])
def test_nothing_is_asked_of_a_visit_that_is_no_longer_to_come(send, visit, status):
    change(visit, status=status, finished_at=WEDNESDAY_10)
    for what, fields in (("confirm", start(visit)), ("change", {}), ("needs", {"needs": "A dog"})):
        answer = send(what, **fields)
        assert (answer.status_code, heading(answer)) == (409, "It is too late for this"), what
    assert of(ContactTask, visit) == of(VisitAnswer, visit) == []
    assert now(visit).confirmed_at is None


def test_nothing_is_asked_of_a_visit_that_nobody_came_to(stopped_clock, send, visit):
    stopped_clock.set(WEDNESDAY_10 + timedelta(minutes=60))
    assert send("confirm", **start(visit)).status_code == 409
    assert send("feedback", rating="1").status_code == 200


# Whoever sends them


@pytest.mark.parametrize("what", FORMS)
def test_a_form_is_sent_and_never_got(app, address, what):
    assert app.test_client().get(f"{address}/{what}").status_code == 404
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        assert app.test_client().open(f"{address}/{what}", method=method).status_code == 405


@pytest.mark.parametrize("what", FORMS)
def test_a_body_that_is_no_form_does_nothing_and_breaks_nothing(app, address, visit, what):
    for body, kind in (
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--x\r\nContent-Disp", "multipart/form-data; boundary=x"),
        (b"words=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
    ):
        answer = app.test_client().post(f"{address}/{what}", data=body, content_type=kind)
        assert answer.status_code in (200, 409, 413, 422), (what, body[:20])
    assert now(visit).version == 1


def test_a_form_of_one_visit_changes_no_other(send, resident, visit):
    other = factories.visit(resident, factories.officer(), WEDNESDAY_10 + timedelta(hours=2))
    send("confirm", **start(visit))
    send("needs", needs="A dog")
    send("change")
    assert now(other).confirmed_at is None
    assert of(VisitAnswer, other) == of(ContactTask, other) == []
