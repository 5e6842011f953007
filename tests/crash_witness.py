"""The witness of a crash test: what the handsets got, held against what was decided. It asks no table of ours."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models.clock import LONDON
from tests.carrier import REFERENCE, Received

Truth = Sequence[datetime | None]
"""Each start that was decided for a visit, in turn; None: it was cancelled."""

_WORDS = (
    re.compile(r"we will visit you at home on (?P<start>.+?)\. If "),
    re.compile(r"It was (?P<old>.+?)\. It is now (?P<start>.+?)\. If "),
    re.compile(r"we have cancelled our visit to your home on (?P<old>.+?)\. We will not"),
)


@dataclass(frozen=True)
class News:
    """What one text tells: the start from now on, None for a cancellation; and the start that no longer is."""

    reference: str
    words: str
    start: str | None
    old: str | None


@dataclass
class Verdict:
    """The telephone numbers whose residents were wronged, once for each wrong, and the texts received.

    `lost`: the last text does not tell the truth in the end. `doubled`: a text came twice, or the same words
    twice running. `out_of_order`: a text came after a newer one, or tells what never was true.

    `misled`: a cancellation names another time than the one they knew of. That may happen: a text waits for
    the last "at most 90 s", and whether that one had gone may take longer to find out.
    """

    texts: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    misled: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """None lost, none doubled, each in its turn."""
        return not self.wronged

    @property
    def wronged(self) -> list[str]:
        """The numbers of all whom that befell."""
        return list(dict.fromkeys(self.lost + self.doubled + self.out_of_order))


def judge(handsets: Iterable[Received], truths: Mapping[str, Truth]) -> Verdict:
    """Read every handset, in the order its texts came. Raises ValueError for a text it cannot read, KeyError
    for a number it does not know.

    A booking is told twice: by whoever books, there and then, and by text.
    """
    by_number: dict[str, list[News]] = {number: [] for number in truths}
    verdict = Verdict()
    for text in handsets:
        verdict.texts += 1
        by_number[text.to].append(read(text))
    for number, news in by_number.items():
        told = _without_doubles(news)
        verdict.doubled += [number] * (len(news) - len(told))
        truth = [None if start is None else spoken(start) for start in truths[number]]
        verdict.out_of_order += [number] * _out_of_order(told, truth)
        if not told or told[-1].start != truth[-1]:
            verdict.lost.append(number)
        if _cancels_the_unknown(told, truth[0]):
            verdict.misled.append(number)
    return verdict


def read(text: Received) -> News:
    """What a text tells. Raises ValueError for words it does not know."""
    for words in _WORDS:
        if found := words.search(text.body):
            told = found.groupdict()
            return News(text.reference, REFERENCE.sub("", text.body), told.get("start"), told.get("old"))
    raise ValueError("the witness does not know the words of a text")


def spoken(start: datetime) -> str:
    """Mon 23 Nov 14:00"""
    local = start.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _without_doubles(news: Sequence[News]) -> list[News]:
    """The texts without those whose reference came before, or whose words came just before."""
    kept: list[News] = []
    for each in news:
        came_before = any(each.reference == other.reference for other in kept)
        if not came_before and not (kept and kept[-1].words == each.words):
            kept.append(each)
    return kept


def _out_of_order(told: Sequence[News], truth: Sequence[str | None]) -> int:
    """How many texts tell no truth that was decided later than that of the text before."""
    wrong, begin = 0, 0
    for each in told:
        try:
            begin = truth.index(each.start, begin) + 1
        except ValueError:
            wrong += 1
    return wrong


def _cancels_the_unknown(told: Sequence[News], first: str | None) -> bool:
    """Whether a cancellation names another start than the resident had last heard of."""
    known = first
    for each in told:
        if each.start is None and each.old != known:
            return True
        known = each.start
    return False
