"""`flask audit`: the file that an auditor is given, and whether one is as we gave it."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from api import current
from id_badges.audit_seal import fault, seal
from id_badges.keys import KeysUnusable, RegisteredKey, read_registry
from models import clock
from models.audit import faults, lines
from models.chain import canonical, digest
from models.clock import LONDON
from models.database import snapshot

MOST_SHOWN = 20

audit = AppGroup("audit", help="Write the file that an auditor is given, and check one.")

FROM_TO = click.DateTime(["%Y-%m-%d"])


@audit.command("export")
@click.option("--from", "since", required=True, type=FROM_TO, help="The first day, by London's clocks.")
@click.option("--to", "until", required=True, type=FROM_TO, help="The day after the last.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(since: datetime, until: datetime, file: Path) -> None:
    """Write every promise, event and notice that was recorded in this time, in one sealed chain.

    The file is written anew and never over another. The digest that is printed, noted elsewhere, proves the file
    even to somebody who does not trust our keys.
    """
    if since >= until:
        raise click.ClickException("Give a day after --from.")
    at = clock.now()
    begins, ends = since.replace(tzinfo=LONDON), until.replace(tzinfo=LONDON)
    count, last = 0, b""
    try:
        with open(file, "xb") as out, snapshot() as session:
            for line in lines(session, council=current.settings().council_name, since=begins, until=ends, at=at):
                out.write(line + b"\n")
                count, last = count + 1, line
            out.write(canonical(seal(current.keyring(), last, at)) + b"\n")
    except FileExistsError:
        raise click.ClickException(f"{file} is there already: choose another name.") from None
    except KeysUnusable as error:
        file.unlink()
        raise click.ClickException(str(error)) from None
    click.echo(f"{count - 2} records. The last line's digest is {digest(last)}")


@audit.command("verify")
@click.option("--keys", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: our own.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify(file: Path, keys: Path | None) -> None:
    """Name each line that was changed, added, removed or moved; then say whether the seal is the council's.

    --keys is a copy of /.well-known/jwks.json that the auditor took: then nothing of ours is believed but that.
    Ends with 1 if anything is wrong.
    """
    count, last, seal_line = _ends_of(file)
    sealed = _said(seal_line)
    is_sealed = sealed.get("record") == "seal"
    wrong = list(islice(faults(lambda: islice(_lines_of(file), count - is_sealed)), MOST_SHOWN))
    if not is_sealed:
        wrong.append("The seal is missing.")
    elif canonical(sealed) + b"\n" != seal_line:
        wrong.append("The seal is not spelled as we write it: it was changed.")
    elif doubt := fault(sealed, last, _made_at(file), _keys(keys)):
        wrong.append(doubt)
    for each in wrong:
        click.echo(each)
    if wrong:
        sys.exit(1)
    click.echo(f"{count - 3} records are as the council gave them. The last line's digest is {digest(last)}")


def _lines_of(file: Path) -> Iterator[bytes]:
    with open(file, "rb") as given:
        for line in given:
            yield line.removesuffix(b"\n")


def _ends_of(file: Path) -> tuple[int, bytes, bytes]:
    """How many lines there are, the last but one, and the last with its line end."""
    count, before, last = 0, b"", b""
    with open(file, "rb") as given:
        for line in given:
            count, before, last = count + 1, last, line
    return count, before.removesuffix(b"\n"), last


def _said(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _made_at(file: Path) -> datetime:
    """When the file says that it was made; the beginning of all time if it does not."""
    try:
        return datetime.fromisoformat(_said(next(_lines_of(file)))["made_at"])
    except (KeyError, StopIteration, TypeError, ValueError):
        return datetime.fromtimestamp(0, LONDON)


def _keys(jwks: Path | None) -> dict[str, RegisteredKey]:
    try:
        if jwks is None:
            return {key.kid: key for key in read_registry(current.settings().keys_dir)}
        entries = json.loads(jwks.read_bytes())["keys"]
        return {key.kid: key for key in map(RegisteredKey.from_json, entries)}
    except (KeysUnusable, KeyError, TypeError, ValueError) as error:
        raise click.ClickException(f"The keys cannot be read: {error}") from None
