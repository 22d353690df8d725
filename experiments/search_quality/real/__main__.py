"""The contest on real trainings: searches, retrainings, and what comes of them.

python -m experiments.search_quality.real run RUNS --cifar10 MOSAICS    goes on where it ended
python -m experiments.search_quality.real summary [RUNS]                results of what is there
python -m experiments.search_quality.real table RUN...                  the table of blocks

RUNS is a folder for run folders, outside the repository; MOSAICS the folder that
`experiments.cifar10.convert` reads.
"""

import argparse
import sys
from pathlib import Path

from experiments.search_quality.real import contest
from experiments.search_quality.real.blocks import write_table
from experiments.search_quality.real.summary import write_summary
from experiments.search_quality.real.trainings import (
    collect,
    curves_of,
    read_trainings,
    write_trainings,
)

MAX_SEEDS = 100  # that a summary batch for


def main() -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="search and retrain what is not there yet")
    run.add_argument("runs", type=Path)
    run.add_argument("--cifar10", type=Path, required=True, metavar="MOSAICS")
    run.add_argument("--seeds", type=int, default=4, help="searches of each method")
    run.add_argument("--retrainings", type=int, default=2, help="fresh seeds of each network")
    summary = commands.add_parser("summary", help="write tables and pictures into results")
    summary.add_argument("runs", type=Path, nargs="?", help="none: of results/trainings.csv")
    table = commands.add_parser("table", help="write results/mobilenet_blocks.csv")
    table.add_argument("runs", type=Path, nargs="+", help="of `nas search --config-name blocks`")
    options = parser.parse_args()
    if options.command == "run":
        _run(options)
    elif options.command == "table":
        print(f"{write_table(options.runs)} networks")
    else:
        _summarise(options.runs)
    return 0


def _run(options: argparse.Namespace) -> None:
    """All searches with one retraining each come first; more retrainings only sharpen them."""
    runs = options.runs.absolute()
    contest.make_cifar10(options.cifar10, runs)
    for num_retrainings in range(1, options.retrainings + 1):
        for one in contest.searches(runs, num_seeds=options.seeds):
            contest.search(one)
            contest.retrain(one, num_seeds=num_retrainings)


def _summarise(runs: Path | None) -> None:
    """Write results of the searches that have ended and whose fronts were retrained."""
    if runs is not None:
        known = contest.searches(runs.absolute(), num_seeds=MAX_SEEDS)
        write_trainings(collect([one for one in known if contest.is_done(one)]))
    write_summary(curves_of(read_trainings()))


if __name__ == "__main__":
    sys.exit(main())
