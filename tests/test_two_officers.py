"""Two officers at one door: both or neither, neither of them in two places, and each of them "its officer"."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from models import booking, diary, due
from models.cascade import Stop, predicted_arrivals
from models.database import reading, transaction
from models.errors import DiaryClash
from models.officer import Officer
from models.officer_days import plans
from models.visit import Visit, VisitStatus
from models.visit_event import RequestedBy
from models.visit_rows import find
from tests import factories, live
from tests.steps import (
    MONDAY_9,
    WEDNESDAY_10,
    arrive,
    book,
    cancel,
    depart,
    finish,
    move,
    path,
    problem,
    see,
)
from tests.test_badge_register import on_duty
from tests.test_lists import pages

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def second(app: Any) -> Officer:
    """Who comes along."""
    return factories.officer(display_name="Ben Carter")


def both(
    scheduler: Any, resident: Any, officer: Any, second: Any, at: datetime = WEDNESDAY_10, **more: Any
) -> Any:
    return book(scheduler, resident, officer, at, second_officer_id=str(second.id), **more)


def refused(scheduler: Any, resident: Any, officer: Any, second: Any, at: datetime, *how: Any) -> Any:
    body = factories.booking(resident, officer, at, second_officer_id=second and str(second.id))
    return problem(scheduler.post("/v1/visits", body), *how)


def test_a_visit_is_booked_with_two_officers_and_says_so(scheduler, officer, second, resident):
    visit = both(scheduler, resident, officer, second)
    assert (visit["officer_id"], visit["second_officer_id"]) == (str(officer.id), str(second.id))
    assert see(scheduler, visit).items() <= visit.items()
    (booked,) = scheduler.get(path(visit, "history")).json["items"]
    assert booked["details"]["second_officer_id"] == str(second.id)
    (alone,) = scheduler.get(
        path(book(scheduler, resident, officer, WEDNESDAY_10 + HALF_AN_HOUR), "history")
    ).json["items"]
    assert set(alone["details"]) == {"starts_at", "officer_id"}


@pytest.mark.parametrize("as_second_before", [False, True])
@pytest.mark.parametrize("as_second_now", [False, True])
@pytest.mark.parametrize(("minutes", "free"), [(-30, True), (-29, False), (0, False), (29, False), (30, True)])
def test_nobody_is_in_two_places_whether_first_or_second(
    scheduler, officer, resident, as_second_before, as_second_now, minutes, free
):
    def pair(as_second: bool) -> tuple[Officer, Officer]:
        other = factories.officer()
        return (other, officer) if as_second else (officer, other)

    both(scheduler, resident, *pair(as_second_before))
    wanted = WEDNESDAY_10 + timedelta(minutes=minutes)
    if free:
        both(scheduler, resident, *pair(as_second_now), wanted)
    else:
        clash = refused(scheduler, resident, *pair(as_second_now), wanted, 409, "diary-clash")
        assert clash["officer_id"] == str(officer.id), "it says which of the two has another visit"


def test_a_second_officer_cannot_be_booked_alone_meanwhile(scheduler, officer, second, resident):
    both(scheduler, resident, officer, second)
    clash = refused(scheduler, resident, second, None, WEDNESDAY_10, 409, "diary-clash")
    assert clash["officer_id"] == str(second.id)


def test_it_is_both_or_neither(scheduler, admin, officer, second, resident):
    busy, suspended, kept = (factories.officer() for _ in range(3))
    book(scheduler, resident, busy)
    assert admin.post(f"/v1/officers/{suspended.id}/suspension", {"reason": "A complaint"}).status_code < 300
    hold = {"officer_id": str(kept.id), "starts_at": WEDNESDAY_10.isoformat(), "duration_minutes": 30}
    assert scheduler.post("/v1/holds", hold).status_code == 201
    gone = factories.officer(
        company="Brightwater Repairs Ltd", contract_ends_on=WEDNESDAY_10.date() - timedelta(1)
    )
    before = scheduler.get("/v1/visits").json["items"]
    for other, slug in ((busy, "diary-clash"), (suspended, "officer-unavailable"), (gone, "officer-unavailable")):
        refused(scheduler, resident, officer, other, WEDNESDAY_10, 409, slug)
        refused(scheduler, resident, other, officer, WEDNESDAY_10, 409, slug)
    assert scheduler.get("/v1/visits").json["items"] == before
    both(scheduler, resident, officer, kept)


def test_a_hold_of_either_keeps_others_out_and_a_visit_of_either_is_no_time_to_keep(
    scheduler, sign_in, officer, second, resident
):
    def keep(client: Any, whom: Officer, at: datetime) -> Any:
        slot = {"officer_id": str(whom.id), "starts_at": at.isoformat(), "duration_minutes": 30}
        return client.post("/v1/holds", slot)

    assert keep(sign_in("scheduler"), second, WEDNESDAY_10).status_code == 201
    clash = refused(scheduler, resident, officer, second, WEDNESDAY_10, 409, "diary-clash")
    assert clash["officer_id"] == str(second.id)
    both(scheduler, resident, officer, second, WEDNESDAY_10 + HALF_AN_HOUR)
    for whom in (officer, second):
        problem(keep(scheduler, whom, WEDNESDAY_10 + HALF_AN_HOUR), 409, "diary-clash")


def test_what_either_would_break_refuses_the_visit_for_both(scheduler, officer, resident):
    """The second is asked about as the first is: by the visits of their own before and after."""
    second = factories.officer()
    both(scheduler, resident, factories.officer(), second)
    far = factories.resident(latitude=51.65, longitude=-0.20)
    body = factories.booking(far, officer, WEDNESDAY_10 + HALF_AN_HOUR, second_officer_id=str(second.id))
    broken = problem(scheduler.post("/v1/visits", body), 409, "booking-rules")["broken"]
    assert {(each["rule"], each["officer_id"]) for each in broken} == {("travel", str(second.id))}


def test_what_a_visit_needs_one_of_the_two_can_do(scheduler, officer, resident):
    other, able = factories.officer(), factories.officer(skills=["gas"])
    body = factories.booking(resident, officer, WEDNESDAY_10, second_officer_id=str(other.id), skills=["gas"])
    [broken] = problem(scheduler.post("/v1/visits", body), 409, "booking-rules")["broken"]
    assert (broken["rule"], broken["detail"]) == ("skill", "Neither officer has what the visit needs: gas.")
    both(scheduler, resident, other, able, skills=["gas"])


def test_two_officers_are_two(scheduler, officer, second, resident):
    for first, other in ((officer, officer), (None, officer)):
        document = refused(scheduler, resident, first, other, WEDNESDAY_10, 422, "not-valid")
        assert "second_officer_id" in document["errors"]
    body = factories.booking(resident, officer, WEDNESDAY_10)
    for nobody in (str(uuid4()), "me", 7):
        document = problem(scheduler.post("/v1/visits", body | {"second_officer_id": nobody}), 422, "not-valid")
        assert "second_officer_id" in document["errors"]
    visit = both(scheduler, resident, officer, second)
    for change in ({"officer_id": str(second.id)}, {"second_officer_id": str(officer.id)}):
        document = problem(move(scheduler, visit, WEDNESDAY_10, **change), 422, "not-valid")
        assert "second_officer_id" in document["errors"]
    for values in ({"second_officer_id": officer.id}, {"officer_id": None}):
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(update(Visit).values(values))


def test_a_move_takes_both_along_unless_it_says_otherwise(scheduler, officer, second, resident):
    third = factories.officer()
    visit = both(scheduler, resident, officer, second)
    steps: list[tuple[dict[str, Any], tuple[Officer | None, Officer | None]]] = [
        ({}, (officer, second)),
        ({"officer_id": str(third.id)}, (third, second)),
        ({"second_officer_id": None}, (third, None)),
        ({"second_officer_id": str(officer.id)}, (third, officer)),
        ({"officer_id": str(officer.id), "second_officer_id": str(third.id)}, (officer, third)),
        ({"officer_id": None}, (None, None)),
        ({"officer_id": str(second.id), "second_officer_id": str(third.id)}, (second, third)),
    ]
    for place, (change, who) in enumerate(steps):
        # Half an hour later than half an hour: the visit is in nobody's way, itself included.
        moved = move(scheduler, visit, WEDNESDAY_10 + timedelta(minutes=15 * (place + 1)), **change)
        assert moved.status_code == 201, moved.json
        shown = see(scheduler, visit)
        expected = [each and str(each.id) for each in who]
        assert [shown["officer_id"], shown["second_officer_id"]] == expected, place
    same = {"officer_id": str(second.id), "second_officer_id": str(third.id)}
    problem(move(scheduler, visit, WEDNESDAY_10 + timedelta(minutes=15 * len(steps)), **same), 422, "not-valid")
    history = scheduler.get(path(visit, "history")).json["items"]
    ends = ("second_officer_from", "second_officer_to")
    said = [tuple(each["details"].get(end) for end in ends) for each in history if each["kind"] == "moved"]
    seconds = [each and str(each.id) for each in (second, *(who[1] for _, who in steps))]
    assert Counter(said) == Counter(pairwise(seconds)), "who came along and who comes along, in the history"
    # Whoever was let go is free again.
    book(scheduler, resident, officer, WEDNESDAY_10 + timedelta(minutes=15 * len(steps)))


def test_a_move_is_refused_for_both_if_one_of_them_has_another_visit(scheduler, officer, second, resident):
    visit = both(scheduler, resident, officer, second)
    later = WEDNESDAY_10 + timedelta(hours=2)
    taken = book(scheduler, resident, second, later)
    clash = problem(move(scheduler, visit, later + timedelta(minutes=10)), 409, "diary-clash")
    assert clash["officer_id"] == str(second.id)
    assert see(scheduler, visit).items() <= visit.items()
    assert cancel(scheduler, taken).status_code == 201
    assert move(scheduler, visit, later).status_code == 201


def test_the_database_refuses_it_whoever_writes(app, officer, second, resident):
    """As by a command or by hand: each way in which one officer comes to be in two visits at once."""
    third, fourth = factories.officer(), factories.officer()
    kept = factories.visit(resident, officer, WEDNESDAY_10, together_with=second)
    other = factories.visit(resident, third, WEDNESDAY_10 + HALF_AN_HOUR, together_with=fourth)
    cancelled = factories.visit(resident, third, WEDNESDAY_10, together_with=fourth)
    with transaction() as session:
        session.execute(
            update(Visit)
            .where(Visit.id == cancelled.id)
            .values(status=VisitStatus.CANCELLED, officer_id=second.id)
        )

    def write(visit: Visit, **values: Any) -> None:
        with transaction() as session:
            session.execute(update(Visit).where(Visit.id == visit.id).values(values))

    same_time = {"starts_at": kept.starts_at, "ends_at": kept.ends_at}
    wrong: list[tuple[Visit, dict[str, Any]]] = [
        (other, same_time | {"officer_id": officer.id}),
        (other, same_time | {"officer_id": second.id}),
        (other, same_time | {"second_officer_id": officer.id}),
        (other, same_time | {"second_officer_id": second.id}),
        (other, {"starts_at": kept.ends_at - timedelta(minutes=1), "second_officer_id": second.id}),
        (cancelled, {"status": VisitStatus.BOOKED}),
        (cancelled, {"status": VisitStatus.BOOKED, "officer_id": third.id, "second_officer_id": second.id}),
    ]
    for visit, values in wrong:
        with pytest.raises(IntegrityError) as raised:
            write(visit, **values)
        assert diary.is_clash(raised.value), values
    # Touching ends do not clash, and who is let go is free.
    write(other, officer_id=second.id, second_officer_id=officer.id)
    write(kept, officer_id=third.id, second_officer_id=fourth.id)
    write(cancelled, status=VisitStatus.BOOKED, second_officer_id=None)


def test_random_bookings_and_moves_of_pairs_never_put_anybody_in_two_places(app, resident):
    """Against brute force: what is refused would have overlapped, and what is not does not."""
    chance = random.Random(20261123)
    officers = [factories.officer() for _ in range(4)]
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    known: dict[Any, tuple[set[Any], datetime, datetime]] = {}
    outcomes = {"done": 0, "refused": 0}
    for _ in range(300):
        first, other = chance.sample(officers, 2)
        second = other if chance.random() < 0.6 else None
        starts_at = midnight + timedelta(minutes=15 * chance.randint(-20, 20))
        minutes = chance.choice((15, 30, 60, 480))
        moved = chance.choice(list(known)) if known and chance.random() < 0.5 else None
        if moved is not None:
            minutes = int((known[moved][2] - known[moved][1]).total_seconds() // 60)
        ends_at = starts_at + timedelta(minutes=minutes)
        who = {each.id for each in (first, second) if each}
        free = not any(
            who & others and starts_at < until and since < ends_at
            for key, (others, since, until) in known.items()
            if key != moved
        )
        try:
            if moved is None:
                moved = factories.visit(
                    resident, first, starts_at, minutes=minutes, together_with=second, at=MONDAY_9
                ).id
            elif (who, starts_at) == known[moved][:2]:
                continue
            else:
                with transaction() as session:
                    booking.move(
                        session,
                        find(session, moved),
                        starts_at=starts_at,
                        officer_id=first.id,
                        second_officer_id=second.id if second else None,
                        reason="x",
                        requested_by=RequestedBy.COUNCIL,
                        by=None,  # type: ignore[arg-type]
                        at=MONDAY_9,
                    )
        except DiaryClash:
            assert not free, "a free time was refused"
            outcomes["refused"] += 1
        else:
            assert free, "an overlap was let in"
            known[moved] = (who, starts_at, ends_at)
            outcomes["done"] += 1
    assert min(outcomes.values()) > 20, outcomes
    with reading() as session:
        kept = {
            visit.id: (set(visit.officer_ids), visit.starts_at, visit.ends_at)
            for visit in session.scalars(select(Visit).order_by(Visit.id))
        }
    assert kept == known


# At the door and in the hand


def test_both_are_due_at_the_door_and_nobody_else(app, officer, second, stopped_clock):
    home = factories.resident(line_1="Flat 3, 12 High Street")
    visit = factories.visit(home, officer, stopped_clock.now + HALF_AN_HOUR, together_with=second)
    with transaction() as session:
        for who, is_due in ((officer, True), (second, True), (factories.officer(), False)):
            by_number = due.is_due_for(
                session, who.id, reference=visit.reference, house="flat 3, 12", at=stopped_clock.now
            )
            by_home = due.is_due_at(
                session, who.id, postcode=home.postcode, house="flat 3, 12", at=stopped_clock.now
            )
            assert (by_number, by_home) == (is_due, is_due)


def test_both_are_on_duty_around_their_visit_at_whatever_hour(app, officer, second, resident, stopped_clock):
    evening = datetime(2026, 11, 25, 20, tzinfo=UTC)
    factories.visit(resident, officer, evening, together_with=second)
    badges = [live.give_badge(who, MONDAY_9) for who in (officer, second, factories.officer())]
    assert [on_duty(badge, evening - timedelta(hours=2)) for badge in badges] == [True, True, False]
    assert [on_duty(badge, evening + timedelta(hours=4)) for badge in badges] == [False] * 3


def test_either_officers_phone_reports_the_visit_and_a_strangers_does_not(
    scheduler, sign_in, officer, second, resident, stopped_clock
):
    visit = both(scheduler, resident, officer, second)
    stopped_clock.set(WEDNESDAY_10 - timedelta(minutes=20))
    phones = [sign_in("officer", who) for who in (officer, second, factories.officer())]
    for step in ("departure", "arrivals", "outcome", "delays"):
        report = {"client_id": factories.client_id()}
        report |= {
            "departure": {},
            "arrivals": {"arrived_at": WEDNESDAY_10.isoformat()},
            "outcome": {"outcome": "completed", "finished_at": WEDNESDAY_10.isoformat()},
            "delays": {"expected_at": WEDNESDAY_10.isoformat()},
        }[step]
        problem(phones[2].post(path(visit, step), report), 403, "not-yours")
    for step in ("", "words", "history"):
        problem(phones[2].get(path(visit, step)), 403)
        assert [phone.get(path(visit, step)).status_code for phone in phones[:2]] == [200, 200]
    assert depart(phones[1], visit).status_code == 201
    assert arrive(phones[0], visit, WEDNESDAY_10).status_code == 201
    assert finish(phones[1], visit, WEDNESDAY_10 + HALF_AN_HOUR).status_code == 201


def test_a_suspended_second_officer_sees_no_words_and_the_first_still_does(
    scheduler, admin, sign_in, officer, second, resident, stopped_clock
):
    visit = both(scheduler, resident, officer, second)
    assert admin.post(f"/v1/officers/{second.id}/suspension", {"reason": "A complaint"}).status_code < 300
    stopped_clock.set(WEDNESDAY_10)
    problem(sign_in("officer", second).get(path(visit, "words")), 403)
    assert sign_in("officer", officer).get(path(visit, "words")).status_code == 200


def test_the_visit_is_in_both_officers_days_and_lists(
    scheduler, sign_in, officer, second, resident, stopped_clock
):
    made = []
    for place in range(8):
        pair = ((officer, None), (officer, second), (second, officer), (second, None))[place % 4]
        starts_at = WEDNESDAY_10 + place * HALF_AN_HOUR
        made.append(factories.visit(resident, pair[0], starts_at, together_with=pair[1]))
    expected = {
        who.id: [str(visit.id) for visit in made if who.id in visit.officer_ids] for who in (officer, second)
    }
    for who in (officer, second):
        phone = sign_in("officer", who)
        for client, asked in (
            (scheduler, f"/v1/visits?officer_id={who.id}"),
            (phone, "/v1/visits"),
            (phone, "/v1/visits?status=booked&from=2026-11-25T00:00:00Z&to=2026-11-26T00:00:00Z"),
        ):
            for limit in (1, 2, 3, 200):
                assert [row["id"] for row in pages(client, asked, limit)] == expected[who.id]
        day = phone.get("/v1/me/visits?date=2026-11-25").json["items"]
        assert [row["id"] for row in day] == expected[who.id]
        assert [row["second_officer_id"] for row in day] == [
            visit.second_officer_id and str(visit.second_officer_id)
            for visit in made
            if who.id in visit.officer_ids
        ]


def test_the_resident_sees_both_faces_and_is_told_that_two_come(
    scheduler, app, admin, officer, second, resident, stopped_clock
):
    visit = both(scheduler, resident, officer, second)
    address = app.extensions["visit_links"].url(visit["reference"]).partition("8000")[2]
    web = app.test_client()
    early = web.get(address).text
    assert "Amina Yusuf" not in early and "Ben Carter" not in early
    stopped_clock.set(WEDNESDAY_10)
    page = web.get(address).text
    for words in ("Amina Yusuf", "Ben Carter", "Two people will come.", "Look at both faces."):
        assert words in page
    with transaction() as session:
        session.get_one(Officer, second.id).suspended_at = WEDNESDAY_10
    page = web.get(address).text
    assert "Amina Yusuf" in page and "Look at the face." in page
    for words in ("Ben Carter", "Two people", "both faces"):
        assert words not in page


def test_a_visit_of_two_is_in_both_officers_days_of_the_search(app, officer, second, resident):
    factories.visit(resident, officer, WEDNESDAY_10, together_with=second)
    day = WEDNESDAY_10.date()
    with reading() as session:
        planned = plans(session, [officer.id, second.id], [day], MONDAY_9)
    for who in (officer, second):
        _, plan = planned[who.id, day]
        assert [stop.starts for stop in plan.stops] == [int(WEDNESDAY_10.timestamp())]


def test_a_delay_reaches_the_day_of_both_and_of_whom_they_meet(sign_in, officer, second, stopped_clock):
    """They leave the first door 40 minutes late: each has a visit of their own next, and one of them then meets a
    third officer, whose next visit is late, too. What the third did before is not touched."""
    third = factories.officer()
    home = factories.resident(latitude=None, longitude=None)

    def at(minutes: int, who: Officer, other: Officer | None = None) -> Visit:
        return factories.visit(home, who, MONDAY_9 + timedelta(minutes=minutes), together_with=other)

    first = at(60, officer, second)
    of_first, of_second, of_third = at(100, officer), at(100, second), at(100, third)
    met, after = at(140, third, second), at(180, third)
    phone = sign_in("officer", second)
    report = {
        "client_id": factories.client_id(),
        "expected_at": (first.starts_at + timedelta(minutes=40)).isoformat(),
    }
    answer = phone.post(f"/v1/visits/{first.id}/delays", report)
    assert answer.status_code == 201, answer.json
    told = {each["visit_id"]: each["expected_at"] for each in answer.json["cascade"]}
    assert set(told) == {str(visit.id) for visit in (of_first, of_second, met, after)}
    assert str(of_third.id) not in told
    assert told[str(of_first.id)] == told[str(of_second.id)]


def test_two_officers_begin_when_the_later_of_them_is_there() -> None:
    half, one, other = timedelta(minutes=30), uuid4(), uuid4()

    def stop(minutes: int, *officers: Any, expected: int | None = None) -> Stop:
        known = None if expected is None else MONDAY_9 + timedelta(minutes=expected)
        return Stop(MONDAY_9 + timedelta(minutes=minutes), half, None, officers, known)

    delayed = stop(0, one)
    # The other is expected an hour late at a visit of their own already: that decides, and the delay does not.
    rest = [stop(30, other, expected=90), stop(60, one, other), stop(90, other)]
    untouched, together, next_one = predicted_arrivals(MONDAY_9 + timedelta(minutes=10), delayed, rest)
    assert untouched is None
    assert together is not None and together >= MONDAY_9 + timedelta(minutes=120)
    assert next_one is not None and next_one >= together + half
