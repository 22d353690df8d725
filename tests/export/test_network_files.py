"""Files of a network: what they compute, what they weigh, what they need."""

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save
from torch import nn

from nas.architecture import Architecture
from nas.data.dataset import Dataset, Split
from nas.evaluation.winner_metric import ACCURACY
from nas.export import predict
from nas.export.deployable import as_input, deployable, real_inputs
from nas.export.formats.onnx_float import OnnxFloat
from nas.export.formats.onnx_int8 import OnnxInt8
from nas.export.formats.torch_export import TorchExport
from nas.export.formats.weights import Weights
from nas.export.network_files import TrainedNetwork, export_network
from nas.export.onnx_files import onnx_runner, to_onnx
from nas.export.parity import FLOAT_TOLERANCE, INT8_TOLERANCE, compare
from nas.export.settings import ExportSettings
from nas.export.traced import export_program
from nas.record.artefacts import ArtefactRow
from nas.train.resident import ResidentSplit
from search_spaces.mobilenet import MobileNetSpace

onnx = pytest.importorskip("onnx", reason="the extra 'export' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
pytest.importorskip("onnxscript", reason="the extra 'export' is not installed")

PLACE = "7"

# Runs where nas cannot be imported, whatever is installed beside it.
WITHOUT_NAS = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("nas", "search_spaces", "timm", "safetensors"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import numpy as np
import onnxruntime
from predict import load
images = np.load("images.npy")
logits = load(".")(images)
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
by_onnx = session.run(None, {"images": images.transpose(0, 3, 1, 2).astype(np.float32)})[0]
assert not {"nas", "search_spaces", "timm", "safetensors"} & set(sys.modules)
np.savez("logits.npz", predict=logits, torch=load(".", model="model.pt2")(images), onnx=by_onnx)
"""


def trained_network(space, architecture, dataset, *, seed=0):
    """Return a network whose norms have seen images, so that its logits are not alike."""
    torch.manual_seed(seed)
    model = space.build(architecture, dataset.shape)
    wrapped = deployable(model, dataset).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    size = getattr(model, "input_size", dataset.shape.input_shape[1:])
    images = torch.from_numpy(as_input(dataset.train.images, size))
    labels = torch.from_numpy(dataset.train.labels)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(wrapped(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="module")
def architecture():
    return Architecture({"channels": 8, "kernel": 3})


@pytest.fixture(scope="module")
def model(space, architecture, dataset):
    return trained_network(space, architecture, dataset)


@dataclass(frozen=True)
class Shipped:
    folder: Path
    rows: list[ArtefactRow]

    @property
    def place(self):
        return self.folder / PLACE


@pytest.fixture(scope="module")
def shipped(model, architecture, dataset, tmp_path_factory):
    """All files of one network."""
    folder = tmp_path_factory.mktemp("finish")
    return Shipped(folder, export(model, architecture, dataset, folder, peak_memory=True))


TORCH = {"weights": Weights(), "torch_export": TorchExport()}
FORMATS = {**TORCH, "onnx": OnnxFloat(), "int8": OnnxInt8()}


def export(model, architecture, dataset, folder, peak_memory=False, formats=FORMATS):
    trained = TrainedNetwork("trial 7", "retrained", "key", architecture, save(model.state_dict()))
    return export_network(
        trained, model, dataset=dataset, folder=folder, place=PLACE,
        settings=ExportSettings(formats, peak_memory=peak_memory),
    )  # fmt: skip


def test_every_file_computes_what_the_network_computes(shipped):
    rows = shipped.rows

    assert [row.format for row in rows] == ["safetensors", "torch.export", "onnx", "onnx int8"]
    assert all(row.refused == "" for row in rows)
    assert all((shipped.folder / row.file).stat().st_size == row.size_bytes for row in rows)
    floats = [row for row in rows if row.format != "onnx int8"]
    assert all(row.agreement == 1.0 and row.max_difference < 1e-4 for row in floats)
    assert all(row.latency_low_ms <= row.latency_ms <= row.latency_high_ms for row in rows)
    assert all(0 < row.latency_32_low_ms <= row.latency_32_ms for row in rows)
    assert all(row.latency_32_ms <= row.latency_32_high_ms for row in rows)
    assert all(row.peak_memory_bytes >= 0 for row in rows if row.format != "safetensors")


def test_weights_come_back_bit_for_bit(shipped, model, architecture):
    weights = load_file(shipped.place / "model.safetensors")

    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    text = (shipped.place / "architecture.json").read_text()
    assert Architecture.from_json(text) == architecture


def test_predict_and_onnx_runtime_agree_with_torch_where_nas_cannot_be_imported(
    shipped, model, dataset
):
    np.save(shipped.place / "images.npy", dataset.test.images)

    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_NAS], cwd=shipped.place, check=True
    )

    inputs = real_inputs(model, dataset)
    with torch.inference_mode():
        expected = deployable(model, dataset)(torch.from_numpy(inputs.test[:])).numpy()
    with np.load(shipped.place / "logits.npz") as logits:
        for name in ("predict", "torch", "onnx"):
            np.testing.assert_allclose(logits[name], expected, atol=1e-5)


def test_predict_refuses_images_of_another_kind(shipped, dataset):
    with pytest.raises(ValueError, match=r"must be .*float32, but got .*uint8"):
        predict.load(shipped.place)(dataset.test.images.astype(np.uint8))


def test_images_of_whole_numbers_are_resized_as_in_training():
    images = np.random.default_rng(0).integers(0, 256, (6, 9, 9, 3), dtype=np.uint8)
    trained_on = ResidentSplit(torch.from_numpy(images), torch.zeros(6)).resized((5, 5))

    shipped = as_input(images, (5, 5))

    expected = trained_on.images_NHWC.numpy().astype(np.float32).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(shipped, expected)


@pytest.mark.slow
def test_second_export_makes_nothing_again_but_what_is_missing(
    model, architecture, dataset, tmp_path
):
    rows = export(model, architecture, dataset, tmp_path, formats=TORCH)
    path = tmp_path / PLACE / "model.pt2"
    written = path.stat().st_mtime_ns

    again = export(model, architecture, dataset, tmp_path, formats=TORCH)

    assert repr(again) == repr(rows)  # NaN does not equal NaN
    assert path.stat().st_mtime_ns == written
    path.unlink()
    export(model, architecture, dataset, tmp_path, formats=TORCH)
    assert path.is_file()


@pytest.mark.slow
def test_int8_of_a_network_of_100_thousand_parameters_takes_a_third_at_most(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(200, dtype=np.int64) % 10
    patterns = rng.normal(0, 1, (10, 8, 8, 1))
    images = (patterns[labels] + rng.normal(0, 0.3, (200, 8, 8, 1))).astype(np.float32)
    split = Split(images, labels)
    dataset = Dataset("patterns", split, split, split, tuple("0123456789"), "all the same")
    space = MobileNetSpace()
    architecture = next(
        a
        for a in map(space.sample, [np.random.default_rng(seed) for seed in range(2000)])
        if 100_000 < space.static_costs(a, dataset.shape)["num_params"] < 110_000
    )
    model = trained_network(space, architecture, dataset)

    formats = {"onnx": OnnxFloat(), "int8": OnnxInt8()}
    exported = export(model, architecture, dataset, tmp_path, formats=formats)
    rows = {row.format: row for row in exported}

    assert rows["onnx int8"].size_bytes <= 0.32 * rows["onnx"].size_bytes
    # The float file is no straw man: it holds the weights and little else.
    assert rows["onnx"].size_bytes < 1.02 * 4 * rows["onnx"].num_params
    assert rows["onnx int8"].torch_value - rows["onnx int8"].test_value < 0.01
    assert rows["onnx int8"].refused == ""


def test_slim_file_computes_the_same_as_the_one_that_was_exported(shipped, model, dataset):
    inputs = real_inputs(model, dataset)
    exported = export_program(deployable(model, dataset), inputs.test[:])
    whole = shipped.folder / "whole.onnx"
    torch.onnx.export(exported, dynamo=True, verbose=False, input_names=["images"]).save(whole)
    slim = shipped.place / "model.onnx"

    logits = [onnx_runner(path, num_threads=1)(inputs.test[:]) for path in (whole, slim)]

    np.testing.assert_array_equal(*logits)
    assert slim.stat().st_size < 0.5 * whole.stat().st_size


@pytest.mark.parametrize("name", ["model.onnx", "model_int8.onnx"])
def test_files_take_any_batch(shipped, dataset, name):
    network = onnx_runner(shipped.place / name, num_threads=1)
    images = as_input(dataset.test.images, (6, 6))

    assert network(images[:1]).shape == (1, 3)
    assert network(images).shape == (90, 3)


class OfAnother(OnnxFloat):
    """Writes a file that computes something else."""

    def write(self, network, path):
        other = trained_network_like(network.model.model)
        wrapped = copy.deepcopy(network.model)
        wrapped.model = other
        path.write_bytes(to_onnx(export_program(wrapped, network.example)))


def test_file_that_differs_is_refused_and_taken_away(
    model, architecture, dataset, tmp_path, caplog
):
    formats = {**TORCH, "onnx": OfAnother()}

    rows = {
        row.format: row for row in export(model, architecture, dataset, tmp_path, formats=formats)
    }

    assert "an output differs" in rows["onnx"].refused
    assert not (tmp_path / PLACE / "model.onnx").exists()
    assert "is not shipped" in caplog.text


class Branching(nn.Module):
    """Computes what its input decides, which torch.export cannot follow."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model(images) if float(images.sum()) > -1e9 else images.flatten(1)[:, :3]


def test_network_that_cannot_be_traced_keeps_its_weights_and_each_lost_file_says_why(
    model, architecture, dataset, tmp_path, caplog
):
    rows = {
        row.format: row
        for row in export(Branching(copy.deepcopy(model)), architecture, dataset, tmp_path)
    }

    assert rows["safetensors"].refused == ""
    lost = [rows[kind] for kind in ("torch.export", "onnx", "onnx int8")]
    assert all("it could not be made: " in row.refused for row in lost)
    assert {path.name for path in (tmp_path / PLACE).glob("model*")} == {"model.safetensors"}
    assert "7/model.pt2 is not shipped: it could not be made" in caplog.text


def trained_network_like(model):
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[-1].bias.add_(torch.tensor([1.0, -1.0, 0.0]))
    return other


def test_comparison_states_what_is_allowed():
    labels = np.array([0, 1] * 10)
    expected = np.array([[1.0, 0.0], [0.0, 1.0]] * 10, np.float32)
    swapped = 1 - expected

    given = {"expected": expected, "targets": labels, "winner_metric": ACCURACY}
    parity = compare(swapped, tolerance=INT8_TOLERANCE, **given)
    same = compare(expected, tolerance=FLOAT_TOLERANCE, **given)

    assert parity.agreement == 0.0
    assert (
        "0.0% of the examples get the same class as from torch, 95.0% are needed" in parity.refused
    )
    # By hand: (20.5 - 0.5 - 1.645 sqrt(21 - 400 / 22)) / 22 = 0.7835.
    assert "it loses 100.00 points of accuracy, surely 78.3" in parity.refused
    assert "1.00 are allowed" in parity.refused
    assert (same.max_difference, same.agreement, same.refused) == (0.0, 1.0, "")


def logits_right_at(right):
    """Return outputs (N, 2) for the classes 0, which is right at those places."""
    return np.stack([right, ~right], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("number", "num_lost", "is_refused"),
    [(120, 2, False), (120, 8, True), (20_000, 200, False), (20_000, 300, True)],
)
def test_a_loss_is_refused_only_where_chance_does_not_explain_it(number, num_lost, is_refused):
    torch_right = np.arange(number) < 0.8 * number
    file_right = torch_right & (np.arange(number) >= num_lost)

    parity = compare(
        logits_right_at(file_right), expected=logits_right_at(torch_right),
        targets=np.zeros(number, dtype=np.int64), winner_metric=ACCURACY,
        tolerance=INT8_TOLERANCE,
    )  # fmt: skip

    assert bool(parity.refused) == is_refused


def test_input_json_says_what_the_network_takes(shipped):
    described = json.loads((shipped.place / "input.json").read_text())

    assert described["dtype"] == "float32"
    assert (described["channels"], described["height"], described["width"]) == (1, 6, 6)
    assert described["classes"] == ["none", "top", "left"]
