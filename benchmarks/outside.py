"""How long the answer to a false badge takes, one at a time: the attacks we know of, and other people's tokens.

"Nothing genuine, no 5xx, each under 50 ms." A time is no test: a shared machine is slow for reasons of its own. So
each is asked for three times, as a page and as JSON, and the best of the three counts.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.parse import quote

from benchmarks import servers
from benchmarks.load import Channel, WrongAnswer, request
from benchmarks.suite import Bench
from benchmarks.works import BROWSER
from tests.corpora import outside_tokens
from tests.hostile_tokens import hostile_tokens

TRIES = 3
LONGEST = 8_000
"""Characters in an address, beyond which some servers refuse it before the product sees it."""


def measure(bench: Bench, kind: str, folder: Path) -> tuple[int, float, float, str]:
    """How many answers, the median and the slowest in milliseconds, and which that was. Raises WrongAnswer."""
    folder.mkdir()
    line = servers.granian("benchmarks.product:app", *servers.THREADS[kind])
    with servers.databases(kind, folder, bench.town) as (url, _):
        env = servers.environment(url, bench.folder, bench.ahead)
        with servers.serving(line, env, folder) as port:
            took = dict(_ask(bench, port))
    slowest = max(took, key=lambda name: took[name])
    return len(took), median(took.values()) * 1000, took[slowest] * 1000, slowest


def _ask(bench: Bench, port: int) -> Iterator[tuple[str, float]]:
    """Each name, and how many seconds its answer took."""
    people = bench.people
    tokens = outside_tokens() | hostile_tokens(people.keyring, people.issuer, bench.town.badge, bench.now())
    channel = Channel(port, 0)
    for name, token in tokens.items():
        path = f"/b/{quote(token, safe='')}"
        if not token or len(path) > LONGEST:
            continue
        for form, accept in (("page", BROWSER), ("JSON", "application/json")):
            asked = request("GET", path, Accept=accept)
            yield f"{name}, {form}", min(_seconds(channel, asked, name) for _ in range(TRIES))
    channel.socket.close()


def _seconds(channel: Channel, asked: bytes, name: str) -> float:
    channel.send(asked)
    while (answer := channel.answer()) is None:
        pass
    seconds = time.perf_counter() - channel.sent_at
    status, body = answer
    if status != 200 or not (b"Do not let them in" in body or b'"not_confirmed"' in body):
        raise WrongAnswer(f"{name}: {status} {body[:200]!r}")
    return seconds
