"""Names of curations are told in one way, and what is none is refused."""

import pytest

from nas.data.curation import Curation, is_curation
from nas.errors import DataError


@pytest.mark.parametrize(
    "name", ["none", "exact", "near+filtered", "hard0.25", "near+filtered+easy0.5+ordered"]
)
def test_a_name_comes_back(name):
    assert Curation.named(name).name == name


def test_no_curation_has_no_steps():
    assert Curation.named("none").steps == []


@pytest.mark.parametrize("name", ["", "best", "easy", "easy1.0", "easy0", "near+near", "a+exact"])
def test_what_is_no_curation_is_told_with_what_there_is(name):
    with pytest.raises(DataError, match=r"near\+filtered\+easy0.5\+ordered"):
        Curation.named(name)
    assert not is_curation(name)


def test_steps_in_another_order_are_told_how_to_be_written():
    with pytest.raises(DataError, match=r"write 'near\+easy0.5' for 'easy0.5\+near'"):
        Curation.named("easy0.5+near")
