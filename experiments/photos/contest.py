"""Searches a folder of photos, finishes the run, and judges its winners by photos it never saw.

    python -m experiments.photos.contest FOLDER RUN --search budget=2min seed=0

FOLDER holds `known` and `unseen` (see `sets`); RUN is the run folder to make. One command does it
all, `nas search data=image_folder data.path=FOLDER/known finish=true`, with its defaults but for
the words after `--search`. It sees clocks that count the CPU time of its process, so that a budget
is CPU time, as on a machine that nobody else uses. Each winner is a line of results/winners.csv:
its bytes, its accuracy on the unseen photos, read from its shipped file without nas, and the CPU
seconds that the command took. A run that is finished already is only judged, at the CPU time that
`--cpu_s` gives.
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
ON_CPU_TIME = """
import os, sys, time

def spent_s():
    children = os.times()
    return time.process_time() + children.children_user + children.children_system

time.monotonic, time.perf_counter = spent_s, time.process_time
from nas.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def main(words: Sequence[str]) -> int:
    """Search, finish, judge; a run that is finished already is only judged."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--search", nargs="*", default=[])
    parser.add_argument("--cpu_s", type=float, default=None)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "winners.csv")
    options = parser.parse_args(words)
    if not (options.run / "finish" / "winners.csv").is_file():
        words = ["search", "data=image_folder", f"data.path={options.folder / 'known'}"]
        words += ["finish=true", f"run_folder={options.run}", "execution=inline", "ui=plain"]
        subprocess.run([sys.executable, "-c", ON_CPU_TIME, *words, *options.search], check=True)
    judge(options)
    return 0


def judge(options: argparse.Namespace) -> None:
    """Add a line for each winner."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime if options.cpu_s is None else options.cpu_s
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
            "cpu_s": round(cpu_s, 1),
            "words": " ".join(options.search),
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
           "stopping.num_trials=1", "training.epochs=1", "sampler=random", "budget=10s",
           "--results", str(folder / "winners.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
