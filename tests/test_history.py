"""The history of a visit: who, when and why, in order, and nothing is ever taken out."""

from datetime import timedelta

from tests import factories
from tests.steps import MONDAY_9, arrive, book, delay, depart, finish, move, path

TEN = MONDAY_9 + timedelta(hours=1)


def test_everything_that_happens_is_written_down_in_order(scheduler, phone, officer, resident, stopped_clock):
    visit = book(scheduler, resident, officer, TEN)
    stopped_clock.advance(10)
    move(scheduler, visit, TEN + timedelta(minutes=20), reason="Officer ill")
    stopped_clock.advance(10)
    depart(phone, visit, departed_at=MONDAY_9.isoformat())
    stopped_clock.advance(10)
    delay(phone, visit, TEN + timedelta(minutes=60), reason="Traffic")
    stopped_clock.advance(10)
    arrive(phone, visit, MONDAY_9 + timedelta(seconds=30), latitude=51.5, longitude=-0.3, accuracy_m=9)
    stopped_clock.advance(10)
    finish(phone, visit, MONDAY_9 + timedelta(seconds=45), note="Done")

    told = scheduler.get(path(visit, "history"))
    assert told.json["next_cursor"] is None
    lines = told.json["items"]
    assert [line["kind"] for line in lines] == ["booked", "moved", "departed", "delayed", "arrived", "finished"]
    assert [line["recorded_at"] for line in lines] == [
        f"2026-11-23T09:00:{second:02}Z" for second in range(0, 60, 10)
    ]
    assert [line["occurred_at"][17:19] for line in lines] == ["00", "10", "00", "30", "30", "45"]
    assert [line["by"].split("-")[0] for line in lines] == ["scheduler"] * 2 + ["officer"] * 4
    assert [line["reason"] for line in lines] == [None, "Officer ill", None, "Traffic", None, None]
    assert lines[1]["details"] == {
        "moved_from": "2026-11-23T10:00:00Z",
        "moved_to": "2026-11-23T10:20:00Z",
        "officer_from": str(officer.id),
        "officer_to": str(officer.id),
        "requested_by": "council",
    }
    assert lines[4]["details"]["position"] == [51.5, -0.3]
    assert lines[5]["details"] == {"outcome": "completed", "note": "Done"}
    assert phone.get(path(visit, "history")).json == told.json


def test_a_long_history_is_read_page_by_page(scheduler, officer, resident, stopped_clock):
    visit = book(scheduler, resident, officer, TEN)
    for minutes in range(1, 6):
        stopped_clock.advance(1)
        assert move(scheduler, visit, TEN + timedelta(minutes=minutes)).status_code == 201
    whole = scheduler.get(path(visit, "history")).json["items"]
    pages, cursor = [], ""
    while cursor is not None:
        page = scheduler.get(path(visit, "history") + f"?limit=4&cursor={cursor}".removesuffix("&cursor=")).json
        pages += page["items"]
        cursor = page["next_cursor"]
    assert pages == whole
    assert len(whole) == 6
    assert scheduler.get(path(visit, "history") + "?limit=0").status_code == 422


def test_a_refused_change_leaves_no_line(scheduler, phone, officer, resident):
    visit = {"id": str(factories.visit(resident, officer, TEN).id)}
    factories.visit(resident, officer, TEN + timedelta(hours=1))
    assert move(scheduler, visit, TEN + timedelta(hours=1)).status_code == 409
    assert arrive(phone, visit, TEN, latitude=99, longitude=0).status_code == 422
    assert [line["kind"] for line in scheduler.get(path(visit, "history")).json["items"]] == ["booked"]


def test_what_nobody_in_particular_did_has_no_name(scheduler, officer, resident):
    visit = {"id": str(factories.visit(resident, officer, TEN).id)}
    assert scheduler.get(path(visit, "history")).json["items"][0]["by"] is None


def test_messages_are_told_with_what_became_of_them(scheduler, officer, resident, stopped_clock):
    visit = book(scheduler, resident, officer, TEN + timedelta(days=3))
    stopped_clock.advance(1)
    move(scheduler, visit, TEN + timedelta(days=4))
    first, second = scheduler.get(path(visit, "messages")).json["items"]
    assert (first["kind"], first["status"]) == ("booked", "superseded")
    assert set(second) == {
        "id",
        "news_id",
        "number",
        "kind",
        "channel",
        "status",
        "reference",
        "window",
        "decided_at",
        "send_at",
        "expires_at",
        "accepted_at",
        "delivered_at",
        "failed_at",
        "error_code",
        "body",
        "parts",
        "superseded_by_id",
        "story",
        "replies",
    }
    assert [step["event"] for step in first["story"]] == ["queued", "superseded"]
    assert first["story"][1]["details"] == {"superseded_by_id": second["id"]}
    page = scheduler.get(path(visit, "messages") + "?limit=1").json
    rest = scheduler.get(path(visit, "messages") + f"?limit=1&cursor={page['next_cursor']}").json
    assert [page["items"][0]["id"], rest["items"][0]["id"], rest["next_cursor"]] == [
        first["id"],
        second["id"],
        None,
    ]
