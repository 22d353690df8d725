"""The contest's problems: published tables, re-encodings of variable length, and a predictor.

A problem answers for an architecture: which network it is, its size (free), its quality (what a
training would show) and its score (quality on data kept for the end). It knows its true front.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from experiments.search_quality import ofa
from experiments.search_quality.scale import Scale, scale_of
from nas.architecture import Architecture, Value
from nas.evaluation.tabular import TabularEvaluator
from nas.space.facts import Facts
from nas.space.space import SearchSpace
from search_spaces.table import TableSpace

DATA = Path(os.environ.get("NAS_BENCHMARKS", Path(__file__).resolve().parents[3] / "shared/data"))
RESULTS = Path(__file__).resolve().parent / "results"
BLOCKS_TABLE = RESULTS.parent / "real/results/mobilenet_blocks.csv"
NB201_EDGES = ["e01", "e02", "e12", "e03", "e13", "e23"]
MACRO_LAYERS = [f"l{i}" for i in range(8)]
FCNET_SETTINGS = [
    *("activation_fn_1", "activation_fn_2", "batch_size", "dropout_1", "dropout_2"),
    *("init_lr", "lr_schedule", "n_units_1", "n_units_2"),
]
MACRO_POSITIONS = ["m0", "m1", "m2", "m3a", "m3b", "m5", "m6a", "m6b"]


@dataclass(frozen=True)
class Problem:
    """What a method is asked to solve.

    Attributes:
        name: for files and legends.
        space: of the architectures.
        identity: equal values are one network.
        size: known before any training.
        quality: what a training shows, higher is better.
        facts: size and further numbers that are known before any training.
        score: quality on data kept for the end; None where there is none.
        scale: of (-quality, log10 size).
        score_scale: of (-score, log10 size); None without a score.
    """

    name: str
    space: SearchSpace
    identity: Callable[[Architecture], str]
    size: Callable[[Architecture], float]
    quality: Callable[[Architecture], float]
    facts: Callable[[Architecture], Facts | None]
    score: Callable[[Architecture], float] | None
    scale: Scale
    score_scale: Scale | None

    @property
    def options(self) -> dict[str, tuple[Value, ...]]:
        """The flat genes that rivals draw from: name -> values, in the space's order."""
        return {p.name: tuple(p.domain.values()) for p in self.space.parameters}


@lru_cache(maxsize=2)
def open_problem(name: str) -> Problem:
    """Return the problem of that name.

    Raises:
        KeyError: there is none.
        FileNotFoundError: its data are not on this machine; set NAS_BENCHMARKS to their folder.
    """
    problem = PROBLEMS[name]()
    assert problem.name == name, f"problem '{name}' calls itself '{problem.name}'"
    return problem


def _nb201(data_set: str) -> Problem:
    return _table(
        f"nb201_{data_set}",
        _file("nas_bench_201/nas_bench_201.parquet"),
        **_nb201_columns(data_set),
    )


def _nb201_columns(data_set: str) -> dict[str, object]:
    return {
        "parameters": NB201_EDGES,
        "quality": f"val200_{data_set}",
        "size": f"params_{data_set}",
        "score": f"test200_{data_set}",
        "identity": "unique_id",
        "facts": [f"macs_{data_set}"],
    }


def _nb201_variable(data_set: str) -> Problem:
    """The same cells, but an edge with the operation none does not exist."""

    def drop_none(table: pa.Table) -> pa.Table:
        for edge in NB201_EDGES:
            words = table[edge].combine_chunks().dictionary_decode()
            kept = pc.if_else(pc.equal(words, "none"), pa.scalar(None, pa.string()), words)
            table = table.set_column(table.column_names.index(edge), edge, kept)
        return table

    source = _file("nas_bench_201/nas_bench_201.parquet")
    name = f"nb201_{data_set}_variable"
    return _table(name, _derived(source, name, drop_none), **_nb201_columns(data_set))


def _macro_columns(layers: list[str]) -> dict[str, object]:
    return {
        "parameters": layers,
        "quality": "test_acc_0",
        "size": "params",
        "score": "mean_acc",
        "identity": "network",
        "facts": ["flops"],
    }


def _macro() -> Problem:
    file = _derived(_file("nas_bench_macro/nas_bench_macro_cifar10.parquet"), "macro", _macro_rows)
    return _table("macro", file, **_macro_columns(MACRO_LAYERS))


def _macro_variable() -> Problem:
    """The same networks as lists of layers: identity layers are left out."""
    file = _derived(_file("nas_bench_macro/nas_bench_macro_cifar10.parquet"), "macro", _macro_rows)
    return _table("macro_variable", file, **_macro_columns(MACRO_POSITIONS))


def _macro_rows(table: pa.Table) -> pa.Table:
    """Add what a network is: an identity layer has no place in the two inner pairs.

    Layers 3, 4 and 6, 7 keep their shape, so there "identity, X" and "X, identity" are one network
    and have one result in the table; 3,969 of the 6,561 codes remain.
    """
    layers = np.column_stack([table[name].to_numpy() for name in MACRO_LAYERS])
    positions = []
    for code in layers.tolist():
        pairs = [[layer for layer in code[at : at + 2] if layer] + [0, 0] for at in (3, 6)]
        positions.append([*code[:3], *pairs[0][:2], code[5], *pairs[1][:2]])
    columns = np.array(positions)
    table = table.append_column("network", [["".join(map(str, row)) for row in positions]])
    for index, name in enumerate(MACRO_POSITIONS):
        cells = [int(layer) if layer else None for layer in columns[:, index].tolist()]
        table = table.append_column(name, [pa.array(cells, pa.int64())])
    return table


def _fcnet(data_set: str) -> Problem:
    """Architecture and training settings together; only two of nine decisions move the size."""
    return _table(
        f"fcnet_{data_set}",
        _file(f"fcnet/fcnet_{data_set}.parquet"),
        parameters=FCNET_SETTINGS,
        quality="quality_seed0",
        size="size",
        score="quality",
    )


def _mobilenet_blocks() -> Problem:
    """Real trainings of every MobileNet of 1 to 8 blocks of two kinds, see `real/README.md`."""
    return _table(
        "mobilenet_blocks",
        BLOCKS_TABLE,
        parameters=[f"block{index}" for index in range(8)],
        quality="accuracy",
        size="num_params",
        score="mean_accuracy",
        identity="network",
        facts=["num_macs"],
    )


def _table(name: str, path: Path, **columns: object) -> Problem:
    evaluator = TabularEvaluator({"path": path, **columns})
    table = evaluator.table
    log_size = np.log10(table.numbers[table.columns.size])

    def scale(column: str) -> Scale:
        return scale_of(np.column_stack([-table.numbers[column], log_size]))

    def number(column: str) -> Callable[[Architecture], float]:
        values = table.numbers[column]
        return lambda architecture: float(values[table.existing_row(architecture)])

    score = table.columns.score
    assert score is not None, f"table problem '{name}' names no score"
    return Problem(
        name=name,
        space=TableSpace(table),
        identity=table.identity,
        size=number(table.columns.size),
        quality=number(table.columns.quality),
        facts=evaluator.facts,
        score=number(score),
        scale=scale(table.columns.quality),
        score_scale=scale(score),
    )


def _ofa() -> Problem:
    predictor = ofa.Predictor(predictor_file())
    front = np.loadtxt(RESULTS / "ofa_front.csv", delimiter=",", skiprows=1)
    return Problem(
        name="ofa_mbv3",
        space=ofa.OfaSpace(),
        identity=lambda architecture: architecture.id,
        size=lambda architecture: float(ofa.num_params(architecture)),
        quality=predictor.accuracy,
        facts=_ofa_facts,
        score=None,
        scale=scale_of(np.column_stack([-front[:, 1], np.log10(front[:, 0])])),
        score_scale=None,
    )


def _ofa_facts(architecture: Architecture) -> Facts:
    num_params, num_macs = ofa.costs(architecture)
    return Facts(
        log_size=math.log10(num_params),
        identity=architecture.id,
        numbers=tuple(map(math.log10, (num_macs, *ofa.widths(architecture).values()))),
    )


def predictor_file() -> Path:
    """Return where the OFA predictor is.

    Raises:
        FileNotFoundError: it is not on this machine.
    """
    return _file("ofa_mbv3/ofa_mbv3_acc_predictor.npz")


def _file(path: str) -> Path:
    if not (DATA / path).is_file():
        raise FileNotFoundError(
            f"there is no {DATA / path}; set NAS_BENCHMARKS to the data folder"
        )
    return DATA / path


def _derived(source: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Return a changed copy of a table; made anew in each process, moved into place whole."""
    folder = Path(gettempdir()) / f"nas-search-quality-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    target = folder / f"{name}.parquet"
    own = folder / f"{name}.{os.getpid()}.parquet"
    pa.parquet.write_table(change(pa.parquet.read_table(source)), own)
    own.replace(target)
    return target


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "macro": _macro,
    "nb201_c10": lambda: _nb201("c10"),
    "nb201_c100": lambda: _nb201("c100"),
    "nb201_in16": lambda: _nb201("in16"),
    "ofa_mbv3": _ofa,
    "macro_variable": _macro_variable,
    "nb201_c100_variable": lambda: _nb201_variable("c100"),
    "mobilenet_blocks": _mobilenet_blocks,
    "fcnet_naval": lambda: _fcnet("naval"),
    "fcnet_parkinsons": lambda: _fcnet("parkinsons"),
}


def log_size(problem: Problem, architecture: Architecture) -> float:
    """Return log10 of the size, the second loss of every method."""
    return math.log10(problem.size(architecture))
