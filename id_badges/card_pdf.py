"""The printed card as a PDF: A6 "at the protocol's large size", CR80 for a wallet, and many for a team."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import TTFFont

from id_badges.card_sides import Face, Side
from models.errors import Unprocessable

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = FONTS / "DejaVuSans.ttf", FONTS / "DejaVuSans-Bold.ttf"

LONGEST_FACE = 300
"""Bytes of UTF-8 of name, job title and company together: more would make the QR code too fine to scan."""


class Size(StrEnum):
    """A6 hangs from the neck, CR80 is the size of a bank card and printed on both sides."""

    A6 = "a6"
    CR80 = "cr80"


_MILLIMETRES = {Size.A6: (105.0, 148.0), Size.CR80: (85.6, 54.0)}


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


def draw(faces: Sequence[Face], size: Size, *, council: str, phone: str) -> bytes:
    """A PDF of pages as large as the card, as card printers take them: one for an A6 card, two for a CR80.

    Raises Unprocessable when the text does not fit an A6 card at 14 points.
    """
    width, height = _MILLIMETRES[size]
    with _document(width, height) as pdf:
        for face in faces:
            pdf.add_page()
            side = Side(pdf, 0, 0)
            if size is Size.A6:
                side.a6(face, council, phone)
            else:
                side.cr80_front(face, council)
                pdf.add_page()
                side.cr80_back(face, phone)
        return bytes(pdf.output())


@contextmanager
def _document(width: float, height: float) -> Iterator[FPDF]:
    """An empty document with our fonts, whose files are closed after it: the library leaves them open."""
    pdf = FPDF(unit="mm", format=(width, height))
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
    with _document(*_MILLIMETRES[Size.A6]) as pdf:
        return frozenset.intersection(*(frozenset(font.cmap) for font in _fonts(pdf)))
