"""Do zero-cost proxies spare a search its first trainings?

    python -m experiments.search_quality.zero_cost score proxies.csv ../shared/data/cifar10
    python -m experiments.search_quality.zero_cost search proxies.csv

`score` builds every network of NAS-Bench-201 at a fifth of its depth and scores it untrained, on
32 images of 16 pixels. `search` lets `frontier` search the tables: told nothing of the scores,
told a proxy as the order in which to choose the first networks (`Facts.prior_score`), told the
proxies as numbers that may tell the accuracy (`Facts.numbers`), and both.
"""

import argparse
import csv
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import torch

from experiments.cifar10.convert import averaged, read_mosaic
from experiments.cifar10.pretend import write_mosaics
from experiments.search_quality.cells import EDGES, build_network
from experiments.search_quality.contest import play
from experiments.search_quality.methods.frontier import FrontierMethod
from experiments.search_quality.problems import DATA, Problem, log_size, open_problem
from experiments.search_quality.store import RESULTS, read_rows, write_rows
from experiments.smoke import make_parser, run_experiment
from nas.architecture import Architecture
from nas.measure.proxies import score_proxies
from nas.profile.proxy_ranks import partial_rank_correlation, rank_correlation
from nas.seeding import derive_seed
from nas.space.facts import Facts

# B batch, C channels, H height, W width
# ruff: noqa: N806 - names of tensors end in their shapes

PROBLEMS = ("nb201_c10", "nb201_c100", "nb201_in16")
PROXIES = ("synflow", "naswot")
ORDER = "naswot"
ARMS = ("none", "order", "numbers", "both")
MARKS = (10, 25, 50, 100)
NUM_IMAGES = 32
SIDE = 16

Scores = Mapping[str, Mapping[str, float]]  # network -> proxy -> score, NaN where it has none


def main(words: Sequence[str]) -> int:
    """Read the command line and do it."""
    parser = make_parser(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    score = commands.add_parser("score", help="score all networks, into a file")
    search = commands.add_parser("search", help="search with these scores")
    for command in (score, search):
        command.add_argument("scores", type=Path, help="CSV: network, then a column per proxy")
    score.add_argument("cifar10", type=Path, help="the folder of mosaics")
    score.add_argument("--table", type=Path, default=DATA / "nas_bench_201/nas_bench_201.parquet")
    search.add_argument("--problems", nargs="+", default=PROBLEMS)
    search.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    search.add_argument("--seeds", type=int, default=10)
    search.add_argument("--marks", type=int, nargs="+", default=MARKS, help="trainings")
    search.add_argument("--results", type=Path, default=RESULTS / "zero_cost.csv")
    options = parser.parse_args(words)
    if options.command == "score":
        write_rows(options.scores, list(_scored(options.table, options.cifar10)))
        return 0
    with options.scores.open(newline="") as file:
        scores = {
            row["network"]: {name: float(row[name]) for name in PROXIES}
            for row in csv.DictReader(file)
        }
    for name in options.problems:
        _print_correlations(open_problem(name), scores)
        _search(name, scores, options)
    return 0


def _scored(table: Path, cifar10: Path) -> Iterator[dict[str, object]]:
    """Yield a row for each network of the table: its number and its scores."""
    torch.set_num_threads(1)
    batches = _batches(cifar10)
    rows = pyarrow.parquet.read_table(table, columns=["unique_id", "params_c10", *EDGES])
    # The smallest of the cells that are one network: dead convolutions would be scored, too.
    largest_first = sorted(rows.to_pylist(), key=lambda row: -row["params_c10"])
    for row in {row["unique_id"]: row for row in largest_first}.values():
        build = partial(build_network, {edge: row[edge] for edge in EDGES}, cells=1)
        found = score_proxies(build, batches, names=PROXIES)
        yield {"network": row["unique_id"], **{name: f"{found[name]:.6g}" for name in PROXIES}}


def _batches(cifar10: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return two batches of images with mean 0 and deviation 1; no proxy here reads labels."""
    mosaic = read_mosaic(sorted(cifar10.glob("*train*.webp"))[0])
    images_BHWC = averaged(mosaic[: 2 * NUM_IMAGES], side=SIDE)
    images_BCHW = torch.from_numpy(images_BHWC).permute(0, 3, 1, 2).float()
    images_BCHW = (images_BCHW - images_BCHW.mean()) / images_BCHW.std()
    labels_B = torch.zeros(NUM_IMAGES, dtype=torch.int64)
    return [(images, labels_B) for images in images_BCHW.chunk(2)]


def _print_correlations(problem: Problem, scores: Scores) -> None:
    # Of the cells that are one network the smallest, as the search has them.
    largest_first = sorted(problem.space.enumerate(), key=problem.size, reverse=True)
    every = {problem.identity(one): one for one in largest_first}
    quality = [problem.quality(one) for one in every.values()]
    sizes = [log_size(problem, one) for one in every.values()]
    for name in PROXIES:
        values = [scores[key][name] for key in every]
        print(
            f"{problem.name} {name}: rank correlation {rank_correlation(values, quality):.2f}, "
            f"at equal size {partial_rank_correlation(values, quality, sizes):.2f}"
        )


def told(problem: Problem, scores: Scores, arm: str, seed: int) -> FrontierMethod:
    """Return the sampler, with the facts of this arm."""

    def facts(architecture: Architecture) -> Facts | None:
        known = problem.facts(architecture)
        if known is None or arm == "none":
            return known
        found = scores[problem.identity(architecture)]
        if arm != "order":
            known = replace(known, numbers=(*known.numbers, *_numbers(found)))
        return known if arm == "numbers" else replace(known, prior_score=found[ORDER])

    return FrontierMethod(problem, facts, derive_seed(seed, problem.name, "frontier"))


def _numbers(scores: Mapping[str, float]) -> list[float]:
    """Return all scores; 0, which is below any that there is, for a network that has none."""
    return [scores[name] if math.isfinite(scores[name]) else 0.0 for name in PROXIES]


def _search(name: str, scores: Scores, options: argparse.Namespace) -> None:
    """Add a row for each search that is missing, and print the means of each arm."""
    problem = open_problem(name)
    rows = read_rows(options.results)
    for arm in options.arms:
        for seed in range(options.seeds):
            key = {"problem": name, "arm": arm, "seed": str(seed)}
            if any(key.items() <= row.items() for row in rows):
                continue
            method = told(problem, scores, arm, seed)
            played = play(method, problem, seed=seed, num_trainings=max(options.marks))
            volumes = {f"at_{mark}": f"{played.volumes[mark - 1]:.4f}" for mark in options.marks}
            rows.append({**key, **volumes})
            write_rows(options.results, rows)
        own = [row for row in rows if (row["problem"], row["arm"]) == (name, arm)]
        means = np.mean([[float(row[f"at_{m}"]) for m in options.marks] for row in own], axis=0)
        print(name, arm, *(f"{mean:.3f}" for mean in means), flush=True)


def small(folder: Path) -> Iterator[list[str]]:
    """Score the cells of a table of two, and search the table that lies here."""
    cells = [{"unique_id": n, "params_c10": n, **dict.fromkeys(EDGES, op)}
             for n, op in enumerate(("skip", "conv3x3"))]  # fmt: skip
    table = folder / "cells.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(cells), table)
    mosaics = str(write_mosaics(folder / "mosaics"))
    yield ["score", str(folder / "cells.csv"), mosaics, "--table", str(table)]
    problem = open_problem("mobilenet_blocks")
    networks = sorted({problem.identity(one) for one in problem.space.enumerate()})
    rows = [{"network": key, **dict.fromkeys(PROXIES, n)} for n, key in enumerate(networks)]
    write_rows(folder / "blocks.csv", rows)
    few = ["--problems", problem.name, "--seeds", "1", "--marks", "5", "12"]
    yield ["search", str(folder / "blocks.csv"), *few, "--results", str(folder / "results.csv")]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
