"""The contest of samplers.

python -m experiments.search_quality run        methods x problems x seeds; goes on where it ended
python -m experiments.search_quality summary    results/summary.md and results/hypervolume.png
python -m experiments.search_quality reference  results/ofa_front.csv anew
"""

import argparse
import os
import sys
from collections.abc import Iterator

from experiments.search_quality.problems import PROBLEMS
from experiments.search_quality.roster import ROSTER
from experiments.search_quality.runner import Job, run_jobs
from experiments.search_quality.store import finished_trainings


def main() -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Raw)
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
    commands.add_parser("summary", help="write the summary and the picture")
    commands.add_parser("reference", help="search the OFA space's reference front")
    options = parser.parse_args()
    if options.command == "run":
        return 1 if run_jobs(list(_jobs(options)), num_workers=options.workers) else 0
    if options.command == "summary":
        from experiments.search_quality.summary import write_summary

        write_summary()
        return 0
    from experiments.search_quality.reference import make_reference_front

    print(f"{len(make_reference_front())} points")
    return 0


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


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
                done = finished_trainings(problem, method).get(seed, 0)
                if options.again or done < options.trainings:
                    yield Job(problem, method, seed, options.trainings)


if __name__ == "__main__":
    sys.exit(main())
