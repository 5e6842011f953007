"""Retention: what is old goes, what is not stays, and every field about somebody is written down."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from flask import Flask
from sqlalchemy import JSON, Enum, Float, LargeBinary, String, func, select

from api.scans import chain_key
from migrations.tables import metadata
from models import due, live_code
from models.absence import Absence, enter
from models.alert import Alert, AlertKind, raise_alert
from models.badge_check import BadgeCheck
from models.database import reading, snapshot, transaction
from models.forecast import Forecast
from models.incident import Incident, IncidentStatus, report_concern
from models.missed_standard import MissedStandard, RedressStatus, Standard
from models.nudge import Nudge, NudgeKind, nudge
from models.officer import Officer
from models.scan import Scan, ScanKind, ScanSalt, Seen, append, prove
from models.user import Role, User
from models.working_hours import WorkingException, set_exception
from models.working_time import AbsenceKind
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.live import give_badge
from tests.steps import MONDAY_9

ROOT = Path(__file__).resolve().parent.parent


def test_every_field_that_may_be_about_somebody_is_in_the_data_protection_note():
    written = set(
        re.findall(r"`([a-z_]+\.[a-z_0-9]+)`", (ROOT / "docs" / "data-protection.md").read_text("utf-8"))
    )
    there = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String | JSON | LargeBinary | Float) and not isinstance(column.type, Enum)
    }
    assert there - written == set(), "say why it is kept and for how long"
    assert written - there == set(), "these are gone"


def scans_of_days(app: Flask, *days: int) -> None:
    """A scan on each of these days after Monday."""
    for day in days:
        at = MONDAY_9 + timedelta(days=day)
        seen = Seen(at=at, kind=ScanKind.PAGE, state="genuine", reason="genuine", address="192.0.2.7")
        with transaction() as session:
            append(session, [seen], secret=chain_key(app.extensions["digest_key"]))


def purge(app: Flask, *words: str) -> str:
    result = app.test_cli_runner().invoke(args=["purge", *words])
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_scans_go_after_ninety_days_and_the_rest_is_still_proved(app: Flask, stopped_clock: StoppedClock) -> None:
    scans_of_days(app, 0, 1, 2, 3)
    stopped_clock.set(MONDAY_9 + timedelta(days=92))
    assert "2 scan records went\n" in purge(app)
    assert "0 scan records went\n" in purge(app)
    with snapshot() as session:
        proof = prove(session, secret=chain_key(app.extensions["digest_key"]))
    assert (proof.records, proof.broken) == (2, None)


def test_a_dry_run_says_the_same_and_removes_nothing(app: Flask, stopped_clock: StoppedClock) -> None:
    scans_of_days(app, 0, 1, 2, 3)
    stopped_clock.set(MONDAY_9 + timedelta(days=92))
    would = purge(app, "--dry-run")
    assert "2 scan records would go\n" in would
    with reading() as session:
        assert len(session.scalars(select(Scan.number)).all()) == 4
    assert purge(app) == would.replace("would go", "went")


def test_the_salt_goes_with_its_day_even_if_nobody_checks_a_badge(app: Flask, stopped_clock: StoppedClock) -> None:
    scans_of_days(app, 0)
    purge(app)
    with reading() as session:
        assert session.scalars(select(ScanSalt.day)).all() == [MONDAY_9.date()]
    stopped_clock.advance(24 * 3600)
    purge(app)
    with reading() as session:
        assert session.scalars(select(ScanSalt.day)).all() == []


def test_what_a_resident_wrote_goes_a_year_after_the_incident_was_closed(
    app: Flask, stopped_clock: StoppedClock
) -> None:
    for _ in range(2):
        with transaction() as session:
            report_concern(
                session,
                "He would not go.",
                form=factories.officer().id,
                phone="020 7946 0000",
                given=None,
                badge_id=None,
                officer_id=None,
                visit_id=None,
                at=MONDAY_9,
            )
    with transaction() as session:
        closed = session.scalars(select(Incident).limit(1)).one()
        closed.status, closed.closed_at = IncidentStatus.CLOSED, MONDAY_9
    stopped_clock.set(MONDAY_9 + timedelta(days=365))
    assert "0 residents' words in closed incidents went" in purge(app)
    stopped_clock.advance(1)
    assert "1 residents' words in closed incidents went" in purge(app)
    with reading() as session:
        left = {row.status: (row.words, row.phone) for row in session.scalars(select(Incident))}
    assert left == {"closed": (None, None), "open": ("He would not go.", "020 7946 0000")}


def test_what_was_asked_about_a_badge_goes_after_ninety_days(
    app: Flask, officer: Officer, scheduler: Client, stopped_clock: StoppedClock
) -> None:
    badge = give_badge(officer, MONDAY_9)
    with transaction() as session:
        live_code.ask(
            session, badge_id=badge.id, officer_id=officer.id, token_issued_at=MONDAY_9, asker="a", at=MONDAY_9
        )
        assert due.take_try(session, badge.id, MONDAY_9)
        asker = session.scalars(select(User.id).where(User.role == Role.SCHEDULER)).one()
        check = BadgeCheck(id=uuid4(), state="genuine", checked_at=MONDAY_9, checked_by_id=asker)
        session.add(check)
    gone = ("live codes", "questions whether an officer is due", "checks by telephone")
    stopped_clock.set(MONDAY_9 + timedelta(days=90))
    said = purge(app)
    assert all(f"0 {what} went" in said for what in gone)
    stopped_clock.advance(1)
    said = purge(app)
    assert all(f"1 {what} went" in said for what in gone)


def test_absences_and_exceptions_go_a_year_after_their_day(
    app: Flask, officer: Officer, stopped_clock: StoppedClock
) -> None:
    last_year = MONDAY_9 - timedelta(days=365)
    for ended_at in (last_year - timedelta(hours=1), last_year + timedelta(hours=1)):
        with transaction() as session:
            enter(
                session,
                officer_id=officer.id,
                starts_at=ended_at - timedelta(days=300),
                ends_at=ended_at,
                kind=AbsenceKind.SICKNESS,
                reason=None,
                by=None,
                at=MONDAY_9,
            )
            set_exception(session, officer.id, ended_at.date(), (), reason="x", by=None, at=MONDAY_9)
    with transaction() as session:
        day_before = last_year.date() - timedelta(days=1)
        set_exception(session, officer.id, day_before, (), reason="x", by=None, at=MONDAY_9)
    said = purge(app)
    assert "1 absences went\n" in said
    assert "1 exceptions from officers' hours went\n" in said
    with reading() as session:
        assert session.scalars(select(Absence.ends_at)).all() == [last_year + timedelta(hours=1)]
        assert session.scalars(select(WorkingException.day)).all() == [last_year.date()]


def test_nudges_go_after_a_month_predictions_with_messages_and_alerts_with_what_was_written_about_a_visit(
    app: Flask, officer: Officer, stopped_clock: StoppedClock
) -> None:
    visit = factories.visit(factories.resident(), officer, MONDAY_9)
    with transaction() as session:
        nudge(session, NudgeKind.NOBODY_ARRIVED, [(visit.id, officer.id, MONDAY_9)], MONDAY_9)
        of_visit = {"visit_id": visit.id, "about_at": MONDAY_9, "at": MONDAY_9, "details": {"risk": "leave"}}
        raise_alert(session, AlertKind.AT_RISK, officer_id=officer.id, **of_visit)
        missed = MissedStandard(visit_id=visit.id, standard=Standard.MISSED, found_at=MONDAY_9, note="Cheque 12")
        missed.id, missed.redress_pence, missed.status = uuid4(), 1000, RedressStatus.SETTLED
        session.add(missed)
        session.add(Forecast(visit_id=visit.id, evaluated_at=MONDAY_9, probability=0.9))
    for days, kept in (
        (timedelta(days=30), (1, 1, 1, "Cheque 12")),
        (timedelta(days=30, seconds=1), (0, 1, 1, "Cheque 12")),
        (timedelta(days=365), (0, 1, 1, "Cheque 12")),
        (timedelta(days=366), (0, 0, 1, "Cheque 12")),
        (timedelta(days=730), (0, 0, 1, "Cheque 12")),
        (timedelta(days=731), (0, 0, 0, None)),
    ):
        stopped_clock.set(MONDAY_9 + days)
        purge(app)
        assert _kept() == kept, days
    with reading() as session:
        assert session.scalars(select(MissedStandard.redress_pence)).one() == 1000, "the figure stays"


def _kept() -> tuple[int, int, int, str | None]:
    """How many nudges, predictions and alerts there are, and the note on redress."""
    with reading() as session:
        counts = [
            session.scalar(select(func.count()).select_from(table)) or 0 for table in (Nudge, Forecast, Alert)
        ]
        return counts[0], counts[1], counts[2], session.scalars(select(MissedStandard.note)).one()
