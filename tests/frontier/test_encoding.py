import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.frontier.encoding import Encoding
from nas.space.space import SearchSpace

SPACE = SearchSpace(
    {
        "width": {"choice": [0.25, 0.5, 1.0]},
        "rate": {"float": [0.001, 0.1], "log": True},
        "ratio": {"float": [0.0, 1.0], "step": 0.25},
        "channels": {"int": [8, 64], "log": True},
        "groups": {"int": [2, 8], "step": 2},
        "stages": {
            "repeat": {"int": [1, 3]},
            "kind": {"choice": ["plain", "wide"]},
            "expansion": {"choice": [2, 4], "when": {"kind": "wide"}},
        },
    }
)


@settings(derandomize=True, max_examples=50)
@given(st.integers(0, 10_000))
def test_an_architecture_survives_encoding(seed):
    encoding = Encoding(SPACE)
    architecture = SPACE.sample(np.random.default_rng(seed))
    assert encoding.decode(encoding.encode(architecture)) == architecture


@settings(derandomize=True, max_examples=20)
@given(st.integers(0, 10_000))
def test_rows_drawn_are_canonical_architectures(seed):
    encoding = Encoding(SPACE)
    for row in encoding.draw(20, np.random.default_rng(seed)):
        architecture = encoding.decode(row)
        assert SPACE.architecture(architecture) == architecture


@settings(derandomize=True, max_examples=20)
@given(st.integers(0, 10_000))
def test_mutants_are_canonical_and_differ_in_what_was_asked_for(seed):
    encoding, rng = Encoding(SPACE), np.random.default_rng(seed)
    parents = encoding.draw(20, rng)
    mutants = encoding.mutate(parents, rng, num_changes=np.ones(20, dtype=np.int64))
    for parent, mutant in zip(
        map(encoding.decode, parents), map(encoding.decode, mutants), strict=True
    ):
        assert SPACE.architecture(mutant) == mutant
        assert sum(parent[name] != mutant[name] for name in set(parent) & set(mutant)) <= 1
        assert parent != mutant


def test_every_option_is_drawn_alike():
    encoding = Encoding(SPACE)
    rows = encoding.draw(6000, np.random.default_rng(0))
    shares = np.bincount(rows[:, encoding.names.index("width")].astype(int)) / 6000
    # sigma = sqrt(2/9/6000) = 0.006; 5 sigma: one false alarm in a million
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)


def test_a_single_change_reaches_every_other_value():
    encoding, rng = Encoding(SPACE), np.random.default_rng(0)
    parent = encoding.encode(
        SPACE.architecture(
            {
                "width": 0.25,
                "rate": 0.01,
                "ratio": 0.0,
                "channels": 8,
                "groups": 2,
                "stages.repeat": 1,
                "stages.0.kind": "plain",
            }
        )
    )
    mutants = encoding.mutate(np.tile(parent, (3000, 1)), rng, num_changes=np.ones(3000, int))
    found = {encoding.decode(row) for row in mutants}
    assert {a["groups"] for a in found} == {2, 4, 6, 8}
    assert {a["ratio"] for a in found} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert {a["stages.repeat"] for a in found} == {1, 2, 3}
    assert {a["width"] for a in found} == {0.25, 0.5, 1.0}


def test_parameters_drawn_together_are_those_drawn_one_after_another():
    counts = [3, 2, 7, 1, 4]
    space = SearchSpace({f"p{i}": {"choice": list(range(n))} for i, n in enumerate(counts)})
    rng = np.random.default_rng(0)
    expected = np.column_stack([rng.integers(count, size=50) for count in counts])
    assert np.array_equal(Encoding(space).draw(50, np.random.default_rng(0)), expected)


def test_as_many_parameters_change_as_were_asked_for():
    space = SearchSpace({f"p{i}": {"int": [0, 9]} for i in range(6)})
    encoding, rng = Encoding(space), np.random.default_rng(0)
    parents = encoding.draw(30, rng)
    wanted = np.arange(30) % 8 + 1
    mutants = encoding.mutate(parents, rng, num_changes=wanted)
    assert ((mutants != parents).sum(axis=1) == np.minimum(wanted, 6)).all()
