"""The kept index of officers' days: what the database has, whoever wrote it, and never what nobody committed."""

import random
import subprocess
import sys
import threading
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import delete, make_url, select
from sqlalchemy.orm import joinedload

from models import diary_index, travel
from models.absence import AbsenceKind, enter
from models.booking import move
from models.database import reading, transaction
from models.day import Day, Rules
from models.diary_change import DiaryChange
from models.diary_index import DiaryIndex, Known, index_for
from models.holding import keep
from models.officer import Officer
from models.officer_days import plans
from models.resident import Resident
from models.slot_search import Ask, search
from models.user import User
from models.visit import Visit, VisitStatus
from models.visit_event import RequestedBy
from models.working_hours import set_exception
from models.working_time import Window, WorkingDay
from tests import factories
from tests.databases import ROOT
from tests.steps import MONDAY_9

DAYS = [date(2026, 11, 24) + timedelta(days=number) for number in range(4)]
TUESDAY_10 = MONDAY_9 + timedelta(days=1, hours=1)
AT = MONDAY_9
RULES = Rules(travel.in_use())

Plans = dict[tuple[UUID, date], tuple[WorkingDay, Day]]


def anybody(_: Known) -> bool:
    return True


def kept(index: DiaryIndex, at: Any = AT, days: list[date] = DAYS) -> Plans:
    with reading() as session:
        found = index.days_of(session, days, at, anybody, RULES)
    return {(its.known.id, day): there[:2] for its in found for day, there in zip(days, its.planned, strict=True)}


def read_anew(officer_ids: Any, at: Any = AT) -> Plans:
    with reading() as session:
        return plans(session, sorted(officer_ids), DAYS, at)


@pytest.fixture
def index(database: str) -> DiaryIndex:
    return DiaryIndex()


@pytest.fixture
def person(scheduler: Any) -> UUID:
    """Somebody who may keep a time."""
    with reading() as session:
        return session.scalars(select(User.id)).one()


class TestEveryChangeIsSeen:
    """By the next look, and nothing else that was kept is read again for it."""

    def changed(self, index: DiaryIndex, officer: Officer, at: Any = AT) -> Plans:
        found = kept(index, at)
        assert found == read_anew([officer.id], at)
        return found

    def test_of_a_visit_booked_moved_and_cancelled(self, index, officer, resident):
        empty = self.changed(index, officer)
        visit = factories.visit(resident, officer, TUESDAY_10)
        booked = self.changed(index, officer)
        assert booked != empty
        with transaction() as session:
            move(
                session,
                session.get_one(Visit, visit.id, options=[joinedload(Visit.resident)]),
                starts_at=TUESDAY_10 + timedelta(days=1),
                officer_id=officer.id,
                second_officer_id=None,
                reason="Asked to",
                requested_by=RequestedBy.RESIDENT,
                by=None,  # type: ignore[arg-type]
                at=AT,
            )
        assert self.changed(index, officer) not in (empty, booked)
        with transaction() as session:
            session.get_one(Visit, visit.id).status = VisitStatus.CANCELLED
        assert self.changed(index, officer) == empty

    def test_of_a_visit_that_goes_to_somebody_else(self, index, officer, resident):
        other = factories.officer()
        visit = factories.visit(resident, officer, TUESDAY_10)
        before = kept(index)
        with transaction() as session:
            session.get_one(Visit, visit.id).officer_id = other.id
        after = kept(index)
        assert after != before and after == read_anew([officer.id, other.id])

    def test_of_a_second_officer_who_comes_and_goes(self, index, officer, resident):
        other = factories.officer()
        visit = factories.visit(resident, officer, TUESDAY_10)
        alone = kept(index)
        with transaction() as session:
            session.get_one(Visit, visit.id).second_officer_id = other.id
        together = kept(index)
        assert together != alone and together == read_anew([officer.id, other.id])
        with transaction() as session:
            session.get_one(Visit, visit.id).second_officer_id = None
        assert kept(index) == alone

    def test_of_a_hold_and_its_end_which_nobody_writes(self, index, officer, resident, person):
        empty = self.changed(index, officer)
        with transaction() as session:
            keep(
                session,
                officer_id=officer.id,
                resident_id=resident.id,
                starts_at=TUESDAY_10,
                duration=timedelta(hours=1),
                by=person,
                at=AT,
            )
        assert self.changed(index, officer) != empty
        assert self.changed(index, officer, AT + timedelta(minutes=9, seconds=59)) != empty
        assert self.changed(index, officer, AT + timedelta(minutes=10)) == empty

    def test_of_hours_leave_and_an_exception(self, index, officer):
        before = self.changed(index, officer)
        with transaction() as session:
            enter(
                session,
                officer_id=officer.id,
                starts_at=TUESDAY_10,
                ends_at=TUESDAY_10 + timedelta(hours=2),
                kind=AbsenceKind.LEAVE,
                reason=None,
                by=None,
                at=AT,
            )
        on_leave = self.changed(index, officer)
        with transaction() as session:
            set_exception(session, officer.id, DAYS[2], (Window(60, 600),), reason=None, by=None, at=AT)
        early = self.changed(index, officer)
        with transaction() as session:
            kept_hours = {"days": [[[0, 600]]] * 7, "lunch": None, "starts_from": None, "ends_at": None}
            session.get_one(Officer, officer.id).working_pattern = kept_hours
        assert len({str(each) for each in (before, on_leave, early, self.changed(index, officer))}) == 4

    def test_of_where_a_resident_lives(self, index, officer, resident):
        factories.visit(resident, officer, TUESDAY_10)
        before = self.changed(index, officer)
        with transaction() as session:
            session.get_one(Resident, resident.id).latitude = 51.6
        assert self.changed(index, officer) != before

    def test_of_who_works_for_us(self, index, officer):
        assert {who for who, _ in kept(index)} == {officer.id}
        newcomer = factories.officer()
        assert {who for who, _ in kept(index)} == {officer.id, newcomer.id}
        with transaction() as session:
            session.get_one(Officer, officer.id).suspended_at = AT
            session.get_one(Officer, newcomer.id).skills = ["gas"]
        with reading() as session:
            [(who, *_)] = index.days_of(session, DAYS, AT, anybody, RULES)
        assert (who.id, who.skills) == (newcomer.id, {"gas"})

    def test_and_a_day_that_did_not_change_is_not_read_again(self, index, officer, resident):
        other = factories.officer()
        before = kept(index)
        factories.visit(resident, officer, TUESDAY_10)
        after = kept(index)
        again = {key for key in before if after[key][1] is not before[key][1]}
        assert again == {(officer.id, DAYS[0])} and (other.id, DAYS[0]) in after


def test_what_another_process_writes_is_seen_by_the_next_search(database, officer, resident):
    visit = factories.visit(resident, officer, TUESDAY_10)
    before = offered(resident)
    _in_another_process(database, visit.id, 3)
    after = offered(resident)
    assert after != before and after == offered(resident, DiaryIndex())


def offered(resident: Resident, index: DiaryIndex | None = None) -> list[Any]:
    """The starts offered on Tuesday, by the index of this process if no other is given."""
    ask = Ask(
        earliest=TUESDAY_10 - timedelta(hours=2),
        latest=TUESDAY_10 + timedelta(hours=10),
        duration=timedelta(minutes=30),
        place=resident.place,
        postcode=resident.postcode,
    )
    with reading() as session:
        return list(search(session, ask, travel.in_use(), AT, index=index).offers)


_LATER = """
import sys
from datetime import timedelta
from uuid import UUID
from migrations.tables import metadata
from models import database
from models.visit import Visit
database.connect(sys.argv[1])
with database.transaction() as session:
    visit = session.get_one(Visit, UUID(sys.argv[2]))
    visit.starts_at += timedelta(hours=int(sys.argv[3]))
    visit.ends_at += timedelta(hours=int(sys.argv[3]))
"""


def _in_another_process(url: str, visit_id: UUID, hours: int) -> None:
    """Move a visit to later, as a process of its own that ends."""
    line = [sys.executable, "-c", _LATER, url, str(visit_id), str(hours)]
    subprocess.run(line, cwd=ROOT, check=True, timeout=60)


def test_a_change_that_is_taken_back_was_never_there(index, officer, resident):
    before = kept(index)
    with pytest.raises(RuntimeError), transaction() as session:
        factories.visit(resident, officer, TUESDAY_10)
        assert index_for(session) is not diary_index._of_this_process
        with reading() as joined:
            assert joined is session
            seen = index_for(joined).days_of(joined, DAYS, AT, anybody, RULES)
        assert any(there.day.stops for its in seen for there in its.planned)
        raise RuntimeError("changed our mind")
    assert kept(index) == before == read_anew([officer.id])
    with reading() as session:
        assert index_for(session) is diary_index._of_this_process


def test_what_is_committed_late_is_seen_though_later_changes_were_seen_before(index, database, officer, resident):
    if database.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    other = factories.officer()
    visits = [factories.visit(resident, each, TUESDAY_10) for each in (officer, other)]
    kept(index)
    change = "UPDATE visits SET ends_at = ends_at + interval '1 hour' WHERE id = %s"
    plain = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as late, psycopg.connect(plain) as early:
        late.execute(change, (visits[0].id,))
        early.execute(change, (visits[1].id,))
        early.commit()
        assert kept(index) == read_anew([officer.id, other.id])
        late.commit()
        assert kept(index) == read_anew([officer.id, other.id])


def test_changes_never_wait_for_each_other_on_its_account(database, officer, resident):
    """Two who cancel the visits of two officers crosswise would wait for each other, and for ever, if a change had
    to take a row of the officer's."""
    if database.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    both = [officer, factories.officer()]
    visits = [
        factories.visit(resident, each, TUESDAY_10 + timedelta(hours=hours)).id
        for hours in (0, 2)
        for each in both
    ]
    change = "UPDATE visits SET status = 'cancelled' WHERE id = %s"
    plain = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as one, psycopg.connect(plain) as two:
        for connection in (one, two):
            connection.execute("SET lock_timeout = '2s'")
        one.execute(change, (visits[0],))
        two.execute(change, (visits[1],))
        one.execute(change, (visits[3],))
        two.execute(change, (visits[2],))


def test_many_threads_that_look_while_others_write_end_with_what_is_true(database, resident):
    officers = [factories.officer() for _ in range(4)]
    index, stop, wrong = DiaryIndex(), threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            try:
                kept(index)
            except Exception as error:  # whatever it is, it is reported below
                wrong.append(error)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for each in lookers:
        each.start()
    chance = random.Random(5)
    for number in range(40):
        starts_at = TUESDAY_10 + timedelta(days=number % 4, minutes=45 * (number // 16))
        factories.visit(resident, officers[number // 4 % 4], starts_at, minutes=chance.choice((20, 30, 45)))
    stop.set()
    for each in lookers:
        each.join()
    assert not wrong and kept(index) == read_anew([each.id for each in officers])


def test_it_keeps_no_more_days_than_it_has_room_for(index, officer, monkeypatch):
    monkeypatch.setattr(diary_index, "MOST_DAYS", 6)
    assert kept(index) == kept(index) == read_anew([officer.id])
    for week in range(1, 4):
        kept(index, days=[day + timedelta(days=7 * week) for day in DAYS])
    assert sum(len(each.days) for each in index._kept.values()) == 4
    long = [DAYS[0] + timedelta(days=number) for number in range(9)]
    assert len(kept(index, days=long)) == 9
    assert sum(len(each.days) for each in index._kept.values()) == 0


def test_who_has_not_looked_for_longer_than_the_notes_are_kept_begins_anew(index, officer, resident):
    kept(index)
    factories.visit(resident, officer, TUESDAY_10)
    with transaction() as session:
        session.execute(delete(DiaryChange))
    later = AT + timedelta(hours=12)
    assert kept(index, later) == read_anew([officer.id], later)


def test_a_search_that_fails_half_way_leaves_nothing_half_old(index, officer, resident, monkeypatch):
    kept(index)
    factories.visit(resident, officer, TUESDAY_10)
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(diary_index, "stops_of", lambda *_: 1 // 0)
        kept(index)
    assert kept(index) == read_anew([officer.id])
