"""Zero-cost proxies: guesses at accuracy from one or two batches through an untrained network.

Higher means better. None of them is a judge: on small networks the number of parameters alone
ranks as well, so compare with it (`nas profile run=... proxies=all` does) before trusting one.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

# ruff: noqa: N806 - names of tensors end in their shapes
# B batch, C channels, H height, W width, K classes

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
_ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Hardswish, nn.Softplus, nn.Tanh),
)
# timm's own activations are modules with these names.
_ACTIVATION_NAMES = {"Swish", "Mish", "HardSwish", "HardMish", "GELU", "GELUTanh", "QuickGELU"}

Build = Callable[[], nn.Module]
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Proxy:
    """A guess at accuracy without training.

    Attributes:
        name: as on the command line.
        paper: where it comes from.
        score: (untrained model, batches of normalised images BCHW and labels) -> score, higher is
            better; NaN where the model has nothing to judge. It may spoil the model.
    """

    name: str
    paper: str
    score: Callable[[nn.Module, Sequence[Batch]], float]


def score_proxies(
    build: Build, batches: Sequence[Batch], *, names: Sequence[str], seed: int = 0
) -> dict[str, float]:
    """Return the score of each proxy; each gets a model of its own with the same weights.

    Args:
        build: makes an untrained model.
        batches: at least two, on the device to compute on.
        names: of `PROXIES`.
        seed: of the weights.

    Raises:
        Exception: whatever `build` or the model raises.
    """
    device = batches[0][0].device
    scores = {}
    for name in names:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            model = build().to(device)
            scores[name] = float(PROXIES[name].score(model, batches))
    return scores


def synflow(model: nn.Module, batches: Sequence[Batch]) -> float:
    """Return the logarithm of the synaptic flow: sum of |weight x gradient| of the summed output.

    With absolute weights, an image of ones and norms taken out; in double precision, as the flow
    of deep networks overflows floats.
    """
    images_BCHW = batches[0][0]
    model.double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    with _without_norms(model):
        output = model(torch.ones_like(images_BCHW[:1], dtype=torch.float64))
    weights = _matrices(model)
    gradients = torch.autograd.grad(output.sum(), weights, allow_unused=True)
    flow = sum(
        float((weight.detach() * gradient).abs().sum())
        for weight, gradient in zip(weights, gradients, strict=True)
        if gradient is not None
    )
    return math.log(flow) if flow > 0 and math.isfinite(flow) else math.nan


def naswot(model: nn.Module, batches: Sequence[Batch]) -> float:
    """Return log |det K|, K[i, j] = on how many units images i and j are on the same side of 0.

    Counts what comes out of activation modules; NaN where a model has none.
    """
    images_BCHW = batches[0][0]
    kernel = torch.zeros(len(images_BCHW), len(images_BCHW), dtype=torch.float64)

    def add(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal kernel
        code = (output.detach().flatten(1) > 0).float()
        same = code @ code.T + (1.0 - code) @ (1.0 - code).T
        kernel += same.double().cpu()

    hooks = [m.register_forward_hook(add) for m in model.modules() if _is_activation(m)]
    with torch.no_grad():
        model.train()(images_BCHW)
    for hook in hooks:
        hook.remove()
    # Two images with one code make the determinant 0, the logarithm minus infinity.
    log_det = float(torch.linalg.slogdet(kernel).logabsdet)
    return log_det if hooks and math.isfinite(log_det) else math.nan


def grad_norm(model: nn.Module, batches: Sequence[Batch]) -> float:
    """Return the sum of the gradients' norms over all kernels and matrices, after one batch."""
    return float(sum(float(gradient.norm()) for gradient in _gradients(model, batches[0])))


def zico(model: nn.Module, batches: Sequence[Batch]) -> float:
    """Return the sum over layers of log(sum of mean |gradient| / deviation over the batches).

    As in the authors' code, the deviation is that of the signed gradient, and weights whose
    gradient does not change between batches are left out.
    """
    assert len(batches) > 1, "a deviation takes two batches"
    by_batch = [_gradients(model, batch) for batch in batches]
    total = 0.0
    for layer in zip(*by_batch, strict=True):
        gradients = torch.stack([gradient.flatten() for gradient in layer])
        deviation = gradients.std(dim=0, unbiased=False)
        moves = deviation > 0
        ratio = float((gradients.abs().mean(dim=0)[moves] / deviation[moves]).sum())
        total += math.log(ratio) if ratio > 0 else 0.0
    return total


PROXIES = {
    proxy.name: proxy
    for proxy in (
        Proxy("synflow", "Tanaka et al. 2020, arXiv:2006.05467", synflow),
        Proxy("naswot", "Mellor et al. 2021, arXiv:2006.04647", naswot),
        Proxy("grad_norm", "Abdelfattah et al. 2021, arXiv:2101.08134", grad_norm),
        Proxy("zico", "Li et al. 2023, arXiv:2301.11300", zico),
    )
}


def _matrices(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.ndim > 1]


def _gradients(model: nn.Module, batch: Batch) -> list[torch.Tensor]:
    images_BCHW, labels_B = batch
    loss = functional.cross_entropy(model.train()(images_BCHW), labels_B)
    weights = _matrices(model)
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    return [
        torch.zeros_like(weight) if gradient is None else gradient
        for weight, gradient in zip(weights, gradients, strict=True)
    ]


def _is_activation(module: nn.Module) -> bool:
    return isinstance(module, _ACTIVATIONS) or type(module).__name__ in _ACTIVATION_NAMES


@contextmanager
def _without_norms(model: nn.Module) -> Iterator[None]:
    """Let norms hand their input through: they would undo the scale that the flow measures."""
    hooks = [
        module.register_forward_hook(lambda _module, inputs, _output: inputs[0])
        for module in model.modules()
        if isinstance(module, _NORMS)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
