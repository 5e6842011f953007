"""How many texts a second go, beside what the carrier's client alone manages in the same rounds."""

import random
from itertools import cycle
from statistics import median

from sqlalchemy import Connection

from benchmarks.texts.dispatching import THREADS, bare_loop, dispatcher_on_demand
from benchmarks.texts.stage import CARRIER_TAKES_S, Figure, Stage, looking_at, see_that_all_is_recorded
from benchmarks.texts.standin import standing_in
from models.message import MessageKind

OVER_THE_FLOOR = 1.05

_KINDS = (MessageKind.BOOKED, MessageKind.MOVED)
_SLOWEST = 20
"""Texts a second: slower than that, the trial is given up."""


def fast_carrier(stage: Stage) -> list[Figure]:
    """All texts are queued; then the dispatcher and the bare client take turns at the same stand-in."""
    plan = stage.plan
    each = plan.queued // plan.rounds
    rates: dict[str, list[float]] = {"bare": [], "dispatcher": []}
    with standing_in() as carrier:
        outbox = stage.outbox("queued", carrier)
        with looking_at(outbox) as connection:
            ids = stage.queue(connection, range(each * plan.rounds), cycle(_KINDS))
            _analyze(connection)
        with bare_loop(carrier.base) as bare, dispatcher_on_demand(outbox) as sending:
            bare.seconds_for(50, 30)
            workers = {"bare": bare, "dispatcher": sending}
            for number in range(plan.rounds):
                for name in random.Random(number).sample(sorted(workers), 2):
                    rates[name].append(each / workers[name].seconds_for(each, each / _SLOWEST + 30))
        see_that_all_is_recorded(outbox, ids)
        stage.lateness(dict.fromkeys(ids, stage.bench.now()), carrier.taken())
    pairs = zip(rates["dispatcher"], rates["bare"], strict=True)
    ratio = median(ours / theirs for ours, theirs in pairs)
    return [
        Figure(f"{len(ids)} texts queued, carrier at once", f"{median(rates['dispatcher']):.0f} a second"),
        Figure(f"  bare loop, {THREADS} threads", f"{median(rates['bare']):.0f} a second"),
        Figure("  ratio to the bare loop", f"{ratio:.3f}"),
    ]


def slow_carrier(stage: Stage) -> list[Figure]:
    """Each answer takes a while: the floor is N x latency / in-flight."""
    count = stage.plan.queued_at_a_slow_carrier
    floor_s = count * CARRIER_TAKES_S / THREADS
    with standing_in(latency_s=CARRIER_TAKES_S) as carrier:
        outbox = stage.outbox("slow", carrier)
        with looking_at(outbox) as connection:
            ids = stage.queue(connection, range(count), cycle(_KINDS))
            _analyze(connection)
        with dispatcher_on_demand(outbox) as sending:
            seconds = sending.seconds_for(count, count / _SLOWEST + 30)
        see_that_all_is_recorded(outbox, ids)
        stage.lateness(dict.fromkeys(ids, stage.bench.now()), carrier.taken())
    over = seconds / floor_s
    return [
        Figure(
            f"{count} texts, carrier takes {CARRIER_TAKES_S * 1000:.0f} ms",
            f"{seconds:.2f} s, floor {floor_s:.2f} s: {over:.3f}",
            f"<= {OVER_THE_FLOOR}",
            over <= OVER_THE_FLOOR,
        )
    ]


def _analyze(connection: Connection) -> None:
    """What waited a night has been counted by the database meanwhile."""
    connection.exec_driver_sql("ANALYZE")
    connection.commit()
