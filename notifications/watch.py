"""The watch: every half a minute it looks for what nobody reports, such as a visit that nobody came to.

It goes its rounds in a thread of its own beside the dispatcher, so that neither keeps the other waiting. Several
may run at once, on several machines: they take turns, and what each of them does is safe to be done twice.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from models import clock
from models.database import transaction
from models.watch import note_looked, take_turn

POLL_S = 5.0
EVERY = timedelta(seconds=30)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """One thing that is looked for. `look` opens the transactions it needs, and may be called at any time."""

    name: str
    look: Callable[[datetime], object]
    every: timedelta = EVERY


class Rounds:
    """All that is looked for, one after the other."""

    def __init__(self, watches: Sequence[Watch]) -> None:
        self._watches = watches

    def run(self, stop: Event) -> None:
        """Go round until `stop` is set."""
        while not stop.is_set():
            self.go()
            stop.wait(POLL_S)

    def go(self, *, at_once: bool = False) -> int:
        """Look for all that is due, or for everything `at_once`. Returns how many watches looked and were done.

        One that fails is logged, keeps nobody from the others, and looks again at its next turn; `readyz` warns of
        one that goes on failing, for it is not noted that it has looked.
        """
        return sum(self._look(watch, at_once) for watch in self._watches)

    def _look(self, watch: Watch, at_once: bool) -> bool:
        at = clock.now()
        try:
            with transaction() as session:
                ours = take_turn(session, watch.name, watch.every, at)
            if not ours and not at_once:
                return False
            watch.look(at)
            with transaction() as session:
                note_looked(session, watch.name, at)
        except SQLAlchemyError as error:
            log.error("watch_database_unavailable", extra={"watch": watch.name, "error": type(error).__name__})
            return False
        except Exception:
            log.exception("watch_broke", extra={"watch": watch.name})
            return False
        return True
