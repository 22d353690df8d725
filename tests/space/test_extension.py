import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.space.extension import faults_of_extension
from nas.space.space import SearchSpace

TREE = {
    "width": {"choice": [0.5, 1.0]},
    "rate": {"float": [0.1, 0.5]},
    "activation": {"choice": ["relu", "silu"]},
    "slope": {"int": [1, 3], "when": {"activation": "silu"}},
    "stages": {
        "repeat": {"int": [1, 2]},
        "kernel": {"choice": [3, 5]},
        "activation": {"same": "activation"},
    },
}


def changed(path, node):
    tree = {k: dict(v) for k, v in TREE.items()}
    *groups, last = path.split(".")
    place = tree
    for group in groups:
        place = place[group]
    place[last] = node
    return tree


def faults(tree):
    return faults_of_extension(SearchSpace(TREE), SearchSpace(tree))


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("width", {"choice": [2.0, 1.0, 0.5]}),
        ("rate", {"float": [0.05, 0.9]}),
        ("activation", {"choice": ["relu", "silu", "gelu"]}),
        ("slope", {"int": [0, 5], "when": {"activation": "silu"}}),
        ("stages.repeat", {"int": [1, 4]}),
        ("width", {"float": [0.25, 2.0], "step": 0.25}),
    ],
    ids=["options", "float", "conditioned_on", "int", "blocks", "choice_to_range"],
)
def test_a_space_may_grow(path, node):
    assert faults(changed(path, node)) == []


def test_a_parameter_of_a_new_option_is_no_fault():
    tree = changed("activation", {"choice": ["relu", "silu", "prelu"]})

    assert faults({**tree, "learned": {"choice": [1, 2], "when": {"activation": "prelu"}}}) == []


@pytest.mark.parametrize(
    ("path", "node", "told"),
    [
        ("width", {"choice": [0.5, 2.0]}, "width may no longer be 1.0"),
        ("width", {"choice": ["0.5", "1.0"]}, "width may no longer be 0.5, 1.0"),
        ("rate", {"float": [0.2, 0.9]}, "rate was any number from 0.1 to 0.5"),
        ("rate", {"float": [0.1, 0.5], "step": 0.1}, "rate was any number"),
        ("slope", {"int": [1, 9], "step": 2, "when": {"activation": "silu"}}, "no longer be 2"),
        ("slope", {"int": [1, 3]}, "slope counts under other conditions"),
        (
            "slope",
            {"int": [1, 3], "when": {"activation": ["relu", "silu"]}},
            "slope counts under other conditions",
        ),
        ("dropout", {"choice": [0.0, 0.1]}, "dropout is new and would be missing"),
        ("stages.dropout", 0.0, "stages.0.dropout is new and would be missing"),
        ("stages.again", {"same": "width"}, "stages.0.again is new and would be missing"),
        ("stages.activation", {"same": "width"}, "no longer the same as activation"),
        ("stages.repeat", {"int": [2, 4]}, "stages.repeat may no longer be 1"),
    ],
)
def test_what_would_make_trials_incomparable_is_told(path, node, told):
    assert any(told in fault for fault in faults(changed(path, node)))


def test_a_parameter_that_is_gone_is_told():
    tree = {name: node for name, node in TREE.items() if name != "rate"}

    assert faults(tree) == ["rate is no longer a parameter"]


@given(
    widths=st.sets(st.sampled_from([0.25, 0.5, 1.0, 2.0]), min_size=1),
    high=st.integers(1, 5),
    slopes=st.sampled_from(["silu", ["relu", "silu"], ["silu", "gelu"]]),
    seed=st.integers(0, 99),
)
def test_without_faults_every_architecture_is_one_of_the_new_space(widths, high, slopes, seed):
    tree = changed("width", {"choice": sorted(widths)})
    tree["stages"]["repeat"] = {"int": [1, high]}
    tree["activation"] = {"choice": ["relu", "silu", "gelu"]}
    tree["slope"] = {"int": [1, 3], "when": {"activation": slopes}}
    old, new = SearchSpace(TREE), SearchSpace(tree)
    architecture = old.sample(np.random.default_rng(seed))

    is_extension = faults_of_extension(old, new) == []

    assert is_extension == (widths >= {0.5, 1.0} and high >= 2 and "relu" not in slopes)
    assert not is_extension or new.architecture(architecture) == architecture
    assert not is_extension or new.with_shared(architecture) == old.with_shared(architecture)
