"""Who asks: 16 connections kept open, each with one request on its way, from two processes.

Plain sockets and one selector in each process, so that asking costs little beside answering. Every answer is
checked; the first wrong one ends the run.
"""

import multiprocessing
import selectors
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

CONNECTIONS = 16
PROCESSES = 2
LONGEST_WAIT = 60.0

_fork = multiprocessing.get_context("fork")


class WrongAnswer(Exception):
    """The server did not answer as it must: no figure is worth anything then."""


class Work(Protocol):
    """What is asked: request number n, and whether its answer is right."""

    def request(self, number: int) -> bytes:
        """Request number `number`, whole."""

    def is_right(self, status: int, body: bytes) -> bool:
        """Whether this is the answer that was wanted."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of asking for a while."""

    count: int
    seconds: float
    waits: list[float]
    """How long each answer took, in seconds, shortest first."""

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.count / self.seconds

    def wait(self, share: float) -> float:
        """The wait, in milliseconds, that this share of the requests did not exceed."""
        return self.waits[min(int(len(self.waits) * share), len(self.waits) - 1)] * 1000


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP/1.1 request as bytes; `If_Match` becomes If-Match."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Channel:
    """One connection: the request on its way, and as much of the answer as has come."""

    def __init__(self, port: int, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LONGEST_WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = number
        self.sent_at = 0.0
        self._received = b""

    def send(self, asked: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(asked)

    def answer(self) -> tuple[int, bytes] | None:
        """The status and body, or None while they have not come whole. Raises WrongAnswer."""
        more = self.socket.recv(262144)
        if not more:
            raise WrongAnswer(f"the server closed the connection after {self._received[:200]!r}")
        self._received += more
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return None
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if head.startswith(b"HTTP/1.1 204"):
            length = b"0"
        if not head.startswith(b"HTTP/1.1 ") or not length.strip().isdigit():
            raise WrongAnswer(f"an answer without its length: {head[:300]!r}")
        if len(body) < int(length):
            return None
        if len(body) > int(length):
            raise WrongAnswer(f"more than one answer to one request: {body[int(length) :][:200]!r}")
        self._received = b""
        return int(head[9:12]), body


def ask(port: int, work: Work, seconds: float, done: list[int]) -> Measured:
    """Keep 16 requests on their way for `seconds`.

    `done` says how many each connection has sent before, and is brought up to date: connection c sends the
    numbers c, c + 16, c + 32 …, each once. Raises WrongAnswer.
    """
    gate = _fork.Barrier(PROCESSES)
    children = []
    for process in range(PROCESSES):
        ours, theirs = _fork.Pipe()
        numbers = list(range(process, CONNECTIONS, PROCESSES))
        child = _fork.Process(target=_ask_in_process, args=(port, work, seconds, numbers, done, gate, theirs))
        child.start()
        theirs.close()
        children.append((child, ours))
    said = [_result(child, pipe) for child, pipe in children]
    for error in (answer for answer in said if isinstance(answer, str)):
        raise WrongAnswer(error)
    waits: list[float] = []
    for _, _, process_waits, sent in said:
        waits += process_waits
        for connection, count in sent.items():
            done[connection] = count
    begun, ended = min(answer[0] for answer in said), max(answer[1] for answer in said)
    return Measured(len(waits), ended - begun, sorted(waits))


def _result(child: Any, pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        return "a process that asks has died"
    finally:
        child.join()
        pipe.close()


def _ask_in_process(
    port: int, work: Work, seconds: float, numbers: list[int], done: list[int], gate: Any, pipe: Connection
) -> None:
    try:
        channels = [Channel(port, number) for number in numbers]
        gate.wait(LONGEST_WAIT)
        pipe.send(_keep_asking(work, seconds, channels, done))
    except Exception as error:
        gate.abort()
        pipe.send(f"{type(error).__name__}: {error}" if not isinstance(error, WrongAnswer) else str(error))


def _keep_asking(work: Work, seconds: float, channels: list[Channel], done: list[int]) -> Any:
    sent = {channel.number: done[channel.number] for channel in channels}

    def send(channel: Channel) -> None:
        number = sent[channel.number] * CONNECTIONS + channel.number
        sent[channel.number] += 1
        channel.send(work.request(number))

    waits = []
    begun = time.perf_counter()
    until = begun + seconds
    with selectors.DefaultSelector() as selector:
        for channel in channels:
            selector.register(channel.socket, selectors.EVENT_READ, channel)
            send(channel)
        open_channels = len(channels)
        while open_channels:
            ready = selector.select(LONGEST_WAIT)
            if not ready:
                raise WrongAnswer(f"no answer within {LONGEST_WAIT:.0f} s")
            for key, _ in ready:
                channel = key.data
                answer = channel.answer()
                if answer is None:
                    continue
                now = time.perf_counter()
                waits.append(now - channel.sent_at)
                if not work.is_right(*answer):
                    raise WrongAnswer(f"{type(work).__name__}: {answer[0]} {answer[1][:300]!r}")
                if now < until:
                    send(channel)
                else:
                    selector.unregister(channel.socket)
                    channel.socket.close()
                    open_channels -= 1
    return begun, time.perf_counter(), waits, sent


def ask_at_once(port: int, requests: list[bytes]) -> list[tuple[int, bytes, float]]:
    """Send each request on its own connection at the same moment; the answers and how many seconds each took."""
    channels = [Channel(port, number) for number in range(len(requests))]
    answers: list[tuple[int, bytes, float]] = []
    with selectors.DefaultSelector() as selector:
        for channel, asked in zip(channels, requests, strict=True):
            selector.register(channel.socket, selectors.EVENT_READ, channel)
            channel.send(asked)
        while len(answers) < len(requests):
            ready = selector.select(LONGEST_WAIT)
            if not ready:
                raise WrongAnswer(f"no answer within {LONGEST_WAIT:.0f} s")
            for key, _ in ready:
                answer = key.data.answer()
                if answer is not None:
                    answers.append((*answer, time.perf_counter() - key.data.sent_at))
                    selector.unregister(key.data.socket)
                    key.data.socket.close()
    return answers
