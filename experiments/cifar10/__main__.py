"""Searches five spaces on CIFAR-10, one after the other, and puts their fronts on one picture.

    python -m experiments.cifar10 FOLDER [RUNS]

FOLDER holds the mosaics (see `convert`); RUNS, by default runs/cifar10, what is made. Called again
it goes on where it was stopped, and does nothing again that is done. Fronts, picture and tables
are copied to experiments/cifar10/results.
"""

import csv
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
SIDE = 16

# What each space is told beside experiment.yaml. Plain convolutions are cheap for what they
# compute, so that spaces of these may be larger in the same time.
SPACES: Mapping[str, Sequence[str]] = {
    "mobilenet": (),
    "resnet": ("constraints.num_macs.max=2.5e6",),
    "vit": ("training.learning_rate=0.003", "constraints.num_macs.max=2e6"),
    # In two epochs no cell with a convolution overtakes the smallest one.
    "cell": (
        "search_space.channels=8",
        "search_space.num_cells=1",
        "constraints.num_macs.max=2e6",
        "training.epochs=8",
        "stopping.num_trials=16",
    ),
    "elastic": (
        "search_space.model=experiments.cifar10.parent.make_resnet",
        "training.epochs=1",
        "training.learning_rate=0.003",
        "constraints.num_macs.max=2.5e6",
    ),
}


def main(words: Sequence[str]) -> int:
    """Convert, train the parent, search, compare; whatever is not there yet."""
    if len(words) not in (1, 2):
        print(__doc__)
        return 2
    runs = Path(words[1] if len(words) == 2 else "runs/cifar10")
    runs.mkdir(parents=True, exist_ok=True)
    data, parent = runs / f"cifar10_{SIDE}.npz", runs / "parent.safetensors"
    if not data.is_file():
        _call("experiments.cifar10.convert", words[0], str(data), str(SIDE))
    if not parent.is_file():
        _call("experiments.cifar10.parent", str(data), str(parent))
    for space in SPACES:
        _call("nas", *search_words(space, runs, data=data, parent=parent))
    folders = [str(runs / space) for space in SPACES]
    out = runs / "comparison"
    labels = ["cell (8 epochs)" if space == "cell" else space for space in SPACES]
    _call("nas", "compare", f"runs=[{','.join(folders)}]", f"labels=[{','.join(labels)}]",
          f"out={out}")  # fmt: skip
    publish(runs, out)
    return 0


def search_words(space: str, runs: Path, *, data: Path, parent: Path) -> list[str]:
    """Return the command line of a search; it resumes a run that is there."""
    place = runs / space
    words = ["search", "--config-dir", str(HERE), "--config-name", "experiment"]
    words += [f"search_space={space}", f"name={space}", f"run_folder={place}", "ui=plain"]
    words += [f"data.path={data}", *SPACES[space]]
    if space == "elastic":
        words.append(f"search_space.weights={parent}")
    return [*words, "resume=true"] if (place / "study.journal").is_file() else words


def publish(runs: Path, comparison: Path) -> None:
    """Copy what is worth keeping into the repository, and print each front as a table."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    for file in comparison.iterdir():
        shutil.copy(file, results / file.name)
    for space in SPACES:
        shutil.copy(runs / space / "front.csv", results / f"{space}.csv")
        shutil.copy(runs / space / "front.png", results / f"{space}.png")
        with (runs / space / "front.csv").open() as opened:
            for row in csv.DictReader(opened):
                print(f"| {space} | {row['trial']} | {float(row['accuracy']):.2%} "
                      f"| {float(row['size_bytes']):,.0f} | {float(row['num_params']):,.0f} "
                      f"| {float(row['num_macs']):,.0f} |")  # fmt: skip


def _call(module: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", module, *words], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
