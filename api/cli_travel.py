"""`flask travel`: how long journeys take by our reckoning, and whether they do."""

from datetime import timedelta
from itertools import pairwise

import click
from flask import current_app
from flask.cli import AppGroup

from api import current
from api.cli_table import print_table
from models import clock, travel
from models.calibration import Band, Calibration, TooFewJourneys, calibrate
from models.database import reading, snapshot
from models.journeys import journeys
from models.postcode import find_place, normalise_postcode
from models.speeds import write_speeds

travel_group = AppGroup("travel", help="See how long journeys take by our reckoning, and whether they do.")


def _postcode(context: click.Context, parameter: click.Parameter, given: str) -> str:
    try:
        return normalise_postcode(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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


@travel_group.command("journey")
@click.argument("origin", callback=_postcode)
@click.argument("destination", callback=_postcode)
def show_journey(origin: str, destination: str) -> None:
    """Say how long a journey between two postcodes takes that begins now, by the router as well."""
    with reading() as session:
        places = [find_place(session, postcode) for postcode in (origin, destination)]
    leaving_at, model = clock.now().timestamp(), travel.in_use()
    click.echo(f"By the straight line: {model.seconds(places[0], places[1], leaving_at)} s")
    kind = current.settings().router
    if kind == "none":
        return
    table = current_app.extensions["road_table"].travel_table(places, leaving_at=leaving_at, model=model)
    click.echo(f"With {kind}: {table[0][1]} s. The same? Then the log says why it did not answer.")


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
