"""The findings as a table: the figure, what it is compared with, and whether it reaches what we want."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.board import BoardCosts
from benchmarks.reports import ReportCosts
from benchmarks.slots import Costs
from benchmarks.suite import GROUPS, Findings

BOOKING_P99_MS = 25
RACE_MS = 100
LAST_PAGE = 1.1
BADGE_OF_F = 0.9
SEARCH_MS, DAY_US = 2, 50
REPORT_MS = 300
REFRESH_MS = 50

WANTED = {
    "sqlite": {
        "booking": 0.78,
        "moving": 0.82,
        "day": 0.60,
        "first page": 0.25,
        "badge JSON": 0.45,
        "badge HTML": 0.42,
    },
    "postgresql": {
        "booking": 0.85,
        "moving": 0.91,
        "day": 0.38,
        "first page": 0.20,
        "badge JSON": 0.33,
        "badge HTML": 0.33,
    },
}
"""The least ratio: of F for booking and moving, of the bare Flask answer for the rest. README.md says whence."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure and what is wanted of it."""

    work: str
    figure: str
    compared: str
    wanted: str
    met: bool | None


def lines(found: Findings, groups: list[str]) -> Iterator[Line]:
    """Every figure of one database."""
    for group in groups:
        if group == "race":
            worst = max(found.race_waits) * 1000
            races = len(found.race_waits)
            yield Line(
                "race of 16 for one slot",
                f"{races} races, 1 winner and 15 refused in each",
                f"worst wait {worst:.0f} ms",
                f"<= {RACE_MS} ms",
                worst <= RACE_MS,
            )
            continue
        if group == "slots":
            yield from _of_searches(found.searches)
            continue
        if group == "reports":
            yield from _of_reports(found.reports)
            continue
        if group == "board":
            yield _of_refreshes(found.refreshes)
            continue
        beside, *names = GROUPS[group]
        if group in ("booking", "moving"):
            yield _plain(found, group, beside)
        for name in names:
            if name.startswith("F "):
                yield _plain(found, group, name)
                continue
            if name == "last page":
                # Times and not rates: how much longer the last page takes than the first.
                longer = found.ratio(group, "first page", "last page")
                yield Line(
                    "the last page",
                    _rate(found, group, name),
                    f"{longer:.2f} x the first's time",
                    f"<= {LAST_PAGE}",
                    longer <= LAST_PAGE,
                )
                continue
            ratio, wanted = found.ratio(group, name, beside), WANTED[found.kind][name]
            of = "F" if beside.startswith("F ") else beside
            yield Line(
                name, _rate(found, group, name), f"{ratio:.3f} of {of}", f">= {wanted:.2f}", ratio >= wanted
            )
        if group == "booking":
            p99 = found.figure(group, "booking", lambda measured: measured.wait(0.99))
            yield Line("booking, p99", f"{p99:.1f} ms", "", f"<= {BOOKING_P99_MS} ms", p99 <= BOOKING_P99_MS)
        if group == "badge":
            yield _above_the_floor(found)
            yield _beside_the_floor(found)


def _of_searches(costs: Costs) -> Iterator[Line]:
    usual = median(bare / kept for kept, bare in costs.nothing_kept)
    p95 = _p95(costs.kept) * 1000
    yield Line(
        "slots, by skill and area",
        f"p50 {median(costs.kept) * 1000:.1f}   p95 {p95:.1f} ms of CPU",
        f"{usual:.0f} x as fast as with nothing kept",
        f"<= {SEARCH_MS} ms",
        p95 <= SEARCH_MS,
    )
    usual_ms, fastest_ms = median(costs.yardstick) * 1000, min(costs.yardstick) * 1000
    yield Line(
        "  a fixed loop between them",
        f"p50 {usual_ms:.2f} ms of CPU",
        f"and {fastest_ms:.2f} at the fastest",
        "",
        None,
    )
    booked = costs.after_a_booking
    after = f"p50 {median(booked) * 1000:.1f}   p95 {_p95(booked) * 1000:.1f} ms of CPU"
    yield Line("  after somebody's booking", after, "which has days read anew", "", None)
    of_all = f"p50 {median(costs.of_all) * 1000:.1f}   p95 {_p95(costs.of_all) * 1000:.1f} ms of CPU"
    yield Line("  of every officer", of_all, "", "", None)
    made = median(costs.day) * 1e6
    yield Line(
        "an officer's day made anew",
        f"{made:.0f} us of CPU",
        f"and {median(costs.day_read) * 1e6:.0f} us to read it",
        f"<= {DAY_US} us",
        made <= DAY_US,
    )


def _of_reports(costs: ReportCosts) -> Iterator[Line]:
    assert costs.first is not None
    yield Line(
        "the first report of a year",
        f"{costs.first.clock * 1000:.0f} ms, of them {costs.first.cpu * 1000:.0f} of CPU here",
        "",
        "",
        None,
    )
    for name, took in costs.each.items():
        slowest = max(each.clock for each in took) * 1000
        usual, cpu = (median(values) * 1000 for values in zip(*((t.clock, t.cpu) for t in took), strict=True))
        figure = f"{cpu:.0f} ms of CPU here"
        by_the_clock = f"p50 {usual:.0f}   slowest {slowest:.0f} ms by the clock"
        yield Line(name, figure, by_the_clock, f"<= {REPORT_MS} ms", usual <= REPORT_MS)


def _of_refreshes(costs: BoardCosts) -> Line:
    by_clock, cpu = ([took[which] for took in costs.each] for which in (0, 1))
    p95 = _p95(by_clock) * 1000
    first = f"the first {costs.first.clock * 1000:.0f} ms" if costs.first else ""
    return Line(
        "the board's refresh",
        f"p50 {median(by_clock) * 1000:.1f} ms, {median(cpu) * 1000:.1f} of CPU   p95 {p95:.1f} ms",
        first,
        f"<= {REFRESH_MS} ms",
        p95 <= REFRESH_MS,
    )


def _p95(costs: list[float]) -> float:
    return quantiles(costs, n=20)[-1]


def _plain(found: Findings, group: str, name: str) -> Line:
    return Line(name, _rate(found, group, name), "", "", None)


def _above_the_floor(found: Findings) -> Line:
    floor = sorted(found.badge_floor)[len(found.badge_floor) // 2]
    each = found.processes / found.figure("badge", "badge JSON", lambda measured: measured.rate)
    hello = found.processes / found.figure("badge", "hello", lambda measured: measured.rate)
    return Line(
        "  one signature and one row",
        f"{floor * 1e6:.0f} us in process",
        f"a check takes {each / floor:.1f} times that; bound {hello / (hello + floor):.2f} of hello",
        "",
        None,
    )


def _beside_the_floor(found: Findings) -> Line:
    ratio = found.ratio("badge", "badge JSON", "F badge")
    return Line(
        "  badge JSON beside F badge", "", f"{ratio:.3f} of F badge", f">= {BADGE_OF_F:.2f}", ratio >= BADGE_OF_F
    )


def _rate(found: Findings, group: str, name: str) -> str:
    rate = found.figure(group, name, lambda measured: measured.rate)
    p50 = found.figure(group, name, lambda measured: measured.wait(0.5))
    p99 = found.figure(group, name, lambda measured: measured.wait(0.99))
    return f"{rate:7.0f}/s   p50 {p50:5.1f}   p99 {p99:5.1f} ms"


def table(found: Findings, groups: list[str]) -> str:
    """The findings of one database, to be read in a terminal."""
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[found.kind]
    rows = [f"{name}: granian, {found.processes} x {found.threads} threads, 16 connections"]
    hellos = [measured for (_, work), all_of in found.measured.items() if work == "hello" for measured in all_of]
    if hellos:
        rates = sorted(measured.rate for measured in hellos)
        rows.append(f"  {'hello (bare Flask)':26} {rates[len(rates) // 2]:7.0f}/s")
    if found.flushes:
        rows.append(
            f"  {'flushes of the disk':26} {min(found.flushes):7.0f} to {max(found.flushes):.0f}/s, same rounds"
        )
    for line in lines(found, groups):
        met = {True: "met", False: "not met", None: ""}[line.met]
        rows.append(f"  {line.work:26} {line.figure:42} {line.compared:24} {line.wanted:10} {met}".rstrip())
    return "\n".join(rows)
