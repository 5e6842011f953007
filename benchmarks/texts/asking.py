"""Who asks at a fixed rate: each request has its time, whether or not those before it have been answered.

An answer's wait is counted from the time its request was meant to go: a server that stands still for a second
makes all of that second's requests wait, and not only the one on its way.
"""

import multiprocessing
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from benchmarks.load import Channel, WrongAnswer

CONNECTIONS = 64
LONGEST_WAIT = 30.0

_fork = multiprocessing.get_context("fork")

Right = Callable[[int, bytes], bool]


def ask_at(port: int, requests: Sequence[bytes], per_second: float, right: Right) -> list[float]:
    """Ask these, so many a second, over connections kept open: how long each waited. Raises WrongAnswer."""
    ours, theirs = _fork.Pipe()
    child = _fork.Process(target=_ask, args=(port, requests, per_second, right, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(len(requests) / per_second + 2 * LONGEST_WAIT):
            raise WrongAnswer("the process that asks does not end")
        answer = ours.recv()
    except EOFError:
        raise WrongAnswer("the process that asks has died") from None
    finally:
        child.kill()
        child.join()
        ours.close()
    if isinstance(answer, str):
        raise WrongAnswer(answer)
    return list(answer)


def _ask(port: int, requests: Sequence[bytes], per_second: float, right: Right, pipe: Connection) -> None:
    try:
        channels = [Channel(port, number) for number in range(CONNECTIONS)]
        pipe.send(_keep_to_the_clock(channels, requests, per_second, right))
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


def _keep_to_the_clock(
    channels: list[Channel], requests: Sequence[bytes], per_second: float, right: Right
) -> list[float]:
    idle = deque(channels)
    asked: dict[int, int] = {}
    waits = [0.0] * len(requests)
    begun = time.perf_counter()
    sent = answered = 0
    with selectors.DefaultSelector() as selector:
        for channel in channels:
            selector.register(channel.socket, selectors.EVENT_READ, channel)
        while answered < len(requests):
            now = time.perf_counter()
            while sent < len(requests) and idle and begun + sent / per_second <= now:
                channel = idle.popleft()
                asked[channel.number] = sent
                channel.send(requests[sent])
                sent += 1
            due_in = begun + sent / per_second - now if sent < len(requests) and idle else LONGEST_WAIT
            ready = selector.select(max(0.0, due_in))
            if not ready and due_in == LONGEST_WAIT:
                raise WrongAnswer(f"no answer within {LONGEST_WAIT:.0f} s")
            for key, _ in ready:
                channel = key.data
                answer = channel.answer()
                if answer is None:
                    continue
                if not right(*answer):
                    raise WrongAnswer(f"{answer[0]} {answer[1][:300]!r}")
                number = asked.pop(channel.number)
                waits[number] = time.perf_counter() - begun - number / per_second
                answered += 1
                idle.append(channel)
    return waits
