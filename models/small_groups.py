"""Figures of small groups, which are not published: who knows one of the people in it would know all of them.

"Small groups suppressed in public." A count under the least that is shown is left out, and so much besides it that
nobody can work it out from the totals. The staff's reports show everything.
"""

from collections.abc import Mapping, Sequence

LEAST_SHOWN = 10
"""The least count that is published; nothing (0) may be."""

Table = Mapping[str, Mapping[str, int]]
"""Counts by group and by kind, such as {"Pinner": {"on_time": 41, "late": 9}}."""

Published = dict[str, dict[str, int | None]]
"""The same, with None for what is not shown."""


def publishable(table: Table, *, least: int = LEAST_SHOWN) -> Published:
    """The counts that may be shown beside the totals of groups and of kinds, where those are not small themselves.

    A small count is hidden. A line (a group or a kind) in which what is hidden comes to less than `least`, or is
    one count alone, would tell it by difference from the line's total: its next smallest count is hidden too,
    until no line does. A group whose own total is small is hidden whole. Where all others have nothing of a kind,
    its total is one group's count, which nothing can disguise: publish it of groups together.
    """
    groups, kinds = list(table), list(dict.fromkeys(kind for counts in table.values() for kind in counts))
    counts = {(group, kind): table[group].get(kind, 0) for group in groups for kind in kinds}
    hidden = {cell for cell, count in counts.items() if 0 < count < least}
    for group in groups:
        if 0 < sum(table[group].values()) < least:
            hidden |= {(group, kind) for kind in kinds}
    lines = [[(group, kind) for kind in kinds] for group in groups]
    lines += [[(group, kind) for group in groups] for kind in kinds]
    while more := _to_hide(lines, counts, hidden, least):
        hidden |= more
    return {
        group: {kind: None if (group, kind) in hidden else counts[group, kind] for kind in kinds}
        for group in groups
    }


Cell = tuple[str, str]


def _to_hide(
    lines: Sequence[Sequence[Cell]], counts: Mapping[Cell, int], hidden: set[Cell], least: int
) -> set[Cell]:
    """One more count to hide in each line that still tells what is hidden in it."""
    more = set()
    for line in lines:
        within = [cell for cell in line if cell in hidden]
        shown = [cell for cell in line if cell not in hidden]
        tells = within and (len(within) == 1 or sum(counts[cell] for cell in within) < least)
        if tells and shown:
            # The smallest that says something; nothing would be no disguise, unless there is nothing else.
            more.add(min(shown, key=lambda cell: (counts[cell] == 0, counts[cell])))
    return more


def publishable_totals(totals: Mapping[str, int], *, least: int = LEAST_SHOWN) -> dict[str, int | None]:
    """One count for each group, shown beside the total of all: the same rule for a single line."""
    shown = publishable({"all": totals}, least=least)["all"]
    return {group: shown.get(group, 0) for group in totals}
