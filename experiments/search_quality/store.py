"""Results on disk: one CSV per problem and method, one row per seed; none is run twice."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.search_quality.contest import Outcome
from nas.files import write_text

RESULTS = Path(__file__).resolve().parent / "results"
SCORED_AT = (25, 50, 100, 200)


@dataclass(frozen=True)
class Curves:
    """All seeds of a method on a problem.

    Attributes:
        seeds: in order.
        volumes: (seeds, trainings) share of the true front's volume; as far as all seeds went.
        scored: trainings -> (seeds,) the same on data kept for the end; empty without such data.
        method_s: (seeds,) seconds that the method took, per training.
        num_repeats: (seeds,) free proposals.
        num_given: (seeds,) random networks given to a method that was stuck.
    """

    seeds: list[int]
    volumes: np.ndarray
    scored: dict[int, np.ndarray]
    method_s: np.ndarray
    num_repeats: np.ndarray
    num_given: np.ndarray


def path_of(problem: str, method: str, *, results: Path = RESULTS) -> Path:
    """Return the file of a problem and method."""
    return results / problem / f"{method}.csv"


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows with the same columns, at least one."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def finished_trainings(path: Path) -> dict[int, int]:
    """Return seed -> number of trainings on disk."""
    return {int(row["seed"]): int(row["trainings"]) for row in read_rows(path)}


def add_outcome(path: Path, *, seed: int, outcome: Outcome) -> None:
    """Put a contest's outcome on disk, in place of an older one of that seed."""
    row = {
        "seed": str(seed),
        "trainings": str(len(outcome.volumes)),
        "repeats": str(outcome.num_repeats),
        "given": str(outcome.num_given),
        "method_s": f"{outcome.method_s:.3f}",
    }
    if outcome.score_volumes is not None:
        done = [num for num in SCORED_AT if num <= len(outcome.volumes)]
        row |= {f"score{num}": f"{outcome.score_volumes[num - 1]:.4f}" for num in done}
    row |= {f"v{num}": f"{volume:.4f}" for num, volume in enumerate(outcome.volumes, start=1)}
    rows = {int(other["seed"]): other for other in read_rows(path)} | {seed: row}
    names = sorted(
        {name for other in rows.values() for name in other},
        key=lambda name: (name.startswith("v") and name[1:].isdigit(), _order(name)),
    )
    lines = [",".join(names)]
    lines += [",".join(rows[key].get(name) or "" for name in names) for key in sorted(rows)]
    write_text(path, "\n".join(lines) + "\n")


def read_curves(path: Path) -> Curves | None:
    """Return what is on disk; None for nothing."""
    rows = read_rows(path)
    if not rows:
        return None
    num = min(int(row["trainings"]) for row in rows)
    scored_at = [at for at in SCORED_AT if at <= num and rows[0].get(f"score{at}")]
    return Curves(
        seeds=[int(row["seed"]) for row in rows],
        volumes=np.array([[float(row[f"v{i}"]) for i in range(1, num + 1)] for row in rows]),
        scored={at: np.array([float(row[f"score{at}"]) for row in rows]) for at in scored_at},
        method_s=np.array([float(row["method_s"]) / int(row["trainings"]) for row in rows]),
        num_repeats=np.array([int(row["repeats"]) for row in rows]),
        num_given=np.array([int(row["given"]) for row in rows]),
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _order(name: str) -> tuple[int, str]:
    first = ["seed", "trainings", "repeats", "given", "method_s"]
    if name in first:
        return first.index(name), name
    digits = "".join(letter for letter in name if letter.isdigit())
    return len(first) + int(digits), name
