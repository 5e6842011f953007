"""Intervals of time: whether they overlap, what they cover together, and what is left of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Interval(NamedTuple):
    """From `starts_at` up to, but not at, `ends_at`: aware instants. One that ends as it starts is empty."""

    starts_at: datetime
    ends_at: datetime


def overlaps(one: Interval, other: Interval) -> bool:
    """Whether some instant is in both. "Touching ends do not clash"; an empty interval overlaps nothing."""
    return max(one.starts_at, other.starts_at) < min(one.ends_at, other.ends_at)


def covers(intervals: Iterable[Interval], one: Interval) -> bool:
    """Whether every instant of `one` is in one or another of `intervals`, which may touch or overlap."""
    return not less([one], intervals)


def contains(intervals: Iterable[Interval], at: datetime) -> bool:
    """Whether `at` is in one of these intervals."""
    return any(each.starts_at <= at < each.ends_at for each in intervals)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same instants in as few intervals as there can be: in order, none empty, no two that touch."""
    found: list[Interval] = []
    for each in sorted(intervals):
        if each.ends_at <= each.starts_at:
            continue
        if found and each.starts_at <= found[-1].ends_at:
            found[-1] = Interval(found[-1].starts_at, max(found[-1].ends_at, each.ends_at))
        else:
            found.append(each)
    return found


def less(intervals: Iterable[Interval], taken: Iterable[Interval]) -> list[Interval]:
    """What is left of `intervals` without the instants of `taken`: in order, none empty, no two that touch."""
    left = merged(intervals)
    for gone in merged(taken):
        left = [
            part
            for each in left
            for part in (
                Interval(each.starts_at, min(each.ends_at, gone.starts_at)),
                Interval(max(each.starts_at, gone.ends_at), each.ends_at),
            )
            if part.starts_at < part.ends_at
        ]
    return left
