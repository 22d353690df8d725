"""From the results on disk to a page and a picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.typing import ColorType

from experiments.search_quality.problems import PROBLEMS
from experiments.search_quality.roster import ROSTER
from experiments.search_quality.store import Curves, path_of, read_curves
from nas.files import write_text

SHOWN_AT = (25, 50, 100, 200)
TARGET = 0.95
DRAWN = (
    "random",
    "optuna_nsga2_50",
    "optuna_tpe",
    "optuna_tpe_multivariate",
    "optuna_gp",
    "pareto_local_search",
    "msunas_like",
    "botorch_qlognehvi",
    "frontier",
)


def write_summary(results: Path) -> None:
    """Write `summary.md` and `hypervolume.png` from what is on disk."""
    curves = {
        problem: {
            method: found
            for method in ROSTER
            if (found := read_curves(path_of(problem, method, results=results))) is not None
        }
        for problem in PROBLEMS
    }
    curves = {problem: found for problem, found in curves.items() if found}
    parts = [_heading(), _overview(curves), *(_section(p, found) for p, found in curves.items())]
    write_text(results / "summary.md", "\n".join(parts))
    _draw(curves, results / "hypervolume.png")


def _heading() -> str:
    return (
        "# Results\n\n"
        "Share of the true front's hypervolume after so many distinct trainings: mean ± standard "
        "error over n seeds (0 to n - 1). `score` is the share on data that the search never saw, "
        "of the front that it had then. `s a training` is wall time of the method itself, one "
        "thread on a busy machine. Written by `python -m experiments.search_quality summary`.\n"
    )


def _overview(curves: dict[str, dict[str, Curves]]) -> str:
    """Return the means of all methods on all problems, at 25 / 50 / 100."""
    lines = [
        "## All problems, at 25 / 50 / 100 trainings\n",
        _row(["method", *curves]),
        _row(["---"] * (1 + len(curves))),
    ]
    for method, entry in ROSTER.items():
        cells = [_brief(found.get(method)) for found in curves.values()]
        if any(cells):
            lines.append(_row([entry.label, *(cell or "–" for cell in cells)]))
    return "\n".join(lines) + "\n"


def _brief(curves: Curves | None) -> str:
    if curves is None:
        return ""
    shown = [at for at in SHOWN_AT[:3] if at <= curves.volumes.shape[1]]
    if not shown:
        return ""
    numbers = " / ".join(f"{curves.volumes[:, at - 1].mean():.3f}".lstrip("0") for at in shown)
    return f"{numbers} ({len(curves.seeds)})"


def _section(problem: str, found: dict[str, Curves]) -> str:
    at = [at for at in SHOWN_AT if any(at <= c.volumes.shape[1] for c in found.values())]
    scored = [at_ for at_ in at if any(at_ in c.scored for c in found.values())]
    head = ["method", "n", *(f"at {a}" for a in at), *(f"score at {a}" for a in scored)]
    head += [f"trainings to {TARGET:.0%}", "worst seed at 100", "s a training"]
    lines = [f"## {problem}\n", _row(head), _row(["---"] * len(head))]
    last = min(100, max(c.volumes.shape[1] for c in found.values()))
    order = sorted(found, key=lambda m: -found[m].volumes[:, :last][:, -1].mean())
    for method in order:
        curves = found[method]
        width = curves.volumes.shape[1]
        cells = [ROSTER[method].label, str(len(curves.seeds))]
        cells += [_mean(curves.volumes[:, a - 1]) if a <= width else "–" for a in at]
        cells += [_mean(curves.scored[a]) if a in curves.scored else "–" for a in scored]
        worst = f"{curves.volumes[:, last - 1].min():.3f}" if last <= width else "–"
        cells += [_trainings_to(curves, TARGET), worst, f"{curves.method_s.mean():.3f}"]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _mean(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{values.mean():.3f}"
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def _trainings_to(curves: Curves, share: float) -> str:
    """Return when the mean curve reaches a share."""
    reached = np.flatnonzero(curves.volumes.mean(axis=0) >= share)
    return str(int(reached[0]) + 1) if len(reached) else f"> {curves.volumes.shape[1]}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _draw(curves: dict[str, dict[str, Curves]], path: Path) -> None:
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    num_columns = min(4, len(curves))
    num_rows = -(-len(curves) // num_columns)
    size = (4.2 * num_columns, 3.6 * num_rows + 0.8)
    figure, axes = plt.subplots(num_rows, num_columns, figsize=size, squeeze=False, sharex=True)
    colours = dict(zip(DRAWN, mpl.color_sequences["tab10"], strict=False))
    for axis in axes.flat[len(curves) :]:
        axis.set_visible(False)
    for axis, (problem, found) in zip(axes.flat, curves.items(), strict=False):
        for method in DRAWN:
            if method in found:
                _draw_curve(axis, found[method], ROSTER[method].label, colours[method])
        axis.set_title(problem)
        axis.set_xlim(1, 100)
        axis.set_ylim(0.3, 1.02)
        axis.grid(alpha=0.3)
        axis.set_xlabel("distinct trainings")
    axes[0, 0].set_ylabel("share of the true front's hypervolume")
    handles = {
        line.get_label(): line
        for axis in axes.flat
        for line in axis.get_legend_handles_labels()[0]
    }
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=5, fontsize=9)
    figure.tight_layout(rect=(0, 0.6 / size[1], 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_curve(axis: Axes, curves: Curves, label: str, colour: ColorType) -> None:
    trainings = np.arange(1, curves.volumes.shape[1] + 1)
    mean = curves.volumes.mean(axis=0)
    axis.plot(trainings, mean, label=label, color=colour, lw=2.2 if "frontier" in label else 1.2)
    if len(curves.seeds) > 1:
        error = curves.volumes.std(axis=0, ddof=1) / np.sqrt(len(curves.seeds))
        axis.fill_between(trainings, mean - error, mean + error, color=colour, alpha=0.2, lw=0)
