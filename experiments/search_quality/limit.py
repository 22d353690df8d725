"""How fast could a search be whose model of accuracy had seen nine tenths of the table?

    python -m experiments.search_quality.limit

Networks on a front are good beyond what any model expects: they are partly lucky. Extremely
randomised trees (Geurts et al. 2006; scikit-learn, in the rivals' environment) are trained on nine
tenths of all networks and expect the tenth they have not seen, in turn. A search then picks by
expected gain in hypervolume, as `frontier` does, but its expectations are these from the start.
What it needs is a mark for what can be learned from a hundred results.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import KFold, cross_val_predict

from experiments.search_quality.problems import Problem, open_problem
from experiments.search_quality.scale import REFERENCE, Scale
from experiments.search_quality.store import RESULTS, write_rows
from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture
from nas.frontier.acquisition import expected_hypervolume_improvement, undominated_boxes
from nas.frontier.embedding import Embedding
from nas.frontier.encoding import Encoding
from nas.pareto.dominance import front_mask
from nas.space.facts import Facts

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
    facts = _facts_of(problem, every)
    kept = list(smallest.values())
    own = np.array([encoding.encode(a) for a in kept])
    embedding = Embedding(encoding, codes, facts, is_exhaustive=True)
    one_hot = np.hstack(
        [column[:, None] == np.unique(column[~np.isnan(column)]) for column in own.T]
    )
    features = np.hstack([embedding(own, _facts_of(problem, kept)), one_hot])
    raw = np.array([(-problem.quality(a), np.log10(problem.size(a))) for a in kept])
    scale = problem.scale
    return Networks(features, (raw - scale.low) / (scale.high - scale.low), raw)


def _facts_of(problem: Problem, architectures: Sequence[Architecture]) -> list[Facts]:
    known = [problem.facts(one) for one in architectures]
    facts = [one for one in known if one is not None]
    assert len(facts) == len(known), f"the table '{problem.name}' has facts of every network"
    return facts


def foresight(networks: Networks, *, num_trees: int) -> tuple[np.ndarray, float]:
    """Return what is expected of each unseen network's loss, and the usual error."""
    losses = np.minimum(networks.losses[:, 0], MAX_LOSS)
    model = ExtraTreesRegressor(num_trees, max_features=0.5, random_state=0)
    folds = KFold(NUM_FOLDS, shuffle=True, random_state=0)
    expected = cross_val_predict(model, networks.features, losses, cv=folds)
    promising = expected <= np.quantile(expected, SHARE_PROMISING)
    return expected, float((networks.losses[:, 0] - expected)[promising].std())


def volumes(
    networks: Networks, expected: np.ndarray, sd: float, scale: Scale, *, marks: Sequence[int]
) -> list[float]:
    """Return the share of the true front's volume after so many trainings each."""
    sizes = networks.losses[:, 1]
    mean = np.column_stack([expected, sizes])
    spread = np.column_stack([np.full(len(mean), sd), np.zeros(len(mean))])
    seen = [int(np.argmin(sizes))]
    while len(seen) < max(marks):
        boxes = undominated_boxes(networks.losses[seen], reference=np.full(2, REFERENCE))
        gain = expected_hypervolume_improvement(boxes, mean=mean, sd=spread)
        gain[seen] = -1.0
        seen.append(int(np.argmax(gain)))
    return [scale.share(networks.raw[seen[:mark]]) for mark in marks]


def main(words: Sequence[str]) -> int:
    """Write and print a row for each problem."""
    parser = make_parser(__doc__)
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="comma-separated")
    parser.add_argument("--trees", type=int, default=NUM_TREES)
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS, help="trainings")
    parser.add_argument("--results", type=Path, default=RESULTS / "limit.csv")
    options = parser.parse_args(words)
    rows = []
    for name in options.problems.split(","):
        problem = open_problem(name)
        networks = networks_of(problem)
        expected, sd = foresight(networks, num_trees=options.trees)
        ahead = (expected - networks.losses[:, 0])[front_mask(networks.losses)] / sd
        shares = volumes(networks, expected, sd, problem.scale, marks=options.marks)
        row = {"problem": name, "networks": len(networks.raw), "error": round(sd, 4)}
        row |= {"front_ahead": round(float(np.median(ahead)), 2)}
        row |= {f"at_{m}": round(v, 4) for m, v in zip(options.marks, shares, strict=True)}
        rows.append(row)
        print(row, flush=True)
    write_rows(options.results, rows)
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Learn the table that lies here with few trees."""
    table = ["--problems", "mobilenet_blocks", "--trees", "5", "--marks", "5", "10"]
    yield [*table, "--results", str(folder / "limit.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
