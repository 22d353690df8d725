"""The searches that `experiments.engine.kills` strikes: false trainings, and language models."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiments.engine.false_rungs import SHARES
from experiments.engine.parts import ClosedForm
from experiments.engine.windows import RUNG_WINDOWS, TOKEN_WINDOWS, WINDOWS, Window
from nas.objective import Objective, objective_for
from nas.trial import TrialRecord, TrialResult, TrialSpec, TrialState

TRIAL_S = 0.004
_TEXT = "the cat sat on the mat and the dog sat on the log; nobody asked them why\n" * 900
_TEXT_WORDS = (
    "preset=small_lm",
    "data=text",
    "data.context=32",
    "data.judged_tokens=2048",
    "training.tokens=2048",
    "training.batch_tokens=256",
    "evaluation.checkpoint_every_s=0.01",
    "search_space.head_features=8",
    "search_space.parameters.width.choice=[8,12,16,20]",
    "search_space.parameters.heads.choice=[1,2]",
    "search_space.parameters.context.choice=[16,32]",
    "search_space.parameters.layers.repeat.int=[1,2]",
    "stopping.time_limit_s=null",
)


def _nothing(run: Path) -> Mapping[str, str]:
    del run
    return {}


@dataclass(frozen=True)
class KilledSearch:
    """What is searched while it is struck.

    Attributes:
        words: of the command line, beside what each search is told.
        objectives: what it makes better.
        num_trials: of one run; then another one begins.
        windows: kinds of moments at which a command dies.
        holds: says whether the stored weights are those of a trial.
        environment: variables that a command in a run folder gets.
    """

    words: tuple[str, ...]
    objectives: tuple[Objective, ...]
    num_trials: int
    windows: Mapping[str, Window]
    holds: Callable[[bytes, TrialRecord], bool]
    environment: Callable[[Path], Mapping[str, str]] = _nothing


class FalseTraining(ClosedForm):
    """Judges by a closed form, and brings the network's identity as its weights."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Wait a little, and return what the closed form gives."""
        time.sleep(TRIAL_S)
        costs = self.static_costs(spec.architecture)
        shake = int(spec.architecture.id[:6], 16) / 0xFFFFFF
        accuracy = 0.5 * costs["size_bytes"] / (costs["size_bytes"] + 300.0) + 0.5 * shake
        metrics = {**costs, "accuracy": accuracy}
        weights = spec.architecture.id.encode()
        return TrialResult(
            spec.number, spec.attempt, TrialState.COMPLETE, metrics, weights=weights
        )


def false_search(conf: Path, *, rungs: bool) -> KilledSearch:
    """Return a search of false trainings, after writing what its command line names.

    Args:
        conf: folder of the YAML files.
        rungs: trials train in steps.
    """
    genes = "".join(f"  g{i}: {{choice: [0, 1, 2, 3]}}\n" for i in range(6))
    space = f"_target_: nas.space.space.SearchSpace\nparameters:\n{genes}"
    trained = "killed_searches.FalseTraining", "false_rungs.FalseRungs"
    evaluation = f"_target_: experiments.engine.{trained[rungs]}\n"
    fidelity = f"kind: rungs\nshares: {list(SHARES)}\n" if rungs else "kind: full\n"
    choices = {"search_space": space, "evaluation": evaluation, "fidelity": fidelity}
    for group, text in choices.items():
        (conf / group).mkdir(parents=True)
        (conf / group / "kills.yaml").write_text(text)
    return KilledSearch(
        words=tuple(f"{group}=kills" for group in choices),
        objectives=(objective_for("accuracy"), objective_for("size_bytes")),
        num_trials=60,
        windows=WINDOWS | RUNG_WINDOWS if rungs else WINDOWS,
        holds=lambda content, record: content == record.architecture.id.encode(),
    )


def text_search(conf: Path) -> KilledSearch:
    """Return a search of tiny language models that are really trained, on a text in a file."""
    conf.mkdir(parents=True)
    text = conf / "text.txt"
    text.write_text(_TEXT)
    return KilledSearch(
        words=(*_TEXT_WORDS, f"data.path={text}"),
        objectives=(objective_for("bits_per_byte"), objective_for("size_bytes")),
        num_trials=24,
        windows=WINDOWS | TOKEN_WINDOWS,
        holds=_has_as_many_numbers,
        # Beside the run, under a name that begins as the run's does: tokens are written anew for
        # each run, and a window sees it.
        environment=lambda run: {"XDG_CACHE_HOME": f"{run}-cache"},
    )


def _has_as_many_numbers(content: bytes, record: TrialRecord) -> bool:
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    ends = [told["data_offsets"][1] for name, told in head.items() if name != "__metadata__"]
    is_whole = len(content) == 8 + length + max(ends)
    return bool(is_whole and max(ends) == record.metrics["size_bytes"])
