"""An officer's day comes down in one small answer, and then only what is new of it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.database import transaction
from models.resident import Resident
from tests import factories
from tests.steps import MONDAY_9, arrive, move, problem

TEN = MONDAY_9 + timedelta(hours=1)


@pytest.fixture
def visits(officer, resident):
    """Three visits from ten; it is nine."""
    return [{"id": str(factories.visit(resident, officer, TEN + timedelta(hours=hours)).id)} for hours in range(3)]


def day(phone: Any, since: str | None = None, **headers: str) -> Any:
    answer = phone.get("/v1/me/visits" + (f"?since={since}" if since is not None else ""), **headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer


def etag(answer: Any) -> str:
    """As `since` takes it."""
    return str(answer.headers["ETag"]).strip('"')


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer.json["items"]]


def test_a_day_that_has_not_changed_is_not_sent_again(phone, visits):
    first = day(phone)
    assert ids(first) == [visit["id"] for visit in visits]
    assert "visit_ids" not in first.json
    for given in (f'"{etag(first)}"', f'W/"{etag(first)}"', f'"another", "{etag(first)}"'):
        again = phone.get("/v1/me/visits", If_None_Match=given)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert day(phone, If_None_Match='"another"').json == first.json


def test_whatever_changes_about_a_visit_its_resident_or_their_wishes_is_sent(phone, visits, resident):
    first = day(phone)
    assert arrive(phone, visits[1], MONDAY_9).status_code == 201
    second = day(phone, If_None_Match=first.headers["ETag"])
    assert second.json["items"][1]["status"] == "arrived"
    with transaction() as session:
        session.execute(update(Resident).where(Resident.id == resident.id).values(phone="+447700900999"))
    assert (
        day(phone, If_None_Match=second.headers["ETag"]).json["items"][0]["resident"]["phone"] == "+447700900999"
    )


def test_only_what_is_new_comes_and_what_has_gone_is_told_by_the_rest(
    scheduler, phone, officer, resident, visits, stopped_clock
):
    since = etag(day(phone))
    nothing = day(phone, since)
    assert (nothing.json["items"], etag(nothing)) == ([], since)
    assert arrive(phone, visits[0], MONDAY_9).status_code == 201
    assert move(scheduler, visits[1], TEN + timedelta(days=1)).status_code == 201
    made = str(factories.visit(resident, officer, TEN + timedelta(hours=4)).id)
    news = day(phone, since)
    assert ids(news) == [visits[0]["id"], made]
    assert news.json["visit_ids"] == [visits[0]["id"], visits[2]["id"], made]
    whole = day(phone)
    assert etag(news) == etag(whole)
    assert news.json["items"] == [item for item in whole.json["items"] if item["id"] in ids(news)]
    assert ids(day(phone, etag(news))) == []


def test_what_a_phone_knows_of_another_day_is_of_no_use_and_no_harm(phone, visits):
    tomorrow = phone.get("/v1/me/visits?date=2026-11-24")
    assert (tomorrow.json["items"], etag(tomorrow)) == ([], "d")
    assert ids(day(phone, etag(tomorrow))) == [visit["id"] for visit in visits]


def test_two_officers_with_like_days_share_no_marks(phone, visits, sign_in, resident):
    colleague = factories.officer()
    factories.visit(resident, colleague, TEN)
    theirs = sign_in("officer", colleague)
    assert len(ids(day(theirs, etag(day(phone))))) == 1


@pytest.mark.parametrize(
    "since", ["", "x", "d1234567", "d123456789", "d1234567%20", "d" + "a" * 4008, "d12345678%0a", "%C3%A9"]
)
def test_what_is_no_etag_of_ours_is_refused(phone, visits, since):
    refused = problem(phone.get(f"/v1/me/visits?since={since}"), 422, "not-valid")
    assert "since" in refused["errors"]
