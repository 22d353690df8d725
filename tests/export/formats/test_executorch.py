"""Programs of ExecuTorch, run by its own runtime."""

import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from nas.errors import MissingPackageError
from nas.export.deployable import Deployable
from nas.export.executorch_programs import executorch_runner
from nas.export.formats.executorch import Executorch, to_executorch
from nas.export.formats.executorch_int8 import ExecutorchInt8, to_executorch_int8

HAS_EXECUTORCH = importlib.util.find_spec("executorch") is not None


@pytest.mark.skipif(not HAS_EXECUTORCH, reason="the extra 'executorch' is not installed")
def test_executorch_program_computes_what_the_network_computes(model, images, expected, tmp_path):
    path = tmp_path / "model.pte"
    path.write_bytes(to_executorch(model, images))

    outputs = executorch_runner(path)(images)

    np.testing.assert_allclose(outputs, expected, atol=1e-5)


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
    with torch.inference_mode():
        wanted = model(torch.from_numpy(images)).numpy()
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
