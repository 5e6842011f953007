"""Eight clients at once, each a process of its own, over HTTP: one officer is never in two places.

RACE_ROUNDS is how many rounds the race for one slot has; the other races have a fifth of it.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from models.clock import LONDON
from models.database import reading
from models.diary import day_bounds
from models.message import Message, MessageKind, MessageStatus
from models.officer import Officer
from models.resident import Resident
from models.visit import Visit, VisitStatus
from models.visit_event import EventKind, VisitEvent
from tests import factories
from tests.live import LiveServer
from tests.racers import CLIENTS, Answer, Call, Racers

ROUNDS = int(os.environ.get("RACE_ROUNDS", "50"))
FEWER = max(1, ROUNDS // 5)
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture(scope="module")
def racers(live_app: LiveServer) -> Iterator[Racers]:
    with Racers(live_app.url) as racers:
        yield racers


@pytest.fixture
def base(live_app: LiveServer, database_in_use: str) -> Iterator[datetime]:
    """The day after tomorrow, at the full hour. After a race the diary is sound, the server without complaint."""
    before = len(live_app.complaints())
    yield (live_app.now() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    assert overlaps() == []
    assert live_app.complaints()[before:] == []


@pytest.fixture
def token(live_app: LiveServer, base: datetime) -> str:
    """A scheduler's access token."""
    return live_app.sign_in("scheduler")


@pytest.fixture
def resident(base: datetime) -> Resident:
    return factories.resident()


@pytest.fixture(autouse=True)
def say_how_slow(racers: Racers, request: pytest.FixtureRequest) -> Iterator[None]:
    racers.slowest = 0.0
    yield
    print(f"{request.node.name}: the slowest answer took {racers.slowest * 1000:.0f} ms")


def overlaps() -> list[Any]:
    """Pairs of visits that hold one officer at one instant, as first or second: looked for by SQL, not by our
    rules."""
    one, other = aliased(Visit), aliased(Visit)
    query = select(one.id, other.id).join(
        other,
        and_(
            or_(
                one.officer_id.in_([other.officer_id, other.second_officer_id]),
                one.second_officer_id.in_([other.officer_id, other.second_officer_id]),
            ),
            one.id < other.id,
            one.starts_at < other.ends_at,
            other.starts_at < one.ends_at,
        ),
    )
    held = [each.status != VisitStatus.CANCELLED for each in (one, other)]
    with reading() as session:
        return list(session.execute(query.where(*held)))


def visits() -> list[Visit]:
    with reading() as session:
        return list(session.scalars(select(Visit).order_by(Visit.starts_at, Visit.id)))


def count(table: type, *where: Any) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


def book(token: str, resident: Resident, officer: Officer | None, at: datetime, **headers: str) -> Call:
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Call("POST", "/v1/visits", token, factories.booking(resident, officer, at), sent)


def pair(token: str, resident: Resident, first: Officer, second: Officer, at: datetime) -> Call:
    body = factories.booking(resident, first, at, second_officer_id=str(second.id))
    return Call("POST", "/v1/visits", token, body)


def hold(token: str, officer: Officer, at: datetime, resident: Resident | None = None) -> Call:
    body = {"officer_id": str(officer.id), "starts_at": at.isoformat(), "duration_minutes": 30}
    if resident is not None:
        body["resident_id"] = str(resident.id)
    return Call("POST", "/v1/holds", token, body)


def move(token: str, visit: Visit, to: datetime, officer: Officer | None = None, version: int = 1) -> Call:
    body = {"starts_at": to.isoformat(), "reason": "the officer is ill", "requested_by": "council"}
    if officer is not None:
        body["officer_id"] = str(officer.id)
    return Call("POST", f"/v1/visits/{visit.id}/moves", token, body, (("If-Match", f'"{version}"'),))


def cancel(token: str, visit: Visit, version: int = 1) -> Call:
    body = {"reason": "not needed", "requested_by": "resident"}
    return Call("POST", f"/v1/visits/{visit.id}/cancellation", token, body, (("If-Match", f'"{version}"'),))


def delay(token: str, visit: Visit, expected_at: datetime) -> Call:
    body = {"client_id": factories.client_id(), "expected_at": expected_at.isoformat()}
    return Call("POST", f"/v1/visits/{visit.id}/delays", token, body)


def today(now: datetime, officer: Officer, visits: int) -> list[Visit]:
    """A dense day of this officer from now on, or before midnight in London if that is near: a visit of twenty
    minutes every half hour."""
    _, midnight = day_bounds(now.astimezone(LONDON).date())
    begins = min(now + timedelta(minutes=5), midnight - HALF_AN_HOUR * (visits + 2))
    return [
        factories.visit(
            factories.resident(), officer, begins + HALF_AN_HOUR * place, minutes=20, reason="urgent", at=now
        )
        for place in range(visits)
    ]


def one_wins(answers: list[Answer]) -> Answer:
    """The answer of the only one who got the slot; the others were told of the clash."""
    assert Counter((answer.status, answer.slug) for answer in answers) == {
        (201, None): 1,
        (409, "diary-clash"): CLIENTS - 1,
    }
    return next(answer for answer in answers if answer.status == 201)


def test_of_eight_who_book_one_slot_one_gets_it(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    officer = factories.officer()
    for number in range(ROUNDS):
        slot = base + number * timedelta(hours=1)
        # Every second round the eight want times that all overlap but are not the same.
        apart = timedelta(minutes=4 * (number % 2))
        won = one_wins(
            racers.race([book(token, resident, officer, slot + apart * client) for client in range(CLIENTS)])
        )
        assert won.json["officer_id"] == str(officer.id)
    assert len(visits()) == ROUNDS
    assert count(Message) == ROUNDS


def test_of_eight_who_move_their_visit_into_one_slot_one_gets_it(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    officer = factories.officer()
    for number in range(FEWER):
        day = base + number * timedelta(days=1)
        booked = [factories.visit(resident, officer, day + HALF_AN_HOUR * client) for client in range(CLIENTS)]
        slot = day + timedelta(hours=5)
        won = one_wins(racers.race([move(token, visit, slot) for visit in booked]))
        assert datetime.fromisoformat(won.json["moved_to"]) == slot
    assert len(visits()) == FEWER * CLIENTS


def test_of_eight_visits_given_to_one_officer_at_one_time_one_goes_there(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    wanted = factories.officer()
    others = [factories.officer() for _ in range(CLIENTS)]
    for number in range(FEWER):
        slot = base + number * timedelta(hours=1)
        booked = [factories.visit(resident, other, slot) for other in others]
        one_wins(racers.race([move(token, visit, slot, wanted) for visit in booked]))
        assert count(Visit, Visit.officer_id == wanted.id) == number + 1


def test_a_move_and_a_booking_do_not_both_get_a_slot(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    officer = factories.officer()
    for number in range(FEWER):
        day = base + number * timedelta(days=1)
        booked = [factories.visit(resident, officer, day + HALF_AN_HOUR * client) for client in range(4)]
        slot = day + timedelta(hours=5)
        one_wins(
            racers.race(
                [move(token, visit, slot) for visit in booked]
                + [book(token, resident, officer, slot + timedelta(minutes=5)) for _ in range(4)]
            )
        )


def test_of_eight_who_keep_one_slot_one_has_it_and_the_others_cannot_book_it(
    racers: Racers, base: datetime, resident: Resident, live_app: LiveServer
) -> None:
    officer = factories.officer()
    tokens = [live_app.sign_in("scheduler") for _ in range(CLIENTS)]
    for number in range(FEWER):
        slot = base + number * timedelta(hours=1)
        answers = racers.race([hold(token, officer, slot) for token in tokens])
        one_wins(answers)
        booked = racers.race([book(token, resident, officer, slot) for token in tokens])
        one_wins(booked)
        assert [answer.status for answer in answers] == [answer.status for answer in booked]


def test_of_those_who_keep_book_and_move_to_one_slot_one_has_it(
    racers: Racers, base: datetime, resident: Resident, live_app: LiveServer
) -> None:
    officer = factories.officer()
    tokens = [live_app.sign_in("scheduler") for _ in range(CLIENTS)]
    for number in range(FEWER):
        day = base + number * timedelta(days=1)
        booked = [factories.visit(resident, officer, day + HALF_AN_HOUR * client) for client in range(2)]
        slot = day + timedelta(hours=5)
        calls = [move(token, visit, slot) for token, visit in zip(tokens, booked, strict=False)]
        calls += [book(token, resident, officer, slot + timedelta(minutes=5)) for token in tokens[2:5]]
        calls += [hold(token, officer, slot - timedelta(minutes=5), resident) for token in tokens[5:]]
        one_wins(racers.race(calls))


def test_two_homes_far_apart_are_not_both_booked_with_no_time_for_the_way(
    racers: Racers, base: datetime, token: str
) -> None:
    """The times do not overlap, so that only the check inside the transaction stands in the way."""
    officer = factories.officer()
    homes = [factories.resident(latitude=latitude) for latitude in (51.55, 51.65)]
    for number in range(ROUNDS):
        slots = [base + number * timedelta(days=1) + place * timedelta(minutes=35) for place in range(2)]
        answers = racers.race([book(token, homes[n % 2], officer, slots[n % 2]) for n in range(CLIENTS)])
        won = [answer.status for answer in answers].index(201)
        for place, answer in enumerate(answers):
            slug = None if place == won else "diary-clash" if place % 2 == won % 2 else "booking-rules"
            assert (answer.status, answer.slug) == (201 if place == won else 409, slug)


def test_visits_that_two_officers_exchange_do_not_wait_for_each_other_for_ever(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    """Each move takes both officers' diaries; half of them name the two in the other order."""
    pair = [factories.officer(), factories.officer()]
    for number in range(FEWER):
        day = base + number * timedelta(days=1)
        calls = []
        for client in range(CLIENTS):
            begins = day + HALF_AN_HOUR * client
            visit = factories.visit(resident, pair[client % 2], begins)
            calls.append(move(token, visit, begins + timedelta(hours=6), pair[(client + 1) % 2]))
        answers = racers.race(calls)
        assert [answer.status for answer in answers] == [201] * CLIENTS


def test_two_visits_cannot_change_places_in_one_step_and_nobody_waits_for_ever(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    pair = [factories.officer(), factories.officer()]
    for number in range(FEWER):
        slots = [base + number * timedelta(days=1) + HALF_AN_HOUR * place for place in range(4)]
        both = [[factories.visit(resident, officer, slot) for officer in pair] for slot in slots]
        answers = racers.race(
            [
                move(token, visit, visit.starts_at, pair[1 - place])
                for visits_then in both
                for place, visit in enumerate(visits_then)
            ]
        )
        assert {(answer.status, answer.slug) for answer in answers} == {(409, "diary-clash")}


def test_of_eight_who_read_the_same_version_one_changes_it(
    racers: Racers, base: datetime, token: str, resident: Resident, live_app: LiveServer
) -> None:
    officer = factories.officer()
    tokens = [live_app.sign_in("scheduler") for _ in range(2)]
    for number in range(FEWER):
        day = base + number * timedelta(days=1)
        visit = factories.visit(resident, officer, day)
        answers = racers.race(
            [
                move(tokens[client % 2], visit, day + timedelta(hours=1 + client))
                if client < CLIENTS - 1
                else cancel(tokens[0], visit)
                for client in range(CLIENTS)
            ]
        )
        assert Counter((answer.status, answer.slug) for answer in answers) == {
            (201, None): 1,
            (412, "changed-meanwhile"): CLIENTS - 1,
        }
        assert count(VisitEvent, VisitEvent.visit_id == visit.id) == 2


@pytest.mark.parametrize("what", ["departure", "delays", "arrivals", "outcome"])
def test_a_phone_that_sends_one_event_eight_times_at_once_has_one_effect_and_one_answer(
    racers: Racers, base: datetime, resident: Resident, live_app: LiveServer, what: str
) -> None:
    officer = factories.officer()
    phone = live_app.sign_in("officer", officer)
    now = live_app.now()
    for number in range(max(1, FEWER // 4)):
        starts_at = now + timedelta(minutes=20) + HALF_AN_HOUR * number
        visit = factories.visit(resident, officer, starts_at, at=now)
        body: dict[str, Any] = {"client_id": factories.client_id()}
        body |= {
            "departure": {},
            "delays": {"expected_at": (starts_at + timedelta(minutes=40)).isoformat()},
            "arrivals": {"arrived_at": now.isoformat()},
            "outcome": {"outcome": "completed", "finished_at": now.isoformat()},
        }[what]
        answers = racers.race([Call("POST", f"/v1/visits/{visit.id}/{what}", phone, body)] * CLIENTS)
        assert [answer.status for answer in answers] == [201] * CLIENTS
        assert len({answer.text for answer in answers}) == 1
        assert count(VisitEvent, VisitEvent.visit_id == visit.id, VisitEvent.kind != EventKind.BOOKED) == 1
        assert count(Message, Message.visit_id == visit.id) == (what == "delays")


def test_a_booking_sent_eight_times_with_one_key_is_one_booking(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    officer = factories.officer()
    for number in range(FEWER):
        call = book(token, resident, officer, base + number * timedelta(hours=1), Idempotency_Key=str(uuid4()))
        answers = racers.race([call] * CLIENTS)
        assert {(answer.status, answer.slug) for answer in answers} <= {(201, None), (409, "key-in-use")}
        assert len({answer.text for answer in answers if answer.status == 201}) == 1
        # Whoever was told to wait asks again, and gets the first one's answer.
        again = racers.race([call] * CLIENTS)
        assert {answer.text for answer in again} == {answer.text for answer in answers if answer.status == 201}
    assert len(visits()) == FEWER
    assert count(Message) == FEWER


def test_a_slot_that_a_cancellation_frees_is_booked_once_at_most(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    officer = factories.officer()
    taken = 0
    for number in range(FEWER):
        slot = base + number * timedelta(hours=1)
        visit = factories.visit(resident, officer, slot)
        cancelled, *booked = racers.race(
            [cancel(token, visit), *[book(token, resident, officer, slot)] * (CLIENTS - 1)]
        )
        assert cancelled.status == 201
        won = [answer for answer in booked if answer.status == 201]
        assert len(won) <= 1
        assert {answer.slug for answer in booked if answer not in won} <= {"diary-clash"}
        taken += len(won)
    assert len(visits()) == FEWER + taken


def test_delays_and_moves_of_one_day_do_not_wait_for_each_other_for_ever(
    racers: Racers, base: datetime, token: str, live_app: LiveServer
) -> None:
    """Each delay touches all visits that follow, and each move puts the day in another order."""
    for _ in range(FEWER):
        now = live_app.now()
        officer = factories.officer()
        phone = live_app.sign_in("officer", officer)
        day = first, second, third, last = today(now, officer, 4)
        late = max(now, last.starts_at) + timedelta(minutes=40)
        evening = max(now, last.ends_at) + timedelta(minutes=5)
        reports = [delay(phone, visit, late) for visit in (first, first, second, third, last)]
        moves = [
            move(token, visit, evening + HALF_AN_HOUR * place) for place, visit in enumerate((second, third, last))
        ]
        answers = racers.race(reports + moves)
        assert [answer.status for answer in answers[:5]] == [201] * 5, [answer.text for answer in answers]
        assert {(answer.status, answer.slug) for answer in answers[5:]} <= {
            (201, None),
            (412, "changed-meanwhile"),
        }
        for visit in day:
            of_it = (Message.visit_id == visit.id, Message.kind == MessageKind.DELAYED)
            assert count(Message, *of_it) <= 5, "one text a report"
            assert count(Message, *of_it, Message.status == MessageStatus.HELD) <= 1, "the newest"


def test_a_delay_of_a_visit_that_changes_hands_is_its_officers_or_nobodys(
    racers: Racers, base: datetime, token: str, live_app: LiveServer
) -> None:
    """Both officers report, and a scheduler exchanges their visits meanwhile."""
    for _ in range(FEWER):
        now = live_app.now()
        pair = [factories.officer(), factories.officer()]
        phones = [live_app.sign_in("officer", officer) for officer in pair]
        days = [today(now, officer, 3) for officer in pair]
        late = max(now, days[0][-1].starts_at) + timedelta(minutes=40)
        evening = late + timedelta(hours=1)
        answers = racers.race(
            [delay(phones[place], days[place][0], late) for place in (0, 1)]
            + [delay(phones[place], days[1 - place][1], late) for place in (0, 1)]
            + [
                move(token, days[place][nth], evening + nth * HALF_AN_HOUR, pair[1 - place])
                for place in (0, 1)
                for nth in (1, 2)
            ]
        )
        assert [answer.status for answer in answers[:2]] == [201, 201]
        assert {(answer.status, answer.slug) for answer in answers[2:4]} <= {
            (201, None),
            (403, "not-yours"),
            (412, "changed-meanwhile"),
        }
        assert {(answer.status, answer.slug) for answer in answers[4:]} <= {
            (201, None),
            (412, "changed-meanwhile"),
        }


def test_of_eight_who_book_crossed_pairs_one_gets_the_slot(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    """Half of them name the two the other way round, and some want only one of them."""
    pair_of = [factories.officer(), factories.officer()]
    for number in range(ROUNDS):
        slot = base + number * timedelta(hours=1)
        calls = []
        for client in range(CLIENTS):
            first, second = pair_of if client % 2 else pair_of[::-1]
            begins = slot + timedelta(minutes=3 * client) * (number % 2)
            alone = client >= CLIENTS - 2
            calls.append(
                book(token, resident, first, begins) if alone else pair(token, resident, first, second, begins)
            )
        answers = racers.race(calls)
        assert {(answer.status, answer.slug) for answer in answers} == {(201, None), (409, "diary-clash")}
        won = [place for place, answer in enumerate(answers) if answer.status == 201]
        # One pair, or each of the two alone.
        assert len(won) == 1 or won == [CLIENTS - 2, CLIENTS - 1]


def test_pairs_round_a_ring_of_officers_never_wait_for_each_other_for_ever(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    """Everybody wants two who sit side by side: of four officers in a ring, at most two pairs."""
    ring = [factories.officer() for _ in range(4)]
    for number in range(FEWER):
        slot = base + number * timedelta(hours=1)
        answers = racers.race(
            [pair(token, resident, ring[client % 4], ring[(client + 1) % 4], slot) for client in range(CLIENTS)]
        )
        assert {(answer.status, answer.slug) for answer in answers} == {(201, None), (409, "diary-clash")}
        assert 1 <= sum(answer.status == 201 for answer in answers) <= 2


def test_delays_and_moves_of_pairs_do_not_wait_for_each_other_for_ever(
    racers: Racers, base: datetime, token: str, live_app: LiveServer
) -> None:
    """Each officer is late for a visit of their own, and meets the others later in the day."""
    for _ in range(FEWER):
        now = live_app.now()
        ring = [factories.officer() for _ in range(3)]
        phones = [live_app.sign_in("officer", officer) for officer in ring]
        alone = [today(now, officer, 1)[0] for officer in ring]
        late = alone[0].starts_at + timedelta(minutes=40)
        _, midnight = day_bounds(now.astimezone(LONDON).date())
        begins = min(alone[0].ends_at + timedelta(minutes=5), midnight - timedelta(hours=1))
        met = [
            factories.visit(
                factories.resident(),
                ring[place],
                begins + timedelta(minutes=15 * place),
                minutes=10,
                together_with=ring[(place + 1) % 3],
                at=now,
                reason="urgent",
            )
            for place in range(3)
        ]
        answers = racers.race(
            [delay(phones[place], alone[place], late) for place in range(3)]
            + [delay(phones[(place + 1) % 3], met[place], late) for place in range(2)]
            + [move(token, met[place], late + timedelta(days=1, hours=place)) for place in range(3)]
        )
        assert {(answer.status, answer.slug) for answer in answers} <= {(201, None), (412, "changed-meanwhile")}


def test_everything_at_once_leaves_a_sound_diary(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    """Bookings, moves, exchanges and cancellations in a diary that is nearly full: no one waits for ever."""
    chance = random.Random(2026)
    officers = [factories.officer() for _ in range(3)]
    slots = [base + HALF_AN_HOUR * place for place in range(8)]
    booked = [factories.visit(resident, officer, slot) for officer in officers for slot in slots[::2]]

    def anything() -> Call:
        visit, slot, officer = chance.choice(booked), chance.choice(slots), chance.choice(officers)
        make: Callable[[], Call] = chance.choice(
            (
                lambda: book(token, resident, officer, slot),
                lambda: pair(token, resident, *chance.sample(officers, 2), slot),
                lambda: move(token, visit, slot, officer, chance.randint(1, 3)),
                lambda: move(token, visit, slot + timedelta(minutes=10), None, chance.randint(1, 3)),
                lambda: cancel(token, visit, chance.randint(1, 3)),
            )
        )
        return make()

    seen: Counter[int] = Counter()
    for _ in range(FEWER):
        answers = racers.race([[anything() for _ in range(4)] for _ in range(CLIENTS)])
        seen.update(answer.status for answer in answers)
    assert set(seen) <= {201, 409, 412, 422}
    assert seen[201] > 0


def together(token: str, changes: list[dict[str, Any]]) -> Call:
    body = {"changes": changes, "reason": "the officer is ill"}
    return Call("POST", "/v1/visits/changes", token, body)


def given_to(visit: Visit, officer: Officer) -> dict[str, Any]:
    return {"visit_id": str(visit.id), "version": 1, "kind": "assignment", "officer_id": str(officer.id)}


def test_of_eight_who_make_the_same_changes_together_one_does(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    """Each names the visits in another order: of three officers to one, and of nobody to another."""
    for number in range(FEWER):
        day = base + number * timedelta(days=1)
        owners = [factories.officer() for _ in range(3)]
        wanted, other = factories.officer(), factories.officer()
        booked = [
            factories.visit(resident, owner, day + HALF_AN_HOUR * place) for place, owner in enumerate(owners)
        ]
        waiting = [factories.visit(resident, None, day + HALF_AN_HOUR * place) for place in range(3)]
        changes = [given_to(visit, wanted) for visit in booked] + [given_to(visit, other) for visit in waiting]
        answers = racers.race(
            [together(token, random.Random(client).sample(changes, len(changes))) for client in range(CLIENTS)]
        )
        assert Counter((answer.status, answer.slug) for answer in answers) == {
            (201, None): 1,
            (409, "changes-refused"): CLIENTS - 1,
        }
        with reading() as session:
            held = [session.get_one(Visit, visit.id).officer_id for visit in booked + waiting]
        assert held == [wanted.id] * 3 + [other.id] * 3


def test_changes_made_together_and_alone_never_wait_for_each_other_for_ever(
    racers: Racers, base: datetime, token: str, resident: Resident
) -> None:
    """Half exchange two officers' visits together, half move them alone, and each is whole or refused."""
    pair = [factories.officer(), factories.officer()]
    for number in range(FEWER):
        slots = [base + number * timedelta(days=1) + HALF_AN_HOUR * place for place in range(4)]
        both = [[factories.visit(resident, officer, slot) for officer in pair] for slot in slots]
        calls = []
        for place, (one, two) in enumerate(both):
            exchange = [given_to(one, pair[1]), given_to(two, pair[0])]
            calls.append(together(token, exchange if place % 2 else exchange[::-1]))
            calls.append(move(token, two, slots[place] + timedelta(hours=6), pair[0]))
        answers = racers.race(calls)
        assert {answer.status for answer in answers} <= {201, 409, 412}
        with reading() as session:
            for one, two in both:
                held = [session.get_one(Visit, visit.id).officer_id for visit in (one, two)]
                assert held in ([pair[1].id, pair[0].id], [pair[0].id, pair[0].id])
