"""Nobody came: the officer is asked at +10 minutes, a scheduler told at +20, and at +60 the visit is missed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from models.contact_task import ContactTaskStatus
from models.database import reading, transaction
from models.message import Message, MessageStatus
from models.nudge import Nudge
from models.officer import Officer
from models.resident import ContactBy
from models.visit import Visit
from notifications import overdue
from notifications.nudges import NudgeSender, words_of
from notifications.overdue import look_for_nobody_there
from notifications.parts import Encoding, measure
from notifications.senders.console import ConsoleSender
from notifications.senders.twilio import TwilioSender
from notifications.texts import Council
from tests import factories
from tests.carrier import Carrier
from tests.conftest import StoppedClock
from tests.sending import HARROW, dispatch, receive, tasks
from tests.steps import MONDAY_9, arrive, cancel, delay, depart, finish, move, path, see
from tests.test_corrections import correct

TEN = MONDAY_9 + timedelta(hours=1)


@pytest.fixture
def officer(app: Any) -> Officer:
    return factories.officer(phone="+447700900301")


@pytest.fixture
def visit(officer: Officer, resident: Any) -> Any:
    """A visit at ten, of half an hour."""
    return {"id": str(factories.visit(resident, officer, TEN).id)}


@pytest.fixture
def at(stopped_clock: StoppedClock) -> Callable[..., None]:
    """Let it be so long after ten, and the watch look."""

    def be(minutes: float, seconds: float = 0, *, since: datetime = TEN) -> None:
        stopped_clock.set(since + timedelta(minutes=minutes, seconds=seconds))
        look_for_nobody_there(stopped_clock.now)

    return be


@pytest.fixture
def nudged(sign_in: Any, officer: Officer) -> Callable[[], list[str]]:
    """What the officer's phone asks them about the first visit of their day."""
    return lambda: [
        nudge["kind"] for nudge in sign_in("officer", officer).get("/v1/me/visits").json["items"][0]["nudges"]
    ]


@pytest.fixture
def alerts(sign_in: Any) -> Callable[..., list[Any]]:
    def listed(status: str = "open") -> list[Any]:
        items: list[Any] = sign_in("scheduler").get(f"/v1/alerts?status={status}").json["items"]
        return items

    return listed


def messages(client: Any, visit: Any) -> list[tuple[str, str]]:
    return [(sent["kind"], sent["status"]) for sent in client.get(path(visit, "messages")).json["items"]]


def apologies() -> list[Message]:
    with reading() as session:
        return list(session.scalars(select(Message).where(Message.kind == "missed")))


def missed_lines(client: Any, visit: Any) -> list[Any]:
    return [line for line in client.get(path(visit, "history")).json["items"] if line["kind"] == "missed"]


# The officer, at +10


@pytest.mark.parametrize(("seconds", "asked"), [(-1, []), (0, ["nobody_arrived"]), (1, ["nobody_arrived"])])
def test_the_officer_is_asked_ten_minutes_after_the_start(visit, at, nudged, seconds, asked):
    at(10, seconds)
    assert nudged() == asked


def test_a_phone_that_has_the_day_hears_of_it(visit, at, sign_in, officer):
    at(9)
    phone = sign_in("officer", officer)
    known = phone.get("/v1/me/visits").headers["ETag"]
    assert phone.get("/v1/me/visits", If_None_Match=known).status_code == 304
    at(10)
    answer = sign_in("officer", officer).get(f"/v1/me/visits?since={known.strip(chr(34))}", If_None_Match=known)
    assert answer.status_code == 200
    [item] = answer.json["items"]
    assert item["nudges"] == [
        {"kind": "nobody_arrived", "about_at": "2026-11-23T10:00:00Z", "made_at": "2026-11-23T10:10:00Z"}
    ]
    assert item["version"] == 1, "whoever changes the visit need not read it again"


def test_the_officer_gets_one_text_that_names_no_resident(
    visit, at, sender: TwilioSender, carrier: Carrier, stopped_clock
):
    nudges = NudgeSender(sender, HARROW)
    at(10)
    assert (nudges.send_due(), nudges.send_due()) == (1, 0)
    at(11)
    assert nudges.send_due() == 0
    [text] = carrier.handsets
    assert text.to == "+447700900301"
    assert text.body.startswith("Harrow Council: are you at visit HV-")
    assert "10:00" in text.body and "020 8863 5611" in text.body
    assert "Asha" not in text.body and "Demonstration" not in text.body


def test_the_words_to_an_officer_fit_in_two_parts(visit, at):
    at(10)
    with reading() as session:
        nudge = session.scalars(select(Nudge)).one()
    for kind in type(nudge.kind):
        nudge.kind = kind
        for council in (Council("W" * 40, "0" * 20), Council("ŵ" * 14, "0" * 20)):
            size = measure(words_of(nudge, "HV-7K2M-9XQ4", council))
            assert size.parts <= (2 if size.encoding is Encoding.GSM7 else 3)


def test_an_officer_who_arrives_before_the_text_goes_gets_none(visit, at, sign_in, officer, sender, carrier):
    at(10)
    arrive(sign_in("officer", officer), visit, TEN + timedelta(minutes=10))
    at(10, 30)
    assert NudgeSender(sender, HARROW).send_due() == 0
    assert carrier.handsets == []


def test_an_officer_without_a_number_is_asked_on_their_list_alone(app, at, resident, sign_in, sender, carrier):
    officer = factories.officer()
    factories.visit(resident, officer, TEN)
    at(10)
    [item] = sign_in("officer", officer).get("/v1/me/visits").json["items"]
    assert len(item["nudges"]) == 1
    assert NudgeSender(sender, HARROW).send_due() == 0


def test_both_of_two_officers_are_asked(app, at, officer, resident, sign_in):
    colleague = factories.officer()
    factories.visit(resident, officer, TEN, together_with=colleague)
    at(10)
    for each in (officer, colleague):
        assert len(sign_in("officer", each).get("/v1/me/visits").json["items"][0]["nudges"]) == 1


@pytest.mark.parametrize(
    "answered",
    [
        lambda phone, visit: arrive(phone, visit, TEN + timedelta(minutes=11)),
        lambda phone, visit: finish(phone, visit, TEN + timedelta(minutes=11)),
        lambda phone, visit: delay(phone, visit, TEN + timedelta(minutes=30)),
    ],
)
def test_what_the_officer_has_answered_is_asked_no_more_at_once(visit, at, nudged, sign_in, officer, answered):
    at(11)
    assert answered(sign_in("officer", officer), visit).status_code == 201
    assert nudged() == []


def test_an_officer_who_said_when_is_asked_ten_minutes_after_that(visit, at, nudged, sign_in, officer):
    at(5)
    assert delay(sign_in("officer", officer), visit, TEN + timedelta(minutes=30)).status_code == 201
    at(39, 59)
    assert nudged() == []
    at(40)
    assert nudged() == ["nobody_arrived"]


# The scheduler, at +20


@pytest.mark.parametrize(("seconds", "raised"), [(-1, 0), (0, 1), (1, 1)])
def test_a_scheduler_is_told_twenty_minutes_after_the_start(visit, at, alerts, officer, seconds, raised):
    at(20, seconds)
    assert len(alerts()) == raised


def test_an_alert_says_which_visit_and_whose_and_since_when(visit, at, alerts, officer):
    at(20)
    [alert] = alerts()
    assert (alert["kind"], alert["visit_id"], alert["officer_id"]) == (
        "nobody_arrived",
        visit["id"],
        str(officer.id),
    )
    assert (alert["about_at"], alert["raised_at"]) == ("2026-11-23T10:00:00Z", "2026-11-23T10:20:00Z")
    assert alert["visit"]["starts_at"] == "2026-11-23T10:00:00Z" and alert["visit"]["status"] == "booked"


@pytest.mark.parametrize("how", ["arrived", "moved", "cancelled", "later", "missed"])
def test_it_ends_by_itself_when_it_is_over(visit, at, alerts, sign_in, officer, how):
    at(20)
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    if how == "arrived":
        arrive(phone, visit, TEN + timedelta(minutes=20))
    elif how == "moved":
        assert move(scheduler, visit, TEN + timedelta(hours=3)).status_code == 201
    elif how == "cancelled":
        assert cancel(scheduler, visit).status_code == 201
    elif how == "later":
        delay(phone, visit, TEN + timedelta(minutes=45))
    at(60 if how == "missed" else 21)
    assert alerts() == []
    [ended] = alerts("ended")
    assert ended["ended_at"] is not None


def test_one_that_was_acknowledged_says_by_whom_and_ends_as_well(visit, at, alerts, sign_in, stopped_clock):
    at(20)
    [alert] = alerts()
    scheduler = sign_in("scheduler")
    stopped_clock.advance(30)
    seen = scheduler.patch(f"/v1/alerts/{alert['id']}", {"status": "acknowledged", "note": "Ringing him."}).json
    assert (seen["status"], seen["note"], seen["acknowledged_at"]) == (
        "acknowledged",
        "Ringing him.",
        "2026-11-23T10:20:30Z",
    )
    assert seen["acknowledged_by_id"]
    at(22)
    assert [each["id"] for each in alerts("acknowledged")] == [alert["id"]]
    at(60)
    [ended] = alerts("ended")
    assert ended["acknowledged_at"] == "2026-11-23T10:20:30Z"


def test_a_visit_that_nobody_was_to_make_is_told_of_as_well(app, at, alerts, resident):
    factories.visit(resident, None, TEN)
    at(20)
    [alert] = alerts()
    assert alert["officer_id"] is None


def test_a_visit_whose_officer_takes_back_that_they_will_be_later_is_asked_and_told_of_again(
    visit, at, alerts, nudged, sign_in, officer, sender, carrier
):
    nudges = NudgeSender(sender, HARROW)
    at(20)
    nudges.send_due()
    phone = sign_in("officer", officer)
    assert delay(phone, visit, TEN + timedelta(minutes=45)).status_code == 201
    at(21)
    assert alerts() == nudged() == []
    assert delay(phone, visit, TEN).status_code == 201
    for _ in range(2):
        at(22)
        nudges.send_due()
    assert [alert["raised_at"] for alert in alerts()] == ["2026-11-23T10:22:00Z"]
    assert nudged() == ["nobody_arrived"]
    assert len(carrier.handsets) == 2


# Missed, at +60


@pytest.mark.parametrize(("seconds", "word"), [(-1, "booked"), (0, "missed"), (1, "missed")])
def test_an_hour_after_the_start_it_is_missed(visit, at, sign_in, seconds, word):
    at(60, seconds)
    assert see(sign_in("scheduler"), visit)["status"] == word


def test_the_resident_gets_an_apology_and_somebody_is_to_ring(visit, at, sign_in):
    at(60)
    scheduler = sign_in("scheduler")
    assert messages(scheduler, visit) == [("missed", "held")]
    dispatch(ConsoleSender())
    [sent] = scheduler.get(path(visit, "messages")).json["items"]
    assert sent["body"] == (
        "Harrow Council: we are sorry that nobody came to your home on Mon 23 Nov 10:00. We will call you to agree"
        f" a new time. To ask or to complain, please call 020 8863 5611. Ref {sent['reference']}"
    )
    [task] = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    assert (task["reason"], task["detail"], task["due_at"]) == ("nobody_came", "missed", "2026-11-23T11:30:00Z")
    assert "sorry that nobody came on Monday 23 November at 10 am" in task["script"]
    [line] = missed_lines(scheduler, visit)
    assert (line["by"], line["occurred_at"]) == (None, "2026-11-23T11:00:00Z")
    assert line["details"]["message_id"] == sent["id"]
    assert line["details"]["contact_task_id"] == task["id"]


def test_looking_again_changes_nothing(visit, at, sign_in):
    at(60)
    version = see(sign_in("scheduler"), visit)["version"]
    at(61)
    at(62)
    scheduler = sign_in("scheduler")
    assert see(scheduler, visit)["version"] == version
    assert len(apologies()) == len(tasks()) == 1


def test_many_dispatchers_at_once_apologise_once(visit, stopped_clock, sign_in):
    for minutes in (10, 20, 60):
        stopped_clock.set(TEN + timedelta(minutes=minutes))
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(look_for_nobody_there, [stopped_clock.now] * 8))
    scheduler = sign_in("scheduler")
    assert len(apologies()) == len(tasks()) == len(missed_lines(scheduler, visit)) == 1
    with reading() as session:
        assert len(session.scalars(select(Nudge)).all()) == 1
    assert len(scheduler.get("/v1/alerts").json["items"]) == 1


@pytest.mark.parametrize("step", ["depart", "arrive", "finish", "cancel", "move"])
def test_a_visit_that_was_made_or_called_off_or_moved_is_not_missed(
    visit, at, sign_in, officer, stopped_clock, step
):
    stopped_clock.set(TEN + timedelta(minutes=5))
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    {
        "depart": lambda: depart(phone, visit),
        "arrive": lambda: arrive(phone, visit, TEN),
        "finish": lambda: finish(phone, visit, TEN + timedelta(minutes=5)),
        "cancel": lambda: cancel(scheduler, visit),
        "move": lambda: move(scheduler, visit, TEN + timedelta(hours=4)),
    }[step]()
    at(60)
    missed = see(sign_in("scheduler"), visit)["status"] == "missed"
    assert missed is (step == "depart"), "to set out is not to arrive"
    assert len(apologies()) == missed


def test_a_visit_whose_resident_was_told_of_a_later_time_is_missed_an_hour_after_that(visit, at, sign_in, officer):
    """Seventy minutes late, and still being made: nobody says sorry for it. The report counts the promise."""
    at(5)
    delay(sign_in("officer", officer), visit, TEN + timedelta(minutes=70))
    at(129, 59)
    scheduler = sign_in("scheduler")
    assert see(scheduler, visit)["status"] == "booked"
    assert scheduler.get("/v1/reports/punctuality").json["groups"][0]["missed"] == 1
    at(130)
    assert see(sign_in("scheduler"), visit)["status"] == "missed"


def test_a_later_time_that_a_text_told_counts_even_if_the_officer_never_said_it(visit, at, sign_in):
    told = {"kind": "delayed", "expected_at": TEN + timedelta(minutes=40), "status": MessageStatus.DELIVERED}
    with transaction() as session:
        of = session.scalars(select(Visit)).one()
        row = {
            "visit_id": of.id,
            "resident_id": of.resident_id,
            "number": 1,
            "channel": "text",
            "to_address": "+447700900123",
            "language": "en",
            "lane": 0,
            "starts_at": TEN,
            "decided_at": TEN,
            "reference_at": TEN,
            "send_at": TEN,
            "next_try_at": TEN,
            "expires_at": TEN,
        }
        message = Message(**row | told)
        message.id = message.news_id = factories.uuid4()
        session.add(message)
    at(99, 59)
    assert see(sign_in("scheduler"), visit)["status"] == "booked"
    at(100)
    assert see(sign_in("scheduler"), visit)["status"] == "missed"


@pytest.mark.parametrize(("moved_by", "missed_after"), [(10, 100), (-10, 100), (14, 100), (30, 90)])
def test_a_later_time_that_was_told_stands_when_the_visit_moves_by_less_than_is_told(
    visit, at, sign_in, officer, stopped_clock, moved_by, missed_after
):
    """Nobody tells of a move of ten minutes: the resident still waits for what the text said."""
    stopped_clock.set(TEN - timedelta(minutes=20))
    assert delay(sign_in("officer", officer), visit, TEN + timedelta(minutes=40)).status_code == 201
    dispatch(ConsoleSender())
    assert move(sign_in("scheduler"), visit, TEN + timedelta(minutes=moved_by)).status_code == 201
    at(missed_after, -1)
    assert see(sign_in("scheduler"), visit)["status"] == "booked"
    at(missed_after)
    assert see(sign_in("scheduler"), visit)["status"] == "missed"


def test_a_visit_without_an_officer_is_missed_too(app, at, resident):
    factories.visit(resident, None, TEN)
    at(60)
    assert len(apologies()) == 1


def test_a_visit_entered_after_it_happened_is_nobodys_fault(app, at, resident, officer, alerts, stopped_clock):
    stopped_clock.set(TEN + timedelta(minutes=1))
    factories.visit(resident, officer, TEN, reason="Entered afterwards")
    at(20)
    at(60)
    assert alerts() == [] and apologies() == []


def test_a_watch_that_slept_for_a_day_apologises_for_nothing_older(visit, at):
    at(60 + 24 * 60, 1)
    assert apologies() == []


def test_who_wants_no_text_is_rung_once(app, at, officer):
    factories.visit(factories.resident(contact_by=ContactBy.CALL), officer, TEN)
    at(60)
    assert apologies() == []
    assert [task.reason for task in tasks()] == ["nobody_came"]


def test_at_night_the_apology_waits_for_the_morning(app, at, officer, resident, stopped_clock):
    evening = MONDAY_9 + timedelta(hours=11, minutes=30)
    factories.visit(resident, officer, evening)
    at(60, since=evening)
    [apology] = apologies()
    assert apology.send_at == MONDAY_9 + timedelta(hours=23)


def test_an_apology_that_reaches_nobody_takes_the_next_way_and_asks_for_no_second_call(app, at, officer, sender):
    home = factories.resident(second_phone="+447700900124")
    factories.visit(home, officer, TEN)
    at(60)
    for _ in range(3):
        dispatch(sender)
        for each in apologies():
            if each.status is MessageStatus.ACCEPTED:
                receive(each.id, "undelivered", sid=each.carrier_id or "", error_code="30005")
    assert [(each.channel, each.to_address) for each in apologies()] == [
        ("text", "+447700900123"),
        ("text", "+447700900124"),
    ]
    assert [task.reason for task in tasks()] == ["nobody_came"]


def test_what_was_still_to_be_told_is_told_no_more(visit, at, sign_in, officer, stopped_clock):
    stopped_clock.set(TEN - timedelta(minutes=30))
    delay(sign_in("officer", officer), visit, TEN + timedelta(minutes=16))
    at(80)
    assert messages(sign_in("scheduler"), visit) == [("delayed", "superseded"), ("missed", "held")]


# Somebody came after all


def test_an_arrival_that_comes_in_later_corrects_it_and_stops_the_apology(
    visit, at, sign_in, officer, stopped_clock
):
    at(60)
    answer = arrive(sign_in("officer", officer), visit, TEN + timedelta(minutes=2))
    assert (answer.status_code, answer.json["punctuality"], answer.json["flags"]) == (
        201,
        "on_time",
        ["recorded_later"],
    )
    scheduler = sign_in("scheduler")
    assert see(scheduler, visit)["status"] == "arrived"
    assert messages(scheduler, visit) == [("missed", "superseded")]
    assert [task.status for task in tasks()] == [ContactTaskStatus.NOT_NEEDED]
    assert scheduler.get("/v1/reports/punctuality").json["groups"][0]["on_time"] == 1


def test_an_apology_that_has_gone_is_taken_back_where_the_officer_had_been_there(visit, at, sign_in, officer):
    at(60)
    dispatch(ConsoleSender())
    finish(sign_in("officer", officer), visit, TEN + timedelta(minutes=30))
    scheduler = sign_in("scheduler")
    assert messages(scheduler, visit) == [("missed", "delivered"), ("came_after_all", "held")]
    arrive(sign_in("officer", officer), visit, TEN + timedelta(minutes=2))
    dispatch(ConsoleSender())
    sent = scheduler.get(path(visit, "messages")).json["items"][1]
    assert sent["body"].startswith(
        "Harrow Council: please ignore our message that nobody came on Mon 23 Nov 10:00."
    )
    assert len(scheduler.get(path(visit, "messages")).json["items"]) == 2


@pytest.mark.parametrize(
    "said",
    [
        {"arrived_at": TEN + timedelta(minutes=2)},
        {"outcome": "completed", "finished_at": TEN + timedelta(minutes=30)},
    ],
)
def test_a_scheduler_who_corrects_it_stops_the_apology_and_the_call(visit, at, sign_in, said):
    """By night the apology would wait for the morning, and say then that nobody came."""
    at(60)
    assert correct(sign_in("scheduler"), visit, **said).status_code == 201
    assert messages(sign_in("scheduler"), visit) == [("missed", "superseded")]
    assert [task.status for task in tasks()] == [ContactTaskStatus.NOT_NEEDED]


def test_a_scheduler_who_corrects_it_takes_an_apology_back_that_has_gone(visit, at, sign_in):
    at(60)
    dispatch(ConsoleSender())
    for minutes in (2, 3):
        came = TEN + timedelta(minutes=minutes)
        assert correct(sign_in("scheduler"), visit, arrived_at=came).status_code == 201
    assert messages(sign_in("scheduler"), visit) == [("missed", "delivered"), ("came_after_all", "held")]


def test_who_comes_after_the_apology_is_seen_and_needs_no_text(visit, at, sign_in, officer, stopped_clock):
    at(60)
    dispatch(ConsoleSender())
    stopped_clock.set(TEN + timedelta(minutes=65))
    arrive(sign_in("officer", officer), visit, TEN + timedelta(minutes=65))
    assert messages(sign_in("scheduler"), visit) == [("missed", "delivered")]
    assert [task.status for task in tasks()] == [ContactTaskStatus.NOT_NEEDED]


def test_an_arrival_in_a_batch_from_a_phone_without_signal_corrects_it_too(
    visit, at, sign_in, officer, stopped_clock
):
    at(90)
    event = {
        "type": "arrival",
        "client_id": factories.client_id(),
        "visit_id": visit["id"],
        "arrived_at": (TEN + timedelta(minutes=1)).isoformat(),
    }
    body = {"sent_at": stopped_clock.now.isoformat(), "events": [event]}
    answer = sign_in("officer", officer).post("/v1/me/sync", body)
    assert [result["status"] for result in answer.json["results"]] == [201]
    assert see(sign_in("scheduler"), visit)["status"] == "arrived"
    assert [each.status for each in apologies()] == [MessageStatus.SUPERSEDED]


def test_an_apology_without_a_receipt_takes_no_next_way_once_somebody_came(
    visit, at, sign_in, officer, sender, carrier
):
    at(60)
    with transaction() as session:
        session.execute(
            update(Message).values(
                status=MessageStatus.ACCEPTED, accepted_at=TEN, next_way_at=TEN + timedelta(minutes=60)
            )
        )
    arrive(sign_in("officer", officer), visit, TEN + timedelta(minutes=59))
    dispatch(sender)
    assert [each.kind for each in apologies()] == ["missed"], "no next way for what is not true"


def test_a_visit_that_cannot_be_marked_keeps_no_other_waiting(visit, resident, stopped_clock, monkeypatch):
    other = factories.visit(resident, factories.officer(), TEN + timedelta(minutes=1))
    queue = overdue.queue_missed

    def refused_once(session: Any, missed: Visit, *, at: datetime) -> Any:
        if missed.starts_at == TEN:
            raise RuntimeError("no")
        return queue(session, missed, at=at)

    monkeypatch.setattr(overdue, "queue_missed", refused_once)
    stopped_clock.set(TEN + timedelta(minutes=62))
    with pytest.raises(RuntimeError):
        look_for_nobody_there(stopped_clock.now)
    with reading() as session:
        by_start = session.scalars(select(Visit).order_by(Visit.starts_at))
        assert [(each.id == other.id, each.status) for each in by_start] == [(False, "booked"), (True, "missed")]


def test_an_apology_that_expires_asks_for_no_second_call(visit, at, sign_in, stopped_clock):
    at(60)
    stopped_clock.advance(24 * 3600 + 60)
    dispatch(ConsoleSender())
    assert messages(sign_in("scheduler"), visit) == [("missed", "expired")]
    assert [task.reason for task in tasks()] == ["nobody_came"]
