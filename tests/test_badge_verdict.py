"""Four looks: what the resident is told, by what the badge says and what the register says."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from id_badges import verdict
from id_badges.tokens import Clock, Printed, Reading
from id_badges.verdict import Look, State, judge
from models.badge import BadgeKind, BadgeRecord
from models.officer import Employment

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
BADGE, OFFICER, PHOTO = uuid4(), uuid4(), uuid4()

RECORD = BadgeRecord(
    badge_id=BADGE,
    kind=BadgeKind.PHONE,
    handle=4711,
    officer_id=OFFICER,
    revoked_at=None,
    expires_at=None,
    display_name="Amina Okafor",
    job_title="Housing surveyor",
    employment=Employment.CONTRACTOR,
    company="Brightwater Repairs Ltd",
    contract_ends_on=date(2027, 3, 31),
    suspended=False,
    active=True,
    photo_id=PHOTO,
    on_duty=True,
)
READING = Reading(
    kind=BadgeKind.PHONE,
    badge_id=BADGE,
    issued_at=NOON,
    not_before=NOON,
    expires_at=NOON + timedelta(seconds=120),
    clock=Clock.VALID,
)
PRINTED = Printed("Amina Okafor", "Housing surveyor", "contractor", "Brightwater Repairs Ltd", 4711)
CARD_RECORD = RECORD._replace(kind=BadgeKind.CARD, expires_at=NOON + timedelta(days=90))
CARD_READING = READING._replace(kind=BadgeKind.CARD, printed=PRINTED)

REFUSED = {
    "revoked": {"revoked_at": NOON - timedelta(seconds=1)},
    "suspended": {"suspended": True},
    "inactive": {"active": False},
    "contract-ended": {"contract_ends_on": date(2026, 11, 17)},
    "badge-expired": {"expires_at": NOON},
    "another-kind": {"kind": BadgeKind.CARD},
    "unknown": {"badge_id": uuid4()},
}


def test_a_fresh_badge_of_an_officer_on_duty_is_green_with_everything() -> None:
    answer = judge(READING, RECORD, at=NOON)
    assert (answer.state, answer.look, answer.checked_at) == (State.GENUINE, Look.GREEN, NOON)
    assert answer.officer == verdict.ShownOfficer(
        "Amina Okafor", "Housing surveyor", Employment.CONTRACTOR, "Brightwater Repairs Ltd", PHOTO, True
    )


def test_an_officer_off_duty_is_amber_and_has_no_photo() -> None:
    answer = judge(READING, RECORD._replace(on_duty=False), at=NOON)
    assert (answer.state, answer.look) == (State.GENUINE_NOT_ON_DUTY, Look.AMBER)
    assert answer.officer is not None
    assert answer.officer.display_name == "Amina Okafor" and answer.officer.photo_id is None


@pytest.mark.parametrize("on_duty", [True, False])
def test_a_card_alone_is_amber_and_shows_the_photo_only_on_duty(on_duty: bool) -> None:
    answer = judge(CARD_READING, CARD_RECORD._replace(on_duty=on_duty), at=NOON)
    assert (answer.state, answer.look) == (State.CARD_ONLY, Look.AMBER)
    assert answer.officer is not None and answer.officer.photo_id == (PHOTO if on_duty else None)


@pytest.mark.parametrize("clock", [Clock.TIMED_OUT, Clock.NOT_YET_VALID])
@pytest.mark.parametrize(("reading", "record"), [(READING, RECORD), (CARD_READING, CARD_RECORD)])
def test_a_token_out_of_its_time_is_amber_and_shows_nobody(
    reading: Reading, record: BadgeRecord, clock: Clock
) -> None:
    answer = judge(reading._replace(clock=clock), record, at=NOON)
    assert (answer.state.value, answer.look) == (clock.value, Look.AMBER)
    assert answer.officer is None


def test_a_long_expired_token_is_red() -> None:
    answer = judge(READING._replace(clock=Clock.LONG_EXPIRED), RECORD, at=NOON)
    assert (answer.state, answer.reason) == (State.NOT_CONFIRMED, "long-expired")


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("clock", Clock)
@pytest.mark.parametrize("on_duty", [True, False])
def test_what_the_register_refuses_is_red_whatever_the_token_says(
    reason: str, clock: Clock, on_duty: bool
) -> None:
    record = RECORD._replace(on_duty=on_duty, **REFUSED[reason])  # type: ignore[arg-type]
    answer = judge(READING._replace(clock=clock), record, at=NOON)
    assert (answer.state, answer.look, answer.officer) == (State.NOT_CONFIRMED, Look.RED, None)
    assert answer.reason == reason


BUNDLE = uuid4()
BUNDLED = READING._replace(badge_id=BUNDLE)
BUNDLED_RECORD = RECORD._replace(bundle_id=BUNDLE)


@pytest.mark.parametrize(
    ("clock", "state"),
    [
        (Clock.VALID, State.NOT_CONFIRMED),
        (Clock.NOT_YET_VALID, State.NOT_CONFIRMED),
        (Clock.TIMED_OUT, State.TIMED_OUT),
        (Clock.LONG_EXPIRED, State.NOT_CONFIRMED),
    ],
)
def test_after_a_sign_out_what_its_bundle_could_still_show_is_red(clock: Clock, state: State) -> None:
    answer = judge(BUNDLED._replace(clock=clock), BUNDLED_RECORD._replace(signed_out=True), at=NOON)
    assert (answer.state, answer.officer) == (state, None)


@pytest.mark.parametrize("clock", [Clock.VALID, Clock.NOT_YET_VALID])
@pytest.mark.parametrize(("seconds", "replaced"), [(-31, True), (-30, False), (0, False), (60, False)])
def test_what_a_replaced_bundle_had_not_shown_is_out_of_date(seconds: int, replaced: bool, clock: Clock) -> None:
    record = BUNDLED_RECORD._replace(replaced_at=NOON + timedelta(seconds=seconds))
    answer = judge(BUNDLED._replace(clock=clock), record, at=NOON)
    otherwise = State.GENUINE if clock is Clock.VALID else State.NOT_YET_VALID
    assert answer.state is (State.TIMED_OUT if replaced else otherwise)
    assert (answer.officer is None) == (replaced or clock is Clock.NOT_YET_VALID)


@pytest.mark.parametrize("reason", REFUSED)
def test_a_replaced_bundle_of_a_badge_that_was_taken_away_is_red(reason: str) -> None:
    taken = {"bundle_id": uuid4()} if reason == "unknown" else REFUSED[reason]
    record = BUNDLED_RECORD._replace(**{"replaced_at": NOON - timedelta(hours=1)} | taken)  # type: ignore[arg-type]
    assert judge(BUNDLED, record, at=NOON).state is State.NOT_CONFIRMED


def test_a_token_that_names_a_badge_is_not_answered_by_the_record_of_its_bundle() -> None:
    assert judge(READING, BUNDLED_RECORD, at=NOON).reason == "unknown"


def test_a_badge_with_no_row_is_red_though_we_signed_it() -> None:
    answer = judge(READING, None, at=NOON)
    assert (answer.state, answer.officer, answer.reason) == (State.NOT_CONFIRMED, None, "unknown")


def test_all_red_answers_differ_in_nothing_but_the_reason() -> None:
    answers = [
        *(judge(READING, RECORD._replace(**change), at=NOON) for change in REFUSED.values()),  # type: ignore[arg-type]
        judge(READING, None, at=NOON),
        judge(READING._replace(clock=Clock.LONG_EXPIRED), RECORD, at=NOON),
        verdict.not_confirmed("signature", NOON),
    ]
    assert {replace(answer, reason="") for answer in answers} == {verdict.not_confirmed("", NOON)}


@pytest.mark.parametrize(
    ("at", "state"),
    [
        # Summer time: the last day ends at 23:00 UTC. Winter time: at midnight.
        (datetime(2026, 6, 30, 22, 59, 59, tzinfo=UTC), State.GENUINE),
        (datetime(2026, 6, 30, 23, 0, tzinfo=UTC), State.NOT_CONFIRMED),
    ],
)
def test_a_contractor_works_to_the_end_of_the_contracts_last_day_in_london(at: datetime, state: State) -> None:
    assert judge(READING, RECORD._replace(contract_ends_on=date(2026, 6, 30)), at=at).state is state


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), State.GENUINE),
        (datetime(2026, 12, 1, 0, 0, tzinfo=UTC), State.NOT_CONFIRMED),
    ],
)
def test_the_same_in_winter(at: datetime, state: State) -> None:
    assert judge(READING, RECORD._replace(contract_ends_on=date(2026, 11, 30)), at=at).state is state


def test_a_suspension_that_is_lifted_leaves_the_badge_as_it_was() -> None:
    suspended = RECORD._replace(suspended=True)
    assert judge(READING, suspended, at=NOON).state is State.NOT_CONFIRMED
    assert judge(READING, suspended._replace(suspended=False), at=NOON).state is State.GENUINE


def test_a_phone_token_for_a_cards_row_is_red_and_the_other_way_round() -> None:
    assert judge(READING, CARD_RECORD, at=NOON).reason == "another-kind"
    assert judge(CARD_READING, RECORD, at=NOON).reason == "another-kind"


@pytest.mark.parametrize(
    "moved",
    [
        {"display_name": "Somebody Else"},
        {"company": "Another Company"},
        {"employment": Employment.EMPLOYEE, "company": None},
    ],
)
def test_a_card_moved_to_another_officer_is_red(moved: dict[str, object]) -> None:
    answer = judge(CARD_READING, CARD_RECORD._replace(**moved), at=NOON)  # type: ignore[arg-type]
    assert (answer.state, answer.reason) == (State.NOT_CONFIRMED, "printed-for-another")


def test_a_card_outlives_a_new_job_title_and_shows_it() -> None:
    answer = judge(CARD_READING, CARD_RECORD._replace(job_title="Senior surveyor"), at=NOON)
    assert answer.state is State.CARD_ONLY
    assert answer.officer is not None and answer.officer.job_title == "Senior surveyor"


def test_when_we_cannot_check_the_answer_is_grey_and_shows_nobody() -> None:
    answer = verdict.unavailable("database", NOON)
    assert (answer.state, answer.look, answer.officer) == (State.UNAVAILABLE, Look.GREY, None)


def test_green_needs_everything_to_be_right() -> None:
    """Every combination of every fact: one alone is green."""
    facts = itertools.product(
        Clock, BadgeKind, BadgeKind, (None, NOON), (True, False), (True, False), (True, False), (None, date.min)
    )
    green: list[tuple[object, ...]] = []
    for clock, signed, kept, revoked_at, suspended, active, on_duty, ends_on in facts:
        record = RECORD._replace(
            kind=kept,
            revoked_at=revoked_at,
            suspended=suspended,
            active=active,
            on_duty=on_duty,
            contract_ends_on=ends_on,
        )
        reading = (CARD_READING if signed is BadgeKind.CARD else READING)._replace(clock=clock)
        answer = judge(reading, record, at=NOON)
        if answer.look is Look.GREEN:
            green.append((clock, signed, kept, revoked_at, suspended, active, on_duty, ends_on))
        if answer.look is Look.RED:
            assert answer.officer is None
        if answer.officer and answer.officer.photo_id:
            assert on_duty and clock is Clock.VALID
    assert green == [(Clock.VALID, BadgeKind.PHONE, BadgeKind.PHONE, None, False, True, True, None)]


def test_every_state_has_one_of_the_four_looks() -> None:
    looks = {state: verdict.Verdict(state, NOON, "").look for state in State}
    assert [state for state, look in looks.items() if look is Look.GREEN] == [State.GENUINE]
    assert [state for state, look in looks.items() if look is Look.RED] == [State.NOT_CONFIRMED]
    assert [state for state, look in looks.items() if look is Look.GREY] == [State.UNAVAILABLE]
