"""How fast could a search be whose model of accuracy had seen nine tenths of the table?

    python -m experiments.search_quality.limit        writes results/limit.csv

Networks on a front are good beyond what any model expects: they are partly lucky. Extremely
randomised trees (Geurts et al. 2006; scikit-learn, in the rivals' environment) are trained on nine
tenths of all networks and expect the tenth they have not seen, in turn. A search then picks by
expected gain in hypervolume, as `frontier` does, but its expectations are these from the start.
What it needs is a mark for what can be learned from a hundred results.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import KFold, cross_val_predict

from experiments.search_quality.problems import Problem, open_problem
from experiments.search_quality.scale import REFERENCE, Scale
from experiments.search_quality.store import write_rows
from nas.frontier.acquisition import expected_hypervolume_improvement, undominated_boxes
from nas.frontier.embedding import Embedding
from nas.frontier.encoding import Encoding
from nas.pareto.dominance import front_mask

PROBLEMS = ("macro", "nb201_c10", "nb201_c100", "nb201_in16")
MARKS = (10, 25, 50, 100)
NUM_TREES, NUM_FOLDS = 300, 10
# Losses much worse than the front's worst tell nothing of the front.
MAX_LOSS = 1.5
# What counts as promising: the best expectations, whose errors are the search's uncertainty.
SHARE_PROMISING = 0.3


@dataclass(frozen=True)
class Networks:
    """Every network of a table.

    Attributes:
        features: (n, columns) what a model may know beforehand.
        losses: (n, 2) of quality and size, scaled by the true front.
        raw: (n, 2) the same as they are.
    """

    features: np.ndarray
    losses: np.ndarray
    raw: np.ndarray


def networks_of(problem: Problem) -> Networks:
    """Return the smallest configuration of each network."""
    encoding = Encoding(problem.space)
    smallest = {}
    every = sorted(problem.space.enumerate(), key=problem.size, reverse=True)
    for architecture in every:
        smallest[problem.identity(architecture)] = architecture
    codes = np.array([encoding.encode(a) for a in every])
    facts = [problem.facts(a) for a in every]
    kept = list(smallest.values())
    own = np.array([encoding.encode(a) for a in kept])
    embedding = Embedding(encoding, codes, facts, is_exhaustive=True)
    one_hot = np.hstack(
        [column[:, None] == np.unique(column[~np.isnan(column)]) for column in own.T]
    )
    features = np.hstack([embedding(own, [problem.facts(a) for a in kept]), one_hot])
    raw = np.array([(-problem.quality(a), np.log10(problem.size(a))) for a in kept])
    scale = problem.scale
    return Networks(features, (raw - scale.low) / (scale.high - scale.low), raw)


def foresight(networks: Networks) -> tuple[np.ndarray, float]:
    """Return what is expected of each unseen network's loss, and the usual error."""
    losses = np.minimum(networks.losses[:, 0], MAX_LOSS)
    model = ExtraTreesRegressor(NUM_TREES, max_features=0.5, random_state=0)
    folds = KFold(NUM_FOLDS, shuffle=True, random_state=0)
    expected = cross_val_predict(model, networks.features, losses, cv=folds)
    promising = expected <= np.quantile(expected, SHARE_PROMISING)
    return expected, float((networks.losses[:, 0] - expected)[promising].std())


def volumes(networks: Networks, expected: np.ndarray, sd: float, scale: Scale) -> list[float]:
    """Return the share of the true front's volume after each training."""
    sizes = networks.losses[:, 1]
    mean = np.column_stack([expected, sizes])
    spread = np.column_stack([np.full(len(mean), sd), np.zeros(len(mean))])
    seen = [int(np.argmin(sizes))]
    while len(seen) < MARKS[-1]:
        boxes = undominated_boxes(networks.losses[seen], reference=np.full(2, REFERENCE))
        gain = expected_hypervolume_improvement(boxes, mean=mean, sd=spread)
        gain[seen] = -1.0
        seen.append(int(np.argmax(gain)))
    return [scale.share(networks.raw[seen[:mark]]) for mark in MARKS]


def main() -> None:
    """Write and print a row for each problem."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="comma-separated")
    rows = []
    for name in parser.parse_args().problems.split(","):
        problem = open_problem(name)
        networks = networks_of(problem)
        expected, sd = foresight(networks)
        ahead = (expected - networks.losses[:, 0])[front_mask(networks.losses)] / sd
        shares = volumes(networks, expected, sd, problem.scale)
        row = {"problem": name, "networks": len(networks.raw), "error": round(sd, 4)}
        row |= {"front_ahead": round(float(np.median(ahead)), 2)}
        row |= {f"at_{m}": round(v, 4) for m, v in zip(MARKS, shares, strict=True)}
        rows.append(row)
        print(row, flush=True)
    write_rows("limit.csv", rows)


if __name__ == "__main__":
    main()
