"""Finishing a run on a task of the user's own."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from torch.nn import functional

from nas.architecture import Architecture
from nas.data.dataset import Split
from nas.data.signals import load_signals
from nas.data.task_data import MultiLabel, TaskData
from nas.errors import ConfigError
from nas.evaluation.winner_metric import winner_metric_of
from nas.export.settings import ExportSettings
from nas.finish.choose import Pick
from nas.finish.run import run_finish
from nas.finish.task import FinishTask
from nas.finish.teach import TeacherChoice
from nas.objective import objective_for
from nas.record.run_folder import RunFolder
from nas.record.winners import read_winners
from nas.report.confirmation import confirmation_table, optimism_line, write_finish_png
from nas.task import Task
from nas.train.recipe import Recipe
from nas.trial import TrialRecord, TrialState
from search_spaces.signals import SignalSpace
from tests.finish.conftest import OBJECTIVES, ONNX_FILES, TORCH_FILES, Signal, crew_of

SMALL = Architecture(
    {"width": 4, "blocks.repeat": 1, "blocks.0.kernel": 5, "blocks.0.stride": 2,
     "blocks.0.is_separable": False}
)  # fmt: skip
LARGE = Architecture({**SMALL, "width": 16})


class Slope(Task):
    """A number for each signal; only the loss judges."""

    measures = ()

    def loss(self, outputs, targets):
        return functional.mse_loss(outputs, targets)

    def metrics(self, outputs, targets):
        return {}


def record(number, architecture, size_bytes, **metrics):
    return TrialRecord(
        number=number, architecture=architecture, state=TrialState.COMPLETE,
        metrics={"size_bytes": size_bytes, **metrics},
    )  # fmt: skip


def finish_task(dataset, objectives=OBJECTIVES, num_seeds=2, **values):
    metric = winner_metric_of(dataset, objectives).metric
    records = tuple(
        record(number, architecture, size, **{metric: value})
        for number, (architecture, size, value) in enumerate(
            [(SMALL, 500.0, values.pop("small", 0.5)), (LARGE, 2000.0, values.pop("large", 0.7))]
        )
    )
    return FinishTask(
        SignalSpace(), dataset, Recipe(epochs=2, device="cpu"), objectives, records,
        num_seeds=num_seeds, **{"export": None, **values},
    )  # fmt: skip


def finish(task, folder):
    crew = crew_of(Signal())
    return run_finish(task, folder=RunFolder(folder), crew=crew, publish=lambda rows: None)


@pytest.fixture(scope="module")
def signals():
    return load_signals(num_train=300, num_validation=100, num_test=120)


def slopes(count, seed):
    rng = np.random.default_rng(seed)
    slope = rng.normal(size=(count, 1)).astype(np.float32)
    noise = rng.normal(0, 0.1, (count, 40))
    signal = slope * np.linspace(-1, 1, 40) + noise
    return Split(signal.astype(np.float32)[:, None, :, None], slope)


def regression():
    return TaskData(
        name="slopes", task=Slope(), train=slopes(300, 0), validation=slopes(60, 1),
        test=slopes(80, 2), num_outputs=1, split_rule="drawn apart",
    )  # fmt: skip


@pytest.mark.slow
def test_signals_are_confirmed_and_every_file_agrees(signals, tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
    files = ExportSettings(TORCH_FILES | ONNX_FILES, peak_memory=False)

    summary = finish(finish_task(signals, pick=Pick(trials=(1,)), export=files), tmp_path)

    assert [(row.metric, row.search_value) for row in summary.rows] == [("accuracy", 0.7)]
    floats = [row for row in summary.artefacts if "int8" not in row.format]
    assert {row.format for row in floats} == {"safetensors", "torch.export", "onnx"}
    assert all(row.agreement == 1.0 and row.refused == "" for row in floats)
    card = (tmp_path / "finish/1/README.md").read_text()
    assert "300 train, 100 validation, 120 test inputs of 1 x 1 x 40" in card
    assert "task TellShapes" in card
    assert "pipeline_tag" not in card
    # The file judges itself as torch does: shares of the same 120 signals.
    by_hand = {row.file: row.test_value * 120 for row in summary.artefacts}
    assert all(abs(value - round(value)) < 1e-6 for value in by_hand.values())


@pytest.mark.slow
def test_files_of_a_task_print_their_outputs(signals, tmp_path):
    finish(
        finish_task(signals, pick=Pick(trials=(0,)), num_seeds=1,
                    export=ExportSettings(TORCH_FILES, peak_memory=False)),
        tmp_path,
    )  # fmt: skip
    place = tmp_path / "finish/0"
    np.save(place / "inputs.npy", signals.test.images[:3])

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "predict.py", "inputs.npy"],
        cwd=place, check=True, capture_output=True, text=True,
    )  # fmt: skip

    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [name for name, _ in lines] == [f"inputs.npy[{place}]" for place in range(3)]
    assert [len(outputs.split()) for _, outputs in lines] == [10, 10, 10]
    assert json.loads((place / "input.json").read_text())["classes"] == []


def test_a_loss_is_judged_the_lower_the_better(tmp_path):
    objectives = (objective_for("loss"), objective_for("size_bytes"))
    task = finish_task(regression(), objectives, small=0.9, large=0.01)

    summary = finish(task, tmp_path)

    assert {row.metric for row in summary.rows} == {"loss"}
    small, large = summary.rows
    assert large.optimism == pytest.approx(large.test_mean - 0.01)
    assert all(np.isnan(row.sampling_std) for row in summary.rows)
    # Not cut to 0..1, as shares are: the interval lies around the mean.
    middle = (small.prediction_low + small.prediction_high) / 2
    assert middle == pytest.approx(small.test_mean)
    assert tuple(map(repr, read_winners(tmp_path / "finish/winners.csv"))) == tuple(
        map(repr, summary.rows)
    )
    write_finish_png(summary.rows, name="slopes", path=tmp_path / "finish.png")
    assert "of loss" in optimism_line(summary.rows)
    assert "%" not in " ".join(confirmation_table(summary.rows)[1])


def test_files_of_a_regression_are_judged_by_its_loss(tmp_path):
    objectives = (objective_for("loss"), objective_for("size_bytes"))
    settings = ExportSettings(TORCH_FILES, peak_memory=False)
    task = finish_task(
        regression(), objectives, pick=Pick(trials=(1,)), num_seeds=1, export=settings
    )

    summary = finish(task, tmp_path)

    for row in summary.artefacts:
        assert row.metric == "loss"
        assert np.isnan(row.agreement)
        assert row.test_value == pytest.approx(summary.rows[0].test_mean, rel=1e-4)


def test_judge_is_what_the_search_made_better_of_what_is_measured(signals):
    split = Split(signals.train.images, np.zeros((300, 3), np.float32))
    labels = replace(
        regression(), task=MultiLabel(), train=split, validation=split, test=split, num_outputs=3
    )

    assert winner_metric_of(signals, OBJECTIVES).is_share
    by_quality = winner_metric_of(labels, (objective_for("size_bytes"), objective_for("quality")))
    assert (by_quality.metric, by_quality.is_share) == ("quality", False)
    assert not winner_metric_of(labels, OBJECTIVES).is_share  # of labels, several an example


def test_judged_value_is_the_tasks_own():
    winner_metric = winner_metric_of(regression(), (objective_for("loss"),))
    outputs, targets = np.zeros((4, 1), np.float32), np.full((4, 1), 3.0, np.float32)

    assert winner_metric.value(outputs, targets) == 9.0
    assert winner_metric.gain(0.1, 0.3) == pytest.approx(0.2)


def test_distilling_a_task_without_classes_is_refused(signals, tmp_path):
    with pytest.raises(ConfigError, match="signals is trained by the loss of TellShapes"):
        finish(finish_task(signals, teaching=TeacherChoice()), tmp_path)
