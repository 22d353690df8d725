"""Draws what a time gave: hand-made networks and winners of searches, bytes against accuracy.

    python -m experiments.photos.picture --data clothes --minutes 2

Both axes are of results/rivals.csv and results/winners.csv; the picture is docs/images/photos.png.
"""

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from experiments.smoke import make_parser, run_experiment
from nas.objective import objective_for
from nas.report.style import decades_of, scale_axis

HERE = Path(__file__).parent
_PICTURE = HERE.parents[1] / "docs" / "images" / "photos.png"


def main(words: Sequence[str]) -> int:
    """Draw one folder's results."""
    parser = make_parser(__doc__)
    parser.add_argument("--data", default="clothes")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--picture", type=Path, default=_PICTURE)
    options = parser.parse_args(words)
    rivals, winners = (_rows(options, name) for name in ("rivals.csv", "winners.csv"))
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    kinds = ((rivals, "hand-made", "s", "tab:gray"), (winners, "found by nas", "o", "tab:blue"))
    for rows, label, marker, colour in kinds:
        shares = [100 * float(row["accuracy"]) for row in rows]
        axes.scatter(sizes_of(rows), shares, label=label, marker=marker, color=colour)
    sizes = sizes_of([*rivals, *winners])
    middle = (min(sizes) * max(sizes)) ** 0.5
    for row in rivals:
        at = (float(row["size_bytes"]), 100 * float(row["accuracy"]))
        side = "left" if at[0] < middle else "right"  # towards the middle, off the axes
        axes.annotate(row["network"], at, xytext=(0, 6), textcoords="offset points", ha=side)
    axes.margins(0.1)
    size = objective_for("size_bytes")
    scale_axis(axes.xaxis, axes, size, decades=decades_of(size, sizes))
    axes.set_ylabel("accuracy on photos never seen, %")
    axes.set_title(f"{options.data}: {options.minutes:g} CPU minutes from the folder on")
    axes.legend(loc="best")
    axes.grid(alpha=0.3)
    figure.savefig(options.picture, dpi=110)
    return 0


def sizes_of(rows: Sequence[dict[str, str]]) -> list[float]:
    """Return the bytes of each network."""
    return [float(row["size_bytes"]) for row in rows]


def _rows(options: argparse.Namespace, name: str) -> list[dict[str, str]]:
    """Return the lines of a file that are of the data and the time."""
    with (options.results / name).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["data"] == options.data]
    asked = f"budget={options.minutes:g}min"
    return [
        row
        for row in rows
        if asked in row.get("words", "").split()
        or float(row.get("minutes", "nan")) == options.minutes
    ]


def small(folder: Path) -> Iterable[Sequence[str]]:
    """Return the small form: one network of each kind."""
    rival = "data,network,minutes,size_bytes,accuracy\na,resnet10t,2.0,1e7,0.5\n"
    (folder / "rivals.csv").write_text(rival)
    (folder / "winners.csv").write_text("data,size_bytes,accuracy,words\na,1e5,0.6,budget=2min\n")
    yield ["--data", "a", "--results", str(folder), "--picture", str(folder / "picture.png")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
