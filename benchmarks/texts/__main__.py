"""`python -m benchmarks.texts`: measure, print the table. Exit status 1 means wrong or missing answers, never slow
ones."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import servers
from benchmarks.load import WrongAnswer
from benchmarks.suite import Bench
from benchmarks.texts import delivery, meanwhile, throughput
from benchmarks.texts.dispatching import TooSlow
from benchmarks.texts.stage import SHORT, Figure, Plan, Stage

DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
TRIALS = {
    "committing": delivery.committing,
    "late": delivery.late_first,
    "rate": delivery.at_a_rate,
    "receipts": meanwhile.receipts,
    "hung": meanwhile.hung,
    "queued": throughput.fast_carrier,
    "slow": throughput.slow_carrier,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.texts", description=__doc__)
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--only", choices=tuple(TRIALS), action="append", help="one trial; may be repeated")
    parser.add_argument("--short", action="store_true", help="see that everything runs: no figures to keep")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for."""
    options = _options()
    kinds = tuple(DATABASES) if options.database == "both" else (options.database,)
    plan = SHORT if options.short else Plan()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        bench = Bench(Path(folder), plan.visits)
        try:
            for kind in kinds:
                print(DATABASES[kind], flush=True)
                of_kind = Path(folder) / kind
                of_kind.mkdir()
                with servers.filled(kind, of_kind, bench.town) as copy:
                    stage = Stage(bench, kind, of_kind, copy, plan)
                    for name in options.only or TRIALS:
                        for figure in TRIALS[name](stage):
                            print(_line(figure), flush=True)
        except (WrongAnswer, TooSlow) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


def _line(figure: Figure) -> str:
    met = {True: "met", False: "not met", None: ""}[figure.met]
    return f"  {figure.what:38} {figure.figure:40} {figure.wanted:10} {met}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
