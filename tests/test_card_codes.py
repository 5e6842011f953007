"""The code printed on a card: it says what the card's QR code says, and a guess says nothing."""

import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text

from id_badges import card_code, short_code
from id_badges.keys import Purpose
from id_badges.rotation import compromise, rotate
from models import database
from models.badge import HANDLE_BITS, Badge, BadgeKind
from models.card import Card
from models.database import reading, transaction
from models.officer import Officer
from models.scan import Scan, ScanKind
from tests import factories, live
from tests.cards import JSON, checked, made, scanned, typed_code, with_photo
from tests.conftest import Client, StoppedClock
from tests.steps import MONDAY_9

HTML = {"Accept": "text/html"}


@pytest.fixture
def second(sign_in: Callable[..., Client]) -> Client:
    """The other admin."""
    return sign_in("admin")


@pytest.fixture
def card(admin: Client, second: Client, scheduler: Client, officer: Officer) -> dict[str, Any]:
    """An approved card of the officer."""
    return made(admin, second, with_photo(scheduler, officer))


@pytest.fixture
def code(admin: Client, card: dict[str, Any]) -> str:
    """What is printed on it."""
    return typed_code(admin, card)


def typed(stranger: Client, code: str) -> dict[str, Any]:
    return dict(stranger.client.post("/b", json={"code": code}, headers=JSON).json)


def page(stranger: Client, code: str) -> bytes:
    answer = stranger.client.post("/b", data={"code": code}, headers=HTML)
    assert answer.status_code == 200
    return bytes(answer.data)


def red_page(stranger: Client) -> bytes:
    return bytes(stranger.client.get("/b/x", headers=HTML).data)


def proof(app: Flask, of: dict[str, Any]) -> tuple[bytes, Card, Badge]:
    """What the code of this card is made from."""
    with reading() as session:
        found = session.scalars(select(Card).where(Card.id == UUID(of["id"]))).one()
        return app.extensions["keyring"].short_code_secret, found, session.get_one(Badge, found.badge_id)


def test_a_typed_code_answers_as_the_cards_qr_code_does(admin, card, code, stranger):
    scan = checked(stranger, scanned(admin, card))
    assert (scan["state"], scan["look"]) == ("card_only", "amber")
    answer = typed(stranger, code)
    for each in (scan, answer):
        # Each look at a photo has an address of its own.
        each["officer"].pop("photo_url")
    assert answer == scan
    assert b"This is only a card" in page(stranger, code)


def test_the_code_is_the_same_on_every_print_and_both_sizes_and_needs_no_minute(
    sign_in, card, code, stranger, stopped_clock: StoppedClock
):
    stopped_clock.advance(40 * 86_400)
    admin = sign_in("admin")
    assert [typed_code(admin, card, size) for size in ("a6", "cr80")] == [code, code]
    assert typed(stranger, code)["state"] == "card_only"


def test_it_may_be_typed_as_people_type(code, stranger):
    for spelled in (code.lower(), code.replace("-", ""), f" {code[:2]} {code[2:]} ", code.replace("0", "O")):
        assert typed(stranger, spelled)["state"] == "card_only"


def test_a_revoked_card_and_an_unknown_code_are_the_red_page_byte_for_byte(admin, card, code, stranger):
    assert admin.post(f"/v1/badges/{card['badge_id']}/revocation", {"reason": "Lost"}).status_code == 201
    unknown = short_code.short_code(secrets.token_bytes(32), uuid4(), short_code.parse(code).handle ^ 1, MONDAY_9)
    assert page(stranger, code) == page(stranger, unknown) == red_page(stranger)


def test_the_card_that_a_new_one_replaced_is_red_by_its_code_too(admin, second, officer, card, code, stranger):
    new = made(admin, second, officer)
    assert page(stranger, code) == red_page(stranger)
    assert typed(stranger, typed_code(admin, new))["state"] == "card_only"


@pytest.mark.parametrize("change", [{"display_name": "Ben Okoro"}, {"employment": "contractor"}])
def test_a_card_that_says_another_name_or_employer_is_red_by_its_code_as_by_its_qr(
    admin, scheduler, officer, card, code, stranger, change
):
    url = scanned(admin, card)
    if "employment" in change:
        change |= {"company": "Brightwater Repairs Ltd", "contract_ends_on": "2027-12-31"}
    assert scheduler.patch(f"/v1/officers/{officer.id}", change).status_code == 200
    assert (checked(stranger, url)["state"], typed(stranger, code)["state"]) == ("not_confirmed",) * 2


def test_a_card_moved_to_another_officer_is_red_by_its_code(card, code, stranger):
    other = factories.officer(display_name="Ben Okoro")
    with transaction() as session:
        session.scalars(select(Badge).where(Badge.kind == BadgeKind.CARD)).one().officer_id = other.id
    assert page(stranger, code) == red_page(stranger)


def test_a_suspended_officers_card_is_red_by_its_code_and_amber_again_afterwards(admin, officer, code, stranger):
    admin.post(f"/v1/officers/{officer.id}/suspension", {"reason": "Under review"})
    assert page(stranger, code) == red_page(stranger)
    admin.delete(f"/v1/officers/{officer.id}/suspension")
    assert typed(stranger, code)["state"] == "card_only"


def test_the_code_dies_with_the_card(card, code, stranger, stopped_clock: StoppedClock):
    last = datetime.combine(date.fromisoformat(card["expires_on"]), datetime.min.time(), UTC)
    stopped_clock.set(last + timedelta(hours=23, minutes=59))
    assert typed(stranger, code)["state"] == "card_only"
    stopped_clock.set(last + timedelta(hours=24, minutes=1))
    assert typed(stranger, code)["state"] == "not_confirmed"


def test_a_code_of_another_key_of_ours_or_another_card_is_worth_nothing(app, card, stranger):
    secret, of_card, badge = proof(app, card)
    of_card.kid = "AAAAAA"
    assert typed(stranger, card_code.card_code(secret, of_card, badge))["state"] == "not_confirmed"


def test_a_phones_code_is_no_cards_and_a_cards_no_phones(app, admin, card, officer, stranger, stopped_clock):
    """The kind of the badge decides which proof counts: the same handle never answers to both."""
    secret, of_card, of_badge = proof(app, card)
    phone = live.give_badge(officer, stopped_clock.now)
    minute = short_code.short_code(secret, of_badge.id, of_badge.handle, stopped_clock.now)
    assert typed(stranger, minute)["state"] == "not_confirmed"
    assert typed(stranger, card_code.card_code(secret, of_card, phone))["state"] == "not_confirmed"
    shown = short_code.short_code(secret, phone.id, phone.handle, stopped_clock.now)
    assert typed(stranger, shown)["state"] == "genuine"


def test_of_a_thousand_invented_codes_none_is_believed(code, stranger, stopped_clock):
    """Half of them begin as the card's own code does; every one has a right check character."""
    handle = short_code.parse(code).handle
    for number in range(1000):
        begins = handle if number % 2 else secrets.randbits(HANDLE_BITS)
        invented = short_code.short_code(secrets.token_bytes(32), uuid4(), begins, stopped_clock.now)
        if invented != code:
            assert typed(stranger, invented)["state"] == "not_confirmed"


def test_the_contact_centre_hears_that_it_is_a_card_and_asks_for_the_phone(scheduler, card, code):
    said = scheduler.post("/v1/badge-checks", {"short_code": code}).json
    assert (said["state"], said["look"], said["due"]) == ("card_only", "amber", None)
    assert said["officer"]["display_name"] == "Amina Yusuf"
    assert said["words"][0] == "This is the code of a printed card. A card can be lost or copied."


def test_a_typed_code_is_recorded_as_a_check_of_the_card(app, card, code, stranger, phone):
    typed(stranger, code)
    assert app.extensions["scan_log"].flush()
    with reading() as session:
        scan = session.scalars(select(Scan)).one()
    assert (scan.kind, scan.state, str(scan.badge_id)) == (ScanKind.CARD, "card_only", card["badge_id"])


def test_the_look_up_reads_an_index_and_never_every_card(app):
    database_engine = database.engine()
    with database_engine.connect() as connection:
        if database_engine.dialect.name == "sqlite":
            plan = connection.execute(text("EXPLAIN QUERY PLAN SELECT id FROM badges WHERE handle = 5")).all()
            assert "USING INDEX" in str(plan) or "USING COVERING INDEX" in str(plan)
        else:
            connection.execute(text("SET enable_seqscan = off"))
            assert "Index" in str(connection.execute(text("EXPLAIN SELECT id FROM badges WHERE handle = 5")).all())


class TestKeys:
    @pytest.fixture
    def environment(self, environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
        """Keys of this test alone."""
        return environment | {"KEYS_DIR": str(tmp_path / "keys")}

    def kid(self, app: Flask, card: dict[str, Any]) -> str:
        return str(proof(app, card)[1].kid)

    def test_a_compromised_key_makes_the_codes_of_its_cards_red_at_once(
        self, app, admin, second, officer, card, code, stranger, stopped_clock
    ):
        compromise(app.config["SETTINGS"].keys_dir, self.kid(app, card), stopped_clock.now)
        assert page(stranger, code) == red_page(stranger)
        assert typed(stranger, typed_code(admin, made(admin, second, officer)))["state"] == "card_only"

    def test_a_code_outlives_the_next_rotation_as_its_card_does(
        self, app, sign_in, card, code, stranger, stopped_clock
    ):
        rotate(app.config["SETTINGS"].keys_dir, [Purpose.CARD], stopped_clock.now)
        stopped_clock.advance(3 * 86_400)
        assert typed(stranger, code)["state"] == "card_only"
        admin = sign_in("admin")
        new = made(admin, sign_in("admin"), with_photo(admin, factories.officer()))
        assert self.kid(app, new) != self.kid(app, card)
        assert typed(stranger, typed_code(admin, new))["state"] == "card_only"

    def test_without_the_keys_nothing_is_said_of_a_card(self, app, code, stranger, tmp_path):
        registry = tmp_path / "keys" / "registry.json"
        registry.rename(registry.with_suffix(".away"))
        assert typed(stranger, code) | {"checked_at": ""} == {
            "state": "unavailable",
            "look": "grey",
            "checked_at": "",
        }
