"""The printed card as a PDF: A6 "at the protocol's large size", CR80 for a wallet, and many for a team."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import Duplex
from fpdf.fonts import TTFFont
from fpdf.prefs import ViewerPreferences

from id_badges.card_sides import Face, Side
from models.errors import Unprocessable

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = FONTS / "DejaVuSans.ttf", FONTS / "DejaVuSans-Bold.ttf"

LONGEST_FACE = 300
"""Bytes of UTF-8 of name, job title and company together: more would make the QR code too fine to scan."""


HAIRLINE = 0.1
"""Millimetres."""


class Size(StrEnum):
    """A6 hangs from the neck, CR80 is the size of a bank card and printed on both sides."""

    A6 = "a6"
    CR80 = "cr80"


class Paper(StrEnum):
    """What is in the printer: cards, or sheets of A4 to cut."""

    CARD = "card"
    A4 = "a4"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where cards lie on a page, in millimetres: in `columns` and `rows` side by side, so that one cut parts two.

    A crop mark begins and ends so far outside of the block of cards (`marks`). Four A6 cards are a whole A4 sheet
    and leave no outside: there the marks lie on the cuts themselves, and are cut away with them.
    """

    page: tuple[float, float]
    card: tuple[float, float]
    columns: int = 1
    rows: int = 1
    marks: tuple[float, float] | None = None

    @property
    def corner(self) -> tuple[float, float]:
        """Where the block of cards begins: in the middle of the page, so that back and front lie on each other."""
        (width, height), (card_width, card_height) = self.page, self.card
        return (width - self.columns * card_width) / 2, (height - self.rows * card_height) / 2

    def place(self, number: int, *, turned: bool) -> tuple[float, float]:
        """The upper left corner of a page's card `number`, from 0. `turned`: seen from the back of the sheet."""
        row, column = divmod(number, self.columns)
        if turned:
            column = self.columns - 1 - column
        left, top = self.corner
        return left + column * self.card[0], top + row * self.card[1]

    def crop_marks(self) -> list[tuple[float, float, float, float]]:
        """The lines along which to cut: from x, y to x, y."""
        if self.marks is None:
            return []
        begins, ends = self.marks
        (width, height), (left, top) = self.page, self.corner
        cuts_down = [left + column * self.card[0] for column in range(self.columns + 1)]
        cuts_across = [top + row * self.card[1] for row in range(self.rows + 1)]
        lines = []
        for x in (x for x in cuts_down if 0 < x < width):
            lines += [(x, top - ends, x, top - begins), (x, height - top + begins, x, height - top + ends)]
        for y in (y for y in cuts_across if 0 < y < height):
            lines += [(left - ends, y, left - begins, y), (width - left + begins, y, width - left + ends, y)]
        return lines


_A4 = (210.0, 297.0)
_LAYOUTS = {
    (Size.A6, Paper.CARD): Layout(page=(105, 148), card=(105, 148)),
    (Size.CR80, Paper.CARD): Layout(page=(85.6, 54), card=(85.6, 54)),
    (Size.A6, Paper.A4): Layout(page=_A4, card=(105, 148.5), columns=2, rows=2, marks=(-10, 0)),
    (Size.CR80, Paper.A4): Layout(page=_A4, card=(85.6, 54), columns=2, rows=5, marks=(2, 7)),
}
_SIDES = {Size.A6: (Side.a6,), Size.CR80: (Side.cr80_front, Side.cr80_back)}


def refuse_unless_printable(face: Face, council: str) -> None:
    """Raises Unprocessable, naming the field, for a letter our fonts lack or more text than a card holds.

    Asked when the card is asked for: nobody learns at the printer that a name comes out as empty boxes.
    """
    letters = _letters()
    for field in ("display_name", "job_title", "company"):
        text = getattr(face, field) or ""
        lacking = sorted({c for c in text if ord(c) not in letters or not c.isprintable()})
        if lacking:
            raise Unprocessable(field, f"A card cannot show {' '.join(lacking)}. Spell it in other letters.")
    words = f"{face.display_name}{face.job_title}{face.company or ''}"
    if len(words.encode()) > LONGEST_FACE:
        raise Unprocessable("display_name", "Name, job title and company are too long together for a card.")
    draw([face], Size.A6, council=council, phone="020 7946 0123")


def draw(faces: Sequence[Face], size: Size, paper: Paper = Paper.CARD, *, council: str, phone: str) -> bytes:
    """A PDF of these cards, to print at its own size: on cards, or four A6 or ten CR80 cards to a sheet of A4.

    The back of a CR80 card is on the page after its front, for a printer that turns the paper on its long edge.
    Raises Unprocessable when the text does not fit an A6 card at 14 points.
    """
    layout, sides = _LAYOUTS[size, paper], _SIDES[size]
    together = layout.columns * layout.rows
    with _document(layout.page, both_sides=len(sides) > 1) as pdf:
        for begins in range(0, len(faces), together):
            for turned, draw_side in enumerate(sides):
                pdf.add_page()
                for number, face in enumerate(faces[begins : begins + together]):
                    draw_side(Side(pdf, *layout.place(number, turned=bool(turned)), council, phone), face)
                for line in layout.crop_marks():
                    pdf.line(*line)
        return bytes(pdf.output())


@contextmanager
def _document(page: tuple[float, float], *, both_sides: bool = False) -> Iterator[FPDF]:
    """An empty document with our fonts, whose files are closed after it: the library leaves them open."""
    pdf = FPDF(unit="mm", format=page)
    # A card that the printer fits to its page would be too small, its QR code and letters with it.
    pdf.viewer_preferences = ViewerPreferences(
        print_scaling="None", duplex=Duplex.DUPLEX_FLIP_LONG_EDGE if both_sides else None
    )
    pdf.set_line_width(HAIRLINE)
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_title("Identity card")
    pdf.set_lang("en-GB")
    pdf.add_font("card", "", REGULAR)
    pdf.add_font("card", "B", BOLD)
    try:
        yield pdf
    finally:
        for font in _fonts(pdf):
            font.ttfont.close()


def _fonts(pdf: FPDF) -> list[TTFFont]:
    return [font for font in pdf.fonts.values() if isinstance(font, TTFFont)]


@cache
def _letters() -> frozenset[int]:
    """What both fonts can show."""
    with _document(_A4) as pdf:
        return frozenset.intersection(*(frozenset(font.cmap) for font in _fonts(pdf)))
