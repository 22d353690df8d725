import csv
import math

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from nas.errors import RunFolderError
from nas.objective import objective_for
from nas.report.comparison import (
    ComparedRun,
    compare_runs,
    comparison_table,
    labels_from_settings,
    lines_on_longer_runs,
    lines_on_nothing,
    name_stem,
    without_copies,
    write_growth_csv,
    write_runs_csv,
)
from nas.report.comparison_plot import (
    attainment,
    median_attainment,
    plot_comparison,
    write_comparison_png,
)
from nas.trial import TrialState


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def seeded_runs(search_records, accuracy_size):
    """Two groups of three runs; those of `long` have twice the trials."""
    return [
        ComparedRun(f"{label}_s{seed}", label, search_records(n, seed=seed + n), accuracy_size)
        for label, n in (("short", 40), ("long", 80))
        for seed in range(3)
    ]


def test_mean_and_standard_error_follow_from_the_runs(seeded_runs):
    comparison = compare_runs(seeded_runs)

    for group in comparison.groups:
        finals = [growth.shares[len(group.means) - 1] for growth in group.growths]
        assert group.means[-1] == pytest.approx(sum(finals) / 3)
        spread = sum((x - sum(finals) / 3) ** 2 for x in finals) / 2  # variance of a sample
        assert group.errors[-1] == pytest.approx(math.sqrt(spread / 3))


def test_groups_are_ranked_after_as_many_trials_as_the_shortest_run_has(seeded_runs):
    comparison = compare_runs(seeded_runs)

    shares = [comparison.share(group)[0] for group in comparison.groups]
    assert comparison.num_trials == 40
    assert shares == sorted(shares, reverse=True)
    assert [group.means[39] for group in comparison.groups] == shares


def test_a_run_that_finds_nothing_new_has_no_larger_share(trial, accuracy_size):
    good = [trial(0, accuracy=0.9, size_bytes=10.0), trial(1, accuracy=0.95, size_bytes=100.0)]
    poor = [trial(0, accuracy=0.5, size_bytes=1e4), trial(1, accuracy=0.4, size_bytes=1e4)]

    comparison = compare_runs(
        [
            ComparedRun("p", "poor", poor, accuracy_size),
            ComparedRun("g", "good", good, accuracy_size),
        ]
    )

    assert [group.label for group in comparison.groups] == ["good", "poor"]
    assert np.isnan(comparison.groups[0].errors).all()


def test_a_front_that_is_behind_everywhere_has_a_volume_too(trial, accuracy_size):
    good = [trial(0, accuracy=0.9, size_bytes=10.0), trial(1, accuracy=0.95, size_bytes=100.0)]
    poor = [trial(0, accuracy=0.5, size_bytes=1e4), trial(1, accuracy=0.6, size_bytes=1e5)]
    runs = [
        ComparedRun("g", "good", good, accuracy_size),
        ComparedRun("p", "poor", poor, accuracy_size),
    ]

    better, worse = map(compare_runs(runs).share, compare_runs(runs).groups)

    assert better[0] == pytest.approx(1.0)
    assert 0 < worse[0] < 0.3
    assert lines_on_nothing(compare_runs(runs)) == []


def test_a_short_run_beside_two_long_ones_hides_not_who_is_ahead(trial, accuracy_size):
    def run(name, *accuracies):
        records = [trial(n, accuracy=a, size_bytes=100.0 - n) for n, a in enumerate(accuracies)]
        return ComparedRun(name, name, records, accuracy_size)

    comparison = compare_runs(
        [run("early", 0.9, 0.9, 0.9), run("late", 0.8, 0.8, 0.95), run("cut", 0.7)]
    )

    assert [group.label for group in comparison.groups] == ["early", "late", "cut"]
    (line,) = lines_on_longer_runs(comparison)
    assert line.startswith("After 3 trials, which not all runs have, late is ahead of early: ")
    assert lines_on_longer_runs(compare_runs([run("early", 0.9, 0.9), run("late", 0.8)])) == []


def test_unlike_objectives_are_refused_by_name(search_records, accuracy_size, three_objectives):
    runs = [
        ComparedRun("first", "a", search_records(5), accuracy_size),
        ComparedRun("other", "a", search_records(5), three_objectives),
    ]

    with pytest.raises(RunFolderError, match=r"first and other .*minimize latency_ms"):
        compare_runs(runs)


def test_no_run_and_no_trial_are_refused(trial, accuracy_size):
    failed = [trial(0, state=TrialState.FAILED)]

    with pytest.raises(RunFolderError, match="no run to compare"):
        compare_runs([])
    with pytest.raises(RunFolderError, match="no trial of lonely was trained in full"):
        compare_runs([ComparedRun("lonely", "a", failed, accuracy_size)])


def test_a_group_whose_runs_all_failed_has_share_zero(search_records, trial, accuracy_size):
    failed = [trial(n, state=TrialState.FAILED) for n in range(5)]

    comparison = compare_runs(
        [
            ComparedRun("f", "failed", failed, accuracy_size),
            ComparedRun("b", "ok", search_records(9), accuracy_size),
        ]
    )

    assert comparison.groups[-1].label == "failed"
    assert comparison.share(comparison.groups[-1])[0] == 0
    (line,) = lines_on_nothing(comparison)
    assert line == "failed has no volume after 5 trials: none of its trials was trained in full."
    plot_comparison(comparison, title="a")


def test_a_run_that_began_with_a_failure_has_its_volume_later(trial, accuracy_size):
    late = [trial(0, state=TrialState.FAILED), trial(1, accuracy=0.9, size_bytes=10.0)]
    short = [trial(0, accuracy=0.8, size_bytes=10.0)]
    runs = [ComparedRun(n, n, r, accuracy_size) for n, r in (("late", late), ("short", short))]

    (line,) = lines_on_nothing(compare_runs(runs))

    assert line.startswith(
        "late has no volume after 1 trial: its first networks that were trained"
    )


def test_a_run_without_any_trial_compares_at_zero_trials(search_records, accuracy_size):
    comparison = compare_runs(
        [
            ComparedRun("e", "empty", [], accuracy_size),
            ComparedRun("b", "ok", search_records(9), accuracy_size),
        ]
    )

    assert comparison.num_trials == 0
    assert comparison.share(comparison.groups[0])[0] == 0
    plot_comparison(comparison, title="a")


def test_a_run_that_repeats_another_one_of_its_group_does_not_count(search_records, accuracy_size):
    def run(name, label, records, seed=1):
        return ComparedRun(name, label, records, accuracy_size, seed)

    whole, other = search_records(20, seed=1), search_records(20, seed=2)
    runs = [
        run("begun", "a", whole[:9]),
        run("copy", "a", whole),
        run("whole", "a", whole),
        run("other", "a", other),
        run("elsewhere", "b", whole),
        run("empty", "a", []),
        run("by chance", "a", whole[:1], seed=2),  # as where all begin with one network of a table
    ]

    counting, told = without_copies(runs)

    assert [one.name for one in counting] == [
        "copy", "other", "elsewhere", "empty", "by chance",
    ]  # fmt: skip
    assert [line.split(",")[0] for line in told] == ["whole repeats copy", "begun repeats copy"]


def test_tables_of_runs_and_curves(tmp_path, seeded_runs):
    comparison = compare_runs(seeded_runs)

    write_runs_csv(comparison, path=tmp_path / "runs.csv")
    write_growth_csv(comparison, path=tmp_path / "growth.csv")

    runs, growth = _rows(tmp_path / "runs.csv"), _rows(tmp_path / "growth.csv")
    assert {row["run"] for row in runs} == {run.name for run in seeded_runs}
    assert {row["num_trials"] for row in runs if row["label"] == "long"} == {"80"}
    assert all(0 < float(row["best.accuracy"]) <= 1 for row in runs)
    assert len(growth) == 40 + 80
    assert float(growth[0]["hypervolume_mean"]) == pytest.approx(comparison.groups[0].means[0])


def test_the_terminal_table_names_group_volume_and_spread(seeded_runs):
    comparison = compare_runs(seeded_runs)
    console = Console(width=100)

    with console.capture() as capture:
        console.print(comparison_table(comparison))

    mean, error = comparison.share(comparison.groups[0])
    assert f"{mean:.4f} ± {error:.4f}" in capture.get()
    assert "after 40 trials each" in capture.get()


def test_median_attainment_is_what_half_of_the_runs_reached(trial, accuracy_size):
    accuracy, size = accuracy_size
    fronts = [
        [trial(0, accuracy=0.5, size_bytes=10.0), trial(1, accuracy=0.9, size_bytes=30.0)],
        [trial(0, accuracy=0.6, size_bytes=20.0)],
        [trial(0, accuracy=0.7, size_bytes=40.0)],
    ]

    places, medians = median_attainment(fronts, size, accuracy)

    # Two of three runs have something from 20 B on; at 40 B the three have 0.9, 0.6, 0.7.
    assert places.tolist() == [20.0, 30.0, 40.0]
    assert medians == pytest.approx([50.0, 60.0, 70.0])
    assert attainment(fronts, size, accuracy, num_runs=1)[1] == pytest.approx([50, 60, 90, 90])
    assert [v.tolist() for v in attainment(fronts, size, accuracy, num_runs=3)] == [[40.0], [60.0]]


@pytest.mark.parametrize(
    ("metrics", "num_panels"),
    [
        (("accuracy",), 1),
        (("accuracy", "size_bytes", "latency_ms"), 2),
        (("loss", "latency_ms"), 2),
    ],
    ids=["one", "three", "no static"],
)
def test_any_number_of_objectives_has_a_picture(search_records, metrics, num_panels):
    objectives = tuple(objective_for(name) for name in metrics)
    runs = [ComparedRun(str(s), "$a$", search_records(20, seed=s), objectives) for s in range(2)]

    figure = plot_comparison(compare_runs(runs), title="$x")

    assert len(figure.axes) == num_panels
    figure.draw_without_rendering()


def test_a_group_of_one_run_is_counted_in_the_singular(search_records):
    objectives = (objective_for("accuracy"), objective_for("size_bytes"))
    runs = [ComparedRun("a", "alone", search_records(20, seed=0), objectives)]

    figure = plot_comparison(compare_runs(runs), title="x")

    texts = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    texts += [text.get_text() for axes in figure.axes for text in axes.texts]
    assert any("(1 run)" in text for text in texts), texts


def test_the_picture_is_written_as_png(tmp_path, seeded_runs):
    path = tmp_path / "comparison.png"

    write_comparison_png(compare_runs(seeded_runs), title="a", path=path)

    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (3450, 1620))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([("o.A", "s.X"), ("o.B", "s.X")], ["A", "B"]),
        ([("o.A", "s.X"), ("o.A", "s.Y")], ["X", "Y"]),
        ([("o.A", "s.X"), ("o.B", "s.Y")], ["A, X", "B, Y"]),
        ([("o.A", "s.X"), ("o.A", "s.X")], ["A", "A"]),
    ],
    ids=["sampler", "space", "both", "neither"],
)
def test_labels_name_what_differs(settings, expected):
    configs = [
        {"sampler": {"_target_": sampler}, "search_space": {"_target_": space}}
        for sampler, space in settings
    ]

    assert labels_from_settings(configs) == expected


def test_labels_of_settings_without_a_sampler_say_so():
    assert labels_from_settings([{}, {"sampler": None}]) == ["no sampler", "no sampler"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("nsga2_seed3", "nsga2"), ("tpe-07", "tpe"), ("resnet18", "resnet18"), ("a_s1", "a"),
        ("run_3", "run"), ("7", "7"), ("x.r12", "x"),
        ("2026-11-30_03-18-47", "2026-11-30_03-18-47"),
    ],
)  # fmt: skip
def test_a_names_stem_is_without_seed_or_count(name, stem):
    assert name_stem(name) == stem
