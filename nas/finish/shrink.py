"""Winners with fewer channels: structurally pruned, then trained on for a while.

Each retraining of a winner is pruned and fine-tuned by itself, so that the spread over them is
that of the whole recipe, retraining included. Each is judged once, on the test split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import nn

from nas.architecture import Architecture
from nas.compress.prune import find_groups, kept_units, prune
from nas.errors import ConfigError
from nas.finish.confirm import Candidate, Plan
from nas.finish.retrain import Job, weights_path
from nas.measure.cost import COUNTABLE, costs_of, input_size
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.train.recipe import Recipe

RATIO, ORIGINAL = "pruned.kept", "pruned.original"  # parameters of a pruned architecture
_MULTIPLE = 4  # channels that stay are a multiple of it, where there are as many


@dataclass(frozen=True)
class Pruning:
    """Which shares of the channels to keep, and how to train on.

    Attributes:
        kept: shares of the channels of each layer that stay, above 0 and below 1; half of the
            channels are about a quarter of the parameters.
        epochs: of fine-tuning, as a share of the recipe's.
        learning_rate: of fine-tuning, as a share of the recipe's.

    Raises:
        ConfigError: a value is out of its range.
    """

    kept: tuple[float, ...] = (0.5,)
    epochs: float = 0.5
    learning_rate: float = 0.3

    def __post_init__(self) -> None:
        """Check each value against its range."""
        for share in self.kept:
            if not 0 < share < 1:
                raise ConfigError(f"pruning.kept must be above 0 and below 1, but got {share}")
        for name in ("epochs", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"pruning.{name} must be above 0, but got {getattr(self, name)}")

    def recipe(self, full: Recipe) -> Recipe:
        """Return the recipe of fine-tuning."""
        return replace(
            full,
            epochs=max(1, round(self.epochs * full.epochs)),
            learning_rate=self.learning_rate * full.learning_rate,
        )


class PrunedSpace(SearchSpace):
    """Builds pruned networks, with the weights that are left; otherwise what it wraps.

    Args:
        space: builds the networks that are pruned.
        weights: key of a retraining -> its weights, bytes of a safetensors file.
    """

    def __init__(self, space: SearchSpace, weights: Mapping[str, bytes]) -> None:
        self._space, self._weights = space, dict(weights)
        self.parameters, self.domains = space.parameters, space.domains

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return a network that may be fine-tuned at once; on the CPU."""
        if RATIO not in architecture:
            return self._space.build(architecture, data)
        rest = {k: v for k, v in architecture.items() if k not in (RATIO, ORIGINAL)}
        # Pruning must not draw from the stream that seeds the fine-tuning.
        with torch.random.fork_rng([]):
            model = self._space.build(Architecture(rest), data)
            model.load_state_dict(load_safetensors(self._weights[str(architecture[ORIGINAL])]))
            return pruned(model, data, share=float(architecture[RATIO]))

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return the costs of the pruned network, counted on it; else what the space knows."""
        if RATIO not in architecture:
            return self._space.static_costs(architecture, data)
        return costs_of(self.build(architecture, data), data, metrics=COUNTABLE)


def pruned(model: nn.Module, data: DataShape, *, share: float) -> nn.Module:
    """Take the least important channels out of every layer that can lose some, in place.

    Args:
        model: trained, on the CPU.
        data: the images that it takes.
        share: of the channels of each layer that stays.

    Raises:
        MissingPackageError: Torch-Pruning is not installed.
    """
    images = torch.zeros(2, data.input_shape[0], *input_size(model, data))
    model.eval()
    groups = find_groups(model, images)
    kept = {group.root: kept_units(group, share, multiple=_MULTIPLE) for group in groups}
    prune(model, images, groups, kept)
    for parameter in model.parameters():
        parameter.grad = None
    return model


@dataclass(frozen=True)
class PrunedPlan(Plan):
    """Names the jobs of pruned candidates: each seed goes on from a retraining of its own.

    Attributes:
        originals: the plan of the retrainings that are pruned.
    """

    originals: Plan | None = None

    def jobs_of(self, candidate: Candidate) -> list[Job]:
        """Return one job for each seed."""
        assert self.originals is not None, "a pruned network has an original"
        share = candidate.architecture[RATIO]
        rest = {k: v for k, v in candidate.architecture.items() if k != RATIO}
        before = self.originals.jobs_of(replace(candidate, architecture=Architecture(rest)))
        jobs = super().jobs_of(candidate)
        return [
            replace(
                job,
                architecture=Architecture({**rest, RATIO: share, ORIGINAL: original.key}),
                name=f"{candidate.name} seed {index}",
            )
            for index, (job, original) in enumerate(zip(jobs, before, strict=True))
        ]


def pruned_candidates(winners: Sequence[Candidate], pruning: Pruning) -> list[Candidate]:
    """Return a candidate for each winner and share."""
    return [
        replace(
            winner,
            name=f"{winner.name} kept {share:g}",
            architecture=Architecture({**winner.architecture, RATIO: share}),
        )
        for winner in winners
        for share in pruning.kept
    ]


def weights_of(winners: Sequence[Candidate], plan: Plan, folder: Path) -> dict[str, bytes]:
    """Return the weights of all retrainings of the winners, by the keys of their jobs."""
    keys = [job.key for winner in winners for job in plan.jobs_of(winner)]
    return {key: weights_path(folder, key).read_bytes() for key in keys}
