"""The table `mobilenet_blocks`: every MobileNet of 1 to 8 blocks, from the runs that trained them.

Each run is `nas search --config-name blocks` with another seed: `sampler=brute_force` trains every
network of the space once. The first run is what a method sees; the mean of all is the score.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.search_quality.real.trainings import RESULTS
from nas.files import write_text

TABLE = RESULTS / "mobilenet_blocks.csv"
BLOCKS = [f"block{index}" for index in range(8)]


def write_table(runs: Sequence[Path], *, path: Path = TABLE) -> int:
    """Write the table of what all runs trained, and return its number of networks."""
    by_run = [_accuracies(run) for run in runs]
    complete = [key for key in by_run[0] if all(key in known for known in by_run)]
    header = ["network", *BLOCKS, "num_params", "num_macs", "accuracy", "mean_accuracy"]
    lines = [",".join(header)]
    for key in sorted(complete):
        row = by_run[0][key]
        mean = np.mean([float(known[key]["accuracy"]) for known in by_run])
        blocks = [row.get(f"param.stages.{index}.expansion", "") for index in range(8)]
        cells = [key, *blocks, row["num_params"], row["num_macs"]]
        lines.append(",".join([*cells, f"{float(row['accuracy']):.5f}", f"{mean:.5f}"]))
    write_text(path, "\n".join(lines) + "\n")
    return len(complete)


def _accuracies(run: Path) -> dict[str, dict[str, str]]:
    """Return architecture id -> row of trials.csv, of complete trials."""
    with (run / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["architecture_id"]: row for row in rows if row["state"] == "complete"}
