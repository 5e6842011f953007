"""Is it alive, and is it ready."""

from datetime import timedelta

from sqlalchemy import text

from models.database import transaction
from tests.conftest import Client, StoppedClock


def test_a_prepared_installation_is_ready(stranger: Client) -> None:
    assert stranger.get("/healthz").json == {"status": "ok"}
    assert stranger.get("/readyz").json == {"status": "ok", "warnings": []}


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
