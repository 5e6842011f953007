"""SQLite's writers share commits, and each still stands or falls alone."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import OperationalError

from migrations.tables import metadata
from models import database, tally
from models.officer import Officer
from tests import factories


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[None]:
    engine = database.connect(f"sqlite:///{tmp_path / 'visits.sqlite3'}")
    with engine.begin() as connection:
        metadata.create_all(connection)
    yield


def count() -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Officer)) or 0


def together(*works: object) -> list[BaseException | None]:
    """Let each work wait for the writer's turn while the first holds it, so that they share a commit."""
    ends: list[BaseException | None] = [None] * len(works)
    writers = database._writers
    assert writers is not None
    holding, go = threading.Event(), threading.Event()

    def hold() -> None:
        with suppress(OperationalError), database.transaction():
            holding.set()
            go.wait(10)
            factories.officer()

    def run(place: int, work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            ends[place] = error

    first = threading.Thread(target=hold)
    first.start()
    holding.wait(10)
    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    while writers._waiting < len(works):
        pass
    go.set()
    for thread in [first, *threads]:
        thread.join(20)
    return ends


def fails() -> None:
    with database.transaction() as session:
        factories.officer()
        session.execute(text("SELECT 1"))
        raise KeyError("mine alone")


def test_writers_that_wait_share_one_commit(sqlite: None) -> None:
    commits: list[int] = []
    event.listen(database.engine(), "commit", lambda _: commits.append(1))
    assert together(*[factories.officer] * 6) == [None] * 6
    assert count() == 7
    assert len(commits) == 1


def test_one_that_fails_takes_nobody_with_it(sqlite: None) -> None:
    ends = together(factories.officer, fails, factories.officer, fails)
    assert [type(end) for end in ends] == [type(None), KeyError, type(None), KeyError]
    assert count() == 3


def adds_up() -> None:
    with database.changing() as connection:
        tally.count(connection, {tally.Count("tried"): 1})


def adds_up_and_fails() -> None:
    with database.changing() as connection:
        tally.count(connection, {tally.Count("tried"): 1})
        raise KeyError("mine alone")


def test_a_change_without_a_session_shares_the_commit_and_stands_or_falls_alone(sqlite: None) -> None:
    ends = together(adds_up, fails, adds_up_and_fails, factories.officer, adds_up)
    assert [type(end) for end in ends] == [type(None), KeyError, KeyError, type(None), type(None)]
    with database.reading() as session:
        assert tally.totals(session, ["tried"]) == {tally.Count("tried"): 2}
    assert count() == 2
    with pytest.raises(KeyError):
        adds_up_and_fails()
    adds_up()
    with database.reading() as session:
        assert tally.totals(session, ["tried"]) == {tally.Count("tried"): 3}


def test_a_lone_failure_leaves_nothing_and_the_next_writes(sqlite: None) -> None:
    with pytest.raises(KeyError):
        fails()
    assert count() == 0
    factories.officer()
    assert count() == 1


def test_a_commit_that_fails_is_told_to_all_who_are_in_it(sqlite: None) -> None:
    def refuse(_: object) -> None:
        raise OperationalError("COMMIT", None, Exception("disk full"))

    event.listen(database.engine(), "commit", refuse)
    try:
        ends = together(factories.officer, factories.officer)
    finally:
        event.remove(database.engine(), "commit", refuse)
    assert [type(end) for end in ends] == [OperationalError, OperationalError]
    assert count() == 0
    factories.officer()
    assert count() == 1


def test_a_hundred_threads_lose_nothing(sqlite: None) -> None:
    def work() -> None:
        for _ in range(5):
            factories.officer()
            with pytest.raises(KeyError):
                fails()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert count() == 100
