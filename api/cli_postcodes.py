"""`flask postcodes`: where the country's postcodes are, and so where residents live."""

import logging
from pathlib import Path

import click
from flask.cli import AppGroup

from models.database import transaction
from models.postcode import replace_national_table
from models.postcode_file import BadPostcodeFile, read_postcodes
from models.resident import place_everybody

log = logging.getLogger(__name__)

postcodes = AppGroup("postcodes", help="Say where postcodes are; give residents their place.")


@postcodes.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(file: Path) -> None:
    """Take a national table in place of the one before: ONSPD, NSPL or Code-Point Open, as CSV.

    It is read to its end before anything is changed. Then residents without a place get theirs.
    """
    try:
        found = read_postcodes(file)
    except (BadPostcodeFile, OSError) as error:
        raise click.ClickException(f"{error} Nothing was changed.") from error
    with transaction() as session:
        replace_national_table(session, found.areas.packed())
        placed, left = place_everybody(session)
    click.echo(f"{found.read} postcodes are in; {found.without_place} have no place.")
    _say(placed, left)
    log.info("postcodes_imported", extra={"rows": found.read})


@postcodes.command("place")
def place() -> None:
    """Give a place to residents who have none: after an upgrade, for those who were entered before it."""
    with transaction() as session:
        placed, left = place_everybody(session)
    _say(placed, left)


def _say(placed: int, left: int) -> None:
    click.echo(f"{placed} residents have a place now; {left} have none, for no table knows their postcode.")
