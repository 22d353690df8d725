"""The training of a supernet: at each step its largest, its smallest and two other networks.

The sandwich rule and in-place distillation (Yu and Huang, 2019, https://arxiv.org/abs/1903.05134;
Yu et al., 2020, https://arxiv.org/abs/2003.11142): the largest network learns from the labels, the
others from these and from its answers to the same images. A network of another input size sees the
same images, resized.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from nas.architecture import Architecture
from nas.seeding import derive_seed
from nas.train.appearance import changed_look, mixed, mixed_loss, mixing_weight
from nas.train.augmentation import EpochDraws
from nas.train.batches import TrialData
from nas.train.device import autocast
from nas.train.layout import placed
from nas.train.loop import Training
from nas.train.recipe import Recipe
from nas.train.resize import resize
from nas.train.shared_weights import SharedWeights, Subnetwork

# ruff: noqa: N803, N806 - names of tensors end in their shapes
# B batch, C channels, H height, W width, K classes

NUM_OTHERS = 2  # networks of each step beside the largest and the smallest
# Of the others' loss, that is by the answers of the largest; the rest is by the labels. By the
# answers alone they learn more slowly while the largest knows little (experiments/time_to_front).
TAUGHT = 0.5


@dataclass(frozen=True)
class Family:
    """The networks that share weights.

    Attributes:
        build: architecture -> a network as the space builds it.
        places: architecture -> name of a part in its network -> its place.
        draw: a generator -> any architecture of the space.
        largest: whose answers the others learn.
        smallest: the cheapest network.
        input_size: a network -> (height, width) of the images that it takes.
    """

    build: Callable[[Architecture], nn.Module]
    places: Callable[[Architecture], Mapping[str, str]]
    draw: Callable[[np.random.Generator], Architecture]
    largest: Architecture
    smallest: Architecture
    input_size: Callable[[nn.Module], tuple[int, int]]

    def part_of(
        self, weights: SharedWeights, architecture: Architecture, device: torch.device
    ) -> Subnetwork:
        """Return a network as a part of the shared weights."""
        model = placed(self.build(architecture), device)
        return weights.of(model, self.places(architecture))


class SupernetTraining(Training):
    """A training of shared weights, that can be cut and go on like any other.

    Args:
        family: the networks.
        weights: that they share, on the device of the data; changed in place.
        data: images at any size.
        recipe: how to train; an epoch has as many steps as that of a single network.
        seed: of order, augmentation, and which networks are drawn.
    """

    def __init__(
        self,
        family: Family,
        weights: SharedWeights,
        data: TrialData,
        recipe: Recipe,
        *,
        seed: int,
    ) -> None:
        device = data.mean.device
        self._family, self._weights = family, weights
        self._ends = [
            family.part_of(weights, end, device) for end in (family.largest, family.smallest)
        ]
        side = family.input_size(self._ends[0].model)
        super().__init__(weights, data.resized(side), recipe, seed=seed)
        # Zeros rather than none, in each step alike, so that a cut changes nothing.
        for parameter in weights.parameters():
            parameter.grad = torch.zeros_like(parameter)

    def _take_step(
        self, draws: EpochDraws, batch: slice, images_BHWC: torch.Tensor
    ) -> torch.Tensor:
        self._set_learning_rate()
        self.optimizer.zero_grad(set_to_none=False)
        largest, *others = [*self._ends, *self._drawn()]
        weight = mixing_weight(draws, batch)
        looks = changed_look(self.data.to_input(images_BHWC), draws, batch)
        images_BCHW = mixed(looks, weight)

        def by_labels(logits_BK: torch.Tensor) -> torch.Tensor:
            return mixed_loss(lambda turns: self._loss_of(logits_BK, draws, batch, turns), weight)

        logits_BK = self._answers(largest, images_BCHW)
        loss = by_labels(logits_BK)
        torch.autograd.backward(loss)
        largest.give_gradients()
        taught_BK = logits_BK.detach().float().softmax(1)
        for other in others:
            answers_BK = self._answers(other, images_BCHW)
            as_taught = functional.cross_entropy(answers_BK, taught_BK)
            torch.autograd.backward(torch.lerp(by_labels(answers_BK), as_taught, TAUGHT))
            other.give_gradients()
        nn.utils.clip_grad_norm_(self._weights.parameters(), self.recipe.gradient_norm)
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def _answers(self, part: Subnetwork, images_BCHW: torch.Tensor) -> torch.Tensor:
        part.take_weights()
        part.model.train()
        size = self._family.input_size(part.model)
        seen = images_BCHW
        if tuple(seen.shape[2:]) != tuple(size):
            seen = resize(seen.permute(0, 2, 3, 1), size).permute(0, 3, 1, 2)
        with autocast(self.device):
            logits_BK: torch.Tensor = part.model(seen)
        return logits_BK

    def _drawn(self) -> list[Subnetwork]:
        """Return the networks of this step that chance chooses; the same ones after a cut."""
        rng = np.random.default_rng(derive_seed(self.seed, self.step))
        drawn = [self._family.draw(rng) for _ in range(NUM_OTHERS)]
        return [self._family.part_of(self._weights, each, self.device) for each in drawn]
