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
        (
            [0, 0, 0, 1, 1],
            {"validation": 0.2, "test": 0.2},
            "too few images .* in class dog \\(2\\); give each class at least 3",
        ),
        ([0, 0, 0], {"validation": 0.0}, "data.validation_fraction must be above 0 .* got 0.0"),
        ([0, 0, 0], {"test": 1.0}, "data.test_fraction must be above 0 and below 1"),
        ([0] * 9, {"validation": 0.6, "test": 0.4}, "leaves nothing to train on"),
    ],
)
def test_impossible_shares_are_refused(labels, fractions, message):
    with pytest.raises(DataError, match=message):
        split(labels, fractions)


@given(st.lists(st.integers(0, 12), min_size=12, max_size=60), st.integers(0, 5))
def test_equal_images_of_a_class_are_never_drawn_apart(contents, seed):
    contents = np.array([*range(4), *contents])  # at least 4 different ones
    labels = np.zeros(len(contents), dtype=np.int64)

    drawn = hold_out(
        labels,
        {"validation": 0.2, "test": 0.2},
        seed=seed,
        class_names=("a",),
        where="w",
        contents=contents,
    )

    kinds = [set(contents[indices].tolist()) for indices in drawn.values()]
    assert sum(len(kind) for kind in kinds) == len(set(contents.tolist()))
    assert sorted(np.concatenate(list(drawn.values())).tolist()) == list(range(len(contents)))


def test_the_draw_is_the_same_where_all_images_differ():
    labels = np.arange(40) % 3
    settings = {"seed": 3, "class_names": ("a", "b", "c"), "where": "w"}

    plain = hold_out(labels, {"test": 0.3}, **settings)
    told = hold_out(labels, {"test": 0.3}, **settings, contents=np.arange(40)[::-1])

    assert {word: found.tolist() for word, found in told.items()} == {
        word: found.tolist() for word, found in plain.items()
    }


def test_images_that_are_all_equal_are_drawn_one_by_one():
    drawn = hold_out(
        np.zeros(10, dtype=np.int64),
        {"test": 0.2},
        seed=0,
        class_names=("a",),
        where="w",
        contents=np.zeros(10, dtype=np.int64),
    )

    assert [len(found) for found in drawn.values()] == [8, 2]
