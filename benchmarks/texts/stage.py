"""What every trial stands on: a fresh copy of the town, a stand-in, a dispatcher and, where it is asked, a server.

And what it ends with: its figures, and the proof that each text was taken once and is on record.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, bindparam, text

from benchmarks import servers
from benchmarks.load import WrongAnswer
from benchmarks.suite import Bench
from benchmarks.texts.dispatching import Outbox
from benchmarks.texts.standin import TOKEN, Standin, Taken
from benchmarks.texts.waiting import queue
from models import database
from models.message import MessageKind

CARRIER_TAKES_S = 0.1
"""How long the stand-in takes for each answer, as a real carrier does, unless its speed is the question."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything there is."""

    committing_s: float = 60
    moves_waiting: int = 3000
    late_s: float = 15
    limited_s: float = 60
    receipts_s: float = 30
    usual_s: float = 30
    hung_s: float = 60
    queued: int = 10_000
    rounds: int = 5
    queued_at_a_slow_carrier: int = 2000

    @property
    def visits(self) -> int:
        """How many visits the town needs, so that no visit has two texts that wait for each other."""
        return max(self.queued + self.queued_at_a_slow_carrier, 2 * self.moves_waiting, 5000)


SHORT = Plan(
    committing_s=5,
    moves_waiting=300,
    late_s=1.5,
    limited_s=8,
    receipts_s=4,
    usual_s=4,
    hung_s=8,
    queued=1000,
    rounds=2,
    queued_at_a_slow_carrier=200,
)
"""Enough to see that everything runs; too little for figures."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, and what is wanted of it."""

    what: str
    figure: str
    wanted: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One database, as the trials use it."""

    bench: Bench
    kind: str
    folder: Path
    copy: Callable[[str], str]
    plan: Plan

    def outbox(self, name: str, carrier: Standin) -> Outbox:
        """A fresh copy of the town, from which texts go to this stand-in."""
        return Outbox(self.copy(name), carrier.base, self.bench.ahead, self.folder)

    @contextmanager
    def server(self, outbox: Outbox) -> Iterator[int]:
        """The product as production serves it, on this outbox: the port."""
        processes, threads = servers.THREADS[self.kind]
        line = servers.granian("benchmarks.product:app", processes, threads)
        env = servers.environment(outbox.url, self.bench.folder, self.bench.ahead) | {"TWILIO_AUTH_TOKEN": TOKEN}
        with servers.serving(line, env, self.folder) as port:
            yield port

    def queue(self, connection: Connection, numbers: Iterable[int], kinds: Iterable[MessageKind]) -> list[UUID]:
        """Texts about these visits, due now."""
        return queue(connection, self.bench.town, numbers, kinds, self.bench.now())

    def lateness(self, due: dict[UUID, datetime], taken: Sequence[Taken]) -> list[float]:
        """How many seconds after its time each text was taken. Raises WrongAnswer unless each was, once."""
        at = {text.message_id: text.at for text in taken if text.message_id in due}
        times = sum(text.message_id in due for text in taken)
        if len(at) != len(due) or times != len(due):
            raise WrongAnswer(f"of {len(due)} texts {len(at)} were taken, {times} times in all")
        ahead_s = self.bench.ahead.total_seconds()
        return [at[message_id] + ahead_s - due_at.timestamp() for message_id, due_at in due.items()]


@contextmanager
def looking_at(outbox: Outbox) -> Iterator[Connection]:
    """The database of a trial, for its preparations and for its proof."""
    engine = database.connect(outbox.url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def see_that_all_is_recorded(outbox: Outbox, ids: Iterable[UUID]) -> None:
    """Raises WrongAnswer unless each of these texts is on record as taken by the carrier."""
    wanted = set(ids)
    with looking_at(outbox) as connection:
        found = connection.execute(
            text("SELECT id FROM messages WHERE status IN :taken AND carrier_id IS NOT NULL").bindparams(
                bindparam("taken", ["accepted", "delivered"], expanding=True)
            )
        )
        recorded = {row.id if isinstance(row.id, UUID) else UUID(row.id) for row in found}
    if missing := len(wanted - recorded):
        raise WrongAnswer(f"{missing} of {len(wanted)} texts are not on record as taken")


def share(waits: Sequence[float], of: float) -> float:
    """The wait, in seconds, that this share of them does not exceed."""
    ordered = sorted(waits)
    return ordered[min(int(len(ordered) * of), len(ordered) - 1)]


def at_most(what: str, waits: Sequence[float], of: float, seconds: float) -> Figure:
    """A percentile of waits in seconds beside the most it may be."""
    found = share(waits, of)
    return Figure(f"{what}, p{of * 100:.0f}", f"{found:.2f} s", f"<= {seconds:g} s", found <= seconds)
