"""A lean stand-in for the carrier: Twilio's HTTP API on loopback, in a process of its own.

It reads just enough of each request to answer it, so that it costs far less than the client that asks, and keeps
what it took with the time: the witness of every figure here. One thread and one selector serve all connections.
"""

import heapq
import multiprocessing
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from notifications.parts import measure

ACCOUNT = "AC" + "0" * 32
TOKEN = "stand-in-token"

_ANSWER_WITHIN = 60.0
_LONGEST_REQUEST = 65536
_fork = multiprocessing.get_context("fork")

# As long as Twilio's own answer, since the client reads every field of it.
_TAKEN = (
    b'{"account_sid":"' + ACCOUNT.encode() + b'","api_version":"2010-04-01","body":"...","date_created":'
    b'"Tue, 24 Nov 2026 10:00:00 +0000","date_sent":null,"date_updated":"Tue, 24 Nov 2026 10:00:00 +0000",'
    b'"direction":"outbound-api","error_code":null,"error_message":null,"from":"+447700900999",'
    b'"messaging_service_sid":null,"num_media":"0","num_segments":"1","price":null,"price_unit":"GBP",'
    b'"sid":"SM%032x","status":"queued","subresource_uris":{},"to":"+447700900123","uri":"/2010-04-01"}'
)
_NOTHING_LISTED = b'{"messages":[],"page":0,"page_size":50,"next_page_uri":null}'


@dataclass(frozen=True, slots=True)
class Taken:
    """One text that the stand-in took."""

    message_id: UUID
    at: float
    """When its answer began to go out, in seconds since 1970."""
    parts: int


@dataclass
class Standin:
    """The stand-in as its users see it."""

    base: str
    _hung: Any
    _count: Any
    _pipe: Connection

    def hang(self, hung: bool = True) -> None:
        """Answer nobody until told otherwise. What is asked meanwhile is taken only if it is still answered."""
        self._hung.value = hung

    @property
    def count(self) -> int:
        """How many texts it has taken."""
        return int(self._count.value)

    def await_count(self, count: int, seconds: float) -> bool:
        """Wait until it has taken so many; False if that takes too long."""
        until = time.monotonic() + seconds
        while self.count < count:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def taken(self) -> list[Taken]:
        """What it has taken, in order."""
        self._pipe.send("taken")
        if not self._pipe.poll(_ANSWER_WITHIN):
            raise RuntimeError("the stand-in does not answer")
        return [_read(at, body) for at, body in self._pipe.recv()]


@contextmanager
def standing_in(*, latency_s: float = 0) -> Iterator[Standin]:
    """Run a stand-in that takes `latency_s` for each answer."""
    hung, count = _fork.Value("b", False), _fork.Value("q", 0)
    ours, theirs = _fork.Pipe()
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = _fork.Process(target=_serve, args=(listener, latency_s, hung, count, theirs), daemon=True)
    process.start()
    listener_port = listener.getsockname()[1]
    listener.close()
    try:
        yield Standin(f"http://127.0.0.1:{listener_port}", hung, count, ours)
    finally:
        process.kill()
        process.join()


def _read(at: float, body: bytes) -> Taken:
    form = parse_qs(body.decode())
    [message_id] = parse_qs(urlsplit(form["StatusCallback"][0]).query)["message"]
    return Taken(UUID(message_id), at, measure(form["Body"][0]).parts)


@dataclass
class _Channel:
    """One connection, and as much of a request as has come."""

    socket: socket.socket
    received: bytes = b""


@dataclass
class _Server:
    latency_s: float
    hung: Any
    count: Any
    selector: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    taken: list[tuple[float, bytes]] = field(default_factory=list)
    waiting: list[tuple[float, int, _Channel, bytes | None]] = field(default_factory=list)
    asked: int = 0

    def hear(self, channel: _Channel) -> None:
        """Read what has come; a whole request waits for its turn to be answered."""
        try:
            more = channel.socket.recv(_LONGEST_REQUEST)
        except OSError:
            more = b""
        if not more:
            self.selector.unregister(channel.socket)
            channel.socket.close()
            return
        channel.received += more
        head, found, body = channel.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        channel.received = b""
        self.asked += 1
        text = body if head.startswith(b"POST") else None
        heapq.heappush(self.waiting, (time.monotonic() + self.latency_s, self.asked, channel, text))

    def answer(self) -> None:
        """Answer all whose turn has come, unless it hangs."""
        while self.waiting and not self.hung.value and self.waiting[0][0] <= time.monotonic():
            _, _, channel, text = heapq.heappop(self.waiting)
            if channel.socket.fileno() < 0:
                continue
            if text is None:
                self._say(channel, b"200 OK", _NOTHING_LISTED)
            else:
                self.taken.append((time.time(), text))
                self.count.value = len(self.taken)
                self._say(channel, b"201 Created", _TAKEN % len(self.taken))

    def _say(self, channel: _Channel, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        try:
            channel.socket.sendall(head + body)
        except OSError:
            channel.received = b""

    def pause(self) -> float:
        """How long nothing will have to be done."""
        if not self.waiting:
            return 1.0
        return 0.01 if self.hung.value else max(0.0, self.waiting[0][0] - time.monotonic())


def _serve(listener: socket.socket, latency_s: float, hung: Any, count: Any, pipe: Connection) -> None:
    server = _Server(latency_s, hung, count)
    server.selector.register(listener, selectors.EVENT_READ)
    server.selector.register(pipe, selectors.EVENT_READ)
    while True:
        for key, _ in server.selector.select(server.pause()):
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.selector.register(connection, selectors.EVENT_READ, _Channel(connection))
            elif key.fileobj is pipe:
                pipe.recv()
                pipe.send(server.taken)
            else:
                server.hear(key.data)
        server.answer()
