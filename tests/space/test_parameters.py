"""The tree of parameters, as written in YAML, against the flat list it must become."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import SpaceError
from nas.space.flatten import flatten
from nas.space.parameters import Choice, Condition, Float, Int, Repeat, When


def test_groups_and_scalars_become_dotted_names_and_fixed_choices():
    flat = flatten({"stem": {"width": {"choice": [8, 16]}, "kernel": 3}}).parameters
    assert [(p.name, p.domain) for p in flat] == [
        ("stem.width", Choice([8, 16])),
        ("stem.kernel", Choice([3])),
    ]


def test_a_repeat_stands_once_per_block_and_each_block_needs_enough_blocks():
    flat = flatten(
        {"stages": {"repeat": {"int": [1, 3]}, "kernel": {"choice": [3, 5]}}}
    ).parameters
    assert [p.name for p in flat] == [
        "stages.repeat",
        "stages.0.kernel",
        "stages.1.kernel",
        "stages.2.kernel",
    ]
    assert flat[2].conditions == (Condition("stages.repeat", (2, 3)),)


def test_a_condition_finds_its_sibling_before_a_parameter_further_out():
    flat = flatten(
        {
            "expansion": {"choice": [1, 2]},
            "stages": {
                "repeat": 1,
                "squeeze": {"choice": [True, False], "when": {"expansion": 6}},
                "expansion": {"choice": [1, 6]},
            },
        }
    ).parameters
    squeeze = next(p for p in flat if p.name == "stages.0.squeeze")
    assert squeeze.conditions[-1] == Condition("stages.0.expansion", (6,))
    assert flat.index(squeeze) > [p.name for p in flat].index("stages.0.expansion")


def test_python_objects_and_yaml_give_the_same_space():
    from_yaml = flatten(
        {
            "blocks": {"repeat": {"int": [0, 2]}, "kernel": {"choice": [3, 5]}},
            "dropout": {"float": [0, 0.5], "step": 0.1, "when": {"blocks.repeat": [1, 2]}},
        }
    )
    from_python = flatten(
        {
            "blocks": Repeat(Int(0, 2), {"kernel": Choice([3, 5])}),
            "dropout": When(Float(0.0, 0.5, step=0.1), {"blocks.repeat": [1, 2]}),
        }
    )
    assert from_yaml == from_python


def test_a_choice_narrowed_to_whole_floats_keeps_its_kind():
    assert Choice([0.5, 1]) == Choice([0.5, 1.0])
    assert not Choice([0.5, 1.0]).contains(1)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        pytest.param({"a": {"choice": []}}, "'a': choice is empty", id="empty choice"),
        pytest.param({"a": {"choice": [3, 3]}}, "names an option twice", id="option twice"),
        pytest.param({"a": {"choice": "35"}}, "choice must be a list", id="choice no list"),
        pytest.param({"a": {"choice": [[1]]}}, "no plain value", id="nested option"),
        pytest.param({"a": {"int": [4, 2]}}, r"int range \[4, 2\]", id="range turned round"),
        pytest.param({"a": {"int": [1.5, 2]}}, "two numbers of that kind", id="int of floats"),
        pytest.param({"a": {"int": [0, 4], "log": True}}, "needs low >= 1", id="log of zero"),
        pytest.param({"a": {"int": [0, 4], "stop": 1}}, "unknown key", id="unknown key"),
        pytest.param({"a": {"float": [0, 1], "step": 0}}, "a step above 0", id="step of zero"),
        pytest.param({"a": None}, "parameter 'a' is None", id="nothing"),
        pytest.param(
            {"a": {"chioce": [3, 5]}}, "or is 'chioce' of 'a' meant to be 'choice'", id="misspelt"
        ),
        pytest.param({"a": {"choice": [1], "int": [1, 2]}}, "parameter 'a' is", id="two kinds"),
        pytest.param({"a": [3, 5]}, r"parameter 'a' is \[3, 5\]; write {choice:", id="bare list"),
        pytest.param({"a": {"repeat": None, "k": 3}}, "'a.repeat' is None", id="no length"),
        pytest.param(
            {"a": {"repeat": "three", "k": 3}}, "at least 0, but got one of 'three'", id="length"
        ),
        pytest.param(
            {"a": {"repeat": 2, "k": 3}, "a.0.k": 3}, "'a.0.k' cannot name", id="name of a block"
        ),
        pytest.param({"0": 3}, "'0' cannot name a parameter", id="number as a name"),
        pytest.param({"a": {"choice": [1.0, math.nan]}}, "option nan is not finite", id="nan"),
        pytest.param({"a.b": 3}, "word without dots", id="dot in a name"),
        pytest.param({"a": {"repeat": {"int": [-1, 2]}}}, "at least 0", id="negative repeat"),
        pytest.param({"a": {"repeat": {"float": [0, 2]}}}, "whole numbers", id="float repeat"),
        pytest.param(
            {"width": 1, "b": {"choice": [1, 2], "when": {"widht": 1}}},
            "names 'widht', which is no parameter; known, nearest first: width",
            id="condition on nothing",
        ),
        pytest.param(
            {"a": {"choice": [1, 2]}, "b": {"choice": [1, 2], "when": {"a": "seven"}}},
            "'b' can never be active: 'a' is never .*; it is one of 1, 2",
            id="condition that never holds",
        ),
        pytest.param(
            {
                "a": {"choice": [1, 2], "when": {"b": 1}},
                "b": {"choice": [1, 2], "when": {"a": 1}},
            },
            "conditions go in a circle",
            id="circle",
        ),
        pytest.param({"b": {"choice": [1], "when": 3}}, "'when' of 'b'", id="when no mapping"),
    ],
)
def test_a_fault_of_a_tree_is_named(tree, message):
    with pytest.raises(SpaceError, match=message):
        flatten(tree)


def test_what_can_never_be_active_once_its_parent_is_narrowed_is_left_out(caplog):
    tree = {
        "expansion": {"choice": [1]},
        "squeeze": {"choice": [True, False], "when": {"expansion": [3, 6]}},
        "ratio": {"choice": [0.25, 0.5], "when": {"squeeze": True}},
    }
    assert [p.name for p in flatten(tree).parameters] == ["expansion"]
    assert "left out: ratio, squeeze" in caplog.text


DOMAINS = st.one_of(
    st.lists(st.sampled_from(["a", "b", 1, 2.5, True]), min_size=1, unique=True).map(Choice),
    st.tuples(st.integers(1, 50), st.integers(0, 50), st.integers(1, 7)).map(
        lambda t: Int(t[0], t[0] + t[1], step=t[2])
    ),
    st.tuples(st.integers(1, 50), st.integers(0, 50)).map(
        lambda t: Int(t[0], t[0] + t[1], log=True)
    ),
    st.tuples(st.floats(0.1, 9), st.floats(0, 9)).map(lambda t: Float(t[0], t[0] + t[1])),
    st.tuples(st.floats(0.1, 9), st.floats(0, 9)).map(
        lambda t: Float(t[0], t[0] + t[1], log=True)
    ),
    st.tuples(st.floats(-1, 9), st.integers(0, 9)).map(
        lambda t: Float(t[0], t[0] + t[1] * 0.1 + 0.05, step=0.1)
    ),
)


@given(domain=DOMAINS, seed=st.integers(0, 1000))
def test_a_domain_contains_what_it_draws_and_what_it_lists(domain, seed):
    assert domain.contains(domain.sample(np.random.default_rng(seed)))
    if math.isfinite(domain.num_values):
        values = domain.values()
        assert len(values) == domain.num_values
        assert all(domain.contains(value) for value in values)
