"""The same job by `nas search`, in one process, one trial after the other.

What counts is the CPU time of that process from its start, with all that is no training: imports,
data, proposals, the record.
"""

import json
import time
from dataclasses import replace
from pathlib import Path

from experiments.time_to_front.fronts import Trained
from nas.assemble.make import make_space
from nas.cli.main import main
from nas.config.recorded import read_mapping
from nas.evaluation.trained import TrainedEvaluator
from nas.record.run_folder import RunFolder
from nas.space.space import SearchSpace
from nas.study.journal import load_records
from nas.trial import TrialResult, TrialSpec, TrialState, trainings

_ARRAYS = ("data.validation_fraction=0.1", "data.is_mirrorable=true")


class ClockedEvaluator(TrainedEvaluator):
    """Trains as `nas search` does; a trial's seconds are those of the process when it ends."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Train and judge one architecture."""
        return replace(super().evaluate(spec), seconds=time.process_time())


def search(file: str, run: Path, *, trials: int, epochs: int, seed: int) -> list[Trained]:
    """Search inline, and return the complete trials in the order of their ends.

    Args:
        file: an npz of images, or `digits`.
        run: folder of the run.
        trials: how many.
        epochs: of each.
        seed: of the search.
    """
    data = ("data=digits",) if file == "digits" else ("data=npz", f"data.path={file}", *_ARRAYS)
    evaluator = f"{ClockedEvaluator.__module__}.{ClockedEvaluator.__name__}"
    settings = (
        "execution=inline",
        "ui=none",
        "training.device=cpu",
        f"training.epochs={epochs}",
        f"evaluation._target_={evaluator}",
        f"stopping.num_trials={trials}",
        f"seed={seed}",
        f"run_folder={run}",
    )
    status = main(["search", *data, *settings])
    assert status == 0, f"{run} ended with status {status}"
    done = trainings(load_records(RunFolder(run).study_journal))
    found = [
        Trained(
            record.number,
            round(record.seconds, 2),
            record.metrics["accuracy"],
            record.metrics["size_bytes"],
            json.dumps(dict(record.architecture)),
        )
        for record in done
        if record.state is TrialState.COMPLETE
    ]
    return sorted(found, key=lambda trial: trial.cpu_s)


def space_of(run: Path) -> SearchSpace:
    """Return the space that the run searched."""
    space: SearchSpace = make_space(read_mapping(RunFolder(run).config_yaml)["search_space"])
    return space
