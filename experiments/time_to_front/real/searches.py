"""Which searches make the contest, and how each is run by the product's own command.

An arm is a way to spend less on a trial than its whole training. All else is equal: space, data,
sampler, seed and recipe. A search that was cut short is resumed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.search_quality.real.contest import cifar10_file
from nas.cli.main import main
from nas.metric import Direction
from nas.objective import Objective
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records
from nas.trial import TrialRecord, trainings

OBJECTIVES = (
    Objective("accuracy", Direction.MAXIMIZE, is_static=False),
    Objective("size_bytes", Direction.MINIMIZE, is_static=True),
)
_COMMON = (
    "execution=inline",
    "training.device=cpu",
    "training.batch_size=64",
    "evaluation._target_=experiments.time_to_front.real.cpu_clock.CpuTimedEvaluator",
)
# Settings of `nas search` for each problem; trainings take half a CPU second to two.
PROBLEMS = {
    "signals": (
        "search_space=signals",
        "data=signals",
        "data.num_train=1000",
        "training.epochs=8",
    ),
    "mobilenet": (
        "search_space=mobilenet",
        "search_space.parameters.resolution=16",
        "constraints.num_macs.max=150000",
        "training.epochs=6",
    ),
    "resnet": ("search_space=resnet", "constraints.num_macs.max=1000000", "training.epochs=4"),
    "vit": (
        "search_space=vit",
        "constraints.num_macs.max=1000000",
        "training.epochs=8",
        "training.learning_rate=0.003",
    ),
}
_INHERIT = ("training.inherit=true",)
# Settings of each arm, and how many times the trials of whole trainings it gets at most.
ARMS: dict[str, tuple[tuple[str, ...], float]] = {
    "whole": ((), 1.0),
    "inherit": (_INHERIT, 3.0),
    "rungs": (("fidelity=rungs",), 2.0),
    "inherit, rungs": ((*_INHERIT, "fidelity=rungs"), 4.0),
}


@dataclass(frozen=True)
class ArmSearch:
    """One search of the contest.

    Attributes:
        problem: one of `PROBLEMS`.
        arm: one of `ARMS`.
        seed: of the sampler and the trainings.
        runs: folder of all run folders.
        num_trials: of the arm of whole trainings.
        settings: further words of the command line.
    """

    problem: str
    arm: str
    seed: int
    runs: Path
    num_trials: int
    settings: tuple[str, ...] = ()

    @property
    def folder(self) -> RunFolder:
        """Where the run is."""
        return RunFolder(self.runs / f"{self.problem}-{self.arm.replace(', ', '_')}-{self.seed}")

    def words(self) -> list[str]:
        """Return the command line that searches, or goes on with it."""
        settings, factor = ARMS[self.arm]
        if self.problem != "signals":
            settings = ("data=npz", f"data.path={cifar10_file(self.runs)}", *settings)
            settings = ("data.validation_fraction=0.5", "data.is_mirrorable=true", *settings)
        words = [*PROBLEMS[self.problem], *_COMMON, *settings, *self.settings]
        words += [f"seed={self.seed}", f"run_folder={self.folder.path}", "ui=none"]
        words.append(f"stopping.num_trials={round(factor * self.num_trials)}")
        return [*words, "resume=true"] if self.folder.holds_run() else words

    def records(self) -> list[TrialRecord]:
        """Return the trials that ended, whatever came of them, in the order of their ends."""
        found = trainings(load_records(self.folder.study_journal))
        ended = [record for record in found if record.finished_s is not None]
        return sorted(ended, key=lambda record: record.finished_s or 0.0)

    def run(self) -> None:
        """Search until all trials have ended."""
        status = main(["search", *self.words()])
        assert status == 0, f"{self.folder.path} ended with status {status}"


def searches(
    runs: Path,
    *,
    problems: Sequence[str],
    arms: Sequence[str],
    seeds: Sequence[int],
    num_trials: int,
    settings: Sequence[str] = (),
) -> Iterator[ArmSearch]:
    """Yield all searches, those of a seed before those of the next one."""
    for seed in seeds:
        for problem in problems:
            for arm in arms:
                yield ArmSearch(problem, arm, seed, runs, num_trials, tuple(settings))
