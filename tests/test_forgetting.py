"""Residents, visits and messages whose time is over: nobody is known from them, and every figure stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, select

from api import create_app
from api.config import Settings
from migrations.tables import metadata
from models import database, retention
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import reading, transaction
from models.figures import By
from models.message import Message, MessageStatus
from models.number import Number
from models.officer import Officer
from models.reply import Reply, ReplyKind
from models.resident import PlaceFrom, Resident
from models.retention import AT_ONCE, Keep
from models.scan import ScanKind, Seen, append, prove
from models.visit import Visit
from models.visit_answer import VisitAnswer
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.steps import MONDAY_9, WEDNESDAY_10, arrive, book, cancel, depart, finish, move, path, problem

DAY = timedelta(days=1)
SECRETS = (
    *(
        "Marigold",
        "Quillfeather",
        "7700900777",
        "7700900778",
        "marigold@",
        "77 Privet",
        "Little Whinging",
        "HA1 3PJ",
    ),
    *(
        "51.58737",
        "10012345",
        "parrot",
        "Damp survey",
        "brown dog",
        "very kind",
        "Yes that",
        "rang twice",
        "asbestos",
    ),
)
REPORTS = [
    f"/v1/reports/{report}?from=2026-11-01T00:00:00Z&to=2026-12-31T00:00:00Z{by}"
    for report in ("punctuality", "notice")
    for by in ("", *(f"&by={by}" for by in By))
]


@pytest.fixture
def marigold(app: Flask) -> Resident:
    """Somebody of whom all is known that can be."""
    return factories.resident(
        name="Marigold Quillfeather",
        phone="+447700900777",
        second_phone="+447700900778",
        email="marigold@example.org",
        language="gu",
        needs="The parrot bites",
        line_1="77 Privet Drive",
        line_2="Flat 9, 77 Privet Drive",
        town="Little Whinging",
        postcode="HA1 3PJ",
        uprn="10012345",
    )


def story(scheduler: Client, phone: Client, clock: StoppedClock, of: Resident, by: Officer) -> list[Any]:
    """Three visits, with all that may be typed: one moved and done, one cancelled, one that nobody came to."""
    done, cancelled, missed = (
        book(scheduler, of, by, WEDNESDAY_10 + timedelta(hours=2 * number), purpose="Damp survey, asbestos")
        for number in range(3)
    )
    assert move(scheduler, done, MONDAY_9 + timedelta(minutes=10), reason="officer ill").status_code == 201
    assert cancel(scheduler, cancelled, reason="roof mended").status_code == 201
    with transaction() as session:
        session.add(
            VisitAnswer(
                visit_id=session.get_one(Visit, _id(done)).id, needs="A brown dog", feedback="very kind", rating=5
            )
        )
        for message in session.scalars(select(Message)):
            message.body, message.status = f"To {of.name}: {message.kind}", MessageStatus.DELIVERED
            message.accepted_at = message.delivered_at = clock.now
        session.add(
            Reply(
                id=uuid4(),
                carrier_id="SM1",
                from_number=of.phone,
                resident_id=of.id,
                visit_id=_id(done),
                kind=next(iter(ReplyKind)),
                body="Yes that is fine",
                answer="Thank you Marigold",
                received_at=clock.now,
            )
        )
        session.add(task_for(of, _id(done), status=ContactTaskStatus.DONE, note="I rang twice", words="parrot"))
    clock.advance(10 * 60)
    assert depart(phone, done).status_code == 201
    assert arrive(phone, done, clock.now, latitude=51.58737, longitude=-0.32932, accuracy_m=5).status_code == 201
    assert finish(phone, done, clock.now, note="the parrot bites").status_code == 201
    return [done, cancelled, missed]


def _id(visit: Any) -> Any:
    with reading() as session:
        return session.scalars(select(Visit.id).where(Visit.reference == visit["reference"])).one()


def task_for(resident: Resident, visit_id: Any = None, **changes: Any) -> ContactTask:
    values: dict[str, Any] = {
        "id": uuid4(),
        "visit_id": visit_id,
        "resident_id": resident.id,
        "reason": next(iter(ContactReason)),
        "detail": "moved",
        "due_at": MONDAY_9,
        "status": ContactTaskStatus.OPEN,
        "created_at": MONDAY_9,
    }
    return ContactTask(**values | changes)


def purge(app: Flask, *words: str) -> dict[str, int]:
    """What the command says went, by what it was."""
    result = app.test_cli_runner().invoke(args=["purge", *words])
    assert result.exit_code == 0, result.output
    lines = (line.removesuffix(" would go").removesuffix(" went") for line in result.output.splitlines())
    return {what: int(count) for count, what in (line.split(" ", 1) for line in lines)}


def everything() -> str:
    """All rows of all tables."""
    with reading() as session:
        return " ".join(repr(row) for table in metadata.sorted_tables for row in session.execute(table.select()))


def known(secrets: tuple[str, ...] = SECRETS) -> set[str]:
    kept = everything()
    return {secret for secret in secrets if secret in kept}


@pytest.fixture
def over(
    app: Flask,
    scheduler: Client,
    phone: Client,
    officer: Officer,
    marigold: Resident,
    stopped_clock: StoppedClock,
) -> list[Any]:
    """The three visits, just over."""
    return story(scheduler, phone, stopped_clock, marigold, officer)


def later(clock: StoppedClock, days: float, sign_in: Callable[..., Client]) -> Client:
    """That many days after the last of the visits: a scheduler who signs in then."""
    clock.set(WEDNESDAY_10 + timedelta(hours=4, minutes=30) + days * DAY)
    return sign_in("scheduler")


def test_after_its_time_nothing_tells_who_a_resident_was_or_what_was_said(
    app: Flask, over: list[Any], stopped_clock: StoppedClock, sign_in: Callable[..., Client]
) -> None:
    assert known() == set(SECRETS), "the story says all of it"
    later(stopped_clock, 731, sign_in)
    purge(app)
    assert known() == set()
    assert purge(app) == dict.fromkeys(purge(app), 0), "what is emptied is old no more"


def test_the_published_figures_are_the_same_before_and_after(
    app: Flask, over: list[Any], stopped_clock: StoppedClock, sign_in: Callable[..., Client]
) -> None:
    scheduler = later(stopped_clock, 731, sign_in)
    before = [scheduler.get(report).json for report in REPORTS]
    changes = scheduler.get("/v1/reports/notice/changes?from=2026-11-01T00:00:00Z&to=2026-12-31T00:00:00Z").json
    (came,), (told,) = before[0]["groups"], before[len(REPORTS) // 2]["groups"]
    assert (came["early"], came["missed"], came["excluded"]["cancelled"]) == (1, 1, 1)
    assert (told["changes"], len(changes["items"])) == (2, 2)
    assert purge(app)["residents"] == 1
    assert [scheduler.get(report).json for report in REPORTS] == before
    after = scheduler.get("/v1/reports/notice/changes?from=2026-11-01T00:00:00Z&to=2026-12-31T00:00:00Z").json
    assert after == changes


def test_a_day_earlier_all_is_still_there(
    app: Flask, over: list[Any], stopped_clock: StoppedClock, sign_in: Callable[..., Client]
) -> None:
    later(stopped_clock, 365, sign_in)
    gone = purge(app)
    assert {what: gone[what] for what in ("messages' words and numbers", "visits' purposes", "residents")} == {
        "messages' words and numbers": 4,  # of the two visits whose end is more than a year ago
        "visits' purposes": 0,
        "residents": 0,
    }
    later(stopped_clock, 366, sign_in)
    assert purge(app)["messages' words and numbers"] == 1
    assert "To Marigold" not in everything()
    later(stopped_clock, 729, sign_in)
    gone = purge(app)
    assert (gone["visits' purposes"], gone["residents"]) == (1, 0), (
        "the visit that was brought forward is over first"
    )
    assert known() >= {"Marigold", "77 Privet", "Damp survey", "7700900777"}


def test_what_is_left_can_still_be_looked_at(
    app: Flask, over: list[Any], marigold: Resident, stopped_clock: StoppedClock, sign_in: Callable[..., Client]
) -> None:
    scheduler = later(stopped_clock, 731, sign_in)
    purge(app)
    done = scheduler.get(path(over[0])).json
    assert (done["purpose"], done["status"], done["outcome"]) == ("", "completed", "completed")
    assert done["arrival"]["punctuality"] == "early"
    history = scheduler.get(path(over[0], "history")).json["items"]
    assert {line["kind"] for line in history} == {"booked", "moved", "departed", "arrived", "finished"}
    assert {str(line["details"]) for line in history} == {"{}"} and {line["reason"] for line in history} == {None}
    messages = scheduler.get(path(over[0], "messages")).json["items"]
    assert {message["status"] for message in messages} == {"delivered"}
    for address in ("/v1/visits", "/v1/contact-tasks", path(over[0], "notices")):
        assert scheduler.get(address).status_code == 200


def test_a_forgotten_resident_is_in_no_list_and_is_visited_no_more(
    app: Flask, over: list[Any], marigold: Resident, stopped_clock: StoppedClock, sign_in: Callable[..., Client]
) -> None:
    scheduler = later(stopped_clock, 731, sign_in)
    purge(app)
    assert scheduler.get("/v1/residents").json["items"] == []
    assert scheduler.get(f"/v1/residents/{marigold.id}").status_code == 404
    assert scheduler.patch(f"/v1/residents/{marigold.id}", {"name": "Somebody"}).status_code == 404
    booking = factories.booking(marigold, None, stopped_clock.now + 3 * DAY)
    problem(scheduler.post("/v1/visits", booking), 422, "not-valid")


@pytest.mark.parametrize("why", ["visited", "to be visited", "to be rung", "new"])
def test_a_resident_who_is_still_ours_is_kept(
    app: Flask, officer: Officer, stopped_clock: StoppedClock, why: str
) -> None:
    now = MONDAY_9 + 1000 * DAY
    someone = factories.resident(created_at=now - 700 * DAY if why == "new" else MONDAY_9)
    stopped_clock.set(now)
    if why in ("visited", "to be visited"):
        day = now - 729 * DAY if why == "visited" else now + 2 * DAY
        factories.visit(someone, officer, day, at=day - 3 * DAY)
    if why == "to be rung":
        with transaction() as session:
            session.add(task_for(someone))
    assert purge(app)["residents"] == 0
    with reading() as session:
        assert session.get_one(Resident, someone.id).name == "Asha Adeyemi"


def test_a_resident_whom_nobody_ever_visited_is_forgotten_too(app: Flask, stopped_clock: StoppedClock) -> None:
    someone = factories.resident(created_at=MONDAY_9, place_from=PlaceFrom.POSTCODE)
    stopped_clock.set(MONDAY_9 + 730 * DAY)
    assert purge(app)["residents"] == 0
    stopped_clock.advance(1)
    assert purge(app)["residents"] == 1
    with reading() as session:
        left = session.get_one(Resident, someone.id)
        assert (left.place, left.place_from) == (None, PlaceFrom.UNKNOWN)


def test_what_is_still_to_be_sent_or_done_keeps_its_words(
    app: Flask, resident: Resident, officer: Officer, scheduler: Client, stopped_clock: StoppedClock
) -> None:
    visit = book(scheduler, resident, officer)
    with transaction() as session:
        session.add(task_for(resident, _id(visit), words="Ring after six"))
        waiting = session.scalars(select(Message)).one()
        assert waiting.status is MessageStatus.HELD
    stopped_clock.set(WEDNESDAY_10 + 800 * DAY)
    gone = purge(app)
    assert gone["messages' words and numbers"] == gone["words in done contact tasks"] == 0
    with reading() as session:
        assert session.scalars(select(Message.to_address)).one() == resident.phone
        assert session.scalars(select(ContactTask.words)).one() == "Ring after six"


def test_a_number_that_said_stop_is_kept_and_one_that_only_failed_goes_with_its_resident(
    app: Flask, stopped_clock: StoppedClock
) -> None:
    factories.resident(created_at=MONDAY_9, phone="+447700900001", second_phone="+447700900002")
    with transaction() as session:
        session.add(Number(number="+447700900001", stopped_at=MONDAY_9))
        session.add(Number(number="+447700900002", unusable_at=MONDAY_9, unusable_code="30005"))
    assert purge(app)["numbers that are nobody's"] == 0
    stopped_clock.set(MONDAY_9 + 731 * DAY)
    assert purge(app)["numbers that are nobody's"] == 1
    with reading() as session:
        assert session.scalars(select(Number.number)).all() == ["+447700900001"]


def test_a_sign_in_stays_as_long_as_a_bundle_names_it(
    app: Flask, phone: Client, stopped_clock: StoppedClock
) -> None:
    assert phone.get("/v1/me/badge?bundle=30").status_code == 200
    assert phone.delete("/v1/tokens").status_code == 204
    stopped_clock.advance(3600)
    assert purge(app)["sign-ins"] == 0
    stopped_clock.advance(15 * 86400)
    assert purge(app)["sign-ins"] == 1


def test_how_long_is_a_setting(
    environment: dict[str, str], over: list[Any], stopped_clock: StoppedClock, sign_in: Callable[..., Client]
) -> None:
    days = {"KEEP_MESSAGES_DAYS": "30", "KEEP_VISITS_DAYS": "60", "KEEP_RESIDENTS_DAYS": "90"}
    app = create_app(Settings.from_environment(environment | days))
    emptied = []
    for after in (29, 31, 61, 91):
        later(stopped_clock, after, sign_in)
        gone = purge(app)
        emptied.append([gone[what] for what in ("messages' words and numbers", "visits' purposes", "residents")])
    assert [bool(each) for each in emptied[1]] == [True, False, False]
    assert [bool(each) for each in emptied[2]] == [False, True, False]
    assert emptied[3] == [0, 0, 1]


def test_a_dry_run_counts_the_same_and_changes_nothing(
    app: Flask, over: list[Any], stopped_clock: StoppedClock, sign_in: Callable[..., Client]
) -> None:
    later(stopped_clock, 731, sign_in)
    before = everything()
    would = purge(app, "--dry-run")
    assert everything() == before
    removed = purge(app)
    # That a resident has no address any more is noted by the database's own clock, which is not two years ahead.
    removed["notes of changed days"] -= 1
    assert removed == would and would["residents"] == 1


def test_no_transaction_touches_more_than_a_few_hundred_rows(
    app: Flask, resident: Resident, officer: Officer, stopped_clock: StoppedClock
) -> None:
    """Whoever books meanwhile waits for one of them, and not for all."""
    many = 2 * AT_ONCE + 7
    with transaction() as session:
        session.add_all(
            Resident(
                name=f"R {number}",
                phone="+447700900123",
                language="en",
                line_1="x",
                town="y",
                postcode="HA1 2RJ",
                created_at=MONDAY_9,
            )
            for number in range(many)
        )
        seen = Seen(at=MONDAY_9, kind=ScanKind.PAGE, state="genuine", reason="genuine", address="192.0.2.7")
        append(session, [seen] * many, secret=b"key")
    touched: list[list[int]] = [[]]

    def note(_: Any, cursor: Any, statement: str, *__: Any) -> None:
        if statement.startswith(("UPDATE residents", "DELETE FROM scans ")):
            touched[-1].append(cursor.rowcount)

    def committed(_: Any) -> None:
        touched.append([])

    engine = database.engine()
    event.listen(engine, "after_cursor_execute", note)
    event.listen(engine, "commit", committed)
    try:
        gone = retention.purge(MONDAY_9 + 731 * DAY, keep=Keep(), chain_key=b"key")
    finally:
        event.remove(engine, "after_cursor_execute", note)
        event.remove(engine, "commit", committed)
    assert gone["residents"] == many + 1 and gone["scan records"] == many
    batches = [sum(rows) for rows in touched if rows]
    assert max(batches) <= AT_ONCE and sum(batches) == 2 * many + 1
    with database.snapshot() as session:
        assert prove(session, secret=b"key").broken is None
