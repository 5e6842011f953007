"""`python -m tests.crashing`: kill the dispatchers while a faulty carrier is sent texts; none lost, none doubled.

What is counted is what the handsets of the stand-in got, not what our tables say. Exit status 1: somebody was
wronged, or the run did not come to its end. With --without-look-up the witness must find a doubled text.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from api import create_app, secret_keys
from api.config import Settings
from models import clock, database
from models.message import WAITING, Message
from models.message_event import MessageEvent
from tests import databases
from tests.carrier import ACCOUNT, TOKEN, Carrier
from tests.crash_changes import Clerks
from tests.crash_dispatchers import TRACEBACK, Dispatchers, Trouble, faults_of_look_ups, faults_of_sends
from tests.crash_receipts import Receipts
from tests.crash_witness import Verdict, judge
from tests.hurried import MORNING, Hurry

SENDS_WRONG, LOOK_UPS_WRONG = 0.3, 0.1
LISTED_AFTER_S = 40
"""So that the look-up at 35 s often comes too early, and only the one at 90 s can be believed."""
LONGER_THAN_A_CALL_S = 12
LOOK_EVERY_S = 0.1
STOP_WITHIN_S = 30
STORIES = 5


@dataclass(frozen=True)
class Run:
    """What is to happen. `longest`: so many changes of a visit may follow its booking. `speed` is that of the
    clock; `rate` is in changes a second, `within_s` in seconds, both real.
    """

    changes: int
    kills: int
    speed: float
    rate: float
    within_s: float
    longest: int = 3
    look_up: bool = True
    seed: int = field(default_factory=lambda: random.randrange(1_000_000))


@dataclass(frozen=True)
class Findings:
    """What did happen. `failures`: why the run did not come to its end, in words."""

    run: Run
    verdict: Verdict
    figures: dict[str, str]
    kills: Counter[str]
    faults: Counter[str]
    failures: list[str]
    stories: list[str]
    """What the first who were wronged got, and what our tables say of it: where to begin to look."""

    @property
    def passed(self) -> bool:
        """Nobody wronged; or, without the look-up, somebody texted twice."""
        as_it_should_be = self.verdict.clean if self.run.look_up else bool(self.verdict.doubled)
        return as_it_should_be and not self.failures

    def __str__(self) -> str:
        verdict = self.verdict
        found = self.figures | {
            "texts on handsets": str(verdict.texts),
            "lost": str(len(verdict.lost)),
            "doubled": str(len(verdict.doubled)),
            "out of order": str(len(verdict.out_of_order)),
            "misled": str(len(verdict.misled)),
            "result": ("passed" if self.run.look_up else "caught, as it must be") if self.passed else "FAILED",
        }
        lines = [f"  {name:18} {value}" for name, value in found.items()]
        stories = [] if self.passed else self.stories
        return "\n".join(lines + [f"  FAILED: {failure}" for failure in self.failures] + stories)


def crash_test(url: str, folder: Path, run: Run) -> Findings:
    """Make the changes, on the migrated and empty database at `url`, and judge what the handsets got."""
    hurry = Hurry(run.speed, time.time())
    clock.read_from(hurry.now)
    try:
        with Carrier(now=hurry.now, listed_after_s=LISTED_AFTER_S) as carrier:
            return _Crash(url, folder, run, hurry, carrier).play()
    finally:
        clock.read_from(None)


class _Crash:
    """Everybody who takes part in one run."""

    def __init__(self, url: str, folder: Path, run: Run, hurry: Hurry, carrier: Carrier) -> None:
        self._run, self._carrier = run, carrier
        self._begun = time.monotonic()
        environment = _environment(url, folder, hurry, run)
        app = create_app(Settings.from_environment(environment))
        hang_s = hurry.real(LONGER_THAN_A_CALL_S)
        self._sends = Trouble(SENDS_WRONG, faults_of_sends(hang_s), run.seed)
        self._look_ups = Trouble(LOOK_UPS_WRONG, faults_of_look_ups(hang_s), run.seed)
        carrier.list_plan = self._look_ups.deal
        self._clerks = Clerks(run.changes, run.longest, run.rate, hurry, run.seed)
        self._receipts = Receipts(app, carrier, hurry, run.seed)
        self._dispatchers = Dispatchers(carrier, self._sends, environment, folder)

    def play(self) -> Findings:
        """Let it happen, and stop everybody whatever happens."""
        failures: list[str] = []
        try:
            self._clerks.start()
            self._kill_now_and_then()
            self._await_quiet()
        except _Failed as error:
            failures.append(str(error))
        finally:
            self._clerks.stop()
            self._receipts.stop()
            self._dispatchers.stop(STOP_WITHIN_S)
        return self._found(failures + self._broken())

    def _left_s(self) -> float:
        return max(0, self._begun + self._run.within_s - time.monotonic())

    def _kill_now_and_then(self) -> None:
        """Kill as often as asked, evenly over the changes, and in the two ways by turns."""
        run, chance = self._run, random.Random(self._run.seed)
        for number in range(run.kills):
            self._await_made(run.changes * (number + 1) // (run.kills + 1))
            if number % 2:
                killed = self._dispatchers.kill_in_mid_call(self._left_s())
            else:
                killed = self._dispatchers.kill_at_any_moment(self._left_s(), chance)
            if not killed:
                raise _Failed(f"only {number} of {run.kills} kills could be made")

    def _await_quiet(self) -> None:
        """Wait until all changes are made and no text waits any more: all that our tables are asked for."""
        self._await_made(self._run.changes)
        while waiting := _waiting():
            if self._dispatchers.broken() or not self._left_s():
                raise _Failed(f"texts still wait: {waiting}")
            time.sleep(LOOK_EVERY_S)

    def _await_made(self, changes: int) -> None:
        if not self._clerks.await_made(changes, self._left_s()):
            raise _Failed(f"only {self._clerks.made.total()} changes were made")

    def _broken(self) -> list[str]:
        """What went wrong in the background."""
        broken = [f"{type(error).__name__}: {error}" for error in self._clerks.errors]
        broken += self._dispatchers.broken()
        broken += ["a dispatcher logged a traceback"] if self._dispatchers.complaints()[TRACEBACK] else []
        broken += [f"a receipt was answered with {status}" for status in self._receipts.answers if status != 204]
        return broken

    def _found(self, failures: list[str]) -> Findings:
        seconds = time.monotonic() - self._begun
        verdict = judge(self._carrier.handsets, self._clerks.truths())
        return Findings(
            run=self._run,
            verdict=verdict,
            figures={
                "visits": f"{len(self._clerks.households)}, each with a resident and a number of its own",
                "changes": _listed(self._clerks.made),
                "calls to send": f"{self._sends.calls}, wrong {_listed(self._sends.dealt)}",
                "calls to look up": f"{self._look_ups.calls}, wrong {_listed(self._look_ups.dealt)}",
                "receipts": f"{self._receipts.answers.total()}",
                "kill -9": _listed(self._dispatchers.kills),
                "errors logged": _listed(self._dispatchers.complaints()),
                "time": f"{seconds:.0f} s, {seconds * self._run.speed / 60:.0f} min by the run's clock",
            },
            kills=self._dispatchers.kills,
            faults=self._sends.dealt,
            failures=failures,
            stories=[line for number in verdict.wronged[:STORIES] for line in self._story(number)],
        )

    def _story(self, number: str) -> list[str]:
        """All that happened to this number's texts, in order."""
        got = [
            (text.at, f"handset got {text.sid}: {text.body}")
            for text in self._carrier.handsets
            if text.to == number
        ]
        with database.reading() as session:
            steps = session.execute(
                select(MessageEvent.at, MessageEvent.kind, MessageEvent.details, Message.reference)
                .join(Message, Message.id == MessageEvent.message_id)
                .where(Message.to_address == number)
            )
            got += [(at, f"{reference} {kind.value} {details}") for at, kind, details, reference in steps]
        return [f"  {number} {at:%H:%M:%S.%f} {what}" for at, what in sorted(got)]


class _Failed(Exception):
    """The run does not come to its end, and why."""


def _listed(counts: Mapping[Any, int]) -> str:
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values())} ({kinds})" if kinds else "0"


def _environment(url: str, folder: Path, hurry: Hurry, run: Run) -> dict[str, str]:
    """The settings of the application and its dispatchers, but for the carrier's address."""
    secret_keys.create(folder / "keys", MORNING - timedelta(days=1), for_development=True)
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": url,
        "KEYS_DIR": str(folder / "keys"),
        "LOG_LEVEL": "ERROR",
        "SMS_SENDER": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM": "+447700900999",
        **hurry.environment(look_up=run.look_up),
    }


def _waiting() -> dict[str, int]:
    """How many texts are not yet settled, by status."""
    with database.reading() as session:
        counted = select(Message.status, func.count()).where(WAITING).group_by(Message.status)
        return {status.value: number for status, number in session.execute(counted)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crashing", description=__doc__)
    parser.add_argument("--changes", type=int, default=10_000, help="bookings, moves and cancellations (10000)")
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of a dispatcher (20)")
    parser.add_argument("--database", choices=(*databases.KINDS, "both"), default="both")
    parser.add_argument("--speed", type=float, default=20, help="seconds of the run in a real one (20)")
    parser.add_argument("--rate", type=float, default=60, help="changes in a real second (60)")
    parser.add_argument("--within", type=float, default=1800, help="real seconds until it has failed (1800)")
    parser.add_argument("--seed", type=int, help="of the stories and the faults")
    parser.add_argument("--without-look-up", action="store_true", help="the negative control: it must double")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for."""
    options = _options()
    kinds = databases.KINDS if options.database == "both" else (options.database,)
    passed = True
    for kind in kinds:
        run = Run(
            changes=options.changes,
            kills=options.kills,
            speed=options.speed,
            rate=options.rate,
            within_s=options.within,
            look_up=not options.without_look_up,
            **({} if options.seed is None else {"seed": options.seed}),
        )
        control = "" if run.look_up else ", without the look-up"
        print(
            f"{kind}{control}: {run.changes} changes, {run.kills} kills, clock x {run.speed:g}, seed {run.seed}",
            flush=True,
        )
        with databases.scratch(kind, "crash_test") as url, tempfile.TemporaryDirectory() as folder:
            findings = crash_test(url, Path(folder), run)
        print(f"{findings}\n", flush=True)
        passed = passed and findings.passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
