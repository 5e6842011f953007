"""`flask figures check`: that what the figures count is what the records say."""

import sys

import click
from flask.cli import with_appcontext

from models.database import snapshot
from models.figure_check import check

MOST_SHOWN = 100


@click.group()
def figures() -> None:
    """The figures that are published, and whether they can be trusted."""


@figures.command("check")
@with_appcontext
def check_figures() -> None:
    """Make each visit and each notice anew from its records, and name what is stored otherwise.

    Ends with 1 if anything differs. Visits whose records are older than they are kept are counted apart.
    """
    with snapshot() as session:
        checked = check(session)
    for each in checked.differences[:MOST_SHOWN]:
        click.echo(f"{each.reference} {each.what}: stored {each.stored}, by its records {each.recounted}")
    more = len(checked.differences) - MOST_SHOWN
    if more > 0:
        click.echo(f"... and {more} more")
    click.echo(
        f"{checked.visits} visits compared, {len(checked.differences)} differences;"
        f" {checked.too_old} visits are too old to be compared"
    )
    if checked.differences:
        sys.exit(1)
