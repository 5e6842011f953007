"""Scans written down just after the answer: "Recording never slows the answer"."""

import logging
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue

from sqlalchemy.exc import SQLAlchemyError

from models.database import changing, transaction
from models.scan import Record, Seen, append
from models.suspicion import Places, look_for_trouble, worth_a_look
from models.tally import Count, count

ROOM = 4000
"""Scans that may wait to be written: half a minute of a very busy town."""

AT_ONCE = 2000
TOGETHER_S = 0.5
"""Scans that come within this long of the first are written with it: each commit costs as much as many scans."""

LOOK_EVERY_S = 0.2
RETRY_S = 1.0

DROPPED = Count("scans_dropped")

log = logging.getLogger(__name__)


class ScanLog:
    """The scans of one process on their way to the database, in batches, by one thread.

    The thread begins with the first scan, so that each process a server forks has its own. It is no daemon: when
    the process stops, Python waits for it, and it writes what is left before it ends.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._waiting: SimpleQueue[Seen | threading.Event] = SimpleQueue()
        self._places = Places()
        self._hurry = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def put(self, seen: Seen) -> None:
        """Take a scan. Never waits: when there is no room, the scan is counted and not kept."""
        if self._waiting.qsize() < ROOM:
            self._waiting.put(seen)
        else:
            self._dropped += 1
            log.error("scan_not_recorded", extra={"kind": seen.kind, "state": seen.state})
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def flush(self, seconds: float = 10) -> bool:
        """Wait until all that was taken is written; whether it was in time."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._waiting.put(written)
        self._hurry.set()
        try:
            return written.wait(seconds)
        finally:
            self._hurry.clear()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                # Said aloud, as a thread begun by one of the server's own threads would be a daemon like it.
                self._thread = threading.Thread(target=self._run, name="scan-log", daemon=False)
                self._thread.start()

    def _run(self) -> None:
        main = threading.main_thread()
        while main.is_alive() or not self._waiting.empty():
            gathered = self._gather()
            batch = [each for each in gathered if isinstance(each, Seen)]
            while batch and not self._write(batch) and main.is_alive():
                # The database is away: what comes meanwhile waits in the queue, as long as there is room.
                main.join(RETRY_S)
            for each in gathered:
                if isinstance(each, threading.Event):
                    each.set()

    def _gather(self) -> list[Seen | threading.Event]:
        """The first scan that comes and those soon after it; none if none comes. Whoever waits is among them."""
        batch: list[Seen | threading.Event] = []
        with suppress(Empty):
            batch.append(self._waiting.get(timeout=LOOK_EVERY_S))
            self._hurry.wait(TOGETHER_S)
            while len(batch) < AT_ONCE:
                batch.append(self._waiting.get_nowait())
        return batch

    def _write(self, batch: list[Seen]) -> bool:
        """Whether the scans are in the database."""
        dropped = self._dropped
        try:
            with changing() as connection:
                scans = append(connection, batch, secret=self._secret)
                if dropped:
                    count(connection, {DROPPED: dropped})
        except SQLAlchemyError as error:
            log.error("scans_not_recorded", extra={"error": type(error).__name__, "scans": len(batch)})
            return False
        self._dropped -= dropped
        log.info("scans_recorded", extra={"scans": len(scans)})
        self._look(worth_a_look(scans, self._places))
        return True

    def _look(self, scans: list[Record]) -> None:
        """Apart from the records, which must stand whatever becomes of the incidents."""
        if not scans:
            return
        try:
            with transaction() as session:
                look_for_trouble(session, scans)
        except SQLAlchemyError as error:
            self._places.forget()
            log.error("incident_not_opened", extra={"error": type(error).__name__})
