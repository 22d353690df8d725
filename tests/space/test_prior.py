"""What an expert may say of a parameter, and what is refused."""

import math

import pytest

from nas.errors import SpaceError
from nas.space.flatten import flatten
from nas.space.parameters import Choice, Float, Int, Repeat, When


def test_an_option_that_is_not_named_weighs_one():
    choice = Choice(["relu", "silu", "gelu"], prior={"silu": 3})
    assert choice.prior == (1.0, 3.0, 1.0)


def test_a_prior_does_not_change_how_values_are_drawn():
    assert list(Choice(["relu", "silu"], prior={"silu": 9}).probabilities()) == [0.5, 0.5]


def test_yaml_and_python_give_the_same_priors():
    from_yaml = flatten(
        {
            "stages": {
                "repeat": {"int": [1, 2], "prior": 2},
                "kernel": {"choice": [3, 5], "prior": {5: 2}},
                "ratio": {"float": [0.1, 1.0], "prior": 0.5, "when": {"kernel": 5}},
            },
            "rate": {"float": [1e-4, 3e-2], "log": True, "prior": 3e-3},
        }
    )
    from_python = flatten(
        {
            "stages": Repeat(
                Int(1, 2, prior=2),
                {
                    "kernel": Choice([3, 5], prior={5: 2}),
                    "ratio": When(Float(0.1, 1.0, prior=0.5), {"kernel": 5}),
                },
            ),
            "rate": Float(1e-4, 3e-2, log=True, prior=3e-3),
        }
    )
    assert from_yaml == from_python
    domains = {parameter.name: parameter.domain for parameter in from_yaml.parameters}
    assert domains["stages.1.kernel"].prior == (1.0, 2.0)
    assert domains["stages.1.ratio"].prior == 0.5


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ([0.5, 1.0], "0.5"),
        ([0.5, 1], 1),
        ([16, 32], "32"),
        ([True, False], "true"),
        (["1", "2"], "2"),
        ([True, False], True),
    ],
)
def test_a_key_is_understood_as_a_command_line_or_a_file_writes_it(options, key):
    assert max(Choice(options, prior={key: 2}).prior) == 2.0


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ({"sillu": 3}, "prior names 'sillu', no option; known, nearest first: silu, relu"),
        ({1: 3}, "prior names 1, no option"),
        ({"silu": 0}, "prior of option 'silu' must be a number above 0, but got 0; to leave an"),
        ({"silu": -1}, "above 0, but got -1"),
        ({"silu": math.nan}, "above 0, but got nan"),
        ({"silu": math.inf}, "above 0, but got inf"),
        ({"silu": True}, "above 0, but got True"),
        ({"silu": "3"}, "above 0, but got '3'"),
        ({}, r"must be {option: weight}, such as {relu: 3}"),
        ("silu", r"must be {option: weight}.*but got 'silu'"),
        ([1, 3], r"must be {option: weight}"),
    ],
)
def test_a_prior_of_a_choice_that_says_nothing_is_refused(prior, message):
    with pytest.raises(SpaceError, match=f"parameter 'activation': .*{message}"):
        flatten({"activation": {"choice": ["relu", "silu"], "prior": prior}})


def test_true_is_not_the_option_one():
    with pytest.raises(SpaceError, match="prior names True, no option"):
        Choice([1, 2], prior={True: 3})


@pytest.mark.parametrize("node", [{"int": [1, 8]}, {"float": [1.0, 8.0], "log": True}])
@pytest.mark.parametrize("prior", [0, 8.5, math.nan, "4", True, {4: 1}, [4]])
def test_a_guess_must_be_a_number_of_the_range(node, prior):
    with pytest.raises(SpaceError, match=r"'rate': the prior of a number must be a best guess"):
        flatten({"rate": {**node, "prior": prior}})


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": {"fixed": 3, "prior": {3: 1}}}, "unknown key 'prior' beside the values of 'a'"),
        (
            {"a": {"choice": [1, 2]}, "b": {"same": "a", "prior": {1: 2}}},
            "unknown key 'prior' beside the values of 'b'",
        ),
        ({"a": {"prior": {"relu": 3}}}, "'a' has a prior and no values"),
        ({"a": {"repeat": {"int": [1, 3], "prior": 4}, "k": 3}}, "'a.repeat': the prior"),
    ],
)
def test_a_prior_stands_beside_values(tree, message):
    with pytest.raises(SpaceError, match=message):
        flatten(tree)
