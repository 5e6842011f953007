"""Postcodes and where they are: a table that comes with the product, and a national one that a council may import.

Postcodes are kept by their first half (`HA1`), an area: all of an area's second halves in order, then their
latitudes, then their longitudes. A look-up is one row, or none, and a search in it.
"""

import gzip
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from struct import iter_unpack, pack, unpack_from

import orjson
from sqlalchemy import LargeBinary, String, bindparam, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Base
from models.prepared import Prepared

SHIPPED = Path(__file__).resolve().parent.parent / "postcodes" / "harrow.gz"

_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?) ?([0-9][A-BD-HJLNP-UW-Z]{2})")
_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
_NUMBERS = {letter: number for number, letter in enumerate(_LETTERS)}
_ENTRY = 2 + 4 + 4
_A_DEGREE = 100_000
"""Places are kept to a metre."""


class PostcodeArea(Base):
    """The postcodes of one first half, of the national file that was imported last."""

    __tablename__ = "postcode_areas"

    area: Mapped[str] = mapped_column(String(4), primary_key=True)
    packed: Mapped[bytes] = mapped_column(LargeBinary)


_AREA = Prepared(select(PostcodeArea.packed).where(PostcodeArea.area == bindparam("area")))


class AreasInMaking:
    """Postcodes by area as they are read from a file: ten bytes each, so that all of the country's fit."""

    def __init__(self) -> None:
        self._entries: dict[str, bytearray] = {}

    def add(self, postcode: str, latitude: float, longitude: float) -> None:
        """Put a postcode, spelled as `normalise_postcode` does, where it is. Of two alike the later stays."""
        area, _, rest = postcode.partition(" ")
        entry = pack("<Hii", _number(rest), round(latitude * _A_DEGREE), round(longitude * _A_DEGREE))
        self._entries.setdefault(area, bytearray()).extend(entry)

    def packed(self) -> Iterator[tuple[str, bytes]]:
        """Each area with its postcodes in order."""
        for area in sorted(self._entries):
            places = {rest: place for rest, *place in iter_unpack("<Hii", self._entries[area])}
            order = sorted(places)
            numbers = [*order, *(places[rest][0] for rest in order), *(places[rest][1] for rest in order)]
            yield area, pack(f"<{len(order)}H{2 * len(order)}i", *numbers)


def normalise_postcode(text: str) -> str:
    """`ha12xy` as `HA1 2XY`. Raises ValueError for what no UK postcode looks like."""
    found = _POSTCODE.fullmatch(" ".join(text.upper().split()))
    if not found:
        raise ValueError("Give a UK postcode, such as HA1 2XY.")
    return f"{found[1]} {found[2]}"


def find_place(session: Session, postcode: str) -> tuple[float, float] | None:
    """Latitude and longitude of a postcode as `normalise_postcode` spells it; None if no table knows it.

    The national table wins over the one that comes with the product, which knows Harrow and 8 km around.
    """
    area, _, rest = postcode.partition(" ")
    imported = _AREA.first(session, area=area)
    place = _look_up(imported.packed, rest) if imported else None
    return place or _look_up(_shipped().get(area, b""), rest)


def replace_national_table(session: Session, areas: Iterable[tuple[str, bytes]]) -> None:
    """Take this national table in place of the one before."""
    session.execute(delete(PostcodeArea))
    rows = [{"area": area, "packed": packed} for area, packed in areas]
    if rows:
        session.execute(insert(PostcodeArea), rows)


def count_areas(session: Session) -> int:
    """How many areas the national table has; 0 before any was imported."""
    return session.scalar(select(func.count()).select_from(PostcodeArea)) or 0


def write_table(path: Path, areas: Iterable[tuple[str, bytes]]) -> None:
    """Write a table to be shipped: a line that says how long each area is, then the areas; the same each time."""
    kept = list(areas)
    head = orjson.dumps([[area, len(packed)] for area, packed in kept])
    path.write_bytes(gzip.compress(b"\n".join([head, b"".join(packed for _, packed in kept)]), mtime=0))


@cache
def _shipped() -> dict[str, bytes]:
    """The areas that come with the product, read at their first use."""
    head, _, body = gzip.decompress(SHIPPED.read_bytes()).partition(b"\n")
    areas, start = {}, 0
    for area, length in orjson.loads(head):
        areas[area] = body[start : start + length]
        start += length
    return areas


def _look_up(packed: bytes, rest: str) -> tuple[float, float] | None:
    count, number = len(packed) // _ENTRY, _number(rest)
    found = bisect_left(range(count), number, key=lambda entry: unpack_from("<H", packed, 2 * entry)[0])
    if found == count or unpack_from("<H", packed, 2 * found)[0] != number:
        return None
    (latitude,) = unpack_from("<i", packed, 2 * count + 4 * found)
    (longitude,) = unpack_from("<i", packed, 6 * count + 4 * found)
    return latitude / _A_DEGREE, longitude / _A_DEGREE


def _number(rest: str) -> int:
    """The second half of a postcode as a number below 4,000: a figure, and twice one of twenty letters."""
    return (int(rest[0]) * 20 + _NUMBERS[rest[1]]) * 20 + _NUMBERS[rest[2]]
