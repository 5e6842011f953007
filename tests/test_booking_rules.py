"""What a booking breaks is what the day's simulation says, on random days; and what is offered can be booked."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.absence import Absence, AbsenceKind, enter
from models.booking_rules import KnownWays, broken_by
from models.clock import LONDON
from models.database import reading, transaction
from models.day import Day, Fault, Rules, Stop, faults
from models.interval import Interval, overlaps
from models.officer import Officer
from models.resident import Resident
from models.slots import fits
from models.visit import Visit, VisitStatus
from models.working_time import LunchBreak, Window, WorkingPattern
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.plane import Plane
from tests.roads import travel_time
from tests.steps import MONDAY_9
from tests.test_slots import DAY, days, places, rules

stops = st.builds(
    lambda starts, length, place: Stop(DAY + starts * 300, DAY + (starts + length) * 300, place),
    st.integers(6 * 12, 22 * 12),
    st.integers(1, 24),
    places,
)


def clashes(day: Day, stop: Stop) -> bool:
    return any(each.starts < stop.ends and stop.starts < each.ends for each in day.stops)


@settings(max_examples=400, deadline=None)
@given(days(), stops, rules)
def test_a_stop_breaks_what_the_days_faults_say_and_nothing_else(day: Day, stop: Stop, rules: Rules) -> None:
    assume(not clashes(day, stop))
    after = day.with_stop(stop)
    broken = broken_by(day, after, stop, rules)
    assert faults(after, rules) - faults(day, rules) <= broken <= faults(after, rules)
    assert fits(day, stop, rules) == (not broken)


@settings(max_examples=300, deadline=None)
@given(days(), stops, st.booleans())
def test_ways_that_are_not_known_break_nothing_that_known_ones_would_not(
    day: Day, stop: Stop, slack: bool
) -> None:
    """But for lunch: where there is none with all the ways, the booking cannot be what spoils it."""
    assume(not clashes(day, stop))
    after = day.with_stop(stop)
    strictly = broken_by(day, after, stop, Rules(Plane(), slack))
    known = broken_by(day, after, stop, Rules(KnownWays(Plane()), slack))
    of_the_way = {Fault.TRAVEL, Fault.SLACK, Fault.SHIFT_END}
    assert {whose for fault, whose in known if fault in of_the_way} <= {
        whose for fault, whose in strictly if fault in of_the_way
    }


class Town:
    """Officers and residents of every kind, and a time drawn from two days of theirs."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.residents = [
            factories.resident(
                latitude=None if number == 0 else 51.57 + self.chance.random() * 0.06,
                longitude=None if number == 0 else -0.40 + self.chance.random() * 0.12,
                postcode=self.chance.choice(("HA1 2RJ", "HA2 0NL", "HA3 3DL")),
            )
            for number in range(8)
        ]
        self.officers = [self._officer(number) for number in range(4)]

    def _officer(self, number: int) -> Officer:
        chance = self.chance
        place = chance.choice((None, (51.58, -0.33)))
        hours = (Window(8 * 60, 12 * 60), Window(12 * 60 + 30, 18 * 60)) if number % 2 else (Window(540, 1020),)
        lunch = chance.choice((None, LunchBreak(30, 12 * 60, 14 * 60)))
        made = factories.officer(
            skills=chance.choice(([], ["gas"])),
            areas=chance.choice(([], [], ["HA1", "HA3"])),
            working_pattern=None if number == 0 else WorkingPattern((hours,) * 7, lunch, place, place).kept(),
        )
        begins = MONDAY_9 + timedelta(days=1, hours=chance.randrange(8))
        with transaction() as session:
            enter(
                session,
                officer_id=made.id,
                starts_at=begins,
                ends_at=begins + timedelta(hours=chance.choice((1, 2, 30))),
                kind=AbsenceKind.LEAVE,
                reason=None,
                by=None,
                at=MONDAY_9,
            )
        return made

    def time(self) -> datetime:
        return MONDAY_9 + timedelta(days=1, hours=-3, minutes=15 * self.chance.randrange(40 * 4))

    def skills(self) -> list[str]:
        return self.chance.choice(([], [], ["gas"]))


def all_visits() -> list[Visit]:
    with reading() as session:
        query = select(Visit).where(Visit.status != VisitStatus.CANCELLED, Visit.officer_id.is_not(None))
        return list(session.scalars(query.order_by(Visit.officer_id, Visit.starts_at)))


def refuse_broken_rules(town: Town, changed: str, overridden: set[str]) -> None:
    """Look at the whole diary by simple means, and at the visit that was booked or moved just now by all."""
    officers = {each.id: each for each in town.officers}
    homes = {each.id: each for each in town.residents}
    visits = all_visits()
    with reading() as session:
        leave = [(each.officer_id, each.time_off.interval) for each in session.scalars(select(Absence))]
    for visit in visits:
        officer = officers[visit.officer_id]  # type: ignore[index]
        when = Interval(visit.starts_at, visit.ends_at)
        assert not any(of == officer.id and overlaps(off, when) for of, off in leave)
        assert set(visit.skills) <= set(officer.skills)
        if str(visit.id) == changed:
            postcode = homes[visit.resident_id].postcode
            assert not officer.areas or postcode[:3] in officer.areas or "area" in overridden
            if officer.working_pattern is not None and "hours" not in overridden:
                assert _works(WorkingPattern.read(officer.working_pattern), when)
    for one, other in pairwise(visits):
        if one.officer_id == other.officer_id:
            assert one.ends_at <= other.starts_at
            if changed in (str(one.id), str(other.id)) and "travel" not in overridden and _same_day(one, other):
                assert _reaches(homes[one.resident_id], homes[other.resident_id], one, other)


def _works(pattern: WorkingPattern, when: Interval) -> bool:
    begins, ends = (each.astimezone(LONDON) for each in when)
    first = begins.hour * 60 + begins.minute
    last = first + int((ends - begins).total_seconds() // 60)
    return any(window.start <= first and last <= window.end for window in pattern.days[0])


def _same_day(one: Visit, other: Visit) -> bool:
    return one.starts_at.astimezone(LONDON).date() == other.starts_at.astimezone(LONDON).date()


def _reaches(home: Resident, door: Resident, one: Visit, other: Visit) -> bool:
    if home.place is None or door.place is None or home.place == door.place:
        return True
    return one.ends_at + travel_time(home.place, door.place, one.ends_at) <= other.starts_at


SOFT = ("area", "hours", "shift_end", "travel", "lunch", "slack")


def anything(town: Town, client: Client, named: set[str]) -> tuple[Any, str]:
    """Book, move or keep some time, whether it can be or not; the answer, and which visit it is about."""
    chance, officer, home = town.chance, town.chance.choice(town.officers), town.chance.choice(town.residents)
    body: dict[str, Any] = {
        "officer_id": str(officer.id),
        "starts_at": town.time().isoformat(),
        "overrides": [{"rule": rule, "reason": "Urgent"} for rule in sorted(named)],
    }
    kind, visits = chance.choice(("visit", "visit", "move", "hold")), all_visits()
    if kind == "move" and visits:
        visit = chance.choice(visits)
        body |= {"reason": "Better", "requested_by": "council"}
        return client.post(f"/v1/visits/{visit.id}/moves", body, If_Match=f'"{visit.version}"'), str(visit.id)
    body |= {"resident_id": str(home.id), "duration_minutes": chance.choice((15, 30, 60, 90))}
    if kind == "hold":
        return client.post("/v1/holds", body), ""
    made = client.post("/v1/visits", body | {"purpose": "Repair", "skills": town.skills()})
    return made, made.json.get("id", "")


@pytest.mark.parametrize("seed", range(4))
def test_no_route_that_writes_breaks_a_hard_rule_or_one_that_nobody_named(
    scheduler: Client, sign_in: Callable[..., Client], seed: int
) -> None:
    town, clients = Town(seed), [scheduler, sign_in("scheduler")]
    chance, done = town.chance, 0
    for _ in range(120):
        named = set(chance.sample(SOFT, chance.choice((0, 0, 1, 2, 6))))
        made, changed = anything(town, chance.choice(clients), named)
        assert made.status_code in (201, 409, 422), made.get_data(as_text=True)
        if made.status_code == 201:
            done += 1
            refuse_broken_rules(town, changed, named)
        elif made.json["type"].endswith("booking-rules"):
            assert not {each["rule"] for each in made.json["broken"]} & named
    assert done > 15


@pytest.mark.parametrize("seed", range(4))
def test_an_offered_slot_can_be_booked_as_it_is(
    scheduler: Client, sign_in: Callable[..., Client], seed: int
) -> None:
    town, other = Town(seed), sign_in("scheduler")
    chance, booked = town.chance, 0
    for turn in range(25):
        home, skills, minutes = chance.choice(town.residents), town.skills(), chance.choice((15, 30, 60, 90))
        asked = f"duration_minutes={minutes}&resident_id={home.id}&from=2026-11-24T00:00:00Z&limit=200"
        asked += "&to=2026-11-26T00:00:00Z" + "".join(f"&skills={skill}" for skill in skills)
        items = scheduler.get(f"/v1/slots?{asked}").json["items"]
        if not items:
            continue
        slot = chance.choice(items)
        what = {"officer_id": slot["officer_id"], "starts_at": slot["starts_at"], "duration_minutes": minutes}
        if turn % 4 == 3:
            made = other.post("/v1/holds", what | {"resident_id": str(home.id)})
        else:
            what |= {"resident_id": str(home.id), "purpose": "Repair", "skills": skills}
            made = scheduler.post("/v1/visits", what)
        assert made.status_code == 201, made.get_data(as_text=True)
        assert made.json["warnings"] == []
        booked += 1
        # And something nobody would have offered comes in between.
        body = factories.booking(chance.choice(town.residents), chance.choice(town.officers), town.time())
        scheduler.post(
            "/v1/visits",
            body | {"overrides": [{"rule": rule, "reason": "Urgent"} for rule in ("hours", "travel", "lunch")]},
        )
    assert booked > 10


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_every_quarter_of_an_hour_when_the_clocks_change(
    app: Any, sign_in: Callable[..., Client], stopped_clock: StoppedClock, day: date
) -> None:
    """Hours by London's clocks, over the hour that is left out in March and comes twice in October."""
    begins = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
    stopped_clock.set(begins - timedelta(days=5))
    scheduler, resident = sign_in("scheduler"), factories.resident()
    hours = (Window(30, 3 * 60 + 30), Window(9 * 60, 17 * 60))
    owns, assumed = factories.officer(working_pattern=WorkingPattern((hours,) * 7).kept()), factories.officer()
    ends = (datetime(day.year, day.month, day.day, tzinfo=LONDON) + timedelta(days=1)).astimezone(UTC)
    starts_at, quarters = begins, 0
    while starts_at < ends:
        local = starts_at.astimezone(LONDON)
        minute = local.hour * 60 + local.minute
        works = any(window.start <= minute < window.end for window in hours)
        made = scheduler.post("/v1/visits", factories.booking(resident, owns, starts_at, duration_minutes=15))
        assert made.status_code == (201 if works else 409), local
        if not works:
            assert [each["rule"] for each in made.json["broken"]] == ["hours"], local
        other = scheduler.post("/v1/visits", factories.booking(resident, assumed, starts_at, duration_minutes=15))
        # The day is a Sunday.
        assert other.status_code == 201 and [each["rule"] for each in other.json["warnings"]] == ["hours"], local
        starts_at, quarters = starts_at + timedelta(minutes=15), quarters + 1
    assert quarters == (92 if day.month == 3 else 100)
    assert len([visit for visit in all_visits() if visit.officer_id == owns.id]) == (40 if day.month == 3 else 48)
