"""Cards on sheets of A4: where they lie, what lies behind them, and the marks along which to cut."""

import io
from datetime import date
from typing import Any

import pypdf
import pypdfium2
import pytest
from PIL import Image

from id_badges.card_pdf import Paper, Size, draw
from id_badges.card_sides import Face
from models.officer import Employment
from tests import factories
from tests.cards import made, picture_of, scanned, with_photo
from tests.scanning import qr_codes
from tests.steps import problem

DOTS = 300 / 25.4
"""Pixels of a rendered page for each millimetre."""


def faces(count: int) -> list[Face]:
    """Cards that tell one from the next by their code and colour."""
    return [
        Face(
            display_name="Amina Yusuf",
            job_title="Housing officer",
            employment=Employment.EMPLOYEE,
            company=None,
            expires_on=date(2027, 11, 22),
            photo=picture_of(f"rgb({20 * number}, 0, 0)"),
            url=f"https://visits.example/b/{number:02}" + "x" * 400,
            code="00000-00000",
        )
        for number in range(count)
    ]


def rendered(content: bytes) -> list[Image.Image]:
    with pypdfium2.PdfDocument(content) as document:
        return [page.render(scale=300 / 72).to_pil().convert("RGB") for page in document]


def sheets(count: int, size: Size) -> list[Image.Image]:
    return rendered(draw(faces(count), size, Paper.A4, council="Harrow Council", phone="020 7946 0123"))


def codes(page: Image.Image) -> dict[int, tuple[float, float, float]]:
    """Which card's QR code lies where: left and top of its modules and its width, in millimetres."""
    found = {}
    for code in qr_codes(page.convert("L")):
        place = code.position
        number = int(code.text.rpartition("/b/")[2][:2])
        width = place.top_right.x - place.top_left.x
        found[number] = (place.top_left.x / DOTS, place.top_left.y / DOTS, width / DOTS)
    return found


def red_of(page: Image.Image, x: float, y: float) -> int:
    """How red the photo is at this place, in millimetres."""
    return int(page.getpixel((round(x * DOTS), round(y * DOTS)))[0])  # type: ignore[index]


def is_marked(page: Image.Image, x: float, y: float) -> bool:
    """Whether there is ink within half a millimetre of this place."""
    around = page.convert("L").crop(
        (round((x - 0.5) * DOTS), round((y - 0.5) * DOTS), round((x + 0.5) * DOTS), round((y + 0.5) * DOTS))
    )
    return bool(around.getextrema()[0] < 200)  # type: ignore[operator]


def test_four_large_cards_are_one_sheet_each_with_its_code_of_45_millimetres():
    first, second = sheets(5, Size.A6)
    assert [side / DOTS for side in first.size] == pytest.approx([210, 297], abs=0.2)
    found = codes(first)
    assert set(found) == {0, 1, 2, 3} and set(codes(second)) == {4}
    for number, (x, y, width) in found.items():
        down, across = divmod(number, 2)
        assert (x - 105 * across, y - 148.5 * down, width) == pytest.approx((54.9, 14.9, 45), abs=0.5)


def test_ten_small_cards_are_one_sheet_and_each_back_lies_behind_its_front():
    front, back, next_front, next_back = sheets(12, Size.CR80)
    found = codes(back)
    assert set(found) == set(range(10)) and set(codes(next_back)) == {10, 11}
    assert codes(front) == codes(next_front) == {}
    for number, (x, y, width) in found.items():
        assert width == pytest.approx(35, abs=0.5)
        middle_of_card = x - 3.4 + 85.6 / 2
        # Turned on the long edge, left and right change places.
        photo = red_of(front, 210 - middle_of_card - 85.6 / 2 + 20, y + 20)
        assert photo == pytest.approx(20 * number, abs=6)


def test_a_small_card_is_cut_along_marks_outside_of_the_cards():
    for page in sheets(10, Size.CR80):
        for x in (19.4, 105, 190.6):
            assert is_marked(page, x, 9) and is_marked(page, x, 288)
            # None reaches a card, nor the margin that a printer leaves white.
            assert not is_marked(page, x, 12.5) and not is_marked(page, x, 5.5)
        for y in (13.5, 67.5, 121.5, 175.5, 229.5, 283.5):
            assert is_marked(page, 15, y) and is_marked(page, 195, y)
        assert not is_marked(page, 15, 40)


def test_large_cards_fill_the_sheet_and_are_cut_along_marks_between_them():
    (page,) = sheets(4, Size.A6)
    for x, y in ((105, 7), (105, 290), (7, 148.5), (203, 148.5)):
        assert is_marked(page, x, y)
    assert not is_marked(page, 105, 20)


def test_a_sheet_is_printed_at_its_own_size_and_turned_on_the_long_edge():
    content = draw(faces(1), Size.CR80, Paper.A4, council="Harrow Council", phone="020 7946 0123")
    asked_for = pypdf.PdfReader(io.BytesIO(content)).viewer_preferences
    assert asked_for is not None
    assert (asked_for.print_scaling, asked_for.duplex) == ("/None", "/DuplexFlipLongEdge")


@pytest.mark.parametrize(("size", "pages"), [("a6", 1), ("cr80", 2)])
def test_a_team_is_printed_on_a_sheet_and_so_is_one_card(admin, scheduler, sign_in, size, pages):
    second = sign_in("admin")
    team = [with_photo(scheduler, factories.officer(display_name=name)) for name in ("Ana Lima", "Ben Okoro")]
    cards = [made(admin, second, officer) for officer in team]

    def on_a4(path: str) -> list[Any]:
        answer = admin.get(f"/v1/cards/{path}size={size}&paper=a4")
        assert (answer.status_code, answer.content_type) == (200, "application/pdf")
        drawn = rendered(answer.data)
        assert len(drawn) == pages
        assert [side / DOTS for side in drawn[0].size] == pytest.approx([210, 297], abs=0.2)
        return [code.text for code in qr_codes(drawn[-1].convert("L"))]

    urls = [scanned(admin, card) for card in cards]
    wanted = ",".join(card["id"] for card in cards)
    assert sorted(on_a4(f"print-run.pdf?card_ids={wanted}&")) == sorted(urls)
    assert on_a4(f"{cards[0]['id']}/card.pdf?") == [urls[0]]


def test_paper_that_we_do_not_know_is_refused(admin):
    answer = admin.get(f"/v1/cards/{factories.NOBODY}/card.pdf?paper=a3")
    assert "paper" in problem(answer, 422, "not-valid")["errors"]
