"""Printed cards: two people make one, it says what was approved, and it ends in time."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pypdf
import pypdfium2
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from id_badges.card_pdf import Size, draw
from id_badges.card_sides import Face
from models.badge import Badge, BadgeKind
from models.card import Card
from models.database import reading, transaction
from models.officer import Employment, Officer
from tests import factories
from tests.cards import ask, asked, checked, decoded, made, pdf, picture_of, scanned, with_photo
from tests.conftest import Client, StoppedClock
from tests.scanning import qr_codes
from tests.steps import problem


@pytest.fixture
def second(sign_in: Callable[..., Client]) -> Client:
    """The other admin."""
    return sign_in("admin")


@pytest.fixture
def photographed(scheduler: Client, officer: Officer) -> Officer:
    return with_photo(scheduler, officer)


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
@pytest.mark.parametrize(("size", "millimetres", "sides"), [("a6", (105, 148), 1), ("cr80", (85.6, 54), 2)])
def test_the_pdf_has_its_size_its_words_and_a_code_that_scans(
    admin, second, scheduler, name, size, millimetres, sides
):
    contractor = factories.officer(display_name=name, company="Brightwater Repairs Ltd")
    card = made(admin, second, with_photo(scheduler, contractor))
    content = pdf(admin, card, size)
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert len(pages) == sides
    for page in pages:
        found = (float(page.mediabox.width) / 72 * 25.4, float(page.mediabox.height) / 72 * 25.4)
        assert found == pytest.approx(millimetres, abs=0.1)
    words = " ".join(" ".join(page.extract_text() for page in pages).split())
    for said in (
        name,
        "Housing officer",
        "Contractor: Brightwater Repairs Ltd, working for",
        "You may ask me to wait outside while you ring.",
        "020 7946 0123",
        "Good until",
    ):
        assert said in words
    with pypdfium2.PdfDocument(content) as document:
        picture = document[sides - 1].render(scale=300 / 72).to_pil().convert("L")
    assert decoded(picture) == scanned(admin, card)


@pytest.mark.parametrize(("size", "millimetres"), [("a6", 45), ("cr80", 35)])
def test_the_qr_code_is_as_large_as_it_is_said_to_be(admin, second, photographed, size, millimetres):
    content = pdf(admin, made(admin, second, photographed), size)
    with pypdfium2.PdfDocument(content) as document:
        picture = document[len(document) - 1].render(scale=300 / 72).to_pil().convert("L")
    (code,) = qr_codes(picture)
    left, right = code.position.top_left.x, code.position.top_right.x
    assert (right - left) / 300 * 25.4 == pytest.approx(millimetres, abs=0.5)


@pytest.mark.parametrize("size", ["a6", "cr80"])
def test_nothing_on_a_card_is_smaller_than_14_points(admin, second, photographed, size):
    content = pdf(admin, made(admin, second, photographed), size)
    sizes: list[float] = []
    for page in pypdf.PdfReader(io.BytesIO(content)).pages:
        page.extract_text(
            visitor_text=lambda said, _cm, _tm, _font, size: sizes.append(size) if said.strip() else None
        )
    assert sizes and min(sizes) >= 14


def test_the_large_card_sends_people_to_a_number_they_know(admin, second, photographed):
    (page,) = pypdf.PdfReader(io.BytesIO(pdf(admin, made(admin, second, photographed), "a6"))).pages
    words = " ".join(page.extract_text().split())
    assert "Use the number on your council tax bill." in words
    assert "No camera? Read the code to us." in words


@pytest.mark.parametrize(
    ("name", "job_title", "company"),
    [
        ("Wolfeschlegelsteinhausenbergerdorff Featherstonehaugh", "Inspector", None),
        ("N" * 80, "R" * 20, None),
        ("A. B. C. D. " * 6, "Environmental health and housing standards officer", "Weald"),
    ],
)
def test_long_words_are_set_smaller_on_the_small_card_and_never_run_off_it(name, job_title, company):
    face = Face(
        display_name=name,
        job_title=job_title,
        employment=Employment.CONTRACTOR if company else Employment.EMPLOYEE,
        company=company,
        expires_on=date(2027, 11, 22),
        photo=picture_of("navy"),
        url="https://visits.harrow.gov.uk/b/" + "x" * 400,
        code="00000-00000",
    )
    content = draw([face], Size.CR80, council="Harrow Council", phone="+44 20 7946 0123 extension 45")
    with pypdfium2.PdfDocument(content) as document:
        for page in document:
            picture = page.render(scale=300 / 72).to_pil().convert("L")
            inside = picture.crop((12, 12, picture.width - 12, picture.height - 12))
            edge = picture.copy()
            edge.paste(255, (12, 12, 12 + inside.width, 12 + inside.height))
            assert edge.getextrema() == (255, 255), "something is printed within a millimetre of the edge"


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
