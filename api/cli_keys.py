"""`flask keys`: which keys sign badges, the next one, and what to do when one was stolen."""

import click
from flask.cli import AppGroup

from api import current
from id_badges.keys import KeyState, KeysUnusable, Purpose, RegisteredKey, read_registry
from id_badges.rotation import NoSuchKey, compromise, rotate
from models import clock
from models.clock import in_london

keys = AppGroup("keys", help="See the keys that sign badges; make the next ones; believe one no more.")


def _line(key: RegisteredKey) -> str:
    stands = key.state.value
    if key.state is KeyState.ACTIVE and clock.now() < key.sign_from:
        stands = "published"
    signs = f"signs {in_london(key.sign_from)} to {in_london(key.sign_until)}"
    return f"{key.kid}  {key.purpose.value:11}  {stands:11}  {signs}, believed until {in_london(key.verify_until)}"


@keys.command("list")
def list_keys() -> None:
    """List every key with its purpose, its state and its times."""
    for key in read_registry(current.settings().keys_dir):
        click.echo(_line(key))


@keys.command("rotate")
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    type=click.Choice([purpose.value for purpose in Purpose]),
    help="Default: all three.",
)
def rotate_keys(purposes: tuple[str, ...]) -> None:
    """Make the next keys. Published now, they sign in 24 hours; badges in use stay genuine."""
    try:
        following = rotate(
            current.settings().keys_dir, [Purpose(purpose) for purpose in purposes or list(Purpose)], clock.now()
        )
    except (KeysUnusable, OSError) as error:
        raise click.ClickException(str(error)) from error
    for key in following:
        click.echo(_line(key))
    click.echo("Copy KEYS_DIR to every machine within 24 hours.")


@keys.command("compromise")
@click.argument("kid")
@click.confirmation_option(prompt="Every badge that this key signed turns red at once. Go on?")
def compromise_key(kid: str) -> None:
    """Believe a key no more, from now on, and sign with a new one at once."""
    try:
        following = compromise(current.settings().keys_dir, kid, clock.now())
    except NoSuchKey:
        raise click.ClickException("No key that is still believed has this name: see `flask keys list`.") from None
    except (KeysUnusable, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_line(following))
    click.echo("Now copy KEYS_DIR to every machine. Then docs/keys.md says whom to tell and what to print again.")
