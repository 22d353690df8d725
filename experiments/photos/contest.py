"""Searches a folder of photos, finishes the run, and judges its winners by photos it never saw.

    python -m experiments.photos.contest FOLDER RUN --search data.image_size=64 --finish budget=60

FOLDER holds `known` and `unseen` (see `sets`); RUN is the run folder to make. `nas search` gets
the known photos and the words after `--search`, `nas finish` those after `--finish`. Each winner
is a line of results/winners.csv: its bytes, its accuracy on the unseen photos, read from its
shipped file without nas, and the CPU seconds that both commands took together.
"""

import argparse
import resource
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from experiments.photos.rival import add_row
from experiments.smoke import make_parser, run_experiment
from nas.export.predict import load
from nas.record.winners import read_winners

HERE = Path(__file__).parent
_BLOCK = 128  # photos that are judged at once


def main(words: Sequence[str]) -> int:
    """Search, finish, judge; a run that is finished already is only judged."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--search", nargs="*", default=[])
    parser.add_argument("--finish", nargs="*", default=[])
    parser.add_argument("--results", type=Path, default=HERE / "results" / "winners.csv")
    options = parser.parse_args(words)
    if not (options.run / "finish" / "winners.csv").is_file():
        known = f"data.path={options.folder / 'known'}"
        run_nas("search", "data=image_folder", known, f"run_folder={options.run}", *options.search)
        run_nas("finish", f"run={options.run}", *options.finish)
    judge(options)
    return 0


def run_nas(*words: str) -> None:
    """Run a command of nas in one process, its output passed on."""
    command = [sys.executable, "-m", "nas", *words, "execution=inline", "ui=plain"]
    subprocess.run(command, check=True)


def judge(options: argparse.Namespace) -> None:
    """Add a line for each winner."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    for winner in read_winners(options.run / "finish" / "winners.csv"):
        if winner.is_baseline:
            continue
        row = {
            "data": options.folder.name,
            "run": options.run.name,
            "trial": winner.trial,
            "size_bytes": round(winner.size_bytes),
            "validation_in_search": round(winner.search_value, 4),
            "test_of_known": round(winner.test_mean, 4),
            "accuracy": round(unseen_accuracy(options, winner.trial), 4),
            "cpu_s": round(used.ru_utime + used.ru_stime, 1),
            "words": " ".join([*options.search, "/", *options.finish]),
        }
        add_row(options.results, row)
        print(row, flush=True)


def unseen_accuracy(options: argparse.Namespace, trial: int) -> float:
    """Return the share of unseen photos whose class a winner's file names."""
    network = load(options.run / "finish" / str(trial))
    places = sorted(p for p in (options.folder / "unseen").iterdir() if p.is_dir())
    files = [(str(path), label) for label, place in enumerate(places) for path in place.iterdir()]
    right = 0
    for start in range(0, len(files), _BLOCK):
        block = files[start : start + _BLOCK]
        labels = np.array([label for _, label in block])
        right += int((network([path for path, _ in block]).argmax(1) == labels).sum())
    return right / len(files)


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: two trials on noise in two classes."""
    rng = np.random.default_rng(0)
    for number in range(60):
        for part in ("known", "unseen"):
            path = folder / "data" / part / f"class {number % 2}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)
    yield [str(folder / "data"), str(folder / "run"), "--search", "data.image_size=16",
           "stopping.num_trials=2", "training.epochs=1", "sampler=random", "--finish", "seeds=1",
           "training.epochs=1", "pick=best", "export.onnx=false", "export.peak_memory=false",
           "--results", str(folder / "winners.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
