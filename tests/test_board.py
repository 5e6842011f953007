"""Today's board: what is on it and from when on, what is never on it, and its lists page by page."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

from models import database, travel
from models.alert import Alert, AlertKind, AlertState, raise_alert
from models.board import Kind, at_risk, listed, shown
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import reading, transaction
from models.message import Message, MessageKind, MessageStatus
from models.outlook import outlook
from models.outlooks import outlooks
from models.promise import ChangeNotice
from models.resident import ContactBy
from models.visit import Visit, VisitStatus
from notifications.look_ahead import look_ahead
from notifications.senders.console import ConsoleSender
from tests import factories
from tests.conftest import StoppedClock
from tests.sending import dispatch
from tests.steps import MONDAY_9, arrive, book, delay, depart, finish, move

NOON = MONDAY_9 + timedelta(hours=3)
HTML = {"Accept": "text/html,*/*;q=0.8"}
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def at_noon(app: Flask, stopped_clock: StoppedClock) -> None:
    stopped_clock.set(NOON)


def browser_of(scheduler: Any, app: Flask) -> Any:
    web = app.test_client()
    web.set_cookie("staff", scheduler.token, path="/staff")
    return web


@pytest.fixture
def board(app: Flask, scheduler: Any) -> Any:
    """A scheduler's browser, signed in."""
    return browser_of(scheduler, app)


def visit(of: Any, by: Any, starts_at: datetime, **values: Any) -> UUID:
    """A visit as it stands, whatever the diary says of it."""
    row = {
        "id": uuid4(),
        "reference": uuid4().hex[:12],
        "resident_id": of.id,
        "officer_id": by.id if by else None,
        "purpose": "Repair inspection",
        "skills": [],
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=1),
        "status": VisitStatus.BOOKED,
        "version": 1,
        "first_promised_at": starts_at,
        "promise_number": 1,
        "created_at": MONDAY_9,
    } | values
    with transaction() as session:
        session.execute(insert(Visit), [row])
    return UUID(str(row["id"]))


def see(kind: Kind, at: datetime = NOON) -> Any:
    with reading() as session:
        return shown(session, kind, at, most=8)


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# Late now, and nobody came


@pytest.mark.parametrize(
    ("ago", "late", "nobody_came"),
    [
        (timedelta(minutes=15), 0, 0),
        (timedelta(minutes=15) + SECOND, 1, 0),
        (timedelta(minutes=60) - SECOND, 1, 0),
        (timedelta(minutes=60), 0, 1),
        (timedelta(hours=12), 0, 1),
        (timedelta(hours=12) + SECOND, 0, 0),
    ],
)
@pytest.mark.parametrize("status", [VisitStatus.BOOKED, VisitStatus.EN_ROUTE])
def test_a_visit_is_late_after_fifteen_minutes_and_nobody_came_after_sixty_until_midnight(
    resident: Any, officer: Any, status: VisitStatus, ago: timedelta, late: int, nobody_came: int
) -> None:
    visit(resident, officer, NOON - ago, status=status)
    assert (see(Kind.LATE).total, see(Kind.NOBODY_CAME).total) == (late, nobody_came)


@pytest.mark.parametrize(
    "status", [VisitStatus.ARRIVED, VisitStatus.COMPLETED, VisitStatus.NO_ACCESS, VisitStatus.CANCELLED]
)
def test_a_visit_that_somebody_came_to_or_that_is_off_is_not_late(
    resident: Any, officer: Any, status: VisitStatus
) -> None:
    visit(resident, officer, NOON - timedelta(minutes=30), status=status)
    visit(resident, officer, NOON - timedelta(minutes=90), status=status)
    assert see(Kind.LATE) == see(Kind.NOBODY_CAME) == (0, 0, [])


def test_a_missed_visit_is_one_that_nobody_came_to(resident: Any, officer: Any) -> None:
    visit(resident, officer, NOON - timedelta(minutes=90), status=VisitStatus.MISSED)
    assert see(Kind.NOBODY_CAME).total == 1


@pytest.mark.parametrize(
    ("status", "says", "not_told"),
    [
        (None, "NOT TOLD", 1),
        (MessageStatus.HELD, "Being told", 1),
        (MessageStatus.UNKNOWN, "Being told", 1),
        (MessageStatus.ACCEPTED, "Told", 0),
        (MessageStatus.DELIVERED, "Told", 0),
        (MessageStatus.FAILED, "NOT TOLD", 1),
        (MessageStatus.SUPERSEDED, "NOT TOLD", 1),
    ],
)
def test_the_board_says_whether_the_resident_of_a_late_visit_knows(
    app: Flask,
    sign_in: Any,
    scheduler: Any,
    phone: Any,
    officer: Any,
    resident: Any,
    stopped_clock: StoppedClock,
    status: MessageStatus | None,
    says: str,
    not_told: int,
) -> None:
    made = book(scheduler, resident, officer, NOON + timedelta(minutes=30))
    if status is not None:
        assert delay(phone, made, NOON + timedelta(minutes=70)).status_code == 201
        with transaction() as session:
            late = update(Message).where(Message.kind == MessageKind.DELAYED)
            session.execute(late.values(status=status))
    stopped_clock.advance(50 * 60)
    board = browser_of(sign_in("scheduler"), app)
    page = words_of(board.get("/staff", headers=HTML).text)
    assert f"12:30 20 min {says} {officer.display_name}" in page
    assert ("1 not told" in page) is bool(not_told)
    assert see(Kind.LATE, stopped_clock.now).urgent == not_told


def test_who_was_told_of_a_delay_before_another_time_does_not_know_of_this_one(
    scheduler: Any, phone: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    made = book(scheduler, resident, officer, NOON + timedelta(minutes=30))
    assert delay(phone, made, NOON + timedelta(minutes=70)).status_code == 201
    dispatch(ConsoleSender())
    assert move(scheduler, made, NOON + timedelta(hours=3)).status_code == 201
    stopped_clock.advance(200 * 60)
    assert see(Kind.LATE, stopped_clock.now).urgent == 1


def test_a_move_of_another_visit_does_not_unsay_a_delay(
    scheduler: Any, phone: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    made = book(scheduler, resident, officer, NOON + timedelta(minutes=30))
    assert delay(phone, made, NOON + timedelta(minutes=70)).status_code == 201
    dispatch(ConsoleSender())
    other = book(scheduler, factories.resident(), factories.officer(), NOON + timedelta(hours=25))
    for days in (2, 3):
        stopped_clock.advance(60)
        assert move(scheduler, other, NOON + timedelta(days=days)).status_code == 201
        dispatch(ConsoleSender())
    assert see(Kind.LATE, NOON + timedelta(minutes=50))[:2] == (1, 0)


def test_a_move_of_ten_minutes_does_not_unsay_a_delay(
    scheduler: Any, phone: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    made = book(scheduler, resident, officer, NOON + timedelta(minutes=30))
    assert delay(phone, made, NOON + timedelta(minutes=70)).status_code == 201
    dispatch(ConsoleSender())
    assert move(scheduler, made, NOON + timedelta(minutes=40)).status_code == 201
    stopped_clock.advance(60 * 60)
    assert see(Kind.LATE, stopped_clock.now)[:2] == (1, 0)


@pytest.fixture
def rung(scheduler: Any, phone: Any, officer: Any, stopped_clock: StoppedClock) -> Any:
    """A visit at half past one whose officer says that they will be late, and whose resident takes no texts: a
    scheduler has rung them."""
    made = book(scheduler, factories.resident(contact_by=ContactBy.CALL), officer, NOON + timedelta(minutes=90))
    with transaction() as session:
        session.execute(update(ContactTask).values(status=ContactTaskStatus.NOT_NEEDED))
    assert delay(phone, made, NOON + timedelta(minutes=130)).status_code == 201
    stopped_clock.advance(60)
    close_tasks(scheduler, "done")
    return made


def close_tasks(scheduler: Any, status: str) -> None:
    [task] = scheduler.get("/v1/contact-tasks?status=open").json["items"]
    assert scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": status}).status_code == 200


def test_who_was_rung_about_a_delay_is_told_by_telephone(
    app: Flask, sign_in: Any, rung: Any, stopped_clock: StoppedClock
) -> None:
    stopped_clock.set(NOON + timedelta(minutes=110))
    page = words_of(browser_of(sign_in("scheduler"), app).get("/staff", headers=HTML).text)
    assert "13:30 20 min Told by telephone" in page and "not told" not in page
    assert see(Kind.LATE, stopped_clock.now)[:2] == (1, 0)


@pytest.mark.parametrize("status", ["open", "not_reached"])
def test_who_has_still_to_be_rung_or_was_not_reached_is_not_told(
    scheduler: Any, rung: Any, stopped_clock: StoppedClock, status: str
) -> None:
    with transaction() as session:
        session.execute(update(ContactTask).values(status=status))
    assert see(Kind.LATE, NOON + timedelta(minutes=110))[:2] == (1, 1)


def test_who_was_rung_about_another_time_than_this_is_not_told(
    scheduler: Any, rung: Any, stopped_clock: StoppedClock
) -> None:
    """Whom no text tells of the move either."""
    stopped_clock.advance(60)
    assert move(scheduler, rung, NOON + timedelta(hours=3)).status_code == 201
    assert see(Kind.LATE, NOON + timedelta(minutes=200))[:2] == (1, 1)


def test_a_predicted_arrival_is_not_said_to_be_the_officers_word(
    app: Flask, sign_in: Any, scheduler: Any, phone: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    """The officer is still at the visit before, and has said nothing of this one."""
    first = book(scheduler, resident, officer, NOON + timedelta(minutes=5), duration_minutes=45)
    second = book(scheduler, resident, officer, NOON + timedelta(minutes=80))
    stopped_clock.set(NOON + timedelta(minutes=70))
    assert arrive(sign_in("officer", officer), first, NOON + timedelta(minutes=70)).status_code == 201
    assert [look_ahead(stopped_clock.now + timedelta(minutes=minutes)) for minutes in (0, 1)] == [0, 1]
    stopped_clock.set(NOON + timedelta(minutes=100))
    expected = sign_in("scheduler").get(f"/v1/visits/{second['id']}").json["expected_at"]
    page = words_of(browser_of(sign_in("scheduler"), app).get("/staff", headers=HTML).text)
    late = page.partition("Late now: 1")[2].partition("Nobody came:")[0]
    assert f"Expected {expected[11:16]}" in late and "Said" not in late and "says" not in late


# May be late


def test_who_is_rather_late_than_not_is_foreseen_and_what_nothing_is_known_of_is_unknown(
    board: Any, scheduler: Any, phone: Any, officer: Any, resident: Any
) -> None:
    """The officer came to the first visit 40 minutes late; of the second officer nothing is known."""
    first = book(scheduler, resident, officer, NOON + timedelta(minutes=5), duration_minutes=45)
    second = book(scheduler, resident, officer, NOON + timedelta(hours=1))
    third = book(scheduler, resident, officer, NOON + timedelta(hours=3))
    other = factories.officer(display_name="Daniel Brown")
    book(scheduler, resident, other, NOON + timedelta(hours=2))
    assert arrive(phone, first, NOON + timedelta(minutes=45)).status_code == 201
    page = words_of(board.get("/staff", headers=HTML).text)
    may_be_late = page.partition("May be late: 1")[2].partition("Not told of a change:")[0]
    assert second["reference"] in may_be_late and third["reference"] not in may_be_late
    assert "Unknown: 1. Nothing reported today says when their officers will be there." in may_be_late
    assert "Daniel Brown" not in may_be_late


def test_the_outlooks_of_all_are_those_of_each(
    scheduler: Any, phone: Any, officer: Any, resident: Any, sign_in: Any
) -> None:
    other = factories.officer()
    others_phone = sign_in("officer", other)
    visits = {
        whose.id: [book(scheduler, resident, whose, MONDAY_9 + timedelta(hours=4 + hour)) for hour in range(4)]
        for whose in (officer, other)
    }
    depart(phone, visits[officer.id][0], departed_at=NOON.isoformat())
    arrive(others_phone, visits[other.id][0], NOON)
    finish(others_phone, visits[other.id][0], NOON + timedelta(minutes=90))
    at = NOON + timedelta(minutes=95)
    with reading() as session:
        each = {
            found.visit_id: found.arrival
            for whose in (officer, other)
            for found in outlook(session, whose.id, travel.in_use(), at)
        }
        assert len(each) == 7
        assert {visit.id: arrival for visit, arrival in outlooks(session, travel.in_use(), at)} == each


def test_of_a_visit_with_two_the_later_decides_and_one_unknown_makes_it_unknown(
    scheduler: Any, phone: Any, officer: Any, resident: Any, sign_in: Any
) -> None:
    other = factories.officer()
    others_phone = sign_in("officer", other)
    early, late = (book(scheduler, resident, whose, NOON + timedelta(minutes=10)) for whose in (officer, other))
    together = visit(
        resident, officer, NOON + timedelta(hours=2), second_officer_id=other.id, ends_at=NOON + timedelta(hours=3)
    )

    def arrival() -> Any:
        with reading() as session:
            return {each.id: found for each, found in outlooks(session, travel.in_use(), NOON)}[together]

    arrive(phone, early, NOON)
    assert arrival() is None
    arrive(others_phone, late, NOON + timedelta(minutes=115))
    with reading() as session:
        theirs = [
            found.arrival
            for whose in (officer, other)
            for found in outlook(session, whose.id, travel.in_use(), NOON)
            if found.visit_id == together
        ]
    assert arrival() == theirs[1] != theirs[0]


def test_a_visit_that_is_late_already_is_no_more_at_risk(resident: Any, officer: Any) -> None:
    visit(resident, officer, NOON - timedelta(minutes=16))
    visit(resident, officer, NOON - timedelta(minutes=15))
    with reading() as session:
        assert at_risk(outlooks(session, travel.in_use(), NOON), NOON) == ([], 1)


# Not told of a change


def told(**values: Any) -> None:
    with transaction() as session:
        session.execute(update(ChangeNotice).values(**values))


@pytest.mark.parametrize(
    ("hours", "on_it"), [(timedelta(hours=28) - SECOND, 1), (timedelta(hours=28), 0), (timedelta(hours=1), 1)]
)
def test_a_change_is_on_the_board_when_the_last_moment_for_notice_is_four_hours_off(
    scheduler: Any, officer: Any, resident: Any, hours: timedelta, on_it: int
) -> None:
    moved = move(scheduler, book(scheduler, resident, officer, NOON + timedelta(days=3)), NOON + hours)
    assert moved.status_code == 201
    assert see(Kind.UNTOLD).total == on_it
    assert see(Kind.UNTOLD, NOON + hours).total == 0, "its time has passed"


def test_who_was_told_is_no_more_on_the_board_and_who_may_have_been_is_not_urgent(
    board: Any, scheduler: Any, officer: Any, resident: Any
) -> None:
    made = book(scheduler, resident, officer, NOON + timedelta(days=1, hours=1))
    move(scheduler, made, NOON + timedelta(days=1, hours=3))
    page = words_of(board.get("/staff", headers=HTML).text)
    assert f"13:00 {made['reference']} Tue 24 Nov 13:00 to Tue 24 Nov 15:00 Goes 12:00" in page
    assert "1 not sent" in page
    told(handed_over_at=NOON)
    assert (see(Kind.UNTOLD).total, see(Kind.UNTOLD).urgent) == (1, 0)
    assert "Sent, no receipt" in words_of(board.get("/staff", headers=HTML).text)
    told(told_at=NOON)
    assert see(Kind.UNTOLD).total == 0


def test_only_the_newest_change_of_a_visit_is_to_be_told(
    scheduler: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    made = book(scheduler, resident, officer, NOON + timedelta(days=1, hours=1))
    move(scheduler, made, NOON + timedelta(days=1, hours=3))
    with transaction() as session:
        session.execute(update(Message).values(status=MessageStatus.ACCEPTED))
    stopped_clock.advance(60)
    move(scheduler, made, NOON + timedelta(days=1, hours=2))
    (row,) = see(Kind.UNTOLD, stopped_clock.now).rows
    assert row.to_starts_at == NOON + timedelta(days=1, hours=2)


def test_a_change_of_ten_minutes_is_nothing_to_tell(scheduler: Any, officer: Any, resident: Any) -> None:
    made = book(scheduler, resident, officer, NOON + timedelta(days=1))
    move(scheduler, made, NOON + timedelta(days=1, minutes=10))
    assert see(Kind.UNTOLD).total == 0


# To ring, and without an officer


def task(
    resident: Any, due_at: datetime, status: ContactTaskStatus = ContactTaskStatus.OPEN, **values: Any
) -> None:
    made = ContactTask(
        id=uuid4(),
        resident_id=resident.id,
        reason=ContactReason.NO_MOBILE_NUMBER,
        detail="moved",
        due_at=due_at,
        status=status,
        created_at=NOON,
        **values,
    )
    with transaction() as session:
        session.add(made)


def test_who_is_to_be_rung_is_there_by_when_they_are_to_be_rung_and_what_is_overdue_is_said(
    board: Any, resident: Any, officer: Any
) -> None:
    of = visit(resident, officer, NOON + timedelta(hours=1), reference="HV-1")
    task(resident, NOON + timedelta(minutes=5), visit_id=of, words="My boiler leaks")
    task(resident, NOON - SECOND)
    for status in set(ContactTaskStatus) - {ContactTaskStatus.OPEN}:
        task(resident, NOON, status)
    found = see(Kind.TO_RING)
    assert (found.total, found.urgent) == (2, 1)
    page = words_of(board.get("/staff", headers=HTML).text)
    assert "11:59 OVERDUE No mobile number None 12:05 No mobile number HV-1, 13:00" in page
    assert "boiler" not in page


@pytest.mark.parametrize(
    ("kind", "says", "urgent"),
    [
        (AlertKind.NO_OUTCOME, "Officer not out of a visit Amina Yusuf HV-2", 1),
        (AlertKind.AT_RISK, "Likely to fail: move it Amina Yusuf HV-2", 0),
    ],
)
def test_what_the_watch_has_noticed_is_there_until_somebody_sees_to_it(
    board: Any, resident: Any, officer: Any, kind: AlertKind, says: str, urgent: int
) -> None:
    of = visit(resident, officer, NOON - timedelta(hours=1), reference="HV-2")
    with transaction() as session:
        raise_alert(session, kind, visit_id=of, officer_id=officer.id, about_at=NOON, at=NOON)
    assert (see(Kind.ALERTS).total, see(Kind.ALERTS).urgent) == (1, urgent)
    assert f"12:00 {says} 12:00" in words_of(board.get("/staff", headers=HTML).text)
    with transaction() as session:
        session.execute(update(Alert).values(status=AlertState.ACKNOWLEDGED))
    assert see(Kind.ALERTS).total == 0


def test_that_nobody_has_arrived_is_not_there_twice(resident: Any, officer: Any) -> None:
    of = visit(resident, officer, NOON - timedelta(minutes=20))
    with transaction() as session:
        raise_alert(session, AlertKind.NOBODY_ARRIVED, visit_id=of, officer_id=officer.id, about_at=NOON, at=NOON)
    assert (see(Kind.LATE).total, see(Kind.ALERTS).total) == (1, 0)


def test_every_reason_to_ring_has_its_words(board: Any, resident: Any) -> None:
    for reason in ContactReason:
        task(resident, NOON)
        with transaction() as session:
            session.execute(update(ContactTask).values(reason=reason))
        assert board.get("/staff", headers=HTML).status_code == 200, reason


def test_visits_to_come_without_an_officer_are_counted_and_all_of_them_listed_page_by_page(
    board: Any, resident: Any
) -> None:
    for number in range(120):
        visit(resident, None, NOON + timedelta(hours=1 + number // 2), reference=f"R{number:03}")
    visit(resident, None, NOON)
    visit(resident, None, NOON + timedelta(hours=1), status=VisitStatus.CANCELLED)
    page = board.get("/staff", headers=HTML).text
    assert "Without an officer: 120" in page and page.count("<td>R") == 8
    address, seen, pages = re.findall(r'href="(/staff/lists/unassigned)"', page)[0], [], 0
    while address:
        listing = board.get(address, headers=HTML).text
        seen += re.findall(r"<td>(R\d{3})</td>", listing)
        (address,) = re.findall(r'href="([^"]+cursor=[^"]+)"', listing) or [""]
        pages += 1
    assert (pages, len(seen), len(set(seen))) == (3, 120, 120)
    assert [reference[1:] < "002" for reference in seen[:3]] == [True, True, False]


@pytest.mark.parametrize("name", ["late", "nobody-came", "at-risk", "untold", "to-ring", "alerts", "unassigned"])
@pytest.mark.parametrize("cursor", ["", "x", "é", "WyJ4Il0", "%00"])
def test_a_list_with_nothing_in_it_says_so_and_a_false_cursor_begins_at_the_beginning(
    board: Any, name: str, cursor: str
) -> None:
    page = board.get(f"/staff/lists/{name}?cursor={cursor}", headers=HTML)
    assert page.status_code == 200
    assert "<table" not in page.text


def test_there_are_no_other_lists(board: Any) -> None:
    assert board.get("/staff/lists/residents", headers=HTML).status_code == 404


# What is never on it, and how it is kept up to date


def test_nothing_on_a_screen_on_the_wall_tells_who_lives_where(
    board: Any, officer: Any, resident: Any, scheduler: Any
) -> None:
    visit(resident, officer, NOON - timedelta(minutes=20))
    visit(resident, officer, NOON - timedelta(minutes=70))
    visit(resident, None, NOON + timedelta(minutes=70))
    move(
        scheduler, book(scheduler, resident, officer, NOON + timedelta(days=1)), NOON + timedelta(days=1, hours=2)
    )
    task(resident, NOON, words="Ring the bell twice")
    addresses = [
        "/staff",
        "/staff/board",
        *(f"/staff/lists/{kind.value}" for kind in Kind),
        "/staff/lists/at-risk",
    ]
    for address in addresses:
        page = board.get(address, headers=HTML).text
        assert officer.display_name in page or "lists" in address
        for private in (
            resident.name,
            resident.phone,
            resident.line_1,
            resident.postcode,
            "Repair",
            "Ring the bell",
        ):
            assert private not in page, address


def test_the_part_that_is_looked_at_again_is_sent_only_if_something_changed(
    board: Any, officer: Any, resident: Any, stopped_clock: StoppedClock
) -> None:
    visit(resident, officer, NOON - timedelta(minutes=20))
    part = board.get("/staff/board", headers=HTML)
    assert part.text.startswith('<div id="board"')
    tag = {"If-None-Match": part.headers["ETag"]}
    stopped_clock.advance(59)
    again = board.get("/staff/board", headers=HTML | tag)
    assert (again.status_code, again.data) == (304, b"")
    visit(resident, officer, NOON - timedelta(minutes=40))
    assert board.get("/staff/board", headers=HTML | tag).status_code == 200
    stopped_clock.advance(1)
    assert board.get("/staff/board", headers=HTML | tag).status_code == 200, "another minute"


def test_without_a_script_the_page_reloads_and_it_can_be_stopped(board: Any) -> None:
    page = board.get("/staff", headers=HTML).text
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in page
    assert "/static/board.js" in page and 'href="/staff?paused=1"' in page
    still = board.get("/staff?paused=1", headers=HTML).text
    assert "http-equiv" not in still and "board.js" not in still


def test_a_list_goes_on_after_a_place(resident: Any) -> None:
    times = [NOON - timedelta(minutes=minutes) for minutes in (50, 40, 40, 30)]
    for starts_at in times:
        visit(resident, factories.officer(), starts_at)
    seen: list[Any] = []
    with reading() as session:
        while rows := listed(session, Kind.LATE, NOON, (seen[-1].at, seen[-1].id) if seen else None, most=1):
            seen += rows
        before_all = (datetime(2020, 1, 1, tzinfo=UTC), uuid4())
        assert len(listed(session, Kind.LATE, NOON, before_all, most=9)) == 4
    assert [row.at for row in seen] == times


# When it cannot be read


@pytest.mark.parametrize("address", ["/staff", "/staff/lists/late"])
def test_a_board_that_cannot_be_read_says_so_to_staff_and_tries_again(
    board: Any, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A resident's page, of badges and of doors, would be no help to anybody here."""

    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT 1", None, Exception("gone"))

    monkeypatch.setattr(database, "looking", gone)
    answer = board.get(address, headers=HTML)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert '<meta http-equiv="refresh" content="15">' in answer.text
    said = words_of(answer.text)
    assert "We cannot read the board now" in said and "tries again by itself every 15 seconds" in said
    assert "badge" not in said and "door" not in said
    script = board.get("/staff/board")
    assert (script.status_code, script.content_type) == (503, "application/problem+json")


def test_a_form_that_could_not_be_answered_leads_back_to_the_board(
    board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT 1", None, Exception("gone"))

    monkeypatch.setattr(database, "looking", gone)
    answer = board.post("/staff/sign-out", headers=HTML)
    assert answer.status_code == 503
    assert '<meta http-equiv="refresh" content="15; url=/staff">' in answer.text


def test_a_page_of_staff_that_is_nowhere_leads_to_the_board(board: Any) -> None:
    for address in ("/staff/lists/nonsense", "/staff/nonsense"):
        answer = board.get(address, headers=HTML)
        assert (answer.status_code, "Today's board" in answer.text) == (404, True)
        assert "badge" not in answer.text and "refresh" not in answer.text
