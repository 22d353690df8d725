"""Does `frontier` still find the front of published tables? The real loop, five seeds.

The same seeds give the same searches, so nothing here is chance; the marks leave room for other
versions of NumPy and SciPy.
"""

from pathlib import Path

import numpy as np
import pytest
from parts.engine import search, small_task

from nas.engine.stopping import Stopping
from nas.evaluation.tabular import TabularEvaluator
from nas.execution.simulated import SimulatedBackend
from nas.frontier.sampler import FrontierSampler
from nas.pareto.dominance import front_mask
from nas.pareto.hypervolume import hypervolume
from search_spaces.table import TableSpace

TABLES = Path(__file__).resolve().parents[3] / "shared" / "data"
REFERENCE = 1.1  # both axes are scaled so that the true front spans 0 to 1
NUM_SEEDS = 5

MACRO = {
    "path": TABLES / "nas_bench_macro/nas_bench_macro_cifar10.parquet",
    "parameters": [f"l{i}" for i in range(8)],
    "quality": "test_acc_0",
    "size": "params",
    "facts": ["flops"],
}
CIFAR100 = {
    "path": TABLES / "nas_bench_201/nas_bench_201.parquet",
    "parameters": ["e01", "e02", "e12", "e03", "e13", "e23"],
    "quality": "val200_c100",
    "size": "params_c100",
    "identity": "unique_id",
    "facts": ["macs_c100"],
}


def share_of_true_volume(evaluator, records):
    """Return the hypervolume of what was trained, as a share of the true front's."""
    numbers, columns = evaluator.table.numbers, evaluator.table.columns
    everything = np.column_stack([-numbers[columns.quality], np.log10(numbers[columns.size])])
    front = everything[front_mask(everything)]
    low, span = front.min(axis=0), np.ptp(front, axis=0)

    def volume(losses):
        scaled = (losses - low) / span
        inside = scaled[(scaled < REFERENCE).all(axis=1)]
        return hypervolume(inside, reference=np.full(2, REFERENCE))

    found = np.array([[-r.metrics["quality"], np.log10(r.metrics[columns.size])] for r in records])
    return volume(found) / volume(front)


@pytest.mark.parametrize(
    ("table", "mean_mark", "worst_mark"),
    [
        pytest.param(MACRO, 0.985, 0.97, id="nas-bench-macro", marks=pytest.mark.long),
        pytest.param(CIFAR100, 0.88, 0.80, id="nas-bench-201 cifar-100", marks=pytest.mark.slow),
    ],
)
def test_fifty_trainings_find_most_of_the_true_front(tmp_path, table, mean_mark, worst_mark):
    if not table["path"].is_file():
        pytest.skip(f"needs the benchmark table {table['path'].name} beside the checkout")
    evaluator, space = TabularEvaluator(table), TableSpace(table)
    shares = []
    for seed in range(NUM_SEEDS):
        task = small_task(
            space=space,
            evaluator=evaluator,
            objectives=evaluator.objectives,
            make_sampler=lambda seed: FrontierSampler(space, evaluator.facts, seed=seed),
            stopping=Stopping(num_trials=50),
            seed=seed,
        )
        summary = search(task, tmp_path / str(seed), make_backend=SimulatedBackend)
        shares.append(share_of_true_volume(evaluator, summary.records))

    assert np.mean(shares) >= mean_mark, shares
    assert min(shares) >= worst_mark, shares
