"""The reference front of the OFA space: a long evolutionary run on the predictor.

Nobody can list 10^19 networks. NSGA-II with 60,000 evaluations of the predictor stands for the
true front; its points go to `results/ofa_front.csv`. A search may reach a little beyond it.
"""

from pathlib import Path

import numpy as np

from experiments.search_quality import ofa
from nas.architecture import Architecture
from nas.files import write_text
from nas.pareto.dominance import front_mask, ranks
from nas.seeding import generator

NUM_EVALUATIONS = 60_000
POPULATION_SIZE = 300


def make_reference_front(
    predictor: ofa.Predictor, path: Path, *, num_evaluations: int = NUM_EVALUATIONS, seed: int = 0
) -> np.ndarray:
    """Run the evolution, write its front and return it: (n, 2) parameters and accuracy."""
    space, rng = ofa.OfaSpace(), generator(seed, "ofa reference")

    def judge(architectures: list[Architecture]) -> np.ndarray:
        sizes = [np.log10(ofa.num_params(architecture)) for architecture in architectures]
        losses = [-predictor.accuracy(architecture) for architecture in architectures]
        return np.column_stack([losses, sizes])

    population = _starts(space, rng)
    losses = judge(population)
    known, num_done = {a.id for a in population}, len(population)
    front_points = losses[front_mask(losses)]
    while num_done < num_evaluations:
        children = _children(space, population, rng, known)
        found = judge(children)
        num_done += len(children)
        merged = np.concatenate([front_points, found])
        front_points = np.unique(merged[front_mask(merged)], axis=0)
        both, points = population + children, np.concatenate([losses, found])
        keep = _survivors(points)
        population, losses = [both[i] for i in keep], points[keep]
    table = np.column_stack([np.round(10 ** front_points[:, 1]), -front_points[:, 0]])
    table = table[np.argsort(table[:, 0])]
    lines = ["num_params,accuracy", *(f"{size:.0f},{accuracy:.5f}" for size, accuracy in table)]
    write_text(path, "\n".join(lines) + "\n")
    return table


def _starts(space: ofa.OfaSpace, rng: np.random.Generator) -> list[Architecture]:
    """Return random networks, and the smallest and largest, so that both ends are there."""
    first = {p.name: p.domain.values()[0] for p in space.parameters}
    last = {p.name: p.domain.values()[-1] for p in space.parameters}
    ends = [space.architecture(first), space.architecture(last)]
    return ends + [space.sample(rng) for _ in range(POPULATION_SIZE - len(ends))]


def _children(
    space: ofa.OfaSpace,
    population: list[Architecture],
    rng: np.random.Generator,
    known: set[str],
) -> list[Architecture]:
    children: list[Architecture] = []
    while len(children) < POPULATION_SIZE:
        mother, father = (population[int(i)] for i in rng.integers(len(population), size=2))
        genes, others = space.genome(mother), space.genome(father)
        if rng.random() < 0.9:
            genes = {name: genes[name] if rng.random() < 0.5 else others[name] for name in genes}
        child = space.mutate(space.architecture(genes), rng, num_changes=int(rng.integers(0, 4)))
        if child.id not in known:
            known.add(child.id)
            children.append(child)
    return children


def _survivors(points: np.ndarray) -> np.ndarray:
    """Return the best by rank, within the last rank those with most room (Deb et al. 2002)."""
    layer = ranks(points)
    room = np.zeros(len(points))
    for level in np.unique(layer):
        members = np.flatnonzero(layer == level)
        room[members] = _crowding(points[members])
    return np.lexsort((-room, layer))[:POPULATION_SIZE]


def _crowding(points: np.ndarray) -> np.ndarray:
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column)
        spread = max(column[order[-1]] - column[order[0]], 1e-12)
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / spread
    return distance
