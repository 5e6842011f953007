"""What is drawn on the sides of a printed card, wherever on a page the card lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import cast

from fpdf import FPDF

from id_badges import qr
from models.errors import Unprocessable
from models.officer import Employment

QR_ON_A6 = 45.0
"""Millimetres of the code itself; its quiet zone comes on top."""
QR_ON_CR80 = 35.0
SMALLEST = 14.0
"""Points: "14 pt and over", for tired eyes at the door."""

_LINE = 0.42
"""Millimetres of line for each point of type."""
_ASK_ME = "You may ask me to wait outside while you ring."


@dataclass(frozen=True, slots=True)
class Face:
    """All that is printed on one card. `url` is what its QR code holds, `code` is for people without a camera."""

    display_name: str
    job_title: str
    employment: Employment
    company: str | None
    expires_on: date
    photo: bytes
    url: str
    code: str

    def employer(self, council: str) -> str:
        """The words of the resident's page, so that card and page can be compared."""
        if self.employment is Employment.CONTRACTOR:
            return f"Contractor: {self.company}, working for {council}"
        return f"{council} employee"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a card whose upper left corner is at `left`, `top` of the page. All is in millimetres."""

    pdf: FPDF
    left: float
    top: float
    council: str
    phone: str

    def a6(self, face: Face) -> None:
        """The large card, on one side. Raises Unprocessable when its text does not fit at 14 points."""
        self.lines(self.council, x=5, y=5, width=95, points=18, bold=True)
        self.photo(face.photo, x=5, y=14, width=43.2, height=54)
        self.code(face.url, x=53, y=13, symbol=QR_ON_A6)
        self.lines(face.code, x=53, y=62, width=47, bold=True, align="C")
        y = self.lines(face.display_name, x=5, y=70, width=95, points=18, bold=True)
        y = self.lines(face.job_title, x=5, y=y, width=95)
        y = self.lines(face.employer(self.council), x=5, y=y, width=95)
        y = self.lines(_good_until(face), x=5, y=y, width=95, bold=True)
        y = self.lines(f"{_ASK_ME} Use the number on your council tax bill.", x=5, y=y + 2, width=95)
        y = self.lines("No camera? Read the code to us.", x=5, y=y, width=95)
        y = self.lines(f"Council: {self.phone}", x=5, y=y, width=95, bold=True)
        if y > 148:
            raise Unprocessable("display_name", "Name, job title and company are too long together for a card.")

    def cr80_front(self, face: Face) -> None:
        """Who it is: a photo as high as the card, and the words beside it, smaller only where they are long."""
        self.photo(face.photo, x=3, y=3, width=38.4, height=48)
        said = ((face.display_name, True), (face.job_title, False), (face.employer(self.council), False))
        points = SMALLEST
        while self._height(said, points, width=39.5) > 49:
            points -= 0.5
        y = 2.5
        for text, bold in said:
            y = self.lines(text, x=43, y=y, width=39.5, points=self._points(text, points, bold, 39.5), bold=bold)

    def cr80_back(self, face: Face) -> None:
        """How to check it: the codes, the telephone, and what the resident may ask."""
        self.code(face.url, x=2, y=1.5, symbol=QR_ON_CR80)
        y = self.lines(_ASK_ME, x=43, y=3, width=40.5)
        y = self.lines("Council:", x=43, y=y, width=40.5, bold=True)
        number = self.phone.replace(" ", "\N{NO-BREAK SPACE}")
        self.lines(number, x=43, y=y, width=40.5, points=self._points(number, SMALLEST, False, 40.5))
        y = self.lines(f"Code: {face.code}", x=4.5, y=40.5, width=78.5, bold=True)
        self.lines(_good_until(face), x=4.5, y=y, width=78.5)

    def lines(
        self,
        text: str,
        *,
        x: float,
        y: float,
        width: float,
        points: float = SMALLEST,
        bold: bool = False,
        align: str = "L",
    ) -> float:
        """Write `text` in as many lines as it takes; the answer is where the next one begins."""
        self.pdf.set_font("card", "B" if bold else "", points)
        self.pdf.set_xy(self.left + x, self.top + y)
        self.pdf.multi_cell(width, points * _LINE, text, align=align, new_x="LEFT", new_y="NEXT")
        return float(self.pdf.y) - self.top

    def photo(self, jpeg: bytes, *, x: float, y: float, width: float, height: float) -> None:
        """The photo, as large as it can be in this place."""
        self.pdf.image(
            BytesIO(jpeg),
            x=self.left + x,
            y=self.top + y,
            w=width,
            h=height,
            keep_aspect_ratio=True,
            alt_text="Photo of the officer",
        )

    def code(self, url: str, *, x: float, y: float, symbol: float) -> None:
        """The QR code with `symbol` millimetres of modules, its white quiet zone around them."""
        modules = 17 + 4 * qr.version(url)
        whole = symbol * (modules + 2 * qr.QUIET_ZONE) / modules
        # Ten pixels for each module: a printer has no grey edges to guess at.
        picture = qr.png(url, 10 * (modules + 2 * qr.QUIET_ZONE))
        self.pdf.image(
            BytesIO(picture), x=self.left + x, y=self.top + y, w=whole, h=whole, alt_text="QR code of the card"
        )

    def _height(self, said: Sequence[tuple[str, bool]], points: float, *, width: float) -> float:
        """How high these texts come, one below the other."""
        height = 0.0
        for text, bold in said:
            fitting = self._points(text, points, bold, width)
            self.pdf.set_font("card", "B" if bold else "", fitting)
            high = self.pdf.multi_cell(width, fitting * _LINE, text, dry_run=True, output="HEIGHT")
            height += cast(float, high)
        return height

    def _points(self, text: str, points: float, bold: bool, width: float) -> float:
        """The largest type up to `points` at which no word of `text` is broken."""
        self.pdf.set_font("card", "B" if bold else "", points)
        widest = max(self.pdf.get_string_width(word) for word in text.split(" "))
        return min(points, points * width / (widest + 0.5))


def _good_until(face: Face) -> str:
    day = face.expires_on
    return f"Good until {day.day} {day:%B %Y}"
