"""Counting rows by groups: how many of each word, and the middle and the ninetieth percentile of seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.figure_index import Found
from models.figure_rows import DIMENSIONS, NEVER, Rows

Numbers = NDArray[Any]
_A_SECOND = 1_000_000
PERCENTILES = {"median": 50, "p90": 90}


class By(StrEnum):
    """What the figures are parted by. Days, weeks and months are London's."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TEAM = "team"
    OFFICER = "officer"
    WARD = "ward"
    VISIT_TYPE = "visit_type"
    LANGUAGE = "language"
    EMPLOYMENT = "employment"


@dataclass(frozen=True, slots=True)
class Groups:
    """Which group each row is of, as a number; and what the groups are called."""

    of: Numbers
    names: list[str]

    def count(self, kinds: Numbers, how_many: int) -> Numbers:
        """How many rows of each kind (0 … how_many - 1) there are in each group: a row of a table for each."""
        cells = self.of.astype(np.int64) * how_many + kinds
        counts: Numbers = np.bincount(cells, minlength=len(self.names) * how_many)
        return counts.reshape(len(self.names), how_many)

    def total(self, which: Numbers) -> list[int]:
        """How many of these rows there are in each group."""
        totals: list[int] = np.bincount(self.of[which], minlength=len(self.names)).tolist()
        return totals


def narrowed(found: Found, where: Mapping[str, str]) -> Found:
    """The rows of these groups only, such as `{"ward": "Pinner"}`."""
    rows = found.rows
    for name, wanted in where.items():
        code = found.labels.codes[name].get(wanted, -1)
        rows = rows[rows[name] == code]
    return Found(rows, found.labels)


def grouped(found: Found, by: By | None) -> Groups:
    """The groups of these rows that there are, in the order of their names."""
    if by is None:
        codes, names = np.zeros(len(found.rows), np.int64), ["all"]
    elif by.value in DIMENSIONS:
        codes, names = found.rows[by.value], found.labels.names(by.value)
    else:
        days, codes = np.unique(found.rows["day"], return_inverse=True)
        names = [_period(by, date.fromordinal(day)) for day in days.tolist()]
    return _in_order(codes, names)


def _period(by: By, day: date) -> str:
    if by is By.DAY:
        return day.isoformat()
    if by is By.WEEK:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return f"{day:%Y-%m}"


def _in_order(codes: Numbers, names: list[str]) -> Groups:
    """Groups of one name made one, those of no row left out."""
    used = np.bincount(codes, minlength=len(names)) > 0
    ordered = sorted({name for name, is_used in zip(names, used.tolist(), strict=True) if is_used})
    place = {name: number for number, name in enumerate(ordered)}
    new = np.array([place.get(name, 0) for name in names], np.int64)
    return Groups(new[codes] if len(codes) else codes, ordered)


def spread(groups: Groups, microseconds: Numbers, counted: Numbers) -> list[dict[str, float | None]]:
    """The median and the 90th percentile of these distances from the promise, as they are (early is negative) and
    without their sign, in seconds: for each group, of the rows that are `counted` and have one.

    By nearest rank: the least distance that so many percent of the visits do not exceed, so that each figure is
    one that was.
    """
    which = counted & (microseconds != NEVER)
    of, distances = groups.of[which], microseconds[which]
    found: list[dict[str, float | None]] = [{} for _ in groups.names]
    for suffix, values in (("", distances), ("_absolute", np.abs(distances))):
        ranked = values[_by_group(of, values)]
        sizes = np.bincount(of, minlength=len(groups.names))
        begins = np.cumsum(sizes) - sizes
        for name, percent in PERCENTILES.items():
            places = begins + np.maximum(-(-sizes * percent // 100), 1) - 1
            for figures, place, size in zip(found, places.tolist(), sizes.tolist(), strict=True):
                figures[name + suffix] = float(ranked[place]) / _A_SECOND if size else None
    return found


def _by_group(of: Numbers, values: Numbers) -> Numbers:
    """The order of these values in each group, one group after the other."""
    order = np.argsort(values)
    # A stable sort of small numbers is quick.
    narrow = of[order].astype(np.int16 if of.size and of.max() < 2**15 else np.int64)
    ranked: Numbers = order[np.argsort(narrow, kind="stable")]
    return ranked


def words_of(counts: Numbers, words: tuple[Any, ...]) -> dict[str, int]:
    """One group's counts by their words, without those of which there are none."""
    pairs = zip(words, counts.tolist(), strict=True)
    return {str(word): count for word, count in pairs if count}


def keyed_after(rows: Rows, at: int, id_: bytes) -> Rows:
    """The rows after this moment and id, in their order."""
    first = int(np.searchsorted(rows["at"], at))
    while first < len(rows) and (int(rows["at"][first]), rows["id"][first].tobytes()) <= (at, id_):
        first += 1
    return rows[first:]
