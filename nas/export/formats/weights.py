"""`model.safetensors`: the weights, for code that builds the network itself.

Weights that were trained as whole numbers are stored as whole numbers.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from safetensors.torch import save as save_safetensors

from nas.export.format import FileKind, Format
from nas.export.shipped import Runner, ShippedNetwork, torch_runner
from nas.files import write_bytes


@dataclass(frozen=True)
class Weights(Format):
    """The tensors of the network, and nothing else."""

    def file_of(self, bits: int | None) -> FileKind:
        """Return the same file for every network."""
        del bits
        return FileKind("safetensors", "model.safetensors")

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the bytes of the training; whole numbers where it trained whole numbers."""
        stored = network.stored
        packed = None if stored is None else save_safetensors(stored.storage.pack(stored.model))
        write_bytes(path, packed or network.weights)

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the torch model with the weights of the file, and no others."""
        model = copy.deepcopy(network.model)
        shapes = {name: tensor.shape for name, tensor in model.model.state_dict().items()}
        for tensor in model.model.state_dict().values():
            tensor.zero_()
        state = load_file(path)
        if network.stored is not None:
            state = network.stored.storage.unpack(state, shapes)
        model.model.load_state_dict(state)
        return torch_runner(model)
