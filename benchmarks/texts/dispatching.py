"""Who sends: a dispatcher as production runs it, and the bare client in a loop, each in a process of its own."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import uuid4

from api import logs
from api.cli import dispatcher_of
from api.config import Settings
from benchmarks.texts.standin import ACCOUNT, TOKEN
from models import clock, database
from models.message import Channel
from notifications.dispatcher import IN_FLIGHT, stop_on_signals
from notifications.senders.outcomes import Accepted, Outgoing
from notifications.senders.twilio import TwilioSender

THREADS = IN_FLIGHT[Channel.TEXT]

_START_WITHIN = 30.0
_STOP_WITHIN = 30.0
# A clean process: nothing of ours, such as a connection to a database, may be in it.
_spawn = multiprocessing.get_context("spawn")

_WORDS = (
    "Harrow Council: we have changed the time of our visit to your home. It was Mon 23 Nov 14:00. It is now"
    " Tue 24 Nov 15:00. If this does not suit you, please call 020 7946 0123. Ref 7K3QX2AB"
)


class TooSlow(Exception):
    """Something took longer than any run may."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """What a dispatcher is pointed at: the database, the stand-in, and the clock's distance from ours."""

    url: str
    carrier: str
    ahead: timedelta
    folder: Path

    def settings(self, parts_per_second: int) -> Settings:
        """The product's own settings for it."""
        return Settings.from_environment(
            {
                "DATABASE_URL": self.url,
                "SMS_SENDER": "twilio",
                "TWILIO_ACCOUNT_SID": ACCOUNT,
                "TWILIO_AUTH_TOKEN": TOKEN,
                "TWILIO_FROM": "+447700900999",
                "TWILIO_API_BASE": self.carrier,
                "SMS_PARTS_PER_SECOND": str(parts_per_second),
            }
        )


class Worker:
    """A process that does as much as it is told, and says how many seconds that took."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def seconds_for(self, texts: int, within: float) -> float:
        """Have so many texts sent. Raises TooSlow, or RuntimeError for what went wrong there."""
        self._pipe.send(texts)
        if not self._pipe.poll(within):
            raise TooSlow(f"{texts} texts were not sent within {within:.0f} s")
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return float(answer)


@contextmanager
def dispatcher(outbox: Outbox, *, parts_per_second: int = 0) -> Iterator[None]:
    """`flask send-texts`, but with the clock of the run: sends what falls due until the block ends."""
    with _process(_run, outbox, parts_per_second):
        yield


@contextmanager
def dispatcher_on_demand(outbox: Outbox) -> Iterator[Worker]:
    """A dispatcher that sends as many as it is told: `send_due`, with its own time-keeping."""
    with _process(_send_on_demand, outbox) as pipe:
        yield Worker(pipe)


@contextmanager
def bare_loop(carrier: str) -> Iterator[Worker]:
    """The same client called from as many threads, and nothing else: no database, no rules, no records."""
    with _process(_loop, carrier) as pipe:
        yield Worker(pipe)


@contextmanager
def _process(work: Any, *given: Any) -> Iterator[Connection]:
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=work, args=(*given, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_START_WITHIN):
            raise TooSlow("a process that sends did not start")
        ours.recv()
        yield ours
    finally:
        # A dispatcher stops in order on SIGTERM; the others have nothing to put in order.
        os.kill(process.pid or 0, signal.SIGTERM)
        process.join(_STOP_WITHIN)
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()


def _prepare(outbox: Outbox, parts_per_second: int) -> Any:
    # Its log costs what a log costs, and is nobody's to read here.
    sys.stderr = (outbox.folder / "dispatcher.log").open("a")
    settings = outbox.settings(parts_per_second)
    logs.configure(settings.log_level)
    clock.read_from(lambda: datetime.now(UTC) + outbox.ahead)
    database.connect(outbox.url)
    return dispatcher_of(settings)


def _run(outbox: Outbox, parts_per_second: int, pipe: Connection) -> None:
    stop = stop_on_signals()
    running = _prepare(outbox, parts_per_second)
    pipe.send("ready")
    running.run(stop)


def _send_on_demand(outbox: Outbox, pipe: Connection) -> None:
    sending = _prepare(outbox, 0)

    def send(texts: int) -> None:
        sent = sending.send_due(limit=texts)
        if sent != texts:
            raise RuntimeError(f"{sent} texts were sent, not {texts}")

    _obey(pipe, send)


def _loop(carrier: str, pipe: Connection) -> None:
    sender = TwilioSender(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        from_number="+447700900999",
        public_base_url="http://127.0.0.1:8000",
        api_base=carrier,
        in_flight=THREADS,
    )
    threads = ThreadPoolExecutor(THREADS)

    def send(texts: int) -> None:
        waiting = [
            Outgoing(uuid4(), "7K3QX2AB", "+447700900123", _WORDS, timedelta(hours=24)) for _ in range(texts)
        ]
        for outcome in threads.map(sender.send, waiting):
            if not isinstance(outcome, Accepted):
                raise RuntimeError(f"the bare loop met {outcome}")

    _obey(pipe, send)


def _obey(pipe: Connection, send: Any) -> None:
    pipe.send("ready")
    while True:
        texts = pipe.recv()
        begun = time.perf_counter()
        try:
            send(texts)
            pipe.send(time.perf_counter() - begun)
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")
