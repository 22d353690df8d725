"""Syne Tune's MO-ASHA on a table, in an environment of its own (syne-tune 0.16.0).

    PYTHON_WITH_SYNE_TUNE moasha.py TABLE.json SEED MAX_EPOCHS

Reads a table of rungs as JSON and prints its way as JSON: of each whole training the epochs spent
so far and the row. One worker; a network that is drawn again is passed over, as everywhere in the
contest. Called by `experiments.time_to_front.tables`, and knows nothing of the project.

Its `NonDominatedPriority` returns the order of the trials where its brackets take ranks (of losses
(3, 3), (1, 1), (2, 2) it returns 1 2 0; the ranks are 2 0 1), so that it keeps 2 of 800 trials.
Here the order is turned into ranks, which is what the paper describes.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA
from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import (
    NonDominatedPriority,
)


class Ranked(NonDominatedPriority):  # type: ignore[misc]  # Syne Tune is not installed here
    """The rank of each trial in the order that the parent returns."""

    def priority_unsafe(self, objectives: np.ndarray) -> np.ndarray:
        """Return ranks, the best 0."""
        return np.argsort(super().priority_unsafe(objectives))


def main() -> None:
    """Search and print."""
    file, seed, max_epochs = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    table = json.loads(Path(file).read_text())
    epochs, rows = table["epochs"], table["rows"]
    np.random.seed(seed)  # noqa: NPY002 - it draws from the global state
    scheduler = MOASHA(
        {"row": choice(list(range(len(rows))))},
        metrics=["loss", "log_size"],
        time_attr="epochs",
        multiobjective_priority=Ranked(),
        max_t=epochs[-1],
        grace_period=epochs[0],
        reduction_factor=epochs[1] / epochs[0],
        random_seed=seed,
    )
    known: set[str] = set()
    spent, number, way = 0.0, 0, []
    num_networks = len({row["network"] for row in rows})
    while spent < max_epochs and len(known) < num_networks:
        place = scheduler.suggest().config["row"]
        row = rows[place]
        if row["network"] in known:
            continue
        known.add(row["network"])
        trial = Trial(number, {"row": place}, datetime.now())
        number += 1
        scheduler.on_trial_add(trial)
        before = 0
        for rung, reached in enumerate(epochs):
            spent += reached - (before if table["continues"] else 0)
            before = reached
            loss = -row["quality"][rung]
            result = {"epochs": reached, "loss": loss, "log_size": row["log_size"]}
            if reached == epochs[-1]:
                scheduler.on_trial_complete(trial, result)
                way.append([spent, place, number])
            elif scheduler.on_trial_result(trial, result) == SchedulerDecision.STOP:
                scheduler.on_trial_remove(trial)
                break
    print(json.dumps({"way": way, "spent": spent, "num_started": number}))


if __name__ == "__main__":
    main()
