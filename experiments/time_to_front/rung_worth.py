"""What does the result of a short training tell of the whole one, beyond what is known anyway?

    python -m experiments.time_to_front.rung_worth

Correlations (Spearman) of the accuracy after 12 epochs with that after 200 on NAS-Bench-201: over
all networks; among networks of like size (twelve bins), all of them and the best fifth of each bin
by the whole training; and of what the sampler's own model does not foresee in either, when it has
seen the whole trainings of so many random networks. `left` is the share of the model's error that
remains once the short training is known, `left_best` the same among the best fifth.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from scipy.stats import spearmanr

from experiments.smoke import make_parser, run_experiment
from experiments.time_to_front.table_problems import MADE_UP, open_rung_problem
from nas.frontier.candidates import CandidatePool
from nas.frontier.effort import Effort
from nas.frontier.gaussian_process import Posterior, fit
from nas.frontier.loss_scale import LossScale

RESULTS = Path(__file__).resolve().parent / "results" / "rung_worth.csv"
NUM_BINS, NUM_JUDGED = 12, 2000


def like_size(sizes: np.ndarray) -> np.ndarray:
    """Return the bin of each network by its size."""
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, NUM_BINS + 1)))
    return np.asarray(np.digitize(sizes, edges[1:-1]))


def within(bins: np.ndarray, a: np.ndarray, b: np.ndarray, *, best: float = 1.0) -> float:
    """Return the mean correlation in the bins, of the best share by `b`."""
    found = []
    for each in np.unique(bins):
        here = bins == each
        kept = b[here] >= np.quantile(b[here], 1 - best)
        found.append(float(spearmanr(a[here][kept], b[here][kept]).statistic))
    return mean(found)


def rows_of(name: str, counts: Sequence[int], seed: int) -> Iterator[dict[str, object]]:
    """Measure one data set."""
    problem = open_rung_problem(name)
    table = problem.evaluator.table
    facts = problem.evaluator.facts
    pool = CandidatePool(
        problem.space, facts, is_allowed=None, seed=seed, effort=Effort(600, 1024, 25, 40_000)
    )
    columns = table.columns
    rows = [
        table.existing_row(problem.space.architecture(pool.encoding.decode(row)))
        for row in pool.pool.rows
    ]
    short = table.numbers[columns.rungs[0].quality][rows]
    whole = table.numbers[columns.quality][rows]
    bins = like_size(pool.sizes)
    known = {
        "problem": name,
        "all": float(spearmanr(short, whole).statistic),
        "like_size": within(bins, short, whole),
        "best_of_size": within(bins, short, whole, best=0.2),
    }
    order = np.random.default_rng(seed).permutation(len(rows))
    for count in counts:
        seen, judged = order[:count], order[-NUM_JUDGED:]
        errors = {}
        for kind, values in (("short", short), ("whole", whole)):
            losses = -values[:, None]
            targets = LossScale(losses[seen])(losses)[:, 0]
            features = pool.pool.features
            tuned = seen[:160]
            theta = fit(pool.embedding.kernel, features[tuned], targets[tuned])
            model = Posterior(pool.embedding.kernel, theta, features[seen], targets[seen])
            errors[kind] = targets[judged] - model.mean(features[judged])
        best = within_best(bins[judged], whole[judged])
        yield {
            **known,
            "num_seen": count,
            "given_model": float(spearmanr(errors["short"], errors["whole"]).statistic),
            "given_model_best": float(
                spearmanr(errors["short"][best], errors["whole"][best]).statistic
            ),
            "left": left(errors["short"], errors["whole"]),
            "left_best": left(errors["short"][best], errors["whole"][best]),
        }


def within_best(bins: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return which are among the best fifth of their bin."""
    best = np.zeros(len(bins), dtype=np.bool_)
    for each in np.unique(bins):
        here = np.flatnonzero(bins == each)
        best[here] = values[here] >= np.quantile(values[here], 0.8)
    return best


def left(short: np.ndarray, whole: np.ndarray) -> float:
    """Return the standard deviation that remains of one error when the other is known."""
    return float(np.sqrt(max(0.0, 1.0 - np.corrcoef(short, whole)[0, 1] ** 2)))


def main(words: Sequence[str]) -> int:
    """Parse the command line, measure and report."""
    parser = make_parser(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[50, 200, 600])
    names = ["nb201_c10", "nb201_c100", "nb201_in16"]
    parser.add_argument("--problems", nargs="+", default=names)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    rows = [
        {key: round(v, 3) if isinstance(v, float) else v for key, v in row.items()}
        for name in options.problems
        for row in rows_of(name, options.counts, options.seed)
    ]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with options.results.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(row)
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Measure one data set by few networks."""
    yield ["--problems", MADE_UP, "--counts", "20", "--results", str(folder / "worth.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
