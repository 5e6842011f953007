"""What texts cost those who use the API meanwhile: receipts by the hundred a second, and a carrier that hangs."""

import random
from itertools import cycle
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from benchmarks.load import WrongAnswer, request
from benchmarks.texts.asking import ask_at
from benchmarks.texts.dispatching import TooSlow, dispatcher
from benchmarks.texts.stage import CARRIER_TAKES_S, Figure, Stage, looking_at, share
from benchmarks.texts.standin import ACCOUNT, TOKEN, Standin, standing_in
from benchmarks.works import Booking, Moving
from models.message import Message, MessageKind, MessageStatus

RECEIPTS_A_SECOND = 500
EACH_COMES = 3
RECEIPT_P99_MS = 250
CHANGES_A_SECOND = 40
SLOWED = 1.2

_WORDS = ("sent", "delivered")
_PUBLIC_BASE_URL = "http://127.0.0.1:8000"
_CATCHES_UP_WITHIN = 90.0


def receipts(stage: Stage) -> list[Figure]:
    """Receipts of texts the carrier has: of each `sent` and `delivered`, three times, in any order, all signed."""
    count = round(RECEIPTS_A_SECOND * stage.plan.receipts_s / (len(_WORDS) * EACH_COMES))
    with standing_in(latency_s=CARRIER_TAKES_S) as carrier:
        outbox = stage.outbox("receipts", carrier)
        with looking_at(outbox) as connection:
            ids = stage.queue(connection, range(count), cycle((MessageKind.BOOKED, MessageKind.MOVED)))
            connection.execute(
                update(Message)
                .where(Message.id == bindparam("key"))
                .values(
                    status=MessageStatus.ACCEPTED,
                    attempts=1,
                    carrier="twilio",
                    carrier_id=bindparam("sid"),
                    accepted_at=stage.bench.now(),
                    receipt_rank=1,
                ),
                [{"key": message_id, "sid": _sid(message_id)} for message_id in ids],
            )
            connection.commit()
        asked = [_receipt(message_id, word) for message_id in ids for word in _WORDS for _ in range(EACH_COMES)]
        random.Random(2026).shuffle(asked)
        with stage.server(outbox) as port, dispatcher(outbox):
            waits = ask_at(port, asked, RECEIPTS_A_SECOND, lambda status, _: status == 204)
        with looking_at(outbox) as connection:
            delivered = connection.scalar(
                select(func.count())
                .select_from(Message)
                .where(Message.id.in_(ids[:500]), Message.status == MessageStatus.DELIVERED)
            )
    if delivered != len(ids[:500]):
        raise WrongAnswer(f"{delivered} of {len(ids[:500])} texts are on record as delivered")
    p99 = share(waits, 0.99) * 1000
    return [
        Figure(
            f"receipts, {RECEIPTS_A_SECOND} a second for {stage.plan.receipts_s:g} s",
            f"{len(asked)}, each {EACH_COMES} times, shuffled",
        ),
        Figure("  answered, p50", f"{share(waits, 0.5) * 1000:.1f} ms"),
        Figure("  answered, p99", f"{p99:.1f} ms", f"< {RECEIPT_P99_MS} ms", p99 < RECEIPT_P99_MS),
    ]


def _sid(message_id: UUID) -> str:
    return f"SM{message_id.hex}"


def _receipt(message_id: UUID, word: str) -> bytes:
    path = f"/callbacks/twilio/status?message={message_id}"
    form = {
        "MessageSid": _sid(message_id),
        "MessageStatus": word,
        "AccountSid": ACCOUNT,
        "From": "+447700900999",
        "To": "+447700900123",
        "ApiVersion": "2010-04-01",
    }
    signature = RequestValidator(TOKEN).compute_signature(_PUBLIC_BASE_URL + path, form)
    body = urlencode(form).encode()
    sent = request("POST", path, body, X_Twilio_Signature=signature)
    return sent.replace(b"application/json", b"application/x-www-form-urlencoded", 1)


def hung(stage: Stage) -> list[Figure]:
    """Visits are booked and moved at a steady rate: as usual, while the carrier hangs, and as usual again.

    What is usual is measured before and after, since a shared machine is never the same for long.
    """
    plan = stage.plan
    booking, moving = (
        Booking(stage.bench.people, stage.bench.now()),
        Moving(stage.bench.people, stage.bench.now()),
    )
    asked = 0

    def ask_for(port: int, seconds: float) -> list[float]:
        nonlocal asked
        numbers = range(asked, asked + round(CHANGES_A_SECOND / 2 * seconds))
        asked = numbers.stop
        changes = [work.request(number) for number in numbers for work in (booking, moving)]
        return ask_at(port, changes, CHANGES_A_SECOND, lambda status, _: status == 201)

    with standing_in(latency_s=CARRIER_TAKES_S) as carrier:
        outbox = stage.outbox("hung", carrier)
        with stage.server(outbox) as port, dispatcher(outbox):
            ask_for(port, min(2.0, plan.usual_s))
            before = ask_for(port, plan.usual_s)
            sent_before = carrier.count
            carrier.hang()
            meanwhile = ask_for(port, plan.hung_s)
            carrier.hang(False)
            _catch_up(carrier, sent_before + round(plan.hung_s * CHANGES_A_SECOND / 2 * 0.9))
            after = ask_for(port, plan.usual_s)
    figures = [Figure(f"carrier hung for {plan.hung_s:g} s", f"{CHANGES_A_SECOND} changes a second")]
    for name, place in (("booking", 0), ("moving", 1)):
        usual = share([*before[place::2], *after[place::2]], 0.99) * 1000
        slowed = share(meanwhile[place::2], 0.99) * 1000
        figures.append(
            Figure(
                f"  {name}, p99",
                f"{slowed:.1f} ms, usually {usual:.1f}: {slowed / usual:.2f}",
                f"<= {SLOWED}",
                slowed <= SLOWED * usual,
            )
        )
    return figures


def _catch_up(carrier: Standin, count: int) -> None:
    """Wait until nearly all that was held up has gone: what is in doubt is looked up first, and takes longer."""
    if not carrier.await_count(count, _CATCHES_UP_WITHIN):
        raise TooSlow(f"after the carrier hung, {carrier.count} of {count} texts were taken")
