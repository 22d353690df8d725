"""The contest of samplers.

python -m experiments.search_quality run        methods x problems x seeds; goes on where it ended
python -m experiments.search_quality summary    results/summary.md and results/hypervolume.png
python -m experiments.search_quality reference  results/ofa_front.csv anew
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.search_quality.ofa import Predictor, write_made_up_predictor
from experiments.search_quality.problems import PROBLEMS, predictor_file
from experiments.search_quality.reference import NUM_EVALUATIONS, make_reference_front
from experiments.search_quality.roster import ROSTER
from experiments.search_quality.runner import Job, run_jobs
from experiments.search_quality.store import RESULTS, finished_trainings, path_of
from experiments.smoke import make_parser, run_experiment


def main(words: Sequence[str]) -> int:
    """Read the command line and do it."""
    options = parse(words)
    options.results.mkdir(parents=True, exist_ok=True)
    if options.command == "run":
        return 1 if run_jobs(list(_jobs(options)), num_workers=options.workers) else 0
    if options.command == "summary":
        from experiments.search_quality.summary import write_summary

        write_summary(options.results)
        return 0
    front = make_reference_front(
        Predictor(options.predictor or predictor_file()),
        options.results / "ofa_front.csv",
        num_evaluations=options.evaluations,
    )
    print(f"{len(front)} points")
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run what is not on disk yet")
    run.add_argument("--methods", default=",".join(ROSTER), help="comma-separated, or cheap, slow")
    run.add_argument("--problems", default=",".join(PROBLEMS), help="comma-separated")
    run.add_argument("--seeds", type=int, default=20, help="seeds 0 to this, exclusive")
    run.add_argument(
        "--trainings", type=int, default=100, help="distinct trainings of each contest"
    )
    run.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    run.add_argument("--again", action="store_true", help="also what is on disk")
    summary = commands.add_parser("summary", help="write the summary and the picture")
    reference = commands.add_parser("reference", help="search the OFA space's reference front")
    reference.add_argument("--predictor", type=Path, help="npz file of the data folder")
    reference.add_argument("--evaluations", type=int, default=NUM_EVALUATIONS)
    for command in (run, summary, reference):
        command.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    return parser.parse_args(words)


def _jobs(options: argparse.Namespace) -> Iterator[Job]:
    """Yield the contests that are missing, all methods of a seed before the next seed."""
    groups = {
        "cheap": [name for name, entry in ROSTER.items() if not entry.is_slow],
        "slow": [name for name, entry in ROSTER.items() if entry.is_slow],
    }
    methods = [name for word in options.methods.split(",") for name in groups.get(word, [word])]
    problems = options.problems.split(",")
    unknown = [name for name in methods if name not in ROSTER]
    unknown += [name for name in problems if name not in PROBLEMS]
    if unknown:
        sys.exit(
            f"unknown: {', '.join(unknown)}; methods: {', '.join(ROSTER)}; "
            f"problems: {', '.join(PROBLEMS)}"
        )
    for seed in range(options.seeds):
        for problem in problems:
            for method in methods:
                path = path_of(problem, method, results=options.results)
                done = finished_trainings(path).get(seed, 0)
                if options.again or done < options.trainings:
                    yield Job(path, problem, method, seed, options.trainings)


def small(folder: Path) -> Iterator[list[str]]:
    """Run one seed of two methods on the table that lies here, and each other command."""
    results = ["--results", str(folder)]
    contest = ["--problems", "mobilenet_blocks", "--methods", "random,frontier", "--seeds", "1"]
    yield ["run", *contest, "--trainings", "25", "--workers", "1", *results]
    yield ["summary", *results]
    predictor = write_made_up_predictor(folder / "predictor.npz")
    yield ["reference", "--predictor", str(predictor), "--evaluations", "600", *results]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
