"""Searches five spaces on CIFAR-10, one after the other, and puts their fronts on one picture.

    python -m experiments.cifar10 FOLDER [RUNS]

FOLDER holds the mosaics (see `convert`); RUNS, by default runs/cifar10, what is made. Called again
it goes on where it was stopped, and does nothing again that is done.
"""

import argparse
import csv
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from experiments.cifar10 import convert
from experiments.cifar10 import parent as train_parent
from experiments.cifar10.pretend import write_mosaics
from experiments.smoke import make_parser, run_experiment
from nas.cli.main import main as nas

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
    options = parse(words)
    runs: Path = options.runs
    runs.mkdir(parents=True, exist_ok=True)
    data, parent = runs / f"cifar10_{SIDE}.npz", runs / "parent.safetensors"
    if not data.is_file():
        convert.main([str(options.folder), str(data), str(SIDE), *map(str, options.num_train)])
    if not parent.is_file():
        train_parent.main([str(data), str(parent)])
    for space in options.spaces:
        found = search_words(space, runs, data=data, parent=parent)
        _call(*found, *options.settings)
    folders = [str(runs / space) for space in options.spaces]
    out = runs / "comparison"
    labels = ["cell (8 epochs)" if space == "cell" else space for space in options.spaces]
    _call("compare", f"runs=[{','.join(folders)}]", f"labels=[{','.join(labels)}]",
          f"out={out}")  # fmt: skip
    publish(runs, out, spaces=options.spaces, results=options.results)
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("runs", type=Path, nargs="?", default=Path("runs/cifar10"))
    parser.add_argument("--spaces", nargs="+", choices=list(SPACES), default=list(SPACES))
    parser.add_argument("--num-train", type=int, nargs=1, default=[], help="images; all else")
    parser.add_argument("--settings", nargs="+", default=[], help="of each search, key=value")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="for the fronts")
    return parser.parse_args(words)


def search_words(space: str, runs: Path, *, data: Path, parent: Path) -> list[str]:
    """Return the command line of a search; it resumes a run that is there."""
    place = runs / space
    words = ["search", "--config-dir", str(HERE), "--config-name", "experiment"]
    words += [f"search_space={space}", f"name={space}", f"run_folder={place}", "ui=plain"]
    words += [f"data.path={data}", *SPACES[space]]
    if space == "elastic":
        words.append(f"search_space.weights={parent}")
    return [*words, "resume=true"] if (place / "study.journal").is_file() else words


def publish(runs: Path, comparison: Path, *, spaces: Sequence[str], results: Path) -> None:
    """Copy what is worth keeping, and print each front as a table."""
    results.mkdir(exist_ok=True)
    for file in comparison.iterdir():
        shutil.copy(file, results / file.name)
    for space in spaces:
        shutil.copy(runs / space / "front.csv", results / f"{space}.csv")
        shutil.copy(runs / space / "front.png", results / f"{space}.png")
        with (runs / space / "front.csv").open() as opened:
            for row in csv.DictReader(opened):
                print(f"| {space} | {row['trial']} | {float(row['accuracy']):.2%} "
                      f"| {float(row['size_bytes']):,.0f} | {float(row['num_params']):,.0f} "
                      f"| {float(row['num_macs']):,.0f} |")  # fmt: skip


def _call(*words: str) -> None:
    """Run a command of `nas`."""
    if (status := nas(words)) != 0:
        raise SystemExit(status)


def small(folder: Path) -> Iterator[list[str]]:
    """Search one space, from the parent, on few made-up images."""
    mosaics = write_mosaics(folder / "mosaics")
    yield [
        str(mosaics), str(folder / "runs"), "--spaces", "elastic",
        "--num-train", "200", "--settings", "stopping.num_trials=2", "training.epochs=1",
        "--results", str(folder / "results"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
