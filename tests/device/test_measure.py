"""The script that travels to a device, run as it is run there."""

import ast
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from nas.device import measure
from nas.device.operators import OperatorGraph
from nas.export.measuring_folder import (
    NetworkToMeasure,
    write_measuring_folder,
)

QUICK = ("--turns", "2", "--most-turns", "2", "--seconds", "0.001")


def network(width):
    """A product of images with weights."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", width])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", width])
    weights = numpy_helper.from_array(np.ones((width, width), np.float32), "weights")
    node = helper.make_node("MatMul", ["images", "weights"], ["scores"])
    graph = helper.make_graph([node], "network", [images], [scores], [weights])
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pi5")
    graph = OperatorGraph((), {0: 1}, (0,), (0,))
    networks = [NetworkToMeasure(f"network_{w}", graph, network(w)) for w in (2, 64)]
    write_measuring_folder(place, networks, about={})
    return place


def run(folder, *words):
    words = (sys.executable, "-I", str(folder / "measure.py"), *words)
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_it_is_written_for_pythons_of_old_devices():
    ast.parse(Path(measure.__file__).read_text(), feature_version=(3, 8))


def test_each_network_is_timed_with_each_number_of_threads(folder):
    (folder / "networks" / "broken.onnx").write_text("no network")
    done = run(folder, "--threads", "1,2", *QUICK)
    (folder / "networks" / "broken.onnx").unlink()
    assert done.returncode == 0, done.stderr
    assert "broken.onnx is left out, it does not run here" in done.stdout
    with (folder / "measured.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    measured = [(row["network"], row["threads"]) for row in rows]
    assert sorted(measured) == [(f"network_{w}", t) for w in ("2", "64") for t in ("1", "2")]
    for row in rows:
        low, middle, high = (float(row[f"{name}_ms"]) for name in ("low", "latency", "high"))
        assert 0 < float(row["fastest_ms"]) <= low <= middle <= high
        assert (row["turns"], len(row["sha256"])) == ("2", 64)
        assert row["runtime"].startswith("onnxruntime")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--folder", "nowhere"], "there are no networks/*.onnx in nowhere"),
        (["--out", "no/such/folder.csv"], "cannot be written"),
        (["--threads", "0"], "'0' is no whole number from 1 on"),
        (["--turns", "few"], "'few' is no whole number from 1 on"),
    ],
)
def test_what_cannot_be_measured_is_said_before_the_work(words, told, folder):
    done = run(folder, *words)
    assert done.returncode == 2
    assert told in done.stdout + done.stderr
