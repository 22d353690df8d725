"""BoTorch's qLogNEHVI over a pool: both objectives are modelled, as black-box users do.

One-hot inputs, a GP per objective, standardised outputs; the acquisition is computed on random
genomes and mutants of the front's members (Daulton et al., NeurIPS 2021; Ament et al., 2023).
"""

import warnings

import numpy as np
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.mlls import SumMarginalLogLikelihood

from experiments.search_quality.methods.contract import Coding, Genome, Losses
from experiments.search_quality.problems import Problem
from nas.pareto.dominance import front_mask

NUM_STARTS = 10
NUM_RANDOM = 256
NUM_MUTANTS = 128
NUM_SAMPLES = 64
REFERENCE = -1.1  # objectives are maximised and scaled so that the observed front spans -1..0


class QLogNehvi:
    """Noisy expected hypervolume improvement, one candidate at a time."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._coding = Coding(problem.options)
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self._known: dict[tuple[int, ...], Losses] = {}

    def ask(self) -> Genome:
        """Return the next genome."""
        if len(self._known) < NUM_STARTS:
            return self._coding.decode(self._coding.random(self._rng, 1)[0])
        codes, losses = np.array(list(self._known)), np.array(list(self._known.values()))
        pool = self._pool(codes[front_mask(losses)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gains = self._gains(codes, losses, pool)
        return self._coding.decode(pool[int(np.argmax(gains))])

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        self._known[tuple(self._coding.encode(genome).tolist())] = losses

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
        front = losses[front_mask(losses)]
        low, high = front.min(axis=0), front.max(axis=0)
        scaled = -(losses - low) / np.maximum(high - low, 1e-9)
        outputs = torch.from_numpy(np.maximum(scaled, -4.0))
        models = [SingleTaskGP(inputs, outputs[:, [i]]) for i in range(2)]
        model = ModelListGP(*models)
        fit_gpytorch_mll(
            SumMarginalLogLikelihood(model.likelihood, model),
            optimizer_kwargs={"options": {"maxiter": 50}},
        )
        acquisition = qLogNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=[REFERENCE, REFERENCE],
            X_baseline=inputs,
            sampler=SobolQMCNormalSampler(torch.Size([NUM_SAMPLES]), seed=self._seed),
            prune_baseline=True,
        )
        candidates = torch.from_numpy(self._coding.one_hot(pool)).unsqueeze(1)
        with torch.no_grad():
            parts = [acquisition(part) for part in torch.split(candidates, 128)]
            gains: np.ndarray = torch.cat(parts).numpy()
            return gains
