"""An officer found nobody, and the resident was in: said by page, text or telephone, and settled by a person."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4
from xml.etree import ElementTree

import pytest
from sqlalchemy import select, update
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from models.database import reading, transaction
from models.dispute import LONGEST_DISPUTE, Dispute, DisputeStatus, ring_by
from models.message import Message, MessageKind, MessageStatus
from models.missed_standard import Standard, look_for_missed
from models.reply import Reply
from models.visit import Visit
from tests import factories
from tests.sending import tasks
from tests.steps import arrive, finish, path, problem, see
from tests.syncing import TEN, kinds, line, minutes, phone, scheduler
from tests.test_corrections import correct

__all__ = ["phone", "scheduler"]

MOBILE, ANOTHERS = "+447700900123", "+447700900777"
INBOUND = "/callbacks/twilio/inbound"
HALF_PAST = TEN + minutes(30)


@pytest.fixture
def booked(officer, resident):
    """A visit at ten."""
    return factories.visit(resident, officer, TEN)


@pytest.fixture
def visit(booked, phone, stopped_clock):
    """The same, to which nobody opened: its text was taken at twenty past ten, and it is half past."""
    made = {"id": str(booked.id)}
    stopped_clock.set(TEN + minutes(20))
    assert arrive(phone, made, TEN + minutes(1)).status_code == 201
    assert finish(phone, made, TEN + minutes(15), outcome="no_access").status_code == 201
    taken(made, stopped_clock.now)
    stopped_clock.set(HALF_PAST)
    return made


def taken(visit, at):
    """The carrier has taken all of a visit's texts."""
    with transaction() as session:
        session.execute(
            update(Message)
            .where(Message.visit_id == UUID(visit["id"]), Message.status == MessageStatus.HELD)
            .values(status=MessageStatus.ACCEPTED, accepted_at=at)
        )


@pytest.fixture
def address(app, booked):
    return "/v/" + app.extensions["visit_links"].code(booked.reference)


@pytest.fixture
def say(app, address, visit):
    """Say so on the visit's page; the answer."""
    return lambda **fields: app.test_client().post(f"{address}/i-was-in", data=fields)


@pytest.fixture
def write(app):
    """Write a text; our answer, None for silence."""

    def post(body, sender=MOBILE, sid=None):
        form = {"MessageSid": sid or f"SM{uuid4().hex}", "From": sender, "To": "+447700900999", "Body": body}
        signed = RequestValidator("test-token").compute_signature(
            f"http://127.0.0.1:8000{INBOUND}", MultiDict(form)
        )
        answer = app.test_client().post(INBOUND, data=form, headers={"X-Twilio-Signature": signed})
        assert answer.status_code == 200, answer.text
        said = ElementTree.fromstring(answer.data).findall("Message")
        return said[0].text if said else None

    return post


def disputes():
    with reading() as session:
        return session.scalars(select(Dispute).order_by(Dispute.said_at, Dispute.id)).all()


def settle(client, dispute, outcome="upheld", reason="The van was two streets away"):
    return client.patch(f"/v1/disputes/{dispute.id}", {"outcome": outcome, "reason": reason})


def heading(answer):
    return answer.text.split("<h1>")[1].split("</h1>")[0]


# Saying so


def test_said_on_the_page_it_is_a_dispute_in_the_history_and_for_a_person_to_ring(
    app, scheduler, say, visit, address
):
    assert "I was in</button>" in app.test_client().get(address).text
    answer = say(words="I waited by the window,\r\nall morning")
    assert (answer.status_code, heading(answer)) == (200, "We will ring you")
    (dispute,) = disputes()
    assert (dispute.status, dispute.said_by, dispute.words) == (
        "open",
        "page",
        "I waited by the window,\nall morning",
    )
    assert (dispute.said_at, dispute.ring_by) == (HALF_PAST, HALF_PAST + timedelta(hours=2))
    assert line(scheduler, visit, "disputed")["details"] == {"said_by": "page"}
    (task,) = tasks()
    assert (task.reason, task.detail, task.words) == ("replied", "i_was_in", dispute.words)
    assert task.due_at == HALF_PAST + minutes(30)
    page = app.test_client().get(address).text
    assert "We will ring you by Monday 23 November, 12:30pm." in page and "I was in</button>" not in page
    assert dispute.words not in page, "whoever finds the link reads nobody's words"
    assert see(scheduler, visit)["status"] == "no_access", "what the officer reported stays"


@pytest.mark.parametrize("text", ["IN", "I wos in!", "I was in all day and nobody knocked"])
def test_said_by_text_it_is_the_same(scheduler, visit, write, text):
    answer = write(text)
    assert answer == (
        "Harrow Council: thank you for telling us that you were in. Somebody will call you by Mon 23 Nov 12:30."
        " If it is urgent, please call 020 7946 0123."
    )
    (dispute,) = disputes()
    assert (dispute.said_by, dispute.words, str(dispute.visit_id)) == ("text", text, visit["id"])
    assert [(task.detail, task.words) for task in tasks()] == [("i_was_in", text)]
    (sent,) = scheduler.get(path(visit, "messages")).json["items"]
    assert [reply["kind"] for reply in sent["replies"]] == ["i_was_in"]


def test_said_on_the_telephone_a_scheduler_takes_it_down(scheduler, visit):
    made = scheduler.post(path(visit, "dispute"), {"words": "She was in the garden"})
    assert (made.status_code, made.headers["Location"]) == (201, f"/v1/disputes/{made.json['id']}")
    assert (made.json["said_by"], made.json["words"]) == ("telephone", "She was in the garden")
    assert line(scheduler, visit, "disputed")["by"].startswith("scheduler")
    assert scheduler.get(made.headers["Location"]).json == made.json


def test_the_person_who_rings_is_told_what_to_say(scheduler, say):
    say()
    (task,) = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    assert "got no answer. Were you in?" in task["script"]


def test_said_again_it_adds_to_the_words_and_opens_no_second_one(say, write, visit, phone):
    say(words="I was here")
    say(words="I was here")
    write("Nobody knocked")
    (dispute,) = disputes()
    assert (dispute.said_by, dispute.words) == ("page", "I was here\nNobody knocked")
    assert len(tasks()) == 1
    assert kinds(phone, visit).count("disputed") == 1


def test_a_flood_of_it_is_one_dispute_whose_first_words_stand(say, visit, phone):
    for number in range(40):
        assert say(words=f"{number} " + "x" * 100).status_code == 200
    (dispute,) = disputes()
    assert len(dispute.words) <= LONGEST_DISPUTE and dispute.words.startswith("0 x")
    assert len(tasks()) == 1 and len(tasks()[0].words) <= 3300
    assert kinds(phone, visit).count("disputed") == 1


def test_a_flood_at_the_same_moment_is_one_dispute_too(say, visit):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: say(words=str(number)).status_code, range(8)))
    assert answers == [200] * 8
    assert len(disputes()) == len(tasks()) == 1


def test_the_carrier_delivering_it_twice_says_it_once(visit, write):
    assert write("I was in", sid="SM1") == write("I was in", sid="SM1")
    assert [dispute.words for dispute in disputes()] == ["I was in"]


@pytest.mark.parametrize(
    ("typed", "status"), [("x" * 1000, 200), ("x" * 1001, 422), ("", 200), ("a\0b", 422), ("a\u202eb", 422)]
)
def test_no_words_are_needed_and_a_thousand_letters_are_enough(say, typed, status):
    assert say(words=typed).status_code == status
    assert len(disputes()) == (status == 200)


def test_html_in_words_is_nothing_but_words(app, scheduler, say, address):
    say(words="<script>alert(1)</script>")
    listed = scheduler.get("/v1/disputes")
    assert (listed.content_type, listed.json["items"][0]["words"]) == (
        "application/json",
        "<script>alert(1)</script>",
    )
    assert "<script" not in app.test_client().get(address).text


# Who may say so, and of what


def test_a_stranger_who_guesses_codes_opens_nothing_and_learns_nothing(app, visit, address):
    web = app.test_client()
    guesses = [
        address[:-1] + ("0" if address[-1] != "0" else "1"),
        "/v/" + "0" * 23,
        "/v/x",
        address.lower() + "0",
    ]
    answers = {web.post(f"{guess}/i-was-in", data={"words": "x"}).data for guess in guesses}
    assert len(answers) == 1 and answers == {web.get("/v/nothing").data}
    assert disputes() == tasks() == []


def test_a_text_from_another_number_is_about_no_visit_of_theirs(visit, write):
    answer = write("I was in", sender=ANOTHERS)
    assert "do not know this number" in answer
    assert disputes() == tasks() == []


def test_a_resident_disputes_their_own_visit_and_nobody_elses(officer, visit, write):
    factories.resident(name="Grace Hopper", phone=ANOTHERS)
    assert "read this and call you" in write("I was in", sender=ANOTHERS)
    assert disputes() == []
    with reading() as session:
        assert [reply.kind for reply in session.scalars(select(Reply))] == ["words"]


@pytest.mark.parametrize("status", ["booked", "arrived", "completed", "cancelled", "missed"])
def test_only_a_visit_that_nobody_opened_to_is_disputed(app, scheduler, booked, address, status):
    with transaction() as session:
        session.get_one(Visit, booked.id).status = status
    answer = app.test_client().post(f"{address}/i-was-in")
    assert (answer.status_code, heading(answer)) == (409, "It is too late for this")
    problem(scheduler.post(f"/v1/visits/{booked.id}/dispute", {}), 409, "visit-state")
    assert "I was in</button>" not in app.test_client().get(address).text
    assert disputes() == []


def test_in_alone_means_nothing_after_a_text_about_a_later_visit(officer, resident, visit, write, stopped_clock):
    """They may mean that they will be in."""
    other = factories.visit(resident, officer, TEN + timedelta(days=3))
    with transaction() as session:
        session.add(booking_text(other, stopped_clock.now))
    stopped_clock.advance(60)
    assert "read this and call you" in write("I'm in")
    assert disputes() == []


def booking_text(visit, at):
    message_id = uuid4()
    times = dict.fromkeys(("starts_at", "reference_at", "expires_at"), visit.starts_at)
    times |= dict.fromkeys(("decided_at", "send_at", "next_try_at", "accepted_at"), at)
    return Message(
        id=message_id,
        news_id=message_id,
        visit_id=visit.id,
        resident_id=visit.resident_id,
        number=1,
        kind=MessageKind.BOOKED,
        channel="text",
        status=MessageStatus.ACCEPTED,
        to_address=MOBILE,
        language="en",
        lane=3,
        **times,
    )


def test_who_was_told_by_a_call_may_still_text(visit, write):
    with transaction() as session:
        session.execute(update(Message).values(channel="call"))
    write("I was in")
    assert [str(dispute.visit_id) for dispute in disputes()] == [visit["id"]]


def test_after_two_weeks_a_person_reads_it(scheduler, visit, write, stopped_clock):
    stopped_clock.set(TEN + minutes(30) + timedelta(days=14))
    write("I was in")
    assert len(disputes()) == 1
    with transaction() as session:
        session.delete(session.merge(disputes()[0]))
    stopped_clock.advance(1)
    assert "read this and call you" in write("I was in")
    assert disputes() == []
    problem(scheduler.post(path(visit, "dispute"), {}), 409, "visit-state")


@pytest.mark.parametrize("text", ["YES", "REBOOK", "Could you come on Friday?"])
def test_another_answer_to_the_text_is_for_a_person_and_confirms_nothing(scheduler, visit, write, text):
    assert "read this and call you" in write(text)
    (task,) = tasks()
    assert (str(task.visit_id), task.words) == (visit["id"], text)
    assert task.due_at == HALF_PAST + minutes(30), "not long ago, as the visit was"
    assert see(scheduler, visit)["confirmed_at"] is None
    assert disputes() == []


# By when we ring


@pytest.mark.parametrize(
    ("said", "rung"),
    [
        ((23, 6, 0), (23, 11, 0)),
        ((23, 9, 0), (23, 11, 0)),
        ((23, 15, 0), (23, 17, 0)),
        ((23, 15, 1), (24, 11, 0)),
        ((23, 23, 59), (24, 11, 0)),
        ((27, 16, 0), (30, 11, 0)),
        ((28, 10, 0), (30, 11, 0)),
        ((29, 23, 30), (30, 11, 0)),
    ],
)
def test_we_ring_within_two_hours_of_the_offices_day(said, rung):
    at, by = (datetime(2026, 11, *when, tzinfo=UTC) for when in (said, rung))
    assert ring_by(at) == by


def test_nobody_is_promised_a_call_on_a_bank_holiday():
    assert ring_by(datetime(2026, 12, 24, 16, tzinfo=UTC)) == datetime(2026, 12, 29, 11, tzinfo=UTC)


def test_the_offices_day_is_by_londons_clocks():
    assert ring_by(datetime(2026, 7, 1, 7, tzinfo=UTC)) == datetime(2026, 7, 1, 10, tzinfo=UTC)


# Settling


def test_a_resident_who_was_right_is_believed_and_the_record_stays(app, scheduler, say, visit, address):
    say(words="I was in")
    (dispute,) = disputes()
    settled = settle(scheduler, dispute)
    assert (settled.status_code, settled.json["status"]) == (200, "upheld")
    assert settled.json["reason"] == "The van was two streets away"
    written = line(scheduler, visit, "dispute_settled")
    assert (written["reason"], written["details"]) == ("The van was two streets away", {"outcome": "upheld"})
    assert line(scheduler, visit, "finished")["details"]["outcome"] == "no_access"
    assert see(scheduler, visit)["status"] == "no_access"
    page = app.test_client().get(address).text
    assert "You were right. Nobody came. We are sorry." in page and "two streets" not in page


def figures(client):
    (group,) = client.get("/v1/reports/punctuality?from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z").json[
        "groups"
    ]
    return group


@pytest.mark.parametrize(("outcome", "on_time", "missed"), [("upheld", 0, 1), ("not_upheld", 1, 0)])
def test_upheld_the_visit_counts_as_missed_against_both_promises(scheduler, say, outcome, on_time, missed):
    say()
    before = figures(scheduler)
    assert (before["on_time"], before["missed"]) == (1, 0), "in dispute, it stands as it was reported"
    assert settle(scheduler, disputes()[0], outcome).status_code == 200
    now = figures(scheduler)
    for counted in (now, now["original"]):
        assert (counted["counted"], counted["on_time"], counted["missed"]) == (1, on_time, missed)


def test_it_is_settled_once(scheduler, say):
    say()
    (dispute,) = disputes()
    assert settle(scheduler, dispute, "not_upheld", "The photo shows the door").status_code == 200
    problem(settle(scheduler, dispute), 409, "visit-state")
    assert disputes()[0].status is DisputeStatus.NOT_UPHELD


def test_a_visit_that_was_made_by_a_correction_is_not_upheld_as_one_nobody_came_to(scheduler, say, visit):
    """The officer had pressed the wrong button: the resident was in, and so was the officer."""
    say(words="I was in, and so was she")
    assert correct(scheduler, visit, outcome="completed").status_code == 201
    problem(settle(scheduler, disputes()[0]), 409, "visit-state")
    assert (disputes()[0].status, figures(scheduler)["on_time"]) == (DisputeStatus.OPEN, 1)
    assert settle(scheduler, disputes()[0], "not_upheld", "Both were in").status_code == 200
    assert figures(scheduler)["on_time"] == 1


def missed(app, scheduler, visit, address, at):
    """Whether a visit counts as missed: by the figures, the redress, what schedulers see and its page."""
    redress = [
        each["status"]
        for each in scheduler.get("/v1/missed-standards").json["items"]
        if each["visit_id"] == visit["id"]
    ]
    look_for_missed(at, {Standard.MISSED: 1000})
    after = [each["status"] for each in scheduler.get("/v1/missed-standards").json["items"]]
    assert redress == after, "at once, and not when the watch has come round"
    page = app.test_client().get(address).text
    return (
        figures(scheduler)["missed"] == 1,
        redress == ["due"],
        see(scheduler, visit).get("standards_missed") == ["missed"],
        "We owe you <strong>£10.00</strong>" in page,
        "We did not come when we said" in page,
        "You were right. Nobody came." in page,
    )


@pytest.mark.parametrize("outcomes", list(product(["completed", "no_access"], repeat=3)))
def test_in_whatever_order_it_is_upheld_and_corrected_all_say_the_same(
    app, scheduler, say, visit, address, stopped_clock, outcomes
):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], redress_rule="missed=10.00")
    say(words="I was in")
    assert settle(scheduler, disputes()[0]).status_code == 200
    assert missed(app, scheduler, visit, address, stopped_clock.now) == (True,) * 6
    first_promise, said = figures(scheduler)["original"], "no_access"
    for outcome in outcomes:
        stopped_clock.advance(60)
        if outcome != said:
            assert correct(scheduler, visit, outcome=outcome).status_code == 201
        said = outcome
        expected = (outcome == "no_access",) * 6
        assert missed(app, scheduler, visit, address, stopped_clock.now) == expected
        assert figures(scheduler)["original"] == first_promise, "no correction makes a first promise better"
        assert app.test_cli_runner().invoke(args=["figures", "check"]).exit_code == 0
    assert line(scheduler, visit, "finished")["details"]["outcome"] == "no_access"
    assert disputes()[0].status is DisputeStatus.UPHELD


def test_a_dispute_settled_behind_its_records_is_named(app, scheduler, say, visit):
    say(words="I was in")
    assert app.test_cli_runner().invoke(args=["figures", "check"]).exit_code == 0
    with transaction() as session:
        session.execute(update(Dispute).values(status=DisputeStatus.UPHELD))
    checked = app.test_cli_runner().invoke(args=["figures", "check"])
    assert (checked.exit_code, "dispute: stored upheld, by its records open" in checked.output) == (1, True)


def test_what_is_said_after_it_was_settled_changes_nothing_and_a_text_is_still_read(
    app, scheduler, say, write, address
):
    say(words="I was in")
    settle(scheduler, disputes()[0], "not_upheld")
    answer = say(words="But I was!")
    assert (answer.status_code, heading(answer)) == (200, "We looked into this before")
    assert "read this and call you" in write("But I was in")
    assert [(dispute.status, dispute.words) for dispute in disputes()] == [("not_upheld", "I was in")]
    assert "Not happy with this? Ring us." in app.test_client().get(address).text


def test_upheld_a_text_that_has_not_gone_is_stopped(scheduler, say, visit):
    with transaction() as session:
        session.execute(update(Message).values(status=MessageStatus.HELD))
    say()
    settle(scheduler, disputes()[0])
    assert [text["status"] for text in scheduler.get(path(visit, "messages")).json["items"]] == ["superseded"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "upheld"},
        {"outcome": "upheld", "reason": ""},
        {"outcome": "open", "reason": "x"},
        {"outcome": "upheld", "reason": "x" * 501},
        {"outcome": "upheld", "reason": "x", "words": "y"},
    ],
)
def test_it_takes_an_outcome_and_a_reason(scheduler, say, body):
    say()
    problem(scheduler.patch(f"/v1/disputes/{disputes()[0].id}", body), 422, "not-valid")
    assert disputes()[0].status is DisputeStatus.OPEN


def test_they_are_listed_by_status_the_oldest_first_and_page_by_page(
    scheduler, phone, officer, resident, stopped_clock
):
    made = []
    for number in range(3):
        start = TEN + minutes(40 * number)
        visit = {"id": str(factories.visit(resident, officer, start).id)}
        stopped_clock.set(max(stopped_clock.now, start))
        assert finish(phone, visit, start, outcome="no_access").status_code == 201
        made.append(scheduler.post(path(visit, "dispute"), {}).json["id"])
    first = scheduler.get("/v1/disputes?limit=2").json
    rest = scheduler.get(f"/v1/disputes?limit=2&cursor={first['next_cursor']}").json
    assert [each["id"] for page in (first, rest) for each in page["items"]] == made
    assert rest["next_cursor"] is None
    settle(scheduler, disputes()[1])
    for status, ids in (("open", [made[0], made[2]]), ("upheld", [made[1]]), ("not_upheld", [])):
        assert [each["id"] for each in scheduler.get(f"/v1/disputes?status={status}").json["items"]] == ids


def test_an_officer_sees_that_their_visit_is_in_dispute_and_not_the_words(phone, say, visit):
    say(words="He never came")
    assert "He never came" not in phone.get(path(visit, "history")).text
    problem(phone.get("/v1/disputes"), 403)


# In time, forgotten


def test_the_words_go_with_the_visits_and_the_outcome_stays(app, scheduler, say, stopped_clock):
    say(words="I was in")
    settle(scheduler, disputes()[0])
    stopped_clock.set(TEN + timedelta(days=731))
    app.test_cli_runner().invoke(args=["purge"])
    (dispute,) = disputes()
    assert (dispute.status, dispute.words, dispute.reason) == ("upheld", None, None)
