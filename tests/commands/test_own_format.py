"""A file format of a user's own: one file with a class, and one word on the command line."""

import sys

import numpy as np
import pytest

from nas.cli import finish
from nas.errors import ConfigError, MissingPackageError
from nas.record.artefacts import read_artefacts

# Whole commands; what each does is proven in its room, too.
pytestmark = pytest.mark.slow

# Written by somebody who has nas installed, and changes nothing in it.
MODULE = '''
from dataclasses import dataclass

import numpy as np
import torch

from nas.errors import MissingPackageError
from nas.export.format import FileKind, Format
from nas.export.parity import Tolerance


@dataclass(frozen=True)
class HalfFloats(Format):
    """The weights as 16-bit floats, in a file of numpy."""

    usage = "`model_half.npz` holds the weights, one array each."
    scale: float = 1.0
    package: str = ""

    def check_packages(self):
        if self.package:
            raise MissingPackageError(f"model_half.npz needs the package {self.package}")

    def file_of(self, bits):
        return FileKind("half floats", "model_half.npz", Tolerance(0.02, 0.9, 0.05))

    def write(self, network, path):
        tensors = network.model.state_dict().items()
        halves = {k: (self.scale * v.numpy()).astype(np.float16) for k, v in tensors}
        with path.open("wb") as file:
            np.savez(file, **halves)

    def load(self, network, path):
        import copy

        model = copy.deepcopy(network.model)
        with np.load(path) as halves:
            model.load_state_dict({k: torch.from_numpy(v).float() for k, v in halves.items()})

        def run(images):
            with torch.inference_mode():
                return model(torch.from_numpy(images)).numpy()

        return run


class Folder(HalfFloats):
    def write(self, network, path):
        path.mkdir()
        (path / "part").write_text("")


class Unfinished(Format):
    def file_of(self, bits):
        return FileKind("unfinished", "unfinished.bin")


class NoFormat:
    pass
'''
SEARCH = ["preset=smoke", "sampler=random", "ui=none", "evaluation.num_threads=1"]
QUICK = [
    "execution=inline",
    "pick=1",
    "seeds=1",
    "training.epochs=1",
    "export.onnx=false",
    "export.peak_memory=false",
]
OWN = "+export.formats.half._target_=my_formats"


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    from nas.cli.main import main

    folder = tmp_path_factory.mktemp("runs") / "s"
    assert main(["search", *SEARCH, f"run_folder={folder}", "stopping.num_trials=2"]) == 0
    return folder


@pytest.fixture(autouse=True)
def own_module(tmp_path, monkeypatch):
    (tmp_path / "my_formats.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_formats", None)


def files(folder, *words):
    assert finish.run([f"run={folder}", *QUICK, *words]) == 0
    return {row.format: row for row in read_artefacts(folder / "finish" / "artefacts.csv")}


def test_an_own_format_is_written_run_compared_and_told_beside_the_others(searched):
    rows = files(searched, f"{OWN}.HalfFloats")

    assert list(rows) == ["safetensors", "torch.export", "half floats"]
    row = rows["half floats"]
    path = searched / "finish" / row.file
    assert row.refused == ""
    assert row.size_bytes == path.stat().st_size
    assert row.max_difference > 0
    with np.load(path) as halves:
        assert {array.dtype.name for array in halves.values()} == {"float16"}
    card = (path.parent / "README.md").read_text()
    assert "`model_half.npz` holds the weights, one array each." in card

    written = path.stat().st_mtime_ns
    assert files(searched, f"{OWN}.HalfFloats").keys() == rows.keys()
    assert path.stat().st_mtime_ns == written  # made once


def test_a_setting_of_an_own_format_is_told_on_the_command_line_and_judged(searched):
    rows = files(searched, f"{OWN}.HalfFloats", "+export.formats.half.scale=3.0")

    assert "an output differs" in rows["half floats"].refused
    assert rows["safetensors"].refused == ""


def test_a_format_that_writes_a_folder_costs_only_its_own_row(searched):
    rows = files(searched, f"{OWN}.Folder")

    assert "model_half.npz is a folder" in rows["half floats"].refused
    assert not list((searched / "finish").glob("*/model_half.npz"))
    assert rows["torch.export"].refused == ""


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ([f"{OWN}.Halves"], ConfigError, r"half\._target_: 'my_formats' has no 'Halves'; it has"),
        ([f"{OWN}.NoFormat"], ConfigError, "makes NoFormat, which has no check_packages and no"),
        ([f"{OWN}.Unfinished"], ConfigError, "Unfinished cannot be made: .*abstract"),
        (
            [f"{OWN}.HalfFloats", "+export.formats.half.scael=1"],
            ConfigError,
            "half has no option 'scael'; known, nearest first: scale",
        ),
        (
            [f"{OWN}.HalfFloats", "+export.formats.half.scale=big"],
            ConfigError,
            "export.formats.half.scale must be a number, but got 'big'",
        ),
        (
            [f"{OWN}.HalfFloats", "+export.formats.half.package=halfpack"],
            MissingPackageError,
            "needs the package halfpack",
        ),
    ],
    ids=["no such class", "no format", "unfinished", "unknown", "wrong type", "no package"],
)
def test_a_faulty_own_format_is_refused_before_anything_is_trained(
    searched, words, error, message
):
    ledger = searched / "finish" / "ledger.jsonl"
    before = ledger.read_bytes() if ledger.exists() else b""

    with pytest.raises(error, match=message):
        finish.run([f"run={searched}", *QUICK, "seeds=2", *words])

    assert (ledger.read_bytes() if ledger.exists() else b"") == before
