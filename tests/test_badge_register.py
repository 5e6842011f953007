"""The register at the door: whose badge it is, whether it counts, and whether the officer is on duty."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Uuid, bindparam, column, select, table
from sqlalchemy.exc import DBAPIError

from models import badge
from models.badge import Badge, BadgeKind, BadgeRecord
from models.database import reading, transaction
from models.errors import BadgeRevoked, Unknown
from models.officer import Employment, Officer
from models.prepared import Prepared
from models.resident import Resident
from models.visit import RequestedBy
from models.visit_rows import find as find_visit
from tests import factories

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
VISIT_AT = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)
"""A Saturday evening, far from anybody's working hours."""

pytestmark = pytest.mark.usefixtures("database", "stopped_clock")


def phone_badge(officer: Officer, at: datetime = MONDAY) -> Badge:
    with transaction() as session:
        return badge.phone_badge_for(session, officer, at)


def record_of(found: Badge, at: datetime = MONDAY) -> BadgeRecord | None:
    with reading() as session:
        record = badge.find_record(session, found.id, at)
        assert record == badge.find_by_handle(session, found.handle, at)
    return record


def on_duty(found: Badge, at: datetime) -> bool:
    record = record_of(found, at)
    assert record is not None
    return record.on_duty


@pytest.fixture
def officer() -> Officer:
    return factories.officer()


@pytest.fixture
def resident() -> Resident:
    return factories.resident()


def test_the_record_holds_what_the_tables_hold() -> None:
    photo_id = uuid4()
    contractor = factories.officer(
        company="Brightwater Repairs Ltd", contract_ends_on=date(2027, 3, 31), photo_id=photo_id
    )
    found = phone_badge(contractor)
    assert record_of(found) == BadgeRecord(
        badge_id=found.id,
        kind=BadgeKind.PHONE,
        handle=found.handle,
        officer_id=contractor.id,
        revoked_at=None,
        expires_at=None,
        display_name="Amina Yusuf",
        job_title="Housing officer",
        employment=Employment.CONTRACTOR,
        company="Brightwater Repairs Ltd",
        contract_ends_on=date(2027, 3, 31),
        suspended=False,
        active=True,
        photo_id=photo_id,
        on_duty=True,
    )


def test_times_and_flags_come_back_as_what_they_are(officer: Officer) -> None:
    found = phone_badge(officer)
    with transaction() as session:
        kept = badge.find(session, found.id)
        kept.expires_at = MONDAY + timedelta(days=1, microseconds=7)
        kept.revoke(by=None, reason="lost", at=MONDAY)
        changed = session.get_one(Officer, officer.id)
        changed.active, changed.suspended_at = False, MONDAY
    record = record_of(found)
    assert record is not None
    assert (record.revoked_at, record.expires_at) == (MONDAY, MONDAY + timedelta(days=1, microseconds=7))
    assert (record.active, record.suspended, record.company) == (False, True, None)


def test_a_badge_that_nobody_has_is_none() -> None:
    with reading() as session:
        assert badge.find_record(session, uuid4(), MONDAY) is None
        assert badge.find_by_handle(session, 1, MONDAY) is None
        with pytest.raises(Unknown):
            badge.find(session, uuid4())


@pytest.mark.parametrize(
    ("minutes_from_start", "expected"),
    [(-121, False), (-120, True), (0, True), (30, True), (150, True), (151, False), (600, False), (-600, False)],
)
def test_a_visit_puts_its_officer_on_duty_for_two_hours_either_side(
    officer: Officer, resident: Resident, minutes_from_start: int, expected: bool
) -> None:
    found = phone_badge(officer)
    factories.visit(resident, officer, VISIT_AT, minutes=30)
    assert on_duty(found, VISIT_AT + timedelta(minutes=minutes_from_start)) is expected


def test_the_longest_visit_counts_to_two_hours_after_its_end(officer: Officer, resident: Resident) -> None:
    found = phone_badge(officer)
    factories.visit(resident, officer, VISIT_AT, minutes=480)
    assert on_duty(found, VISIT_AT + timedelta(hours=10))
    assert not on_duty(found, VISIT_AT + timedelta(hours=10, seconds=1))


def test_another_officers_visit_puts_nobody_else_on_duty(officer: Officer, resident: Resident) -> None:
    found = phone_badge(officer)
    factories.visit(resident, factories.officer(), VISIT_AT)
    factories.visit(resident, None, VISIT_AT + timedelta(hours=1))
    assert not on_duty(found, VISIT_AT)


def test_a_cancelled_visit_puts_nobody_on_duty(officer: Officer, resident: Resident) -> None:
    found = phone_badge(officer)
    booked = factories.visit(resident, officer, VISIT_AT)
    with transaction() as session:
        kept = find_visit(session, booked.id)
        kept.cancel(session, reason="ill", requested_by=RequestedBy.COUNCIL, by=None, at=MONDAY)  # type: ignore[arg-type]
    assert not on_duty(found, VISIT_AT)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 23, 8, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 16, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 17, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 6, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 7, 6, 16, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), False),
    ],
)
def test_working_hours_are_londons(officer: Officer, at: datetime, expected: bool) -> None:
    assert on_duty(phone_badge(officer), at) is expected


def test_the_phone_badge_is_made_once(officer: Officer) -> None:
    first = phone_badge(officer)
    assert phone_badge(officer, MONDAY + timedelta(days=1)).id == first.id
    assert (first.kind, first.issued_at, first.issued_by_id) == (BadgeKind.PHONE, MONDAY, None)
    assert 0 <= first.handle < 2**20


def test_phones_that_ask_at_once_get_one_badge(officer: Officer) -> None:
    together = Barrier(8)

    def ask(_: int) -> UUID:
        together.wait()
        return phone_badge(officer).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_after_a_revocation_only_an_admin_issues_another(officer: Officer) -> None:
    first = phone_badge(officer)
    with transaction() as session:
        badge.find(session, first.id).revoke(by=None, reason="stolen", at=MONDAY)
    with pytest.raises(BadgeRevoked):
        phone_badge(officer)
    with transaction() as session:
        second = badge.issue_phone_badge(session, officer, by=None, at=MONDAY + timedelta(seconds=1))
    assert second.id != first.id
    assert phone_badge(officer).id == second.id
    revoked = record_of(first)
    assert revoked is not None and revoked.revoked_at == MONDAY


def test_a_new_phone_badge_ends_the_one_before(officer: Officer) -> None:
    first = phone_badge(officer)
    with transaction() as session:
        badge.issue_phone_badge(session, officer, by=None, at=MONDAY + timedelta(hours=1))
    replaced = record_of(first)
    assert replaced is not None and replaced.revoked_at == MONDAY + timedelta(hours=1)


def test_a_second_revocation_does_not_rewrite_the_first(officer: Officer) -> None:
    found = phone_badge(officer)
    with transaction() as session:
        kept = badge.find(session, found.id)
        kept.revoke(by=None, reason="stolen", at=MONDAY)
        kept.revoke(by=None, reason="again", at=MONDAY + timedelta(days=1))
        assert (kept.revoked_at, kept.revoked_reason) == (MONDAY, "stolen")


def test_a_taken_handle_is_not_given_twice(officer: Officer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = phone_badge(officer)
    drawn = iter([first.handle, first.handle, first.handle ^ 1])
    monkeypatch.setattr(badge.secrets, "randbits", lambda bits: next(drawn))
    assert phone_badge(factories.officer()).handle == first.handle ^ 1


def test_a_revocation_is_seen_by_the_next_look(officer: Officer) -> None:
    found = phone_badge(officer)
    for number in range(20):
        with transaction() as session:
            badge.find(session, found.id).revoked_at = MONDAY if number % 2 else None
        record = record_of(found)
        assert record is not None and (record.revoked_at is not None) is bool(number % 2)


def test_what_the_driver_meets_is_told_as_sqlalchemys_error(
    officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is then answered grey; the next one works again, and the message holds no value."""
    found = phone_badge(officer)
    nowhere = table("nowhere", column("id", Uuid()))
    broken = Prepared(select(nowhere.c.id).where(nowhere.c.id == bindparam("wanted")))
    monkeypatch.setattr(badge, "_by_id", (broken, broken))
    with pytest.raises(DBAPIError) as met, reading() as session:
        badge.find_record(session, found.id, MONDAY)
    assert str(found.id) not in str(met.value) and found.id.hex not in str(met.value)
    monkeypatch.undo()
    assert record_of(found) is not None
