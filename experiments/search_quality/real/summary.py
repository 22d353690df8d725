"""From what was trained to a page and a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from experiments.search_quality.real.trainings import Curve, Training
from nas.files import write_text

SHOWN_AT = (8, 16, 24, 32)
LABELS = {"frontier": "frontier", "tpe": "TPE multivariate", "nsga2": "NSGA-II (20)"}
COLOURS = {"frontier": "tab:red", "tpe": "tab:blue", "nsga2": "tab:green"}


def write_summary(curves: dict[str, dict[str, list[Curve]]], *, results: Path) -> None:
    """Write summary.md and real.png."""
    parts = [_heading(), *(_section(data, found) for data, found in curves.items())]
    write_text(results / "summary.md", "\n".join(parts))
    _draw(curves, results / "real.png")


def _heading() -> str:
    return (
        "# Results\n\n"
        "Share of the hypervolume of the front of everything that was trained in the experiment, "
        "after so many trainings: mean ± standard error over n searches. *Retrained*: the front "
        "that the search had then, trained again with fresh seeds on train and validation and "
        "tested. *Seen*: by the accuracies that the search itself saw. *Lost*: points of accuracy "
        "between search and retraining, mean over the final front. Written by "
        "`python -m experiments.search_quality.real summary`.\n"
    )


def _section(data: str, found: dict[str, list[Curve]]) -> str:
    shown = [at for at in SHOWN_AT if at <= _length(found)]
    head = ["method", "n", *(f"retrained at {at}" for at in shown)]
    head += [*(f"seen at {at}" for at in shown), "front", "lost", "s a training"]
    lines = [f"## {data}\n", _row(head), _row(["---"] * len(head))]
    for method, curves in found.items():
        cells = [LABELS[method], str(len(curves))]
        cells += [_mean([curve.retrained[at - 1] for curve in curves]) for at in shown]
        cells += [_mean([curve.seen[at - 1] for curve in curves]) for at in shown]
        cells.append(f"{np.mean([len(curve.front) for curve in curves]):.1f}")
        cells.append(f"{100 * np.mean([_lost(curve.front) for curve in curves]):+.1f}")
        seconds = [t.seconds for curve in curves for t in curve.trainings]
        lines.append(_row([*cells, f"{np.mean(seconds):.2f}"]))
    return "\n".join([*lines, "", *_differences(found), *_counts(found)]) + "\n"


def _differences(found: dict[str, list[Curve]]) -> list[str]:
    """Say by how much frontier is ahead, seed by seed."""
    last = _length(found) - 1
    lines = []
    for method in found:
        if method == "frontier" or "frontier" not in found:
            continue
        by_seed = {c.trainings[0].seed: c.retrained[last] for c in found[method]}
        ours = {c.trainings[0].seed: c.retrained[last] for c in found["frontier"]}
        pairs = [f"{ours[seed] - by_seed[seed]:+.3f}" for seed in ours if seed in by_seed]
        lines.append(f"frontier less {LABELS[method]}, seed by seed: {', '.join(pairs)}.  ")
    return lines


def _length(found: dict[str, list[Curve]]) -> int:
    """Return after how many trainings all searches can be compared, at most the last shown."""
    lengths = [len(curve.trainings) for curves in found.values() for curve in curves]
    return min(SHOWN_AT[-1], *lengths)


def _counts(found: dict[str, list[Curve]]) -> list[str]:
    fresh = {
        t.architecture_id: t.num_retrainings
        for curves in found.values()
        for curve in curves
        for t in curve.trainings
        if t.num_retrainings
    }
    least, most = min(fresh.values()), max(fresh.values())
    return [f"{len(fresh)} networks retrained, each with {least} to {most} fresh seeds."]


def _lost(front: Sequence[Training]) -> float:
    return float(np.mean([t.accuracy - t.retrained for t in front]))


def _mean(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _draw(curves: dict[str, dict[str, list[Curve]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(curves), 3, figsize=(13, 4 * len(curves)), squeeze=False)
    for (data, found), (growth, seen, retrained) in zip(curves.items(), axes, strict=True):
        for method, ours in found.items():
            _draw_growth(growth, ours, method)
            for number, curve in enumerate(ours):
                label = LABELS[method] if number == 0 else None
                _draw_front(seen, curve.front, [t.accuracy for t in curve.front], method, label)
                fresh = [t.retrained for t in curve.front]
                _draw_front(retrained, curve.front, fresh, method, label)
        growth.set(xlabel="trainings", ylabel="share of the volume, retrained", title=data)
        seen.set(title=f"{data}: fronts as searched", ylabel="validation accuracy")
        retrained.set(title=f"{data}: the same, retrained", ylabel="test accuracy")
        for axis in (seen, retrained):
            axis.set(xscale="log", xlabel="bytes")
        limits = [*seen.get_ylim(), *retrained.get_ylim()]
        for axis in (seen, retrained):
            axis.set_ylim(min(limits), max(limits))
        for axis in (growth, seen, retrained):
            axis.grid(alpha=0.3)
        growth.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_growth(axis: Axes, curves: Sequence[Curve], method: str) -> None:
    shares = np.array([curve.retrained for curve in curves])
    trainings = np.arange(1, shares.shape[1] + 1)
    mean = shares.mean(axis=0)
    axis.plot(trainings, mean, color=COLOURS[method], label=LABELS[method])
    if len(curves) > 1:
        error = shares.std(axis=0, ddof=1) / np.sqrt(len(curves))
        axis.fill_between(
            trainings, mean - error, mean + error, color=COLOURS[method], alpha=0.2, lw=0
        )


def _draw_front(
    axis: Axes,
    front: Sequence[Training],
    accuracies: Sequence[float],
    method: str,
    label: str | None,
) -> None:
    sizes = [t.size_bytes for t in front]
    axis.plot(
        sizes, accuracies, marker="o", ms=3, lw=0.8, alpha=0.7, color=COLOURS[method], label=label
    )
