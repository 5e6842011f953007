"""`flask prove-scans` and `flask purge`: that the scan records are whole, and that old records go."""

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from api.scans import chain_key
from models.database import snapshot
from models.scan import prove


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
