"""Printed cards: two people make one, it says what was approved, and it ends in time."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pypdf
import pypdfium2
import pytest
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from models.badge import Badge, BadgeKind
from models.card import Card
from models.database import reading, transaction
from models.officer import Officer
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.scanning import qr_codes
from tests.steps import problem

JSON = {"Accept": "application/json"}


@pytest.fixture
def second(sign_in: Callable[..., Client]) -> Client:
    """The other admin."""
    return sign_in("admin")


@pytest.fixture
def photographed(scheduler: Client, officer: Officer) -> Officer:
    return with_photo(scheduler, officer)


def with_photo(client: Client, officer: Officer, colour: str = "#c68642") -> Officer:
    file = io.BytesIO()
    Image.new("RGB", (320, 400), colour).save(file, "JPEG")
    answer = client.client.put(
        f"/v1/officers/{officer.id}/photo",
        data=file.getvalue(),
        headers={"Authorization": f"Bearer {client.token}", "Content-Type": "image/jpeg"},
    )
    assert answer.status_code == 204
    return officer


def ask(client: Client, officer: Officer, **body: Any) -> Any:
    return client.post(f"/v1/officers/{officer.id}/cards", body)


def asked(client: Client, officer: Officer, **body: Any) -> dict[str, Any]:
    answer = ask(client, officer, **body)
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def made(first: Client, second: Client, officer: Officer, **body: Any) -> dict[str, Any]:
    answer = second.post(f"/v1/cards/{asked(first, officer, **body)['id']}/approval")
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def scanned(client: Client, card: dict[str, Any]) -> str:
    """The address in the card's QR code."""
    answer = client.get(f"/v1/cards/{card['id']}/qr.png")
    assert answer.status_code == 200
    return decoded(Image.open(io.BytesIO(answer.data)).convert("L"))


def decoded(image: Image.Image) -> str:
    (found,) = qr_codes(image)
    assert found.ec_level == "M"
    return str(found.text)


def checked(stranger: Client, url: str) -> dict[str, Any]:
    return dict(stranger.get(url.removeprefix("http://127.0.0.1:8000"), **JSON).json)


def pdf(client: Client, card: dict[str, Any], size: str) -> bytes:
    answer = client.get(f"/v1/cards/{card['id']}/card.pdf?size={size}")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    return bytes(answer.data)


def test_a_card_asked_by_one_and_approved_by_another_is_a_card_at_the_door(admin, second, photographed, stranger):
    card = made(admin, second, photographed)
    answer = checked(stranger, scanned(admin, card))
    assert (answer["state"], answer["look"]) == ("card_only", "amber")
    assert answer["officer"]["display_name"] == "Amina Yusuf"
    assert admin.get(f"/v1/cards/{card['id']}").json == card


def test_whoever_asked_for_a_card_does_not_approve_it(admin, second, photographed):
    card = asked(admin, photographed)
    problem(admin.post(f"/v1/cards/{card['id']}/approval"), 403, "second-person")
    assert second.post(f"/v1/cards/{card['id']}/approval").status_code == 201
    problem(second.post(f"/v1/cards/{card['id']}/approval"), 409, "card-state")


def test_the_database_itself_refuses_a_card_that_one_person_made(admin, second, photographed):
    made(admin, second, photographed)
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(text("UPDATE cards SET decided_by_id = requested_by_id"))


def test_before_approval_there_is_no_badge_code_or_print(admin, second, photographed):
    card = asked(admin, photographed)
    for part in ("qr.svg", "qr.png", "card.pdf"):
        problem(second.get(f"/v1/cards/{card['id']}/{part}"), 409, "card-state")
    problem(second.get(f"/v1/cards/print-run.pdf?card_ids={card['id']}"), 409, "card-state")
    with reading() as session:
        assert session.scalars(select(Badge).where(Badge.kind == BadgeKind.CARD)).all() == []


def test_a_refused_card_stays_refused_and_says_why(admin, second, photographed):
    card = asked(admin, photographed)
    refused = second.post(f"/v1/cards/{card['id']}/refusal", {"reason": "Not the same face"}).json
    assert (refused["status"], refused["refused_reason"]) == ("refused", "Not the same face")
    problem(second.post(f"/v1/cards/{card['id']}/approval"), 409, "card-state")
    assert asked(admin, photographed)["status"] == "requested"


def test_a_card_needs_a_photo_and_says_so(admin, officer):
    assert "photo" in problem(ask(admin, officer), 422, "not-valid")["errors"]


def test_one_card_of_an_officer_waits_at_a_time(admin, second, photographed):
    asked(admin, photographed)
    problem(ask(second, photographed), 409, "already-taken")


def test_a_photo_slipped_in_between_is_not_approved(admin, second, scheduler, photographed):
    card = asked(admin, photographed)
    with_photo(scheduler, photographed, "#ffffff")
    problem(second.post(f"/v1/cards/{card['id']}/approval"), 409, "card-state")


def test_a_card_printed_again_is_the_same_card(admin, second, photographed, stopped_clock: StoppedClock):
    card = made(admin, second, photographed)
    before = scanned(admin, card)
    stopped_clock.advance(600)
    assert scanned(second, card) == before


def test_a_new_card_revokes_the_old_one_when_it_is_approved(admin, second, photographed, stranger):
    old = scanned(admin, made(admin, second, photographed))
    new = asked(admin, photographed)
    assert checked(stranger, old)["state"] == "card_only"
    second.post(f"/v1/cards/{new['id']}/approval")
    assert checked(stranger, old)["state"] == "not_confirmed"
    assert checked(stranger, scanned(admin, new))["state"] == "card_only"


def test_a_revoked_card_is_red_and_is_not_printed_again(admin, second, photographed, stranger):
    card = made(admin, second, photographed)
    url = scanned(admin, card)
    assert admin.post(f"/v1/badges/{card['badge_id']}/revocation", {"reason": "Lost"}).status_code == 201
    assert checked(stranger, url)["state"] == "not_confirmed"
    problem(admin.get(f"/v1/cards/{card['id']}/card.pdf"), 409, "card-state")


def test_a_card_moved_to_another_officer_is_red(admin, second, photographed, stranger):
    card = made(admin, second, photographed)
    url = scanned(admin, card)
    other = factories.officer(display_name="Ben Okoro")
    with transaction() as session:
        badge = session.scalars(select(Badge).where(Badge.kind == BadgeKind.CARD)).one()
        badge.officer_id = other.id
    assert checked(stranger, url)["state"] == "not_confirmed"


@pytest.mark.parametrize(
    ("expires_on", "taken"),
    [("2026-11-22", False), ("2026-11-23", True), ("2027-03-31", True), ("2027-04-01", False)],
)
def test_a_card_ends_with_the_contract_at_the_latest(admin, scheduler, expires_on, taken):
    contractor = factories.officer(company="Brightwater Repairs Ltd", contract_ends_on=date(2027, 3, 31))
    answer = ask(admin, with_photo(scheduler, contractor), expires_on=expires_on)
    assert answer.status_code == (201 if taken else 422)


def test_a_contract_cut_short_before_the_approval_cuts_the_card_short(admin, second, scheduler):
    contractor = with_photo(
        scheduler, factories.officer(company="Brightwater", contract_ends_on=date(2027, 3, 31))
    )
    card = asked(admin, contractor)
    scheduler.patch(f"/v1/officers/{contractor.id}", {"contract_ends_on": "2026-12-31"})
    approved = second.post(f"/v1/cards/{card['id']}/approval").json
    assert (card["expires_on"], approved["expires_on"]) == ("2027-03-31", "2026-12-31")


def test_an_employees_card_is_good_for_twelve_months(admin, second, photographed, stranger, stopped_clock):
    card = made(admin, second, photographed)
    limit = date(2027, 11, 22)
    # The key of the tests may have been made on an earlier day: it is then the key that ends first.
    assert date.fromisoformat(card["expires_on"]) <= limit
    url = scanned(admin, card)
    last = datetime.combine(date.fromisoformat(card["expires_on"]), datetime.min.time(), UTC)
    stopped_clock.set(last + timedelta(hours=23, minutes=59))
    assert checked(stranger, url)["state"] == "card_only"
    stopped_clock.set(last + timedelta(hours=25))
    assert checked(stranger, url)["state"] == "not_confirmed"


def test_a_suspended_officer_gets_no_card(admin, second, photographed):
    card = asked(admin, photographed)
    admin.post(f"/v1/officers/{photographed.id}/suspension", {"reason": "Under review"})
    problem(second.post(f"/v1/cards/{card['id']}/approval"), 409, "officer-unavailable")


def test_the_lists_are_by_officer_and_by_status_and_paged(admin, second, scheduler, photographed):
    other = with_photo(scheduler, factories.officer(display_name="Ben Okoro"))
    first, waiting = made(admin, second, photographed), asked(admin, other)
    assert [c["id"] for c in admin.get("/v1/cards?status=requested").json["items"]] == [waiting["id"]]
    mine = admin.get(f"/v1/officers/{photographed.id}/cards").json["items"]
    assert [c["id"] for c in mine] == [first["id"]]
    page = admin.get("/v1/cards?limit=1").json
    rest = admin.get(f"/v1/cards?limit=1&cursor={page['next_cursor']}").json
    assert {c["id"] for c in page["items"] + rest["items"]} == {first["id"], waiting["id"]}
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("name", ["Łukasz Wójcik", "Nguyễn Thị Minh", "Siân Pryce-Jones"])
@pytest.mark.parametrize(("size", "millimetres"), [("a6", (105, 148)), ("cr80", (85.6, 54))])
def test_the_pdf_has_its_size_its_words_and_a_code_that_scans(admin, second, scheduler, name, size, millimetres):
    contractor = factories.officer(display_name=name, company="Brightwater Repairs Ltd")
    card = made(admin, second, with_photo(scheduler, contractor))
    content = pdf(admin, card, size)
    (page,) = pypdf.PdfReader(io.BytesIO(content)).pages
    found = (float(page.mediabox.width) / 72 * 25.4, float(page.mediabox.height) / 72 * 25.4)
    assert found == pytest.approx(millimetres, abs=0.1)
    words = " ".join(page.extract_text().split())
    for said in (name, "Housing officer", "Contractor: Brightwater Repairs Ltd, working for", "020 7946 0123"):
        assert said in words
    with pypdfium2.PdfDocument(content) as document:
        picture = document[0].render(scale=300 / 72).to_pil().convert("L")
    assert decoded(picture) == scanned(admin, card)


def test_nothing_on_the_large_card_is_smaller_than_14_points(admin, second, photographed):
    (page,) = pypdf.PdfReader(io.BytesIO(pdf(admin, made(admin, second, photographed), "a6"))).pages
    sizes: list[float] = []
    page.extract_text(
        visitor_text=lambda said, _cm, _tm, _font, size: sizes.append(size) if said.strip() else None
    )
    assert sizes and min(sizes) >= 14
    words = " ".join(page.extract_text().split())
    assert "You may ask me to wait outside while you ring." in words
    assert "Use the number on your council tax bill." in words


def test_a_print_run_has_a_page_for_each_card(admin, second, scheduler):
    team = [with_photo(scheduler, factories.officer(display_name=name)) for name in ("Ana Lima", "Ben Okoro")]
    cards = [made(admin, second, officer) for officer in team]
    wanted = ",".join(card["id"] for card in cards)
    content = admin.get(f"/v1/cards/print-run.pdf?card_ids={wanted}").data
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert ["Ana Lima" in pages[0].extract_text(), "Ben Okoro" in pages[1].extract_text()] == [True, True]


@pytest.mark.parametrize("name", ["李小龍", "A\u200dB"])
def test_a_name_the_font_cannot_show_is_refused_when_the_card_is_asked_for(admin, scheduler, name):
    answer = ask(admin, with_photo(scheduler, factories.officer(display_name=name)))
    assert "display_name" in problem(answer, 422, "not-valid")["errors"]


def test_more_text_than_a_card_holds_is_refused_when_it_is_asked_for(admin, scheduler):
    long = factories.officer(display_name="N" * 80, job_title="R" * 80, company="O" * 80)
    problem(ask(admin, with_photo(scheduler, long)), 422, "not-valid")


def test_a_card_whose_key_signs_no_more_is_good_and_is_not_printed_again(
    app, admin, second, photographed, stranger, stopped_clock: StoppedClock
):
    card = made(admin, second, photographed)
    address = scanned(admin, card)
    with reading() as session:
        kid = session.scalars(select(Card.kid)).one()
    pem = app.config["SETTINGS"].keys_dir / f"{kid}.pem"
    away = pem.rename(pem.with_suffix(".away"))
    app.extensions["keyring"]._private.clear()
    try:
        problem(admin.get(f"/v1/cards/{card['id']}/card.pdf"), 409, "card-state")
        # None can be asked for either, and that is nobody's mistake.
        problem(ask(admin, photographed), 503)
    finally:
        away.rename(pem)
    assert checked(stranger, address)["state"] == "card_only"
