"""Published tables with results of cheaper trainings: NAS-Bench-201 and EC-NAS.

NAS-Bench-201 has each of its 6,466 networks after a training of 12 epochs and one of 200; EC-NAS
(the 91 networks of four nodes of NAS-Bench-101) after 4, 12, 36 and 108. Each is a training of its
own, with its own schedule, so that a network that goes on begins again and pays for both.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from experiments.search_quality.problems import DATA, NB201_EDGES
from experiments.search_quality.scale import Scale, scale_of
from nas.evaluation.tabular import TabularEvaluator
from search_spaces.table import TableSpace

NB201_SETS = ("c10", "c100", "in16")
EC_EPOCHS = (4, 12, 36, 108)
EC_EDGES = [f"e{a}{b}" for a in range(4) for b in range(a + 1, 4)]


@dataclass(frozen=True)
class RungProblem:
    """A table that is searched.

    Attributes:
        name: for files.
        space: its rows.
        evaluator: looks results up; a full training takes one simulated second.
        shares: of a full training, at which there are results.
        epochs: of a full training.
        scale: the true front, of (-quality, log10 size).
        num_networks: distinct ones.
    """

    name: str
    space: TableSpace
    evaluator: TabularEvaluator
    shares: tuple[float, ...]
    epochs: int
    scale: Scale
    num_networks: int


@lru_cache(maxsize=2)
def open_rung_problem(name: str, *, continues: bool = False) -> RungProblem:
    """Return the problem of that name.

    Args:
        name: nb201_c10, nb201_c100, nb201_in16, ec_nas, or made_up, which needs no data.
        continues: count a cheaper training as the first part of the next one.
    """
    if name == MADE_UP:
        return _problem(
            name,
            _made_up_table(),
            epochs=(10, 100),
            columns=["early", "late"],
            parameters=[f"g{i}" for i in range(5)],
            size="params",
            identity="network",
            continues=continues,
        )
    if name == "ec_nas":
        return _problem(
            name,
            _ec_nas_table(),
            epochs=EC_EPOCHS,
            columns=[f"valid{epochs}" for epochs in EC_EPOCHS],
            parameters=[*EC_EDGES, "op1", "op2"],
            size="params",
            identity="hash",
            continues=continues,
        )
    data_set = name.removeprefix("nb201_")
    return _problem(
        name,
        DATA / "nas_bench_201/nas_bench_201.parquet",
        epochs=(12, 200),
        columns=[f"val12_{data_set}", f"val200_{data_set}"],
        parameters=NB201_EDGES,
        size=f"params_{data_set}",
        identity="unique_id",
        facts=[f"macs_{data_set}"],
        continues=continues,
    )


MADE_UP = "made_up"
PROBLEMS = (*(f"nb201_{data_set}" for data_set in NB201_SETS), "ec_nas")


def _problem(
    name: str,
    path: Path,
    *,
    epochs: tuple[int, ...],
    columns: list[str],
    size: str,
    continues: bool,
    **others: object,
) -> RungProblem:
    shares = tuple(each / epochs[-1] for each in epochs)
    rungs = [
        {"quality": column, "cost": share}
        for column, share in zip(columns[:-1], shares[:-1], strict=True)
    ]
    evaluator = TabularEvaluator(
        {
            "path": path,
            "quality": columns[-1],
            "size": size,
            "rungs": rungs,
            "rungs_continue": continues,
            **others,
        }
    )
    table = evaluator.table
    losses = np.column_stack([-table.numbers[columns[-1]], np.log10(table.numbers[size])])
    identities = table.identities or ()
    return RungProblem(
        name,
        TableSpace(table),
        evaluator,
        shares,
        epochs[-1],
        scale_of(losses),
        num_networks=len(set(identities)),
    )


def _made_up_table() -> Path:
    """Return 1,024 networks in closed form, for the small forms of the experiments."""
    codes = np.array(list(product(range(4), repeat=5)))
    params = 100 + codes @ (4 ** np.arange(5))
    own = np.random.default_rng(0).normal(scale=0.02, size=(2, len(codes)))
    late = 0.5 + 0.4 * codes.sum(axis=1) / 15 + own[0]
    columns = {f"g{i}": codes[:, i] for i in range(5)}
    columns |= {"params": params, "late": late, "early": 0.8 * late + own[1]}
    names = ["".join(map(str, code)) for code in codes]
    return _written(pa.table({**columns, "network": names}), MADE_UP)


def _ec_nas_table() -> Path:
    """Return the table with a row for each network, its results the means of three runs."""
    rows = pyarrow.parquet.read_table(DATA / "ec_nas/ecnas_4v.parquet").to_pylist()
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    about = {}
    for row in rows:
        found[row["hash"]][row["epochs"]].append(row["valid_acc"])
        about[row["hash"]] = row
    table = []
    for name, results in found.items():
        ops = [op.split("-")[0] for op in about[name]["ops"].split(",")][1:-1]
        adjacency = np.array(list(map(int, about[name]["adj"]))).reshape(len(ops) + 2, -1)
        places = [0, *range(1, len(ops) + 1), 3]  # the output is always the last node
        edges = dict.fromkeys(EC_EDGES, 0)
        for a, b in zip(*np.nonzero(adjacency), strict=True):
            edges[f"e{places[a]}{places[b]}"] = 1
        cells = {f"op{i + 1}": ops[i] if i < len(ops) else None for i in range(2)}
        quality = {f"valid{epochs}": float(np.mean(runs)) for epochs, runs in results.items()}
        params = {"params": about[name]["params"], "hash": name}
        table.append({**edges, **cells, **quality, **params})
    return _written(pa.Table.from_pylist(table), "ec_nas")


def _written(table: pa.Table, name: str) -> Path:
    """Write a table into this process's folder of temporary files, which goes when it ends."""
    target = Path(_folder().name) / f"{name}.parquet"
    pa.parquet.write_table(table, target)
    return target


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="nas-time-to-front-")
