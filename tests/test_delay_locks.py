"""What a delay waits for, and holds meanwhile, on PostgreSQL: SQLite has one writer at a time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from models import booking, clock
from models.database import engine, transaction
from models.officer import lock_diaries
from models.visit import Visit
from models.visit_event import RequestedBy
from models.visit_rows import find
from tests import factories
from tests.steps import MONDAY_9, delay, problem, see

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

TEN = MONDAY_9 + timedelta(hours=1)
LONGEST_WAIT_S = 20


@pytest.fixture
def visit(officer: Any, resident: Any) -> Any:
    """A visit at ten; it is nine."""
    return {"id": str(factories.visit(resident, officer, TEN).id)}


@pytest.fixture
def meanwhile() -> Iterator[Callable[..., Future[Any]]]:
    """Do something in another thread until it waits for a lock of ours."""
    with ThreadPoolExecutor(1) as pool:

        def begin(what: Callable[..., Any], *args: Any) -> Future[Any]:
            begun = pool.submit(what, *args)
            until = time.monotonic() + LONGEST_WAIT_S
            while not waiting() and not begun.done():
                assert time.monotonic() < until, "it neither waits nor ends"
                time.sleep(0.01)
            assert not begun.done(), "it did not wait"
            return begun

        yield begin


def waiting() -> bool:
    """Whether a transaction waits for another, asked outside of ours: inside, the answer would not change."""
    with engine().connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_a_delay_holds_no_visit_while_it_waits_for_the_diary(
    phone: Any, officer: Any, visit: Any, meanwhile: Callable[..., Future[Any]]
) -> None:
    """A move has the diary before it changes a visit: each would wait for what the other has."""
    with transaction() as session:
        lock_diaries(session, officer.id)
        late = meanwhile(delay, phone, visit, TEN + timedelta(minutes=30))
        assert session.scalar(select(Visit.id).with_for_update(nowait=True)) is not None
    assert late.result(LONGEST_WAIT_S).status_code == 201


def test_a_delay_of_a_visit_that_goes_to_another_officer_meanwhile_is_refused(
    phone: Any, scheduler: Any, visit: Any, meanwhile: Callable[..., Future[Any]]
) -> None:
    """It has waited for a diary that the visit is no longer in."""
    other = factories.officer()
    with transaction() as session:
        given = find(session, UUID(visit["id"]))
        booking.move(
            session,
            given,
            starts_at=given.starts_at,
            officer_id=other.id,
            second_officer_id=None,
            reason="the officer is ill",
            requested_by=RequestedBy.COUNCIL,
            by=None,  # type: ignore[arg-type]
            at=clock.now(),
        )
        late = meanwhile(delay, phone, visit, TEN + timedelta(minutes=30))
    problem(late.result(LONGEST_WAIT_S), 412, "changed-meanwhile")
    assert see(scheduler, visit)["expected_at"] is None
