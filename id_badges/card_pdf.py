"""The printed card as a PDF: A6 "at the protocol's large size", CR80 for a wallet, and many for a team."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import TTFFont

from id_badges import qr
from models.errors import Unprocessable
from models.officer import Employment

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = FONTS / "DejaVuSans.ttf", FONTS / "DejaVuSans-Bold.ttf"

QR_ON_A6 = 45.0
"""Millimetres of the code itself; its quiet zone comes on top."""
QR_ON_CR80 = 29.0
SMALLEST_ON_A6 = 14.0
"""Points: "everything 14 pt or more", for tired eyes at the door."""

LONGEST_FACE = 300
"""Bytes of UTF-8 of name, job title and company together: more would make the QR code too fine to scan."""

_LINE = 0.42
"""Millimetres of line for each point of type."""


class Size(StrEnum):
    """A6 hangs from the neck, CR80 is the size of a bank card."""

    A6 = "a6"
    CR80 = "cr80"


_MILLIMETRES = {Size.A6: (105.0, 148.0), Size.CR80: (85.6, 54.0)}


@dataclass(frozen=True, slots=True)
class Face:
    """All that is printed on one card. `url` is what its QR code holds."""

    display_name: str
    job_title: str
    employment: Employment
    company: str | None
    expires_on: date
    photo: bytes
    url: str

    def employer(self, council: str) -> str:
        """The words of the resident's page, so that card and page can be compared."""
        if self.employment is Employment.CONTRACTOR:
            return f"Contractor: {self.company}, working for {council}"
        return f"{council} employee"


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
    """A PDF with one card a page, each page as large as its card: what card printers take.

    Raises Unprocessable when the text does not fit an A6 card at 14 points.
    """
    width, height = _MILLIMETRES[size]
    with _document(width, height) as pdf:
        for face in faces:
            pdf.add_page()
            if size is Size.A6:
                _a6(pdf, face, council, phone)
            else:
                _cr80(pdf, face, council, phone)
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


def _a6(pdf: FPDF, face: Face, council: str, phone: str) -> None:
    _lines(pdf, council, x=5, y=4, width=95, points=18, bold=True)
    pdf.image(BytesIO(face.photo), x=4, y=14, w=46, h=54, keep_aspect_ratio=True, alt_text="Photo of the officer")
    _code(pdf, face.url, right=104, y=14, symbol=QR_ON_A6)
    y = _lines(pdf, face.display_name, x=5, y=70, width=95, points=18, bold=True)
    y = _lines(pdf, face.job_title, x=5, y=y, width=95)
    y = _lines(pdf, face.employer(council), x=5, y=y, width=95)
    y = _lines(pdf, f"Good until {_day(face.expires_on)}", x=5, y=y, width=95, bold=True)
    y = _lines(pdf, "You may ask me to wait outside while you ring.", x=5, y=y + 2, width=95)
    y = _lines(pdf, "Use the number on your council tax bill.", x=5, y=y, width=95)
    y = _lines(pdf, f"Council: {phone}", x=5, y=y, width=95, bold=True)
    if y > pdf.h:
        raise Unprocessable("display_name", "Name, job title and company are too long together for a card.")


def _cr80(pdf: FPDF, face: Face, council: str, phone: str) -> None:
    """What fits a bank card legibly: the sentences are left to the large card and the page."""
    _lines(pdf, council, x=3, y=2.5, width=45, points=9, bold=True)
    pdf.image(BytesIO(face.photo), x=3, y=8, w=20, h=25, keep_aspect_ratio=True, alt_text="Photo of the officer")
    _code(pdf, face.url, right=85, y=1, symbol=QR_ON_CR80)
    points = _fitting(pdf, face.display_name, width=79.6, points=11)
    y = _lines(pdf, face.display_name, x=3, y=36, width=79.6, points=points, bold=True)
    for text in (face.job_title, face.employer(council), f"Good until {_day(face.expires_on)}. Ring {phone}"):
        y = _lines(pdf, text, x=3, y=y, width=79.6, points=_fitting(pdf, text, width=79.6, points=7.5))


def _lines(
    pdf: FPDF, text: str, *, x: float, y: float, width: float, points: float = SMALLEST_ON_A6, bold: bool = False
) -> float:
    """Write `text` in as many lines as it takes; the answer is where the next one begins."""
    pdf.set_font("card", "B" if bold else "", points)
    pdf.set_xy(x, y)
    pdf.multi_cell(width, points * _LINE, text, align="L", new_x="LEFT", new_y="NEXT")
    return float(pdf.y)


def _fitting(pdf: FPDF, text: str, *, width: float, points: float) -> float:
    """The largest type up to `points` at which `text` is one line."""
    pdf.set_font("card", "B", points)
    return min(points, points * width / (pdf.get_string_width(text) + 0.5))


def _code(pdf: FPDF, url: str, *, right: float, y: float, symbol: float) -> None:
    """The QR code with `symbol` millimetres of modules, its white quiet zone around them."""
    modules = 17 + 4 * qr.version(url)
    whole = symbol * (modules + 2 * qr.QUIET_ZONE) / modules
    # Ten pixels for each module: a printer has no grey edges to guess at.
    picture = qr.png(url, 10 * (modules + 2 * qr.QUIET_ZONE))
    pdf.image(BytesIO(picture), x=right - whole, y=y, w=whole, h=whole, alt_text="QR code of the card")


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


@cache
def _letters() -> frozenset[int]:
    """What both fonts can show."""
    with _document(*_MILLIMETRES[Size.A6]) as pdf:
        return frozenset.intersection(*(frozenset(font.cmap) for font in _fonts(pdf)))
