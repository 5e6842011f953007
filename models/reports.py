"""The two standards, counted from the ledger: did we come on time, and were people told in time?"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from models.figure_index import rows_between
from models.figure_rows import COUNTED, NEVER, RESULTS, TOLD, WORDS, Rows, Told, Word, microseconds
from models.figures import By, Groups, Numbers, grouped, narrowed, spread, words_of
from models.notice_results import ChangeState
from models.standards import NoticeResult
from models.visit_facts import FigureOf

Where = Mapping[str, str]
EVERYTHING: Where = {}


@dataclass(slots=True)
class Standing:
    """How visits of one group stand against one of their promises.

    `counts` has who came `on_time`, `early` or `late`, and the `missed`: together the denominator. `excluded` has
    the others by reason. `seconds` are from the promise, negative before it; the `_absolute` ones have no sign.
    """

    counts: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float | None] = field(default_factory=dict)


@dataclass(slots=True)
class Punctuality:
    """How visits of one group stand against "aim to arrive within 15 minutes of any pre-arranged appointment".

    `on_time / counted` is the figure. A visit counts once somebody came or an hour has passed: `on_time`, `early`,
    `late`, `missed`. No access counts as attended only if its arrival is in the window, and never if its resident
    was right to say that they were in. The rest is left out, by reason, in `excluded`.

    `fair` is judged by the latest fair promise and by what was corrected since; `original` by the first promise
    and by what was first reported.

    `late_told` are residents of `late` visits who were told of a delay of the fair promise's time before it, and
    `late_unconfirmed` those who were sent a message of that by then which no receipt came for.
    """

    group: str
    fair: Standing
    original: Standing
    corrected: int
    late_told: int
    late_unconfirmed: int


@dataclass(slots=True)
class NoticeFigures:
    """How changes of one group stand against 24 hours' notice where possible.

    `met / possible` leaves out what residents asked for. `told_within_24h / changes` is the share of all changes
    that residents heard of within a day of the decision. `not_possible` counts the reasons given.
    """

    group: str
    results: Counter[str]
    possible: int
    met: int
    changes: int
    told_within_24h: int
    not_possible: Counter[str]
    excluded: Counter[str]


def punctuality(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    by: By | None,
    at: datetime,
    where: Where = EVERYTHING,
) -> list[Punctuality]:
    """Punctuality of the visits first promised in [since, until), in groups by name."""
    found = narrowed(rows_between(session, FigureOf.VISIT, since, until, at), where)
    groups, rows = grouped(found, by), found.rows
    fair, original = (standing(rows, promise, at) for promise in ("fair", "original"))
    late = fair == WORDS.index(Word.LATE)
    told, unconfirmed = (groups.total(late & _is_told(rows, word)) for word in (Told.TOLD, Told.UNCONFIRMED))
    corrected = groups.total(rows["corrected"])
    standings = zip(
        _standings(groups, fair, rows["fair_us"]), _standings(groups, original, rows["original_us"]), strict=True
    )
    return [
        Punctuality(name, *pair, corrected[place], told[place], unconfirmed[place])
        for place, (name, pair) in enumerate(zip(groups.names, standings, strict=True))
    ]


def standing(rows: Rows, promise: str, at: datetime) -> Numbers:
    """The word of each visit by its `fair` or its `original` promise, as it stands at `at`, by its place in WORDS.

    "No arrival 60 minutes after the promise: missed."
    """
    words = rows[promise]
    is_missed = (words == WORDS.index(Word.NOT_YET_DUE)) & (rows["missed_from"] <= microseconds(at))
    return np.where(is_missed, WORDS.index(Word.MISSED), words)


def _is_told(rows: Rows, told: Told) -> Numbers:
    which: Numbers = rows["told"] == TOLD.index(told)
    return which


def _standings(groups: Groups, words: Numbers, distances: Numbers) -> list[Standing]:
    counted = groups.count(words, len(WORDS))
    seconds = spread(groups, distances, words < COUNTED)
    return [
        Standing(
            Counter(words_of(row[:COUNTED], WORDS[:COUNTED])),
            Counter(words_of(row[COUNTED:], WORDS[COUNTED:])),
            each,
        )
        for row, each in zip(counted, seconds, strict=True)
    ]


def notice(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    by: By | None,
    at: datetime,
    where: Where = EVERYTHING,
) -> list[NoticeFigures]:
    """Notice of the changes decided in [since, until), in groups by name."""
    found = narrowed(rows_between(session, FigureOf.CHANGE, since, until, at), where)
    groups, rows = grouped(found, by), found.rows
    results = result(rows, at)
    counted = groups.count(results, len(RESULTS))
    parts = {name: groups.total(which) for name, which in notice_parts(rows, results).items()}
    reasons = found.labels.names("reason") or [""]
    inside = notice_parts(rows, results)["not_possible"]
    not_possible = Groups(groups.of[inside], groups.names).count(rows["reason"][inside], len(reasons))
    figures = []
    for place, name in enumerate(groups.names):
        excluded = Counter(words_of(counted[place][len(NoticeResult) :], RESULTS[len(NoticeResult) :]))
        if asked_for := parts["asked_for_by_resident"][place]:
            excluded["asked_for_by_resident"] = asked_for
        figures.append(
            NoticeFigures(
                name,
                Counter(words_of(counted[place][: len(NoticeResult)], RESULTS[: len(NoticeResult)])),
                parts["possible"][place],
                parts["met_where_possible"][place],
                parts["changes"][place],
                parts["told_within_24h"][place],
                Counter(words_of(not_possible[place], tuple(reasons))),
                excluded,
            )
        )
    return figures


def result(rows: Rows, at: datetime) -> Numbers:
    """The word of each change as it stands at `at`, by its place in RESULTS.

    Who was told nothing may still be told until R has passed.
    """
    results = rows["result"]
    is_open = (results == RESULTS.index(NoticeResult.FAILED)) & (rows["reference"] >= microseconds(at))
    return np.where(is_open, RESULTS.index(ChangeState.STILL_TO_BE_TOLD), results)


def notice_parts(rows: Rows, results: Numbers) -> dict[str, Numbers]:
    """Which changes each figure of notice counts."""
    counts = results < len(NoticeResult)
    asked_for = counts & rows["asked_for"]
    ours = counts & ~rows["asked_for"]
    possible = ours & rows["possible"]
    return {
        "changes": counts,
        "told_within_24h": counts & rows["told_within_24h"],
        "asked_for_by_resident": asked_for,
        "possible": possible,
        "met_where_possible": possible & (results == RESULTS.index(NoticeResult.MET)),
        "not_possible": ours & ~rows["possible"],
    }


def visit_parts(rows: Rows, at: datetime, promise: str) -> dict[str, Numbers]:
    """Which visits each figure of punctuality counts, by one of the promises."""
    words, fair = standing(rows, promise, at), standing(rows, "fair", at)
    late = fair == WORDS.index(Word.LATE)
    return {word.value: words == place for place, word in enumerate(WORDS)} | {
        "counted": words < COUNTED,
        "arrived": (words < COUNTED) & (rows[f"{promise}_us"] != NEVER),
        "corrected": rows["corrected"],
        "late_told": late & _is_told(rows, Told.TOLD),
        "late_unconfirmed": late & _is_told(rows, Told.UNCONFIRMED),
        "late_untold": late & _is_told(rows, Told.UNTOLD),
    }
