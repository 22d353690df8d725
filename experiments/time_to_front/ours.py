"""The same job by `nas search`, and how soon it has what the rival has at its end.

The search runs in one process, one trial after the other. What counts is the CPU time of that
process from its start, with all that is no training: imports, data, proposals, the record.
"""

import csv
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from nas.cli.main import main
from nas.evaluation.trained import TrainedEvaluator
from nas.pareto.hypervolume import hypervolume
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records
from nas.trial import TrialResult, TrialSpec, TrialState, trainings

# Volumes are taken up to a network of this size that guesses among ten classes.
WORST = np.array([-0.1, 7.0])  # minus accuracy, log10 of bytes
LEAST_LOG_BYTES = 2.5

Key = tuple[str, int]
Point = tuple[float, float, float]  # CPU seconds so far, accuracy, bytes


class ClockedEvaluator(TrainedEvaluator):
    """Trains as `nas search` does; a trial's seconds are those of the process when it ends."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Train and judge one architecture."""
        return replace(super().evaluate(spec), seconds=time.process_time())


def search(file: str, run: Path, *, trials: int, epochs: int, seed: int) -> list[Point]:
    """Search inline, and return the complete trials in the order of their ends.

    Args:
        file: an npz of images, or `digits`.
        run: folder of the run.
        trials: how many.
        epochs: of each.
        seed: of the search.
    """
    data = (
        ["data=digits"]
        if file == "digits"
        else [
            "data=npz",
            f"data.path={file}",
            "data.validation_fraction=0.1",
            "data.is_mirrorable=true",
        ]
    )
    status = main(
        [
            "search",
            *data,
            "execution=inline",
            "ui=none",
            "training.device=cpu",
            f"training.epochs={epochs}",
            f"evaluation._target_={ClockedEvaluator.__module__}.{ClockedEvaluator.__name__}",
            f"stopping.num_trials={trials}",
            f"seed={seed}",
            f"run_folder={run}",
        ]
    )
    assert status == 0, f"{run} ended with status {status}"
    done = trainings(load_records(RunFolder(run).study_journal))
    return sorted(
        (record.seconds, record.metrics["accuracy"], record.metrics["size_bytes"])
        for record in done
        if record.state is TrialState.COMPLETE
    )


def read(path: Path) -> dict[Key, list[Point]]:
    """Return the trials of a results file, by data and seed."""
    found: dict[Key, list[Point]] = defaultdict(list)
    if path.is_file():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                point = float(row["cpu_s"]), float(row["accuracy"]), float(row["size_bytes"])
                found[row["data"], int(row["seed"])].append(point)
    return found


def volumes(points: Sequence[Point]) -> list[float]:
    """Return the hypervolume after each trial; 1 is perfect accuracy at no more than 316 bytes."""
    losses = np.array([(-accuracy, math.log10(size)) for _, accuracy, size in points])
    best = float(np.prod(WORST - np.array([-1.0, LEAST_LOG_BYTES])))
    return [
        float(hypervolume(losses[:end], reference=WORST)) / best
        for end in range(1, len(losses) + 1)
    ]


def compare(rivals: dict[Key, list[Point]], ours: dict[Key, list[Point]]) -> list[str]:
    """Return a line for each data set: CPU seconds of both to the rival's last volume."""
    lines = []
    for data in dict.fromkeys(name for name, _ in ours):
        shares, ends = list[float](), list[tuple[float, float]]()
        for name, seed in ours:
            if name != data or (name, seed) not in rivals:
                continue
            goal = volumes(rivals[name, seed])[-1]
            reached = volumes(ours[name, seed])
            first = next((i for i, volume in enumerate(reached) if volume >= goal), None)
            spent_s = math.inf if first is None else ours[name, seed][first][0]
            shares.append(spent_s / rivals[name, seed][-1][0])
            ends.append((goal, reached[-1]))
        told = ", ".join(f"{share:.2f}" for share in shares)
        goal, reached_last = (float(np.mean(column)) for column in zip(*ends, strict=True))
        lines.append(
            f"{data}: nas search needs {median(shares):.2f} of the rival's CPU seconds (by seed "
            f"{told}); volumes at the end {reached_last:.4f} against {goal:.4f}"
        )
    return lines
