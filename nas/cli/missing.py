"""What is said of a run whose front lacks weights, and what mends it."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.config.trust import with_trust
from nas.engine.trainings_again import missing_line
from nas.engine.weights import FrontWeights
from nas.objective import Objective
from nas.record.run_folder import RunFolder
from nas.trial import TrialRecord

_TRAINS = "nas.evaluation.trained.TrainedEvaluator"


def without_weights(
    folder: RunFolder, records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[int]:
    """Return the trials on the front whose weights a run lacks; none where it keeps no weights."""
    from nas.config.recorded import read_mapping
    from nas.report.front import front_records

    values = read_mapping(folder.config_yaml) if folder.config_yaml.is_file() else {}
    if not (folder.models_dir.is_dir() or _is_trained(values)):
        return []
    weights = FrontWeights(folder.models_dir)
    numbers = (record.number for record in front_records(records, objectives))
    return sorted(number for number in numbers if not weights.has(number))


def resume_command(folder: RunFolder, *words: str) -> str:
    """Return the command that goes on with a run, with further words."""
    told = ["nas", "search", f"name={folder.name}"]
    if folder.path != (Path("runs") / folder.name).absolute():
        told.append(f"run_folder={folder.path}")
    return shlex.join(with_trust([*told, "resume=true", *words]))


def say_missing(
    console: Console, folder: RunFolder, numbers: Sequence[int], *, why: str = ""
) -> None:
    """Name the trials, and the command that trains them again."""
    if not numbers:
        return
    command = resume_command(folder, "train_again=true")
    _say(console, [f"{missing_line(numbers)}.{why} To train these networks again:", command])


def _say(console: Console, lines: Iterable[str]) -> None:
    text = "\n  ".join(lines)
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _is_trained(values: Mapping[Any, Any]) -> bool:
    evaluation = values.get("evaluation")
    return isinstance(evaluation, Mapping) and evaluation.get("_target_") == _TRAINS
