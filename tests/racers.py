"""Eight clients, each a process of its own, that send their requests at the same instant."""

import http.client
import json
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Barrier
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

CLIENTS = 8
LONGEST_WAIT_S = 60


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    token: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    headers: dict[str, str]
    text: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def slug(self) -> str | None:
        """The name of the problem, if it is one."""
        return str(self.json["type"]).rpartition("/")[2] if self.status >= 400 else None


class Racers:
    """The eight processes, for as long as the `with` block lasts."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("spawn")
        # Kept here: a client may unpack it only after this block.
        self._start = start = context.Barrier(CLIENTS)
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(CLIENTS):
            ours, theirs = context.Pipe()
            process = context.Process(target=_run, args=(urlsplit(url).netloc, theirs, start), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        self.slowest = 0.0

    def __enter__(self) -> "Racers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(10)
            if process.is_alive():
                process.kill()

    def race(self, calls: Sequence[Sequence[Call] | Call]) -> list[Answer]:
        """Every client sends its calls, one after the other; all begin together. The answers, in their order."""
        assert len(calls) == CLIENTS
        for pipe, sent in zip(self._pipes, calls, strict=True):
            pipe.send([sent] if isinstance(sent, Call) else list(sent))
        answers: list[Answer] = []
        for pipe in self._pipes:
            if not pipe.poll(LONGEST_WAIT_S):
                raise TimeoutError("a client had no answer")
            received = pipe.recv()
            if isinstance(received, Exception):
                raise received
            answers += received
        self.slowest = max(self.slowest, *(answer.seconds for answer in answers))
        return answers


def _run(netloc: str, pipe: Connection, start: Barrier) -> None:
    while True:
        try:
            calls = pipe.recv()
        except EOFError:
            return
        connection = http.client.HTTPConnection(netloc, timeout=LONGEST_WAIT_S)
        try:
            # Connected before the start, to whichever process of the server takes it.
            connection.connect()
            start.wait(LONGEST_WAIT_S)
            pipe.send([_send(connection, call) for call in calls])
        except Exception as error:
            pipe.send(error)
        finally:
            connection.close()


def _send(connection: http.client.HTTPConnection, call: Call) -> Answer:
    headers = {"Authorization": f"Bearer {call.token}", **dict(call.headers)}
    body = None
    if call.body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(call.body)
    begun = time.perf_counter()
    connection.request(call.method, call.path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    return Answer(answer.status, dict(answer.getheaders()), text, time.perf_counter() - begun)
