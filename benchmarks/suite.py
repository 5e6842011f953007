"""One run: servers started side by side, and each piece of work measured beside what it is compared with.

The rounds are interleaved and every ratio is taken within one round, because a shared machine is never the same
twice: the median of the ratios stands where no single figure would.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

from api import secret_keys
from api.auth import AccessTokens
from api.paging import cursor_for
from benchmarks import raw, servers
from benchmarks.board import BoardCosts, Refreshes
from benchmarks.diary import Diary
from benchmarks.full_year import Year
from benchmarks.load import CONNECTIONS, Measured, Work, WrongAnswer, ask, ask_at_once
from benchmarks.reports import ReportCosts, Reports
from benchmarks.slots import Costs, Searches
from benchmarks.today import Today
from benchmarks.town import OFFICERS, Town, morning
from benchmarks.works import BadgeCheck, BadgeFloor, Booking, Day, Hello, Listing, Moving, People, booking
from models import clock

RACES_IN_A_ROUND = 10
_RACES_BEGIN_AT = 1_000_000
_WARM_UP = 0.5

GROUPS = {
    "booking": ("F booking", "booking"),
    "moving": ("F moving", "moving"),
    "day": ("hello", "day"),
    "listing": ("hello", "first page", "last page"),
    "badge": ("hello", "F badge", "badge JSON", "badge HTML"),
    "race": (),
    "slots": (),
    "reports": (),
    "board": (),
}
"""What is measured together, one right after the other."""

_SERVERS = {"hello": "hello", "F booking": "floor", "F moving": "floor", "F badge": "badge_floor"}
"""Who answers what the product does not."""


@dataclass
class Findings:
    """All that was measured on one database, round by round."""

    kind: str
    processes: int
    threads: int
    measured: dict[tuple[str, str], list[Measured]] = field(default_factory=lambda: defaultdict(list))
    flushes: list[float] = field(default_factory=list)
    badge_floor: list[float] = field(default_factory=list)
    race_waits: list[float] = field(default_factory=list)
    searches: Costs = field(default_factory=Costs)
    reports: ReportCosts = field(default_factory=ReportCosts)
    refreshes: BoardCosts = field(default_factory=BoardCosts)

    def ratio(self, group: str, name: str, other: str) -> float:
        """The median over the rounds of name's rate by other's."""
        pairs = zip(self.measured[group, name], self.measured[group, other], strict=True)
        return median(one.rate / beside.rate for one, beside in pairs)

    def figure(self, group: str, name: str, of: Callable[[Measured], float]) -> float:
        """The median over the rounds of one figure."""
        return median(of(measured) for measured in self.measured[group, name])


class Bench:
    """What a run needs: the town, its keys, and a clock that shows a Tuesday morning."""

    def __init__(self, folder: Path, visits: int) -> None:
        begun = datetime.now(UTC)
        self.folder = folder
        self.town = Town(morning(begun), visits)
        self.ahead = self.town.at - begun
        # Minted and judged by the same clock as the servers'.
        clock.read_from(self.now)
        settings = secret_keys.Settings.from_environment({"KEYS_DIR": str(folder / "keys")})
        keys = secret_keys.load(settings, begun)
        tokens = AccessTokens(keys.access_tokens, issuer=settings.public_base_url)
        self.people = People(self.town, tokens, keys.badges, settings.badge_issuer)

    def now(self) -> datetime:
        """The time of the servers."""
        return datetime.now(UTC) + self.ahead

    def works(self) -> dict[str, Callable[[], Work]]:
        """How to make each kind of request, with tokens that are good from now on."""
        people, town = self.people, self.town
        nearly_last = cursor_for([town.visit_start(max(town.size - 60, 0)), UUID(int=0)])
        return {
            "hello": Hello,
            "F booking": lambda: Booking(people, self.now()),
            "booking": lambda: Booking(people, self.now()),
            "F moving": lambda: Moving(people, self.now()),
            "moving": lambda: Moving(people, self.now()),
            "day": lambda: Day(people, self.now()),
            "first page": lambda: Listing(people, self.now()),
            "last page": lambda: Listing(people, self.now(), nearly_last),
            "F badge": lambda: BadgeFloor(people, self.now()),
            "badge JSON": lambda: BadgeCheck(people, self.now(), html=False),
            "badge HTML": lambda: BadgeCheck(people, self.now(), html=True),
        }

    def run(self, kind: str, groups: list[str], rounds: int, seconds: float) -> Findings:
        """Measure on one database. Raises WrongAnswer."""
        processes, threads = servers.THREADS[kind]
        findings = Findings(kind, processes, threads)
        served = [group for group in groups if group not in ("slots", "reports", "board")]
        if served:
            self._run_served(findings, served, rounds, seconds)
        if "slots" in groups:
            self._run_searches(findings, rounds)
        if "reports" in groups:
            self._run_reports(findings, rounds)
        if "board" in groups:
            self._run_refreshes(findings, rounds)
        return findings

    def _run_reports(self, findings: Findings, rounds: int) -> None:
        """Count a year in process. Raises WrongAnswer."""
        folder = self.folder / f"year-{findings.kind}"
        folder.mkdir()
        year = Year(self.town.at)
        with servers.filled(findings.kind, folder, year) as copy:
            reports = Reports(copy("year"), year, self.folder / "keys", findings.reports)
            for _ in range(rounds):
                reports.round()

    def _run_searches(self, findings: Findings, rounds: int) -> None:
        """Search in process. Raises WrongAnswer."""
        folder = self.folder / f"diary-{findings.kind}"
        folder.mkdir()
        diary = Diary(self.town.at)
        with servers.filled(findings.kind, folder, diary) as copy:
            searches = Searches(copy("diary"), diary, findings.searches)
            for _ in range(rounds):
                searches.round()

    def _run_refreshes(self, findings: Findings, rounds: int) -> None:
        """Look at the board in process, in the middle of a day. Raises WrongAnswer."""
        folder = self.folder / f"board-{findings.kind}"
        folder.mkdir()
        today = Today(self.town.at + timedelta(hours=4, minutes=20))
        try:
            with servers.filled(findings.kind, folder, today) as copy:
                refreshes = Refreshes(copy("board"), today, self.folder / "keys", findings.refreshes)
                for _ in range(rounds):
                    refreshes.round()
        finally:
            clock.read_from(self.now)

    def _run_served(self, findings: Findings, groups: list[str], rounds: int, seconds: float) -> None:
        kind, processes, threads = findings.kind, findings.processes, findings.threads
        works = self.works()
        with ExitStack() as stack:
            folder = self.folder / kind
            folder.mkdir()
            product_url, floor_url = stack.enter_context(servers.databases(kind, folder, self.town))
            ports = {}
            served = {"hello": product_url, "product": product_url, "floor": floor_url, "badge_floor": product_url}
            for name, url in served.items():
                line = servers.granian(f"benchmarks.{name}:app", processes, threads)
                env = servers.environment(url, self.folder, self.ahead)
                ports[name] = stack.enter_context(servers.serving(line, env, folder))
            done: dict[str, list[int]] = defaultdict(lambda: [0] * CONNECTIONS)

            def measure(name: str, for_seconds: float) -> Measured:
                return ask(ports[_SERVERS.get(name, "product")], works[name](), for_seconds, done[name])

            for name in dict.fromkeys(name for group in groups for name in GROUPS[group]):
                measure(name, _WARM_UP)
            for number in range(rounds):
                for group in _shuffled(groups, number):
                    if group in ("booking", "moving"):
                        findings.flushes.append(raw.flushes_a_second(folder))
                    if group == "badge":
                        findings.badge_floor.append(raw.badge_floor(product_url, self.town.badge))
                    if group == "race":
                        self._race(ports["product"], number, findings)
                    for name in _shuffled(GROUPS[group], number):
                        findings.measured[group, name].append(measure(name, seconds))
            if overlapping := servers.count_overlaps(product_url):
                raise WrongAnswer(f"{overlapping} visits overlap in the end")

    def _race(self, port: int, round_number: int, findings: Findings) -> None:
        """16 bookings at once for one slot, a few times. Raises WrongAnswer unless exactly one wins."""
        authorization = self.people.scheduler(self.now())
        for race in range(RACES_IN_A_ROUND):
            slot = _RACES_BEGIN_AT + (round_number * RACES_IN_A_ROUND + race) * OFFICERS
            officer, start = self.town.slot(slot)
            asked = [
                booking(self.town, resident, officer, start, authorization) for resident in range(CONNECTIONS)
            ]
            answers = ask_at_once(port, asked)
            statuses = sorted(status for status, _, _ in answers)
            if statuses != [201] + [409] * (CONNECTIONS - 1):
                raise WrongAnswer(f"16 raced for one slot and were answered {statuses}")
            findings.race_waits.append(max(wait for _, _, wait in answers))

    def compare_servers(self, kind: str, rounds: int, seconds: float) -> Iterator[tuple[str, str, float, float]]:
        """Each way to serve the product: its name, the work, the median rate and p99 in milliseconds."""
        names = ("booking", "day", "badge JSON")
        works = self.works()
        folder = self.folder / f"servers-{kind}"
        folder.mkdir()
        most = servers.THREADS[kind][0]
        ways = {
            f"granian, {processes} x {threads}": servers.granian("benchmarks.product:app", processes, threads)
            for processes in sorted({1, most})
            for threads in (1, 2, 4, 8, 16)
        }
        ways[f"gunicorn gthread, {most} x 8"] = servers.gunicorn("benchmarks.product:app", most, 8)
        found: dict[tuple[str, str], list[Measured]] = defaultdict(list)
        with servers.databases(kind, folder, self.town) as (url, _):
            env = servers.environment(url, self.folder, self.ahead)
            done = [0] * CONNECTIONS
            for number in range(rounds):
                for way in _shuffled(list(ways), number):
                    with servers.serving(ways[way], env, folder) as port:
                        for name in names:
                            ask(port, works[name](), _WARM_UP, done)
                            found[way, name].append(ask(port, works[name](), seconds, done))
        for way in ways:
            for name in names:
                measured = found[way, name]
                yield way, name, median(m.rate for m in measured), median(m.wait(0.99) for m in measured)


def _shuffled(things: list[str] | tuple[str, ...], seed: int) -> list[str]:
    """Another order in each round, so that nothing is always measured first."""
    mixed = list(things)
    random.Random(seed).shuffle(mixed)
    return mixed
