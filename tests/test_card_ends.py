"""When a card ends: with its contract, whatever is printed on it, and with the next card."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from models.badge import Badge, BadgeKind, CardStatus, card_statuses
from models.database import looking, reading
from models.officer import Officer
from tests import factories
from tests.cards import JSON, asked, checked, made, scanned, typed_code, with_photo
from tests.conftest import Client, StoppedClock
from tests.steps import problem

HTML = {"Accept": "text/html"}
LAST_MINUTE = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
"""Of the contract that was cut short."""


@pytest.fixture
def second(sign_in: Callable[..., Client]) -> Client:
    """The other admin."""
    return sign_in("admin")


@pytest.fixture
def contractor(app: Flask, scheduler: Client) -> Officer:
    """Somebody whose contract ends on 31 March."""
    return with_photo(scheduler, factories.officer(company="Brightwater", contract_ends_on=date(2027, 3, 31)))


@pytest.fixture
def card(admin: Client, second: Client, contractor: Officer) -> dict[str, Any]:
    """A card that is as long as the contract."""
    card = made(admin, second, contractor)
    assert card["expires_on"] == "2027-03-31"
    return card


@pytest.fixture
def said(admin: Client, card: dict[str, Any], stranger: Client) -> Callable[[], set[str]]:
    """What a resident is told of the card now, whether they scan it or type its code."""
    url, code = scanned(admin, card), typed_code(admin, card)

    def ask() -> set[str]:
        typed = stranger.client.post("/b", json={"code": code}, headers=JSON).json
        return {checked(stranger, url)["state"], typed["state"]}

    return ask


def end_contract(scheduler: Client, contractor: Officer, on: str) -> None:
    answer = scheduler.patch(f"/v1/officers/{contractor.id}", {"contract_ends_on": on})
    assert answer.status_code == 200, answer.json


def status_of(card: dict[str, Any], at: datetime) -> CardStatus:
    """What the published list says of the card, for whoever checks with no connection."""
    with reading() as session:
        place = session.scalars(select(Badge.status_index).where(Badge.kind == BadgeKind.CARD)).one()
    assert place is not None
    return dict(card_statuses(looking(), at)).get(place, CardStatus.VALID)


def test_a_card_is_red_after_the_last_day_of_a_contract_cut_short_whatever_it_says_itself(
    scheduler, contractor, card, said, stopped_clock: StoppedClock
):
    end_contract(scheduler, contractor, "2026-12-31")
    assert said() == {"card_only"}
    stopped_clock.set(LAST_MINUTE)
    assert (said(), status_of(card, LAST_MINUTE)) == ({"card_only"}, CardStatus.VALID)
    stopped_clock.advance(60)
    assert (said(), status_of(card, stopped_clock.now)) == ({"not_confirmed"}, CardStatus.INVALID)


def test_a_contract_that_ended_yesterday_makes_the_card_red_at_the_next_check(
    admin, scheduler, contractor, card, said, stranger, stopped_clock: StoppedClock
):
    url = scanned(admin, card)
    assert said() == {"card_only"}
    end_contract(scheduler, contractor, "2026-11-22")
    assert said() == {"not_confirmed"}
    path = url.removeprefix("http://127.0.0.1:8000")
    assert stranger.get(path, **HTML).data == stranger.get("/b/x", **HTML).data


def test_a_longer_contract_makes_no_card_longer(scheduler, contractor, card, said, stopped_clock: StoppedClock):
    end_contract(scheduler, contractor, "2027-10-31")
    # From the last Sunday of March on, midnight in London is 23:00 in UTC.
    stopped_clock.set(datetime(2027, 3, 31, 22, 59, tzinfo=UTC))
    assert said() == {"card_only"}
    stopped_clock.advance(60)
    assert said() == {"not_confirmed"}


def test_a_card_that_says_more_than_the_contract_is_not_printed_again(admin, scheduler, contractor, card):
    end_contract(scheduler, contractor, "2026-12-31")
    for part in ("card.pdf", "qr.svg", "qr.png"):
        problem(admin.get(f"/v1/cards/{card['id']}/{part}"), 409, "card-state")
    problem(admin.get(f"/v1/cards/print-run.pdf?card_ids={card['id']}"), 409, "card-state")
    end_contract(scheduler, contractor, "2027-03-31")
    assert admin.get(f"/v1/cards/{card['id']}/card.pdf").status_code == 200


def test_no_card_is_printed_of_somebody_who_is_suspended(admin, contractor, card):
    admin.post(f"/v1/officers/{contractor.id}/suspension", {"reason": "Under review"})
    problem(admin.get(f"/v1/cards/{card['id']}/card.pdf"), 409, "card-state")


def test_the_card_after_a_contract_was_cut_short_ends_with_it_and_replaces_the_old(
    admin, second, scheduler, contractor, card, said
):
    end_contract(scheduler, contractor, "2026-12-31")
    new = asked(admin, contractor)
    assert (new["expires_on"], said()) == ("2026-12-31", {"card_only"})
    assert second.post(f"/v1/cards/{new['id']}/approval").status_code == 201
    assert said() == {"not_confirmed"}


def test_of_all_the_cards_an_officer_ever_had_the_newest_alone_is_good(
    admin, second, contractor, card, stranger, phone, officer
):
    cards, urls = [card], [scanned(admin, card)]
    for _ in range(3):
        cards.append(made(admin, second, contractor))
        urls.append(scanned(admin, cards[-1]))
    assert [checked(stranger, url)["state"] for url in urls] == [*["not_confirmed"] * 3, "card_only"]
    with reading() as session:
        badges = session.scalars(select(Badge).where(Badge.kind == BadgeKind.CARD).order_by(Badge.id)).all()
    revoked = [badge for badge in badges if badge.revoked_at is not None]
    assert {str(badge.id) for badge in revoked} == {each["badge_id"] for each in cards[:-1]}
    assert {badge.revoked_reason for badge in revoked} == {"Replaced by a new card."}
    assert len({badge.handle for badge in badges}) == len({badge.status_index for badge in badges}) == 4


def test_a_new_card_takes_no_other_officers_card_and_no_phones_badge(
    admin, second, scheduler, card, said, sign_in
):
    other = with_photo(scheduler, factories.officer())
    phone = sign_in("officer", other)
    first = made(admin, second, other)
    assert phone.get("/v1/me/badge").status_code == 200
    assert made(admin, second, other)["id"] != first["id"]
    assert phone.get("/v1/me/badge").status_code == 200
    assert said() == {"card_only"}
