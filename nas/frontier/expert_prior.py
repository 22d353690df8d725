"""How much does an expert's prior weigh for a candidate, after so many proposals?

The expected gain of a candidate x is multiplied by

    pi(x)^(trust exp(-(k / FADING)^2))
                                    pi: the prior's density, relative to a draw of all values alike
                                    k: proposals since the first trainings
                                    trust: 0..1, less where results speak against the prior

so the prior decides the first proposals and is gone after some seven, whether it was right or
wrong. Of the first trainings every second is chosen by it, and of the proposals that follow one in
four is made without it: so results show what it is worth. The prior of a choice is what the user's
weights say, that of a number a bell around the best guess; both leave every value some density, so
nothing is excluded. Priors of several parameters are taken as independent. Where there are many,
their sum of logarithms is divided down, or a prior on each of twenty layers would leave no choice.

Notation: n rows as in `nas.frontier.encoding`; log pi (n,) as above, 0 where nothing is said.

Sources: Hvarfner et al. 2022, "piBO: augmenting acquisition functions with user beliefs for
Bayesian optimization", equation 6, for a prior as a factor that fades; Basu et al. 2025,
"Multi-objective hyperparameter optimization in the age of deep learning" (PriMO), for several
objectives, this fading, and the proposals without the prior. piBO's own exponent, 10 / n, lets a
wrong prior cost more than this one (`experiments/search_quality/tried.md`).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nas.frontier.encoding import Encoding, scaled
from nas.frontier.gaussian_process import Posterior
from nas.space.parameters import Choice, Domain

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# PriMO has the square root of the space's dimension; a wide space is no reason to trust longer.
FADING = 3.0
# Proposals after which nothing is left of it that could matter.
LASTS = 15
# Share of the proposals that the prior has no part in, as in PriMO.
SHARE_WITHOUT = 0.25
# Of a number: standard deviation of the bell as a share of the range, and how much of the density
# is the same everywhere, so that the guess has some ten times the density of what is far from it.
BELL, SHARE_EVEN = 1 / 6, 0.2
# Largest standard deviation of log pi over random architectures.
MAX_SPREAD = 2.0
# Of several that might be trained first, those count whose pi is at most this factor below the
# largest; what else is known decides among them.
LIKELY = 2.0
# Architectures that a pool gets by the prior, as a share of its random ones, and how many random
# ones each is drawn from: undescribed, they cost next to nothing.
SHARE_BY_PRIOR, NUM_DRAWN_FROM = 0.25, 16
# Places at which the density of a number is summed up.
_NUM_PLACES = 256


class ExpertPrior:
    """What the parameters of a space say about which architectures are good.

    Args:
        encoding: of the space.

    Attributes:
        is_told: whether any parameter has a prior.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._columns = {
            column: domain
            for column, domain in enumerate(encoding.domains)
            if domain.prior is not None and domain.num_values > 1
        }
        self.is_told = bool(self._columns)
        variance = sum(_variance(domain) for domain in self._columns.values())
        self._share = min(1.0, MAX_SPREAD / math.sqrt(variance)) if variance > 0.0 else 1.0

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return log pi (n,); parameters that are absent say nothing."""
        total = np.zeros(len(rows))
        for column, domain in self._columns.items():
            codes = rows[:, column]
            is_there = ~np.isnan(codes)
            total[is_there] += _log_density(domain, codes[is_there])
        return self._share * total

    def weigher(
        self, num_before: int, rng: np.random.Generator, *, trust: float = 1.0
    ) -> Callable[[FloatArray], FloatArray]:
        """Return what gives the factors (n,) by which the gains of rows count in one proposal.

        Args:
            num_before: proposals since the first trainings.
            rng: decides whether the prior counts; not asked where there is none.
            trust: what results leave of the prior (`trust`).
        """
        if not self.is_told or rng.random() < SHARE_WITHOUT:
            return lambda rows: np.ones(len(rows))
        power = trust * math.exp(-((num_before / FADING) ** 2))
        return lambda rows: np.exp(power * self(rows))

    def trust(self, models: Sequence[Posterior], rows: FloatArray) -> float:
        """Return what results leave of the prior: 1 where none speaks against it, 0 for nothing.

        It is twice the probability that losses fall where log pi rises, by generalised least
        squares on the models, and at most 1. Of several measured objectives the one that speaks
        best for the prior counts: nobody says which one it is about.

        Args:
            models: of the measured objectives.
            rows: (n, parameters) the results that they have seen, in their order.
        """
        if not self.is_told:
            return 1.0
        slopes = [model.slope(self(rows)) for model in models]
        return max(min(1.0, 2.0 * float(ndtr(-slope / error))) for slope, error in slopes)

    def likely(self, rows: FloatArray) -> IntArray:
        """Return the places of the likeliest rows: within a factor of two of the best."""
        if not self.is_told:
            return np.arange(len(rows))
        found = self(rows)
        return np.flatnonzero(found >= found.max() - math.log(LIKELY))

    def draw(
        self, draw: Callable[[int], FloatArray], pool_size: int, rng: np.random.Generator
    ) -> FloatArray:
        """Return rows for a pool, drawn by the prior without replacement from random ones.

        These are those with the largest log pi after Gumbel noise is added (Yellott 1977).

        Args:
            draw: returns so many random rows.
            pool_size: random architectures that the pool has anyway.
            rng: draws the noise.
        """
        count = int(SHARE_BY_PRIOR * pool_size)
        rows = draw(NUM_DRAWN_FROM * count)
        perturbed = self(rows) + rng.gumbel(size=len(rows))
        return np.asarray(rows[np.argsort(-perturbed, kind="stable")[:count]])


def _log_density(domain: Domain, codes: FloatArray) -> FloatArray:
    """Return the logarithm of the density at codes, relative to an even one."""
    if isinstance(domain, Choice):
        logs = np.log(np.array(domain.prior))  # weights themselves may be too large to be added
        mean = np.logaddexp.reduce(logs) - math.log(len(logs))
        return np.asarray((logs - mean)[codes.astype(np.int64)])
    assert domain.prior is not None, "only parameters with a prior have a density"
    guess = float(scaled(domain, np.array([domain.prior]))[0])
    away = (scaled(domain, codes) - guess) / BELL
    inside = float(ndtr((1.0 - guess) / BELL) - ndtr(-guess / BELL))
    bell = np.exp(-0.5 * away**2) / (math.sqrt(2.0 * math.pi) * BELL * inside)
    return np.asarray(np.log(SHARE_EVEN + (1.0 - SHARE_EVEN) * bell))


def _variance(domain: Domain) -> float:
    """Return the variance of the logarithm over draws of all values alike."""
    if isinstance(domain, Choice):
        codes = np.arange(len(domain.options), dtype=np.float64)
    else:
        places = (np.arange(_NUM_PLACES) + 0.5) / _NUM_PLACES
        low, high = float(domain.low), float(domain.high)
        codes = low + (high - low) * places
        if domain.log:
            codes = low * (high / low) ** places
    return float(_log_density(domain, codes).var())
