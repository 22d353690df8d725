"""Architectures of a space: canonical, counted, drawn, mutated; against brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.space.space import SearchSpace
from nas.task import DataShape

TREE = {
    "width": {"choice": [0.5, 1.0]},
    "stages": {
        "repeat": {"int": [1, 3]},
        "kernel": {"choice": [3, 5]},
        "expansion": {"choice": [1, 3, 6]},
        "squeeze": {"choice": [True, False], "when": {"expansion": [3, 6]}},
    },
}
SPACE = SearchSpace(TREE)
SEEDS = st.integers(0, 10_000)


def drawn(seed: int) -> Architecture:
    return SPACE.sample(np.random.default_rng(seed))


def test_the_number_of_architectures_is_that_of_the_distinct_canonical_forms():
    names = [p.name for p in SPACE.parameters]
    genomes = itertools.product(*(p.domain.values() for p in SPACE.parameters))
    distinct = {SPACE.architecture(dict(zip(names, genome, strict=True))) for genome in genomes}
    per_block = 2 * (1 + 2 * 2)
    assert len(distinct) == 2 * (per_block + per_block**2 + per_block**3)
    assert SPACE.num_architectures() == len(distinct)
    assert set(SPACE.enumerate()) == distinct


def test_a_float_range_makes_a_space_infinite():
    space = SearchSpace({"rate": {"float": [0, 1]}, "kernel": {"choice": [3, 5]}})
    assert math.isinf(space.num_architectures())
    with pytest.raises(SpaceError, match="give it a step"):
        list(space.enumerate())


def test_configurations_that_differ_only_in_what_is_inactive_are_one_architecture():
    genome = SPACE.genome(drawn(0)) | {"stages.repeat": 1, "stages.0.expansion": 1}
    other = genome | {"stages.2.kernel": 5, "stages.0.squeeze": False}
    assert SPACE.architecture(genome).id == SPACE.architecture(other).id


def test_the_id_does_not_depend_on_the_order_of_names_and_tells_kinds_apart():
    assert Architecture({"a": 1, "b": 2}).id == Architecture({"b": 2, "a": 1}).id
    assert Architecture({"a": 1}).id != Architecture({"a": True}).id
    assert Architecture({"a": 1}).id != Architecture({"a": 1.0}).id


@given(seed=SEEDS)
def test_canonical_form_survives_the_genome_and_json(seed):
    architecture = drawn(seed)
    assert SPACE.architecture(SPACE.genome(architecture)) == architecture
    assert Architecture.from_json(architecture.to_json()) == architecture


@given(seed=SEEDS, num_changes=st.integers(1, 3))
def test_a_mutant_is_another_valid_architecture(seed, num_changes):
    architecture = drawn(seed)
    mutant = SPACE.mutate(architecture, np.random.default_rng(seed), num_changes=num_changes)
    assert mutant != architecture
    assert SPACE.architecture(mutant) == mutant


def test_mutation_reaches_every_neighbour_and_keeps_what_it_does_not_change():
    architecture = SPACE.architecture(SPACE.genome(drawn(1)) | {"stages.repeat": 2})
    rng = np.random.default_rng(0)
    mutants = {SPACE.mutate(architecture, rng) for _ in range(2000)}
    assert {m["stages.repeat"] for m in mutants} == {1, 2, 3}
    flipped = [m for m in mutants if m["width"] != architecture["width"]]
    assert len(flipped) == 1
    assert {k: v for k, v in flipped[0].items() if k != "width"} == {
        k: v for k, v in architecture.items() if k != "width"
    }


def test_a_space_of_one_architecture_mutates_into_itself():
    space = SearchSpace({"kernel": 3})
    only = space.sample(np.random.default_rng(0))
    assert space.mutate(only, np.random.default_rng(0)) == only


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"width": 0.7}, "'width' cannot be 0.7", id="value not allowed"),
        pytest.param({"widht": 1.0}, "known, nearest first: width", id="unknown name"),
        pytest.param({"stages.0.kernel": None}, "cannot be None", id="none"),
    ],
)
def test_a_fault_of_an_architecture_is_named(change, message):
    with pytest.raises(SpaceError, match=message):
        SPACE.architecture(SPACE.genome(drawn(0)) | change)


def test_an_active_parameter_without_a_value_is_refused():
    with pytest.raises(SpaceError, match=r"'stages\.repeat' is active but has no value"):
        SPACE.architecture({"width": 0.5})


def test_a_space_without_parameters_or_build_says_what_is_missing():
    with pytest.raises(SpaceError, match="give 'parameters'"):
        SearchSpace({})
    with pytest.raises(NotImplementedError, match="must define build"):
        SPACE.build(drawn(0), DataShape((1, 8, 8), 10))


def test_an_architecture_reads_in_one_line_with_its_blocks_side_by_side():
    architecture = Architecture(
        {
            "width": 0.5,
            "stages.repeat": 2,
            "stages.0.kernel": 3,
            "stages.1.kernel": 5,
            "stages.1.squeeze": True,
        }
    )
    assert architecture.describe() == (
        "width=0.5 stages.kernel=3·5 stages.repeat=2 stages.squeeze=–·yes"
    )
