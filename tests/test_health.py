"""Is it alive, is it ready, and is there anything that somebody has to look at."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from models.bank_holidays import KNOWN_UNTIL
from models.contact_task import ContactReason, ask_for_call
from models.database import transaction
from models.message import Channel
from models.sender_state import PausedBy, lock_state
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.sending import MONDAY, WEDNESDAY, book

NINE = "Mon 23 Nov 2026 09:00:00 GMT"


def test_a_prepared_installation_is_ready(stranger: Client) -> None:
    assert stranger.get("/healthz").json == {"status": "ok"}
    texts = {"waiting": 0, "oldest_due_seconds": 0}
    assert stranger.get("/readyz").json == {"status": "ok", "warnings": [], "texts": texts}


def test_a_database_without_its_tables_is_not_ready(stranger: Client) -> None:
    with transaction() as session:
        session.execute(text("ALTER TABLE alembic_version RENAME TO elsewhere"))
    try:
        answered = stranger.get("/readyz")
        assert answered.status_code == 503
        assert "alembic upgrade head" in answered.json["detail"]
        assert stranger.get("/healthz").status_code == 200
    finally:
        with transaction() as session:
            session.execute(text("ALTER TABLE elsewhere RENAME TO alembic_version"))


def test_keys_that_end_soon_are_warned_of(stranger: Client, stopped_clock: StoppedClock) -> None:
    stopped_clock.now += timedelta(days=340)
    assert "30 days" in stranger.get("/readyz").json["warnings"][0]


def test_bank_holidays_that_run_out_are_warned_of(stranger: Client, stopped_clock: StoppedClock) -> None:
    """A release that is not updated for years would one day send officers out on Christmas Day."""

    def warned() -> list[str]:
        return [words for words in stranger.get("/readyz").json["warnings"] if "ank holidays" in words]

    last = MONDAY.replace(year=KNOWN_UNTIL.year, month=KNOWN_UNTIL.month, day=KNOWN_UNTIL.day)
    stopped_clock.set(last - timedelta(days=90))
    assert warned() == []
    for days_from_the_last in (-89, 0, 400):
        stopped_clock.set(last + timedelta(days=days_from_the_last))
        assert warned() == [
            f"Bank holidays are known to {KNOWN_UNTIL.day} {KNOWN_UNTIL:%B %Y} only: update the product."
        ]


def ready(stranger: Client) -> Any:
    answered = stranger.get("/readyz")
    assert answered.status_code == 200 and answered.json["status"] == "ok"
    return answered.json


def pause(channel: Channel, by: PausedBy, reason: str, seconds: float | None = None) -> None:
    with transaction() as session:
        resume_at = None if seconds is None else MONDAY + timedelta(seconds=seconds)
        lock_state(session, channel).pause(by, reason, MONDAY, resume_at=resume_at)


def test_a_text_that_is_over_two_minutes_late_is_warned_of(stranger: Client, stopped_clock: StoppedClock) -> None:
    book()
    stopped_clock.advance(120)
    assert ready(stranger) == {
        "status": "ok",
        "warnings": [],
        "texts": {"waiting": 1, "oldest_due_seconds": 120},
    }
    stopped_clock.advance(60.5)
    told = ready(stranger)
    assert told["texts"] == {"waiting": 1, "oldest_due_seconds": 180}
    assert told["warnings"] == [
        "A message is 3 minutes late. Does `flask send-texts` run? See `flask texts stuck`."
    ]


def test_a_text_that_waits_for_the_morning_is_no_warning(stranger: Client, stopped_clock: StoppedClock) -> None:
    stopped_clock.set(MONDAY.replace(hour=23))
    book()
    stopped_clock.advance(8 * 3600)
    assert ready(stranger)["texts"] == {"waiting": 1, "oldest_due_seconds": 0}
    assert ready(stranger)["warnings"] == []


@pytest.mark.parametrize(
    ("by", "reason", "words"),
    [
        (PausedBy.OPERATOR, "Ask Marigold", f"by an operator since {NINE}."),
        (PausedBy.ACCOUNT, "20003", f"by the carrier, which refuses our account (20003) since {NINE}."),
        (PausedBy.BUSY, "busy", f"by the carrier, which asked us to wait since {NINE}."),
    ],
)
def test_a_paused_sender_is_warned_of_and_what_it_keeps_is_no_second_warning(
    stranger: Client, stopped_clock: StoppedClock, by: PausedBy, reason: str, words: str
) -> None:
    book()
    pause(Channel.TEXT, by, reason, None if by is PausedBy.OPERATOR else 600)
    stopped_clock.advance(300)
    told = ready(stranger)
    assert told["warnings"] == [f"The text sender is paused {words}"]
    assert told["texts"]["oldest_due_seconds"] == 300


def test_a_carrier_that_refused_us_is_warned_of_until_it_has_taken_a_message(
    stranger: Client, stopped_clock: StoppedClock
) -> None:
    pause(Channel.TEXT, PausedBy.ACCOUNT, "20003", 60)
    pause(Channel.CALL, PausedBy.BUSY, "busy", 60)
    stopped_clock.advance(60)
    assert [warning[:15] for warning in ready(stranger)["warnings"]] == ["The text sender"]


def test_a_stalled_queue_is_warned_of_beside_a_sender_that_is_paused(
    stranger: Client, stopped_clock: StoppedClock
) -> None:
    book()
    pause(Channel.EMAIL, PausedBy.OPERATOR, "Moved")
    stopped_clock.advance(121)
    assert [warning[:9] for warning in ready(stranger)["warnings"]] == ["A message", "The email"]


def test_residents_who_should_have_been_rung_are_warned_of(stranger: Client, stopped_clock: StoppedClock) -> None:
    for reason in (ContactReason.NO_RECEIPT, ContactReason.TEXT_STOPPED):
        with transaction() as session:
            resident = factories.resident()
            ask_for_call(
                session,
                visit_id=None,
                resident_id=resident.id,
                reason=reason,
                detail="moved",
                reference_at=WEDNESDAY,
                at=MONDAY,
            )
    stopped_clock.advance(30 * 60)
    assert ready(stranger)["warnings"] == []
    stopped_clock.advance(1)
    assert ready(stranger)["warnings"] == ["Overdue contact tasks: 2. See GET /v1/contact-tasks?status=open."]
