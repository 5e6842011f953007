"""Slots: exactly the starts at which a visit fits, by worked rows and against trying every one."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from models.day import Day, Lunch, Piece, Rules, Stop
from models.slots import GRID_S, Wanted, fits, openings, slots
from tests.plane import Plane

DAY = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp())
HOME, A, B, DOOR = (0.0, 0.0), (2000.0, 0.0), (2000.0, 4000.0), (2000.0, 2000.0)
EXACT = Rules(Plane(), slack=False)


def at(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return DAY + int(timedelta(hours=int(hours), minutes=float(minutes)).total_seconds())


def shown(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M}"


def stop(starts: str, minutes: int, place: tuple[float, float] | None) -> Stop:
    return Stop(at(starts), at(starts) + 60 * minutes, place)


WORKED = Day(
    windows=(Piece(at("09:00"), at("17:00")),),
    stops=(stop("10:00", 30, A), stop("12:00", 45, B)),
    lunch=Lunch(30 * 60, at("12:00"), at("13:30")),
    starts_from=HOME,
    ends_at=HOME,
)
HALF_AN_HOUR = Wanted(30 * 60, DOOR, DAY, DAY + 86400)


class TestTheWorkedDay:
    """27 km/h, x1.35, +3 min, no slack; the officer at home (0,0), 09:00-17:00; A at (2000,0) 10:00 for 30; B at
    (2000,4000) 12:00 for 45; lunch 30 in 12:00-13:30; asked at (2000,2000) for 30."""

    def test_the_openings_are_as_reckoned(self) -> None:
        found = [(opening.first, opening.last) for opening in openings(WORKED, HALF_AN_HOUR, EXACT)]
        wanted = [("09:11.5", "09:21"), ("10:39", "11:21"), ("12:54", "13:00"), ("13:24", "16:18.5")]
        assert len(found) == len(wanted)
        for (first, last), (from_, to) in zip(found, wanted, strict=True):
            assert abs(first - at(from_)) <= 2 and abs(last - at(to)) <= 2

    def test_the_starts_and_the_way_each_adds_are_as_reckoned(self) -> None:
        found = [(shown(slot.starts), slot.extra_s) for slot in slots(WORKED, HALF_AN_HOUR, EXACT)]
        # Metres of road at 7.5 m/s; and each visit is one door more to park at.
        far, none, near = (round(metres / 7.5) + 180 for metres in (3818, 0, 481))
        afternoon = [f"{hour}:{minute:02}" for hour in (13, 14, 15, 16) for minute in (0, 15, 30, 45)]
        wanted = [("09:15", far), ("10:45", none), ("11:00", none), ("11:15", none), ("13:00", near)]
        wanted += [(start, near) for start in afternoon if "13:30" <= start <= "16:15"]
        assert [start for start, _ in found] == [start for start, _ in wanted]
        for (_, extra), (_, expected) in zip(found, wanted, strict=True):
            assert abs(extra - expected) <= 2

    def test_a_day_off_has_no_slot_and_an_empty_one_is_all_slots(self) -> None:
        assert list(slots(Day(()), HALF_AN_HOUR, EXACT)) == []
        empty = Day(WORKED.windows)
        assert [shown(slot.starts) for slot in slots(empty, HALF_AN_HOUR, EXACT)] == [
            f"{minutes // 60:02}:{minutes % 60:02}" for minutes in range(9 * 60, 16 * 60 + 31, 15)
        ]


seconds = st.integers(0, 96).map(lambda quarter: quarter * 300)
places = st.none() | st.tuples(st.integers(0, 8) | st.none(), st.integers(0, 8)).map(
    lambda each: None if each[0] is None else (each[0] * 1000.0, each[1] * 1000.0)
)


@st.composite
def days(draw: st.DrawFn) -> Day:
    """A day of up to three windows with stops that do not overlap, some out of hours, some out of reach."""
    begins, windows = at("08:00"), []
    for _ in range(draw(st.integers(0, 3))):
        begins += draw(st.integers(0, 12)) * 600
        ends = begins + draw(st.integers(1, 24)) * 600
        windows.append(Piece(begins, ends))
        begins = ends + 600
    starts, stops = at("07:00"), []
    for _ in range(draw(st.integers(0, 5))):
        starts += draw(st.integers(0, 18)) * 300
        ends = starts + draw(st.integers(1, 18)) * 300
        stops.append(Stop(starts, ends, draw(places)))
        starts = ends
    lunch = draw(
        st.none()
        | st.builds(
            lambda length, earliest, spread: Lunch(
                length * 300, at("11:00") + earliest * 300, at("11:00") + (earliest + spread) * 300
            ),
            st.integers(1, 12),
            st.integers(0, 24),
            st.integers(0, 24),
        )
    )
    return Day(tuple(windows), tuple(stops), lunch, draw(places), draw(places))


wishes = st.builds(
    Wanted, st.integers(1, 24).map(lambda each: each * 300), places, st.just(DAY), st.just(DAY + 86400)
)
rules = st.builds(Rules, st.sampled_from([Plane(), Plane(15), Plane(5, 0)]), st.booleans())


@settings(max_examples=400, deadline=None)
@given(days(), wishes, rules)
def test_the_search_finds_what_trying_every_start_finds(day: Day, wanted: Wanted, rules: Rules) -> None:
    tried = [
        starts
        for starts in range(wanted.earliest, wanted.latest, GRID_S)
        if fits(day, Stop(starts, starts + wanted.seconds, wanted.place), rules)
    ]
    assert [slot.starts for slot in slots(day, wanted, rules)] == tried, (day, wanted, rules)
