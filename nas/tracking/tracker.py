"""What does an experiment tracker get of a run? Settings, numbers of each trial, files at last.

A tracker is a service or a folder beside the run folder: MLflow, Weights & Biases, TensorBoard.
What it does not get is no loss: the run folder has everything.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nas.files import write_text

_IDS = "tracking.json"  # in the run folder: by which id a tracker knows the run


@dataclass(frozen=True)
class TrackedRun:
    """The run that is tracked.

    Attributes:
        name: of the run.
        folder: the run folder.
        settings: the composed configuration, flat: dotted name -> value, without passwords.
        known_as: the id that the tracker gave the run in an earlier command; None for a new one.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    known_as: str | None = None


class Tracker(Protocol):
    """Takes down what a run does; it may raise anything, and is left alone after that."""

    def start(self, run: TrackedRun) -> str:
        """Begin to take down a run, or go on with it; return its id in the tracker."""
        ...

    def numbers(self, values: Mapping[str, float], *, step: int) -> None:
        """Take down numbers at a step, such as those of a trial at its number."""
        ...

    def file(self, path: Path, name: str) -> None:
        """Keep a file under its own name, in the folders before it: `finish/trial-3/a.onnx`."""
        ...

    def close(self, *, is_failed: bool) -> None:
        """End."""
        ...


def id_of(folder: Path, kind: str) -> str | None:
    """Return by which id a tracker knows the run in a folder; None where it does not."""
    try:
        told = json.loads((folder / _IDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = told.get(kind) if isinstance(told, dict) else None
    return found if isinstance(found, str) else None


def keep_id(folder: Path, kind: str, known_as: str) -> None:
    """Keep the id of a run for commands that go on with it."""
    try:
        told = json.loads((folder / _IDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    write_text(folder / _IDS, json.dumps({**told, kind: known_as}) + "\n")


def flat(settings: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of nested settings by its dotted name."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
