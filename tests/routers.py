"""A stand-in for routing servers: speaks OSRM's and Valhalla's HTTP on loopback, so that the real client runs."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from models.standards import distance_m
from models.travel import Place

KMH = 50
MOST_PLACES, MOST_PAIRS = 100, 2500
"""What the two servers take, unless they are told otherwise."""

Seconds = Callable[[Place, Place], Any]


def at_50_kmh(origin: Place, destination: Place) -> float:
    """On a road that is 1.4 times the straight line."""
    return round(distance_m(origin, destination) * 1.4 / KMH * 3.6, 1)


class RouterStandIn:
    """Use it as a context manager; `base` is then its address. `seconds` says what each pair is answered.

    `status`, `body` and `headers` answer in place of that; `hang_s` waits before it; `drip_s` waits after each
    byte of the body.
    """

    def __init__(self, seconds: Seconds = at_50_kmh) -> None:
        self.seconds = seconds
        self.status, self.body = 200, None
        self.headers: dict[str, str] = {}
        self.hang_s = self.drip_s = 0.0
        self.questions: list[tuple[int, int]] = []
        self.asked: list[str] = []

    def __enter__(self) -> "RouterStandIn":
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stand_in._answer(self, stand_in._osrm(self.path))

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stand_in._answer(self, stand_in._valhalla(self.path, sent))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _osrm(self, path: str) -> tuple[int, Any]:
        address = urlsplit(path)
        self.asked.append(address.path)
        query = {name: values[0] for name, values in parse_qs(address.query, strict_parsing=True).items()}
        service, _, coordinates = address.path.rpartition("/")
        assert (service, query["annotations"]) == ("/table/v1/driving", "duration")
        places = [tuple(map(float, pair.split(",")))[::-1] for pair in coordinates.split(";")]
        if len(places) > MOST_PLACES:
            return 400, {"code": "TooBig", "message": "Too many table coordinates"}
        origins, destinations = (
            [places[int(number)] for number in query[name].split(";")] for name in ("sources", "destinations")
        )
        self.questions.append((len(origins), len(destinations)))
        rows = [[self.seconds(a, b) for b in destinations] for a in origins]  # type: ignore[arg-type]
        return 200, {"code": "Ok", "durations": rows, "sources": [], "destinations": []}

    def _valhalla(self, path: str, sent: Any) -> tuple[int, Any]:
        self.asked.append(path)
        assert (path, sent["costing"]) == ("/sources_to_targets", "auto")
        origins, destinations = (
            [(each["lat"], each["lon"]) for each in sent[way]] for way in ("sources", "targets")
        )
        self.questions.append((len(origins), len(destinations)))
        if len(origins) * len(destinations) > MOST_PAIRS:
            return 400, {"error_code": 150, "error": "Exceeded max locations", "status_code": 400}
        rows = [
            [
                {
                    "from_index": row,
                    "to_index": column,
                    "time": self.seconds(origin, destination),
                    "distance": round(distance_m(origin, destination) * 1.4 / 1000, 3),
                }
                for column, destination in enumerate(destinations)
            ]
            for row, origin in enumerate(origins)
        ]
        return 200, {"sources_to_targets": rows, "units": "kilometers"}

    def _answer(self, handler: BaseHTTPRequestHandler, usual: tuple[int, Any]) -> None:
        time.sleep(self.hang_s)
        status, said = usual if self.status == 200 else (self.status, {"code": "Error"})
        body = json.dumps(said).encode() if self.body is None else self.body
        try:
            handler.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | self.headers).items():
                handler.send_header(name, value)
            handler.end_headers()
            if not self.drip_s:
                handler.wfile.write(body)
                return
            for byte in body:
                handler.wfile.write(bytes([byte]))
                time.sleep(self.drip_s)
        except OSError:
            handler.close_connection = True
