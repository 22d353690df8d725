"""What the fronts of a search are worth: networks that stood on one are trained again.

In a search the luckiest of the trainings of a size stands on the front, the more so where a
sampler proposes one network again and again. So each network that stood on a front at any time is
trained from fresh seeds, and the volume of a front is that of the means of these trainings.
"""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nas.architecture import Architecture
from nas.pareto.dominance import front_mask
from nas.pareto.hypervolume import hypervolume

# Volumes reach from perfect accuracy in 316 bytes, which is 1, to ten million bytes.
LOG_BYTES = 2.5, 7.0
GUESSING = 0.1  # accuracy among ten classes

Key = tuple[str, int]


@dataclass(frozen=True)
class Trained:
    """One trial of a search.

    Attributes:
        trial: its number.
        cpu_s: of the whole search when it ended.
        accuracy: that the search saw.
        size_bytes: of the stored tensors.
        architecture: JSON.
        retrained: mean accuracy from fresh seeds; NaN for one that never stood on the front.
    """

    trial: int
    cpu_s: float
    accuracy: float
    size_bytes: float
    architecture: str
    retrained: float = math.nan

    @property
    def losses(self) -> tuple[float, float]:
        """As the search saw them."""
        return -self.accuracy, math.log10(self.size_bytes)


def retrained(
    trials: Sequence[Trained], train: Callable[[Architecture, int], float], *, num_seeds: int = 3
) -> list[Trained]:
    """Train again what stood on the front when it ended, each network once for all its trials.

    Args:
        trials: in the order of their ends.
        train: (architecture, seed) -> accuracy.
        num_seeds: trainings of each network.
    """
    known: dict[str, float] = {}
    found = []
    for end, trial in enumerate(trials, start=1):
        if front_mask(np.array([one.losses for one in trials[:end]]))[-1]:
            name = trial.architecture
            if name not in known:
                architecture = Architecture(json.loads(name))
                seen = [train(architecture, 1_000 + seed) for seed in range(num_seeds)]
                known[name] = float(np.mean(seen))
            trial = replace(trial, retrained=round(known[name], 5))
        found.append(trial)
    return found


def volumes(trials: Sequence[Trained], *, floor: float = GUESSING) -> list[float]:
    """Return the hypervolume after each trial: of the front that was seen, as retrained.

    Args:
        trials: in the order of their ends.
        floor: accuracies up to this one count for nothing.
    """
    seen = np.array([trial.losses for trial in trials])
    worth = np.array([(-trial.retrained, trial.losses[1]) for trial in trials])
    reference = np.array([-floor, LOG_BYTES[1]])
    whole = (1.0 - floor) * (LOG_BYTES[1] - LOG_BYTES[0])
    found = []
    for end in range(1, len(trials) + 1):
        members = worth[:end][front_mask(seen[:end])]
        counted = members[(members < reference).all(axis=1)]
        volume = hypervolume(counted, reference=reference) if len(counted) else 0.0
        found.append(float(volume) / whole)
    return found


def compare(
    rivals: Mapping[Key, Sequence[Trained]],
    ours: Mapping[Key, Sequence[Trained]],
    *,
    floor: float = GUESSING,
) -> list[str]:
    """Return a line for each data set: what part of the rival's CPU seconds `nas search` needs.

    Args:
        rivals: (data, seed) -> trials of the rival.
        ours: the same for `nas search`.
        floor: accuracies up to this one count for nothing.
    """
    both: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for data, seed in ours:
        theirs, own = rivals[data, seed], ours[data, seed]
        goal, reached = volumes(theirs, floor=floor)[-1], volumes(own, floor=floor)
        first = next((i for i, volume in enumerate(reached) if volume >= goal), None)
        spent_s = math.inf if first is None else own[first].cpu_s
        both[data].append((spent_s / theirs[-1].cpu_s, reached[-1], goal))
    return [_told(data, floor, rows) for data, rows in both.items()]


def _told(data: str, floor: float, rows: Sequence[tuple[float, float, float]]) -> str:
    shares = [share for share, _, _ in rows]
    each = ", ".join("never" if math.isinf(share) else f"{share:.2f}" for share in shares)
    own_end, goal = np.mean([row[1:] for row in rows], axis=0)
    return (
        f"{data}, accuracies from {floor:g}: nas search has the rival's last volume after this "
        f"part of its CPU seconds, by seed: {each}; volumes at the end {own_end:.4f} against "
        f"{goal:.4f}"
    )


def append(path: Path, key: Key, trials: Sequence[Trained]) -> None:
    """Add a line for each trial to a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = tuple(Trained.__dataclass_fields__)
    is_new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(("data", "seed", *names))
        writer.writerows((*key, *(getattr(trial, name) for name in names)) for trial in trials)


def read(path: Path) -> dict[Key, list[Trained]]:
    """Return the trials of a CSV file, by data and seed."""
    found: dict[Key, list[Trained]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            trial = Trained(
                int(row["trial"]),
                float(row["cpu_s"]),
                float(row["accuracy"]),
                float(row["size_bytes"]),
                row["architecture"],
                float(row["retrained"]),
            )
            found[row["data"], int(row["seed"])].append(trial)
    return found
