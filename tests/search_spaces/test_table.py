import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.architecture import Architecture
from nas.errors import SpaceError, UnbuildableError
from nas.space.parameters import Choice, Condition
from nas.task import DataShape
from search_spaces.table import TableSpace

CELLS = st.tuples(*[st.sampled_from([None, "x", "y"])] * 4).filter(any)
DATA = DataShape(input_shape=(3, 8, 8), num_classes=10)


@pytest.fixture
def make_space(tmp_path):
    def make(architectures, *, names, **columns):
        rows = list(architectures)
        content = {name: [row.get(name) for row in rows] for name in names}
        content["acc"] = [float(index) for index in range(len(rows))]
        content["params"] = [10 + index for index in range(len(rows))]
        path = tmp_path / "table.parquet"
        pa.parquet.write_table(pa.table({**content, **columns}), path)
        more = {"identity": "net"} if "net" in columns else {}
        return TableSpace(
            {"path": path, "parameters": names, "quality": "acc", "size": "params", **more}
        )

    return make


def full_product():
    return [{"a": a, "b": b} for a in (1, 2, 3) for b in ("x", "y")]


def by_depth():
    return [
        {"depth": depth, **{f"k{i}": kernel for i, kernel in enumerate(kernels)}}
        for depth in (1, 2, 3)
        for kernels in itertools.product((3, 5), repeat=depth)
    ]


def by_length():
    return [
        {f"m{i}": kind for i, kind in enumerate(kinds)}
        for length in (2, 3, 4)
        for kinds in itertools.product((1, 2, 3), repeat=length)
    ]


def test_columns_become_choices_among_their_values(make_space):
    space = make_space(full_product(), names=["a", "b"])

    assert space.domains == {"a": Choice([1, 2, 3]), "b": Choice(["x", "y"])}
    assert space.num_architectures() == 6


def test_enumeration_holds_every_row_once(make_space):
    space = make_space(full_product(), names=["a", "b"])

    assert set(space.enumerate()) == {Architecture(row) for row in full_product()}


def test_depth_column_becomes_a_condition(make_space):
    space = make_space(by_depth(), names=["depth", "k0", "k1", "k2"])

    conditions = {p.name: p.conditions for p in space.parameters}

    assert conditions == {
        "depth": (),
        "k0": (),
        "k1": (Condition("depth", (2, 3)),),
        "k2": (Condition("depth", (3,)),),
    }
    assert space.architecture({"depth": 1, "k0": 5, "k1": 3, "k2": 3}) == Architecture(
        {"depth": 1, "k0": 5}
    )


def test_later_position_needs_the_earlier_one(make_space):
    space = make_space(by_length(), names=["m0", "m1", "m2", "m3"])

    conditions = {p.name: p.conditions for p in space.parameters}

    assert conditions["m2"] == ()
    assert conditions["m3"] == (Condition("m2", (1, 2, 3)),)
    assert space.domains["m3"] == Choice([1, 2, 3, "absent"])


def test_genome_and_architecture_are_inverse_for_every_row(make_space):
    space = make_space(by_length(), names=["m0", "m1", "m2", "m3"])

    for architecture in space.enumerate():
        genome = space.genome(architecture)
        assert set(genome) == {"m0", "m1", "m2", "m3"}
        assert space.architecture(genome) == architecture
        assert space.architecture(architecture) == architecture


def test_every_genome_of_a_variable_length_table_is_a_row(make_space):
    space = make_space(by_length(), names=["m0", "m1", "m2", "m3"])
    options = [space.domains[name].values() for name in ("m0", "m1", "m2", "m3")]

    built = {
        space.architecture(dict(zip(["m0", "m1", "m2", "m3"], values, strict=True)))
        for values in itertools.product(*options)
    }

    assert built == set(space.enumerate())


def test_mutation_reaches_every_length(make_space):
    space = make_space(by_length(), names=["m0", "m1", "m2", "m3"])
    rng = np.random.default_rng(0)
    start = Architecture({"m0": 1, "m1": 1})

    lengths = {len(space.mutate(start, rng)) for _ in range(60)}

    assert 2 in lengths
    assert lengths & {3, 4}


def test_mutation_in_a_full_product_changes_one_position(make_space):
    space = make_space(full_product(), names=["a", "b"])
    rng = np.random.default_rng(0)
    start = Architecture({"a": 1, "b": "x"})

    mutants = [space.mutate(start, rng) for _ in range(50)]

    assert all(sum(m[name] != start[name] for name in start) == 1 for m in mutants)


def test_mutation_in_a_sparse_table_stays_in_the_table(make_space):
    diagonal = [{f"p{i}": row for i in range(5)} for row in range(30)]
    space = make_space(diagonal, names=[f"p{i}" for i in range(5)])
    rng = np.random.default_rng(0)
    start = Architecture(diagonal[7])

    mutants = [space.mutate(start, rng) for _ in range(20)]

    assert all(space.table.row(mutant) is not None and mutant != start for mutant in mutants)


def test_mutating_the_only_row_returns_it(make_space):
    space = make_space([{"a": 1}], names=["a"])
    only = Architecture({"a": 1})

    assert space.mutate(only, np.random.default_rng(0)) == only


def test_samples_are_rows(make_space):
    space = make_space(by_depth(), names=["depth", "k0", "k1", "k2"])
    rng = np.random.default_rng(0)

    drawn = {space.sample(rng) for _ in range(400)}

    # 14 rows: the chance to miss one in 400 draws is below 14 (13/14)^400 < 1e-11.
    assert drawn == set(space.enumerate())


def test_identity_column_says_which_rows_are_one_network(make_space):
    space = make_space(full_product(), names=["a", "b"], net=["p", "q", "p", "q", "p", "q"])

    assert space.identity(Architecture({"a": 1, "b": "x"})) == "p"
    assert space.identity(Architecture({"a": 3, "b": "x"})) == "p"
    assert space.identity(Architecture({"a": 3, "b": "y"})) == "q"


def test_static_costs_are_those_of_the_row(make_space):
    space = make_space(full_product(), names=["a", "b"])

    assert space.static_costs(Architecture({"a": 1, "b": "y"}), DATA) == {"params": 11.0}


def test_row_that_is_missing_has_no_costs(make_space):
    space = make_space(full_product()[:-1], names=["a", "b"])

    with pytest.raises(UnbuildableError, match="no row for a=3 b=y"):
        space.static_costs(Architecture({"a": 3, "b": "y"}), DATA)


def test_a_table_builds_no_model(make_space):
    space = make_space(full_product(), names=["a", "b"])

    with pytest.raises(SpaceError, match="evaluation=table"):
        space.build(Architecture({"a": 3, "b": "y"}), DATA)


def test_absent_marker_gives_way_to_an_option_of_that_name(make_space):
    rows = [{"a": "absent"}, {"a": "x", "b": "x"}, {"a": "absent", "b": "y"}, {"a": "x"}]
    space = make_space(rows, names=["a", "b"])

    assert space.domains["b"] == Choice(["x", "y", "(absent)"])
    assert set(space.enumerate()) == {Architecture(row) for row in rows}


@settings(derandomize=True, max_examples=60, deadline=None)
@given(rows=st.lists(CELLS, min_size=1, max_size=20, unique=True), seed=st.integers(0, 99))
def test_every_row_of_any_table_can_be_said_drawn_and_left_again(tmp_path_factory, rows, seed):
    path = tmp_path_factory.mktemp("tables") / "table.parquet"
    names = [f"p{i}" for i in range(4) if any(row[i] for row in rows)]
    cells = {f"p{i}": [row[i] for row in rows] for i in range(4)}
    numbers = list(range(1, len(rows) + 1))
    pa.parquet.write_table(pa.table({**cells, "acc": numbers, "params": numbers}), path)
    space = TableSpace({"path": path, "parameters": names, "quality": "acc", "size": "params"})
    rng = np.random.default_rng(seed)
    architectures = set(space.enumerate())

    assert len(architectures) == len(rows)
    for architecture in architectures:
        assert space.architecture(space.genome(architecture)) == architecture
        assert space.architecture(architecture) == architecture
        assert space.mutate(architecture, rng) in architectures
    drawn = space.architecture(
        {p.name: p.domain.sample(rng) for p in space.parameters}  # any genome has a canonical form
    )
    assert space.architecture(space.genome(drawn)) == drawn
