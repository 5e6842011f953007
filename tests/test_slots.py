"""Slots: exactly the starts at which a visit fits, by worked rows and against trying every one."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.day import Day, Lunch, Piece, Rules, Stop, Way, slack, way_of
from models.many_gaps import joined, many_gaps
from models.many_slots import many_slots
from models.no_slot import NoSlot, relaxations, why_not, why_not_at
from models.slots import GRID_S, Wanted, fits, openings, slot_at, slots, spoilt, way_from, way_to
from models.travel import TravelModel
from tests.plane import AtOnce, Plane

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


@settings(max_examples=400, deadline=None)
@given(days(), wishes, rules, st.integers(0, 86400))
def test_a_time_that_is_settled_is_free_at_just_the_seconds_at_which_the_visit_fits(
    day: Day, wanted: Wanted, rules: Rules, second: int
) -> None:
    for starts in (DAY + second, *(stop.ends + 180 for stop in day.stops)):
        settled = Stop(starts, starts + wanted.seconds, wanted.place)
        slot = slot_at(day, settled, rules)
        assert (slot is not None) == fits(day, settled, rules)
        if slot is None:
            assert spoilt(day, settled, rules) and why_not_at(day, settled, rules)
        else:
            assert slot.starts == starts


TRAFFIC = TravelModel(speeds=((time(7), 23.5), (time(9, 30), 6.0), (time(10), 60.0), (time(13), 8.0)))


def in_harrow(place: tuple[float, float] | None) -> tuple[float, float] | None:
    return place and (51.55 + place[1] / 111_000, -0.4 + place[0] / 69_000)


def _in_harrow(day: Day) -> Day:
    stops = tuple(each._replace(place=in_harrow(each.place)) for each in day.stops)
    return Day(day.windows, stops, day.lunch, in_harrow(day.starts_from), in_harrow(day.ends_at))


@settings(max_examples=200, deadline=None)
@given(days(), wishes, st.booleans())
@example(WORKED, HALF_AN_HOUR, True)
@example(Day(WORKED.windows, starts_from=HOME, ends_at=B), HALF_AN_HOUR, False)
def test_where_speeds_change_each_slot_is_reckoned_at_its_own_time(day: Day, wanted: Wanted, slack: bool) -> None:
    day = _in_harrow(day)
    wanted, rules = wanted._replace(place=in_harrow(wanted.place)), Rules(TRAFFIC, slack)
    found = {slot.starts: slot.extra_s for slot in slots(day, wanted, rules)}
    for starts in range(wanted.earliest, wanted.latest, GRID_S):
        ends = starts + wanted.seconds
        assert (starts in found) is fits(day, Stop(starts, ends, wanted.place), rules), (day, wanted, starts)
        if starts in found:
            gap = next(gap for gap in day.gaps if gap.free <= starts and ends <= gap.due)
            direct, to, onward = way_of(gap), way_to(gap, wanted), way_from(gap, wanted)
            ways = ((to, gap.free, 1), (onward, ends, 1), (direct, gap.free, -1))
            assert found[starts] == sum(sign * TRAFFIC.seconds(*way, leaves) for way, leaves, sign in ways if way)


@settings(max_examples=300, deadline=None)
@given(st.lists(days(), max_size=3), wishes, st.booleans(), st.sampled_from([TRAFFIC, TravelModel()]))
@example([WORKED, Day(()), WORKED], HALF_AN_HOUR, True, TRAFFIC)
def test_many_days_at_once_have_just_the_slots_that_each_has(
    each: list[Day], wanted: Wanted, slack: bool, model: TravelModel
) -> None:
    wanted, rules = wanted._replace(place=in_harrow(wanted.place)), Rules(model, slack)
    each = [_in_harrow(day) for day in each]
    gaps = [many_gaps(day, rules) for day in each]
    found = many_slots(joined(gaps), wanted, model, slack=slack)
    wholly_worked = [number for number, those in enumerate(gaps) for _ in range(those.times.shape[1])]
    others = [number for number, those in enumerate(gaps) for _ in those.others]
    assert len(wholly_worked + others) == sum(len(day.gaps) for day in each)
    columns = (
        ((wholly_worked + others)[number] for number in found.gaps),
        *(column.tolist() for column in found[1:]),
    )
    expected = [(number, *slot) for number, day in enumerate(each) for slot in slots(day, wanted, rules)]
    assert sorted(zip(*columns, strict=True)) == expected


def only(day: Day, wanted: Wanted = HALF_AN_HOUR, rules: Rules = EXACT) -> tuple[NoSlot, str | None, float]:
    """Why a day has no slot, what the cheapest start is, and by how many minutes it would not do."""
    assert list(slots(day, wanted, rules)) == []
    reason, relaxation = why_not(day, wanted, rules)
    if relaxation is None:
        return reason, None, 0
    return reason, shown(relaxation.starts), relaxation.short_s / 60


MORNING = (Piece(at("09:00"), at("12:00")),)


class TestWhyThereIsNone:
    def test_a_visit_longer_than_the_shift(self) -> None:
        assert only(Day((Piece(at("09:00"), at("09:20")),)))[0] is NoSlot.SHIFT

    def test_a_time_when_nobody_works(self) -> None:
        assert only(Day(MORNING), Wanted(1800, DOOR, at("13:00"), at("17:00")))[0] is NoSlot.SHIFT

    def test_a_full_day(self) -> None:
        day = Day(MORNING, (stop("09:00", 90, DOOR), stop("10:45", 75, DOOR)))
        assert only(day) == (NoSlot.NO_GAP, None, 0)

    def test_a_way_to_the_visit_that_is_too_long(self) -> None:
        day = Day(MORNING, (stop("09:00", 120, (2000.0, 22000.0)),))
        reason, starts, minutes = only(day, HALF_AN_HOUR, EXACT)
        # An hour and three minutes after 11:00; the last start on the grid is 11:30.
        assert (reason, starts, minutes) == (NoSlot.TRAVEL_BEFORE, "11:30", 33)

    def test_a_way_to_the_next_visit_that_is_too_long(self) -> None:
        day = Day(MORNING, (stop("10:00", 120, (2000.0, 22000.0)),))
        assert only(day) == (NoSlot.TRAVEL_AFTER, "09:00", 33)

    def test_the_way_home_counts_as_a_way_after(self) -> None:
        day = Day((Piece(at("09:00"), at("10:00")),), ends_at=(2000.0, 22000.0))
        assert only(day) == (NoSlot.TRAVEL_AFTER, "09:00", 33)

    def test_the_lunch(self) -> None:
        day = Day((Piece(at("11:00"), at("14:00")),), (stop("11:00", 60, DOOR), stop("13:10", 50, DOOR)))
        hungry = Day(day.windows, day.stops, Lunch(45 * 60, at("12:00"), at("13:00")))
        assert only(hungry) == (NoSlot.LUNCH, "12:15", 45)

    def test_the_slack_before_the_next_visit(self) -> None:
        day = Day(MORNING, (stop("09:00", 90, DOOR), stop("11:25", 35, DOOR)))
        reason, starts, minutes = only(day, HALF_AN_HOUR, Rules(Plane()))
        # 36.9 minutes are wanted after the hour and a half, and 12 are there.
        assert (reason, starts) == (NoSlot.SLACK, "10:45") and minutes == pytest.approx(24.9, abs=0.1)
        assert [shown(slot.starts) for slot in slots(day, HALF_AN_HOUR, EXACT)] == ["10:45"]


@settings(max_examples=150, deadline=None)
@given(days(), wishes, rules)
def test_what_would_do_but_for_soft_rules_does_without_them(day: Day, wanted: Wanted, rules: Rules) -> None:
    """With no ways, no lunch and no slack, those starts and the slots are all there is."""
    loose = Day(day.windows, day.stops)
    free = {slot.starts for slot in slots(loose, wanted, Rules(AtOnce(), slack=False))}
    found = {slot.starts for slot in slots(day, wanted, rules)}
    assert {each.starts for each in relaxations(day, wanted, rules)} <= free - found
    assert all(each.short_s > 0 for each in relaxations(day, wanted, rules))


class TestSlack:
    """max(0, 1.645 sigma - 15 min), with 0.35 of the visit before and 0.30 of the way to the door."""

    @pytest.mark.parametrize(
        ("minutes_before", "metres", "wanted_minutes"),
        [(None, 0, 0), (30, 0, 2.3), (60, 0, 19.6), (60, 4000, 20.3), (120, 0, 54.1)],
    )
    def test_it_grows_with_the_visit_before_and_the_way(
        self, minutes_before: int | None, metres: float, wanted_minutes: float
    ) -> None:
        before = stop("10:00", minutes_before, HOME) if minutes_before else None
        found = slack(before, Way(HOME, (0.0, float(metres))), at("12:00"), Plane())
        assert found / 60 == pytest.approx(wanted_minutes, abs=0.05)

    def test_a_slot_with_its_slack_is_on_time_in_95_of_100(self) -> None:
        for slot in slots(WORKED, HALF_AN_HOUR, Rules(Plane())):
            assert slot.on_time_probability >= 0.95
        assert min(slot.on_time_probability for slot in slots(WORKED, HALF_AN_HOUR, EXACT)) < 0.95
