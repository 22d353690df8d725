"""Winners made smaller and trained on."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from nas.compress.compression import Compression
from nas.errors import ConfigError
from nas.export.settings import ExportSettings
from nas.finish.choose import Pick
from nas.finish.confirm import RetrainingPlan, candidate_of, data_key
from nas.finish.ledger import Ledger
from nas.finish.run import run_finish
from nas.finish.shrink import Shrinking, ShrunkPlan, shrunk, shrunk_candidates
from nas.finish.task import FinishTask
from nas.record.run_folder import RunFolder
from nas.train.recipe import Recipe
from tests.finish.conftest import OBJECTIVES, ONNX_FILES, TORCH_FILES, Signal, crew_of

pytest.importorskip("torch_pruning", reason="Torch-Pruning is not installed")


@pytest.fixture
def task(space, dataset, recipe, records):
    return FinishTask(
        space, dataset, recipe, OBJECTIVES, tuple(records), pick=Pick(trials=(2,)), num_seeds=2,
        export=None, shrinking=Shrinking(("kept0.5",)),
    )  # fmt: skip


def finish(task, folder, signal=None):
    return run_finish(
        task,
        folder=RunFolder(folder),
        crew=crew_of(signal or Signal()),
        publish=lambda rows: None,
    )


def test_half_of_the_channels_stay_and_the_least_important_go(space, dataset, records):
    model = space.build(records[2].architecture, dataset.shape)
    with torch.no_grad():
        model[0].weight[::2] *= 0.01  # the even channels say little
        model[0].bias.zero_()
        model[5].weight.view(3, 8, 4)[:, ::2] *= 0.01
    kept = model[0].weight[1::2].clone()

    smaller = shrunk(model, dataset.shape, to=Compression(kept=0.5))

    assert torch.equal(smaller[0].weight, kept)
    assert smaller(torch.zeros(2, 1, 6, 6)).shape == (2, 3)


def test_each_seed_goes_on_from_a_retraining_of_its_own(task, tmp_path):
    summary = finish(task, tmp_path)

    (row,) = summary.shrunk
    assert row.name == "trial 2 kept0.5"
    # One convolution of 4 channels (3 x 3), its norm, and 16 inputs of 3 classes.
    assert row.num_params == 4 * 9 + 4 + 2 * 4 + 16 * 3 + 3
    assert row.size_bytes < summary.rows[0].size_bytes
    entries = Ledger(tmp_path / "finish/ledger.jsonl").entries()
    assert [entry.facts["step"] for entry in entries] == ["confirm"] * 2 + ["compressed"] * 2


def test_jobs_name_the_weights_that_they_start_from(recipe, records, dataset):
    plan = RetrainingPlan(recipe, 2, 0, data_key(dataset))
    (candidate,) = shrunk_candidates([candidate_of(records[2])], Shrinking(("kept0.5",)))

    jobs = ShrunkPlan.after(plan, recipe=recipe).jobs_of(candidate)

    originals = [job.key for job in plan.jobs_of(candidate_of(records[2]))]
    assert [job.architecture["compressed.original"] for job in jobs] == originals


@pytest.mark.parametrize("after", [1, 3])
def test_interrupted_shrinking_goes_on_and_ends_with_the_same_numbers(task, tmp_path, after):
    whole = finish(task, tmp_path / "whole")
    assert finish(task, tmp_path / "cut", Signal(after=after)).is_interrupted

    done = finish(task, tmp_path / "cut")

    assert (done.rows, done.shrunk) == (whole.rows, whole.shrunk)


def test_files_hold_the_pruned_weights_after_fine_tuning(task, tmp_path):
    made = replace(task, export=ExportSettings(TORCH_FILES, peak_memory=False))

    summary = finish(made, tmp_path)

    files = {row.file: row for row in summary.artefacts}
    weights = load_file(tmp_path / "finish/2/kept0.5/model.safetensors")
    assert weights["0.weight"].shape == (4, 1, 3, 3)
    assert files["2/kept0.5/model.pt2"].agreement == 1.0
    assert files["2/kept0.5/model.pt2"].num_params == summary.shrunk[0].num_params
    card = (tmp_path / "finish/2/kept0.5/README.md").read_text()
    assert "# trial 2 kept0.5 on corners\n" in card
    assert "Made smaller (kept0.5) and trained on: epochs 1, learning_rate 0.006." in card
    assert "in the search" not in card  # no search has seen this network


def test_fine_tuning_is_shorter_and_gentler():
    tuned = Shrinking(("kept0.5",), epochs=0.5, learning_rate=0.25).recipe(
        Recipe(epochs=10, learning_rate=0.02)
    )

    assert (tuned.epochs, tuned.learning_rate) == (5, 0.005)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"to": ("kept1.5",)}, "'kept1.5' is no compression; it may be int8, int4, kept0.5"),
        ({"to": ("int8",), "epochs": 0.0}, "compression.epochs must be above 0, but got 0.0"),
    ],
)
def test_values_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Shrinking(**settings)


def test_names_of_one_compression_are_one():
    assert Shrinking(("int8+kept0.50", "kept0.5+int8")).to == ("kept0.5+int8",)


@pytest.mark.parametrize(("name", "bits"), [("int8", 8), ("int4", 4)])
@pytest.mark.slow
def test_network_of_few_bits_is_stored_in_few_bits(task, tmp_path, name, bits):
    made = replace(
        task,
        export=ExportSettings(TORCH_FILES | ONNX_FILES, peak_memory=False),
        shrinking=Shrinking((name,)),
    )

    summary = finish(made, tmp_path)

    (row,) = summary.shrunk
    files = {r.format: r for r in summary.artefacts if r.variant == name}
    # A convolution of 8 x 9 weights and 3 x 32 of the classifier, a scale for each output; the
    # rest are floats: biases (8 + 3), the norm's four vectors of 8, and its counter of 8 bytes.
    tensors = (72 + 96) * bits // 8 + 4 * (8 + 3) + 4 * (8 + 3) + 4 * 4 * 8 + 8
    assert row.size_bytes == tensors
    assert tensors < files["safetensors"].size_bytes < tensors + 1500  # its head of names
    assert files["safetensors"].agreement == files["torch.export"].agreement == 1.0
    assert all(file.refused == "" for file in files.values())
    assert f"onnx int{bits} weights" in files
    assert ("onnx int8" in files) == (bits == 8)


def test_compressed_variants_that_the_search_chose_are_confirmed_as_such(task, records, tmp_path):
    variant = replace(
        records[2], number=9, parent=2, variant="int8",
        metrics={"accuracy": 0.89, "size_bytes": 350.0},
    )  # fmt: skip
    found = replace(
        task, records=(*records, variant), pick=Pick(trials=(9,)), shrinking=Shrinking()
    )

    summary = finish(found, tmp_path)

    # Its training is confirmed first, since each retraining is compressed by itself.
    assert [row.trial for row in summary.rows] == [2]
    (row,) = summary.shrunk
    assert (row.trial, row.name, row.search_value) == (9, "trial 9 int8", 0.89)
    assert row.num_seeds == 2
    assert row.size_bytes < summary.rows[0].size_bytes
