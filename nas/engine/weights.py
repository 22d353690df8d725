"""Weights of the members of the front, and of no other trial: a run folder stays small."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from nas.evaluation.evaluator import BringsWeights, Evaluator
from nas.files import remove_own, write_bytes, write_text
from nas.trial import TrialRecord, TrialResult

_FILES = ("weights.safetensors", "architecture.json", "variant.json", "trained_again.json")


class FrontWeights:
    """Keeps `models/<trial>/weights.safetensors` and `architecture.json` beside it.

    The weights of a variant are as they are stored (`nas.compress.compression.load_stored` reads
    them), and `variant.json` says what was done to the network of which trial.

    Args:
        folder: the run's `models` folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save_of(self, result: TrialResult, records: Iterable[TrialRecord]) -> None:
        """Write the weights that a result brought of some trials: of itself, of its variants."""
        weights = {"": result.weights, **{v.name: v.weights for v in result.variants}}
        for record in records:
            found = weights[record.variant]
            if found is not None:
                self.save(record, weights=found)

    def is_begun(self) -> bool:
        """Say whether the folder is there."""
        return self._folder.is_dir()

    def has(self, number: int) -> bool:
        """Say whether the weights of a trial are there."""
        file = self._folder / str(number) / "weights.safetensors"
        return file.is_file() and file.stat().st_size > 0

    def save(
        self, record: TrialRecord, *, weights: bytes, trained_again: str | None = None
    ) -> None:
        """Write one trial's weights, whole or not at all.

        Args:
            record: the trial.
            weights: the bytes of a safetensors file.
            trained_again: what a second training measured, JSON; None for a first one.
        """
        place = self._folder / str(record.number)
        if trained_again is not None:
            write_text(place / "trained_again.json", trained_again)
        write_text(place / "architecture.json", record.architecture.to_json())
        if record.parent is not None:
            told = {"variant": record.variant, "parent": record.parent}
            write_text(place / "variant.json", json.dumps(told))
        write_bytes(place / "weights.safetensors", weights)

    def keep_only(self, numbers: Collection[int]) -> None:
        """Remove the weights of every other trial; what others put there stays."""
        if not self._folder.is_dir():
            return
        kept = {str(number) for number in numbers}
        for place in self._folder.iterdir():
            if place.name not in kept and place.name.isdecimal():
                remove_own(place, _FILES)

    def remove(self, numbers: Collection[int]) -> None:
        """Remove the weights of some trials; what others put there stays."""
        if not self._folder.is_dir():
            return
        for number in numbers:
            remove_own(self._folder / str(number), _FILES)


def brings_weights(evaluator: Evaluator, kept: FrontWeights) -> bool:
    """Say whether results come with weights; an evaluator that does not say so has left some."""
    return evaluator.brings_weights if isinstance(evaluator, BringsWeights) else kept.is_begun()
