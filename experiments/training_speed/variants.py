"""The ways to train that are compared: ours, ours with one thing taken away, and the usual loop.

A way has a process of its own, as how memory is held and how threads wait belongs to the process.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from nas.architecture import Architecture
from nas.data.digits import load_digits
from nas.evaluation.placement import move_to_device
from nas.measure.cost import input_size, num_params
from nas.seeding import generator
from nas.train.batches import TrialData
from nas.train.device import keep_freed_memory
from nas.train.loop import Training, evaluate
from nas.train.recipe import Recipe
from nas.train.resident import ResidentSplit
from nas.train.schedule import learning_rate_factor
from search_spaces.mobilenet import MobileNetSpace

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Variant:
    """A way to train on the CPU.

    Attributes:
        keeps_memory: glibc keeps freed memory.
        is_channels_last: memory order of images and weights.
        is_fused: one kernel for all parameters of the optimizer.
        is_resident: batches by indexing resident tensors, instead of a `DataLoader`.
        is_bfloat16: the network computes in bfloat16, as autocast has it.
    """

    keeps_memory: bool = True
    is_channels_last: bool = True
    is_fused: bool = True
    is_resident: bool = True
    is_bfloat16: bool = False


VARIANTS = {
    "ours": Variant(),
    "usual": Variant(
        keeps_memory=False, is_channels_last=False, is_fused=False, is_resident=False
    ),
    "default malloc": Variant(keeps_memory=False),
    "channels first": Variant(is_channels_last=False),
    "optimizer not fused": Variant(is_fused=False),
    "bfloat16 autocast": Variant(is_bfloat16=True),
}


class InBfloat16(nn.Module):
    """A network under autocast: weights are cast anew at each call, logits are floats again.

    Autocast around a whole training would keep the first cast of each weight, and train that.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Return the logits."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits: torch.Tensor = self.network(images_BCHW)
        return logits.float()


def train(
    variant: Variant, model: nn.Module, data: TrialData, recipe: Recipe, *, seed: int
) -> float:
    """Train in that way and return the validation accuracy."""
    order = torch.channels_last if variant.is_channels_last else torch.contiguous_format
    model = model.to(memory_format=order)
    if variant.is_bfloat16:
        model = InBfloat16(model)
    if not variant.is_resident:
        return _train_as_usual(model, data, recipe, seed=seed)
    training = Training(model, data, recipe, seed=seed)
    if not variant.is_fused:
        groups = training.optimizer.param_groups
        training.optimizer = torch.optim.AdamW(
            [{"params": g["params"], "weight_decay": g["weight_decay"]} for g in groups],
            lr=recipe.learning_rate,
        )
    training.run()
    return training.score().accuracy


def _train_as_usual(model: nn.Module, data: TrialData, recipe: Recipe, *, seed: int) -> float:
    """The loop of most tutorials: a loader, a plain optimizer, and the loss read at each step."""
    assert isinstance(data.train, ResidentSplit), "the digits lie in memory"
    images = data.to_input(data.train.images_NHWC).contiguous()
    loader = DataLoader(
        TensorDataset(images, data.train.labels),
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        generator=torch.Generator().manual_seed(seed),
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    num_steps = recipe.epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: learning_rate_factor(step, num_steps=num_steps, warmup=recipe.warmup),
    )
    model.train()
    total = 0.0
    for _ in range(recipe.epochs):
        for batch, labels in loader:
            optimizer.zero_grad()
            loss = functional.cross_entropy(
                model(batch), labels, label_smoothing=recipe.label_smoothing
            )
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
            optimizer.step()
            scheduler.step()
            total += loss.item()
    return evaluate(model, data).accuracy


def architectures(count: int) -> list[Architecture]:
    """Return random architectures, the same in every process."""
    rng = generator(0, "training speed")
    space = MobileNetSpace()
    return [space.sample(rng) for _ in range(count)]


def train_all(name: str, *, count: int, epochs: int) -> Iterator[list[str]]:
    """Train each architecture once in a way; yield the cells of each CSV row."""
    variant = VARIANTS[name]
    if variant.keeps_memory:
        keep_freed_memory()
    space, recipe = MobileNetSpace(), Recipe(epochs=epochs, device="cpu")
    search_data = load_digits().search_data()
    data = move_to_device(search_data, CPU)
    chosen = architectures(count)
    for number, architecture in enumerate([chosen[0], *chosen], start=-1):
        torch.manual_seed(0)
        model = space.build(architecture, search_data.shape)
        resized = data.resized(input_size(model, search_data.shape))
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        accuracy = train(variant, model, resized, recipe, seed=0)
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        if number >= 0:  # the first training warms up
            found = [f"{cpu_s:.4f}", f"{wall_s:.4f}", f"{accuracy:.4f}"]
            yield [str(number), str(num_params(model)), *found]
