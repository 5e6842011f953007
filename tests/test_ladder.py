"""Rule 9 as a table: who is told by which way, what comes next, and when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clock import LONDON
from models.message import Channel, MessageKind
from models.resident import ContactBy, Resident
from notifications import ladder
from notifications.ladder import Way

MOBILE, CARER, LANDLINE, MAIL = "+447700900123", "+447700900456", "+442088635611", "ada@example.org"
TEXT, CALL, EMAIL = Channel.TEXT, Channel.CALL, Channel.EMAIL
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
EVERY = tuple(Channel)


def resident(
    phone: str | None = MOBILE,
    second_phone: str | None = None,
    email: str | None = None,
    contact_by: ContactBy = ContactBy.TEXT,
) -> Resident:
    return Resident(phone=phone, second_phone=second_phone, email=email, contact_by=contact_by)


@pytest.mark.parametrize(
    ("who", "in_order"),
    [
        (resident(), [Way(TEXT, MOBILE), Way(CALL, MOBILE)]),
        (
            resident(second_phone=CARER, email=MAIL),
            [Way(TEXT, MOBILE), Way(TEXT, CARER), Way(CALL, MOBILE), Way(EMAIL, MAIL)],
        ),
        (resident(second_phone=LANDLINE), [Way(TEXT, MOBILE), Way(CALL, LANDLINE), Way(CALL, MOBILE)]),
        (resident(second_phone=MOBILE), [Way(TEXT, MOBILE), Way(CALL, MOBILE)]),
        (resident(LANDLINE), [Way(CALL, LANDLINE)]),
        (resident(LANDLINE, CARER), [Way(TEXT, CARER), Way(CALL, LANDLINE)]),
        (resident(LANDLINE, "+442079460000"), [Way(CALL, LANDLINE), Way(CALL, "+442079460000")]),
        (resident(None, CARER), [Way(TEXT, CARER), Way(CALL, CARER)]),
        (resident(None, None, MAIL), [Way(EMAIL, MAIL)]),
        (
            resident(email=MAIL, contact_by=ContactBy.EMAIL),
            [Way(EMAIL, MAIL), Way(TEXT, MOBILE), Way(CALL, MOBILE)],
        ),
        (resident(contact_by=ContactBy.EMAIL), [Way(TEXT, MOBILE), Way(CALL, MOBILE)]),
        (resident(email=MAIL, contact_by=ContactBy.CALL), []),
        (resident(None), []),
    ],
)
def test_the_ways_to_tell_a_resident_are_in_the_order_of_the_rule(who: Resident, in_order: list[Way]) -> None:
    assert ladder.ways(who) == in_order


def after(
    *tried: Way,
    error: str | None = None,
    at: datetime = NINE,
    hours: float = 5,
    kind: MessageKind = MessageKind.MOVED,
    available: tuple[Channel, ...] = EVERY,
    who: Resident | None = None,
) -> tuple[Channel, str, datetime] | None:
    """What follows `tried`, R being so many hours off."""
    found = ladder.next_way(
        ladder.ways(who or resident(second_phone=CARER, email=MAIL)),
        tried,
        last_error=error,
        available=available,
        kind=kind,
        at=at,
        reference_at=at + timedelta(hours=hours),
    )
    return (found.way.channel, found.way.address, found.at) if found else None


OWN, OTHER, SPOKEN, LETTER = Way(TEXT, MOBILE), Way(TEXT, CARER), Way(CALL, MOBILE), Way(EMAIL, MAIL)


def test_the_second_number_then_a_call_then_an_e_mail_then_a_person() -> None:
    assert after(OWN) == (TEXT, CARER, NINE)
    assert after(OWN, OTHER) == (CALL, MOBILE, NINE)
    assert after(OWN, OTHER, SPOKEN) == (EMAIL, MAIL, NINE)
    assert after(OWN, OTHER, SPOKEN, LETTER) is None


@pytest.mark.parametrize("code", sorted(ladder.TEMPORARY))
def test_a_temporary_failure_gets_one_more_text_after_five_minutes(code: str) -> None:
    assert after(OWN, error=code) == (TEXT, MOBILE, NINE + timedelta(minutes=5))
    assert after(OWN, OWN, error=code) == (TEXT, CARER, NINE)
    assert after(OWN, error=code, hours=1 + 1 / 3600) == (TEXT, MOBILE, NINE + timedelta(minutes=5))
    assert after(OWN, error=code, hours=1) == (TEXT, CARER, NINE)


@pytest.mark.parametrize("code", ["30005", "30006", "30007", "21610", "21211", None])
def test_any_other_failure_goes_straight_to_the_ladder(code: str | None) -> None:
    assert after(OWN, error=code) == (TEXT, CARER, NINE)


def test_a_way_that_nothing_here_sends_by_is_passed_over() -> None:
    assert after(OWN, OTHER, available=(TEXT, EMAIL)) == (EMAIL, MAIL, NINE)
    assert after(OWN, OTHER, available=(TEXT,)) is None


def test_a_number_that_has_been_corrected_is_a_new_way() -> None:
    assert after(Way(TEXT, "+447700900999"), error="30003") == (TEXT, MOBILE, NINE)


def london(clock: str, day: int = 23) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=LONDON)


@pytest.mark.parametrize(
    ("now", "starts", "called"),
    [
        ("08:00", london("12:00"), london("08:00")),
        ("19:59", london("12:00", 24), london("19:59")),
        ("20:00", london("12:00", 24), london("08:00", 24)),
        ("07:59", london("08:30"), london("08:00")),
        ("07:59", london("08:29"), None),
        ("21:00", london("08:30", 24), london("08:00", 24)),
        ("21:00", london("08:15", 24), None),
        # 24 hours' notice can still be given, and would not be any more at eight.
        ("21:00", london("07:30", 25), None),
        ("21:00", london("08:00", 25), london("08:00", 24)),
        ("21:00", london("23:00", 25), london("08:00", 24)),
    ],
)
def test_a_voice_calls_from_eight_to_eight(now: str, starts: datetime, called: datetime | None) -> None:
    assert ladder.call_at(london(now), starts) == called


def test_a_call_whose_hour_comes_too_late_gives_way_to_an_e_mail() -> None:
    evening = london("21:00")
    assert after(OWN, OTHER, at=evening, hours=11.25) == (EMAIL, MAIL, evening)


def test_the_second_number_is_not_texted_in_the_night_either() -> None:
    evening = london("23:00")
    assert after(OWN, at=evening, hours=40) == (TEXT, CARER, london("08:00", 24))


def test_a_delay_text_to_the_second_number_ignores_the_night() -> None:
    evening = london("21:30")
    assert after(OWN, at=evening, hours=1, kind=MessageKind.DELAYED) == (TEXT, CARER, evening)


@pytest.mark.parametrize(
    ("hours", "wait"),
    [
        (48, timedelta(minutes=15)),
        (1, timedelta(minutes=15)),
        (0.5, timedelta(minutes=7, seconds=30)),
        (1 / 60, timedelta(seconds=15)),
        (0, timedelta(0)),
        (-1, timedelta(0)),
    ],
)
def test_a_receipt_is_waited_for_a_quarter_of_an_hour_or_of_what_is_left(hours: float, wait: timedelta) -> None:
    assert ladder.receipt_wait(NINE, NINE + timedelta(hours=hours)) == wait


@given(
    at=st.timedeltas(timedelta(0), timedelta(days=365)).map(
        lambda since: datetime(2026, 1, 1, tzinfo=UTC) + since
    ),
    hours=st.floats(0, 60),
    tried=st.lists(st.sampled_from([OWN, OTHER, SPOKEN, LETTER]), max_size=5),
    error=st.sampled_from([None, "30003", "30005", "21610"]),
    kind=st.sampled_from(MessageKind),
)
def test_the_ladder_ends_and_never_goes_past_r(
    at: datetime, hours: float, tried: list[Way], error: str | None, kind: MessageKind
) -> None:
    reference = at + timedelta(hours=hours)
    for _ in range(10):
        found = ladder.next_way(
            ladder.ways(resident(second_phone=CARER, email=MAIL)),
            tried,
            last_error=error,
            available=EVERY,
            kind=kind,
            at=at,
            reference_at=reference,
        )
        if found is None:
            return
        assert at <= found.at < reference
        if found.way.channel is CALL:
            assert 8 <= found.at.astimezone(LONDON).hour < 20
        assert tried.count(found.way) < 2
        tried = [*tried, found.way]
    raise AssertionError("the ladder has no end")
