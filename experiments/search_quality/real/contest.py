"""Which searches and retrainings make the contest, and how each is run by the product's commands.

A search is one `nas search` into a run folder of its own. Afterwards every network that stood on
its front at any time is trained again by `nas finish`, with fresh seeds, on train and validation
together, and tested. What is there already is not done again; what was cut short is resumed.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.cifar10.convert import convert, save_arrays
from nas.cli.main import main
from nas.config.recorded import read_mapping
from nas.finish.ledger import Ledger
from nas.metric import Direction
from nas.objective import Objective, losses
from nas.pareto.dominance import Front
from nas.record.run_folder import RunFolder
from nas.report.front import comparable_records
from nas.study.journal import load_records
from nas.trial import TrialRecord, TrialState

HERE = Path(__file__).resolve().parent
# Of the configurations beside this file.
DATA_SETS = ("digits", "cifar10", "signals", "resnet", "vit")
METHODS = ("frontier", "tpe", "nsga2")
NUM_TRIALS = 32
OBJECTIVES = (
    Objective("accuracy", Direction.MAXIMIZE, is_static=False),
    Objective("size_bytes", Direction.MINIMIZE, is_static=True),
)
CIFAR10_SIDE, CIFAR10_TRAIN, CIFAR10_TEST = 16, 3_000, 2_000


@dataclass(frozen=True)
class Search:
    """One search of the contest.

    Attributes:
        data: one of `DATA_SETS`, and the name of the configuration beside this file.
        method: one of `METHODS`, a sampler of `nas search`.
        seed: of the sampler and the trainings.
        runs: folder of all run folders.
        num_trials: trainings of the search.
        settings: words of the command line beside those of the configuration.
    """

    data: str
    method: str
    seed: int
    runs: Path
    num_trials: int = NUM_TRIALS
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the run and its folder."""
        return f"{self.data}-{self.method}-{self.seed}"

    @property
    def folder(self) -> RunFolder:
        """Where the run is."""
        return RunFolder(self.runs / self.name)

    def records(self) -> list[TrialRecord]:
        """Return the trials that have ended, in the order in which they were asked for."""
        journal = self.folder.path / "study.journal"
        found = load_records(journal) if journal.is_file() else []
        return [record for record in found if record.state is not TrialState.RUNNING]

    def retrained(self) -> dict[str, dict[int, float]]:
        """Return architecture id -> seed of each retraining -> its test accuracy."""
        if not self.folder.finish_dir.is_dir():
            return {}
        found: dict[str, dict[int, float]] = {}
        for entry in Ledger(self.folder.finish_dir / "ledger.jsonl").entries():
            known = found.setdefault(str(entry.facts["architecture_id"]), {})
            known[int(entry.facts["seed"])] = entry.metrics["accuracy"]
        return found


@dataclass(frozen=True)
class Scope:
    """Which searches take part, and how long they are: all of the contest, or a small form."""

    data_sets: tuple[str, ...] = DATA_SETS
    methods: tuple[str, ...] = METHODS
    num_trials: int = NUM_TRIALS
    settings: tuple[str, ...] = ()


def searches(runs: Path, *, num_seeds: int, scope: Scope = Scope()) -> Iterator[Search]:
    """Yield all searches, those of a seed before those of the next one."""
    for seed in range(num_seeds):
        for data in scope.data_sets:
            for method in scope.methods:
                yield Search(data, method, seed, runs, scope.num_trials, scope.settings)


def search(one: Search) -> None:
    """Search until all trials have ended."""
    if len(one.records()) >= one.num_trials:
        return
    words = ["--config-dir", str(HERE), "--config-name", one.data, f"name={one.name}"]
    words += [f"run_folder={one.folder.path}", f"sampler={one.method}", f"seed={one.seed}"]
    if one.data == "cifar10":
        words.append(f"data.path={cifar10_file(one.runs)}")
    if one.folder.holds_run():
        words.append("resume=true")
    length = f"stopping.num_trials={one.num_trials}"
    _nas("search", *words, length, "ui=plain", *one.settings)


def search_blocks(run_folder: Path, *, settings: Sequence[str]) -> None:
    """Train the networks of blocks.yaml."""
    words = ["--config-dir", str(HERE), "--config-name", "blocks", f"run_folder={run_folder}"]
    _nas("search", *words, "ui=plain", *settings)


def retrain(one: Search, *, num_seeds: int) -> None:
    """Train all that ever stood on the front again, each with so many fresh seeds."""
    if is_done(one, num_retrainings=num_seeds):
        return
    wanted = _ever_on_front(one)
    numbers = ",".join(str(r.number) for r in counted(one) if r.architecture.id in wanted)
    words = [f"run={one.folder.path}", f"pick=[{numbers}]", f"seeds={num_seeds}"]
    epochs = read_mapping(one.folder.config_yaml)["training"]["epochs"]
    words.append(f"training.epochs={epochs}")  # as in the search, whose claims are judged
    _nas("finish", *words, "export.files=false", "execution=inline", "ui=plain")


def is_done(one: Search, *, num_retrainings: int = 1) -> bool:
    """Say whether all trials have ended and what stood on a front was retrained so often."""
    known = one.retrained()
    return len(one.records()) >= one.num_trials and all(
        len(known.get(key, {})) >= num_retrainings for key in _ever_on_front(one)
    )


def counted(one: Search) -> list[TrialRecord]:
    """Return the trials that may stand on a front, in the order in which they were asked for."""
    return sorted(comparable_records(one.records(), OBJECTIVES), key=lambda r: r.number)


def fronts(points: Sequence[tuple[str, Sequence[float]]]) -> list[list[str]]:
    """Return who is on the front after each point.

    Args:
        points: key and losses of each, in their order; keys are distinct.
    """
    front = Front()
    found: list[list[str]] = []
    for key, values in points:
        front.add(key, values)
        found.append([member for member, _ in front.members()])
    return found


def _ever_on_front(one: Search) -> set[str]:
    """Return the ids of the architectures that stood on the search's front at any time."""
    points = [(r.architecture.id, losses(OBJECTIVES, r.metrics) or ()) for r in counted(one)]
    return {key for front in fronts(points) for key in front}


def cifar10_file(runs: Path) -> Path:
    """Return where the images are that all searches learn from."""
    return runs / f"cifar10_{CIFAR10_SIDE}_{CIFAR10_TRAIN}.npz"


def make_cifar10(mosaics: Path, runs: Path) -> None:
    """Write the first images of each class, made smaller, once."""
    if cifar10_file(runs).is_file():
        return
    arrays = convert(mosaics, side=CIFAR10_SIDE)
    for split, count in (("train", CIFAR10_TRAIN), ("test", CIFAR10_TEST)):
        labels = arrays[f"{split}_labels"]
        taken = first_of_each(labels, count // len(arrays["class_names"]))
        arrays[f"{split}_labels"] = labels[taken]
        arrays[f"{split}_images"] = arrays[f"{split}_images"][taken]
    runs.mkdir(parents=True, exist_ok=True)
    own = runs / "unfinished.npz"
    save_arrays(own, arrays)
    own.replace(cifar10_file(runs))


def first_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the first `count` examples of each class, in their order."""
    members = [np.flatnonzero(labels == label)[:count] for label in np.unique(labels)]
    return np.sort(np.concatenate(members))


def _nas(*words: str) -> None:
    """Run a command line in this process: starting one takes as long as several trainings."""
    print("nas", *words, flush=True)
    status = main(words)
    if status != 0:
        sys.exit(status)
