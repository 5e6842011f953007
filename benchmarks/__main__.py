"""`python -m benchmarks`: measure, print the table. Exit status 1 means wrong answers, never slow ones."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import outside, report
from benchmarks.load import WrongAnswer
from benchmarks.suite import GROUPS, Bench

DATABASES = ("sqlite", "postgresql")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="how long each piece of work is asked for (1.5)"
    )
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--only", choices=tuple(GROUPS), action="append", help="one kind of work; may be repeated")
    parser.add_argument("--visits", type=int, default=20_000, help="visits in the database to begin with (20000)")
    parser.add_argument("--servers", action="store_true", help="compare ways to serve the product instead")
    parser.add_argument("--outside", action="store_true", help="time the answers to false badges instead")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for."""
    options = _options()
    kinds = DATABASES if options.database == "both" else (options.database,)
    groups = [group for group in GROUPS if not options.only or group in options.only]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        bench = Bench(Path(folder), options.visits)
        try:
            for kind in kinds:
                if options.outside:
                    count, middle, most, name = outside.measure(bench, kind, Path(folder) / f"outside-{kind}")
                    print(f"{kind}: {count} false badges, each red; median {middle:.1f} ms, slowest {most:.1f} ms")
                    print(f"  slowest: {name}", flush=True)
                elif options.servers:
                    print(f"{kind}: ways to serve the product")
                    for way, work, rate, p99 in bench.compare_servers(kind, options.rounds, options.seconds):
                        print(f"  {way:28} {work:12} {rate:7.0f}/s   p99 {p99:6.1f} ms", flush=True)
                else:
                    print(report.table(bench.run(kind, groups, options.rounds, options.seconds), groups))
                    print(flush=True)
        except WrongAnswer as error:
            print(f"Wrong answer: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
