"""Files that are compiled ahead of time, run by their own runtimes."""

import importlib.util
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from nas.errors import MissingPackageError
from nas.export.deployable import Deployable
from nas.export.executorch_programs import executorch_runner
from nas.export.formats.aot_inductor import AotInductor, compile_ahead, compiled_runner
from nas.export.formats.executorch import Executorch, to_executorch
from nas.export.formats.executorch_int8 import ExecutorchInt8, to_executorch_int8
from nas.export.traced import export_program

HAS_EXECUTORCH = importlib.util.find_spec("executorch") is not None


@pytest.fixture
def model():
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)
    )
    return Deployable(layers, mean=(0.5,), std=(2.0,)).eval()


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(5, 1, 6, 6)).astype(np.float32)


def expected(model, images):
    with torch.inference_mode():
        return model(torch.from_numpy(images)).numpy()


@pytest.mark.skipif(not HAS_EXECUTORCH, reason="the extra 'executorch' is not installed")
def test_executorch_program_computes_what_the_network_computes(model, images, tmp_path):
    path = tmp_path / "model.pte"
    path.write_bytes(to_executorch(model, images))

    outputs = executorch_runner(path)(images)

    np.testing.assert_allclose(outputs, expected(model, images), atol=1e-5)


@pytest.mark.skipif(not HAS_EXECUTORCH, reason="the extra 'executorch' is not installed")
def test_int8_program_is_smaller_and_stays_near_the_floats(images, tmp_path):
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 36, 24)
    )
    model = Deployable(layers, mean=(0.5,), std=(2.0,)).eval()
    path = tmp_path / "model_int8.pte"
    path.write_bytes(to_executorch_int8(model, images))

    outputs = executorch_runner(path)(images)

    # A range of one output is split into 255 steps; inputs and weights are rounded likewise.
    wanted = expected(model, images)
    assert np.abs(outputs - wanted).max() < 0.03 * np.ptp(wanted)
    assert path.stat().st_size < 0.5 * len(to_executorch(model, images))


@pytest.mark.skipif(HAS_EXECUTORCH, reason="ExecuTorch is installed")
@pytest.mark.parametrize(
    ("chosen", "flag"),
    [
        (Executorch(), "export.executorch=false"),
        (ExecutorchInt8(), "export.executorch_int8=false"),
    ],
    ids=["floats", "int8"],
)
def test_absent_executorch_is_told_with_what_to_install_and_what_leaves_the_file_out(chosen, flag):
    with pytest.raises(MissingPackageError, match=rf"pip install 'nas\[executorch\]', .* {flag}"):
        chosen.check_packages()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_machine_code_computes_what_the_network_computes(model, images, tmp_path):
    path = tmp_path / "model_compiled.pt2"
    compile_ahead(export_program(model, images), path)

    network = compiled_runner(path)

    np.testing.assert_allclose(network(images), expected(model, images), atol=1e-5)
    np.testing.assert_allclose(network(images[:1]), expected(model, images[:1]), atol=1e-5)


def test_absent_compiler_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingPackageError, match="needs a C\\+\\+ compiler, and none of g\\+\\+"):
        AotInductor().check_packages()
