"""confusion.png and mistakes.png of a winner: what its classes were taken for, and where it errs.

Both are drawn from the files that lie beside a network (`nas.export.mistakes`), for each folder
below `finish` that has them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from nas.record.confusion import CONFUSION_CSV, Confusion, read_confusion
from nas.report.drawn_names import drawn_file, drawn_names, numbers_told
from nas.report.style import FAINT_COLOUR, TEXT_COLOUR, save_figure

_MOST_NUMBERED, _MOST_NAMED = 25, 60  # classes whose cells have numbers, and whose rows have names
_CELL_IN, _NAME_IN = 0.42, 0.085  # of a cell, and of a letter of a class's name
_COLUMNS, _TILE_IN = 6, 1.45  # of the sheet of mistakes


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The surest mistakes of a network, the surest first.

    Attributes:
        images: (M, H, W, C) uint8.
        name: (M,) their files, or places in the test split.
        label: (M,) true classes.
        told: (M,) what they were taken for.
        share: (M,) the probability of that.
    """

    images: npt.NDArray[np.uint8]
    name: npt.NDArray[np.str_]
    label: npt.NDArray[np.int64]
    told: npt.NDArray[np.int64]
    share: npt.NDArray[np.float32]


def write_mistake_pictures(finish_dir: Path) -> list[Path]:
    """Draw the pictures of all networks below a `finish` folder; return what was written."""
    written = []
    for path in sorted(finish_dir.glob(f"**/{CONFUSION_CSV}")):
        confusion = read_confusion(path)
        save_figure(plot_confusion(confusion), path.with_name("confusion.png"))
        written.append(path.with_name("confusion.png"))
        mistakes = read_mistakes(path.with_name("mistakes.npz"))
        if mistakes is not None:
            picture = path.with_name("mistakes.png")
            save_figure(plot_mistakes(mistakes, confusion.class_names), picture)
            written.append(picture)
    return written


def read_mistakes(path: Path) -> Mistakes | None:
    """Return what `nas finish` kept of the mistakes; None where there are none, or no pictures."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as found:
        return Mistakes(**{name: found[name] for name in Mistakes.__dataclass_fields__})


def plot_confusion(confusion: Confusion) -> Figure:
    """Return the matrix: rows are classes, columns what they were taken for, shares of the row."""
    names = drawn_names(confusion.class_names)
    number = len(names)
    cell = _CELL_IN if number <= _MOST_NUMBERED else max(0.05, 9.0 / number)
    room = 0.5 + _NAME_IN * max(map(len, names)) if number <= _MOST_NAMED else 0.6
    side = cell * number
    width, height = max(side + room + 0.3, 4.6), side + room + 0.75
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((room / width, room / height, side / width, side / height))
    counts = confusion.counts
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    if number <= _MOST_NUMBERED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.55 else TEXT_COLOUR
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", fontsize=8,
                color=colour,
            )  # fmt: skip
    if number <= _MOST_NAMED:
        size = 9 if number <= _MOST_NUMBERED else 6
        axes.set_xticks(range(number), names, rotation=90, fontsize=size, parse_math=False)
        axes.set_yticks(range(number), names, fontsize=size, parse_math=False)
    axes.tick_params(length=0, colors=TEXT_COLOUR)
    for side_name in ("top", "right", "left", "bottom"):
        axes.spines[side_name].set_color(FAINT_COLOUR)
    axes.set_xlabel("taken for", color=TEXT_COLOUR)
    axes.set_ylabel("class", color=TEXT_COLOUR)
    right, total = int(np.trace(counts)), int(counts.sum())
    numbers = numbers_told(confusion.class_names)
    words = f"{right:,} of {total:,} test images classified correctly{numbers}"
    figure.text(
        0.02, 1 - 0.28 / height, words, fontsize=11, fontweight="bold", color=TEXT_COLOUR,
        va="center",
    )  # fmt: skip
    return figure


def plot_mistakes(mistakes: Mistakes, class_names: tuple[str, ...]) -> Figure:
    """Return the sheet of mistakes; below each picture what it was taken for, and what it is."""
    number, names = len(mistakes.name), drawn_names(class_names)
    columns = min(_COLUMNS, number)
    rows = -(-number // columns)
    width, height = max(columns * _TILE_IN, 5.2), rows * (_TILE_IN + 0.62) + 0.75
    figure = Figure(figsize=(width, height), facecolor="white")
    for place in range(number):
        row, column = divmod(place, columns)
        left = column * _TILE_IN + 0.08
        bottom = height - 0.6 - row * (_TILE_IN + 0.62) - _TILE_IN + 0.08
        side = _TILE_IN - 0.16
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        image = mistakes.images[place]
        grey = image.shape[2] == 1
        axes.imshow(image[..., 0] if grey else image, cmap="gray" if grey else None)
        axes.set_axis_off()
        told, label = (names[int(kind[place])] for kind in (mistakes.told, mistakes.label))
        share = f"{100 * mistakes.share[place]:.0f} %"
        for line, (words, colour) in enumerate(
            [(f"{told} {share}", TEXT_COLOUR), (f"is {label}", FAINT_COLOUR),
             (drawn_file(str(mistakes.name[place])), FAINT_COLOUR)]
        ):  # fmt: skip
            figure.text(
                left / width, (bottom - 0.1 - 0.16 * line) / height, words, fontsize=7.5,
                color=colour, va="center", parse_math=False,
            )  # fmt: skip
    figure.text(
        0.08 / width, 1 - 0.25 / height,
        f"The surest mistakes on the test split{numbers_told(class_names)}", fontsize=11,
        fontweight="bold", color=TEXT_COLOUR, va="center",
    )  # fmt: skip
    return figure
