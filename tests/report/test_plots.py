import math

import numpy as np
import pytest
from PIL import Image

from nas.metric import Direction
from nas.objective import Objective, objective_for
from nas.report.front import front_records
from nas.report.plots import plot_front, summary_line, write_front_png
from nas.report.style import decades_of, tick_text
from nas.trial import Failure, FailureKind, TrialState


def _texts(figure):
    figure.draw_without_rendering()
    found = [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]
    return [text for text in found if text]


def test_the_picture_is_a_png_of_full_size(tmp_path, search_records, accuracy_size):
    path = tmp_path / "front.png"

    write_front_png(search_records(80), objectives=accuracy_size, name="a run", path=path)

    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (2400, 1620)
        assert len(image.convert("RGB").getcolors(2**24)) > 100


def test_the_staircase_runs_through_the_front_in_percent(search_records, accuracy_size):
    records = search_records(80)
    front = front_records(records, accuracy_size)

    (axes,) = plot_front(records, accuracy_size, name="a").axes

    (stairs,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    assert stairs.get_xdata()[1:-1] == pytest.approx([r.metrics["size_bytes"] for r in front])
    assert stairs.get_ydata()[1:-1] == pytest.approx([100 * r.metrics["accuracy"] for r in front])
    assert axes.get_xscale() == "log"
    assert axes.get_yscale() == "linear"


def test_no_label_covers_another(search_records, accuracy_size):
    figure = plot_front(search_records(400), accuracy_size, name="a")
    figure.draw_without_rendering()

    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]

    assert len(boxes) >= 5
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_title_knee_and_counts_are_in_the_picture(search_records, accuracy_size):
    texts = _texts(plot_front(search_records(80), accuracy_size, name="my run"))

    assert "my run" in texts
    assert any(text.startswith("80 trials (") for text in texts)
    assert any(text.startswith("knee: trial ") and "kB" in text for text in texts)
    assert "validation accuracy (%)" in texts


@pytest.mark.parametrize(
    "metrics",
    [
        ("accuracy",),
        ("loss", "latency_ms"),
        ("accuracy", "loss"),
        ("accuracy", "size_bytes", "latency_ms"),
        ("accuracy", "size_bytes", "latency_ms", "num_macs"),
    ],
    ids=["one", "no static", "two alike", "three", "four"],
)
def test_any_number_of_objectives_has_its_picture(tmp_path, search_records, metrics):
    objectives = tuple(objective_for(name) for name in metrics)
    num_panels = max(1, math.comb(len(metrics), 2))

    figure = plot_front(search_records(60), objectives, name="a")

    assert len(figure.axes) == num_panels
    write_front_png(search_records(60), objectives=objectives, name="a", path=tmp_path / "a.png")


def test_no_complete_trial_is_said_in_words(trial, accuracy_size):
    failed = trial(
        0, state=TrialState.FAILED, failure=Failure(FailureKind.ERROR, "x"), loss=math.nan
    )

    texts = _texts(plot_front([failed], accuracy_size, name="a"))

    assert "No trial has been trained in full yet." in texts


@pytest.mark.parametrize("num_equal", [1, 3], ids=["one trial", "ties"])
def test_trials_in_a_single_place_have_a_picture(trial, accuracy_size, num_equal):
    records = [trial(n, accuracy=0.5, size_bytes=100.0) for n in range(num_equal)]

    (axes,) = plot_front(records, accuracy_size, name="a").axes

    assert axes.get_xlim()[0] < 100 < axes.get_xlim()[1]
    assert axes.get_ylim()[0] < 50 < axes.get_ylim()[1]


def test_odd_characters_in_names_are_text(tmp_path, trial):
    objectives = (
        Objective("top$1_{acc}", Direction.MAXIMIZE, False),
        Objective("größe$\\frac", Direction.MINIMIZE, True),
    )
    record = trial(0, **{"top$1_{acc}": 1.0, "größe$\\frac": 2.0})

    write_front_png(
        [record], objectives=objectives, name="$\\x$ 探索 <b>", path=tmp_path / "a.png"
    )

    assert (tmp_path / "a.png").stat().st_size > 1000


def test_far_outliers_are_left_out_and_counted(trial, accuracy_size):
    draw = np.random.default_rng(0)
    records = [
        trial(n, accuracy=float(draw.uniform(0.9, 0.95)), size_bytes=1e3 * (n + 1))
        for n in range(60)
    ]
    records += [trial(60 + n, accuracy=0.1, size_bytes=5e3) for n in range(2)]

    figure = plot_front(records, accuracy_size, name="a")

    assert "2 trials lie below the picture" in _texts(figure)
    assert figure.axes[0].get_ylim()[0] > 85


def test_summary_counts_by_state(trial):
    records = [trial(0), trial(1), trial(2, state=TrialState.STOPPED)]

    assert (
        summary_line(records, records[:1]) == "3 trials (2 complete, 1 stopped)  ·  1 on the front"
    )
    assert summary_line(records[:1], []) == "1 trial  ·  0 on the front"


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("size_bytes", [100.0, 1e5], 3.0),
        ("size_bytes", [0.0, 1e5], None),
        ("latency_ms", [1.0, 3.0], None),
        ("latency_ms", [1.0, 1e3], 3.0),
        ("accuracy", [0.001, 0.9], None),
        ("size_bytes", [], None),
    ],
)
def test_log_axes_are_for_minimised_counts_and_wide_ranges(metric, values, expected):
    assert decades_of(objective_for(metric), values) == (
        None if expected is None else pytest.approx(expected)
    )


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [("size_bytes", 500.0, "500 B"), ("size_bytes", 2e6, "2 MB"), ("num_macs", 5e9, "5 G")],
)
def test_ticks_read_with_prefix_and_unit(metric, value, expected):
    assert tick_text(metric, value) == expected
