"""Commands for whoever runs the product: accounts, keys, the dispatcher, and everything at once."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import click
from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from api import cli_audit, cli_figures, cli_keys, cli_postcodes, cli_records, cli_texts, cli_travel, demonstration
from api.config import Settings
from models import clock
from models.database import transaction
from models.message import Channel
from models.missed_standard import look_for_missed
from models.officer import Officer
from models.user import Role, User
from models.visit_link import VisitLinks
from notifications.alerts import AlertSender
from notifications.dispatcher import Dispatcher, stop_on_signals
from notifications.look_ahead import look_ahead
from notifications.nudges import NudgeSender
from notifications.overdue import look_for_no_outcome, look_for_nobody_there
from notifications.senders import senders_from
from notifications.senders.outcomes import Sender
from notifications.staff_texts import StaffTexts
from notifications.sweep import look_ahead_a_day
from notifications.texts import Council
from notifications.watch import Rounds, Watch

ROOT = Path(__file__).resolve().parent.parent
SHORTEST_PASSWORD = 12


def register(app: Flask) -> None:
    """Add the commands to `flask`."""
    settings: Settings = app.config["SETTINGS"]
    app.cli.add_command(cli_texts.texts)
    app.cli.add_command(cli_keys.keys)
    app.cli.add_command(cli_postcodes.postcodes)
    app.cli.add_command(cli_travel.travel_group)
    app.cli.add_command(cli_records.prove_scans)
    app.cli.add_command(cli_records.purge)
    app.cli.add_command(cli_figures.figures)
    app.cli.add_command(cli_audit.audit)

    @app.cli.command("create-user")
    @click.option("--username", required=True)
    @click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
    @click.option("--officer-id", type=click.UUID, help="Which officer an officer's account is for.")
    def create_user(username: str, role: str, officer_id: UUID | None) -> None:
        """Open an account; the password is read from standard input."""
        password = sys.stdin.readline().rstrip("\r\n")
        if len(password) < SHORTEST_PASSWORD:
            raise click.ClickException(f"Give a password of {SHORTEST_PASSWORD} characters or more.")
        if (role == Role.OFFICER) != (officer_id is not None):
            raise click.ClickException("An officer's account, and no other, needs --officer-id.")
        account = User(
            id=uuid4(), username=username, role=Role(role), officer_id=officer_id, created_at=clock.now()
        )
        account.active = True
        account.set_password(password)
        try:
            with transaction() as session:
                if officer_id and not session.scalar(select(Officer.id).where(Officer.id == officer_id)):
                    raise click.ClickException("No officer has this id.")
                session.add(account)
        except IntegrityError:
            raise click.ClickException("Another account has this username.") from None
        click.echo(account.id)

    @app.cli.command("send-texts")
    @click.option("--once", is_flag=True, help="Send what is due, then end.")
    def send_texts(once: bool) -> None:
        """Look for what nobody reports, and send the texts that are due, to our own people too, until stopped."""
        dispatcher = dispatcher_of(settings, app.extensions["visit_links"])
        rounds, to_staff = Rounds(watches_of(settings)), staff_texts_of(settings)
        if once:
            try:
                rounds.go(at_once=True)
                for texts in to_staff:
                    texts.send_due()
                click.echo(f"{dispatcher.send_due()} sent")
            finally:
                dispatcher.close()
            return
        _run_beside_each_other(dispatcher, [rounds, *to_staff])

    @app.cli.command("load-demonstration")
    def load_demonstration() -> None:
        """Fill an empty database with invented people and visits."""
        if settings.production:
            raise click.ClickException("Demonstration data and its passwords do not belong in production.")
        done = demonstration.load(clock.now())
        click.echo("Demonstration data is in." if done else "The database holds people already: left as it is.")

    @app.cli.command("start")
    @click.option("--port", default=None, type=int, help="Default: the port of PUBLIC_BASE_URL, or 8000.")
    def start(port: int | None) -> None:
        """Prepare the database and serve everything on this machine, until Ctrl-C."""
        migrate()
        if not settings.production:
            demonstration.load(clock.now())
        _serve(settings, port or urlsplit(settings.public_base_url).port or 8000)


class _Runs(Protocol):
    """What goes on until a stop is set."""

    def run(self, stop: Event) -> None: ...


def _run_beside_each_other(dispatcher: Dispatcher, others: Sequence[_Runs]) -> None:
    """The dispatcher until we are told to stop, the others in threads: none keeps another waiting."""
    stop = stop_on_signals()
    beside = [Thread(target=other.run, args=(stop,)) for other in others]
    for thread in beside:
        thread.start()
    try:
        dispatcher.run(stop)
    finally:
        stop.set()
        for thread in beside:
            thread.join()


def watches_of(settings: Settings) -> list[Watch]:
    """What is looked for beside the sending of texts."""
    overrun, redress = timedelta(minutes=settings.lone_worker_minutes), settings.redress
    return [
        Watch("visits that will be late", look_ahead),
        Watch("visits that nobody came to", look_for_nobody_there),
        Watch("officers who do not come out", lambda at: look_for_no_outcome(at, overrun)),
        Watch("standards that were missed", lambda at: look_for_missed(at, redress), every=timedelta(minutes=5)),
        Watch("visits that are likely to fail", look_ahead_a_day, every=timedelta(minutes=10)),
    ]


def dispatcher_of(settings: Settings, links: VisitLinks | None = None) -> Dispatcher:
    """The dispatcher that the settings ask for; `links` lead from its texts to residents' own pages."""
    rates = {Channel.TEXT: settings.sms_parts_per_second, Channel.CALL: settings.calls_per_second}
    council = Council(settings.council_name, settings.council_phone, links)
    return Dispatcher(_senders(settings), council, per_second=rates)


def staff_texts_of(settings: Settings) -> list[StaffTexts[Any]]:
    """What texts our own people: officers who are asked for a word and, if any are named, the duty managers."""
    sender = _senders(settings)[Channel.TEXT]
    nudges = NudgeSender(sender, Council(settings.council_name, settings.council_phone))
    if not settings.duty_manager_phones:
        return [nudges]
    return [nudges, AlertSender(sender, settings.council_name, settings.duty_manager_phones)]


def _senders(settings: Settings) -> dict[Channel, Sender]:
    return senders_from(
        sms_sender=settings.sms_sender,
        public_base_url=settings.public_base_url,
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token,
        from_number=settings.twilio_from,
        messaging_service_sid=settings.twilio_messaging_service_sid,
        voice_from=settings.twilio_voice_from,
        api_base=settings.twilio_api_base,
        smtp_url=settings.smtp_url,
        email_from=settings.email_from,
        mail_folder=settings.mail_folder,
    )


def migrate() -> None:
    """Bring the database to the newest shape: `alembic upgrade head`."""
    config = Config(toml_file=ROOT / "pyproject.toml")
    command.upgrade(config, "head")


def _serve(settings: Settings, port: int) -> None:
    """Run the web server and the dispatcher until one ends or we are told to stop."""
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "1"]
    server += ["--blocking-threads", "8", "--no-access-log", "--log-level", "error", "wsgi:app"]
    # A newcomer's terminal tells where to look and what went wrong, and not of each request.
    environment = os.environ | {"LOG_LEVEL": os.environ.get("LOG_LEVEL") or "WARNING"}
    # Each in its own group: Ctrl-C reaches us alone, and we stop them in order.
    running = [
        subprocess.Popen(line, cwd=ROOT, env=environment, start_new_session=True)  # noqa: S603 - our own two commands
        for line in (server, [sys.executable, "-m", "flask", "--app", "wsgi", "send-texts"])
    ]
    stop = stop_on_signals()
    try:
        told = False
        while not stop.is_set() and all(process.poll() is None for process in running):
            if not told and _answers(port):
                told = True
                _say_where(settings, port)
            stop.wait(0.2 if not told else 0.5)
    finally:
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(timeout=25)
            except subprocess.TimeoutExpired:
                process.kill()
    if not stop.is_set():
        sys.exit("The server or the dispatcher ended by itself; what it said is above.")
    click.echo("Stopped.")


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
            return True
    except OSError:
        return False


def _say_where(settings: Settings, port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    click.echo(f"\n  Ready at {base}/ (Ctrl-C stops it)\n")
    if settings.production:
        return
    click.echo(f"  The API, to read and to try:       {base}/docs")
    click.echo(f"  Today's board, for schedulers:     {base}/")
    click.echo(f"  The texts residents would get:     {base}/dev/outbox")
    click.echo(f"  Check a badge by its code:         {base}/b")
    names = ", ".join(name for name, _ in demonstration.ACCOUNTS)
    click.echo(f"  Sign in as {names}; the password of each is {demonstration.PASSWORD}\n")
