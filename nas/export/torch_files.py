"""Files that torch reads: `model.safetensors`, `model.pt2`, machine code of AOTInductor.

Weights that were trained as whole numbers are stored as such, in both of the first two.
ONNX files: `onnx_files`, `onnx_integers`; the compilers themselves: `compiled`.
"""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_safetensors
from torch import nn

from nas.compress.storage import WeightStorage
from nas.evaluation.winner_metric import AnyData
from nas.export.bench import Bench
from nas.export.compiled import COMPILED, compile_ahead, compiled_network
from nas.export.deployable import Deployable, deployable
from nas.export.onnx_files import export_program
from nas.export.runtimes import Network, exported_network, torch_network
from nas.files import write_bytes
from nas.record.artefacts import ArtefactRow


@dataclass(frozen=True)
class StoredModel:
    """A network whose weights were trained as whole numbers.

    Attributes:
        storage: how they are kept.
        model: as it was trained.
    """

    storage: WeightStorage
    model: nn.Module


def weights_row(bench: Bench, weights: bytes, stored: StoredModel | None) -> ArtefactRow:
    """Make `model.safetensors`: the tensors, in as few bytes as they were trained for.

    Args:
        bench: of the network.
        weights: bytes of a safetensors file, written as they are where nothing is `stored`.
        stored: the network, where its weights are whole numbers.
    """

    def make(path: Path) -> None:
        packed = None if stored is None else save_safetensors(stored.storage.pack(stored.model))
        write_bytes(path, packed or weights)

    def load(path: Path) -> Network:
        """Return the network with the weights that lie in the file, and no others."""
        network = copy.deepcopy(bench.model)
        shapes = {name: tensor.shape for name, tensor in network.model.state_dict().items()}
        for tensor in network.model.state_dict().values():
            tensor.zero_()
        state = load_file(path)
        if stored is not None:
            state = stored.storage.unpack(state, shapes)
        network.model.load_state_dict(state)
        return torch_network(network)

    return bench.ship("safetensors", "model.safetensors", make, load)


def traced(model: Deployable, bench: Bench) -> torch.export.ExportedProgram:
    """Return the program of a model, for any batch.

    Raises:
        Exception: whatever torch raises for a model that it cannot trace.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch.export about itself
        return export_program(model, bench.inputs.test[:2])


def exported_row(
    bench: Bench,
    program: Callable[[], torch.export.ExportedProgram],
    stored: StoredModel | None,
    *,
    dataset: AnyData,
) -> ArtefactRow:
    """Make `model.pt2`, with whole numbers in it where that makes it smaller."""

    def make(path: Path) -> None:
        _write_smaller(program(), path)
        if stored is not None:
            packed = copy.deepcopy(stored.model)
            stored.storage.store(packed)
            _write_smaller(traced(deployable(packed, dataset), bench), path)

    return bench.ship("torch.export", "model.pt2", make, exported_network)


def compiled_row(bench: Bench, program: Callable[[], torch.export.ExportedProgram]) -> ArtefactRow:
    """Make `model_compiled.pt2`: machine code for this kind of processor."""
    return bench.ship(
        "AOTInductor", COMPILED, lambda path: compile_ahead(program(), path), compiled_network
    )


def _write_smaller(exported: torch.export.ExportedProgram, path: Path) -> None:
    """Write a program, unless one is there and smaller: unpacking integers takes nodes too."""
    partial = path.with_name("partial.pt2")
    # The inputs that it was traced with are no part of what is shipped.
    examples, exported._example_inputs = exported.example_inputs, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(exported, str(partial))
    exported._example_inputs = examples
    if path.exists() and path.stat().st_size <= partial.stat().st_size:
        partial.unlink()
    else:
        partial.replace(path)
