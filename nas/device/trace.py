"""Which operators does a network run? Recorded on the meta device, then folded as runtimes do.

One forward pass of one example is watched below autograd, where every library call has become one
of torch's own operators. Views are free; what depends on weights alone is computed beforehand.
"""

import math
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from nas.device.folding import folded
from nas.device.operators import Node, Operator, OperatorGraph
from nas.measure.cost import input_size, num_params, on_meta_device
from nas.task import DataShape

_CONVOLUTION = ("convolution", "_convolution")
_PRODUCTS = {"mm": (0, 1), "addmm": (1, 2), "bmm": (0, 1), "baddbmm": (1, 2)}
_CLAMPS = ("relu", "hardtanh", "relu6", "clamp", "clamp_min")
# Functions of one tensor that have a name of their own at run time.
_ACTIVATIONS = (
    *("hardswish", "hardsigmoid", "silu", "gelu", "sigmoid", "tanh", "mish", "elu", "leaky_relu"),
    *("exp", "log", "sqrt", "rsqrt", "erf", "softplus", "log_sigmoid_forward", "prelu"),
)
_NORMS = ("native_layer_norm", "native_group_norm", "_fused_rms_norm")
_BATCH_NORMS = (
    *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"),
    *("_batch_norm_no_update", "cudnn_batch_norm", "batch_norm"),
)
_KIND_OF = {
    **dict.fromkeys(_CLAMPS, "clamp"),
    **dict.fromkeys(_ACTIVATIONS, "activation"),
    **dict.fromkeys(
        ("add", "sub", "rsub", "mul", "div", "pow", "maximum", "minimum"), "elementwise"
    ),
    **dict.fromkeys(("neg", "abs", "square", "where"), "elementwise"),
    **dict.fromkeys(
        ("mean", "sum", "amax", "max", "var", "var_mean", "_adaptive_avg_pool2d"), "reduce"
    ),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), "softmax"),
    **dict.fromkeys(_NORMS, "norm"),
    **dict.fromkeys(_BATCH_NORMS, "batch_norm"),
    **dict.fromkeys(("avg_pool2d", "max_pool2d_with_indices", "avg_pool1d"), "pool"),
    **dict.fromkeys(
        ("cat", "clone", "copy", "_to_copy", "constant_pad_nd", "index", "roll"), "copy"
    ),
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d", "stack", "repeat"), "copy"),
}
# What puts out a tensor like its first one.
_LIKE_FIRST = frozenset((*_CLAMPS, *_ACTIVATIONS)) - {"log_sigmoid_forward"}
# What an operation puts out on the meta device, by its arguments: torch finds that out by chains
# of Python functions, which would take most of a forward pass.
_Spec = tuple[torch.Size, tuple[int, ...], torch.dtype]
_KNOWN: dict[Hashable, tuple[bool, tuple[_Spec, ...]]] = {}
_MAX_KNOWN = 100_000
_NOTHING = torch.empty(0, device="meta")


def operators_of(build: Callable[[], nn.Module], data: DataShape) -> OperatorGraph:
    """Return the operators of the model that `build` makes, on the meta device.

    Args:
        build: makes an untrained model.
        data: the images that it takes; the model's own `input_size`, where declared, wins.

    Raises:
        Exception: whatever `build` or the model's forward raises.
    """
    with on_meta_device():
        model = build()
    return operators_of_model(model, data)


def operators_of_model(model: nn.Module, data: DataShape) -> OperatorGraph:
    """Return the operators of a model, on whatever device it is; it is left in evaluation mode."""
    stored = [*model.parameters(), *model.buffers()]
    device = stored[0].device if stored else torch.device("meta")
    shape = (1, data.input_shape[0], *input_size(model, data))
    return folded(recorded(model, torch.empty(shape, device=device))[0])


def recorded(model: nn.Module, given: torch.Tensor) -> tuple[OperatorGraph, Any]:
    """Return the operators that a model runs, none of them folded, and what it puts out.

    Args:
        model: is left in evaluation mode.
        given: what it takes, on its device.
    """
    model.eval()
    recorder = _Recorder(given, stored=[*model.parameters(), *model.buffers()])
    with torch.no_grad(), recorder:
        result = model(given)
    return recorder.graph(result, num_params=num_params(model)), result


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Writes down which operators run; all tensors are kept, so that none shares an address."""

    def __init__(self, images: torch.Tensor, *, stored: Collection[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self._kept: list[object] = [images, *stored]
        self._constants = {_address(tensor) for tensor in stored}
        self._ids = {_address(images): 0}
        self._nodes: list[Node] = []
        self._sizes = {0: images.numel()}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        returns = func._schema.returns
        alias = returns[0].alias_info if returns else None
        is_in_place = alias is not None and alias.is_write
        if is_in_place and args[0].is_meta:
            result = args[0]  # no values, and no operation in place changes a shape
        elif alias is None:
            result = _fresh(func, args, kwargs)
        else:
            result = func(*args, **kwargs)
        if alias is None or is_in_place:
            self._note(name, args=[*args, *kwargs.values()], result=result)
        else:
            self._kept.append(result)
        return result

    def _note(self, name: str, *, args: list[Any], result: Any) -> None:
        read = _tensors(args)
        out = next(iter(_tensors((result,))), None)
        if out is None:
            return
        self._kept.append(result)
        live = [tensor for tensor in read if _address(tensor) in self._ids]
        if not live:
            self._constants.add(_address(out))
            return
        weights = [tensor for tensor in read if _address(tensor) in self._constants]
        operator = _operator(name, args=args, live=live, weights=weights, out=out)
        inputs = tuple(dict.fromkeys(self._ids[_address(tensor)] for tensor in live))
        output = len(self._sizes)
        self._ids[_address(out)] = output
        self._sizes[output] = out.numel()
        self._nodes.append(Node(operator, inputs, output))

    def graph(self, result: Any, *, num_params: int) -> OperatorGraph:
        """Return what was recorded."""
        outputs = [t for t in tree_iter(result) if isinstance(t, torch.Tensor)]
        ids = tuple(
            dict.fromkeys(self._ids[_address(t)] for t in outputs if _address(t) in self._ids)
        )
        return OperatorGraph(tuple(self._nodes), self._sizes, (0,), ids, num_params)


def _fresh(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return new results of an operation; of meta tensors, without asking torch where possible."""
    quick = _without_torch(func.overloadpacket.__name__, args) if not kwargs else None
    if quick is not None:
        return quick
    key = _key((func, args, tuple(kwargs.items())))
    if key is None:
        return func(*args, **kwargs)
    if key not in _KNOWN:
        result = func(*args, **kwargs)
        tensors = result if isinstance(result, tuple) else (result,)
        if not all(isinstance(t, torch.Tensor) and t.is_meta for t in tensors):
            return result
        if len(_KNOWN) >= _MAX_KNOWN:
            _KNOWN.clear()
        specs = tuple((t.shape, t.stride(), t.dtype) for t in tensors)
        _KNOWN[key] = (isinstance(result, tuple), specs)
        return result
    is_tuple, specs = _KNOWN[key]
    made = tuple(
        torch.empty_strided(shape, stride, dtype=dtype, device="meta")
        for shape, stride, dtype in specs
    )
    return made if is_tuple else made[0]


def _without_torch(name: str, args: tuple[Any, ...]) -> Any:
    """Return what the most frequent operations put out; None for others, and for odd arguments."""
    first = args[0] if args else None
    if not (isinstance(first, torch.Tensor) and first.is_meta and first.is_contiguous()):
        return None
    if name in _LIKE_FIRST:
        return torch.empty_like(first)
    if name == "native_batch_norm" and args[5] is False:
        return torch.empty_like(first), _NOTHING, _NOTHING
    if name == "convolution":
        weight, is_transposed, groups = args[1], args[6], args[8]
        fits = first.dim() == weight.dim() and first.shape[1] == weight.shape[1] * groups
        if fits and weight.is_contiguous() and not is_transposed:
            return _convolved(args)
    return None


def _convolved(args: tuple[Any, ...]) -> torch.Tensor:
    images, weight, _, strides, paddings, dilations = args[:6]
    sides = [
        (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for side, kernel, stride, padding, dilation in zip(
            images.shape[2:], weight.shape[2:], strides, paddings, dilations, strict=True
        )
    ]
    return torch.empty(
        (images.shape[0], weight.shape[0], *sides), device="meta", dtype=images.dtype
    )


def _key(value: Any) -> Hashable | None:
    """Return what tells arguments apart; None where a tensor is not on the meta device."""
    if isinstance(value, torch.Tensor):
        return (value.shape, value.stride(), value.dtype) if value.is_meta else None
    if isinstance(value, (list, tuple)):
        keys = [_key(item) for item in value]
        return None if None in keys else tuple(keys)
    return (type(value), value)


def _tensors(values: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors among arguments or results; operations take and give flat lists."""
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [item for item in value if isinstance(item, torch.Tensor)]
    return found


def _address(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _operator(
    name: str,
    *,
    args: list[Any],
    live: list[torch.Tensor],
    weights: list[torch.Tensor],
    out: torch.Tensor,
) -> Operator:
    name = name.removesuffix("_")
    kind = _KIND_OF.get(name, "other")
    num_weights = sum(tensor.numel() for tensor in weights)
    num_in = sum(tensor.numel() for tensor in live)
    if name in _CONVOLUTION:
        return _convolution(args, num_in=num_in, num_weights=num_weights, out=out)
    if name in _PRODUCTS:
        left, right = (args[place] for place in _PRODUCTS[name])
        width = left.shape[-1]
        return Operator(
            "linear" if weights else "matmul",
            out.numel() * width,
            num_in,
            out.numel(),
            num_weights,
            in_channels=width,
            channels=right.shape[-1],
            positions=max(out.numel() // right.shape[-1], 1),
        )
    image = live[0]
    kernel, stride = _window(args) if kind == "pool" else (1, 1)
    return Operator(
        kind,
        0,
        num_in,
        out.numel(),
        num_weights,
        in_channels=image.shape[1] if image.dim() > 1 else 1,
        channels=out.shape[1] if out.dim() > 1 else 1,
        positions=math.prod(out.shape[2:]),
        kernel=kernel,
        stride=stride,
        function=name if kind in ("activation", "clamp") else "",
    )


def _convolution(args: list[Any], *, num_in: int, num_weights: int, out: torch.Tensor) -> Operator:
    weight, stride, groups = args[1], args[3], args[8]
    kernel = math.prod(weight.shape[2:])
    in_channels, channels = args[0].shape[1], out.shape[1]
    if groups == 1:
        kind = "pointwise" if kernel == 1 else "conv"
    else:
        kind = "depthwise" if groups == in_channels else "grouped"
    return Operator(
        kind,
        out.numel() * in_channels // groups * kernel,
        num_in,
        out.numel(),
        num_weights,
        in_channels=in_channels,
        channels=channels,
        positions=math.prod(out.shape[2:]),
        kernel=kernel,
        stride=int(stride[0]),
        groups=int(groups),
    )


def _window(args: list[Any]) -> tuple[int, int]:
    lists = [arg for arg in args[1:3] if isinstance(arg, list) and arg]
    kernel = lists[0] if lists else [1]
    stride = lists[1] if len(lists) > 1 else kernel
    return math.prod(kernel), int(stride[0])
