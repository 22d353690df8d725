"""What was trained, as a CSV file, and the volumes that follow from it.

One row is one training of a search. Volumes are on the scale of the whole experiment: the front of
everything that any search trained is 1, once as the searches saw it and once as it was retrained.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.search_quality.real.contest import Search, counted, fronts
from experiments.search_quality.scale import Scale, scale_of
from nas.record.rows import read_rows, write_rows

RESULTS = Path(__file__).resolve().parent / "results"
TRAININGS = "trainings.csv"


@dataclass(frozen=True)
class Training:
    """A training of a search.

    Attributes:
        data: what was learnt from.
        method: the sampler.
        seed: of the search.
        trial: its number in the search.
        architecture_id: equal for equal networks.
        num_params: trained numbers.
        size_bytes: of the stored weights.
        accuracy: on validation images, as the search saw it.
        retrained: on test images, mean over all fresh trainings of that architecture in the
            experiment; NaN where it never stood on a front.
        num_retrainings: fresh trainings behind that mean.
        seconds: of the training in the search.
    """

    data: str
    method: str
    seed: int
    trial: int
    architecture_id: str
    num_params: float
    size_bytes: float
    accuracy: float
    retrained: float
    num_retrainings: int
    seconds: float


@dataclass(frozen=True)
class Curve:
    """A search, after each of its trainings.

    Attributes:
        trainings: of the search, in their order.
        seen: (n,) share of the volume by the accuracies that the search saw.
        retrained: (n,) share of the volume of the front of that time, retrained.
        front: the final front's trainings, smallest first.
    """

    trainings: tuple[Training, ...]
    seen: np.ndarray
    retrained: np.ndarray
    front: tuple[Training, ...]


def collect(searches: Sequence[Search]) -> list[Training]:
    """Return all trainings of the searches that are there."""
    fresh: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for one in searches:
        for key, values in one.retrained().items():
            fresh[one.data, key] |= values
    return [training for one in searches for training in _of_search(one, fresh)]


def _of_search(one: Search, fresh: dict[tuple[str, str], dict[int, float]]) -> Iterator[Training]:
    for record in counted(one):
        values = list(fresh.get((one.data, record.architecture.id), {}).values())
        yield Training(
            data=one.data,
            method=one.method,
            seed=one.seed,
            trial=record.number,
            architecture_id=record.architecture.id,
            num_params=record.metrics["num_params"],
            size_bytes=record.metrics["size_bytes"],
            accuracy=record.metrics["accuracy"],
            retrained=float(np.mean(values)) if values else math.nan,
            num_retrainings=len(values),
            seconds=record.metrics["seconds"],
        )


def write_trainings(trainings: Sequence[Training], *, results: Path = RESULTS) -> None:
    """Write trainings.csv."""
    write_rows(results / TRAININGS, trainings, kind=Training)


def read_trainings(*, results: Path = RESULTS) -> list[Training]:
    """Read trainings.csv."""
    made_by = "experiments.search_quality.real summary"
    return read_rows(results / TRAININGS, kind=Training, made_by=made_by)


def curves_of(trainings: Sequence[Training]) -> dict[str, dict[str, list[Curve]]]:
    """Return data set -> method -> a curve for each seed."""
    found: dict[str, dict[str, list[Curve]]] = {}
    for data in dict.fromkeys(t.data for t in trainings):
        ours = [t for t in trainings if t.data == data]
        seen = scale_of(_points(ours, is_retrained=False))
        known = [t for t in ours if not math.isnan(t.retrained)]
        retrained = scale_of(_points(known, is_retrained=True))
        searches: dict[tuple[str, int], list[Training]] = defaultdict(list)
        for training in ours:
            searches[training.method, training.seed].append(training)
        for (method, _), members in searches.items():
            curves = found.setdefault(data, {}).setdefault(method, [])
            curves.append(_curve(members, seen, retrained))
    return found


def _curve(members: Sequence[Training], seen: Scale, retrained: Scale) -> Curve:
    points = _points(members, is_retrained=False)
    by_id = {t.architecture_id: t for t in members}
    standing = [
        [by_id[key] for key in front]
        for front in fronts([(t.architecture_id, p) for t, p in zip(members, points, strict=True)])
    ]
    missing = [t.trial for front in standing for t in front if math.isnan(t.retrained)]
    assert not missing, f"trials {sorted(set(missing))} stood on a front and were not retrained"
    return Curve(
        trainings=tuple(members),
        seen=np.array([seen.share(points[:num]) for num in range(1, len(points) + 1)]),
        retrained=np.array(
            [retrained.share(_points(front, is_retrained=True)) for front in standing]
        ),
        front=tuple(standing[-1]),
    )


def _points(trainings: Sequence[Training], *, is_retrained: bool) -> np.ndarray:
    """Return losses (n, 2): minus accuracy, log10 of the size."""
    rows = [
        (-(t.retrained if is_retrained else t.accuracy), math.log10(t.size_bytes))
        for t in trainings
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
