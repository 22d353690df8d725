"""Which searches make the contest, and how each is run by the product's own command.

An arm is a way to spend less on a trial than its whole training. All else is equal: space, data,
sampler, seed and recipe. A search that was cut short is resumed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.search_quality.real.contest import cifar10_file
from experiments.time_to_front.real.cpu_clock import Step, steps_in
from nas.cli.main import main
from nas.metric import Direction
from nas.objective import Objective
from nas.record.run_folder import RunFolder

OBJECTIVES = (
    Objective("accuracy", Direction.MAXIMIZE, is_static=False),
    Objective("size_bytes", Direction.MINIMIZE, is_static=True),
)
_COMMON = (
    "execution=inline",
    "training.device=cpu",
    "training.batch_size=64",
    "references.mobilenetv3_small=[]",
)
# Settings of `nas search` for each problem; trainings take half a CPU second to two.
PROBLEMS = {
    "signals": (
        "search_space=signals",
        "data=signals",
        "data.num_train=1000",
        "data.num_test=2000",
        "training.epochs=8",
    ),
    "mobilenet": (
        "search_space=mobilenet",
        "search_space.parameters.resolution=16",
        "constraints.num_macs.max=400000",
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
_CLOCK = "experiments.time_to_front.real.cpu_clock"
_TRAINED = (f"evaluation._target_={_CLOCK}.CpuTimedEvaluator",)
_SUPERNET = ("evaluation=supernet", f"evaluation._target_={_CLOCK}.CpuTimedSupernet")
_INHERIT, _RUNGS = "training.inherit=true", "fidelity=rungs"
WHOLE = "whole"
# Settings of each arm, and its device-seconds as a multiple of those of whole trainings.
ARMS: dict[str, tuple[tuple[str, ...], float]] = {
    WHOLE: (_TRAINED, 1.0),
    "rungs": ((*_TRAINED, _RUNGS), 1.0),
    "inherit": ((*_TRAINED, _INHERIT), 1.0),
    "inherit, rungs": ((*_TRAINED, _INHERIT, _RUNGS), 1.0),
    "supernet": ((*_SUPERNET, _RUNGS), 8.0),  # its own training takes 5 to 6
}
HAVE_SUPERNETS = ("mobilenet", "vit")


@dataclass(frozen=True)
class ArmSearch:
    """One search of the contest.

    Attributes:
        problem: one of `PROBLEMS`.
        arm: one of `ARMS`.
        seed: of the sampler and the trainings.
        runs: folder of all run folders.
        num_trials: of the arm of whole trainings, whose device-seconds the others get.
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

    @property
    def whole(self) -> "ArmSearch":
        """The search by whole trainings that it is compared with."""
        return replace(self, arm=WHOLE)

    def words(self) -> list[str]:
        """Return the command line that searches, or goes on with it."""
        settings, factor = ARMS[self.arm]
        if self.problem != "signals":
            settings = ("data=npz", f"data.path={cifar10_file(self.runs)}", *settings)
            settings = ("data.validation_fraction=0.5", "data.is_mirrorable=true", *settings)
        words = [*PROBLEMS[self.problem], *_COMMON, *settings, *self.settings]
        words += [f"seed={self.seed}", f"run_folder={self.folder.path}", "ui=none"]
        if self.arm == WHOLE:
            words.append(f"stopping.num_trials={self.num_trials}")
        else:
            words += _until(self.folder, factor * self.whole.steps()[-1].spent_s)
        return [*words, "resume=true"] if self.folder.holds_run() else words

    def steps(self) -> list[Step]:
        """Return what it did so far, in order."""
        return steps_in(self.folder)

    def run(self) -> None:
        """Search until all trials have ended."""
        status = main(["search", *self.words()])
        assert status == 0, f"{self.folder.path} ended with status {status}"


def _until(folder: RunFolder, limit_s: float) -> list[str]:
    """Return settings that end a search after some device-seconds."""
    rule = "++stopping.rules.spent"
    return [
        "stopping.num_trials=null",
        f"{rule}._target_={_CLOCK}.SpentSeconds",
        f"{rule}.run_folder={folder.path}",
        f"{rule}.limit_s={limit_s:.3f}",
    ]


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
                if arm == "supernet" and problem not in HAVE_SUPERNETS:
                    continue
                yield ArmSearch(problem, arm, seed, runs, num_trials, tuple(settings))
