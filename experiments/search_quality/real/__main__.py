"""The contest on real trainings: searches, retrainings, and what comes of them.

python -m experiments.search_quality.real run RUNS --cifar10 MOSAICS    goes on where it ended
python -m experiments.search_quality.real summary [RUNS]                results of what is there
python -m experiments.search_quality.real table RUN...                  the table of blocks

RUNS is a folder for run folders, outside the repository; MOSAICS the folder that
`experiments.cifar10.convert` reads.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.cifar10.pretend import write_mosaics
from experiments.search_quality.real import contest
from experiments.search_quality.real.blocks import TABLE, write_table
from experiments.search_quality.real.summary import write_summary
from experiments.search_quality.real.trainings import (
    RESULTS,
    collect,
    curves_of,
    read_trainings,
    write_trainings,
)
from experiments.smoke import make_parser, run_experiment

MAX_SEEDS = 100  # that a summary looks for


def main(words: Sequence[str]) -> int:
    """Read the command line and do it."""
    options = parse(words)
    if options.command == "run":
        _run(options)
    elif options.command == "table":
        print(f"{write_table(options.runs, path=options.results)} networks")
    else:
        _summarise(options)
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="search and retrain what is not there yet")
    run.add_argument("runs", type=Path)
    run.add_argument("--cifar10", type=Path, required=True, metavar="MOSAICS")
    run.add_argument("--seeds", type=int, default=4, help="searches of each method")
    run.add_argument("--retrainings", type=int, default=2, help="fresh seeds of each network")
    summary = commands.add_parser("summary", help="write tables and pictures into results")
    summary.add_argument("runs", type=Path, nargs="?", help="none: of results/trainings.csv")
    summary.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    table = commands.add_parser("table", help="write results/mobilenet_blocks.csv")
    table.add_argument("runs", type=Path, nargs="+", help="of `nas search --config-name blocks`")
    table.add_argument("--results", type=Path, default=TABLE, help="the file")
    for command in (run, summary):
        command.add_argument("--data", nargs="+", default=contest.DATA_SETS)
        command.add_argument("--methods", nargs="+", default=contest.METHODS)
        command.add_argument("--trials", type=int, default=contest.NUM_TRIALS)
    run.add_argument("--settings", nargs="+", default=(), help="of each search, key=value")
    return parser.parse_args(words)


def _scope(options: argparse.Namespace, *settings: str) -> contest.Scope:
    return contest.Scope(
        tuple(options.data), tuple(options.methods), options.trials, tuple(settings)
    )


def _run(options: argparse.Namespace) -> None:
    """All searches with one retraining each come first; more retrainings only sharpen them."""
    runs = options.runs.absolute()
    contest.make_cifar10(options.cifar10, runs)
    scope = _scope(options, *options.settings)
    for num_retrainings in range(1, options.retrainings + 1):
        for one in contest.searches(runs, num_seeds=options.seeds, scope=scope):
            contest.search(one)
            contest.retrain(one, num_seeds=num_retrainings)


def _summarise(options: argparse.Namespace) -> None:
    """Write results of the searches that have ended and whose fronts were retrained."""
    results: Path = options.results
    if options.runs is not None:
        runs = options.runs.absolute()
        known = contest.searches(runs, num_seeds=MAX_SEEDS, scope=_scope(options))
        done = [one for one in known if contest.is_done(one)]
        write_trainings(collect(done), results=results)
    write_summary(curves_of(read_trainings(results=results)), results=results)


def small(folder: Path) -> Iterator[list[str]]:
    """Search the digits twice, retrain, and write all results; then a table of three blocks."""
    runs, results = str(folder / "runs"), ["--results", str(folder)]
    few = ["--data", "digits", "--methods", "frontier", "tpe", "--trials", "8"]
    mosaics = ["--cifar10", str(write_mosaics(folder / "mosaics"))]
    tiny = ["--settings", "training.epochs=1", "constraints.num_macs.max=200000"]
    yield ["run", runs, *mosaics, "--seeds", "1", "--retrainings", "1", *few, *tiny]
    yield ["summary", runs, *results, *few]
    blocks = folder / "blocks"
    contest.search_blocks(blocks, settings=("training.epochs=1", "stopping.num_trials=3"))
    yield ["table", str(blocks), "--results", str(folder / "blocks.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
