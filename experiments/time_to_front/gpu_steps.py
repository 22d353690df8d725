"""One training step in each way that the GPU script compares, and the networks that it trains.

A step takes float images (B, 3, H, W) on the device and labels (B,), and updates the network once.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from nas.seeding import generator
from nas.space.space import SearchSpace
from nas.task import DataShape
from search_spaces.mobilenet import MobileNetSpace
from search_spaces.resnet import ResNetSpace

Step = Callable[[torch.Tensor, torch.Tensor], None]
_SETTLING = 3  # steps before a capture: cuDNN chooses its kernels, gradients get their memory


def network(name: str, *, side: int) -> nn.Module:
    """Return a network of a shipped space, the same in every process.

    Args:
        name: mobilenet or resnet.
        side: of the images, pixels.
    """
    data = DataShape((3, side, side), 10)
    spaces: dict[str, Callable[[], SearchSpace]] = {
        "mobilenet": lambda: MobileNetSpace(
            {**MobileNetSpace.default_parameters, "resolution": side},
            stem_stride=2 if side > 64 else 1,
        ),
        "resnet": lambda: ResNetSpace(stem_stride=2 if side > 64 else 1),
    }
    space = spaces[name]()
    rng = generator(0, "gpu", name)
    drawn = [space.sample(rng) for _ in range(9)]
    sizes = [sum(p.numel() for p in space.build(one, data).parameters()) for one in drawn]
    return space.build(drawn[int(np.argsort(sizes)[4])], data)  # the median one


def _loss(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    half: AbstractContextManager[object],
) -> torch.Tensor:
    with half:
        return functional.cross_entropy(model(images), labels)


def _eager(model: nn.Module, device: torch.device, *, is_half: bool) -> Step:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        loss = _loss(model, images, labels, _half(device, is_half))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()

    return step


def _graphed(model: nn.Module, device: torch.device, *, is_half: bool) -> Step:
    """Return a step that is captured once as a CUDA graph and played again for each batch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True, capturable=True)
    graph: torch.cuda.CUDAGraph | None = None
    places: tuple[torch.Tensor, torch.Tensor] | None = None

    def train(images: torch.Tensor, labels: torch.Tensor) -> None:
        loss = _loss(model, images, labels, _half(device, is_half))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        nonlocal graph, places
        if graph is None or places is None:
            places = images.clone(), labels.clone()
            graph = _capture(lambda: train(*places), device)
        places[0].copy_(images)
        places[1].copy_(labels)
        graph.replay()

    return step


def _capture(train: Callable[[], None], device: torch.device) -> torch.cuda.CUDAGraph:
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(_SETTLING):
            train()
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        train()
    return graph


def _half(device: torch.device, is_half: bool) -> AbstractContextManager[object]:
    # No cache of cast weights: in a captured step it would keep those of the first one.
    if not is_half:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)


STEPS: dict[str, Callable[[nn.Module, torch.device], Step]] = {
    "float32": lambda model, device: _eager(model, device, is_half=False),
    "bfloat16": lambda model, device: _eager(model, device, is_half=True),
    "float32, graph": lambda model, device: _graphed(model, device, is_half=False),
    "bfloat16, graph": lambda model, device: _graphed(model, device, is_half=True),
}
GRAPHED = tuple(name for name in STEPS if name.endswith("graph"))
