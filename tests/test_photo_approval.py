"""A new photo waits for a second person's approval: until then residents see the one of before."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import undefer

from id_badges.tokens import mint_phone_badge
from models.database import reading, transaction
from models.officer import Officer, OfficerPhoto, send_photo
from models.user import User
from tests import factories, live
from tests.conftest import Client, StoppedClock
from tests.steps import MONDAY_9, problem

PAGE = {"Accept": "text/html"}


@pytest.fixture
def second(sign_in: Callable[..., Client]) -> Client:
    """The other admin."""
    return sign_in("admin")


def put(client: Client, officer: Officer, colour: str = "navy") -> None:
    """Send a photo."""
    file = io.BytesIO()
    Image.new("RGB", (320, 400), colour).save(file, "PNG")
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "image/png"}
    answer = client.client.put(f"/v1/officers/{officer.id}/photo", data=file.getvalue(), headers=headers)
    assert answer.status_code == 204, answer.get_data(as_text=True)


def send(client: Client, officer: Officer, colour: str = "maroon") -> str:
    """Send a photo of an officer who has one, the colour of navy; its id."""
    if not client.get(f"/v1/officers/{officer.id}").json["has_photo"]:
        put(client, officer, "navy")
    put(client, officer, colour)
    (waiting,) = client.get(f"/v1/photos?status=waiting&officer_id={officer.id}").json["items"]
    return str(waiting["id"])


def approve(client: Client, photo_id: str) -> Any:
    return client.post(f"/v1/photos/{photo_id}/approval")


def refuse(client: Client, photo_id: str, reason: str = "Sunglasses") -> Any:
    return client.post(f"/v1/photos/{photo_id}/refusal", {"reason": reason})


@pytest.fixture
def door(app: Any, stranger: Client, officer: Officer, stopped_clock: StoppedClock) -> Callable[[], str | None]:
    """What the resident's page shows of the officer now: the colour of the photo's middle, or None."""
    badge = live.give_badge(officer, stopped_clock.now)

    def look() -> str | None:
        keyring, at = app.extensions["keyring"], stopped_clock.now
        token = mint_phone_badge(keyring, issuer=app.config["SETTINGS"].badge_issuer, badge_id=badge.id, at=at)
        page = stranger.get(f"/b/{token}", **PAGE).text
        assert "Genuine badge" in page
        if "/b/photos/" not in page:
            return None
        link = "/b/photos/" + page.split("/b/photos/")[1].split('"')[0]
        red, _, blue = Image.open(io.BytesIO(stranger.get(link).data)).getpixel((100, 100))  # type: ignore[misc]
        return "navy" if blue > red else "maroon"

    return look


def test_the_first_photo_is_shown_at_once(scheduler, officer, door):
    assert (door(), scheduler.get(f"/v1/officers/{officer.id}").json["has_photo"]) == (None, False)
    put(scheduler, officer, "navy")
    assert (door(), scheduler.get(f"/v1/officers/{officer.id}").json["has_photo"]) == ("navy", True)
    (first,) = scheduler.get("/v1/photos").json["items"]
    assert (first["status"], first["decided_by_id"]) == ("approved", None)
    assert first["uploaded_at"] == first["decided_at"] == "2026-11-23T09:00:00Z"


def test_of_two_first_photos_sent_at_once_the_second_waits(app, scheduler, officer):
    def first(_: int) -> None:
        with transaction() as session:
            send_photo(session, session.get_one(Officer, officer.id), b"jpeg", by=by, at=MONDAY_9)

    with reading() as session:
        by = session.scalars(select(User.id)).first()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(first, range(2)))
    statuses = [photo["status"] for photo in scheduler.get("/v1/photos").json["items"]]
    assert sorted(statuses) == ["approved", "waiting"]


def test_a_new_photo_is_shown_when_a_second_person_has_approved_it(admin, second, officer, door, stopped_clock):
    photo_id = send(admin, officer, "maroon")
    assert door() == "navy"
    sent = admin.get(f"/v1/photos/{photo_id}").json
    assert (sent["status"], sent["decided_at"], sent["decided_by_id"]) == ("waiting", None, None)
    stopped_clock.advance(60)
    answer = approve(second, photo_id).json
    assert door() == "maroon"
    assert answer["status"] == "approved" and answer["decided_at"] == "2026-11-23T09:01:00Z"
    assert answer["uploaded_at"] == "2026-11-23T09:00:00Z"
    assert len({answer["uploaded_by_id"], answer["decided_by_id"]} - {None}) == 2
    assert admin.get(f"/v1/photos/{photo_id}").json == answer


def test_whoever_sent_a_photo_does_not_approve_it(admin, second, officer, door):
    photo_id = send(admin, officer)
    problem(approve(admin, photo_id), 403, "second-person")
    assert door() == "navy"
    assert approve(second, photo_id).status_code == 201


def test_a_scheduler_sends_a_photo_and_approves_none(scheduler, admin, officer):
    photo_id = send(admin, officer)
    problem(approve(scheduler, photo_id), 403, "not-yours")
    problem(refuse(scheduler, photo_id), 403, "not-yours")
    assert scheduler.get(f"/v1/photos/{photo_id}").json["status"] == "waiting"


def test_the_database_itself_refuses_a_new_photo_of_one_person(admin, second, officer):
    approve(second, send(admin, officer))
    for spoil in ("decided_by_id = uploaded_by_id", "jpeg = NULL", "status = 'refused'"):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(text(f"UPDATE officer_photos SET {spoil}"))


def test_a_refused_photo_says_why_and_its_picture_is_gone(admin, second, officer, door):
    photo_id = send(admin, officer)
    answer = refuse(second, photo_id).json
    assert (answer["status"], answer["refused_reason"]) == ("refused", "Sunglasses")
    assert answer["decided_by_id"] and answer["decided_at"]
    assert pictures()[UUID(photo_id)] is None
    problem(admin.get(f"/v1/photos/{photo_id}/photo.jpg"), 404, "not-found")
    assert door() == "navy"


def test_whoever_sent_a_photo_may_withdraw_it(admin, officer):
    assert refuse(admin, send(admin, officer), "The wrong file").json["status"] == "refused"


def test_what_was_decided_stays_decided(admin, second, officer):
    yes = send(admin, officer)
    approve(second, yes)
    no = send(admin, officer)
    refuse(second, no)
    for photo_id in (yes, no):
        problem(approve(second, photo_id), 409, "photo-state")
        problem(refuse(second, photo_id), 409, "photo-state")


def test_a_photo_sent_while_one_waits_takes_its_place_and_is_not_slipped_in(admin, second, officer, door):
    """What the second person approves is the picture they looked at."""
    seen = send(admin, officer, "navy")
    slipped_in = send(admin, officer, "maroon")
    problem(approve(second, seen), 409, "photo-state")
    assert door() == "navy"
    assert admin.get(f"/v1/photos/{seen}").json["status"] == "replaced"
    assert pictures()[UUID(seen)] is None
    assert approve(second, slipped_in).status_code == 201
    assert door() == "maroon"


def test_the_picture_can_be_looked_at_before_it_is_approved(admin, second, phone, officer, stranger):
    path = f"/v1/photos/{send(admin, officer, 'maroon')}/photo.jpg"
    answer = second.get(path)
    assert (answer.content_type, answer.headers["Cache-Control"]) == ("image/jpeg", "no-store")
    red, _, blue = Image.open(io.BytesIO(answer.data)).getpixel((100, 100))  # type: ignore[misc]
    assert red > 100 > blue
    problem(phone.get(path), 403, "not-yours")
    problem(stranger.get(path), 401, "sign-in")


def test_those_that_wait_are_listed_page_by_page(admin, second, stopped_clock):
    sent = []
    for _ in range(3):
        stopped_clock.advance(60)
        sent.append(send(admin, factories.officer()))
    approve(second, sent[1])
    page = admin.get("/v1/photos?status=waiting&limit=1").json
    rest = admin.get(f"/v1/photos?status=waiting&limit=1&cursor={page['next_cursor']}").json
    assert [photo["id"] for photo in page["items"] + rest["items"]] == [sent[2], sent[0]]
    assert rest["next_cursor"] is None
    assert len(admin.get("/v1/photos").json["items"]) == 6


def test_a_card_shows_the_approved_photo_and_not_the_one_that_waits(admin, second, officer):
    waiting = send(admin, officer)
    card = admin.post(f"/v1/officers/{officer.id}/cards").json
    assert card["photo_id"] != waiting
    assert second.post(f"/v1/cards/{card['id']}/approval").status_code == 201


def test_a_card_asked_for_before_the_new_photo_was_approved_is_not_true_any_more(admin, second, officer):
    waiting = send(admin, officer)
    card = admin.post(f"/v1/officers/{officer.id}/cards").json
    approve(second, waiting)
    problem(second.post(f"/v1/cards/{card['id']}/approval"), 409, "card-state")


def test_nothing_is_known_of_a_photo_that_nobody_sent(admin):
    for answer in (
        admin.get(f"/v1/photos/{uuid4()}"),
        admin.get(f"/v1/photos/{uuid4()}/photo.jpg"),
        approve(admin, str(uuid4())),
        refuse(admin, str(uuid4())),
    ):
        problem(answer, 404, "not-found")


def pictures() -> dict[UUID, bytes | None]:
    with reading() as session:
        found = session.scalars(select(OfficerPhoto).options(undefer(OfficerPhoto.jpeg)))
        return {photo.id: photo.jpeg for photo in found}
