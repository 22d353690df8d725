"""Weights of the front members, and of nobody else: what keeps a run folder small."""

import shutil
from collections.abc import Collection
from pathlib import Path

from nas.architecture import Architecture
from nas.files import write_bytes, write_text


class FrontWeights:
    """Keeps `models/<trial>/weights.safetensors` and `architecture.json` beside it.

    Args:
        folder: the run's `models` folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, number: int, *, architecture: Architecture, weights: bytes) -> None:
        """Write one trial's weights, whole or not at all."""
        place = self._folder / str(number)
        write_text(place / "architecture.json", architecture.to_json())
        write_bytes(place / "weights.safetensors", weights)

    def keep_only(self, numbers: Collection[int]) -> None:
        """Remove the weights of every other trial."""
        if not self._folder.is_dir():
            return
        kept = {str(number) for number in numbers}
        for place in self._folder.iterdir():
            if place.name not in kept:
                shutil.rmtree(place)
