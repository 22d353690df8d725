"""What is a network worth? Its test accuracy after a training from scratch, longer than any trial.

It learns from the training images for twice the epochs of a trial, with a seed of its own, and is
judged by the test images, which no search has seen. Each network is trained once for the whole
contest, whatever search found it, so that arms differ by what they found and by nothing else.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from experiments.time_to_front.real.searches import OBJECTIVES, ArmSearch
from nas.architecture import Architecture
from nas.assemble.make import make, make_data, make_space
from nas.config.recorded import read_mapping
from nas.config.schema import TrialLimits
from nas.data.dataset import SearchData, ThreeSplits
from nas.evaluation.trained import TrainedEvaluator
from nas.seeding import derive_seed
from nas.trial import TrialSpec

LONGER = 2  # times the epochs of a trial
_HEAD = ("problem", "architecture_id", "test_accuracy")


class _TestedData:
    """Data whose test split stands where a search has its validation split."""

    def __init__(self, data: ThreeSplits) -> None:
        self._data = data

    def search_data(self) -> SearchData:
        return replace(self._data.search_data(), validation=self._data.splits()["test"])


class Retrainings:
    """Test accuracies of retrained networks, kept in a CSV file as they come.

    Args:
        path: the file; made where it is absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str], float] = {}
        if path.is_file():
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    key = row["problem"], row["architecture_id"]
                    self._known[key] = float(row["test_accuracy"])

    def of(self, problem: str) -> Mapping[str, float]:
        """Return architecture id -> test accuracy of what was retrained for a problem."""
        return {key: value for (name, key), value in self._known.items() if name == problem}

    def train(self, one: ArmSearch, architectures: Iterable[Architecture]) -> None:
        """Retrain those that were not yet."""
        known = self.of(one.problem)
        missing = {a.id: a for a in architectures if a.id not in known}
        if not missing:
            return
        evaluator = _evaluator(one)
        for architecture in missing.values():
            seed = derive_seed(0, "retraining", architecture.id)
            result = evaluator.evaluate(TrialSpec(0, architecture, seed))
            assert result.failure is None, result.failure
            self._add(one.problem, architecture.id, result.metrics["accuracy"])

    def _add(self, problem: str, key: str, accuracy: float) -> None:
        self._known[problem, key] = accuracy
        is_new = not self._path.is_file()
        with self._path.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([*([_HEAD] if is_new else []), (problem, key, accuracy)])


def _evaluator(one: ArmSearch) -> TrainedEvaluator:
    told = read_mapping(one.folder.config_yaml)
    node = {k: v for k, v in told["training"].items() if k not in TrialLimits.names()}
    recipe = make({**node, "epochs": LONGER * node["epochs"]})
    data = _TestedData(make_data(told["data"]))
    space = make_space(told["search_space"])
    return TrainedEvaluator(space, data, recipe, OBJECTIVES, num_threads=1)  # type: ignore[arg-type]
