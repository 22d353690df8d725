"""Do short trainings of a search rank networks as long ones do?

    python -m experiments.photos.ranking FOLDER RUN --search budget=2min seed=0

FOLDER holds `known` photos (see `sets`); RUN is the run folder to make, or one that is finished so
far. The search has its defaults but for the words after `--search`; then all its networks are
retrained, once each, for `--times` the epochs of a trial, and tested. Times are CPU times, as in
`contest`. Each network is a line of results/ranking.csv; what is told is Spearman's correlation of
the two accuracies, and the same once what the size explains is taken away (the residuals of a line
over the logarithm of the bytes).
"""

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import spearmanr

from experiments.photos.contest import ON_CPU_TIME
from experiments.photos.rival import add_row
from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front.real.summary import given_size
from nas.config.recorded import read_mapping
from nas.record.run_folder import RunFolder
from nas.record.winners import read_winners
from nas.study.journal import load_records
from nas.trial import TrialState

HERE = Path(__file__).parent


def main(words: Sequence[str]) -> int:
    """Search, retrain all networks, and tell how alike they are ranked."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--times", type=float, default=4.0, help="the epochs of a trial")
    parser.add_argument("--search", nargs="*", default=[])
    parser.add_argument("--results", type=Path, default=HERE / "results" / "ranking.csv")
    options = parser.parse_args(words)
    if not options.run.is_dir():
        words = ["search", "data=image_folder", f"data.path={options.folder / 'known'}"]
        _nas(*words, f"run_folder={options.run}", "execution=inline", *options.search)
    short = epochs_of(options.run)
    retrain(options.run, epochs=round(options.times * short))
    tell(options, short=short)
    return 0


def epochs_of(run: Path) -> int:
    """Return the epochs of a trial."""
    recorded = read_mapping(RunFolder.open(run).config_yaml)
    return int(recorded["training"]["epochs"])


def retrain(run: Path, *, epochs: int) -> None:
    """Retrain and test all networks of a run once."""
    records = load_records(RunFolder.open(run).study_journal)
    ended = [r.number for r in records if r.state is TrialState.COMPLETE and r.parent is None]
    words = [f"training.epochs={epochs}", "seeds=1", "export.files=false", "execution=inline"]
    _nas("finish", f"run={run}", f"pick=[{','.join(map(str, ended))}]", *words)


def tell(options: argparse.Namespace, *, short: int) -> None:
    """Write a row for each network, and print the correlations."""
    rows = [row for row in read_winners(options.run / "finish" / "winners.csv") if row.trial >= 0]
    for row in rows:
        add_row(options.results, {
            "data": options.folder.name, "run": options.run.name, "trial": row.trial,
            "size_bytes": round(row.size_bytes), "epochs": short, "times": options.times,
            "short": round(row.search_value, 4), "long": round(row.test_mean, 4),
        })  # fmt: skip
    with options.results.open(newline="") as file:
        kept = [line for line in csv.DictReader(file) if line["run"] == options.run.name]
    sizes = np.log([float(line["size_bytes"]) for line in kept])
    short_value, long_value = (
        np.array([float(line[name]) for line in kept]) for name in ("short", "long")
    )
    plain = spearmanr(short_value, long_value).statistic
    given = spearmanr(given_size(sizes, short_value), given_size(sizes, long_value)).statistic
    print(
        f"{options.folder.name}: {len(kept)} networks, {short} epochs and {options.times:g} times "
        f"as many: rank correlation {plain:.2f}, given the size {given:.2f}"
    )


def _nas(*words: str) -> None:
    subprocess.run([sys.executable, "-c", ON_CPU_TIME, *words, "ui=plain"], check=True)


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: three trials on noise in two classes."""
    rng = np.random.default_rng(0)
    for number in range(60):
        path = folder / "data" / "known" / f"class {number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)
    yield [str(folder / "data"), str(folder / "run"), "--times", "2", "--search",
           "data.image_size=16", "stopping.num_trials=3", "training.epochs=1", "sampler=random",
           "--results", str(folder / "ranking.csv")]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
