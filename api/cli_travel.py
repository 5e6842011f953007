"""`flask travel`: whether journeys take as long as we reckon."""

from datetime import timedelta
from itertools import pairwise

import click
from flask.cli import AppGroup

from api.cli_table import print_table
from models import clock, travel
from models.calibration import Band, Calibration, TooFewJourneys, calibrate
from models.database import snapshot
from models.journeys import journeys
from models.speeds import write_speeds

travel_group = AppGroup("travel", help="See whether journeys take as long as we reckon.")


@travel_group.command("calibrate")
@click.option(
    "--days", default=90, show_default=True, type=click.IntRange(1, 730), help="How far back to look at journeys."
)
def calibrate_travel(days: int) -> None:
    """Say which speeds fit our officers' own departures and arrivals. It changes nothing."""
    with snapshot() as session:
        made = list(journeys(session, clock.now() - timedelta(days=days)))
    click.echo(f"{len(made)} journeys of the last {days} days were between homes of known place.")
    try:
        found = calibrate(made, travel.in_use())
    except TooFewJourneys as error:
        raise click.ClickException(str(error)) from None
    print_table(("FROM", "TO", "JOURNEYS", "KM/H NOW", "KM/H FITS"), _rows(found.bands))
    click.echo(f"To park: {travel.in_use().to_park_s} s now, {found.model.to_park_s} s fits.")
    _judge(found)


def _rows(bands: tuple[Band, ...]) -> list[tuple[str, ...]]:
    return [
        (
            f"{band.begins:%H:%M}",
            f"{following.begins:%H:%M}",
            str(band.journeys),
            f"{band.speed_now:g}",
            "too few to say" if band.speed_fits is None else f"{band.speed_fits:g}",
        )
        for band, following in pairwise([*bands, bands[0]])
    ]


def _judge(found: Calibration) -> None:
    click.echo(f"Of {found.checked_with} journeys that nothing was fitted to,")
    for error, figures in ((found.error_now, "figures of now"), (found.error_then, "figures that fit")):
        click.echo(
            f"  the {figures} are off by {error.half:.0f} s or less for half,"
            f" and by {error.most:.0f} s or less for nine in ten."
        )
    if not found.is_better:
        click.echo("That is no better: leave the settings as they are.")
        return
    click.echo("Settings to use:")
    click.echo(f'TRAVEL_SPEEDS="{write_speeds(found.model.speeds)}"')
    click.echo(f"TRAVEL_PARKING_SECONDS={found.model.to_park_s}")
