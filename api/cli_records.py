"""`flask prove-scans` and `flask purge`: that the scan records are whole, and that old records go."""

import logging
import sys
from datetime import timedelta

import click
from flask import current_app
from flask.cli import with_appcontext

from api import current
from api.scans import chain_key
from models import clock, retention
from models.database import reading, snapshot
from models.scan import prove

log = logging.getLogger(__name__)


@click.command("prove-scans")
@with_appcontext
def prove_scans() -> None:
    """Read the chain of scan records, and name the first that was changed, removed or moved.

    The last record's number and hash are printed: noted elsewhere, they prove later that the chain still holds
    what it held.
    """
    with snapshot() as session:
        proof = prove(session, secret=chain_key(current_app.extensions["digest_key"]))
    if proof.broken:
        click.echo(f"{proof.records} records are whole. {proof.broken}")
        sys.exit(1)
    click.echo(f"{proof.records} records are whole. The last is {proof.last_number}: {proof.last_hash}")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@with_appcontext
def purge(dry_run: bool) -> None:
    """Remove what is kept no longer; say how much of each went."""
    at, settings = clock.now(), current.settings()
    keep = retention.Keep(
        messages=timedelta(days=settings.keep_messages_days),
        visits=timedelta(days=settings.keep_visits_days),
        residents=timedelta(days=settings.keep_residents_days),
    )
    if dry_run:
        with reading() as session:
            counts = retention.count_old(session, at, keep=keep)
    else:
        counts = retention.purge(at, keep=keep, chain_key=chain_key(current_app.extensions["digest_key"]))
    for what, count in counts.items():
        click.echo(f"{count} {what} {'would go' if dry_run else 'went'}")
    if not dry_run:
        log.info("purged", extra={"rows": sum(counts.values())})
