"""`flask texts`: what an operator sees of the queue, and does with it. Never a name, a number or an address."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import click
from flask.cli import AppGroup

from api.cli_table import print_table
from models import clock
from models.clock import in_london
from models.database import reading, transaction
from models.message import Channel
from models.sender_state import PausedBy, SenderState, lock_state, states
from notifications import backlog
from notifications.backlog import Listed, Load
from notifications.resending import NotSentAgain, resend

Command = TypeVar("Command", bound=Callable[..., Any])

LONGEST_REASON = 500

log = logging.getLogger(__name__)

texts = AppGroup("texts", help="See what waits, is stuck or failed; send one again; pause and resume a sender.")


def _reason(context: click.Context, parameter: click.Parameter, given: str) -> str:
    words = given.strip()
    if not words or len(words) > LONGEST_REASON or not words.isprintable():
        raise click.BadParameter(f"Say why in one line of 1 to {LONGEST_REASON} characters.")
    return words


_CHANNEL = click.Choice([channel.value for channel in Channel])
_with_reason = click.option(
    "--reason", required=True, callback=_reason, help="Why, for whoever looks later. Name nobody in it."
)


def _with_bounds(command: Command) -> Command:
    """Let a list be bounded."""
    limit = click.option(
        "--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many to show at most."
    )
    channel = click.option("--channel", "channels", type=_CHANNEL, callback=_channels, help="Default: all.")
    return limit(channel(command))


def _channels(context: click.Context, parameter: click.Parameter, given: str | None) -> list[Channel]:
    return list(Channel) if given is None else [Channel(given)]


@texts.command()
@_with_bounds
def waiting(limit: int, channels: list[Channel]) -> None:
    """List what is held, in the order it goes, and why it waits."""
    with reading() as session:
        found = backlog.waiting(session, channels=channels, at=clock.now(), limit=limit + 1)
    _show(found, limit, "DUE", "WHY")


@texts.command()
@_with_bounds
def stuck(limit: int, channels: list[Channel]) -> None:
    """List what should have moved on and has not, the worst first."""
    with reading() as session:
        found = backlog.stuck(session, channels=channels, at=clock.now(), limit=limit + 1)
    _show(found, limit, "SINCE", "WHERE")


@texts.command()
@_with_bounds
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 366), help="How far back to look.")
def failed(limit: int, channels: list[Channel], days: int) -> None:
    """List what told nobody anything, and what followed."""
    since = clock.now() - timedelta(days=days)
    with reading() as session:
        found = backlog.failed(session, channels=channels, since=since, limit=limit + 1)
    _show(found, limit, "FAILED", "FOLLOWED BY")


@texts.command("resend")
@click.argument("message_id", type=click.UUID)
@_with_reason
def resend_one(message_id: UUID, reason: str) -> None:
    """Send a message's news again by the same way."""
    try:
        with transaction() as session:
            message = resend(session, message_id, reason=reason, at=clock.now())
    except NotSentAgain as refused:
        raise click.ClickException(f"Not sent again. {refused}") from None
    click.echo(f"Message {message.id} goes by {message.channel} at {in_london(message.send_at)}.")


@texts.command()
@click.argument("channel", type=_CHANNEL)
@_with_reason
def pause(channel: str, reason: str) -> None:
    """Let a sender stand still until it is resumed."""
    with transaction() as session:
        lock_state(session, Channel(channel)).pause(PausedBy.OPERATOR, reason, clock.now())
    log.warning("sender_paused_by_operator", extra={"channel": channel})
    click.echo(f"The {channel} sender is paused. What is with the carrier already is not called back.")
    click.echo(
        "Texts wait, and become contact tasks when they expire."
        if channel == Channel.TEXT
        else "Its messages go round by the next way when they are due."
    )


@texts.command()
@click.argument("channel", type=_CHANNEL)
def resume(channel: str) -> None:
    """Let a sender go on, whoever paused it."""
    with transaction() as session:
        state = lock_state(session, Channel(channel))
        was_paused = state.stands_still(clock.now())
        state.resume()
    if not was_paused:
        click.echo(f"The {channel} sender was not paused.")
        return
    log.warning("sender_resumed", extra={"channel": channel})
    click.echo(f"The {channel} sender goes on. After a carrier's refusal the first message goes within a minute.")


@texts.command()
def senders() -> None:
    """Show how each channel's sender stands."""
    at = clock.now()
    with reading() as session:
        stand, loads = states(session), backlog.loads(session, at)
    rows = [
        _sender(channel, stand.get(channel), [load for key, load in loads.items() if key[0] is channel], at)
        for channel in Channel
    ]
    print_table(("CHANNEL", "WAITING", "LATE BY", "PAUSED BY", "SINCE", "TRIES AGAIN", "REASON"), rows)


def _sender(channel: Channel, state: SenderState | None, loads: Sequence[Load], at: datetime) -> Sequence[str]:
    late = f"{backlog.oldest_due(loads, at).total_seconds():.0f} s"
    load = (channel, str(sum(load.waiting for load in loads)), late)
    if state is None or not state.stands_still(at):
        return (*load, "-", "-", "-", "-")
    return (*load, state.who_paused, _time(state.paused_at), _time(state.resume_at), state.reason or "-")


def _time(at: datetime | None) -> str:
    return "-" if at is None else in_london(at)


def _show(found: Sequence[Listed], limit: int, at: str, remark: str) -> None:
    """A list of messages; one more than `limit` were looked for."""
    if not found:
        click.echo("None.")
        return
    print_table(
        ("MESSAGE", "KIND", "CHANNEL", "STATUS", at, "ERROR", "VISIT", remark),
        (
            (
                str(listed.message.id),
                listed.message.kind,
                listed.message.channel,
                listed.message.status,
                in_london(listed.at),
                listed.message.error_code or "-",
                listed.visit_reference,
                listed.remark,
            )
            for listed in found[:limit]
        ),
    )
    if len(found) > limit:
        click.echo(f"There are more than these {limit}: see --limit.")
