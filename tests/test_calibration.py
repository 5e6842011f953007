"""Our own journeys say which speeds fit: tried where the truth is known."""

import random
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from models.calibration import NEEDED, Calibration, Journey, TooFewJourneys, calibrate
from models.clock import LONDON
from models.database import snapshot, transaction
from models.journeys import journeys
from models.reference import new_visit_reference
from models.speeds import Speeds
from models.travel import Place, TravelModel
from models.visit import Visit, VisitStatus
from tests import factories
from tests.conftest import StoppedClock

TRUTH = TravelModel(speeds=((time(7), 18.0), (time(10), 31.5), (time(16), 15.5), (time(19), 36.0)), to_park_s=240)
USUAL = TravelModel()
HOURS = {time(7): (7, 9), time(10): (10, 15), time(16): (16, 17), time(19): (19, 22)}


def made_journeys(
    truth: TravelModel, count: int, *, noise_s: float = 45, odd: float = 0.0, bands: Any = HOURS
) -> list[Journey]:
    """So many journeys in each band around Harrow, off by some noise; `odd`: the share that took up to an hour
    more, or of which the officer said after half the way that they had left."""
    chance = random.Random(2026)
    made = []
    for first, last in (HOURS[band] for band in bands):
        for _ in range(count):
            origin, destination = ((chance.uniform(51.55, 51.64), chance.uniform(-0.41, -0.27)) for _ in range(2))
            day = datetime(2026, 9, 1, tzinfo=LONDON) + timedelta(days=chance.randrange(80))
            left = day.replace(hour=chance.randint(first, last), minute=chance.randrange(30)).timestamp()
            took = truth.seconds(origin, destination, left) + chance.gauss(0, noise_s)
            if chance.random() < odd:
                took = took + chance.uniform(600, 3600) if chance.random() < 0.6 else took / 2
            made.append(Journey(origin, destination, left, left + max(took, 30)))
    return made


def fitted(found: Calibration) -> list[tuple[time, float | None]]:
    return [(band.begins, band.speed_fits) for band in found.bands]


def test_the_speeds_and_the_time_to_park_are_found_that_the_journeys_were_made_with() -> None:
    found = calibrate(made_journeys(TRUTH, 400), USUAL)
    for (_, fits), (_, truth) in zip(fitted(found), TRUTH.speeds, strict=True):
        assert fits == pytest.approx(truth, rel=0.03)
    assert found.model.to_park_s == pytest.approx(240, abs=30)
    assert found.is_better
    assert found.error_then.half < 40 < found.error_now.half
    assert sum(band.journeys for band in found.bands) >= 1500
    assert found.checked_with == sum(band.journeys // 4 for band in found.bands)


def test_a_fifth_of_odd_journeys_moves_the_figures_little() -> None:
    """Officers who went shopping on the way, or who said late that they had left."""
    found = calibrate(made_journeys(TRUTH, 600, odd=0.2), USUAL)
    for (_, fits), (_, truth) in zip(fitted(found), TRUTH.speeds, strict=True):
        assert fits == pytest.approx(truth, rel=0.12)
    assert found.error_then.half < 70 < found.error_now.half


def test_the_errors_are_told_of_journeys_that_nothing_was_fitted_to() -> None:
    """Every fourth of a band: were they wrong, the fit would not change and its error would."""
    made = sorted(made_journeys(TRUTH, 200, bands=[time(10)]), key=lambda journey: journey.left_at)
    found = calibrate(made, USUAL)
    late = [
        journey._replace(arrived_at=journey.arrived_at + 900) if number % 4 == 0 else journey
        for number, journey in enumerate(made, start=1)
    ]
    found_late = calibrate(late, USUAL)
    assert fitted(found_late) == fitted(found)
    assert found_late.error_then.half > found.error_then.half + 600


def test_hours_with_too_few_journeys_keep_their_speed() -> None:
    made = made_journeys(TRUTH, NEEDED, bands=[time(10)]) + made_journeys(TRUTH, NEEDED - 1, bands=[time(16)])
    found = calibrate(made, USUAL)
    assert [band.journeys for band in found.bands] == [0, NEEDED, NEEDED - 1, 0]
    assert [fits is None for _, fits in fitted(found)] == [True, False, True, True]
    assert [speed for _, speed in found.model.speeds][2] == 22
    with pytest.raises(TooFewJourneys, match=rf"need {NEEDED} journeys or more.* 0 from 07:00, 39 from 10:00"):
        calibrate(made[: NEEDED - 1], USUAL)


def test_journeys_that_say_nothing_of_one_speed_are_left_out() -> None:
    """One that ended in the hours of another speed, or between places that cannot be meant."""
    good = made_journeys(TRUTH, 100, bands=[time(10)])
    ten = datetime(2026, 9, 1, 10, tzinfo=LONDON).timestamp()
    crossing = [Journey((51.58, -0.33), (51.6, -0.35), ten - 300, ten + 7000)] * 100
    far = [Journey((51.58, -0.33), (53.0, -0.35), ten, ten + 60)] * 100
    assert calibrate(good + crossing + far, USUAL) == calibrate(good, USUAL)


def test_where_the_figures_fit_already_nothing_is_worth_a_change() -> None:
    found = calibrate(made_journeys(USUAL, 400), USUAL)
    for (_, fits), (_, now) in zip(fitted(found), USUAL.speeds, strict=True):
        assert fits == pytest.approx(now, rel=0.03)
    assert found.error_then.half == pytest.approx(found.error_now.half, abs=5)


@pytest.mark.parametrize("took", [1, 3 * 3600 - 1])
def test_figures_stay_between_those_that_can_be_set(took: int) -> None:
    ten = datetime(2026, 9, 1, 10, tzinfo=LONDON).timestamp()
    one_speed: Speeds = ((time(0), 27.0),)
    made = [Journey((51.58, -0.33), (51.5801, -0.33), ten + number, ten + number + took) for number in range(50)]
    assert 5 <= calibrate(made, TravelModel(speeds=one_speed)).model.speeds[0][1] <= 130


# From the records

HOMES: list[Place] = [(51.5887, -0.3340), (51.5793, -0.3366), (51.6063, -0.3724), (51.5956, -0.3382)]
TEN = datetime(2026, 11, 16, 10, tzinfo=UTC)


def visited(officer: Any, home: Any, departed: datetime | None, arrived: datetime | None, **changes: Any) -> None:
    """A visit of three minutes, as it was made."""
    at = arrived or departed or changes["finished_at"]
    values = {
        "id": uuid4(),
        "reference": new_visit_reference(),
        "resident_id": home.id,
        "officer_id": officer.id,
        "purpose": "Repair inspection",
        "skills": [],
        "starts_at": at,
        "ends_at": at + timedelta(minutes=3),
        "status": VisitStatus.COMPLETED,
        "version": 1,
        "first_promised_at": at,
        "promise_number": 1,
        "departed_at": departed,
        "arrived_at": arrived,
        "created_at": at,
    }
    with transaction() as session:
        session.add(Visit(**values | changes))


def homes() -> list[Any]:
    return [factories.resident(latitude=latitude, longitude=longitude) for latitude, longitude in HOMES]


def found_journeys() -> list[Journey]:
    with snapshot() as session:
        return list(journeys(session, TEN - timedelta(days=30)))


def minutes(amount: float) -> timedelta:
    return timedelta(minutes=amount)


def test_a_journey_is_from_the_home_before_to_the_next(officer: Any) -> None:
    first, second, third, _ = homes()
    visited(officer, first, None, TEN)
    visited(officer, second, TEN + minutes(30), TEN + minutes(37))
    visited(officer, third, TEN + minutes(60), TEN + minutes(70))
    assert found_journeys() == [
        Journey(HOMES[0], HOMES[1], (TEN + minutes(30)).timestamp(), (TEN + minutes(37)).timestamp()),
        Journey(HOMES[1], HOMES[2], (TEN + minutes(60)).timestamp(), (TEN + minutes(70)).timestamp()),
    ]


def test_a_visit_of_two_officers_is_where_both_come_from_and_no_journey_itself(officer: Any) -> None:
    """Either of them may have said that they set out."""
    first, second, third, fourth = homes()
    other = factories.officer()
    visited(officer, first, None, TEN)
    visited(other, fourth, None, TEN)
    together = {"second_officer_id": other.id}
    visited(officer, second, TEN + minutes(30), TEN + minutes(37), **together)
    visited(other, third, TEN + minutes(60), TEN + minutes(70))
    assert found_journeys() == [
        Journey(HOMES[1], HOMES[2], (TEN + minutes(60)).timestamp(), (TEN + minutes(70)).timestamp())
    ]


def test_what_cannot_be_believed_is_no_journey(officer: Any) -> None:
    first, second, third, fourth = homes()
    nowhere = factories.resident(latitude=None, longitude=None)
    other = factories.officer()

    def day(number: int) -> datetime:
        return TEN + timedelta(days=number)

    def ordinary(number: int, **changes: Any) -> None:
        visited(officer, second, day(number) + minutes(30), day(number) + minutes(37), **changes)

    visited(officer, first, None, day(0))  # Another officer's visit before.
    visited(other, second, day(0) + minutes(30), day(0) + minutes(37))
    visited(other, nowhere, None, day(1))  # From an unknown place.
    visited(other, second, day(1) + minutes(30), day(1) + minutes(37))
    visited(other, nowhere, day(1) + minutes(60), day(1) + minutes(70))  # To one.
    ordinary(1)  # The first of the day.
    visited(officer, first, None, day(2))  # A suspect clock; an arrival elsewhere.
    ordinary(2, arrival_flags=["clock_suspect"])
    visited(officer, third, day(2) + minutes(60), day(2) + minutes(70), arrival_flags=["far_from_address"])
    visited(officer, first, None, day(3))  # From a visit that was cancelled half-way.
    visited(officer, third, day(3) + minutes(12), None, status=VisitStatus.CANCELLED)
    ordinary(3)
    visited(officer, first, None, day(4) + minutes(33))  # Set out before the visit before had begun.
    ordinary(4)
    visited(officer, first, None, day(5) - minutes(180))  # On the way for over three hours.
    visited(officer, fourth, day(5) - minutes(160), day(5) + minutes(37))
    visited(officer, first, None, TEN - timedelta(days=40))  # Long ago.
    visited(officer, second, TEN - timedelta(days=40) + minutes(30), TEN - timedelta(days=40) + minutes(37))
    assert found_journeys() == []


def test_a_forgotten_arrival_before_is_no_obstacle_if_the_visit_was_finished(officer: Any) -> None:
    first, second, *_ = homes()
    visited(officer, first, None, None, finished_at=TEN)
    visited(officer, second, TEN + minutes(30), TEN + minutes(37))
    assert len(found_journeys()) == 1


def days_of_visits(officer: Any, truth: TravelModel, days: int) -> None:
    """Nine visits a day from ten o'clock, one after the other, as long as the truth takes."""
    known = homes()
    for number in range(days):
        at = TEN + timedelta(days=number // 5 * 7 + number % 5 - 21)
        visited(officer, known[0], None, at)
        for here, there in pairwise([0, 1, 2, 3, 0, 2, 1, 3]):
            leaves = at + minutes(15)
            at = leaves + timedelta(seconds=truth.seconds(HOMES[here], HOMES[there], leaves.timestamp()))
            visited(officer, known[there], leaves, at)


def run(app: Flask, *words: str) -> Any:
    return app.test_cli_runner().invoke(args=["travel", "calibrate", *words])


def test_the_command_prints_the_settings_to_use_and_changes_nothing(
    app: Flask, officer: Any, stopped_clock: StoppedClock
) -> None:
    days_of_visits(officer, TravelModel(speeds=((time(0), 18.0),), to_park_s=300), 10)
    result = run(app)
    assert result.exit_code == 0, result.output
    assert "70 journeys of the last 90 days" in result.output
    assert 'TRAVEL_SPEEDS="07:00=23.5 10:00=18 16:00=22 19:00=28"' in result.output
    assert "TRAVEL_PARKING_SECONDS=300" in result.output
    assert "too few to say" in result.output
    assert run(app).output == result.output
    assert "0 journeys of the last 1 days" in run(app, "--days", "1").output


def test_the_command_refuses_to_speak_of_too_few(app: Flask, officer: Any) -> None:
    days_of_visits(officer, USUAL, 5)
    result = run(app)
    assert result.exit_code == 1
    assert "need 40 journeys or more" in result.output
    assert "35 from 10:00" in result.output
    assert "TRAVEL_" not in result.output


def test_the_command_leaves_settings_that_fit(app: Flask, officer: Any) -> None:
    days_of_visits(officer, USUAL, 10)
    assert "leave the settings as they are" in run(app).output


@pytest.mark.parametrize("days", ["0", "731", "many"])
def test_the_days_are_a_number_that_can_be_meant(app: Flask, days: str) -> None:
    assert run(app, "--days", days).exit_code == 2
