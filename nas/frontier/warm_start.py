"""What can earlier searches of the same space, on other data or with shorter trainings, predict?

Their results are on another scale, so they do not count as results of this search. A model of each
earlier search predicts the loss of any architecture there, and this prediction is one more fact of
the architecture, known before it is trained (stacking: the output of one model is an input of
another, Wolpert 1992). How much it counts is learned like the weight of any other fact.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from nas.architecture import Architecture, Value
from nas.errors import SpaceError
from nas.frontier.candidates import Candidate, CandidatePool
from nas.frontier.gaussian_process import Posterior
from nas.frontier.plan import MAX_SEEN_AT_ONCE
from nas.frontier.surrogates import Surrogates
from nas.space.space import SearchSpace

# What a search found out: parameters and the value of the first objective that training tells.
Results: TypeAlias = Sequence[tuple[Mapping[str, Value], float]]

# A model needs at least so many results.
MIN_RESULTS = 2


def results_of(space: SearchSpace, earlier: Results) -> list[tuple[Architecture, float]]:
    """Return the results that are finite and of architectures of a space.

    Raises:
        SpaceError: hardly any is.
    """
    found = list(_within(space, earlier))
    if len(found) < MIN_RESULTS:
        raise SpaceError(
            f"of the {len(earlier)} results of an earlier search {len(found)} are of this space; "
            f"it takes {MIN_RESULTS} or more"
        )
    return found


def _within(space: SearchSpace, earlier: Results) -> Iterator[tuple[Architecture, float]]:
    for values, value in earlier:
        if math.isfinite(value):
            try:
                yield space.architecture(values), value
            except SpaceError:  # of a wider space, perhaps
                continue


def take_hints(
    candidates: CandidatePool,
    earlier: Sequence[Sequence[tuple[Architecture, float]]],
    *,
    sign: float,
    seed: int,
) -> None:
    """Add the predictions of earlier searches to the candidates.

    Args:
        candidates: the pool of the sampler.
        earlier: of each earlier search, architectures and values.
        sign: what a value is multiplied with to be a loss.
        seed: of the choice of results where there are too many.
    """
    models: list[Posterior] = []
    found: dict[int, Candidate] = {}
    for results in earlier:
        batch = [candidates.describe(candidates.encoding.encode(one)) for one, _ in results]
        known = [(x, sign * y) for x, (_, y) in zip(batch, results, strict=True) if x is not None]
        if len(known) < MIN_RESULTS:
            continue
        seen = candidates.gather([candidate for candidate, _ in known])
        losses = np.array([[loss] for _, loss in known])
        surrogates = Surrogates(candidates.embedding.kernel, seed=seed)
        models += surrogates.posteriors(seen, losses, limit=MAX_SEEN_AT_ONCE)
        found |= {candidate.key: candidate for candidate, _ in known}
    if models:
        candidates.take_hints(models, of=[*found.values()])
