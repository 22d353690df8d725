"""Winners made smaller, then trained on for a while: fewer channels, thinner layers, fewer bits.

Each retraining of a winner is compressed and fine-tuned by itself, so the spread of their results
is the spread of the whole recipe, retraining included. Each is judged once, on the test split.
Fine-tuning for int8 or int4 is quantization-aware: weights are rounded in training as in the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import nn

from nas.architecture import Architecture
from nas.compress.aware import make_aware
from nas.compress.compression import Compression, reshape
from nas.compress.dependency import torch_pruning
from nas.compress.storage import costs_as_stored
from nas.errors import ConfigError
from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.confirm import RetrainingPlan, Winner
from nas.finish.kept_weights import read_weights
from nas.finish.retrain import Retraining, weights_path
from nas.measure.cost import COUNTABLE, costs_of, input_size
from nas.space.space import SearchSpace
from nas.task import DataShape
from nas.train.recipe import Recipe

TO, ORIGINAL = "compressed.to", "compressed.original"  # parameters of a smaller architecture


@dataclass(frozen=True)
class Shrinking:
    """What to make of the winners, and how to train on.

    Attributes:
        to: names of compressions, such as "kept0.5", "rank0.5", "int8", "kept0.5+int4"; half of
            the channels are about a quarter of the parameters.
        epochs: of fine-tuning, as a share of the recipe's.
        learning_rate: of fine-tuning, as a share of the recipe's.

    Raises:
        ConfigError: a value is out of its range, or a name says nothing that can be done.
    """

    to: tuple[str, ...] = ()
    epochs: float = 0.5
    learning_rate: float = 0.3

    def __post_init__(self) -> None:
        """Check each value, and write each name in its canonical form."""
        for name in ("epochs", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"compression.{name} must be above 0, but got {getattr(self, name)}"
                )
        names = dict.fromkeys(Compression.named(name).name for name in self.to)
        object.__setattr__(self, "to", tuple(names))

    def check_packages(self) -> None:
        """Refuse what cannot be done here, before anything is trained for it.

        Raises:
            MissingPackageError: channels are to go, and Torch-Pruning is not installed.
        """
        if any(Compression.named(name).kept < 1.0 for name in self.to):
            torch_pruning()

    def recipe(self, full: Recipe) -> Recipe:
        """Return the recipe of fine-tuning."""
        return replace(
            full,
            epochs=max(1, round(self.epochs * full.epochs)),
            learning_rate=self.learning_rate * full.learning_rate,
            adapter_rank=None,
            transfer_from=None,
        )


class ShrunkSpace(SearchSpace):
    """Builds smaller networks, with the weights that are left; otherwise what it wraps.

    Args:
        space: builds the networks that are made smaller.
        weights: key of a retraining -> its weights, bytes of a safetensors file.
    """

    def __init__(self, space: SearchSpace, weights: Mapping[str, bytes]) -> None:
        self._space, self._weights = space, dict(weights)
        self.parameters, self.domains = space.parameters, space.domains

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return a network that may be fine-tuned at once; on the CPU."""
        if TO not in architecture:
            return self._space.build(architecture, data)
        rest = {k: v for k, v in architecture.items() if k not in (TO, ORIGINAL)}
        # Compressing must not draw from the stream that seeds the fine-tuning.
        with torch.random.fork_rng([]):
            model = self._space.build(Architecture(rest), data)
            model.load_state_dict(load_safetensors(self._weights[str(architecture[ORIGINAL])]))
            return shrunk(model, data, to=Compression.named(str(architecture[TO])))

    def static_costs(
        self, architecture: Architecture, data: DataShape
    ) -> Mapping[str, float] | None:
        """Return the costs of the smaller network, counted on it; else what the space knows."""
        if TO not in architecture:
            return self._space.static_costs(architecture, data)
        model = self.build(architecture, data)
        return costs_as_stored(costs_of(model, data, metrics=COUNTABLE), model)


def shrunk(model: nn.Module, data: DataShape, *, to: Compression) -> nn.Module:
    """Make a trained network smaller, in place: its least important parts are removed.

    Args:
        model: trained, on the CPU.
        data: the inputs that it takes.
        to: what stays.

    Raises:
        MissingPackageError: channels are to go, and Torch-Pruning is not installed.
    """
    model.eval()
    reshape(model, to, torch.zeros(2, data.input_shape[0], *input_size(model, data)))
    if to.is_quantizing:
        make_aware(model, bits=to.weight_bits)
    return model


@dataclass(frozen=True)
class ShrunkPlan:
    """Names the jobs of smaller candidates: each seed starts from a retraining of its own.

    Attributes:
        tuning: the plan of the fine-tuning.
        originals: the plan of the retrainings that are made smaller.
    """

    tuning: RetrainingPlan
    originals: RetrainingPlan

    @classmethod
    def after(cls, originals: RetrainingPlan, *, recipe: Recipe) -> "ShrunkPlan":
        """Return the plan of what follows these retrainings: fine-tuning by that recipe."""
        return cls(replace(originals, recipe=recipe, step="compressed"), originals)

    @property
    def winner_metric(self) -> WinnerMetric:
        """What the candidates are judged by."""
        return self.tuning.winner_metric

    def story(self, name: str) -> str:
        """Return what was done to the networks of a compression of that name; a sentence."""
        epochs, rate = self.tuning.recipe.epochs, self.tuning.recipe.learning_rate
        return f"Made smaller ({name}) and trained on: epochs {epochs}, learning_rate {rate:g}."

    def jobs_of(self, candidate: Winner) -> list[Retraining]:
        """Return one job for each seed."""
        return [self.job(candidate, index) for index in range(self.tuning.num_seeds)]

    def job(self, candidate: Winner, index: int) -> Retraining:
        """Return the job of one seed: 0, 1, ..."""
        rest = {k: v for k, v in candidate.architecture.items() if k != TO}
        original = self.originals.job(replace(candidate, architecture=Architecture(rest)), index)
        return replace(
            self.tuning.job(candidate, index),
            architecture=Architecture({**candidate.architecture, ORIGINAL: original.key}),
            name=f"{candidate.name} seed {index}",
        )


def shrunk_candidates(winners: Sequence[Winner], shrinking: Shrinking) -> list[Winner]:
    """Return a candidate for each winner and compression; no search has trained these networks."""
    unseen = [
        replace(winner, record=winner.record and replace(winner.record, metrics={}))
        for winner in winners
    ]
    return [shrunk_candidate(winner, name) for winner in unseen for name in shrinking.to]


def shrunk_candidate(candidate: Winner, name: str) -> Winner:
    """Return the candidate that a compression of that name makes of another one."""
    return replace(
        candidate,
        name=f"{candidate.name} {name}",
        architecture=Architecture({**candidate.architecture, TO: name}),
    )


def weights_of(winners: Sequence[Winner], plan: RetrainingPlan, folder: Path) -> dict[str, bytes]:
    """Return the weights of all retrainings of the winners, by the keys of their jobs."""
    keys = [job.key for winner in winners for job in plan.jobs_of(winner)]
    return {key: read_weights(weights_path(folder, key)) for key in keys}
