"""The badge was shown at the door: a line of the visit's history, by the right clock, and nothing else."""

from datetime import timedelta

import pytest

from tests import factories
from tests.steps import arrive, cancel, depart, finish, instant, path, problem, see
from tests.syncing import NOON, TEN, kept, kinds, line, minutes, phone, results, scheduler, visit

__all__ = ["phone", "scheduler", "visit"]


def show(phone, visit, shown_at, /, **changes):
    body = {"client_id": factories.client_id(), "shown_at": shown_at.isoformat()} | changes
    return phone.post(path(visit, "badge-shown"), body)


def test_it_is_written_once_however_often_it_is_sent_and_the_visit_stays_as_it_is(phone, visit, stopped_clock):
    stopped_clock.set(TEN)
    before = see(phone, visit)
    sent = {"client_id": factories.client_id()}
    first = show(phone, visit, TEN, **sent)
    assert (first.status_code, first.json) == (
        201,
        {"shown_at": "2026-11-23T10:00:00Z", "recorded_at": "2026-11-23T10:00:00Z", "flags": []},
    )
    stopped_clock.advance(300)
    again = show(phone, visit, TEN, **sent)
    assert (again.status_code, again.json) == (201, first.json)
    assert kinds(phone, visit) == ["badge_shown"]
    assert see(phone, visit) == before


def test_each_of_two_showings_is_a_line_of_its_own(phone, visit):
    for shown_at in (TEN, TEN + minutes(1)):
        assert show(phone, visit, shown_at).status_code == 201
    assert kinds(phone, visit) == ["badge_shown", "badge_shown"]


@pytest.mark.parametrize("off", [timedelta(0), timedelta(days=-1), timedelta(hours=3)])
def test_one_that_a_phone_kept_is_written_by_the_right_clock(phone, visit, stopped_clock, off):
    stopped_clock.set(NOON)
    (found,) = results(phone, NOON + off, kept("badge_shown", visit, TEN + minutes(1) + off))
    flags = ["recorded_later", "clock_corrected"] if off else ["recorded_later"]
    assert (found["status"], found["flags"], found["body"]["flags"]) == (201, flags, flags)
    written = line(phone, visit, "badge_shown")
    assert instant(written["occurred_at"]) == TEN + minutes(1)
    if off:
        assert instant(written["details"]["phone"]["shown_at"]) == TEN + minutes(1) + off


def test_it_is_doubted_before_the_officer_set_out_after_the_end_and_in_the_future(phone, visit, stopped_clock):
    stopped_clock.set(NOON)
    assert depart(phone, visit, departed_at=(TEN - minutes(20)).isoformat()).status_code == 201
    assert arrive(phone, visit, TEN).status_code == 201
    assert finish(phone, visit, TEN + minutes(30)).status_code == 201
    rows = [
        (TEN - minutes(21), ["recorded_later", "clock_suspect"]),
        (TEN - minutes(20), ["recorded_later"]),
        (TEN + minutes(30), ["recorded_later"]),
        (TEN + minutes(31), ["recorded_later", "clock_suspect"]),
        (NOON + minutes(3), ["clock_suspect"]),
    ]
    for shown_at, flags in rows:
        assert show(phone, visit, shown_at).json["flags"] == flags, shown_at


def test_at_a_visit_that_was_called_off_it_is_refused_now_and_flagged_if_it_was_kept(phone, scheduler, visit):
    assert cancel(scheduler, visit).status_code == 201
    problem(show(phone, visit, TEN), 409, "visit-state")
    (found,) = results(phone, TEN - minutes(60), kept("badge_shown", visit, TEN - minutes(60)))
    assert (found["status"], found["flags"]) == (201, ["visit_cancelled"])
    assert see(phone, visit)["status"] == "cancelled"


def test_one_id_is_for_one_event(phone, visit):
    sent = {"client_id": factories.client_id()}
    assert arrive(phone, visit, TEN, **sent).status_code == 201
    problem(show(phone, visit, TEN, **sent), 409, "visit-state")


def test_nobody_shows_a_badge_at_another_officers_visit(sign_in, visit):
    other = sign_in("officer", factories.officer())
    problem(show(other, visit, TEN), 403, "not-yours")
    (refused,) = results(other, TEN - minutes(60), kept("badge_shown", visit, TEN))
    assert refused["status"] == 403
