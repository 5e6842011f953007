"""The photo of a door that nobody opened: only the picture, only once, and only for those who may see it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.database import reading
from models.no_access_photo import NoAccessPhoto
from tests import factories
from tests.steps import finish, path, problem
from tests.syncing import TEN, minutes, phone, scheduler, visit
from tests.test_photos import SECRET, exif, face, opened, saved

__all__ = ["phone", "scheduler", "visit"]


def put(client, visit, photo, kind="image/jpeg"):
    return client.client.put(
        path(visit, "no-access-photo"),
        data=photo,
        content_type=kind,
        headers={"Authorization": f"Bearer {client.token}"},
    )


@pytest.fixture
def door(phone, visit, stopped_clock):
    """A visit that nobody opened to, ten minutes ago."""
    stopped_clock.set(TEN + minutes(20))
    assert finish(phone, visit, TEN + minutes(10), outcome="no_access").status_code == 201
    return visit


def kept():
    with reading() as session:
        return session.scalars(select(NoAccessPhoto)).all()


def test_it_is_seen_by_a_scheduler_without_its_place_and_no_larger_than_is_needed(phone, scheduler, door):
    for size, kept_size in (((3000, 2000), (1280, 853)),):
        photo = saved(face(size), exif=exif(), comment=SECRET)
        assert put(phone, door, photo).status_code == 204
        answer = scheduler.get(path(door, "no-access-photo"))
        assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
        picture = opened(answer.data)
        assert (picture.size, dict(picture.getexif())) == (kept_size, {})
        assert SECRET not in answer.data


def test_the_same_photo_sent_again_is_harmless_and_another_one_does_not_take_its_place(phone, scheduler, door):
    first = saved(face(colour="red"))
    assert [put(phone, door, first).status_code for _ in range(2)] == [204, 204]
    problem(put(phone, door, saved(face(colour="blue"))), 409, "photo-state")
    assert len(kept()) == 1
    red, _, blue = opened(scheduler.get(path(door, "no-access-photo")).data).getpixel((9, 9))
    assert red > 200 > 50 > blue


def test_there_is_no_photo_of_a_door_that_was_not_found_shut(phone, scheduler, visit):
    problem(put(phone, visit, saved(face())), 409, "visit-state")
    assert finish(phone, visit, TEN).status_code == 201
    problem(put(phone, visit, saved(face())), 409, "visit-state")
    problem(scheduler.get(path(visit, "no-access-photo")), 404, "not-found")
    assert kept() == []


def test_another_officer_neither_sends_nor_sees_it(sign_in, phone, door, stranger, admin):
    other = sign_in("officer", factories.officer())
    problem(put(other, door, saved(face())), 403, "not-yours")
    assert put(phone, door, saved(face())).status_code == 204
    for client in (other, phone, admin):
        problem(client.get(path(door, "no-access-photo")), 403)
    problem(stranger.get(path(door, "no-access-photo")), 401)


@pytest.mark.parametrize(
    ("photo", "kind", "status"),
    [
        (b"\xff\xd8" + b"\xff" * 5000, "image/jpeg", 422),
        (saved(face((100, 100))), "image/jpeg", 422),
        (saved(face((9000, 200)), "PNG"), "image/png", 422),
        (saved(face(), "GIF"), "image/png", 422),
        (b"\0" * 6_000_000, "image/png", 413),
        (saved(face()), "text/html", 415),
    ],
)
def test_what_is_no_photo_or_too_large_is_refused(phone, door, photo, kind, status):
    problem(put(phone, door, photo, kind), status)
    assert kept() == []


def test_it_stays_as_long_as_the_visit_is_in_dispute(app, phone, scheduler, door, stopped_clock):
    assert put(phone, door, saved(face())).status_code == 204
    dispute = scheduler.post(path(door, "dispute"), {}).json
    stopped_clock.set(TEN + timedelta(days=200))
    app.test_cli_runner().invoke(args=["purge"])
    assert len(kept()) == 1
    settled = {"outcome": "not_upheld", "reason": "The photo shows the door"}
    assert scheduler.patch(f"/v1/disputes/{dispute['id']}", settled).status_code == 200
    app.test_cli_runner().invoke(args=["purge"])
    assert kept() == []


def test_it_goes_ninety_days_after_the_visit(app, phone, door, stopped_clock):
    assert put(phone, door, saved(face())).status_code == 204
    ends_at = TEN + minutes(30)
    for after, left in ((timedelta(0), 1), (timedelta(seconds=1), 0)):
        stopped_clock.set(ends_at + timedelta(days=90) + after)
        purged = app.test_cli_runner().invoke(args=["purge"])
        assert f"{1 - left} photos of doors went" in purged.output
        assert len(kept()) == left
