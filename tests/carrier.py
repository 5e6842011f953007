"""A stand-in for the carrier: speaks Twilio's HTTP API on loopback, so that the real client is what runs.

It can be told to fail, call by call, in each of the ways a carrier fails; and it keeps a log of what the
handsets really received, which is the only witness of a text lost or sent twice.
"""

import json
import re
import socket
import struct
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

ACCOUNT = "AC" + "0" * 32
TOKEN = "stand-in-token"
REFERENCE = re.compile(r"Ref ([0-9A-Z]{8})$")

_Message = tuple[datetime, dict[str, Any]]
"""When the carrier took it, and the message as its API tells of it."""


@dataclass(frozen=True)
class Fault:
    """One call that goes wrong. `accepted`: the handset gets the text all the same.

    `status` answers with that status (and `code`, and `retry_after`); `hang_s` lets the client wait that
    long before the connection closes; `reset` breaks it at once. `instead` is done in place of an answer.
    """

    status: int | None = None
    code: int | None = None
    retry_after: str | None = None
    hang_s: float = 0
    reset: bool = False
    accepted: bool = False
    instead: Callable[[], object] | None = None


Plan = Callable[[int, dict[str, str]], Fault | None]
"""The fault of each send, from the call's number (from 0) and its form."""


@dataclass(frozen=True)
class Received:
    """One text on one handset, or one call: its body is then what is said, as TwiML, and it has no reference."""

    to: str
    body: str
    reference: str
    sid: str
    at: datetime
    form: dict[str, str]


@dataclass
class Carrier:
    """The stand-in. Use it as a context manager; `base` is then its address.

    `faults` are met by the next sends, in order; `plan`, if set, is asked for the fault of each further
    send. `latency_s` is how long each answer takes. `list_faults` are met by the next look-ups, and
    `list_plan` by each further one. Texts are listed only once `listed_after_s` has passed, as at a real
    carrier.
    """

    faults: deque[Fault | None] = field(default_factory=deque)
    list_faults: deque[Fault | None] = field(default_factory=deque)
    plan: Plan | None = None
    list_plan: Callable[[], Fault | None] | None = None
    latency_s: float = 0
    listed_after_s: float = 0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    handsets: list[Received] = field(default_factory=list)
    calls: list[Received] = field(default_factory=list)
    sends: int = 0
    look_ups: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    base: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _messages: list[_Message] = field(default_factory=list)
    _calls: list[_Message] = field(default_factory=list)
    _by_number: defaultdict[str, list[_Message]] = field(default_factory=lambda: defaultdict(list))
    _servers: list["_Server"] = field(default_factory=list)

    def __enter__(self) -> "Carrier":
        self.base = self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def listen(self, plan: Plan | None = None) -> str:
        """One more address of the same carrier, with a plan of its own if it is to know who calls it."""
        server = _Server(self, plan)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    def fail(self, *faults: Fault | None) -> None:
        """What the next sends meet, in order; None is a send that goes well."""
        self.faults.extend(faults)

    def received(self) -> Counter[str]:
        """How many times each reference reached a handset: each should be 1."""
        with self._lock:
            return Counter(text.reference for text in self.handsets)

    def doubled(self) -> list[str]:
        """The references that reached a handset more than once."""
        return [reference for reference, times in self.received().items() if times > 1]

    def becomes(
        self, sid: str, status: str, *, error_code: int | None = None, answered_by: str | None = None
    ) -> None:
        """What the carrier says of a text or a call from now on to whoever asks."""
        with self._lock:
            self._known(sid).update({"status": status, "error_code": error_code, "answered_by": answered_by})

    def _known(self, sid: str) -> dict[str, Any]:
        return (self._calls if sid.startswith("CA") else self._messages)[int(sid[2:], 16)][1]

    def receipt(
        self, sid: str, status: str, error_code: str | None = None, answered_by: str | None = None
    ) -> tuple[str, dict[str, str], str]:
        """The status callback the carrier would make: its address, its form and its signature."""
        with self._lock:
            message = self._known(sid)
        form = {"MessageSid": sid, "MessageStatus": status, "AccountSid": ACCOUNT, "To": message["to"]}
        if error_code:
            form["ErrorCode"] = error_code
        if sid.startswith("CA"):
            form = {"CallSid": sid, "CallStatus": status, "AccountSid": ACCOUNT, "To": message["to"]}
            form |= {"AnsweredBy": answered_by} if answered_by else {}
        url = message["status_callback"]
        return url, form, RequestValidator(TOKEN).compute_signature(url, form)

    def accept(self, form: dict[str, str]) -> dict[str, Any]:
        """Take a text or place a call: it reaches the handset and the list."""
        with self._lock:
            if "Twiml" in form:
                return self._place(form)
            sid, at = f"SM{len(self._messages):032x}", self.now()
            reference = REFERENCE.search(form["Body"])
            message = {
                "sid": sid,
                "to": form["To"],
                "from": form.get("From"),
                "body": form["Body"],
                "status": "queued",
                "error_code": None,
                "date_created": format_datetime(at),
                "date_sent": None,
                "status_callback": form.get("StatusCallback"),
            }
            self._messages.append((at, message))
            self._by_number[form["To"]].append(self._messages[-1])
            self.handsets.append(
                Received(form["To"], form["Body"], reference[1] if reference else "", sid, at, form)
            )
            return message

    def _place(self, form: dict[str, str]) -> dict[str, Any]:
        sid, at = f"CA{len(self._calls):032x}", self.now()
        call = {
            "sid": sid,
            "to": form["To"],
            "from": form["From"],
            "status": "queued",
            "answered_by": None,
            "date_created": format_datetime(at),
            "status_callback": form.get("StatusCallback"),
        }
        self._calls.append((at, call))
        self.calls.append(Received(form["To"], form["Twiml"], "", sid, at, form))
        return call

    def answer(self, path: str, to: str | None, page: int, size: int) -> dict[str, Any] | None:
        """What a GET is answered with: a list, or one text or call; None for one there is not."""
        what, _, name = path.removesuffix(".json").rpartition("/")
        with self._lock:
            if what.endswith(("/Messages", "/Calls")):
                return {each["sid"]: each for _, each in [*self._messages, *self._calls]}.get(name)
            if name == "Calls":
                calls = [call for _, call in reversed(self._calls) if to in (None, call["to"])]
                return {"calls": calls, "page": 0, "page_size": size, "next_page_uri": None}
        return self.listed(to, page, size)

    def listed(self, to: str | None, page: int, size: int) -> dict[str, Any]:
        """One page of the list of texts, newest first."""
        with self._lock:
            shown = [
                message
                for created_at, message in reversed(self._messages if to is None else self._by_number[to])
                if (self.now() - created_at).total_seconds() >= self.listed_after_s
            ]
        part = shown[page * size : (page + 1) * size]
        more = len(shown) > (page + 1) * size
        query = {"PageSize": size, "Page": page + 1, "PageToken": f"PA{page + 1}"}
        if to is not None:
            query["To"] = to
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?{urlencode(query)}"
        return {"messages": part, "page": page, "page_size": size, "next_page_uri": path if more else None}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, carrier: Carrier, plan: Plan | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.carrier, self.plan = carrier, plan

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        carrier, plan = self.server.carrier, self.server.plan or self.server.carrier.plan
        with carrier._lock:
            number, carrier.sends = carrier.sends, carrier.sends + 1
            carrier.in_flight += 1
            carrier.most_in_flight = max(carrier.most_in_flight, carrier.in_flight)
            fault = carrier.faults.popleft() if carrier.faults else None
        try:
            if fault is None and plan is not None:
                fault = plan(number, form)
            if carrier.latency_s:
                time.sleep(carrier.latency_s)
            if self._hung_up():
                self.close_connection = True
                return
            message = carrier.accept(form) if fault is None or fault.accepted else None
            if fault is None:
                self._answer(201, message)
            else:
                self._go_wrong(fault)
        finally:
            with carrier._lock:
                carrier.in_flight -= 1

    def do_GET(self) -> None:
        carrier = self.server.carrier
        with carrier._lock:
            carrier.look_ups += 1
            fault = carrier.list_faults.popleft() if carrier.list_faults else None
        if fault is None and carrier.list_plan is not None:
            fault = carrier.list_plan()
        if fault is not None:
            self._go_wrong(fault)
            return
        query = parse_qs(urlsplit(self.path).query)
        to = query["To"][0] if "To" in query else None
        page, size = int(query.get("Page", ["0"])[0]), int(query.get("PageSize", ["50"])[0])
        found = carrier.answer(urlsplit(self.path).path, to, page, size)
        if found is None:
            self._go_wrong(Fault(status=404, code=20404))
        else:
            self._answer(200, found)

    def _hung_up(self) -> bool:
        """Whether the caller waits no longer. A stand-in that was kept waiting itself, on a busy machine, must not
        accept a text long after its sender gave up: no look-up in time could have found it."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def _go_wrong(self, fault: Fault) -> None:
        if fault.status is not None:
            error = {"message": "stand-in", "status": fault.status, "code": fault.code or fault.status}
            self._answer(fault.status, error, retry_after=fault.retry_after)
            return
        if fault.instead is not None:
            fault.instead()
        if fault.hang_s:
            time.sleep(fault.hang_s)
        if fault.reset:
            # No lingering: the client sees a reset and not an orderly end.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def _answer(self, status: int, content: Any, retry_after: str | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silence: the handset log is the log."""


def references(texts: Iterable[Received]) -> list[str]:
    """The references, in the order the handsets got them."""
    return [text.reference for text in texts]
