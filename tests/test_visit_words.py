"""The visit words: plain, the same for both sides of the door, and the officer's only near the time."""

from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from models.plain_words import PLAIN_WORDS
from models.visit_words import visit_words
from tests import factories
from tests.steps import WEDNESDAY_10, arrive, book, cancel, finish, move, path, problem

SECRET = b"w" * 32


@pytest.fixture
def sign_in_at(stopped_clock, sign_in):
    """Let time pass until then and sign in, as access tokens do not last for days."""

    def at(when, role, officer=None):
        stopped_clock.set(when)
        return sign_in(role, officer)

    return at


def test_the_words_are_plain_words_and_each_is_there_once() -> None:
    assert len(set(PLAIN_WORDS)) == len(PLAIN_WORDS) >= 1000
    assert all(word.isascii() and word.isalpha() and word.islower() for word in PLAIN_WORDS)
    assert all(3 <= len(word) <= 11 for word in PLAIN_WORDS)


def test_no_two_words_differ_by_one_letter_only() -> None:
    shapes = Counter(
        shape for word in PLAIN_WORDS for shape in {f"{word[:i]}_{word[i + 1 :]}" for i in range(len(word))}
    )
    assert [shape for shape, times in shapes.items() if times > 1] == []
    shorter = {word[:i] + word[i + 1 :] for word in PLAIN_WORDS for i in range(len(word))}
    assert shorter & set(PLAIN_WORDS) == set()


def test_a_visits_words_stay_the_same_and_another_secret_gives_others() -> None:
    visit = UUID("6f0c1a2e-8f3b-4a53-9a53-0d6a3a1f5c11")
    assert visit_words(SECRET, visit) == visit_words(SECRET, visit)
    assert visit_words(SECRET, visit) != visit_words(b"x" * 32, visit)


def test_the_two_words_are_never_the_same_and_all_come_up() -> None:
    pairs = [visit_words(SECRET, uuid4()) for _ in range(20_000)]
    assert all(first != second for first, second in pairs)
    assert {word for pair in pairs for word in pair} == set(PLAIN_WORDS)


@pytest.mark.parametrize(
    ("minutes", "shown"), [(-121, False), (-120, True), (0, True), (30, True), (31, False), (24 * 60, False)]
)
def test_the_officer_sees_the_words_from_two_hours_before_until_the_end(
    sign_in_at, scheduler, resident, officer, minutes, shown
):
    visit = book(scheduler, resident, officer)
    phone = sign_in_at(WEDNESDAY_10 + timedelta(minutes=minutes), "officer", officer)
    looked = phone.get(path(visit, "words"))
    if shown:
        words = looked.json["words"]
        assert len(words) == 2 and set(words) <= set(PLAIN_WORDS)
    else:
        problem(looked, 409, "visit-state")


def test_each_look_is_in_the_visits_history_and_a_refused_one_is_not(
    sign_in_at, scheduler, phone, resident, officer
):
    visit = book(scheduler, resident, officer)
    problem(phone.get(path(visit, "words")), 409, "visit-state")
    phone = sign_in_at(WEDNESDAY_10, "officer", officer)
    for _ in range(2):
        assert phone.get(path(visit, "words")).status_code == 200
    history = phone.get(path(visit, "history")).json["items"]
    assert [each["kind"] for each in history] == ["booked", "words_seen", "words_seen"]
    assert history[-1]["by"].startswith("officer-")
    assert history[-1]["details"] == {}


def test_the_words_are_nobody_elses(sign_in_at, scheduler, resident, officer):
    visit = book(scheduler, resident, officer)
    problem(sign_in_at(WEDNESDAY_10, "officer", factories.officer()).get(path(visit, "words")), 403, "not-yours")
    for role in ("scheduler", "admin"):
        problem(sign_in_at(WEDNESDAY_10, role).get(path(visit, "words")), 403)


def test_a_suspended_officer_sees_no_words(sign_in_at, scheduler, admin, resident, officer):
    visit = book(scheduler, resident, officer)
    assert admin.post(f"/v1/officers/{officer.id}/suspension", {"reason": "A complaint"}).status_code < 300
    phone = sign_in_at(WEDNESDAY_10, "officer", officer)
    problem(phone.get(path(visit, "words")), 403)


def test_an_officer_who_no_longer_has_the_visit_sees_no_words(sign_in_at, scheduler, resident, officer):
    visit = book(scheduler, resident, officer)
    assert move(scheduler, visit, WEDNESDAY_10, officer_id=str(factories.officer().id)).status_code == 201
    phone = sign_in_at(WEDNESDAY_10, "officer", officer)
    problem(phone.get(path(visit, "words")), 403, "not-yours")


def test_a_visit_that_is_cancelled_or_over_has_no_words(sign_in_at, scheduler, resident, officer):
    over = book(scheduler, resident, officer)
    cancelled = book(scheduler, resident, officer, WEDNESDAY_10 + timedelta(hours=1))
    assert cancel(scheduler, cancelled).status_code == 201
    phone = sign_in_at(WEDNESDAY_10, "officer", officer)
    assert arrive(phone, over, WEDNESDAY_10).status_code == 201
    assert phone.get(path(over, "words")).status_code == 200
    assert finish(phone, over, WEDNESDAY_10 + timedelta(minutes=1)).status_code == 201
    problem(phone.get(path(over, "words")), 409, "visit-state")
    problem(phone.get(path(cancelled, "words")), 409, "visit-state")


# By letter


def test_a_letter_holds_the_words_the_time_and_the_link_and_is_in_the_history(
    app, stopped_clock, sign_in_at, scheduler, resident, officer
):
    visit = book(scheduler, resident, officer)
    stopped_clock.advance(60)
    letter = scheduler.get(path(visit, "letter.html"))
    assert (letter.status_code, letter.mimetype) == (200, "text/html")
    link = app.extensions["visit_links"].url(visit["reference"])
    for words in ("Asha Adeyemi", "HA1 2RJ", "Wednesday 25 November at 10:00am", visit["reference"], link):
        assert words in letter.text
    assert "Repair inspection" not in letter.text
    phone = sign_in_at(WEDNESDAY_10, "officer", officer)
    assert " ".join(phone.get(path(visit, "words")).json["words"]) in letter.text
    kinds = [each["kind"] for each in phone.get(path(visit, "history")).json["items"]]
    assert kinds == ["booked", "letter_made", "words_seen"]


def test_a_letter_prints_a_name_as_it_is_and_not_as_html(app, scheduler, officer):
    visit = book(scheduler, factories.resident(name="<b>Ann & Bob</b>"), officer)
    assert "&lt;b&gt;Ann &amp; Bob&lt;/b&gt;" in scheduler.get(path(visit, "letter.html")).text


def test_no_letter_is_made_for_a_visit_that_has_begun_or_is_cancelled(
    sign_in_at, scheduler, phone, resident, officer
):
    visit = book(scheduler, resident, officer)
    problem(phone.get(path(visit, "letter.html")), 403)
    assert cancel(scheduler, visit).status_code == 201
    problem(scheduler.get(path(visit, "letter.html")), 409, "visit-state")
    begun = book(scheduler, resident, officer)
    scheduler = sign_in_at(WEDNESDAY_10, "scheduler")
    problem(scheduler.get(path(begun, "letter.html")), 409, "visit-state")
