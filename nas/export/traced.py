"""The program that torch.export traces of a network: what most files are made of."""

import warnings

import torch

from nas.export.deployable import Deployable, FloatArray
from nas.export.shipped import ShippedNetwork

INPUT = "images"  # the name of a file's input
# What torch notes of each node's place in the source; nothing computes with it.
_FOR_PEOPLE = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")


def traced(network: ShippedNetwork) -> torch.export.ExportedProgram:
    """Return the program of a network, for any batch. Call it by `network.once(traced)`.

    Raises:
        Exception: whatever torch raises for a model that it cannot trace.
    """
    return traced_model(network.model, network.example)


def traced_model(model: Deployable, example: FloatArray) -> torch.export.ExportedProgram:
    """Return the program of a model; torch's warnings about its own exporter are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return export_program(model, example)


def export_program(model: Deployable, example: FloatArray) -> torch.export.ExportedProgram:
    """Return the traced model, for any batch size from 1 on.

    Args:
        model: in evaluation mode.
        example: (N, C, H, W) real images, at least two.
    """
    batch = torch.export.Dim("batch", min=1, max=65_536)
    exported = torch.export.export(
        model, (torch.from_numpy(example[:2]),), dynamic_shapes={INPUT: {0: batch}}
    )
    for node in exported.graph.nodes:
        for words in _FOR_PEOPLE:
            node.meta.pop(words, None)
    return exported
