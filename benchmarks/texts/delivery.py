"""How soon texts go: after their change is committed, ahead of thousands of others, and at a sender's own rate."""

import time
from contextlib import ExitStack
from itertools import repeat
from uuid import UUID

from sqlalchemy import select

from benchmarks.load import WrongAnswer
from benchmarks.texts.asking import ask_at
from benchmarks.texts.dispatching import TooSlow, dispatcher
from benchmarks.texts.stage import (
    CARRIER_TAKES_S,
    Figure,
    Stage,
    at_most,
    looking_at,
    see_that_all_is_recorded,
)
from benchmarks.texts.standin import Standin, Taken, standing_in
from benchmarks.works import Booking
from models.message import Message, MessageKind, MessageStatus

BOOKINGS_A_SECOND = 50
PARTS_A_SECOND = 10
LATE_TEXTS_A_SECOND = 5
LATE_TEXTS_A_SECOND_AT_A_RATE = 1
BUSY = 0.95

_STILL_TO_COME_WITHIN = 60.0


def committing(stage: Stage) -> list[Figure]:
    """Visits are booked at a steady rate through the API; each text is due at once."""
    booking = Booking(stage.bench.people, stage.bench.now())
    asked = [booking.request(number) for number in range(round(BOOKINGS_A_SECOND * stage.plan.committing_s))]
    with standing_in(latency_s=CARRIER_TAKES_S) as carrier:
        outbox = stage.outbox("committing", carrier)
        with stage.server(outbox) as port, dispatcher(outbox):
            answers = ask_at(port, asked, BOOKINGS_A_SECOND, booking.is_right)
            _await(carrier, len(asked))
        with looking_at(outbox) as connection:
            rows = connection.execute(
                select(Message.id, Message.send_at).where(Message.status == MessageStatus.ACCEPTED)
            ).all()
        due = {row.id: row.send_at for row in rows}
        waits = stage.lateness(due, carrier.taken())
    if len(due) != len(asked):
        raise WrongAnswer(f"{len(asked)} visits were booked, and {len(due)} texts are on record as taken")
    rate = f"{BOOKINGS_A_SECOND} a second for {stage.plan.committing_s:g} s"
    return [
        Figure(f"booked, {rate}", f"answered within {max(answers) * 1000:.0f} ms"),
        at_most("  from commit to accepted", waits, 0.95, 5),
        at_most("  from commit to accepted", waits, 0.99, 10),
    ]


def late_first(stage: Stage) -> list[Figure]:
    """Late texts come in while thousands of moves are being sent."""
    with standing_in(latency_s=CARRIER_TAKES_S) as carrier:
        late, _ = _late_texts(stage, carrier, LATE_TEXTS_A_SECOND, stage.plan.late_s)
    return [
        Figure("late texts, moves waiting", f"{len(late)} among {stage.plan.moves_waiting} moves"),
        at_most("  from due to accepted", late, 0.99, 5),
    ]


def at_a_rate(stage: Stage) -> list[Figure]:
    """The same with a sender of ten parts a second, by one dispatcher and by two: busy, never asked for more."""
    return [figure for dispatchers in (1, 2) for figure in _at_a_rate(stage, dispatchers)]


def _at_a_rate(stage: Stage, dispatchers: int) -> list[Figure]:
    with standing_in(latency_s=CARRIER_TAKES_S) as carrier:
        late, taken = _late_texts(
            stage,
            carrier,
            LATE_TEXTS_A_SECOND_AT_A_RATE,
            stage.plan.limited_s / 2,
            dispatchers=dispatchers,
            parts_per_second=PARTS_A_SECOND,
        )
    busy, most = how_busy(taken, PARTS_A_SECOND), most_in_a_second(taken)
    return [
        Figure(f"{PARTS_A_SECOND} parts a second, dispatchers: {dispatchers}", f"{len(late)} late texts"),
        at_most("  late texts, from due to accepted", late, 0.99, 5),
        Figure("  kept busy", f"{busy:.1%}", f">= {BUSY:.0%}", busy >= BUSY),
        Figure("  most parts in any second", f"{most}", f"<= {PARTS_A_SECOND}", most <= PARTS_A_SECOND),
    ]


def _late_texts(
    stage: Stage,
    carrier: Standin,
    a_second: int,
    seconds: float,
    *,
    dispatchers: int = 1,
    parts_per_second: int = 0,
) -> tuple[list[float], list[Taken]]:
    """Queue the moves, send for so long, and put a late text in now and then: how long each of those took, and all
    that was taken."""
    outbox = stage.outbox("late", carrier)
    first, due = stage.plan.moves_waiting, {}
    with looking_at(outbox) as connection:
        stage.queue(connection, range(first), repeat(MessageKind.MOVED))
        with ExitStack() as running:
            for _ in range(dispatchers):
                running.enter_context(dispatcher(outbox, parts_per_second=parts_per_second))
            if not carrier.await_count(1, _STILL_TO_COME_WITHIN):
                raise TooSlow("no text was taken")
            begun = time.monotonic()
            for number in range(int(seconds * a_second)):
                time.sleep(max(0.0, begun + number / a_second - time.monotonic()))
                if carrier.count >= first + number:
                    raise WrongAnswer("no move waits any more: queue more of them")
                due_at = stage.bench.now()
                [message_id] = stage.queue(connection, [first + number], [MessageKind.DELAYED])
                due[message_id] = due_at
            time.sleep(max(0.0, begun + seconds - time.monotonic()))
            _await_all(carrier, set(due))
    see_that_all_is_recorded(outbox, due)
    taken = carrier.taken()
    return stage.lateness(due, taken), taken


def _await(carrier: Standin, count: int) -> None:
    if not carrier.await_count(count, _STILL_TO_COME_WITHIN):
        raise TooSlow(f"{carrier.count} of {count} texts were taken, and no more came")


def _await_all(carrier: Standin, ids: set[UUID]) -> None:
    until = time.monotonic() + _STILL_TO_COME_WITHIN
    while missing := len(ids - {text.message_id for text in carrier.taken()}):
        if time.monotonic() > until:
            raise TooSlow(f"{missing} late texts were never taken")
        time.sleep(0.2)


def how_busy(taken: list[Taken], per_second: int) -> float:
    """The parts that went, as a share of what the rate allows from the first text to the last."""
    first, last = taken[0], taken[-1]
    return sum(text.parts for text in taken[:-1]) / (per_second * (last.at - first.at))


def most_in_a_second(taken: list[Taken]) -> int:
    """The most parts that were taken within any one second."""
    most = parts = begin = 0
    for text in taken:
        parts += text.parts
        while text.at - taken[begin].at >= 1:
            parts -= taken[begin].parts
            begin += 1
        most = max(most, parts)
    return most
