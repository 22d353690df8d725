"""BoTorch's qLogNEHVI over a pool: all objectives are modelled, as black-box users do.

One-hot inputs, a GP per objective, standardised outputs; the acquisition is computed on random
genomes and mutants of the front's members (Daulton et al., NeurIPS 2021; Ament et al., 2023).
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.mlls import SumMarginalLogLikelihood

from experiments.search_quality.methods.contract import Coding, Genome, Losses
from nas.architecture import Value
from nas.pareto.dominance import front_mask

NUM_STARTS = 10
NUM_RANDOM = 256
NUM_MUTANTS = 128
NUM_SAMPLES = 64
REFERENCE = -1.1  # objectives are maximised and scaled so that the observed front spans -1..0


class HasOptions(Protocol):
    """What the method must know of a problem."""

    @property
    def options(self) -> Mapping[str, Sequence[Value]]:
        """What may be chosen: name -> values, of the flat space."""


class QLogNehvi:
    """Noisy expected hypervolume improvement, one candidate at a time.

    Args:
        problem: says what may be chosen.
        seed: of everything random.
        limits: the worst loss of each objective that counts; none for no limits.
    """

    def __init__(self, problem: HasOptions, seed: int, *, limits: Sequence[float] = ()) -> None:
        self._coding = Coding(problem.options)
        self._limits = np.array(limits)
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self._known: dict[tuple[int, ...], tuple[float, ...]] = {}

    def ask(self) -> Genome:
        """Return the next genome."""
        if len(self._known) < NUM_STARTS:
            return self._coding.decode(self._coding.random(self._rng, 1)[0])
        codes, losses = np.array(list(self._known)), np.array(list(self._known.values()))
        kept = self._kept(losses)
        pool = self._pool(codes[kept][front_mask(losses[kept])])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gains = self._gains(codes, losses, pool)
        return self._coding.decode(pool[int(np.argmax(gains))])

    def tell(self, genome: Genome, losses: Losses | tuple[float, ...]) -> None:
        """Take a result."""
        self._known[tuple(self._coding.encode(genome).tolist())] = losses

    def _kept(self, losses: np.ndarray) -> np.ndarray:
        """Return which results keep the limits; all where none does."""
        if not len(self._limits):
            return np.full(len(losses), True)
        kept = np.asarray((losses <= self._limits).all(axis=1))
        return kept if kept.any() else ~kept

    def _pool(self, members: np.ndarray) -> np.ndarray:
        parents = members[self._rng.integers(len(members), size=NUM_MUTANTS)]
        mutants = np.array([self._coding.mutate(code, self._rng) for code in parents])
        twice = np.array([self._coding.mutate(code, self._rng) for code in mutants])
        pool = np.concatenate([self._coding.random(self._rng, NUM_RANDOM), mutants, twice])
        fresh = [
            code for code in np.unique(pool, axis=0) if tuple(code.tolist()) not in self._known
        ]
        return np.array(fresh) if fresh else self._coding.random(self._rng, 1)

    def _gains(self, codes: np.ndarray, losses: np.ndarray, pool: np.ndarray) -> np.ndarray:
        torch.manual_seed(self._seed + len(codes))
        inputs = torch.from_numpy(self._coding.one_hot(codes))
        kept = losses[self._kept(losses)]
        front = kept[front_mask(kept)]
        low, high = front.min(axis=0), front.max(axis=0)
        span = np.maximum(high - low, 1e-9)
        outputs = torch.from_numpy(np.maximum(-(losses - low) / span, -4.0))
        models = [SingleTaskGP(inputs, outputs[:, [i]]) for i in range(outputs.shape[1])]
        model = ModelListGP(*models)
        fit_gpytorch_mll(
            SumMarginalLogLikelihood(model.likelihood, model),
            optimizer_kwargs={"options": {"maxiter": 50}},
        )
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=[REFERENCE] * outputs.shape[1],
            X_baseline=inputs,
            sampler=SobolQMCNormalSampler(torch.Size([NUM_SAMPLES]), seed=self._seed),
            prune_baseline=True,
            constraints=self._constraints(low, span),
        )
        candidates = torch.from_numpy(self._coding.one_hot(pool)).unsqueeze(1)
        with torch.no_grad():
            parts = [acquisition(part) for part in torch.split(candidates, 128)]
            gains: np.ndarray = torch.cat(parts).numpy()
            return gains

    def _constraints(
        self, low: np.ndarray, span: np.ndarray
    ) -> list[Callable[[torch.Tensor], torch.Tensor]] | None:
        """Return what BoTorch asks of samples: at most 0 where a limit is kept; None for none."""
        places = np.flatnonzero(np.isfinite(self._limits))
        least = {int(place): -(self._limits[place] - low[place]) / span[place] for place in places}
        return [partial(_lack, place, value) for place, value in least.items()] or None


def _lack(place: int, least: float, samples: torch.Tensor) -> torch.Tensor:
    return least - samples[..., place]
