"""Figures by every dimension, what is behind each of them, and that they are never older than the database."""

import csv
import io
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, text, update

from models import clock, figure_index, reports
from models.database import engine, reading, snapshot, transaction
from models.figure_rows import Word, judged_originally
from models.figures import By
from models.message import Channel, Message, MessageKind, MessageStatus
from models.promise import ChangeNotice
from models.visit import Visit, VisitStatus
from models.visit_facts import FigureChange
from notifications.senders.console import ConsoleSender
from tests import factories
from tests.sending import dispatch
from tests.steps import MONDAY_9, WEDNESDAY_10, arrive, book, cancel, delay, finish, later, move
from tests.test_reports import NOTICE, NOVEMBER, PUNCTUALITY, happened, one_group, report

VISITS, CHANGES = f"{PUNCTUALITY}/visits", f"{NOTICE}/changes"
FRIDAY_9 = MONDAY_9 - timedelta(days=3)


@pytest.fixture
def town(app: Any) -> dict[str, Any]:
    """Two officers and two residents who differ in all that figures are parted by, and a visit of each pair: on
    time for the first officer, 20 minutes late for the second; one that nobody has, and nobody came to."""
    officers = (
        factories.officer(team="Repairs North"),
        factories.officer(team="Heating", company="Northwick Heating Ltd"),
    )
    residents = (
        factories.resident(ward="Pinner", language="en"),
        factories.resident(ward="Greenhill", language="gu"),
    )
    for hour, officer in enumerate(officers):
        for half, resident in enumerate(residents):
            start = FRIDAY_9 + timedelta(hours=hour, minutes=30 * half)
            visit_type = "repair" if half else None
            happened(resident, officer, start, 20 * hour, visit_type=visit_type)
    happened(factories.resident(), None, FRIDAY_9, None, VisitStatus.BOOKED)
    return {"officers": officers, "residents": residents}


def on_time(client: Any, query: str) -> dict[str, tuple[int, int]]:
    groups = report(client, PUNCTUALITY, f"{NOVEMBER}&{query}")["groups"]
    return {group["group"]: (group["on_time"], group["counted"]) for group in groups}


def test_figures_are_parted_by_what_was_true_of_each_visit(scheduler, town):
    first, second = (str(officer.id) for officer in town["officers"])
    assert on_time(scheduler, "by=team") == {"Heating": (0, 2), "Repairs North": (2, 2), "unassigned": (0, 1)}
    assert on_time(scheduler, "by=officer") == {first: (2, 2), second: (0, 2), "unassigned": (0, 1)}
    assert on_time(scheduler, "by=employment") == {
        "contractor": (0, 2),
        "employee": (2, 2),
        "unassigned": (0, 1),
    }
    assert on_time(scheduler, "by=ward") == {"Greenhill": (1, 2), "Pinner": (1, 2), "no_ward": (0, 1)}
    assert on_time(scheduler, "by=language") == {"en": (1, 3), "gu": (1, 2)}
    assert on_time(scheduler, "by=visit_type") == {"no_visit_type": (1, 3), "repair": (1, 2)}


def test_every_dimension_narrows_the_figures_too(scheduler, town):
    assert on_time(scheduler, "ward=Pinner") == {"all": (1, 2)}
    assert on_time(scheduler, "ward=Pinner&by=team") == {"Heating": (0, 1), "Repairs North": (1, 1)}
    assert on_time(scheduler, "language=gu&employment=contractor&visit_type=repair") == {"all": (0, 1)}
    assert on_time(scheduler, "team=no_team") == {}
    assert on_time(scheduler, f"officer={town['officers'][0].id}") == {"all": (2, 2)}
    assert on_time(scheduler, "officer=unassigned&ward=no_ward") == {"all": (0, 1)}


def test_what_is_true_of_people_later_changes_no_visit_that_was(scheduler, town, officer):
    before = [report(scheduler, PUNCTUALITY, f"{NOVEMBER}&by={by}") for by in By]
    for person in town["officers"]:
        assert scheduler.patch(f"/v1/officers/{person.id}", {"team": "Gardens"}).json["team"] == "Gardens"
    for resident in town["residents"]:
        path = f"/v1/residents/{resident.id}"
        address = scheduler.get(path).json["address"] | {"ward": "Hatch End"}
        moved = scheduler.patch(path, {"address": address, "language": "so"}).json
        assert (moved["address"]["ward"], moved["language"]) == ("Hatch End", "so")
    assert [report(scheduler, PUNCTUALITY, f"{NOVEMBER}&by={by}") for by in By] == before


def test_a_visit_is_of_the_team_that_its_officer_was_of_when_they_came(sign_in, officer, resident, stopped_clock):
    scheduler = sign_in("scheduler")
    visit = book(scheduler, resident, officer, visit_type="survey")
    assert on_time(scheduler, "by=team") == {"no_team": (0, 0)}
    scheduler.patch(f"/v1/officers/{officer.id}", {"team": "Surveys"})
    stopped_clock.set(WEDNESDAY_10)
    assert arrive(sign_in("officer", officer), visit, WEDNESDAY_10).status_code == 201
    assert on_time(sign_in("scheduler"), "by=team") == {"Surveys": (1, 1)}
    assert on_time(sign_in("scheduler"), "by=visit_type") == {"survey": (1, 1)}


def test_a_visit_given_to_another_officer_is_of_their_team_and_its_changes_too(sign_in, resident):
    scheduler = sign_in("scheduler")
    first, second = factories.officer(team="Gas"), factories.officer(team="Damp")
    visit = book(scheduler, resident, first)
    move(scheduler, visit, later(WEDNESDAY_10, days=1))
    teams = [group["group"] for group in report(scheduler, NOTICE, f"{NOVEMBER}&by=team")["groups"]]
    assert teams == ["Gas"]
    assert move(scheduler, visit, later(WEDNESDAY_10, days=2), officer_id=str(second.id)).status_code == 201
    assert list(on_time(scheduler, "by=team")) == ["Damp"]
    teams = [group["group"] for group in report(scheduler, NOTICE, f"{NOVEMBER}&by=team")["groups"]]
    assert teams == ["Damp"]


# The middle and the tail


def test_the_median_and_the_ninetieth_percentile_are_figures_that_were(scheduler, officer, resident):
    """Ten visits, -10 to 80 minutes from their promise in steps of ten: the fifth and the ninth of them."""
    for number in range(10):
        happened(resident, officer, FRIDAY_9 + timedelta(minutes=10 * number), 10 * number - 10)
    seconds = one_group(scheduler, PUNCTUALITY)["seconds"]
    assert seconds == {"median": 1800.0, "p90": 4200.0, "median_absolute": 1800.0, "p90_absolute": 4200.0}


def test_a_group_in_which_nobody_came_has_no_median(scheduler, officer, resident):
    happened(resident, officer, FRIDAY_9, None, VisitStatus.MISSED)
    assert set(one_group(scheduler, PUNCTUALITY)["seconds"].values()) == {None}


def test_each_group_has_its_own_median(scheduler, officer, resident):
    for day, minutes in ((0, 1), (0, 2), (0, 3), (1, -30), (2, 0)):
        happened(resident, officer, FRIDAY_9 - timedelta(days=day, minutes=10 * minutes), minutes)
    groups = report(scheduler, PUNCTUALITY, f"{NOVEMBER}&by=day")["groups"]
    found = [(group["seconds"]["median"], group["seconds"]["p90_absolute"]) for group in groups]
    assert found == [(0.0, 0.0), (-1800.0, 1800.0), (120.0, 180.0)]


# What is told of a late visit


def told(visit_id: UUID, resident: Any, start: Any, minutes: float, **fate: Any) -> None:
    """A late text of this visit that was sent so many minutes from its start."""
    at = start + timedelta(minutes=minutes)
    with transaction() as session:
        message_id = uuid4()
        session.add(
            Message(
                id=message_id,
                news_id=message_id,
                visit_id=visit_id,
                resident_id=resident.id,
                number=9,
                kind=MessageKind.DELAYED,
                channel=Channel.TEXT,
                status=MessageStatus.HELD,
                to_address="",
                language="en",
                lane=0,
                starts_at=start,
                decided_at=at,
                reference_at=start,
                send_at=at,
                expires_at=start,
                next_try_at=at,
            )
        )
        session.flush()
        session.execute(update(Message).where(Message.id == message_id).values(**{"accepted_at": at} | fate))


def test_late_residents_who_were_told_before_their_time_are_counted(scheduler, officer, resident):
    """Of six late visits: one was told in time, one at its time, one without a receipt, one in vain, two never;
    and one that was told and came on time is not late."""
    fates: list[Any] = [
        (-5, {"status": MessageStatus.DELIVERED, "delivered": -5}),
        (-5, {"status": MessageStatus.DELIVERED, "delivered": 0}),
        (-5, {"status": MessageStatus.ACCEPTED}),
        (-5, {"status": MessageStatus.FAILED}),
        None,
        None,
    ]
    for number, fate in enumerate([*fates, fates[0]]):
        start = FRIDAY_9 + timedelta(minutes=30 * number)
        visit_id = happened(resident, officer, start, 0 if number == len(fates) else 20)
        if fate is not None:
            minutes, values = fate[0], dict(fate[1])
            if "delivered" in values:
                values["delivered_at"] = start + timedelta(minutes=values.pop("delivered"))
            told(visit_id, resident, start, minutes, **values)
    late = one_group(scheduler, PUNCTUALITY)["late_told"]
    assert late == {"late": 6, "told": 1, "unconfirmed": 2, "told_share": 1 / 6}
    behind = scheduler.get(f"{VISITS}?{NOVEMBER}&result=late_told").json["items"]
    assert [item["told_of_delay"] for item in behind] == ["told"]


def delayed_then_moved(sign_in: Any, officer: Any, visit: Any, time: Any, **changes: Any) -> Any:
    """At half past nine the officer says that they will be late. Then the resident asks for another time, and the
    officer is 20 minutes late for that; what the report says of who was told."""
    time.set(later(WEDNESDAY_10, minutes=-30))
    phone, scheduler = sign_in("officer", officer), sign_in("scheduler")
    assert delay(phone, visit, later(WEDNESDAY_10, minutes=40)).status_code == 201
    time.advance(60)
    rung(scheduler)
    dispatch(ConsoleSender())
    with transaction() as session:
        late = update(Message).where(Message.kind == MessageKind.DELAYED)
        session.execute(late.values(delivered_at=time.now, status=MessageStatus.DELIVERED))
    time.advance(60)
    starts_at = later(WEDNESDAY_10, **changes)
    assert move(scheduler, visit, starts_at, requested_by="resident").status_code == 201
    time.set(later(starts_at, minutes=20))
    assert arrive(sign_in("officer", officer), visit, time.now).status_code == 201
    return one_group(sign_in("scheduler"), PUNCTUALITY)["late_told"]


def rung(scheduler: Any) -> None:
    """Somebody rings everybody who is to be rung."""
    for task in scheduler.get("/v1/contact-tasks?status=open").json["items"]:
        assert scheduler.patch(f"/v1/contact-tasks/{task['id']}", {"status": "done"}).status_code == 200


@pytest.mark.parametrize("contact_by", ["text", "call"])
@pytest.mark.parametrize(("changes", "told_of_it"), [({"hours": 3}, 0), ({"minutes": 10}, 1)])
def test_a_delay_of_a_time_that_the_resident_moved_away_from_tells_nothing_of_the_next(
    sign_in: Any, officer: Any, stopped_clock: Any, contact_by: str, changes: dict[str, int], told_of_it: int
) -> None:
    """By whichever way they were told; a move of ten minutes is told to nobody, and unsays nothing."""
    resident = factories.resident(contact_by=contact_by)
    visit = book(sign_in("scheduler"), resident, officer)
    late = delayed_then_moved(sign_in, officer, visit, stopped_clock, **changes)
    assert (late["late"], late["told"], late["unconfirmed"]) == (1, told_of_it, 0)


# Behind the figures


def behind(client: Any, path: str, query: str) -> list[Any]:
    """Every row behind a figure, two to a page."""
    items: list[Any] = []
    cursor = ""
    while True:
        answer = client.get(f"{path}?{NOVEMBER}&limit=2{query}{cursor}")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        items += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return items
        assert len(answer.json["items"]) == 2
        cursor = f"&cursor={answer.json['next_cursor']}"


@pytest.fixture
def mixture(sign_in: Any, town: dict[str, Any], stopped_clock: Any) -> Any:
    """All that can become of visits and changes; a scheduler who signs in when it is over."""
    scheduler, resident = sign_in("scheduler"), town["residents"][0]
    officer = town["officers"][0]
    kept, moved, gone, wish, small = (
        book(scheduler, resident, officer, later(WEDNESDAY_10, hours=hour)) for hour in range(5)
    )
    move(scheduler, moved, later(WEDNESDAY_10, days=1, hours=1))
    cancel(scheduler, gone)
    cancel(scheduler, wish, requested_by="resident")
    move(scheduler, small, later(WEDNESDAY_10, hours=4, minutes=10))
    stopped_clock.set(later(WEDNESDAY_10, minutes=30))
    phone = sign_in("officer", officer)
    arrive(phone, kept, later(WEDNESDAY_10, minutes=16))
    finish(phone, kept, later(WEDNESDAY_10, minutes=30))
    stopped_clock.set(later(WEDNESDAY_10, days=1, minutes=55))
    return sign_in("scheduler")


@pytest.mark.parametrize("by", list(By))
@pytest.mark.parametrize("promise", ["fair", "original"])
def test_behind_every_figure_are_as_many_visits_as_it_says(mixture, by, promise):
    groups = report(mixture, PUNCTUALITY, f"{NOVEMBER}&by={by}")["groups"]
    assert groups
    for group in groups:
        figures = group if promise == "fair" else group["original"]
        words = {word: figures[word] for word in ("counted", "on_time", "early", "late", "missed")}
        words |= {word.value: figures["excluded"].get(word.value, 0) for word in list(Word)[4:]}
        for word, count in words.items():
            query = f"&by={by}&group={group['group']}&result={word}&promise={promise}"
            items = behind(mixture, VISITS, query)
            assert len(items) == len({item["visit_id"] for item in items}) == count, query
            shown = "result" if promise == "fair" else "original_result"
            assert {item[shown] for item in items} <= ({word} if word != "counted" else set(words))


@pytest.mark.parametrize("by", [By.TEAM, By.DAY, By.WARD])
def test_behind_every_figure_of_notice_are_as_many_changes_as_it_says(mixture, by):
    groups = report(mixture, NOTICE, f"{NOVEMBER}&by={by}")["groups"]
    assert sum(group["changes"] for group in groups) == 3
    for group in groups:
        words = {name: group[name] for name in ("changes", "told_within_24h", "possible")}
        words |= {"met_where_possible": group["met"]} | group["results"] | group["excluded"]
        for word, count in words.items():
            found = behind(mixture, CHANGES, f"&by={by}&group={group['group']}&result={word}")
            assert len({item["event_id"] for item in found}) == len(found) == count, word
        for reason, count in group["not_possible"].items():
            query = f"&by={by}&group={group['group']}&result=not_possible&reason={reason}"
            assert len(behind(mixture, CHANGES, query)) == count


def test_what_is_behind_a_figure_says_how_it_was_counted(scheduler, town):
    (item,) = behind(scheduler, VISITS, "&by=team&group=Heating&ward=Pinner&result=late")
    assert UUID(item["visit_id"])
    assert item["reference"].startswith("HV-")
    expected = {
        "status": "completed",
        "officer_id": str(town["officers"][1].id),
        "first_promised_at": "2026-11-20T10:00:00Z",
        "promised_at": "2026-11-20T10:00:00Z",
        "arrived_at": "2026-11-20T10:20:00Z",
        "reported_arrived_at": "2026-11-20T10:20:00Z",
        "corrected": False,
        "result": "late",
        "original_result": "late",
        "seconds_from_promise": 1200.0,
        "seconds_from_first_promise": 1200.0,
        "told_of_delay": "untold",
    }
    assert {name: item[name] for name in expected} == expected


def test_behind_a_group_that_there_is_not_is_nothing(scheduler, town):
    assert behind(scheduler, VISITS, "&by=ward&group=Atlantis") == []
    assert behind(scheduler, CHANGES, "&by=ward&group=Atlantis") == []


def test_every_figure_is_in_the_spreadsheet(scheduler, town):
    answer = scheduler.get(f"{PUNCTUALITY}?{NOVEMBER}&by=ward", Accept="text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [row["group"] for row in rows] == ["Greenhill", "Pinner", "no_ward"]
    assert rows[0]["original.seconds.p90"] == "1200.0"
    assert (rows[2]["seconds.median"], rows[2]["late_told.late"]) == ("", "0")


# What is kept of the figures is never old


def count() -> int:
    """How many visits are on time, as this process knows it."""
    with snapshot() as session:
        until = clock.now()
        groups = reports.punctuality(session, since=until - timedelta(days=30), until=until, by=None, at=until)
    return sum(group.fair.counts[Word.ON_TIME] for group in groups)


CHANGES_OF_A_VISIT = {
    "its arrival": lambda visit_id: update(Visit).values(arrived_at=Visit.starts_at + timedelta(hours=1)),
    "its fair promise": lambda visit_id: update(Visit).values(arrival_promised_at=MONDAY_9),
    "its status": lambda visit_id: update(Visit).values(status=VisitStatus.CANCELLED),
    "its first promise": lambda visit_id: update(Visit).values(first_promised_at=later(MONDAY_9, days=-40)),
}


@pytest.mark.parametrize("what", list(CHANGES_OF_A_VISIT))
def test_a_change_by_whatever_route_shows_at_once(app, officer, resident, what):
    """Written by the database's own driver, as another process would."""
    visit_id = happened(resident, officer, FRIDAY_9, 0)
    assert count() == 1
    with transaction() as session:
        if what == "its arrival":
            session.execute(update(Visit).values(arrived_at=FRIDAY_9 + timedelta(hours=1)))
        else:
            session.execute(CHANGES_OF_A_VISIT[what](visit_id))
        # Not yet committed: nobody else sees it, and nobody keeps it.
        if engine().dialect.name == "postgresql":
            assert count() == 1
    assert count() == 0


def test_a_new_visit_and_one_that_is_gone_show_at_once(app, officer, resident):
    assert count() == 0
    visit_id = happened(resident, officer, FRIDAY_9, 0)
    assert count() == 1
    with transaction() as session:
        for table in ("visit_facts", "promises", "visit_events"):
            session.execute(text(f"DELETE FROM {table}"))
        session.execute(delete(Visit).where(Visit.id == visit_id))
    assert count() == 0


def test_a_transaction_counts_what_it_has_changed_and_leaves_nothing_of_it_behind(app, officer, resident):
    happened(resident, officer, FRIDAY_9, 0)
    assert count() == 1
    with pytest.raises(ZeroDivisionError), transaction() as session:
        session.execute(update(Visit).values(status=VisitStatus.CANCELLED))
        span = {"since": FRIDAY_9, "until": MONDAY_9, "by": None, "at": MONDAY_9}
        (group,) = reports.punctuality(session, **span)
        assert group.fair.excluded == Counter(cancelled=1)
        raise ZeroDivisionError
    assert count() == 1


def test_setting_out_is_no_news_for_the_figures(app, phone, scheduler, officer, resident):
    visit = book(scheduler, resident, officer)
    with transaction() as session:
        session.execute(delete(FigureChange))
    phone.post(f"/v1/visits/{visit['id']}/departure", {"client_id": factories.client_id()})
    with reading() as session:
        assert session.query(FigureChange).count() == 0


def test_days_that_nobody_asks_for_are_kept_no_longer(app, officer, resident, monkeypatch):
    monkeypatch.setattr(figure_index, "MOST_DAYS", 40)
    happened(resident, officer, FRIDAY_9, 0)
    assert count() == 1
    with snapshot() as session:
        long_ago = FRIDAY_9 - timedelta(days=300)
        span = {"since": long_ago, "until": later(long_ago, days=30), "by": None, "at": MONDAY_9}
        assert reports.punctuality(session, **span) == []
    assert count() == 1


def test_half_a_reading_is_not_kept(app, officer, resident, monkeypatch):
    happened(resident, officer, FRIDAY_9, 0)
    with monkeypatch.context() as broken:
        broken.setattr(figure_index, "_day_of", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            count()
    assert count() == 1


# Against the first promise nothing is made better afterwards


@pytest.mark.parametrize(
    ("minutes", "status", "arrived", "word"),
    [
        (-1, VisitStatus.CANCELLED, None, Word.CANCELLED),
        (15, VisitStatus.CANCELLED, None, Word.CANCELLED),
        (15.1, VisitStatus.CANCELLED, None, Word.MISSED),
        (15.1, VisitStatus.CANCELLED, 5, Word.ON_TIME),
        (15.1, VisitStatus.BOOKED, None, Word.MISSED),
        (15, VisitStatus.BOOKED, None, Word.NOT_YET_DUE),
        (20, VisitStatus.COMPLETED, 1440, Word.LATE),
        (20, VisitStatus.COMPLETED, None, Word.MISSED),
        (None, VisitStatus.COMPLETED, 0, Word.ON_TIME),
    ],
)
def test_a_broken_first_promise_cannot_be_taken_back(minutes, status, arrived, word):
    edited_at = None if minutes is None else later(MONDAY_9, minutes=minutes)
    arrived_at = None if arrived is None else later(MONDAY_9, minutes=arrived)
    assert judged_originally(status, MONDAY_9, arrived_at, edited_at)[0] is word


def test_a_cancellation_after_the_time_leaves_the_original_figure_as_it_was(
    sign_in, officer, resident, stopped_clock
):
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, minutes=70))
    before = one_group(sign_in("scheduler"), PUNCTUALITY)["original"]
    assert before["missed"] == 1
    assert cancel(sign_in("scheduler"), visit).status_code == 201
    figures = one_group(sign_in("scheduler"), PUNCTUALITY)
    assert figures["original"] == before
    assert (figures["counted"], figures["excluded"]) == (0, {"cancelled": 1})


def test_a_move_after_the_time_leaves_the_original_figure_as_it_was(sign_in, officer, resident, stopped_clock):
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, minutes=70))
    before = one_group(sign_in("scheduler"), PUNCTUALITY)["original"]
    assert move(sign_in("scheduler"), visit, later(WEDNESDAY_10, days=2)).status_code == 201
    figures = one_group(sign_in("scheduler"), PUNCTUALITY)
    assert figures["original"] == before
    assert (figures["missed"], figures["excluded"]) == (0, {"not_yet_due": 1})


@pytest.mark.parametrize(
    ("seconds", "word"), [(-901, "early"), (-900, "on_time"), (0, "on_time"), (900, "on_time"), (901, "late")]
)
def test_fifteen_minutes_are_on_time_and_a_second_more_is_not(
    sign_in, officer, resident, stopped_clock, seconds, word
):
    visit = book(sign_in("scheduler"), resident, officer)
    stopped_clock.set(later(WEDNESDAY_10, minutes=30))
    arrive(sign_in("officer", officer), visit, later(WEDNESDAY_10, seconds=seconds))
    figures = one_group(sign_in("scheduler"), PUNCTUALITY)
    assert (figures["counted"], figures[word], figures["original"][word]) == (1, 1, 1)
    assert figures["seconds"]["median"] == seconds


@pytest.mark.parametrize(
    ("decided", "told", "figure"),
    [
        (86_400, 86_400, ("met", 1, 1)),
        (172_800, 86_400, ("met", 1, 1)),
        (172_800, 86_399, ("short", 1, 0)),
        (86_399, 86_399, ("prompt", 0, 0)),
    ],
)
def test_a_move_told_a_day_ahead_is_met_and_a_second_later_is_not(
    sign_in, officer, resident, stopped_clock, decided, told, figure
):
    """Decided and told so many seconds ahead. One told in time sets the time that an arrival is judged by."""
    word, possible, met = figure
    visit = book(sign_in("scheduler"), resident, officer, later(WEDNESDAY_10, days=1))
    start = later(WEDNESDAY_10, days=1)
    stopped_clock.set(start - timedelta(seconds=decided))
    moved = move(sign_in("scheduler"), visit, later(start, days=1)).json
    assert moved["notice"]["possible"] is bool(possible)
    told_at = start - timedelta(seconds=told)
    with transaction() as session:
        session.execute(update(ChangeNotice).values(told_at=told_at, handed_over_at=told_at))
    figures = one_group(sign_in("scheduler"), NOTICE)
    assert (figures["results"], figures["possible"], figures["met"]) == ({word: 1}, possible, met)
    stopped_clock.set(later(start, days=1, minutes=5))
    arrived = arrive(sign_in("officer", officer), visit, stopped_clock.now).json
    assert arrived["punctuality"] == ("on_time" if met else "late")
    assert one_group(sign_in("scheduler"), PUNCTUALITY)["original"]["late"] == 1
