"""Winners with a teacher, from the choice of the teacher to the files of its students."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.adapt.distillation import Distillation
from nas.errors import ConfigError
from nas.export.settings import ExportSettings
from nas.finish.choose import Pick
from nas.finish.confirm import candidate_of
from nas.finish.ledger import Ledger
from nas.finish.run import run_finish
from nas.finish.task import FinishTask
from nas.finish.teach import ENSEMBLE, TeacherChoice
from nas.record.run_folder import RunFolder
from nas.record.winners import read_winners
from nas.report.confirmation import distillation_table
from tests.finish.conftest import OBJECTIVES, TORCH_FILES, Signal, crew_of


@pytest.fixture
def task(space, dataset, recipe, records):
    return FinishTask(
        space, dataset, recipe, OBJECTIVES, tuple(records), num_seeds=2, export=None,
        teaching=TeacherChoice(),
    )  # fmt: skip


def finish(task, folder, signal=None):
    return run_finish(
        task,
        folder=RunFolder(folder),
        crew=crew_of(signal or Signal()),
        publish=lambda rows: None,
    )


def test_all_but_the_largest_learn_from_the_largest(task, tmp_path):
    summary = finish(task, tmp_path)

    assert [row.trial for row in summary.taught] == [0, 1]
    assert tuple(read_winners(tmp_path / "finish" / "distilled.csv")) == summary.taught
    steps = [entry.facts["step"] for entry in Ledger(tmp_path / "finish/ledger.jsonl").entries()]
    assert steps[:6] == ["confirm"] * 6
    assert len(steps) == 10
    assert all(step.startswith("distilled ") for step in steps[6:])


def test_everyone_learns_from_the_ensemble(task, tmp_path):
    summary = finish(replace(task, teaching=TeacherChoice(ENSEMBLE)), tmp_path)

    assert [row.trial for row in summary.taught] == [0, 1, 2]


def test_network_of_the_users_own_teaches_everyone(task, tmp_path):
    class Top(nn.Module):
        """Says class 1 of every image."""

        def forward(self, images):
            return torch.tensor([0.0, 50.0, 0.0]).expand(len(images), 3)

    own = TeacherChoice(model=Top(), settings=Distillation(weight=1.0, temperature=1.0))

    summary = finish(replace(task, teaching=own), tmp_path)

    # A third of the test images are of class 1, and who hears nothing else says nothing else.
    assert [row.test_mean for row in summary.taught] == pytest.approx([1 / 3] * 3, abs=0.05)


@pytest.mark.parametrize("after", [3, 7, 9])
def test_interrupted_distillation_goes_on_and_ends_with_the_same_numbers(task, tmp_path, after):
    whole = finish(task, tmp_path / "whole")
    assert finish(task, tmp_path / "cut", Signal(after=after)).is_interrupted
    rest = Signal()

    done = finish(task, tmp_path / "cut", rest)

    assert rest.seen == 10 - after
    assert (done.rows, done.taught) == (whole.rows, whole.taught)


def test_another_temperature_is_another_training(task, tmp_path):
    finish(task, tmp_path)
    again = Signal()

    finish(
        replace(task, teaching=TeacherChoice(settings=Distillation(temperature=2.0))),
        tmp_path,
        again,
    )

    assert again.seen == 4


def test_second_command_warns_of_no_test_that_was_its_own(task, tmp_path, caplog):
    finish(task, tmp_path)

    finish(task, tmp_path)

    assert "opened" not in caplog.text


@pytest.mark.slow
def test_students_get_files_of_their_own(task, tmp_path):
    made = replace(
        task,
        export=ExportSettings(TORCH_FILES, peak_memory=False),
        pick=Pick(trials=(0, 2)),
    )

    summary = finish(made, tmp_path)

    assert [(row.file, row.variant) for row in summary.artefacts] == [
        ("0/model.safetensors", "retrained"),
        ("0/model.pt2", "retrained"),
        ("0/distilled/model.safetensors", "distilled"),
        ("0/distilled/model.pt2", "distilled"),
        ("2/model.safetensors", "retrained"),
        ("2/model.pt2", "retrained"),
    ]
    weights = [
        (tmp_path / "finish" / place / "model.safetensors").read_bytes()
        for place in ("0", "0/distilled")
    ]
    assert weights[0] != weights[1]
    card = (tmp_path / "finish/0/distilled/README.md").read_text()
    assert "# trial 0 on corners, distilled\n" in card
    assert "Taught also by trial 2 (knowledge distillation: temperature 4, weight 0.7)." in card


def test_table_states_the_gain_at_the_same_size_and_its_noise(task, tmp_path):
    summary = finish(task, tmp_path)

    lines = distillation_table(summary.rows, summary.taught)

    alone = next(row for row in summary.rows if row.trial == 0)
    gain = 100 * (summary.taught[0].test_mean - alone.test_mean)
    assert lines[1][0] == "trial 0"
    assert lines[1][4] == f"{gain:+.2f} points"
    assert lines[1][5].startswith("± ")


@pytest.mark.parametrize(
    ("teaching", "trials", "message"),
    [
        (TeacherChoice(), (1,), "leaves no student"),
        (TeacherChoice("best"), (0, 1), "must be largest or ensemble, but got 'best'"),
        (
            TeacherChoice(ENSEMBLE, settings=Distillation(feature_weight=1.0)),
            (0, 1),
            "feature_weight needs a single teacher",
        ),
        (TeacherChoice(model=nn.Conv2d(3, 4, 1)), (0, 1), "does not take images of \\(1, 6, 6\\)"),
        (
            TeacherChoice(model=nn.Sequential(nn.Flatten(), nn.Linear(36, 5))),
            (0, 1),
            "an output for each of the 3 classes",
        ),
    ],
    ids=["only-winner", "unknown", "features-of-several", "other-channels", "other-classes"],
)
def test_what_cannot_be_taught_is_refused_before_anything_is_trained(
    task, tmp_path, teaching, trials, message
):
    with pytest.raises(ConfigError, match=message):
        finish(replace(task, teaching=teaching, pick=Pick(trials=trials)), tmp_path)

    assert not (tmp_path / "finish" / "ledger.jsonl").exists()


def test_candidate_of_a_trial_keeps_its_record(records):
    assert candidate_of(records[0]).record is records[0]
