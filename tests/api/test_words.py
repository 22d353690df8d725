from pathlib import Path

import numpy as np
import pytest

from nas.api.words import as_words
from nas.config.overrides import parse
from nas.errors import ConfigError


@pytest.mark.parametrize(
    "value",
    [
        *(
            "photos",
            "my photos/a, b",
            "it's",
            'say "no"',
            "a=b",
            "1",
            "true",
            "null",
            "",
            "é 日本",
        ),
        *("C:\\dir\\", "back\\'quote", "${oc.env:HOME}", "[a,b]", "{a: 1}", "1e-3", " padded "),
    ],
)
def test_a_text_reaches_hydra_as_the_same_text(value):
    (word,) = as_words([], {"name": value})

    assert str(parse(word).value()) == value
    assert isinstance(parse(word).value(), str) or parse(word).is_sweep_override() is False


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (3, 3),
        (0.02, 0.02),
        (1e-9, 1e-9),
        (True, True),
        (None, None),
        ([0.25, 0.5], [0.25, 0.5]),
        (["a b", "c"], ["a b", "c"]),
        ((), []),
        ({}, {}),
        ([{"quality": "q", "cost": 0.1}], [{"quality": "q", "cost": 0.1}]),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
    ],
)
def test_a_value_reaches_hydra_as_the_same_value(value, read):
    (word,) = as_words([], {"key": value})

    assert parse(word).value() == read


def test_dicts_are_settings_of_deeper_levels():
    words = as_words(["data=digits"], {"constraints": {"size_bytes": {"max": 2e6}}, "seed": 1})

    assert words == ["data=digits", "constraints.size_bytes.max=2000000.0", "seed=1"]


def test_a_path_is_its_text():
    assert as_words([], {"run_folder": Path("runs/a")}) == ["run_folder=runs/a"]


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}])
def test_a_value_that_no_command_line_can_hold_is_refused_by_name(value):
    with pytest.raises(ConfigError, match=r"training\.epochs cannot be"):
        as_words([], {"training": {"epochs": value}})


def test_an_override_that_is_no_text_is_refused():
    with pytest.raises(ConfigError, match="an override is a text"):
        as_words([7], {})
