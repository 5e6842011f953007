"""Files of all the country's postcodes, as they are published: ONSPD, NSPL and Code-Point Open.

What is where in a file is told by the names in its first line. Latitude and longitude are taken where a file has
them, else eastings and northings of the National Grid.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from models.national_grid import to_degrees
from models.postcode import AreasInMaking, normalise_postcode

_POSTCODE = ("pcds", "pcd8", "pcd", "pcd7", "pcd2", "postcode", "pc")
_LATITUDE, _LONGITUDE = ("lat", "latitude"), ("long", "longitude", "lon")
_EASTING = ("oseast1m", "east1m", "eastings", "easting", "ea")
_NORTHING = ("osnrth1m", "north1m", "northings", "northing", "no")
_LONGEST_LINE = 10_000
_NOWHERE = (99.999999, 0.0)
"""How ONSPD writes that nobody knows where a postcode is."""
_UNREADABLE_OF = 100
"""One in so many lines may hold no postcode of today's kind, such as the old NPT 0AA; more are another file."""


class BadPostcodeFile(ValueError):
    """The file is none of those we know, or it is damaged; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class _Columns:
    postcode: int
    first: int
    second: int
    on_grid: bool
    """Whether the two are eastings and northings, and not degrees."""


@dataclass(slots=True)
class ReadPostcodes:
    """What a file holds: its areas, and how many postcodes were read and how many have no place."""

    areas: AreasInMaking
    read: int = 0
    without_place: int = 0
    unreadable: int = 0


def read_postcodes(path: Path) -> ReadPostcodes:
    """Read the whole file, line by line. Raises BadPostcodeFile, or OSError if it cannot be opened."""
    found = ReadPostcodes(AreasInMaking())
    with path.open("rb") as looked_at:
        if looked_at.read(2) == b"PK":
            raise BadPostcodeFile("This is a ZIP file: unpack it, and give the CSV file in its Data folder.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(_lines(file), strict=True)
        try:
            columns = _columns(next(lines, []))
            for row in lines:
                _read(row, columns, found, lines.line_num)
        except UnicodeDecodeError:
            raise BadPostcodeFile(f"After line {lines.line_num} there is something that is not text.") from None
        except csv.Error as error:
            raise BadPostcodeFile(f"Line {lines.line_num} is not CSV: {error}.") from None
    if found.read == 0:
        raise BadPostcodeFile("The file holds no postcode with a place.")
    if found.unreadable * _UNREADABLE_OF > found.read + found.unreadable:
        raise BadPostcodeFile(f"{found.unreadable} lines hold no postcode. Is it the right file?")
    return found


def _lines(file: TextIO) -> Iterator[str]:
    """The lines, none of which fills the memory."""
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            raise BadPostcodeFile(f"Line {number} is too long for a file of postcodes.")
        yield line


def _columns(names: list[str]) -> _Columns:
    places = {name.strip().lower(): place for place, name in reversed(list(enumerate(names)))}

    def column(known: tuple[str, ...]) -> int | None:
        return next((places[name] for name in known if name in places), None)

    postcode = column(_POSTCODE)
    if postcode is None:
        raise BadPostcodeFile(
            "The first line names no column of postcodes (pcds, pcd or Postcode). Code-Point Open has its names in"
            " a file of its own, Doc/Code-Point_Open_Column_Headers.csv: put its second line before the data."
        )
    for first, second, on_grid in (
        (column(_LATITUDE), column(_LONGITUDE), False),
        (column(_EASTING), column(_NORTHING), True),
    ):
        if first is not None and second is not None:
            return _Columns(postcode, first, second, on_grid)
    raise BadPostcodeFile(
        "The first line names no columns of places: lat and long, or eastings and northings (oseast1m, osnrth1m)."
    )


def _read(row: list[str], columns: _Columns, found: ReadPostcodes, line: int) -> None:
    if not row:
        return
    try:
        text, first, second = row[columns.postcode], row[columns.first].strip(), row[columns.second].strip()
    except IndexError:
        raise BadPostcodeFile(f"Line {line} has fewer columns than the first.") from None
    try:
        postcode = normalise_postcode(f"{text[:-3]} {text[-3:]}")
    except ValueError:
        found.unreadable += 1
        return
    place = _place(first, second, columns, line)
    if place is None:
        found.without_place += 1
        return
    found.areas.add(postcode, *place)
    found.read += 1


def _place(first: str, second: str, columns: _Columns, line: int) -> tuple[float, float] | None:
    """The place that a line gives; None if it says that nobody knows it. Raises BadPostcodeFile."""
    if not first and not second:
        return None
    try:
        pair = float(first), float(second)
    except ValueError:
        raise BadPostcodeFile(f"Line {line} has no place: {first[:20]!r}, {second[:20]!r}.") from None
    if pair in (_NOWHERE, (0.0, 0.0)):
        return None
    outside = BadPostcodeFile(f"Line {line} has a place outside the United Kingdom: {first[:20]}, {second[:20]}.")
    if columns.on_grid:
        if not (0 < pair[0] < 700_000 and 0 < pair[1] < 1_300_000):
            raise outside
        pair = to_degrees(*pair)
    if not (49 <= pair[0] <= 61.5 and -9 <= pair[1] <= 2.5):
        raise outside
    return pair
