"""The dispatchers of a crash test, killed and started again, and the trouble their calls meet."""

import json
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.carrier import Carrier, Fault, Plan

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "flask", "--app", "tests.hurried:app", "send-texts"]
DISPATCHERS = 2
TRACEBACK = "traceback"
AT_ANY_MOMENT, IN_MID_CALL = "at any moment", "between acceptance and answer"


def faults_of_look_ups(hang_s: float) -> dict[str, Fault]:
    """Each way in which a look-up goes wrong. `hang_s` is longer than the client waits."""
    return {
        "429": Fault(status=429, retry_after="1"),
        "5xx": Fault(status=503),
        "time-out": Fault(hang_s=hang_s),
        "reset": Fault(reset=True),
    }


def faults_of_sends(hang_s: float) -> dict[str, Fault]:
    """Each way in which a send goes wrong: all but the first may hide that the text was accepted."""
    ways = faults_of_look_ups(hang_s)
    accepted = {f"{name} accepted": replace(way, accepted=True) for name, way in ways.items() if name != "429"}
    return ways | accepted


class Trouble:
    """What goes wrong at the carrier: `share` of the calls, each way as often as the others."""

    def __init__(self, share: float, faults: dict[str, Fault], seed: int) -> None:
        self._share = share
        self._faults = faults
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self.calls = 0
        self.dealt: Counter[str] = Counter()

    def deal(self) -> Fault | None:
        """What the next call meets."""
        with self._lock:
            self.calls += 1
            if self._chance.random() >= self._share:
                return None
            name = self._chance.choice(list(self._faults))
            self.dealt[name] += 1
            return self._faults[name]


class Dispatchers:
    """Dispatchers in processes of their own, each started again as soon as it is killed.

    Each has an address of the carrier to itself, so that the carrier knows whom to kill in mid-call. One that
    ends by itself stays down: `broken` then tells, and the run has failed.
    """

    def __init__(self, carrier: Carrier, trouble: Trouble, environment: dict[str, str], folder: Path) -> None:
        self._trouble = trouble
        self._changed = threading.Condition()
        self._doomed = False
        self.kills: Counter[str] = Counter()
        self._running = [
            _Dispatcher(partial(self._meets, number), carrier, environment, folder / f"dispatcher-{number}.log")
            for number in range(DISPATCHERS)
        ]

    def kill_at_any_moment(self, within_s: float, chance: random.Random) -> bool:
        """Kill one of those at work, wherever it is. False if none comes to work in time."""
        with self._changed:
            if not self._changed.wait_for(self._at_work, within_s):
                return False
            victim = chance.choice(self._at_work())
        self._kill(victim, AT_ANY_MOMENT)
        return True

    def kill_in_mid_call(self, within_s: float) -> bool:
        """Kill the next whose text the carrier has accepted and not yet answered. False if none sends any."""
        with self._changed:
            before, self._doomed = self.kills[IN_MID_CALL], True
            return self._changed.wait_for(lambda: self.kills[IN_MID_CALL] > before, within_s)

    def stop(self, within_s: float) -> None:
        """Tell all to stop, as services are; one that does not in time has broken."""
        for each in self._running:
            each.stop(within_s)

    def broken(self) -> list[str]:
        """What became of those that ended by themselves, in words."""
        return [f"a dispatcher ended with status {each.broke}" for each in self._running if each.broke is not None]

    def complaints(self) -> Counter[str]:
        """The errors they logged, by their event; a line that is no event is part of a traceback."""
        lines = [line for each in self._running for line in each.log.read_text().splitlines()]
        return Counter(json.loads(line)["event"] if line.startswith("{") else TRACEBACK for line in lines)

    def _at_work(self) -> list["_Dispatcher"]:
        return [each for each in self._running if each.at_work]

    def _meets(self, number: int, call: int, form: dict[str, str]) -> Fault | None:
        """What a send meets: its dispatcher's death, if one is to die, or what trouble deals out."""
        caller = self._running[number]
        with self._changed:
            caller.at_work = True
            doomed, self._doomed = self._doomed, False
            self._changed.notify_all()
        if doomed:
            return Fault(accepted=True, instead=lambda: self._kill(caller, IN_MID_CALL))
        return self._trouble.deal()

    def _kill(self, victim: "_Dispatcher", how: str) -> None:
        victim.kill()
        with self._changed:
            self.kills[how] += 1
            self._changed.notify_all()


class _Dispatcher:
    """One of them. `at_work`: it has called the carrier since it was last started."""

    def __init__(self, plan: Plan, carrier: Carrier, environment: dict[str, str], log: Path) -> None:
        self._environment = environment | {"TWILIO_API_BASE": carrier.listen(plan)}
        self.log = log
        self.broke: int | None = None
        self._stopping = False
        self._lock = threading.Lock()
        self._process = self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def kill(self) -> None:
        """kill -9, and see it dead."""
        process = self._process
        self.at_work = False
        process.kill()
        process.wait()

    def stop(self, within_s: float) -> None:
        """SIGTERM, and then -9 if it must be."""
        with self._lock:
            self._stopping = True
            self._process.terminate()
        self._keeper.join(within_s)
        if self._keeper.is_alive():
            self._process.kill()
            self._keeper.join()

    def _start(self) -> subprocess.Popen[bytes]:
        self.at_work = False
        with open(self.log, "ab") as output:
            return subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _keep(self) -> None:
        """Start it again as soon as it is killed."""
        while True:
            status = self._process.wait()
            with self._lock:
                # One that is told to stop before it has learnt how to is simply ended.
                expected = (0, -signal.SIGTERM) if self._stopping else (-signal.SIGKILL,)
                if status not in expected:
                    self.broke = status
                if self._stopping or self.broke is not None:
                    return
                self._process = self._start()
