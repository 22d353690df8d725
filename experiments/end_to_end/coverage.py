"""Do the printed 95 % prediction intervals hold? Retrain confirmed winners again, and count.

python -m experiments.end_to_end.coverage RUN_FOLDER [WINNERS] [SEEDS] [FURTHER]

Takes the first non-dominated layers of a finished search, confirms WINNERS of them with SEEDS
retrainings as `nas finish` does, and then retrains each FURTHER times with other seeds. The
results have one row for each further retraining. May be killed and goes on.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from experiments.smoke import make_parser, run_experiment
from nas.assemble.finish import build_finish
from nas.cli.main import main as nas
from nas.config.finishing import check_finish
from nas.evaluation.hand_made import WithBaselines
from nas.execution.inline import InlineBackend
from nas.finish.choose import Pick
from nas.finish.confirm import RetrainingPlan, Winner, data_key, tested_values
from nas.finish.ledger import Ledger
from nas.finish.retrain import Crew, final_evaluator, run_jobs
from nas.finish.run import run_finish
from nas.finish.task import FinishTask
from nas.objective import losses
from nas.pareto.dominance import ranks
from nas.record.run_folder import RunFolder
from nas.record.winners import WinnerRow

RESULTS = Path(__file__).parent / "results" / "coverage.csv"
HEAD = (
    "winner", "num_params", "size_bytes", "search_accuracy", "mean", "std", "low", "high",
    "further", "is_inside",
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Measure the coverage on one run."""
    parser = make_parser(__doc__)
    parser.add_argument("run", metavar="RUN_FOLDER")
    parser.add_argument("winners", type=int, nargs="?", default=20)
    parser.add_argument("seeds", type=int, nargs="?", default=3)
    parser.add_argument("further", type=int, nargs="?", default=5)
    parser.add_argument("--settings", nargs="*", default=[], help="of nas finish")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    num_winners, num_seeds, num_further = options.winners, options.seeds, options.further
    words = [f"run={options.run}", "execution=inline", *options.settings]
    finish = build_finish(check_finish(words), words=[])
    assert isinstance(finish.task, FinishTask), "this measures runs on images"
    numbers = layered(finish.task, num_winners)
    task = replace(finish.task, pick=Pick(trials=numbers), num_seeds=num_seeds, export=None)
    crew = Crew(
        make_backend=InlineBackend,
        watch=lambda: nullcontext(SimpleNamespace(requested=False)),
        on_entry=lambda job, _, done, jobs: print(f"{done}/{jobs} {job.name}", flush=True),
    )
    summary = run_finish(task, folder=finish.folder, crew=crew, publish=lambda _: None)
    plan = RetrainingPlan(task.recipe, num_seeds + num_further, task.seed, data_key(task.dataset))
    further = retrain(task, summary.rows, plan, finish.folder, crew)
    write(summary.rows, further, options.results)
    return 0


def layered(task: FinishTask, count: int) -> tuple[int, ...]:
    """Return the numbers of trials of the first non-dominated layers, by layer and size."""
    table = np.array([losses(task.objectives, record.metrics) for record in task.records])
    layers = ranks(table)
    order = np.lexsort((table[:, -1], layers))[:count]
    return tuple(task.records[index].number for index in order)


def retrain(
    task: FinishTask,
    rows: tuple[WinnerRow, ...],
    plan: RetrainingPlan,
    folder: RunFolder,
    crew: Crew,
) -> dict[str, list[float]]:
    """Return the accuracies of the retrainings that no interval was made of, by winner."""
    known = {record.number: record for record in task.records}
    candidates = [Winner(row.name, known[row.trial].architecture) for row in rows]
    ledger = Ledger(folder.finish_dir / "ledger.jsonl")
    by_seed = zip(*map(plan.jobs_of, candidates), strict=True)
    run_jobs(
        [job for jobs in by_seed for job in jobs],
        evaluator=final_evaluator(WithBaselines(task.space), task.dataset, task.recipe),
        ledger=ledger,
        folder=folder.finish_dir,
        crew=crew,
    )
    return {c.name: tested_values(c, plan, ledger)[task.num_seeds :] for c in candidates}


def write(rows: tuple[WinnerRow, ...], further: dict[str, list[float]], path: Path) -> None:
    """Write a row for each further retraining, and print the share inside."""
    inside = []
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for row in rows:
            for value in further[row.name]:
                inside.append(row.prediction_low <= value <= row.prediction_high)
                numbers = [row.search_value, row.test_mean, row.test_std]
                numbers += [row.prediction_low, row.prediction_high, value]
                writer.writerow(
                    [row.name, int(row.num_params), int(row.size_bytes)]
                    + [f"{number:.5f}" for number in numbers]
                    + [str(inside[-1]).lower()]
                )
    width = np.mean([row.prediction_high - row.prediction_low for row in rows])
    print(f"{len(rows)} winners, {len(inside)} further retrainings: {np.mean(inside):.1%} inside")
    print(f"mean width of the intervals: {100 * width:.2f} points")


def small(folder: Path) -> Iterator[list[str]]:
    """Search for two networks, and retrain one of them three times."""
    words = ["training.epochs=1", "stopping.num_trials=2", "constraints.num_macs.max=200000"]
    run_folder = folder / "run"
    status = nas(["search", f"run_folder={run_folder}", "execution=inline", "ui=plain", *words])
    assert status == 0, "the search failed"
    yield [str(run_folder), "1", "2", "1", "--settings", "training.epochs=1",
           "--results", str(folder / "coverage.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
