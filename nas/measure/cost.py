"""What does a network cost? Counted on the meta device: no weights, no arithmetic, no training.

Torch's meta device has tensors with shapes and types but without values. Every model that builds
and runs there can be counted; spaces with a closed form do not need it
(`SearchSpace.static_costs`).

Notation, all for one example of shape (C, H, W):
    num_params   trained numbers; size_bytes: of parameters and persistent buffers
    num_macs     multiply-accumulates of products: half of torch's count of operations
    activation_bytes   largest sum of bytes of the results that are alive at the same time
    in_features, features, positions   of a layer: channels in (in a group), channels out, and
                 vectors of that many features that it puts out
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode

from nas.errors import SpaceError
from nas.task import DataShape, TokenShape
from nas.widths import Layer, widths_of

# What is counted of any network; language models have further costs of their own space.
COUNTABLE = ("num_params", "size_bytes", "num_macs", "activation_bytes")
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_FROM_TENSORS = frozenset({"num_params", "size_bytes"})
# On the meta device tensors have no values, yet filling them takes most time: methods of tensors,
# and functions that torch hands to a mode before they come to the methods.
_INITIALISERS = frozenset(
    getattr(owner, name)
    for owner, names in (
        (
            torch.Tensor,
            (
                *("normal_", "uniform_", "trunc_normal_", "fill_", "zero_", "erfinv_", "clamp_"),
                *("mul_", "add_", "div_", "sub_"),
            ),
        ),
        (nn.init, [name for name in vars(nn.init) if name.endswith("_") and name[0] != "_"]),
    )
    for name in names
    if hasattr(owner, name)
)


# Functions that cost no products and whose result has the shape of their first argument: on the
# meta device each is a chain of decompositions, which together take most of a forward pass.
_ELEMENTWISE = frozenset(
    {
        *(torch.batch_norm, torch.layer_norm, torch.group_norm, torch.relu, torch.relu_),
        *(torch.sigmoid, torch.Tensor.sigmoid, torch.Tensor.sigmoid_, torch.Tensor.softmax),
        *(
            getattr(functional, name)
            for name in (
                *("batch_norm", "layer_norm", "group_norm", "relu", "relu6", "leaky_relu", "elu"),
                *("gelu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh", "softmax"),
                "dropout",
            )
        ),
    }
)


class _PassOn(TorchFunctionMode):
    """Returns the first argument, where it is a meta tensor, as the result of some functions."""

    def __init__(self, functions: Collection[object]) -> None:
        super().__init__()
        self._functions = functions

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in self._functions:
            tensor = args[0] if args else kwargs.get("tensor")
            if isinstance(tensor, torch.Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **kwargs)


@contextmanager
def on_meta_device() -> Iterator[None]:
    """Build models without memory and without initial values inside this context."""
    with torch.device("meta"), _PassOn(_INITIALISERS):
        yield


def count_costs(
    build: Callable[[], nn.Module],
    data: DataShape,
    *,
    metrics: Collection[str] = ("num_params", "size_bytes", "num_macs"),
) -> dict[str, float]:
    """Return static costs of the model that `build` makes; it is built on the meta device.

    Args:
        build: makes an untrained model.
        data: the images that it takes; the model's own `input_size` (H, W), where declared, wins.
        metrics: which of `COUNTABLE` and `WIDTHS` to count; parameters and bytes alone need no
            forward pass.

    Raises:
        Exception: whatever `build` or the model's forward raises.
    """
    with on_meta_device():
        model = build()
    if not isinstance(model, nn.Module):
        raise SpaceError(
            f"build must return a torch.nn.Module, but returned {type(model).__name__}"
        )
    model.eval()
    return costs_of(model, data, metrics=metrics)


def costs_of(
    model: nn.Module, data: DataShape, *, metrics: Collection[str] = COUNTABLE
) -> dict[str, float]:
    """Return static costs of a model, on whatever device it is; it is left in evaluation mode."""
    found = {"num_params": float(num_params(model)), "size_bytes": float(size_bytes(model))}
    if set(metrics) - _FROM_TENSORS:
        found |= _forward_costs(model, data, counts_memory="activation_bytes" in metrics)
    return {name: value for name, value in found.items() if name in metrics}


def num_params(model: nn.Module) -> int:
    """Return the number of trained numbers; tied ones count once."""
    return sum(parameter.numel() for parameter in model.parameters())


def size_bytes(model: nn.Module) -> int:
    """Return the bytes that are stored: parameters and persistent buffers, tied ones once."""
    stored = {id(tensor): tensor for tensor in model.state_dict(keep_vars=True).values()}
    return sum(tensor.numel() * tensor.element_size() for tensor in stored.values())


def input_size(model: nn.Module, data: DataShape) -> tuple[int, int]:
    """Return (height, width) that the model is fed: its own `input_size`, else the data's."""
    height, width = getattr(model, "input_size", data.input_shape[1:])
    return int(height), int(width)


def empty_inputs(
    model: nn.Module, data: DataShape, *, count: int, device: torch.device | str | None = None
) -> torch.Tensor:
    """Return inputs without values: images (N, C, H, W), or tokens (N, T) as many as it sees."""
    if isinstance(data, TokenShape):
        length = int(getattr(model, "context", data.context))
        return torch.zeros(count, length, dtype=torch.long, device=device)
    return torch.empty(count, data.input_shape[0], *input_size(model, data), device=device)


def example_inputs(model: nn.Module, data: DataShape, *, count: int) -> torch.Tensor:
    """Return random inputs: images (N, C, H, W), or tokens (N, T)."""
    empty = empty_inputs(model, data, count=count)
    if isinstance(data, TokenShape):
        return torch.randint_like(empty, min(data.vocabularies))
    return torch.randn_like(empty)


def _forward_costs(model: nn.Module, data: DataShape, *, counts_memory: bool) -> dict[str, float]:
    device = next(iter(model.parameters()), torch.empty(0, device="meta")).device
    model.eval()
    images = empty_inputs(model, data, count=1, device=device)
    memory = _LiveBytes(images, stored=[*model.parameters(), *model.buffers()])
    # Forward only: the counter takes grouped convolutions' gradients for dense ones.
    watch = memory if counts_memory else _PassOn(_ELEMENTWISE)
    with _layers_watched(model) as layers:
        with torch.no_grad(), FlopCounterMode(display=False) as flops, watch:
            model(images)
        widths = widths_of(list(layers.values()))
    return {
        "num_macs": flops.get_total_flops() / 2,
        "activation_bytes": float(memory.peak),
        **widths,
    }


@contextmanager
def _layers_watched(model: nn.Module) -> Iterator[dict[nn.Module, Layer]]:
    """Collect the layers that run for one image, in the order of their first runs."""
    layers: dict[nn.Module, Layer] = {}

    def note(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        del inputs
        # A subclass may put out something else.
        if not isinstance(module, _LAYERS) or not isinstance(output, torch.Tensor):
            return
        features, in_features = module.weight.shape[:2]
        before = layers[module].positions if module in layers else 0
        layers[module] = Layer(in_features, features, before + output.numel() // features)

    hooks = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, _LAYERS)]
    try:
        yield layers
    finally:
        for hook in hooks:
            hook.remove()


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Follows which results of operations are alive; remembers the largest sum of their bytes."""

    def __init__(self, images: torch.Tensor, *, stored: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        # Views of the weights are no activations.
        self._stored = {_storage_of(tensor).cdata for tensor in stored}
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0
        self._add(images)

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_iter(result):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor)
        return result

    def _add(self, tensor: torch.Tensor) -> None:
        reference = _storage_of(tensor)
        if reference.cdata in self._stored:
            return
        self._live = {
            key: entry
            for key, entry in self._live.items()
            if not entry[0].expired()  # type: ignore[no-untyped-call] # torch's own
        }
        self._live.setdefault(reference.cdata, (reference, tensor.untyped_storage().nbytes()))
        self.peak = max(self.peak, sum(num_bytes for _, num_bytes in self._live.values()))


def _storage_of(tensor: torch.Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call] # torch's own
