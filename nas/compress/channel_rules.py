"""What each function of torch does to the channels of a tensor, for `channels.trace_channels`.

A rule is called in place of its function with tensors of the meta device. It notes which weights
have the channels that pass, and returns a tensor of the right shape that says where they are. No
rule computes what it can do without: a convolution's shape is a formula.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nas.compress.channels import Flow, Trace, UnknownFlowError, flow_of, with_flow

_Function = Callable[..., Any]


def _look(_trace: Trace, func: _Function, *args: Any, **kwargs: Any) -> Any:
    """Shapes, devices and the like: no tensors come out."""
    return func(*args, **kwargs)


def _pass_on(_trace: Trace, _func: _Function, tensor: Tensor, *_: Any, **__: Any) -> Tensor:
    """A function of each number by itself: the tensor stands for its own result."""
    return tensor


def _convolve(
    trace: Trace,
    _func: _Function,
    maps: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    size = _convolved(maps, weight, stride, padding, dilation)
    result = maps.new_empty((maps.shape[0], weight.shape[0], *size))
    flow = flow_of(maps)
    if flow is not None and flow.axis != 1:
        # Channels that lie along the signal, as in efficient channel attention, stay apart.
        if weight.shape[:2] != (1, 1) or result.shape != maps.shape or flow.repeat != 1:
            raise UnknownFlowError("a convolution along channels")
        trace.count_along(weight, flow)
        return with_flow(result, flow)
    trace.count(weight, math.prod(size))
    if groups == 1:
        if flow is not None:
            trace.claim(weight, 1, flow)
        return with_flow(result, trace.put_out(weight, bias, axis=1))
    if groups != maps.shape[1] or groups != weight.shape[0]:
        raise UnknownFlowError("groups of channels")
    if flow is not None:
        trace.claim(weight, 0, flow)
        trace.claim(bias, 0, flow)
    return with_flow(result, flow)


def _convolved(
    maps: Tensor,
    weight: Tensor,
    stride: int | Sequence[int],
    padding: int | Sequence[int] | str,
    dilation: int | Sequence[int],
) -> list[int]:
    """Return the sides of a convolution's result."""
    sides, kernels = maps.shape[2:], weight.shape[2:]
    if maps.ndim != weight.ndim or isinstance(padding, str):
        raise UnknownFlowError("a convolution of another kind")
    each = [
        (value,) * len(sides) if isinstance(value, int) else tuple(value)
        for value in (stride, padding, dilation)
    ]
    return [
        (side + 2 * pad - wide * (kernel - 1) - 1) // step + 1
        for side, kernel, step, pad, wide in zip(sides, kernels, *each, strict=True)
    ]


def _apply_linear(
    trace: Trace, _func: _Function, features: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    result = features.new_empty((*features.shape[:-1], weight.shape[0]))
    trace.count(weight, result.numel() // weight.shape[0])
    flow, heads = flow_of(features), trace.heads.get(id(weight))
    takes_heads = heads is not None and trace.layer_of(weight) == heads.root
    if flow is not None:
        if flow.axis != features.ndim - 1 or takes_heads:
            raise UnknownFlowError("a linear layer along another axis")
        trace.claim(weight, 1, flow)
    if heads is not None and not takes_heads:
        return result  # until they come to the projection the heads are among themselves
    return with_flow(result, trace.put_out(weight, bias, axis=features.ndim - 1))


def _normalise_maps(
    trace: Trace,
    _func: _Function,
    maps: Tensor,
    mean: Tensor | None = None,
    variance: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *_: Any,
    **__: Any,
) -> Tensor:
    return _normalised(trace, maps, (mean, variance, weight, bias), axis=1)


def _normalise_layer(
    trace: Trace,
    _func: _Function,
    features: Tensor,
    shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *_: Any,
    **__: Any,
) -> Tensor:
    if len(shape) != 1:
        raise UnknownFlowError("a norm over several axes")
    return _normalised(trace, features, (weight, bias), axis=features.ndim - 1)


def _normalised(
    trace: Trace, tensor: Tensor, weights: Iterable[Tensor | None], *, axis: int
) -> Tensor:
    flow, given = flow_of(tensor), [weight for weight in weights if weight is not None]
    if flow is None and not given:
        return tensor
    if flow is None or flow.axis != axis:
        raise UnknownFlowError("a norm over what are no channels")
    for weight in given:
        trace.claim(weight, 0, flow)
    return tensor


def _combine(trace: Trace, func: _Function, one: Any, other: Any, *_: Any, **__: Any) -> Any:
    """Two tensors, number by number; a smaller one counts for all along what it lacks."""
    tensors = [part for part in (one, other) if isinstance(part, Tensor)]
    if len(tensors) == 1:
        return tensors[0]
    if trace.is_own(one):
        one, other = other, one
    shape = torch.Size(np.broadcast_shapes(one.shape, other.shape))
    flow = _from_the_end(flow_of(one), one, len(shape))
    beside = _from_the_end(flow_of(other), other, len(shape))
    if flow is not None and beside is not None:
        if flow.axis != beside.axis:
            raise UnknownFlowError("channels on two axes")
        trace.join(flow, beside)
    elif flow is not None:
        _beside(trace, flow, other, ndim=len(shape))
    elif beside is not None:
        if func.__name__.endswith("_") and not func.__name__.endswith("__"):
            raise UnknownFlowError("channels written over what has none")
        _beside(trace, beside, one, ndim=len(shape))
    elif trace.is_own(one) or trace.is_own(other):
        raise UnknownFlowError("a weight beside what has no channels")
    if shape == one.shape and flow is not None:
        return one
    return with_flow(one.new_empty(shape), flow or beside)


def _from_the_end(flow: Flow | None, tensor: Tensor, ndim: int) -> Flow | None:
    return None if flow is None else flow.at(flow.axis + ndim - tensor.ndim)


def _beside(trace: Trace, flow: Flow, tensor: Tensor, *, ndim: int) -> None:
    """Note a weight that has channels of its own, or see that all share one number."""
    viewed = getattr(tensor, "viewed_weight", None)
    axis = flow.axis - (ndim - tensor.ndim)
    if axis < 0 or tensor.shape[axis] == 1:
        if trace.is_own(tensor) or viewed is not None:
            return
    elif viewed is not None:
        trace.claim(viewed, 0, flow)
        return
    elif trace.is_own(tensor):
        trace.claim(tensor, axis, flow)
        return
    raise UnknownFlowError("channels beside what has none")


def _reduce(
    _trace: Trace,
    func: _Function,
    tensor: Tensor,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    **kwargs: Any,
) -> Tensor:
    """A mean or a sum over other axes than that of the channels."""
    flow, given = flow_of(tensor), (dim,) if isinstance(dim, int) else dim
    if flow is None:
        places = () if dim is None else (dim, keepdim)
        return _plain(func, tensor, *places, **kwargs)
    axes = {axis % tensor.ndim for axis in given or range(tensor.ndim)}
    if flow.axis in axes:
        raise UnknownFlowError("one number of all channels")
    if keepdim:
        shape = [1 if axis in axes else size for axis, size in enumerate(tensor.shape)]
        return with_flow(tensor.new_empty(shape), flow)
    shape = [size for axis, size in enumerate(tensor.shape) if axis not in axes]
    moved = flow.at(flow.axis - sum(axis < flow.axis for axis in axes))
    return with_flow(tensor.new_empty(shape), moved)


def _plain(func: _Function, *args: Any, **kwargs: Any) -> Tensor:
    made: Tensor = func(*args, **kwargs)
    return made


def _shape_anew(
    trace: Trace, func: _Function, tensor: Tensor, *args: Any, **kwargs: Any
) -> Tensor:
    """Another shape of the same numbers in the same order."""
    result = _plain(func, tensor, *args, **kwargs)
    flow = flow_of(tensor)
    if trace.is_own(tensor):
        if tensor.ndim != 1 or max(result.shape) != tensor.shape[0]:
            raise UnknownFlowError("a weight in another shape")
        result.viewed_weight = tensor  # type: ignore[attr-defined] # ours
        return result
    if flow is None:
        return result
    before, size = math.prod(tensor.shape[: flow.axis]), tensor.shape[flow.axis]
    for axis, new_size in enumerate(result.shape):
        if math.prod(result.shape[:axis]) == before and new_size % size == 0:
            repeat = flow.repeat * (new_size // size)
            return with_flow(result, Flow(axis, flow.channels, repeat))
    raise UnknownFlowError("channels that are mixed with positions")


def _expand(_trace: Trace, func: _Function, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    result = _plain(func, tensor, *args, **kwargs)
    flow = _from_the_end(flow_of(tensor), tensor, result.ndim)
    if flow is not None and result.shape[flow.axis] != flow.channels.found().num_units:
        raise UnknownFlowError("channels that are repeated")
    return with_flow(result, flow)


def _permute(_trace: Trace, func: _Function, tensor: Tensor, *axes: Any) -> Tensor:
    result = _plain(func, tensor, *axes)
    flow = flow_of(tensor)
    if flow is None:
        return result
    order = list(axes[0]) if isinstance(axes[0], Sequence) else list(axes)
    return with_flow(result, flow.at([axis % tensor.ndim for axis in order].index(flow.axis)))


def _transpose(trace: Trace, _func: _Function, tensor: Tensor, one: int, other: int) -> Tensor:
    order = list(range(tensor.ndim))
    order[one], order[other] = order[other], order[one]
    return _permute(trace, torch.permute, tensor, order)


def _pool(_trace: Trace, func: _Function, maps: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Something of each map by itself."""
    flow = flow_of(maps)
    result = _plain(func, maps, *args, **kwargs)
    if flow is not None and (flow.axis != 1 or result.shape[1] != maps.shape[1]):
        raise UnknownFlowError("a pool over channels")
    return with_flow(result, flow)


def _attend(
    _trace: Trace,
    _func: _Function,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *_: Any,
    **__: Any,
) -> Tensor:
    """Attention in one step, between the layers of heads."""
    if any(flow_of(tensor) is not None for tensor in (queries, keys, values)):
        raise UnknownFlowError("attention that is not known")
    return queries.new_empty((*queries.shape[:-1], values.shape[-1]))


def _stack(trace: Trace, _func: _Function, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    shape = list(tensors[0].shape)
    shape.insert(dim % (len(shape) + 1), len(tensors))
    result = tensors[0].new_empty(shape)
    flows = [flow_of(tensor) for tensor in tensors]
    first = flows[0]
    if first is None:
        if any(flow is not None for flow in flows):
            raise UnknownFlowError("channels beside what has none")
        return result
    for flow in flows[1:]:
        if flow is None or flow.axis != first.axis:
            raise UnknownFlowError("channels beside what has none")
        trace.join(first, flow)
    return with_flow(result, first.at(first.axis + (dim % result.ndim <= first.axis)))


def _named(owner: Any, names: str) -> list[Any]:
    return [getattr(owner, name) for name in names.split() if hasattr(owner, name)]


def _each(rule: _Function, *functions: Iterable[Any]) -> dict[Any, _Function]:
    return {function: rule for some in functions for function in some}


_GETTERS = "shape device dtype ndim requires_grad is_meta layout is_cuda"
_ALONE = (
    "relu relu_ sigmoid sigmoid_ tanh tanh_ silu gelu hardswish hardsigmoid hardtanh relu6 mish "
    "leaky_relu elu dropout softmax clamp clamp_ contiguous clone detach float dropout_ "
)
_TOGETHER = (
    "add add_ mul mul_ sub sub_ div div_ __add__ __radd__ __iadd__ __mul__ __rmul__ __imul__"
)
_POOLS = (
    "avg_pool1d avg_pool2d max_pool1d max_pool2d adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_max_pool2d interpolate pad"
)
RULES: Mapping[Any, _Function] = {
    **_each(_look, (getattr(torch.Tensor, name).__get__ for name in _GETTERS.split())),
    **_each(_look, _named(torch.Tensor, "size dim numel is_contiguous is_floating_point")),
    **_each(_pass_on, *(_named(o, _ALONE) for o in (torch, torch.Tensor, functional))),
    **_each(_combine, *(_named(o, _TOGETHER) for o in (torch, torch.Tensor))),
    **_each(_convolve, (torch.conv1d, torch.conv2d)),
    functional.linear: _apply_linear,
    **_each(_normalise_maps, (functional.batch_norm,)),
    **_each(_normalise_layer, (functional.layer_norm,)),
    **_each(_reduce, *(_named(o, "mean sum") for o in (torch, torch.Tensor))),
    **_each(
        _shape_anew,
        *(
            _named(o, "reshape view flatten unflatten squeeze unsqueeze")
            for o in (torch, torch.Tensor)
        ),
    ),
    **_each(_expand, _named(torch.Tensor, "expand expand_as")),
    **_each(_permute, _named(torch.Tensor, "permute"), _named(torch, "permute")),
    **_each(_transpose, _named(torch.Tensor, "transpose"), _named(torch, "transpose")),
    **_each(_pool, *(_named(o, _POOLS) for o in (torch, functional))),
    functional.scaled_dot_product_attention: _attend,
    torch.stack: _stack,
}
