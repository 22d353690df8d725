"""Held-out shares: disjoint, stratified, repeatable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data.splitting import hold_out
from nas.errors import DataError

NAMES = ("cat", "dog", "elk")


def split(labels, fractions, *, seed=0):
    return hold_out(
        np.asarray(labels), fractions, seed=seed, class_names=NAMES, where="the folder"
    )


@given(
    counts=st.lists(st.integers(3, 40), min_size=1, max_size=3),
    validation=st.floats(0.01, 0.49),
    test=st.floats(0.01, 0.49),
)
def test_every_image_is_in_one_split_and_every_class_in_all(counts, validation, test):
    labels = np.repeat(np.arange(len(counts)), counts)
    parts = split(labels, {"validation": validation, "test": test})
    together = np.concatenate(list(parts.values()))
    assert sorted(together.tolist()) == list(range(len(labels)))
    for indices in parts.values():
        assert set(labels[indices]) == set(range(len(counts)))


def test_the_shares_are_those_asked_for_in_each_class():
    labels = np.repeat([0, 1], [100, 10])
    parts = split(labels, {"validation": 0.2, "test": 0.1})
    assert np.bincount(labels[parts["validation"]]).tolist() == [20, 2]
    assert np.bincount(labels[parts["test"]]).tolist() == [10, 1]


def test_the_same_seed_draws_the_same_and_another_seed_draws_others():
    labels = np.repeat([0, 1], 50)
    one, same, other = (split(labels, {"validation": 0.5}, seed=s)["train"] for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("labels", "fractions", "message"),
    [
        ([0, 0, 0, 1, 1], {"validation": 0.2, "test": 0.2}, "class dog has 2 images, too few"),
        ([0, 0, 0], {"validation": 0.0}, "data.validation_fraction must be above 0 .* got 0.0"),
        ([0, 0, 0], {"test": 1.0}, "data.test_fraction must be above 0 and below 1"),
        ([0] * 9, {"validation": 0.6, "test": 0.4}, "leaves nothing to train on"),
    ],
)
def test_impossible_shares_are_refused(labels, fractions, message):
    with pytest.raises(DataError, match=message):
        split(labels, fractions)
