"""How commands print a list: columns side by side, their titles above."""

from collections.abc import Iterable, Sequence

import click


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Each column as wide as its widest cell."""
    lines = [titles, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(titles))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
