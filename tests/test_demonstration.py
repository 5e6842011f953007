"""The demonstration: a past year that the figures say something of, and a day that has begun well."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from api import create_app, demonstration, secret_keys
from api.config import Settings
from models import feedback, figure_check, reports, travel
from models.clock import LONDON
from models.contact_task import ContactTask, ContactTaskStatus
from models.database import reading
from models.diary import day_bounds
from models.figures import By
from models.message import Message, MessageStatus
from models.message_event import MessageEvent
from models.outlooks import outlooks
from models.overdue import nobody_there, still_there
from models.promise import ChangeNotice
from models.published import published
from models.user import User
from models.visit import Visit, VisitStatus
from notifications.overdue import look_for_nobody_there
from tests.conftest import empty
from tests.steps import MONDAY_9

NOON = MONDAY_9 + timedelta(hours=3)


@pytest.fixture
def loaded(app: Flask) -> None:
    assert demonstration.load(NOON)


def test_its_past_year_is_in_every_figure_and_each_is_what_its_records_say(loaded: None) -> None:
    with reading() as session:
        checked = figure_check.check(session)
        assert checked.visits > 600 and (checked.too_old, checked.differences) == (0, [])
        figures = published(session, NOON)
        for year in (figures.on_time, figures.notice, figures.told):
            # The month we are in may have too few as yet.
            assert all(month.figure is not None for month in year.months[:-1])
        assert figures.on_time.total and 85 <= figures.on_time.total.percent <= 95
        assert figures.by_first_promise and figures.late_told
        for word in ("on_time", "early", "late", "missed"):
            assert figures.arrivals[word]
        assert figures.visits_left_out["cancelled"]
        assert figures.not_kept["short"] and figures.not_kept["failed"] == 2
        assert figures.changes_left_out["not_possible"] and figures.changes_left_out["asked_for_by_resident"]
        assert len(feedback.published(session, 10)) == 2


@pytest.mark.parametrize(("by", "fewest"), [(By.TEAM, 4), (By.WARD, 4), (By.VISIT_TYPE, 5)])
def test_reports_have_groups_to_compare(loaded: None, by: By, fewest: int) -> None:
    with reading() as session:
        groups = reports.punctuality(session, since=NOON - timedelta(days=365), until=NOON, by=by, at=NOON)
    assert len(groups) == fewest
    assert all(group.fair.counts["on_time"] > 30 and not group.group.startswith("no_") for group in groups)


def test_no_text_of_the_past_goes_and_nobody_has_to_be_rung_about_it(loaded: None) -> None:
    with reading() as session:
        waiting = session.scalars(select(Message).where(Message.status == MessageStatus.HELD)).all()
        assert waiting and all(message.starts_at > NOON for message in waiting)
        # Nothing is looked up at a carrier or tried another way either.
        followed = select(Message.id).where(Message.look_up_at.is_not(None) | Message.next_way_at.is_not(None))
        assert session.scalars(followed).all() == []
        past = select(Visit.id).where(Visit.starts_at < NOON)
        to_ring = select(ContactTask.id).where(ContactTask.status == ContactTaskStatus.OPEN)
        assert session.scalars(to_ring.where(ContactTask.visit_id.in_(past))).all() == []
        untold = select(func.count()).select_from(ChangeNotice).where(ChangeNotice.told_at.is_(None))
        assert session.scalar(untold) == 2
        gone = select(func.count()).select_from(Message).where(Message.accepted_at.is_not(None))
        told = select(func.count(MessageEvent.message_id.distinct()))
        assert session.scalar(gone) == session.scalar(told)


@pytest.mark.parametrize("at", [NOON - timedelta(hours=8), NOON, NOON + timedelta(hours=3.8, minutes=7)])
def test_nobody_is_missed_or_late_because_it_starts_late_in_the_day(app: Flask, at: datetime) -> None:
    assert demonstration.load(at)
    with reading() as session:
        assert nobody_there(session, at) == still_there(session, at, timedelta(minutes=30)) == []
        today = select(Visit).where(Visit.starts_at.between(*day_bounds(at.astimezone(LONDON).date())))
        visits = session.scalars(today).all()
        assert {visit.status for visit in visits if visit.starts_at >= at} <= {VisitStatus.BOOKED}
        assert all(visit.arrived_at for visit in visits if visit.starts_at < at)
    look_for_nobody_there(at)
    with reading() as session:
        yesterday = at - timedelta(hours=16)
        lately = select(Visit.id).where(Visit.status == VisitStatus.MISSED, Visit.starts_at > yesterday)
        assert session.scalars(lately).all() == []


def test_what_was_reported_this_morning_lets_the_rest_of_the_day_be_predicted(loaded: None) -> None:
    with reading() as session:
        predicted = [arrival for visit, arrival in outlooks(session, travel.in_use(), NOON) if arrival]
    assert predicted


def test_it_is_never_loaded_twice(loaded: None) -> None:
    with reading() as session:
        before = session.scalar(select(func.count()).select_from(Visit))
        assert not demonstration.load(NOON + timedelta(days=40))
        assert session.scalar(select(func.count()).select_from(Visit)) == before


def test_its_visits_are_the_same_each_time(app: Flask) -> None:
    def story() -> list[Any]:
        with reading() as session:
            return list(
                session.execute(
                    select(Visit.starts_at, Visit.arrived_at, Visit.status, Visit.purpose).order_by(
                        Visit.first_promised_at, Visit.purpose, Visit.created_at
                    )
                )
            )

    assert demonstration.load(NOON)
    first = story()
    empty()
    assert demonstration.load(NOON)
    assert story() == first


def test_production_refuses_it(app: Flask, tmp_path: Path, environment: dict[str, str]) -> None:
    secret_keys.create(tmp_path / "keys", NOON, for_development=False)
    settings = Settings.from_environment(
        environment
        | {
            "APP_ENV": "production",
            "KEYS_DIR": str(tmp_path / "keys"),
            "PUBLIC_BASE_URL": "https://visits.harrow.gov.uk",
            "COUNCIL_PHONE": "020 8863 5611",
            "SMS_SENDER": "twilio",
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": "a-token",
            "TWILIO_FROM": "+442088635611",
        }
    )
    refused = create_app(settings).test_cli_runner().invoke(args=["load-demonstration"])
    assert refused.exit_code == 1 and "do not belong in production" in refused.output
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 0
