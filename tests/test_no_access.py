"""Nobody opened: what the officer did at the door is kept, and the resident is told that somebody came."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from models.database import transaction
from models.message import Channel, Message, MessageStatus
from models.resident import ContactBy
from models.visit import Visit, VisitStatus
from models.visit_rows import find_locked
from notifications.afterwards import stop_afterwards
from notifications.resending import NotSentAgain, resend
from notifications.texts import Council
from notifications.words import render
from tests import factories
from tests.carrier import Fault
from tests.sending import dispatch, message, receive, tasks
from tests.steps import MONDAY_9, cancel, etag, finish, path, problem
from tests.syncing import NOON, TEN, kept, line, minutes, phone, results, scheduler, visit
from tests.test_corrections import correct

__all__ = ["phone", "scheduler", "visit"]

HOME = {"latitude": 51.58737, "longitude": -0.32932, "accuracy_m": 12.0}
HARROW = Council("Harrow Council", "020 8863 5611")


@pytest.fixture
def nobody_opened(phone, visit, stopped_clock):
    """Say so at half past ten; the response."""

    def say(**changes):
        stopped_clock.set(TEN + minutes(30))
        return finish(phone, visit, TEN + minutes(10), outcome="no_access", **changes)

    return say


def texts(client, visit):
    return [text for text in client.get(path(visit, "messages")).json["items"] if text["kind"] == "no_access"]


# What the officer did


def test_where_the_phone_was_and_the_tries_to_ring_are_in_the_history(phone, visit, nobody_opened):
    calls = [
        {"at": "2026-11-23T10:03:00Z", "answered": False},
        {"at": "2026-11-23T10:07:00Z", "answered": True},
    ]
    made = nobody_opened(calls=calls, **HOME)
    assert (made.status_code, made.json["status"]) == (201, "no_access")
    details = line(phone, visit, "finished")["details"]
    assert details["position"] == [51.58737, -0.32932]
    assert (details["accuracy_m"], details["calls"]) == (12.0, calls)
    assert details["flags"] == ["recorded_later"]


def test_a_call_that_does_not_say_so_was_not_answered(phone, visit, nobody_opened):
    assert nobody_opened(calls=[{"at": "2026-11-23T10:03:00Z"}]).status_code == 201
    (call,) = line(phone, visit, "finished")["details"]["calls"]
    assert call["answered"] is False


def test_none_of_it_is_asked_for(phone, visit, nobody_opened):
    assert nobody_opened().status_code == 201
    assert line(phone, visit, "finished")["details"].keys() == {"outcome", "note", "flags"}


@pytest.mark.parametrize(
    ("north_m", "accuracy_m", "flagged"), [(149, 0, False), (151, 0, True), (250, 120, False)]
)
def test_a_phone_that_was_far_from_the_address_is_flagged_as_for_an_arrival(
    phone, visit, nobody_opened, north_m, accuracy_m, flagged
):
    where = {"latitude": 51.58737 + north_m / 111_195, "longitude": -0.32932, "accuracy_m": accuracy_m}
    assert nobody_opened(**where).status_code == 201
    assert ("far_from_address" in line(phone, visit, "finished")["details"]["flags"]) == flagged


@pytest.mark.parametrize("off", [timedelta(hours=-5), timedelta(days=1)])
def test_the_calls_of_a_phone_without_signal_are_put_right_like_every_time(phone, visit, stopped_clock, off):
    stopped_clock.set(NOON)
    calls = [{"at": (TEN + minutes(5) + off).isoformat()}]
    event = kept("outcome", visit, TEN + minutes(10) + off, outcome="no_access", calls=calls, **HOME)
    (found,) = results(phone, NOON + off, event)
    assert (found["status"], found["flags"]) == (201, ["recorded_later", "clock_corrected"])
    details = line(phone, visit, "finished")["details"]
    assert details["calls"] == [{"at": "2026-11-23T10:05:00Z", "answered": False}]
    assert details["phone"]["calls"] == [(TEN + minutes(5) + off).isoformat().replace("+00:00", "Z")]


@pytest.mark.parametrize("field", ["latitude", "accuracy_m", "calls"])
def test_a_visit_that_was_made_has_no_place_for_them(phone, visit, nobody_opened, field):
    given = {"latitude": HOME, "accuracy_m": {"accuracy_m": 1.0}, "calls": {"calls": []}}[field]
    assert field in problem(finish(phone, visit, TEN, **given), 422, "not-valid")["errors"]


def test_half_a_place_is_none(phone, visit):
    refused = problem(finish(phone, visit, TEN, outcome="no_access", latitude=51.5), 422, "not-valid")
    assert "latitude" in refused["errors"]


# What the resident is told


def test_the_resident_is_told_at_once_how_to_have_another_visit(phone, visit, nobody_opened, sender, carrier):
    nobody_opened()
    (text,) = texts(phone, visit)
    assert (text["status"], text["send_at"], text["expires_at"]) == (
        "held",
        "2026-11-23T10:30:00Z",
        "2026-11-24T10:10:00Z",
    )
    assert dispatch(sender) == 1
    assert [received.body for received in carrier.handsets] == [
        "Harrow Council: sorry we missed you. We came for our visit on Mon 23 Nov 10:00 and got no answer."
        " For a new time please call 020 8863 5611 or reply REBOOK. If you were in, reply IN."
        f" Ref {text['reference']}"
    ]


def test_an_outcome_sent_again_tells_nobody_twice(phone, visit, nobody_opened):
    client_id = factories.client_id()
    first, again = nobody_opened(client_id=client_id), nobody_opened(client_id=client_id)
    assert again.json == first.json
    assert len(texts(phone, visit)) == 1


def test_a_visit_that_was_made_or_called_off_tells_nothing(
    phone, scheduler, officer, resident, visit, stopped_clock
):
    assert finish(phone, visit, MONDAY_9).status_code == 201
    other = {"id": str(factories.visit(resident, officer, TEN + minutes(60)).id)}
    assert cancel(scheduler, other).status_code == 201
    stopped_clock.set(NOON)
    (found,) = results(phone, NOON, kept("outcome", other, NOON, outcome="no_access"))
    assert (found["status"], found["flags"]) == (201, ["visit_cancelled"])
    assert texts(phone, visit) == texts(phone, other) == []


@pytest.mark.parametrize(
    ("heard", "sent"),
    [
        (datetime(2026, 11, 23, 20, 59, tzinfo=UTC), "2026-11-23T20:59:00Z"),
        (datetime(2026, 11, 23, 21, 0, tzinfo=UTC), "2026-11-24T08:00:00Z"),
        (datetime(2026, 11, 24, 3, 0, tzinfo=UTC), "2026-11-24T08:00:00Z"),
        (datetime(2026, 11, 24, 7, 59, tzinfo=UTC), "2026-11-24T08:00:00Z"),
        (datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "2026-11-24T08:00:00Z"),
    ],
)
def test_what_a_phone_kept_is_still_told_and_never_at_night(phone, visit, stopped_clock, heard, sent):
    stopped_clock.set(heard)
    results(phone, heard, kept("outcome", visit, TEN + minutes(10), outcome="no_access"))
    assert [text["send_at"] for text in texts(phone, visit)] == [sent]


@pytest.mark.parametrize(("late", "told"), [(timedelta(hours=24, seconds=-1), True), (timedelta(hours=24), False)])
def test_after_a_day_a_person_rings_instead(phone, visit, stopped_clock, late, told):
    heard = stopped_clock.now = TEN + minutes(10) + late
    results(phone, heard, kept("outcome", visit, TEN + minutes(10), outcome="no_access"))
    assert len(texts(phone, visit)) == told
    assert [(task.reason, task.detail) for task in tasks()] == ([] if told else [("time_had_passed", "no_access")])


@pytest.mark.parametrize("finished_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_clock_that_shows_no_time_of_ours_does_no_harm(phone, visit, stopped_clock, finished_at):
    stopped_clock.set(NOON)
    event = kept("outcome", visit, outcome="no_access", finished_at=finished_at)
    assert results(phone, NOON, event)[0]["status"] == 201
    told = [text["expires_at"] for text in texts(phone, visit)]
    assert told == ([] if finished_at < "2026" else ["2026-11-24T12:00:00Z"])
    assert len(tasks()) == (finished_at < "2026")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"contact_by": ContactBy.CALL}, "prefers_call"), ({"phone": None}, "no_mobile_number")],
)
def test_who_cannot_be_texted_is_rung(sign_in, officer, stopped_clock, changes, reason):
    of = {"id": str(factories.visit(factories.resident(**changes), officer, TEN).id)}
    stopped_clock.set(TEN)
    assert finish(sign_in("officer", officer), of, TEN, outcome="no_access").status_code == 201
    (task,) = tasks()
    assert (task.reason, task.detail, str(task.visit_id)) == (reason, "no_access", of["id"])
    brief = sign_in("scheduler").get("/v1/contact-tasks").json["items"][0]
    assert "got no answer. Were you in? When may we come again?" in brief["script"]


def test_a_text_that_does_not_arrive_goes_down_the_ladder(phone, visit, nobody_opened, sender, stopped_clock):
    nobody_opened()
    (text,) = texts(phone, visit)
    dispatch(sender)
    receive(UUID(text["id"]), "undelivered", sid=row(text).carrier_id, error_code="30005")
    dispatch(sender)
    assert [each["status"] for each in texts(phone, visit)] == ["undelivered"]
    assert [(task.reason, task.detail) for task in tasks()] == [("text_undelivered", "no_access")]


def row(text):
    return message(UUID(text["id"]))


def test_a_text_that_has_not_gone_is_stopped_when_the_outcome_is_put_right(phone, visit, nobody_opened, sender):
    nobody_opened()
    (text,) = texts(phone, visit)
    with transaction() as session:
        stop_afterwards(session, find_locked(session, row(text).visit_id), at=TEN + minutes(40))
    assert [each["status"] for each in texts(phone, visit)] == ["superseded"]
    assert dispatch(sender) == 0


@pytest.mark.parametrize(
    ("corrected", "status"),
    [({"finished_at": "2026-11-23T10:11:00Z"}, "held"), ({"outcome": "completed"}, "superseded")],
)
def test_it_is_stopped_by_a_correction_of_the_outcome_and_of_nothing_else(
    phone, scheduler, visit, nobody_opened, corrected, status
):
    nobody_opened()
    body = {"reason": "A slip of the finger"} | corrected
    made = scheduler.post(path(visit, "corrections"), body, If_Match=etag(scheduler, visit))
    assert made.status_code == 201, made.text
    assert [each["status"] for each in texts(phone, visit)] == [status]


@pytest.mark.parametrize(
    ("corrected", "status"),
    [
        ({"finished_at": "2026-11-23T10:11:00Z"}, "open"),
        ({"finished_at": "2026-11-23T10:11:00Z", "outcome": "no_access"}, "open"),
        ({"outcome": "completed"}, "not_needed"),
    ],
)
def test_nobody_is_rung_about_a_shut_door_that_was_none(
    sign_in, scheduler, officer, stopped_clock, corrected, status
):
    of = {"id": str(factories.visit(factories.resident(phone=None), officer, TEN).id)}
    stopped_clock.set(TEN + minutes(30))
    assert finish(sign_in("officer", officer), of, TEN + minutes(10), outcome="no_access").status_code == 201
    assert correct(scheduler, of, **corrected).status_code == 201
    assert [task.status for task in tasks()] == [status]


@pytest.fixture
def made(phone, visit, stopped_clock):
    """The visit, reported as made; it is half past ten."""
    stopped_clock.set(TEN + minutes(30))
    assert finish(phone, visit, TEN + minutes(10)).status_code == 201
    return visit


@pytest.mark.parametrize(
    ("after", "sent", "rung"),
    [
        (timedelta(minutes=30), ["held"], []),
        (timedelta(days=1, minutes=9), ["held"], []),
        (timedelta(days=1, minutes=10), [], ["time_had_passed"]),
        (timedelta(days=14, minutes=30), [], ["time_had_passed"]),
        (timedelta(days=14, minutes=31), [], []),
    ],
)
def test_who_is_said_by_a_correction_not_to_have_opened_is_told_while_they_may_object(
    phone, scheduler, made, stopped_clock, after, sent, rung, sign_in
):
    stopped_clock.set(TEN + after)
    assert correct(sign_in("scheduler"), made, outcome="no_access").status_code == 201
    assert [text["status"] for text in texts(sign_in("scheduler"), made)] == sent
    assert [task.reason for task in tasks()] == rung
    disputed = sign_in("scheduler").post(path(made, "dispute"), {}).status_code
    assert disputed == (201 if sent or rung else 409)


def test_who_knows_that_nobody_opened_is_not_told_again(phone, scheduler, visit, nobody_opened, sender):
    nobody_opened()
    dispatch(sender)
    for outcome in ("completed", "no_access"):
        assert correct(scheduler, visit, outcome=outcome).status_code == 201
    assert len(texts(phone, visit)) == 1 and tasks() == []


def test_a_text_that_was_stopped_is_written_again_when_the_correction_is_taken_back(
    phone, scheduler, visit, nobody_opened, sender
):
    nobody_opened()
    for outcome in ("completed", "no_access"):
        assert correct(scheduler, visit, outcome=outcome).status_code == 201
    assert [text["status"] for text in texts(phone, visit)] == ["superseded", "held"]
    assert dispatch(sender) == 1


def test_who_was_believed_to_have_been_in_is_not_told_by_a_correction(
    phone, scheduler, visit, nobody_opened, uphold
):
    nobody_opened()
    uphold()
    for outcome in ("completed", "no_access"):
        assert correct(scheduler, visit, outcome=outcome).status_code == 201
    assert [text["status"] for text in texts(phone, visit)] == ["superseded"]


def test_a_phone_that_says_so_after_the_correction_tells_nobody_twice(phone, scheduler, visit, stopped_clock):
    stopped_clock.set(TEN + minutes(30))
    given = {"outcome": "no_access", "finished_at": TEN + minutes(10)}
    assert correct(scheduler, visit, **given).status_code == 201
    assert finish(phone, visit, TEN + minutes(10), outcome="no_access").status_code == 201
    assert len(texts(phone, visit)) == 1


def test_one_that_did_not_go_the_first_time_is_not_sent_of_another_outcome(
    phone, visit, nobody_opened, carrier, sender, stopped_clock
):
    """The carrier was busy, and the outcome was put right before the second try."""
    nobody_opened()
    (text,) = texts(phone, visit)
    with transaction() as session:
        session.get_one(Visit, row(text).visit_id).status = VisitStatus.COMPLETED
    carrier.fail(Fault(status=429, retry_after="1"))
    dispatch(sender)
    assert [each["status"] for each in texts(phone, visit)] == ["superseded"]
    assert carrier.handsets == []


@pytest.fixture
def uphold(scheduler, visit):
    """Take down that the resident was in, and believe it."""

    def settle():
        said = scheduler.post(path(visit, "dispute"), {}).json
        settled = scheduler.patch(f"/v1/disputes/{said['id']}", {"outcome": "upheld", "reason": "They were in"})
        assert settled.status_code == 200, settled.text

    return settle


def test_who_was_in_is_not_told_by_another_way_that_nobody_opened(
    phone, visit, nobody_opened, uphold, sender, stopped_clock
):
    """The text failed after a person had believed the resident."""
    nobody_opened()
    (text,) = texts(phone, visit)
    dispatch(sender)
    uphold()
    receive(UUID(text["id"]), "undelivered", sid=row(text).carrier_id, error_code="30005")
    dispatch(sender)
    assert [each["status"] for each in texts(phone, visit)] == ["undelivered"]
    assert [task.detail for task in tasks()] == ["i_was_in"]
    with transaction() as session, pytest.raises(NotSentAgain):
        resend(session, UUID(text["id"]), reason="Try once more", at=stopped_clock.now)


def test_nor_by_one_that_a_dispatcher_had_when_they_were_believed(
    phone, visit, nobody_opened, uphold, carrier, sender
):
    def believed_meanwhile(*_):
        uphold()
        carrier.plan = None
        return Fault(status=429, retry_after="1")

    nobody_opened()
    carrier.plan = believed_meanwhile
    dispatch(sender)
    assert [each["status"] for each in texts(phone, visit)] == ["superseded"]
    assert carrier.handsets == []


def test_nobody_rings_about_a_shut_door_when_what_had_to_say_so_expires_untrue(
    phone, visit, nobody_opened, uphold, sender, stopped_clock
):
    nobody_opened()
    (text,) = texts(phone, visit)
    uphold()
    with transaction() as session:
        sent = session.get_one(Message, UUID(text["id"]))
        sent.status, sent.look_up_at = MessageStatus.UNKNOWN, stopped_clock.now
    stopped_clock.advance(25 * 3600)
    dispatch(sender)
    assert [each["status"] for each in texts(phone, visit)] == ["expired"]
    assert [task.detail for task in tasks()] == ["i_was_in"]


def test_the_person_who_rings_says_sorry_to_a_resident_who_was_in(scheduler, nobody_opened, uphold):
    nobody_opened()
    uphold()
    (task,) = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    assert "We are sorry that nobody came" in task["script"] and "got no answer" not in task["script"]


def test_an_e_mail_asks_for_no_reply_and_a_voice_says_who_to_ring(officer, phone, visit, nobody_opened):
    nobody_opened()
    (text,) = texts(phone, visit)
    sent = row(text)
    for channel in (Channel.EMAIL, Channel.CALL):
        sent.channel = channel
        said = render(sent, HARROW)
        assert "reply" not in said.body and "sorry" in said.body.lower()
        assert "020 8863 5611" in said.body or "0 2 0, 8 8 6 3, 5 6 1 1" in said.body
